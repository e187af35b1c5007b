"""Small files in the known formats, for tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flows.ports import RawFile, RawRecord

AT = datetime(2026, 4, 1, 6, 30, tzinfo=UTC)

STOOQ = "Date,Open,High,Low,Close,Volume\r\n2024-06-03,10,11,9,10.5,100\r\n2024-06-04,10.5,12,10,11,200.5\r\n"
BULK = (
    "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
    "MSFT.US,D,20240603,000000,20,21,19,20.5,100.25,0\n"
)
ACTIONS = "symbol,date,dividend,split_ratio,capital_gain\nAAPL,2024-06-04,0.25,0.0,\nAAPL,2024-06-05,0.0,4.0,\n"
ANNOUNCED = (
    "internal_symbol,ex_date,split_ratio,dividend,known_at,notes\n"
    "SBUX,2015-04-09,2,,2015-03-19,a press release\nNKE,2015-12-24,2,0.16,2015-11-19T21:15:00+01:00,\n"
)
BENCHMARK = (
    "symbol,date,open,high,low,close,adj_close,volume,raw_source\n"
    "SPY,2024-06-03,100,102,99,101,95.5,1000,ibkr\nQQQ,2024-06-03,50,51,49,50.5,50.25,2000,ibkr\n"
)
RATES = "Date,USD,GBP,CAD,CYP,\n2024-06-04,1.0865,0.8512,1.4856,N/A,\n2024-06-03,1.0842,0.8508,1.4839,N/A,\n"


def yahoo_parquet(rows: Sequence[Sequence[Any]], *, number: Any = np.float32) -> bytes:
    """Give a file of the main set's layout, its prices in float32 as there."""
    names = ("open", "high", "low", "close", "adj_close")
    table = pa.table(
        {
            "symbol": pa.array([row[0] for row in rows], type=pa.large_string()),
            "date": pa.array([row[1] for row in rows], type=pa.date32()),
            **{name: np.array([row[2 + at] for row in rows], dtype=number) for at, name in enumerate(names)},
            "volume": pa.array([row[7] for row in rows], type=pa.int64()),
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def prices(*symbols: str, days: Sequence[date], close: float = 10.0) -> bytes:
    """Give a file of flat bars."""
    return yahoo_parquet([(name, day, *[close] * 5, 1000) for name in symbols for day in days])


def rates_zip(text: str = RATES, name: str = "eurofxref-hist.csv") -> bytes:
    """Give reference rates as the bank serves them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        # With a time of its own the zip would hold the machine's, and the same call would give other bytes.
        archive.writestr(zipfile.ZipInfo(name, date_time=(2026, 4, 13, 15, 56, 0)), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def zeros_zip(size: int, name: str = "eurofxref-hist.csv") -> bytes:
    """Give a small zip that unpacks into so many bytes."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(name, "w") as file,
    ):
        for start in range(0, size, 1_000_000):
            file.write(bytes(min(1_000_000, size - start)))
    return buffer.getvalue()


def encrypted(content: bytes) -> bytes:
    """Give a zip of one member with the bit set that says that it is encrypted, in both of its headers."""
    made = bytearray(content)
    central = made.index(b"PK\x01\x02")
    made[6] |= 1
    made[central + 8] |= 1
    return bytes(made)


def record(name: str, form: str, provider: str = "yahoo", **changes: Any) -> RawRecord:
    """Give a stored file's record."""
    row: dict[str, Any] = {
        "path": f"{provider}/{name}",
        "provider": provider,
        "format": form,
        "sha256": "",
        "size": 0,
        "origin": "",
        "received_at": AT,
        "name": name,
    }
    return RawRecord(**(row | changes))


def raw_file(name: str = "main/actions.csv", content: bytes = ACTIONS.encode(), **changes: Any) -> RawFile:
    """Give a file as a source would."""
    row: dict[str, Any] = {
        "provider": "yahoo",
        "name": name,
        "format": "yahoo_actions_csv",
        "origin": f"archive {name}",
        "content": content,
    }
    return RawFile(**(row | changes))


def put(folder: Path, name: str, content: bytes | str) -> Path:
    """Write a file into a folder that is made where it is missing."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path

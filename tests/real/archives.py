"""Small archives of recorded bars, rewritten on purpose: what a day looks like when its data are not what they should be."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Change = Callable[[pa.Table], pa.Table]
PRICES = ("open", "high", "low", "close", "adj_close")
FUNDS, RATES = "eod/benchmarks/spy_qqq_raw_and_adjusted.csv", "fx/ecb/eurofxref-hist.zip"


def as_recorded(table: pa.Table) -> pa.Table:
    """Leave the bars as they are."""
    return table


def write_archive(
    folder: Path, shared: Path, *changes: Change, rates: Path | None = None, has_funds: bool = True
) -> list[str]:
    """Write the bars of 2023 and of 2024 up to June, changed, and give the paths to ingest, funds and rates included."""
    years = [pq.read_table(shared / f"data/eod/sp500_yahoo/prices_{year}.parquet") for year in (2023, 2024)]
    table = pa.concat_tables(years)
    table = table.filter(pc.field("date") <= date(2024, 6, 28))
    for change in changes:
        table = change(table)
    # The name of the folder is what the workspace knows the collection by.
    main = folder / "sp500_yahoo"
    main.mkdir(parents=True)
    pq.write_table(table, main / "prices_2023_2024.parquet")
    shutil.copyfile(shared / "data/eod/sp500_yahoo/actions.csv", main / "actions.csv")
    funds = [str(_funds_until(folder, shared, date(2024, 6, 28)))] if has_funds else []
    return [str(main), *funds, str(rates or shared / "data" / RATES)]


def _funds_until(folder: Path, shared: Path, last: date) -> Path:
    """Write the funds' file up to a day: one that goes on for a year would be preferred to bars that end."""
    head, *rows = (shared / "data" / FUNDS).read_text(encoding="utf-8").splitlines()
    at = head.split(",").index("date")
    path = folder / Path(FUNDS).parent.name / Path(FUNDS).name
    path.parent.mkdir(parents=True)
    kept = [row for row in rows if row.split(",")[at] <= last.isoformat()]
    path.write_text("\n".join([head, *kept]) + "\n", encoding="utf-8")
    return path


def without(session: date, *symbols: str) -> Change:
    """Drop the bars of some symbols of one session."""
    is_gone = (pc.field("date") == session) & pc.field("symbol").isin(symbols)
    return lambda table: table.filter(~is_gone)


def twice(session: date, symbol: str) -> Change:
    """Tell one bar twice."""
    is_it = (pc.field("date") == session) & (pc.field("symbol") == symbol)
    return lambda table: pa.concat_tables([table, table.filter(is_it)])


def only(*, first: date = date.min, last: date = date.max) -> Change:
    """Keep only the bars of some days."""
    return lambda table: table.filter((pc.field("date") >= first) & (pc.field("date") <= last))


def scaled_after(session: date, factor: float) -> Change:
    """Multiply every price after a session: the whole market falls overnight."""

    def change(table: pa.Table) -> pa.Table:
        is_after = pc.greater(table["date"], pa.scalar(session))
        for name in PRICES:
            column: Any = table[name]
            scaled = pc.multiply(column, pa.scalar(factor, column.type))
            at = table.column_names.index(name)
            table = table.set_column(at, table.field(name), pc.if_else(is_after, scaled, column))
        return table

    return change


def rates_until(folder: Path, shared: Path, last: date) -> Path:
    """Write the European Central Bank's file as it was on the evening of a day."""
    with zipfile.ZipFile(shared / "data" / RATES) as archive:
        (name,) = archive.namelist()
        head, *rows = archive.read(name).decode().splitlines()
    kept = [row for row in rows if row and row[:10] <= last.isoformat()]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, "\n".join([head, *kept]) + "\n")
    folder.mkdir(parents=True)
    path = folder / "eurofxref-hist.zip"
    path.write_bytes(content.getvalue())
    return path

"""The European Central Bank's reference rates: all days in a zip, or the last one alone."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from adapters.sources.formats.form import Format, never, provider_of
from adapters.sources.formats.opened import ZIP_MAGIC, header, only_member
from adapters.sources.formats.rows import Row, rows_of
from core.domain.bars import Fixing, FixingTable, Parsed
from core.domain.provider import Provider
from flows.ports import RawRecord

NOT_FIXED = ("", "N/A")


def _is_zip(name: str, head: bytes) -> bool:
    return name.startswith("eurofxref") and name.endswith(".zip") and head.startswith(ZIP_MAGIC)


def _parse_zip(record: RawRecord, content: bytes) -> Parsed:
    return _fixings(record, only_member(record, content))


def _is_csv(name: str, head: bytes) -> bool:
    return name.startswith("eurofxref") and name.endswith(".csv") and header(head)[:2] == ["Date", "USD"]


def _fixings(record: RawRecord, text: bytes) -> Parsed:
    """Read all days at once where every cell is sound, else row by row, so that each bad one is told by its line."""
    table = _all_at_once(text, provider_of(record))
    return Parsed(fixings=table) if table is not None else _row_by_row(record, text)


def _all_at_once(text: bytes, source: Provider) -> FixingTable | None:
    """Give all fixings, or None where any day or rate is not what it must be."""
    try:
        names = [name.strip() for name in text.decode("utf-8-sig").partition("\n")[0].split(",")]
        told = dict.fromkeys((name for name in names if name), pa.string())
        cells = pacsv.read_csv(
            pa.BufferReader(text),
            read_options=pacsv.ReadOptions(use_threads=False, skip_rows=1, column_names=names),
            convert_options=pacsv.ConvertOptions(
                column_types=told, include_columns=list(told), strings_can_be_null=False
            ),
        )
        day = cells["Date"].cast(pa.date32()).to_numpy().astype("datetime64[D]")
        currencies = [name for name in told if name != "Date"]
        columns = [pc.utf8_trim_whitespace(cells[name]) for name in currencies]
        for column in columns:
            rates = pc.cast(column.filter(_is_told(column)), pa.float64())
            if not bool(np.all(np.isfinite(rates.to_numpy()))):
                return None
    except (pa.ArrowException, KeyError, UnicodeDecodeError):
        return None
    if not columns or not len(day):
        return None
    row, at = np.nonzero(np.stack([_is_told(column).to_numpy() for column in columns], axis=1))
    texts = np.stack([column.to_numpy() for column in columns], axis=1)
    return FixingTable(day[row], np.array(currencies, dtype=object)[at], texts[row, at], source)


def _is_told(column: Any) -> Any:
    """Say of each cell whether it holds a rate: what was not fixed on a day is blank or N/A."""
    return pc.invert(pc.is_in(column, value_set=pa.array(NOT_FIXED)))


def _row_by_row(record: RawRecord, text: bytes) -> Parsed:
    source = provider_of(record)
    unread: list[str] = []

    def fixings(row: Row) -> list[Fixing]:
        day = _day(row)
        # The line ends with a comma: a column without a name.
        told = [name for name, cell in row.cells.items() if name not in ("", "Date") and cell not in NOT_FIXED]
        return [Fixing(day, name, row.decimal(name), source) for name in told]

    days = list(rows_of(record, text, fixings, unread))
    return Parsed(fixings=tuple(fixing for day in days for fixing in day), unread=tuple(unread))


def _day(row: Row) -> date:
    """Give the day, which the file of one day writes as `13 April 2026`."""
    cell = row.cells["Date"]
    try:
        return datetime.strptime(f"{cell} +0000", "%d %B %Y %z").date() if " " in cell else row.day("Date")
    except ValueError:
        raise ValueError(f"Date was {cell!r}; it must be a day such as 2024-06-11 or 11 June 2024") from None


def _parse_nothing(record: RawRecord, content: bytes) -> Parsed:
    """Read the note that an answer was the one before, which is kept so that it is known when it was given."""
    return Parsed()


ECB_FORMATS = (
    Format("ecb_zip", "ecb", _is_zip, _parse_zip),
    Format("ecb_nothing", "ecb", never, _parse_nothing),
    Format("ecb_csv", "ecb", _is_csv, _fixings),
)

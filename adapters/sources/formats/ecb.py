"""The European Central Bank's reference rates: all days in a zip, or the last one alone."""

from __future__ import annotations

from datetime import date, datetime

from adapters.sources.formats.form import Format, never, provider_of
from adapters.sources.formats.opened import ZIP_MAGIC, header, only_member
from adapters.sources.formats.rows import Row, rows_of
from core.domain.bars import Fixing, Parsed
from flows.ports import RawRecord


def _is_zip(name: str, head: bytes) -> bool:
    return name.startswith("eurofxref") and name.endswith(".zip") and head.startswith(ZIP_MAGIC)


def _parse_zip(record: RawRecord, content: bytes) -> Parsed:
    return _fixings(record, only_member(record, content))


def _is_csv(name: str, head: bytes) -> bool:
    return name.startswith("eurofxref") and name.endswith(".csv") and header(head)[:2] == ["Date", "USD"]


def _fixings(record: RawRecord, text: bytes) -> Parsed:
    source = provider_of(record)
    unread: list[str] = []

    def fixings(row: Row) -> list[Fixing]:
        day = _day(row)
        # What was not fixed on a day is blank or N/A; the line ends with a comma.
        told = [name for name, cell in row.cells.items() if name not in ("", "Date") and cell not in ("", "N/A")]
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

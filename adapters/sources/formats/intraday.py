"""Bars of an hour, read for what is wrong with them: no daily bar is made of them."""

from __future__ import annotations

import re
from collections import Counter

from adapters.sources.formats.form import Format
from adapters.sources.formats.opened import header, plain
from adapters.sources.formats.rows import Row, rows_of
from core.domain.bars import Parsed
from flows.ports import RawRecord

HOURLY_COLUMNS = ["date", "open", "high", "low", "close", "volume"]
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}([+-]\d{2}:\d{2})")


def _is_hourly(name: str, head: bytes) -> bool:
    is_named = re.fullmatch(r"[a-z0-9^]+_1h_.*[.]csv([.]gz)?", name) is not None
    return is_named and header(head)[: len(HOURLY_COLUMNS)] == HOURLY_COLUMNS


def _parse_hourly(record: RawRecord, content: bytes) -> Parsed:
    unread: list[str] = []

    def read(row: Row) -> str:
        match = _INSTANT.fullmatch(row.cells["date"])
        if match is None:
            raise ValueError(f"date was {row.cells['date']!r}; it must be an instant such as 2024-06-11 14:00:00+00:00")
        opened, high, low, close = (row.number(name) for name in HOURLY_COLUMNS[1:5])
        if high < max(opened, close) or low > min(opened, close):
            raise ValueError(f"open or close is outside low to high: {opened}, {high}, {low}, {close}")
        return match[1]

    offsets = Counter(rows_of(record, plain(record, content), read, unread))
    if len(offsets) > 1:
        told = ", ".join(f"{offset} {count} times" for offset, count in sorted(offsets.items()))
        unread.append(f"{record.name}: the instants mix offsets: {told}; they must have one")
    return Parsed(unread=tuple(unread))


INTRADAY_FORMATS = (Format("hourly_csv", "ibkr", _is_hourly, _parse_hourly),)

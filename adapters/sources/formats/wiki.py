"""Quandl's WIKI prices: raw and adjusted in one row, with the dividend and the split of the day."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from adapters.sources.formats.form import Format, file_name, provider_of
from adapters.sources.formats.opened import header, only_member, zip_head
from adapters.sources.formats.rows import PRICES, Layout, Row, parsed_bars, rows_of
from core.domain.bars import Action, Basis, Parsed
from flows.ports import RawRecord

CSV_COLUMNS = ["Date", "Open", "High", "Low", "Close", "Volume", "Ex-Dividend", "Split Ratio"]
TABLE_COLUMNS = ["ticker", "date", "open", "high", "low", "close", "volume", "ex-dividend", "split_ratio"]


def _is_csv(name: str, head: bytes) -> bool:
    return _csv_symbol(name) is not None and header(head)[: len(CSV_COLUMNS)] == CSV_COLUMNS


def _csv_symbol(name: str) -> str | None:
    match = re.fullmatch(r"WIKI-([A-Z0-9_]+)[.]csv", name, re.IGNORECASE)
    return _symbol(match[1]) if match else None


def _symbol(ticker: str) -> str:
    return ticker.upper().replace("_", "-")


def _parse_csv(record: RawRecord, content: bytes) -> Parsed:
    symbol = _csv_symbol(file_name(record)) or ""
    fields = {**PRICES, "adj_close": "Adj. Close", "volume": "Volume"}
    parsed = parsed_bars(record, content, Layout("Date", fields, symbol=symbol), basis=Basis("raw"))
    read = _event(record, "Date", "Ex-Dividend", "Split Ratio", symbol_of=lambda row: symbol)
    return _with_events(parsed, record, content, read)


def _is_zip(name: str, head: bytes) -> bool:
    _, text = zip_head(head)
    return name.endswith(".zip") and text.partition("\n")[0].split(",")[: len(TABLE_COLUMNS)] == TABLE_COLUMNS


def _parse_zip(record: RawRecord, content: bytes) -> Parsed:
    text = only_member(record, content)
    fields = {name: name for name in ("open", "high", "low", "close", "adj_close", "volume")}
    layout = Layout("date", fields, symbol_column="ticker", symbol_of=_symbol)
    parsed = parsed_bars(record, text, layout, basis=Basis("raw"))
    read = _event(record, "date", "ex-dividend", "split_ratio", symbol_of=lambda row: _symbol(row.text("ticker")))
    return _with_events(parsed, record, text, read)


def _event(
    record: RawRecord, day: str, dividend: str, split: str, *, symbol_of: Callable[[Row], str]
) -> Callable[[Row], Action | None]:
    provider = provider_of(record)

    def event(row: Row) -> Action | None:
        amount, ratio = row.decimal(dividend), row.decimal(split)
        # A ratio of one is every day's.
        split_ratio = ratio * (ratio != 1)
        return Action(provider, symbol_of(row), row.day(day), amount, split_ratio) if amount or split_ratio else None

    return event


def _with_events(parsed: Parsed, record: RawRecord, text: bytes, read: Callable[[Row], Action | None]) -> Parsed:
    # Rows that cannot be read were told with the bars, unless only an event was wrong.
    unread: list[str] = []
    events = [event for event in rows_of(record, text, read, unread) if event is not None]
    return replace(parsed, actions=tuple(events), unread=tuple(dict.fromkeys((*parsed.unread, *unread))))


WIKI_FORMATS = (
    Format("wiki_csv", "quandl", _is_csv, _parse_csv, "raw", symbol_of=_csv_symbol),
    Format("wiki_zip", "quandl", _is_zip, _parse_zip, "raw"),
)

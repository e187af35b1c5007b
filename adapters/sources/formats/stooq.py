"""Stooq's files, total-return as of their last day: downloads of one symbol and the bulk archive."""

from __future__ import annotations

import re
from datetime import date

from adapters.sources.formats.form import Format, file_name, never
from adapters.sources.formats.opened import header
from adapters.sources.formats.rows import PRICES, Layout, Row, parsed_bars
from core.domain.bars import Parsed
from flows.ports import RawRecord, SourceError

DOWNLOAD_COLUMNS = ("Date", "Open", "High", "Low", "Close")
BULK_COLUMNS = ("<TICKER>", "<PER>", "<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>", "<OPENINT>")
# Stooq adjusts all its prices for dividends too: its close is the adjusted close.
_BULK = {
    "open": "<OPEN>",
    "high": "<HIGH>",
    "low": "<LOW>",
    "close": "<CLOSE>",
    "adj_close": "<CLOSE>",
    "volume": "<VOL>",
}


def _is_download(name: str, head: bytes) -> bool:
    columns = header(head)
    is_known = columns in ([*DOWNLOAD_COLUMNS], [*DOWNLOAD_COLUMNS, "Volume"])
    return is_known and _download_symbol(name) is not None


def _download_symbol(name: str) -> str | None:
    """Give `aapl.us` for `aapl_us_d.csv` and `aapl_us_d.downloaded-2019-05.csv`; only daily files (`_d`) are ours."""
    match = re.fullmatch(r"(?P<symbol>[a-z0-9^.=-]+?(_[a-z]{1,3})?)_d([. ].*)?[.]csv", name.lower())
    return match["symbol"].replace("_", ".") if match else None


def _parse_download(record: RawRecord, content: bytes) -> Parsed:
    symbol = record.symbol or _download_symbol(file_name(record))
    if symbol is None:
        raise SourceError(f"{record.name}: no Stooq symbol in the name; it must be like aapl_us_d.csv")
    fields = {**PRICES, "adj_close": "Close"}
    # Currencies have no such column.
    if "Volume" in header(content[:200]):
        fields["volume"] = "Volume"
    return parsed_bars(record, content, Layout("Date", fields, symbol=symbol.lower()), basis=None)


def _parse_nothing(record: RawRecord, content: bytes) -> Parsed:
    """Read the answer that there is nothing, which is kept so that it is known when it was given."""
    return Parsed()


def _is_bulk(name: str, head: bytes) -> bool:
    return header(head) == list(BULK_COLUMNS)


def _bulk_symbol(name: str) -> str | None:
    """Give the symbol of a bulk file of one symbol, such as `aapl.us.txt`; others hold many."""
    match = re.fullmatch(r"([a-z0-9^_=-]+[.][a-z]{1,3})[.]txt", name.lower())
    return match[1] if match else None


def _parse_bulk(record: RawRecord, content: bytes) -> Parsed:
    # Bars of minutes look alike but for this column: one glance saves a slow reading of every row.
    is_daily = content.count(b",D,") >= content.count(b"\n") - 1
    day_of = Row.day if is_daily else _daily
    layout = Layout("<DATE>", _BULK, symbol_column="<TICKER>", day_of=day_of, symbol_of=str.lower)
    return parsed_bars(record, content, layout, basis=None)


def _daily(row: Row, name: str) -> date:
    if row.text("<PER>") != "D":
        raise ValueError(f"<PER> was {row.text('<PER>')!r}; only daily bars (D) are read")
    return row.day(name)


STOOQ_FORMATS = (
    Format("stooq_csv", "stooq", _is_download, _parse_download, "total-return", symbol_of=_download_symbol),
    Format("stooq_nothing", "stooq", never, _parse_nothing),
    Format("stooq_bulk", "stooq", _is_bulk, _parse_bulk, "total-return", symbol_of=_bulk_symbol),
)

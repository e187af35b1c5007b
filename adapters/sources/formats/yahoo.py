"""Yahoo's files: collections in Parquet, events, benchmarks, downloads of one symbol and what yfinance wrote of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from adapters.sources.formats.columns import BAR_COLUMNS, parquet_bars
from adapters.sources.formats.exchange import recorded_exchange, split_adjusted
from adapters.sources.formats.form import Format, file_name, provider_of
from adapters.sources.formats.opened import head_text, header, plain
from adapters.sources.formats.rows import PRICES, PRINTED_SHORT, WIDENED, Layout, Row, parsed_bars, rows_of
from core.domain.bars import BAR_FIELDS, Action, Basis, Parsed
from flows.ports import RawRecord, SourceError

ACTION_COLUMNS = ("symbol", "date", "dividend", "split_ratio")
DOWNLOAD_COLUMNS = ["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"]
HISTORY_COLUMNS = ["Date", "Close", "High", "Low", "Open", "Volume"]
REPAIR_COLUMNS = [*DOWNLOAD_COLUMNS[1:], "Dividends", "Stock Splits"]
_ADDRESS = re.compile(r"/v7/finance/download/([^?/]+)")
# Names that one file shortened.
INDEX_SYMBOLS = {"GSPC": "^GSPC", "IXIC": "^IXIC", "VIX": "^VIX"}


def _is_collection(name: str, head: bytes) -> bool:
    return re.fullmatch(r"(prices|overlap)_.*[.]parquet", name) is not None and head.startswith(b"PAR1")


def _parse_collection(record: RawRecord, content: bytes) -> Parsed:
    return parquet_bars(record, content, split_adjusted(record), adj_close="adj_close")


def _is_adjusted(name: str, head: bytes) -> bool:
    return name.endswith("_adjusted_yahoo.parquet") and head.startswith(b"PAR1")


def _parse_adjusted(record: RawRecord, content: bytes) -> Parsed:
    basis = record.basis or Basis("total-return")
    return parquet_bars(record, content, basis, adj_close="close", symbols=INDEX_SYMBOLS)


def _is_actions(name: str, head: bytes) -> bool:
    return name.endswith(".csv") and header(head)[: len(ACTION_COLUMNS)] == list(ACTION_COLUMNS)


def _parse_actions(record: RawRecord, content: bytes) -> Parsed:
    unread: list[str] = []
    provider = provider_of(record)

    def action(row: Row) -> Action:
        return Action(
            provider=provider,
            symbol=row.text("symbol"),
            session=row.day("date"),
            dividend=row.decimal("dividend"),
            split_ratio=row.decimal("split_ratio"),
        )

    return Parsed(actions=tuple(rows_of(record, content, action, unread)), unread=tuple(unread))


def _is_benchmark(name: str, head: bytes) -> bool:
    return name.endswith(".csv") and header(head)[: len(BAR_COLUMNS)] == list(BAR_COLUMNS)


def _parse_benchmark(record: RawRecord, content: bytes) -> Parsed:
    layout = Layout("date", {name: name for name in BAR_FIELDS}, symbol_column="symbol", digits=WIDENED)
    return parsed_bars(record, content, layout, basis=Basis("raw"))


# --- one symbol a file ------------------------------------------------------------------------------------------------


def _is_history(name: str, head: bytes) -> bool:
    return _history_symbol(name) is not None and header(head) == HISTORY_COLUMNS


def _history_symbol(name: str) -> str | None:
    """Give `ES=F` for `ES=F_to_2025.csv`; of shares the same columns would be adjusted, and nobody could tell how."""
    match = re.fullmatch(r"([A-Z0-9^.-]+=[FX])_to_\d{4}[.]csv([.]gz)?", name, re.IGNORECASE)
    return match[1].upper() if match else None


def _parse_history(record: RawRecord, content: bytes) -> Parsed:
    fields = {**PRICES, "adj_close": "Close", "volume": "Volume"}
    layout = Layout("Date", fields, symbol=_symbol_of(record, _history_symbol), digits=WIDENED)
    parsed = parsed_bars(record, plain(record, content), layout, basis=Basis("raw"))
    return _without_idle_volume(parsed) if layout.symbol.endswith("=X") else parsed


def _without_idle_volume(parsed: Parsed) -> Parsed:
    """Leave out the zeros that stand for the volume of a currency, which nobody counts."""
    bars = parsed.bars
    return (
        parsed
        if bars is None or bars.volume.any()
        else replace(parsed, bars=replace(bars, volume=bars.volume * float("nan")))
    )


def _is_download(name: str, head: bytes) -> bool:
    return name.endswith(".csv") and header(head) == DOWNLOAD_COLUMNS


def _download_symbol(name: str) -> str | None:
    match = re.fullmatch(r"([A-Z0-9^.=-]+)[.]csv", name, re.IGNORECASE)
    return match[1].upper() if match else None


def _parse_download(record: RawRecord, content: bytes) -> Parsed:
    return _download(record, content, _symbol_of(record, _download_symbol), split_adjusted(record))


def _download(record: RawRecord, text: bytes, symbol: str, basis: Basis) -> Parsed:
    # This endpoint printed numbers of 32 bits with six decimals.
    fields = {**PRICES, "adj_close": "Adj Close", "volume": "Volume"}
    layout = Layout("Date", fields, symbol=symbol, digits=PRINTED_SHORT)
    return parsed_bars(record, text, layout, basis=basis)


def _is_recorded_download(name: str, head: bytes) -> bool:
    return name.endswith(".json") and "/v7/finance/download/" in head_text(head)


def _parse_recorded_download(record: RawRecord, content: bytes) -> Parsed:
    exchange = recorded_exchange(record, content)
    address = _ADDRESS.search(exchange.url)
    if exchange.status != 200 or address is None or not exchange.body.startswith("Date,"):
        said = f"{exchange.status} {exchange.body[:120]!r}"
        raise SourceError(f"{record.name}: the answer was {said}; it must be 200 with prices")
    basis = split_adjusted(record, exchange.served_on)
    return _download(record, exchange.body.encode(), unquote(address[1]), basis)


# --- what yfinance wrote ----------------------------------------------------------------------------------------------


def _is_repair(name: str, head: bytes) -> bool:
    columns = header(head)
    return _repair_symbol(name) is not None and columns[1 : 1 + len(REPAIR_COLUMNS)] == REPAIR_COLUMNS


def _repair_symbol(name: str) -> str | None:
    """Give `1398.HK` for `1398-HK-1d-bad-div.csv`; only daily files (`-1d-`) are ours."""
    match = re.fullmatch(r"([A-Z0-9]+)(?:-([A-Z]{1,2}))?-1d-.*[.]csv", name, re.IGNORECASE)
    return ".".join(part.upper() for part in match.groups() if part) if match else None


def _parse_repair(record: RawRecord, content: bytes) -> Parsed:
    symbol, day = _symbol_of(record, _repair_symbol), header(content[:200])[0]
    fields = {**PRICES, "adj_close": "Adj Close", "volume": "Volume"}
    layout = Layout(day, fields, symbol=symbol, digits=WIDENED, day_of=Row.midnight)
    parsed = parsed_bars(record, content, layout, basis=split_adjusted(record))
    # What is wrong with a row was told above.
    events = [event for event in rows_of(record, content, _event_of(record, day, symbol), []) if event is not None]
    return replace(parsed, actions=tuple(events))


def _event_of(record: RawRecord, day: str, symbol: str) -> Callable[[Row], Action | None]:
    provider = provider_of(record)

    def event(row: Row) -> Action | None:
        dividend, ratio = row.decimal("Dividends"), row.decimal("Stock Splits")
        return Action(provider, symbol, row.midnight(day), dividend, ratio) if dividend or ratio else None

    return event


def _symbol_of(record: RawRecord, of_name: Callable[[str], str | None]) -> str:
    symbol = record.symbol or of_name(file_name(record))
    if symbol is None:
        raise SourceError(f"{record.name}: no symbol in the name of a file of one symbol, such as ES=F")
    return symbol


YAHOO_FORMATS = (
    Format("yahoo_parquet", "yahoo", _is_collection, _parse_collection, "split-adjusted", is_restated=True),
    Format("yahoo_adjusted_parquet", "yahoo", _is_adjusted, _parse_adjusted, "total-return"),
    Format("yahoo_actions_csv", "yahoo", _is_actions, _parse_actions, is_restated=True),
    Format("benchmark_csv", "yahoo", _is_benchmark, _parse_benchmark, "raw"),
    Format("yahoo_history_csv", "yahoo", _is_history, _parse_history, "raw", symbol_of=_history_symbol),
    Format(
        "yahoo_csv",
        "yahoo",
        _is_download,
        _parse_download,
        "split-adjusted",
        is_restated=True,
        symbol_of=_download_symbol,
    ),
    Format("yahoo_csv_exchange", "yahoo", _is_recorded_download, _parse_recorded_download, "split-adjusted"),
    Format("yfinance_csv", "yahoo", _is_repair, _parse_repair, "split-adjusted", symbol_of=_repair_symbol),
)

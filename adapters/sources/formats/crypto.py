"""Coins, whose days are those of UTC: Yahoo's Parquet and CSV, and Coinbase's candles in JSON."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime

import numpy as np

from adapters.sources.formats.columns import parquet_bars
from adapters.sources.formats.form import Format, file_name, provider_of
from adapters.sources.formats.opened import head_text, header
from adapters.sources.formats.rows import WIDENED, Layout, parsed_bars
from core.domain.bars import BAR_FIELDS, Bars, Basis, Parsed
from flows.ports import RawRecord, SourceError

CSV_COLUMNS = ["date", "open", "high", "low", "close", "volume"]


def _is_parquet(name: str, head: bytes) -> bool:
    return re.fullmatch(r"yahoo_daily.*[.]parquet", name) is not None and head.startswith(b"PAR1")


def _parse_parquet(record: RawRecord, content: bytes) -> Parsed:
    return parquet_bars(record, content, Basis("raw"), adj_close="adj_close")


def _is_csv(name: str, head: bytes) -> bool:
    return _csv_symbol(name) is not None and header(head) == CSV_COLUMNS


def _csv_symbol(name: str) -> str | None:
    match = re.fullmatch(r"([A-Z0-9]+)_([A-Z]{3})_daily.*[.]csv", name, re.IGNORECASE)
    return f"{match[1]}-{match[2]}".upper() if match else None


def _parse_csv(record: RawRecord, content: bytes) -> Parsed:
    fields = {name: name for name in BAR_FIELDS} | {"adj_close": "close"}
    layout = Layout("date", fields, symbol=_csv_symbol(file_name(record)) or "", digits=WIDENED)
    return parsed_bars(record, content, layout, basis=Basis("raw"))


def _is_candles(name: str, head: bytes) -> bool:
    return _candles_symbol(name) is not None and re.match(r'\{\s*"candles"', head_text(head)) is not None


def _candles_symbol(name: str) -> str | None:
    match = re.fullmatch(r"coinbase-([A-Z0-9]+-[A-Z]{3,4})-P(?:T1D|1D)-.*[.]json", name, re.IGNORECASE)
    return match[1].upper() if match else None


def _parse_candles(record: RawRecord, content: bytes) -> Parsed:
    symbol = record.symbol or _candles_symbol(file_name(record))
    days: list[date] = []
    values: list[tuple[float, ...]] = []
    unread: list[str] = []
    try:
        candles = json.loads(content)["candles"]
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{record.name}: not a list of candles: {error}") from error
    for at, candle in enumerate(candles, start=1):
        try:
            day = datetime.fromtimestamp(int(candle["start"]), UTC)
            if day.hour or day.minute:
                raise ValueError(f"start was {day:%H:%M}; a daily candle begins at 00:00")
            prices = tuple(float(candle[name]) for name in ("open", "high", "low", "close", "close", "volume"))
        except (ValueError, KeyError, TypeError) as error:
            unread.append(f"{record.name} candle {at}: {type(error).__name__} {error}")
            continue
        days.append(day.date())
        values.append(prices)
    columns = np.array(values, dtype=np.float64).reshape(len(values), len(BAR_FIELDS))
    bars = Bars(
        provider=provider_of(record),
        basis=Basis("raw"),
        symbol=np.full(len(days), symbol, dtype=object),
        session=np.array(days, dtype="datetime64[D]"),
        known_on=None,
        **{name: np.ascontiguousarray(columns[:, at]) for at, name in enumerate(BAR_FIELDS)},
    )
    return Parsed(bars=bars, unread=tuple(unread))


CRYPTO_FORMATS = (
    Format("coins_parquet", "yahoo", _is_parquet, _parse_parquet, "raw"),
    Format("coins_csv", "yahoo", _is_csv, _parse_csv, "raw", symbol_of=_csv_symbol),
    Format("coinbase_json", "coinbase", _is_candles, _parse_candles, "raw", symbol_of=_candles_symbol),
)

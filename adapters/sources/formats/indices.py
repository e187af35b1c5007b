"""Indices, rates and pairs: the VIX as bars, and what is told by one value a day as levels."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np

from adapters.sources.formats.columns import unwidened
from adapters.sources.formats.form import Format, provider_of
from adapters.sources.formats.opened import header
from adapters.sources.formats.rows import Layout, Row, parsed_bars, rows_of
from core.domain.bars import Basis, Levels, Parsed
from flows.ports import RawRecord

VIX_COLUMNS = ["DATE", "OPEN", "HIGH", "LOW", "CLOSE"]
CBOE = ("VIX1D", "VIX9D", "VIX", "VIX3M", "VIX6M", "VIX1Y", "SKEW", "VVIX", "VXN", "OVX", "GVZ")
RATES = ("FEDFUNDS", "DFF", "SOFR", *(f"DGS{term}" for term in ("1MO", "3MO", "6MO", "1", "2", "5", "10", "20", "30")))
PAIRS = ("EURUSD", "GBPUSD", "USDJPY", "USDCHF", "AUDUSD", "NZDUSD", "USDCAD", "EURJPY")
# Our names of the columns: as Yahoo writes them, so that an instrument has one symbol; what Yahoo lacks stays as it is.
CBOE_SYMBOLS = {name: f"^{name}" for name in CBOE}
RATE_SYMBOLS = {name: name for name in RATES}
FIXED_SYMBOLS = {"DEXUSEU": "EURUSD=X", "DEXCAUS": "USDCAD=X"}
PAIR_SYMBOLS = {"DXY": "DX-Y.NYB"} | {name: f"{name}=X" for name in PAIRS}


def _is_vix(name: str, head: bytes) -> bool:
    return name.startswith("vix") and header(head) == VIX_COLUMNS


def _parse_vix(record: RawRecord, content: bytes) -> Parsed:
    fields = {"open": "OPEN", "high": "HIGH", "low": "LOW", "close": "CLOSE", "adj_close": "CLOSE"}
    return parsed_bars(record, content, Layout("DATE", fields, symbol="^VIX"), basis=Basis("raw"))


def _holds_only(head: bytes, day: str, symbols: Mapping[str, str]) -> bool:
    first, *columns = header(head)
    return first == day and bool(columns) and set(columns) <= set(symbols)


def _is_cboe(name: str, head: bytes) -> bool:
    return name.endswith(".csv") and _holds_only(head, "date", CBOE_SYMBOLS)


def _parse_cboe(record: RawRecord, content: bytes) -> Parsed:
    return _levels(record, content, "date", CBOE_SYMBOLS)


def _is_rates(name: str, head: bytes) -> bool:
    return name.endswith(".csv") and _holds_only(head, "date", RATE_SYMBOLS)


def _parse_rates(record: RawRecord, content: bytes) -> Parsed:
    return _levels(record, content, "date", RATE_SYMBOLS)


def _is_fixed(name: str, head: bytes) -> bool:
    return name.endswith(".csv") and _holds_only(head, "DATE", FIXED_SYMBOLS)


def _parse_fixed(record: RawRecord, content: bytes) -> Parsed:
    return _levels(record, content, "DATE", FIXED_SYMBOLS)


def _is_pairs(name: str, head: bytes) -> bool:
    return name.endswith(".csv") and _holds_only(head, "date", PAIR_SYMBOLS)


def _parse_pairs(record: RawRecord, content: bytes) -> Parsed:
    return _levels(record, content, "date", PAIR_SYMBOLS)


def _levels(record: RawRecord, content: bytes, day: str, symbols: Mapping[str, str]) -> Parsed:
    """Read a table of one day a row and one series a column; a blank (FRED writes `.` too) is a day without a value."""
    unread: list[str] = []

    def read(row: Row) -> list[tuple[str, date, float]]:
        at = row.day(day)
        told = [name for name, cell in row.cells.items() if name != day and cell not in ("", ".")]
        return [(symbols[name], at, row.number(name)) for name in told]

    cells = [cell for row in rows_of(record, content, read, unread) for cell in row]
    names = np.array([symbol for symbol, _, _ in cells], dtype=object)
    values = np.array([value for _, _, value in cells], dtype=np.float64)
    for symbol in dict.fromkeys(names.tolist()):
        values[names == symbol] = unwidened(values[names == symbol])
    levels = Levels(provider_of(record), names, np.array([at for _, at, _ in cells], dtype="datetime64[D]"), values)
    return Parsed(levels=levels, unread=tuple(unread))


INDEX_FORMATS = (
    Format("vix_csv", "cboe", _is_vix, _parse_vix, "raw"),
    Format("cboe_levels_csv", "cboe", _is_cboe, _parse_cboe),
    Format("fred_rates_csv", "fred", _is_rates, _parse_rates),
    Format("fred_pair_csv", "fred", _is_fixed, _parse_fixed),
    Format("yahoo_pairs_csv", "yahoo", _is_pairs, _parse_pairs),
)

"""Lean's files: raw bars in zips, the factors that adjust them, the map of who stood under a ticker, and pairs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from adapters.sources.formats.form import Format, file_name, provider_of
from adapters.sources.formats.opened import head_text, only_member, zip_head
from adapters.sources.formats.rows import Layout, Row, parsed_bars, rows_of
from core.domain.bars import BAR_FIELDS, Basis, Factor, Parsed, Rename
from flows.ports import RawRecord

# Shares are written in ten-thousandths of a dollar.
PRICE_SCALE = 10_000.0
TRADE_COLUMNS = ("time", "open", "high", "low", "close", "volume")
QUOTE_COLUMNS = (
    "time",
    *(f"{side}_{name}" for side in ("bid", "ask") for name in ("open", "high", "low", "close", "size")),
)
_TICKER = r"([a-z0-9]+(?:[.][a-z0-9]+)?)"
_WHOLE_ROW = re.compile(r"\d{8} 00:00(,\d+){5}\s")
_PAIR_ROW = re.compile(r"\d{8} 00:00(,[\d.]+){10}\s")
_TRADE_ROW = re.compile(r"\d{8} 00:00(,[\d.]+){5}\s")


def lean_symbol(ticker: str) -> str:
    """Give `TAP-A` for `tap.a`; the number in `fb.1`, an earlier owner of a ticker, stays."""
    return re.sub(r"[.]([A-Z]+)$", r"-\1", ticker.upper())


def _is_shares(name: str, head: bytes) -> bool:
    member, text = zip_head(head)
    match = re.fullmatch(_TICKER + "[.]zip", name)
    return match is not None and member == f"{match[1]}.csv" and _WHOLE_ROW.match(text) is not None


def _share_symbol(name: str) -> str | None:
    return lean_symbol(name.lower().removesuffix(".zip"))


def _parse_shares(record: RawRecord, content: bytes) -> Parsed:
    fields = {name: name for name in BAR_FIELDS if name != "adj_close"}
    symbol = _share_symbol(file_name(record)) or ""
    layout = Layout("time", fields, symbol=symbol, header=TRADE_COLUMNS, scale=PRICE_SCALE)
    return parsed_bars(record, _days_alone(only_member(record, content)), layout, basis=Basis("raw"))


def _days_alone(text: bytes) -> bytes:
    """Cut the midnight that follows each day, where every row has one, so that all can be read at once."""
    return text.replace(b" 00:00,", b",")


def _is_pair(name: str, head: bytes) -> bool:
    member, text = zip_head(head)
    return (
        re.fullmatch(r"[a-z]{6}[.]zip", name) is not None
        and member == f"{name[:6]}.csv"
        and bool(_PAIR_ROW.match(text))
    )


def _pair_symbol(name: str) -> str | None:
    return f"{name[:6].upper()}=X"


def _parse_pair(record: RawRecord, content: bytes) -> Parsed:
    """Give the middle of bid and ask; the highest middle is not told, so that the middle of the highs stands for it."""
    text = _days_alone(only_member(record, content))
    bid, ask = (_side(record, text, side) for side in ("bid", "ask"))
    if bid.bars is None or ask.bars is None:
        return bid
    # Both sides are read from the same rows; the last digit of half a point is the seventh.
    middles = {name: np.round((getattr(bid.bars, name) + getattr(ask.bars, name)) / 2, 7) for name in BAR_FIELDS}
    return replace(bid, bars=replace(bid.bars, **middles))


def _side(record: RawRecord, text: bytes, side: str) -> Parsed:
    fields = {name: f"{side}_{name}" for name in ("open", "high", "low", "close")} | {"adj_close": f"{side}_close"}
    # The columns of both sides are asked for, so that a row is bad for both or for none.
    fields |= {f"other_{name}": name for name in QUOTE_COLUMNS[1:]}
    layout = Layout("time", fields, symbol=_pair_symbol(file_name(record)) or "", header=QUOTE_COLUMNS)
    return parsed_bars(record, text, layout, basis=Basis("raw"))


def _is_coins(name: str, head: bytes) -> bool:
    member, text = zip_head(head)
    return (
        re.fullmatch(r"[a-z]{6,8}_trade[.]zip", name) is not None
        and member == f"{name[:-10]}.csv"
        and bool(_TRADE_ROW.match(text))
    )


def _coin_symbol(name: str) -> str | None:
    pair = name.upper().removesuffix("_TRADE.ZIP")
    return f"{pair[:-3]}-{pair[-3:]}"


def _parse_coins(record: RawRecord, content: bytes) -> Parsed:
    fields = {name: name for name in BAR_FIELDS} | {"adj_close": "close"}
    layout = Layout("time", fields, symbol=_coin_symbol(file_name(record)) or "", header=TRADE_COLUMNS)
    return parsed_bars(record, _days_alone(only_member(record, content)), layout, basis=Basis("raw"))


# --- factors and maps -------------------------------------------------------------------------------------------------


def _is_factors(name: str, head: bytes) -> bool:
    return name.endswith(".csv") and re.match(r"\d{8},[\d.]+,[\d.]+,[\d.]+\s", head_text(head)) is not None


def _parse_factors(record: RawRecord, content: bytes) -> Parsed:
    symbol, provider = lean_symbol(file_name(record).removesuffix(".csv")), provider_of(record)
    unread: list[str] = []

    def factor(row: Row) -> Factor:
        return Factor(provider, symbol, row.day("day"), row.decimal("price_factor"), row.decimal("split_factor"))

    names = ("day", "price_factor", "split_factor", "reference_price")
    return Parsed(factors=tuple(rows_of(record, content, factor, unread, header=names)), unread=tuple(unread))


def _is_map(name: str, head: bytes) -> bool:
    return name.endswith(".csv") and re.match(r"\d{8},[a-z0-9.]+(,[A-Z])?\s", head_text(head)) is not None


def _parse_map(record: RawRecord, content: bytes) -> Parsed:
    """Give the intervals of a map: each line names the last day of a ticker, the first line the first day of all."""
    symbol, provider = lean_symbol(file_name(record).removesuffix(".csv")), provider_of(record)
    unread: list[str] = []
    names = ("day", "ticker", "exchange")[: content.partition(b"\n")[0].count(b",") + 1]

    def line(row: Row) -> tuple[date, str]:
        return row.day("day"), lean_symbol(row.text("ticker"))

    lines = sorted(rows_of(record, content, line, unread, header=names), key=lambda told: told[0])
    renames = []
    first = lines[0][0] if lines else date.min
    for until, alias in lines[1:]:
        renames.append(Rename(provider, symbol, alias, first, until))
        first = until + timedelta(days=1)
    return Parsed(renames=tuple(renames), unread=tuple(unread))


LEAN_FORMATS = (
    Format("lean_zip", "quantconnect", _is_shares, _parse_shares, "raw", symbol_of=_share_symbol),
    Format("lean_pair_zip", "oanda", _is_pair, _parse_pair, "raw", symbol_of=_pair_symbol),
    Format("lean_coin_zip", "coinbase", _is_coins, _parse_coins, "raw", symbol_of=_coin_symbol),
    Format("lean_factors_csv", "quantconnect", _is_factors, _parse_factors),
    Format("lean_map_csv", "quantconnect", _is_map, _parse_map),
)

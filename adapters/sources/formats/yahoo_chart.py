"""Yahoo's chart in JSON: bars, dividends and splits of one symbol, as an answer or as a recorded exchange."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import numpy as np

from adapters.sources.formats.columns import unwidened
from adapters.sources.formats.exchange import recorded_exchange, split_adjusted
from adapters.sources.formats.form import HEAD_BYTES, Format, never, provider_of
from adapters.sources.formats.opened import head_text
from core.domain.bars import Action, Bars, Basis, Floats, Parsed
from flows.ports import RawRecord, SourceError

# Yahoo quotes some exchanges in a hundredth of the currency.
HUNDREDTHS = {"GBp": "GBP", "ZAc": "ZAR", "ILA": "ILS"}
_ADDRESS = re.compile(r"/v8/finance/chart/([^?/]+)")
_BODY = re.compile(r'\{\s*"chart"\s*:')


def _is_chart(name: str, head: bytes) -> bool:
    text = head_text(head)
    if not text.startswith("{"):
        return False
    is_recorded = _ADDRESS.search(text) is not None and "interval=1d" in text
    return is_recorded or _BODY.match(text) is not None


def _parse_chart(record: RawRecord, content: bytes) -> Parsed:
    if _BODY.match(head_text(content[:HEAD_BYTES])):
        return _chart(record, content, asked=record.symbol, basis=split_adjusted(record))
    exchange = recorded_exchange(record, content)
    address = _ADDRESS.search(exchange.url)
    if exchange.status != 200 or address is None:
        raise SourceError(
            f"{record.name}: the answer was {exchange.status} {exchange.body[:120]!r}; it must be a chart"
        )
    basis = split_adjusted(record, exchange.served_on)
    return _chart(record, exchange.body.encode(), asked=unquote(address[1]), basis=basis)


def _parse_nothing(record: RawRecord, content: bytes) -> Parsed:
    """Read the answer that there is nothing, which is kept so that it is known when it was given."""
    return Parsed()


def _chart(record: RawRecord, body: bytes, *, asked: str | None, basis: Basis) -> Parsed:
    try:
        chart = json.loads(body)["chart"]
        if chart.get("error") or not chart["result"]:
            raise SourceError(f"{record.name}: the answer was {str(chart.get('error'))[:200]}; it must be a chart")
        return _parsed(record, chart["result"][0], asked=asked, basis=basis)
    # ArithmeticError: instants and ratios that no calendar or division holds.
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, ArithmeticError, OSError) as error:
        raise SourceError(f"{record.name}: not a chart of daily bars: {type(error).__name__} {error}") from error


def _parsed(record: RawRecord, result: Mapping[str, Any], *, asked: str | None, basis: Basis) -> Parsed:
    objection = _objection(result["meta"], asked)
    if objection is not None:
        raise SourceError(f"{record.name}: {objection}")
    days = _days(result.get("timestamp") or [], ZoneInfo(result["meta"]["exchangeTimezoneName"]))
    sessions = np.array(days, dtype="datetime64[D]")
    values = _values(result, len(days))
    keep = np.all(np.isfinite(values[:5]), axis=0)
    unread = [f"{record.name} bar {day}: no prices (null)" for day in sessions[~keep].tolist()]
    if len(days) and keep[-1] and _is_running(result["meta"], sessions[-1]):
        keep[-1] = False
        unread.append(f"{record.name} bar {sessions[-1]}: the session was still running; its bar is left out")
    scale = 100.0 if result["meta"]["currency"] in HUNDREDTHS else 1.0
    opened, high, low, close, adj_close = (unwidened(column) / scale for column in values[:5, keep])
    symbol = np.full(int(keep.sum()), result["meta"]["symbol"], dtype=object)
    columns = {"open": opened, "high": high, "low": low, "close": close, "adj_close": adj_close}
    bars = Bars(
        provider_of(record),
        basis,
        symbol=symbol,
        session=sessions[keep],
        volume=values[5, keep],
        known_on=None,
        **columns,
    )
    return Parsed(bars=bars, actions=tuple(_actions(record, result, scale)), unread=tuple(unread))


def _objection(meta: Mapping[str, Any], asked: str | None) -> str | None:
    """Say what is wrong with a chart's own words about itself."""
    symbol, currency = meta["symbol"], meta["currency"]
    if meta["dataGranularity"] != "1d":
        return f"the bars are of {meta['dataGranularity']}; only daily bars (1d) are read"
    if asked is not None and asked.upper() != symbol.upper():
        return f"it holds {symbol}; {asked} was asked for"
    wanted = _currency_of(symbol)
    if wanted is not None and currency != wanted:
        return f"the prices of {symbol} are in {currency}; they must be in {wanted}"
    return None


def _currency_of(symbol: str) -> str | None:
    """Give the currency that a symbol stands for: the second of a pair, dollars without a suffix; None for others."""
    if match := re.fullmatch(r"(?:[A-Z]{3})?([A-Z]{3})=X", symbol):
        return match[1]
    if match := re.fullmatch(r"[A-Z0-9]+-([A-Z]{3})", symbol):
        return match[1]
    return "USD" if re.fullmatch(r"[A-Z]{1,5}(-[A-Z]{1,2})?", symbol) else None


def _days(instants: list[int], zone: ZoneInfo) -> list[date]:
    """Give the days on which instants fall at the exchange."""
    return [datetime.fromtimestamp(instant, zone).date() for instant in instants]


def _values(result: Mapping[str, Any], count: int) -> Floats:
    """Give an array of shape (6, bars) in the order open, high, low, close, adjusted close, volume; NaN for null."""
    quote = result["indicators"]["quote"][0]
    adjusted = result["indicators"]["adjclose"][0].get("adjclose") if count else None
    columns = [*(quote.get(name) for name in ("open", "high", "low", "close")), adjusted, quote.get("volume")]
    return np.array([column or [None] * count for column in columns], dtype=np.float64).reshape(6, count)


def _is_running(meta: Mapping[str, Any], last: Any) -> bool:
    """Say whether the last bar is of a session that had not ended, or not begun, when a trade was last told."""
    period, zone = meta["currentTradingPeriod"]["regular"], ZoneInfo(meta["exchangeTimezoneName"])
    (running,) = _days([period["start"]], zone)
    return bool(last == np.datetime64(running, "D")) and meta["regularMarketTime"] < period["end"]


def _actions(record: RawRecord, result: Mapping[str, Any], scale: float) -> list[Action]:
    events, zone = result.get("events") or {}, ZoneInfo(result["meta"]["exchangeTimezoneName"])
    symbol, provider = result["meta"]["symbol"], provider_of(record)
    told: list[Action] = []
    for event in (events.get("dividends") or {}).values():
        amount = Decimal(str(event["amount"])) / Decimal(str(scale))
        told.append(Action(provider, symbol, _days([event["date"]], zone)[0], amount, Decimal(0)))
    for event in (events.get("splits") or {}).values():
        ratio = Decimal(str(event["numerator"])) / Decimal(str(event["denominator"]))
        told.append(Action(provider, symbol, _days([event["date"]], zone)[0], Decimal(0), ratio))
    return sorted(told, key=lambda action: (action.session, action.split_ratio))


YAHOO_CHART_FORMATS = (
    Format("yahoo_chart_json", "yahoo", _is_chart, _parse_chart, "split-adjusted", is_restated=True),
    Format("yahoo_nothing", "yahoo", never, _parse_nothing),
)

"""Yahoo's chart in JSON: bars, dividends and splits of one symbol, as an answer or as a recorded exchange."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import numpy as np

from adapters.sources.formats.columns import unwidened
from adapters.sources.formats.form import Format, provider_of
from adapters.sources.formats.opened import head_text
from core.domain.bars import Action, Bars, Basis, Floats, Parsed
from flows.ports import RawRecord, SourceError

# Yahoo quotes some exchanges in a hundredth of the currency.
HUNDREDTHS = {"GBp": "GBP", "ZAc": "ZAR", "ILA": "ILS"}
_ADDRESS = re.compile(r"/v8/finance/chart/([^?/]+)")


def _is_chart(name: str, head: bytes) -> bool:
    text = head_text(head)
    if not text.startswith("{"):
        return False
    is_recorded = _ADDRESS.search(text) is not None and "interval=1d" in text
    return is_recorded or re.match(r'\{\s*"chart"\s*:', text) is not None


def _parse_chart(record: RawRecord, content: bytes) -> Parsed:
    try:
        told = json.loads(content)
        if "chart" in told:
            return _chart(record, told, asked=record.symbol, basis=record.basis or Basis("split-adjusted"))
        return _recorded(record, told)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise SourceError(f"{record.name}: not a chart of daily bars: {type(error).__name__} {error}") from error


def _recorded(record: RawRecord, exchange: Mapping[str, Any]) -> Parsed:
    """Read the body of a recorded exchange, whose headers tell as of which day it is adjusted."""
    answer, address = exchange["response"], _ADDRESS.search(exchange["request"]["url"])
    body = answer.get("bodyJson")
    if body is None and str(answer.get("body", "")).startswith("{"):
        body = json.loads(answer["body"])
    if body is None:
        raise SourceError(f"{record.name}: the answer was {answer['status']} {str(answer.get('body'))[:120]!r}")
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    served = headers.get("date")
    as_of = parsedate_to_datetime(served[0] if isinstance(served, list) else served).date() if served else None
    asked = unquote(address[1]) if address else None
    return _chart(record, body, asked=asked, basis=record.basis or Basis("split-adjusted", as_of))


def _chart(record: RawRecord, body: Mapping[str, Any], *, asked: str | None, basis: Basis) -> Parsed:
    if body["chart"].get("error") or not body["chart"]["result"]:
        raise SourceError(f"{record.name}: the answer was {str(body['chart'].get('error'))[:200]}; it must be a chart")
    result = body["chart"]["result"][0]
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
    """Say whether the last bar is of a session that had not ended when the price was last told."""
    period, zone = meta["currentTradingPeriod"]["regular"], ZoneInfo(meta["exchangeTimezoneName"])
    (day,) = _days([meta["regularMarketTime"]], zone)
    traded = np.datetime64(day, "D")
    # A bar of a later day than the last trade is one of a session that has not begun.
    return bool(last > traded) or (
        bool(last == traded) and period["start"] <= meta["regularMarketTime"] < period["end"]
    )


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
)

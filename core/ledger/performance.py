"""Returns, curve and risk of some accounts at the checking door, for each window that is asked for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from core.ledger.question import Ask
from core.ledger.quotes import NoQuote, Quotes
from core.ledger.walk import Flow, Walk
from core.ledger.worth import Scope, not_computable, value_on
from core.measures.returns import NotComputable, a_year, linked, modified_dietz, xirr
from core.measures.risk import calmar, deepest_drawdown, sharpe, sortino, volatility
from core.money import RATIO_STEP, round_to

ZERO, ONE = Decimal(0), Decimal(1)
DAY = timedelta(days=1)


class _Money:
    """What accounts were worth at each day's end, and what came in and went out, each put at its moment.

    A moment is the end of a day. A flow at the start of a day belongs to the moment before, and is not yet in its value;
    one at the end of a day belongs to its own, and is in its value already.
    """

    def __init__(self, walk: Walk, quotes: Quotes, scope: Scope, ask: Ask) -> None:
        self._walk, self._quotes, self._scope = walk, quotes, scope
        self._values: dict[date, Decimal] = {}
        self.flows = [(flow.day, self._amount(flow)) for flow in walk.flows if scope.is_outside(flow)]
        self._at_end: dict[date, Decimal] = {}
        self._at_start: dict[date, Decimal] = {}
        for day, amount in self.flows:
            is_start = ask.flow_timing == "start" or (ask.flow_timing == "mixed" and amount > 0)
            moments, moment = (self._at_start, day - DAY) if is_start else (self._at_end, day)
            moments[moment] = moments.get(moment, ZERO) + amount
        self.moments = sorted(self._at_end.keys() | self._at_start.keys())

    def value(self, day: date) -> Decimal:
        """Give what the accounts were worth at the end of a day; raises NoQuote."""
        if day not in self._values:
            self._values[day] = value_on(self._walk.on(day), day, self._quotes, self._scope)
        return self._values[day]

    def before(self, moment: date) -> Decimal:
        """Give the value before the flows of a moment."""
        return self.value(moment) - self._at_end.get(moment, ZERO)

    def flow(self, moment: date) -> Decimal:
        """Give all flows of a moment."""
        return self._at_end.get(moment, ZERO) + self._at_start.get(moment, ZERO)

    def after(self, moment: date) -> Decimal:
        """Give the value after the flows of a moment."""
        return self.value(moment) + self._at_start.get(moment, ZERO)

    def between(self, first: date, last: date) -> list[date]:
        """Give the moments with flows inside a period."""
        return self.moments[bisect_right(self.moments, first) : bisect_left(self.moments, last)]

    def link(self, period: tuple[date, date], is_boundary: Callable[[date], bool]) -> Decimal:
        """Give the return of a period: modified Dietz between the boundaries inside it, linked."""
        first, last = period
        inside = self.between(first, last)
        points = [first, *(moment for moment in inside if is_boundary(moment)), last]
        parts = []
        for begin, end in pairwise(points):
            flows = [(moment, self.flow(moment)) for moment in self.between(begin, end)]
            parts.append(modified_dietz(self.after(begin), self.before(end), flows, (begin, end)))
        return linked(parts)

    def _amount(self, flow: Flow) -> Decimal:
        """Give what a flow was worth on its day."""
        day, base = flow.day, self._scope.base
        if flow.is_cash:
            return flow.quantity * self._quotes.rate(flow.commodity, base, day).value
        price = self._quotes.price(flow.commodity, day)
        return flow.quantity * price.value * self._quotes.rate(price.currency, base, day).value


def performance(walk: Walk, quotes: Quotes, scope: Scope, ask: Ask) -> dict[str, Any]:
    """Give the returns of each window, the daily curve and what follows from it; rounded to ten decimals at the end.

    `flow_timing` says when a flow of a day is taken to happen: at its start, at its end, or (mixed) what comes in at the
    start and what goes out at the end, so that money works on the day on which it arrives and on which it leaves. Modified
    Dietz is cut at each flow above `large_flow` of the value before it, and linked; the true time-weighted return is cut
    at every flow. Prices of boundaries are those of the day, or the newest before within `price_days_max`.
    """
    try:
        money = _Money(walk, quotes, scope, ask)
    except NoQuote as error:
        return {"windows": not_computable(error), "curve": not_computable(error), "risk": not_computable(error)}
    if not money.moments:
        none = not_computable("no money came in or went out")
        return {"windows": none, "curve": none, "risk": none}
    first, last = money.moments[0], ask.as_of
    windows = {name: _window(money, start, last, ask) for name, start in _starts(ask, first).items()}
    try:
        curve = _curve(money, (first, last), quotes, walk)
    except (NotComputable, NoQuote) as error:
        return {"windows": windows, "curve": not_computable(error), "risk": not_computable(error)}
    rows = [{"date": day, "value": money.value(day), "index": _told(index)} for day, index in curve]
    return {"windows": windows, "curve": rows, "risk": _risk(curve, ask)}


def _starts(ask: Ask, first: date) -> dict[str, date]:
    """Give the day at whose end each window begins."""
    as_of = ask.as_of
    starts = {"1m": _months_before(as_of, 1), "3m": _months_before(as_of, 3), "YTD": date(as_of.year - 1, 12, 31)}
    starts |= {"1y": _months_before(as_of, 12), "ITD": first}
    return starts | ({"since": ask.since} if ask.since else {})


def _months_before(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 - months
    year, month = divmod(count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _window(money: _Money, start: date, last: date, ask: Ask) -> dict[str, Any]:
    if start >= last or start < money.moments[0]:
        when = "not before as-of" if start >= last else f"before the first flow, at the end of {money.moments[0]}"
        return not_computable(f"it begins at the end of {start}, {when}")

    def is_large(moment: date) -> bool:
        return abs(money.flow(moment)) > ask.large_flow * max(money.before(moment), ZERO)

    period, days = (start, last), (last - start).days
    weighted = _or_reason(lambda: money.link(period, lambda _: True))
    return {
        "from": start,
        "to": last,
        "days": days,
        "time_weighted": weighted,
        "time_weighted_a_year": _or_reason(lambda: a_year(money.link(period, lambda _: True), days)),
        "modified_dietz": _or_reason(lambda: money.link(period, is_large)),
        "xirr": _or_reason(lambda: xirr(_paid(money, start, last))),
    }


def _paid(money: _Money, start: date, last: date) -> list[tuple[date, Decimal]]:
    """Give what a person would have paid and got: the value at the start, each flow on its day, the value at the end."""
    is_whole = start == money.moments[0]
    begin = [] if is_whole else [(start, -money.value(start))]
    flows = [(day, -amount) for day, amount in money.flows if is_whole or day > start]
    return [*begin, *flows, (last, money.value(last))]


def _curve(money: _Money, period: tuple[date, date], quotes: Quotes, walk: Walk) -> list[tuple[date, Decimal]]:
    """Give the time-weighted index, one at the start, on each day with a price or a fact; flows do not move it."""
    first, last = period
    seen = {*quotes.price_days, *walk.days}
    days = [first, *sorted(day for day in seen if first < day < last), last]
    curve, index = [(first, ONE)], ONE
    for begin, end in pairwise(days):
        index *= ONE + money.link((begin, end), lambda _: True)
        curve.append((end, index))
    return curve


def _risk(curve: Sequence[tuple[date, Decimal]], ask: Ask) -> dict[str, Any]:
    """Give drawdown, volatility and ratios of the index's returns from one day of the curve to the next."""
    returns = [after[1] / before[1] - ONE for before, after in pairwise(curve) if before[1]]
    fall, periods = deepest_drawdown(curve), ask.periods_per_year
    days = (curve[-1][0] - curve[0][0]).days
    drawdown = {"depth": _told(fall.depth), "peak": fall.peak, "trough": fall.trough, "recovered": fall.recovered}
    answer = {"returns": len(returns), "drawdown": drawdown}
    answer["calmar"] = _or_reason(lambda: calmar(a_year(curve[-1][1] - ONE, days), fall))
    if len(returns) < ask.returns_min:
        few = not_computable(f"there are {len(returns)} returns; returns_min asks for {ask.returns_min}")
        return answer | {"volatility": few, "sharpe": few, "sortino": few}
    return answer | {
        "volatility": _or_reason(lambda: volatility(returns, periods)),
        "sharpe": _or_reason(lambda: sharpe(returns, ask.risk_free, periods)),
        "sortino": _or_reason(lambda: sortino(returns, ask.risk_free, periods)),
    }


def _or_reason(figure: Callable[[], Decimal]) -> Decimal | dict[str, Any]:
    try:
        return _told(figure())
    except (NotComputable, NoQuote) as error:
        return not_computable(error)


def _told(figure: Decimal) -> Decimal:
    return round_to(figure, RATIO_STEP)

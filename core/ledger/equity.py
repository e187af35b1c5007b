"""Equity curves: a book's worth at each close, and an index of it that deposits do not move."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np

from core.domain.bars import Fixing, Floats
from core.domain.facts import LOSS, NO_LOSS, Worth
from core.domain.holdings import EquityPoint
from core.domain.instrument import InstrumentId
from core.domain.panel import Panel
from core.domain.posting import Entry
from core.ledger.splits import Ratios, ratios_of, units_since
from core.money import price_of, rate_of, round_price, round_to, to_pence

ZERO = Decimal(0)
INDEX_START = Decimal(100)
INDEX_STEP = Decimal("0.00000001")
# What stands against money and units that came from outside a book, or went there.
OUTSIDE = ("capital", "opening", "transfer")
# As long as a losing streak and the wait after it can be in a policy.
COURSE_SESSIONS = 60
# No stretch without a fixing is longer; a rate of a day is one of those before it.
FIXING_GAP = timedelta(days=31)


@dataclass(frozen=True)
class Curve:
    """An equity curve so far: its points, and the state from which the next session goes on."""

    points: tuple[EquityPoint, ...] = ()
    units: tuple[tuple[InstrumentId, Decimal], ...] = ()
    cash: Decimal = ZERO
    prices: tuple[tuple[InstrumentId, Decimal], ...] = ()
    entry_count: int = 0


@dataclass(frozen=True)
class Rates:
    """Exchange rates by day: units of the quote currency for one base unit, oldest first."""

    base: str
    days: tuple[date, ...]
    rates: tuple[Decimal, ...]

    def on(self, day: date) -> Decimal:
        """Give the last rate fixed on or before a day; raises ValueError when there is none."""
        at = bisect_right(self.days, day)
        if at == 0:
            raise ValueError(f"no rate was fixed on or before {day}")
        return self.rates[at - 1]


def rates_of(fixings: Sequence[Fixing], base: str, quote: str, *, within: tuple[date, date] | None = None) -> Rates:
    """Cross fixings against the euro, oldest first, into rates of `quote` for one `base`, for each day that has both.

    With `within`, only the rates that days from the first to the second need are made.
    """
    if base == quote:
        return Rates(base, (date.min,), (Decimal(1),))
    if within is not None:
        start, stop = (bisect_right(fixings, day, key=_day) for day in (within[0] - FIXING_GAP, within[1]))
        fixings = fixings[start:stop]
    by_day: dict[date, dict[str, Decimal]] = {}
    for fixing in fixings:
        by_day.setdefault(fixing.day, {"EUR": Decimal(1)})[fixing.currency] = fixing.per_eur
    days = tuple(day for day in sorted(by_day) if base in by_day[day] and quote in by_day[day])
    return Rates(base, days, tuple(rate_of(by_day[day][quote], by_day[day][base]) for day in days))


def extend_curve(curve: Curve, entries: Sequence[Entry], panel: Panel, *, rates: Rates) -> Curve:
    """Go on with a curve over the panel's sessions after its last point, with all entries of the book in effective order.

    A session counts from the first entry on. A holding without a close that day is valued at the panel's last one, or at the
    price kept from before the panel, either of them in the units of that day if it was split since. An index point is the
    one before x (equity - units brought) / (equity before + flow): money flows at the start of the session, units that came
    from outside or went there at its close (true time-weighting, daily). An entry of a session that the curve has passed
    builds it anew. Raises ValueError when a held instrument never had a price, and when the panel does not reach back to where
    it must be built anew.
    """
    fresh = deque(entries[curve.entry_count :])
    last = curve.points[-1].session if curve.points else None
    if last is not None and any(entry.session <= last for entry in fresh):
        _hold_reach(panel, curve.points[0].session)
        return extend_curve(Curve(), entries, panel, rates=rates)
    walk = _Walk(curve, panel, rates, ratios=ratios_of(entries))
    for row, session in enumerate(panel.sessions.astype(object)):
        if (last is not None and session <= last) or not (fresh or walk.points):
            continue
        due = []
        while fresh and fresh[0].session <= session:
            due.append(fresh.popleft())
        if due or walk.points:
            walk.step(session, due, row=row)
    return Curve(
        tuple(walk.points), tuple(walk.units.items()), walk.cash, tuple(walk.prices.items()), len(entries) - len(fresh)
    )


def worth_of(curve: Curve, *, since: date | None = None) -> Worth:
    """Give the equity at the last point, the fall of the index from its highest, and its change in that session.

    Zero for an empty curve. With `since`, the highest of the points from that session on, or the last point where all are
    before it. The change in the session is that to the point before, and the course that of the last sessions, wherever the
    peak counts from.
    """
    if not curve.points:
        return Worth(ZERO, ZERO, None, since)
    counted = [point for point in curve.points if since is None or point.session >= since] or [curve.points[-1]]
    peak = max(counted, key=lambda point: point.index)
    last = curve.points[-1]
    drawdown = round_to(last.index / peak.index - 1, INDEX_STEP) if peak.index > 0 else ZERO
    before = curve.points[-2].index if len(curve.points) > 1 else ZERO
    change = round_to(last.index / before - 1, INDEX_STEP) if before > 0 else None
    return Worth(last.equity, drawdown, peak.session, since, last.session, change, _course(curve.points))


def _course(points: Sequence[EquityPoint]) -> str:
    told = points[-COURSE_SESSIONS - 1 :]
    return "".join(LOSS if after.index < before.index else NO_LOSS for before, after in pairwise(told))


def _hold_reach(panel: Panel, first: date) -> None:
    # Built on the last sessions alone, a curve would forget its peak, and the kill switch the fall from it.
    begins = panel.sessions[0].astype(object) if len(panel.sessions) else None
    if begins is None or begins > first:
        raise ValueError(f"a late entry changes the curve from {first} on; the panel begins {begins}")


def _day(fixing: Fixing) -> date:
    return fixing.day


class _Walk:
    """The moving part of a curve, session after session."""

    def __init__(self, curve: Curve, panel: Panel, rates: Rates, *, ratios: Ratios) -> None:
        self.units, self.prices, self.points = dict(curve.units), dict(curve.prices), list(curve.points)
        self.cash = curve.cash
        self.panel, self.rates, self.ratios = panel, rates, ratios
        self.columns = {name: column for column, name in enumerate(panel.instruments)}
        self.closes: dict[InstrumentId, _Closes] = {}

    def step(self, session: date, due: Sequence[Entry], *, row: int) -> None:
        """Apply a session's entries and value the book at its close."""
        if self.points:
            self._restate(self.points[-1].session, session)
        flow, brought = self._apply(due, row)
        value = ZERO
        for name, quantity in self.units.items():
            value += quantity * self._price(name, row)
        equity = self.cash + to_pence(value / self.rates.on(session))
        before = self.points[-1] if self.points else None
        if before is None:
            index = INDEX_START * equity / (flow + brought) if flow + brought > 0 else INDEX_START
        else:
            ground = before.equity + flow
            index = before.index * (equity - brought) / ground if ground > 0 else before.index
        self.points.append(EquityPoint(session, equity, round_to(index, INDEX_STEP)))

    def _apply(self, due: Sequence[Entry], row: int) -> tuple[Decimal, Decimal]:
        """Apply entries, and give what came from outside: money, and units at their worth at the session's close."""
        flow, brought = ZERO, ZERO
        for entry in due:
            for posting in entry.postings:
                if posting.account == "units":
                    self.units[posting.commodity] = self.units.get(posting.commodity, ZERO) + posting.amount
                elif posting.account == "cash" and posting.commodity == self.rates.base:
                    self.cash += posting.amount
                elif posting.account in OUTSIDE and posting.commodity == self.rates.base:
                    flow -= posting.amount
                elif posting.account in OUTSIDE:
                    brought -= posting.amount * self._price(posting.commodity, row)
        self.units = {name: quantity for name, quantity in self.units.items() if quantity != 0}
        session = self.panel.sessions[row].astype(object)
        return flow, to_pence(brought / self.rates.on(session)) if brought else ZERO

    def _restate(self, after: date, session: date) -> None:
        """Give kept prices in the units of a session."""
        for name in self.ratios:
            if name in self.prices and (became := units_since(self.ratios, name, after, session)) != 1:
                self.prices[name] = round_price(self.prices[name] / became)

    def _price(self, name: InstrumentId, row: int) -> Decimal:
        # The panel's last close first, for a kept price may be from an earlier holding, with closes since.
        if (close := self._last_close(name, row)) is not None:
            self.prices[name] = close
        if name not in self.prices:
            raise ValueError(f"held {name} has no close up to {self.panel.sessions[row]}")
        return self.prices[name]

    def _last_close(self, name: InstrumentId, row: int) -> Decimal | None:
        """Give the last close up to a row, in the units of that row's session."""
        closes = self.closes.get(name)
        if closes is None:
            if name not in self.columns:
                return None
            closes = self.closes[name] = _Closes(self.panel.close[:, self.columns[name]])
        at = closes.last(row)
        if at < 0:
            return None
        close = closes.at(at)
        if at == row or name not in self.ratios:
            return close
        days: list[date] = self.panel.sessions[[at, row]].astype(object).tolist()
        became = units_since(self.ratios, name, *days)
        return close if became == 1 else round_price(close / became)


class _Closes:
    """One instrument's closes in a panel."""

    def __init__(self, column: Floats) -> None:
        self._column = column
        self._last = np.maximum.accumulate(np.where(np.isnan(column), -1, np.arange(len(column))))
        self._newest: tuple[int, Decimal] = (-1, ZERO)

    def last(self, row: int) -> int:
        """Give the last row up to one that has a close, -1 where there is none."""
        return int(self._last[row])

    def at(self, row: int) -> Decimal:
        """Give the close of a row."""
        if self._newest[0] != row:
            self._newest = row, price_of(float(self._column[row]))
        return self._newest[1]

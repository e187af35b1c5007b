"""The world as anybody can look it up, and the paper account that follows from it: what the checker holds tickets against.

It shares no code with Twokey and needs nothing but the standard library.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any

ZERO, ONE, BPS = Decimal(0), Decimal(1), Decimal("0.0001")
By = Mapping[str, Mapping[date, Decimal]]


@dataclass(frozen=True)
class World:
    """What anybody can look up: prices by symbol and session, dividends, fixings a euro, universe rows, the policy."""

    opens: By
    closes: By
    adjusted: By
    volumes: By
    dividends: Sequence[tuple[date, str, Decimal]]
    fixings: Mapping[date, Mapping[str, Decimal]]
    universe: Mapping[str, Mapping[str, str]]
    policy: Mapping[str, Any]

    def number(self, section: str, name: str) -> Decimal:
        """Give a number of the policy."""
        return Decimal(str(self.policy[section][name]))

    @cached_property
    def sessions(self) -> list[date]:
        """Give the days on which the benchmark traded: the exchange's sessions."""
        return sorted(self.closes[self.policy["data"]["benchmark"]])

    @cached_property
    def _fixed(self) -> list[date]:
        return sorted(day for day, rates in self.fixings.items() if {"USD", "GBP"} <= rates.keys())

    def fixed_before(self, day: date) -> tuple[date, Decimal]:
        """Give the last fixing before a day: its own day, and dollars for one pound with six decimals."""
        fixed = self._fixed[bisect_left(self._fixed, day) - 1]
        return fixed, rounded(self.fixings[fixed]["USD"] / self.fixings[fixed]["GBP"], 6)

    def price(self, prices: By, symbol: str, session: date) -> Decimal | None:
        """Give a price of a session with four decimals, or None when there is no bar."""
        found = prices.get(symbol, {}).get(session)
        return None if found is None else rounded(found, 4)


def rounded(number: Decimal, places: int) -> Decimal:
    """Round half to even."""
    return number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)


def worst_of(side: str, price: Decimal, skip: Decimal) -> Decimal:
    """Count the steps of a quoted price that fit between a price and its bound: cents, or hundredths of one below 1."""
    bound = price * (1 + (skip if side == "buy" else -skip))
    steps = Decimal(100) if bound >= 1 else Decimal(10_000)
    whole = int(bound * steps)
    # What was cut off lies beyond the bound of a sale, and within that of a buy.
    quoted = Decimal(whole + (side == "sell" and whole != bound * steps)) / steps
    return max(quoted, price) if side == "buy" else min(quoted, price)


@dataclass(frozen=True)
class Line:
    """One line of a ticket."""

    number: int
    instrument: str
    side: str
    quantity: Decimal
    price: Decimal
    worst: Decimal
    value: Decimal
    cost: Decimal
    cash_after: Decimal
    told: Mapping[str, Any]

    @property
    def sign(self) -> int:
        """Give the direction of the units: 1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1


@dataclass
class Statement:
    """The paper account as the venue's published assumptions make it: fills at the open, dividends, costs."""

    world: World
    cash: Decimal = ZERO
    units: dict[str, Decimal] = field(default_factory=dict)
    has_fills: bool = False
    last: date | None = None
    peak: tuple[Decimal, date] = (ZERO, date.min)
    fall: Decimal = ZERO
    was_stopped: bool = False
    worths: list[Decimal] = field(default_factory=list)
    marks: dict[str, Decimal] = field(default_factory=dict)
    waiting: list[tuple[date, tuple[Line, ...]]] = field(default_factory=list)

    @property
    def has_fallen(self) -> bool:
        """Say whether the fall from the highest reaches the kill switch."""
        return self.fall >= self.world.number("limits", "drawdown_max")

    @property
    def loss(self) -> Decimal:
        """Give what the last session lost, as a share of the worth before it; a gain is below zero."""
        return 1 - self.worths[-1] / self.worths[-2] if len(self.worths) > 1 else ZERO

    @property
    def has_lost(self) -> bool:
        """Say whether the last session's loss reaches the breaker."""
        return self.loss >= self.world.number("limits", "daily_loss_max")

    @property
    def is_stopped(self) -> bool:
        """Say whether trading stopped, now or on an earlier day: nobody resumed it."""
        return self.has_fallen or self.has_lost or self.was_stopped

    @property
    def is_cooling(self) -> bool:
        """Say whether too many sessions in a row lost, and too few followed them."""
        most, wait = (self.world.policy["limits"][name] for name in ("losing_sessions_max", "cooldown_sessions"))
        course = "".join("-" if now < before else "+" for before, now in pairwise(self.worths))
        end = course.rfind("-" * most)
        return end >= 0 and len(course) - end - most < wait

    def forward(self, up_to: date) -> None:
        """Live through every session up to one: fills with the cash of the evening before, dividends, the close."""
        if self.last is None:
            self.cash, self.last = Decimal(str(self.world.policy["opening_cash"])), up_to
            self._close(up_to)
        for session in self.world.sessions:
            if self.last < session <= up_to:
                held = dict(self.units)
                for line in (line for day, lines in self.waiting if day == session for line in lines):
                    self._fill(line, session)
                self._dividends(session, held)
                self._close(session)
                self.last = session

    def copy(self) -> Statement:
        """Give the account as it stands, to live on by itself."""
        units, worths, marks, waiting = dict(self.units), list(self.worths), dict(self.marks), list(self.waiting)
        return replace(self, units=units, worths=worths, marks=marks, waiting=waiting)

    def worth(self, session: date, rate: Decimal) -> Decimal:
        """Give cash and units at the closes of a session, to the penny."""
        for symbol in self.units:
            self.marks[symbol] = self.world.price(self.world.closes, symbol, session) or self.marks[symbol]
        value = sum((quantity * self.marks[symbol] / rate for symbol, quantity in self.units.items()), ZERO)
        return self.cash + rounded(value, 2)

    def _dividends(self, session: date, held: Mapping[str, Decimal]) -> None:
        _, rate = self.world.fixed_before(session + timedelta(days=1))
        for day, symbol, amount in self.world.dividends:
            if day == session and symbol in held:
                gross = rounded(held[symbol] * amount / rate, 2)
                self.cash += gross - rounded(gross * self.world.number("costs", "dividend_withholding"), 2)

    def _fill(self, line: Line, session: date) -> None:
        opened, sign = self.world.price(self.world.opens, line.instrument, session), line.sign
        if opened is None:
            return
        number = self.world.number
        slip = number("costs", "slippage_bps") + number("costs", "spread_bps") / 2
        price = rounded(opened * (1 + sign * slip * BPS), 4)
        value = rounded(line.quantity * price / self.world.fixed_before(session)[1], 2)
        fee = rounded(value * number("costs", "fx_fee_bps") * BPS, 2) + number("costs", "commission")
        if sign * price > sign * line.worst or (sign > 0 and value + fee > self.cash):
            return
        self.cash -= sign * value + fee
        self.units[line.instrument] = self.units.get(line.instrument, ZERO) + sign * line.quantity
        self.units = {symbol: quantity for symbol, quantity in self.units.items() if quantity}
        self.has_fills = True

    def _close(self, session: date) -> None:
        worth = self.worth(session, self.world.fixed_before(session + timedelta(days=1))[1])
        self.worths.append(worth)
        if worth > self.peak[0]:
            self.peak = (worth, session)
        self.fall = 1 - worth / self.peak[0]

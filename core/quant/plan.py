"""A plan: what features ask for, written down once as a tape that a compiled loop runs over all instruments.

A feature's function does not compute: it says to a plan what is to be made of what, and gets columns, handles that stand for a
number of each session and instrument. What two features ask for alike is made once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.indicators import operations as op
from core.indicators.operations import HIGH, INPUTS, MARKET, WIDE, Tape

# How the sum or mean of a window is made: of windows of so many sessions, so many times. Each chain begins with single ones.
WEEKS = {5: (1, 5), 20: (5, 4), 60: (20, 3), 100: (20, 5), 200: (100, 2)}
MONTHS = {7: (1, 7), 21: (7, 3), 63: (21, 3), 105: (21, 5), 126: (63, 2), 252: (126, 2)}
CHAINS = WEEKS | MONTHS
# The largest of a window is that of three which cover it: of so many sessions each, the last two ending so many sessions ago.
COVERS = {3: (1, 1, 2), 9: (3, 3, 6), 21: (9, 9, 12), 63: (21, 21, 42), 126: (63, 63, 63), 252: (126, 126, 126)}
# Wilder's average of 14 sessions keeps 13/14 of the one before.
FADING = 13 / 14


class Column(NamedTuple):
    """A number of each session and instrument: what operation made it, and how many sessions ago."""

    made: int
    back: int = 0

    def ago(self, sessions: int) -> Column:
        """Give the same column as it was so many sessions ago."""
        return Column(self.made, self.back + sessions)


class Operation(NamedTuple):
    """What makes a column: a code, its operands, and the numbers beside it."""

    code: int
    operands: tuple[Column, ...] = ()
    n: int = 0
    step: int = 0
    factor: float = 0.0

    @property
    def reads(self) -> list[tuple[int, int]]:
        """Give, of each operand, what makes it and how many sessions ago its oldest number is."""
        # A window reads as many sessions as it is made of; the mean that a spread is about, only today's.
        windows = {op.SUM: 1, op.MEAN: 1, op.SPREAD: 1, op.SPREADS: 2}.get(self.code, 0)
        reach = self.step * (self.n - 1)
        return [(column.made, column.back + (reach if at < windows else 0)) for at, column in enumerate(self.operands)]


class Plan:
    """Columns made of bars, each once. Prices are in total-return units, volume in the basis of the bars."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._operations: dict[Operation, int] = {}

    def make(self, code: int, *operands: Column, n: int = 0, step: int = 0, factor: float = 0.0) -> Column:
        """Give the column that an operation of `core/indicators/operations.py` makes."""
        # What is made of yesterday's numbers alone is yesterday's of what is made of today's.
        back = min((column.back for column in operands), default=0)
        wanted = Operation(code, tuple(column.ago(-back) for column in operands), n, step, factor)
        return Column(self._operations.setdefault(wanted, len(self._operations)), back)

    # --- bars -----------------------------------------------------------------------------------------------------

    @property
    def total(self) -> Column:
        """Give the close."""
        return self.told("total")

    @property
    def volume(self) -> Column:
        """Give the volume."""
        return self.told("volume")

    @property
    def traded(self) -> Column:
        """Give the money traded: the close as it was told, times the volume."""
        return self.product(self.told("close"), self.volume)

    @property
    def market(self) -> Column:
        """Give the benchmark's close."""
        return self.make(op.LOAD, n=MARKET)

    def price(self, name: str) -> Column:
        """Give the open, high or low."""
        return self.make(op.SCALED, self.told(name), self.total, self.told("close"))

    def told(self, name: str) -> Column:
        """Give a column of the bars in their own units."""
        return self.make(op.LOAD, n=INPUTS.index(name))

    # --- sessions -------------------------------------------------------------------------------------------------

    @property
    def returns(self) -> Column:
        """Give the return of each session, close to close."""
        return self.change(0, 1)

    @property
    def market_returns(self) -> Column:
        """Give the benchmark's return of each session."""
        return self.relative(self.market, self.market.ago(1))

    @property
    def overnight(self) -> Column:
        """Give the return from the close before to the open."""
        return self.relative(self.price("open"), self.total.ago(1))

    @property
    def intraday(self) -> Column:
        """Give the return from the open to the close."""
        return self.relative(self.told("close"), self.told("open"))

    @property
    def location(self) -> Column:
        """Give where each close stands in the range of its session, from -1 to 1."""
        return self.make(op.LOCATION, self.told("high"), self.told("low"), self.told("close"))

    @property
    def squared_range(self) -> Column:
        """Give (ln(high / low))^2 of each session."""
        return self.square(self.told("log_range"))

    def change(self, near: int, far: int) -> Column:
        """Give the return from `far` sessions ago to `near` sessions ago, close to close."""
        return self.relative(self.total.ago(near), self.total.ago(far))

    # --- arithmetic -----------------------------------------------------------------------------------------------

    def relative(self, above: Column, below: Column) -> Column:
        """Give a / b - 1."""
        return self.make(op.RELATIVE, above, below)

    def ratio(self, above: Column, below: Column) -> Column:
        """Give a / b."""
        return self.make(op.RATIO, above, below)

    def less(self, one: Column, two: Column) -> Column:
        """Give a - b."""
        return self.make(op.LESS, one, two)

    def product(self, one: Column, two: Column) -> Column:
        """Give a x b."""
        return self.make(op.PRODUCT, one, two)

    def square(self, one: Column) -> Column:
        """Give a x a."""
        return self.product(one, one)

    def times(self, one: Column, factor: float) -> Column:
        """Give a x factor."""
        return self.make(op.TIMES, one, factor=factor)

    def root(self, one: Column, factor: float) -> Column:
        """Give the root of a x factor."""
        return self.make(op.ROOT, one, factor=factor)

    def sign(self, one: Column) -> Column:
        """Give 1, -1 or 0."""
        return self.make(op.SIGN, one)

    def is_zero(self, one: Column) -> Column:
        """Give 1 where a number is zero, else 0."""
        return self.make(op.IS_ZERO, one)

    def squared_fall(self, one: Column) -> Column:
        """Give the square of what is below zero, else 0."""
        return self.make(op.SQUARED_FALL, one)

    def size_per(self, one: Column, below: Column) -> Column:
        """Give |a| / b."""
        return self.make(op.SIZE_PER, one, below)

    def share(self, one: Column, low: Column, high: Column) -> Column:
        """Give where a number stands from 0, the low, to 1, the high."""
        return self.make(op.SHARE, one, low, high)

    # --- windows --------------------------------------------------------------------------------------------------

    def sum_of(self, one: Column, window: int) -> Column:
        """Give the sum over a window of CHAINS."""
        if window == 1:
            return one
        step, times = CHAINS[window]
        return self.make(op.SUM, self.sum_of(one, step), n=times, step=step)

    def mean_of(self, one: Column, window: int) -> Column:
        """Give the mean over a window of CHAINS."""
        if window == 1:
            return one
        step, times = CHAINS[window]
        return self.make(op.MEAN, self.mean_of(one, step), n=times, step=step)

    def year_less_month(self, one: Column) -> Column:
        """Give the sum over the 231 sessions that end 21 sessions ago."""
        return self.make(op.PLUS, self.sum_of(one, 126).ago(21), self.sum_of(one, 105).ago(147))

    def largest(self, one: Column, window: int) -> Column:
        """Give the largest over a window of COVERS."""
        return self._extreme(op.LARGEST, one, window)

    def smallest(self, one: Column, window: int) -> Column:
        """Give the smallest over a window of COVERS."""
        return self._extreme(op.SMALLEST, one, window)

    def faded(self, one: Column) -> Column:
        """Give the sum over 128 sessions, each weighing 13/14 of the next one."""
        for step in (1, 2, 4, 8, 16, 32, 64):
            one = self.make(op.FADED, one, one.ago(step), factor=FADING**step)
        return one

    def relative_strength(self) -> Column:
        """Give 100 times the share of what the close rose, of all it moved; of 128 sessions, faded."""
        rises = self.make(op.RISE, self.total, self.total.ago(1))
        falls = self.make(op.RISE, self.total.ago(1), self.total)
        return self.make(op.STRENGTH, self.faded(rises), self.faded(falls))

    # --- moments --------------------------------------------------------------------------------------------------

    def deviation(self, one: Column, window: int) -> Column:
        """Give the standard deviation over a window."""
        return self.make(op.DEVIATION, self.sum_of(one, window), self.sum_of(self.square(one), window), n=window)

    def skewness(self, one: Column, window: int) -> Column:
        """Give the skewness over a window."""
        square = self.square(one)
        parts = [self.sum_of(power, window) for power in (one, square, self.product(square, one))]
        return self.make(op.SKEWNESS, *parts, n=window)

    def standardised(self, one: Column) -> Column:
        """Give how many standard deviations of the last 20 values the last one is above their mean."""
        five, twenty = self.mean_of(one, 5), self.mean_of(one, 20)
        spread = self.make(op.SPREADS, self.make(op.SPREAD, one, five, n=5, step=1), five, twenty, n=4, step=5)
        return self.make(op.STANDARDISED, one, twenty, spread, n=20)

    def correlation(self, one: Column, two: Column, window: int) -> Column:
        """Give the correlation of two columns over a window."""
        return self.make(op.CORRELATION, *self._pair(one, two, window), n=window)

    def beta(self, window: int) -> Column:
        """Give the slope of the returns on the benchmark's over a window."""
        return self.make(op.SLOPE, *self._pair(self.market_returns, self.returns, window), n=window)

    def residual(self, window: int) -> Column:
        """Give the deviation of what the benchmark does not explain of the returns over a window."""
        return self.make(op.LEFT, *self._pair(self.market_returns, self.returns, window), n=window)

    def unexplained(self, gained: Column, market: Column, window: int) -> Column:
        """Give what was gained beyond a year's beta over so many sessions, in deviations of what it leaves."""
        return self.make(op.UNEXPLAINED, gained, market, self.beta(252), self.residual(252), n=window)

    # --- tape -----------------------------------------------------------------------------------------------------

    def tape(self, features: tuple[Column, ...]) -> Tape:
        """Give the program that puts each of the features out, and the room that it needs.

        A column that is read some sessions later keeps that many as a history; the others give their room back once the
        last operation has read them.
        """
        operations = list(self._operations)
        history, last = _needs(operations, features)
        depths = _depths(operations, features)
        places, shifts, size = _places(history, last, features)
        program, factors = [], []

        def line(made: int, operation: Operation) -> None:
            starts = [places[column.made] - column.back * WIDE for column in operation.operands]
            starts += [0] * (5 - len(starts))
            depth = 0 if operation.code == op.PUT else depths[made]
            program.append([operation.code, places[made], *starts, operation.n, operation.step, depth])
            factors.append(operation.factor)

        for made, operation in enumerate(operations):
            line(made, operation)
            for number, column in enumerate(features):
                if column.made == made:
                    line(made, Operation(op.PUT, (column,), n=number))
        told = np.array(shifts, dtype=np.int64).reshape(-1, 2)
        return Tape(np.array(program, dtype=np.int64).reshape(-1, 10), np.array(factors), told, size)

    def _extreme(self, code: int, one: Column, window: int) -> Column:
        if window == 1:
            return one
        part, near, far = COVERS[window]
        shorter = self._extreme(code, one, part)
        return self.make(code, shorter, shorter.ago(near), shorter.ago(far))

    def _pair(self, x: Column, y: Column, window: int) -> tuple[Column, ...]:
        """Give the sums of two columns, of their squares, and of their products."""
        columns = (x, y, self.square(x), self.square(y), self.product(x, y))
        return tuple(self.sum_of(column, window) for column in columns)


def _needs(operations: list[Operation], features: tuple[Column, ...]) -> tuple[list[int], list[int]]:
    """Give how many sessions each column keeps, and which operation reads it last."""
    history, last = [0] * len(operations), list(range(len(operations)))
    for made, operation in enumerate(operations):
        for read, back in operation.reads:
            history[read] = max(history[read], back)
            last[read] = made
    for column in features:
        history[column.made] = max(history[column.made], column.back)
    return history, last


def _depths(operations: list[Operation], features: tuple[Column, ...]) -> list[int]:
    """Give how many sessions before the last one the features of the last one read of each column."""
    depths = [0] * len(operations)
    for column in features:
        depths[column.made] = max(depths[column.made], column.back)
    for made in reversed(range(len(operations))):
        for read, back in operations[made].reads:
            depths[read] = max(depths[read], depths[made] + back)
    return depths


def _places(
    history: list[int], last: list[int], features: tuple[Column, ...]
) -> tuple[list[int], list[tuple[int, int]], int]:
    """Give where each column's next sessions stand, what histories there are, and how much room all take."""
    tile = HIGH * WIDE
    places: list[int] = []
    free: list[int] = []
    shifts: list[tuple[int, int]] = []
    size = 0
    for made, kept in enumerate(history):
        if kept:
            shifts.append((size, kept * WIDE))
            places.append(size + kept * WIDE)
            size += kept * WIDE + tile
        elif free:
            places.append(free.pop())
        else:
            places.append(size)
            size += tile
        free += [places[ended] for ended in range(made) if last[ended] == made and not history[ended]]
        free += [places[made]] if last[made] == made and not kept else []
    return places, shifts, size

"""A block of instruments: their bars in total-return units, and the sums that features share, each made once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np

from core.domain.bars import Floats
from core.indicators import moments, sums, sweeps
from core.quant.bars import Bars

# How the sum or mean of a window is made: of windows of so many sessions, so many times. Each chain begins with single ones.
WEEKS = {5: (1, 5), 20: (5, 4), 60: (20, 3), 100: (20, 5), 200: (100, 2)}
MONTHS = {7: (1, 7), 21: (7, 3), 63: (21, 3), 105: (21, 5), 126: (63, 2), 252: (126, 2)}
CHAINS = WEEKS | MONTHS
# The largest of a window is that of three which cover it: of so many sessions each, the last two ending so many sessions ago.
COVERS = {3: (1, 1, 2), 9: (3, 3, 6), 21: (9, 9, 12), 63: (21, 21, 42), 126: (63, 63, 63), 252: (126, 126, 126)}
# Wilder's average of 14 sessions keeps 13/14 of the one before.
FADING = 13 / 14
Made = TypeVar("Made")
Make = Callable[[], Floats]


class Block:
    """Some instruments' bars, and whatever features asked for before, so that it is computed once.

    Arrays are contiguous, of shape (sessions, instruments of the block), and not to be written to. Prices are in total-return
    units, volume in the basis of the bars; `market` holds the benchmark as if each instrument were it.
    """

    # What features combine arrays with: reached through a block, so that naming a feature loads no compiled code.
    later, sign, times = staticmethod(sweeps.later), staticmethod(sweeps.sign), staticmethod(sweeps.times)
    ratio, relative, less = staticmethod(sweeps.ratio), staticmethod(sweeps.relative), staticmethod(sweeps.less)
    product, size_per, share_of = (
        staticmethod(sweeps.product),
        staticmethod(sweeps.size_per),
        staticmethod(sweeps.share_of),
    )
    is_zero, squared_fall = staticmethod(sweeps.is_zero), staticmethod(sweeps.squared_fall)
    root, deviation_of = staticmethod(moments.root), staticmethod(moments.deviation)
    skewness, correlation = staticmethod(moments.skewness), staticmethod(moments.correlation)
    unexplained, relative_strength = staticmethod(moments.unexplained), staticmethod(moments.relative_strength)

    def __init__(self, bars: Bars) -> None:
        """Hold the bars; nothing is computed yet."""
        self.bars = bars
        self._made: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Give what was made under a key, or make it."""
        if key not in self._made:
            self._made[key] = make()
        made: Made = self._made[key]
        return made

    def share(self, other: Block) -> None:
        """Take the benchmark's numbers from another block of the same sessions and as many instruments."""
        self._made["market"] = other.market

    # --- bars -----------------------------------------------------------------------------------------------------

    @property
    def total(self) -> Floats:
        """Give the close."""
        return self._column("total")

    @property
    def volume(self) -> Floats:
        """Give the volume."""
        return self._column("volume")

    def price(self, name: str) -> Floats:
        """Give the open, high or low."""
        return self.once(("price", name), lambda: sweeps.scaled(self._column(name), self.total, self._column("close")))

    def traded(self) -> Floats:
        """Give the money traded: the close as it was told, times the volume."""
        return self.once("traded", lambda: sweeps.product(self._column("close"), self.volume))

    @property
    def market(self) -> Block:
        """Give the benchmark in as many equal columns as there are instruments; it has a close and nothing else."""

        def made() -> Block:
            wide = np.ascontiguousarray(np.broadcast_to(self.bars.market[:, None], self.bars.shape))
            return Block(Bars(wide, wide, wide, wide, wide, wide, self.bars.market))

        return self.once("market", made)

    def _column(self, name: str) -> Floats:
        return self.once(("column", name), lambda: np.ascontiguousarray(getattr(self.bars, name)))

    # --- sessions -------------------------------------------------------------------------------------------------

    @property
    def returns(self) -> Floats:
        """Give the return of each session, close to close."""
        return self.change(0, 1)

    def overnight(self) -> Floats:
        """Give the return from the close before to the open."""
        return self.once("overnight", lambda: sweeps.relative(self.price("open"), sweeps.later(self.total, 1)))

    def intraday(self) -> Floats:
        """Give the return from the open to the close."""
        return self.once("intraday", lambda: sweeps.relative(self._column("close"), self._column("open")))

    def squares(self) -> Floats:
        """Give the squared return of each session."""
        return self.once("squares", lambda: sweeps.product(self.returns, self.returns))

    def signs(self) -> Floats:
        """Give 1 for a session that rose, -1 for one that fell, else 0."""
        return self.once("signs", lambda: sweeps.sign(self.returns))

    def cubes(self) -> Floats:
        """Give the cubed return of each session."""
        return self.once("cubes", lambda: sweeps.product(self.squares(), self.returns))

    def location(self) -> Floats:
        """Give where each close stands in the range of its session, from -1 to 1."""
        bars = (self._column("high"), self._column("low"), self._column("close"))
        return self.once("location", lambda: sweeps.close_location(*bars))

    def squared_volume(self) -> Floats:
        """Give the squared volume of each session."""
        return self.once("squared volume", lambda: sweeps.product(self.volume, self.volume))

    def change(self, near: int, far: int) -> Floats:
        """Give the return from `far` sessions ago to `near` sessions ago, close to close."""
        return self.once(("change", near, far), lambda: sweeps.change(self.total, near, far))

    def squared_range(self) -> Floats:
        """Give (ln(high / low))^2 of each session."""

        def made() -> Floats:
            wide = sweeps.ratio(self._column("high"), self._column("low"))
            # A price that is not above zero has no logarithm: that is NaN, or infinite until it is written.
            with np.errstate(invalid="ignore", divide="ignore"):
                logarithm = np.log(wide)
            return sweeps.product(logarithm, logarithm)

        return self.once("squared range", made)

    # --- windows --------------------------------------------------------------------------------------------------

    def sum_of(self, name: str, window: int, make: Make) -> Floats:
        """Give the sum over a window of CHAINS of what `make` gives for each session, under a name of its own."""
        if window == 1:
            return self.once(name, make)
        step, times = CHAINS[window]
        return self.once(("sum", name, window), lambda: sums.repeated_sum(self.sum_of(name, step, make), step, times))

    def year_less_month(self, name: str, make: Make) -> Floats:
        """Give the sum over the 231 sessions that end 21 sessions ago."""
        near, far = self.sum_of(name, 126, make), self.sum_of(name, 105, make)
        return self.once(("year less month", name), lambda: sweeps.later(sums.joined_sum(near, far, 126), 21))

    def sum_of_returns(self, window: int) -> Floats:
        """Give the sum of the returns over a window."""
        return self.sum_of("returns", window, lambda: self.returns)

    def sum_of_squares(self, window: int) -> Floats:
        """Give the sum of the squared returns over a window."""
        return self.sum_of("squares", window, self.squares)

    def sum_of_volume(self, window: int) -> Floats:
        """Give the volume of a window."""
        return self.sum_of("volume", window, lambda: self.volume)

    def deviation(self, window: int) -> Floats:
        """Give the standard deviation of the returns over a window."""
        one, two = self.sum_of_returns(window), self.sum_of_squares(window)
        return self.once(("deviation", window), lambda: moments.deviation(one, two, window))

    def mean_of(self, name: str, window: int, values: Floats) -> Floats:
        """Give the mean over a window of WEEKS of an array that has a name of its own."""
        if window == 1:
            return values
        step, times = WEEKS[window]
        return self.once(
            ("mean", name, window), lambda: sums.repeated_mean(self.mean_of(name, step, values), step, times)
        )

    def standardised(self, name: str, values: Floats) -> Floats:
        """Give how many standard deviations of the last 20 values the last one is above their mean."""
        five, twenty = self.mean_of(name, 5, values), self.mean_of(name, 20, values)
        spread = sums.repeated_spread(sums.spread_of_five(values, five), five, twenty, 5)
        return moments.standardised(values, twenty, spread, 20)

    def largest(self, name: str, window: int, values: Floats) -> Floats:
        """Give the largest over a window of COVERS of an array that has a name of its own."""
        if window == 1:
            return values
        part, near, far = COVERS[window]
        return self.once(("largest", name, window), lambda: sums.largest(self.largest(name, part, values), near, far))

    def smallest(self, name: str, window: int, values: Floats) -> Floats:
        """Give the smallest over a window of COVERS of an array that has a name of its own."""
        if window == 1:
            return values
        part, near, far = COVERS[window]
        return self.once(
            ("smallest", name, window), lambda: sums.smallest(self.smallest(name, part, values), near, far)
        )

    # --- benchmark ------------------------------------------------------------------------------------------------

    def with_market(self, window: int) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats], Floats]:
        """Give the sums of the benchmark's returns and of the instrument's, those of their squares, and of their products."""
        market = self.market
        products = self.sum_of("with market", window, lambda: sweeps.product(market.returns, self.returns))
        totals = (market.sum_of_returns(window), self.sum_of_returns(window))
        return totals, (market.sum_of_squares(window), self.sum_of_squares(window)), products

    def fit(self, window: int) -> tuple[Floats, Floats]:
        """Give the slope of the returns on the benchmark's over a window, and the deviation of what it leaves."""
        return self.once(("fit", window), lambda: moments.regression(*self.with_market(window), window))

    # --- Wilder ---------------------------------------------------------------------------------------------------

    def faded(self) -> tuple[Floats, Floats]:
        """Give the sums of what the close rose and of what it fell in 128 sessions, each session 13/14 of the next one's."""

        def whole(values: Floats) -> Floats:
            for step in (1, 2, 4, 8, 16, 32, 64):
                values = sums.faded_sum(values, step, FADING**step)
            return values

        rises, falls = sweeps.differences(self.total)
        return whole(rises), whole(falls)

"""A block of instruments: their bars in total-return units, and the sums that features share, each made once."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np

from core.domain.bars import Floats
from core.indicators import sums, sweeps
from core.quant.bars import Bars

# How a window's sum is made: of sums over so many sessions, so many times. The first are made of single sessions.
CHAINS = {
    5: (1, 5),
    20: (5, 4),
    60: (20, 3),
    7: (1, 7),
    21: (7, 3),
    63: (21, 3),
    126: (63, 2),
    252: (126, 2),
}


class Block:
    """Some instruments' bars, and whatever features asked for before, so that it is computed once.

    Arrays are contiguous, of shape (sessions, instruments of the block), and not to be written to.
    """

    def __init__(self, bars: Bars) -> None:
        """Hold the bars; nothing is computed yet."""
        self.bars = bars
        self._made: dict[Hashable, Floats] = {}

    def once(self, key: Hashable, make: Callable[[], Floats]) -> Floats:
        """Give what was made under a key, or make it."""
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = make()
        return made

    # --- bars -----------------------------------------------------------------------------------------------------

    @property
    def total(self) -> Floats:
        """Give the total-return close."""
        return self.once("total", lambda: np.ascontiguousarray(self.bars.total))

    @property
    def returns(self) -> Floats:
        """Give the return of each session, close to close."""
        return self.change(0, 1)

    def change(self, near: int, far: int) -> Floats:
        """Give the return from `far` sessions ago to `near` sessions ago, of total-return closes."""
        return self.once(("change", near, far), lambda: sweeps.change(self.total, near, far))

    # --- windows --------------------------------------------------------------------------------------------------

    def sum_of(self, name: str, window: int, make: Callable[[], Floats]) -> Floats:
        """Give the sum over a window of what `make` gives under a name."""
        if window == 1:
            return self.once(name, make)
        step, times = CHAINS[window]
        return self.once((name, window), lambda: sums.repeated_sum(self.sum_of(name, step, make), step, times))

    def sum_of_returns(self, window: int) -> Floats:
        """Give the sum of the returns over a window."""
        return self.sum_of("returns", window, lambda: self.returns)

    def sum_of_squares(self, window: int) -> Floats:
        """Give the sum of the squared returns over a window."""
        return self.sum_of("squares", window, lambda: sweeps.square(self.returns))

    def deviation(self, window: int) -> Floats:
        """Give the standard deviation of the returns over a window."""
        one, two = self.sum_of_returns(window), self.sum_of_squares(window)
        return self.once(("deviation", window), lambda: sweeps.deviation(one, two, window))

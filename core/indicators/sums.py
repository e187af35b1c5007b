"""Sums and extremes over windows of sessions, each made of shorter ones in a fixed order.

Arrays are of shape (sessions, instruments), C order, float64. A window ends with its session. A row that has no whole window
before it is NaN, and so is a window with a NaN in it. Nothing is ever taken off again: a running sum would depend on where it
began, while these give one session alone the very bits that they give it among all others.
"""

from __future__ import annotations

import numpy as np

from core.domain.bars import Floats
from core.indicators.compiled import compiled


@compiled
def repeated_sum(values: Floats, step: int, times: int) -> Floats:
    """Give v(t) + v(t - step) + ... with `times` terms (2 to 7), from the newest to the oldest.

    Of sums over `step` sessions it makes sums over step x times.
    """
    rows, width = values.shape
    back, size = step * width, rows * width
    start = min((times - 1) * back, size)
    flat, out = values.reshape(-1), np.empty(size)
    out[:start] = np.nan
    # Each term as a row of its own, so that the loop's indices are never negative and it runs on whole vectors.
    whole, one, two = out[start:], flat[start:], flat[start - back :]
    for at in range(whole.size):
        whole[at] = one[at] + two[at]
    for term in range(2, times):
        more = flat[start - term * back :]
        for at in range(whole.size):
            whole[at] += more[at]
    return out.reshape(values.shape)

"""Ranks across the instruments of a session."""

from __future__ import annotations

import numpy as np

from core.domain.bars import Floats
from core.indicators.compiled import compiled


@compiled
def coded(values: Floats, order: np.ndarray, steps: int, out: np.ndarray) -> None:
    """Write, a row, the whole part of steps x (below + ties / 2) / n for each of its n values that are no NaN.

    `order` holds the places of the row's values from the smallest up, NaN last; among equal ones it may be any.
    """
    rows, width = values.shape
    for row in range(rows):
        count = 0
        for column in range(width):
            out[row, column] = np.nan
            count += values[row, column] == values[row, column]
        first = 0
        while first < count:
            value = values[row, order[row, first]]
            after = first + 1
            while after < count and values[row, order[row, after]] == value:
                after += 1
            code = (first + after) * steps // (2 * count)
            for at in range(first, after):
                out[row, order[row, at]] = code
            first = after

"""Formulas of one row or two over arrays of shape (sessions, instruments): changes, ratios, deviations.

C order, float64. NaN in makes NaN out, and so does a division by zero: no number is ever infinite.
"""

from __future__ import annotations

import numpy as np

from core.domain.bars import Floats
from core.indicators.compiled import compiled


@compiled
def change(values: Floats, near: int, far: int) -> Floats:
    """Give v(t - near) / v(t - far) - 1, near < far."""
    rows, width = values.shape
    size = rows * width
    start = min(far * width, size)
    flat, out = values.reshape(-1), np.empty(size)
    out[:start] = np.nan
    whole, above, below = out[start:], flat[start - min(near * width, start) :], flat
    for at in range(whole.size):
        whole[at] = above[at] / below[at] - 1.0 if below[at] != 0.0 else np.nan
    return out.reshape(values.shape)


@compiled
def square(values: Floats) -> Floats:
    """Give v(t) squared."""
    flat = values.reshape(-1)
    out = np.empty(flat.size)
    for at in range(flat.size):
        out[at] = flat[at] * flat[at]
    return out.reshape(values.shape)


@compiled
def deviation(total: Floats, squares: Floats, count: int) -> Floats:
    """Give the standard deviation of a sample (n - 1) from the sums of its values and of their squares.

    What is left of the squares once the mean is taken off counts as nothing below a part in 10^12 of them: that is rounding.
    """
    one, two = total.reshape(-1), squares.reshape(-1)
    out = np.empty(one.size)
    for at in range(one.size):
        spread = two[at] - one[at] * one[at] / count
        out[at] = np.sqrt(0.0 if spread <= 1e-12 * two[at] else spread / (count - 1))
    return out.reshape(total.shape)


@compiled
def place(values: Floats, is_wanted: np.ndarray, out: np.ndarray) -> None:
    """Write values where they are wanted, and NaN elsewhere and for what is not finite."""
    rows, width = out.shape
    for row in range(rows):
        for column in range(width):
            value = values[row, column]
            is_kept = is_wanted[row, column] and value - value == 0.0
            out[row, column] = value if is_kept else np.nan

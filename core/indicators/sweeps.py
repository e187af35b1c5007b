"""What one session of an instrument comes to: changes, ratios, and the parts that windows are summed of.

Arrays are of shape (sessions, instruments), C order, float64. NaN in makes NaN out, and so does a division by zero: no number
is infinite.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
def differences(values: Floats) -> tuple[Floats, Floats]:
    """Give what v(t) rose from v(t - 1), or zero, and what it fell, or zero: neither is below zero."""
    rows, width = values.shape
    size = rows * width
    start = min(width, size)
    flat, up, down = values.reshape(-1), np.empty(size), np.empty(size)
    up[:start] = np.nan
    down[:start] = np.nan
    newer, rises, falls = flat[start:], up[start:], down[start:]
    for at in range(newer.size):
        moved = newer[at] - flat[at]
        rises[at] = 0.0 if moved <= 0.0 else moved
        falls[at] = 0.0 if moved >= 0.0 else -moved
    return up.reshape(values.shape), down.reshape(values.shape)


@compiled
def later(values: Floats, back: int) -> Floats:
    """Give v(t - back)."""
    rows, width = values.shape
    size = rows * width
    start = min(back * width, size)
    out = np.empty(size)
    out[:start] = np.nan
    out[start:] = values.reshape(-1)[: size - start]
    return out.reshape(values.shape)


@compiled
def scaled(values: Floats, unit: Floats, per: Floats) -> Floats:
    """Give v x unit / per: a price in the units in which `unit` tells what `per` tells in its own."""
    one, two, three = values.reshape(-1), unit.reshape(-1), per.reshape(-1)
    out = np.empty(one.size)
    for at in range(one.size):
        out[at] = one[at] * two[at] / three[at] if three[at] != 0.0 else np.nan
    return out.reshape(values.shape)


@compiled
def ratio(above: Floats, below: Floats) -> Floats:
    """Give a / b."""
    one, two = above.reshape(-1), below.reshape(-1)
    out = np.empty(one.size)
    for at in range(one.size):
        out[at] = one[at] / two[at] if two[at] != 0.0 else np.nan
    return out.reshape(above.shape)


@compiled
def relative(above: Floats, below: Floats) -> Floats:
    """Give a / b - 1."""
    one, two = above.reshape(-1), below.reshape(-1)
    out = np.empty(one.size)
    for at in range(one.size):
        out[at] = one[at] / two[at] - 1.0 if two[at] != 0.0 else np.nan
    return out.reshape(above.shape)


@compiled
def product(one: Floats, two: Floats) -> Floats:
    """Give a x b."""
    first, second = one.reshape(-1), two.reshape(-1)
    out = np.empty(first.size)
    for at in range(first.size):
        out[at] = first[at] * second[at]
    return out.reshape(one.shape)


@compiled
def less(one: Floats, two: Floats) -> Floats:
    """Give a - b."""
    first, second = one.reshape(-1), two.reshape(-1)
    out = np.empty(first.size)
    for at in range(first.size):
        out[at] = first[at] - second[at]
    return out.reshape(one.shape)


@compiled
def share_of(part: Floats, low: Floats, high: Floats) -> Floats:
    """Give (v - low) / (high - low): where a value stands from 0, the low, to 1, the high."""
    one, two, three = part.reshape(-1), low.reshape(-1), high.reshape(-1)
    out = np.empty(one.size)
    for at in range(one.size):
        width = three[at] - two[at]
        out[at] = (one[at] - two[at]) / width if width != 0.0 else np.nan
    return out.reshape(part.shape)


@compiled
def close_location(high: Floats, low: Floats, close: Floats) -> Floats:
    """Give ((close - low) - (high - close)) / (high - low), from -1 to 1; 0 for a bar whose high is its low."""
    one, two, three = high.reshape(-1), low.reshape(-1), close.reshape(-1)
    out = np.empty(one.size)
    for at in range(one.size):
        width = one[at] - two[at]
        inside = (three[at] - two[at]) - (one[at] - three[at])
        out[at] = inside / width if width != 0.0 else 0.0 * inside
    return out.reshape(high.shape)


@compiled
def sign(values: Floats) -> Floats:
    """Give 1 above zero, -1 below, and 0 for zero."""
    flat = values.reshape(-1)
    out = np.empty(flat.size)
    for at in range(flat.size):
        value = flat[at]
        out[at] = 1.0 if value > 0.0 else (-1.0 if value < 0.0 else value * 0.0)
    return out.reshape(values.shape)


@compiled
def is_zero(values: Floats) -> Floats:
    """Give 1 for zero and 0 for what is not."""
    flat = values.reshape(-1)
    out = np.empty(flat.size)
    for at in range(flat.size):
        value = flat[at]
        out[at] = 1.0 if value == 0.0 else (0.0 if value == value else np.nan)
    return out.reshape(values.shape)


@compiled
def squared_fall(values: Floats) -> Floats:
    """Give the square of what is below zero, and 0 for what is not."""
    flat = values.reshape(-1)
    out = np.empty(flat.size)
    for at in range(flat.size):
        value = flat[at]
        out[at] = 0.0 if value >= 0.0 else value * value
    return out.reshape(values.shape)


@compiled
def size_per(values: Floats, below: Floats) -> Floats:
    """Give |v| / b."""
    one, two = values.reshape(-1), below.reshape(-1)
    out = np.empty(one.size)
    for at in range(one.size):
        out[at] = abs(one[at]) / two[at] if two[at] != 0.0 else np.nan
    return out.reshape(values.shape)


@compiled
def times(values: Floats, factor: float) -> Floats:
    """Give v x factor."""
    flat = values.reshape(-1)
    out = np.empty(flat.size)
    for at in range(flat.size):
        out[at] = flat[at] * factor
    return out.reshape(values.shape)


@compiled
def place(values: Floats, is_wanted: NDArray[np.bool_], first: int, out: Floats) -> None:
    """Write the last rows of values to the columns of `out` from `first` on, where they are wanted and finite; else NaN."""
    rows, width = values.shape
    skipped = rows - out.shape[0]
    for row in range(out.shape[0]):
        line, wanted, given = (
            out[row, first : first + width],
            is_wanted[row, first : first + width],
            values[row + skipped],
        )
        for column in range(width):
            value = given[column]
            line[column] = value if wanted[column] & (value - value == 0.0) else np.nan

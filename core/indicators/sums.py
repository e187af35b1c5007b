"""Sums, means and extremes over windows of sessions, each made of shorter ones in a fixed order.

Arrays are of shape (sessions, instruments), C order, float64. A window ends with its session. A row that has no whole window
before it is NaN, and so is a window with a NaN in it. Nothing is ever taken off again: a running sum would depend on where it
began, while these give one session alone the very bits that they give it among all others.

`step` is how many sessions the windows span that a new one is made of, `times` how many of them it takes, the newest first:
of sums over 7 sessions, step 7 and times 3 make sums over 21.
"""

from __future__ import annotations

import numpy as np

from core.domain.bars import Floats
from core.indicators.compiled import compiled


@compiled
def repeated_sum(values: Floats, step: int, times: int) -> Floats:
    """Give v(t) + v(t - step) + ..., with 2, 3, 4, 5 or 7 terms."""
    rows, width = values.shape
    back, size = step * width, rows * width
    start = min((times - 1) * back, size)
    flat, out = values.reshape(-1), np.empty(size)
    out[:start] = np.nan
    # Each term as a row of its own, so that no index is negative and a loop runs on whole vectors.
    whole, a, b, c = out[start:], flat[start:], flat[start - back :], flat[max(start - 2 * back, 0) :]
    d, e = flat[max(start - 3 * back, 0) :], flat[max(start - 4 * back, 0) :]
    if times == 2:
        for at in range(whole.size):
            whole[at] = a[at] + b[at]
    elif times == 3:
        for at in range(whole.size):
            whole[at] = a[at] + b[at] + c[at]
    elif times == 4:
        for at in range(whole.size):
            whole[at] = a[at] + b[at] + c[at] + d[at]
    elif times == 5:
        for at in range(whole.size):
            whole[at] = a[at] + b[at] + c[at] + d[at] + e[at]
    else:
        f, g = flat[max(start - 5 * back, 0) :], flat[max(start - 6 * back, 0) :]
        for at in range(whole.size):
            whole[at] = a[at] + b[at] + c[at] + d[at] + e[at] + f[at] + g[at]
    return out.reshape(values.shape)


@compiled
def joined_sum(near: Floats, far: Floats, back: int) -> Floats:
    """Give near(t) + far(t - back): two windows of different lengths that follow each other."""
    rows, width = near.shape
    size = rows * width
    start = min(back * width, size)
    one, two, out = near.reshape(-1)[start:], far.reshape(-1), np.empty(size)
    out[:start] = np.nan
    whole = out[start:]
    for at in range(whole.size):
        whole[at] = one[at] + two[at]
    return out.reshape(near.shape)


@compiled
def faded_sum(values: Floats, step: int, factor: float) -> Floats:
    """Give v(t) + f v(t - step): two windows, the older the fainter."""
    rows, width = values.shape
    size = rows * width
    start = min(step * width, size)
    flat, out = values.reshape(-1), np.empty(size)
    out[:start] = np.nan
    whole, newer = out[start:], flat[start:]
    for at in range(whole.size):
        whole[at] = newer[at] + factor * flat[at]
    return out.reshape(values.shape)


@compiled
def repeated_mean(values: Floats, step: int, times: int) -> Floats:
    """Give the mean of v(t), v(t - step), ..., of 2 to 5 terms, as v(t) and the mean of what the others differ from it.

    Equal values have that very value for a mean.
    """
    rows, width = values.shape
    back, size = step * width, rows * width
    start = min((times - 1) * back, size)
    flat, out = values.reshape(-1), np.empty(size)
    out[:start] = np.nan
    whole, a, b, c = out[start:], flat[start:], flat[start - back :], flat[max(start - 2 * back, 0) :]
    d, e = flat[max(start - 3 * back, 0) :], flat[max(start - 4 * back, 0) :]
    share = 1.0 / times
    if times == 2:
        for at in range(whole.size):
            whole[at] = a[at] + (b[at] - a[at]) * share
    elif times == 3:
        for at in range(whole.size):
            whole[at] = a[at] + ((b[at] - a[at]) + (c[at] - a[at])) * share
    elif times == 4:
        for at in range(whole.size):
            whole[at] = a[at] + ((b[at] - a[at]) + (c[at] - a[at]) + (d[at] - a[at])) * share
    else:
        for at in range(whole.size):
            differ = (b[at] - a[at]) + (c[at] - a[at]) + (d[at] - a[at]) + (e[at] - a[at])
            whole[at] = a[at] + differ * share
    return out.reshape(values.shape)


@compiled
def repeated_spread(spread: Floats, mean: Floats, whole_mean: Floats, step: int) -> Floats:
    """Give the sum of squared differences from the mean over four windows, from those of each window and their means.

    Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample Variance", p. 242: the spreads within, and what the
    means of the windows differ from the mean of all, once for each of their `step` sessions. Equal values have no spread.
    """
    rows, width = mean.shape
    back, size = step * width, rows * width
    start = min(3 * back, size)
    means, spreads, out = mean.reshape(-1), spread.reshape(-1), np.empty(size)
    out[:start] = np.nan
    total, centre, second, third = out[start:], whole_mean.reshape(-1)[start:], start - back, max(start - 2 * back, 0)
    a, b, c, d = means[start:], means[second:], means[third:], means
    e, f, g, h = spreads[start:], spreads[second:], spreads[third:], spreads
    for at in range(total.size):
        m = centre[at]
        apart = (a[at] - m) * (a[at] - m) + (b[at] - m) * (b[at] - m)
        apart += (c[at] - m) * (c[at] - m) + (d[at] - m) * (d[at] - m)
        total[at] = (e[at] + f[at] + g[at] + h[at]) + step * apart
    return out.reshape(mean.shape)


@compiled
def largest(values: Floats, near: int, far: int) -> Floats:
    """Give the largest of v(t), v(t - near) and v(t - far), near <= far: of windows that may overlap."""
    rows, width = values.shape
    size = rows * width
    start = min(far * width, size)
    flat, out = values.reshape(-1), np.empty(size)
    out[:start] = np.nan
    whole, a, b, c = out[start:], flat[start:], flat[start - min(near * width, start) :], flat
    for at in range(whole.size):
        # A NaN is larger than nothing, and not to be passed over.
        one = a[at] if (a[at] >= b[at]) | (a[at] != a[at]) else b[at]
        whole[at] = one if (one >= c[at]) | (one != one) else c[at]
    return out.reshape(values.shape)


@compiled
def smallest(values: Floats, near: int, far: int) -> Floats:
    """Give the smallest of v(t), v(t - near) and v(t - far), near <= far: of windows that may overlap."""
    rows, width = values.shape
    size = rows * width
    start = min(far * width, size)
    flat, out = values.reshape(-1), np.empty(size)
    out[:start] = np.nan
    whole, a, b, c = out[start:], flat[start:], flat[start - min(near * width, start) :], flat
    for at in range(whole.size):
        one = a[at] if (a[at] <= b[at]) | (a[at] != a[at]) else b[at]
        whole[at] = one if (one <= c[at]) | (one != one) else c[at]
    return out.reshape(values.shape)


@compiled
def spread_of_five(values: Floats, mean: Floats) -> Floats:
    """Give the sum of squared differences of the last five values from their mean."""
    rows, width = values.shape
    size = rows * width
    start = min(4 * width, size)
    flat, centre, out = values.reshape(-1), mean.reshape(-1)[start:], np.empty(size)
    out[:start] = np.nan
    whole, a, b = out[start:], flat[start:], flat[max(start - width, 0) :]
    c, d, e = flat[max(start - 2 * width, 0) :], flat[max(start - 3 * width, 0) :], flat
    for at in range(whole.size):
        m = centre[at]
        near = (a[at] - m) * (a[at] - m) + (b[at] - m) * (b[at] - m)
        far = (c[at] - m) * (c[at] - m) + (d[at] - m) * (d[at] - m) + (e[at] - m) * (e[at] - m)
        whole[at] = near + far
    return out.reshape(values.shape)

"""What sums over a window come to: deviations, skewness, correlations, and what a benchmark explains.

Arrays are of shape (sessions, instruments), C order, float64; `count` is how many values were summed. NaN in makes NaN out,
and so does a division by zero. What is left of a sum of squares counts as nothing below a part in 10^12 of it: that is what
rounding leaves of values that are all the same.
"""

from __future__ import annotations

import numpy as np

from core.domain.bars import Floats
from core.indicators.compiled import compiled

ROUNDING = 1e-12


@compiled
def deviation(total: Floats, squares: Floats, count: int) -> Floats:
    """Give the standard deviation of a sample (n - 1) from the sums of its values and of their squares."""
    one, two = total.reshape(-1), squares.reshape(-1)
    out = np.empty(one.size)
    share, freedom = 1.0 / count, 1.0 / (count - 1)
    for at in range(one.size):
        spread = two[at] - one[at] * one[at] * share
        out[at] = np.sqrt(0.0 if spread <= ROUNDING * two[at] else spread * freedom)
    return out.reshape(total.shape)


@compiled
def root(total: Floats, factor: float) -> Floats:
    """Give the root of a sum times a factor."""
    flat = total.reshape(-1)
    out = np.empty(flat.size)
    for at in range(flat.size):
        out[at] = np.sqrt(flat[at] * factor)
    return out.reshape(total.shape)


@compiled
def standardised(value: Floats, mean: Floats, spread: Floats, count: int) -> Floats:
    """Give (v - mean) / sd, sd being that of a sample (n - 1) whose squared differences from the mean sum to `spread`."""
    one, two, three = value.reshape(-1), mean.reshape(-1), spread.reshape(-1)
    out = np.empty(one.size)
    freedom = 1.0 / (count - 1)
    for at in range(one.size):
        size = np.sqrt(three[at] * freedom)
        out[at] = (one[at] - two[at]) / size if size != 0.0 else np.nan
    return out.reshape(value.shape)


@compiled
def skewness(total: Floats, squares: Floats, cubes: Floats, count: int) -> Floats:
    """Give m3 / m2^1.5 of the moments about the mean (n): no correction for the size of the sample."""
    one, two, three = total.reshape(-1), squares.reshape(-1), cubes.reshape(-1)
    out = np.empty(one.size)
    share = 1.0 / count
    for at in range(one.size):
        mean = one[at] * share
        second = two[at] - one[at] * mean
        third = three[at] - 3.0 * mean * two[at] + 2.0 * mean * mean * one[at]
        variance = second * share
        has_spread = second > ROUNDING * two[at]
        out[at] = third * share / (variance * np.sqrt(variance)) if has_spread else np.nan
    return out.reshape(total.shape)


@compiled
def correlation(totals: tuple[Floats, Floats], squares: tuple[Floats, Floats], products: Floats, count: int) -> Floats:
    """Give the correlation of two samples from their sums, the sums of their squares and that of their products."""
    x, y = totals[0].reshape(-1), totals[1].reshape(-1)
    xx, yy, xy = squares[0].reshape(-1), squares[1].reshape(-1), products.reshape(-1)
    out = np.empty(x.size)
    share = 1.0 / count
    for at in range(x.size):
        one, two = xx[at] - x[at] * x[at] * share, yy[at] - y[at] * y[at] * share
        both = xy[at] - x[at] * y[at] * share
        have_spread = (one > ROUNDING * xx[at]) & (two > ROUNDING * yy[at])
        out[at] = both / (np.sqrt(one) * np.sqrt(two)) if have_spread else np.nan
    return out.reshape(products.shape)


@compiled
def regression(
    totals: tuple[Floats, Floats], squares: tuple[Floats, Floats], products: Floats, count: int
) -> tuple[Floats, Floats]:
    """Give the slope of y on x by least squares, and the deviation (n - 2) of what it leaves of y.

    `totals` and `squares` hold the sums of x and of y.
    """
    x, y = totals[0].reshape(-1), totals[1].reshape(-1)
    xx, yy, xy = squares[0].reshape(-1), squares[1].reshape(-1), products.reshape(-1)
    slopes, lefts = np.empty(x.size), np.empty(x.size)
    share, freedom = 1.0 / count, 1.0 / (count - 2)
    for at in range(x.size):
        one, two = xx[at] - x[at] * x[at] * share, yy[at] - y[at] * y[at] * share
        both = xy[at] - x[at] * y[at] * share
        slope = both / one if one > ROUNDING * xx[at] else np.nan
        left = two - slope * both
        slopes[at] = slope
        lefts[at] = np.sqrt(0.0 if left <= ROUNDING * yy[at] else left * freedom)
    return slopes.reshape(products.shape), lefts.reshape(products.shape)


@compiled
def unexplained(gained: Floats, market: Floats, fit: tuple[Floats, Floats], count: int) -> Floats:
    """Give (y - slope x) / (left root(n)) of sums y and x over n sessions, `fit` being the slope and the deviation left."""
    y, x, slope, left = gained.reshape(-1), market.reshape(-1), fit[0].reshape(-1), fit[1].reshape(-1)
    out = np.empty(y.size)
    scale = np.sqrt(float(count))
    for at in range(y.size):
        below = left[at] * scale
        out[at] = (y[at] - slope[at] * x[at]) / below if below != 0.0 else np.nan
    return out.reshape(gained.shape)


@compiled
def relative_strength(up: Floats, down: Floats) -> Floats:
    """Give 100 x up / (up + down), of sums that are not below zero."""
    one, two = up.reshape(-1), down.reshape(-1)
    out = np.empty(one.size)
    for at in range(one.size):
        both = one[at] + two[at]
        out[at] = 100.0 * one[at] / both if both != 0.0 else np.nan
    return out.reshape(up.shape)

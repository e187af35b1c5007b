"""Formulas of one number each: ratios, moments of sums, what a benchmark explains.

NaN in makes NaN out, and so does a division by zero. What is left of a sum of squares counts as nothing below a part in 10^12
of it: that is what rounding leaves of values that are all the same. `share` is 1 / n of the n values that were summed.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from core.indicators.compiled import inner

ROUNDING = 1e-12


@inner
def ratio(above: float, below: float) -> float:
    """Give a / b."""
    return above / below if below != 0.0 else np.nan


@inner
def location(high: float, low: float, close: float) -> float:
    """Give ((close - low) - (high - close)) / (high - low), from -1 to 1; 0 for a bar whose high is its low."""
    width = high - low
    inside = (close - low) - (high - close)
    return inside / width if width != 0.0 else 0.0 * inside


@inner
def sign(value: float) -> float:
    """Give 1 above zero, -1 below, and 0 for zero."""
    return 1.0 if value > 0.0 else (-1.0 if value < 0.0 else value * 0.0)


@inner
def is_zero(value: float) -> float:
    """Give 1 for zero and 0 for what is not."""
    return 1.0 if value == 0.0 else (0.0 if value == value else np.nan)


@inner
def larger(one: float, two: float) -> float:
    """Give the larger of two; NaN where either is, for a gap is not to be passed over."""
    return one if (one >= two) | (one != one) else two


@inner
def smaller(one: float, two: float) -> float:
    """Give the smaller of two; NaN where either is."""
    return one if (one <= two) | (one != one) else two


@inner
def centred(total: float, other: float, products: float, share: float) -> float:
    """Give the sum of the products of what two samples differ from their means."""
    return products - total * other * share


@inner
def deviation(total: float, squares: float, share: float, freedom: float) -> float:
    """Give the standard deviation of a sample; `freedom` is 1 / (n - 1)."""
    spread = squares - total * total * share
    return sqrt(0.0 if spread <= ROUNDING * squares else spread * freedom)


@inner
def skewness(total: float, squares: float, cubes: float, share: float) -> float:
    """Give m3 / m2^1.5 of the moments about the mean (n): no correction for the size of the sample."""
    mean = total * share
    second = squares - total * mean
    third = cubes - 3.0 * mean * squares + 2.0 * mean * mean * total
    variance = second * share
    return third * share / (variance * sqrt(variance)) if second > ROUNDING * squares else np.nan


@inner
def correlation(spreads: tuple[float, float], squares: tuple[float, float], both: float) -> float:
    """Give the correlation from the centred sums of squares and of products; `squares` are the sums before centring."""
    one, two = spreads
    have_spread = (one > ROUNDING * squares[0]) & (two > ROUNDING * squares[1])
    return both / (sqrt(one) * sqrt(two)) if have_spread else np.nan


@inner
def slope(spread: float, squares: float, both: float) -> float:
    """Give the slope by least squares of what has the centred products `both` on what has the spread."""
    return both / spread if spread > ROUNDING * squares else np.nan


@inner
def left(spread: float, squares: float, explained: float, freedom: float) -> float:
    """Give the deviation of what is left of a spread; `freedom` is 1 / (n - 2)."""
    rest = spread - explained
    return sqrt(0.0 if rest <= ROUNDING * squares else rest * freedom)

"""Measures of a ranking: what scores told of what was realised, week by week (information coefficients and quantiles)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from core.domain.bars import Floats

PAIRS_MIN = 3


def ic(scores: Floats, realised: Floats) -> Floats:
    """Give the information coefficient of each week: Pearson's correlation of scores and realised returns, (W, N) to (W,).

    Only instruments with both count. NaN in a week with fewer than three of them, or where either does not vary.
    Source: Grinold and Kahn (2000), Active Portfolio Management, 2nd ed., ch. 6.
    """
    return _by_week(scores, realised, _pearson)


def rank_ic(scores: Floats, realised: Floats) -> Floats:
    """Give the rank IC of each week: Spearman's correlation, ties at their mean rank, (W, N) to (W,); NaN as `ic` has it.

    Source: Spearman (1904), American Journal of Psychology 15, p. 72; as alphalens and Qlib tell it.
    """
    return _by_week(scores, realised, lambda one, other: _pearson(mean_ranks(one), mean_ranks(other)))


def icir(coefficients: Floats) -> float:
    """Give the mean of weekly coefficients over their standard deviation (n - 1): the information ratio of a week's IC.

    It is a week's, not a year's (that is root 52 times as much). Weeks of NaN do not count; NaN with fewer than two, or
    where they do not vary. Source: Grinold and Kahn (2000), ch. 6; Qlib and alphalens tell the same ratio.
    """
    told = coefficients[np.isfinite(coefficients)]
    spread = float(np.std(told, ddof=1)) if len(told) > 1 else 0.0
    return float(np.mean(told)) / spread if spread > 0 else math.nan


def t_statistic(coefficients: Floats) -> float:
    """Give Student's t of the mean of weekly coefficients being zero: ICIR times the root of the weeks that count.

    It takes the weeks for independent, which one-week labels that do not overlap are where there is nothing to find.
    """
    return icir(coefficients) * math.sqrt(np.count_nonzero(np.isfinite(coefficients)))


def quantile_returns(scores: Floats, realised: Floats, *, quantiles: int) -> Floats:
    """Give the mean realised return of each fraction of the ranking, (W, N) to (W, quantiles): the lowest scores first.

    An instrument of mean rank r among n is in the fraction floor(quantiles * (r - 1/2) / n), so that equal scores stand
    in one fraction whatever the order of the instruments. NaN where a fraction is empty, and in weeks of fewer
    instruments than fractions.
    """
    means = np.full((len(scores), quantiles), np.nan)
    for week, (one, other) in enumerate(zip(scores, realised, strict=True)):
        both = np.isfinite(one) & np.isfinite(other)
        count = int(np.count_nonzero(both))
        if count < max(quantiles, 1):
            continue
        fraction = np.floor(quantiles * (mean_ranks(one[both]) - 0.5) / count).astype(np.int64)
        sums = np.bincount(fraction, weights=other[both], minlength=quantiles)
        sizes = np.bincount(fraction, minlength=quantiles)
        means[week] = np.divide(sums, sizes, out=np.full(quantiles, np.nan), where=sizes > 0)
    return means


def quantile_spread(scores: Floats, realised: Floats, *, quantiles: int) -> Floats:
    """Give what the highest fraction of the ranking returned more than the lowest in each week, (W, N) to (W,)."""
    means = quantile_returns(scores, realised, quantiles=quantiles)
    spread: Floats = means[:, -1] - means[:, 0]
    return spread


def mean_ranks(values: Floats) -> Floats:
    """Give the ranks from 1 on of finite numbers, ties at their mean rank: half of those at or below, and those below."""
    ordered = np.sort(values)
    below, through = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    ranks: Floats = (below + through + 1) / 2.0
    return ranks


def _by_week(scores: Floats, realised: Floats, measure: Callable[[Floats, Floats], float]) -> Floats:
    if scores.shape != realised.shape:
        raise ValueError(
            f"scores have shape {scores.shape}, realised {realised.shape}; both must be (weeks, instruments)"
        )
    told = np.full(len(scores), np.nan)
    for week, (one, other) in enumerate(zip(scores, realised, strict=True)):
        both = np.isfinite(one) & np.isfinite(other)
        if np.count_nonzero(both) >= PAIRS_MIN:
            told[week] = measure(one[both], other[both])
    return told


def _pearson(one: Floats, other: Floats) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return math.nan
    one, other = one - one.mean(), other - other.mean()
    spread = math.sqrt(float(one @ one) * float(other @ other))
    return float(one @ other) / spread if spread > 0 else math.nan

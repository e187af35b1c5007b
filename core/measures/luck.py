"""Luck: how likely a Sharpe ratio is by chance, how high the best of many trials would be, and intervals by resampling.

All of it is in floats, of session returns; nothing here decides about money.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Floats
from core.measures.returns import YEAR, NotComputable
from core.measures.tearsheet import FLAT

# Skewness, kurtosis and blocks of a resample say nothing about fewer sessions than a quarter of a year has.
FEWEST = 60
EULER = 0.5772156649015329
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Shape:
    """The moments of session returns that a Sharpe ratio's chance rests on; the kurtosis of a normal distribution is 3."""

    sessions: int
    sharpe: float
    skewness: float
    kurtosis: float


@dataclass(frozen=True, eq=False)
class Resampled:
    """What each resample of the same sessions came to: the return a year, the Sharpe ratio of a session, and the excess.

    `excess` is the return a year less the benchmark's over the same resampled sessions. All are of shape (draws,).
    """

    a_year: Floats
    sharpe: Floats
    excess: Floats


def shape_of(returns: Floats) -> Shape:
    """Give the moments of returns: Sharpe ratio of a session with n - 1, skewness and kurtosis of the population (n).

    Raises NotComputable for fewer than 60 returns, and for those that do not vary.
    """
    count = len(returns)
    if count < FEWEST:
        raise NotComputable(f"there are {count} session returns; chance is not judged by fewer than {FEWEST}")
    mean = float(returns.mean())
    away = returns - mean
    spread = math.sqrt(float((away**2).mean()))
    if spread <= FLAT:
        raise NotComputable("the returns do not vary; there is no risk to divide by")
    sharpe = mean / (spread * math.sqrt(count / (count - 1)))
    return Shape(count, sharpe, float((away**3).mean()) / spread**3, float((away**4).mean()) / spread**4)


def probabilistic_sharpe(shape: Shape, threshold: float = 0.0) -> float:
    """Give the probability that the true Sharpe ratio of a session is above a threshold.

    Z[(SR - SR*) root(n - 1) / root(1 - g3 SR + (g4 - 1) / 4 SR^2)] with the skewness g3 and the kurtosis g4 (Bailey and
    Lopez de Prado 2012, "The Sharpe Ratio Efficient Frontier", equation 9). Raises NotComputable where the root has
    nothing positive under it.
    """
    under = 1.0 - shape.skewness * shape.sharpe + (shape.kurtosis - 1.0) / 4.0 * shape.sharpe**2
    if under <= 0.0:
        raise NotComputable(f"the variance of the Sharpe ratio came to {under:.4f}; it must be above zero")
    return _NORMAL.cdf((shape.sharpe - threshold) * math.sqrt((shape.sessions - 1) / under))


def expected_best_sharpe(trials: int, variance: float) -> float:
    """Give the Sharpe ratio that the best of some trials without any skill is expected to show.

    root(V) ((1 - g) Z^-1[1 - 1 / N] + g Z^-1[1 - 1 / (N e)]), g = 0.5772 (Bailey and Lopez de Prado 2014, "The Deflated
    Sharpe Ratio", equation 1). One trial has no best: zero. Raises ValueError for fewer, and for a negative variance.
    """
    if trials < 1 or not variance >= 0.0:
        raise ValueError(
            f"trials were {trials} and their variance {variance}; one trial and no less than zero are needed"
        )
    if trials == 1:
        return 0.0
    high, higher = _NORMAL.inv_cdf(1.0 - 1.0 / trials), _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - EULER) * high + EULER * higher)


def variance_of_trials(sharpes: Sequence[float]) -> float:
    """Give the variance (n - 1) of the Sharpe ratios of trials; zero of one, and of none that is a number."""
    known = np.array([one for one in sharpes if math.isfinite(one)])
    return float(known.var(ddof=1)) if len(known) > 1 else 0.0


def share_below(values: Floats, ours: float) -> float:
    """Give the share of values below ours, equal ones by half; raises NotComputable without any."""
    if not len(values):
        raise NotComputable("there are no random ranks to stand beside")
    return float(np.mean(values < ours) + np.mean(values == ours) / 2.0)


def mean_block(sessions: int) -> float:
    """Give the mean length of the blocks: the cube root of the sessions, the order at which the error is least.

    The order is Politis and Romano's (1994); its constant is one here, and nothing is fitted to the returns.
    """
    return max(1.0, float(np.cbrt(sessions)))


def resampled(returns: Floats, benchmark: Floats, *, days: int, draws: int, seed: int) -> Resampled:
    """Resample sessions by the stationary bootstrap, ours and the benchmark's together.

    Blocks begin at any session alike, their lengths are geometric, and the last session is followed by the first (Politis
    and Romano 1994, "The Stationary Bootstrap"). A return a year is (product of 1 + r) ** (365 / days) - 1, with the days
    of the curve. Both arrays are of shape (sessions,). Raises NotComputable for fewer than 60 sessions, below a year, and
    for returns that do not vary.
    """
    count = len(returns)
    shape_of(returns)
    if days < YEAR:
        raise NotComputable(f"the period has {days} days; a return of less than {YEAR} is not told a year")
    starts, lengths = _blocks(count, draws, np.random.Generator(np.random.PCG64(seed)))
    columns = np.stack([np.log1p(returns), np.log1p(benchmark), returns, returns**2])
    # Twice around, so that a block that runs over the end goes on at the beginning.
    sums = np.concatenate([np.zeros((4, 1)), np.cumsum(np.tile(columns, 2), axis=1)], axis=1)
    ours, theirs, first, second = ((row[starts + lengths] - row[starts]).sum(axis=1) for row in sums)
    variance = np.maximum(second - first**2 / count, 0.0) / (count - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        sharpe = np.where(variance > FLAT**2, first / count / np.sqrt(variance), np.nan)
    years = days / YEAR
    a_year = np.expm1(ours / years)
    return Resampled(a_year, sharpe[np.isfinite(sharpe)], a_year - np.expm1(theirs / years))


def interval(samples: Floats, level: float) -> tuple[float, float]:
    """Give the percentile interval of resampled values that holds a share of them, as much below as above."""
    low, high = np.quantile(samples, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def _blocks(count: int, draws: int, generator: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the first session and the length of each block of each draw; a draw's lengths add up to the sessions."""
    chance = 1.0 / mean_block(count)
    at_once = int(count * chance + 4.0 * math.sqrt(count * chance)) + 8
    starts, ends = np.empty((draws, 0), dtype=np.int64), np.zeros((draws, 1), dtype=np.int64)
    while ends[:, -1].min() < count:
        starts = np.hstack([starts, generator.integers(0, count, size=(draws, at_once))])
        lengths = generator.geometric(chance, size=(draws, at_once))
        ends = np.hstack([ends, np.minimum(ends[:, -1:] + np.cumsum(lengths, axis=1), count)])
    return starts, np.diff(ends, axis=1)

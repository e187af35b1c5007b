"""Planted truth: weeks of codes and labels in which so much is known, and no more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain.bars import Floats
from core.quant.labels import rank_labels
from core.quant.training import TrainingSet


@dataclass(frozen=True, eq=False)
class Planted:
    """A training set, what was returned (W, N), and what of it could have been expected (W, N)."""

    learn: TrainingSet
    returns: Floats
    expected: Floats


def planted(seed, *, weeks, instruments, features=6, known=0.0) -> Planted:
    """Plant a share of a week's deviation that two features tell together: the first counts the more, the higher the second.

    All features are codes of independent draws, 3 % of them missing.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    ranks = random.permuted(np.tile(np.arange(instruments), (features, weeks, 1)), axis=2)
    share = (ranks + 0.5) / instruments
    codes = np.floor(254 * share).astype(np.float32)
    # Of mean zero and a deviation of one: the mean square of (a - 1/2) b is 1/12 of 1/3.
    expected = known * 6 * (share[0] - 0.5) * share[1]
    returns = 0.03 * (expected + np.sqrt(1 - known**2) * random.normal(size=(weeks, instruments)))
    codes[random.random(codes.shape) < 0.03] = np.nan
    return Planted(as_set(codes, returns), returns, expected)


def as_set(codes, returns) -> TrainingSet:
    """Make a training set of codes and returns, all instruments members of all weeks."""
    names = tuple(f"feature_{at}" for at in range(len(codes)))
    return TrainingSet(codes, rank_labels(returns, np.ones(returns.shape, dtype=bool)), names, is_ranked=True)

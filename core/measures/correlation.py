"""How alike instruments move: volatilities and correlations of daily returns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Floats

# Of fewer returns neither a volatility nor a correlation is told; a month of them is the least that says anything.
RETURNS_MIN = 20
# A return that moves by less than this has no correlation: it stands for a price that nobody changed.
_STILL = 1e-12
# So that the last bits of a sum, which depend on the order of the columns, decide nothing.
_DECIMALS = 9


def correlations(prices: Floats) -> Floats:
    """Give the Pearson correlations of the daily returns of prices of shape (sessions, instruments), of nine decimals.

    Of each two, the sessions count on which both have a return. Where those are fewer than RETURNS_MIN, or one of the two
    never moved, nothing is known, and the correlation is told as 1: who can not be told apart is taken for alike.
    """
    returns = returns_of(prices)
    is_there = np.isfinite(returns)
    mean = np.where(is_there, returns, 0.0).sum(axis=0) / np.maximum(is_there.sum(axis=0), 1)
    about = np.where(is_there, returns - mean, 0.0)
    found = _of_whole(about)
    gaps = np.flatnonzero(~is_there.all(axis=0)) if len(returns) >= RETURNS_MIN else np.arange(returns.shape[1])
    if len(gaps):
        found[gaps] = _of_gaps(about, is_there.astype(np.float64), gaps)
        found[:, gaps] = found[gaps].T
    np.fill_diagonal(found, 1.0)
    return np.round(found, _DECIMALS, out=found)


def _of_whole(about: Floats) -> Floats:
    """Correlate returns about their mean of which none is absent; what never moved with 1."""
    variance = (about**2).sum(axis=0)
    moves = variance > _STILL
    unit = about / np.sqrt(np.where(moves, variance, 1.0))
    found: Floats = unit.T @ unit
    found[~moves] = found[:, ~moves] = 1.0
    return found


def _of_gaps(about: Floats, there: Floats, gaps: NDArray[np.int64]) -> Floats:
    """Correlate the columns that lack returns with all, each two by the sessions that they have in common."""
    mine, is_mine = about[:, gaps], there[:, gaps]
    common = is_mine.T @ there
    divisor = np.maximum(common, 1.0)
    first, second = mine.T @ there, is_mine.T @ about
    covariance = mine.T @ about - first * second / divisor
    one, other = (mine**2).T @ there - first**2 / divisor, is_mine.T @ about**2 - second**2 / divisor
    is_known = (common >= RETURNS_MIN) & (np.minimum(one, other) > _STILL)
    found: Floats = np.where(is_known, covariance / np.sqrt(np.where(is_known, one * other, 1.0)), 1.0)
    return found


def volatilities(prices: Floats) -> Floats:
    """Give the standard deviation of the daily returns of each instrument; NaN of fewer than RETURNS_MIN, or of none at all."""
    returns = returns_of(prices)
    is_there = np.isfinite(returns)
    count = is_there.sum(axis=0)
    mean = np.where(is_there, returns, 0.0).sum(axis=0) / np.maximum(count, 1)
    variance = (np.where(is_there, returns - mean, 0.0) ** 2).sum(axis=0) / np.maximum(count - 1, 1)
    found: Floats = np.where((count >= RETURNS_MIN) & (variance > _STILL), np.sqrt(variance), np.nan)
    return found


def returns_of(prices: Floats) -> Floats:
    """Give the simple returns from each session to the next, NaN where either has no positive price."""
    sound = np.where(prices > 0, prices, np.nan)
    moves: Floats = sound[1:] / sound[:-1] - 1.0
    return moves

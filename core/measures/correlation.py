"""How alike instruments move: volatilities and correlations of daily returns."""

from __future__ import annotations

import numpy as np

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
    count = is_there.sum(axis=0)
    mean = np.where(is_there, returns, 0.0).sum(axis=0) / np.maximum(count, 1)
    about = np.where(is_there, returns - mean, 0.0)
    there = is_there.astype(np.float64)
    common = there.T @ there
    divisor = np.maximum(common, 1.0)
    first = about.T @ there
    covariance = about.T @ about - first * first.T / divisor
    variance = (about**2).T @ there - first**2 / divisor
    scale = variance * variance.T
    is_known = (common >= RETURNS_MIN) & (np.minimum(variance, variance.T) > _STILL)
    found = np.where(is_known, covariance / np.sqrt(np.where(is_known, scale, 1.0)), 1.0)
    np.fill_diagonal(found, 1.0)
    told: Floats = np.round(found, _DECIMALS).astype(np.float64)
    return told


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

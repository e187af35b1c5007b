"""Bonds: which instruments are capped together at each decision, and how much each moves, computed once for all runs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Floats
from core.measures.correlation import correlations, volatilities
from core.quant.pot import Bonds
from core.quant.trading import Market, Trading

Rows = NDArray[np.int64]
NOBODY = np.zeros(1, dtype=np.int64)


def bonds_of(rows: Rows, market: Market, trading: Trading) -> Bonds:
    """Give what binds the instruments of a market at the decisions of these rows; what no rule asks for is left empty."""
    names = {name: at for at, name in enumerate(sorted(set(market.sectors) - {""}))}
    sectors = [names.get(name, -1) for name in market.sectors] or [-1] * len(market.instruments)
    totals = market.closes if market.totals is None else market.totals
    starts, others = NOBODY, NOBODY
    if trading.cluster_weight_max < 1.0:
        starts, others = _alike(rows.tobytes(), market, trading.correlation_sessions, trading.correlation_max)
    return Bonds(starts, others, _volatility(rows, totals, trading), np.array(sectors, dtype=np.int64))


# A book, its baselines and random ranks run through the same market.
@lru_cache(maxsize=2)
def _alike(rows: bytes, market: Market, sessions: int, least: float) -> tuple[Rows, Rows]:
    """Give, for each decision and column, where its list begins, and the lists: what moves as it, itself included.

    What has no close on the day stands alone: it can be neither bought nor sold then.
    """
    totals = market.closes if market.totals is None else market.totals
    count = totals.shape[1]
    lengths, others = [np.zeros(1, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for row in np.frombuffer(rows, dtype=np.int64).tolist():
        there = np.flatnonzero(~np.isnan(market.closes[row]))
        one, other = np.nonzero(correlations(totals[max(0, row - sessions) : row + 1, there]) >= least)
        alone = np.setdiff1d(np.arange(count), there)
        first, second = np.concatenate([there[one], alone]), np.concatenate([there[other], alone])
        lengths.append(np.bincount(first, minlength=count))
        others.append(second[np.argsort(first, kind="stable")])
    return np.cumsum(np.concatenate(lengths)), np.concatenate(others)


def _volatility(rows: Rows, totals: Floats, trading: Trading) -> Floats:
    if trading.weights != "inverse_volatility":
        return np.zeros((1, 1))
    window = trading.volatility_sessions
    return np.array([volatilities(totals[max(0, row - window) : row + 1]) for row in rows.tolist()])

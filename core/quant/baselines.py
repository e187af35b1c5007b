"""Baselines: what needs no skill, or little, run by the same rules and costs as the strategy that it stands beside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.domain.backtest import Track
from core.domain.bars import Floats
from core.quant.research import Rows, Run, research
from core.quant.trading import Market, Trading

# Jegadeesh and Titman (1993): twelve months; Asness (1994): without the last one.
LOOKBACK, SKIP = 252, 21


def benchmark_held(name: str, rows: Rows, *, market: Market, trading: Trading, capital: float) -> Track:
    """Give the track of an instrument that is bought and held; `market` is of it alone, and on every session it may be held.

    All of the capital is invested, for who holds an index needs no cash buffer, and nothing is sold. Costs, currency fee,
    the turnover limit on the first purchase and the withholding on dividends are the book's; dividends are reinvested at the
    first rebalance at which the cash is worth an order by the book's rules. So it is total return against total return.
    Raises ValueError when the market is of more than one instrument.
    """
    if len(market.instruments) != 1:
        raise ValueError(f"a benchmark's market is of it alone; it listed {len(market.instruments)} instruments")
    held = replace(
        trading,
        positions_max=1,
        weight_max=1.0,
        cash_buffer_min=0.0,
        capital_fraction=1.0,
        risk_off="always_invested",
        no_buy=(),
        unpriced="hold",
        regime_exposure=1.0,
        weights="equal",
        order_value_max=np.inf,
        sector_weight_max=1.0,
        cluster_weight_max=1.0,
        kill_switch=False,
    )
    always = replace(market, members=np.ones_like(market.members))
    return research(name, np.ones((len(rows), 1)), rows, market=always, trading=held, capital=capital)[0]


def equal_weight(rows: Rows, *, market: Market, trading: Trading, capital: float) -> Track:
    """Give the track of all members at equal weights, rebalanced on the same days and at the same costs.

    The caps on positions, weights, sectors and clusters do not hold, and of all shares one that has no close waits alone.
    What is too small to trade shrinks with the shares: the tiny delta in the measure of the places, and there is no smallest
    order. A member that left is sold; the kill switch is off.
    """
    count = len(market.instruments)
    spread = replace(
        trading,
        positions_max=count,
        hold_rank_multiple=1,
        weight_max=1.0,
        risk_off="always_invested",
        tiny_delta=trading.tiny_delta * trading.positions_max / max(count, trading.positions_max),
        order_value_min=0.0,
        order_value_max=np.inf,
        weights="equal",
        sector_weight_max=1.0,
        cluster_weight_max=1.0,
        replacements_max=None,
        unpriced="hold",
        kill_switch=False,
    )
    # Any order does: each of them is chosen, and the budgets are spent from the first on.
    scores = np.tile(-np.arange(count, dtype=np.float64), (len(rows), 1))
    return research("equal weight", scores, rows, market=market, trading=spread, capital=capital)[0]


def momentum(total: Floats, rows: Rows, *, market: Market, trading: Trading, capital: float) -> Track:
    """Give the track of momentum (12-1) by the book's own rules; `total` is of total-return closes, (sessions, instruments)."""
    scores = momentum_scores(total, rows)
    return research("momentum", scores, rows, market=market, trading=trading, capital=capital)[0]


def momentum_scores(total: Floats, rows: Rows, *, lookback: int = LOOKBACK, skip: int = SKIP) -> Floats:
    """Give total[t - skip] / total[t - lookback] - 1 at each row t, of shape (W, N); NaN where either is not there."""
    known = rows >= lookback
    with np.errstate(divide="ignore", invalid="ignore"):
        change = total[rows[known] - skip] / total[rows[known] - lookback] - 1.0
    scores = np.full((len(rows), total.shape[1]), np.nan)
    scores[known] = change
    return scores


def luck(
    seeds: Iterable[int], scores: Floats, rows: Rows, *, market: Market, trading: Trading, capital: float
) -> Floats:
    """Give what random ranks come to by the same rules: a row a seed, its whole return and the Sharpe ratio of a session.

    Random ranks are the strategy's own `scores`, of shape (W, N), given to other names: each seed draws one permutation of the
    names from PCG64(seed), for all weeks. So ties, the number scored and how slowly ranks change are the strategy's, and with
    them what trading costs. The Sharpe ratio is the mean of a session's returns over their deviation (n - 1), NaN where they
    do not vary.
    """
    run = Run(rows, market, trading, capital)
    found = []
    for seed in seeds:
        run(given_to_others(scores, np.random.Generator(np.random.PCG64(seed)).permutation(scores.shape[1])))
        found.append(_return_and_sharpe(run.track[0]))
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def given_to_others(scores: Floats, order: NDArray[np.int64]) -> Floats:
    """Give the scores of column order[n] to column n, week by week; `order` is a permutation of the columns of (W, N).

    The same names are scored (not NaN) as before, each of a week's values is given once. Where order[n] is not scored in a
    week, n has the score of order[order[n]], and so on to the first that is: a name that joins or leaves changes what two
    names are given and no more, and of a uniform permutation it is a uniform one of whoever is scored.
    """
    unscored = np.isnan(scores)
    given = np.take(scores, order, axis=1)
    week, name = np.nonzero(np.isnan(given) & ~unscored)
    source = order[name]
    # It ends: the permutation leads back to each name, which itself is scored.
    while len(week):
        source = order[source]
        given[week, name] = scores[week, source]
        still = unscored[week, source]
        week, name, source = week[still], name[still], source[still]
    given[unscored] = np.nan
    return given


def _return_and_sharpe(equity: Floats) -> tuple[float, float]:
    returns = equity[1:] / equity[:-1] - 1.0
    spread = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
    return float(equity[-1] / equity[0] - 1.0), float(returns.mean()) / spread if spread > 0.0 else float("nan")

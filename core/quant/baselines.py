"""Baselines: what needs no skill, or little, run by the same rules and costs as the strategy that it stands beside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from core.domain.backtest import Track
from core.domain.bars import Floats
from core.measures.ranking import rank_ic
from core.quant.research import Rows, Run, research
from core.quant.trading import Market, Marks, Trading

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
        kill_switch=False,
    )
    always = replace(market, members=np.ones_like(market.members))
    return research(name, np.ones((len(rows), 1)), rows, market=always, trading=held, capital=capital)[0]


def equal_weight(rows: Rows, *, market: Market, trading: Trading, capital: float) -> Track:
    """Give the track of all members at equal weights, rebalanced on the same days and at the same costs.

    The caps on positions and on a weight do not hold, and of all shares one that has no close waits alone. What is too small to
    trade shrinks with the shares: the tiny delta in the measure of the places, and there is no smallest order. A member
    that left is sold; the kill switch is off.
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
    seeds: Iterable[int],
    rows: Rows,
    *,
    market: Market,
    trading: Trading,
    capital: float,
    scored: Marks | None = None,
    persistence: float = 0.0,
) -> Floats:
    """Give what random ranks come to by the same rules: a row a seed, its whole return and the Sharpe ratio of a session.

    Each seed draws from PCG64(seed). `scored`, of shape (W, N), says what the strategy could rank: nothing else is drawn.
    With `persistence`, the correlation of a week's ranks with those of the week before (see `rank_persistence`), the draws
    change as slowly as the strategy's: ranks drawn anew each week trade more, and the cost of that is no measure of skill.
    The Sharpe ratio is the mean of a session's returns over their deviation (n - 1), NaN where they do not vary.
    """
    if not 0.0 <= persistence < 1.0:
        raise ValueError(f"persistence was {persistence}; it must be from 0 to below 1")
    run = Run(rows, market, trading, capital)
    scores = np.empty((len(rows), len(market.instruments)))
    unscored = None if scored is None or scored.all() else ~scored
    found = []
    for seed in seeds:
        draw_scores(seed, scores, persistence)
        if unscored is not None:
            scores[unscored] = np.nan
        run(scores)
        found.append(_return_and_sharpe(run.track[0]))
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def draw_scores(seed: int, scores: Floats, persistence: float) -> None:
    """Fill scores of shape (W, N) with draws: of each week alone, or of a normal autoregression along the weeks.

    Normal numbers of correlation 2 sin(pi r / 6) have a rank correlation of r (Pearson 1907).
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    if persistence == 0.0:
        generator.random(out=scores)
        return
    generator.standard_normal(out=scores)
    kept = 2.0 * np.sin(np.pi * persistence / 6.0)
    for week in range(1, len(scores)):
        scores[week] *= np.sqrt(1.0 - kept**2)
        scores[week] += kept * scores[week - 1]


def rank_persistence(scores: Floats) -> float:
    """Give the mean rank correlation of a week's scores, (W, N), with those of the week before; never below 0."""
    told = rank_ic(scores[:-1], scores[1:])
    known = told[np.isfinite(told)]
    return max(0.0, float(known.mean())) if len(known) else 0.0


def _return_and_sharpe(equity: Floats) -> tuple[float, float]:
    returns = equity[1:] / equity[:-1] - 1.0
    spread = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
    return float(equity[-1] / equity[0] - 1.0), float(returns.mean()) / spread if spread > 0.0 else float("nan")

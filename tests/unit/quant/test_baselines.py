"""Baselines: the benchmark held, all members at equal weights, momentum, and what random ranks come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from core.domain.panel import Panel
from core.quant.baselines import (
    benchmark_held,
    draw_scores,
    equal_weight,
    luck,
    momentum,
    momentum_scores,
    rank_persistence,
)
from core.quant.research import research
from core.quant.trading import Events, Market, trading_of
from core.strategies.momentum import MomentumParameters
from core.strategies.momentum import momentum as strategy_momentum
from tests.unit.quant.paper_flow import market_panel
from tests.unit.shipped import policy

BOOK = replace(trading_of(policy(("positions_max: 15", "positions_max: 5")), hold_rank_multiple=2), weight_max=0.2)
FREE = replace(
    BOOK, slippage_bps=0.0, spread_bps=0.0, fx_fee_bps=0.0, order_margin=0.0, quantity_step=0.0, weight_step=0.0
)
CAPITAL = 10_000.0


def market(closes: Any, **changes: Any) -> Market:
    """Give a market whose opens are the closes before, in the book's own currency."""
    closes = np.asarray(closes, dtype=np.float64)
    sessions, count = closes.shape
    whole = Market(
        sessions=np.datetime64("2020-01-01") + np.arange(sessions),
        instruments=tuple(f"N{at:03}" for at in range(count)),
        opens=np.vstack([closes[:1], closes[:-1]]),
        closes=closes,
        members=np.ones(closes.shape, dtype=np.bool_),
        rate_before=np.ones(sessions),
        rate_on=np.ones(sessions),
    )
    return replace(whole, **changes)


def walk(seed: int, sessions: int, count: int) -> Any:
    """Give closes that walk at random."""
    draw = np.random.Generator(np.random.PCG64(seed))
    return 50 * np.exp(np.cumsum(draw.normal(0.0003, 0.015, (sessions, count)), axis=0))


def test_a_benchmark_held_without_costs_is_its_total_return():
    """All of it is invested at the first open; a dividend becomes units again, so equity follows the total return."""
    closes = walk(1, 120, 1)
    paid = Events(np.array([40]), np.array([0]), np.array([3.0]))
    rows = np.arange(0, 120, 5)
    whole = replace(FREE, turnover_max=1.0, dividend_withholding=0.0)

    track = benchmark_held("SPY", rows, market=market(closes, dividends=paid), trading=whole, capital=CAPITAL)

    # Of 4.5 days from the ex-date to the next open the dividend is cash; before and after, all is in units.
    before = closes[:40, 0] / closes[0, 0]
    units = 1 + 3.0 / closes[40, 0]
    assert np.allclose(track.equity[1:40] / CAPITAL, before[1:], rtol=1e-12)
    assert np.allclose(track.equity[41:] / CAPITAL, units * closes[41:, 0] / closes[0, 0], rtol=1e-9)
    assert (track.positions[1:] == 1).all()
    assert track.income.sum() == pytest.approx(CAPITAL * 3.0 / closes[0, 0])


def test_a_benchmark_pays_costs_and_withholding():
    """Half the spread and slippage of the first purchase, the tax on dividends, and the turnover limit on the way in."""
    closes = walk(1, 60, 1)
    paid = Events(np.array([40]), np.array([0]), np.array([3.0]))

    track = benchmark_held(
        "SPY", np.arange(0, 60, 5), market=market(closes, dividends=paid), trading=BOOK, capital=CAPITAL
    )

    assert track.turnover[1] == pytest.approx(0.3, abs=1e-3)
    assert track.invested[1] == pytest.approx(0.6, abs=5e-3)
    assert track.invested[11] > 0.99
    held = track.invested[39] * track.equity[39] / closes[39, 0]
    assert track.income[40] == pytest.approx(held * 3.0 * 0.85)
    assert track.cost.sum() == pytest.approx(2 * track.turnover @ track.equity * 6e-4, rel=1e-2)


def test_a_benchmark_is_alone_in_its_market():
    """Two instruments are no benchmark."""
    with pytest.raises(ValueError, match="listed 2 instruments"):
        benchmark_held("SPY", np.array([0]), market=market(walk(1, 9, 2)), trading=BOOK, capital=CAPITAL)


def test_equal_weight_holds_every_member_alike():
    """Thirty members at one thirtieth each; who leaves is sold, whose bar is absent waits, the others are rebalanced."""
    closes, rows = walk(2, 60, 30), np.arange(0, 60, 5)
    members = np.ones(closes.shape, dtype=np.bool_)
    members[20:, 3] = False
    closes[30:, 7] = np.nan

    track = equal_weight(
        rows, market=market(closes, members=members), trading=replace(FREE, turnover_max=1.0), capital=CAPITAL
    )

    assert (track.positions[1:20] == 30).all()
    assert (track.positions[26:] == 29).all()
    assert track.invested[1:].min() > 0.9
    worth = np.mean(closes[1:6] / closes[0], axis=1)
    assert np.allclose(track.equity[1:6] / CAPITAL, 0.05 + 0.95 * worth, rtol=1e-9)


def test_momentum_is_the_strategys():
    """The scores are those of `core/strategies`, bit for bit, and the track is that of research on them."""
    panel = market_panel(4, 300, 6)
    rows = np.arange(252, 300, 5)
    names = panel.instruments

    scores = momentum_scores(panel.adj_close, np.array([100, *rows]))

    assert np.isnan(scores[0]).all()
    for row, told in zip(rows, scores[1:], strict=True):
        last: date = panel.sessions[row].astype(object)
        known = _scored(panel.window(last, 253), names)
        assert np.array_equal(told, known, equal_nan=True)
    within = market(panel.close)
    track = momentum(panel.adj_close, rows, market=within, trading=BOOK, capital=CAPITAL)
    same, _ = research("x", scores[1:], rows, market=within, trading=BOOK, capital=CAPITAL)
    assert np.array_equal(track.equity, same.equity)
    assert track.name == "momentum"


def _scored(panel: Panel, names: tuple[str, ...]) -> Any:
    found = strategy_momentum(panel, names, MomentumParameters(252, 21, 2))
    return np.array([found[name] for name in names])


def test_luck_is_research_with_drawn_scores():
    """A row a seed: the whole return and the Sharpe ratio of a session; the same seed gives the same, whoever stands beside."""
    closes, rows = walk(3, 150, 40), np.arange(0, 150, 5)
    scored = np.ones((len(rows), 40), dtype=np.bool_)
    scored[:, 5] = False

    rest: dict[str, Any] = {"market": market(closes), "trading": BOOK, "capital": CAPITAL, "scored": scored}
    found = luck([7, 8, 9], rows, **rest)

    drawn = np.random.Generator(np.random.PCG64(8)).random((len(rows), 40))
    drawn[:, 5] = np.nan
    track, weights = research("x", drawn, rows, market=market(closes), trading=BOOK, capital=CAPITAL)
    returns = np.diff(track.equity) / track.equity[:-1]
    assert found.shape == (3, 2)
    assert found[1] == pytest.approx([track.equity[-1] / CAPITAL - 1, returns.mean() / returns.std(ddof=1)], rel=1e-12)
    assert np.array_equal(luck([8], rows, **rest)[0], found[1])
    assert len({tuple(row) for row in found}) == 3
    assert weights[:, 5].max() == 0


def test_luck_of_no_seed_is_empty():
    """No seed, no row, of the same form."""
    assert luck([], np.array([0]), market=market(walk(1, 9, 3)), trading=BOOK, capital=CAPITAL).shape == (0, 2)


def test_draws_persist_as_the_strategys_ranks_do():
    """The rank correlation of drawn weeks is what was asked for; slower ranks trade less."""
    scores = np.empty((300, 200))
    draw_scores(11, scores, 0.8)
    closes, rows = walk(5, 200, 60), np.arange(0, 200, 5)

    slow, fast = (np.empty((len(rows), 60)) for _ in range(2))
    draw_scores(11, slow, 0.95)
    draw_scores(11, fast, 0.0)
    turnover = [
        research("x", one, rows, market=market(closes), trading=BOOK, capital=CAPITAL)[0].turnover.sum()
        for one in (slow, fast)
    ]

    assert rank_persistence(scores) == pytest.approx(0.8, abs=0.01)
    assert rank_persistence(np.full((4, 9), np.nan)) == 0
    assert turnover[0] < 0.7 * turnover[1]
    with pytest.raises(ValueError, match=r"persistence was 1\.0"):
        luck([1], rows, market=market(closes), trading=BOOK, capital=CAPITAL, persistence=1.0)


def test_the_policys_numbers_are_taken_over():
    """What the policy says is what research trades by, bans included."""
    book = policy(("no_buy: []", "no_buy: [TSLA]"), ("buys_from: sale_proceeds", "buys_from: settled"))

    found = trading_of(book, hold_rank_multiple=3)

    assert (found.positions_max, found.weight_max, found.turnover_max) == (15, 0.10, 0.30)
    assert (found.no_buy, found.buys_from, found.hold_rank_multiple) == (("TSLA",), "settled", 3)
    assert (found.fx_fee_bps, found.dividend_withholding, found.drawdown_max) == (75.0, 0.15, 0.2)
    assert Decimal(str(found.quantity_step)) == book.sizing.quantity_step

"""Baselines: the benchmark held, all members at equal weights, momentum, and what random ranks come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.domain.panel import Panel
from core.quant.baselines import (
    benchmark_held,
    equal_weight,
    given_to_others,
    luck,
    momentum,
    momentum_scores,
)
from core.quant.research import research
from core.quant.trading import Events, Market, trading_of
from core.strategies.momentum import MomentumParameters
from core.strategies.momentum import momentum as strategy_momentum
from tests.unit.quant.paper_flow import market_panel
from tests.unit.shipped import policy

# Without the largest order, which is money and does not scale, and without clusters: few sessions stand before a decision.
BOOK = replace(
    trading_of(policy(("positions_max: 15", "positions_max: 5")), hold_rank_multiple=2),
    weight_max=0.2,
    order_value_max=np.inf,
    cluster_weight_max=1.0,
)
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


def slow_scores(seed: int, shape: tuple[int, int], kept: float) -> Any:
    """Give scores that change slowly, with ties; three names join on the way, three leave, and the last is never scored."""
    draw = np.random.Generator(np.random.PCG64(seed))
    scores = draw.normal(size=shape)
    for week in range(1, len(scores)):
        scores[week] = kept * scores[week - 1] + np.sqrt(1 - kept**2) * scores[week]
    scores = np.round(scores, 1)
    for at, week in enumerate(draw.integers(1, shape[0], 6)):
        scores[slice(week) if at < 3 else slice(week, None), at] = np.nan
    scores[:, -1] = np.nan
    return scores


def test_luck_is_research_with_our_scores_given_to_others():
    """A row a seed: the whole return and the Sharpe ratio of a session; the same seed gives the same, whoever stands beside."""
    closes, rows = walk(3, 150, 40), np.arange(0, 150, 5)
    scores = slow_scores(4, (len(rows), 40), 0.9)

    rest: dict[str, Any] = {"market": market(closes), "trading": BOOK, "capital": CAPITAL}
    found = luck([7, 8, 9], scores, rows, **rest)

    dealt = given_to_others(scores, np.random.Generator(np.random.PCG64(8)).permutation(40))
    track, weights = research("x", dealt, rows, **rest)
    returns = np.diff(track.equity) / track.equity[:-1]
    assert found.shape == (3, 2)
    assert found[1] == pytest.approx([track.equity[-1] / CAPITAL - 1, returns.mean() / returns.std(ddof=1)], rel=1e-12)
    assert np.array_equal(luck([8], scores, rows, **rest)[0], found[1])
    assert len({tuple(row) for row in found}) == 3
    assert weights[:, -1].max() == 0


def test_luck_of_no_seed_is_empty():
    """No seed, no row, of the same form."""
    assert luck(
        [], np.ones((1, 3)), np.array([0]), market=market(walk(1, 9, 3)), trading=BOOK, capital=CAPITAL
    ).shape == (0, 2)


def test_the_same_order_of_names_is_our_own_track():
    """Each score given to the name that had it: what luck runs is the strategy."""
    closes, rows = walk(3, 150, 40), np.arange(0, 150, 5)
    scores = slow_scores(4, (len(rows), 40), 0.9)
    rest: dict[str, Any] = {"market": market(closes), "trading": BOOK, "capital": CAPITAL}

    dealt = given_to_others(scores, np.arange(40))

    assert np.array_equal(dealt, scores, equal_nan=True)
    assert np.array_equal(research("x", dealt, rows, **rest)[0].equity, research("x", scores, rows, **rest)[0].equity)


@given(st.data())
def test_scores_given_to_others_are_ours_in_each_week(data: st.DataObject):
    """Whatever is scored and however names are permuted: the same names are scored, by the same values, ties included."""
    shape = (data.draw(st.integers(1, 5), "weeks"), data.draw(st.integers(1, 9), "names"))
    scores = data.draw(arrays(np.float64, shape, elements=st.sampled_from([np.nan, -1.0, 0.0, 2.0, 3.5])), "scores")
    order = np.array(data.draw(st.permutations(range(shape[1])), "order"))
    before = scores.copy()

    found = given_to_others(scores, order)

    assert np.array_equal(np.isnan(found), np.isnan(scores))
    assert np.array_equal(np.sort(found, axis=1), np.sort(scores, axis=1), equal_nan=True)
    direct = ~np.isnan(scores) & ~np.isnan(scores[:, order])
    assert np.array_equal(found[direct], scores[:, order][direct])
    assert np.array_equal(scores, before, equal_nan=True)


def test_a_score_that_finds_no_name_goes_on_along_the_permutation():
    """Names 0 to 4 in one circle: who is not scored is passed over, and nobody else's score changes hands for it."""
    order = np.array([1, 2, 3, 4, 0])
    scores = np.array(
        [[10.0, 11.0, 12.0, 13.0, 14.0], [10.0, np.nan, 12.0, 13.0, 14.0], [10.0, np.nan, np.nan, 13.0, 14.0]]
    )

    found = given_to_others(scores, order)

    assert np.array_equal(
        found,
        [[11.0, 12.0, 13.0, 14.0, 10.0], [12.0, np.nan, 13.0, 14.0, 10.0], [13.0, np.nan, np.nan, 14.0, 10.0]],
        equal_nan=True,
    )


def test_random_ranks_trade_as_much_as_ours():
    """A slow strategy's random ranks are as slow, and a fast one's as fast: their cost is no measure of skill."""
    closes, rows = walk(5, 300, 60), np.arange(0, 300, 5)
    rest: dict[str, Any] = {"market": market(closes), "trading": BOOK, "capital": CAPITAL}

    def turnover(scores: Any) -> float:
        return float(research("x", scores, rows, **rest)[0].turnover.sum())

    slow, fast = (slow_scores(6, (len(rows), 60), kept) for kept in (0.98, 0.0))
    for scores in (slow, fast):
        orders = (np.random.Generator(np.random.PCG64(seed)).permutation(60) for seed in range(20))
        random = np.mean([turnover(given_to_others(scores, order)) for order in orders])
        assert random == pytest.approx(turnover(scores), rel=0.05)
    assert turnover(slow) < 0.7 * turnover(fast)


def test_the_policys_numbers_are_taken_over():
    """What the policy says is what research trades by, bans included."""
    book = policy(("no_buy: []", "no_buy: [TSLA]"), ("buys_from: sale_proceeds", "buys_from: settled"))

    found = trading_of(book, hold_rank_multiple=3)

    assert (found.positions_max, found.weight_max, found.turnover_max) == (15, 0.10, 0.30)
    assert (found.no_buy, found.buys_from, found.hold_rank_multiple) == (("TSLA",), "settled", 3)
    assert (found.fx_fee_bps, found.dividend_withholding, found.drawdown_max) == (75.0, 0.15, 0.2)
    assert Decimal(str(found.quantity_step)) == book.sizing.quantity_step

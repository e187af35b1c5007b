"""What holds of every research backtest: scale, order, costs, cash, the past, absent bars, and the limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.quant.research import research, research_with_orders
from core.quant.trading import Events, Market, Trading
from tests.unit.quant.test_baselines import BOOK, CAPITAL, FREE, market, walk

SEEDS = (1, 2, 3)
NAN = float("nan")
# Nothing is cut, nothing is too small, and the order in which a budget is spent does not matter.
SMOOTH = replace(
    BOOK, order_value_min=0.0, order_margin=0.0, quantity_step=0.0, weight_step=0.0, turnover_max=1.0, tiny_delta=0.001
)


def world(seed: int, sessions: int = 130, count: int = 20) -> tuple[Market, Any, Any]:
    """Give a market of leaping opens, dividends, a split, absent bars and moving rates; scores, and weekly rows."""
    draw = np.random.Generator(np.random.PCG64(seed))
    closes = walk(seed, sessions, count)
    opens = np.vstack([closes[:1], closes[:-1]]) * np.exp(draw.normal(0, 0.012, closes.shape))
    split = sessions // 2
    closes[split:, 1] /= 3
    opens[split:, 1] /= 3
    gone = draw.random(closes.shape) < 0.003
    closes, opens = np.where(gone, NAN, closes), np.where(gone, NAN, opens)
    paid = np.sort(draw.integers(1, sessions, 40))
    rates = 1.25 * np.exp(np.cumsum(draw.normal(0, 0.004, sessions)))
    members = np.ones(closes.shape, dtype=np.bool_)
    members[70:, 4] = False
    made = market(
        closes,
        opens=opens,
        members=members,
        rate_on=rates,
        rate_before=np.concatenate([rates[:1], rates[:-1]]),
        dividends=Events(paid, draw.integers(0, count, 40), draw.random(40)),
        splits=Events(np.array([split]), np.array([1]), np.array([3.0])),
        crosses_currency=True,
    )
    rows = np.arange(4, sessions, 5)
    scores = np.cumsum(draw.normal(size=(len(rows), count)), axis=0)
    return made, np.where(draw.random(scores.shape) < 0.03, NAN, scores), rows


def ran(made: Market, scores: Any, rows: Any, *, trading: Trading = BOOK, capital: float = CAPITAL) -> Any:
    """Run a book; gives the track, the wanted weights and the orders."""
    return research_with_orders("x", scores, rows, market=made, trading=trading, capital=capital)


@pytest.mark.parametrize("seed", SEEDS)
def test_capital_is_a_scale(seed):
    """A thousand times the money is a thousand times the equity, cost and income, where nothing has a smallest amount."""
    made, scores, rows = world(seed)

    small, wanted, _ = ran(made, scores, rows, trading=SMOOTH, capital=1e3)
    large, same, _ = ran(made, scores, rows, trading=SMOOTH, capital=1e6)

    for name in ("equity", "cost", "income"):
        assert np.allclose(getattr(large, name), 1e3 * getattr(small, name), rtol=1e-9, atol=1e-6)
    assert np.allclose(same, wanted, atol=1e-12)
    assert np.allclose(large.turnover, small.turnover, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_instruments_may_stand_in_any_order(seed):
    """Columns that change places change nothing but their places."""
    made, scores, rows = world(seed)
    order = np.random.Generator(np.random.PCG64(99)).permutation(scores.shape[1])
    place = np.argsort(order)
    moved = replace(
        made,
        opens=made.opens[:, order],
        closes=made.closes[:, order],
        members=made.members[:, order],
        dividends=made.dividends._replace(columns=place[made.dividends.columns]),
        splits=made.splits._replace(columns=place[made.splits.columns]),
    )

    track, wanted, _ = ran(made, scores, rows, trading=SMOOTH)
    other, same, _ = ran(moved, scores[:, order], rows, trading=SMOOTH)

    assert np.allclose(other.equity, track.equity, rtol=1e-9)
    assert np.allclose(same, wanted[:, order], atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_held_follows_from_the_orders_that_were_filled(seed):
    """Summed up by hand, splits among them: at the open that filled them, or the last close, over the decision's equity."""
    made, scores, rows = world(seed)
    tight = replace(SMOOTH, turnover_max=0.1, kill_switch=False)
    track, wanted, orders = ran(made, scores, rows, trading=tight)
    units, last, count = np.zeros(20), np.full(20, NAN), 0

    for session in range(len(made.sessions)):
        if session == 65:
            units[1], last[1] = units[1] * 3, last[1] / 3
        if session - 1 in rows:
            week = list(rows).index(session - 1)
            units = np.where(orders.filled[week], units + orders.units[week], units)
            prices = np.where(np.isnan(made.opens[session]), last, made.opens[session])
            values = np.where(np.abs(units) > 1e-9, units * prices, 0.0) / made.rate_before[session]
            assert np.allclose(orders.held[week], values / track.equity[session - 1 - rows[0]], rtol=1e-9, atol=1e-9)
            count += 1
        last = np.where(np.isnan(made.closes[session]), last, made.closes[session])

    # The last decision stands on the last session: what came of it is not known.
    assert count == len(rows) - 1
    assert np.isnan(orders.held[-1]).all()
    # So small a limit leaves much of what is wanted undone in the first weeks.
    assert orders.bound[:3].all()
    assert orders.held[0].sum() < 0.25 < 0.9 < wanted[0].sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_held_makes_the_return_of_the_week(seed):
    """Where each open is the close before: held times what that returned until the next decision's open, less the cost."""
    made, rows = market(walk(seed, 100, 20)), np.arange(4, 100, 5)
    scores = np.cumsum(np.random.Generator(np.random.PCG64(seed)).normal(size=(len(rows), 20)), axis=0)
    track, _, orders = ran(made, scores, rows, trading=replace(BOOK, turnover_max=0.15))

    equity = track.equity[rows - rows[0]]
    realised = made.closes[rows[1:]] / made.closes[rows[:-1]] - 1
    cost = np.array([track.cost[row + 1 - rows[0]] for row in rows[:-1]])
    assert cost.sum() > 0
    assert np.allclose((orders.held[:-1] * realised).sum(axis=1) - cost / equity[:-1], equity[1:] / equity[:-1] - 1)


def test_without_costs_trading_costs_nothing():
    """At prices that stand still and without costs, equity stands still however much is traded; with costs it falls by them."""
    still, rows = market(np.full((60, 20), 40.0)), np.arange(0, 60, 5)
    scores = np.random.Generator(np.random.PCG64(1)).random((12, 20))

    free, _, orders = ran(still, scores, rows, trading=FREE)
    paid, _, _ = ran(still, scores, rows, trading=BOOK)

    assert np.count_nonzero(orders.units) > 30
    assert free.cost.sum() == 0
    assert np.allclose(free.equity, CAPITAL, rtol=1e-12)
    assert paid.cost.sum() > 10
    assert np.allclose(CAPITAL - np.cumsum(paid.cost), paid.equity, rtol=1e-12)


@pytest.mark.parametrize("buys_from", ["settled", "sale_proceeds"])
@pytest.mark.parametrize("seed", SEEDS)
def test_cash_is_never_below_zero(seed, buys_from):
    """Also where opens leap, no buffer is kept, and every price is accepted."""
    made, scores, rows = world(seed)
    wild = replace(BOOK, cash_buffer_min=0.0, skip_above_bps=10_000.0, buys_from=buys_from, commission=3.0)

    track, _, orders = ran(made, scores, rows, trading=replace(wild, turnover_max=1.0, kill_switch=False))

    cash = track.equity * (1 - track.invested)
    assert np.count_nonzero(orders.filled) > 20
    assert cash.min() > -1e-6
    assert track.invested.max() > 0.9


def test_what_is_held_already_is_not_traded():
    """Once the book is built, the same ranks at the same prices order nothing, and so do holdings that lost their score."""
    still, rows = market(np.full((60, 20), 40.0)), np.arange(0, 60, 5)
    scores = np.tile(np.arange(20.0), (12, 1))
    unscored = scores.copy()
    unscored[6:, 15:] = NAN

    _, wanted, orders = ran(still, scores, rows)
    _, kept, without = ran(still, unscored, rows)

    assert np.flatnonzero(orders.units.any(axis=1)).tolist() == [0, 1]
    assert np.array_equal(without.units, orders.units)
    assert np.flatnonzero(kept[-1]).tolist() == [15, 16, 17, 18, 19]
    assert np.allclose(kept[-1], wanted[-1], atol=2e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_later_day_changes_an_earlier_one(seed):
    """With the future cut off, or another one, every number up to the day is the same, bit for bit."""
    made, scores, rows = world(seed)
    whole, wanted, orders = ran(made, scores, rows)
    day = 83
    weeks = int(np.searchsorted(rows, day, "right"))
    other = _perturbed(made, day)
    changed = scores.copy()
    changed[weeks:] = np.random.Generator(np.random.PCG64(5)).normal(size=changed[weeks:].shape)

    truncated, known, ordered = ran(_until(made, day + 1), scores[:weeks], rows[:weeks])
    perturbed, also, alike = ran(other, changed, rows)

    seen = day + 1 - rows[0]
    for name in ("equity", "invested", "positions", "turnover", "cost", "income"):
        assert np.array_equal(getattr(truncated, name), getattr(whole, name)[:seen])
        assert np.array_equal(getattr(perturbed, name)[:seen], getattr(whole, name)[:seen])
    assert np.array_equal(known, wanted[:weeks])
    assert np.array_equal(also[:weeks], wanted[:weeks])
    # What is decided at the last close hangs on the rate of the morning after, which the evening does not know.
    assert np.array_equal(ordered.units[: weeks - 1], orders.units[: weeks - 1])
    assert np.array_equal(alike.units[: weeks - 1], orders.units[: weeks - 1])
    assert not np.array_equal(perturbed.equity, whole.equity)


def _until(made: Market, stop: int) -> Market:
    by_session = ("sessions", "opens", "closes", "members", "rate_before", "rate_on")
    return replace(made, **{name: getattr(made, name)[:stop] for name in by_session})


def _perturbed(made: Market, day: int) -> Market:
    factor = np.where(np.arange(len(made.sessions)) > day, 1.7, 1.0)
    return replace(
        made,
        opens=made.opens * factor[:, None],
        closes=made.closes * factor[:, None] ** 2,
        rate_before=made.rate_before * np.where(np.arange(len(factor)) > day + 1, 1.2, 1.0),
        rate_on=made.rate_on * factor,
        dividends=made.dividends._replace(values=made.dividends.values * factor[made.dividends.rows]),
    )


def test_an_order_without_an_open_is_not_executed():
    """The others are; the week after it is ordered again."""
    closes = np.full((30, 8), 40.0)
    opens = closes.copy()
    opens[1, 7] = NAN
    made, rows = market(closes, opens=opens), np.arange(0, 30, 5)

    _, _, orders = ran(made, np.tile(np.arange(8.0), (6, 1)), rows)

    assert orders.units[0, 7] > 0
    assert not orders.filled[0, 7]
    assert orders.filled[0, 6]
    assert orders.filled[1, 7]


def test_a_price_beyond_the_worst_accepted_is_skipped():
    """With half the spread and slippage of 6 basis points: an open 1.9 % above the close is taken, one of 2 % is not."""
    closes = np.full((10, 8), 40.0)
    opens = closes.copy()
    opens[1, 6], opens[1, 7] = 40.0 * 1.019, 40.0 * 1.02

    _, _, orders = ran(market(closes, opens=opens), np.arange(8.0)[None], np.array([0]))

    assert orders.units[0, 6] > 0
    assert orders.units[0, 7] > 0
    assert orders.filled[0, 6]
    assert not orders.filled[0, 7]


def test_a_holding_whose_bars_end_stops_the_book_or_waits_alone():
    """As in the flow nothing is traded while a holding has no close; research may hold it and trade the others."""
    closes, rows = walk(6, 80, 20), np.arange(0, 80, 5)
    closes[33:, 19] = NAN
    made = market(closes)
    scores = np.tile(np.arange(20.0), (16, 1))
    scores[8:] = scores[8:, ::-1]

    stopped, _, none = ran(made, scores, rows)
    waiting, wanted, some = ran(made, scores, rows, trading=replace(BOOK, unpriced="hold"))

    assert none.units[7:].any() == 0
    assert np.allclose(stopped.positions[36:], 5)
    assert some.units[8:, :19].any(axis=0).sum() > 5
    assert some.units[7:, 19].any() == 0
    assert wanted[-1, 19] > 0
    assert np.isfinite(waiting.equity).all()


def test_the_kill_switch_ends_the_trading():
    """At the fall that the policy names nothing is ordered any more, though equity recovers; switched off, it goes on."""
    closes = np.full((60, 20), 40.0)
    closes[20:25] = 28.0
    made, rows = market(closes), np.arange(0, 60, 5)
    scores = np.tile(np.arange(20.0), (12, 1))
    scores[6:] = scores[6:, ::-1]

    killed, _, none = ran(made, scores, rows)
    _, _, some = ran(made, scores, rows, trading=replace(BOOK, kill_switch=False))

    assert killed.equity[22] < 0.8 * CAPITAL
    assert not none.units[4:].any()
    assert some.units[6:].any()


def test_what_is_banned_is_not_bought_and_the_next_best_is():
    """The no-buy list costs a place to nobody."""
    made = market(np.full((12, 8), 40.0))

    _, wanted, _ = ran(made, np.arange(8.0)[None], np.array([0]), trading=replace(BOOK, no_buy=("N007", "N005")))

    assert np.flatnonzero(wanted[0]).tolist() == [1, 2, 3, 4, 6]


def test_at_most_so_many_are_replaced():
    """Of five that left the rank, the two worst go each week."""
    made, rows = market(np.full((40, 30), 40.0)), np.arange(0, 40, 5)
    scores = np.tile(np.arange(30.0), (8, 1))
    scores[2:, 25:] = -np.arange(5.0)
    free = replace(FREE, turnover_max=1.0, replacements_max=2)

    _, wanted, _ = ran(made, scores, rows, trading=free)

    held = [set(np.flatnonzero(week).tolist()) for week in wanted]
    assert held[1] == {25, 26, 27, 28, 29}
    assert held[2] == {25, 26, 27, 24, 23}
    assert held[3] == {25, 24, 23, 22, 21}
    assert held[4] == {24, 23, 22, 21, 20}


def test_scores_that_are_all_equal_or_absent_decide_nothing():
    """As the flow's gate of scores: nothing is ranked."""
    made = market(np.full((12, 8), 40.0))
    for scores in (np.zeros((1, 8)), np.full((1, 8), NAN)):
        track, wanted, orders = ran(made, scores, np.array([0]))

        assert (wanted.any(), orders.units.any()) == (False, False)
        assert (track.equity == CAPITAL).all()


@pytest.mark.parametrize(
    ("rows", "capital", "words"),
    [
        ([3, 3], 1.0, "must ascend"),
        ([], 1.0, "must ascend"),
        ([0, 12], 1.0, "12 sessions"),
        ([0], 0.0, "capital was"),
    ],
)
def test_what_cannot_be_run_is_refused(rows, capital, words):
    """Rows within the market, ascending; money to invest."""
    made = market(np.full((12, 8), 40.0))
    with pytest.raises(ValueError, match=words):
        research("x", np.zeros((len(rows), 8)), np.array(rows, np.int64), market=made, trading=BOOK, capital=capital)


def test_unknown_rates_and_wrong_shapes_are_refused():
    """A rate that is missing where one is needed is named by its session, and scores by their shape."""
    made = market(np.full((12, 8), 40.0))
    blind = replace(made, rate_on=np.where(np.arange(12) == 7, NAN, 1.0))
    with pytest.raises(ValueError, match="2020-01-08"):
        ran(blind, np.zeros((1, 8)), np.array([0]))
    with pytest.raises(ValueError, match=r"scores are of shape \(1, 7\)"):
        ran(made, np.zeros((1, 7)), np.array([0]))
    with pytest.raises(ValueError, match="came with"):
        replace(made, opens=np.zeros((12, 7)))
    with pytest.raises(ValueError, match="order of the ids"):
        replace(made, instruments=tuple("HGFEDCBA"))


def test_a_whole_number_for_a_fraction_makes_no_other_kernel():
    """Numbers reach the compiled code as of one type, and read-only scores do as others: it is compiled once."""
    made, scores, rows = world(1)
    whole: Any = replace(BOOK, commission=0, order_value_min=25, skip_above_bps=200)
    scores.flags.writeable = False
    rows.flags.writeable = False

    ran(made, scores, rows, trading=whole)

    from core.quant.book_kernel import run

    compiled: Any = run
    assert len(compiled.signatures) == 1

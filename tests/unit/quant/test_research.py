"""The research backtest does what the daily flow does on paper: the same orders, and nearly the same equity each day."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.domain.backtest import Track
from core.domain.instrument import Universe
from core.quant.membership import members_of
from core.quant.research import Orders, research_with_orders
from core.quant.trading import Market, market_of, trading_of
from core.settings import Policy
from tests.unit.making import ruled
from tests.unit.market_data.making import instrument
from tests.unit.quant.paper_flow import Told, dollar_rates, market_panel, on_paper
from tests.unit.shipped import policy

SESSIONS, COUNT, FIRST = 110, 14, 21
SECTORS = ("Energy", "Utilities", "Materials", "Financials")
LISTED = Universe(tuple(instrument(f"N{at:02}", sector=SECTORS[at % 4]) for at in range(COUNT)))
BOOK = ruled(policy(("positions_max: 15", "positions_max: 5")), limits={"weight_max": "0.25", "order_value_min": "25"})
TOLERANCE = 1e-4
ROOT = Path(__file__).resolve().parents[3]


def market(panel: Any, rates: Any) -> Market:
    """Give the market of a panel and its rates."""
    members = members_of(LISTED, panel.instruments, panel.sessions)
    sectors = {row.id: row.sector for row in LISTED.instruments}
    return market_of(panel, panel.instruments, members, rates=(rates.days, rates.rates), sectors=sectors)


def momentum(panel: Any, rows: list[int]) -> Any:
    """Give the change of the close over 20 sessions without the last three; NaN where a bar is absent."""
    return np.array([panel.close[row - 3] / panel.close[row - 20] - 1 for row in rows])


def given(panel: Any, rows: list[int]) -> Any:
    """Give drawn scores, one in twelve of them absent."""
    draw = np.random.Generator(np.random.PCG64(5))
    scores = draw.normal(size=(len(rows), COUNT)).cumsum(axis=0)
    return np.where(draw.random(scores.shape) < 1 / 12, np.nan, scores)


def both(book: Policy, scores_of: Any, *, step: int, seed: int = 3, multiple: int = 2) -> tuple[Told, Any, list[int]]:
    """Run the flow and the research on the same market; gives what each told, and the rows of the decisions."""
    panel = market_panel(seed, SESSIONS, COUNT)
    rates = dollar_rates(seed, panel)
    rows = list(range(FIRST, SESSIONS - 1, step))
    scores = scores_of(panel, rows)
    by_row = dict(zip(rows, scores, strict=True))
    told = on_paper(
        panel,
        lambda row: dict(zip(panel.instruments, by_row[row].tolist(), strict=True)),
        rows,
        policy=book,
        universe=LISTED,
        rates=rates,
        multiple=multiple,
    )
    trading = trading_of(
        book.model_copy(update={"limits": book.limits.model_copy(update={"drawdown_max": Decimal(1)})}),
        hold_rank_multiple=multiple,
    )
    found = research_with_orders(
        "x", scores, np.array(rows), market=market(panel, rates), trading=trading, capital=float(book.opening_cash)
    )
    return told, found, rows


@pytest.mark.parametrize("buys_from", ["settled", "sale_proceeds"])
@pytest.mark.parametrize("step", [1, 5])
@pytest.mark.parametrize("scores_of", [momentum, given])
def test_orders_and_equity_are_those_of_the_flow(scores_of, step, buys_from):
    """For momentum and for given scores, daily and weekly, whatever buys may spend."""
    told, (track, _, orders), rows = both(ruled(BOOK, sizing={"buys_from": buys_from}), scores_of, step=step)

    hold_equal(told, track, orders, rows)
    assert len(told.orders) > 20


@pytest.mark.parametrize(
    ("changes", "multiple"),
    [
        ({"risk_off": "always_invested", "limits": {"positions_max": 4}}, 1),
        ({"limits": {"no_buy": ("N02", "N05", "N06"), "turnover_max": "0.08"}}, 2),
        ({"limits": {"weight_max": "0.11", "cash_buffer_min": "0.3"}, "costs": {"commission": "4.5"}}, 2),
        ({"limits": {"cash_buffer_min": "0"}, "execution": {"skip_above_bps": "60"}}, 1),
        ({"sizing": {"quantity_step": "1", "tiny_delta": "0"}, "limits": {"order_value_min": "300"}}, 1),
        ({"costs": {"slippage_bps": "80", "spread_bps": "40", "fx_fee_bps": "0"}, "opening_cash": "2000"}, 1),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_other_numbers_of_the_policy_do_what_they_do_in_the_flow(changes, multiple, seed):
    """Always invested, bans, small turnover, commissions, no buffer, whole units, dear spreads, little money."""
    told, (track, _, orders), rows = both(ruled(BOOK, **changes), given, step=3, seed=seed, multiple=multiple)

    hold_equal(told, track, orders, rows)
    assert len(told.orders) > 10


ALL_IN = {"risk_off": "always_invested"}
TIGHT = {"sector_weight_max": "0.3", "weight_max": "0.3"}
ALIKE = {"cluster_weight_max": "0.35", "correlation_max": "0.12", "correlation_sessions": 30, "weight_max": "0.3"}


@pytest.mark.parametrize(
    "changes",
    [
        {"limits": TIGHT},
        {"limits": TIGHT, **ALL_IN},
        {"limits": ALIKE},
        {"limits": ALIKE | TIGHT, "sizing": {"weights": "inverse_volatility", "volatility_sessions": 20}, **ALL_IN},
        {"limits": {"weight_max": "0.3"}, "sizing": {"weights": "inverse_volatility", "regime_exposure": "0.6"}},
        {"sizing": {"weights": "score_proportional"}, "limits": TIGHT},
        {"sizing": {"fractions": "whole_units", "tiny_delta": "0"}, "limits": {"order_value_max": "700"}},
        {"sizing": {"fx_buffer_bps": "150"}, "limits": {"cash_buffer_min": "0", "turnover_max": "0.5"}},
    ],
)
def test_weights_and_caps_of_the_policy_are_those_of_the_flow(changes):
    """Sectors, clusters, volatilities, scores, a regime, whole units, the largest order and the currency's buffer."""
    told, (track, _, orders), rows = both(ruled(BOOK, **changes), given, step=4)

    hold_equal(told, track, orders, rows)
    assert len(told.orders) > 10
    assert told.orders != plain_orders()


@cache
def plain_orders() -> dict[tuple[int, str], Decimal]:
    """Give the flow's orders of the book without any of these choices."""
    return both(BOOK, given, step=4)[0].orders


def test_decisions_that_the_turnover_limit_bound_are_those_of_the_flow():
    """Some of them where it is small; none where it is whole."""
    tight, free = (ruled(BOOK, limits={"turnover_max": share}) for share in ("0.15", "1"))
    told, (_, _, orders), rows = both(tight, given, step=3)
    _, (_, _, loose), _ = both(free, given, step=3)

    assert {rows[k] for k in np.flatnonzero(orders.bound)} == told.bound
    assert 3 < len(told.bound) < len(rows) - 3
    assert not loose.bound.any()


def hold_equal(told: Told, track: Track, orders: Orders, rows: list[int]) -> None:
    """Hold that the same lines were ordered and filled, and that equity is the same each day within the tolerance."""
    theirs = np.array([float(one) for one in told.equity])
    names = [f"N{at:02}" for at in range(COUNT)]
    wanted = np.array([[float(told.orders.get((row, name), 0)) for name in names] for row in rows])
    assert np.array_equal(np.sign(orders.units), np.sign(wanted))
    assert np.allclose(orders.units, wanted, rtol=2e-3, atol=0.01)
    assert {(rows[k], names[c]) for k, c in zip(*np.nonzero(orders.filled), strict=True)} == told.filled
    assert {rows[k] for k in np.flatnonzero(orders.bound)} == told.bound
    assert np.max(np.abs(track.equity / theirs - 1)) < TOLERANCE


def test_a_command_that_runs_no_book_does_not_wait_for_the_compiler():
    """To import research and baselines brings neither numba nor lightgbm."""
    words = "import sys, core.quant.baselines; print(sorted({'numba', 'lightgbm'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.strip() == "[]"

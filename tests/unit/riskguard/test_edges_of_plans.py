"""Edges of plans: each was found by moving or deleting a guard that no test missed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np

from core.domain.order import UNSCORED, Target, TargetWeight
from core.riskguard.clusters import Ground
from core.riskguard.plan import plan_trades
from tests.unit.making import ABCD, AS_OF, PRICES, holdings, panel, ruled, target
from tests.unit.riskguard.test_plan import FREE, plan, told


def test_what_one_purchase_spends_the_next_has_no_more():
    """9,500 pounds are above the buffer: two purchases of 4,000 leave 1,500 for the third, whatever the phase would allow."""
    lines = plan(target(AAA="0.4", BBB="0.4", CCC="0.4"), holdings(cash="10000")).lines

    assert [line.notional for line in lines[:2]] == [Decimal("3999.98"), Decimal("3999.98")]
    assert Decimal(1500) <= lines[2].notional <= Decimal("1500.04")


def test_a_full_book_buys_more_of_what_it_holds():
    """It is no other position."""
    full = ruled(within=FREE, limits={"positions_max": 1})

    assert told(plan(target(AAA="0.3"), holdings({"AAA": "10"}, cash="9000"), full).lines) == [
        ("buy", "AAA", "19.9998")
    ]


def test_a_place_is_free_once_all_of_it_is_sold():
    """The book holds one; it is sold, and another takes its place."""
    full = ruled(within=FREE, limits={"positions_max": 1})

    lines = plan(target(AAA="0.3"), holdings({"BBB": "25"}, cash="9000"), full).lines

    assert told(lines) == [("sell", "BBB", "25"), ("buy", "AAA", "29.9998")]


def test_an_order_of_the_smallest_value_is_placed():
    """25 pounds are the least, and enough."""
    fine = ruled(within=FREE, sizing={"tiny_delta": "0"})

    assert told(plan(target(AAA="0.002502"), holdings(cash="10000"), fine).lines) == [("buy", "AAA", "0.2500")]
    assert plan(target(AAA="0.002501"), holdings(cash="10000"), fine).lines == ()


def test_an_exit_that_takes_all_of_the_turnover_sells_all():
    """2,000 pounds are twice a tenth of 10,000: nothing is left behind."""
    slow = ruled(within=FREE, limits={"turnover_max": "0.1"})

    assert told(plan(target(), holdings({"AAA": "20"}, cash="8000"), slow).lines) == [("sell", "AAA", "20")]


def test_an_exit_whose_pence_fit_into_the_turnover_leaves_nothing_undone():
    """1,000.004 pounds are counted as 1,000.00, which the limit allows: all of it is sold, and nothing is told as left."""
    slow = ruled(within=FREE, limits={"turnover_max": "0.05"})

    found = plan(target(), holdings({"AAA": "10.00004"}, cash="9000"), slow)

    assert told(found.lines) == [("sell", "AAA", "10.00004")]
    assert found.left_undone == ()


def test_what_is_wanted_at_nothing_and_not_held_is_not_sold():
    """So stands in a target what nobody looked up at the venue."""
    assert told(plan(target(AAA="0.1", BBB="0"), holdings(cash="10000")).lines) == [("buy", "AAA", "9.9998")]


def test_a_crumb_without_a_score_is_held_as_it_is():
    """Its weight is cut to nothing, which is no reason to sell it: a gap in the data is none."""
    unscored = Target((TargetWeight("DDD", Decimal(0), f"{UNSCORED}: no bar on 2023-06-12; held as it is"),))

    assert plan(unscored, holdings({"DDD": "0.0001"}, cash="10000")).lines == ()


def test_what_cutting_took_off_the_weight_of_a_holding_without_a_score_is_no_trim():
    """0.3 pence above its six decimals: nothing is sold, and nothing is told as left undone."""
    fine = ruled(within=FREE, sizing={"tiny_delta": "0"})
    unscored = Target((TargetWeight("AAA", Decimal("0.1"), f"{UNSCORED}: no bar on 2023-06-12; held as it is"),))

    found = plan(unscored, holdings({"AAA": "10.00003"}, cash="9000"), fine)

    assert (found.equity, found.lines, found.left_undone) == (Decimal(10_000), (), ())


def test_what_one_purchase_uses_of_the_phases_capital_the_next_has_no_more():
    """Fifteen hundredths of 10,000 pounds: a thousand for the first, half of it for the second."""
    lines = plan(target(AAA="0.1", BBB="0.1"), holdings(cash="10000"), fraction="0.15").lines

    assert [line.notional for line in lines] == [Decimal("999.98"), Decimal("500.00")]


def test_the_cap_of_one_sector_binds_no_purchase_in_another():
    """BBB and CCC fill their sector; AAA is of another and is bought whole."""
    rows = tuple(replace(row, sector="Utilities") if row.id in ("BBB", "CCC") else row for row in ABCD.instruments)
    bars = panel({name: [1.0, 1.0] for name in ("AAA", "BBB", "CCC", "DDD", "SPY")})
    capped = ruled(within=FREE, limits={"sector_weight_max": "0.12", "cluster_weight_max": "1"})
    held, wanted = holdings({"BBB": "25", "CCC": "10"}, cash="8800"), target(AAA="0.1", BBB="0.1", CCC="0.02")
    ground = Ground(replace(ABCD, instruments=rows), bars, AS_OF)

    found = plan_trades(wanted, held, PRICES, policy=capped, capital_fraction=Decimal(1), ground=ground)

    assert told(found.lines) == [("buy", "AAA", "9.9998")]


def test_purchases_end_with_the_orders_of_a_day():
    """A sale counts; with one order more there is a place for both. Sales are done, however many they are."""
    held, wanted = holdings({"CCC": "10"}, cash="9800"), target(AAA="0.1", BBB="0.1")
    few, enough, one = (ruled(within=FREE, limits={"trades_max": most}) for most in (2, 3, 1))

    found = plan(wanted, held, few)
    sold = plan(target(AAA="0.1"), holdings({"BBB": "5", "CCC": "10"}, cash="9600"), one)

    assert told(found.lines) == [("sell", "CCC", "10"), ("buy", "AAA", "9.9998")]
    assert found.left_undone == ("buy BBB: 1000.00 is left, for there are 2 of at most 2 orders",)
    assert [name for _, name, _ in told(plan(wanted, held, enough).lines)] == ["CCC", "AAA", "BBB"]
    assert [name for _, name, _ in told(sold.lines)] == ["BBB", "CCC"]
    assert sold.left_undone == ("buy AAA: 1000.00 is left, for there are 2 of at most 1 orders",)


def test_a_purchase_is_a_small_share_of_what_is_usually_traded():
    """100,000 dollars a session: a hundredth is 1,000 dollars, 800 pounds at 1.25; the wish is for 1,000 pounds."""
    bars = panel({name: [125.0] * 2 for name in ("AAA", "BBB", "CCC", "DDD", "SPY")})
    thin = Ground(ABCD, replace(bars, volume=np.full_like(bars.volume, 800.0)), AS_OF)
    policy = ruled(within=FREE, limits={"value_traded_share_max": "0.01"})
    wanted, held = target(AAA="0.1"), holdings(cash="10000")

    found = plan_trades(wanted, held, PRICES, policy=policy, capital_fraction=Decimal(1), ground=thin)

    assert told(found.lines) == [("buy", "AAA", "7.9998")]
    assert found.left_undone == ("buy AAA: 200.00 of 1000.00 is beyond the share of what is usually traded",)

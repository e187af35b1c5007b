"""Edges of plans: each was found by moving or deleting a guard that no test missed."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.making import holdings, ruled, target
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

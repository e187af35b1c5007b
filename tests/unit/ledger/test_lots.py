"""Lots in their queues: the same takings however many lots there are, and no dust where there is nothing to divide."""

from __future__ import annotations

from collections import deque
from datetime import date, timedelta
from decimal import Decimal

import pytest

from core.ledger.lots import Lot, Short, queue_for, take_in_turn
from core.money import PRICE_STEP, SHARE_STEP
from tests.unit.ledger.asking import answer_to, fact

DAY = date(2024, 1, 1)


def lot(number: int, quantity: str, cost: str, *, days: int = 0) -> Lot:
    """Give a lot that costs the same in its currency and in the base."""
    return Lot(f"k{number}", DAY + timedelta(days=days), number, Decimal(quantity), Decimal(cost), Decimal(cost))


def test_a_part_takes_its_share_of_the_cost_in_steps_and_what_stays_the_rest():
    """A third of 10.00 is 3.3333 in steps of a ten-thousandth, and 6.6667 stays."""
    lots = deque([lot(1, "3", "10.00")])

    taken = take_in_turn(lots, Decimal(1), PRICE_STEP)

    assert [(one.quantity, one.cost, one.cost_base) for one in (*taken, *lots)] == [
        (Decimal(1), Decimal("3.3333"), Decimal("3.3333")),
        (Decimal(2), Decimal("6.6667"), Decimal("6.6667")),
    ]


def test_taking_more_than_there_is_says_how_much_is_missing():
    """3 + 4 units are there, 9 are asked for."""
    with pytest.raises(Short) as raised:
        take_in_turn(deque([lot(1, "3", "1"), lot(2, "4", "1")]), Decimal(9), SHARE_STEP)

    assert raised.value.missing == 2


@pytest.mark.parametrize(
    ("method", "order"),
    [
        ("FIFO", ["k3", "k1", "k2", "k4"]),
        ("LIFO", ["k4", "k2", "k1", "k3"]),
        ("HIFO", ["k2", "k3", "k1", "k4"]),
    ],
)
def test_a_lot_of_an_earlier_day_that_comes_late_finds_its_place(method, order):
    """The third lot was acquired before the others; of equal costs a unit the first acquired goes first."""
    queue = queue_for(method)
    for one in (lot(1, "1", "5", days=5), lot(2, "2", "30", days=6), lot(3, "1", "5"), lot(4, "4", "4", days=9)):
        queue.add(one)

    taken = [one.lot for units in ("1", "2", "1", "4") for one in queue.take(Decimal(units))]

    parts = list(dict.fromkeys(taken))
    assert (parts, queue.held, len(queue)) == (order, Decimal(0), 0)


def test_a_balance_in_the_base_currency_leaves_no_gain_of_rates_however_many_digits_it_has():
    """24 decimals of pounds spent against pounds: there is no rate that could gain anything."""
    of = {"instrument": "X", "currency": "GBP"}
    facts = [
        fact("DEPOSIT", "2024-01-01", "d", currency="GBP", amount="100"),
        fact("BUY", "2024-01-02", "b", quantity="0.123456789123", price="7.123456789123", **of),
        fact("SELL", "2024-01-03", "s", quantity="0.023456789123", price="9.123456789123", **of),
    ]

    realised = answer_to(facts)["pnl"]["realised"]

    assert (realised["fx"], realised["price"]) == ("0", realised["total"])

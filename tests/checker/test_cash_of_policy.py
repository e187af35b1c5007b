"""The checker derives the cash that a guide names per policy, and sees the amount of the other one."""

from __future__ import annotations

import json
import random
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.checker.account import ZERO, Line, Statement, World
from tests.checker.check_tickets import Case
from tests.checker.limits import wrong_guide
from tests.checker.mutations import MUTATIONS, Lie

DAY = date(2024, 6, 10)
SALE = ("sell", "500", "0.25")
BUYS = (("buy", "600", "0.30"), ("buy", "200", "0.20"))


def world(buys_from: str) -> World:
    """Give a world of which no more is known than the policy."""
    policy = {
        "sizing": {"buys_from": buys_from, "fractions": "whole_units", "quantity_step": "1"},
        "limits": {"cash_buffer_min": "0.05"},
        "execution": {"skip_above_bps": 200},
    }
    return World({}, {}, {}, {}, (), {}, {}, policy)


def ticket(needed: str, *trades: tuple[str, str, str]) -> dict[str, Any]:
    """Give a ticket of these trades, each a side, a value and a cost, that names so much cash to look for."""
    cash, lines = Decimal(2000), []
    for side, value, cost in trades:
        cash += (-Decimal(value) if side == "buy" else Decimal(value)) - Decimal(cost)
        far = "above 102 USD (2 % over 100)" if side == "buy" else "below 98 USD (2 % under 100)"
        lines.append(
            {
                "side": side,
                "value": value,
                "value_quote": value,
                "expected_cost": cost,
                "expected_cash_after": str(cash),
                "search_name": "AAA",
                "quantity": "5",
                "currency": "USD",
                "decision_price": "100",
                "worst_price": "102" if side == "buy" else "98",
                "do": f"{side.capitalize()} 5 units of AAA, about {Decimal(value):,.2f} USD.",
                "skip_if": f"the price is {far}",
                "if_it_fails": "Leave it.",
            }
        )
    check = f"You are logged in. If its free cash is less than {needed} GBP (costs paid), do nothing." if needed else ""
    guide = {"before": ["Today is the day above.", check], "cash_floor": "100"}
    return {"base": "GBP", "cash": "2000", "lines": lines, "guide": guide}


def said(told: dict[str, Any], buys_from: str) -> list[str]:
    """Give what the checker says of a ticket under a policy."""
    within = world(buys_from)
    lines = tuple(
        Line(number, "AAA", line["side"], Decimal(5), Decimal(100), ZERO, ZERO, ZERO, ZERO, line)
        for number, line in enumerate(told["lines"], start=1)
    )
    return list(wrong_guide(Case(told, lines, DAY, DAY, Decimal(1), DAY, Decimal(2000), Statement(within), within)))


CASES = [
    ("sale_proceeds", "300.75", (SALE, *BUYS)),
    ("settled", "800.75", (SALE, *BUYS)),
    ("sale_proceeds", "", (SALE, BUYS[1])),
    ("settled", "200.45", (SALE, BUYS[1])),
    ("sale_proceeds", "800.50", BUYS),
    ("settled", "800.50", BUYS),
    ("sale_proceeds", "", (SALE,)),
    ("settled", "", (SALE,)),
]


@pytest.mark.parametrize(("buys_from", "needed", "trades"), CASES)
def test_the_cash_to_look_for_follows_the_policy(buys_from, needed, trades):
    """With settled cash a sale pays for nothing; the right amount is accepted and a penny more is not."""
    assert said(ticket(needed, *trades), buys_from) == []
    assert said(ticket("900.01", *trades), buys_from) == [
        f"nothing is bought with less than ['900.01 GBP']; it should be {[f'{needed} GBP'] if needed else []}"
    ]


@pytest.mark.parametrize(("buys_from", "needed", "trades"), CASES[:4])
def test_the_cash_of_another_policy_is_seen(buys_from, needed, trades):
    """The lie names what would be right if buys were paid from the other kind of cash."""
    lie = Lie("one", {"ticket": json.loads(json.dumps(ticket(needed, *trades)))}, world(buys_from), random.Random(1))
    mutation = next(one for one in MUTATIONS if one.name == "the cash of another policy")

    mutation.change(lie)

    (words,) = said(lie.ticket, buys_from)
    assert words.startswith(mutation.words)

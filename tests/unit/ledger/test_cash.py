"""Cash movements: what can be booked on a day, and what is refused with the numbers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

import pytest

from core.domain.posting import CashFact, Entry
from core.ledger.cash import Movement, amount_objection, movement_objections
from core.ledger.post import post_cash

MON, TUE, WED, THU = (date(2024, 6, day) for day in (10, 11, 12, 13))


def moved(kind: Literal["DEPOSIT", "WITHDRAW"], amount: str, session: date) -> Entry:
    """Give the entry of cash that came or went."""
    return post_cash(
        CashFact(f"{kind}-{session}", kind, "main", "paper", session, "GBP", Decimal(amount), "cash_movement:1")
    )


# 100 on Monday and Tuesday, 40 on Wednesday, 90 from Thursday on.
ENTRIES = (moved("DEPOSIT", "100", MON), moved("WITHDRAW", "60", WED), moved("DEPOSIT", "50", THU))


def objections(amount: str, on: date, *, today: date = THU, closed: date | None = None) -> tuple[str, ...]:
    """Give what is wrong with a movement."""
    return movement_objections(Movement(Decimal(amount), on, "GBP"), ENTRIES, today=today, closed=closed)


@pytest.mark.parametrize(("amount", "on"), [("-40", TUE), ("-40", WED), ("-90", THU), ("1000", MON)])
def test_what_is_there_may_be_taken_out(amount, on):
    """All of it, as long as no day since would lack it; paying in is bound by nothing."""
    assert objections(amount, on) == ()


@pytest.mark.parametrize(
    ("amount", "on", "words"),
    [
        ("-40.01", TUE, "the amount was 40.01 GBP; on 2024-06-12 there is 40 GBP to take out"),
        ("-90.01", THU, "the amount was 90.01 GBP; on 2024-06-13 there is 90 GBP to take out"),
        ("-1", date(2024, 6, 7), "the amount was 1 GBP; on 2024-06-07 there is 0 GBP to take out"),
    ],
)
def test_a_penny_more_than_there_is_is_refused(amount, on, words):
    """The day that lacks it is named with what is there."""
    assert objections(amount, on) == (words,)


def test_a_day_to_come_is_refused_naming_today():
    """Today itself is allowed."""
    assert objections("1", WED, today=WED) == ()
    assert objections("1", THU, today=WED) == ("the day was 2024-06-13, which is to come; today is 2024-06-12",)


def test_a_day_that_the_paper_venue_has_closed_is_refused_naming_the_first_that_is_open():
    """What the venue told of a day stands, and would differ from our books for good."""
    assert objections("1", WED, closed=TUE) == ()
    assert objections("1", TUE, closed=TUE) == (
        "the day was 2024-06-11; the paper venue has closed its books of 2024-06-11, so 2024-06-12 is the first",
    )


@pytest.mark.parametrize(
    "amount", ["0", "0.00", "0.001", "-0.005", "NaN", "sNaN", "Infinity", "-Infinity", "1E+15", "1E+40"]
)
def test_what_cannot_be_posted_is_no_amount(amount):
    """Nothing, a part of a penny, and what is no number: kept, it would stop every later posting of the book."""
    assert str(amount_objection(Decimal(amount))).startswith("the amount was ")


@pytest.mark.parametrize("amount", ["0.01", "-0.01", "1E+3", "12345678901.99"])
def test_whole_pennies_are_an_amount(amount):
    """Paid in or taken out."""
    assert amount_objection(Decimal(amount)) is None

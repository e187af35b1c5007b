"""Confirming: every answer that cannot be is refused in words, and what can be becomes a fill."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.domain.confirmation import Answer, Confirmation, Executed, Fill, NotExecuted
from core.domain.ticket import Ticket
from core.ticketing.confirm import ACKNOWLEDGE, Bounds, answer_objections, confirmation_objections, fill_of, is_late
from tests.unit.making import CONFIRM_BY, DAY, NOW, executed, issued, ticket, ticket_line

# Line 1 sells 10 of BBB at 50 dollars, line 2 buys 8 of AAA at 125.
TRADE = ticket(ticket_line(1, "sell", "BBB", "10"), ticket_line(2, "buy", "AAA", "8"))
FILLED = executed(1, "10", "50")


def confirmation(*answers: Answer, to: Ticket = TRADE, **changes: Any) -> Confirmation:
    """Give a person's answers to a ticket."""
    whole = Confirmation(to.ticket_id, to.revision, to.short_hash, "ann", "terminal", NOW, answers)
    return replace(whole, **changes)


def objections(said: Confirmation, to: Ticket = TRADE, answered: tuple[int, ...] = ()) -> tuple[str, ...]:
    """Give what is wrong with a confirmation."""
    return confirmation_objections(said, issued(to), answered)


def test_answers_that_fit_the_ticket_are_stored():
    """A fill, a partial fill and a line that was not executed are all good answers."""
    partial = executed(2, "3.5", "126", is_partial=True, fee=Decimal("1.20"))

    assert objections(confirmation(FILLED, partial)) == ()
    assert objections(confirmation(FILLED, NotExecuted(2, "the price ran away"))) == ()


def test_some_lines_may_be_answered_now_and_others_later():
    """Each line is answered once; which were answered before is known."""
    assert objections(confirmation(FILLED), answered=(2,)) == ()


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (confirmation(), "the answer names no line"),
        (
            confirmation(FILLED, revision=2),
            "the answer is for TICKET-20240610 revision 2; the live ticket is TICKET-20240610 revision 1",
        ),
        (
            confirmation(FILLED, ticket_id="TICKET-20240603"),
            "the answer is for TICKET-20240603 revision 1; the live ticket is TICKET-20240610 revision 1",
        ),
        (
            confirmation(FILLED, short_hash="00000000"),
            f"the answer quotes '00000000'; the ticket's short hash is {TRADE.short_hash}",
        ),
        (
            confirmation(FILLED, short_hash=TRADE.hash),
            f"the answer quotes '{TRADE.hash}'; the ticket's short hash is {TRADE.short_hash}",
        ),
        (confirmation(FILLED, FILLED), "line 1 is answered twice here"),
        (confirmation(FILLED, NotExecuted(1, "no")), "line 1 is answered twice here"),
        (confirmation(NotExecuted(3, "no")), "line 3 is not on TICKET-20240610; it has lines 1 to 2"),
    ],
)
def test_a_confirmation_that_does_not_fit_is_refused_with_its_reason(said, problem):
    """Wrong ticket, wrong revision, wrong hash, no line, one line twice, a line that is not there."""
    assert objections(said) == (problem,)


def test_a_line_is_answered_once():
    """Whatever was said first stays."""
    assert objections(confirmation(FILLED), answered=(1,)) == ("line 1 was answered before",)


@pytest.mark.parametrize(
    ("to", "problem"),
    [
        (replace(TRADE, kind="HOLD"), "TICKET-20240610 is HOLD; there is nothing to confirm"),
        (replace(TRADE, kind="NO-TRADE"), "TICKET-20240610 is NO-TRADE; there is nothing to confirm"),
        (replace(TRADE, venue="paper"), "TICKET-20240610 is for the paper venue, which reports by itself"),
        (
            replace(TRADE, venue="paper", is_rehearsal=True),
            "TICKET-20240610 is for the paper venue, which reports by itself",
        ),
        (
            replace(TRADE, is_rehearsal=True),
            "TICKET-20240610 is a rehearsal; nothing of it can have been executed",
        ),
    ],
)
def test_a_ticket_that_nobody_executes_takes_no_answer(to, problem):
    """Nothing to do, nothing real, or nobody asked."""
    assert objections(confirmation(FILLED, to=to), to) == (problem,)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (executed(1, "0", "50"), "quantity was 0 and price 50; both must be above 0"),
        (executed(1, "-1", "50"), "quantity was -1 and price 50; both must be above 0"),
        (executed(1, "10", "0"), "quantity was 10 and price 0; both must be above 0"),
        (executed(1, "0", "50", is_partial=True), "quantity was 0 and price 50; both must be above 0"),
        (executed(1, "9.9998", "50"), "9.9998 units are fewer than the 10 ordered: write partial, not filled"),
        (
            executed(1, "10", "50", is_partial=True),
            "10 units are not fewer than the 10 ordered: write filled, not partial",
        ),
        (
            executed(1, "10", "50", fee=Decimal("-0.01")),
            "fee was -0.01 and rate 1.25; fee >= 0 and rate > 0 are needed",
        ),
        (executed(1, "10", "50", fx_rate=Decimal(0)), "fee was 0 and rate 0; fee >= 0 and rate > 0 are needed"),
    ],
)
def test_a_number_that_cannot_be_is_refused_one_tick_beyond_its_edge(answer, problem):
    """No numbers and words that do not fit them; nobody can acknowledge what cannot be."""
    for told in (answer, replace(answer, acknowledged="seen on the statement")):
        assert answer_objections(told, TRADE) == (f"line 1 (sell BBB): {problem}",)


# The buy of 8 units at 125 dollars is one of 800 pounds: 816 with the slippage rule's 2 %, and 0.01 for a unit's step.
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (executed(1, "10.0002", "50"), "quantity was 10.0002; at most 10.0001 were to be sold"),
        (
            executed(2, "8.1602", "125"),
            "quantity was 8.1602, worth 816.02; the order was for 8 units or 800.00, so it must be worth at most 816.01",
        ),
        (executed(1, "10", "62.5001"), "price was 62.5001; the decision price is 50, so it must be from 37.5 to 62.5"),
        (executed(1, "10", "37.4999"), "price was 37.4999; the decision price is 50, so it must be from 37.5 to 62.5"),
        (
            executed(1, "10", "50", fx_rate=Decimal("1.1249")),
            "rate was 1.1249; the ticket's is 1.25, so it must be from 1.125 to 1.375",
        ),
        (
            executed(1, "10", "50", fx_rate=Decimal("1.3751")),
            "rate was 1.3751; the ticket's is 1.25, so it must be from 1.125 to 1.375",
        ),
    ],
)
def test_an_unlikely_fill_is_refused_one_tick_beyond_its_edge_unless_acknowledged(answer, problem):
    """A mistyped digit is caught with the numbers; what a person saw goes into the books."""
    where = "line 1 (sell BBB)" if answer.line == 1 else "line 2 (buy AAA)"

    assert answer_objections(answer, TRADE) == (f"{where}: {problem}; {ACKNOWLEDGE}",)
    assert answer_objections(replace(answer, acknowledged="  "), TRADE) != ()
    assert answer_objections(replace(answer, acknowledged="seen on the statement"), TRADE) == ()


@pytest.mark.parametrize(("rate", "fits"), [("1.125", True), ("1.375", True), ("0.8", False)])
def test_an_exchange_rate_at_the_edge_fits_and_one_turned_round_does_not(rate, fits):
    """A tenth around the ticket's 1.25; a ticket without a rate has nothing to hold it against."""
    answer = executed(1, "10", "50", fx_rate=Decimal(rate))

    assert (answer_objections(answer, TRADE) == ()) is fits
    assert answer_objections(answer, replace(TRADE, fx_rate=None)) == ()


@pytest.mark.parametrize(("price", "fits"), [("48.02", True), ("48.0199", False), ("52.02", True), ("52.0201", False)])
def test_a_price_is_bound_by_the_days_range_where_it_is_known(price, fits):
    """From 2 % below the low of 49 to 2 % above the high of 51, whatever the decision price was."""
    bounds = Bounds(ranges={"BBB": (Decimal(49), Decimal(51))})

    problems = answer_objections(executed(1, "10", price), TRADE, bounds=bounds)

    assert (problems == ()) is fits
    assert fits or "the day's range is 49 to 51, so it must be from 48.02 to 52.02" in problems[0]


def test_a_gap_of_the_price_far_from_the_decision_is_taken_where_the_days_range_shows_it():
    """The share opened forty percent lower: the truth, and the bar says so."""
    bounds = Bounds(ranges={"AAA": (Decimal(74), Decimal(78))})

    assert answer_objections(executed(2, "8", "75"), TRADE, bounds=bounds) == ()


def test_nobody_sells_more_than_the_book_holds():
    """Not even with a word for it: no venue sells what is not there without a loan."""
    bounds = Bounds(held={"BBB": Decimal(10)})
    answer = executed(1, "10.0001", "50", acknowledged="seen")

    assert answer_objections(replace(answer, quantity=Decimal(10)), TRADE, bounds=bounds) == ()
    assert answer_objections(answer, TRADE, bounds=bounds) == (
        "line 1 (sell BBB): quantity was 10.0001; the book holds 10, and no more can be sold",
    )


@pytest.mark.parametrize(
    "answer",
    [
        executed(1, "10.0001", "50"),
        executed(1, "9.9999", "50"),
        executed(2, "8.1601", "125"),
        executed(2, "7.8432", "127.5"),
        executed(2, "8.1632", "122.5"),
        executed(1, "10", "62.5"),
        executed(1, "10", "37.5"),
        executed(1, "9.9999", "50", is_partial=True),
        executed(1, "0.0001", "50", is_partial=True),
        executed(1, "10", "50", fee=Decimal(0)),
        executed(1, "10", "50", fx_rate=Decimal("0.000001"), acknowledged="seen on the statement"),
        NotExecuted(1, "x"),
    ],
)
def test_a_number_at_its_edge_is_taken(answer):
    """A step of a unit more or less, the order's value at another price, a quarter off the price, the smallest piece."""
    assert answer_objections(answer, TRADE) == ()


@pytest.mark.parametrize("name", ["quantity", "price", "fee", "fx_rate"])
@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused(name, value):
    """An infinite rate would make a purchase free, and nothing compares with NaN."""
    number: Any = Decimal(value)
    answer = replace(FILLED, **{name: number})

    (problem,) = answer_objections(answer, TRADE)

    assert value in problem
    assert problem.endswith("each must be a number")


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_line_that_was_not_executed_needs_a_reason(reason):
    """Blank is no reason."""
    assert answer_objections(NotExecuted(2, reason), TRADE) == ("line 2: not executed needs a reason",)


def test_everything_that_is_wrong_is_said_at_once():
    """The ticket, the line and each number: a person corrects once."""
    wrong = executed(1, "11", "90", fee=Decimal(-1))

    found = objections(confirmation(wrong, short_hash="x"), answered=(1,))

    assert len(found) == 5


def test_an_answer_becomes_a_fill_of_its_line():
    """Side, instrument, currencies and session come from the ticket, numbers from the answer."""
    answer = Executed(2, Decimal("3.5"), Decimal("126"), Decimal("1.20"), Decimal("1.26"), is_partial=True)

    assert fill_of(answer, TRADE, key="K", evidence="confirmation_line:7") == Fill(
        key="K",
        book="main",
        venue="manual",
        evidence="confirmation_line:7",
        instrument="AAA",
        side="buy",
        quantity=Decimal("3.5"),
        price=Decimal("126"),
        quote="USD",
        base="GBP",
        fx_rate=Decimal("1.26"),
        fee=Decimal("1.20"),
        session=DAY,
        decision_price=Decimal("125"),
    )


@pytest.mark.parametrize(("answer", "to"), [(executed(3, "1", "50"), TRADE), (FILLED, replace(TRADE, window=None))])
def test_a_line_that_is_no_trade_of_the_ticket_makes_no_fill(answer, to):
    """Neither a line that is not there nor one without a window."""
    with pytest.raises(ValueError, match=f"line {answer.line} is not a trade of TICKET-20240610"):
        fill_of(answer, to, key="K", evidence="E")


def test_an_answer_is_late_after_the_deadline():
    """At the deadline itself it is in time."""
    assert not is_late(TRADE, CONFIRM_BY)
    assert is_late(TRADE, CONFIRM_BY + timedelta(microseconds=1))

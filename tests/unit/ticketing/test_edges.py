"""Edges of answers, confirmations and drafts: each was found by moving or deleting a guard that no test missed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.confirmation import PartFill
from core.domain.decision import GateReport
from core.ticketing.answers import AnswerError, parse_answer
from core.ticketing.confirm import Bounds, answer_objections
from core.ticketing.draft import is_unfinished, unfinished_decision
from tests.unit.making import decision, executed, line, run, ticket, ticket_line

# Line 1 sells 10 of BBB at 50 dollars, line 2 buys 8 of AAA at 125, which are 800 pounds.
TRADE = ticket(ticket_line(1, "sell", "BBB", "10"), ticket_line(2, "buy", "AAA", "8"))


def test_two_thousand_characters_are_read_and_one_more_is_not():
    """The limit itself is read."""
    answer = "1 filled price=50 fee=0".ljust(2000)

    assert parse_answer(answer, TRADE) == executed(1, "10", "50")
    with pytest.raises(AnswerError, match="the answer has 2001 characters, at most 2000 are read"):
        parse_answer(f"{answer} ", TRADE)


@pytest.mark.parametrize(("quantity", "price"), [("0", "50"), ("-1", "50"), ("4", "0"), ("4", "-50")])
def test_a_piece_of_nothing_is_refused(quantity, price):
    """The whole of several fills may look right while one of them cannot be."""
    pieces = tuple(
        PartFill(Decimal(units), Decimal(each), Decimal(0), Decimal("1.25"))
        for units, each in (("10", "50"), (quantity, price))
    )
    said = replace(executed(1, "10", "50"), parts=pieces)

    assert "line 1 (sell BBB): quantity or price of a fill was not above 0" in answer_objections(said, TRADE)


def test_what_is_bought_need_not_be_held():
    """Only a sale is bound by what the book holds."""
    known = Bounds(held={})

    assert answer_objections(executed(2, "8", "125"), TRADE, bounds=known) == ()
    assert answer_objections(executed(1, "10", "50"), TRADE, bounds=known) == (
        "line 1 (sell BBB): quantity was 10; the book holds 0, and no more can be sold",
    )


def test_a_buy_is_whole_down_to_the_least_value_of_its_order():
    """2 % and a step less than 800 pounds is 783.99: so much is the order, a step less is a part of it."""
    assert answer_objections(executed(2, "7.8399", "125"), TRADE) == ()
    assert answer_objections(executed(2, "7.8398", "125"), TRADE) == (
        "line 2 (buy AAA): 7.8398 units are fewer than the 8 ordered: write partial, not filled",
    )


@pytest.mark.parametrize(
    ("opened", "until"),
    [(run(), "its window closed at 2024-06-10T14:30:00.000000Z"), (run(window=None), "its day ended")],
)
def test_an_abandoned_run_says_so_first_and_keeps_its_own_reasons(opened, until):
    """What was to be traded is no reason; what closed a gate stays one."""
    message = f"RUN-20240610-r1 was opened and ended in no ticket before {until}"
    trade = unfinished_decision(decision(line("buy", "AAA", "1")), opened)
    closed = unfinished_decision(decision(kind="NO-TRADE", reasons=("halt: rain",)), opened)

    assert (trade.kind, trade.reasons, trade.approved) == ("NO-TRADE", (f"run not finished: {message}",), ())
    assert closed.reasons == (f"run not finished: {message}", "halt: rain")
    assert trade.gates == (GateReport("run", "closed", (message,)),)


def test_only_a_ticket_whose_first_gate_is_the_runs_closed_an_abandoned_one():
    """Without gates, or with others before it, it did not."""
    told = [(), ("run", "audit"), ("audit", "run")]
    tickets = [ticket(gates=tuple(GateReport(name, "closed", ("x",)) for name in names)) for names in told]

    assert [is_unfinished(one) for one in tickets] == [False, True, False]

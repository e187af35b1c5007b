"""The journal as a value: recorded once, never changed, and computed by the functions of the running system."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from core.domain.holdings import EquityPoint, Holdings, Position
from core.ledger.journal import (
    Journal,
    compute_equity_curve,
    compute_pnl_realized_unrealized,
    compute_positions,
    record_cash,
    record_fill,
    record_intended_trade,
    record_ticket,
)
from tests.unit.making import AS_OF, DAY, cash_fact, fill, line, panel, rates, ticket, ticket_line

EMPTY = Journal("GBP")
DEPOSIT = cash_fact("DEPOSIT", "1000", session=AS_OF)
BUY = fill("buy", "AAA", "4", "125", fee="2")
TRADE = ticket(ticket_line(1, "buy", "AAA", "4"))


def test_a_book_recorded_by_hand():
    """1,000 pounds in, 4 units at 100 pounds and a fee of 2 out: 598 in cash; at 150 dollars the units are 480."""
    journal = record_fill(record_cash(EMPTY, DEPOSIT), BUY)

    assert compute_positions(journal) == Holdings((Position("AAA", Decimal("4")),), Decimal("598.00"))
    result = compute_pnl_realized_unrealized(journal, {"AAA": Decimal("480")})
    assert (result.capital, result.realised, result.unrealised) == (Decimal("1000"), Decimal("0"), Decimal("78.00"))


def test_recording_gives_a_new_journal():
    """The old one stays what it was."""
    journal = record_cash(EMPTY, DEPOSIT)

    assert EMPTY.entries == ()
    assert len(journal.entries) == 1


@pytest.mark.parametrize(
    ("record", "fact"),
    [(record_cash, DEPOSIT), (record_fill, BUY), (record_ticket, TRADE)],
    ids=["cash", "fill", "ticket"],
)
def test_recording_the_same_again_changes_nothing(record, fact):
    """Twice is the same as once, even when something else came between."""
    once = record_fill(record(EMPTY, fact), fill("buy", "BBB", "1", "10"))

    assert record(once, fact) == once


@pytest.mark.parametrize(
    ("record", "fact", "other"),
    [
        (record_cash, DEPOSIT, replace(DEPOSIT, amount=Decimal("1000.01"))),
        (record_fill, BUY, replace(BUY, price=Decimal("126"))),
        (record_fill, BUY, replace(BUY, session=AS_OF)),
    ],
)
def test_another_content_under_a_known_key_is_refused(record, fact, other):
    """A record is never changed, not even by a penny."""
    with pytest.raises(ValueError, match=f"entry {fact.key} is recorded with another content"):
        record(record(EMPTY, fact), other)


def test_another_ticket_of_the_same_revision_is_refused():
    """A revision is a ticket of its own; one revision has one content."""
    journal = record_ticket(EMPTY, TRADE)

    with pytest.raises(ValueError, match="TICKET-20240610 revision 1 is recorded with another hash"):
        record_ticket(journal, replace(TRADE, notes=("changed",)))
    assert len(record_ticket(journal, replace(TRADE, revision=2)).tickets) == 2
    assert len(record_ticket(journal, replace(TRADE, ticket_id="TICKET-20240611")).tickets) == 2


def test_an_intended_trade_moves_nothing():
    """What was wanted is kept beside what was done."""
    journal = record_intended_trade(record_cash(EMPTY, DEPOSIT), line("buy", "AAA", "1"))

    assert len(journal.intended) == 1
    assert compute_positions(journal).positions == ()


def test_the_curve_follows_the_effective_days_whatever_was_recorded_first():
    """A deposit recorded after the fill that it pays for counts from its own session."""
    journal = record_cash(record_fill(EMPTY, BUY), DEPOSIT)
    bars = panel({"AAA": [125.0, 125.0, 150.0]}, last=date(2024, 6, 11))

    points = compute_equity_curve(journal, bars, rates())

    assert points == (
        EquityPoint(AS_OF, Decimal("1000.00"), Decimal("100.00000000")),
        EquityPoint(DAY, Decimal("998.00"), Decimal("99.80000000")),
        EquityPoint(date(2024, 6, 11), Decimal("1078.00"), Decimal("107.80000000")),
    )

"""Guards of the day and of what keeps tickets: each was found by deleting or inverting it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.clock import FixedClock
from adapters.postgres.tickets import PgTickets
from adapters.slot_time import When
from core.calendar import slot_of
from core.domain.confirmation import Confirmation, Executed
from flows.books import StoreError
from flows.daily import DayDoors, run_day
from tests.integration.workspaces import (
    BUSY,
    DAY,
    ONE_DAY,
    Workspaces,
    counts,
    desk_of,
    make_manual,
    morning,
    the_time_is,
    twokey,
)

KEEPS_SERVERS = True


def count(root: Path, table: str) -> int:
    """Give how many rows a table has."""
    with desk_of(root) as desk:
        return counts(desk.session("reader"))[table]


class Away:
    """A chain that cannot be read to the end; what it does not know of, the real one gives."""

    def __init__(self, doors: DayDoors) -> None:
        self.head = doors.chain.head

    def verify_on(self, kept: object) -> object:
        """Fail as a connection does."""
        raise StoreError("the connection is gone")


def test_nothing_is_posted_on_a_chain_that_cannot_be_verified(workspaces: Workspaces):
    """Yesterday's ticket stays unfilled while nobody knows whether the books are whole; then it is filled."""
    root = workspaces.copy("away", *BUSY)
    twokey(root, "run", "--on", str(DAY))
    before, day = count(root, "posting"), DAY + ONE_DAY

    with desk_of(root) as desk:
        configuration = desk.configuration("main")
        at = slot_of(configuration.setup.policy, day).at
        doors = desk.day_doors(When(day, FixedClock(at)))
        away: Any = Away(doors)
        run_day(day, configuration.setup, configuration.texts, replace(doors, chain=away))
    unposted = count(root, "posting")
    twokey(root, "run", "--on", str(day + ONE_DAY))

    assert unposted == before
    assert count(root, "posting") > before


def test_an_answer_to_a_ticket_that_is_not_there_is_refused_by_name(workspaces: Workspaces):
    """And nothing of it is kept."""
    root = workspaces.copy("nobody's")
    answer = Executed(1, Decimal(1), Decimal(100), Decimal(0), Decimal("1.25"), is_partial=False)
    said = Confirmation("TICKET-20240101", 1, "0" * 8, "ann", "terminal", morning(DAY) + timedelta(hours=3), (answer,))

    with desk_of(root) as desk, pytest.raises(StoreError, match="TICKET-20240101 revision 1 has no lines to answer"):
        desk.confirm_doors.confirmations.add_confirmation(said, is_late=False)

    assert count(root, "confirmation") == 0


def test_a_step_of_a_ticket_that_is_not_there_is_refused_by_name(workspaces: Workspaces):
    """Nobody's ticket was sent."""
    root = workspaces.copy("stepless")

    with desk_of(root) as desk, pytest.raises(StoreError, match="TICKET-20240101"):
        PgTickets(desk.session("ticketing")).add_step("TICKET-20240101", "sent", detail="")


def test_a_part_is_kept_as_a_part(workspaces: Workspaces):
    """The row of an answer says so itself, beside its body."""
    root = workspaces.copy("parts", *BUSY)
    make_manual(root)
    with the_time_is(morning(DAY)):
        issued = twokey(root, "run")
    with desk_of(root) as desk:
        ticket = desk.confirm_doors.tickets.ticket(issued.facts["ticket_id"])
        assert ticket is not None
        whole, part = ticket.issued.ticket.lines[:2]
        answers = tuple(
            Executed(row.line, quantity, row.decision_price, Decimal(0), Decimal("1.25"), is_partial=row is part)
            for row, quantity in ((whole, whole.quantity), (part, part.quantity / 2))
        )
        quoted, at = ticket.issued.ticket.short_hash, morning(DAY) + timedelta(hours=11)
        said = Confirmation(issued.facts["ticket_id"], 1, quoted, "ann", "terminal", at, answers)
        desk.confirm_doors.confirmations.add_confirmation(said, is_late=False)
        kept = desk.session("reader").all("SELECT outcome FROM confirmation_line ORDER BY ticket_line")

    assert [row["outcome"] for row in kept] == ["filled", "partial"]

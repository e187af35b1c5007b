"""Edges of resuming and of a ticket's life: what a guard keeps from a person, each found by deleting or inverting it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from core.domain.decision import GateReport
from core.domain.facts import Halt, Unread
from flows.books import StoreError, TicketStanding
from flows.lifecycle import follow_earlier, follow_ticket
from flows.resume import ResumeDoors, resume
from tests.unit.flows.shop import Shop
from tests.unit.making import AS_OF, NOW, WINDOW, issued, ticket, ticket_line

OF_BOOK, OF_DESK = Halt("main", "it fell", NOW), Halt("*", "rain", NOW)
TRADE = issued(ticket(ticket_line(1, "buy", "AAA", "1"), ticket_line(2, "buy", "BBB", "2")))


def resumed(
    halts: Sequence[Halt],
    *,
    gate: str = "drawdown",
    state: Any = "closed",
    worth: Any = None,
    decided: Any = None,
    known: bool = True,
) -> dict[str, date]:
    """Lift a book's halt and give whose peak counts anew: of a book that a gate closed on Friday's session."""
    shop = Shop().traded()
    decision, seen = shop.decided[shop.run.run_id]
    seen = seen if worth is None else replace(seen, worth=worth)
    shop.decided[shop.run.run_id] = (replace(decision, gates=(GateReport(gate, state, ("it fell",)),)), seen)
    runs, shop.known = (shop.run.run_id,) if decided is None else decided, known
    people: Any = SimpleNamespace(
        halts=lambda book: halts,
        decided=lambda book: runs,
        resume=lambda scope, by, reason, peaks, seen: len(halts) if seen == list(halts) else -1,
    )
    doors = ResumeDoors(people, shop.books, shop.books)
    done = resume("main", ("main",), doors, by="Ada", reason="looked", seen=list(halts))
    assert done.lifted == len(halts)
    return done.peaks


def test_the_peak_counts_anew_of_a_book_that_the_kill_switch_closed_and_that_is_free_now():
    """From the session that was looked at."""
    assert resumed([OF_BOOK]) == {"main": AS_OF}


@pytest.mark.parametrize(
    "halts", [[], [OF_DESK], [OF_BOOK, OF_DESK]], ids=["never halted", "by the desk", "by the desk too"]
)
def test_a_book_that_this_does_not_set_free_keeps_its_peak(halts):
    """It was not halted, or stays halted by the desk."""
    assert resumed(halts) == {}


@pytest.mark.parametrize(
    "changes",
    [{"gate": "daily_loss"}, {"state": "open"}, {"worth": Unread("away")}, {"decided": ()}, {"known": False}],
    ids=["another gate", "an open gate", "equity unknown", "nothing decided", "no session"],
)
def test_a_book_that_did_not_fall_keeps_its_peak(changes):
    """Equity that could not be computed is no fall."""
    assert resumed([OF_BOOK], **changes) == {}


def test_a_decision_that_is_gone_is_passed_over():
    """The one before it says whether the book fell."""
    assert resumed([OF_BOOK], decided=("RUN-20240610-r1", "RUN-GONE")) == {"main": AS_OF}
    assert resumed([OF_BOOK], decided=("RUN-GONE", "RUN-20240610-r1")) == {"main": AS_OF}


class Life:
    """A ticket's life over plain memory: what is found each time it is asked for, and the steps that were taken."""

    def __init__(self, *found: TicketStanding | None, taken_by_others: bool = False) -> None:
        """Hold what is found, the last one from then on."""
        self.found, self.refuses = list(found), taken_by_others
        self.steps: list[tuple[str, str]] = []

    def ticket(self, ticket_id: str) -> TicketStanding | None:
        """Give the next that is found."""
        return self.found.pop(0) if len(self.found) > 1 else self.found[0]

    def living(self, book: str, before: str) -> Sequence[str]:
        """Give one ticket."""
        return ("TICKET-20240610",)

    def add_step(self, ticket_id: str, step: str, *, detail: str) -> None:
        """Keep a step, or find that somebody else took it."""
        if self.refuses:
            raise StoreError("it was taken")
        self.steps.append((step, detail))


def followed(life: Any) -> TicketStanding:
    """Follow the ticket at the end of its window."""
    return follow_ticket("TICKET-20240610", life, now=WINDOW.closes_at)


WAITS = TicketStanding(TRADE, ("drafted", "issued"), (1,), (2,))
EXPIRED = TicketStanding(TRADE, ("drafted", "issued", "partly confirmed", "expired"), (1,), (2,))


def test_a_ticket_takes_its_steps_and_is_given_as_it_stands_then():
    """Only the expiry names the window; a ticket that is not there is said."""
    life = Life(WAITS, EXPIRED)

    assert followed(life) == EXPIRED
    assert life.steps == [
        ("partly confirmed", "1 of 2 lines answered"),
        ("expired", "its window closed 2024-06-10T14:30:00.000000Z; 1 of 2 lines answered"),
    ]
    assert followed(Life(WAITS, None)) == WAITS
    with pytest.raises(ValueError, match="there is no ticket TICKET-20240610"):
        followed(Life(None))


def test_a_ticket_that_has_no_step_to_take_is_not_asked_for_again():
    """It is given as it was found."""
    life = Life(EXPIRED, WAITS)

    assert followed(life) == EXPIRED
    assert life.steps == []


def test_a_step_that_somebody_else_took_is_no_error():
    """Where nobody took any, the refusal is one."""
    assert followed(Life(WAITS, EXPIRED, taken_by_others=True)) == EXPIRED
    for again in (WAITS, None):
        with pytest.raises(StoreError, match="it was taken"):
            followed(Life(WAITS, again, taken_by_others=True))


def test_earlier_tickets_are_followed():
    """Before a slot is decided, each takes the steps that it has come to."""
    life: Any = Life(WAITS, EXPIRED)

    follow_earlier("main", "20240611", life, now=WINDOW.closes_at)

    assert [step for step, _ in life.steps] == ["partly confirmed", "expired"]

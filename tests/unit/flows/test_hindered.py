"""What is looked up to say whether an issued trade may be executed now, and which trades a halt reaches."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from core.domain.facts import Halt
from flows.books import StoreError, TicketStanding, Voided
from flows.hindered import HinderDoors, hindrances_of, hindrances_shown, open_tickets
from tests.unit.flows.shop import Shop
from tests.unit.making import NOW, SHORT, issued, ruled, ticket, ticket_line

TRADE = issued(ticket(ticket_line(1, "buy", "AAA", "1"), ticket_line(2, "buy", "BBB", "2")))
STANDING = TicketStanding(TRADE, ("drafted", "issued"), (), (1, 2))
END, TICK = TRADE.ticket.expires_at, timedelta(microseconds=1)
MANUAL = ruled(execution={"venue": "manual"})


def seen(phase: Any = "C", *, policy: Any = MANUAL) -> list[str]:
    """Give what hinders a trade that was approved for all of the capital."""
    shop = Shop().traded()
    shop.phase = phase

    def policy_of(book: str) -> Any:
        if isinstance(policy, Exception):
            raise policy
        return policy

    books: Any = shop.books
    found = hindrances_of(STANDING, HinderDoors(books, books, policy_of), now=NOW)
    return [f"{one.head}: {one.value}" for one in found]


def test_a_trade_is_judged_by_the_phase_that_stands_now():
    """In phase C it may use all that it was approved for, in A nothing of a real venue's."""
    assert seen("C") == []
    assert seen("A") == ["PHASE: 1"]


def test_a_book_that_nobody_set_a_phase_of_is_in_the_first_of_the_tickets_venue():
    """Whatever venue the policy names by now."""
    assert seen("") == ["PHASE: 1"]
    assert seen("A", policy=SHORT) == ["PHASE: 1"]
    assert SHORT.execution.venue == "paper"


@pytest.mark.parametrize("error", [StoreError("no answer"), ValueError("no policy"), OSError("no disk")])
def test_what_cannot_be_looked_up_hinders(error):
    """Of whatever kind it is."""
    assert seen(policy=error) == [f"NOT KNOWN: {error}"]


def test_a_phase_or_a_decision_that_is_not_there_hinders():
    """The one could not be read, the other is gone."""
    shop = Shop().traded()
    shop.phase = StoreError("the phase is hidden")
    gone: Any = SimpleNamespace(halts=lambda book: (), phase=lambda book: "C", decision=lambda run_id: None)
    books: Any = shop.books

    hidden = hindrances_of(STANDING, HinderDoors(books, books, lambda book: MANUAL), now=NOW)
    lost = hindrances_of(STANDING, HinderDoors(gone, gone, lambda book: MANUAL), now=NOW)

    assert [one.value for one in hidden] == ["the phase is hidden"]
    assert [one.value for one in lost] == ["the decision of RUN-20240610-r1 is not there"]


def test_a_halt_is_seen():
    """That of the ticket's own book or of the desk."""
    shop = Shop().traded()
    shop.halts, shop.phase = (Halt("*", "rain", NOW),), "C"
    books: Any = shop.books

    found = hindrances_of(STANDING, HinderDoors(books, books, lambda book: MANUAL), now=NOW)

    assert [one.head for one in found] == ["HALTED"]


def nothing_is_asked(*_: Any) -> Any:
    """Stand where nothing may be looked at."""
    raise AssertionError("was asked")


def test_what_is_no_trade_asks_nothing():
    """Neither for halts nor for a share."""
    books: Any = SimpleNamespace(halts=nothing_is_asked, phase=nothing_is_asked, decision=nothing_is_asked)
    hold = TicketStanding(issued(ticket()), (), (), ())

    assert hindrances_of(hold, HinderDoors(books, books, nothing_is_asked), now=NOW) == ()


def shown(of: Any, standing: TicketStanding | None, *voided: Any) -> list[str]:
    """Give what stands above a ticket at its very end, in a shop where all else is well."""
    shop = Shop().traded()
    shop.phase = "C"
    books: Any = shop.books
    tickets: Any = SimpleNamespace(
        ticket=lambda ticket_id: standing, voided=lambda ticket_id: [Voided(one, "Ada", "why") for one in voided]
    )
    doors = HinderDoors(books, books, lambda book: MANUAL)
    return [one.head for one in hindrances_shown(of, tickets, doors, now=END)]


def test_a_ticket_that_is_shown_says_what_hinders_it():
    """And only where a person executes it: paper, rehearsals and void ones say so themselves."""
    second, paper = (issued(replace(TRADE.ticket, **changes)) for changes in ({"revision": 2}, {"venue": "paper"}))

    assert shown(TRADE, STANDING) == ["EXPIRED"]
    assert shown(TRADE, STANDING, second) == ["EXPIRED"]
    assert shown(TRADE, STANDING, TRADE) == []
    assert shown(TRADE, replace(STANDING, issued=second)) == []
    assert shown(TRADE, None) == []
    assert shown(paper, replace(STANDING, issued=paper)) == []


def open_at(now: Any, *found: TicketStanding | None, of: Any = TRADE) -> list[str]:
    """Give the trades of two books that may still be executed at an instant; the second book has none."""
    standing = iter(found)
    tickets: Any = SimpleNamespace(
        awaiting_venue=lambda book, venue: [of] * len(found) if (book, venue) == ("main", "manual") else [],
        ticket=lambda ticket_id: next(standing),
    )
    return [one.issued.ticket.ticket_id for one in open_tickets(("main", "other"), tickets, now=now)]


def test_a_trade_is_open_until_its_window_closes_while_a_line_waits():
    """A halt names it; not a rehearsal, nor one that was answered in the moment between."""
    answered = replace(STANDING, answered=(1, 2), waiting=())

    assert open_at(END - TICK, STANDING) == ["TICKET-20240610"]
    assert open_at(END, STANDING) == []
    assert open_at(NOW, answered, STANDING, None) == ["TICKET-20240610"]
    assert open_at(NOW, STANDING, of=issued(replace(TRADE.ticket, is_rehearsal=True))) == []

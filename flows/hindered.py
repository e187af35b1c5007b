"""Hindered tickets: what is looked up to say whether an issued trade may be executed now, and which trades a halt reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.domain.facts import Unread
from core.domain.hindrance import Hindrance, Share
from core.domain.slot import BookName, TicketId
from core.domain.ticket import IssuedTicket
from core.settings import Policy
from core.ticketing.hindrances import hindrances, is_executed_by_hand
from flows.books import DecisionBook, PersonBook, TicketBook, TicketStanding
from flows.look import DEFAULT_PHASE, fraction_in


class WaitingBook(Protocol):
    """Reads tickets of which lines wait."""

    def awaiting_venue(self, book: BookName, venue: str) -> Sequence[IssuedTicket]:
        """Give the live trades of a venue that still have a line without any answer, oldest first."""
        ...

    def ticket(self, ticket_id: TicketId) -> TicketStanding | None:
        """Find a ticket in its highest revision, as it stands."""
        ...


@dataclass(frozen=True)
class HinderDoors:
    """What is looked at: halts and phases, what a decision saw, and the policy of a book as it is now."""

    people: PersonBook
    decisions: DecisionBook
    policy: Callable[[BookName], Policy]


def hindrances_of(standing: TicketStanding, doors: HinderDoors, *, now: datetime) -> tuple[Hindrance, ...]:
    """Give all that makes a ticket not to be executed at an instant; a share that cannot be looked up is one of them."""
    ticket = standing.issued.ticket
    if ticket.kind != "TRADE":
        return ()
    return hindrances(
        ticket,
        waiting=standing.waiting,
        halts=doors.people.halts(ticket.book),
        share=_share(standing.issued, doors) if is_executed_by_hand(ticket) else None,
        now=now,
    )


def hindrances_shown(
    issued: IssuedTicket, tickets: TicketBook, doors: HinderDoors, *, now: datetime
) -> tuple[Hindrance, ...]:
    """Give what stands above a ticket where it is shown at an instant.

    Nothing for one that nobody executes by hand, which says so itself, and for a void one, which says that.
    """
    if not is_executed_by_hand(issued.ticket):
        return ()
    standing, voided = tickets.ticket(issued.ticket.ticket_id), tickets.voided(issued.ticket.ticket_id)
    if standing is None or standing.issued.ticket.hash != issued.ticket.hash:
        return ()
    if any(one.issued.ticket.hash == issued.ticket.hash for one in voided):
        return ()
    return hindrances_of(standing, doors, now=now)


def open_tickets(books: Sequence[BookName], tickets: WaitingBook, *, now: datetime) -> tuple[TicketStanding, ...]:
    """Give the trades of some books that a person may still be executing at an instant: lines wait, no window has closed."""
    found = []
    for book in books:
        for issued in tickets.awaiting_venue(book, "manual"):
            if not is_executed_by_hand(issued.ticket) or now >= issued.ticket.expires_at:
                continue
            standing = tickets.ticket(issued.ticket.ticket_id)
            if standing is not None and standing.waiting:
                found.append(standing)
    return tuple(found)


def _share(issued: IssuedTicket, doors: HinderDoors) -> Share | Unread:
    """Look up what a ticket's book may use now at the ticket's venue, and what the approval rests on."""
    ticket = issued.ticket
    try:
        kept, policy = doors.decisions.decision(issued.seal.run_id), doors.policy(ticket.book)
        phase = doors.people.phase(ticket.book) or DEFAULT_PHASE[ticket.venue]
        # The book may be set to another venue by now; the ticket is for its own.
        there = policy.execution.model_copy(update={"venue": ticket.venue})
        allowed = fraction_in(phase, policy.model_copy(update={"execution": there}))
    except (ValueError, RuntimeError, OSError) as error:
        return Unread(str(error))
    if kept is None:
        return Unread(f"the decision of {issued.seal.run_id} is not there")
    return Share(phase, allowed, kept[1].standing.capital_fraction)

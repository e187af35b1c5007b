"""The life of tickets: what answers and the clock have made of them becomes steps, legal ones only."""

from __future__ import annotations

from datetime import datetime

from core.canonical import instant_text
from core.domain.slot import BookName, TicketId
from core.ticketing.lifecycle import due_steps
from flows.books import StoreError, TicketBook, TicketStanding


def follow_ticket(ticket_id: TicketId, tickets: TicketBook, *, now: datetime) -> TicketStanding:
    """Take the steps that a ticket's life has come to and give it as it stands; raises ValueError when there is none."""
    standing = tickets.ticket(ticket_id)
    if standing is None:
        raise ValueError(f"there is no ticket {ticket_id}")
    ticket, count = standing.issued.ticket, len(standing.answered)
    steps = due_steps(ticket, standing.steps, answered=standing.answered, waiting=standing.waiting, now=now)
    for step in steps:
        expired = f"its window closed {instant_text(ticket.expires_at)}; "
        lines = f"{count} of {count + len(standing.waiting)} lines answered"
        try:
            tickets.add_step(ticket_id, step, detail=f"{expired if step == 'expired' else ''}{lines}")
        except StoreError:
            # Somebody else may have taken it, or a later one, in the moment between.
            again = tickets.ticket(ticket_id)
            if again is None or again.steps == standing.steps:
                raise
            return again
    return tickets.ticket(ticket_id) or standing if steps else standing


def follow_earlier(book: BookName, slot: str, tickets: TicketBook, *, now: datetime) -> None:
    """Take the steps of a book's tickets of earlier slots whose life is not over."""
    for ticket_id in tickets.living(book, slot):
        follow_ticket(ticket_id, tickets, now=now)

"""What the ticketing tools answer."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

from servers.answers import WORDS_LENGTH_MAX, Answer, Instant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from core.domain.hindrance import Hindrance
    from core.domain.ticket import IssuedTicket
    from flows.books import TicketStanding
    from flows.deliver import Delivered, Progress

MARKDOWN_BYTES_MAX = 16_000
LINES_MAX = 400


class Hindered(Answer):
    """What makes a ticket not to be executed now, and what a person does about it."""

    why: Literal["answered", "halted", "phase", "unread", "expired"]
    says: str


class Rendered(Answer):
    """An issued ticket as a person reads it; a very long one is cut, the sent files hold it whole."""

    ticket_id: str
    revision: int
    kind: Literal["TRADE", "HOLD", "NO-TRADE"]
    hash: str
    run_id: str
    is_rehearsal: bool
    is_synthetic: bool
    is_cut: bool
    hindrances: tuple[Hindered, ...]
    markdown: str


class Attempt(Answer):
    """What came of one channel."""

    channel: str
    has_arrived: bool
    says: str


class Sent(Answer):
    """What came of sending; no attempts when it had been sent before."""

    ticket_id: str
    is_sent: bool
    was_sent: bool
    attempts: tuple[Attempt, ...]


class TicketState(Answer):
    """How far a ticket is: its steps, its lines that were answered and that wait, its deadlines, and what hinders it now."""

    ticket_id: str
    revision: int
    kind: Literal["TRADE", "HOLD", "NO-TRADE"]
    hash: str
    run_id: str
    book: str
    venue: str
    day: date
    is_rehearsal: bool
    progress: Literal["nothing to confirm", "waiting", "partly confirmed", "confirmed"]
    steps: tuple[str, ...]
    answered: tuple[int, ...]
    waiting: tuple[int, ...]
    expires_at: Instant
    has_expired: bool
    confirm_by: Instant
    is_overdue: bool
    hindrances: tuple[Hindered, ...]


def rendered(issued: IssuedTicket, markdown: str, hindered: Sequence[Hindrance] = ()) -> Rendered:
    """Give an issued ticket with its text, and above it what makes it not to be executed now."""
    from flows.publish import hindrance_banner

    markdown = hindrance_banner(hindered) + markdown
    ticket, content = issued.ticket, markdown.encode()
    is_cut = len(content) > MARKDOWN_BYTES_MAX
    shown = content[:MARKDOWN_BYTES_MAX].decode(errors="ignore").rpartition("\n")[0] if is_cut else markdown
    return Rendered(
        ticket_id=ticket.ticket_id,
        revision=ticket.revision,
        kind=ticket.kind,
        hash=ticket.hash,
        run_id=issued.seal.run_id,
        is_rehearsal=ticket.is_rehearsal,
        is_synthetic=ticket.is_synthetic,
        is_cut=is_cut,
        hindrances=_hindered(hindered),
        markdown=shown,
    )


def sent(ticket_id: str, delivered: Delivered) -> Sent:
    """Give what came of a delivery."""
    return Sent(
        ticket_id=ticket_id,
        is_sent=delivered.is_sent,
        was_sent=delivered.was_sent,
        attempts=tuple(
            Attempt(channel=one.channel, has_arrived=one.has_arrived, says=one.words[:WORDS_LENGTH_MAX])
            for one in delivered.deliveries
        ),
    )


def ticket_state(
    standing: TicketStanding, progress: Progress, *, now: datetime, hindered: Sequence[Hindrance] = ()
) -> TicketState:
    """Give a ticket as it stands at an instant."""
    ticket = standing.issued.ticket
    return TicketState(
        ticket_id=ticket.ticket_id,
        revision=ticket.revision,
        kind=ticket.kind,
        hash=ticket.hash,
        run_id=standing.issued.seal.run_id,
        book=ticket.book,
        venue=ticket.venue,
        day=ticket.day,
        is_rehearsal=ticket.is_rehearsal,
        progress=progress,
        steps=standing.steps,
        answered=standing.answered[:LINES_MAX],
        waiting=standing.waiting[:LINES_MAX],
        expires_at=ticket.expires_at,
        has_expired=now >= ticket.expires_at,
        confirm_by=ticket.confirm_by,
        is_overdue=bool(standing.waiting) and ticket.kind == "TRADE" and now > ticket.confirm_by,
        hindrances=_hindered(hindered),
    )


def _hindered(found: Sequence[Hindrance]) -> tuple[Hindered, ...]:
    return tuple(Hindered(why=one.why, says=one.words[:WORDS_LENGTH_MAX]) for one in found)

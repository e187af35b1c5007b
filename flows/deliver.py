"""Delivering: a ticket goes out through channels, and what came back of it becomes a step of its life."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from core.domain.hindrance import HinderedBy
from core.domain.slot import TicketId
from core.domain.ticket import IssuedTicket
from flows.books import TicketBook, TicketStanding
from flows.hindered import HinderDoors, hindrances_of
from flows.lifecycle import follow_ticket
from flows.ports import Clock
from flows.publish import ticket_json

SENT = "sent"
VOID = "void"
Progress = Literal["nothing to confirm", "waiting", "partly confirmed", "confirmed"]


@dataclass(frozen=True)
class Message:
    """A ticket as channels carry it: for people and for programs."""

    issued: IssuedTicket
    markdown: str
    json: str


class Channel(Protocol):
    """Carries tickets to where its operator set it up to; delivering one twice harms nothing."""

    @property
    def name(self) -> str:
        """Name the channel."""
        ...

    @property
    def takes_rehearsals(self) -> bool:
        """Say whether rehearsals may go this way: only where nobody can take one for real."""
        ...

    def deliver(self, message: Message) -> str:
        """Deliver a ticket and say where it went; raises ChannelError when it did not arrive."""
        ...


class ChannelError(RuntimeError):
    """A channel could not deliver; says what was tried and what was wrong."""


class Undeliverable(ValueError):
    """A ticket that nobody may act on is not sent: why, the limit, and the value that is beyond it."""

    def __init__(self, why: HinderedBy | Literal["void"], message: str, *, limit: str, value: str) -> None:
        """Keep the parts."""
        super().__init__(message)
        self.why, self.limit, self.value = why, limit, value


@dataclass(frozen=True)
class DeliverDoors:
    """What delivering may use: it reads tickets and what hinders them, adds deliveries and steps, and holds the channels."""

    tickets: TicketBook
    hinder: HinderDoors
    channels: Sequence[Channel]
    render: Callable[[IssuedTicket], str]
    clock: Clock


@dataclass(frozen=True)
class Delivery:
    """What came of one channel: where the ticket went, or why it did not go."""

    channel: str
    has_arrived: bool
    words: str


@dataclass(frozen=True)
class Delivered:
    """What a delivery came to; without attempts when the ticket had been sent before."""

    was_sent: bool
    deliveries: tuple[Delivery, ...]

    @property
    def is_sent(self) -> bool:
        """Say whether the ticket arrived anywhere, now or before."""
        return self.was_sent or any(delivery.has_arrived for delivery in self.deliveries)


def deliver(ticket_id: TicketId, doors: DeliverDoors) -> Delivered:
    """Send a ticket once through every channel and keep each attempt; one that was sent is not sent again.

    Raises ValueError when there is no such ticket, Undeliverable for a void one, and for a trade of which a line was answered,
    or that anything makes not to be executed now: a halt, its window's end, a phase that allows less than was approved. A trade
    that was sent before is judged too: whoever asks again must not take it for one that may be acted on.
    """
    standing = doors.tickets.ticket(ticket_id)
    if standing is None:
        raise ValueError(f"there is no ticket {ticket_id}")
    issued, was_sent = standing.issued, SENT in standing.steps
    if VOID in standing.steps:
        words = f"{ticket_id} revision {issued.ticket.revision} is void: a person revised it, and the next is not issued yet"
        raise Undeliverable("void", words, limit="a live revision", value=f"revision {issued.ticket.revision}")
    if standing.answered and not was_sent:
        words = f"{ticket_id} was answered, line {', '.join(map(str, standing.answered))}: somebody acted on it already"
        raise Undeliverable("answered", words, limit="no line answered", value=f"{len(standing.answered)} answered")
    for found in hindrances_of(standing, doors.hinder, now=doors.clock.now()):
        if found.why == "answered":
            break
        how = "was sent before and is not sent again" if was_sent else "is not sent"
        raise Undeliverable(found.why, f"{ticket_id} {how}: {found.words}", limit=found.limit, value=found.value)
    if was_sent:
        return Delivered(was_sent=True, deliveries=())
    message = Message(issued, doors.render(issued), ticket_json(issued) + "\n")
    delivered = Delivered(was_sent=False, deliveries=tuple(_attempt(message, one) for one in doors.channels))
    for attempt in delivered.deliveries:
        outcome = "delivered" if attempt.has_arrived else "failed"
        doors.tickets.add_delivery(ticket_id, attempt.channel, outcome=f"{outcome}: {attempt.words}")
    if delivered.is_sent:
        doors.tickets.add_step(ticket_id, SENT, detail=", ".join(attempt.channel for attempt in delivered.deliveries))
    return delivered


def receive(ticket_id: TicketId, tickets: TicketBook, *, now: datetime) -> Progress:
    """Read what was answered of a ticket's lines and keep how far it is; raises ValueError when there is no such ticket.

    Whoever answered, a person or a venue that reports by itself, wrote the answers; nothing is answered here.
    """
    return progress_of(follow_ticket(ticket_id, tickets, now=now))


def progress_of(standing: TicketStanding) -> Progress:
    """Say how far a ticket is confirmed."""
    if standing.issued.ticket.kind != "TRADE":
        return "nothing to confirm"
    if not standing.answered:
        return "waiting"
    return "partly confirmed" if standing.waiting else "confirmed"


def _attempt(message: Message, channel: Channel) -> Delivery:
    if message.issued.ticket.is_rehearsal and not channel.takes_rehearsals:
        return Delivery(channel.name, has_arrived=False, words="a rehearsal; this channel takes none")
    try:
        return Delivery(channel.name, has_arrived=True, words=channel.deliver(message))
    except ChannelError as error:
        return Delivery(channel.name, has_arrived=False, words=str(error))

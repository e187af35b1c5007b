"""Tickets: what is put before a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from core.canonical import plain, sha256_of
from core.domain.decision import GateReport, TicketKind
from core.domain.instrument import InstrumentId
from core.domain.order import Effect, OrderLine, OrderType, Side
from core.domain.slot import BookName, TicketId, VenueName, Window

SHORT_HASH_LENGTH = 8
# What an approved order line's fields are called on a ticket's line; the rest of that line are words around them.
APPROVED_AS = {
    "instrument": "instrument",
    "side": "side",
    "effect": "effect",
    "quantity": "quantity",
    "notional": "value",
    "notional_quote": "value_quote",
    "order_type": "order_type",
    "limit_price": "limit_price",
    "stop_price": "stop_price",
    "price": "decision_price",
    "worst_price": "worst_price",
    "cost": "expected_cost",
}


@dataclass(frozen=True)
class TicketLine:
    """One trade for a person to execute: an approved order line with the words that a venue's screen needs."""

    line: int
    instrument: InstrumentId
    search_name: str
    is_verified: bool
    side: Side
    effect: Effect
    quantity: Decimal
    currency: str
    value: Decimal
    value_quote: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    stop_price: Decimal | None
    decision_price: Decimal
    worst_price: Decimal
    expected_cost: Decimal
    expected_cash_after: Decimal


@dataclass(frozen=True)
class Ticket:
    """The decision bytes: all that a person acts on. The hash is over this and nothing else."""

    ticket_id: TicketId
    kind: TicketKind
    book: BookName
    account: str
    venue: VenueName
    slot: str
    revision: int
    day: date
    as_of: date
    base: str
    window: Window | None
    expires_at: datetime
    confirm_by: datetime
    reasons: tuple[str, ...]
    gates: tuple[GateReport, ...]
    lines: tuple[TicketLine, ...]
    refused: tuple[str, ...]
    left_undone: tuple[str, ...]
    notes: tuple[str, ...]
    equity: Decimal | None
    cash: Decimal | None
    fx: str | None
    fx_rate: Decimal | None
    basis: str
    knowledge: str
    policy_hash: str
    universe_hash: str
    is_synthetic: bool
    is_rehearsal: bool
    voids: int | None = None

    @property
    def hash(self) -> str:
        """Give the SHA-256 of the decision bytes."""
        return sha256_of(self)

    @property
    def stamps(self) -> tuple[str, ...]:
        """Give what every artefact of this ticket must say of itself."""
        return stamps_of(is_synthetic=self.is_synthetic, is_rehearsal=self.is_rehearsal)

    @property
    def short_hash(self) -> str:
        """Give the short hash that a confirmation must quote."""
        return self.hash[:SHORT_HASH_LENGTH]


def stamps_of(*, is_synthetic: bool, is_rehearsal: bool) -> tuple[str, ...]:
    """Give the words that stamp what is not a real day's: SYNTHETIC for made prices, REHEARSAL for a day that is not today."""
    words = (("SYNTHETIC", is_synthetic), ("REHEARSAL", is_rehearsal))
    return tuple(word for word, is_so in words if is_so)


@dataclass(frozen=True)
class Seal:
    """The sealed footer: what binds a ticket to its run without changing what a person does."""

    run_id: str
    audit_head: str
    audit_seq: int
    issued_at: datetime
    nonce: str | None
    key_id: str | None
    signature: str | None


@dataclass(frozen=True)
class IssuedTicket:
    """A ticket with its seal, as it is stored and rendered."""

    ticket: Ticket
    seal: Seal


def departures(line: TicketLine, approved: OrderLine) -> tuple[str, ...]:
    """Say in which fields a ticket's line is not the approved one, each with both values; none means that it is."""
    pairs = {said: (plain(getattr(line, said)), plain(getattr(approved, name))) for name, said in APPROVED_AS.items()}
    return tuple(f"{said} is {told}, approved was {was}" for said, (told, was) in pairs.items() if told != was)

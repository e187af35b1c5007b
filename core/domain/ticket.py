"""Tickets: what is put before a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Literal

from core.canonical import LATER, plain, sha256_of
from core.domain.decision import GateReport, TicketKind
from core.domain.instrument import InstrumentId
from core.domain.order import Effect, OrderLine, OrderType, Side
from core.domain.slot import BookName, TicketId, VenueName, Window

SHORT_HASH_LENGTH = 8
SetBy = Literal["units", "value"]
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
    """One trade for a person to execute: an approved order line with the words that a venue's screen needs.

    `do`, `skip_if` and `if_it_fails` are whole sentences: what to do, when to leave it, and what then becomes of the others.
    `set_by` is what is typed at the venue: a buy may be set by its value, which is then filled with as many units as it gives.
    """

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
    do: str = field(default="", metadata=LATER)
    skip_if: str = field(default="", metadata=LATER)
    if_it_fails: str = field(default="", metadata=LATER)
    set_by: SetBy = field(default="units", metadata=LATER)

    @property
    def is_by_value(self) -> bool:
        """Say whether it is filled with as many units as its value gives.

        A ticket of before `set_by` does not say so; a fraction of a unit was bought by its value then as well.
        """
        return self.set_by == "value" or (self.side == "buy" and self.quantity % 1 != 0)


@dataclass(frozen=True)
class Guide:
    """How a trade is executed, in sentences for somebody who never saw the system.

    `hours` tells the window on every clock, `before` and `after` what is ticked off before the first line and after the last,
    `blocked` what is done when something is in the way. `cash_floor` is what free cash may not fall below.
    """

    hours: tuple[str, ...]
    before: tuple[str, ...]
    blocked: tuple[str, ...]
    after: tuple[str, ...]
    cash_floor: Decimal


@dataclass(frozen=True)
class Weighed:
    """Why an instrument has its target weight: its rank and score, what moved that most, and what shaped the weight."""

    instrument: InstrumentId
    weight: Decimal
    rank: int | None
    score: Decimal | None
    moved_by: tuple[tuple[str, Decimal], ...]
    shaped_by: tuple[str, ...]


@dataclass(frozen=True)
class Why:
    """Why the ticket is as it is, from what was stored and nothing else: what changes, each weight, and what looked odd.

    `ranked` is how many instruments `strategy` ranked. What was refused and left undone stands on the ticket itself.
    """

    changed: tuple[str, ...]
    weights: tuple[Weighed, ...]
    strategy: str
    ranked: int
    anomalies: tuple[str, ...]


@dataclass(frozen=True)
class LastGood:
    """The book's last trade ticket of which every line was answered: the state to go back to, or on from."""

    ticket_id: TicketId
    revision: int
    day: date
    short_hash: str
    lines: int


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
    guide: Guide | None = field(default=None, metadata=LATER)
    why: Why | None = field(default=None, metadata=LATER)
    last_good: LastGood | None = field(default=None, metadata=LATER)

    @cached_property
    def hash(self) -> str:
        """Give the SHA-256 of the decision bytes, computed once."""
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

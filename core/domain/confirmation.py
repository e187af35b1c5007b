"""Confirmations: what a person says happened to each line of a ticket, and what a venue reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from core.domain.instrument import InstrumentId
from core.domain.order import Side
from core.domain.slot import BookName, TicketId, VenueName


@dataclass(frozen=True)
class Executed:
    """A line was filled, wholly or in part: units, price in the instrument's currency, fee in the base currency.

    `acknowledged` is how a person knows that a fill outside the bounds truly happened.
    """

    line: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fx_rate: Decimal
    is_partial: bool
    note: str = ""
    acknowledged: str = ""


@dataclass(frozen=True)
class NotExecuted:
    """A line was not executed, and why."""

    line: int
    reason: str


Answer = Executed | NotExecuted


@dataclass(frozen=True)
class Confirmation:
    """A person's answers to lines of one ticket in one revision, quoting the ticket's short hash."""

    ticket_id: TicketId
    revision: int
    short_hash: str
    by: str
    channel: Literal["terminal", "slack", "web", "python"]
    at: datetime
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Fill:
    """What a venue did: quantity, price, fee, rate and the session; it rests on exactly one piece of evidence.

    `price` is in the quote currency; `fx_rate` is quote units for one base unit; `fee` is in the base currency.
    """

    key: str
    book: BookName
    venue: VenueName
    evidence: str
    instrument: InstrumentId
    side: Side
    quantity: Decimal
    price: Decimal
    quote: str
    base: str
    fx_rate: Decimal
    fee: Decimal
    session: date
    decision_price: Decimal | None = None

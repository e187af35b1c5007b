"""Venue reports and snapshots: what a venue says it did and holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from core.domain.confirmation import Answer
from core.domain.holdings import Position
from core.domain.order import Side
from core.domain.slot import AccountName, BookName, TicketId, VenueName


@dataclass(frozen=True)
class ExecutionReport:
    """What a venue did with one line of a ticket in a session."""

    key: str
    ticket_id: TicketId
    revision: int
    session: date
    instrument: str
    side: Side
    answer: Answer


@dataclass(frozen=True)
class CashReport:
    """Cash that a venue booked, in the base currency: paid in, taken out, or a dividend with what was withheld."""

    key: str
    kind: Literal["DEPOSIT", "WITHDRAW", "DIVIDEND"]
    session: date
    amount: Decimal
    withheld: Decimal = Decimal(0)
    instrument: str | None = None
    note: str = ""


@dataclass(frozen=True)
class SplitReport:
    """A split of what a venue holds, on its ex-date: the ratio, and the units that came on top (fewer where negative)."""

    key: str
    session: date
    instrument: str
    ratio: Decimal
    units: Decimal


VenueReport = ExecutionReport | CashReport | SplitReport


@dataclass(frozen=True)
class AccountSnapshot:
    """What a venue says an account holds at the close of a session: units and cash in the base currency."""

    account: AccountName
    book: BookName
    venue: VenueName
    session: date
    positions: tuple[Position, ...]
    cash: Decimal


@dataclass(frozen=True)
class Break:
    """One difference between our books and a snapshot: its kind, of what, ours and theirs."""

    kind: Literal["unknown position", "missing position", "quantity", "cash"]
    subject: str
    ours: Decimal
    theirs: Decimal

    def __str__(self) -> str:
        """Say it in one sentence."""
        return f"{self.kind} {self.subject}: our books hold {self.ours}, the venue says {self.theirs}"

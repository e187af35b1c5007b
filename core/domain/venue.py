"""Venue reports and snapshots: what a venue says it did and holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from core.canonical import plain_decimal
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
class StatedPosition:
    """A row of a snapshot file: units of an instrument, with the price and the id that the venue gives, if any.

    `place` says where it stands, as "line 4"; the price is in `currency`.
    """

    place: str
    instrument: str
    quantity: Decimal
    price: Decimal | None = None
    currency: str | None = None
    broker_id: str | None = None


@dataclass(frozen=True)
class StatedCash:
    """A row of a snapshot file: cash in one currency."""

    place: str
    currency: str
    amount: Decimal


@dataclass(frozen=True)
class SnapshotFile:
    """What a file says that an account held at an instant, with the file itself: its text and the SHA-256 of its bytes."""

    account: AccountName
    as_of: datetime
    positions: tuple[StatedPosition, ...]
    cash: tuple[StatedCash, ...]
    sha256: str
    text: str


@dataclass(frozen=True)
class AccountSnapshot:
    """What a venue says an account holds at the close of a session: units, and cash in the base currency.

    With a file, all that it says counts: cash in every currency, prices and ids too.
    """

    account: AccountName
    book: BookName
    venue: VenueName
    session: date
    positions: tuple[Position, ...]
    cash: Decimal
    file: SnapshotFile | None = None


BreakKind = Literal[
    "unknown position",
    "missing position",
    "quantity",
    "cash",
    "price",
    "currency",
    "duplicate broker id",
    "unallocated",
]


@dataclass(frozen=True)
class Break:
    """One difference between our books and a snapshot: its kind, of what, ours and theirs."""

    kind: BreakKind
    subject: str
    ours: Decimal | str
    theirs: Decimal | str

    def __str__(self) -> str:
        """Say it in one sentence; equal numbers are written alike, however many zeros they were told with."""
        ours, theirs = _words(self.ours), _words(self.theirs)
        match self.kind:
            case "price":
                said = f"our mark is {ours}, the venue says {theirs}"
            case "currency":
                said = f"our universe says {ours}, the venue says {theirs}"
            case "duplicate broker id":
                said = f"one row at most may bear it, it stands on {theirs}"
            case "unallocated":
                said = f"the books of the account hold {ours} together, the venue says {theirs}"
            case _:
                said = f"our books hold {ours}, the venue says {theirs}"
        return f"{self.kind} {self.subject}: {said}"


def _words(value: Decimal | str) -> str:
    return plain_decimal(value) if isinstance(value, Decimal) else value

"""What stands beside a proposal: lines of other tickets, and what the desk's other books hold."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.canonical import sha256_of
from core.domain.instrument import InstrumentId
from core.domain.order import Side
from core.domain.slot import BookName, TicketId


@dataclass(frozen=True)
class OtherLine:
    """A line of another live ticket that is open, which nobody answered yet, or of the same day.

    `notional` and `cost` are in the base currency of its ticket.
    """

    ticket_id: TicketId
    line: int
    book: BookName
    instrument: InstrumentId
    side: Side
    quantity: Decimal
    notional: Decimal
    cost: Decimal
    is_open: bool
    is_of_the_day: bool

    def __str__(self) -> str:
        """Name the line: what it trades, on which ticket."""
        return f"{self.side} {self.instrument} on {self.ticket_id} line {self.line}"


@dataclass(frozen=True)
class BookHeld:
    """What another book of the desk holds at the same venue, its open purchases counted as made: units, and cash in the base.

    Cash in other currencies does not count: a desk that looks poorer than it is buys less.
    """

    book: BookName
    units: tuple[tuple[InstrumentId, Decimal], ...]
    cash: Decimal


@dataclass(frozen=True)
class DeskLimits:
    """The limits over all books, and the names of the others of them: `config/desk.yml` and the policies beside it.

    `gross_max` binds the value of all positions, `weight_max` that in one instrument, as shares of the equity of all books.
    """

    gross_max: Decimal
    weight_max: Decimal
    books: tuple[BookName, ...] = ()

    @property
    def hash(self) -> str:
        """Give the hash of both limits, whatever books there are."""
        return sha256_of([self.gross_max, self.weight_max])


@dataclass(frozen=True)
class DeskView:
    """The limits over all books as a decision met them, and what the others of them hold."""

    gross_max: Decimal
    weight_max: Decimal
    books: tuple[BookHeld, ...] = ()

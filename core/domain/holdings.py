"""Holdings: positions and cash of a book at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.domain.instrument import InstrumentId

GENESIS_HEAD = "none"


@dataclass(frozen=True)
class Position:
    """Units of one instrument, never zero."""

    instrument: InstrumentId
    quantity: Decimal


@dataclass(frozen=True)
class Holdings:
    """Positions in the order of the ids, cash in the base currency, and the ledger head that they were read at."""

    positions: tuple[Position, ...]
    cash: Decimal
    ledger_head: str = GENESIS_HEAD

    def quantities(self) -> dict[InstrumentId, Decimal]:
        """Give the quantity held of each instrument."""
        return {position.instrument: position.quantity for position in self.positions}


@dataclass(frozen=True)
class EquityPoint:
    """A book's worth at the close of a session: equity in the base currency and an index of it that flows do not move."""

    session: date
    equity: Decimal
    index: Decimal

"""Pending actions: corporate actions known to take effect before an order line is executed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.instrument import InstrumentId


@dataclass(frozen=True, order=True)
class PendingSplit:
    """A split after as-of and by the execution session: units bought or sold then are not those that were priced."""

    session: date
    instrument: InstrumentId
    ratio: Decimal
    source: str

    def __str__(self) -> str:
        """Say it in words."""
        return f"split {plain_decimal(self.ratio)} on {self.session} ({self.source})"


@dataclass(frozen=True, order=True)
class PendingDividend:
    """A cash dividend a unit after as-of and by the execution session: who buys then does not get it."""

    session: date
    instrument: InstrumentId
    amount: Decimal
    source: str

    def __str__(self) -> str:
        """Say it in words."""
        return f"dividend {plain_decimal(self.amount)} on {self.session} ({self.source})"


PendingAction = PendingSplit | PendingDividend

"""Pending actions: corporate actions known to take effect before an order line is executed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from core.canonical import plain_decimal
from core.domain.instrument import InstrumentId

# Begins the reason for which an instrument is left out, and is the code of the riskguard's objection.
ACTION_PENDING = "ACTION_PENDING"
# Who wrote a row of `announced_actions.csv`.
PERSON: Final = "person"


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


@dataclass(frozen=True)
class Announced:
    """An action told ahead of its ex-date, and since when that was known; its source may tell it otherwise later."""

    known_at: datetime
    action: PendingAction

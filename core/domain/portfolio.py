"""The portfolio: what every book holds, as the journal adds up to it at one event of the chain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.domain.facts import AuditHead
from core.domain.slot import BookName


@dataclass(frozen=True)
class BookTotals:
    """Units by instrument and cash by currency of a book at a venue, zeros left out, and how many entries say so."""

    book: BookName
    venue: str
    positions: dict[str, Decimal]
    cash: dict[str, Decimal]
    entries: int
    last_session: date


@dataclass(frozen=True)
class Portfolio:
    """All books, and the last event of the audit chain that they were read at."""

    head: AuditHead
    books: tuple[BookTotals, ...]

"""Entries and postings: the journal, the truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from core.domain.slot import BookName, VenueName

LedgerAccount = Literal["units", "cash", "trade", "conversion", "fee", "dividend", "withholding", "capital"]
EntryKind = Literal["BUY", "SELL", "DEPOSIT", "WITHDRAW", "DIVIDEND", "SPLIT"]


@dataclass(frozen=True)
class Posting:
    """One line of the journal: an amount of a commodity (a currency or an instrument) in an account; positive is more."""

    account: LedgerAccount
    commodity: str
    amount: Decimal


@dataclass(frozen=True)
class CashFact:
    """Cash that came or went without a trade: the amount is positive, `withheld` is the tax within it."""

    key: str
    kind: Literal["DEPOSIT", "WITHDRAW", "DIVIDEND"]
    book: BookName
    venue: VenueName
    session: date
    currency: str
    amount: Decimal
    evidence: str
    withheld: Decimal = Decimal(0)
    instrument: str | None = None


@dataclass(frozen=True)
class SplitFact:
    """A split of a holding on its ex-date: `units` came on top of those held the evening before (fewer where negative)."""

    key: str
    book: BookName
    venue: VenueName
    session: date
    instrument: str
    ratio: Decimal
    units: Decimal
    evidence: str


@dataclass(frozen=True)
class Entry:
    """One fact of a book as balanced postings; `key` makes it count once, `session` is its effective day."""

    key: str
    kind: EntryKind
    book: BookName
    venue: VenueName
    session: date
    instrument: str | None
    evidence: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        """Hold that the postings sum to zero for each commodity."""
        sums: dict[str, Decimal] = {}
        for posting in self.postings:
            sums[posting.commodity] = sums.get(posting.commodity, Decimal(0)) + posting.amount
        off = {name: total for name, total in sums.items() if total != 0}
        if off:
            raise ValueError(f"entry {self.key} does not balance: {off}")


def effective_order(entry: Entry) -> tuple[date, bool]:
    """Order entries by their day, and on a day the splits first: they take effect before the exchange opens.

    Entries that are equal in this keep the order in which they were recorded.
    """
    return entry.session, entry.kind != "SPLIT"

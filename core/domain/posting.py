"""Entries and postings: the journal, the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from typing import Literal

from core.domain.slot import BookName, VenueName

LedgerAccount = Literal[
    "units",
    "cash",
    "trade",
    "conversion",
    "fee",
    "dividend",
    "interest",
    "withholding",
    "capital",
    "opening",
    "transfer",
]
EntryKind = Literal[
    "BUY",
    "SELL",
    "CASH_IN_LIEU",
    "DEPOSIT",
    "WITHDRAW",
    "TRANSFER",
    "DIVIDEND",
    "INTEREST",
    "EXCESS_INCOME",
    "FEE",
    "FX",
    "OPENING",
    "SPLIT",
    "SPIN_OFF",
    "SYMBOL_CHANGE",
    "CORRECTION",
]
# Before the open come the actions of a company, in this order; everything else of the day comes after them.
COMPANY_ACTIONS: tuple[EntryKind, ...] = ("SYMBOL_CHANGE", "SPLIT", "SPIN_OFF")
REVERSED = " reversed"
# Whatever two numbers of a fact multiply to, no sum of such amounts loses a digit.
_EXACT = Context(prec=200)


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
            sums[posting.commodity] = _EXACT.add(sums.get(posting.commodity, Decimal(0)), posting.amount)
        off = {name: total for name, total in sums.items() if total != 0}
        if off:
            raise ValueError(f"entry {self.key} does not balance: {off}")


def effective_order(entry: Entry) -> tuple[date, int]:
    """Order entries by their day, and on a day company actions first: they take effect before the exchange opens.

    Entries that are equal in this keep the order in which they were recorded.
    """
    actions = len(COMPANY_ACTIONS)
    return entry.session, COMPANY_ACTIONS.index(entry.kind) if entry.kind in COMPANY_ACTIONS else actions


def standing_entries(entries: Iterable[Entry]) -> list[Entry]:
    """Leave out what was taken back, and what took it back: together they moved nothing."""
    listed = list(entries)
    gone = {entry.key.removesuffix(REVERSED) for entry in listed if entry.kind == "CORRECTION"}
    return [entry for entry in listed if entry.kind != "CORRECTION" and entry.key not in gone] if gone else listed

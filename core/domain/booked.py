"""Booked facts: what a person booked of an account, from a statement or by hand, as the books keep it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from core.domain.slot import BookName, VenueName

UNALLOCATED = "unallocated"


@dataclass(frozen=True)
class BookedFact:
    """A fact of one book, in the form of docs/LEDGER-EVAL.md, as a person booked it; facts are never changed.

    `body` is canonical JSON of the fact without `recorded`; its `account` (and `to` of a transfer) names a book. `statement`
    is the SHA-256 of the file it was read from, None where a person typed it. `evidence` names the row that entries rest
    on, and `recorded_at` is when we knew; both are empty until it is kept.
    """

    key: str
    kind: str
    account: str
    book: BookName
    venue: VenueName
    session: date
    body: str
    by: str
    note: str
    statement: str | None = None
    evidence: str = ""
    recorded_at: datetime | None = None


def unallocated_of(account: str) -> BookName:
    """Name the part of an account that belongs to no book: a name that no policy can have."""
    return f"{account}/{UNALLOCATED}"


@dataclass(frozen=True)
class StatementFile:
    """A broker's file as it was read: its SHA-256, whose account it is of, its form, its name, and its bytes."""

    sha256: str
    account: str
    broker: str
    form: str
    name: str
    content: bytes
    by: str

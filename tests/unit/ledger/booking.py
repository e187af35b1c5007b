"""Books in memory, to book to and to ask about, and the facts and entries that tests book."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from core.domain.booked import BookedFact, StatementFile
from core.domain.posting import CashFact, Entry, SplitFact
from core.ledger.asked_of_books import Known, Quoted, check_books, question_of
from core.ledger.booked import body_of
from core.ledger.equity import Rates
from core.ledger.evaluate import evaluate
from core.ledger.post import post_cash, post_split
from core.ledger.question import Account, Ask
from core.ledger.trial import Places
from flows.booking import Booked, BookingDoors, book_facts, post_booked

HASH = "a" * 64
START = datetime(2024, 7, 1, tzinfo=UTC)
TODAY = date(2024, 7, 1)
APART, OTHER = "etoro/unallocated", "isa/unallocated"
PLACES = Places({"main": "GBP", APART: None, OTHER: None}, {}, {"AAA": "USD", "BBB": "USD", "VOD": "GBP"})
LONG_AGO = date(2000, 1, 1)


@dataclass
class Books:
    """Books in memory: facts kept, and entries with when each was recorded."""

    kept: list[BookedFact] = field(default_factory=list)
    posted: list[tuple[Entry, datetime]] = field(default_factory=list)
    now: datetime = START

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else is there."""
        yield

    def keep(self, files: Sequence[StatementFile], facts: Sequence[BookedFact], *, reversed_by: dict[str, str]) -> int:
        """Keep facts."""
        assert not files
        for one in facts:
            assert one.key not in {each.key for each in self.kept}
            evidence = f"booked_fact:{len(self.kept) + 1}"
            self.kept.append(replace(one, evidence=evidence, recorded_at=self.now))
        return len(facts)

    def booked_facts(self, venue: str) -> Sequence[BookedFact]:
        """Give the facts."""
        return list(self.kept)

    def entries_at(self, venue: str) -> Sequence[Entry]:
        """Give the entries."""
        return [entry for entry, _ in self.posted]

    def add_entries(self, entries: Sequence[Entry]) -> int:
        """Add entries, each key once."""
        known = {entry.key for entry, _ in self.posted}
        fresh = [(entry, self.now) for entry in entries if entry.key not in known]
        self.posted += fresh
        return len(fresh)

    def book(self, *facts: dict[str, Any]) -> Booked:
        """Book facts a minute after those before."""
        self.now += timedelta(minutes=1)
        told = [
            BookedFact(
                key=one["key"],
                kind=one["kind"],
                account="etoro",
                book=one.get("account", "main"),
                venue="manual",
                session=date.fromisoformat(one["effective"]),
                body=body_of(one),
                by="ann",
                note="",
            )
            for one in facts
        ]
        # Of a journal booking uses three methods, which are here.
        journal: Any = self
        return book_facts(told, BookingDoors(self, journal), places=PLACES, now=self.now, today=TODAY)

    def post(self, *entries: Entry) -> None:
        """Post what rests on something else than a booked fact, as settling does."""
        self.now += timedelta(minutes=1)
        self.add_entries(entries)
        doors: Any = self
        post_booked(doors)

    def checked(self, as_of: date = TODAY) -> dict[str, Any]:
        """Ask the door, and hold its answer against the postings."""
        known = Known(self.posted, self.kept)
        ask = Ask(as_of=as_of, known_at=self.now, base="GBP", price_days_max=400, rate_days_max=400)
        days = tuple(LONG_AGO + timedelta(days=300 * step) for step in range(40))
        rates = {name: Rates("GBP", days, (Decimal("1.25"),) * len(days)) for name in ("USD", "EUR")}
        market = Quoted("GBP", (), rates, {}, PLACES.currencies)
        accounts = [Account(id=name) for name in PLACES.books]
        answer = evaluate(question_of(known, market, accounts, ask))
        check_books(known, ask, answer)
        return answer

    def held(self, book: str = "main", day: date = TODAY) -> dict[str, Decimal]:
        """Give units and cash of a book, as posted."""
        found: dict[str, Decimal] = {}
        for entry, _ in self.posted:
            for one in entry.postings:
                if entry.book == book and entry.session <= day and one.account in ("units", "cash"):
                    found[one.commodity] = found.get(one.commodity, Decimal(0)) + one.amount
        return {name: number for name, number in found.items() if number}


def told(kind: str, key: str, day: str = "2024-03-01", **fields: Any) -> dict[str, Any]:
    """Give a fact of the book `main` in pounds."""
    own: dict[str, Any] = {"kind": kind, "key": key, "effective": day}
    if kind not in ("SPLIT", "SPIN_OFF", "SYMBOL_CHANGE", "CORRECTION"):
        own["account"] = "main"
        if kind != "TRANSFER":
            own["currency"] = "GBP"
    return own | fields


def opening(key: str, quantity: str, name: str = "VOD", **fields: Any) -> dict[str, Any]:
    """Give units that were there before."""
    return told("OPENING", key, instrument=name, quantity=quantity, cost="50", evidence=HASH, **fields)


def cash(key: str, amount: str = "1000") -> Entry:
    """Give cash that a person paid in."""
    return post_cash(
        CashFact(
            key=key,
            kind="DEPOSIT",
            book="main",
            venue="manual",
            session=date(2024, 1, 2),
            currency="GBP",
            amount=Decimal(amount),
            evidence="cash_movement:1",
        )
    )


def clean_split(units: str, book: str = "main", name: str = "VOD", ratio: str = "2") -> Entry:
    """Give the units that the clean set's split of 4 March brought."""
    day = date(2024, 3, 4)
    fact = SplitFact(
        f"SPLIT-20240304-{name}-{book}-manual",
        book,
        "manual",
        day,
        name,
        Decimal(ratio),
        Decimal(units),
        "clean_snapshot:1",
    )
    return post_split(fact)


def fix(key: str, reverses: str, day: str = "2024-03-01", **fields: Any) -> dict[str, Any]:
    """Take a fact or an entry back."""
    return told("CORRECTION", key, day, reverses=reverses, reason="misread", **fields)

"""Booking: what a person says of an account, from a statement or by hand, is kept as facts and posted to the books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Protocol

from core.domain.booked import BookedFact, StatementFile
from core.domain.posting import Entry
from core.domain.slot import VenueName
from core.ledger.booked import FactError, lacking, read_fact, short_units
from core.ledger.question import AnyFact, Correction, Fact, Split
from flows.books import Journal

VENUE: Final[VenueName] = "manual"
# The id of evidence that is not kept yet: the trial before it is.
_TRIAL = "booked_fact:0"


class FactBook(Protocol):
    """Keeps what a person books."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep everything inside or nothing of it, and be the only one who adds a fact until its end."""
        ...

    def keep(self, files: Sequence[StatementFile], facts: Sequence[BookedFact], *, reversed_by: dict[str, str]) -> int:
        """Keep files and facts, all or nothing, and give how many facts are new; `reversed_by` says what a key takes back."""
        ...


@dataclass(frozen=True)
class BookingDoors:
    """What booking may use: the facts (a person's) and the journal (the ledger's)."""

    facts: FactBook
    journal: Journal


@dataclass(frozen=True)
class Trial:
    """What booking would do: the facts that are new, how many are known already, and the entries that it would add."""

    new: tuple[BookedFact, ...]
    known: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Booked:
    """What booking did: new facts, those known already, and new entries."""

    facts: int
    known: int
    entries: int


class BookingRefused(ValueError):
    """Facts that cannot be booked, each with the reason; nothing was kept."""


class KeyConflict(BookingRefused):
    """A key tells another thing than it did: one of the two is wrong, and a person must hear of it; nothing was kept."""


def book_facts(
    facts: Sequence[BookedFact],
    doors: BookingDoors,
    *,
    books: Mapping[str, str | None],
    now: datetime,
    today: date,
    files: Sequence[StatementFile] = (),
) -> Booked:
    """Keep facts with the files that they were read from, all or nothing, and post what they ask for.

    `books` gives the base currency of every book that facts may name, None for the part of an account that is in no book.
    The same facts again change nothing. Raises BookingRefused with every objection.
    """
    kept = 0
    # Looked at by two people at once, each sale would be covered by the same units, and a split be news to both.
    with doors.facts.alone():
        tried = try_facts(facts, doors.journal, books=books, now=now, today=today)
        if tried.new:
            reversed_by = {
                one.key: fact.reverses for one, fact in _read(tried.new, now) if isinstance(fact, Correction)
            }
            kept = doors.facts.keep(files, tried.new, reversed_by=reversed_by)
    # A run that was cut short between the two steps is gone on with here.
    return Booked(kept, len(facts) - kept, post_booked(doors.journal))


def try_facts(
    facts: Sequence[BookedFact], journal: Journal, *, books: Mapping[str, str | None], now: datetime, today: date
) -> Trial:
    """Say what booking facts would do, and keep nothing; raises BookingRefused with every objection."""
    kept = journal.booked_facts(VENUE)
    new, conflicts = _new_of(facts, kept)
    if conflicts:
        raise KeyConflict("\n".join(conflicts))
    try:
        told = _read(new, now)
    except FactError as error:
        raise BookingRefused(str(error)) from error
    problems = [words for booked, fact in told for words in _objections(booked, fact, books, today=today)]
    entries = list(journal.entries_at(VENUE))
    problems += _conflicts(told, _read(kept, now), {entry.key for entry in entries})
    if problems:
        raise BookingRefused("\n".join(problems))
    trial = [replace(one, evidence=_TRIAL, recorded_at=now) for one in new]
    fresh = lacking([*kept, *trial], entries)
    if short := list(_short(entries, fresh)):
        raise BookingRefused("\n".join(short))
    return Trial(tuple(new), len(facts) - len(new), tuple(fresh))


def post_booked(journal: Journal) -> int:
    """Post what booked facts ask for and the journal lacks, and give how many entries were new."""
    facts = journal.booked_facts(VENUE)
    return journal.add_entries(lacking(facts, journal.entries_at(VENUE))) if facts else 0


def _new_of(facts: Sequence[BookedFact], kept: Sequence[BookedFact]) -> tuple[list[BookedFact], list[str]]:
    """Leave out what is kept already; the same key with other content is a conflict, for one of the two is wrong."""
    by_key = {one.key: one for one in kept}
    new: list[BookedFact] = []
    problems = []
    for one in facts:
        known = by_key.setdefault(one.key, one)
        if known is one:
            new.append(one)
        elif (known.body, known.book, known.account) != (one.body, one.book, one.account):
            by = f" by {known.by}" if known.recorded_at else " before it"
            problems.append(
                f"fact {one.key!r} is told otherwise{by}: as {known.body} of {known.book}, and now as {one.body} of {one.book};"
                " a key tells one thing. Correct the fact that is kept, or give this one a key of its own"
            )
    return new, problems


def _read(facts: Sequence[BookedFact], now: datetime) -> list[tuple[BookedFact, AnyFact]]:
    return [(one, read_fact(one.body, one.key, recorded=one.recorded_at or now)) for one in facts]


def _objections(booked: BookedFact, fact: AnyFact, books: Mapping[str, str | None], *, today: date) -> Iterator[str]:
    """Say what is wrong with a fact by itself: names that nobody knows, a day to come, a currency that a book does not hold."""
    what = f"fact {fact.key!r}"
    if fact.key != booked.key or fact.effective != booked.session:
        yield f"{what}: it is kept as {booked.key!r} of {booked.session}; key and day are those of the fact"
    inner: Fact | None = fact.replacement if isinstance(fact, Correction) else fact
    if inner is None:
        return
    if inner.effective > today:
        yield f"{what}: effective was {inner.effective}, which is to come; today is {today}"
    named = [name for name in (getattr(inner, "account", None), getattr(inner, "to", None)) if name is not None]
    if type(inner).__name__ == "SymbolChange":
        named = []
    for name in named:
        if name not in books:
            yield f"{what}: {name!r} is no book; there are {', '.join(sorted(books))}"
    for name in named:
        base = books.get(name)
        foreign = sorted(_currencies(inner) - {base}) if base else []
        if foreign:
            yield (
                f"{what}: {', '.join(foreign)} in book {name}, which counts in {base} alone; book it in the part of the"
                " account that is in no book, ACCOUNT/unallocated"
            )


def _currencies(fact: Fact) -> set[str]:
    names = ("currency", "from_currency", "to_currency")
    return {value for value in (getattr(fact, name, None) for name in names) if value is not None}


def _conflicts(
    told: Sequence[tuple[BookedFact, AnyFact]], kept: Sequence[tuple[BookedFact, AnyFact]], entries: set[str]
) -> list[str]:
    """Say what does not go with what is kept: a correction of nothing or of what was corrected, a split told twice."""
    problems = []
    known = {fact.key: fact for _, fact in (*kept, *told)}
    inside = {
        fact.replacement.key for fact in known.values() if isinstance(fact, Correction) and fact.replacement is not None
    }
    gone = {fact.reverses: fact.key for _, fact in kept if isinstance(fact, Correction)}
    for _, fact in told:
        if isinstance(fact, Correction):
            what = f"fact {fact.key!r}, reverses"
            if fact.reverses not in (known.keys() | inside | entries):
                problems.append(
                    f"{what}: there is no fact and no entry {fact.reverses!r}; `twokey ledger facts` lists them"
                )
            elif isinstance(known.get(fact.reverses), Correction):
                problems.append(f"{what}: {fact.reverses!r} is a correction; take back what stands in its place")
            elif fact.reverses in gone:
                problems.append(f"{what}: {gone[fact.reverses]!r} took {fact.reverses!r} back already")
            gone[fact.reverses] = fact.key
    splits: dict[tuple[str, date], str] = {}
    for _, fact in (*kept, *told):
        if isinstance(fact, Split) and fact.key not in gone:
            first = splits.setdefault((fact.instrument, fact.effective), fact.key)
            if first != fact.key:
                problems.append(
                    f"fact {fact.key!r}: {first!r} tells of a split of {fact.instrument} on {fact.effective} already, for all"
                    " books; a split is booked once"
                )
    return problems


def _short(entries: Sequence[Entry], fresh: Sequence[Entry]) -> Iterator[str]:
    """Say where units would fall below zero, or further below than they are."""
    before = short_units(entries)
    for where, (day, units) in sorted(short_units([*entries, *fresh]).items()):
        if where not in before or units < before[where][1]:
            yield (
                f"book {where[0]} would hold {units} {where[1]} on {day}; book what brought the units first: an OPENING of what"
                " was there before the first fact, a TRANSFER or a BUY"
            )

"""Booking: what a person says of an account, from a statement or by hand, is kept as facts and posted to the books."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Protocol

from core.domain.booked import BookedFact, StatementFile
from core.domain.posting import Entry
from core.domain.slot import VenueName
from core.ledger.bookable import conflicts, fact_objections, shortages
from core.ledger.booked import FactError, lacking, read_fact
from core.ledger.question import AnyFact, Correction
from core.ledger.trial import Places, trial_objection
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
    """What booking did: new facts, those known already, new entries, and the trial before it."""

    facts: int
    known: int
    entries: int
    tried: Trial


class BookingRefused(ValueError):
    """Facts that cannot be booked, each with the reason; nothing was kept."""


class KeyConflict(BookingRefused):
    """A key tells another thing than it did: one of the two is wrong, and a person must hear of it; nothing was kept."""


def book_facts(
    facts: Sequence[BookedFact],
    doors: BookingDoors,
    *,
    places: Places,
    now: datetime,
    today: date,
    files: Sequence[StatementFile] = (),
) -> Booked:
    """Keep facts with the files that they were read from, all or nothing, and post what they ask for.

    The same facts again change nothing. Raises BookingRefused with every objection.
    """
    kept = 0
    # Looked at by two people at once, each sale would be covered by the same units, and a split be news to both.
    with doors.facts.alone():
        tried = try_facts(facts, doors.journal, places=places, now=now, today=today)
        if tried.new:
            reversed_by = {
                one.key: fact.reverses for one, fact in _read(tried.new, now) if isinstance(fact, Correction)
            }
            kept = doors.facts.keep(files, tried.new, reversed_by=reversed_by)
    # A run that was cut short between the two steps is gone on with here.
    return Booked(kept, len(facts) - kept, post_booked(doors.journal), tried)


def try_facts(facts: Sequence[BookedFact], journal: Journal, *, places: Places, now: datetime, today: date) -> Trial:
    """Say what booking facts would do, and keep nothing; raises BookingRefused with every objection."""
    kept = journal.booked_facts(VENUE)
    new, told_otherwise = _new_of(facts, kept)
    if told_otherwise:
        raise KeyConflict("\n".join(told_otherwise))
    try:
        told = _read(new, now)
    except FactError as error:
        raise BookingRefused(str(error)) from error
    problems = [words for booked, fact in told for words in fact_objections(booked, fact, places, today=today)]
    entries = list(journal.entries_at(VENUE))
    problems += conflicts(told, _read(kept, now), {entry.key: entry for entry in entries})
    if problems:
        raise BookingRefused("\n".join(problems))
    # No fact is known before what it may take back, whatever the clock of this machine says.
    at = max([now, *(one.recorded_at for one in kept if one.recorded_at is not None)])
    whole = [*kept, *(replace(one, evidence=_TRIAL, recorded_at=at) for one in new)]
    fresh = lacking(whole, entries)
    if short := list(shortages(entries, fresh)):
        raise BookingRefused("\n".join(short))
    objection = trial_objection(whole, [*entries, *fresh], places, at=at) if new else None
    # Where the books could not be answered for before, facts may be on the way to mending that.
    if objection and trial_objection(kept, [*entries, *lacking(kept, entries)], places, at=at) is None:
        raise BookingRefused(objection)
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
        elif not _is_same(known, one):
            by = f" by {known.by}" if known.recorded_at else " before it"
            problems.append(
                f"fact {one.key!r} is told otherwise{by}: as {known.body} of {known.book}, and now as {one.body} of {one.book};"
                " a key tells one thing. Correct the fact that is kept, or give this one a key of its own"
            )
    return new, problems


def _is_same(known: BookedFact, one: BookedFact) -> bool:
    """Say whether a fact is the one that is kept; of what names no book, it is of no account that it came by another."""
    is_of_a_book = '"account":' in one.body
    return known.body == one.body and (not is_of_a_book or (known.book, known.account) == (one.book, one.account))


def _read(facts: Sequence[BookedFact], now: datetime) -> list[tuple[BookedFact, AnyFact]]:
    return [(one, read_fact(one.body, one.key, recorded=one.recorded_at or now)) for one in facts]

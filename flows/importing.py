"""Importing: the facts of a broker's file as those of a book, less what the books know from elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from core.domain.booked import BookedFact
from core.domain.instrument import InstrumentId, Universe
from core.domain.slot import BookName
from core.ledger.booked import FactError, body_of, fact_of, read_fact, standing_splits
from core.ledger.question import Correction, Fact, Split
from core.ledger.told import Known, told_already
from flows.booking import VENUE
from flows.books import Journal

ZERO = Decimal(0)
_CURRENCIES = ("currency", "from_currency", "to_currency")
_CURRENCY_LENGTH = 3


@dataclass(frozen=True)
class Target:
    """Where a file's facts go: the account, the book of it, and the base currency of that book (None: any currency)."""

    account: str
    book: BookName
    base: str | None
    names: Mapping[str, InstrumentId]


@dataclass(frozen=True)
class Source:
    """Where they come from: the file's SHA-256 and name, who books, and the line of each row by its key."""

    sha256: str
    name: str
    by: str
    lines: Mapping[str, int]


@dataclass(frozen=True)
class LeftOut:
    """A fact that is not booked, by its line, with the reason."""

    line: int
    why: str


@dataclass(frozen=True)
class Parted:
    """A file's facts parted: to book, known to the books from elsewhere, and left to a person."""

    facts: tuple[BookedFact, ...]
    known: tuple[tuple[int, Known], ...]
    left: tuple[LeftOut, ...]


def part_facts(
    told: Sequence[Mapping[str, Any]],
    target: Target,
    source: Source,
    journal: Journal,
    *,
    now: datetime,
    taken: Collection[str] = (),
) -> Parted:
    """Part the facts of a file; facts that are booked already stay among those to book, which know their keys again.

    An instrument that the universe does not know stays under the broker's name, where the book is that of no strategy.
    `taken` are the entries that rows of other files of the same import told of.
    """
    kept = journal.booked_facts(VENUE)
    elsewhere = _booked_elsewhere(kept, target, source)
    placed = [_placed(one, target, source) for one in told]
    placed = [(one, why or elsewhere.get(one.key, "")) for one, why in placed]
    left = [LeftOut(_line(one.key, source), why) for one, why in placed if why]
    booked = {one.key for one in kept}
    facts: list[BookedFact] = []
    fresh: list[Fact] = []
    for one in [one for one, why in placed if not why]:
        try:
            fact = read_fact(one.body, one.key, recorded=now)
        except FactError as error:
            left.append(LeftOut(_line(one.key, source), str(error)))
            continue
        facts.append(one)
        fresh += [fact] if one.key not in booked else []
    own = [one for one in journal.entries_at(VENUE) if one.book == target.book and one.key not in taken]
    found = told_already(fresh, own)
    twice, doubtful = _told_splits(found.new, kept)
    known = (*found.known, *twice)
    doubtful = [*found.doubtful, *doubtful]
    left += [LeftOut(_line(fact.key, source), why) for fact, why in doubtful]
    gone = {one.fact.key for one in known} | {fact.key for fact, _ in doubtful}
    return Parted(
        tuple(one for one in facts if one.key not in gone),
        tuple((_line(one.fact.key, source), one) for one in known),
        tuple(sorted(left, key=lambda one: one.line)),
    )


def names_in(universe: Universe) -> dict[str, InstrumentId]:
    """Give the instrument of each name that a broker may use, in small letters; a name of two instruments is of none."""
    found: dict[str, set[InstrumentId]] = {}
    for one in universe.instruments:
        for name in (one.id, one.etoro_search_name, one.yahoo_symbol, one.stooq_symbol):
            if name:
                found.setdefault(name.lower(), set()).add(one.id)
    return {name: next(iter(ids)) for name, ids in found.items() if len(ids) == 1}


def _booked_elsewhere(kept: Sequence[BookedFact], target: Target, source: Source) -> dict[str, str]:
    """Say of which rows of this very file, by the key that they would have, another account has the facts."""
    found = {}
    corrections = (fact_of(one) for one in kept if one.kind == "CORRECTION")
    gone = {one.reverses for one in corrections if isinstance(one, Correction)}
    for one in kept:
        if one.statement == source.sha256 and one.account != target.account and one.key not in gone:
            row = one.key.removeprefix(f"{one.account} ")
            found[f"{target.account} {row}"] = (
                f"this row of this file was booked to account {one.account}, as {one.key!r}; it is of one account: take that"
                " back first if it was the wrong one"
            )
    return found


def _placed(told: Mapping[str, Any], target: Target, source: Source) -> tuple[BookedFact, str]:
    """Give a fact as one of the book, and why it cannot be one, if so."""
    own = dict(told) | {"key": f"{target.account} {told['key']}"}
    why = ""
    if "account" in own:
        own["account"] = target.book
    if "instrument" in own:
        name = str(own["instrument"])
        own["instrument"] = _instrument(name, target.names) or name
        if target.base is not None and _instrument(name, target.names) is None:
            why = f"{name!r} is no name of an instrument in config/universe.csv; say which it is with --names FILE"
    foreign = sorted({own[field] for field in _CURRENCIES if field in own} - {target.base}) if target.base else []
    if foreign:
        why = (
            f"{', '.join(foreign)}, and book {target.book} counts in {target.base} alone; book what came of it in {target.base}"
            " with `twokey ledger add FILE --by NAME --note WORDS`, or import into the part of the account that is in no book"
        )
    booked = BookedFact(
        key=own["key"],
        kind=own["kind"],
        account=target.account,
        book=target.book,
        venue=VENUE,
        session=date.fromisoformat(own["effective"]),
        body=body_of(own),
        by=source.by,
        note=f"line {_line(told['key'], source)} of {source.name}",
        statement=source.sha256,
    )
    return booked, why


def _instrument(name: str, names: Mapping[str, InstrumentId]) -> InstrumentId | None:
    """Find an instrument by a broker's name for it; eToro writes the currency behind, as in AAPL/USD."""
    whole = name.strip().lower()
    short, _, currency = whole.rpartition("/")
    return names.get(whole) or (names.get(short) if len(currency) == _CURRENCY_LENGTH else None)


def _line(key: str, source: Source) -> int:
    """Give the line of a row by the key of its fact: that of the row, with the account before it or a word behind."""
    return next((source.lines[part] for part in key.split() if part in source.lines), 0)


def _told_splits(facts: Sequence[Fact], kept: Sequence[BookedFact]) -> tuple[list[Known], list[tuple[Fact, str]]]:
    """Find the splits that another statement told of: a split is of all books, and booked once."""
    before = standing_splits(kept)
    known: list[Known] = []
    doubtful: list[tuple[Fact, str]] = []
    for fact in facts:
        other = before.get((fact.instrument, fact.effective)) if isinstance(fact, Split) else None
        if other is None or not isinstance(fact, Split):
            continue
        if (other.new, other.old) == (fact.new, fact.old):
            known.append(Known(fact, other.key, ZERO))
        else:
            words = (
                f"fact {other.key!r} tells of {other.new}:{other.old} that day, and this row of {fact.new}:{fact.old}"
            )
            doubtful.append((fact, f"{words}; a split has one ratio: correct the one that is wrong"))
    return known, doubtful

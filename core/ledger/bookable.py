"""Whether facts can be booked: names that nobody knows, days to come, keys that are taken, what was taken back before."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from core.domain.booked import BookedFact
from core.domain.posting import REVERSED, Entry
from core.ledger import question as asked
from core.ledger.booked import short_units
from core.ledger.question import AnyFact, Correction, Fact, Split
from core.ledger.trial import Places

Read = Sequence[tuple[BookedFact, AnyFact]]
# The door knows entries by their keys, so that none of a fill or a split to come may be a fact's.
_OF_ENTRIES = re.compile(r"(TICKET|SPLIT)-[0-9]{8}")
# Above what any account holds, and so small that a sum of a thousand of them keeps every digit wherever it is made.
AMOUNT_MAX = Decimal(10) ** 14
_NUMBERS = (
    "quantity",
    "price",
    "amount",
    "fee",
    "withheld",
    "from_amount",
    "to_amount",
    "cost",
    "kept",
    "quote_amount",
)
_CURRENCIES = ("currency", "from_currency", "to_currency")
_NAMES = ("instrument", "child", "account", "to")


def fact_objections(booked: BookedFact, fact: AnyFact, places: Places, *, today: date) -> Iterator[str]:
    """Say what is wrong with a fact by itself: names that nobody knows, a day to come, a currency that a book does not hold."""
    what = f"fact {fact.key!r}"
    if fact.key != booked.key or fact.effective != booked.session:
        yield f"{what}: it is kept as {booked.key!r} of {booked.session}; key and day are those of the fact"
    inner: Fact | None = fact.replacement if isinstance(fact, Correction) else fact
    yield from _unreadable(fact, what)
    if inner is not None and inner is not fact:
        yield from _unreadable(inner, what)
    if inner is None:
        return
    if inner.effective > today:
        yield f"{what}: effective was {inner.effective}, which is to come; today is {today}"
    for name in _books_of(inner):
        if name not in places.books:
            yield f"{what}: {name!r} is no book; there are {', '.join(sorted(places.books))}"
    for name in _books_of(inner):
        base = places.books.get(name)
        if base is None:
            continue
        currencies = {value for value in (getattr(inner, one, None) for one in _CURRENCIES) if value is not None}
        if foreign := sorted(currencies - {base}):
            yield (
                f"{what}: {', '.join(foreign)} in book {name}, which counts in {base} alone; book it in the part of the"
                " account that is in no book, ACCOUNT/unallocated"
            )
    instrument, into = getattr(inner, "instrument", None), _brought_to(inner)
    known = places.currencies
    if instrument is not None and places.books.get(into) is not None and known and instrument not in known:
        yield (
            f"{what}: {instrument!r} in book {into}, and config/universe.csv has no instrument of that name; a strategy's book"
            " takes none that cannot be valued. Book it in the part of the account that is in no book, ACCOUNT/unallocated"
        )


def _brought_to(fact: Fact) -> str:
    """Name the book that a fact brings units to; empty where it brings none."""
    match fact:
        case asked.Buy() | asked.Opening():
            return fact.account
        case asked.Transfer():
            return fact.to
        case _:
            return ""


def _unreadable(fact: Fact, what: str) -> Iterator[str]:
    """Say which names cannot be shown or kept as they stand, and which numbers are beyond what books hold."""
    told = vars(fact)
    for name in ("key", *_NAMES):
        value = told.get(name)
        if value is not None and (not value.isprintable() or value != value.strip()):
            yield f"{what}: {name} {value!r} holds a sign that is not printed, or begins or ends with a space"
    if _OF_ENTRIES.match(fact.key):
        yield f"{what}: keys that begin with TICKET or SPLIT and a day are those of fills and splits; give another"
    for name in _NUMBERS:
        value = told.get(name)
        if value is not None and abs(value) >= AMOUNT_MAX:
            yield f"{what}: {name} was {value}; numbers are below {AMOUNT_MAX:f}"


def _books_of(fact: Fact) -> list[str]:
    if isinstance(fact, asked.SymbolChange):
        return []
    return [name for name in (getattr(fact, "account", None), getattr(fact, "to", None)) if name is not None]


def cash_key_objections(key: str, facts: Collection[str]) -> tuple[str, ...]:
    """Say why cash cannot be kept under a key: it is that of a booked fact (`facts`), or like those of entries."""
    problems = []
    if key in facts:
        problems.append(f"the key {key!r} is that of a booked fact; give the movement one of its own")
    if _OF_ENTRIES.match(key) or key.startswith("fact ") or key.endswith(REVERSED):
        problems.append(f"the key was {key!r}; keys that look so are those of other entries, so give another")
    return tuple(problems)


def conflicts(told: Read, kept: Read, entries: Mapping[str, Entry]) -> list[str]:
    """Say what does not go with what is kept: keys that are taken, a correction of nothing, a split told twice."""
    books = _Kept({fact.key: fact for _, fact in kept}, entries)
    for _, fact in kept:
        books.take(fact)
    books.known |= {fact.key: fact for _, fact in told}
    problems = [words for _, fact in told for words in books.taken(fact)]
    for _, fact in told:
        if isinstance(fact, Correction) and fact.replacement is not None:
            books.inside.setdefault(fact.replacement.key, fact.key)
    for _, fact in told:
        if isinstance(fact, Correction):
            problems += books.cannot_reverse(fact)
            books.gone.setdefault(fact.reverses, fact.key)
    return problems + list(_splits_told_twice(told, kept, books.gone))


@dataclass
class _Kept:
    """What stands: facts by key, entries by key, the correction in which a key stands, and what took a key back."""

    known: dict[str, AnyFact]
    entries: Mapping[str, Entry]
    inside: dict[str, str] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)

    def take(self, fact: AnyFact) -> None:
        """Take a kept fact into account."""
        if isinstance(fact, Correction):
            self.gone[fact.reverses] = fact.key
            if fact.replacement is not None:
                self.inside[fact.replacement.key] = fact.key

    def taken(self, fact: AnyFact) -> Iterator[str]:
        """Say which keys of a fact are those of something else."""
        if fact.key in self.inside:
            yield f"fact {fact.key!r}: the key is taken, by what stands in the correction {self.inside[fact.key]!r}"
        if fact.key in self.entries:
            yield f"fact {fact.key!r}: there is an entry {fact.key!r} already; give the fact a key of its own"
        if isinstance(fact, Correction) and fact.replacement is not None:
            key = fact.replacement.key
            if key in self.known or key in self.entries or self.inside.setdefault(key, fact.key) != fact.key:
                yield f"fact {fact.key!r}, replacement: the key {key!r} is taken; give what stands instead one of its own"

    def cannot_reverse(self, fact: Correction) -> Iterator[str]:
        """Say why what a correction names cannot be taken back."""
        what, key = f"fact {fact.key!r}, reverses", fact.reverses
        entry = self.entries.get(key)
        if key in self.known or key in self.inside:
            if isinstance(self.known.get(key), Correction):
                yield f"{what}: {key!r} is a correction; take back what stands in its place"
        elif entry is None:
            yield f"{what}: there is no fact and no entry {key!r}; `twokey ledger facts` lists them"
        elif entry.evidence.startswith("booked_fact:"):
            of = key.removeprefix("fact ").rpartition(f" in {entry.book}")[0]
            yield f"{what}: the entry {key!r} rests on the fact {of!r}; take that back"
        if key in self.gone:
            yield f"{what}: {self.gone[key]!r} took {key!r} back already"


def _splits_told_twice(told: Read, kept: Read, gone: Mapping[str, str]) -> Iterator[str]:
    splits: dict[tuple[str, date], str] = {}
    for _, fact in (*kept, *told):
        inner = fact.replacement if isinstance(fact, Correction) else fact
        if isinstance(inner, Split) and inner.key not in gone:
            first = splits.setdefault((inner.instrument, inner.effective), inner.key)
            if first != inner.key:
                yield (
                    f"fact {inner.key!r}: {first!r} tells of a split of {inner.instrument} on {inner.effective} already, for"
                    " all books; a split is booked once"
                )


def shortages(entries: Sequence[Entry], fresh: Sequence[Entry]) -> Iterator[str]:
    """Say where units would fall below zero, or further below than they are."""
    before = short_units(entries)
    for where, (day, units) in sorted(short_units([*entries, *fresh]).items()):
        if where not in before or units < before[where][1]:
            yield (
                f"book {where[0]} would hold {units} {where[1]} on {day}; book what brought the units first: an OPENING of what"
                " was there before the first fact, a TRANSFER or a BUY"
            )

"""The trial before facts are kept: whether the checking door would take them, and come to what would be posted.

A fact that the door cannot take would end every answer about the books, so it is refused while nothing is kept of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext

from core.canonical import plain_decimal
from core.domain.booked import BookedFact
from core.domain.instrument import InstrumentId
from core.domain.posting import Entry, standing_entries
from core.domain.slot import BookName
from core.ledger.asked_of_books import BOOKED, Known, Quoted, posted_sums, question_of
from core.ledger.booked import DIGITS, fact_of, standing_splits
from core.ledger.equity import Rates
from core.ledger.question import Account, Ask, Correction, Method, QuestionError
from core.ledger.quotes import Quote, Quotes
from core.ledger.standing import standing_facts
from core.ledger.walk import Walk

ZERO, ONE = Decimal(0), Decimal(1)
_CURRENCIES = ("currency", "from_currency", "to_currency", "quote_currency")
_FIRST, _LAST = date(1900, 1, 1), date(2200, 1, 1)
# When an entry was recorded says nothing to a trial: before any fact that may take it back.
_BEFORE = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Places:
    """Where facts may go: the base currency of each book (None: of the part of an account that is in no book, which takes any).

    `lots` gives the method of each (FIFO where there is none), and `currencies` the instruments of the universe.
    """

    books: Mapping[BookName, str | None]
    lots: Mapping[BookName, Method] = field(default_factory=dict)
    currencies: Mapping[InstrumentId, str] = field(default_factory=dict)


def trial_objection(
    facts: Sequence[BookedFact], entries: Sequence[Entry], places: Places, *, at: datetime
) -> str | None:
    """Say why the door could not take facts beside entries, or where it comes to other units or cash; None if all is well.

    Rates are left aside: what has none of its day yet may be booked. So are the units of an instrument whose split the clean
    set told of one book and nobody of the others: settling, or a person's fact, posts it there.
    """
    newest = max([at, *(one.recorded_at for one in facts if one.recorded_at is not None)])
    base = next((base for base in places.books.values() if base is not None), "GBP")
    ask = Ask(as_of=_LAST, known_at=newest, base=base)
    known = Known([(entry, _BEFORE) for entry in entries], facts)
    books = {*places.books, *(entry.book for entry in entries)}
    methods: dict[BookName, Method] = {name: places.lots.get(name, "FIFO") for name in books}
    try:
        question = question_of(known, _at_par(facts, places, base), [Account(id=name) for name in sorted(books)], ask)
        with localcontext(prec=DIGITS):
            counted = standing_facts(question.facts, ask)
            evening = Walk(counted, methods, _AtPar((), (), counted, ask), base).on(_LAST)
    except QuestionError as error:
        return str(error)
    told = {(book, "units", name): held for (book, name), held in evening.units.items()}
    told |= {(book, "cash", name): held for (book, name), held in evening.cash.items()}
    posted = posted_sums(entries)
    awaited = _awaited(facts, entries)
    for where in sorted(posted.keys() | told.keys()):
        ours, theirs = posted.get(where, ZERO), told.get(where, ZERO)
        if ours != theirs and where[2] not in awaited:
            return (
                f"book {where[0]} would hold {plain_decimal(ours)} {where[2]} by its postings and {plain_decimal(theirs)} by"
                " its facts; book what tells them apart in the same file"
            )
    return None


class _AtPar(Quotes):
    """Every currency is worth as much as any other."""

    def rate(self, currency: str, into: str, day: date) -> Quote:
        """Give one."""
        return Quote(ONE, day, "at par")


def _at_par(facts: Sequence[BookedFact], places: Places, base: str) -> Quoted:
    rates = Rates(base, (_FIRST,), (ONE,))
    used = set(places.currencies.values())
    for one in facts:
        fact = fact_of(one)
        inner = fact.replacement if isinstance(fact, Correction) else fact
        told = vars(inner) if inner is not None else {}
        used.update(told[name] for name in _CURRENCIES if told.get(name))
    return Quoted(base, (), dict.fromkeys(sorted(used), rates), {}, places.currencies)


def _awaited(facts: Sequence[BookedFact], entries: Sequence[Entry]) -> set[str]:
    """Name the instruments of splits that only the clean set told of: some books may not have followed yet."""
    booked = standing_splits(facts)
    return {
        entry.instrument
        for entry in standing_entries(entries)
        if entry.kind == "SPLIT" and entry.instrument and not entry.evidence.startswith(BOOKED)
        if (entry.instrument, entry.session) not in booked
    }

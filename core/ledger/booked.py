"""Booked facts in the journal: which postings each of them asks for, and which of these are still lacking."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.canonical import canonical_json, instant_text
from core.domain.booked import BookedFact
from core.domain.posting import COMPANY_ACTIONS, REVERSED, Entry, EntryKind, LedgerAccount, Posting, effective_order
from core.ledger import question as asked
from core.ledger.question import AnyFact, Correction, Fact
from core.money import share_of

ZERO = Decimal(0)
# No product of two numbers of a fact, and no sum of such products, loses a digit.
DIGITS = 200
# Where a day's units are counted before a company's action of that day, and before cash for what it left over.
_AFTER_ACTIONS, _REST = len(COMPANY_ACTIONS), len(COMPANY_ACTIONS) + 1
# A booking reads each fact several times over; what is read does not change.
_READ_MAX = 1 << 15
_FACT: TypeAdapter[AnyFact] = TypeAdapter(AnyFact)
Moved = dict[tuple[LedgerAccount, str], Decimal]
# When in all facts something counts: its day, its rank in the day, and among the actions of a company its key.
Moment = tuple[date, int, str]


class FactError(ValueError):
    """A fact that cannot be booked as it stands; says which, what is wrong, and what would be right."""


def fact_of(booked: BookedFact) -> AnyFact:
    """Read a booked fact as the checking door does; `recorded` is when it was kept. Raises FactError."""
    if booked.recorded_at is None:
        raise FactError(f"fact {booked.key!r} was not kept yet; a fact counts from when it was recorded")
    return read_fact(booked.body, booked.key, recorded=booked.recorded_at)


@lru_cache(maxsize=_READ_MAX)
def read_fact(body: str, key: str, *, recorded: datetime) -> AnyFact:
    """Read the text of a fact without `recorded`, and give it that instant; raises FactError naming field and value."""
    try:
        told = json.loads(body)
        if isinstance(told, dict):
            told = _recorded(told, instant_text(recorded))
        return _FACT.validate_json(json.dumps(told), strict=True)
    except (ValidationError, ValueError) as error:
        raise FactError(f"fact {key!r}: {_words(error)}") from error


def body_of(told: Mapping[str, Any]) -> str:
    """Give the text under which a fact is kept: canonical, and without `recorded`, which is the database's to say."""
    without = {name: value for name, value in told.items() if name != "recorded"}
    inner = without.get("replacement")
    if isinstance(inner, Mapping):
        without["replacement"] = {name: value for name, value in inner.items() if name != "recorded"}
    return canonical_json(without)


def lacking(facts: Sequence[BookedFact], entries: Sequence[Entry]) -> list[Entry]:
    """Give the entries that facts ask for and the journal lacks, in the order in which they are to be recorded.

    `entries` are those of all books of the venue. Each fact is posted once; a company's action of units that became known
    later is made up for in another entry, and a correction takes back each entry of what it reverses.
    """
    with localcontext(prec=DIGITS):
        return _Lacking(facts, entries).found()


def standing_splits(facts: Iterable[BookedFact]) -> dict[tuple[str, date], asked.Split]:
    """Give the splits that people told of and nobody took back, by instrument and day."""
    told = [fact_of(one) for one in facts if one.kind in ("SPLIT", "CORRECTION")]
    gone = {one.reverses for one in told if isinstance(one, Correction)}
    inner = [one.replacement if isinstance(one, Correction) else one for one in told]
    return {
        (one.instrument, one.effective): one for one in inner if isinstance(one, asked.Split) and one.key not in gone
    }


def short_units(entries: Iterable[Entry]) -> dict[tuple[str, str], tuple[date, Decimal]]:
    """Find, for each book and instrument that is ever below zero at a day's end, the lowest day and the units of it."""
    with localcontext(prec=DIGITS):
        return _short(entries)


def _short(entries: Iterable[Entry]) -> dict[tuple[str, str], tuple[date, Decimal]]:
    by: dict[tuple[str, str], dict[date, Decimal]] = {}
    for entry in entries:
        for posting in entry.postings:
            if posting.account == "units":
                days = by.setdefault((entry.book, posting.commodity), {})
                days[entry.session] = days.get(entry.session, ZERO) + posting.amount
    short: dict[tuple[str, str], tuple[date, Decimal]] = {}
    for where, days in by.items():
        held = ZERO
        for day in sorted(days):
            held += days[day]
            if held < 0 and (where not in short or held < short[where][1]):
                short[where] = (day, held)
    return short


# --- what a fact asks for ---------------------------------------------------------------------------------------------


def postings_of(fact: Fact) -> dict[str, Moved]:
    """Give what a fact moves in each book that it names; nothing for what depends on the units held."""
    match fact:
        case asked.Buy() | asked.Sell():
            sign = Decimal(1) if isinstance(fact, asked.Buy) else Decimal(-1)
            money, fee = sign * fact.consideration, fact.fee
            return {
                fact.account: _traded(fact.instrument, sign * fact.quantity, fact.currency, money) | _fee(fact, fee)
            }
        case asked.Deposit() | asked.Withdraw():
            amount = fact.amount if isinstance(fact, asked.Deposit) else -fact.amount
            return {fact.account: _pair("cash", "capital", fact.currency, amount)}
        case asked.Transfer():
            return _transferred(fact)
        case asked.Opening():
            what, of = (fact.currency, fact.amount) if fact.amount is not None else (fact.instrument, fact.quantity)
            account: LedgerAccount = "cash" if fact.amount is not None else "units"
            return {fact.account: _pair(account, "opening", what or "", of or ZERO)}
        case asked.Dividend() | asked.Interest():
            return {fact.account: _income(fact)}
        case asked.ExcessIncome():
            return {fact.account: _pair("trade", "dividend", fact.currency, fact.amount)}
        case asked.Fee():
            return {fact.account: _pair("fee", "cash", fact.currency, fact.amount)}
        case asked.Conversion():
            return {fact.account: _converted(fact)}
        case _:
            return {}


def _pair(account: LedgerAccount, other: LedgerAccount, commodity: str, amount: Decimal) -> Moved:
    return {(account, commodity): amount, (other, commodity): -amount}


def _traded(instrument: str, units: Decimal, currency: str, money: Decimal) -> Moved:
    return _pair("units", "trade", instrument, units) | _pair("trade", "cash", currency, money)


def _fee(fact: asked.Buy | asked.Sell, fee: Decimal) -> Moved:
    """Give the fee of a trade, its cash in one posting with the price's."""
    if not fee:
        return {}
    money = -fact.consideration if isinstance(fact, asked.Buy) else fact.consideration
    return {("fee", fact.currency): fee, ("cash", fact.currency): money - fee}


def _income(fact: asked.Dividend | asked.Interest) -> Moved:
    account: LedgerAccount = "dividend" if isinstance(fact, asked.Dividend) else "interest"
    return {
        ("cash", fact.currency): fact.amount - fact.withheld,
        ("withholding", fact.currency): fact.withheld,
        (account, fact.currency): -fact.amount,
    }


def _converted(fact: asked.Conversion) -> Moved:
    gave, got = fact.from_currency, fact.to_currency
    return {
        ("cash", gave): -fact.from_amount - fact.fee,
        ("fee", gave): fact.fee,
        ("conversion", gave): fact.from_amount,
        ("cash", got): fact.to_amount,
        ("conversion", got): -fact.to_amount,
    }


def _transferred(fact: asked.Transfer) -> dict[str, Moved]:
    account: LedgerAccount = "cash" if fact.amount is not None else "units"
    what, moved = (fact.currency, fact.amount) if fact.amount is not None else (fact.instrument, fact.quantity)
    return {
        fact.account: _pair(account, "transfer", what or "", -(moved or ZERO)),
        fact.to: _pair(account, "transfer", what or "", moved or ZERO),
    }


# --- what is still lacking --------------------------------------------------------------------------------------------


@dataclass
class _Held:
    """The units of one instrument in one book: what moved them, by when in the day it counts."""

    moves: list[tuple[Moment, Decimal]] = field(default_factory=list)

    def before(self, moment: Moment) -> Decimal:
        return sum((units for when, units in self.moves if when < moment), ZERO)


class _Lacking:
    """One pass over all facts: what each asks for, what of it is posted, and what is not."""

    def __init__(self, facts: Sequence[BookedFact], entries: Sequence[Entry]) -> None:
        self._told = [(booked, fact_of(booked)) for booked in facts]
        self._posted: dict[tuple[str, str], list[Entry]] = {}
        self._of_fact: dict[str, list[Entry]] = {}
        self._splits: dict[tuple[str, str | None, date], list[Entry]] = {}
        self._by_key: dict[str, Entry] = {}
        self._held: dict[tuple[str, str], _Held] = {}
        self._fresh: list[Entry] = []
        for entry in entries:
            self._note(entry)

    def found(self) -> list[Entry]:
        """Take back first what was taken back, then post what stands: plain facts, and company actions in their order."""
        gone = {fact.reverses for _, fact in self._told if isinstance(fact, Correction)}
        for booked, fact in self._told:
            if isinstance(fact, Correction):
                self._reverse(booked, fact)
        standing: list[tuple[BookedFact, Fact]] = []
        for booked, fact in self._told:
            inner = fact.replacement if isinstance(fact, Correction) else fact
            if inner is not None and inner.key not in gone:
                standing.append((booked, inner))
        late = [one for one in standing if isinstance(one[1], _OF_UNITS)]
        for booked, stands in standing:
            for book, moved in postings_of(stands).items():
                self._post(booked, stands, book, moved)
        for booked, stands in sorted(late, key=lambda one: _when(one[1])):
            self._of_units(booked, stands)
        return self._fresh

    def _reverse(self, booked: BookedFact, fact: Correction) -> None:
        for entry in self._entries_of(fact.reverses):
            key = entry.key + REVERSED
            if key in self._by_key:
                continue
            postings = tuple(Posting(one.account, one.commodity, -one.amount) for one in entry.postings)
            self._add(
                Entry(
                    key=key,
                    kind="CORRECTION",
                    book=entry.book,
                    venue=entry.venue,
                    session=entry.session,
                    instrument=entry.instrument,
                    evidence=booked.evidence,
                    postings=postings,
                )
            )

    def _entries_of(self, key: str) -> list[Entry]:
        """Find what was posted of a fact by its key, or the entry of that key."""
        return self._of_fact.get(key) or [entry for entry in [self._by_key.get(key)] if entry is not None]

    def _of_units(self, booked: BookedFact, fact: Fact) -> None:
        if isinstance(fact, asked.CashInLieu):
            held = self._units(fact.account, fact.instrument, fact)
            moved = _traded(fact.instrument, fact.kept - held, fact.currency, -fact.amount)
            self._post(booked, fact, fact.account, moved)
            return
        assert isinstance(fact, asked.Split | asked.SpinOff | asked.SymbolChange)
        for book in sorted({book for book, name in self._held if name == fact.instrument}):
            if not (isinstance(fact, asked.Split) and self._is_split(book, fact)):
                held = self._units(book, fact.instrument, fact)
                self._post(booked, fact, book, _acted(fact, held))

    def _is_split(self, book: str, fact: asked.Split) -> bool:
        """Say whether a book follows a split as the clean set told it: settling makes up for what becomes known late."""
        posted = self._splits.get((book, fact.instrument, fact.effective), ())
        return any(entry.key + REVERSED not in self._by_key for entry in posted)

    def _units(self, book: str, instrument: str, fact: Fact) -> Decimal:
        """Give what a book held before a fact; what was posted of the fact itself counts with it, not before."""
        return self._held.get((book, instrument), _Held()).before(_when(fact))

    def _post(self, booked: BookedFact, fact: Fact, book: str, moved: Moved) -> None:
        """Post what is lacking of what a fact moves in a book."""
        posted = self._posted.get((fact.key, book), [])
        missing = dict(moved)
        for entry in posted:
            for one in entry.postings:
                where = one.account, one.commodity
                missing[where] = missing.get(where, ZERO) - one.amount
        postings = tuple(Posting(*where, amount) for where, amount in missing.items() if amount != 0)
        if not postings:
            return
        self._add(
            Entry(
                key=_entry_key(fact, book, len(posted)),
                kind=_kind(fact),
                book=book,
                venue=booked.venue,
                session=fact.effective,
                instrument=_instrument(fact),
                evidence=booked.evidence,
                postings=postings,
            )
        )

    def _add(self, entry: Entry) -> None:
        self._fresh.append(entry)
        self._note(entry)

    def _note(self, entry: Entry) -> None:
        """Take an entry into account: whose it is, and which units it moved when (taken back: when it had moved them)."""
        self._by_key[entry.key] = entry
        moment = _moment(self._by_key.get(entry.key.removesuffix(REVERSED), entry))
        if entry.evidence.startswith("booked_fact:") and entry.kind != "CORRECTION":
            self._posted.setdefault((_fact_key(entry), entry.book), []).append(entry)
            self._of_fact.setdefault(_fact_key(entry), []).append(entry)
        elif entry.kind == "SPLIT":
            self._splits.setdefault((entry.book, entry.instrument, entry.session), []).append(entry)
        for one in entry.postings:
            if one.account == "units":
                self._held.setdefault((entry.book, one.commodity), _Held()).moves.append((moment, one.amount))


_OF_UNITS = (asked.CashInLieu, asked.Split, asked.SpinOff, asked.SymbolChange)


def _acted(fact: asked.Split | asked.SpinOff | asked.SymbolChange, held: Decimal) -> Moved:
    """Give what a company's action does to units held before it; what a division leaves ends at twelve decimals."""
    if isinstance(fact, asked.SymbolChange):
        return _pair("units", "trade", fact.instrument, -held) | _pair("units", "trade", fact.to, held)
    became = share_of(held, Decimal(fact.new), Decimal(fact.old))
    if isinstance(fact, asked.SpinOff):
        return _pair("units", "trade", fact.child, became)
    return _pair("units", "trade", fact.instrument, became - held)


def _entry_key(fact: Fact, book: str, posted: int) -> str:
    return f"fact {fact.key} in {book}" + (f" #{posted + 1}" if posted else "")


def _fact_key(entry: Entry) -> str:
    return entry.key.removeprefix("fact ").rpartition(f" in {entry.book}")[0]


def _kind(fact: Fact) -> EntryKind:
    kind: EntryKind = getattr(fact, "kind", "CORRECTION")
    return kind


def _instrument(fact: Fact) -> str | None:
    name: str | None = getattr(fact, "instrument", None)
    return name


def _when(fact: Fact) -> Moment:
    kind = _kind(fact)
    if kind in COMPANY_ACTIONS:
        return fact.effective, COMPANY_ACTIONS.index(kind), fact.key
    return fact.effective, _REST, ""


def _moment(entry: Entry) -> Moment:
    """Say when in its day an entry counts; openings come before cash for fractions, everything else with or after it."""
    if entry.kind == "OPENING":
        return entry.session, _AFTER_ACTIONS, ""
    day, rank = effective_order(entry)
    return (day, rank, _fact_key(entry)) if rank < _AFTER_ACTIONS else (day, _REST, "")


def _recorded(told: dict[str, Any], at: str) -> dict[str, Any]:
    inner = told.get("replacement")
    whole = told | {"recorded": at}
    return whole | {"replacement": inner | {"recorded": at}} if isinstance(inner, dict) else whole


def _words(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    problems: Iterator[str] = (
        f"{'.'.join(str(part) for part in one['loc'] if not str(part).isupper()) or 'the whole'}: "
        f"{str(one['msg']).removeprefix('Value error, ')}"
        for one in error.errors(include_url=False)
    )
    return "; ".join(problems)

"""What a statement tells that the books know from elsewhere: a fill that a person confirmed, cash that a person moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.posting import Entry, standing_entries
from core.ledger import question as asked
from core.ledger.question import Fact

ZERO = Decimal(0)
# A broker may write the day of its own time zone; the same trade is not told further apart.
DAYS_APART = 1
_Event = tuple[str, str | None, date]


@dataclass(frozen=True)
class Known:
    """A fact that an entry tells already: which, and by how much the cash differs (what the fact says more than the books)."""

    fact: Fact
    entry: str
    cash_difference: Decimal


@dataclass(frozen=True)
class Told:
    """Facts parted into those that are new, those that the books know, and those of which nobody here can say."""

    new: tuple[Fact, ...]
    known: tuple[Known, ...]
    doubtful: tuple[tuple[Fact, str], ...]


def told_already(facts: Sequence[Fact], entries: Sequence[Entry]) -> Told:
    """Hold facts of one book against entries that rest on something else than a booked fact.

    The same side, instrument and units (of cash: the same amount) at most a day apart are the same event, each entry for one
    fact, nearest first. A trade of other units on the day of an unmatched entry of that side and instrument is doubtful: it is
    the same one told differently, or another. A split that is posted is known whatever told of it.
    """
    left: dict[_Event, list[Entry]] = {}
    for one in standing_entries(entries):
        if not one.evidence.startswith("booked_fact:"):
            left.setdefault(_event(one), []).append(one)
    matched: dict[int, Entry] = {}
    # All of the same day before any of the day beside it, whatever the order of the rows.
    for apart in range(DAYS_APART + 1):
        for at, fact in enumerate(facts):
            found = None if at in matched else _same(fact, left, apart)
            if found is not None:
                matched[at] = found
    new = [fact for at, fact in enumerate(facts) if at not in matched]
    known = [Known(facts[at], found.key, _cash_of(facts[at]) - _cash(found)) for at, found in sorted(matched.items())]
    doubtful = [(fact, words) for fact in new if (words := _doubt(fact, left))]
    doubted = {fact.key for fact, _ in doubtful}
    return Told(tuple(fact for fact in new if fact.key not in doubted), tuple(known), tuple(doubtful))


def _event(entry: Entry) -> _Event:
    """Say under what an entry is looked for: a trade or split by its instrument, cash by its kind."""
    return entry.kind, entry.instrument, entry.session


def _same(fact: Fact, left: dict[_Event, list[Entry]], apart: int) -> Entry | None:
    """Find an entry so many days apart that tells of the same event, and take it out: each is one fact's. A split stays."""
    is_same = _sameness(fact)
    if is_same is None or (apart and isinstance(fact, asked.Split)):
        return None
    kind, instrument = getattr(fact, "kind", ""), getattr(fact, "instrument", None)
    for day in sorted({fact.effective - timedelta(days=apart), fact.effective + timedelta(days=apart)}):
        there = left.get((kind, instrument, day), [])
        found = next((one for one in there if is_same(one)), None)
        if found is not None:
            if not isinstance(fact, asked.Split):
                there.remove(found)
            return found
    return None


def _sameness(fact: Fact) -> Callable[[Entry], bool] | None:
    """Give the test of whether an entry of its kind, instrument and day tells of the same event; None where none can."""
    match fact:
        case asked.Buy() | asked.Sell():
            sign = 1 if isinstance(fact, asked.Buy) else -1
            return lambda one: _units(one) == sign * fact.quantity
        case asked.Deposit() | asked.Withdraw():
            sign = 1 if isinstance(fact, asked.Deposit) else -1
            return lambda one: _cash(one, fact.currency) == sign * fact.amount
        case asked.Split():
            return lambda _: True
        case _:
            return None


def _doubt(fact: Fact, left: Mapping[_Event, Sequence[Entry]]) -> str:
    if not isinstance(fact, asked.Buy | asked.Sell):
        return ""
    one = next(iter(left.get((fact.kind, fact.instrument, fact.effective), ())), None)
    if one is None:
        return ""
    return (
        f"the books tell of {plain_decimal(abs(_units(one)))} {one.instrument} that day, as {one.key}, and this row of"
        f" {plain_decimal(fact.quantity)}: correct that entry if it is the same trade told differently"
    )


def _units(entry: Entry) -> Decimal:
    return sum((one.amount for one in entry.postings if one.account == "units"), ZERO)


def _cash(entry: Entry, currency: str | None = None) -> Decimal:
    moved = (one for one in entry.postings if one.account == "cash" and currency in (None, one.commodity))
    return sum((one.amount for one in moved), ZERO)


def _cash_of(fact: Fact) -> Decimal:
    """Give what a trade does to the cash, zero for what was matched by its cash or moves none."""
    match fact:
        case asked.Buy():
            return -fact.consideration - fact.fee
        case asked.Sell():
            return fact.consideration - fact.fee
        case asked.Deposit():
            return fact.amount
        case asked.Withdraw():
            return -fact.amount
        case _:
            return ZERO

"""What a statement tells that the books know from elsewhere: a fill that a person confirmed, cash that a person moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.posting import Entry, standing_entries
from core.ledger import question as asked
from core.ledger.question import Fact

ZERO = Decimal(0)
# A broker may write the day of its own time zone; the same trade is not told further apart.
DAYS_APART = 1


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
    left = [one for one in standing_entries(entries) if not one.evidence.startswith("booked_fact:")]
    new: list[Fact] = []
    known: list[Known] = []
    for fact in facts:
        found = _nearest(fact, left)
        if found is None:
            new.append(fact)
            continue
        if not isinstance(fact, asked.Split):
            left.remove(found)
        known.append(Known(fact, found.key, _cash_of(fact) - _cash(found)))
    doubtful = [(fact, words) for fact in new if (words := _doubt(fact, left))]
    doubted = {fact.key for fact, _ in doubtful}
    return Told(tuple(fact for fact in new if fact.key not in doubted), tuple(known), tuple(doubtful))


def _nearest(fact: Fact, entries: Sequence[Entry]) -> Entry | None:
    is_same = _sameness(fact)
    apart = 0 if isinstance(fact, asked.Split) else DAYS_APART
    near = [one for one in entries if abs((one.session - fact.effective).days) <= apart and is_same(one)]
    return min(near, key=lambda one: abs((one.session - fact.effective).days), default=None)


def _sameness(fact: Fact) -> Callable[[Entry], bool]:
    """Give the test of whether an entry tells of the same event, whatever its day."""
    match fact:
        case asked.Buy() | asked.Sell():
            sign = 1 if isinstance(fact, asked.Buy) else -1
            return lambda one: (
                one.kind == fact.kind and one.instrument == fact.instrument and _units(one) == sign * fact.quantity
            )
        case asked.Deposit() | asked.Withdraw():
            sign = 1 if isinstance(fact, asked.Deposit) else -1
            return lambda one: one.kind == fact.kind and _cash(one, fact.currency) == sign * fact.amount
        case asked.Split():
            return lambda one: one.kind == "SPLIT" and one.instrument == fact.instrument
        case _:
            return lambda _: False


def _doubt(fact: Fact, left: Sequence[Entry]) -> str:
    if not isinstance(fact, asked.Buy | asked.Sell):
        return ""
    for one in left:
        if (one.kind, one.instrument, one.session) == (fact.kind, fact.instrument, fact.effective):
            return (
                f"the books tell of {plain_decimal(abs(_units(one)))} {one.instrument} that day, as {one.key}, and this row of"
                f" {plain_decimal(fact.quantity)}: correct that entry if it is the same trade told differently"
            )
    return ""


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

"""Positions, lots and profit, computed from entries alone."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.domain.holdings import GENESIS_HEAD, Holdings, Position
from core.domain.instrument import InstrumentId
from core.domain.posting import Entry
from core.ledger import lots
from core.ledger.lots import Short, cost_in_turn
from core.money import PRICE_STEP, share_of
from core.uncollected import uncollected

ZERO = Decimal(0)
# Finer than any broker's step: a share of a split is a number that ends.
UNITS_STEP = Decimal("0.000000000001")
_OF_LOTS = frozenset({"BUY", "SELL", "SPLIT"})


@dataclass(frozen=True)
class Lot:
    """Units bought together: what is left of them, their cost in the base currency (fees included), and the day."""

    instrument: InstrumentId
    session: date
    quantity: Decimal
    cost: Decimal


@dataclass(frozen=True)
class ProfitAndLoss:
    """Where money was made and lost, in the base currency: realised, unrealised, income after tax, and capital paid in."""

    realised: Decimal
    unrealised: Decimal
    income: Decimal
    capital: Decimal


def holdings_of(entries: Iterable[Entry], *, base: str, ledger_head: str = GENESIS_HEAD) -> Holdings:
    """Sum entries into positions (in the order of the ids, none zero) and cash in the base currency."""
    units: dict[InstrumentId, Decimal] = {}
    cash = ZERO
    for entry in entries:
        for posting in entry.postings:
            if posting.account == "units":
                units[posting.commodity] = units.get(posting.commodity, ZERO) + posting.amount
            elif posting.account == "cash" and posting.commodity == base:
                cash += posting.amount
    positions = tuple(Position(name, units[name]) for name in sorted(units) if units[name] != 0)
    return Holdings(positions, cash, ledger_head)


@uncollected()
def open_lots(entries: Sequence[Entry]) -> tuple[tuple[Lot, ...], Decimal]:
    """Match sells with the oldest lots (FIFO); gives what is left, and the profit realised.

    Costs include fees; proceeds are after fees. A lot sold in part keeps its cost in proportion, and the last piece takes the
    rest, so that no penny is lost. A split changes the units of each lot in proportion, and neither cost nor day. Entries are
    in effective order. Raises ValueError when more is sold than was held.
    """
    queues: defaultdict[InstrumentId, deque[lots.Lot]] = defaultdict(deque)
    realised = ZERO
    came: dict[tuple[InstrumentId, date], Decimal] | None = None
    for number, entry in enumerate(entries):
        kind, instrument = entry.kind, entry.instrument
        if kind not in _OF_LOTS or instrument is None:
            continue
        queue = queues[instrument]
        if kind == "SPLIT":
            came = _units_of_splits(entries) if came is None else came
            _split(queue, came.pop((instrument, entry.session), ZERO), entry, number=number)
            continue
        quantity = cash = ZERO
        for posting in entry.postings:
            account = posting.account
            # Most entries have one posting of each: the first is taken as it is, without a sum.
            if account == "cash":
                cash = cash + posting.amount if cash else posting.amount
            elif account == "units":
                quantity = quantity + posting.amount if quantity else posting.amount
        if quantity > ZERO:
            queue.append(lots.Lot(entry.key, entry.session, number, quantity, cost := -cash, cost))
        else:
            realised += cash - _cost_of(queue, -quantity, entry)
    left = (Lot(name, lot.acquired, lot.quantity, lot.cost) for name in sorted(queues) for lot in queues[name])
    return tuple(left), realised


def profit_and_loss(entries: Sequence[Entry], values: Mapping[InstrumentId, Decimal], *, base: str) -> ProfitAndLoss:
    """Split a book's result; `values` is the worth now, in the base currency, of the whole position of each instrument.

    capital + realised + unrealised + income = cash + values. Raises ValueError when a held instrument has no value.
    """
    lots, realised = open_lots(entries)
    held = {lot.instrument for lot in lots}
    missing = sorted(held - values.keys())
    if missing:
        raise ValueError(f"held {missing} have no value; give the worth of each position")
    cost = sum((lot.cost for lot in lots), ZERO)
    income = capital = ZERO
    for entry in entries:
        for posting in entry.postings:
            if posting.account in ("dividend", "withholding"):
                income -= posting.amount
            elif posting.account == "capital":
                capital -= posting.amount
    return ProfitAndLoss(realised, sum((values[name] for name in held), ZERO) - cost, income, capital)


def _units_and_cash(entry: Entry) -> tuple[Decimal, Decimal]:
    quantity = cash = ZERO
    for posting in entry.postings:
        if posting.account == "units":
            quantity += posting.amount
        elif posting.account == "cash":
            cash += posting.amount
    return quantity, cash


def _units_of_splits(entries: Sequence[Entry]) -> dict[tuple[InstrumentId, date], Decimal]:
    """Sum what splits brought by instrument and day: what was posted later of the same split belongs to it."""
    came: dict[tuple[InstrumentId, date], Decimal] = {}
    for entry in entries:
        if entry.kind == "SPLIT" and entry.instrument is not None:
            key = entry.instrument, entry.session
            came[key] = came.get(key, ZERO) + _units_and_cash(entry)[0]
    return came


def _split(queue: deque[lots.Lot], units: Decimal, entry: Entry, *, number: int) -> None:
    """Share the units of a split out over the lots; the last lot takes the rest, so that no unit is lost."""
    held = sum((lot.quantity for lot in queue), ZERO)
    left = held + units
    shares = [share_of(left, lot.quantity, held, UNITS_STEP) for lot in queue][:-1]
    for lot, share in zip(queue, [*shares, left - sum(shares, ZERO)], strict=False):
        lot.quantity = share
    if not queue and units:
        # A sale from before the split was told after it; until the next settlement the units stand without a cost.
        queue.append(lots.Lot(entry.key, entry.session, number, units, ZERO, ZERO))


def _cost_of(queue: deque[lots.Lot], quantity: Decimal, entry: Entry) -> Decimal:
    try:
        return cost_in_turn(queue, quantity, PRICE_STEP)
    except Short as error:
        raise ValueError(
            f"entry {entry.key} sells {error.missing} {entry.instrument} more than the book holds"
        ) from error

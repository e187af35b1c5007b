"""Positions, lots and profit, computed from entries alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from core.domain.holdings import GENESIS_HEAD, Holdings, Position
from core.domain.instrument import InstrumentId
from core.domain.posting import Entry
from core.money import round_price, round_to

ZERO = Decimal(0)
# Finer than any broker's step: a share of a split is a number that ends.
UNITS_STEP = Decimal("0.000000000001")


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


def open_lots(entries: Sequence[Entry]) -> tuple[tuple[Lot, ...], Decimal]:
    """Match sells with the oldest lots (FIFO); gives what is left, and the profit realised.

    Costs include fees; proceeds are after fees. A lot sold in part keeps its cost in proportion, and the last piece takes the
    rest, so that no penny is lost. A split changes the units of each lot in proportion, and neither cost nor day. Entries are
    in effective order. Raises ValueError when more is sold than was held.
    """
    queues: dict[InstrumentId, deque[Lot]] = {}
    realised = ZERO
    came = _units_of_splits(entries)
    for entry in entries:
        if entry.kind == "SPLIT" and entry.instrument is not None:
            _split(
                queues.setdefault(entry.instrument, deque()), entry, came.pop((entry.instrument, entry.session), ZERO)
            )
        elif entry.kind in ("BUY", "SELL") and entry.instrument is not None:
            quantity, cash = _units_and_cash(entry)
            queue = queues.setdefault(entry.instrument, deque())
            if quantity > 0:
                queue.append(Lot(entry.instrument, entry.session, quantity, -cash))
            else:
                realised += cash - _take(queue, -quantity, entry)
    left = tuple(lot for name in sorted(queues) for lot in queues[name])
    return left, realised


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
    quantity = sum((posting.amount for posting in entry.postings if posting.account == "units"), ZERO)
    cash = sum((posting.amount for posting in entry.postings if posting.account == "cash"), ZERO)
    return quantity, cash


def _units_of_splits(entries: Sequence[Entry]) -> dict[tuple[InstrumentId, date], Decimal]:
    """Sum what splits brought by instrument and day: what was posted later of the same split belongs to it."""
    came: dict[tuple[InstrumentId, date], Decimal] = {}
    for entry in entries:
        if entry.kind == "SPLIT" and entry.instrument is not None:
            key = entry.instrument, entry.session
            came[key] = came.get(key, ZERO) + _units_and_cash(entry)[0]
    return came


def _split(queue: deque[Lot], entry: Entry, units: Decimal) -> None:
    """Share the units of a split out over the lots; the last lot takes the rest, so that no unit is lost."""
    held = sum((lot.quantity for lot in queue), ZERO)
    left = held + units
    shares = [round_to(lot.quantity * left / held, UNITS_STEP) for lot in queue][:-1]
    whole = [*shares, left - sum(shares, ZERO)]
    lots = [replace(lot, quantity=share) for lot, share in zip(queue, whole, strict=False)]
    if not lots and units and entry.instrument is not None:
        # A sale from before the split was told after it; until the next settlement the units stand without a cost.
        lots = [Lot(entry.instrument, entry.session, units, ZERO)]
    queue.clear()
    queue.extend(lots)


def _take(queue: deque[Lot], quantity: Decimal, entry: Entry) -> Decimal:
    cost = ZERO
    while quantity > 0:
        if not queue:
            raise ValueError(f"entry {entry.key} sells {quantity} {entry.instrument} more than the book holds")
        lot = queue.popleft()
        if lot.quantity <= quantity:
            cost, quantity = cost + lot.cost, quantity - lot.quantity
            continue
        part = round_price(lot.cost * quantity / lot.quantity)
        queue.appendleft(Lot(lot.instrument, lot.session, lot.quantity - quantity, lot.cost - part))
        cost, quantity = cost + part, ZERO
    return cost

"""Lots: which units a disposal takes, by the method that was chosen, and what they had cost."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from heapq import heapify, heappop, heappush

from core.ledger.question import Method, Part
from core.money import SHARE_STEP, share_of

ZERO = Decimal(0)


@dataclass(slots=True)
class Lot:
    """Units bought together: their cost, fees included, in their own currency and in the base at the day's rate.

    `number` counts the lots as they were made, over all instruments. Where both costs are one they are one object, so that
    a share of them is computed once.
    """

    lot: str
    acquired: date
    number: int
    quantity: Decimal
    cost: Decimal
    cost_base: Decimal

    def join(self, other: Lot) -> None:
        """Take another lot's units and cost in; of the two the first acquired gives the name and the day."""
        if _first(other) < _first(self):
            self.lot, self.acquired, self.number = other.lot, other.acquired, other.number
        self.quantity += other.quantity
        self.bear(other.cost, other.cost_base)

    def bear(self, cost: Decimal, cost_base: Decimal) -> None:
        """Add to the cost, or take off it."""
        is_one = self.cost_base is self.cost and cost_base is cost
        self.cost += cost
        self.cost_base = self.cost if is_one else self.cost_base + cost_base


class Short(ValueError):
    """More units are to be taken than there are; `missing` says how many more."""

    def __init__(self, missing: Decimal) -> None:
        super().__init__(f"{missing} units are missing")
        self.missing = missing


class LotQueue:
    """The lots of one instrument in one account; a disposal takes from them in the order of a method.

    FIFO takes the lot acquired first, LIFO the one acquired last, HIFO the one with the highest cost a unit (of equal
    ones the first), SPECIFIC the named ones. AVERAGE has one lot, at the average cost, dated as the first. UK takes as FIFO
    does: its tax is computed apart, over all taxable accounts. A part of a lot takes its share of the cost, in steps; what
    stays keeps the rest, so that no digit is lost. A disposal costs what it takes, however many lots stay.
    """

    def __init__(self, method: Method, step: Decimal = SHARE_STEP) -> None:
        self.held = ZERO
        self._method, self._step = method, step
        self._lots: deque[Lot] = deque()
        self._added: Lot | None = None

    def __iter__(self) -> Iterator[Lot]:
        """Give the lots by the day on which they were acquired."""
        return iter(self._lots)

    def __len__(self) -> int:
        """Count the lots."""
        return len(self._lots)

    @property
    def last(self) -> Lot:
        """The lot that was added since the last disposal, or else the one that a disposal would reach last."""
        return self._added or self._reached_last()

    def add(self, lot: Lot) -> None:
        """Put a new lot in its place."""
        self.held += lot.quantity
        self._added = lot
        lots = self._lots
        if not lots or lots[-1].acquired <= lot.acquired:
            lots.append(lot)
        else:
            insort(lots, lot, key=_first)

    def rejoin(self, lots: Iterable[Lot]) -> None:
        """Put lots in that came from elsewhere: parts of one lot that meet again are one lot again."""
        mine = {lot.lot: lot for lot in self}
        for lot in lots:
            met = mine.setdefault(lot.lot, lot)
            if met is lot:
                self.add(lot)
            else:
                met.join(lot)
                self.held += lot.quantity
                self._added = met
        self._reorder()

    def take(self, quantity: Decimal, named: Sequence[Part] = ()) -> list[Lot]:
        """Give what a disposal takes, in that order; of the last lot a part. Raises ValueError where units are not there."""
        if self._method == "SPECIFIC":
            taken = self._take_named(quantity, named)
        elif named:
            raise ValueError(f"lots were named, and the method is {self._method}; only SPECIFIC takes them")
        elif quantity > self.held:
            held = sum((lot.quantity for lot in self), ZERO)
            raise ValueError(f"quantity {quantity} is above the {held} held; book the fact that explains the rest")
        else:
            taken = self._take(quantity)
        self.held -= quantity
        self._added = None
        return taken

    def split(self, new: Decimal, old: Decimal) -> None:
        """Make `new` units of each `old`, of all lots together.

        Each lot is told to twelve decimals, and so is their sum: what that leaves goes to the largest (of equal ones the
        newest).
        """
        for lot, units in zip(list(self), self.shares(new, old), strict=True):
            lot.quantity = units
        self.held = share_of(self.held, new, old)
        self._reorder()

    def shares(self, new: Decimal, old: Decimal) -> list[Decimal]:
        """Give `new` units for each `old` of each lot, in the order of the lots; together they are those of all units."""
        lots = list(self)
        units = [share_of(lot.quantity, new, old) for lot in lots]
        most = max(range(len(lots)), key=lambda at: (lots[at].quantity, lots[at].acquired, lots[at].number))
        units[most] += share_of(self.held, new, old) - sum(units, ZERO)
        return units

    def bear(self, costs: Iterable[tuple[Decimal, Decimal]]) -> None:
        """Add to the costs of the lots, in the order of the lots: in their currency, and in the base."""
        for lot, (cost, base) in zip(self, list(costs), strict=True):
            lot.bear(cost, base)
        self._reorder()

    def _take(self, quantity: Decimal) -> list[Lot]:
        return take_in_turn(self._lots, quantity, self._step, is_last_first=self._method == "LIFO")

    def _take_named(self, quantity: Decimal, named: Sequence[Part]) -> list[Lot]:
        total = sum((one.quantity for one in named), ZERO)
        if total != quantity:
            raise ValueError(f"lots add up to {total}, quantity was {quantity}; under SPECIFIC they must be equal")
        left = {lot.lot: lot for lot in self._lots}
        taken: list[Lot] = []
        for one in named:
            lot = left.get(one.lot)
            if lot is None or one.quantity > lot.quantity:
                held = "; ".join(f"{name} has {found.quantity}" for name, found in left.items()) or "there is none"
                raise ValueError(f"lot {one.lot!r} has no {one.quantity} units here; {held}")
            taken.append(left.pop(one.lot) if one.quantity == lot.quantity else part_of(lot, one.quantity, self._step))
        self._lots = deque(left.values())
        return taken

    def _reached_last(self) -> Lot:
        return self._lots[0 if self._method == "LIFO" else -1]

    def _reorder(self) -> None:
        """Put the lots in order anew after lots were joined, or units or costs of them changed."""
        self._lots = deque(sorted(self._lots, key=_first))


class _Average(LotQueue):
    """One lot: what comes joins it."""

    def add(self, lot: Lot) -> None:
        """Join the lot that there is."""
        if self._lots:
            self.held += lot.quantity
            self._lots[0].join(lot)
        else:
            super().add(lot)

    def rejoin(self, lots: Iterable[Lot]) -> None:
        """Join the lot that there is, as all do."""
        for lot in lots:
            self.add(lot)


class _DearestFirst(LotQueue):
    """Lots by their cost a unit, in a heap."""

    def __init__(self, method: Method, step: Decimal = SHARE_STEP) -> None:
        super().__init__(method, step)
        self._heap: list[tuple[Fraction, date, int, Lot]] = []

    def __iter__(self) -> Iterator[Lot]:
        """Give the lots in no order that means anything."""
        return (lot for *_, lot in self._heap)

    def __len__(self) -> int:
        """Count the lots."""
        return len(self._heap)

    def add(self, lot: Lot) -> None:
        """Put a new lot in its place."""
        self.held += lot.quantity
        self._added = lot
        heappush(self._heap, _dearest(lot))

    def _take(self, quantity: Decimal) -> list[Lot]:
        taken = []
        while quantity:
            lot = heappop(self._heap)[-1]
            if lot.quantity > quantity:
                taken.append(part_of(lot, quantity, self._step))
                # Its cost a unit has changed, by a rounding.
                heappush(self._heap, _dearest(lot))
                break
            quantity -= lot.quantity
            taken.append(lot)
        return taken

    def _reached_last(self) -> Lot:
        return max(self._heap)[-1]

    def _reorder(self) -> None:
        self._heap = [_dearest(lot) for lot in self]
        heapify(self._heap)


def queue_for(method: Method) -> LotQueue:
    """Give an empty queue that takes lots as a method says."""
    kinds: dict[Method, type[LotQueue]] = {"HIFO": _DearestFirst, "AVERAGE": _Average}
    return kinds.get(method, LotQueue)(method)


def take_in_turn(lots: deque[Lot], quantity: Decimal, step: Decimal, *, is_last_first: bool = False) -> list[Lot]:
    """Take units off one end of some lots, which stay in their order; raises Short where the units are not there."""
    taken: list[Lot] = []
    at, pop = (-1, lots.pop) if is_last_first else (0, lots.popleft)
    while quantity:
        if not lots:
            raise Short(quantity)
        lot = lots[at]
        if (units := lot.quantity) > quantity:
            taken.append(part_of(lot, quantity, step))
            break
        quantity -= units
        taken.append(pop())
    return taken


def cost_in_turn(lots: deque[Lot], quantity: Decimal, step: Decimal) -> Decimal:
    """Take units off the first end of some lots as `take_in_turn` does, and give what they had cost in their currency."""
    cost = ZERO
    while quantity:
        if not lots:
            raise Short(quantity)
        lot = lots[0]
        if (units := lot.quantity) > quantity:
            part = share_of(lot.cost, quantity, units, step)
            lot.quantity = units - quantity
            lot.cost = lot.cost_base = lot.cost - part
            return cost + part
        lots.popleft()
        quantity -= units
        cost += lot.cost
    return cost


def part_of(lot: Lot, quantity: Decimal, step: Decimal) -> Lot:
    """Take units out of a lot with their share of its cost, in steps; what stays keeps the rest, so that no digit is lost."""
    had, had_base, units = lot.cost, lot.cost_base, lot.quantity
    cost = base = share_of(had, quantity, units, step)
    lot.quantity = units - quantity
    lot.cost = lot.cost_base = had - cost
    if had_base is not had:
        base = share_of(had_base, quantity, units, step)
        lot.cost_base = had_base - base
    return Lot(lot.lot, lot.acquired, lot.number, quantity, cost, base)


def _first(lot: Lot) -> tuple[date, int]:
    return lot.acquired, lot.number


def _dearest(lot: Lot) -> tuple[Fraction, date, int, Lot]:
    # Without units a lot has no cost a unit, and nothing takes it: it stands behind all others.
    unit = Fraction(lot.cost) / Fraction(lot.quantity) if lot.quantity else Fraction(-1)
    return -unit, lot.acquired, lot.number, lot

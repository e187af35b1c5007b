"""Lots: which units a disposal takes, by the method that was chosen, and what they had cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from core.ledger.question import Method, Part
from core.money import share_of


@dataclass(frozen=True)
class Lot:
    """Units bought together: their cost, fees included, in their own currency and in the base at the day's rate."""

    lot: str
    account: str
    instrument: str
    acquired: date
    quantity: Decimal
    currency: str
    cost: Decimal
    cost_base: Decimal
    number: int


def take(lots: Sequence[Lot], quantity: Decimal, method: Method, named: Sequence[Part]) -> tuple[list[Lot], list[Lot]]:
    """Part the lots of one instrument in one account into what a disposal takes, in that order, and what stays.

    FIFO takes the lot acquired first, LIFO the one acquired last, HIFO the one with the highest cost a unit (of equal
    ones the first), SPECIFIC the named ones. AVERAGE has one lot, for `average` has joined them. UK takes as FIFO does:
    its tax is computed apart, over all taxable accounts. A part of a lot takes its share of the cost; what stays keeps
    the rest, so that no digit is lost. Raises ValueError where the units are not there.
    """
    if method == "SPECIFIC":
        return _named(lots, quantity, named)
    if named:
        raise ValueError(f"lots were named, and the method is {method}; only SPECIFIC takes them")
    held = sum((lot.quantity for lot in lots), Decimal(0))
    if quantity > held:
        raise ValueError(f"quantity {quantity} is above the {held} held; book the fact that explains the rest")
    taken: list[Lot] = []
    kept: list[Lot] = []
    left = quantity
    for lot in sorted(lots, key=_ORDER.get(method, _first)):
        part, rest = parted(lot, min(left, lot.quantity))
        left -= part.quantity if part else Decimal(0)
        taken += [part] if part else []
        kept += [rest] if rest else []
    return taken, kept


def parted(lot: Lot, quantity: Decimal) -> tuple[Lot | None, Lot | None]:
    """Part a lot in two, costs included; a side without units is None."""
    if not quantity:
        return None, lot
    if quantity == lot.quantity:
        return lot, None
    cost = share_of(lot.cost, quantity, lot.quantity)
    base = share_of(lot.cost_base, quantity, lot.quantity)
    rest = replace(lot, quantity=lot.quantity - quantity, cost=lot.cost - cost, cost_base=lot.cost_base - base)
    return replace(lot, quantity=quantity, cost=cost, cost_base=base), rest


def split(lots: Sequence[Lot], new: Decimal, old: Decimal) -> list[Lot]:
    """Give the lots of one instrument in one account after a split: `new` units for each `old`, of all of them together.

    Each is told to twelve decimals, and so is their sum: what that leaves goes to the largest (of equal ones the newest).
    """
    parts = [share_of(lot.quantity, new, old) for lot in lots]
    left = share_of(sum((lot.quantity for lot in lots), Decimal(0)), new, old) - sum(parts, Decimal(0))
    most = max(lots, key=lambda lot: (lot.quantity, lot.acquired, lot.number))
    return [replace(lot, quantity=part + left if lot is most else part) for lot, part in zip(lots, parts, strict=True)]


def average(lots: Sequence[Lot]) -> list[Lot]:
    """Join the lots of one instrument in one account into one at their average cost, dated as the first."""
    if not lots:
        return []
    first = min(lots, key=_first)
    joined = replace(
        first,
        quantity=sum((lot.quantity for lot in lots), Decimal(0)),
        cost=sum((lot.cost for lot in lots), Decimal(0)),
        cost_base=sum((lot.cost_base for lot in lots), Decimal(0)),
    )
    return [joined]


def _named(lots: Sequence[Lot], quantity: Decimal, named: Sequence[Part]) -> tuple[list[Lot], list[Lot]]:
    total = sum((one.quantity for one in named), Decimal(0))
    if total != quantity:
        raise ValueError(f"lots add up to {total}, quantity was {quantity}; under SPECIFIC they must be equal")
    left = {lot.lot: lot for lot in lots}
    taken: list[Lot] = []
    for one in named:
        lot = left.get(one.lot)
        if lot is None or one.quantity > lot.quantity:
            held = "; ".join(f"{name} has {found.quantity}" for name, found in left.items()) or "there is none"
            raise ValueError(f"lot {one.lot!r} has no {one.quantity} units here; {held}")
        part, rest = parted(lot, one.quantity)
        taken += [part] if part else []
        left = {name: found for name, found in left.items() if name != one.lot}
        if rest is not None:
            left[one.lot] = rest
    return taken, sorted(left.values(), key=_first)


def _first(lot: Lot) -> tuple[Fraction, date, int]:
    return Fraction(0), lot.acquired, lot.number


def _last(lot: Lot) -> tuple[Fraction, date, int]:
    return Fraction(0), date.fromordinal(date.max.toordinal() + 1 - lot.acquired.toordinal()), -lot.number


def _highest(lot: Lot) -> tuple[Fraction, date, int]:
    return -Fraction(lot.cost) / Fraction(lot.quantity), lot.acquired, lot.number


_ORDER: dict[Method, Callable[[Lot], tuple[Fraction, date, int]]] = {"LIFO": _last, "HIFO": _highest}

"""Reconciling: our books against what the venue says, difference by difference."""

from __future__ import annotations

from decimal import Decimal

from core.domain.holdings import Holdings
from core.domain.venue import AccountSnapshot, Break
from core.settings import Reconciliation

ZERO = Decimal(0)


def breaks_between(ours: Holdings, theirs: AccountSnapshot, tolerances: Reconciliation) -> tuple[Break, ...]:
    """Name every difference beyond the tolerances: positions by instrument, then cash; nothing is netted away."""
    held = ours.quantities()
    seen = {position.instrument: position.quantity for position in theirs.positions}
    found = [
        _position_break(name, held.get(name), seen.get(name), tolerances) for name in sorted(held.keys() | seen.keys())
    ]
    if abs(ours.cash - theirs.cash) > tolerances.cash_tolerance:
        found.append(Break("cash", theirs.account, ours.cash, theirs.cash))
    return tuple(item for item in found if item is not None)


def _position_break(
    name: str, ours: Decimal | None, theirs: Decimal | None, tolerances: Reconciliation
) -> Break | None:
    if abs((ours or ZERO) - (theirs or ZERO)) <= tolerances.units_tolerance:
        return None
    if ours is None:
        return Break("unknown position", name, ZERO, theirs or ZERO)
    if theirs is None:
        return Break("missing position", name, ours, ZERO)
    return Break("quantity", name, ours, theirs)

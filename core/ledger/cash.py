"""Cash movements: whether what a person wants to pay in or take out can be booked on that day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from core.domain.posting import Entry
from core.ledger.positions import holdings_of
from core.money import PENNY

# More than anybody has, and few enough digits to be counted exactly.
AMOUNT_MAX = 10**15


@dataclass(frozen=True)
class Movement:
    """Cash that comes (positive) or goes, in the base currency, and its day."""

    amount: Decimal
    session: date
    base: str


def amount_objection(amount: Decimal) -> str | None:
    """Say why an amount can be no movement, whatever the books hold; a kept one that cannot be posted would stop them all."""
    if amount.is_finite() and 0 < abs(amount) < AMOUNT_MAX and amount % PENNY == 0:
        return None
    return f"the amount was {amount}; it must be other than 0, below {AMOUNT_MAX:,}, in whole pennies or cents"


def movement_objections(
    movement: Movement, entries: Sequence[Entry], *, today: date, closed: date | None
) -> tuple[str, ...]:
    """Say why a movement cannot be booked: a day to come, a day that the venue has closed, more than there is.

    `entries` are the book's in effective order, `closed` is the last session that a simulated venue has told of: what it told
    stands. Cash must suffice at the end of the day itself and of each day since.
    """
    problems, on = [], movement.session
    if on > today:
        problems.append(f"the day was {on}, which is to come; today is {today}")
    if closed is not None and on <= closed:
        first = closed + timedelta(days=1)
        problems.append(f"the day was {on}; the paper venue has closed its books of {closed}, so {first} is the first")
    days = sorted({on} | {entry.session for entry in entries if entry.session > on})
    there = {day: holdings_of((one for one in entries if one.session <= day), base=movement.base).cash for day in days}
    day = min(days, key=lambda day: there[day])
    if movement.amount < 0 and there[day] + movement.amount < 0:
        problems.append(
            f"the amount was {-movement.amount} {movement.base}; on {day} there is {there[day]} {movement.base} to take out"
        )
    return tuple(problems)

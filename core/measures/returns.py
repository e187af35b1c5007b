"""Returns of a pot of money with flows: modified Dietz, its linking into a time-weighted return, and XIRR."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, localcontext
from itertools import pairwise

ZERO, ONE = Decimal(0), Decimal(1)
YEAR = 365
# Below and above these a rate a year is no figure to act on: all lost but a ten-thousandth, a hundred times the money.
LOWEST, HIGHEST = Decimal("-0.9999"), Decimal(100)
_CELLS, _HALVINGS, _DIGITS = 400, 130, 40

Flow = tuple[date, Decimal]


class NotComputable(ValueError):
    """There is no such figure; says why."""


def modified_dietz(begin: Decimal, end: Decimal, flows: Sequence[Flow], period: tuple[date, date]) -> Decimal:
    """Give the return of a period: what was gained over the capital that was there on average.

    (end - begin - sum F) / (begin + sum F w), w = the share of the period's days that a flow was there. A flow of a day
    counts as made at that day's end, so w = (D - d) / D with d days from the begin (Dietz 1968; GIPS Guidance Statement
    on Calculation Methodology). A flow is positive when money comes in. A period without any
    capital has a return of zero if nothing was gained. Raises NotComputable when the average capital is not positive, and
    when more was lost than there was.
    """
    first, last = period
    days = Decimal((last - first).days)
    total = sum((amount for _, amount in flows), ZERO)
    there = sum((amount * (last - day).days for day, amount in flows), ZERO)
    gained, capital = end - begin - total, begin + (there / days if there else ZERO)
    if not gained and not capital:
        return ZERO
    if capital <= 0:
        raise NotComputable(
            f"the average capital from {first} to {last} was {capital:.2f}; a return needs more than zero"
        )
    if gained < -capital:
        raise NotComputable(
            f"from {first} to {last} {-gained:.2f} were lost of {capital:.2f}; no more than all can be lost"
        )
    return gained / capital


def linked(returns: Sequence[Decimal]) -> Decimal:
    """Link the returns of periods that follow each other: the product of (1 + r), less one."""
    product = ONE
    for one in returns:
        product *= ONE + one
    return product - ONE


def a_year(whole: Decimal, days: int) -> Decimal:
    """Give a return over days as one a year, of 365 days; raises NotComputable below a year, as GIPS asks."""
    if days < YEAR:
        raise NotComputable(f"the period has {days} days; a return of less than {YEAR} is not told a year")
    return (ONE + whole) ** (Decimal(YEAR) / days) - ONE


def xirr(flows: Sequence[Flow]) -> Decimal:
    """Give the rate a year at which dated flows are worth nothing today: sum F (1 + r) ** (-days / 365) = 0.

    As the XIRR of spreadsheets: 365 days a year, days from the first flow; what is paid in is negative. Raises
    NotComputable when money goes one way only, when no rate from -99.99 % to 10,000 % solves it, and when several do
    (told apart where they lie more than about 3.5 % from each other).
    """
    days: dict[date, Decimal] = {}
    for day, amount in flows:
        days[day] = days.get(day, ZERO) + amount
    dated = sorted((day, amount) for day, amount in days.items() if amount)
    signs = [amount > 0 for _, amount in dated]
    if len(set(signs)) < 2:
        raise NotComputable("a rate needs money that goes in and money that comes out")
    with localcontext(prec=_DIGITS):
        # One change of sign has one rate at most (Descartes' rule); of more, every cell of the range is looked at.
        cells = 1 if sum(one != two for one, two in pairwise(signs)) == 1 else _CELLS
        low, high = (ONE + LOWEST).ln(), (ONE + HIGHEST).ln()
        edges = [low + (high - low) * cell / cells for cell in range(cells + 1)]
        is_above = [_worth(dated, edge) > 0 for edge in edges]
        found = [at for at in range(cells) if is_above[at] != is_above[at + 1]]
        if not found:
            raise NotComputable("no rate from -99.99 % to 10,000 % a year makes the flows worth nothing")
        if len(found) > 1:
            rates = ", ".join(f"{(edges[at].exp() - 1) * 100:.0f} %" for at in found)
            raise NotComputable(
                f"{len(found)} rates make the flows worth nothing, near {rates}; none of them is the rate"
            )
        return _between(dated, edges[found[0]], edges[found[0] + 1])


def _between(dated: Sequence[Flow], low: Decimal, high: Decimal) -> Decimal:
    """Halve the cell in which the worth changes its sign."""
    is_above = _worth(dated, low) > 0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if (_worth(dated, middle) > 0) == is_above:
            low = middle
        else:
            high = middle
    return ((low + high) / 2).exp() - ONE


def _worth(dated: Sequence[Flow], logarithm: Decimal) -> Decimal:
    """Give what the flows are worth on the first day at a rate of exp(logarithm) - 1."""
    daily = (-logarithm / YEAR).exp()
    worth, later = ZERO, dated[-1][0]
    for day, amount in reversed(dated):
        worth = worth * daily ** (later - day).days + amount
        later = day
    return worth

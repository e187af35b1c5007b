"""The UK's share matching: same day, then the next 30 days, then the section 104 pool, over all taxable accounts.

Taxation of Chargeable Gains Act 1992, sections 104, 105 and 106A; HMRC's Capital Gains Manual CG51550 to CG51590.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from core.ledger.question import Fact, Question, QuestionError, Split, SymbolChange, Transfer
from core.ledger.walk import Acquired, Walk
from core.money import share_of, to_pence

ZERO, NONE = Decimal(0), Fraction(0)
WINDOW = timedelta(days=30)
# Brokers keep twelve decimals of what a split divides, the law all of it: up to here units of a day are the same.
DUST = Fraction(1, 10**9)
SAME_DAY, NEXT_30_DAYS, POOL = "same day", "30 days", "section 104"


@dataclass
class _Bought:
    """All acquisitions of a day: one transaction in law, and what is left of it to identify."""

    units: Fraction = NONE
    cost: Decimal = ZERO

    def take(self, units: Fraction) -> Decimal:
        """Take units out with their share of the cost that is left."""
        cost = _share(self.cost, units, self.units)
        self.units, self.cost = self.units - units, self.cost - cost
        return cost


@dataclass
class _Sold:
    """All disposals of a day: one transaction in law, and what is left of it to identify."""

    units: Fraction = NONE
    left: Fraction = NONE
    proceeds: Decimal = ZERO
    fees: Decimal = ZERO
    facts: list[str] = field(default_factory=list)
    matches: list[tuple[str, date | None, Fraction, Decimal]] = field(default_factory=list)

    def match(self, rule: str, bought: _Bought, units: Fraction, day: date | None) -> None:
        """Identify units with an acquisition, or with the pool."""
        self.matches.append((rule, day, units, bought.take(units)))
        self.left -= units


@dataclass
class _Line:
    """One class of shares through all its names, counted in the units of before any split."""

    bought: dict[date, _Bought] = field(default_factory=dict)
    sold: dict[date, _Sold] = field(default_factory=dict)
    pool: _Bought = field(default_factory=_Bought)


class _Names:
    """Which class of shares a name stands for on a day, and what one first unit has become by then."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        listed = list(facts)
        self._renames = [one for one in listed if isinstance(one, SymbolChange)]
        self._splits = [one for one in listed if isinstance(one, Split)]

    def first(self, name: str, day: date) -> str:
        """Give the first name of what goes by a name on a day."""
        for one in self._renames:
            if one.to == name and one.effective <= day:
                return self.first(one.instrument, one.effective - timedelta(days=1))
        return name

    def last(self, name: str, day: date) -> str:
        """Give the name on a day of what first went by a name."""
        for one in sorted(self._renames, key=lambda one: one.effective):
            if one.instrument == name and one.effective <= day:
                name = one.to
        return name

    def became(self, first: str, day: date) -> Fraction:
        """Give how many units of a day one first unit has become."""
        ratio = Fraction(1)
        for one in self._splits:
            if one.effective <= day and self.first(one.instrument, one.effective) == first:
                ratio *= Fraction(one.new, one.old)
        return ratio


def match_uk(question: Question, facts: Sequence[Fact], walk: Walk) -> dict[str, Any]:
    """Give disposals with what they are identified with, the section 104 pools, and the figures of each tax year.

    Acquisitions of a day are one, and so are disposals (section 105). A disposal is identified with acquisitions of its
    day, then with those of the 30 days after it, the earliest first, of two disposals the earlier first (section 106A),
    then with the pool (section 104). One younger than 30 days at as-of is provisional, for units may still be bought
    back. Openings join the pool and are not matched. A split or another name does not break the window. All in GBP at
    the day's rate; fees of a disposal are allowed as costs. Cash in lieu is a part disposal. Raises QuestionError where
    the base is not GBP, or units move between a taxable account and another, which in law is a disposal.
    """
    _check(question, facts)
    taxable = {one.id for one in question.accounts if one.taxable}
    names = _Names(facts)
    lines: dict[str, _Line] = {}
    for came in walk.acquired:
        if came.account in taxable and came.how == "bought":
            first = names.first(came.instrument, came.day)
            bought = lines.setdefault(first, _Line()).bought.setdefault(came.day, _Bought())
            bought.units += Fraction(came.quantity) / names.became(first, came.day)
            bought.cost += came.cost_base
    for gone in walk.disposals:
        if gone.fact.account in taxable:
            day = gone.fact.effective
            first = names.first(gone.fact.instrument, day)
            sold = lines.setdefault(first, _Line()).sold.setdefault(day, _Sold())
            units = Fraction(gone.quantity) / names.became(first, day)
            sold.units, sold.left = sold.units + units, sold.left + units
            sold.proceeds, sold.fees = sold.proceeds + gone.proceeds * gone.rate, sold.fees + gone.fee * gone.rate
            sold.facts.append(gone.fact.key)
    for first, line in lines.items():
        _identify(first, line, names)
    _pool(lines, [one for one in walk.acquired if one.account in taxable and one.how != "bought"], names)
    disposals = _told(lines, names, question.ask.as_of)
    return {"disposals": disposals, "pools": _pools(lines, names, question.ask.as_of), "years": _years(disposals)}


def tax_year(day: date) -> str:
    """Name the tax year of a day: it begins on 6 April."""
    first = day.year if (day.month, day.day) >= (4, 6) else day.year - 1
    return f"{first}/{first + 1}"


def _check(question: Question, facts: Iterable[Fact]) -> None:
    if question.ask.base != "GBP":
        raise QuestionError(f"ask, base: it was {question.ask.base}; the method UK is told in GBP")
    taxable = {one.id: one.taxable for one in question.accounts}
    for fact in facts:
        if isinstance(fact, Transfer) and fact.instrument and taxable[fact.account] != taxable[fact.to]:
            raise QuestionError(
                f"fact {fact.key!r}: units moved between a taxable account and one that is not; "
                "that is a disposal, book a SELL and a BUY at the price of the day"
            )


def _identify(first: str, line: _Line, names: _Names) -> None:
    """Identify disposals with acquisitions of their day, and what is left with those of the 30 days after."""
    for day, sold in line.sold.items():
        if bought := line.bought.get(day):
            sold.match(SAME_DAY, bought, min(bought.units, sold.left), day)
    for day, sold in sorted(line.sold.items()):
        least = DUST / names.became(first, day)
        for on, bought in sorted(line.bought.items()):
            if day < on <= day + WINDOW and bought.units > least and sold.left > least:
                sold.match(NEXT_30_DAYS, bought, min(bought.units, sold.left), on)


def _pool(lines: dict[str, _Line], others: Sequence[Acquired], names: _Names) -> None:
    """Walk the days: what was not matched joins the pools, and what is still to be identified leaves them."""
    days = {one.day for one in others}
    days |= {day for line in lines.values() for day in (*line.bought, *line.sold)}
    for day in sorted(days):
        _join(lines, [one for one in others if one.day == day], names)
        for first, line in lines.items():
            if bought := line.bought.get(day):
                line.pool.units, line.pool.cost = line.pool.units + bought.units, line.pool.cost + bought.cost
            sold = line.sold.get(day)
            if sold and sold.left:
                _leave(line.pool, sold, names.became(first, day))


def _leave(pool: _Bought, sold: _Sold, ratio: Fraction) -> None:
    """Identify what is left of a disposal with the pool; all of it, where they differ by what a broker cannot divide."""
    differs = (pool.units - sold.left) * ratio
    if differs < -DUST:
        raise ArithmeticError(f"the disposal {sold.facts} takes {sold.left} from a pool of {pool.units}")
    cost = pool.take(pool.units if differs <= DUST else sold.left)
    sold.matches.append((POOL, None, sold.left, cost))
    sold.left = NONE


def _join(lines: dict[str, _Line], others: Sequence[Acquired], names: _Names) -> None:
    """Let a pool take what was spun off, what it opened with, and income that adds to its cost."""
    shares: dict[tuple[str, str], Decimal] = {}
    for one in others:
        first = names.first(one.instrument, one.day)
        line = lines.setdefault(first, _Line())
        line.pool.units += Fraction(one.quantity) / names.became(first, one.day)
        line.pool.cost += one.cost_base
        if one.how == "spun":
            shares[names.first(one.parent, one.day), first] = one.share
    for (parent, child), share in shares.items():
        moved = lines[parent].pool.cost * share if parent in lines else ZERO
        if parent in lines:
            lines[parent].pool.cost -= moved
        lines[child].pool.cost += moved


def _told(lines: dict[str, _Line], names: _Names, as_of: date) -> list[dict[str, Any]]:
    rows = []
    for day, first in sorted((day, first) for first, line in lines.items() for day in line.sold):
        found, ratio = lines[first].sold[day], names.became(first, day)
        cost = sum((match[3] for match in found.matches), ZERO)
        matches = [
            {"rule": rule, "acquired": on, "quantity": _decimal(units * ratio), "cost": part}
            for rule, on, units, part in found.matches
            if units
        ]
        rows.append(
            {
                "instrument": names.last(first, day),
                "date": day,
                "tax_year": tax_year(day),
                "facts": sorted(found.facts),
                "quantity": _decimal(found.units * ratio),
                "proceeds": found.proceeds,
                "fees": found.fees,
                "cost": cost,
                "gain": found.proceeds - found.fees - cost,
                "provisional": as_of < day + WINDOW,
                "matches": matches,
            }
        )
    return rows


def _pools(lines: dict[str, _Line], names: _Names, as_of: date) -> list[dict[str, Any]]:
    rows = [
        {
            "instrument": names.last(first, as_of),
            "quantity": _decimal(line.pool.units * names.became(first, as_of)),
            "cost": line.pool.cost,
        }
        for first, line in lines.items()
        if line.pool.units
    ]
    return sorted(rows, key=lambda row: str(row["instrument"]))


def _years(disposals: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the figures of the capital-gains pages for each tax year, to the penny: costs include the fees of disposals."""
    rows = []
    for year in sorted({one["tax_year"] for one in disposals}):
        mine = [one for one in disposals if one["tax_year"] == year]
        gains = [one["gain"] for one in mine]
        rows.append(
            {
                "tax_year": year,
                "disposals": len(mine),
                "provisional": sum(one["provisional"] for one in mine),
                "proceeds": to_pence(sum((one["proceeds"] for one in mine), ZERO)),
                "costs": to_pence(sum((one["cost"] + one["fees"] for one in mine), ZERO)),
                "gains": to_pence(sum((gain for gain in gains if gain > 0), ZERO)),
                "losses": to_pence(-sum((gain for gain in gains if gain < 0), ZERO)),
                "net": to_pence(sum(gains, ZERO)),
            }
        )
    return rows


def _share(amount: Decimal, part: Fraction, whole: Fraction) -> Decimal:
    if not part:
        return ZERO
    return share_of(amount, Decimal(part.numerator * whole.denominator), Decimal(part.denominator * whole.numerator))


def _decimal(units: Fraction) -> Decimal:
    return share_of(Decimal(units.numerator), Decimal(1), Decimal(units.denominator))

"""The UK's share matching: same day, then the next 30 days, then the section 104 pool, over all taxable accounts.

Taxation of Chargeable Gains Act 1992, sections 104, 105 and 106A; HMRC's Capital Gains Manual CG51550 to CG51590.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from math import lcm
from typing import Any

from core.ledger.question import Fact, Question, QuestionError, Split, SymbolChange, Transfer
from core.ledger.walk import Acquired, Walk
from core.money import share_of, to_pence

ZERO, ONE = Decimal(0), Decimal(1)
WINDOW = timedelta(days=30)
# Quantities have twelve decimals.
PARTS, PART = 10**12, Decimal("0.000000000001")
# Brokers keep twelve decimals of what a split divides, the law all of it: up to here units of a day are the same.
DUST = Decimal("0.000000001")
SAME_DAY, NEXT_30_DAYS, POOL = "same day", "30 days", "section 104"


@dataclass(slots=True)
class _Bought:
    """All acquisitions of a day: one transaction in law, and what is left of it to identify."""

    units: int = 0
    cost: Decimal = ZERO

    def take(self, units: int) -> Decimal:
        """Take units out with their share of the cost that is left."""
        cost = share_of(self.cost, Decimal(units), Decimal(self.units)) if units else ZERO
        self.units, self.cost = self.units - units, self.cost - cost
        return cost


@dataclass(slots=True)
class _Sold:
    """All disposals of a day: one transaction in law, and what is left of it to identify."""

    units: int = 0
    left: int = 0
    proceeds: Decimal = ZERO
    fees: Decimal = ZERO
    facts: list[str] = field(default_factory=list)
    matches: list[tuple[str, date | None, int, Decimal]] = field(default_factory=list)

    def match(self, rule: str, bought: _Bought, units: int, day: date | None) -> None:
        """Identify units with an acquisition, or with the pool."""
        self.matches.append((rule, day, units, bought.take(units)))
        self.left -= units


class _Line:
    """One class of shares through all its names, counted in parts so small that no split of it leaves a fraction of one.

    `changes` says what a unit of before any split had become, and from which day on.
    """

    def __init__(self, changes: Sequence[tuple[date, Fraction]]) -> None:
        became = [Fraction(1), *(ratio for _, ratio in changes)]
        scale = PARTS * lcm(*(ratio.numerator for ratio in became))
        self._days = [day for day, _ in changes]
        self._parts = [Decimal(scale * ratio.denominator // ratio.numerator) for ratio in became]
        self.bought: dict[date, _Bought] = {}
        self.sold: dict[date, _Sold] = {}
        self.pool = _Bought()

    def parts(self, quantity: Decimal, day: date) -> int:
        """Give units of a day in parts."""
        told = quantity * self._unit(day)
        parts = int(told)
        if parts != told:
            raise ArithmeticError(f"{quantity} units have more than twelve decimals")
        return parts

    def units(self, parts: int, day: date) -> Decimal:
        """Give parts in units of a day."""
        return share_of(Decimal(parts), ONE, self._unit(day)) if self._days else Decimal(parts) * PART

    def dust(self, day: date) -> int:
        """Give up to how many parts are nothing on a day."""
        return int(DUST * self._unit(day))

    def _unit(self, day: date) -> Decimal:
        """Give how many parts a unit of a day has."""
        return self._parts[bisect_right(self._days, day) if self._days else 0]


class _Names:
    """Which class of shares a name stands for on a day, and what one first unit has become by then."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.renames = sorted((one for one in facts if type(one) is SymbolChange), key=lambda one: one.effective)
        self._splits = sorted((one for one in facts if type(one) is Split), key=lambda one: one.effective)

    def first(self, name: str, day: date) -> str:
        """Give the first name of what goes by a name on a day."""
        for one in self.renames:
            if one.to == name and one.effective <= day:
                return self.first(one.instrument, one.effective - timedelta(days=1))
        return name

    def last(self, name: str, day: date) -> str:
        """Give the name on a day of what first went by a name."""
        for one in self.renames:
            if one.instrument == name and one.effective <= day:
                name = one.to
        return name

    def line(self, first: str) -> _Line:
        """Give the empty line of a class, with what its splits made of a first unit."""
        changes: list[tuple[date, Fraction]] = []
        ratio = Fraction(1)
        for one in self._splits:
            if self.first(one.instrument, one.effective) == first:
                ratio *= Fraction(one.new, one.old)
                changes.append((one.effective, ratio))
        return _Line(changes)


class _Lines(dict[str, _Line]):
    """The lines by the first names of their classes."""

    def __init__(self, names: _Names) -> None:
        super().__init__()
        self.names = names

    def of(self, name: str, day: date) -> _Line:
        """Give the line of what goes by a name on a day."""
        first = self.names.first(name, day) if self.names.renames else name
        line = self.get(first)
        if line is None:
            line = self[first] = self.names.line(first)
        return line


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
    lines = _Lines(_Names(facts))
    for buy, cost in walk.bought:
        if buy.account in taxable:
            day = buy.effective
            line = lines.of(buy.instrument, day)
            bought = line.bought.get(day)
            if bought is None:
                bought = line.bought[day] = _Bought()
            bought.units += line.parts(buy.quantity, day)
            bought.cost += cost
    for gone in walk.disposals:
        fact = gone.fact
        if fact.account in taxable:
            day = fact.effective
            line = lines.of(fact.instrument, day)
            sold = line.sold.get(day)
            if sold is None:
                sold = line.sold[day] = _Sold()
            sold.units += line.parts(gone.quantity, day)
            sold.proceeds += gone.proceeds * gone.rate
            sold.fees += gone.fee * gone.rate
            sold.facts.append(fact.key)
    for line in lines.values():
        _identify(line)
    _pool(lines, [one for one in walk.acquired if one.account in taxable])
    disposals = _told(lines, question.ask.as_of)
    return {"disposals": disposals, "pools": _pools(lines, question.ask.as_of), "years": _years(disposals)}


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


def _identify(line: _Line) -> None:
    """Identify disposals with acquisitions of their day, and what is left with those of the 30 days after."""
    for day, sold in line.sold.items():
        sold.left = sold.units
        if bought := line.bought.get(day):
            sold.match(SAME_DAY, bought, min(bought.units, sold.left), day)
    days = sorted(line.bought)
    for day, sold in sorted(line.sold.items()):
        least = line.dust(day)
        for on in days[bisect_right(days, day) : bisect_right(days, day + WINDOW)]:
            if sold.left <= least:
                break
            bought = line.bought[on]
            if bought.units > least:
                sold.match(NEXT_30_DAYS, bought, min(bought.units, sold.left), on)


def _pool(lines: _Lines, others: Sequence[Acquired]) -> None:
    """Walk the days: what was not matched joins the pools, and what is still to be identified leaves them."""
    days: dict[date, list[_Line]] = {one.day: [] for one in others}
    for line in lines.values():
        for day in line.bought.keys() | line.sold.keys():
            days.setdefault(day, []).append(line)
    came = {day: list(found) for day, found in groupby(others, key=lambda one: one.day)}
    for day in sorted(days):
        _join(lines, came.get(day, ()))
        for line in days[day]:
            if bought := line.bought.get(day):
                line.pool.units, line.pool.cost = line.pool.units + bought.units, line.pool.cost + bought.cost
            sold = line.sold.get(day)
            if sold and sold.left:
                _leave(line, sold, day)


def _leave(line: _Line, sold: _Sold, day: date) -> None:
    """Identify what is left of a disposal with the pool; all of it, where they differ by what a broker cannot divide."""
    pool, left, dust = line.pool, sold.left, line.dust(day)
    if left - pool.units > dust:
        told = f"{line.units(left, day):f} from a pool of {line.units(pool.units, day):f}"
        raise ArithmeticError(f"the disposal {sold.facts} takes {told}")
    cost = pool.take(pool.units if pool.units - left <= dust else left)
    sold.matches.append((POOL, None, left, cost))
    sold.left = 0


def _join(lines: _Lines, others: Sequence[Acquired]) -> None:
    """Let a pool take what was spun off, what it opened with, and income that adds to its cost."""
    shares: dict[tuple[str, str], Decimal] = {}
    for one in others:
        line = lines.of(one.instrument, one.day)
        line.pool.units += line.parts(one.quantity, one.day)
        line.pool.cost += one.cost_base
        if one.how == "spun":
            shares[lines.names.first(one.parent, one.day), lines.names.first(one.instrument, one.day)] = one.share
    for (parent, child), share in shares.items():
        moved = lines[parent].pool.cost * share if parent in lines else ZERO
        if parent in lines:
            lines[parent].pool.cost -= moved
        lines[child].pool.cost += moved


def _told(lines: _Lines, as_of: date) -> list[dict[str, Any]]:
    rows = []
    for day, first in sorted((day, first) for first, line in lines.items() for day in line.sold):
        line = lines[first]
        found, cost, matches = line.sold[day], ZERO, []
        for rule, on, parts, part in found.matches:
            cost += part
            if parts:
                told = line.units(parts, day)
                matches.append({"rule": rule, "acquired": on, "quantity": told, "cost": part})
        rows.append(
            {
                "instrument": lines.names.last(first, day),
                "date": day,
                "tax_year": tax_year(day),
                "facts": sorted(found.facts),
                "quantity": line.units(found.units, day),
                "proceeds": found.proceeds,
                "fees": found.fees,
                "cost": cost,
                "gain": found.proceeds - found.fees - cost,
                "provisional": as_of < day + WINDOW,
                "matches": matches,
            }
        )
    return rows


def _pools(lines: _Lines, as_of: date) -> list[dict[str, Any]]:
    rows = [
        {
            "instrument": lines.names.last(first, as_of),
            "quantity": line.units(line.pool.units, as_of),
            "cost": line.pool.cost,
        }
        for first, line in lines.items()
        if line.pool.units
    ]
    return sorted(rows, key=lambda row: str(row["instrument"]))


def _years(disposals: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the figures of the capital-gains pages for each tax year, to the penny: costs include the fees of disposals."""
    by_year: dict[str, list[dict[str, Any]]] = {}
    for one in disposals:
        by_year.setdefault(one["tax_year"], []).append(one)
    rows = []
    for year, mine in sorted(by_year.items()):
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

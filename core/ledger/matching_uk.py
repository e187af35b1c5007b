"""The UK's share matching: same day, then the next 30 days, then the section 104 pool, over all taxable accounts.

Taxation of Chargeable Gains Act 1992, sections 104, 105 and 106A; HMRC's Capital Gains Manual CG51550 to CG51590.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from math import lcm
from typing import Any

from core.ledger.question import Buy, Fact, Question, QuestionError, Split, SymbolChange, Transfer
from core.ledger.walk import Acquired, Disposal, Walk
from core.money import share_of, to_pence

ZERO, ONE = Decimal(0), Decimal(1)
WINDOW = timedelta(days=30)
# Brokers keep twelve decimals of what a split divides, the law all of it: up to here units of a day are the same.
DUST = Decimal("0.000000001")
SAME_DAY, NEXT_30_DAYS, POOL = "same day", "30 days", "section 104"


@dataclass(slots=True)
class _Bought:
    """All acquisitions of a day: one transaction in law, and what is left of it to identify; or the pool."""

    day: date
    parts: Decimal
    cost: Decimal

    def add(self, parts: Decimal, cost: Decimal) -> None:
        """Take more in."""
        self.parts += parts
        self.cost += cost

    def take(self, parts: Decimal) -> Decimal:
        """Take parts out with their share of the cost that is left."""
        if not parts:
            return ZERO
        if parts == self.parts:
            cost, self.parts, self.cost = self.cost, ZERO, ZERO
            return cost
        cost = share_of(self.cost, parts, self.parts)
        self.parts -= parts
        self.cost -= cost
        return cost


@dataclass(slots=True)
class _Sold:
    """All disposals of a day: one transaction in law, what is left of it to identify, and what it is identified with."""

    day: date
    parts: Decimal
    left: Decimal
    proceeds: Decimal
    fees: Decimal
    facts: list[str]
    matches: list[dict[str, Any]]


@dataclass(slots=True)
class _Year:
    """The figures of the capital-gains pages for a tax year: costs include the fees of disposals."""

    name: str
    disposals: int = 0
    provisional: int = 0
    proceeds: Decimal = ZERO
    costs: Decimal = ZERO
    gains: Decimal = ZERO
    net: Decimal = ZERO

    def add(self, proceeds: Decimal, costs: Decimal, gain: Decimal, is_provisional: bool) -> None:
        """Count a disposal."""
        self.disposals += 1
        self.provisional += is_provisional
        self.proceeds += proceeds
        self.costs += costs
        self.net += gain
        if gain > ZERO:
            self.gains += gain

    def told(self) -> dict[str, Any]:
        """Give the figures to the penny."""
        return {
            "tax_year": self.name,
            "disposals": self.disposals,
            "provisional": self.provisional,
            "proceeds": to_pence(self.proceeds),
            "costs": to_pence(self.costs),
            "gains": to_pence(self.gains),
            "losses": to_pence(self.gains - self.net),
            "net": to_pence(self.net),
        }


class _Line:
    """One class of shares through all its names, counted in parts so small that no split of it leaves a fraction of one.

    A unit of a class that never split is one part. `changes` says what a unit of before any split had become, and from which
    day on.
    """

    def __init__(self, first: str, changes: Sequence[tuple[date, Fraction]]) -> None:
        self.first = first
        became = [Fraction(1), *(ratio for _, ratio in changes)]
        scale = lcm(*(ratio.numerator for ratio in became))
        self._days = [day for day, _ in changes]
        self._parts = [Decimal(scale * ratio.denominator // ratio.numerator) for ratio in became]
        # By days, in their order.
        self.bought: dict[date, _Bought] = {}
        self.sold: dict[date, _Sold] = {}
        # Those of them that were not all matched, and are not yet pooled.
        self.is_identified = False
        self.to_join: deque[_Bought] = deque()
        self.to_leave: deque[_Sold] = deque()
        self.pool = _Bought(date.min, ZERO, ZERO)

    def parts(self, quantity: Decimal, day: date) -> Decimal:
        """Give units of a day in parts."""
        return quantity * self._unit(day) if self._days else quantity

    def units(self, parts: Decimal, day: date) -> Decimal:
        """Give parts in units of a day."""
        return share_of(parts, ONE, self._unit(day)) if self._days else parts

    def dust(self, day: date) -> Decimal:
        """Give up to how many parts are nothing on a day."""
        return DUST * self._unit(day) if self._days else DUST

    def _unit(self, day: date) -> Decimal:
        """Give how many parts a unit of a day has."""
        return self._parts[bisect_right(self._days, day)]


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
        return _Line(first, changes)


class _Lines(dict[str, _Line]):
    """The lines by the first names of their classes; one that is asked for is there."""

    def __init__(self, names: _Names) -> None:
        super().__init__()
        self.names = names

    def __missing__(self, first: str) -> _Line:
        """Begin the line of a class."""
        line = self[first] = self.names.line(first)
        return line

    def of(self, name: str, day: date) -> _Line:
        """Give the line of what goes by a name on a day."""
        return self[self.names.first(name, day) if self.names.renames else name]


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
    _add_bought(lines, walk.bought, taxable)
    _add_sold(lines, walk.disposals, taxable)
    _pool_unbought(lines, [one for one in walk.acquired if one.account in taxable])
    as_of = question.ask.as_of
    years: dict[str, _Year] = {}
    disposals = _told(lines, as_of, years)
    return {
        "disposals": disposals,
        "pools": _pools(lines, as_of),
        "years": [year.told() for _, year in sorted(years.items())],
    }


def tax_year(day: date) -> str:
    """Name the tax year of a day: it begins on 6 April."""
    first = day.year if (day.month, day.day) >= (4, 6) else day.year - 1
    return f"{first}/{first + 1}"


def _check(question: Question, facts: Iterable[Fact]) -> None:
    if question.ask.base != "GBP":
        raise QuestionError(f"ask, base: it was {question.ask.base}; the method UK is told in GBP")
    taxable = {one.id: one.taxable for one in question.accounts}
    if len(set(taxable.values())) == 1:
        return
    for fact in facts:
        if isinstance(fact, Transfer) and fact.instrument and taxable[fact.account] != taxable[fact.to]:
            raise QuestionError(
                f"fact {fact.key!r}: units moved between a taxable account and one that is not; "
                "that is a disposal, book a SELL and a BUY at the price of the day"
            )


def _add_bought(lines: _Lines, purchases: Iterable[tuple[Buy, Decimal]], taxable: Set[str]) -> None:
    """Put purchases and their costs, in the order of their days, where they belong."""
    for fact, cost in purchases:
        if fact.account in taxable:
            day = fact.effective
            line = lines.of(fact.instrument, day)
            parts = line.parts(fact.quantity, day)
            bought = line.bought.get(day)
            if bought is None:
                line.bought[day] = _Bought(day, parts, cost)
            else:
                bought.add(parts, cost)


def _add_sold(lines: _Lines, disposals: Iterable[Disposal], taxable: Set[str]) -> None:
    """Put disposals, in the order of their days, where they belong."""
    for one in disposals:
        fact = one.fact
        if fact.account in taxable:
            day, rate = fact.effective, one.rate
            line = lines.of(fact.instrument, day)
            parts = line.parts(one.quantity, day)
            proceeds, fees = one.proceeds * rate, one.fee * rate
            sold = line.sold.get(day)
            if sold is None:
                line.sold[day] = _Sold(day, parts, parts, proceeds, fees, [fact.key], [])
            else:
                sold.parts += parts
                sold.left += parts
                sold.proceeds += proceeds
                sold.fees += fees
                sold.facts.append(fact.key)


def _identify(line: _Line) -> None:
    """Identify disposals with acquisitions of their day, and what is left with those of the 30 days after."""
    for day in line.sold.keys() & line.bought.keys():
        _match(line, line.sold[day], line.bought[day], SAME_DAY)
    came, behind = list(line.bought.items()), 0
    for day, sold in line.sold.items():
        least = line.dust(day)
        if sold.left <= least:
            continue
        # What came by this day, or is identified to the last part, counts for no later disposal either.
        while behind < len(came) and (came[behind][0] <= day or not came[behind][1].parts):
            behind += 1
        last = day + WINDOW
        for at in range(behind, len(came)):
            on, bought = came[at]
            if on > last or sold.left <= least:
                break
            if bought.parts > least:
                _match(line, sold, bought, NEXT_30_DAYS)
    line.is_identified = True
    line.to_join.extend(one for one in line.bought.values() if one.parts)
    line.to_leave.extend(one for one in line.sold.values() if one.left)


def _match(line: _Line, sold: _Sold, bought: _Bought, rule: str) -> None:
    """Identify as much as there is of a disposal with an acquisition."""
    had, left = bought.parts, sold.left
    parts = had if had < left else left
    sold.left = left - parts
    told = line.units(parts, sold.day)
    sold.matches.append({"rule": rule, "acquired": bought.day, "quantity": told, "cost": bought.take(parts)})


def _pool_unbought(lines: _Lines, others: Sequence[Acquired]) -> None:
    """Let what came unbought join the pools, before the rest of its day; only the pools that it touches are walked."""
    for day, found in groupby(others, key=lambda one: one.day):
        _join(lines, day, list(found))


def _pool_until(line: _Line, last: date) -> None:
    """Walk a line's pool to the end of a day: what was not matched joins it, what is still to be identified leaves it."""
    if not line.is_identified:
        _identify(line)
    while line.to_leave and line.to_leave[0].day <= last:
        sold = line.to_leave.popleft()
        _join_until(line, sold.day)
        _leave(line, sold)
    _join_until(line, last)


def _join_until(line: _Line, last: date) -> None:
    """Let a pool take what was bought to the end of a day and not matched."""
    while line.to_join and line.to_join[0].day <= last:
        bought = line.to_join.popleft()
        line.pool.add(bought.parts, bought.cost)


def _leave(line: _Line, sold: _Sold) -> None:
    """Identify what is left of a disposal with the pool; all of it, where they differ by what a broker cannot divide."""
    pool, left, day = line.pool, sold.left, sold.day
    over, dust = pool.parts - left, line.dust(day)
    if -over > dust:
        told = f"{line.units(left, day):f} from a pool of {line.units(pool.parts, day):f}"
        raise ArithmeticError(f"the disposal {sold.facts} takes {told}")
    cost = pool.take(pool.parts if over <= dust else left)
    sold.matches.append({"rule": POOL, "acquired": None, "quantity": line.units(left, day), "cost": cost})
    sold.left = ZERO


def _join(lines: _Lines, day: date, others: Sequence[Acquired]) -> None:
    """Let a pool take what was spun off, what it opened with, and income that adds to its cost."""
    evening = day - timedelta(days=1)
    shares: dict[tuple[str, str], Decimal] = {}
    for one in others:
        line = lines.of(one.instrument, day)
        _pool_until(line, evening)
        line.pool.add(line.parts(one.quantity, day), one.cost_base)
        if one.how == "spun":
            shares[lines.names.first(one.parent, day), line.first] = one.share
    for (parent, child), share in shares.items():
        if parent in lines:
            _pool_until(lines[parent], evening)
            moved = lines[parent].pool.cost * share
            lines[parent].pool.cost -= moved
            lines[child].pool.cost += moved


def _told(lines: _Lines, as_of: date, years: dict[str, _Year]) -> list[dict[str, Any]]:
    """Give the disposals by days, and those of a day by the first names of their classes."""
    days: dict[date, tuple[_Year, bool, list[dict[str, Any]]]] = {}
    for _, line in sorted(lines.items()):
        _pool_until(line, date.max)
        for day, sold in line.sold.items():
            found = days.get(day)
            if found is None:
                name = tax_year(day)
                found = days[day] = years.setdefault(name, _Year(name)), as_of < day + WINDOW, []
            year, is_provisional, rows = found
            rows.append(_row(lines, line, sold, (year, is_provisional)))
    return [row for _, (_, _, rows) in sorted(days.items()) for row in rows]


def _row(lines: _Lines, line: _Line, sold: _Sold, of: tuple[_Year, bool]) -> dict[str, Any]:
    year, is_provisional = of
    names, day, matches = lines.names, sold.day, sold.matches
    proceeds, fees, cost = sold.proceeds, sold.fees, matches[0]["cost"]
    for one in matches[1:]:
        cost += one["cost"]
    gain = proceeds - fees - cost
    year.add(proceeds, cost + fees, gain, is_provisional)
    return {
        "instrument": names.last(line.first, day) if names.renames else line.first,
        "date": day,
        "tax_year": year.name,
        "facts": sorted(sold.facts),
        "quantity": line.units(sold.parts, day),
        "proceeds": proceeds,
        "fees": fees,
        "cost": cost,
        "gain": gain,
        "provisional": is_provisional,
        "matches": matches,
    }


def _pools(lines: _Lines, as_of: date) -> list[dict[str, Any]]:
    rows = [
        {
            "instrument": lines.names.last(first, as_of),
            "quantity": line.units(line.pool.parts, as_of),
            "cost": line.pool.cost,
        }
        for first, line in lines.items()
        if line.pool.parts
    ]
    return sorted(rows, key=lambda row: str(row["instrument"]))

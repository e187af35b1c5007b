"""Reconciling: our books against what the venue says, difference by difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from core.canonical import plain_decimal
from core.domain.instrument import Currency, InstrumentId
from core.domain.market import Mark
from core.domain.posting import Entry
from core.domain.venue import AccountSnapshot, Break, StatedCash, StatedPosition
from core.money import BPS
from core.settings import Reconciliation

T = TypeVar("T")
ZERO = Decimal(0)
PLACES_MAX = 5


@dataclass(frozen=True)
class Ours:
    """What the books of an account hold together: units by instrument and cash by currency, without zeros."""

    units: Mapping[InstrumentId, Decimal]
    cash: Mapping[Currency, Decimal]
    base: Currency
    books: int = 1


@dataclass(frozen=True)
class Independent:
    """What neither our books nor the venue told: currencies of the universe, marks in them, units of a currency for one base.

    Nothing is judged that is not here: without a mark no price, without a rate no share of equity.
    """

    currencies: Mapping[InstrumentId, Currency] = field(default_factory=dict)
    marks: Mapping[InstrumentId, Mark] = field(default_factory=dict)
    rates: Mapping[Currency, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Compared:
    """One line of a comparison: what we hold, what the venue says, and what it is worth; values in `currency`.

    `theirs_value` is at the venue's own prices, `ours_value` at our marks; None where there is no such price.
    """

    subject: str
    is_cash: bool
    ours: Decimal
    theirs: Decimal
    currency: Currency | None
    mark: Mark | None
    ours_value: Decimal | None
    theirs_value: Decimal | None

    @property
    def difference(self) -> Decimal:
        """Give what the venue says more than we hold."""
        return self.theirs - self.ours

    @property
    def value_difference(self) -> Decimal | None:
        """Give by how much more the venue values it than we do."""
        if self.ours_value is None or self.theirs_value is None:
            return None
        return self.theirs_value - self.ours_value


@dataclass(frozen=True)
class Comparison:
    """A comparison of an account: every line of it, those that agree too, and every break."""

    lines: tuple[Compared, ...]
    breaks: tuple[Break, ...]


def ours_of(books: Sequence[Iterable[Entry]], *, base: Currency) -> Ours:
    """Sum the entries of an account's books into what they hold together."""
    units: dict[InstrumentId, Decimal] = {}
    cash: dict[Currency, Decimal] = {}
    for entries in books:
        for entry in entries:
            for posting in entry.postings:
                if posting.account in ("units", "cash"):
                    held = units if posting.account == "units" else cash
                    held[posting.commodity] = held.get(posting.commodity, ZERO) + posting.amount
    return Ours(_not_zero(units), _not_zero(cash), base, len(books))


def compare(
    ours: Ours, theirs: AccountSnapshot, tolerances: Reconciliation, independent: Independent | None = None
) -> Comparison:
    """Compare line by line and name every difference beyond the tolerances; nothing is netted away.

    Positions come first, by instrument: units, then the venue's currency, then its price; then ids that stand twice; then
    cash by currency. Where several books share the account, more at the venue than they hold together is `unallocated`.
    """
    given = independent or Independent()
    rows = _rows(theirs)
    own: dict[InstrumentId, list[StatedPosition]] = {name: [] for name in ours.units}
    for row in rows:
        own.setdefault(row.instrument, []).append(row)
    cash = _summed((row.currency, row.amount) for row in _cash(theirs, ours.base))
    held = [_position_line(name, ours, own[name], given) for name in sorted(own)]
    money = [_cash_line(name, ours, cash) for name in sorted(ours.cash.keys() | cash.keys())]
    breaks: list[Break] = []
    for line in held:
        breaks += [_units_break(line, ours)] if abs(line.difference) > tolerances.units_tolerance else []
        breaks += _stated_breaks(line, own[line.subject], tolerances)
    breaks += _doubles(rows)
    equity = _equity(ours, given)
    for line in money:
        room = _cash_room(line.subject, equity, tolerances, given)
        breaks += [_cash_break(line, ours)] if abs(line.difference) > room else []
    return Comparison((*held, *money), tuple(breaks))


def strictest(all_of: Sequence[Reconciliation]) -> Reconciliation:
    """Give the smallest of each tolerance: an account is as strict as the strictest of its books."""
    first, *others = all_of
    smallest = {name: min(getattr(one, name) for one in all_of) for name in type(first).model_fields}
    return first.model_copy(update=smallest) if others else first


def _stated_breaks(line: Compared, rows: Sequence[StatedPosition], tolerances: Reconciliation) -> Iterator[Break]:
    """Give the currencies that are not the universe's, and the prices too far from our mark, each once."""
    said = _in_order(row.currency for row in rows if row.currency is not None)
    if line.currency is not None:
        yield from (Break("currency", line.subject, line.currency, one) for one in said if one != line.currency)
    if line.mark is not None:
        # A price in another currency than the mark's says nothing beside it: the currency is the break.
        prices = _in_order(row.price for row in rows if row.price is not None and row.currency == line.currency)
        mark = line.mark.price
        room, ours = mark * tolerances.price_tolerance_bps * BPS, f"{plain_decimal(mark)} of {line.mark.session}"
        yield from (Break("price", line.subject, ours, one) for one in prices if abs(one - mark) > room)


def _units_break(line: Compared, ours: Ours) -> Break:
    if ours.books > 1 and line.difference > 0:
        return Break("unallocated", line.subject, line.ours, line.theirs)
    if line.ours == 0:
        return Break("unknown position", line.subject, ZERO, line.theirs)
    if line.theirs == 0:
        return Break("missing position", line.subject, line.ours, ZERO)
    return Break("quantity", line.subject, line.ours, line.theirs)


def _cash_break(line: Compared, ours: Ours) -> Break:
    is_more = ours.books > 1 and line.difference > 0
    return Break("unallocated" if is_more else "cash", line.subject, line.ours, line.theirs)


def _cash_room(currency: Currency, equity: Decimal | None, tolerances: Reconciliation, given: Independent) -> Decimal:
    """Give how far cash of a currency may differ: the fixed amount, or the share of equity if that is more."""
    rate = given.rates.get(currency)
    if equity is None or rate is None:
        return tolerances.cash_tolerance
    return max(tolerances.cash_tolerance, equity * tolerances.cash_tolerance_bps * BPS * rate)


def _doubles(rows: Sequence[StatedPosition]) -> list[Break]:
    places: dict[str, list[str]] = {}
    for row in rows:
        if row.broker_id is not None:
            places.setdefault(row.broker_id, []).append(row.place)
    return [Break("duplicate broker id", name, "1", _few(found)) for name, found in places.items() if len(found) > 1]


def _few(places: Sequence[str]) -> str:
    """Name some places and say how many more there are: the words stand on tickets."""
    more = [f"and {len(places) - PLACES_MAX} more"] if len(places) > PLACES_MAX else []
    return ", ".join([*places[:PLACES_MAX], *more])


def _equity(ours: Ours, given: Independent) -> Decimal | None:
    """Give what the books hold in the base currency, or None where a mark or a rate is lacking."""
    worth = ZERO
    for name, units in ours.units.items():
        mark, rate = given.marks.get(name), given.rates.get(given.currencies.get(name, ""))
        if mark is None or rate is None:
            return None
        worth += units * mark.price / rate
    for currency, amount in ours.cash.items():
        rate = given.rates.get(currency)
        if rate is None:
            return None
        worth += amount / rate
    return worth


def _position_line(name: str, ours: Ours, own: Sequence[StatedPosition], given: Independent) -> Compared:
    held, mark, currency = ours.units.get(name, ZERO), given.marks.get(name), given.currencies.get(name)
    priced = [row.quantity * row.price for row in own if row.price is not None and row.currency == currency]
    return Compared(
        subject=name,
        is_cash=False,
        ours=held,
        theirs=sum((row.quantity for row in own), ZERO),
        currency=currency,
        mark=mark,
        ours_value=None if mark is None else held * mark.price,
        # Rows without a price, or in another currency, have no place in a sum.
        theirs_value=sum(priced, ZERO) if priced and len(priced) == len(own) else None,
    )


def _cash_line(currency: Currency, ours: Ours, theirs: Mapping[Currency, Decimal]) -> Compared:
    held, told = ours.cash.get(currency, ZERO), theirs.get(currency, ZERO)
    return Compared(currency, True, held, told, currency, None, held, told)


def _rows(theirs: AccountSnapshot) -> Sequence[StatedPosition]:
    if theirs.file is not None:
        return theirs.file.positions
    return [StatedPosition(f"row {at}", row.instrument, row.quantity) for at, row in enumerate(theirs.positions, 1)]


def _cash(theirs: AccountSnapshot, base: Currency) -> Sequence[StatedCash]:
    return theirs.file.cash if theirs.file is not None else [StatedCash("cash", base, theirs.cash)]


def _summed(pairs: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for name, amount in pairs:
        sums[name] = sums.get(name, ZERO) + amount
    return sums


def _not_zero(sums: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {name: amount for name, amount in sums.items() if amount != 0}


def _in_order(values: Iterable[T]) -> list[T]:
    """Give each value once, in the order in which it comes first."""
    return list(dict.fromkeys(values))

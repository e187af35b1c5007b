"""The walk through the facts: lots, cash and results of every account, day by day."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from core.ledger import question as asked
from core.ledger.lots import Lot, LotQueue, queue_for
from core.ledger.question import Fact, Method, QuestionError
from core.ledger.quotes import NoQuote, Quotes
from core.money import share_of

ZERO, ONE = Decimal(0), Decimal(1)
How = Literal["opened", "income", "spun"]
What = Literal["price", "fx", "cash_fx", "income", "withheld", "fee"]
Place = tuple[str, str]
_NOTHING = ZERO, ZERO


@dataclass(slots=True)
class Disposal:
    """Units given up: what they gave before the fee, the fee, the day's rate into the base, and the lots taken."""

    fact: asked.Sell | asked.CashInLieu
    quantity: Decimal
    proceeds: Decimal
    fee: Decimal
    rate: Decimal
    taken: list[Lot]

    @property
    def gain_base(self) -> Decimal:
        """What was made in the base currency, fees taken off."""
        cost = ZERO
        for lot in self.taken:
            cost += lot.cost_base
        return self.proceeds * self.rate - self.fee * self.rate - cost


@dataclass(slots=True)
class Acquired:
    """Units or cost that came to a holding unbought; what was spun off names its parent and its share of the cost."""

    account: str
    instrument: str
    day: date
    how: How
    quantity: Decimal
    cost_base: Decimal
    parent: str = ""
    share: Decimal = ZERO


@dataclass(frozen=True)
class Flow:
    """What came from outside an account or went there: a commodity, and the cost that it brought in the base currency."""

    day: date
    account: str
    other: str | None
    commodity: str
    quantity: Decimal
    is_cash: bool
    cost_base: Decimal


@dataclass(frozen=True)
class Evening:
    """What all accounts hold at the end of a day."""

    day: date
    units: Mapping[Place, Decimal]
    cash: Mapping[Place, Decimal]


class _Past:
    """What each place held from which day on; None where nothing stood there any more."""

    def __init__(self) -> None:
        self._told: dict[Place, tuple[list[date], list[Decimal | None]]] = {}

    def tell(self, place: Place, day: date, held: Decimal | None) -> None:
        """Note what a place held at the end of a day; days come in order."""
        days, amounts = self._told.setdefault(place, ([], []))
        days.append(day)
        amounts.append(held)

    def on(self, day: date) -> dict[Place, Decimal]:
        """Give what there was at the end of a day."""
        found = {}
        for place, (days, amounts) in self._told.items():
            at = bisect_right(days, day)
            if at and (held := amounts[at - 1]) is not None:
                found[place] = held
        return found


class Walk:
    """All facts booked, in order; raises QuestionError that names the fact which does not add up."""

    def __init__(self, facts: Sequence[Fact], methods: Mapping[str, Method], quotes: Quotes, base: str) -> None:
        self._methods, self._quotes, self._base = methods, quotes, base
        self.lots: dict[Place, LotQueue] = {}
        self.cash: dict[Place, tuple[Decimal, Decimal]] = {}
        self.results: dict[tuple[str, What], Decimal] = defaultdict(Decimal)
        self.flows: list[Flow] = []
        self.disposals: list[Disposal] = []
        self.bought: list[tuple[asked.Buy, Decimal]] = []
        self.acquired: list[Acquired] = []
        self.days: list[date] = []
        self.currency: dict[str, str] = {}
        self._units_past, self._cash_past = _Past(), _Past()
        self._moved_units: set[Place] = set()
        self._moved_cash: set[Place] = set()
        self._number = 0
        for at, fact in enumerate(facts):
            self._book(fact)
            if at + 1 == len(facts) or facts[at + 1].effective != fact.effective:
                self._end(fact.effective)

    def on(self, day: date) -> Evening:
        """Give what was held at the end of a day."""
        return Evening(day, self._units_past.on(day), self._cash_past.on(day))

    def _book(self, fact: Fact) -> None:
        try:
            _BOOKED[type(fact)](self, fact)
        except QuestionError:
            raise
        except NoQuote as error:
            raise QuestionError(f"fact {fact.key!r}, effective {fact.effective}: {error}") from error
        except ValueError as error:
            raise QuestionError(f"fact {fact.key!r}: {error}") from error

    def _buy(self, fact: asked.Buy) -> None:
        account, name, day, quantity = fact.account, fact.instrument, fact.effective, fact.quantity
        currency = fact.currency
        self._check_currency(name, fact.quote_currency or currency)
        paid = cost = fact.consideration + fact.fee
        base = -self._move(fact, account, currency, -paid)
        if fact.quote_amount is not None:
            cost = _with_fee(fact.quote_amount, fact)
        elif currency == self._base:
            base = cost
        self._number += 1
        self._queue((account, name)).add(Lot(fact.key, day, self._number, quantity, cost, base))
        self.bought.append((fact, base))

    def _sell(self, fact: asked.Sell) -> None:
        self._dispose(fact, fact.quantity, fact.consideration, fact.fee)

    def _cash_in_lieu(self, fact: asked.CashInLieu) -> None:
        self._check_currency(fact.instrument, fact.quote)
        self._rate(fact, fact.currency)
        held = sum((lot.quantity for lot in self.lots.get((fact.account, fact.instrument), ())), ZERO)
        if fact.kept >= held:
            raise ValueError(f"kept was {fact.kept}, and {held} are held; cash is paid for units above those kept")
        self._dispose(fact, held - fact.kept, fact.amount, ZERO)

    def _dispose(self, fact: asked.Sell | asked.CashInLieu, quantity: Decimal, amount: Decimal, fee: Decimal) -> None:
        account, currency = fact.account, fact.currency
        quote = fact.quote_currency or currency
        self._check_currency(fact.instrument, quote)
        rate = self._rate(fact, currency)
        named = fact.lots if isinstance(fact, asked.Sell) else ()
        taken = self._queue((account, fact.instrument)).take(quantity, named)
        self._move(fact, account, currency, amount - fee)
        self.disposals.append(sold := Disposal(fact, quantity, amount, fee, rate, taken))
        now = rate if quote == currency else self._rate(fact, quote)
        of_rates = ZERO
        for lot in taken:
            if now is not ONE or lot.cost_base is not lot.cost:
                of_rates += lot.cost * now - lot.cost_base
        self._result(account, "price", sold.gain_base - of_rates)
        self._result(account, "fx", of_rates)

    def _excess(self, fact: asked.ExcessIncome) -> None:
        self._check_currency(fact.instrument, fact.currency)
        rate = self._rate(fact, fact.currency)
        lots = self.lots.get((fact.account, fact.instrument))
        if not lots:
            raise ValueError(f"no units of {fact.instrument} are held in {fact.account}; income is of units held")
        last = lots.last
        parts = [ZERO if lot is last else share_of(fact.amount, lot.quantity, lots.held) for lot in lots]
        rest = fact.amount - sum(parts, ZERO)
        told = (rest if lot is last else part for lot, part in zip(lots, parts, strict=True))
        lots.bear((part, part if rate is ONE else part * rate) for part in told)
        self._result(fact.account, "income", fact.amount * rate)
        came = Acquired(fact.account, fact.instrument, fact.effective, "income", ZERO, fact.amount * rate)
        self.acquired.append(came)

    def _cash(self, fact: asked.Deposit | asked.Withdraw) -> None:
        amount = fact.amount if isinstance(fact, asked.Deposit) else -fact.amount
        base = self._move(fact, fact.account, fact.currency, amount)
        self.flows.append(Flow(fact.effective, fact.account, None, fact.currency, amount, True, base))

    def _income(self, fact: asked.Dividend | asked.Interest) -> None:
        account, currency = fact.account, fact.currency
        self._result(account, "income", self._move(fact, account, currency, fact.amount))
        self._result(account, "withheld", -self._move(fact, account, currency, -fact.withheld))

    def _fee(self, fact: asked.Fee) -> None:
        self._result(fact.account, "fee", -self._move(fact, fact.account, fact.currency, -fact.amount))

    def _convert(self, fact: asked.Conversion) -> None:
        account = fact.account
        if fact.from_currency == fact.to_currency:
            raise ValueError(f"to_currency: {fact.to_currency} is the currency given; name another")
        given = self._move(fact, account, fact.from_currency, -fact.from_amount)
        got = self._move(fact, account, fact.to_currency, fact.to_amount)
        self._result(account, "cash_fx", given + got)
        self._result(account, "fee", -self._move(fact, account, fact.from_currency, -fact.fee))

    def _transfer(self, fact: asked.Transfer) -> None:
        if fact.currency is not None and fact.amount is not None:
            here = fact.account, fact.currency
            had, cost = self.cash.get(here, _NOTHING)
            if fact.amount > had:
                raise ValueError(f"amount {fact.amount} {fact.currency} is above the {had} in {fact.account}")
            moved = share_of(cost, fact.amount, had)
            self.cash[here] = had - fact.amount, cost - moved
            self._moved_cash.add(here)
            self._put((fact.to, fact.currency), fact.amount, moved)
            self._both(fact, fact.currency, fact.amount, moved, is_cash=True)
        elif fact.instrument is not None and fact.quantity is not None:
            taken = self._queue((fact.account, fact.instrument)).take(fact.quantity, fact.lots)
            # Before they join others: what is moved is what they cost.
            cost = sum((lot.cost_base for lot in taken), ZERO)
            self._queue((fact.to, fact.instrument)).rejoin(taken)
            self._both(fact, fact.instrument, fact.quantity, cost, is_cash=False)

    def _both(self, fact: asked.Transfer, commodity: str, quantity: Decimal, cost: Decimal, *, is_cash: bool) -> None:
        day = fact.effective
        self.flows.append(Flow(day, fact.account, fact.to, commodity, -quantity, is_cash, -cost))
        self.flows.append(Flow(day, fact.to, fact.account, commodity, quantity, is_cash, cost))

    def _opening(self, fact: asked.Opening) -> None:
        day, account = fact.effective, fact.account
        if fact.amount is not None:
            base = self._move(fact, account, fact.currency, fact.amount)
            self.flows.append(Flow(day, account, None, fact.currency, fact.amount, True, base))
        elif fact.instrument is not None and fact.quantity is not None and fact.cost is not None:
            name = fact.instrument
            self._check_currency(name, fact.currency)
            since = fact.acquired or day
            is_base = fact.currency == self._base
            cost = fact.cost if is_base else fact.cost * self._quotes.rate(fact.currency, self._base, since).value
            self._number += 1
            lot = Lot(fact.key, since, self._number, fact.quantity, fact.cost, cost)
            self._queue((account, name)).add(lot)
            self.flows.append(Flow(day, account, None, name, fact.quantity, False, cost))
            self.acquired.append(Acquired(account, name, day, "opened", fact.quantity, cost))

    def _split(self, fact: asked.Split) -> None:
        for place in self._places(fact.instrument):
            self._queue(place).split(Decimal(fact.new), Decimal(fact.old))

    def _rename(self, fact: asked.SymbolChange) -> None:
        if self._places(fact.to):
            raise ValueError(f"to: {fact.to} is held already; an instrument goes on under a name of its own")
        for place in self._places(fact.instrument):
            self._check_currency(fact.to, self.currency[fact.instrument])
            now = place[0], fact.to
            self.lots[now] = self.lots.pop(place)
            self._moved_units |= {place, now}

    def _spin_off(self, fact: asked.SpinOff) -> None:
        for place in self._places(fact.instrument):
            self._spin(fact, place)

    def _spin(self, fact: asked.SpinOff, place: Place) -> None:
        self._check_currency(fact.child, self.currency[fact.instrument])
        account, lots = place[0], self.lots[place]
        spun = []
        for lot, units in zip(lots, lots.shares(Decimal(fact.new), Decimal(fact.old)), strict=True):
            cost = share_of(lot.cost, fact.cost_share, ONE)
            base = cost if lot.cost_base is lot.cost else share_of(lot.cost_base, fact.cost_share, ONE)
            spun.append(Lot(lot.lot, lot.acquired, lot.number, units, cost, base))
        lots.bear([(-one.cost, -one.cost_base) for one in spun])
        came = sum((one.quantity for one in spun), ZERO)
        self._queue((account, fact.child)).rejoin(spun)
        where = (account, fact.child, fact.effective)
        self.acquired.append(Acquired(*where, "spun", came, ZERO, fact.instrument, fact.cost_share))

    def _places(self, name: str) -> list[Place]:
        """Give where lots of an instrument are."""
        return [place for place, lots in self.lots.items() if place[1] == name and lots]

    def _queue(self, place: Place) -> LotQueue:
        """Give the lots of a place, of which some are about to come or go."""
        self._moved_units.add(place)
        lots = self.lots.get(place)
        if lots is None:
            lots = self.lots[place] = queue_for(self._methods[place[0]])
        return lots

    def _rate(self, fact: Fact, currency: str) -> Decimal:
        return ONE if currency == self._base else self._quotes.rate(currency, self._base, fact.effective).value

    def _move(self, fact: Fact, account: str, currency: str, amount: Decimal) -> Decimal:
        """Move cash of an account, and give what it is in the base at the day's rate."""
        base = amount if currency == self._base else amount * self._rate(fact, currency)
        self._put((account, currency), amount, base)
        return base

    def _put(self, place: Place, amount: Decimal, cost: Decimal) -> None:
        """Add to a balance at a cost; what goes the other way leaves at the average cost, and the rate's gain is booked."""
        self._moved_cash.add(place)
        had, had_cost = self.cash.get(place, _NOTHING)
        if place[1] == self._base:
            # Its own cost, to the last digit: no rate gains anything.
            self.cash[place] = had + amount, had + amount
            return
        if had * amount < 0:
            back = min(abs(had), abs(amount))
            of_had = share_of(had_cost, back, abs(had))
            of_new = share_of(cost, back, abs(amount))
            self._result(place[0], "cash_fx", -of_new - of_had)
            had_cost, cost = had_cost - of_had, cost - of_new
        self.cash[place] = had + amount, had_cost + cost

    def _result(self, account: str, what: What, amount: Decimal) -> None:
        """Add a piece of a result, in the base currency at the day's rate."""
        self.results[account, what] += amount

    def _check_currency(self, instrument: str, currency: str) -> None:
        before = self.currency.setdefault(instrument, currency)
        if before != currency:
            raise ValueError(f"currency: {instrument} was told in {before} before, and now in {currency}; it has one")

    def _end(self, day: date) -> None:
        """Note what the day left of whatever moved on it."""
        self.days.append(day)
        for place in self._moved_units:
            lots = self.lots.get(place)
            self._units_past.tell(place, day, lots.held if lots else None)
        for place in self._moved_cash:
            self._cash_past.tell(place, day, self.cash[place][0] or None)
        self._moved_units.clear()
        self._moved_cash.clear()


_BOOKED: dict[type[Fact], Callable[[Walk, Any], None]] = {
    asked.Buy: Walk._buy,
    asked.Sell: Walk._sell,
    asked.CashInLieu: Walk._cash_in_lieu,
    asked.ExcessIncome: Walk._excess,
    asked.Deposit: Walk._cash,
    asked.Withdraw: Walk._cash,
    asked.Dividend: Walk._income,
    asked.Interest: Walk._income,
    asked.Fee: Walk._fee,
    asked.Conversion: Walk._convert,
    asked.Transfer: Walk._transfer,
    asked.Opening: Walk._opening,
    asked.Split: Walk._split,
    asked.SymbolChange: Walk._rename,
    asked.SpinOff: Walk._spin_off,
}


def _with_fee(amount: Decimal, fact: asked.Buy) -> Decimal:
    """Give what a purchase cost in the instrument's currency, where it and its fee were paid in another."""
    return amount + share_of(amount, fact.fee, fact.consideration) if fact.consideration else amount

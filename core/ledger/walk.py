"""The walk through the facts: lots, cash and results of every account, day by day."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from core.ledger import question as asked
from core.ledger.lots import Lot, average, split, take
from core.ledger.question import Fact, Method, QuestionError
from core.ledger.quotes import NoQuote, Quotes
from core.money import share_of

ZERO = Decimal(0)
How = Literal["bought", "opened", "income", "spun"]
What = Literal["price", "fx", "cash_fx", "income", "withheld", "fee"]


@dataclass(frozen=True)
class Match:
    """Units of a disposal with the acquisition that they are held against, and the rule that says so."""

    rule: str
    lot: str | None
    acquired: date | None
    quantity: Decimal
    cost: Decimal | None
    cost_base: Decimal


@dataclass(frozen=True)
class Disposal:
    """Units given up: what they gave before the fee, the fee, and what they are matched with."""

    fact: str
    account: str
    instrument: str
    day: date
    quantity: Decimal
    currency: str
    proceeds: Decimal
    fee: Decimal
    proceeds_base: Decimal
    fee_base: Decimal
    matches: tuple[Match, ...]

    @property
    def gain_base(self) -> Decimal:
        """What was made in the base currency, fees taken off."""
        return self.proceeds_base - self.fee_base - sum((one.cost_base for one in self.matches), ZERO)


@dataclass(frozen=True)
class Acquired:
    """Units or cost that came to a holding, and how; what was spun off names its parent and its share of the cost."""

    account: str
    instrument: str
    day: date
    how: How
    quantity: Decimal
    cost_base: Decimal
    parent: str = ""
    share: Decimal = ZERO


@dataclass(frozen=True)
class Booked:
    """One piece of a result, in the base currency at the day's rate."""

    day: date
    account: str
    what: What
    amount: Decimal


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
    units: dict[tuple[str, str], Decimal]
    cash: dict[tuple[str, str], Decimal]


class Walk:
    """All facts booked, in order; raises QuestionError that names the fact which does not add up."""

    def __init__(self, facts: Sequence[Fact], methods: Mapping[str, Method], quotes: Quotes, base: str) -> None:
        self._methods, self._quotes, self._base = methods, quotes, base
        self.lots: dict[tuple[str, str], list[Lot]] = {}
        self.cash: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
        self.booked: list[Booked] = []
        self.flows: list[Flow] = []
        self.disposals: list[Disposal] = []
        self.acquired: list[Acquired] = []
        self.evenings: list[Evening] = []
        self._currency: dict[str, str] = {}
        self._number = 0
        for at, fact in enumerate(facts):
            self._book(fact)
            if at + 1 == len(facts) or facts[at + 1].effective != fact.effective:
                self.evenings.append(self._evening(fact.effective))

    def on(self, day: date) -> Evening:
        """Give what was held at the end of a day."""
        at = bisect_right(self.evenings, day, key=lambda one: one.day)
        return self.evenings[at - 1] if at else Evening(day, {}, {})

    def _book(self, fact: Fact) -> None:
        try:
            match fact:
                case asked.Buy() | asked.Sell() | asked.CashInLieu() | asked.ExcessIncome():
                    self._units(fact)
                case asked.Split() | asked.SpinOff() | asked.SymbolChange():
                    self._action(fact)
                case asked.Transfer():
                    self._transfer(fact)
                case asked.Opening():
                    self._opening(fact)
                case _:
                    self._money(fact)
        except QuestionError:
            raise
        except NoQuote as error:
            raise QuestionError(f"fact {fact.key!r}, effective {fact.effective}: {error}") from error
        except ValueError as error:
            raise QuestionError(f"fact {fact.key!r}: {error}") from error

    def _units(self, fact: asked.Buy | asked.Sell | asked.CashInLieu | asked.ExcessIncome) -> None:
        self._check_currency(fact.instrument, fact.currency if isinstance(fact, asked.ExcessIncome) else fact.quote)
        rate = self._quotes.rate(fact.currency, self._base, fact.effective).value
        if isinstance(fact, asked.Buy):
            paid = fact.consideration + fact.fee
            cost = paid if fact.quote_amount is None else _with_fee(fact.quote_amount, fact)
            self._move(fact, fact.currency, -paid)
            self._number += 1
            lot = Lot(
                fact.key,
                fact.account,
                fact.instrument,
                fact.effective,
                fact.quantity,
                fact.quote,
                cost,
                paid * rate,
                self._number,
            )
            self._add(lot)
            came = Acquired(fact.account, fact.instrument, fact.effective, "bought", fact.quantity, paid * rate)
            self.acquired.append(came)
        elif isinstance(fact, asked.Sell):
            self._sell(fact, fact.quantity, fact.consideration, fact.fee)
        elif isinstance(fact, asked.CashInLieu):
            held = sum((lot.quantity for lot in self.lots.get((fact.account, fact.instrument), ())), ZERO)
            if fact.kept >= held:
                raise ValueError(f"kept was {fact.kept}, and {held} are held; cash is paid for units above those kept")
            self._sell(fact, held - fact.kept, fact.amount, ZERO)
        else:
            self._excess(fact, rate)

    def _sell(self, fact: asked.Sell | asked.CashInLieu, quantity: Decimal, amount: Decimal, fee: Decimal) -> None:
        rate = self._quotes.rate(fact.currency, self._base, fact.effective).value
        taken = self._take(fact.account, fact.instrument, quantity, getattr(fact, "lots", ()))
        self._move(fact, fact.currency, amount - fee)
        rule = "AVERAGE" if self._methods[fact.account] == "AVERAGE" else "lot"
        matches = tuple(Match(rule, one.lot, one.acquired, one.quantity, one.cost, one.cost_base) for one in taken)
        sold = Disposal(
            fact.key,
            fact.account,
            fact.instrument,
            fact.effective,
            quantity,
            fact.currency,
            amount,
            fee,
            amount * rate,
            fee * rate,
            matches,
        )
        self.disposals.append(sold)
        now = rate if fact.quote == fact.currency else self._quotes.rate(fact.quote, self._base, fact.effective).value
        of_rates = sum((one.cost * now - one.cost_base for one in taken), ZERO)
        self._result(fact, fact.account, "price", sold.gain_base - of_rates)
        self._result(fact, fact.account, "fx", of_rates)

    def _excess(self, fact: asked.ExcessIncome, rate: Decimal) -> None:
        lots = self.lots.get((fact.account, fact.instrument), [])
        held = sum((lot.quantity for lot in lots), ZERO)
        if not lots:
            raise ValueError(f"no units of {fact.instrument} are held in {fact.account}; income is of units held")
        left, grown = fact.amount, []
        for lot in lots:
            part = left if lot is lots[-1] else share_of(fact.amount, lot.quantity, held)
            left -= part
            grown.append(replace(lot, cost=lot.cost + part, cost_base=lot.cost_base + part * rate))
        self.lots[fact.account, fact.instrument] = grown
        self._result(fact, fact.account, "income", fact.amount * rate)
        came = Acquired(fact.account, fact.instrument, fact.effective, "income", ZERO, fact.amount * rate)
        self.acquired.append(came)

    def _money(self, fact: Fact) -> None:
        match fact:
            case asked.Deposit() | asked.Withdraw():
                amount = fact.amount if isinstance(fact, asked.Deposit) else -fact.amount
                base = self._move(fact, fact.currency, amount)
                self.flows.append(Flow(fact.effective, fact.account, None, fact.currency, amount, True, base))
            case asked.Dividend() | asked.Interest():
                self._result(fact, fact.account, "income", self._move(fact, fact.currency, fact.amount))
                self._result(fact, fact.account, "withheld", -self._move(fact, fact.currency, -fact.withheld))
            case asked.Fee():
                self._result(fact, fact.account, "fee", -self._move(fact, fact.currency, -fact.amount))
            case asked.Conversion():
                if fact.from_currency == fact.to_currency:
                    raise ValueError(f"to_currency: {fact.to_currency} is the currency given; name another")
                given = self._move(fact, fact.from_currency, -fact.from_amount)
                got = self._move(fact, fact.to_currency, fact.to_amount)
                self._result(fact, fact.account, "cash_fx", given + got)
                self._result(fact, fact.account, "fee", -self._move(fact, fact.from_currency, -fact.fee))
            case _:
                raise TypeError(f"{type(fact).__name__} is no fact of money")

    def _transfer(self, fact: asked.Transfer) -> None:
        if fact.currency is not None and fact.amount is not None:
            had, cost = self.cash.get((fact.account, fact.currency), (ZERO, ZERO))
            if fact.amount > had:
                raise ValueError(f"amount {fact.amount} {fact.currency} is above the {had} in {fact.account}")
            moved = share_of(cost, fact.amount, had)
            self.cash[fact.account, fact.currency] = had - fact.amount, cost - moved
            self._put(fact, fact.to, fact.currency, (fact.amount, moved))
            self._both(fact, fact.currency, fact.amount, moved, is_cash=True)
        elif fact.instrument is not None and fact.quantity is not None:
            taken = self._take(fact.account, fact.instrument, fact.quantity, fact.lots)
            for lot in taken:
                self._add(replace(lot, account=fact.to))
            cost = sum((lot.cost_base for lot in taken), ZERO)
            self._both(fact, fact.instrument, fact.quantity, cost, is_cash=False)

    def _both(self, fact: asked.Transfer, commodity: str, quantity: Decimal, cost: Decimal, *, is_cash: bool) -> None:
        day = fact.effective
        self.flows.append(Flow(day, fact.account, fact.to, commodity, -quantity, is_cash, -cost))
        self.flows.append(Flow(day, fact.to, fact.account, commodity, quantity, is_cash, cost))

    def _opening(self, fact: asked.Opening) -> None:
        day = fact.effective
        if fact.amount is not None:
            base = self._move(fact, fact.currency, fact.amount)
            self.flows.append(Flow(day, fact.account, None, fact.currency, fact.amount, True, base))
        elif fact.instrument is not None and fact.quantity is not None and fact.cost is not None:
            self._check_currency(fact.instrument, fact.currency)
            since = fact.acquired or day
            cost = fact.cost * self._quotes.rate(fact.currency, self._base, since).value
            self._number += 1
            where = (fact.key, fact.account, fact.instrument, since)
            self._add(Lot(*where, fact.quantity, fact.currency, fact.cost, cost, self._number))
            self.flows.append(Flow(day, fact.account, None, fact.instrument, fact.quantity, False, cost))
            self.acquired.append(Acquired(fact.account, fact.instrument, day, "opened", fact.quantity, cost))

    def _action(self, fact: asked.Split | asked.SpinOff | asked.SymbolChange) -> None:
        mine = [(where, lots) for where, lots in self.lots.items() if where[1] == fact.instrument and lots]
        if isinstance(fact, asked.SymbolChange) and any(
            lots for where, lots in self.lots.items() if where[1] == fact.to
        ):
            raise ValueError(f"to: {fact.to} is held already; an instrument goes on under a name of its own")
        for (account, name), lots in mine:
            if isinstance(fact, asked.Split):
                self.lots[account, name] = split(lots, Decimal(fact.new), Decimal(fact.old))
            elif isinstance(fact, asked.SymbolChange):
                self._check_currency(fact.to, lots[0].currency)
                self.lots[account, fact.to] = [replace(lot, instrument=fact.to) for lot in lots]
                del self.lots[account, name]
            else:
                self._spin(fact, account, lots)

    def _spin(self, fact: asked.SpinOff, account: str, lots: Sequence[Lot]) -> None:
        self._check_currency(fact.child, lots[0].currency)
        stay: list[Lot] = []
        came = ZERO
        for lot in lots:
            cost, base = (share_of(part, fact.cost_share, Decimal(1)) for part in (lot.cost, lot.cost_base))
            units = share_of(lot.quantity, Decimal(fact.new), Decimal(fact.old))
            stay.append(replace(lot, cost=lot.cost - cost, cost_base=lot.cost_base - base))
            self._add(replace(lot, instrument=fact.child, quantity=units, cost=cost, cost_base=base))
            came += units
        self.lots[account, fact.instrument] = stay
        where = (account, fact.child, fact.effective)
        self.acquired.append(Acquired(*where, "spun", came, ZERO, fact.instrument, fact.cost_share))

    def _take(self, account: str, name: str, quantity: Decimal, named: Sequence[asked.Part]) -> list[Lot]:
        taken, kept = take(self.lots.get((account, name), ()), quantity, self._methods[account], named)
        self.lots[account, name] = kept
        return taken

    def _add(self, lot: Lot) -> None:
        """Put a lot among those of its account; parts of one lot that meet again are one lot again."""
        others = self.lots.setdefault((lot.account, lot.instrument), [])
        same = [one for one in others if self._methods[lot.account] == "AVERAGE" or one.lot == lot.lot]
        rest = [one for one in others if one not in same]
        self.lots[lot.account, lot.instrument] = [*rest, *average([*same, lot])]

    def _move(self, fact: Fact, currency: str, amount: Decimal) -> Decimal:
        """Move cash of the fact's account, and give what it is in the base at the day's rate."""
        rate = self._quotes.rate(currency, self._base, fact.effective).value
        self._put(fact, getattr(fact, "account", ""), currency, (amount, amount * rate))
        return amount * rate

    def _put(self, fact: Fact, account: str, currency: str, moved: tuple[Decimal, Decimal]) -> None:
        """Add to a balance at a cost; what goes the other way leaves at the average cost, and the rate's gain is booked."""
        amount, cost = moved
        had, had_cost = self.cash.get((account, currency), (ZERO, ZERO))
        if had * amount < 0:
            back = min(abs(had), abs(amount))
            of_had = share_of(had_cost, back, abs(had))
            of_new = share_of(cost, back, abs(amount))
            self._result(fact, account, "cash_fx", -of_new - of_had)
            had_cost, cost = had_cost - of_had, cost - of_new
        self.cash[account, currency] = had + amount, had_cost + cost

    def _result(self, fact: Fact, account: str, what: What, amount: Decimal) -> None:
        if amount:
            self.booked.append(Booked(fact.effective, account, what, amount))

    def _check_currency(self, instrument: str, currency: str) -> None:
        before = self._currency.setdefault(instrument, currency)
        if before != currency:
            raise ValueError(f"currency: {instrument} was told in {before} before, and now in {currency}; it has one")

    def _evening(self, day: date) -> Evening:
        units = {where: sum((lot.quantity for lot in lots), ZERO) for where, lots in self.lots.items() if lots}
        return Evening(day, units, {where: amount for where, (amount, _) in self.cash.items() if amount})


def _with_fee(amount: Decimal, fact: asked.Buy) -> Decimal:
    """Give what a purchase cost in the instrument's currency, where it and its fee were paid in another."""
    return amount + share_of(amount, fact.fee, fact.consideration) if fact.consideration else amount

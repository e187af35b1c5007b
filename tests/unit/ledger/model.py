"""A model ledger in exact fractions, as plain as can be: what the real one is held against. It shares no code with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from typing import Any

Fact = dict[str, Any]
Rate = Callable[[str, str], Fraction]
_FIRST = {"OPENING": 0, "DEPOSIT": 0, "BUY": 1, "TRANSFER": 2, "SELL": 3}


# A number is read once, however often its fact is booked.
exact = cache(Fraction)


class Refused(Exception):
    """A fact cannot have happened: it takes what was not there."""


@dataclass
class Lot:
    """Units that came together, with their cost in their currency and in the base."""

    key: str
    acquired: str
    number: int
    units: Fraction
    cost: Fraction
    base: Fraction


@dataclass
class Model:
    """What a history comes to: all figures of all accounts, as fractions, with the base at each day's rate."""

    method: str
    rate: Rate
    lots: dict[tuple[str, str], list[Lot]] = field(default_factory=lambda: defaultdict(list))
    cash: dict[tuple[str, str], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    gains: Fraction = Fraction(0)
    income: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    flows: Fraction = Fraction(0)
    count: int = 0

    def copy(self) -> Model:
        """Give one that goes on from here by itself."""
        other = replace(self, lots=defaultdict(list), cash=defaultdict(Fraction, self.cash))
        for where, lots in self.lots.items():
            other.lots[where] = [Lot(one.key, one.acquired, one.number, one.units, one.cost, one.base) for one in lots]
        return other

    def units(self) -> dict[tuple[str, str], Fraction]:
        """Give what is held, by account and instrument."""
        return {where: sum((lot.units for lot in lots), Fraction(0)) for where, lots in self.lots.items() if lots}

    def value(self, day: str, price: Callable[[str, str], Fraction], currency: dict[str, str]) -> Fraction:
        """Give what everything is worth in the base at a day's prices and rates."""
        held = sum(
            (units * price(name, day) * self.rate(currency[name], day) for (_, name), units in self.units().items()),
            Fraction(0),
        )
        return held + sum((amount * self.rate(name, day) for (_, name), amount in self.cash.items()), Fraction(0))

    def book(self, fact: Fact) -> None:
        """Book a fact; raises Refused."""
        getattr(self, "_" + fact["kind"].lower())(fact)

    def _base(self, fact: Fact, amount: Fraction) -> Fraction:
        return amount * self.rate(fact["currency"], fact["effective"])

    def _pay(self, fact: Fact, amount: Fraction, currency: str = "") -> None:
        self.cash[fact["account"], currency or fact["currency"]] += amount

    def _put(self, where: tuple[str, str], lot: Lot) -> None:
        lots = self.lots[where]
        same = lots if self.method == "AVERAGE" else [one for one in lots if one.key == lot.key]
        self.lots[where] = [one for one in lots if one not in same]
        first = min([*same, lot], key=lambda one: (one.acquired, one.number))
        units, cost, base = (
            sum((getattr(one, name) for one in same), getattr(lot, name)) for name in ("units", "cost", "base")
        )
        self.lots[where].append(Lot(first.key, first.acquired, first.number, units, cost, base))

    def _take(self, where: tuple[str, str], units: Fraction) -> list[Lot]:
        if units > sum((lot.units for lot in self.lots[where]), Fraction(0)):
            raise Refused(f"{units} of {where}")
        taken = []
        for lot in sorted(self.lots[where], key=self._turn):
            part = min(units, lot.units)
            if not part:
                continue
            share = part / lot.units
            taken.append(Lot(lot.key, lot.acquired, lot.number, part, lot.cost * share, lot.base * share))
            lot.units, lot.cost, lot.base = lot.units - part, lot.cost * (1 - share), lot.base * (1 - share)
            units -= part
        self.lots[where] = [lot for lot in self.lots[where] if lot.units]
        return taken

    def _turn(self, lot: Lot) -> tuple[Any, ...]:
        if self.method == "LIFO":
            return (tuple(-int(part) for part in lot.acquired.split("-")), -lot.number)
        if self.method == "HIFO":
            return (-lot.cost / lot.units, lot.acquired, lot.number)
        return (lot.acquired, lot.number)

    def _lot(self, fact: Fact, acquired: str, cost: Fraction) -> Fraction:
        self.count += 1
        base = cost * self.rate(fact["currency"], acquired)
        lot = Lot(fact["key"], acquired, self.count, exact(fact["quantity"]), cost, base)
        self._put((fact["account"], fact["instrument"]), lot)
        return base

    def _buy(self, fact: Fact) -> None:
        cost = exact(fact["amount"]) + exact(fact["fee"])
        self._pay(fact, -cost)
        self._lot(fact, fact["effective"], cost)

    def _sell(self, fact: Fact) -> None:
        taken = self._take((fact["account"], fact["instrument"]), exact(fact["quantity"]))
        got = exact(fact["amount"]) - exact(fact["fee"])
        self._pay(fact, got)
        self.gains += self._base(fact, got) - sum((lot.base for lot in taken), Fraction(0))

    def _deposit(self, fact: Fact) -> None:
        amount = exact(fact["amount"]) * (-1 if fact["kind"] == "WITHDRAW" else 1)
        self._pay(fact, amount)
        self.flows += self._base(fact, amount)

    _withdraw = _deposit

    def _transfer(self, fact: Fact) -> None:
        if "amount" in fact:
            amount = exact(fact["amount"])
            if amount > self.cash[fact["account"], fact["currency"]]:
                raise Refused(f"{amount} of {fact['account']}")
            self._pay(fact, -amount)
            self.cash[fact["to"], fact["currency"]] += amount
            return
        for lot in self._take((fact["account"], fact["instrument"]), exact(fact["quantity"])):
            self._put((fact["to"], fact["instrument"]), lot)

    def _dividend(self, fact: Fact) -> None:
        net = exact(fact["amount"]) - exact(fact["withheld"])
        self._pay(fact, net)
        self.income += self._base(fact, net)

    _interest = _dividend

    def _fee(self, fact: Fact) -> None:
        self._pay(fact, -exact(fact["amount"]))
        self.fees += self._base(fact, exact(fact["amount"]))

    def _fx(self, fact: Fact) -> None:
        self._pay(fact, -exact(fact["from_amount"]) - exact(fact["fee"]), fact["from_currency"])
        self._pay(fact, exact(fact["to_amount"]), fact["to_currency"])
        self.fees += exact(fact["fee"]) * self.rate(fact["from_currency"], fact["effective"])

    def _opening(self, fact: Fact) -> None:
        if "amount" in fact:
            self._deposit(fact)
        else:
            self.flows += self._lot(fact, fact["acquired"], exact(fact["cost"]))

    def _split(self, fact: Fact) -> None:
        def split(units: Fraction) -> Fraction:
            # The one rounding there is: units are told to twelve decimals, half to even.
            return Fraction(round(units * fact["new"] / fact["old"] * 10**12), 10**12)

        for lots in [lots for (_, name), lots in self.lots.items() if name == fact["instrument"] and lots]:
            whole = split(sum((lot.units for lot in lots), Fraction(0)))
            most = max(lots, key=lambda lot: (lot.units, lot.acquired, lot.number))
            for lot in lots:
                lot.units = split(lot.units)
            most.units += whole - sum((lot.units for lot in lots), Fraction(0))


def standing(facts: Iterable[Fact], as_of: str, known_at: str) -> list[Fact]:
    """Give the facts that were known, less those taken back, in the order that they are booked in."""
    known = {fact["key"]: fact for fact in facts if fact["recorded"] <= known_at}
    corrections = [fact for fact in known.values() if fact["kind"] == "CORRECTION"]
    counted = {key: fact for key, fact in known.items() if fact["kind"] != "CORRECTION"}
    counted |= {one["replacement"]["key"]: one["replacement"] for one in corrections if "replacement" in one}
    for one in corrections:
        del counted[one["reverses"]]
    return sorted((fact for fact in counted.values() if fact["effective"] <= as_of), key=order_of)


def order_of(fact: Fact) -> tuple[str, int, int, str]:
    """Give a fact's place: its day, actions of companies before the open, what brings before what takes, the key."""
    kind = fact["kind"]
    return fact["effective"], kind != "SPLIT", _FIRST.get(kind, 4) if kind != "SPLIT" else 0, fact["key"]


def model_of(facts: Sequence[Fact], method: str, rate: Rate, *, as_of: str, known_at: str) -> Model:
    """Book all facts that count; raises Refused."""
    model = Model(method, rate)
    for fact in standing(facts, as_of, known_at):
        model.book(fact)
    return model

"""Understood rows as facts of the ledger's checking door, and what of them it cannot hold, with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.domain.statement import (
    CashTransfer,
    Conversion,
    ConversionLeg,
    Deposit,
    Dividend,
    Fee,
    Gift,
    Interest,
    KeyedRow,
    Money,
    StockSplit,
    Trade,
    UnitsTransfer,
    Withdrawal,
    Withholding,
)

_NOTHING = Decimal(0)
_PAIR = 2


@dataclass(frozen=True)
class Left:
    """What of a row no fact holds, and why."""

    line: int
    why: str


Fact = dict[str, Any]
Found = Iterator[Fact | Left]


def door_facts(rows: Sequence[KeyedRow], account: str) -> tuple[tuple[Fact, ...], tuple[Left, ...]]:
    """Give facts in the form of docs/LEDGER-EVAL.md, and what was left; rows that name no account are of `account`.

    Each fact is recorded at the end of its own day, for no file says when it was known. Rows that are one event become one
    fact: a dividend and the tax on it (same instrument, day and currency), a trade and the fee of its order, the two sides
    of a conversion where there are only two at that moment.
    """
    orders = {one.row.order for one in rows if isinstance(one.row.event, Trade)} - {""}
    groups: dict[tuple[str, ...], list[KeyedRow]] = {}
    for one in rows:
        groups.setdefault(_together(one, orders), []).append(one)
    found = [each for group in groups.values() for each in _found(group, account)]
    left = sorted((one for one in found if isinstance(one, Left)), key=lambda one: one.line)
    return tuple(one for one in found if not isinstance(one, Left)), tuple(left)


def _together(one: KeyedRow, orders: set[str]) -> tuple[str, ...]:
    """Give the same name to rows that are one event."""
    row, day = one.row, one.row.day.isoformat()
    match row.event:
        case Dividend(instrument=named, paid=money):
            return ("income", row.account, day, named.name, money.currency)
        case Withholding(instrument=named, withheld=money) if named is not None:
            return ("income", row.account, day, named.name, money.currency)
        case ConversionLeg():
            return ("sides", row.account, day, row.moment)
        case Trade() | Fee() if row.order in orders:
            return ("order", row.account, row.order)
        case _:
            return ("row", one.key)


def _found(group: list[KeyedRow], account: str) -> Found:
    first = group[0]
    match first.row.event:
        case Trade() | Fee() if len(group) > 1 or isinstance(first.row.event, Trade):
            yield from _order(group, account)
        case Dividend():
            yield from _income(group, account)
        case Withholding(instrument=named) if named is not None:
            yield from _income(group, account)
        case ConversionLeg():
            yield from _sides(group, account)
        case Conversion():
            yield from _conversion(first, first.row.event, account)
        case _:
            yield from _alone(first, account)


def _alone(one: KeyedRow, account: str) -> Found:
    """Give the fact of a row that is an event by itself."""
    match one.row.event:
        case Gift() as gift:
            # What was given had its worth: it came in as cash, and the units were bought with it.
            yield _fact(one, "DEPOSIT", account, **_cash(gift.worth)) | {"key": f"{one.key} worth"}
            yield _fact(one, "BUY", account, **_units(gift), **_cash(gift.worth))
        case Withholding(withheld=withheld):
            amounts = {"currency": withheld.currency, "amount": "0", "withheld": _text(withheld.amount)}
            yield _fact(one, "INTEREST", account, **amounts)
        case Interest(received=received):
            yield _fact(one, "INTEREST", account, **_cash(received))
        case Fee(taken=taken) if taken.amount > 0:
            yield _fact(one, "FEE", account, **_cash(taken))
        case Fee():
            yield Left(one.row.line, "a fee given back: correct the fee that it belongs to")
        case Deposit(amount=amount):
            yield _fact(one, "DEPOSIT", account, **_cash(amount))
        case Withdrawal(amount=amount):
            yield _fact(one, "WITHDRAW", account, **_cash(amount))
        case StockSplit() as split:
            ratio = {"instrument": split.instrument.name, "new": split.new, "old": split.old}
            fact = _fact(one, "SPLIT", account, **ratio)
            # A split is of all accounts.
            yield {name: value for name, value in fact.items() if name != "account"}
        case CashTransfer() | UnitsTransfer():
            yield Left(one.row.line, "the row does not name the other account of the transfer")


def _order(group: list[KeyedRow], account: str) -> Found:
    """Give the trades of an order; what it cost in rows of their own belongs to its first purchase, or to its first sale."""
    trades = sorted((one for one in group if isinstance(one.row.event, Trade)), key=_is_sale)
    beside = [(one, one.row.event.taken) for one in group if isinstance(one.row.event, Fee)]
    for one in trades:
        trade = one.row.event
        if not isinstance(trade, Trade):
            continue
        currency = trade.amount.currency
        fees = [*trade.fees, *(taken for _, taken in beside if taken.currency == currency)]
        for fee, taken in beside:
            if taken.currency != currency:
                yield Left(fee.row.line, f"the fee is not in {currency}, as its trade is: it needs a rate")
        beside = []
        total = sum((fee.amount for fee in fees), _NOTHING)
        if total < 0 or any(fee.currency != currency for fee in fees):
            yield Left(one.row.line, f"the fee is below zero or not in {currency}, as the trade is: it needs a rate")
            continue
        yield _fact(one, trade.side, account, **_units(trade), **_cash(trade.amount), fee=_text(total))


def _is_sale(one: KeyedRow) -> bool:
    return isinstance(one.row.event, Trade) and one.row.event.side == "SELL"


def _income(group: list[KeyedRow], account: str) -> Found:
    """Give a dividend before tax with the tax on it; what only takes back belongs to a fact that it corrects."""
    paid = withheld = _NOTHING
    for one in group:
        event = one.row.event
        if isinstance(event, Withholding):
            withheld += event.withheld.amount
        elif isinstance(event, Dividend):
            paid += event.paid.amount
            if event.withheld is not None and event.withheld.currency == event.paid.currency:
                paid, withheld = paid + event.withheld.amount, withheld + event.withheld.amount
            elif event.withheld is not None:
                tax = event.withheld
                yield Left(
                    one.row.line, f"{_text(tax.amount)} {tax.currency} of tax on a dividend in {event.paid.currency}"
                )
    first = group[0]
    _, _, _, name, currency = _together(first, set())
    if paid > 0 and withheld >= 0:
        amounts = {"instrument": name, "currency": currency, "amount": _text(paid), "withheld": _text(withheld)}
        yield _fact(first, "DIVIDEND", account, **amounts)
    elif paid != 0 or withheld != 0:
        for one in group:
            yield Left(one.row.line, "tax or a dividend without what it belongs to: correct that dividend")


def _sides(group: list[KeyedRow], account: str) -> Found:
    moved = [one.row.event.moved for one in group if isinstance(one.row.event, ConversionLeg)]
    gave = [Money(-money.amount, money.currency) for money in moved if money.amount < 0]
    got = [money for money in moved if money.amount > 0]
    if len(moved) == _PAIR and len(gave) == len(got) == 1 and gave[0].currency != got[0].currency:
        yield from _conversion(group[0], Conversion(gave[0], got[0]), account)
        return
    for one in group:
        yield Left(
            one.row.line, f"sides of conversions at this moment: {len(moved)}; which are a pair the file does not say"
        )


def _conversion(one: KeyedRow, told: Conversion, account: str) -> Found:
    fee = sum((fee.amount for fee in told.fees), _NOTHING)
    if fee < 0 or any(each.currency != told.gave.currency for each in told.fees):
        yield Left(
            one.row.line, f"the fee is below zero or not in {told.gave.currency}, which was given: it needs a rate"
        )
        return
    given = {"from_currency": told.gave.currency, "from_amount": _text(told.gave.amount)}
    got = {"to_currency": told.got.currency, "to_amount": _text(told.got.amount)}
    yield _fact(one, "FX", account, **given, **got, fee=_text(fee))


def _fact(one: KeyedRow, kind: str, account: str, **fields: Any) -> Fact:
    day = one.row.day.isoformat()
    named = {"kind": kind, "key": one.key, "effective": day, "recorded": f"{day}T23:59:59Z"}
    return named | {"account": one.row.account or account} | fields


def _cash(money: Money) -> dict[str, str]:
    return {"currency": money.currency, "amount": _text(money.amount)}


def _units(event: Trade | Gift) -> dict[str, str]:
    return {"instrument": event.instrument.name, "quantity": _text(event.quantity)}


def _text(number: Decimal) -> str:
    return format(number, "f")

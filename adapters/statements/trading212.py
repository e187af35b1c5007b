"""Trading 212's history (CSV): orders, dividends, interest, splits, and cash paid in and out, in the account's currency.

A split is two rows of one second, the position before it and after it, with up to ten decimals; newer files call the time UTC,
and tell both amounts of a conversion (as public importers read them).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Literal

from adapters.statements.checked import PENCE, agrees, before_fees, positive
from adapters.statements.opened import Opened, Record, RowError, currency_of, day_of, first_row, read_table, readable
from adapters.statements.splits import Splits, whole_ratio
from core.domain.statement import (
    Aside,
    Conversion,
    Deposit,
    Dividend,
    Event,
    Interest,
    Money,
    Statement,
    StatementRow,
    StockSplit,
    Trade,
    Withdrawal,
    Withholding,
)

BROKER = "trading212"
_COLUMNS = {"Action", "No. of shares", "Price / share", "Exchange rate", "Total", "Currency (Total)"}
_TIMES = ("Time", "Time (UTC)")
_ORDER = re.compile(r"(?:Market|Limit|Stop|Stop limit) (buy|sell)")
_REFUND = "Withholding tax refund - interest on cash"
_FROM, _TO = "Currency conversion from amount", "Currency conversion to amount"
_NO_FEES = ("Price / share", "Result", "Total", "Withholding tax", "Charge amount", _FROM, _TO)
_BEFORE, _AFTER = "Stock split close", "Stock split open"
_INTEREST = ("Interest on cash", "Lending interest")
_UNITS_LEAST = Decimal("0.0000000001")
_DAY_LENGTH = len("2024-01-01")
# Prices of London are told in pence, which is no currency of its own.
_PENCE = ("GBX", "GBp")


def recognises(file: Opened) -> bool:
    """Say whether the first row is this history's heading."""
    names = set(first_row(file))
    return names >= _COLUMNS and any(time in names for time in _TIMES)


def read(file: Opened) -> Statement:
    """Read the history; raises StatementError where the file as a whole cannot be read."""
    halves: dict[tuple[str, ...], list[Record]] = {}
    for record in readable(file):
        if record.get("Action") in (_BEFORE, _AFTER):
            halves.setdefault(_split_of(record), []).append(record)
    return read_table(file, partial(_row, Splits(), halves), BROKER)


def _row(splits: Splits, halves: Mapping[tuple[str, ...], Sequence[Record]], record: Record) -> StatementRow | Aside:
    moment = _moment(record)
    day = day_of(moment[:_DAY_LENGTH], "%Y-%m-%d", "Time")
    if record.get("Action") in (_BEFORE, _AFTER):
        return splits.row(record.line, day, _split(halves.get(_split_of(record), ())))
    return StatementRow(record.line, day, _event(record), moment=moment, broker_id=record.get("ID"))


def _moment(record: Record) -> str:
    return record.needed(next((time for time in _TIMES if record.get(time)), _TIMES[0]))


def _split_of(record: Record) -> tuple[str, ...]:
    """Give what the two rows of a split share."""
    return (*(record.get(time) for time in _TIMES), record.get("Ticker"), record.get("ISIN"))


def _split(halves: Sequence[Record]) -> StockSplit:
    """Read a split from its two rows; raises RowError."""
    units = {half.get("Action"): positive(half.number("No. of shares"), "No. of shares") for half in halves}
    if len(halves) != len(units) or set(units) != {_BEFORE, _AFTER}:
        raise RowError("a split must be two rows of one second, the units before it and after it")
    if halves[0].get("Total") != halves[1].get("Total"):
        raise RowError("the two rows of the split do not have the same total")
    return StockSplit(halves[0].instrument("Ticker"), *whole_ratio(units[_BEFORE], units[_AFTER], _UNITS_LEAST))


def _event(record: Record) -> Event:
    action = record.needed("Action")
    order = _ORDER.fullmatch(action)
    if order is not None:
        return _trade(record, "BUY" if order[1] == "buy" else "SELL")
    if action == "Currency conversion":
        return _conversion(record)
    if any(_fees(record)):
        raise RowError(f"a fee on a row of kind {action!r}, which has no place for it")
    if action.startswith("Dividend"):
        total = _total(record)
        return Dividend(record.instrument("Ticker"), total, _withheld(record))
    if action in _INTEREST:
        return Interest(_total(record))
    if action == "Deposit":
        return Deposit(_positive(_total(record)))
    if action == "Withdrawal":
        total = _total(record)
        return Withdrawal(_positive(Money(-total.amount, total.currency)))
    if action == "Result adjustment" and record.get("Notes").startswith(_REFUND):
        total = _total(record)
        return Withholding(None, Money(-total.amount, total.currency))
    raise RowError(f"Action {action!r} is not known")


def _conversion(record: Record) -> Conversion:
    """Read a conversion that cost nothing; else the row does not tell whether its amounts hold the fee."""
    fees = list(_fees(record))
    if fees:
        raise RowError(
            f"a conversion with a fee of {fees[0].amount} {fees[0].currency}: which amount holds it is not told"
        )
    gave, got = (_positive(record.money(name, f"Currency ({name})"), name) for name in (_FROM, _TO))
    return Conversion(gave, got)


def _trade(record: Record, side: Literal["BUY", "SELL"]) -> Trade:
    fees = tuple(_fees(record))
    amount = before_fees(_positive(_total(record)), fees, side)
    quantity = positive(record.number("No. of shares"), "No. of shares")
    price = Money(record.number("Price / share"), record.needed("Currency (Price / share)"))
    _check(record, quantity * price.amount, price.currency, amount)
    return Trade(side, record.instrument("Ticker"), quantity, amount, fees, price)


def _check(record: Record, product: Decimal, quote: str, amount: Money) -> None:
    """Raise RowError where units times price, at the row's rate, are not the amount."""
    is_rated = quote != amount.currency
    rate = positive(record.number("Exchange rate"), "Exchange rate") if is_rated else Decimal(1)
    pence = (Decimal(1), PENCE) if quote in _PENCE else (Decimal(1),)
    if not any(agrees(amount.amount * rate * parts, product) for parts in pence):
        words = f"units times price are {product} {quote}, and the amount is {amount.amount} {amount.currency}"
        raise RowError(f"{words} at {rate}")


def _fees(record: Record) -> Iterator[Money]:
    """Give every cost that the row tells: a column that has one beside it for its currency and is nothing else."""
    for name, text in record.cells.items():
        currency = f"Currency ({name})"
        if name not in _NO_FEES and currency in record.cells and text:
            amount = record.number(name)
            if amount:
                yield Money(amount, record.currency(currency))


def _withheld(record: Record) -> Money | None:
    amount = record.number_or_zero("Withholding tax")
    return Money(amount, currency_of(record.get("Currency (Withholding tax)"), "its currency")) if amount else None


def _total(record: Record) -> Money:
    return record.money("Total", "Currency (Total)")


def _positive(money: Money, name: str = "Total") -> Money:
    positive(money.amount, name)
    return money

"""Trading 212's history (CSV): orders, dividends, interest, and cash paid in and out, in the account's currency."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from adapters.statements.checked import PENCE, agrees, before_fees, positive
from adapters.statements.opened import Opened, Record, RowError, currency_of, day_of, first_row, read_table
from core.domain.statement import (
    Deposit,
    Dividend,
    Event,
    Interest,
    Money,
    Statement,
    StatementRow,
    Trade,
    Withdrawal,
    Withholding,
)

BROKER = "trading212"
_COLUMNS = {"Action", "Time", "No. of shares", "Price / share", "Exchange rate", "Total", "Currency (Total)"}
_ORDER = re.compile(r"(?:Market|Limit|Stop|Stop limit) (buy|sell)")
_REFUND = "Withholding tax refund - interest on cash"
_NO_FEES = ("Price / share", "Result", "Total", "Withholding tax")
_DAY_LENGTH = len("2024-01-01")
# Prices of London are told in pence, which is no currency of its own.
_PENCE = ("GBX", "GBp")


def recognises(file: Opened) -> bool:
    """Say whether the first row is this history's heading."""
    return set(first_row(file)) >= _COLUMNS


def read(file: Opened) -> Statement:
    """Read the history; raises StatementError where the file as a whole cannot be read."""
    return read_table(file, _row, BROKER)


def _row(record: Record) -> StatementRow:
    moment = record.needed("Time")
    day = day_of(moment[:_DAY_LENGTH], "%Y-%m-%d", "Time")
    return StatementRow(record.line, day, _event(record), moment=moment, broker_id=record.get("ID"))


def _event(record: Record) -> Event:
    action = record.needed("Action")
    order = _ORDER.fullmatch(action)
    if order is not None:
        return _trade(record, "BUY" if order[1] == "buy" else "SELL")
    if any(_fees(record)):
        raise RowError(f"a fee on a row of kind {action!r}, which has no place for it")
    if action.startswith("Dividend"):
        total = _total(record)
        return Dividend(record.instrument("Ticker"), total, _withheld(record))
    if action == "Interest on cash":
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


def _positive(money: Money) -> Money:
    positive(money.amount, "Total")
    return money

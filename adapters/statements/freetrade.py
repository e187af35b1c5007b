"""Freetrade's activity feed (CSV): orders, free shares, dividends, interest and cash paid in and out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from adapters.statements.checked import before_fees, check_product, positive
from adapters.statements.opened import Opened, Record, RowError, day_of, first_row, read_table
from core.domain.statement import (
    Deposit,
    Dividend,
    Event,
    Gift,
    Interest,
    Money,
    Statement,
    StatementRow,
    Trade,
    Withdrawal,
)

BROKER = "freetrade"
_COLUMNS = {"Type", "Timestamp", "Account Currency", "Total Amount", "Buy / Sell", "Order ID", "FX Fee Amount"}
_DAY_LENGTH = len("2024-01-16")
_SIDES: dict[str, Literal["BUY", "SELL"]] = {"BUY": "BUY", "SELL": "SELL"}


def recognises(file: Opened) -> bool:
    """Say whether the first row is this feed's heading."""
    return set(first_row(file)) >= _COLUMNS


def read(file: Opened) -> Statement:
    """Read the feed; raises StatementError where the file as a whole cannot be read."""
    return read_table(file, _row, BROKER)


def _row(record: Record) -> StatementRow:
    moment = record.needed("Timestamp")
    day = day_of(moment[:_DAY_LENGTH], "%Y-%m-%d", "Timestamp")
    return StatementRow(record.line, day, _event(record), moment=moment, broker_id=record.get("Order ID"))


def _event(record: Record) -> Event:
    total = record.money("Total Amount", "Account Currency")
    positive(total.amount, "Total Amount")
    match record.needed("Type"):
        case "ORDER":
            return _trade(record, total)
        case "FREESHARE_ORDER":
            return Gift(record.instrument("Ticker"), positive(record.number("Quantity"), "Quantity"), total)
        case "DIVIDEND":
            return Dividend(record.instrument("Ticker"), total, _withheld(record))
        case "INTEREST_FROM_CASH":
            return Interest(total)
        case "TOP_UP":
            return Deposit(total)
        case "WITHDRAWAL":
            return Withdrawal(total)
        case other:
            raise RowError(f"Type {other!r} is not known")


def _trade(record: Record, total: Money) -> Trade:
    side = _SIDES.get(record.needed("Buy / Sell"))
    if side is None:
        raise RowError(f"Buy / Sell was {record.get('Buy / Sell')!r}; it must be BUY or SELL")
    fees = _fees(record, total.currency)
    amount = before_fees(total, fees, side)
    quantity = positive(record.number("Quantity"), "Quantity")
    price = record.number("Price per Share in Account Currency")
    check_product(quantity, price, amount.amount)
    return Trade(side, record.instrument("Ticker"), quantity, amount, tuple(fees), Money(price, total.currency))


def _fees(record: Record, currency: str) -> Sequence[Money]:
    amounts = [record.number_or_zero(name) for name in ("FX Fee Amount", "Stamp Duty")]
    return [Money(amount, currency) for amount in amounts if amount]


def _withheld(record: Record) -> Money | None:
    amount = record.number_or_zero("Dividend Withheld Tax Amount")
    return Money(amount, record.currency("Instrument Currency")) if amount != Decimal(0) else None

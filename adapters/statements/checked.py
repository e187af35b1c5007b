"""Checks on a row's own arithmetic: what is read wrong by a factor, or is told with two meanings, is not understood."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from adapters.statements.opened import RowError
from core.domain.statement import Money

# Brokers round prices, rates and amounts, each on its own; a wrong decimal mark is off by ten at the least.
SHARE = Decimal("0.01")
LEAST = Decimal("0.02")
PENCE = Decimal(100)


def agrees(amount: Decimal, product: Decimal) -> bool:
    """Say whether units times price come to the amount, within one hundredth and two cents."""
    return abs(amount - product) <= LEAST + SHARE * abs(amount)


def check_product(quantity: Decimal, price: Decimal, amount: Decimal) -> None:
    """Raise RowError where units times price are not the amount."""
    if not agrees(amount, quantity * price):
        raise RowError(f"{quantity} units at {price} are {quantity * price}, and the amount is {amount}")


def positive(value: Decimal, name: str) -> Decimal:
    """Give a number above zero; raises RowError."""
    if value <= 0:
        raise RowError(f"{name} was {value}; it must be above 0")
    return value


def before_fees(total: Money, fees: Iterable[Money], side: str) -> Money:
    """Give what a trade came to before its fees, from what was paid or received in all; raises RowError."""
    sign = -1 if side == "BUY" else 1
    amount = total.amount
    for fee in fees:
        if fee.currency != total.currency:
            raise RowError(f"the fee is in {fee.currency} and the total in {total.currency}; its part cannot be told")
        amount += sign * fee.amount
    if amount < 0:
        raise RowError(f"the fees are more than the total of {total.amount}")
    return Money(amount, total.currency)

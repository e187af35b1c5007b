"""What some accounts are worth on a day, and the words where there is no figure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from core.ledger.quotes import Quotes
from core.ledger.walk import Evening, Flow

ZERO = Decimal(0)


@dataclass(frozen=True)
class Scope:
    """Whose figures are asked for, as of which day, and in what they are told."""

    accounts: frozenset[str]
    as_of: date
    base: str

    def is_outside(self, flow: Flow) -> bool:
        """Say whether a flow of one of these accounts has its other end outside them."""
        return flow.account in self.accounts and flow.other not in self.accounts


def value_on(evening: Evening, day: date, quotes: Quotes, scope: Scope) -> Decimal:
    """Give what some accounts were worth in the base at the end of a day; raises NoQuote."""
    worth = ZERO
    for (account, name), quantity in evening.units.items():
        if account in scope.accounts:
            price = quotes.price(name, day)
            worth += quantity * price.value * quotes.rate(price.currency, scope.base, day).value
    for (account, currency), amount in evening.cash.items():
        if account in scope.accounts:
            worth += amount * quotes.rate(currency, scope.base, day).value
    return worth


def not_computable(reason: object) -> dict[str, Any]:
    """Give the answer that says why there is none."""
    return {"not_computable": str(reason)}

"""Figures of results as people read them: the engine's exact answer in pence, so that what is shown adds up to the penny."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from core.money import to_pence

ZERO = Decimal(0)


@dataclass(frozen=True)
class Figures:
    """A result in the base currency: capital + realised + unrealised + income - fees = equity, and total = equity - capital.

    Realised and unrealised are price and fx together; income is after tax. What needs a value is None where something
    held has no price or no rate, and `missing` says why.
    """

    capital: Decimal
    realised_price: Decimal
    realised_fx: Decimal
    unrealised_price: Decimal | None
    unrealised_fx: Decimal | None
    gross: Decimal
    withheld: Decimal
    fees: Decimal
    equity: Decimal | None
    missing: str | None = None

    @property
    def realised(self) -> Decimal:
        """Give what was made on what is gone."""
        return self.realised_price + self.realised_fx

    @property
    def unrealised(self) -> Decimal | None:
        """Give what was made on what is held."""
        if self.unrealised_price is None or self.unrealised_fx is None:
            return None
        return self.unrealised_price + self.unrealised_fx

    @property
    def income(self) -> Decimal:
        """Give dividends and interest after the tax withheld from them."""
        return self.gross - self.withheld

    @property
    def total(self) -> Decimal | None:
        """Give the whole result."""
        return None if self.equity is None else self.equity - self.capital


@dataclass(frozen=True)
class Holding:
    """Units of an instrument in a book, in its currency and in the base: cost and value; None where nothing values them."""

    book: str
    instrument: str
    quantity: Decimal
    currency: str
    cost: Decimal
    cost_base: Decimal
    value_own: Decimal | None
    value: Decimal | None
    price_date: date | None
    lots: int
    missing: str | None = None


@dataclass(frozen=True)
class Balance:
    """Cash of a book in a currency, its worth in the base, and the rate of it with its day and its source."""

    book: str
    currency: str
    amount: Decimal
    value: Decimal | None
    rate: Decimal | None
    rate_date: date | None
    rate_source: str | None


def figures_of(pnl: Mapping[str, Any]) -> Figures:
    """Round a result to pence: each figure for itself, but the unrealised gain by price, which takes what that leaves."""
    realised, income = pnl["realised"], pnl["income"]
    fx = to_pence(realised["fx"])
    price = to_pence(realised["total"]) - fx
    capital, fees = to_pence(pnl["flows"]), to_pence(pnl["fees"])
    gross, withheld = to_pence(income["gross"]), to_pence(income["withheld"])
    missing = not_computed(pnl["value"])
    if missing is not None:
        return Figures(capital, price, fx, None, None, gross, withheld, fees, None, missing)
    equity, open_fx = to_pence(pnl["value"]), to_pence(pnl["unrealised"]["fx"])
    open_price = equity - capital - price - fx - (gross - withheld) + fees - open_fx
    return Figures(capital, price, fx, open_price, open_fx, gross, withheld, fees, equity)


def holdings_told(answer: Mapping[str, Any]) -> tuple[Holding, ...]:
    """Give the positions, by book and instrument."""
    counts: dict[tuple[str, str], int] = {}
    for lot in answer["lots"]:
        where = lot["account"], lot["instrument"]
        counts[where] = counts.get(where, 0) + 1
    return tuple(
        Holding(
            book=row["account"],
            instrument=row["instrument"],
            quantity=row["quantity"],
            currency=row["currency"],
            cost=to_pence(row["cost"]),
            cost_base=to_pence(row["cost_base"]),
            value_own=_pence(row["value"]),
            value=_pence(row["value_base"]),
            price_date=row["price_date"],
            lots=counts[row["account"], row["instrument"]],
            missing=not_computed(row["value_base"]),
        )
        for row in answer["positions"]
    )


def balances_told(answer: Mapping[str, Any]) -> tuple[Balance, ...]:
    """Give the cash, by book and currency."""
    return tuple(
        Balance(
            book=row["account"],
            currency=row["currency"],
            amount=row["amount"],
            value=_pence(row["value_base"]),
            rate=row["rate"],
            rate_date=row["rate_date"],
            rate_source=row["rate_source"],
        )
        for row in answer["cash"]
    )


def cash_in(balances: Sequence[Balance], currency: str) -> Decimal:
    """Sum the cash in one currency."""
    return sum((one.amount for one in balances if one.currency == currency), ZERO)


def not_computed(figure: object) -> str | None:
    """Give the reason why there is no figure, or None where there is one."""
    return str(figure["not_computable"]) if isinstance(figure, Mapping) and "not_computable" in figure else None


def _pence(amount: Decimal | Mapping[str, Any] | None) -> Decimal | None:
    return to_pence(amount) if isinstance(amount, Decimal) else None

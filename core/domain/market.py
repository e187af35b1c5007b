"""Marks and rates: what one thing was worth in another, and when that was known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.domain.instrument import Currency, InstrumentId


@dataclass(frozen=True)
class FxRate:
    """Units of `quote` for one unit of `base`, fixed on a day by a source."""

    base: Currency
    quote: Currency
    rate: Decimal
    fixed_on: date
    source: str

    def to_base(self, amount: Decimal) -> Decimal:
        """Turn an amount of the quote currency into the base currency, unrounded."""
        return amount / self.rate


@dataclass(frozen=True)
class Mark:
    """The price used to value one instrument: the close of a session, in the instrument's currency and the book's basis."""

    instrument: InstrumentId
    session: date
    price: Decimal
    basis: str


@dataclass(frozen=True)
class Prices:
    """The marks that a decision uses and the rate that turns them into the base currency."""

    marks: tuple[Mark, ...]
    fx: FxRate

    def by_instrument(self) -> dict[InstrumentId, Mark]:
        """Give the marks by instrument."""
        return {mark.instrument: mark for mark in self.marks}

    def value_of(self, instrument: InstrumentId, quantity: Decimal) -> Decimal:
        """Value a quantity in the base currency, unrounded; raises ValueError when it has no mark."""
        for mark in self.marks:
            if mark.instrument == instrument:
                return self.fx.to_base(quantity * mark.price)
        raise ValueError(f"held {instrument} has no mark")

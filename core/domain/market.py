"""Marks and rates: what one thing was worth in another, and when that was known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

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

    def by_instrument(self) -> Mapping[InstrumentId, Mark]:
        """Give the marks by instrument."""
        return self._by_instrument

    def value_of(self, instrument: InstrumentId, quantity: Decimal) -> Decimal:
        """Value a quantity in the base currency, unrounded; raises ValueError when it has no mark."""
        mark = self._by_instrument.get(instrument)
        if mark is None:
            raise ValueError(f"held {instrument} has no mark")
        return self.fx.to_base(quantity * mark.price)

    # Made once: every rule asks for the mark of every line.
    @cached_property
    def _by_instrument(self) -> dict[InstrumentId, Mark]:
        return {mark.instrument: mark for mark in self.marks}

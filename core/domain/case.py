"""The case: the frozen whole that the riskguard judges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.domain.holdings import Holdings
from core.domain.instrument import Instrument, InstrumentId, Universe
from core.domain.market import Mark, Prices
from core.domain.order import OrderLine, Proposal
from core.domain.slot import VenueName

ZERO = Decimal(0)


@dataclass(frozen=True)
class Case:
    """Proposal, holdings, prices and universe, as of one session for one venue.

    `pending` are the instruments that a split by the execution session leaves out, with its words.
    """

    proposal: Proposal
    holdings: Holdings
    prices: Prices
    universe: Universe
    as_of: date
    venue: VenueName
    capital_fraction: Decimal
    pending: tuple[tuple[InstrumentId, str], ...] = ()

    def instrument(self, name: InstrumentId) -> Instrument | None:
        """Give the universe row of an instrument that is valid as of the case, or None."""
        for row in self.universe.instruments:
            if row.id == name and row.is_valid_on(self.as_of):
                return row
        return None

    def mark(self, name: InstrumentId) -> Mark | None:
        """Give the mark of an instrument, or None."""
        return self.prices.by_instrument().get(name)

    def held(self, name: InstrumentId) -> Decimal:
        """Give the units held of an instrument."""
        return self.holdings.quantities().get(name, ZERO)

    def quantity_after(self, name: InstrumentId) -> Decimal:
        """Give the units held of an instrument once every line of the proposal is done."""
        lines = [line for line in self.proposal.lines if line.instrument == name]
        return self.held(name) + sum((line.quantity if line.side == "buy" else -line.quantity for line in lines), ZERO)

    def cash_after(self) -> Decimal:
        """Give the cash once every line is done, costs paid."""
        return self.holdings.cash + sum((cash_effect(line) for line in self.proposal.lines), ZERO)


def cash_effect(line: OrderLine) -> Decimal:
    """Give what a line does to cash, in the base currency, its costs included."""
    return (line.notional if line.side == "sell" else -line.notional) - line.cost

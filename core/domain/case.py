"""The case: the frozen whole that the riskguard judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from core.domain.holdings import Holdings
from core.domain.instrument import Instrument, InstrumentId, Universe
from core.domain.market import Mark, Prices
from core.domain.order import OrderLine, Proposal, Side
from core.domain.others import DeskView, OtherLine
from core.domain.panel import Panel
from core.domain.slot import VenueName

ZERO = Decimal(0)


@dataclass(frozen=True)
class Case:
    """Proposal, holdings, prices and universe, as of one session for one venue.

    `pending` are the instruments that a split by the execution session leaves out, with its words. `panel` are the bars up to
    as-of. `others` are the lines of the book's other tickets that are open or of the same day. `course` is how the book's
    last sessions went, oldest first: `-` a loss, `+` none. `desk` is what the desk's other books hold.
    """

    proposal: Proposal
    holdings: Holdings
    prices: Prices
    universe: Universe
    as_of: date
    venue: VenueName
    capital_fraction: Decimal
    pending: tuple[tuple[InstrumentId, str], ...] = ()
    panel: Panel | None = None
    others: tuple[OtherLine, ...] = ()
    course: str = ""
    desk: DeskView | None = None

    def instrument(self, name: InstrumentId) -> Instrument | None:
        """Give the universe row of an instrument that is valid as of the case, or None."""
        row = self.universe.by_id().get(name)
        return row if row is not None and row.is_valid_on(self.as_of) else None

    def mark(self, name: InstrumentId) -> Mark | None:
        """Give the mark of an instrument, or None."""
        return self.prices.by_instrument().get(name)

    def held(self, name: InstrumentId) -> Decimal:
        """Give the units held of an instrument."""
        return self._held.get(name, ZERO)

    def quantity_after(self, name: InstrumentId) -> Decimal:
        """Give the units held of an instrument once every line of the proposal is done."""
        return self.after.get(name, ZERO)

    def value_after(self, name: InstrumentId) -> Decimal:
        """Give what an instrument is worth in the base currency once every line is done, unrounded; zero without a mark."""
        return self._values.get(name, ZERO)

    def lines_of(self, name: InstrumentId, side: Side) -> int:
        """Count the proposal's lines of an instrument on one side."""
        return self._counts[name, side]

    def cash_after(self) -> Decimal:
        """Give the cash once every line is done, costs paid."""
        return self.holdings.cash + sum((cash_effect(line) for line in self.proposal.lines), ZERO)

    @cached_property
    def after(self) -> Mapping[InstrumentId, Decimal]:
        """Give the units of all that is held or traded once every line is done, in the order of the ids."""
        units = dict(self._held)
        for line in self.proposal.lines:
            signed = line.quantity if line.side == "buy" else -line.quantity
            units[line.instrument] = units.get(line.instrument, ZERO) + signed
        return {name: units[name] for name in sorted(units)}

    @cached_property
    def invested_after(self) -> Decimal:
        """Give what all that is held is worth in the base currency once every line is done, unrounded."""
        return sum(self._values.values(), ZERO)

    @cached_property
    def _values(self) -> Mapping[InstrumentId, Decimal]:
        marks, to_base = self.prices.by_instrument(), self.prices.fx.to_base
        return {name: to_base(units * marks[name].price) for name, units in self.after.items() if name in marks}

    @cached_property
    def _held(self) -> Mapping[InstrumentId, Decimal]:
        return self.holdings.quantities()

    @cached_property
    def _counts(self) -> Counter[tuple[InstrumentId, Side]]:
        return Counter((line.instrument, line.side) for line in self.proposal.lines)


def cash_effect(line: OrderLine) -> Decimal:
    """Give what a line does to cash, in the base currency, its costs included."""
    return (line.notional if line.side == "sell" else -line.notional) - line.cost

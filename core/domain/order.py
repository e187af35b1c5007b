"""Order lines, targets and proposals: what a book wants, before review."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from core.domain.instrument import InstrumentId

Side = Literal["buy", "sell"]
Effect = Literal["open", "close"]
OrderType = Literal["market", "limit"]
TimeInForce = Literal["window"]


@dataclass(frozen=True)
class OrderLine:
    """One wanted trade.

    `quantity` is in units of the book's basis; `price` is the decision price and `worst_price` the worst one accepted, in
    the instrument's currency; `notional` (quantity x price) and `cost` (expected costs) are in the base currency.
    """

    line: int
    instrument: InstrumentId
    side: Side
    effect: Effect
    quantity: Decimal
    order_type: OrderType
    price: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    worst_price: Decimal
    time_in_force: TimeInForce
    notional: Decimal
    notional_quote: Decimal
    cost: Decimal
    group: int | None = None
    parent: int | None = None


UNSCORED = "not scored"


@dataclass(frozen=True)
class TargetWeight:
    """The wanted share of equity in one instrument, a fraction."""

    instrument: InstrumentId
    weight: Decimal
    reason: str

    @property
    def is_unscored(self) -> bool:
        """Say whether this is a holding without a score, which is held as it is."""
        return self.reason.startswith(UNSCORED)


@dataclass(frozen=True)
class Target:
    """All target weights: the complete statement of the wanted book; what is not named is wanted at zero."""

    weights: tuple[TargetWeight, ...]

    def by_instrument(self) -> dict[InstrumentId, Decimal]:
        """Give the wanted weight of each instrument."""
        return {wanted.instrument: wanted.weight for wanted in self.weights}


@dataclass(frozen=True)
class Proposal:
    """Target weights and the order lines that would reach them, before review, with what was left undone and why.

    `hold_reason` says why there are no lines; `ledger_head` is that of the holdings that the plan starts from.
    """

    equity: Decimal
    target: Target
    lines: tuple[OrderLine, ...]
    left_undone: tuple[str, ...]
    hold_reason: str | None
    ledger_head: str

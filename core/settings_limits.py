"""What binds a book's trades: its limits, how it sizes orders, and the share of capital that a phase allows."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from core.settings_fields import (
    BasisPoints,
    Contradictions,
    Fraction,
    FractionAboveZero,
    FractionBelowOne,
    InstrumentName,
    NotNegative,
    OnlyTrue,
    OnlyZero,
    Positive,
    Section,
    once_each,
    whole,
)


class Limits(Section):
    """The numbers that no ticket may pass."""

    long_only: OnlyTrue
    underlying_only: OnlyTrue
    leverage_max: OnlyZero
    positions_max: Annotated[int, whole(1, 500)]
    weight_max: Fraction
    cash_buffer_min: FractionBelowOne
    turnover_max: Fraction
    order_value_min: NotNegative
    order_value_max: Positive
    trades_max: Annotated[int, whole(1, 1000)]
    value_traded_share_max: FractionAboveZero
    sector_weight_max: FractionAboveZero
    correlation_max: Fraction
    correlation_sessions: Annotated[int, whole(20, 252)]
    cluster_weight_max: FractionAboveZero
    price_move_max: Positive
    losing_sessions_max: Annotated[int, whole(1, 30)]
    cooldown_sessions: Annotated[int, whole(0, 30)]
    drawdown_max: FractionAboveZero
    daily_loss_max: FractionAboveZero
    no_buy: Annotated[
        tuple[InstrumentName, ...],
        Field(description="a list of internal symbols, each once, such as [TSLA]; [] for none"),
        AfterValidator(once_each),
        AfterValidator(lambda names: tuple(sorted(names))),
    ]

    def contradictions(self) -> Contradictions:
        """Give a smallest order above the largest, and a cap on a sole position that the cash buffer never lets it reach."""
        if self.order_value_min > self.order_value_max:
            yield (
                "order_value_min",
                f"was {self.order_value_min}; it must be at most order_value_max ({self.order_value_max})",
            )
        if self.positions_max == 1 and self.weight_max > 1 - self.cash_buffer_min:
            room = 1 - self.cash_buffer_min
            yield (
                "weight_max",
                f"was {self.weight_max}; with positions_max 1 and cash_buffer_min {self.cash_buffer_min}"
                f" it must be at most {room}",
            )


class Sizing(Section):
    """How wanted weights become order lines."""

    method: Literal["value"]
    weights: Literal["equal", "inverse_volatility", "score_proportional"]
    volatility_sessions: Annotated[int, whole(20, 252)]
    regime_exposure: Fraction
    quantity_step: Positive
    fractions: Literal["quantity_step", "whole_units"]
    tiny_delta: Fraction
    buys_from: Literal["settled", "sale_proceeds"]
    fx_buffer_bps: BasisPoints

    @property
    def order_step(self) -> Decimal:
        """Give what the quantity of an order is a multiple of: the broker's step, or whole units."""
        return self.quantity_step if self.fractions == "quantity_step" else max(self.quantity_step, Decimal(1))

    def contradictions(self) -> Contradictions:
        """Give whole units that are no multiple of the broker's step."""
        if self.order_step % self.quantity_step != 0:
            yield "fractions", f"was whole_units; a unit is no multiple of quantity_step ({self.quantity_step})"


class Rollout(Section):
    """The share of capital that may be used in each phase; the phase itself is a person's recorded fact."""

    phase_0: Fraction
    phase_a: Fraction
    phase_b: Fraction
    phase_c: Fraction

    def contradictions(self) -> Contradictions:
        """Give a pilot that would use more than what comes after it."""
        if self.phase_b > self.phase_c:
            yield "phase_b", f"was {self.phase_b}; the pilot must be at most phase_c ({self.phase_c})"

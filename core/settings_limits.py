"""What binds a book's trades: its limits, how it sizes orders, and the share of capital that a phase allows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from core.settings_fields import (
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
    drawdown_max: FractionAboveZero
    no_buy: Annotated[
        tuple[InstrumentName, ...],
        Field(description="a list of internal symbols, each once, such as [TSLA]; [] for none"),
        AfterValidator(once_each),
        AfterValidator(lambda names: tuple(sorted(names))),
    ]

    def contradictions(self) -> Contradictions:
        """Give a cap on a sole position that the cash buffer can never let it reach."""
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
    quantity_step: Positive
    tiny_delta: Fraction
    buys_from: Literal["settled", "sale_proceeds"]


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

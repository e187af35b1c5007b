"""Settings: the typed policy of a book and the desk's accounts, parsed at the door."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.canonical import sha256_of

Fraction = Annotated[Decimal, Field(ge=0, le=1)]
Positive = Annotated[Decimal, Field(gt=0)]
NotNegative = Annotated[Decimal, Field(ge=0)]


class Section(BaseModel):
    """A part of the settings: frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Schedule(Section):
    """When the book decides: weekdays, the daily window of the run, and how often it rebalances."""

    run_days: Literal["weekdays"]
    run_from: time
    run_until: time
    timezone: str
    rebalance: Literal["daily", "weekly"]


class Limits(Section):
    """The numbers that no ticket may pass."""

    long_only: Literal[True]
    underlying_only: Literal[True]
    leverage_max: Literal[0]
    positions_max: Annotated[int, Field(ge=1, le=500)]
    weight_max: Fraction
    cash_buffer_min: Fraction
    turnover_max: Fraction
    order_value_min: NotNegative
    drawdown_max: Annotated[Decimal, Field(gt=0, le=1)]
    no_buy: tuple[str, ...]


class Sizing(Section):
    """How wanted weights become order lines."""

    method: Literal["value"]
    quantity_step: Positive
    tiny_delta: Fraction
    buys_from: Literal["settled", "sale_proceeds"]


class Execution(Section):
    """How and when a person (or the paper venue) executes."""

    venue: Literal["paper", "manual"]
    order_style: Literal["market", "limit"]
    calendar: Literal["XNYS"]
    window_opens_minutes: Annotated[int, Field(ge=0, le=390)]
    window_closes_minutes: Annotated[int, Field(ge=1, le=390)]
    skip_above_bps: NotNegative
    confirm_within_hours: Annotated[int, Field(ge=1, le=168)]


class Costs(Section):
    """What trading costs, in basis points of the traded value."""

    slippage_bps: NotNegative
    spread_bps: NotNegative
    fx_fee_bps: NotNegative
    commission: NotNegative
    dividend_withholding: Fraction


class DataRules(Section):
    """What market data must satisfy before anything is decided on it."""

    benchmark: str
    coverage_min: Fraction
    benchmark_age_sessions_max: Annotated[int, Field(ge=0)]
    duplicate_dates_max: Annotated[int, Field(ge=0)]
    fx_age_days_max: Annotated[int, Field(ge=0)]
    assumed_lag_hours: Annotated[int, Field(ge=0, le=48)]
    source_order: tuple[str, ...]


class Reconciliation(Section):
    """When our books and the venue's must have been compared, and how far they may differ."""

    required_every_days: Annotated[int, Field(ge=1)]
    units_tolerance: NotNegative
    cash_tolerance: NotNegative


class StrategySettings(Section):
    """Which strategy ranks the universe, and its parameters."""

    name: str
    parameters: dict[str, int | Decimal | str]


class Rollout(Section):
    """The share of capital that may be used in each phase; the phase itself is a person's recorded fact."""

    phase_0: Fraction
    phase_a: Fraction
    phase_b: Fraction
    phase_c: Fraction


class Policy(Section):
    """Every decision of one book: `config/policy.yml`."""

    version: Literal[1]
    book: str
    account: str
    base_currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    opening_cash: NotNegative
    risk_off: Literal["cash_allowed", "always_invested"]
    distributions: Literal["reinvest"]
    schedule: Schedule
    limits: Limits
    sizing: Sizing
    execution: Execution
    costs: Costs
    data: DataRules
    reconciliation: Reconciliation
    strategy: StrategySettings
    rollout: Rollout

    @property
    def hash(self) -> str:
        """Give the SHA-256 of the policy's canonical bytes: comments and layout do not count."""
        return sha256_of(self.model_dump(mode="json"))


class Account(Section):
    """An account at a venue: it holds one or more books."""

    name: str
    venue_name: str
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]


class Desk(Section):
    """All accounts of the workspace and the limits over all of its books: `config/desk.yml`."""

    version: Literal[1]
    accounts: tuple[Account, ...]
    gross_max: Positive

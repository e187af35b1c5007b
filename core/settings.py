"""Settings: the typed policy of a book and the desk's accounts; `core/settings_text.py` reads them from YAML."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from core.canonical import sha256_of
from core.domain.instrument import Universe
from core.domain.provider import PriceSource
from core.settings_fields import (
    AboveOne,
    BarName,
    BasisPoints,
    Contradictions,
    CurrencyCode,
    Fraction,
    FractionAboveZero,
    FractionBelowOne,
    InstrumentName,
    LotMethod,
    NotNegative,
    OnlyOne,
    Parameter,
    Positive,
    Section,
    ShortName,
    TimeOfDay,
    TimeZoneName,
    at_least_one,
    once_each,
    whole,
    words,
)
from core.settings_limits import Limits, Rollout, Sizing


class Schedule(Section):
    """When the book decides: weekdays, the daily window of the run, and how often it rebalances."""

    run_days: Literal["weekdays"]
    run_from: TimeOfDay
    run_until: TimeOfDay
    timezone: TimeZoneName
    rebalance: Literal["daily", "weekly"]

    def contradictions(self) -> Contradictions:
        """Give a run that would end before it begins."""
        if self.run_until <= self.run_from:
            yield "run_until", f"was {self.run_until:%H:%M}; it must be after run_from ({self.run_from:%H:%M})"


class Execution(Section):
    """How and when a person (or the paper venue) executes."""

    venue: Literal["paper", "manual"]
    order_style: Literal["market", "limit"]
    calendar: Literal["XNYS"]
    # A half day of the exchange lasts 210 minutes: a window inside that is the same on every session.
    window_opens_minutes: Annotated[int, whole(0, 209)]
    window_closes_minutes: Annotated[int, whole(1, 210)]
    skip_above_bps: BasisPoints
    confirm_within_hours: Annotated[int, whole(1, 168)]

    def contradictions(self) -> Contradictions:
        """Give a window that would close before it opens."""
        if self.window_closes_minutes <= self.window_opens_minutes:
            opens, closes = self.window_opens_minutes, self.window_closes_minutes
            yield "window_closes_minutes", f"was {closes}; it must be above window_opens_minutes ({opens})"


class Costs(Section):
    """What trading costs: basis points of the traded value, and a commission an order in the base currency."""

    slippage_bps: BasisPoints
    spread_bps: BasisPoints
    fx_fee_bps: BasisPoints
    commission: NotNegative
    dividend_withholding: Fraction


class DataRules(Section):
    """What market data must satisfy before anything is decided on it."""

    benchmark: InstrumentName
    coverage_min: Fraction
    benchmark_age_sessions_max: Annotated[int, whole(0, 30)]
    duplicate_dates_max: Annotated[int, whole(0, 1000)]
    market_volume_min: Fraction
    excluded_max: Fraction
    missing_sessions_max: Annotated[int, whole(0, 1000)]
    unchanged_closes_max: Annotated[int, whole(1, 250)]
    zero_volume_max: Annotated[int, whole(0, 20)]
    partial_volume_min: Fraction
    jump_max: AboveOne
    news_jump_max: AboveOne
    news_turnover_min: NotNegative
    factor_fall_bps_max: BasisPoints
    factor_jump_max: FractionBelowOne
    unpaid_dividend_min: FractionBelowOne
    dividend_gap_bps_max: BasisPoints
    disagreement_bps_max: BasisPoints
    history_gone_max: Fraction
    reuse_gap_sessions_min: Annotated[int, whole(1, 1000)]
    reuse_ratio_max: AboveOne
    digits_max: Annotated[int, whole(4, 17)]
    value_traded_min: NotNegative
    accepted_bars: Annotated[
        tuple[BarName, ...],
        Field(description="a list of bars, each once, such as [NFLX 2022-04-20]; [] for none"),
        AfterValidator(once_each),
        AfterValidator(lambda names: tuple(sorted(names))),
    ]
    fx_age_days_max: Annotated[int, whole(0, 31)]
    assumed_lag_hours: Annotated[int, whole(0, 48)]
    source_order: Annotated[
        tuple[PriceSource, ...],
        Field(
            description="a list of providers of prices, each once, such as [yahoo, stooq]",
            json_schema_extra={"minItems": 1},
        ),
        AfterValidator(at_least_one),
        AfterValidator(once_each),
    ]

    def contradictions(self) -> Contradictions:
        """Give a bound on news below the bound from which a jump needs news at all."""
        if self.news_jump_max < self.jump_max:
            yield "news_jump_max", f"was {self.news_jump_max}; it must be at least jump_max ({self.jump_max})"


class Accounting(Section):
    """How the book's results are told: which units a sale takes, the broker's view."""

    lots: LotMethod


class Reconciliation(Section):
    """When our books and the venue's must have been compared, and how far they may differ."""

    required_every_days: Annotated[int, whole(1, 366)]
    units_tolerance: NotNegative
    cash_tolerance: NotNegative
    cash_tolerance_bps: BasisPoints
    price_tolerance_bps: BasisPoints


class StrategySettings(Section):
    """Which strategy ranks the universe, and its parameters, which the strategy itself checks."""

    name: ShortName
    parameters: Annotated[dict[str, Parameter], Field(description="a section of parameter names with their values")]


class Policy(Section):
    """Every decision of one book: `config/policy.yml`."""

    version: OnlyOne
    book: ShortName
    account: ShortName
    base_currency: CurrencyCode
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
    accounting: Accounting
    strategy: StrategySettings
    rollout: Rollout

    @property
    def hash(self) -> str:
        """Give the SHA-256 of the policy's canonical bytes: comments, layout and trailing zeros do not count."""
        return sha256_of(self.model_dump(mode="json"))

    def contradictions(self) -> Contradictions:
        """Give what no book could obey at once: across sections, for single sections look after themselves."""
        yield from _cannot_be_invested(self)
        yield from _cannot_be_traded(self)
        yield from _runs_too_late(self)


class Account(Section):
    """An account at a venue: it holds one or more books, and what belongs to none of them.

    `lots` is the method of what belongs to no book; what is not `taxable` stands outside the tax report.
    """

    name: ShortName
    venue_name: Annotated[str, words("the venue's name as people write it, such as eToro")]
    currency: CurrencyCode
    taxable: Annotated[bool, Field(description="true or false")]
    lots: LotMethod


class Desk(Section):
    """All accounts of the workspace and the limits over all of its books: `config/desk.yml`."""

    version: OnlyOne
    accounts: Annotated[
        tuple[Account, ...],
        Field(description="a list of one or more accounts, each with name, venue_name, currency, taxable and lots"),
        AfterValidator(at_least_one),
    ]
    gross_max: Positive
    weight_max: FractionAboveZero
    backup_after_run: Annotated[bool, Field(description="true or false")]

    def contradictions(self) -> Contradictions:
        """Give two accounts of one name."""
        names = [account.name for account in self.accounts]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield "accounts", f"name {name} {names.count(name)} times; each account needs a name of its own"


def desk_objections(policy: Policy, desk: Desk) -> tuple[str, ...]:
    """Say what in a book's policy does not fit the desk: its account must be listed, in the book's currency."""
    accounts = {account.name: account for account in desk.accounts}
    account = accounts.get(policy.account)
    if account is None:
        return (f"account was {policy.account}; the desk lists {', '.join(accounts)}",)
    if account.currency != policy.base_currency:
        return (f"base_currency was {policy.base_currency}; account {account.name} is in {account.currency}",)
    return ()


def universe_objections(policy: Policy, universe: Universe) -> tuple[str, ...]:
    """Say which instruments the policy names that the universe does not list: a misspelt ban would ban nothing."""
    known = universe.by_id()
    named = [("data.benchmark", policy.data.benchmark), *(("limits.no_buy", name) for name in policy.limits.no_buy)]
    named += [("data.accepted_bars", name.partition(" ")[0]) for name in policy.data.accepted_bars]
    return tuple(f"{key} names {name}, which the universe does not list" for key, name in named if name not in known)


def _cannot_be_invested(policy: Policy) -> Contradictions:
    limits, wanted = policy.limits, 1 - policy.limits.cash_buffer_min
    reachable = limits.positions_max * limits.weight_max
    if policy.risk_off == "always_invested" and reachable < wanted:
        yield (
            "risk_off",
            f"was always_invested, but positions_max {limits.positions_max} x weight_max {limits.weight_max}"
            f" = {reachable} can never reach {wanted}, all but cash_buffer_min",
        )


def _cannot_be_traded(policy: Policy) -> Contradictions:
    tiny, most = policy.sizing.tiny_delta, policy.limits.weight_max
    if tiny > most:
        yield "sizing.tiny_delta", f"was {tiny}; above limits.weight_max ({most}) every first purchase counts as tiny"


# When an exchange opens, and the days on which that is earliest by clocks elsewhere: in July where it is winter then
# or clocks never change, in late October where they have changed already and New York's have not.
_OPENS = {"XNYS": (time(9, 30), "America/New_York")}
_EARLIEST = (date(2024, 7, 17), date(2024, 10, 30))


def _runs_too_late(policy: Policy) -> Contradictions:
    at, place = _OPENS[policy.execution.calendar]
    zone = ZoneInfo(policy.schedule.timezone)
    for day in _EARLIEST:
        wait = timedelta(minutes=policy.execution.window_opens_minutes)
        opens = (datetime.combine(day, at, ZoneInfo(place)) + wait).astimezone(zone)
        if datetime.combine(day, policy.schedule.run_until, zone) > opens:
            yield (
                "schedule.run_until",
                f"was {policy.schedule.run_until:%H:%M} {policy.schedule.timezone}; it must not be after the execution"
                f" window opens, which on days like {day} is {opens:%H:%M} there",
            )
            return

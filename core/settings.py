"""Settings: the typed policy of a book and the desk's accounts; `core/settings_text.py` reads them from YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from core.canonical import plain_decimal, sha256_of
from core.domain.instrument import Universe

# What would be right stands once, in a field's `description`: error messages and the JSON Schema both show it.
TIME_PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
NAME_PATTERN = "^[a-z][a-z0-9_-]{0,31}$"
CURRENCY_PATTERN = "^[A-Z]{3}$"
INSTRUMENT_PATTERN = "^[A-Z0-9]+([.-][A-Z0-9]+)*$"
BAR_PATTERN = "^[A-Z0-9]+([.-][A-Z0-9]+)* [0-9]{4}-[0-9]{2}-[0-9]{2}$"


def _number(value: object) -> object:
    """Take a whole number for a decimal; anything else, a float or a text, is the strict type's to refuse."""
    return Decimal(value) if type(value) is int else value


def _time(value: object) -> object:
    """Take HH:MM for a time of day; anything else is the strict type's to refuse."""
    is_text = isinstance(value, str) and re.fullmatch(TIME_PATTERN, value)
    return time.fromisoformat(str(value)) if is_text else value


def _of_type(wanted: type) -> BeforeValidator:
    """Refuse what only equals a literal: 1 is no `true`, and `true` is no 1."""

    def check(value: object) -> object:
        if type(value) is not wanted:
            raise ValueError(f"{value!r} is not of type {wanted.__name__}")
        return value

    return BeforeValidator(check)


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"no time zone is named {name}") from error
    return name


def _bar_name(name: object) -> object:
    if isinstance(name, str) and re.fullmatch(BAR_PATTERN, name):
        date.fromisoformat(name.rpartition(" ")[2])
    return name


def _once_each(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) != len(names):
        raise ValueError("a name stands twice")
    return names


def _at_least_one(items: tuple[Any, ...]) -> tuple[Any, ...]:
    # Not by `min_length`, which counts the items that are right: a list of one wrong item would be told to be empty.
    if not items:
        raise ValueError("the list is empty")
    return items


def _parameter(value: object) -> object:
    if type(value) not in (int, Decimal, str):
        raise ValueError(f"{value!r} is neither a number nor a text")
    return value


def _whole(least: int, most: int) -> Any:
    return Field(ge=least, le=most, description=f"a whole number from {least} to {most}")


def _words(wanted: str, pattern: str = "") -> Any:
    return Field(min_length=1, max_length=80, pattern=pattern or None, description=wanted)


_DECIMAL = BeforeValidator(_number)
_PLAIN = PlainSerializer(plain_decimal, return_type=str, when_used="json")
_HHMM = PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str, when_used="json")

# Bounds stand first, so that they are the decimal type's own and reach the JSON Schema.
Fraction = Annotated[Decimal, Field(ge=0, le=1, description="a number from 0 to 1, such as 0.1"), _DECIMAL, _PLAIN]
FractionAboveZero = Annotated[
    Decimal, Field(gt=0, le=1, description="a number above 0 and at most 1, such as 0.1"), _DECIMAL, _PLAIN
]
FractionBelowOne = Annotated[
    Decimal, Field(ge=0, lt=1, description="a number from 0 to below 1, such as 0.05"), _DECIMAL, _PLAIN
]
AboveOne = Annotated[Decimal, Field(gt=1, description="a number above 1, such as 1.4"), _DECIMAL, _PLAIN]
Positive = Annotated[Decimal, Field(gt=0, description="a number above 0, such as 0.0001"), _DECIMAL, _PLAIN]
NotNegative = Annotated[Decimal, Field(ge=0, description="a number of 0 or more, such as 25"), _DECIMAL, _PLAIN]
BasisPoints = Annotated[
    Decimal, Field(ge=0, le=10_000, description="basis points, a number from 0 to 10000, such as 5"), _DECIMAL, _PLAIN
]

TimeOfDay = Annotated[
    time,
    BeforeValidator(_time, json_schema_input_type=str),
    _HHMM,
    WithJsonSchema({"type": "string", "pattern": TIME_PATTERN}, mode="validation"),
    Field(description="a time of day as HH:MM, such as 08:00"),
]
TimeZoneName = Annotated[
    str, AfterValidator(_timezone), _words("a time zone of the IANA list, such as Europe/London", "^[A-Za-z0-9_/+-]+$")
]
ShortName = Annotated[
    str, _words("a short name of small letters, digits, - and _ that starts with a letter, such as main", NAME_PATTERN)
]
CurrencyCode = Annotated[str, _words("three capital letters, such as GBP", CURRENCY_PATTERN)]
BarName = Annotated[
    str,
    BeforeValidator(_bar_name),
    _words("an internal symbol and a session, such as NFLX 2022-04-20", BAR_PATTERN),
]
InstrumentName = Annotated[str, _words("an internal symbol of the universe, such as AAPL", INSTRUMENT_PATTERN)]
PriceSource = Literal[
    "yahoo",
    "stooq",
    "alphavantage",
    "ibkr",
    "quandl",
    "quantconnect",
    "coinbase",
    "cboe",
    "fred",
    "oanda",
    "synthetic",
]
Parameter = Annotated[
    int | Decimal | str,
    PlainValidator(_parameter, json_schema_input_type=int | Decimal | str),
    PlainSerializer(lambda value: plain_decimal(value) if isinstance(value, Decimal) else value, when_used="json"),
    Field(description="a number or a text"),
]
LotMethod = Literal["FIFO", "LIFO", "HIFO", "AVERAGE", "SPECIFIC"]
OnlyTrue = Annotated[Literal[True], _of_type(bool)]
OnlyZero = Annotated[Literal[0], _of_type(int)]
OnlyOne = Annotated[Literal[1], _of_type(int)]

Contradictions = Iterator[tuple[str, str]]
"""Keys, dotted from their section, each with why its value cannot stand beside the others."""


class Section(BaseModel):
    """A part of the settings: frozen, strictly typed, unknown keys refused, and free of contradictions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def contradictions(self) -> Contradictions:
        """Give what contradicts itself in the section; most sections hold nothing that could."""
        yield from ()

    @model_validator(mode="after")
    def _hold_together(self) -> Self:
        found = tuple(self.contradictions())
        if found:
            text = "; ".join(f"{key} {why}" for key, why in found)
            raise PydanticCustomError("contradiction", "{text}", {"text": text, "found": found})
        return self


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


class Limits(Section):
    """The numbers that no ticket may pass."""

    long_only: OnlyTrue
    underlying_only: OnlyTrue
    leverage_max: OnlyZero
    positions_max: Annotated[int, _whole(1, 500)]
    weight_max: Fraction
    cash_buffer_min: FractionBelowOne
    turnover_max: Fraction
    order_value_min: NotNegative
    drawdown_max: FractionAboveZero
    no_buy: Annotated[
        tuple[InstrumentName, ...],
        Field(description="a list of internal symbols, each once, such as [TSLA]; [] for none"),
        AfterValidator(_once_each),
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


class Execution(Section):
    """How and when a person (or the paper venue) executes."""

    venue: Literal["paper", "manual"]
    order_style: Literal["market", "limit"]
    calendar: Literal["XNYS"]
    # A half day of the exchange lasts 210 minutes: a window inside that is the same on every session.
    window_opens_minutes: Annotated[int, _whole(0, 209)]
    window_closes_minutes: Annotated[int, _whole(1, 210)]
    skip_above_bps: BasisPoints
    confirm_within_hours: Annotated[int, _whole(1, 168)]

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
    benchmark_age_sessions_max: Annotated[int, _whole(0, 30)]
    duplicate_dates_max: Annotated[int, _whole(0, 1000)]
    market_volume_min: Fraction
    excluded_max: Fraction
    missing_sessions_max: Annotated[int, _whole(0, 1000)]
    unchanged_closes_max: Annotated[int, _whole(1, 250)]
    zero_volume_max: Annotated[int, _whole(0, 20)]
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
    reuse_gap_sessions_min: Annotated[int, _whole(1, 1000)]
    reuse_ratio_max: AboveOne
    digits_max: Annotated[int, _whole(4, 17)]
    value_traded_min: NotNegative
    accepted_bars: Annotated[
        tuple[BarName, ...],
        Field(description="a list of bars, each once, such as [NFLX 2022-04-20]; [] for none"),
        AfterValidator(_once_each),
        AfterValidator(lambda names: tuple(sorted(names))),
    ]
    fx_age_days_max: Annotated[int, _whole(0, 31)]
    assumed_lag_hours: Annotated[int, _whole(0, 48)]
    source_order: Annotated[
        tuple[PriceSource, ...],
        Field(
            description="a list of providers of prices, each once, such as [yahoo, stooq]",
            json_schema_extra={"minItems": 1},
        ),
        AfterValidator(_at_least_one),
        AfterValidator(_once_each),
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

    required_every_days: Annotated[int, _whole(1, 366)]
    units_tolerance: NotNegative
    cash_tolerance: NotNegative
    cash_tolerance_bps: BasisPoints
    price_tolerance_bps: BasisPoints


class StrategySettings(Section):
    """Which strategy ranks the universe, and its parameters, which the strategy itself checks."""

    name: ShortName
    parameters: Annotated[dict[str, Parameter], Field(description="a section of parameter names with their values")]


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
    venue_name: Annotated[str, _words("the venue's name as people write it, such as eToro")]
    currency: CurrencyCode
    taxable: Annotated[bool, Field(description="true or false")]
    lots: LotMethod


class Desk(Section):
    """All accounts of the workspace and the limits over all of its books: `config/desk.yml`."""

    version: OnlyOne
    accounts: Annotated[
        tuple[Account, ...],
        Field(description="a list of one or more accounts, each with name, venue_name, currency, taxable and lots"),
        AfterValidator(_at_least_one),
    ]
    gross_max: Positive
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

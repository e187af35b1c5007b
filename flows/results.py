"""Results of books: what they hold, what was made and what it returned, from the facts in the database by the one engine."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

import numpy as np

from core.canonical import plain_decimal
from core.domain.bars import Fixing
from core.domain.facts import Worth
from core.domain.instrument import CALENDARS, EXCHANGE_CALENDAR, InstrumentId, Universe
from core.domain.panel import Panel
from core.domain.posting import Entry, standing_entries
from core.domain.slot import AccountName, BookName, VenueName
from core.ledger.asked_of_books import Known, Quoted, check_books, question_of
from core.ledger.benchmark import Benchmark, benchmark_returns
from core.ledger.booked import FactError, fact_of
from core.ledger.equity import Curve, extend_curve, rates_of, worth_of
from core.ledger.evaluate import evaluate
from core.ledger.question import Account, Ask, Method, Opening, Price, QuestionError
from core.ledger.splits import splits_in, splits_unposted
from core.money import price_of
from core.settings_fields import LotMethod
from flows.ports import CleanSet
from flows.value import REACH, NothingToValue

ZERO = Decimal(0)
# As tickets do, a holding keeps its last close, whatever its age; the day stands beside it. Rates have no longer gaps.
PRICE_DAYS_MAX, RATE_DAYS_MAX = 400, 31


@dataclass(frozen=True)
class Part:
    """A part of an account whose results can be asked for: a book, or what belongs to none."""

    name: BookName
    account: AccountName
    lots: LotMethod
    is_taxable: bool


@dataclass(frozen=True)
class Scope:
    """Whose results are asked for: some parts, of all whose facts hang together (`world`), at one venue.

    `title` says it in words; `quote` is the currency that instruments are traded in. Each book of the paper venue is a world
    of its own.
    """

    title: str
    venue: VenueName
    base: str
    asked: tuple[BookName, ...]
    world: tuple[Part, ...]
    universe: Universe
    benchmark: InstrumentId
    quote: str


@dataclass(frozen=True)
class Moment:
    """The day that is asked about, and as it was known when (None: now); `since` begins a window of its own."""

    as_of: date
    now: datetime
    known_at: datetime | None = None
    since: date | None = None


class Facts(Protocol):
    """Reads the journal, all of it at one moment."""

    def known(self, books: Collection[BookName], venue: VenueName) -> Known:
        """Give all entries of some books with when each was recorded, and what people booked of them."""
        ...


class Snapshots(Protocol):
    """Knows the clean sets of the past."""

    def snapshot_at(self, instant: datetime) -> str | None:
        """Give the clean set that was current at an instant, or None before the first."""
        ...


@dataclass(frozen=True)
class ResultDoors:
    """What results are made of: the journal, the clean sets, and which of them was current when."""

    facts: Facts
    clean: CleanSet
    snapshots: Snapshots


@dataclass(frozen=True)
class Market:
    """What the market said of what books ever held: a panel a calendar, and fixings; nothing after the last session."""

    session: date | None
    panels: tuple[Panel, ...]
    fixings: Sequence[Fixing]


@dataclass(frozen=True)
class Results:
    """The engine's answer about a scope, and what it rests on: the day asked about, the entries that counted, the market.

    `known` and `quoted` are what the question was made of.
    """

    scope: Scope
    ask: Ask
    answer: dict[str, Any]
    entries: tuple[Entry, ...]
    market: Market
    known: Known
    quoted: Quoted

    @property
    def session(self) -> date | None:
        """Give the last session whose closes count; None where nothing was booked or no bars are there."""
        return self.market.session if self.entries else None


def results_of(
    scope: Scope, doors: ResultDoors, moment: Moment, *, with_returns: bool = False, method: Method = "FIFO"
) -> Results:
    """Ask the engine about a scope; units and cash are held against the postings in each call.

    Returns are computed `with_returns` alone, for they need the closes of all days; `method` counts where a part says none.
    Raises NothingToValue where there are no bars or rates, and BooksDiffer where facts do not come to what was posted.
    """
    known = doors.facts.known([part.name for part in scope.world], scope.venue)
    newest = max([moment.now, *(at for _, at in known.entries)])
    ask = Ask(
        as_of=moment.as_of,
        known_at=moment.known_at or newest,
        base=scope.base,
        accounts=scope.asked,
        since=moment.since,
        price_days_max=PRICE_DAYS_MAX,
        rate_days_max=RATE_DAYS_MAX,
    )
    touched = _touched(known, ask)
    market = _market(scope, doors, moment, touched, is_valued=method != "UK")
    quoted = _quoted(scope, market, known, touched=touched, every_day=with_returns)
    try:
        answer = evaluate(question_of(known, quoted, accounts_of(scope), ask, method=method))
    except (QuestionError, FactError) as error:
        words = str(error).replace("; give one of fx", "; ingest the fixings of that time")
        raise NothingToValue(words) from error
    check_books(known, ask, answer)
    if with_returns:
        windows = answer["returns"]["windows"]
        found = {} if "not_computable" in windows else benchmark_returns(windows, _benchmark(scope, market, quoted))
        answer["benchmark"] = found
    mine = tuple(entry for entry, _ in known.counted(ask) if entry.book in scope.asked)
    return Results(scope, ask, answer, mine, market, known, quoted)


def accounts_of(scope: Scope) -> list[Account]:
    """Give the parts of a scope's world as the accounts of the engine's question."""
    return [Account(id=part.name, taxable=part.is_taxable, method=part.lots) for part in scope.world]


def warnings_of(results: Results) -> tuple[str, ...]:
    """Say of which books the units do not follow a split that the bars tell of: their value is that of other units."""
    told: list[str] = []
    for book in results.scope.asked:
        mine = standing_entries(one for one in results.entries if one.book == book)
        for panel in results.market.panels if mine else ():
            splits = splits_in(panel, min(one.session for one in mine), results.ask.as_of)
            told += [
                f"{one.instrument} was split {plain_decimal(one.ratio)} for 1 on {one.session}, and book {book} holds units of"
                " before it: run `twokey settle`, or book the split (docs/BOOKING.md)"
                for one in splits_unposted(mine, splits)
            ]
    return tuple(told)


def drawdown_of(results: Results) -> Worth | None:
    """Give the worth of a book's curve as gates look at it, with its fall from the highest; None of several, or unvalued."""
    scope, market = results.scope, results.market
    if len(scope.asked) != 1 or not market.panels:
        return None
    rates = rates_of(market.fixings, scope.base, scope.quote)
    try:
        return worth_of(extend_curve(Curve(), results.entries, market.panels[0], rates=rates))
    except ValueError:
        # Something was held without a close or a rate; `missing` of the figures says what.
        return None


@dataclass(frozen=True)
class _Touched:
    """The days on which an instrument was first and last moved, and the units that are left."""

    first: date
    last: date
    units: Decimal


def _touched(known: Known, ask: Ask) -> dict[InstrumentId, _Touched]:
    found: dict[InstrumentId, _Touched] = {}
    for entry, _ in known.counted(ask):
        for posting in entry.postings:
            if posting.account == "units":
                before = found.get(posting.commodity, _Touched(entry.session, entry.session, ZERO))
                units = before.units + posting.amount
                found[posting.commodity] = _Touched(before.first, max(before.last, entry.session), units)
    return {name: one if one.units == 0 else replace(one, last=ask.as_of) for name, one in found.items()}


def _market(
    scope: Scope, doors: ResultDoors, moment: Moment, touched: Mapping[InstrumentId, _Touched], *, is_valued: bool
) -> Market:
    """Read the bars and fixings; what is not to be valued needs neither, as a tax report of what was paid in its currency."""
    clean, at = doors.clean, moment.known_at
    snapshot = clean.current() if at is None else doors.snapshots.snapshot_at(at)
    if snapshot is None and not is_valued:
        return Market(None, (), ())
    if snapshot is None:
        raise NothingToValue(
            "no market data was ingested; run `twokey ingest`" if at is None else f"no market data was known at {at}"
        )
    # A first entry may come before the bars of its own day; then it is valued at closes before it.
    first = min([one.first for one in touched.values()] + [moment.as_of]) - REACH
    listed = scope.universe.by_id()
    panels = []
    for calendar in sorted({*CALENDARS.values()}, key=lambda name: name != EXCHANGE_CALENDAR):
        names = {name for name in touched if name in listed and listed[name].calendar == calendar}
        names |= {scope.benchmark} if calendar == EXCHANGE_CALENDAR else set()
        if not names or not clean.has(snapshot, calendar):
            continue
        there = clean.panel(snapshot, first=moment.as_of, last=moment.as_of, calendar=calendar).instruments
        panels.append(
            clean.panel(
                snapshot,
                first=first,
                last=moment.as_of,
                instruments=[name for name in there if name in names],
                calendar=calendar,
            )
        )
    ends: list[date] = [panel.sessions[-1].astype(object) for panel in panels if len(panel.sessions)]
    fixings = clean.fixings(snapshot)
    stop = bisect_right(fixings, ends[0], key=lambda one: one.day) if ends else 0
    market = Market(ends[0] if ends else None, tuple(panels), fixings[:stop])
    if is_valued:
        _hold_closes(market, [name for name, one in touched.items() if one.units and name in listed])
    return market


def _hold_closes(market: Market, held: Sequence[InstrumentId]) -> None:
    """Raise NothingToValue for what is held and listed, and has no close at all."""
    for name in held:
        columns = [panel.close[:, at] for panel in market.panels if (at := panel.column(name)) is not None]
        if not any((~np.isnan(column)).any() for column in columns):
            raise NothingToValue(f"{name} is held and has no close in the bars of that time; run `twokey ingest`")


def _quoted(
    scope: Scope, market: Market, known: Known, *, touched: Mapping[InstrumentId, _Touched], every_day: bool
) -> Quoted:
    currencies = {row.id: row.currency for row in scope.universe.instruments}
    told = [fact_of(one) for one in known.booked]
    used = {currencies[name] for name in touched if name in currencies} | {currencies[scope.benchmark]}
    used |= {one.commodity for entry, _ in known.entries for one in entry.postings if one.account == "cash"}
    used |= {currency for fact in told if (currency := getattr(fact, "currency", None))}
    days = [one.first for one in touched.values()] + [entry.session for entry, _ in known.entries]
    days += [fact.acquired for fact in told if isinstance(fact, Opening) and fact.acquired is not None]
    last = market.session or max(days, default=date.min)
    within = (min([*days, last]), last)
    return Quoted(
        base=scope.base,
        prices=list(_prices(market, touched, currencies, every_day=every_day)),
        rates={name: rates_of(market.fixings, scope.base, name, within=within) for name in sorted(used - {scope.base})},
        splits={(one.instrument, one.session): one.ratio for panel in market.panels for one in panel.splits},
        currencies=currencies,
        source=market.fixings[-1].source if market.fixings else "ecb",
    )


def _prices(
    market: Market, touched: Mapping[InstrumentId, _Touched], currencies: Mapping[InstrumentId, str], *, every_day: bool
) -> Iterator[Price]:
    """Give the closes of what was held, of all days or each one's last alone."""
    for panel in market.panels:
        days: list[date] = panel.sessions.astype(object).tolist()
        for column, name in enumerate(panel.instruments):
            if name not in touched:
                continue
            rows = np.flatnonzero(~np.isnan(panel.close[:, column]))
            for row in rows.tolist() if every_day else rows[-1:].tolist():
                if touched[name].first - REACH <= days[row] <= touched[name].last:
                    price, currency = price_of(float(panel.close[row, column])), currencies[name]
                    yield Price.model_construct(date=days[row], instrument=name, price=price, currency=currency)


def _benchmark(scope: Scope, market: Market, quoted: Quoted) -> Benchmark:
    currency = quoted.currencies[scope.benchmark]
    rates = quoted.rates.get(currency) or rates_of((), scope.base, scope.base)
    for panel in market.panels:
        column = panel.column(scope.benchmark)
        if column is not None:
            rows = np.flatnonzero(~np.isnan(panel.adj_close[:, column]))
            days: list[date] = panel.sessions[rows].astype(object).tolist()
            closes = [Decimal(repr(float(close))) for close in panel.adj_close[rows, column]]
            return Benchmark(scope.benchmark, days, closes, rates)
    return Benchmark(scope.benchmark, (), (), rates)

"""A backtest: a book as it is configured, through the past, beside what needs no strategy; counted, and told with its odds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

import numpy as np

from core.canonical import sha256_of
from core.domain.backtest import Backtest, Origin, Track, Trial
from core.domain.bars import Fixing, Floats
from core.domain.instrument import Universe
from core.domain.panel import Panel
from core.domain.strategy import Lesson, NothingLearned
from core.ledger.equity import rates_of
from core.measures.luck import shape_of
from core.measures.returns import NotComputable
from core.measures.tearsheet import session_returns
from core.quant.bars import bars_of
from core.quant.baselines import benchmark_held, equal_weight, luck, momentum
from core.quant.labels import Members
from core.quant.membership import members_of
from core.quant.research import research_with_orders
from core.quant.trading import Market, Trading, market_of, trading_of
from core.quant.training import FitMany
from core.quant.weeks import Rows, decision_rows
from core.strategies.walked import Walked, names_of, walked
from flows.breakers import breaker_notes
from flows.lived import Lived, NothingLived, as_lived
from flows.look import quote_of
from flows.ports import CleanSet, Clock
from flows.setup import BookSetup

# The days on which a rate was fixed, oldest first, and the rates.
FixedRates = tuple[tuple[date, ...], tuple[Decimal, ...]]
SEEDS = 1000
# One decision is traded at the next, and its return is known at the one after.
DECISIONS_MIN = 3
ENDED_TOLD = 8


class TrialBook(Protocol):
    """Counts backtests."""

    def add_trial(self, trial: Trial) -> Sequence[Trial]:
        """Keep a trial and give those that were kept before it, oldest first; the same again is kept once."""
        ...


@dataclass(frozen=True)
class BacktestDoors:
    """What a backtest may use: it reads the clean set, fits models and counts itself."""

    clean: CleanSet
    trials: TrialBook
    fit_many: FitMany
    clock: Clock
    versions: Callable[[], dict[str, str]]


@dataclass(frozen=True)
class Asked:
    """What is asked: from the first decision on or after a day to a session (None: the last), and how many random ranks."""

    first: date
    last: date | None
    seeds: int = SEEDS


class NothingToTest(ValueError):
    """The range cannot be tested; says why and what can."""


@dataclass(frozen=True, eq=False)
class Ground:
    """What a backtest stands on: the panel up to its last session, who could be held when, the market, and the decisions."""

    panel: Panel
    lesson: Lesson
    names: tuple[str, ...]
    members: Members
    market: Market
    rates: FixedRates | None
    decisions: Rows
    first: int


def backtest(asked: Asked, setup: BookSetup, doors: BacktestDoors, *, lived: Lived | None = None) -> Backtest:
    """Run a book's strategy through a range by the research engine, with its baselines, and count the trial.

    Everything is computed on the clean set as it is now, decided with what each day's bars alone tell. With `lived`, the book
    is the one that the daily flow kept, slot by slot, through that range. Raises NothingToTest where there is no clean set,
    the range holds no decision that can be scored and traded, or the book did not live through it.
    """
    snapshot = doors.clean.current()
    if snapshot is None:
        raise NothingToTest("no market data was ingested; run `twokey ingest`")
    ground = ground_of(
        doors.clean.panel(snapshot, last=asked.last), asked, setup, fixings=doors.clean.fixings(snapshot)
    )
    try:
        told = walked(
            setup.policy,
            ground.panel,
            ground.lesson,
            decisions=ground.decisions,
            within=range(ground.first, len(ground.panel.sessions)),
            members=ground.members,
            fit_many=doors.fit_many,
        )
    except NothingLearned as error:
        raise NothingToTest(str(error)) from error
    made = _traded(asked, setup, ground, told)
    if lived is not None:
        try:
            made = as_lived(made, lived)
        except NothingLived as error:
            raise NothingToTest(str(error)) from error
    origin = _origin(made, setup, snapshot, doors.versions())
    made = replace(made, origin=origin)
    before = doors.trials.add_trial(_trial(made, doors.clock.now()))
    return replace(made, trials=tuple(before))


def ground_of(panel: Panel, asked: Asked, setup: BookSetup, *, fixings: Sequence[Fixing]) -> Ground:
    """Give what a backtest stands on; raises NothingToTest where the range holds too little of it."""
    if not len(panel.sessions):
        raise NothingToTest(f"there are no bars{'' if asked.last is None else f' up to {asked.last}'}")
    last, benchmark = _day(panel.sessions[-1]), setup.policy.data.benchmark
    # What has no bars teaches nothing and cannot be held; how many of the members that is stands in the report.
    is_there = np.any(np.isfinite(panel.close), axis=0)
    has_bars = {name for at, name in enumerate(panel.instruments) if is_there[at]}
    there = tuple(row for row in setup.universe.instruments if row.id in has_bars)
    lesson = Lesson(Universe(there), setup.calendar, last, panel.snapshot)
    names = names_of(lesson, setup.policy)
    if not names or benchmark not in has_bars:
        raise NothingToTest(
            f"up to {last} the clean set has bars of {len(names)} instruments that the book may hold, and"
            f" {'some' if benchmark in has_bars else 'none'} of its benchmark {benchmark}; it takes both"
        )
    decisions = decision_rows(panel.sessions, setup.calendar)
    first = int(np.searchsorted(panel.sessions, np.datetime64(asked.first, "D")))
    if np.count_nonzero(decisions >= first) < DECISIONS_MIN:
        raise NothingToTest(
            f"from {asked.first} to {last} there are fewer than {DECISIONS_MIN} decisions (last sessions of weeks);"
            f" the bars reach from {panel.sessions[0]} to {panel.sessions[-1]}"
        )
    members = members_of(setup.universe, names, panel.sessions)
    rates = _rates(setup, fixings)
    sectors = {row.id: row.sector for row in setup.universe.instruments}
    market = market_of(panel, names, members, rates=rates, sectors=sectors)
    return Ground(panel, lesson, names, members, market, rates, decisions, first)


def _rates(setup: BookSetup, fixings: Sequence[Fixing]) -> FixedRates | None:
    base, quote = setup.policy.base_currency, quote_of(setup.universe, setup.policy)
    crossed = None if quote == base else rates_of(fixings, base, quote)
    return None if crossed is None else (crossed.days, crossed.rates)


def _traded(asked: Asked, setup: BookSetup, ground: Ground, told: Walked) -> Backtest:
    policy, market = setup.policy, ground.market
    trading = trading_for(setup)
    capital = float(policy.opening_cash)
    baselines = _baselines(setup, ground, told.rows, trading)
    name = policy.strategy.name
    # Two columns of one name would be taken for each other.
    is_taken = name in {track.name for track in baselines}
    main, weights, orders = research_with_orders(
        f"{name} of {policy.book}" if is_taken else name,
        told.ranked,
        told.rows,
        market=market,
        trading=trading,
        capital=capital,
    )
    sessions = market.sessions[int(told.rows[0]) :]
    universe = setup.universe.by_id()
    return Backtest(
        book=policy.book,
        strategy=policy.strategy.name,
        mode="research",
        base=policy.base_currency,
        capital=policy.opening_cash,
        first=_day(sessions[0]),
        last=_day(sessions[-1]),
        sessions=sessions,
        instruments=ground.names,
        sectors=tuple(universe[name].sector for name in ground.names),
        main=main,
        baselines=baselines,
        weeks=market.sessions[told.rows],
        scores=told.scores,
        realised=told.realised,
        weights=weights,
        held=orders.held,
        bound=orders.bound,
        luck=luck(range(asked.seeds), told.ranked, told.rows, market=market, trading=trading, capital=capital),
        fits=told.fits,
        importance=told.importance,
        trials=(),
        survivorship=_survivorship(setup, ground, told.rows),
        knowledge=_knowledge(ground.panel),
        origin=Origin("", "", "", "", "", ""),
        is_synthetic=ground.panel.is_synthetic,
        notes=(*breaker_notes(policy, sessions, main.equity), *_ended(ground, told.rows, orders.held)),
    )


def trading_for(setup: BookSetup) -> Trading:
    """Give the numbers that a backtest trades by: the policy's, with a person who does at once what a person has to do.

    Who halts is resumed: a book that stays halted from its first deep fall on would tell of that fall alone (`breaker_notes`
    says when it was). And a holding whose bars end stays at its last close, where the daily flow would wait for its booking.
    """
    trading = trading_of(setup.policy, hold_rank_multiple=setup.strategy.hold_rank_multiple)
    return replace(trading, kill_switch=False, unpriced="hold")


def _ended(ground: Ground, rows: Rows, held: Floats) -> tuple[str, ...]:
    """Name what was held when its bars ended: it stays at its last close, and what became of it nobody knows here."""
    closes, sessions = ground.market.closes, ground.market.sessions
    found = []
    for column, name in enumerate(ground.names):
        last = int(np.flatnonzero(np.isfinite(closes[:, column]))[-1])
        if np.any(held[rows > last, column] > 0):
            found.append((_day(sessions[last]), name))
    if not found:
        return ()
    told = ", ".join(f"{name} ({day})" for day, name in sorted(found)[:ENDED_TOLD])
    more = f" and {len(found) - ENDED_TOLD} more" if len(found) > ENDED_TOLD else ""
    return (
        f"Held when their bars ended, and at that close ever since: {told}{more}. What became of them is not known here.",
    )


def _baselines(setup: BookSetup, ground: Ground, rows: Rows, trading: Trading) -> tuple[Track, ...]:
    """Give the benchmark, equal weight and momentum, through the same days by the same rules and at the same costs."""
    benchmark, capital, market = setup.policy.data.benchmark, float(setup.policy.opening_cash), ground.market
    always = np.ones((len(market.sessions), 1), dtype=np.bool_)
    alone = market_of(ground.panel, (benchmark,), always, rates=ground.rates)
    total = bars_of(ground.panel, ground.names, benchmark).total
    return (
        benchmark_held(benchmark, rows, market=alone, trading=trading, capital=capital),
        equal_weight(rows, market=market, trading=trading, capital=capital),
        momentum(total, rows, market=market, trading=trading, capital=capital),
    )


def _survivorship(setup: BookSetup, ground: Ground, rows: Rows) -> str:
    """Say what the universe knows that the days did not, and how many of the members have no bars."""
    valid = {row.id: row for row in setup.universe.instruments if row.is_tradable_as_underlying}
    valid.pop(setup.policy.data.benchmark, None)
    sessions = ground.panel.sessions[rows].astype("datetime64[D]").astype(object).tolist()
    members = sum(sum(row.is_valid_on(day) for row in valid.values()) for day in sessions)
    closes = ground.market.closes[rows]
    priced = int((ground.members[rows] & np.isfinite(closes)).sum())
    share = (
        f"{priced / members:.1%} of the members of the decision days have bars" if members else "there are no members"
    )
    dated = sum(row.valid_to is not None and row.valid_to <= sessions[-1] for row in valid.values())
    if dated:
        return (
            f"Survivorship: of the {len(valid)} instruments of config/universe.csv {dated} leave it by the end, as dated"
            f" there; {share}. Those without (bought, failed, renamed) cannot be held here, which flatters the result."
        )
    return (
        f"Survivorship: the universe is one list of {len(valid)} instruments, none of which ever leaves it; {share}."
        " Who failed or was bought before the list was made is not in it, which flatters the result by an unknown amount."
    )


def _knowledge(panel: Panel) -> str:
    words = panel.knowledge_words()
    return f"Knowledge: {words}. The bars are those of the clean set as it is now, restatements included" + (
        "; when each counted as known is assumed and not point-in-time." if words != "recorded" else "."
    )


def _origin(made: Backtest, setup: BookSetup, snapshot: str, versions: dict[str, str]) -> Origin:
    policy, training = setup.policy, setup.strategy.training
    question = {
        "book": policy.book,
        "policy": policy.hash,
        "universe": setup.universe_hash,
        "snapshot": snapshot,
        "first": made.first,
        "last": made.last,
        "mode": made.mode,
    }
    return Origin(
        snapshot=snapshot,
        policy=policy.hash,
        universe=setup.universe_hash,
        features="none" if training is None else training.features_hash,
        code=sha256_of(versions),
        asked=sha256_of(question),
    )


def _trial(made: Backtest, at: datetime) -> Trial:
    try:
        sharpe = shape_of(session_returns(made.sessions, made.main.equity)).sharpe
    except NotComputable:
        # A book that never moved, or lost all, was tried too.
        sharpe = 0.0
    return Trial(at, made.origin.asked, made.strategy, made.first, made.last, len(made.sessions) - 1, sharpe)


def _day(session: np.datetime64) -> date:
    day: date = session.astype("datetime64[D]").astype(object)
    return day

"""Checking a backtest for look-ahead: everything that it tells is computed again with other futures, and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from core.domain.bars import Fixing
from core.domain.panel import Panel
from core.domain.strategy import NothingLearned
from core.quant.lookahead import Dated, Leak, leaks
from core.quant.research import research_with_orders
from core.quant.training import FitMany
from core.strategies import ranker
from core.strategies.walked import walked
from flows.backtest import Asked, BacktestDoors, Ground, NothingToTest, ground_of, trading_for
from flows.setup import BookSetup

CUTS = 6
SEED = 20191231


@dataclass(frozen=True)
class Checked:
    """What a check came to: the sessions after which the future was another, what was looked at, and what leaked."""

    cuts: tuple[date, ...]
    told: tuple[str, ...]
    leaks: tuple[Leak, ...]


def check_lookahead(asked: Asked, setup: BookSetup, doors: BacktestDoors, *, cuts: int = CUTS) -> Checked:
    """Compute features, labels, members, scores, trades and equity again with other futures after some sessions.

    The cuts lie evenly over the range, on decision sessions and on those beside them. Raises NothingToTest as a backtest does.
    """
    snapshot = doors.clean.current()
    if snapshot is None:
        raise NothingToTest("no market data was ingested; run `twokey ingest`")
    panel, fixings = doors.clean.panel(snapshot, last=asked.last), doors.clean.fixings(snapshot)
    ground = ground_of(panel, asked, setup, fixings=fixings)

    def compute(other: Panel, until: date) -> Mapping[str, Dated]:
        # The rates after a cut are other ones too: noise where bars come, and none where nothing comes.
        rates = fixings if other is panel else other_fixings(fixings, until, ends=other.sessions[-1].astype(object))
        standing = ground_of(other, Asked(date.min, until), setup, fixings=rates)
        return told_of(standing, setup, doors.fit_many, first=asked.first, until=until)

    chosen = _cuts(ground, cuts)
    try:
        found = leaks(compute, panel, chosen, seed=SEED)
        told = tuple(told_of(ground, setup, doors.fit_many, first=asked.first, until=chosen[0]))
    except NothingLearned as error:
        raise NothingToTest(str(error)) from error
    return Checked(chosen, told, found)


def other_fixings(fixings: Sequence[Fixing], cut: date, *, ends: date) -> tuple[Fixing, ...]:
    """Give the fixings up to a day, and after it other ones up to another: a tenth, a fifth ... more, and then again."""
    told = [one for one in fixings if one.day <= cut]
    later = (one for one in fixings if cut < one.day <= ends)
    return (*told, *(replace(one, per_eur=one.per_eur * (11 + at % 7) / 10) for at, one in enumerate(later)))


def told_of(ground: Ground, setup: BookSetup, fit_many: FitMany, *, first: date, until: date) -> dict[str, Dated]:
    """Give everything that a backtest tells up to a session, by the sessions at whose close each counts as known."""
    policy, panel, decisions, names = setup.policy, ground.panel, ground.decisions, ground.names
    begin = int(np.searchsorted(panel.sessions, np.datetime64(first, "D")))
    stop = int(np.searchsorted(panel.sessions, np.datetime64(until, "D"), side="right"))
    told = walked(
        policy,
        panel,
        ground.lesson,
        decisions=decisions,
        within=range(begin, stop),
        members=ground.members,
        fit_many=fit_many,
    )
    trading = trading_for(setup)
    capital = float(policy.opening_cash)
    track, weights, orders = research_with_orders(
        policy.strategy.name, told.ranked, told.rows, market=ground.market, trading=trading, capital=capital
    )
    # An order is given at the open after its decision: a panel that ends with a decision holds none.
    traded = told.rows[told.rows + 1 < len(panel.sessions)] + 1
    weeks, since = panel.sessions[told.rows], panel.sessions[int(told.rows[0]) :]
    found = {
        "members": Dated(panel.sessions, ground.members & np.isfinite(ground.market.closes), names),
        "score": Dated(weeks, told.scores, names),
        "wanted weight": Dated(weeks, weights, names),
        "order": Dated(panel.sessions[traded], orders.units[: len(traded)], names),
        "equity": Dated(since, track.equity),
        "turnover": Dated(since, track.turnover),
    }
    if setup.strategy.training is not None:
        learn = ranker.recipe_of(policy).training_set(panel, ground.lesson, decisions)
        # By instrument first: a leak is told by its name.
        found["feature"] = Dated(panel.sessions[decisions], learn.features.transpose(1, 2, 0), names)
        known = decisions[1:][decisions[1:] + 1 < len(panel.sessions)]
        found["label"] = Dated(panel.sessions[known + 1], learn.labels[: len(known)], names)
    return found


def _cuts(ground: Ground, count: int) -> tuple[date, ...]:
    """Give sessions evenly over the range: decision sessions, those on which is traded after one, and those before one."""
    rows = ground.decisions[ground.decisions >= ground.first]
    chosen = rows[np.linspace(0, len(rows) - 1, count + 1).astype(int)[1:-1]] if count else rows[:0]
    shifted = chosen + np.array([0, 1, -1])[np.arange(len(chosen)) % 3]
    days: list[date] = ground.panel.sessions[np.unique(shifted)].astype("datetime64[D]").astype(object).tolist()
    return tuple(days)

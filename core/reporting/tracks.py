"""What a pot of money did in a backtest: return, risk, drawdowns, turnover, cost, its months and years."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.domain.backtest import Track
from core.domain.bars import Days, Floats
from core.measures.luck import Shape, shape_of
from core.measures.returns import NotComputable
from core.measures.risk import Drawdown
from core.measures.tearsheet import (
    Against,
    against,
    calmar_ratio,
    days_between,
    deepest_drawdowns,
    period_returns,
    return_a_year,
    session_returns,
    sharpe_ratio,
    sortino_ratio,
    value_at_risk,
    volatility_a_year,
    years_of,
)
from core.reporting.measured import Absent, Measured, measured

DRAWDOWNS_TOLD, TAIL = 5, 0.05
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Span:
    """A return from the close of one day to the close of another."""

    first: date
    last: date
    value: float


@dataclass(frozen=True)
class Tail:
    """The worst sessions: the return that one in twenty fell to or below, the mean of those, and the worst one."""

    edge: float
    mean: float
    worst: Span


@dataclass(frozen=True)
class TrackFigures:
    """What a track came to. Of a year are the return, volatility, ratios, turnover, cost and income; shares are of equity."""

    name: str
    end: float | Absent
    whole: Measured
    a_year: Measured
    volatility: Measured
    sharpe: Measured
    sortino: Measured
    calmar: Measured
    drawdowns: tuple[Drawdown, ...] | Absent
    turnover: Measured
    cost_drag: Measured
    income: Measured
    invested: Measured
    positions: Measured
    best: Span | Absent
    worst: Span | Absent
    tail: Tail | Absent
    shape: Shape | Absent
    against: Against | Absent
    weeks_ahead: Measured


@dataclass(frozen=True)
class YearOfTrading:
    """What trading was in a calendar year: turnover and cost as shares of equity, money in the base currency."""

    year: int
    turnover: float
    cost: float
    cost_drag: float
    income: float
    invested: float
    positions: float


def track_figures(track: Track, benchmark: Track, sessions: Days, weeks: Rows) -> TrackFigures:
    """Measure a track; `weeks` are the rows of sessions between which a week lies, the last session included."""
    returns = measured(lambda: session_returns(sessions, track.equity))
    theirs = measured(lambda: session_returns(sessions, benchmark.equity))
    if isinstance(returns, Absent):
        return _nothing(track, returns)
    whole = float(track.equity[-1] / track.equity[0] - 1.0)
    a_year = measured(lambda: return_a_year(whole, days_between(sessions)))
    falls = deepest_drawdowns(sessions, track.equity, DRAWDOWNS_TOLD)
    spans = week_returns(track.equity, weeks)
    return TrackFigures(
        name=track.name,
        end=float(track.equity[-1]),
        whole=whole,
        a_year=a_year,
        volatility=measured(lambda: volatility_a_year(returns)),
        sharpe=measured(lambda: sharpe_ratio(returns)),
        sortino=measured(lambda: sortino_ratio(returns)),
        calmar=a_year
        if isinstance(a_year, Absent)
        else measured(lambda: calmar_ratio(a_year, float(falls[0].depth) if falls else 0.0)),
        drawdowns=falls,
        turnover=measured(lambda: float(track.turnover[1:].sum()) / years_of(sessions)),
        cost_drag=measured(lambda: float((track.cost[1:] / track.equity[:-1]).sum()) / years_of(sessions)),
        income=measured(lambda: float((track.income[1:] / track.equity[:-1]).sum()) / years_of(sessions)),
        invested=float(track.invested.mean()),
        positions=float(track.positions.mean()),
        best=_span(sessions, weeks, spans, int(spans.argmax()) if len(spans) else -1),
        worst=_span(sessions, weeks, spans, int(spans.argmin()) if len(spans) else -1),
        tail=measured(lambda: _tail(sessions, returns)),
        shape=measured(lambda: shape_of(returns)),
        against=_against(track, benchmark, returns, theirs),
        weeks_ahead=_weeks_ahead(track, benchmark, weeks, theirs),
    )


def week_rows(sessions: Days, decided: Days) -> Rows:
    """Give the rows between which the weeks of a backtest lie: each decision's close, and the last close.

    Raises ValueError when a decision does not stand on a session, or when they do not ascend.
    """
    rows = np.searchsorted(sessions, decided)
    if len(decided) and (rows[-1] >= len(sessions) or (sessions[rows] != decided).any() or (np.diff(rows) <= 0).any()):
        raise ValueError("the weeks of a backtest must be sessions of it, each once and ascending")
    if len(rows) and rows[-1] < len(sessions) - 1:
        rows = np.append(rows, len(sessions) - 1)
    return rows.astype(np.int64)


def week_returns(equity: Floats, weeks: Rows) -> Floats:
    """Give the return of each week, from the close of its decision to that of the next, of shape (len(weeks) - 1,)."""
    levels = equity[weeks]
    returns: Floats = levels[1:] / levels[:-1] - 1.0
    return returns


def periods_returned(track: Track, sessions: Days, unit: Literal["M", "Y"]) -> Mapping[np.datetime64, float] | Absent:
    """Give the return of each calendar month or year of a track, or why there is none."""
    returns = measured(lambda: session_returns(sessions, track.equity))
    return returns if isinstance(returns, Absent) else period_returns(sessions, track.equity, unit)


def trading_by_year(track: Track, sessions: Days) -> tuple[YearOfTrading, ...]:
    """Give turnover and cost of each calendar year; none where the equity is not above zero throughout."""
    if isinstance(measured(lambda: session_returns(sessions, track.equity)), Absent):
        return ()
    years = sessions[1:].astype("datetime64[Y]")
    told = []
    for year in np.unique(years):
        here = np.flatnonzero(years == year) + 1
        before = track.equity[here - 1]
        told.append(
            YearOfTrading(
                year=int(str(year)),
                turnover=float(track.turnover[here].sum()),
                cost=float(track.cost[here].sum()),
                cost_drag=float((track.cost[here] / before).sum()),
                income=float(track.income[here].sum()),
                invested=float(track.invested[here].mean()),
                positions=float(track.positions[here].mean()),
            )
        )
    return tuple(told)


def day_of(session: np.datetime64) -> date:
    """Give a session as a date."""
    day: date = session.astype("datetime64[D]").astype(object)
    return day


def _nothing(track: Track, why: Absent) -> TrackFigures:
    """Give a track of which nothing can be told but what it ended with."""
    end = float(track.equity[-1]) if len(track.equity) else why
    invested = float(track.invested.mean()) if len(track.invested) else why
    positions = float(track.positions.mean()) if len(track.positions) else why
    return TrackFigures(
        name=track.name,
        end=end,
        whole=why,
        a_year=why,
        volatility=why,
        sharpe=why,
        sortino=why,
        calmar=why,
        drawdowns=why,
        turnover=why,
        cost_drag=why,
        income=why,
        invested=invested,
        positions=positions,
        best=why,
        worst=why,
        tail=why,
        shape=why,
        against=why,
        weeks_ahead=why,
    )


def _span(sessions: Days, weeks: Rows, spans: Floats, at: int) -> Span | Absent:
    if at < 0:
        return Absent("no week lies between two decisions")
    return Span(day_of(sessions[weeks[at]]), day_of(sessions[weeks[at + 1]]), float(spans[at]))


def _tail(sessions: Days, returns: Floats) -> Tail:
    edge, mean = value_at_risk(returns, TAIL)
    at = int(returns.argmin())
    return Tail(edge, mean, Span(day_of(sessions[at]), day_of(sessions[at + 1]), float(returns[at])))


def _against(track: Track, benchmark: Track, returns: Floats, theirs: Floats | Absent) -> Against | Absent:
    if track is benchmark:
        return Absent("it is the benchmark")
    return theirs if isinstance(theirs, Absent) else measured(lambda: against(returns, theirs))


def _weeks_ahead(track: Track, benchmark: Track, weeks: Rows, theirs: Floats | Absent) -> Measured:
    """Give the share of weeks that returned more than the benchmark."""
    if track is benchmark:
        return Absent("it is the benchmark")
    if isinstance(theirs, Absent):
        return theirs

    def share() -> float:
        """Count the weeks that are known."""
        if len(weeks) < 2:
            raise NotComputable("no week lies between two decisions")
        return float((week_returns(track.equity, weeks) > week_returns(benchmark.equity, weeks)).mean())

    return measured(share)

"""The report of a backtest: every number that its page tells, from the noun alone; the same backtest, the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain.backtest import Backtest, Fit, Mode, Origin, Track, Trial
from core.domain.bars import Days, Floats
from core.measures.tearsheet import PERIODS, days_between, drawdowns, return_a_year, rolling_sharpe, session_returns
from core.reporting.measured import Absent, Measured, measured
from core.reporting.power import (
    Power,
    Sectors,
    TurnoverLimit,
    WorstWeek,
    power_of,
    sectors_of,
    turnover_limit_of,
    worst_weeks,
)
from core.reporting.tracks import (
    TrackFigures,
    YearOfTrading,
    periods_returned,
    track_figures,
    trading_by_year,
    week_rows,
)
from core.reporting.verdict import Luck, Verdict, luck_of, verdict_of


@dataclass(frozen=True, eq=False)
class Line:
    """A track as it is drawn, at each close: its equity over the first one, its drawdown, and its Sharpe ratio of a year.

    NaN where there is none; `reason` says why where all is.
    """

    name: str
    growth: Floats
    drawdown: Floats
    rolling: Floats
    reason: str


@dataclass(frozen=True)
class RandomFigures:
    """What the median of random ranks came to; a report knows their whole return and Sharpe ratio alone."""

    seeds: int
    whole: Measured
    a_year: Measured
    sharpe: Measured


@dataclass(frozen=True)
class MonthRow:
    """The returns of a year's months, January first, and of the year; a month outside of the backtest is None."""

    year: int
    months: tuple[float | None, ...]
    whole: float


@dataclass(frozen=True)
class YearRow:
    """The returns of a calendar year, of each track in their order, and ours less the benchmark's."""

    year: int
    returns: tuple[Measured, ...]
    excess: Measured


@dataclass(frozen=True, eq=False)
class BacktestReport:
    """All that the report of a backtest tells; ours stands first among the tracks, the benchmark second."""

    book: str
    strategy: str
    mode: Mode
    base: str
    capital: Decimal
    first: date
    last: date
    is_synthetic: bool
    survivorship: str
    knowledge: str
    notes: tuple[str, ...]
    verdict: Verdict
    instruments: int
    sessions: Days
    tracks: tuple[TrackFigures, ...]
    random: RandomFigures
    lines: tuple[Line, ...]
    months: tuple[MonthRow, ...] | Absent
    years: tuple[YearRow, ...]
    power: Power
    trading: tuple[YearOfTrading, ...]
    turnover_limit: TurnoverLimit
    sectors: Sectors
    worst: tuple[WorstWeek, ...] | Absent
    luck: Luck
    trials: tuple[Trial, ...]
    fits: tuple[Fit, ...]
    importance: tuple[tuple[str, float], ...]
    origin: Origin


def report_of(backtest: Backtest) -> BacktestReport:
    """Measure a backtest for its report; raises ValueError when its arrays do not fit each other."""
    _hold_shapes(backtest)
    tracks = (backtest.main, *backtest.baselines)
    benchmark, weeks = backtest.baselines[0], week_rows(backtest.sessions, backtest.weeks)
    figures = tuple(track_figures(one, benchmark, backtest.sessions, weeks) for one in tracks)
    luck = luck_of(backtest, figures[0])
    return BacktestReport(
        book=backtest.book,
        strategy=backtest.strategy,
        mode=backtest.mode,
        base=backtest.base,
        capital=backtest.capital,
        first=backtest.first,
        last=backtest.last,
        is_synthetic=backtest.is_synthetic,
        survivorship=backtest.survivorship,
        knowledge=backtest.knowledge,
        notes=backtest.notes,
        verdict=verdict_of(luck, figures[0], benchmark.name),
        instruments=len(backtest.instruments),
        sessions=backtest.sessions,
        tracks=figures,
        random=_random_figures(luck, backtest.sessions),
        lines=tuple(_line(one, backtest.sessions) for one in tracks),
        months=_months(backtest.main, backtest.sessions),
        years=_years(tracks, backtest.sessions),
        power=power_of(backtest),
        trading=trading_by_year(backtest.main, backtest.sessions),
        turnover_limit=turnover_limit_of(backtest),
        sectors=sectors_of(backtest),
        worst=worst_weeks(backtest, weeks),
        luck=luck,
        trials=backtest.trials,
        fits=backtest.fits,
        importance=backtest.importance,
        origin=backtest.origin,
    )


def _hold_shapes(backtest: Backtest) -> None:
    """Hold that the arrays of a backtest fit each other."""
    if not backtest.baselines:
        raise ValueError("a backtest's baselines begin with the benchmark; there are none")
    if (np.diff(backtest.sessions) <= np.timedelta64(0)).any():
        raise ValueError("the sessions of a backtest must ascend, each once")
    for track in (backtest.main, *backtest.baselines):
        for name in ("equity", "invested", "positions", "turnover", "cost", "income"):
            _hold(f"{name} of {track.name}", getattr(track, name), (len(backtest.sessions),))
    _hold("sectors", np.array(backtest.sectors), (len(backtest.instruments),))
    for name in ("scores", "realised", "weights", "held"):
        _hold(name, getattr(backtest, name), (len(backtest.weeks), len(backtest.instruments)))
    _hold("bound", backtest.bound, (len(backtest.weeks),))
    _hold("luck", backtest.luck, (len(backtest.luck), 2))


def _hold(name: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; the backtest's is {shape}")


def _random_figures(luck: Luck, sessions: Days) -> RandomFigures:
    whole, sharpe = luck.random_median, luck.random_sharpe
    # The order of returns is that of returns a year: the median of the one is the median of the other.
    a_year = whole if isinstance(whole, Absent) else measured(lambda: return_a_year(whole, days_between(sessions)))
    return RandomFigures(
        seeds=len(luck.random),
        whole=whole,
        a_year=a_year,
        sharpe=sharpe if isinstance(sharpe, Absent) else sharpe * float(np.sqrt(PERIODS)),
    )


def _line(track: Track, sessions: Days) -> Line:
    returns = measured(lambda: session_returns(sessions, track.equity))
    if isinstance(returns, Absent):
        nothing = np.full(len(sessions), np.nan)
        return Line(track.name, nothing, nothing, nothing, returns.why)
    growth = track.equity / track.equity[0]
    rolling = np.concatenate([[np.nan], rolling_sharpe(returns)])
    return Line(track.name, growth, drawdowns(track.equity), rolling, "")


def _months(track: Track, sessions: Days) -> tuple[MonthRow, ...] | Absent:
    months, years = (periods_returned(track, sessions, unit) for unit in ("M", "Y"))
    if isinstance(months, Absent) or isinstance(years, Absent):
        return months if isinstance(months, Absent) else Absent("there is no year")
    return tuple(
        MonthRow(
            year=int(str(year)),
            months=tuple(months.get(np.datetime64(f"{year}-{month:02}")) for month in range(1, 13)),
            whole=whole,
        )
        for year, whole in years.items()
    )


def _years(tracks: tuple[Track, ...], sessions: Days) -> tuple[YearRow, ...]:
    told = [periods_returned(track, sessions, "Y") for track in tracks]
    years = sorted({year for one in told if not isinstance(one, Absent) for year in one})
    rows = []
    for year in years:
        returns: list[Measured] = [one if isinstance(one, Absent) else one[year] for one in told]
        ours, theirs = returns[0], returns[1]
        excess = ours if isinstance(ours, Absent) else theirs if isinstance(theirs, Absent) else ours - theirs
        rows.append(YearRow(int(str(year)), tuple(returns), excess))
    return tuple(rows)

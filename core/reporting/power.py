"""What the scores of a backtest told of what came: information coefficients, quantiles, sectors and the worst weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from core.domain.backtest import Backtest
from core.domain.bars import Days, Floats
from core.domain.instrument import InstrumentId
from core.measures.ranking import ic, icir, quantile_returns, rank_ic, t_statistic
from core.measures.returns import NotComputable
from core.measures.tearsheet import session_returns
from core.reporting.measured import Absent, Measured, known, measured
from core.reporting.tracks import Rows, day_of, week_returns

QUANTILES, WINDOW, WEEKS_MIN = 5, 26, 12
WORST_TOLD, PARTS_TOLD = 10, 4


@dataclass(frozen=True)
class Coefficients:
    """Weekly coefficients taken together: how many are known, their mean, deviation (n - 1), ICIR, t, and share above zero."""

    weeks: int
    mean: float
    deviation: float
    icir: float
    t: float
    positive: float


@dataclass(frozen=True, eq=False)
class Power:
    """What scores told: the coefficients of each week with their mean of 26 weeks, and the mean return of each quantile.

    Returns are less the benchmark's, of a week; the last quantile holds the best scores. `monotonicity` is the rank
    correlation of the quantiles' order with their means.
    """

    weeks: Days
    ic: Floats
    rank_ic: Floats
    rolling: Floats
    of_ic: Coefficients | Absent
    of_rank_ic: Coefficients | Absent
    quantiles: tuple[Measured, ...]
    spread: Measured
    spread_t: Measured
    spread_positive: Measured
    monotonicity: Measured


@dataclass(frozen=True, eq=False)
class Sectors:
    """The weight held in each sector after each decision's trades, of shape (W, sectors), the largest on average first."""

    weeks: Days
    names: tuple[str, ...]
    weights: Floats
    mean: tuple[float, ...]
    most: tuple[float, ...]


@dataclass(frozen=True)
class TurnoverLimit:
    """How the turnover limit shaped a book: in how many decisions it cut an order or left one undone, and what was not held.

    `undone` is the mean over decisions of the share of the wanted weight that was not held after the trades, for whatever
    reason; decisions that wanted nothing, and one that was never executed, are not among them.
    """

    decisions: int
    bound: int
    undone: Measured


@dataclass(frozen=True)
class Part:
    """What one holding did in a week: the weight held, its return less the benchmark's, and the product of both."""

    instrument: InstrumentId
    weight: float
    excess: float
    share: float


@dataclass(frozen=True)
class WorstWeek:
    """A week that lost much, from close to close, and what made it.

    `holdings` is the sum over what was held after the trades of weight times return less the benchmark's (from open to
    open); `rest` is what of the difference to the benchmark it leaves: cash, cost, currency, and the prices between close
    and open.
    """

    first: date
    last: date
    ours: float
    benchmark: Measured
    holdings: float
    rest: Measured
    parts: tuple[Part, ...]
    mostly: str


def power_of(backtest: Backtest) -> Power:
    """Measure what the scores told."""
    scores, realised = backtest.scores, backtest.realised
    plain, ranked = ic(scores, realised), rank_ic(scores, realised)
    by_week = quantile_returns(scores, realised, quantiles=QUANTILES)
    is_whole = np.isfinite(by_week).all(axis=1)
    by_week = by_week[is_whole]
    spread = by_week[:, -1] - by_week[:, 0]
    few = Absent(f"{len(spread)} weeks have all {QUANTILES} quantiles; {WEEKS_MIN} are the least that tell of them")
    is_enough = len(spread) >= WEEKS_MIN
    means = by_week.mean(axis=0) if is_enough else np.empty(0)
    order = rank_ic(np.arange(float(QUANTILES))[None], means[None])[0] if is_enough else np.nan
    return Power(
        weeks=backtest.weeks,
        ic=plain,
        rank_ic=ranked,
        rolling=_rolling(ranked),
        of_ic=measured(lambda: _coefficients(plain)),
        of_rank_ic=measured(lambda: _coefficients(ranked)),
        quantiles=tuple(means.tolist()) if is_enough else (few,) * QUANTILES,
        spread=float(spread.mean()) if is_enough else few,
        spread_t=known(t_statistic(spread), "the spread does not vary") if is_enough else few,
        spread_positive=float((spread > 0).mean()) if is_enough else few,
        monotonicity=known(float(order), "the quantiles' means are equal") if is_enough else few,
    )


def sectors_of(backtest: Backtest) -> Sectors:
    """Sum by sector what was held after each decision's trades; what has no sector is told as such."""
    told = [name or "not told" for name in backtest.sectors]
    is_executed = _executed(backtest)
    weeks, weights = backtest.weeks[is_executed], backtest.held[is_executed]
    sums = {name: weights[:, [one == name for one in told]].sum(axis=1) for name in sorted(set(told))}
    if not len(weights):
        return Sectors(weeks, (), np.zeros((0, 0)), (), ())
    ordered = sorted((name for name in sums if sums[name].any()), key=lambda name: (-float(sums[name].mean()), name))
    columns = [sums[name] for name in ordered]
    return Sectors(
        weeks=weeks,
        names=tuple(ordered),
        weights=np.stack(columns, axis=1) if columns else np.zeros((len(weights), 0)),
        mean=tuple(float(one.mean()) for one in columns),
        most=tuple(float(one.max()) for one in columns),
    )


def turnover_limit_of(backtest: Backtest) -> TurnoverLimit:
    """Count the decisions in which the turnover limit bound, and measure what of the wanted weights was not held."""
    is_told = _executed(backtest) & (backtest.weights > 0.0).any(axis=1)
    wanted, held = backtest.weights[is_told], backtest.held[is_told]
    shares = np.maximum(wanted - held, 0.0).sum(axis=1) / wanted.sum(axis=1)
    return TurnoverLimit(
        decisions=len(backtest.weeks),
        bound=int(np.count_nonzero(backtest.bound)),
        undone=float(shares.mean()) if len(shares) else Absent("no decision wanted anything"),
    )


def worst_weeks(backtest: Backtest, weeks: Rows) -> tuple[WorstWeek, ...] | Absent:
    """Give the weeks that lost most, the worst first, each with what made it; none that gained."""
    returns = measured(lambda: session_returns(backtest.sessions, backtest.main.equity))
    if isinstance(returns, Absent):
        return returns
    ours = week_returns(backtest.main.equity, weeks)
    benchmark = backtest.baselines[0]
    theirs = measured(lambda: session_returns(backtest.sessions, benchmark.equity))
    against: Sequence[Measured] = (
        [theirs] * len(ours) if isinstance(theirs, Absent) else week_returns(benchmark.equity, weeks).tolist()
    )
    order = [int(at) for at in np.argsort(ours, kind="stable")[:WORST_TOLD] if ours[at] < 0]
    return tuple(_week(backtest, weeks, at, (float(ours[at]), against[at])) for at in order)


def _week(backtest: Backtest, weeks: Rows, at: int, returned: tuple[float, Measured]) -> WorstWeek:
    ours, benchmark = returned
    weights, excess = np.nan_to_num(backtest.held[at]), backtest.realised[at]
    held = np.flatnonzero((weights != 0) & np.isfinite(excess))
    shares = weights[held] * excess[held]
    parts = tuple(
        Part(backtest.instruments[held[one]], float(weights[held[one]]), float(excess[held[one]]), float(shares[one]))
        for one in np.argsort(shares, kind="stable")[:PARTS_TOLD]
        if shares[one] < 0
    )
    holdings = float(shares.sum())
    return WorstWeek(
        first=day_of(backtest.sessions[weeks[at]]),
        last=day_of(backtest.sessions[weeks[at + 1]]),
        ours=ours,
        benchmark=benchmark,
        holdings=holdings,
        rest=benchmark if isinstance(benchmark, Absent) else ours - benchmark - holdings,
        parts=parts,
        mostly=_mostly(ours, benchmark, holdings),
    )


def _executed(backtest: Backtest) -> NDArray[np.bool_]:
    """Say of each decision whether the range reaches to its execution."""
    return np.asarray(np.isfinite(backtest.held).all(axis=1))


def _mostly(ours: float, benchmark: Measured, holdings: float) -> str:
    """Say what made half of a loss or more."""
    with_market = not isinstance(benchmark, Absent) and benchmark <= ours / 2
    by_holdings = holdings <= ours / 2
    if with_market and by_holdings:
        return "the market and the holdings"
    if with_market or by_holdings:
        return "the market" if with_market else "the holdings"
    return "several together"


def _coefficients(weekly: Floats) -> Coefficients:
    told = weekly[np.isfinite(weekly)]
    if len(told) < WEEKS_MIN:
        raise NotComputable(f"{len(told)} weeks have a coefficient; {WEEKS_MIN} are the least that tell of them")
    ratio = known(icir(told), "the coefficients do not vary")
    if isinstance(ratio, Absent):
        raise NotComputable(ratio.why)
    return Coefficients(
        weeks=len(told),
        mean=float(told.mean()),
        deviation=float(told.std(ddof=1)),
        icir=ratio,
        t=t_statistic(told),
        positive=float((told > 0).mean()),
    )


def _rolling(weekly: Floats) -> Floats:
    """Give the mean of what is known in the last 26 weeks, where half of them are; NaN else."""
    rolled = np.full(len(weekly), np.nan)
    if len(weekly) < WINDOW:
        return rolled
    is_known = np.isfinite(weekly)
    sums, counts = (
        np.lib.stride_tricks.sliding_window_view(one, WINDOW).sum(axis=1)
        for one in (np.where(is_known, weekly, 0.0), is_known.astype(np.float64))
    )
    is_told = counts >= WINDOW / 2
    rolled[WINDOW - 1 :][is_told] = sums[is_told] / counts[is_told]
    return rolled

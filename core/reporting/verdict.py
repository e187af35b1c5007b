"""The verdict of a backtest: is what came of it more than luck? One sentence, by a rule that is stated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain.backtest import Backtest, Trial
from core.domain.bars import Floats
from core.measures.luck import (
    Resampled,
    Shape,
    expected_best_sharpe,
    interval,
    mean_block,
    probabilistic_sharpe,
    resampled,
    share_below,
    variance_of_trials,
)
from core.measures.tearsheet import days_between, return_a_year, session_returns
from core.reporting.measured import Absent, Measured, decimal, measured, percent
from core.reporting.tracks import TrackFigures

DEFLATED_MIN, PERCENTILE, LEVEL = 0.95, 0.95, 0.95
# Of fewer random ranks none is the one in twenty.
SEEDS_MIN = 20
DRAWS, SEED = 5000, 20_140_701


@dataclass(frozen=True)
class Interval:
    """Where a share of the resamples lies, with what the sample itself came to."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Luck:
    """What luck alone would do: random ranks, trials, and resamples of the same sessions.

    `random` holds the whole return of each seed of random ranks. Sharpe ratios are of a session; `beaten_sharpe` is absent
    where ours or the median of random ranks is below zero. `trials` counts what was asked, each question once and this one
    among them; `best` is what the best of so many is expected to show by luck.
    """

    random: Floats
    random_median: Measured
    random_sharpe: Measured
    edge: Measured
    beaten: Measured
    beaten_sharpe: Measured
    shape: Shape | Absent
    probabilistic: Measured
    trials: int
    variance: float
    best: float
    deflated: Measured
    block: float
    a_year: Interval | Absent
    sharpe: Interval | Absent
    excess: Interval | Absent


@dataclass(frozen=True)
class Hurdle:
    """One part of the rule: whether the result is over it, and the words with its number."""

    is_passed: bool
    words: str


@dataclass(frozen=True)
class Verdict:
    """Whether a result is distinguishable from luck, in one sentence, and the parts of the rule."""

    is_distinguishable: bool
    sentence: str
    hurdles: tuple[Hurdle, ...]


RULE = (
    f"The rule: distinguishable from luck when the deflated Sharpe ratio is {DEFLATED_MIN:.2f} or more, and the whole return "
    f"is above the {PERCENTILE * 100:.0f}th percentile of random ranks, and the {LEVEL * 100:.0f} % bootstrap interval of the "
    "excess over the benchmark lies above zero. What is not computable is not passed."
)


def luck_of(backtest: Backtest, ours: TrackFigures) -> Luck:
    """Measure what luck alone would do beside what came."""
    random, sharpes = (column[np.isfinite(column)] for column in backtest.luck.T)
    is_many = len(random) >= SEEDS_MIN
    few = Absent(f"there are {len(random)} seeds of random ranks; {SEEDS_MIN} are the least that have a percentile")
    counted, variance = _trials(backtest, ours.shape)
    best = expected_best_sharpe(counted, variance)
    shape = ours.shape
    drawn = measured(lambda: _resampled(backtest))
    random_sharpe: Measured = float(np.median(sharpes)) if is_many and len(sharpes) else few
    return Luck(
        random=random,
        random_median=float(np.median(random)) if is_many else few,
        random_sharpe=random_sharpe,
        edge=float(np.quantile(random, PERCENTILE)) if is_many else few,
        beaten=_beaten(random, ours.whole) if is_many else few,
        beaten_sharpe=_beaten_sharpe(sharpes, random_sharpe, shape),
        shape=shape,
        probabilistic=shape if isinstance(shape, Absent) else measured(lambda: probabilistic_sharpe(shape)),
        trials=counted,
        variance=variance,
        best=best,
        deflated=shape if isinstance(shape, Absent) else measured(lambda: probabilistic_sharpe(shape, best)),
        block=mean_block(max(len(backtest.sessions) - 1, 1)),
        **_intervals(drawn, backtest, ours),
    )


def verdict_of(luck: Luck, ours: TrackFigures, benchmark: str) -> Verdict:
    """Judge a result by the rule; a part that is not computable is not passed."""
    hurdles = (_over_trials(luck), _over_random(luck, ours), _over_benchmark(luck, benchmark))
    failed = [one.words for one in hurdles if not one.is_passed]
    if failed:
        return Verdict(False, f"Not distinguishable from luck: {'; '.join(failed)}.", hurdles)
    return Verdict(True, f"Distinguishable from luck: {'; '.join(one.words for one in hurdles)}.", hurdles)


def standing_trials(trials: tuple[Trial, ...]) -> dict[str, Trial]:
    """Give the last trial of each question: the same asked again is not another try."""
    return {trial.asked: trial for trial in sorted(trials, key=lambda one: one.recorded_at)}


def _trials(backtest: Backtest, shape: Shape | Absent) -> tuple[int, float]:
    """Count the questions, this one among them, and give the variance of their Sharpe ratios."""
    sharpes = {asked: trial.sharpe for asked, trial in standing_trials(backtest.trials).items()}
    sharpes[backtest.origin.asked] = shape.sharpe if isinstance(shape, Shape) else float("nan")
    return len(sharpes), variance_of_trials(list(sharpes.values()))


def _beaten(values: Floats, ours: Measured) -> Measured:
    return ours if isinstance(ours, Absent) else measured(lambda: share_below(values, ours))


def _beaten_sharpe(sharpes: Floats, median: Measured, shape: Shape | Absent) -> Measured:
    """Give the share below ours where ratios can be ranked: of two equal losses, the one at more risk has the higher ratio."""
    if isinstance(median, Absent):
        return median
    if isinstance(shape, Absent):
        return shape
    if shape.sharpe < 0.0 or median < 0.0:
        whose, ratio = ("ours", shape.sharpe) if shape.sharpe < 0.0 else ("the median of random ranks", median)
        return Absent(
            f"the Sharpe ratio of a session is {decimal(ratio, 4)} for {whose}; below zero more risk makes it higher, and a "
            "place by it would mislead"
        )
    return _beaten(sharpes, shape.sharpe)


def _resampled(backtest: Backtest) -> Resampled:
    returns = session_returns(backtest.sessions, backtest.main.equity)
    benchmark = session_returns(backtest.sessions, backtest.baselines[0].equity)
    return resampled(returns, benchmark, days=days_between(backtest.sessions), draws=DRAWS, seed=SEED)


def _intervals(drawn: Resampled | Absent, backtest: Backtest, ours: TrackFigures) -> dict[str, Interval | Absent]:
    a_year, shape = ours.a_year, ours.shape
    if isinstance(drawn, Absent) or isinstance(a_year, Absent) or isinstance(shape, Absent):
        why = next(one for one in (drawn, a_year, shape) if isinstance(one, Absent))
        return {"a_year": why, "sharpe": why, "excess": why}
    benchmark = backtest.baselines[0].equity
    theirs = return_a_year(float(benchmark[-1] / benchmark[0] - 1.0), days_between(backtest.sessions))
    values = {"a_year": a_year, "sharpe": shape.sharpe, "excess": a_year - theirs}
    return {name: Interval(value, *interval(getattr(drawn, name), LEVEL)) for name, value in values.items()}


def _over_trials(luck: Luck) -> Hurdle:
    if isinstance(luck.deflated, Absent):
        return Hurdle(False, f"the deflated Sharpe ratio is not computable ({luck.deflated.why})")
    is_passed = luck.deflated >= DEFLATED_MIN
    counted = f"{luck.trials} trial{'' if luck.trials == 1 else 's'}"
    told = f"the deflated Sharpe ratio over {counted} is {decimal(luck.deflated, 3)}"
    return Hurdle(is_passed, f"{told}, {'not below' if is_passed else 'below'} {DEFLATED_MIN:.2f}")


def _over_random(luck: Luck, ours: TrackFigures) -> Hurdle:
    whole, edge = ours.whole, luck.edge
    if isinstance(whole, Absent) or isinstance(edge, Absent):
        why = whole.why if isinstance(whole, Absent) else edge.why if isinstance(edge, Absent) else ""
        return Hurdle(False, f"the place among random ranks is not computable ({why})")
    is_passed = whole > edge
    side = "is above" if is_passed else "is not above"
    return Hurdle(
        is_passed,
        f"the whole return of {percent(whole)} {side} the {PERCENTILE * 100:.0f}th percentile of "
        f"{len(luck.random):,} random ranks, {percent(edge)}",
    )


def _over_benchmark(luck: Luck, benchmark: str) -> Hurdle:
    if isinstance(luck.excess, Absent):
        return Hurdle(False, f"the interval of the excess over {benchmark} is not computable ({luck.excess.why})")
    low, high = luck.excess.low, luck.excess.high
    between = (
        f"the {LEVEL * 100:.0f} % interval of the excess over {benchmark}, {percent(low)} to {percent(high)} a year,"
    )
    side = "lies above zero" if low > 0 else "lies below zero" if high < 0 else "holds zero"
    return Hurdle(low > 0, f"{between} {side}")

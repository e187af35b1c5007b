"""What a backtest is worth as evidence, told in sections: coefficients, quantiles, random ranks, chance, trials and models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from adapters.render.backtest_cells import NONE, Reasons, Row, Section, Table, ratio, share, told
from adapters.render.charts import Series, bar_chart, histogram, nothing, stick_chart
from core.measures.luck import Shape
from core.measures.tearsheet import PERIODS
from core.reporting.backtest_report import BacktestReport
from core.reporting.measured import Absent, Measured, decimal, percent
from core.reporting.power import Coefficients
from core.reporting.verdict import DRAWS, LEVEL, SEED, Interval, standing_trials

# Importances that are told, long tables' first row that needs scrolling, and digits of a hash that tell it from others.
IMPORTANCE_TOLD, LONG, SHORT = 30, 20, 12


def coefficients(report: BacktestReport) -> Section:
    """Tell and draw the information coefficients."""
    power = report.power
    reasons = Reasons()
    tell: tuple[tuple[str, Callable[[Coefficients], str]], ...] = (
        ("weeks known", lambda one: f"{one.weeks:,}"),
        ("mean", lambda one: decimal(one.mean, 4)),
        ("deviation", lambda one: decimal(one.deviation, 4)),
        ("ICIR, of a week", lambda one: decimal(one.icir, 3)),
        ("t of the mean", lambda one: decimal(one.t, 2)),
        ("above zero", lambda one: percent(one.positive, 1)),
    )
    rows = tuple(
        (
            label,
            *(
                reasons.cell(told(one, to_text), name)
                for name, one in (("IC", power.of_ic), ("rank IC", power.of_rank_ic))
            ),
        )
        for label, to_text in tell
    )
    table = Table(("", "IC", "rank IC"), rows, "lrr", reasons.told())
    chart = partial(
        stick_chart,
        "Rank IC of each week, and its mean of 26 weeks",
        power.weeks,
        Series("rank IC of the week", power.rank_ic, 1),
        Series("mean of 26 weeks", power.rolling, 0),
    )
    plain = partial(
        stick_chart,
        "IC of each week",
        power.weeks,
        Series("IC of the week", power.ic, 1),
        Series(
            "its mean", np.full(len(power.ic), power.of_ic.mean if isinstance(power.of_ic, Coefficients) else np.nan), 0
        ),
    )
    words = (
        "IC is the correlation of the scores of a decision with what was then realised (from the open after it to the open "
        "after the next, less the benchmark); rank IC that of their ranks. ICIR is the mean over the deviation.",
    )
    return Section("Information coefficients", words, (chart, plain), (table,))


def quantiles(report: BacktestReport) -> Section:
    """Tell and draw what each fifth of the scores returned."""
    power = report.power
    reasons = Reasons()
    count = len(power.quantiles)
    names = [
        f"{at + 1}{' (worst scores)' if at == 0 else ' (best scores)' if at == count - 1 else ''}"
        for at in range(count)
    ]
    rows: list[Row] = [
        (name, reasons.cell(share(one, 3), "quantiles")) for name, one in zip(names, power.quantiles, strict=True)
    ]
    rows += [
        ("best less worst, a week", reasons.cell(share(power.spread, 3), "spread")),
        ("t of that", reasons.cell(ratio(power.spread_t), "t")),
        ("weeks in which best beat worst", reasons.cell(share(power.spread_positive, 1), "weeks")),
        ("monotonicity (-1 to 1)", reasons.cell(ratio(power.monotonicity), "monotonicity")),
    ]
    title = "Mean return of a week less the benchmark's, by fifths of the scores"
    values = [one for one in power.quantiles if not isinstance(one, Absent)]
    chart = (
        partial(bar_chart, title, [str(at + 1) for at in range(count)], values)
        if len(values) == count
        else partial(nothing, title, "there are too few weeks")
    )
    words = (
        "Monotonicity is the rank correlation of the fifths' order with their means; 1 when each better fifth returned more.",
    )
    return Section(
        "Quantile spread", words, (chart,), (Table(("fifth", "mean return"), tuple(rows), "lr", reasons.told()),)
    )


def random(report: BacktestReport) -> Section:
    """Tell and draw where ours stands among random ranks."""
    luck, ours = report.luck, report.tracks[0].whole
    reasons = Reasons()
    rows = (
        ("whole return of ours", reasons.cell(share(ours), "ours")),
        ("median of random ranks", reasons.cell(share(luck.random_median), "median")),
        ("95th percentile of random ranks", reasons.cell(share(luck.edge), "percentile")),
        ("random ranks below ours, by whole return", reasons.cell(share(luck.beaten, 1), "share")),
        (
            "random ranks below ours, by Sharpe ratio",
            reasons.cell(share(luck.beaten_sharpe, 1), "share by Sharpe ratio"),
        ),
    )
    title = f"Whole return of {len(luck.random):,} random ranks"
    if isinstance(ours, Absent) or isinstance(luck.edge, Absent):
        why = ours.why if isinstance(ours, Absent) else luck.edge.why if isinstance(luck.edge, Absent) else ""
        chart = partial(nothing, title, why)
    else:
        words = (f"ours, {percent(ours)}", f"95th percentile, {percent(luck.edge)}")
        chart = partial(histogram, title, luck.random, ours=ours, edge=luck.edge, words=words)
    said = (
        "Random ranks are our own scores given to other names, by one permutation of the names a seed. They trade as ours "
        "does, on the same days with the same costs, and change as slowly; only which name has which score is drawn.",
    )
    return Section("Beside random ranks", said, (chart,), (Table(("", ""), rows, "lr", reasons.told()),))


def chance(report: BacktestReport) -> Section:
    """Tell the Sharpe ratio's chance, deflated by what was tried, and intervals by resampling."""
    luck = report.luck
    reasons = Reasons()
    year = float(np.sqrt(PERIODS))
    session = luck.shape.sharpe if isinstance(luck.shape, Shape) else luck.shape
    rows = (
        ("Sharpe ratio of a session", reasons.cell(ratio(session, 4), "Sharpe ratio")),
        (
            "probability that the true one is above zero (probabilistic Sharpe ratio)",
            reasons.cell(ratio(luck.probabilistic, 3), "probabilistic"),
        ),
        ("trials, this one among them", f"{luck.trials:,}"),
        ("variance of their Sharpe ratios, of a session", f"{luck.variance:.3e}"),
        ("what the best of them is expected to show by luck, of a session", decimal(luck.best, 4)),
        (
            "probability that the true one is above that (deflated Sharpe ratio)",
            reasons.cell(ratio(luck.deflated, 3), "deflated"),
        ),
    )
    names = (
        ("return a year", luck.a_year, 1.0, percent),
        ("Sharpe ratio, a year", luck.sharpe, year, decimal),
        (f"return a year less {report.tracks[1].name}'s", luck.excess, 1.0, percent),
    )
    intervals = tuple((name, *_interval(one, times, tell, reasons)) for name, one, times, tell in names)
    head = ("", "as it came", f"{LEVEL * 100:.0f} % from", "to")
    words = (
        "Probabilistic Sharpe ratio: Bailey and Lopez de Prado 2012. Deflated: the same 2014. "
        "A question that was asked twice is one trial.",
        f"Intervals: stationary bootstrap (Politis and Romano 1994), {DRAWS:,} resamples of "
        f"sessions, blocks of {decimal(luck.block, 1)} on average, "
        f"seed {SEED}; ours and the benchmark's sessions are drawn together.",
    )
    return Section(
        "Is it luck?", words, (), (Table(("", ""), rows, "lr", reasons.told()), Table(head, intervals, "lrrr"))
    )


def trials(report: BacktestReport) -> Section:
    """Tell what was tried before."""
    if not report.trials:
        return Section("What was tried before", ("Nothing: this is the first.",))
    year = float(np.sqrt(PERIODS))
    last = {id(one) for one in standing_trials(report.trials).values()}
    rows = tuple(
        (
            f"{one.recorded_at:%Y-%m-%d %H:%M}",
            one.strategy,
            str(one.first),
            str(one.last),
            f"{one.sessions:,}",
            decimal(one.sharpe, 4) if np.isfinite(one.sharpe) else NONE,
            decimal(one.sharpe * year) if np.isfinite(one.sharpe) else NONE,
            one.asked[:SHORT],
            "yes" if id(one) in last else "asked again",
        )
        for one in report.trials
    )
    head = ("recorded, UTC", "strategy", "from", "to", "sessions", "Sharpe, a session", "a year", "asked", "counts")
    return Section(
        "What was tried before",
        ("Every backtest is logged, and counts as a trial in the deflated Sharpe ratio.",),
        (),
        (Table(head, rows, "llllrrrll", is_long=len(rows) > 20),),
    )


def fits(report: BacktestReport) -> Section:
    """Tell each training of the walk-forward."""
    if not report.fits:
        return Section("Fits", ("Nothing was trained.",))
    fits = report.fits
    known = [one.rank_ic for one in fits if np.isfinite(one.rank_ic)]
    mean = f"; the mean rank IC where they were validated is {decimal(float(np.mean(known)), 4)}" if known else ""
    words = (f"{len(fits):,} models, each trained at the close named on the decisions from and to{mean}.",)
    rows = tuple(
        (
            str(one.as_of),
            str(one.first),
            str(one.last),
            f"{one.rows:,}",
            f"{one.trees:,}",
            decimal(one.rank_ic, 4) if np.isfinite(one.rank_ic) else NONE,
            one.model[:SHORT],
        )
        for one in fits
    )
    head = ("as of", "from", "to", "rows", "trees", "rank IC, validated", "model")
    return Section("Fits", words, (), (Table(head, rows, "lllrrrl", is_long=len(rows) > 20),))


def importance(report: BacktestReport) -> Section:
    """Tell which features the models used."""
    told = sorted(report.importance, key=lambda one: (-one[1], one[0]))
    whole = sum(value for _, value in told)
    if whole <= 0:
        return Section("Importance of features", ("None is told.",))
    rows = tuple((name, percent(value / whole, 1)) for name, value in told[:IMPORTANCE_TOLD])
    more = len(told) - len(rows)
    words = (f"Shares of the whole; {more} more features are below." if more > 0 else "Shares of the whole.",)
    return Section("Importance of features", words, (), (Table(("feature", "share"), rows, "lr"),))


def origin(report: BacktestReport) -> Section:
    """Tell the hashes of what the backtest was made of."""
    origin = report.origin
    rows = tuple(
        (name, getattr(origin, name)) for name in ("snapshot", "policy", "universe", "features", "code", "asked")
    )
    return Section(
        "Origin",
        ("The same of these, with the same trials before it, gives the same page, byte for byte.",),
        (),
        (Table(("what", "hash"), rows, "ll"),),
    )


def _interval(one: Interval | Absent, times: float, tell: Callable[[Measured], str], reasons: Reasons) -> Row:
    if isinstance(one, Absent):
        return (reasons.cell(one, "intervals"), NONE, NONE)
    return (tell(one.value * times), tell(one.low * times), tell(one.high * times))

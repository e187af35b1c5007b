"""What a backtest came to, told in sections: returns, drawdowns, months, years, trading, sectors, worst weeks and risk."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from adapters.render.backtest_cells import NONE, Reasons, Row, Section, Table, ratio, share, told
from adapters.render.charts import Series, drawdown_chart, line_chart, nothing, scale_of, stacked_chart
from core.measures.risk import Drawdown
from core.measures.tearsheet import PERIODS
from core.reporting.backtest_report import BacktestReport
from core.reporting.measured import Absent, decimal, percent
from core.reporting.power import Part, TurnoverLimit
from core.reporting.tracks import Span, TrackFigures

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# As many sectors have a colour of their own.
COLOURS = 10


def headline(report: BacktestReport) -> Section:
    """Tell the measures of each track side by side, and what the median of random ranks came to."""
    random = report.random
    theirs = report.tracks[1].name
    names = _names(report)
    reasons = Reasons()

    def row(label: str, tell: Callable[[TrackFigures], str | Absent], middle: str | Absent = NONE) -> Row:
        """Tell one measure of each track, with the reasons beneath the table."""
        return (label, *(reasons.cell(cell, label) for cell in (*map(tell, report.tracks), middle)))

    rows = (
        row(f"Equity at the end, {report.base}", lambda one: told(one.end, lambda end: decimal(end, 0))),
        row("Whole return", lambda one: share(one.whole), share(random.whole)),
        row("Return a year (CAGR)", lambda one: share(one.a_year), share(random.a_year)),
        row("Volatility a year", lambda one: share(one.volatility)),
        row("Sharpe ratio", lambda one: ratio(one.sharpe), ratio(random.sharpe)),
        row("Sortino ratio", lambda one: ratio(one.sortino)),
        row("Calmar ratio", lambda one: ratio(one.calmar)),
        row("Deepest drawdown", lambda one: _fall(one, lambda fall: percent(float(fall.depth)))),
        row("- from", lambda one: _fall(one, lambda fall: str(fall.peak))),
        row("- lowest", lambda one: _fall(one, lambda fall: str(fall.trough))),
        row("- made good", lambda one: _fall(one, lambda fall: str(fall.recovered or "not yet"))),
        row("Turnover a year", lambda one: share(one.turnover)),
        row("Cost drag a year", lambda one: share(one.cost_drag)),
        row("Dividends a year", lambda one: share(one.income)),
        row("Exposure, mean", lambda one: share(one.invested)),
        row("Positions, mean", lambda one: told(one.positions, lambda held: decimal(held, 1))),
        row("Best week", lambda one: told(one.best, _span)),
        row("Worst week", lambda one: told(one.worst, _span)),
        row(f"Weeks ahead of {theirs}", lambda one: NONE if one is report.tracks[1] else share(one.weeks_ahead)),
    )
    table = Table(("", *names, "median of random ranks"), rows, "l" + "r" * (len(names) + 1), reasons.told())
    words = (
        f"{theirs} is the benchmark. Turnover is half of what was bought and sold, cost drag what trading "
        "cost, both as shares of equity. A week lies between the closes of two decisions and is named by its last day. "
        f"Of {random.seeds:,} random ranks, the whole return and the Sharpe ratio are kept.",
    )
    return Section("In short", words, (), (table,))


def curves(report: BacktestReport) -> Section:
    """Draw equity, drawdown and the rolling Sharpe ratio, and tell the first two at the ends of years."""
    days, lines = report.sessions, report.lines
    names = _names(report)
    growth = [Series(names[at], one.growth, at) for at, one in enumerate(lines)]
    falls = [Series(names[at], one.drawdown, at) for at, one in enumerate(lines[:2])]
    rolling = [Series(names[at], one.rolling, at) for at, one in enumerate(lines[:2])]
    flat = [one.values for one in rolling]
    charts = (
        partial(
            line_chart,
            "Equity, the first close being 1 (logarithmic)",
            days,
            growth,
            scale=scale_of(np.concatenate([one.values for one in growth]), is_log=True),
        ),
        partial(drawdown_chart, "Drawdown from the highest close so far", days, falls),
        partial(
            line_chart,
            f"Sharpe ratio of the last {PERIODS} sessions",
            days,
            rolling,
            scale=scale_of(np.concatenate(flat), has_zero=True),
        )
        if len(days) > PERIODS
        else partial(
            nothing,
            f"Sharpe ratio of the last {PERIODS} sessions",
            f"there are {max(len(days) - 1, 0)} session returns",
        ),
    )
    reasons = tuple(f"{name} is not drawn: {one.reason}." for name, one in zip(names, lines, strict=True) if one.reason)
    ends = "Equity at the last close of each year, the first close being 1, and the drawdown from the highest close so far."
    words, tables = ((ends,), (_at_year_ends(report),)) if len(days) else ((), ())
    return Section("Equity, drawdown, rolling Sharpe ratio", (*words, *reasons), charts, tables)


def _at_year_ends(report: BacktestReport) -> Table:
    days, lines, names = report.sessions, report.lines, _names(report)
    years = days.astype("datetime64[Y]")
    ends = [*np.flatnonzero(years[1:] != years[:-1]).tolist(), len(days) - 1]

    def row(at: int) -> Row:
        growth, falls = [float(one.growth[at]) for one in lines], [float(one.drawdown[at]) for one in lines[:2]]
        return (
            str(days[at].astype("datetime64[D]")),
            *(NONE if np.isnan(one) else decimal(one, 3) for one in growth),
            *(NONE if np.isnan(one) else percent(one) for one in falls),
        )

    head = ("last close", *names, *(f"drawdown: {name}" for name in names[:2]))
    return Table(head, tuple(map(row, ends)), "l" + "r" * (len(head) - 1))


def months(report: BacktestReport) -> Section:
    """Tell the return of each month."""
    if isinstance(report.months, Absent):
        return Section("Returns by month", (f"Not computable: {report.months.why}.",))
    rows, tints = [], []
    for year in report.months:
        cells = [NONE if one is None else percent(one, 1) for one in year.months]
        rows.append((str(year.year), *cells, percent(year.whole, 1)))
        tints.append((0, *(_tint(one, 0.02) for one in year.months), _tint(year.whole, 0.10)))
    head = ("", *MONTHS, "year")
    return Section(
        "Returns by month",
        ("Of ours. The first and the last month may be parts of one.",),
        (),
        (Table(head, tuple(rows), "l" + "r" * 13, tints=tuple(tints)),),
    )


def years(report: BacktestReport) -> Section:
    """Tell the return of each year beside the baselines."""
    names = _names(report)
    rows = tuple((str(one.year), *(percent(each) for each in one.returns), percent(one.excess)) for one in report.years)
    table = Table(("", *names, f"ours less {names[1]}"), rows, "l" + "r" * (len(names) + 1))
    words = ("The first and the last year may be parts of one.",) if rows else ("No year has a return.",)
    return Section("Returns by year", words, (), (table,) if rows else ())


def trading(report: BacktestReport) -> Section:
    """Tell turnover and cost of each year."""
    limited = _limited(report.turnover_limit)
    if not report.trading:
        return Section("Turnover and cost", ("No year of ours can be told.", *limited))
    rows = tuple(
        (
            str(one.year),
            percent(one.turnover, 1),
            decimal(one.cost, 2),
            percent(one.cost_drag),
            decimal(one.income, 2),
            percent(one.invested, 1),
            decimal(one.positions, 1),
        )
        for one in report.trading
    )
    head = ("", "turnover", f"cost, {report.base}", "cost drag", f"dividends, {report.base}", "exposure", "positions")
    words = (
        "Cost is spread, slippage, currency fee and commission; cost drag its share of the equity "
        "before. Dividends are after withholding.",
        *limited,
    )
    return Section("Turnover and cost", words, (), (Table(head, rows, "lrrrrrr"),))


def sectors(report: BacktestReport) -> Section:
    """Tell and draw the weight held in each sector."""
    sectors = report.sectors
    if not sectors.names:
        return Section("Exposure by sector", ("Nothing was ever held.",))
    rows = tuple(
        (name, percent(mean, 1), percent(most, 1))
        for name, mean, most in zip(sectors.names, sectors.mean, sectors.most, strict=True)
    )
    names, weights = sectors.names, sectors.weights
    if len(names) > COLOURS:
        names = (*names[: COLOURS - 1], "others")
        weights = np.concatenate(
            [weights[:, : COLOURS - 1], weights[:, COLOURS - 1 :].sum(axis=1, keepdims=True)], axis=1
        )
    chart = partial(stacked_chart, "Weight held by sector; what is left above is cash", sectors.weeks, names, weights)
    return Section(
        "Exposure by sector",
        ("Weights as held after each decision's trades, at the open of that session.",),
        (chart,),
        (Table(("sector", "mean", "most"), rows, "lrr"),),
    )


def worst(report: BacktestReport) -> Section:
    """Tell the weeks that lost most, with what made them."""
    if isinstance(report.worst, Absent):
        return Section("Worst weeks, and why", (f"Not computable: {report.worst.why}.",))
    if not report.worst:
        return Section("Worst weeks, and why", ("No week lost.",))
    theirs = report.tracks[1].name
    rows = tuple(
        (
            str(one.first),
            str(one.last),
            percent(one.ours),
            percent(one.benchmark),
            percent(one.holdings),
            percent(one.rest),
            one.mostly,
            "; ".join(map(_part, one.parts)) or NONE,
        )
        for one in report.worst
    )
    words = (
        f"Ours is {theirs}'s week, plus what the holdings did beside it (weight held after the trades x return less "
        f"{theirs}'s, from open to open), plus a rest: cash, cost, currency, and the prices between close and open. What made "
        "half of a loss or more is named.",
    )
    head = (
        "from",
        "to",
        "ours",
        theirs,
        "holdings",
        "rest",
        "mostly",
        "holdings that cost most: weight held x return less the benchmark's",
    )
    return Section("Worst weeks, and why", words, (), (Table(head, rows, "llrrrrlt"),))


def risk(report: BacktestReport) -> Section:
    """Tell the tails of each track, what it is beside the benchmark, and the deepest drawdowns of ours."""
    reasons = Reasons()

    def row(label: str, tell: Callable[[TrackFigures], str | Absent]) -> Row:
        """Tell one measure of each track."""
        return (label, *(reasons.cell(tell(one), label) for one in report.tracks))

    def beside(one: TrackFigures, name: str) -> str | Absent:
        """Tell what a track is beside the benchmark; the benchmark beside itself is no reason to give."""
        return NONE if one is report.tracks[1] else told(one.against, lambda told: decimal(getattr(told, name), 2))

    theirs = report.tracks[1].name
    rows = (
        row("Worst session", lambda one: told(one.tail, lambda tail: _span(tail.worst))),
        row("One session in twenty at or below", lambda one: told(one.tail, lambda tail: percent(tail.edge))),
        row("- mean of those", lambda one: told(one.tail, lambda tail: percent(tail.mean))),
        row("Skewness of sessions", lambda one: told(one.shape, lambda shape: decimal(shape.skewness))),
        row("Kurtosis of sessions (normal: 3)", lambda one: told(one.shape, lambda shape: decimal(shape.kurtosis))),
        row(f"Beta to {theirs}", lambda one: beside(one, "beta")),
        row(f"Correlation with {theirs}", lambda one: beside(one, "correlation")),
        row(
            "Tracking error a year",
            lambda one: (
                NONE if one is report.tracks[1] else told(one.against, lambda told: percent(told.tracking_error))
            ),
        ),
        row("Information ratio", lambda one: beside(one, "information_ratio")),
    )
    names = _names(report)
    table = Table(("", *names), rows, "l" + "r" * len(names), reasons.told())
    falls = report.tracks[0].drawdowns
    if isinstance(falls, Absent):
        return Section("Risk", (f"Drawdowns are not computable: {falls.why}.",), (), (table,))
    deepest = Table(
        ("depth", "from", "lowest", "made good", "days"),
        tuple(_drawdown_row(one) for one in falls),
        "rlllr",
    )
    words = ("The table of drawdowns is of ours: each lasts from a highest close until that is reached again.",)
    return Section("Risk", words if falls else ("Ours had no drawdown.",), (), (table, deepest) if falls else (table,))


def _names(report: BacktestReport) -> list[str]:
    """Give the names of the tracks; a baseline may have that of our strategy."""
    ours, *others = (one.name for one in report.tracks)
    return [f"{ours} (ours)", *others]


def _drawdown_row(fall: Drawdown) -> Row:
    days = str((fall.recovered - fall.peak).days) if fall.recovered else NONE
    return (percent(float(fall.depth)), str(fall.peak), str(fall.trough), str(fall.recovered or "not yet"), days)


def _limited(limit: TurnoverLimit) -> tuple[str, ...]:
    """Say how far the turnover limit shaped the result."""
    if not limit.decisions:
        return ()
    undone = (
        f"Not computable: {limit.undone.why}."
        if isinstance(limit.undone, Absent)
        else f"On average {percent(limit.undone, 1)} of the wanted weight was not held after a decision's trades."
    )
    return (
        f"The turnover limit bound in {limit.bound:,} of {limit.decisions:,} decisions"
        f" ({percent(limit.bound / limit.decisions, 1)}): an order was cut or left undone for it. {undone}",
    )


def _part(part: Part) -> str:
    return f"{part.instrument} {percent(part.weight, 1)} x {percent(part.excess, 1)} = {percent(part.share)}"


def _span(span: Span) -> str:
    return f"{percent(span.value)}, {span.last}"


def _fall(one: TrackFigures, tell: Callable[[Drawdown], str]) -> str | Absent:
    if isinstance(one.drawdowns, Absent):
        return one.drawdowns
    return tell(one.drawdowns[0]) if one.drawdowns else "none"


def _tint(value: float | None, step: float) -> int:
    """Give how strongly a return is coloured: three steps for losses, three for gains."""
    if value is None or abs(value) < step / 8:
        return 0
    depth = 1 + (abs(value) > step) + (abs(value) > 2 * step)
    return depth if value > 0 else -depth

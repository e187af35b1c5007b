"""The report of a backtest: from the noun to its page, beside quantstats' HTML tear sheet of the same returns."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import cpu_seconds, in_a_process, seconds, table, told
from core.domain.backtest import Backtest, Fit, Origin, Track, Trial

SESSIONS, INSTRUMENTS, SEEDS, SEED = 1760, 450, 1000, 1
RUNS = 5
# Ten digits of five ratios: both are told the same returns.
CLOSE = 1e-9


def report(folder: Path, peers: Path | None) -> str:
    """Render the same returns here and there, in turns of one process each, and hold that the figures are equal."""
    returns, page = folder / "returns.csv", folder / "page.html"
    ours = [in_a_process("benchmarks.report", str(returns))]
    theirs = []
    for turn in range(RUNS):
        if peers:
            theirs.append(
                in_a_process("benchmarks.peers.quantstats_report", str(returns), str(page), "2", python=peers)
            )
        if turn:
            ours.append(in_a_process("benchmarks.report", str(returns)))
    for one in theirs:
        for name, value in one["figures"].items():
            assert abs(value - ours[0]["figures"][name]) < CLOSE, (
                f"{name} is {ours[0]['figures'][name]} here, {value} there"
            )
    rows = [_row("Twokey: report, HTML and Markdown", ours), _row("quantstats: HTML", theirs)]
    lines = [
        "## The report of a backtest",
        "",
        f"{SESSIONS:,} sessions, {INSTRUMENTS} instruments, {SEEDS:,} random ranks; quantstats has the returns",
        "of ours and of the benchmark alone.",
        "Medians; both have equal whole return, volatility, Sharpe and Sortino ratio and deepest drawdown.",
        "",
        table(("report", "wall, warm", "processor, warm", "first in a process", "imports", "page"), rows),
    ]
    return "\n".join(lines)


def _row(name: str, runs: list[Any]) -> tuple[str, ...]:
    if not runs:
        return (name, "not installed", "", "", "", "")
    warm = [each for run in runs for each in run["runs"]]
    wall, processor = (told(statistics.median(each[at] for each in warm)) for at in range(2))
    first, imports = (
        told(statistics.median(one)) for one in ([run["first"][0] for run in runs], [run["imported"] for run in runs])
    )
    return name, wall, processor, first, imports, f"{runs[0]['bytes'] / 1024:,.0f} KiB"


def made() -> Backtest:
    """Make a backtest of as many sessions as seven years have: what scores tell of a week is next to nothing."""
    dice = np.random.Generator(np.random.PCG64(SEED))
    days = np.busday_offset(np.datetime64("2019-01-04"), np.arange(SESSIONS))
    weeks = days[::5]
    realised = dice.normal(0.0, 0.04, (len(weeks), INSTRUMENTS))
    scores = 0.03 * realised / 0.04 + dice.normal(0.0, 1.0, realised.shape)
    weights = np.where(np.argsort(np.argsort(-scores, axis=1), axis=1) < 15, 0.06, 0.0)
    market = dice.normal(0.0004, 0.011, SESSIONS)
    tracks = tuple(
        _track(name, market + dice.normal(0.0, 0.004, SESSIONS)) for name in ("ours", "SPY", "equal weight", "momentum")
    )
    told_days: list[date] = weeks.astype(object).tolist()
    fits = tuple(
        Fit(day, day - timedelta(days=1100), day, 60_000, 90, 0.01, f"{at:064x}") for at, day in enumerate(told_days)
    )
    asked = [f"{at:064x}" for at in range(25)]
    first, last = told_days[0], told_days[-1]
    return Backtest(
        book="main",
        strategy="ranker",
        mode="research",
        base="GBP",
        capital=Decimal(100_000),
        first=first,
        last=last,
        sessions=days,
        instruments=tuple(f"US-{at:04}" for at in range(INSTRUMENTS)),
        sectors=tuple(f"Sector {at % 11}" for at in range(INSTRUMENTS)),
        main=tracks[0],
        baselines=tracks[1:],
        weeks=weeks,
        scores=scores,
        realised=realised,
        weights=weights,
        held=0.6 * weights,
        bound=np.arange(len(weeks)) % 2 == 0,
        luck=np.stack([dice.normal(0.8, 0.3, SEEDS), dice.normal(0.04, 0.02, SEEDS)], axis=1),
        fits=fits,
        importance=tuple((f"feature {at}", float(at)) for at in range(53)),
        trials=tuple(
            Trial(datetime(2026, 1, 1, tzinfo=UTC), one, "ranker", first, last, SESSIONS, 0.001 * at)
            for at, one in enumerate(asked)
        ),
        survivorship="Made: nothing left, nothing came.",
        knowledge="Made: known at each close.",
        origin=Origin(*asked[:6]),
        is_synthetic=True,
    )


def _track(name: str, steps: np.ndarray) -> Track:
    equity = 100_000.0 * np.exp(np.concatenate([[0.0], np.cumsum(steps[1:])]))
    is_traded = (np.arange(SESSIONS) % 5 == 1).astype(np.float64)
    return Track(
        name=name,
        equity=equity,
        invested=np.full(SESSIONS, 0.9),
        positions=np.full(SESSIONS, 15.0),
        turnover=0.2 * is_traded,
        cost=20.0 * is_traded,
        income=3.0 * is_traded,
    )


def _run(returns: Path) -> dict[str, Any]:
    """Time our report; the first run is what a process pays that makes one, and writes the returns for the peer."""
    start = time.perf_counter()
    from adapters.render.backtest import backtest_html, backtest_markdown
    from core.reporting.backtest_report import report_of

    imported = time.perf_counter() - start
    backtest = made()
    pages: list[str] = []

    def render() -> None:
        """Measure, and write both forms."""
        measured = report_of(backtest)
        pages[:] = [backtest_html(measured), backtest_markdown(measured)]

    times = [_both(render) for _ in range(RUNS + 1)]
    _write(backtest, returns)
    track = report_of(backtest).tracks[0]
    assert isinstance(track.drawdowns, tuple), "a curve without a drawdown shows nothing"
    figures = {name: getattr(track, name) for name in ("whole", "volatility", "sharpe", "sortino")}
    figures["drawdown"] = float(track.drawdowns[0].depth)
    size = len(pages[0].encode())
    return {"first": times[0], "runs": times[1:], "imported": imported, "bytes": size, "figures": figures}


def _both(call: Callable[[], object]) -> tuple[float, float]:
    processor: list[float] = []
    wall = seconds(lambda: processor.append(cpu_seconds(call)))
    return wall, processor[0]


def _write(backtest: Backtest, path: Path) -> None:
    curves = [one.equity for one in (backtest.main, backtest.baselines[0])]
    ours, theirs = (equity[1:] / equity[:-1] - 1.0 for equity in curves)
    rows = [
        f"{day},{one!r},{other!r}"
        for day, one, other in zip(backtest.sessions[1:], ours.tolist(), theirs.tolist(), strict=True)
    ]
    path.write_text("\n".join(["day,ours,benchmark", *rows]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    print(json.dumps(_run(Path(sys.argv[1]))))

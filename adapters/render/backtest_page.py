"""The page of a backtest's report: its sentences, tables and charts in their order, for HTML and Markdown alike.

Both forms show these cells and nothing else, so that no number can differ between them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapters.render.backtest_cells import Section, sentence
from adapters.render.backtest_evidence import chance, coefficients, fits, importance, origin, quantiles, random, trials
from adapters.render.backtest_performance import curves, headline, months, risk, sectors, trading, worst, years
from core.measures.tearsheet import PERIODS
from core.reporting.backtest_report import BacktestReport
from core.reporting.verdict import RULE

SYNTHETIC = "SYNTHETIC market data: nothing here is a result of a real market."
SECTIONS: tuple[Callable[[BacktestReport], Section], ...] = (
    headline,
    curves,
    months,
    years,
    coefficients,
    quantiles,
    trading,
    sectors,
    worst,
    risk,
    random,
    chance,
    trials,
    fits,
    importance,
    origin,
)


@dataclass(frozen=True)
class Page:
    """The whole page: the first line, the verdict, what was run and what must be known of it, and the sections."""

    first_line: str
    title: str
    is_synthetic: bool
    is_distinguishable: bool
    verdict: str
    rule: str
    words: str
    notes: tuple[str, ...]
    sections: tuple[Section, ...]


def page_of(report: BacktestReport) -> Page:
    """Lay a report out."""
    stamp = f"{SYNTHETIC} " if report.is_synthetic else ""
    return Page(
        first_line=f"{stamp}{sentence(report.survivorship)} {sentence(report.knowledge)}",
        title=f"Backtest of {report.book}: {report.strategy}, {report.first} to {report.last}",
        is_synthetic=report.is_synthetic,
        is_distinguishable=report.verdict.is_distinguishable,
        verdict=report.verdict.sentence,
        rule=RULE,
        words=_run_words(report),
        notes=tuple(map(sentence, report.notes)),
        sections=tuple(make(report) for make in SECTIONS),
    )


def _run_words(report: BacktestReport) -> str:
    weeks = len(report.power.weeks)
    return (
        f"{report.capital:,.0f} {report.base} through {len(report.sessions):,} closes, {weeks:,} decisions among "
        f"{report.instruments:,} instruments, mode {report.mode}. Returns are in {report.base}, after costs, "
        f"dividends included. A year has 365 days for returns and {PERIODS} sessions for ratios; no risk-free rate is "
        "taken off; what is shorter than a year is not told a year."
    )

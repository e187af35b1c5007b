"""The research backtest of a job: walked forward over the clean set, and told in the report that `twokey backtest` writes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any

from adapters.files.artefacts import Artefacts
from adapters.files.models import FileModels
from adapters.files.progress import FileProgress, Told
from adapters.fitting import fit_in_processes
from adapters.postgres.models import PgTrials, PgTrialsKept
from adapters.render.backtest import backtest_html, backtest_markdown
from adapters.versions import versions
from core.canonical import plain_decimal
from core.quant.parameters import RankerParameters
from core.quant.training import FitMany, Fits, TrainingSet
from core.quant.windows import Window
from core.reporting.backtest_report import BacktestReport, report_of
from core.reporting.measured import Absent, Measured
from core.reporting.tracks import TrackFigures
from flows.backtest import Asked, BacktestDoors, NothingToTest, backtest
from flows.fitting import fits_kept_in
from flows.setup import BookSetup
from flows.weekly import report_stem
from servers.quant.jobs import Backtest
from servers.refusals import Code, Refused
from servers.wiring import Place

FIGURES = ("whole", "a_year", "volatility", "sharpe", "turnover", "cost_drag")


def research(asked: Backtest, place: Place, progress: FileProgress, *, is_weekly: bool = False) -> dict[str, Any]:
    """Run a book's strategy through a range by the research engine, write the report, and give its figures.

    The week's is told against what people tried and counts as no trial itself: nobody chose its days. Raises Refused
    where book or bars are not those any more that were asked for, and where the range cannot be tested.
    """
    setup = _setup_as_asked(asked, place)
    store = FileModels(place.workspace.root / "data" / "models")
    doors = BacktestDoors(
        clean=place.clean,
        trials=PgTrialsKept(place.session) if is_weekly else PgTrials(place.session),
        fit_many=_told(fits_kept_in(store, fit_in_processes()), progress),
        clock=place.clock,
        versions=versions,
    )
    try:
        report = report_of(backtest(Asked(asked.first, asked.last), setup, doors))
    except NothingToTest as error:
        # With what it was made of, if anything: that is for the log.
        raise Refused(Code.TOO_LITTLE_DATA, str(error)) from error.__cause__
    for words in store.damaged():
        sys.stderr.write(f"{words}; it was fitted again\n")
    files = Artefacts(place.workspace.root)
    stem = report_stem(asked.book, is_weekly=is_weekly)
    pages = {"html": backtest_html(report), "md": backtest_markdown(report)}
    with _uninterrupted():
        for ending, page in pages.items():
            files.write(f"{stem}.{ending}", page)
    return figures_of(report) | {"report": f"{stem}.html"}


def figures_of(report: BacktestReport) -> dict[str, Any]:
    """Give what a report comes to in canonical form; a figure that is not computable is none."""
    return {
        "strategy": report.strategy,
        "first": report.first,
        "last": report.last,
        "tracks": [_figures(track) for track in report.tracks],
        "is_distinguishable": report.verdict.is_distinguishable,
        "verdict": report.verdict.sentence,
        "survivorship": report.survivorship,
        "trials": report.luck.trials,
        "is_synthetic": report.is_synthetic,
    }


def _figures(track: TrackFigures) -> dict[str, Any]:
    return {"name": track.name, **{name: _number(getattr(track, name)) for name in FIGURES}}


def _number(told: Measured) -> str | None:
    return None if isinstance(told, Absent) else plain_decimal(Decimal(f"{told:.6f}"))


def _setup_as_asked(asked: Backtest, place: Place) -> BookSetup:
    setup = place.setup(asked.book)
    now = (place.clean.current(), setup.policy.hash, setup.universe_hash)
    if now != (asked.snapshot, asked.policy_hash, asked.universe_hash):
        message = "the clean set, the policy or the universe changed since this was asked; ask again"
        raise Refused(Code.CONFIGURATION, message)
    return setup


def _told(fit_many: FitMany, progress: FileProgress) -> FitMany:
    """Give the same way to fit windows, which tells how many it fitted."""

    def fit(learn: TrainingSet, windows: Sequence[Window], parameters: RankerParameters) -> Fits:
        progress.tell(Told(0, len(windows), "models"))
        with closing(fit_many(learn, windows, parameters)) as fits:
            for done, fitted in enumerate(fits, start=1):
                progress.tell(Told(done, len(windows), "models"))
                yield fitted

    return fit


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let no signal to end come between files that belong together."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

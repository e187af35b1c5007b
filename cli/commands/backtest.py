"""`backtest`: the report of a strategy through the past, and the check for look-ahead."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from decimal import Decimal

from adapters.clock import SystemClock
from adapters.files.artefacts import Artefacts
from adapters.files.models import FileModels
from adapters.files.workspace import Workspace
from adapters.fitting import fit_in_processes
from adapters.postgres.journal import PgJournal
from adapters.postgres.models import PgTrials
from adapters.render.backtest import backtest_html, backtest_markdown
from adapters.versions import versions
from cli.main import UsageError
from cli.output import emit, table
from cli.wiring import Desk
from core.domain.ticket import IssuedTicket
from core.ledger.equity import Curve, extend_curve, rates_of
from core.reporting.backtest_report import BacktestReport, report_of
from core.reporting.measured import Absent, Measured, decimal, percent
from core.reporting.tracks import TrackFigures
from flows.backtest import Asked, BacktestDoors, NothingToTest
from flows.backtest import backtest as run_backtest
from flows.fitting import fits_kept_in
from flows.lived import Lived
from flows.look import quote_of
from flows.lookahead import Checked, check_lookahead
from flows.setup import BookSetup
from flows.weekly import report_stem


def backtest(arguments: argparse.Namespace) -> int:
    """Run a book's strategy through the past and write the report; exit 1 where something knew the future."""
    if arguments.seeds < 1:
        raise UsageError(f"--seeds was {arguments.seeds}; at least one seed of random ranks is needed")
    asked = Asked(arguments.first, arguments.last, arguments.seeds)
    with Desk(Workspace(arguments.workspace)) as desk:
        setup = desk.configuration(arguments.book).setup
        if arguments.check_lookahead:
            try:
                return _checked(arguments, check_lookahead(asked, setup, _doors(desk)[0]))
            except NothingToTest as error:
                raise UsageError(str(error)) from error
        report = write_report(asked, setup, desk)
    path = arguments.workspace / f"{report_stem(arguments.book)}.html"
    emit(arguments, _facts(report, str(path)), f"{_words(report)}\nReport: {path}")
    return 0


def write_report(asked: Asked, setup: BookSetup, desk: Desk, *, lived: Lived | None = None) -> BacktestReport:
    """Run a backtest, count it, and write its report as a page and as Markdown; with `lived`, of the book of the daily flow."""
    doors, store = _doors(desk)
    try:
        report = report_of(run_backtest(asked, setup, doors, lived=lived))
    except NothingToTest as error:
        raise UsageError(str(error)) from error
    desk.heads.keep(desk.chain.head())
    for words in store.damaged():
        print(f"{words}; it was fitted again", file=sys.stderr)
    files, stem = Artefacts(desk.workspace.root), report_stem(setup.policy.book)
    files.write(f"{stem}.html", backtest_html(report))
    files.write(f"{stem}.md", backtest_markdown(report))
    return report


def lived_through(issued: Sequence[IssuedTicket], setup: BookSetup, desk: Desk) -> Lived:
    """Give what the slots of a simulation left behind, up to the last one's as-of session."""
    policy, snapshot = setup.policy, desk.clean.current() or ""
    panel = desk.clean.panel(snapshot, last=issued[-1].ticket.as_of)
    rates = rates_of(desk.clean.fixings(snapshot), policy.base_currency, quote_of(setup.universe, policy))
    entries = PgJournal(desk.session("reader")).entries(policy.book, policy.execution.venue)
    curve = extend_curve(Curve(), entries, panel, rates=rates)
    return Lived(curve, entries, tuple(one.ticket for one in issued), panel, rates)


def _doors(desk: Desk) -> tuple[BacktestDoors, FileModels]:
    store = FileModels(desk.workspace.root / "data" / "models")
    doors = BacktestDoors(
        clean=desk.clean,
        trials=PgTrials(desk.session("quant")),
        fit_many=fits_kept_in(store, fit_in_processes()),
        clock=SystemClock(),
        versions=versions,
    )
    return doors, store


def _checked(arguments: argparse.Namespace, found: Checked) -> int:
    told, cuts = ", ".join(found.told), ", ".join(map(str, found.cuts))
    words = [f"looked at {told}", f"with other futures after {cuts}", *map(str, found.leaks)]
    words.append(f"{len(found.leaks)} knew what came later" if found.leaks else "nothing knew what came later")
    facts = {"cuts": found.cuts, "told": found.told, "leaks": [str(leak) for leak in found.leaks]}
    emit(arguments, facts, "\n".join(words))
    return 1 if found.leaks else 0


def _words(report: BacktestReport) -> str:
    head = ("", "whole", "a year", "Sharpe", "worst fall")
    rows = [
        (
            one.name,
            percent(one.whole),
            percent(one.a_year),
            decimal(one.sharpe),
            percent(_worst_fall(one)),
        )
        for one in report.tracks
    ]
    stamp = ["SYNTHETIC market data: no real price"] if report.is_synthetic else []
    return "\n".join(
        [*stamp, report.survivorship, report.knowledge, "", table(head, rows), "", report.verdict.sentence]
    )


def _facts(report: BacktestReport, path: str) -> dict[str, object]:
    tracks = [
        {
            "name": one.name,
            "whole": _number(one.whole),
            "a_year": _number(one.a_year),
            "sharpe": _number(one.sharpe),
            "volatility": _number(one.volatility),
            "worst_fall": _number(_worst_fall(one)),
            "turnover": _number(one.turnover),
            "cost_drag": _number(one.cost_drag),
        }
        for one in report.tracks
    ]
    return {
        "book": report.book,
        "strategy": report.strategy,
        "first": report.first,
        "last": report.last,
        "tracks": tracks,
        "is_distinguishable": report.verdict.is_distinguishable,
        "verdict": report.verdict.sentence,
        "trials": report.luck.trials,
        "asked": report.origin.asked,
        "is_synthetic": report.is_synthetic,
        "path": path,
    }


def _worst_fall(one: TrackFigures) -> Measured:
    falls = one.drawdowns
    return falls if isinstance(falls, Absent) else float(falls[0].depth) if falls else 0.0


def _number(told: Measured) -> Decimal | str:
    """Give a number, for programs, or why there is none."""
    return f"not computable: {told.why}" if isinstance(told, Absent) else Decimal(f"{told:.12g}")

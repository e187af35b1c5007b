"""`ingest`, `data quality` and `data verify`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date

from adapters.clock import SystemClock
from adapters.files.configuration import Configuration
from adapters.files.raw_store import RawFiles
from adapters.files.workspace import Workspace
from adapters.postgres.people import PgConfig
from adapters.sources.archive import ArchiveSource, parse_archives
from adapters.sources.formats.registry import FormatParser
from adapters.sources.synthetic import SyntheticSource
from cli.main import UsageError
from cli.output import emit, table
from cli.wiring import Desk, when
from core.calendar import as_of, slot_of
from core.canonical import canonical_json
from core.market_data.quality import judge_panel
from flows.ingest import Cleaning, IngestDoors, IngestReport
from flows.ingest import ingest as ingest_sources
from flows.ports import Source

SYNTHETIC_YEARS = 3
UNREAD_SHOWN = 20


def ingest(arguments: argparse.Namespace) -> int:
    """Store raw files, make the clean set, and say what was in them; exit 1 when no clean set could be made."""
    with Desk(Workspace(arguments.workspace)) as desk:
        configuration = desk.configuration("main")
        report = ingest_into(desk, configuration, _sources(arguments, desk, configuration))
    emit(arguments, _facts(report), _words(report))
    return 0 if report.snapshot else 1


def ingest_into(desk: Desk, configuration: Configuration, sources: Sequence[Source]) -> IngestReport:
    """Ingest sources into a workspace and keep that the clean set was published."""
    setup = configuration.setup
    currencies = {setup.policy.base_currency} | {row.currency for row in setup.universe.instruments}
    cleaning = Cleaning(setup.universe, setup.policy.data, setup.calendar.sessions, currencies)
    clock = SystemClock()
    doors = IngestDoors(raw_files(desk.workspace), FormatParser(), desk.clean)
    report = ingest_sources(sources, cleaning, doors, at=clock.now())
    if report.snapshot is not None:
        described = {"defects": report.defects, "files": len(report.files)}
        PgConfig(desk.session("desk")).add_snapshot(report.snapshot, canonical_json(described))
    desk.keep(configuration)
    desk.heads.keep(desk.chain.head())
    return report


def synthetic_source(configuration: Configuration, seed: int, first: date, last: date) -> SyntheticSource:
    """Make a synthetic market of the universe over the exchange's sessions."""
    setup = configuration.setup
    sessions = setup.calendar.sessions_between(first, last)
    return SyntheticSource(seed, setup.universe.instruments, first, last, sessions=sessions)


def raw_files(workspace: Workspace) -> RawFiles:
    """Give the raw store of a workspace."""
    return RawFiles(workspace.root / "data" / "raw")


def quality(arguments: argparse.Namespace) -> int:
    """Judge the bars as of a day's slot; exit 1 when they fail."""
    with Desk(Workspace(arguments.workspace)) as desk:
        setup = desk.configuration(arguments.book).setup
        snapshot = desk.clean.current()
        if snapshot is None:
            raise UsageError("no market data was ingested; run `twokey ingest`")
        day = arguments.on or when(desk.configuration(arguments.book), None).today
        try:
            session = as_of(setup.calendar, slot_of(setup.policy, day)).session
        except ValueError as error:
            raise UsageError(str(error)) from error
        panel = desk.clean.panel(snapshot, last=session).window(session, setup.strategy.sessions_needed)
        gate = judge_panel(panel, setup.universe, setup.policy.data, session)
    report = gate.outcome
    checks = report.checks if report else ()
    rows = [("pass" if one.has_passed else "FAIL", one.check, one.value, one.threshold) for one in checks]
    verdict = "pass" if gate.is_open else "fail"
    facts = {"as_of": session, "verdict": verdict, "checks": checks, "messages": [one.message for one in gate.findings]}
    words = table(("verdict", "check", "found", "wanted"), rows) + f"\nas of {session}: {verdict}"
    emit(arguments, facts, words)
    return 0 if gate.is_open else 1


def verify(arguments: argparse.Namespace) -> int:
    """Find any change of a stored raw file; exit 1 when there is one."""
    store = raw_files(Workspace(arguments.workspace))
    differences, count = store.verify(), len(store.records())
    words = "\n".join(differences) or f"{count} raw files are as they were stored"
    emit(arguments, {"files": count, "differences": differences}, words)
    return 1 if differences else 0


def _sources(arguments: argparse.Namespace, desk: Desk, configuration: Configuration) -> list[Source]:
    sources: list[Source] = []
    if arguments.archive:
        text = desk.workspace.text(desk.workspace.config / "archives.yml")
        archives = parse_archives(text, "config/archives.yml").by_folder()
        sources.append(ArchiveSource([path.expanduser() for path in arguments.archive], archives))
    if arguments.synthetic is not None:
        last = arguments.last or when(configuration, None).today
        first = arguments.first or last.replace(year=last.year - SYNTHETIC_YEARS, day=min(last.day, 28))
        sources.append(synthetic_source(configuration, arguments.synthetic, first, last))
    if not sources:
        raise UsageError("nothing to ingest was named; use --archive PATH ... or --synthetic SEED")
    return sources


def _facts(report: IngestReport) -> dict[str, object]:
    return {
        "snapshot": report.snapshot,
        "stored": report.stored,
        "files": report.files,
        "skipped": report.skipped,
        "unread": report.unread,
        "defects": dict(report.defects),
        "without_bars": report.without_bars,
        "findings": report.findings,
    }


def _words(report: IngestReport) -> str:
    rows = [(one.name, one.format, one.rows, one.symbols, one.first, one.last) for one in report.files]
    lines = [table(("file", "format", "rows", "symbols", "first", "last"), rows)]
    lines += [f"skipped (no known format): {name}" for name in report.skipped]
    lines += [f"unread: {sentence}" for sentence in report.unread[:UNREAD_SHOWN]]
    if len(report.unread) > UNREAD_SHOWN:
        lines.append(f"unread: {len(report.unread) - UNREAD_SHOWN} more; --json lists all")
    lines += [f"{finding.severity}: {finding.subject}: {finding.message}" for finding in report.findings]
    lines += [f"defect {check}: {count}" for check, count in report.defects]
    if report.without_bars:
        lines.append(f"no bars for {len(report.without_bars)} of the universe: {', '.join(report.without_bars)}")
    made = f"clean set {report.snapshot[:12]}" if report.snapshot else "NO clean set was made; see above"
    lines.append(f"{len(report.stored)} new raw files; {made}")
    return "\n".join(lines)

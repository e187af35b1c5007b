"""`ingest`: store raw files and make the clean set."""

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
from core.canonical import canonical_json
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

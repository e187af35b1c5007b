"""`ingest`: store what sources give, from folders, a made-up market or the network, and make the clean set."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from adapters.clock import SystemClock
from adapters.files.configuration import Configuration, read_calendar
from adapters.files.raw_store import RawFiles
from adapters.files.remembered import MemoryFile
from adapters.files.workspace import Workspace
from adapters.postgres.people import PgConfig
from adapters.sources.archive import ArchiveSource, parse_archives
from adapters.sources.formats.registry import FormatParser
from adapters.sources.synthetic import SyntheticSource
from cli.main import UsageError
from cli.output import Progress, emit, table
from cli.wiring import Desk, when
from core.canonical import canonical_json
from core.domain.instrument import EXCHANGE_CALENDAR, Instrument, InstrumentId
from core.settings_sources import SourceName, SourceSettings, parse_sources
from flows.cleaning import Cleaning, IngestDoors
from flows.ingest import IngestReport
from flows.ingest import ingest as ingest_sources
from flows.look import holdings_in
from flows.ports import Source

if TYPE_CHECKING:
    from adapters.sources.http import HttpSource

SYNTHETIC_YEARS = 3
UNREAD_SHOWN = 20
ANNOUNCED = "announced_actions.csv"
NOTHING_NAMED = (
    "nothing to ingest was named; use --fetch SOURCE ..., --archive PATH ... or --synthetic SEED,"
    " or name sources under fetch in config/sources.yml"
)


def ingest(arguments: argparse.Namespace) -> int:
    """Store raw files, make the clean set, and say what was in them; exit 1 when none could be made or a source was blind."""
    with Desk(Workspace(arguments.workspace)) as desk:
        configuration = desk.configuration("main")
        sources = _sources(arguments, desk, configuration)
        names = arguments.fetch or (() if sources else source_settings(desk).fetch)
        fetched = fetched_sources(desk, configuration, names, is_shown=not arguments.json)
        if not sources and not fetched:
            raise UsageError(NOTHING_NAMED)
        report = ingest_into(desk, configuration, [*sources, *fetched])
    emit(arguments, _facts(report), _words(report, [source.summary() for source in fetched]))
    return 0 if report.snapshot and not report.blind else 1


def ingest_into(desk: Desk, configuration: Configuration, sources: Sequence[Source]) -> IngestReport:
    """Ingest sources into a workspace and keep that the clean set was published."""
    setup = configuration.setup
    currencies = {setup.policy.base_currency} | {row.currency for row in setup.universe.instruments}
    others = sorted({row.calendar for row in setup.universe.instruments} - {EXCHANGE_CALENDAR})
    days = {name: read_calendar(desk.workspace, name).sessions for name in others}
    cleaning = Cleaning(setup.universe, setup.policy.data, setup.calendar.sessions, currencies, days)
    clock = SystemClock()
    memory = MemoryFile(desk.workspace.root / "data" / "cache")
    doors = IngestDoors(raw_files(desk.workspace), FormatParser(), desk.clean, memory)
    report = ingest_sources([*sources, *_announced(desk.workspace)], cleaning, doors, at=clock.now(), now=clock.now)
    if report.snapshot is not None:
        # In the audit chain, so that the index of the raw store can be held against something that nobody can edit.
        lines, sha256 = raw_files(desk.workspace).index_of()
        described = {
            "defects": report.defects,
            "files": len(report.files),
            "index_lines": lines,
            "index_sha256": sha256,
        }
        PgConfig(desk.session("desk")).add_snapshot(report.snapshot, canonical_json(described))
    desk.keep(configuration)
    desk.heads.keep(desk.chain.head())
    return report


def synthetic_source(configuration: Configuration, seed: int, first: date, last: date) -> SyntheticSource:
    """Make a synthetic market of the universe over the exchange's sessions."""
    setup = configuration.setup
    sessions = setup.calendar.sessions_between(first, last)
    return SyntheticSource(seed, setup.universe.instruments, first, last, sessions=sessions)


def _announced(workspace: Workspace) -> list[Source]:
    """Give what a person wrote down of announced splits and dividends, where there is such a file."""
    path = workspace.config / ANNOUNCED
    return [ArchiveSource([path], {})] if path.exists() else []


def raw_files(workspace: Workspace) -> RawFiles:
    """Give the raw store of a workspace."""
    return RawFiles(workspace.root / "data" / "raw")


def fetched_sources(
    desk: Desk, configuration: Configuration, names: Sequence[SourceName], *, is_shown: bool
) -> list[HttpSource]:
    """Make the sources that go over the network: they ask for what the universe lists today, and for what is held."""
    if not names:
        return []
    # Imported here: only who fetches needs what that takes.
    from adapters.sources.fetched import Fetching

    instruments = _asked_for(desk, configuration)
    calendars = {name: read_calendar(desk.workspace, name) for name in sorted({one.calendar for one in instruments})}
    cookies, clock = desk.workspace.root / "data" / "cookies", SystemClock()
    fetching = Fetching(source_settings(desk), instruments, calendars, clock.now(), cookies)
    raw = raw_files(desk.workspace)
    watch = _progress if is_shown else _silence
    return [fetching.source(name, records=raw.records, read=raw.read, watch=watch) for name in names]


def source_settings(desk: Desk) -> SourceSettings:
    """Read `config/sources.yml`."""
    return parse_sources(desk.workspace.text(desk.workspace.config / "sources.yml"), "config/sources.yml")


def _asked_for(desk: Desk, configuration: Configuration) -> list[Instrument]:
    """Give the instruments that count today, and those that a book still holds."""
    today = when(configuration, None).today
    held = {name for book in _books(desk.workspace) for name in _held(desk, book)}
    return [one for one in configuration.setup.universe.instruments if one.is_valid_on(today) or one.id in held]


def _books(workspace: Workspace) -> list[str]:
    return ["main", *sorted(path.stem for path in (workspace.config / "books").glob("*.yml"))]


def _held(desk: Desk, book: str) -> set[InstrumentId]:
    holdings = holdings_in(desk.journal, desk.configuration(book).setup.policy)
    return {position.instrument for position in holdings.positions}


def _progress(total: int, what: str) -> Callable[[str], None]:
    return Progress(total, what).step


def _silence(total: int, what: str) -> Callable[[str], None]:
    return lambda subject: None


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
    return sources


def _facts(report: IngestReport) -> dict[str, object]:
    return {
        "snapshot": report.snapshot,
        "stored": report.stored,
        "files": report.files,
        "skipped": report.skipped,
        "blind": report.blind,
        "failures": report.failures,
        "unread": report.unread,
        "defects": dict(report.defects),
        "without_bars": report.without_bars,
        "findings": report.findings,
    }


def _words(report: IngestReport, summary: Sequence[str]) -> str:
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
    lines += trouble(report)
    lines += summary
    made = f"clean set {report.snapshot[:12]}" if report.snapshot else "NO clean set was made; see above"
    lines.append(f"{len(report.stored)} new raw files; {made}")
    return "\n".join(lines)


def trouble(report: IngestReport) -> list[str]:
    """Say, a line each, which sources and which pieces of others could not be looked up."""
    return [f"could not look: {sentence}" for sentence in (*report.blind, *report.failures)]

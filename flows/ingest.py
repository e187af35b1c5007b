"""Ingesting: raw bytes are stored before anything reads them, and the clean set is made of everything stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from core.domain.bars import Parsed
from core.domain.instrument import Currency, InstrumentId, Universe
from core.domain.panel import Panel
from core.gate import Finding
from core.market_data.clean import clean_bars, clean_fixings
from core.settings import DataRules
from flows.ports import CleanSet, Clock, Parser, RawRecord, RawStore, Source, SourceError


@dataclass(frozen=True)
class IngestDoors:
    """What ingesting may use: the raw store, the parser of its formats, the clean sets and the clock."""

    raw: RawStore
    parser: Parser
    clean: CleanSet
    clock: Clock


@dataclass(frozen=True)
class CleaningRules:
    """What cleaning goes by: the universe, the policy's rules, the exchange's sessions and the currencies wanted."""

    universe: Universe
    rules: DataRules
    sessions: Sequence[date]
    base: Currency


@dataclass(frozen=True)
class FileCount:
    """What one raw file held."""

    name: str
    format: str
    rows: int
    symbols: int
    first: date | None
    last: date | None


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did: the files, what was skipped or could not be read, the defects, and the clean set."""

    snapshot: str
    stored: int
    files: tuple[FileCount, ...]
    skipped: tuple[str, ...]
    unread: tuple[str, ...]
    defects: Mapping[str, int]
    without_bars: tuple[InstrumentId, ...]
    findings: tuple[Finding, ...]
    first: date
    last: date
    is_synthetic: bool


def ingest(sources: Iterable[Source], rules: CleaningRules, doors: IngestDoors) -> IngestReport:
    """Store what the sources give, then make and publish the clean set of everything stored.

    Doing it again with the same files stores nothing and gives the same clean set. Raises SourceError when a source cannot
    be looked at, or when no clean set can be made of what there is.
    """
    known = {record.path for record in doors.raw.records()}
    skipped: list[str] = []
    stored = 0
    for source in sources:
        for file in source.fetch():
            stored += doors.raw.store(file, at=doors.clock.now()).path not in known
        skipped.extend(source.skipped())
    return rebuild(rules, doors, stored=stored, skipped=tuple(skipped))


def rebuild(
    rules: CleaningRules, doors: IngestDoors, *, stored: int = 0, skipped: tuple[str, ...] = ()
) -> IngestReport:
    """Make and publish the clean set from the stored raw files alone; raises SourceError when none can be made."""
    records = _in_use(doors.raw.records())
    if not records:
        raise SourceError("no raw file is stored; name folders or files with `twokey ingest --archive PATH ...`")
    parsed = [doors.parser.parse(record, doors.raw.read(record)) for record in records]
    gate = clean_bars(parsed, rules.universe, rules.rules, sessions=rules.sessions)
    if not gate.is_open:
        raise SourceError("; ".join(finding.message for finding in gate.findings if finding.severity == "block"))
    panel = gate.value
    fixings = clean_fixings(parsed, _currencies(rules), is_synthetic=panel.is_synthetic)
    snapshot = doors.clean.publish(panel, fixings, made_of={record.path: record.sha256 for record in records})
    return IngestReport(
        snapshot=snapshot,
        stored=stored,
        files=tuple(_count(record, one) for record, one in zip(records, parsed, strict=True)),
        skipped=skipped,
        unread=tuple(sentence for one in parsed for sentence in one.unread),
        defects=dict(Counter(defect.check for defect in panel.defects)),
        without_bars=_without_bars(panel),
        findings=gate.findings,
        first=panel.sessions[0].astype(object),
        last=panel.sessions[-1].astype(object),
        is_synthetic=panel.is_synthetic,
    )


def _in_use(records: Sequence[RawRecord]) -> list[RawRecord]:
    """Of files stored under one name, the newest counts: the older bytes stay for those who ask what was known."""
    newest = {(record.provider, record.name): record for record in records}
    return list(newest.values())


def _currencies(rules: CleaningRules) -> frozenset[Currency]:
    return frozenset({rules.base} | {row.currency for row in rules.universe.instruments})


def _count(record: RawRecord, parsed: Parsed) -> FileCount:
    if parsed.bars is not None and len(parsed.bars.session):
        days, symbols = parsed.bars.session, set(parsed.bars.symbol)
        first, last = days.min().astype(object), days.max().astype(object)
        return FileCount(record.name, record.format, len(days), len(symbols), first, last)
    if parsed.actions:
        days_of = [action.session for action in parsed.actions]
        symbols = {action.symbol for action in parsed.actions}
        return FileCount(record.name, record.format, len(days_of), len(symbols), min(days_of), max(days_of))
    if parsed.fixings:
        fixed = [fixing.day for fixing in parsed.fixings]
        currencies = {fixing.currency for fixing in parsed.fixings}
        return FileCount(record.name, record.format, len(fixed), len(currencies), min(fixed), max(fixed))
    return FileCount(record.name, record.format, 0, 0, None, None)


def _without_bars(panel: Panel) -> tuple[InstrumentId, ...]:
    return tuple(name for name, provider in zip(panel.instruments, panel.provider, strict=True) if not provider)

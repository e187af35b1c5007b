"""Ingesting: store what the sources give, read everything stored, clean it and publish the clean set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core.domain.bars import NEVER
from core.domain.instrument import CalendarName, InstrumentId
from core.gate import Finding
from core.market_data.clean import Made
from flows.cleaning import Cleaning, IngestDoors, Result, made_anew, made_on, recalled, remembered
from flows.ports import RawStore, Source, SourceError
from flows.reading import Counted, Reader


@dataclass(frozen=True)
class Count:
    """How much a file, or all files of a format, held: rows, distinct symbols, first and last day, and rows not read."""

    name: str
    format: str
    files: int
    rows: int
    symbols: int
    first: date | None
    last: date | None
    unread: int


@dataclass(frozen=True)
class IngestReport:
    """What an ingest came to; without a snapshot nothing was published, and the findings say why.

    `stored` are the paths of files that were new; `blind` has a sentence for each source that could not look at all,
    `failures` one for each piece that another could not look up; `files` and `formats` count what the clean set was made of;
    `unread` holds a sentence for each row, or whole file, that could not be read; `without_bars` are instruments.
    """

    stored: tuple[str, ...]
    skipped: tuple[str, ...]
    blind: tuple[str, ...]
    failures: tuple[str, ...]
    files: tuple[Count, ...]
    formats: tuple[Count, ...]
    unread: tuple[str, ...]
    defects: tuple[tuple[str, int], ...]
    without_bars: tuple[InstrumentId, ...]
    findings: tuple[Finding, ...]
    snapshot: str | None


def ingest(
    sources: Sequence[Source],
    cleaning: Cleaning,
    doors: IngestDoors,
    *,
    at: datetime,
    now: Callable[[], datetime] | None = None,
) -> IngestReport:
    """Store what the sources give and make the clean set of what is stored; the same files again change nothing.

    With a memory, only what files touch that came, changed or went since is made anew: the set that comes is the same.

    Each file is received at the instant that `now` tells when it has come, or without it at `at`, as all others are.

    Each file is stored before the next is asked for, and all before any is read. A source that could not look is told in
    the report, and the others count. Raises SourceError when none could look, or when stored bytes are no longer what they
    were; the clean set is then the one that it was before.
    """
    told = _store(sources, doors.raw, now or (lambda: at))
    known = recalled(cleaning, doors)
    reader = Reader(doors.raw, doors.parser, cleaning.rules, known)
    reading = reader.counted()
    result = None if known is None else made_on(cleaning, doors, reading, known)
    if result is None and known is not None:
        # From here on nothing that was remembered counts.
        read = {one.path: one.parsed for one in reading.files if one.parsed is not None}
        reading = Reader(doors.raw, doors.parser, cleaning.rules, read=read).counted()
    result = result or made_anew(cleaning, doors, reading)
    keep = remembered(cleaning, result)
    if doors.memory is not None and keep is not None:
        doors.memory.keep(keep)
    return _report(cleaning, told, result)


def rebuild(cleaning: Cleaning, doors: IngestDoors) -> IngestReport:
    """Make the clean set from the stored files alone: the same files, rules and sessions give the same hash."""
    reading = Reader(doors.raw, doors.parser, cleaning.rules).counted()
    return _report(cleaning, _Told(), made_anew(cleaning, doors, reading))


@dataclass(frozen=True)
class _Told:
    """What came of asking the sources."""

    stored: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


def _store(sources: Sequence[Source], raw: RawStore, clock: Callable[[], datetime]) -> _Told:
    """Store what the sources give, a file at a time."""
    before = {record.path for record in raw.records()}
    paths: set[str] = set()
    blind: list[str] = []
    skipped: list[str] = []
    failures: list[str] = []
    for source in sources:
        try:
            for file in source.fetch():
                paths.add(raw.store(file, at=clock()).path)
            skipped += source.skipped()
            failures += source.failures()
        except SourceError as error:
            blind.append(str(error))
    if blind and len(blind) == len(sources):
        raise SourceError("; ".join(blind))
    return _Told(tuple(sorted(paths - before)), tuple(skipped), tuple(blind), tuple(failures))


def _report(cleaning: Cleaning, told: _Told, result: Result) -> IngestReport:
    files, made = result.reading.files, result.made
    defects = Counter[str]()
    for one in made.values():
        defects.update(one.defects)
    return IngestReport(
        stored=told.stored,
        skipped=told.skipped,
        blind=told.blind,
        failures=told.failures,
        files=tuple(_count(one.record.name, [one]) for one in files),
        formats=_counts_by_format(files),
        unread=(*result.reading.failures, *result.unread),
        defects=tuple(sorted(defects.items())),
        without_bars=_without_bars(cleaning, made),
        findings=result.findings,
        snapshot=result.snapshot,
    )


def _counts_by_format(files: Iterable[Counted]) -> tuple[Count, ...]:
    by_format: dict[str, list[Counted]] = defaultdict(list)
    for one in files:
        by_format[one.record.format].append(one)
    return tuple(_count(name, by_format[name]) for name in sorted(by_format))


def _count(name: str, files: Sequence[Counted]) -> Count:
    digests = [one.digest for one in files]
    return Count(
        name=name,
        format=files[0].record.format,
        files=len(files),
        rows=sum(one.rows for one in digests),
        symbols=len(frozenset[str]().union(*(one.symbols for one in digests))),
        first=min((one.first for one in digests if one.first is not None), default=None),
        last=max((one.last for one in digests if one.last is not None), default=None),
        unread=sum(len(one.unread) for one in digests),
    )


def _without_bars(cleaning: Cleaning, made: Mapping[CalendarName, Made]) -> tuple[InstrumentId, ...]:
    has = {
        row.id
        for calendar, one in made.items()
        for row, begins in zip(cleaning.universe.on(calendar).instruments, one.begins.tolist(), strict=True)
        if begins != NEVER
    }
    return tuple(row.id for row in cleaning.universe.instruments if row.id not in has)

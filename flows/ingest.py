"""Ingesting: store what the sources give, read everything stored, clean it and publish the clean set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, partial

import numpy as np

from core.domain.bars import Bars, Fixing, FixingTable, Parsed
from core.domain.instrument import CalendarName, Currency, InstrumentId, Universe
from core.domain.panel import Panel
from core.gate import Finding, note
from core.market_data.actions import interpreted
from core.market_data.clean import clean_bars, clean_fixings
from core.market_data.retold import retelling_of
from core.settings import DataRules
from flows.ports import CleanSet, Parser, RawRecord, RawStore, Source, SourceError

# So many answers before the newest are looked at: a provider that told less all the while means it.
_ANSWERS_BEFORE = 5
# How many stored files are read side by side: more hold more in memory.
_READERS = 2


@dataclass(frozen=True)
class IngestDoors:
    """What ingesting may use: it adds raw files, reads them, and publishes clean sets."""

    raw: RawStore
    parser: Parser
    clean: CleanSet


@dataclass(frozen=True)
class Cleaning:
    """What the stored files are cleaned for: instruments, the policy's rules, sessions of the exchange, and currencies.

    `others` are the days of the other calendars on which instruments of the universe have bars.
    """

    universe: Universe
    rules: DataRules
    sessions: Sequence[date]
    currencies: Collection[Currency]
    others: Mapping[CalendarName, Sequence[date]] = field(default_factory=dict)


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
    """Store what the sources give and make the clean set anew; the same files again change nothing.

    Each file is received at the instant that `now` tells when it has come, or without it at `at`, as all others are.

    Each file is stored before the next is asked for, and all before any is read. A source that could not look is told in
    the report, and the others count. Raises SourceError when none could look, or when stored bytes are no longer what they
    were; the clean set is then the one that it was before.
    """
    return _made(cleaning, doors, _store(sources, doors.raw, now or (lambda: at)))


def rebuild(cleaning: Cleaning, doors: IngestDoors) -> IngestReport:
    """Make the clean set from the stored files alone: the same files, rules and sessions give the same hash."""
    return _made(cleaning, doors, _Told())


@dataclass(frozen=True)
class _Told:
    """What came of asking the sources."""

    stored: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Read:
    """A stored file and what was read from it."""

    record: RawRecord
    parsed: Parsed

    @cached_property
    def symbols(self) -> set[str]:
        """Give the symbols, or the currencies, that the file tells of."""
        arrays = [told.symbol for told in (self.parsed.bars, self.parsed.levels) if told is not None]
        of_events = {action.symbol for action in self.parsed.actions} | {
            factor.symbol for factor in self.parsed.factors
        }
        of_events |= {told.symbol for told in self.parsed.announced}
        named = {rename.symbol for rename in self.parsed.renames} | _currencies(self.parsed.fixings)
        return of_events.union(named, *(symbols.tolist() for symbols in arrays))

    @cached_property
    def days(self) -> list[date]:
        """Give the first and the last day that the file tells of, or nothing."""
        days = [action.session for action in self.parsed.actions] + _ends(self.parsed.fixings)
        days += [told.session for told in self.parsed.announced]
        for told in (self.parsed.bars, self.parsed.levels):
            if told is not None and len(told.session):
                ends = np.array([told.session.min(), told.session.max()]).astype("datetime64[D]")
                days += ends.tolist()
        return [min(days), max(days)] if days else []

    @property
    def rows(self) -> int:
        """Give how many rows were read."""
        one = self.parsed
        of_arrays = sum(len(told.session) for told in (one.bars, one.levels) if told is not None)
        # What a file of actions tells ahead stands among its actions already.
        of_announced = 0 if one.actions else len(one.announced)
        return (
            of_arrays + of_announced + sum(len(rows) for rows in (one.actions, one.factors, one.fixings, one.renames))
        )


def _currencies(fixings: Sequence[Fixing]) -> set[str]:
    return set(fixings.currency.tolist()) if isinstance(fixings, FixingTable) else {one.currency for one in fixings}


def _ends(fixings: Sequence[Fixing]) -> list[date]:
    if isinstance(fixings, FixingTable):
        return [fixings.day.min().astype(object), fixings.day.max().astype(object)] if len(fixings) else []
    return [fixing.day for fixing in fixings]


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


def _made(cleaning: Cleaning, doors: IngestDoors, told: _Told) -> IngestReport:
    reads, failures, retold = _read_all(doors, cleaning.rules)
    parsed = interpreted([read.parsed for read in reads])
    gate = clean_bars(parsed, cleaning.universe, cleaning.rules, sessions=cleaning.sessions)
    others, findings = _others(parsed, cleaning)
    snapshot = None
    if gate.is_open:
        fixings = clean_fixings(parsed, cleaning.currencies, is_synthetic=gate.value.is_synthetic)
        made_of = {read.record.path: read.record.sha256 for read in reads}
        snapshot = doors.clean.publish(gate.value, fixings, made_of=made_of, others=others)
    panels = [gate.value, *others] if gate.is_open else []
    return IngestReport(
        stored=told.stored,
        skipped=told.skipped,
        blind=told.blind,
        failures=told.failures,
        files=tuple(_count(read.record.name, [read]) for read in reads),
        formats=_counts_by_format(reads),
        unread=(*failures, *(sentence for one in parsed for sentence in one.unread)),
        defects=tuple(sorted(Counter(defect.check for panel in panels for defect in panel.defects).items())),
        without_bars=_without_bars(cleaning.universe, panels),
        findings=(*gate.findings, *findings, *retold),
        snapshot=snapshot,
    )


def _others(parsed: Sequence[Parsed], cleaning: Cleaning) -> tuple[list[Panel], list[Finding]]:
    """Clean what stands on the days of other calendars; where nothing does, that is a note and closes nothing."""
    panels: list[Panel] = []
    findings: list[Finding] = []
    for calendar, sessions in sorted(cleaning.others.items()):
        gate = clean_bars(parsed, cleaning.universe, cleaning.rules, sessions=sessions, calendar=calendar)
        if gate.is_open:
            panels.append(gate.value)
        findings += [note(one.check, f"{calendar} {one.subject}", one.message) for one in gate.findings]
    return panels, findings


@dataclass
class _Reading:
    """What came of reading a name: its place among the stored files, the file that counts, and what is to be said."""

    at: int = -1
    read: _Read | None = None
    failures: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def _read_all(doors: IngestDoors, rules: DataRules) -> tuple[list[_Read], list[str], list[Finding]]:
    """Read the newest file of each name that can be believed, oldest first; one before it counts otherwise.

    Gives also a sentence for each that could not be, and a finding for each symbol whose past was told otherwise before.
    """
    versions: dict[tuple[str, str], list[tuple[int, RawRecord]]] = defaultdict(list)
    for at, record in enumerate(doors.raw.records()):
        versions[record.provider, record.name].append((at, record))
    # Half of reading is unpacking and arithmetic, beside which another file can be read.
    with ThreadPoolExecutor(_READERS) as pool:
        readings = list(pool.map(partial(_reading, doors=doors, rules=rules), versions.values()))
    reads = [reading.read for reading in sorted(readings, key=lambda one: one.at) if reading.read is not None]
    failures = [words for reading in readings for words in reading.failures]
    return reads, failures, [finding for reading in readings for finding in reading.findings]


def _reading(of_name: Sequence[tuple[int, RawRecord]], doors: IngestDoors, rules: DataRules) -> _Reading:
    """Read the newest file of a name that can be believed."""
    reading = _Reading()
    for place in reversed(range(len(of_name))):
        if (newest := _readable(of_name[place], doors, reading.failures)) is not None:
            reading.at, reading.read = of_name[place][0], newest
            _believe(reading, of_name[:place], doors, gone_max=float(rules.history_gone_max))
            break
    return reading


def _readable(stored: tuple[int, RawRecord], doors: IngestDoors, failures: list[str]) -> _Read | None:
    """Read a stored file; what cannot be read is said."""
    record = stored[1]
    content = doors.raw.read(record)
    try:
        return _Read(record, doors.parser.parse(record, content))
    except SourceError as error:
        failures.append(str(error))
    except MemoryError:
        failures.append(f"{record.path} ({record.size} bytes): there was not room enough to read it")
    return None


def _believe(reading: _Reading, older: Sequence[tuple[int, RawRecord]], doors: IngestDoors, *, gone_max: float) -> None:
    """Hold the newest answer about a symbol against the last believed one, which counts where too much of it is gone.

    Broken answers may come in a row, and the second must not be measured by the first: where a late one was larger, each
    of the late ones is held against the one believed before it. A provider that goes on telling less means it.
    """
    now = reading.read
    if now is None or now.record.symbol is None or now.parsed.bars is None:
        return
    late = older[-_ANSWERS_BEFORE:]
    is_smaller = any(record.size * (1 - gone_max / 2) > now.record.size for _, record in late)
    believed: tuple[int, _Read, Bars] | None = None
    for stored in late if is_smaller else late[-1:]:
        read = _readable(stored, doors, [])
        bars = None if read is None else read.parsed.bars
        if read is None or bars is None:
            continue
        if believed is None or not retelling_of(believed[2], bars, gone_max=gone_max).is_stub:
            believed = (stored[0], read, bars)
    if believed is None:
        return
    at, before, bars = believed
    told = retelling_of(bars, now.parsed.bars, gone_max=gone_max)
    if told.is_stub:
        reading.failures.append(f"{now.record.path}: {'; '.join(told.words)}; {before.record.path} counts")
        reading.at, reading.read = at, before
    else:
        where = f"{now.record.provider} {now.record.symbol}"
        reading.findings += [note("data", where, f"{words}, in {now.record.path}") for words in told.words]


def _counts_by_format(reads: Iterable[_Read]) -> tuple[Count, ...]:
    by_format: dict[str, list[_Read]] = defaultdict(list)
    for read in reads:
        by_format[read.record.format].append(read)
    return tuple(_count(name, by_format[name]) for name in sorted(by_format))


def _count(name: str, reads: Sequence[_Read]) -> Count:
    days = [day for read in reads for day in read.days]
    return Count(
        name=name,
        format=reads[0].record.format,
        files=len(reads),
        rows=sum(read.rows for read in reads),
        symbols=len(set().union(*(read.symbols for read in reads))),
        first=min(days, default=None),
        last=max(days, default=None),
        unread=sum(len(read.parsed.unread) for read in reads),
    )


def _without_bars(universe: Universe, panels: Sequence[Panel]) -> tuple[InstrumentId, ...]:
    has = {
        panel.instruments[at]
        for panel in panels
        for at in np.flatnonzero(~np.all(np.isnan(panel.close), axis=0)).tolist()
    }
    return tuple(row.id for row in universe.instruments if row.id not in has)

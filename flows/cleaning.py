"""Making the clean set: from all files that count, or, where an ingest before left enough, from those that changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from core.canonical import sha256_text
from core.domain.bars import Fixing, Parsed
from core.domain.instrument import EXCHANGE_CALENDAR, CalendarName, Currency, Universe
from core.domain.panel import Panel, Renewal
from core.gate import Finding, note
from core.market_data.actions import interpreted
from core.market_data.clean import Cleaned, Made, clean_fixings, cleaned
from core.market_data.digest import Remembered
from core.market_data.paid import paid_in
from core.market_data.renew import Plan, Renewing, planned, renewed
from core.market_data.series import Piece
from core.settings import DataRules
from flows.ports import IngestMemory, Parser, RawStore, RenewableSet, SourceError
from flows.reading import Counted, Reader, Reading, stands_for

# A day that no panel has: what is asked from there on is nothing.
_NO_DAY = date.max
# From this part of a panel's sessions on, making the whole anew is no slower than making its years anew.
_TOUCHED_MOST = 0.5


@dataclass(frozen=True)
class IngestDoors:
    """What ingesting may use: it adds raw files, reads them, publishes clean sets, and may leave itself a memory."""

    raw: RawStore
    parser: Parser
    clean: RenewableSet
    memory: IngestMemory | None = None


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

    @property
    def calendars(self) -> list[tuple[CalendarName, Sequence[date]]]:
        """Give the calendars with their days, the exchange's first."""
        return [(EXCHANGE_CALENDAR, self.sessions), *sorted(self.others.items())]

    @property
    def asked(self) -> str:
        """Give what stands for all of it except the days, which grow."""
        rows = [(row.id, row.stooq_symbol, row.yahoo_symbol, row.calendar) for row in self.universe.instruments]
        return sha256_text(repr((rows, self.rules, sorted(self.currencies), sorted(self.others))))


@dataclass(frozen=True, eq=False)
class Result:
    """What cleaning all calendars came to; without a snapshot nothing was published. `unread` has a sentence a row."""

    reading: Reading
    cleaned: Mapping[CalendarName, Cleaned]
    unread: tuple[str, ...]
    snapshot: str | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Give what is to be said: where nothing stands on the days of another calendar, that closes nothing."""
        main, *others = self.cleaned.items()
        notes = [
            note(one.check, f"{calendar} {one.subject}", one.message)
            for calendar, cleaned in others
            for one in cleaned.gate.findings
        ]
        return (*main[1].gate.findings, *notes, *self.reading.findings)

    @property
    def made(self) -> dict[CalendarName, Made]:
        """Give what the panels that were published were made of."""
        if self.snapshot is None:
            return {}
        return {calendar: one.made for calendar, one in self.cleaned.items() if one.made is not None}


def recalled(cleaning: Cleaning, doors: IngestDoors) -> Remembered | None:
    """Give what the ingest before left, if that was for the same and its set is still the current one."""
    known = None if doors.memory is None else doors.memory.recall(cleaning.asked)
    try:
        return known if known is not None and doors.clean.current() == known.snapshot else None
    except SourceError:
        return None


def made_anew(cleaning: Cleaning, doors: IngestDoors, reading: Reading) -> Result:
    """Clean all files that count and publish what came of it."""
    counted = Reader(doors.raw, doors.parser, cleaning.rules).parsed(reading.files)
    parsed = interpreted([one.parsed for one in counted if one.parsed is not None])
    every = {
        calendar: cleaned(parsed, cleaning.universe, cleaning.rules, sessions=days, calendar=calendar)
        for calendar, days in cleaning.calendars
    }
    main, *others = (one.gate for one in every.values())
    snapshot = None
    if main.is_open:
        fixings = clean_fixings(parsed, cleaning.currencies, is_synthetic=main.value.is_synthetic)
        panels = [gate.value for gate in others if gate.is_open]
        snapshot = doors.clean.publish(main.value, fixings, made_of=_made_of(reading), others=panels)
    return Result(reading, every, tuple(words for one in parsed for words in one.unread), snapshot)


def made_on(cleaning: Cleaning, doors: IngestDoors, reading: Reading, known: Remembered) -> Result | None:
    """Renew the years of the current clean set that changed files touch; None where the whole must be made anew."""
    changes = _changes(reading, known)
    if changes is None or any(one.digest.bends for one in reading.files):
        return None
    try:
        renewals = _renewals(cleaning, doors, changes, known)
        if renewals is None:
            return None
        every, (main, *others) = renewals
        snapshot = doors.clean.renew(
            known.snapshot,
            main,
            _fixings(cleaning, doors, changes, is_synthetic=main.panel.is_synthetic),
            made_of=_made_of(reading),
            others=others,
        )
    except SourceError:
        # What is kept is damaged: what is made from the raw files will not be.
        return None
    return Result(reading, every, tuple(words for one in reading.files for words in one.digest.unread), snapshot)


def remembered(cleaning: Cleaning, result: Result) -> Remembered | None:
    """Give what is worth remembering of a clean set that was made; None where nothing of it could be used again."""
    files = result.reading.files
    main = result.cleaned[EXCHANGE_CALENDAR]
    if result.snapshot is None or not main.is_renewable or any(one.digest.bends for one in files):
        return None
    return Remembered(
        asked=cleaning.asked,
        snapshot=result.snapshot,
        heard=result.reading.heard,
        files={one.path: stands_for([one.record]) for one in files},
        digests={one.path: one.digest for one in files},
        panels={calendar: one.made if one.is_renewable else None for calendar, one in result.cleaned.items()},
    )


def _made_of(reading: Reading) -> dict[str, str]:
    return {one.path: one.record.sha256 for one in reading.files}


@dataclass(frozen=True, eq=False)
class _Changes:
    """How the files that count differ from those of the ingest before: pieces of bars that came or went, and kinds told."""

    files: tuple[Counted, ...]
    pieces: tuple[Piece, ...]
    are_actions_other: bool
    are_fixings_other: bool


def _changes(reading: Reading, known: Remembered) -> _Changes | None:
    """Give the difference, or None where files that stayed stand in another order."""
    now = {one.path: stands_for([one.record]) for one in reading.files}
    same = {path for path, stands in now.items() if known.files.get(path) == stands}
    if [path for path in known.files if path in same] != [path for path in now if path in same]:
        return None
    came = [one.digest for one in reading.files if one.path not in same]
    went = [known.digests[path] for path in known.files if path not in same]
    return _Changes(
        files=reading.files,
        pieces=tuple(one.bars for one in (*came, *went) if one.bars is not None),
        are_actions_other=any(one.has_actions for one in (*came, *went)),
        are_fixings_other=any(one.has_fixings for one in (*came, *went)),
    )


def _renewals(
    cleaning: Cleaning, doors: IngestDoors, changes: _Changes, known: Remembered
) -> tuple[dict[CalendarName, Cleaned], list[Renewal]] | None:
    """Make anew what changed, calendar by calendar; None where it can not be done for one of them."""
    every: dict[CalendarName, Cleaned] = {}
    renewals: list[Renewal] = []
    reader = Reader(doors.raw, doors.parser, cleaning.rules)
    for calendar, sessions in cleaning.calendars:
        renewing = Renewing.of(cleaning.universe, cleaning.rules, sessions, calendar)
        made = known.panels.get(calendar)
        if made is None:
            refused = renewing.refused([one.digest.bars for one in changes.files])
            if refused is None or calendar == EXCHANGE_CALENDAR:
                return None
            every[calendar] = refused
            continue
        plan = _plan(renewing, made, changes, reader)
        if plan is None:
            return None
        every[calendar], renewal = renewed(plan, _before(doors, known.snapshot, plan))
        renewals.append(renewal)
    return every, renewals


def _plan(renewing: Renewing, made: Made, changes: _Changes, reader: Reader) -> Plan | None:
    touched = renewing.touched_by(changes.pieces)
    if len(touched) > _TOUCHED_MOST * (made.last - made.first):
        return None
    files = _with_rows(changes, reader, touched)
    paid = None
    if changes.are_actions_other:
        pieces = [one.digest.bars for one in files]
        told = _told(one for one in files if one.digest.has_actions)
        paid = paid_in(told, renewing.universe, renewing.chosen_from(pieces))
    pieces = [_piece(one, touched) for one in files]
    return planned(renewing, made, pieces, touched=touched, paid=paid)


def _with_rows(changes: _Changes, reader: Reader, touched: NDArray[np.int64]) -> list[Counted]:
    """Give the files, read where they tell of a day touched, and where actions are told where those changed."""
    is_read = [
        _tells_of(one, touched) or (changes.are_actions_other and one.digest.has_actions) for one in changes.files
    ]
    read = iter(reader.parsed(one for one, is_wanted in zip(changes.files, is_read, strict=True) if is_wanted))
    return [next(read) if is_wanted else one for one, is_wanted in zip(changes.files, is_read, strict=True)]


def _tells_of(one: Counted, touched: NDArray[np.int64]) -> bool:
    bars = one.digest.bars
    return bars is not None and bool(np.isin(touched, bars.outline.days, assume_unique=True).any())


def _piece(one: Counted, touched: NDArray[np.int64]) -> Piece | None:
    bars = one.digest.bars
    if bars is None or one.parsed is None or not _tells_of(one, touched):
        return bars
    return Piece(bars.place, bars.provider, bars.basis, bars.outline, one.parsed.bars)


def _told(files: Iterable[Counted]) -> list[Parsed]:
    return [one.parsed for one in files if one.parsed is not None]


def _before(doors: IngestDoors, snapshot: str, plan: Plan) -> Panel:
    """Read the years of the older panel that are made anew."""
    first = date(min(plan.years), 1, 1) if plan.years else _NO_DAY
    last = date(max(plan.years), 12, 31) if plan.years else _NO_DAY
    return doors.clean.stored(snapshot, first=first, last=last, calendar=plan.renewing.calendar)


def _fixings(
    cleaning: Cleaning, doors: IngestDoors, changes: _Changes, *, is_synthetic: bool
) -> Sequence[Fixing] | None:
    """Give the fixings where files that tell any changed, None where they are those of the older set."""
    if not changes.are_fixings_other:
        return None
    reader = Reader(doors.raw, doors.parser, cleaning.rules)
    told = _told(reader.parsed(one for one in changes.files if one.digest.has_fixings))
    return clean_fixings(told, cleaning.currencies, is_synthetic=is_synthetic)

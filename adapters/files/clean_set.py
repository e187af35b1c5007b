"""The clean set: a panel and its fixings in Parquet, under the hash of what they hold; switched in one step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from adapters.files.atomic import READ_WRITE, write_whole
from adapters.files.bar_parts import BARS, Part, PartFiles, are_alike, array_of, part_of, table_of
from adapters.files.described import Columns, Described, announced_row, is_complete
from adapters.files.kept import Kept
from core.canonical import canonical_json, sha256_text
from core.domain.bars import BAR_FIELDS, Days, Fixing, Floats
from core.domain.instrument import EXCHANGE_CALENDAR, CalendarName, InstrumentId
from core.domain.panel import Link, Panel, Renewal, Versions
from core.market_data.knowledge import as_known
from flows.ports import SourceError

CURRENT = "CURRENT"
SNAPSHOTS = "snapshots"
FIXINGS = "fixings.parquet"
VERSIONS = "versions.parquet"
# How many years are written side by side: more hold more in memory, and few machines would be quicker for it.
_WRITERS = 2

Made = TypeVar("Made")


@dataclass(frozen=True)
class _Written:
    """A stored set: its hash, and the paths of its tables."""

    snapshot: str
    tables: frozenset[str]


class CleanFiles:
    """Keeps clean sets under a folder: parts named by their content, one description a snapshot, and CURRENT.

    A description is two lines of JSON: what the set holds, whose hash is its name, and what stands beside it. Parts and
    descriptions are never changed. A process killed while it publishes leaves the old set current. Bars stand
    there twice: as arrays, which are read, and as `eod.parquet`, for other tools; `verify` holds one against the other.
    """

    def __init__(self, folder: Path) -> None:
        """Keep under a folder, usually `data/clean` of a workspace; it is made when the first set is published."""
        self._folder = folder
        self._parts = PartFiles(folder)
        self._read: dict[tuple[str, int, int], Described] = {}

    def publish(
        self, panel: Panel, fixings: Sequence[Fixing], *, made_of: Mapping[str, str], others: Sequence[Panel] = ()
    ) -> str:
        """Store a clean set and make it current; give its hash, which only what the set holds decides.

        `others` are the panels of the other calendars, one each: sets of their own, which this one names.
        """
        before = self._before()
        known = {} if before is None else before.told.get("calendars", {})
        beside: dict[str, _Written] = {
            other.calendar: self._write_set(other, (), {}, self._found(known.get(other.calendar)), made_of=made_of)
            for other in others
        }
        return self._switch(self._write_set(panel, fixings, beside, before, made_of=made_of), beside)

    def renew(
        self,
        snapshot: str,
        renewal: Renewal,
        fixings: Sequence[Fixing] | None,
        *,
        made_of: Mapping[str, str],
        others: Sequence[Renewal] = (),
    ) -> str:
        """Store a set that is the current one with some years renewed, make it current, and give its hash.

        It is the hash that publishing the whole would give. Raises SourceError, and nothing is changed, unless `snapshot` is
        current and all that stays of it is whole.
        """
        if self.current() != snapshot:
            raise SourceError(f"the clean set {snapshot[:12]} is not the current one")
        kept = {
            one.panel.calendar: Kept(self._on(snapshot, one.panel.calendar), one.years) for one in (renewal, *others)
        }
        for one in kept.values():
            one.check(self._parts)
        beside: dict[str, _Written] = {}
        for other in others:
            at = other.panel.calendar
            beside[at] = self._write_set(other.panel, (), {}, kept[at].described, made_of=made_of, kept=kept[at])
        own = kept[renewal.panel.calendar]
        fixings = self.fixings(snapshot) if fixings is None else fixings
        written = self._write_set(renewal.panel, fixings, beside, own.described, made_of=made_of, kept=own)
        return self._switch(written, beside)

    def _switch(self, written: _Written, beside: Mapping[str, _Written]) -> str:
        """Make a stored set current, and take away the tables of older ones: who reads `eod.parquet` finds each bar once."""
        write_whole(self._folder / CURRENT, f"{written.snapshot}\n".encode(), mode=READ_WRITE)
        current = written.tables.union(*(one.tables for one in beside.values()))
        for path in self._folder.glob("eod*.parquet/*/part-*.parquet"):
            if path.relative_to(self._folder).as_posix() not in current:
                path.unlink(missing_ok=True)
        return written.snapshot

    def _write_set(
        self,
        panel: Panel,
        fixings: Sequence[Fixing],
        calendars: Mapping[str, _Written],
        before: Described | None,
        *,
        made_of: Mapping[str, str],
        kept: Kept | None = None,
    ) -> _Written:
        """Store a panel, or the renewed years of one beside those kept, with its description.

        What is as in the set before is not written again.
        """
        arrays, anew = self._write_years(list(_years(panel)), before, is_renewal=kept is not None)
        parts = arrays if kept is None else kept.with_years("parts", arrays)
        parts = sorted(parts, key=itemgetter("sessions"))
        rows: dict[str, list[Any]] = {
            "defects": [{**asdict(one), "session": one.session.isoformat()} for one in panel.defects],
            "dividends": [(one.session.isoformat(), one.instrument, str(one.amount)) for one in panel.dividends],
            "splits": [(one.session.isoformat(), one.instrument, str(one.ratio)) for one in panel.splits],
        }
        described = {
            "is_recorded": panel.known_at is not None and panel.known_at.ndim > 1,
            "knowledge": panel.knowledge,
            "instruments": list(panel.instruments),
            "basis": list(panel.basis),
            "provider": list(panel.provider),
            **{kind: told if kept is None else kept.with_rows(kind, told) for kind, told in rows.items()},
            "parts": parts,
            "links": [_link_row(link) for link in panel.links],
            "versions": None if panel.versions is None else self._write_versions(panel.versions),
            "fixings": asdict(self._parts.write_table(FIXINGS, _fixings_table(fixings))),
            # Where there is nothing of these, a set has the name that it always had.
            **({"recorded": list(panel.recorded)} if panel.recorded else {}),
            **({"announced": [announced_row(told) for told in panel.announced]} if panel.announced else {}),
            **({"calendar": panel.calendar} if panel.calendar != EXCHANGE_CALENDAR else {}),
            **({"calendars": {name: one.snapshot for name, one in calendars.items()}} if calendars else {}),
        }
        text = canonical_json(described)
        snapshot = sha256_text(text)
        sums = dict(_at_once(self._sum_of, [*arrays, *anew]))
        tables = anew if kept is None else kept.with_years("tables", anew)
        beside: dict[str, Any] = {
            "snapshot": snapshot,
            "made_of": dict(made_of),
            "tables": sorted(tables, key=itemgetter("path")),
            "sums": {**sums, **(kept.sums() if kept is not None else {})},
        }
        if not self._is_described(snapshot, beside):
            write_whole(self._description(snapshot), f"{text}\n{canonical_json(beside)}\n".encode())
        return _Written(snapshot, frozenset(row["path"] for row in beside["tables"]))

    def current(self) -> str | None:
        """Give the hash of the current clean set, or None before the first."""
        try:
            return (self._folder / CURRENT).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{CURRENT}: could not be read: {error}") from error

    def panel(
        self,
        snapshot: str,
        *,
        first: date | None = None,
        last: date | None = None,
        known_at: datetime | None = None,
        instruments: Sequence[InstrumentId] | None = None,
        calendar: CalendarName = EXCHANGE_CALENDAR,
    ) -> Panel:
        """Give a calendar's panel, or its part from `first` to `last` or of some instruments, as known at an instant or now.

        Raises SourceError.
        """
        return as_known(
            self.stored(snapshot, first=first, last=last, instruments=instruments, calendar=calendar), known_at
        )

    def has(self, snapshot: str, calendar: CalendarName) -> bool:
        """Say whether a clean set has bars on the days of a calendar; raises SourceError when there is no such set."""
        return calendar == EXCHANGE_CALENDAR or calendar in self._described(snapshot).told.get("calendars", {})

    def stored(
        self,
        snapshot: str,
        *,
        first: date | None = None,
        last: date | None = None,
        instruments: Sequence[InstrumentId] | None = None,
        calendar: CalendarName = EXCHANGE_CALENDAR,
    ) -> Panel:
        """Give a panel as it was published, with the versions and links that earlier mornings are made of."""
        described, within = self._on(snapshot, calendar), (first, last)
        columns = described.columns(instruments)
        panel = described.panel(self._wide(described, described.taken(within), columns), columns, within)
        # Who asks for a set is told of that set, whichever of its calendars it was.
        panel = replace(panel, snapshot=snapshot)
        versions = described.told["versions"]
        if versions is None:
            return panel
        kept = _versions(self._parts.table(part_of(versions)))
        return replace(panel, versions=kept if columns is None else _of_columns(kept, columns)).between(first, last)

    def _wide(self, described: Described, taken: slice, columns: Columns | None) -> Floats:
        """Read bars of a run of sessions, of shape (planes, sessions, instruments)."""
        width = len(described.instruments) if columns is None else len(columns)
        wide: Floats = np.empty((len(BAR_FIELDS) + described.is_recorded, taken.stop - taken.start, width))
        for year in described.years:
            start, stop = max(taken.start, year.start), min(taken.stop, year.stop)
            if start < stop:
                kept = self._parts.array(year.part)[:, :, start - year.start : stop - year.start]
                kept = kept if columns is None else kept[columns]
                wide[:, start - taken.start : stop - taken.start] = kept.transpose(1, 2, 0)
        return wide

    def fixings(self, snapshot: str) -> Sequence[Fixing]:
        """Give the fixings of a clean set, oldest first; raises SourceError when it cannot."""
        table = self._parts.table(part_of(self._described(snapshot).told["fixings"]))
        columns = (table[name].to_pylist() for name in ("day", "currency", "per_eur", "source"))
        rows = zip(*columns, strict=True)
        return [Fixing(day, currency, Decimal(per_eur), source) for day, currency, per_eur, source in rows]

    def verify(self, snapshot: str) -> list[str]:
        """Read a clean set whole, anew, and give each difference from its hash as a sentence; none means that it is sound.

        The tables of a set that is no longer current are gone, and nobody asks for them.
        """
        anew = CleanFiles(self._folder)
        try:
            anew.fixings(snapshot)
            calendars = (EXCHANGE_CALENDAR, *anew._described(snapshot).told.get("calendars", {}))
            return [words for calendar in calendars for words in anew._differences(snapshot, calendar)]
        except SourceError as error:
            return [str(error)]

    def made_of(self, snapshot: str) -> Mapping[str, str]:
        """Give the SHA-256 of each raw file that a set was last made of, by path; raises SourceError when it cannot."""
        told: Mapping[str, str] = self._described(snapshot).told["made_of"]
        return told

    def _differences(self, snapshot: str, calendar: CalendarName) -> Iterator[str]:
        panel, rows = self.stored(snapshot, calendar=calendar), self._on(snapshot, calendar).told["tables"]
        for row, year in zip(rows, _years(panel), strict=True) if snapshot == self.current() else ():
            yield from self._differs(row, year)

    def _differs(self, row: Mapping[str, Any], year: Panel) -> Iterator[str]:
        if not are_alike(self._parts.table(part_of(row)), table_of(year)):
            yield f"{row['path']}: it does not hold what the arrays hold"

    def _description(self, snapshot: str) -> Path:
        return self._folder / SNAPSHOTS / f"{snapshot}.jsonl"

    def _described(self, snapshot: str) -> Described:
        if not re.fullmatch("[0-9a-f]{64}", snapshot):
            raise SourceError(f"{snapshot!r} is no hash of a clean set")
        path = self._description(snapshot)
        try:
            found = path.stat()
            stamp = (snapshot, found.st_ino, found.st_mtime_ns)
            if stamp in self._read:
                return self._read[stamp]
            text, _, second = path.read_text(encoding="utf-8").partition("\n")
            described, beside = json.loads(text), json.loads(second)
        except FileNotFoundError:
            raise SourceError(f"there is no clean set {snapshot}; run `twokey ingest`") from None
        except (OSError, ValueError) as error:
            raise SourceError(f"{SNAPSHOTS}/{snapshot}.jsonl: could not be read: {error}") from error
        # The name is the hash of the description, and the description holds those of the parts: nothing goes unchecked.
        if sha256_text(text) != snapshot:
            raise SourceError(f"{path.parent.name}/{path.name}: it was changed: it hashes to {sha256_text(text)}")
        if not is_complete(snapshot, beside, described["parts"]):
            raise SourceError(
                f"{path.parent.name}/{path.name}: could not be read: its second line lacks what it must hold"
            )
        # A set and its calendars are enough: whoever reads many windows reads them of one set.
        self._read = {**dict(list(self._read.items())[-2:]), stamp: Described({**beside, **described})}
        return self._read[stamp]

    def _on(self, snapshot: str, calendar: CalendarName) -> Described:
        """Give the description of a set's panel on a calendar's days; raises SourceError when it has none."""
        described = self._described(snapshot)
        if calendar == EXCHANGE_CALENDAR:
            return described
        named = described.told.get("calendars", {}).get(calendar)
        if named is None:
            raise SourceError(f"the clean set {snapshot[:12]} has no bars on the days of {calendar}")
        return self._described(named)

    def _found(self, snapshot: str | None) -> Described | None:
        """Give a set's description, if it can be read."""
        try:
            return None if snapshot is None else self._described(snapshot)
        except SourceError:
            return None

    def _is_described(self, snapshot: str, beside: Mapping[str, Any]) -> bool:
        try:
            told = self._described(snapshot).told
            return all(told.get(name) == wanted for name, wanted in beside.items())
        except SourceError:
            return False

    def _before(self) -> Described | None:
        """Give the current set, whose unchanged parts the next one shares, if there is one that can be read."""
        try:
            return self._found(self.current())
        except SourceError:
            return None

    def _write_years(
        self, years: Sequence[Panel], before: Described | None, *, is_renewal: bool
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Write the arrays and the tables of years; years that are renewed are taken to differ from those before."""
        write = partial(self._write_year, before=before)
        if is_renewal:
            both = _at_once(
                lambda job: job[0](job[1]), [(one, year) for one in (write, self._write_table) for year in years]
            )
            return both[: len(years)], both[len(years) :]
        arrays = _at_once(write, years)
        return arrays, _at_once(partial(self._write_year_table, before=before), years, arrays)

    def _write_year(self, panel: Panel, before: Described | None) -> dict[str, Any]:
        year = panel.sessions[0].astype(object).year
        kept = None if before is None else before.array_of_year(year)
        part = self._parts.write_array(year, array_of(panel), before=kept)
        return {
            **asdict(part),
            "sessions": [day.isoformat() for day in panel.sessions.astype("datetime64[D]").tolist()],
            # Seconds of the epoch: shorter to read back than texts, and exact.
            "known_at": None if panel.known_at is None or panel.known_at.ndim > 1 else _seconds(panel.known_at),
        }

    def _write_year_table(self, panel: Panel, row: Mapping[str, Any], before: Described | None) -> dict[str, Any]:
        """Write a year's table, unless the set before has the one of the same array, columns and instants."""
        kept = None if before is None else before.table_beside(row, panel)
        if kept is not None and before is not None and self._is_whole(kept, before):
            return asdict(kept)
        return self._write_table(panel)

    def _write_table(self, panel: Panel) -> dict[str, Any]:
        year = panel.sessions[0].astype(object).year
        place = BARS if panel.calendar == EXCHANGE_CALENDAR else f"eod_{panel.calendar.replace('/', '_')}.parquet"
        return asdict(self._parts.write_table(f"{place}/year={year}", table_of(panel)))

    def _is_whole(self, part: Part, described: Described) -> bool:
        """Say whether a part's bytes are those that were written, as far as that was noted."""
        noted = described.told.get("sums", {}).get(part.path)
        return noted is not None and noted == self._parts.sum_of(part)

    def _sum_of(self, row: Mapping[str, Any]) -> tuple[str, int | None]:
        """Give a file's path and what tells whether its bytes are those that were written: quicker than a hash."""
        return row["path"], self._parts.sum_of(part_of(row))

    def _write_versions(self, versions: Versions) -> dict[str, Any]:
        return asdict(self._parts.write_table(VERSIONS, _versions_table(versions)))


def _at_once(write: Callable[..., Made], *years: Sequence[Any]) -> list[Made]:
    """Write years side by side and give what each came to, in their order: most of it is hashing and packing."""
    with ThreadPoolExecutor(_WRITERS) as pool:
        return list(pool.map(write, *years))


def _years(panel: Panel) -> Iterator[Panel]:
    """Cut a panel into its years."""
    _, counts = np.unique(panel.sessions.astype("datetime64[Y]"), return_counts=True)
    for stop, count in zip(np.cumsum(counts).tolist(), counts.tolist(), strict=True):
        yield panel.window(panel.sessions[stop - 1].astype(object), count)


def _seconds(instants: Days) -> list[int]:
    seconds: list[int] = instants.astype("datetime64[s]").astype(np.int64).tolist()
    return seconds


def _link_row(link: Link) -> tuple[str, ...]:
    # Factors as texts: the shortest one that gives the same number back.
    numbers = (repr(link.price), repr(link.total_return))
    return (link.known_at.isoformat(), link.instrument, link.before.isoformat(), *numbers)


def _versions_table(versions: Versions) -> pa.Table:
    """Give superseded versions as a table; `column` is the instrument's place in the description."""
    return pa.table(
        {
            "column": versions.column,
            "session": pa.array(versions.session.astype("datetime64[D]"), type=pa.date32()),
            "known_at": versions.known_at.astype("datetime64[s]").astype(np.int64),
            "until": versions.until.astype("datetime64[s]").astype(np.int64),
            **{name: versions.values[at] for at, name in enumerate(BAR_FIELDS)},
        }
    )


def _versions(table: pa.Table) -> Versions:
    return Versions(
        column=table["column"].to_numpy(),
        session=table["session"].to_numpy().astype("datetime64[D]"),
        known_at=table["known_at"].to_numpy().astype("datetime64[s]"),
        until=table["until"].to_numpy().astype("datetime64[s]"),
        values=np.array([table[name].to_numpy() for name in BAR_FIELDS]),
    )


def _of_columns(versions: Versions, columns: Columns) -> Versions:
    """Give the versions of some columns, which are counted anew in their order."""
    parts = [versions.taken(versions.column == column) for column in columns.tolist()]
    return Versions(
        column=np.repeat(np.arange(len(parts)), [len(part.column) for part in parts]),
        session=np.concatenate([versions.session[:0], *(part.session for part in parts)]),
        known_at=np.concatenate([versions.known_at[:0], *(part.known_at for part in parts)]),
        until=np.concatenate([versions.until[:0], *(part.until for part in parts)]),
        values=np.concatenate([versions.values[:, :0], *(part.values for part in parts)], axis=1),
    )


def _fixings_table(fixings: Sequence[Fixing]) -> pa.Table:
    """Give fixings as a table; the rates stay texts, so that no digit is lost."""
    return pa.table(
        {
            "day": pa.array([one.day for one in fixings], type=pa.date32()),
            "currency": pa.array([one.currency for one in fixings], type=pa.string()),
            "per_eur": pa.array([str(one.per_eur) for one in fixings], type=pa.string()),
            "source": pa.array([one.source for one in fixings], type=pa.string()),
        }
    )

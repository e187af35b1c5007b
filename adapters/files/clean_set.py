"""The clean set: a panel and its fixings in Parquet, under the hash of what they hold; switched in one step."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from adapters.files.atomic import READ_WRITE, write_whole
from core.canonical import canonical_json, sha256_of
from core.domain.bars import BAR_FIELDS, Basis, Days, Fixing, Floats
from core.domain.panel import Defect, Dividend, Link, Panel, Split, Versions
from core.market_data.adjust import adjust_bars
from core.market_data.knowledge import as_known
from flows.ports import SourceError

CURRENT = "CURRENT"
SNAPSHOTS = "snapshots"
BARS = "eod.parquet"
FIXINGS = "fixings.parquet"
VERSIONS = "versions.parquet"
PRICE_COLUMNS = ("open", "high", "low", "close", "adj_open", "adj_high", "adj_low", "adj_close")
# Few enough for one instrument to be found quickly, enough for a whole year to be read quickly.
ROW_GROUP_ROWS = 4096


class CleanFiles:
    """Keeps clean sets under a folder: parts named by their content, one description a snapshot, and CURRENT.

    Parts and descriptions are never changed. A process killed while it publishes leaves the old set current.
    """

    def __init__(self, folder: Path) -> None:
        """Keep under a folder, usually `data/clean` of a workspace; it is made when the first set is published."""
        self._folder = folder
        self._checked: dict[bytes, dict[str, Any]] = {}

    def publish(self, panel: Panel, fixings: Sequence[Fixing], *, made_of: Mapping[str, str]) -> str:
        """Store a clean set and make it current; give its hash, which only what the set holds decides."""
        described = self._stored_parts(panel, fixings)
        snapshot = sha256_of(described)
        if self.verify(snapshot):
            told = {"snapshot": snapshot, "made_of": dict(made_of), **described}
            write_whole(self._description(snapshot), canonical_json(told).encode() + b"\n")
        write_whole(self._folder / CURRENT, f"{snapshot}\n".encode(), mode=READ_WRITE)
        return snapshot

    def _stored_parts(self, panel: Panel, fixings: Sequence[Fixing]) -> dict[str, Any]:
        """Store the parts of a clean set, and give its description: all that its hash is made of."""
        return {
            "is_recorded": panel.known_at is not None and panel.known_at.ndim > 1,
            "knowledge": panel.knowledge,
            "instruments": list(panel.instruments),
            "basis": list(panel.basis),
            "provider": list(panel.provider),
            "defects": list(panel.defects),
            "dividends": [(one.session, one.instrument, str(one.amount)) for one in panel.dividends],
            "splits": [(one.session, one.instrument, str(one.ratio)) for one in panel.splits],
            "parts": [self._write_year(year) for year in _years(panel)],
            "links": [_link_row(link) for link in panel.links],
            "versions": None if panel.versions is None else self._write_part(VERSIONS, _versions_table(panel.versions)),
            "fixings": self._write_part(FIXINGS, _fixings_table(fixings)),
        }

    def current(self) -> str | None:
        """Give the hash of the current clean set, or None before the first."""
        try:
            return (self._folder / CURRENT).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{CURRENT}: could not be read: {error}") from error

    def panel(
        self, snapshot: str, *, first: date | None = None, last: date | None = None, known_at: datetime | None = None
    ) -> Panel:
        """Give the panel, or its part from `first` to `last`, as known at an instant or now; raises SourceError."""
        return as_known(self.stored(snapshot, first=first, last=last), known_at)

    def stored(self, snapshot: str, *, first: date | None = None, last: date | None = None) -> Panel:
        """Give the panel as it was published, with the versions and links that earlier mornings are made of."""
        described = self._described(snapshot)
        years = [_Year.of(row) for row in described["parts"]]
        sessions = np.concatenate([np.empty(0, dtype="datetime64[D]"), *(year.sessions for year in years)])
        taken = sessions[_within(sessions, first, last)]
        wide = np.full((len(BAR_FIELDS), len(taken), len(described["instruments"])), np.nan)
        for year in years:
            if len(taken) and year.sessions[-1] >= taken[0] and year.sessions[0] <= taken[-1]:
                self._fill(wide, year, taken, described["instruments"])
        known_at = _known_at(years, _within(sessions, first, last))
        if described["is_recorded"]:
            known_at = self._known_at_each(years, taken, described["instruments"])
        start, end = (first or date.min).isoformat(), (last or date.max).isoformat()
        defects = [row for row in described["defects"] if start <= row["session"] <= end]
        dividends = [row for row in described["dividends"] if start <= row[0] <= end]
        splits = [row for row in described["splits"] if start <= row[0] <= end]
        told = {**described, "defects": defects, "dividends": dividends, "splits": splits}
        panel = _panel(told, taken, wide, known_at=known_at)
        if described["versions"] is None:
            return panel
        versions = _versions(self._read_part(described["versions"], None))
        return replace(panel, versions=versions).between(first, last)

    def fixings(self, snapshot: str) -> Sequence[Fixing]:
        """Give the fixings of a clean set, oldest first; raises SourceError when it cannot."""
        table = self._read_part(self._described(snapshot)["fixings"], None)
        columns = (table[name].to_pylist() for name in ("day", "currency", "per_eur", "source"))
        rows = zip(*columns, strict=True)
        return [Fixing(day, currency, Decimal(per_eur), source) for day, currency, per_eur, source in rows]

    def verify(self, snapshot: str) -> list[str]:
        """Read a clean set whole and give each difference from its hash as a sentence; none means that it is sound."""
        try:
            self.stored(snapshot)
            self.fixings(snapshot)
        except SourceError as error:
            return [str(error)]
        return []

    def _description(self, snapshot: str) -> Path:
        return self._folder / SNAPSHOTS / f"{snapshot}.json"

    def _described(self, snapshot: str) -> dict[str, Any]:
        if not re.fullmatch("[0-9a-f]{64}", snapshot):
            raise SourceError(f"{snapshot!r} is no hash of a clean set")
        try:
            content = self._description(snapshot).read_bytes()
            if content in self._checked:
                return self._checked[content]
            described: dict[str, Any] = json.loads(content)
        except FileNotFoundError:
            raise SourceError(f"there is no clean set {snapshot}; run `twokey ingest`") from None
        except (OSError, ValueError) as error:
            raise SourceError(f"{SNAPSHOTS}/{snapshot}.json: could not be read: {error}") from error
        # The name is the hash of the description, and the description holds those of the parts: nothing goes unchecked.
        found = sha256_of({name: told for name, told in described.items() if name not in ("snapshot", "made_of")})
        if found != snapshot:
            raise SourceError(f"{SNAPSHOTS}/{snapshot}.json: it was changed: what it holds hashes to {found}")
        # One is enough: whoever reads many windows reads them of one set.
        self._checked = {content: described}
        return described

    def _write_year(self, panel: Panel) -> dict[str, Any]:
        return {
            **self._write_part(f"{BARS}/year={panel.sessions[0].astype(object).year}", _bars_table(panel)),
            "sessions": panel.sessions.astype("datetime64[D]").tolist(),
            # Seconds of the epoch: shorter to read back than texts, and exact.
            "known_at": None if panel.known_at is None or panel.known_at.ndim > 1 else _seconds(panel.known_at),
        }

    def _write_part(self, place: str, table: pa.Table) -> dict[str, Any]:
        """Write a part under a name made of its bytes, unless it is there already."""
        content = _parquet(table)
        sha256 = hashlib.sha256(content).hexdigest()
        path = f"{place}/part-{sha256[:12]}.parquet"
        target = self._folder / path
        if not target.exists() or target.read_bytes() != content:
            write_whole(target, content)
        return {"path": path, "sha256": sha256}

    def _read_part(self, row: Mapping[str, Any], columns: list[str] | None) -> pa.Table:
        """Read a part; raises SourceError unless its bytes are those that were written."""
        try:
            content = (self._folder / row["path"]).read_bytes()
        except OSError as error:
            raise SourceError(f"{row['path']}: could not be read: {error}") from error
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 != row["sha256"]:
            raise SourceError(f"{row['path']}: its SHA-256 was {row['sha256']} when it was written and is {sha256} now")
        return pq.ParquetFile(pa.BufferReader(content)).read(columns=columns)

    def _known_at_each(self, years: Sequence[_Year], sessions: Days, instruments: Sequence[str]) -> Days:
        """Give since when each bar was known, of shape (sessions, instruments)."""
        instants = np.full((len(sessions), len(instruments)), "NaT", dtype="datetime64[s]")
        for year in years:
            if len(sessions) and year.sessions[-1] >= sessions[0] and year.sessions[0] <= sessions[-1]:
                table = self._read_part(
                    {"path": year.path, "sha256": year.sha256}, ["instrument", "session", "known_at"]
                )
                session = table["session"].to_numpy().astype("datetime64[D]")
                column = pc.index_in(table["instrument"], value_set=pa.array(instruments, type=pa.string())).to_numpy()
                keep = (session >= sessions[0]) & (session <= sessions[-1])
                told = table["known_at"].cast(pa.int64()).to_numpy()[keep] // 1000
                instants[np.searchsorted(sessions, session[keep]), column[keep]] = told.astype("datetime64[s]")
        return instants

    def _fill(self, wide: Floats, year: _Year, sessions: Days, instruments: Sequence[str]) -> None:
        """Put a year's bars into their places of the wide arrays."""
        table = self._read_part({"path": year.path, "sha256": year.sha256}, ["instrument", "session", *BAR_FIELDS])
        session = table["session"].to_numpy().astype("datetime64[D]")
        column = pc.index_in(table["instrument"], value_set=pa.array(instruments, type=pa.string())).to_numpy()
        keep = (session >= sessions[0]) & (session <= sessions[-1])
        cell = np.searchsorted(sessions, session[keep]) * len(instruments) + column[keep]
        for at, name in enumerate(BAR_FIELDS):
            wide[at].reshape(-1)[cell] = table[name].to_numpy()[keep]


@dataclass(frozen=True, eq=False)
class _Year:
    """A year of a clean set: its part, its sessions (there is at least one), and when each was known."""

    path: str
    sha256: str
    sessions: Days
    known_at: Days | None

    @staticmethod
    def of(row: Mapping[str, Any]) -> _Year:
        """Read it from a description."""
        known_at = None if row["known_at"] is None else np.array(row["known_at"], dtype="datetime64[s]")
        return _Year(row["path"], row["sha256"], np.array(row["sessions"], dtype="datetime64[D]"), known_at)


def _years(panel: Panel) -> Iterator[Panel]:
    """Cut a panel into its years."""
    _, counts = np.unique(panel.sessions.astype("datetime64[Y]"), return_counts=True)
    for stop, count in zip(np.cumsum(counts).tolist(), counts.tolist(), strict=True):
        yield panel.window(panel.sessions[stop - 1].astype(object), count)


def _within(sessions: Days, first: date | None, last: date | None) -> slice:
    start = 0 if first is None else int(np.searchsorted(sessions, np.datetime64(first, "D")))
    stop = len(sessions) if last is None else int(np.searchsorted(sessions, np.datetime64(last, "D"), side="right"))
    return slice(start, max(start, stop))


def _seconds(instants: Days) -> list[int]:
    seconds: list[int] = instants.astype("datetime64[s]").astype(np.int64).tolist()
    return seconds


def _known_at(years: Sequence[_Year], taken: slice) -> Days | None:
    told = [year.known_at for year in years if year.known_at is not None]
    return np.concatenate(told)[taken] if told else None


def _panel(described: Mapping[str, Any], sessions: Days, wide: Floats, *, known_at: Days | None) -> Panel:
    return Panel(
        sessions=sessions,
        instruments=tuple(described["instruments"]),
        open=wide[0],
        high=wide[1],
        low=wide[2],
        close=wide[3],
        adj_close=wide[4],
        volume=wide[5],
        basis=tuple(_basis(row) for row in described["basis"]),
        provider=tuple(described["provider"]),
        knowledge=described["knowledge"],
        snapshot=described["snapshot"],
        defects=tuple(
            Defect(date.fromisoformat(row["session"]), row["instrument"], row["check"], row["detail"])
            for row in described["defects"]
        ),
        dividends=tuple(
            Dividend(date.fromisoformat(session), instrument, Decimal(amount))
            for session, instrument, amount in described["dividends"]
        ),
        splits=tuple(
            Split(date.fromisoformat(session), instrument, Decimal(ratio))
            for session, instrument, ratio in described["splits"]
        ),
        known_at=known_at,
        links=tuple(
            Link(datetime.fromisoformat(at), name, date.fromisoformat(before), float(price), float(total_return))
            for at, name, before, price, total_return in described["links"]
        ),
    )


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


def _basis(row: Mapping[str, Any] | None) -> Basis | None:
    if row is None:
        return None
    return Basis(row["kind"], date.fromisoformat(row["as_of"]) if row["as_of"] else None)


def _bars_table(panel: Panel) -> pa.Table:
    """Give bars in long form, in the order (instrument, session); where nothing was told is no row."""
    adjusted = adjust_bars(panel)
    columns = {name: getattr(panel, name) for name in BAR_FIELDS}
    columns |= {f"adj_{name}": getattr(adjusted, name) for name in ("open", "high", "low")}
    has_bar = np.logical_or.reduce([~np.isnan(columns[name]) for name in BAR_FIELDS])
    instants = np.full(panel.close.shape, "NaT", dtype="datetime64[ms]")
    if panel.known_at is not None:
        told = panel.known_at if panel.known_at.ndim > 1 else panel.known_at[:, np.newaxis]
        instants[:] = told.astype("datetime64[ms]")
        if panel.known_at.ndim > 1:
            # A bar that cannot be believed was told all the same, and since when counts.
            has_bar |= ~np.isnat(panel.known_at)
    column, row = np.nonzero(has_bar.T)
    return pa.table(
        {
            "instrument": _texts(panel.instruments, column),
            "session": pa.array(panel.sessions[row].astype("datetime64[D]"), type=pa.date32()),
            **{name: columns[name][row, column] for name in PRICE_COLUMNS},
            "volume": columns["volume"][row, column],
            "source": _texts(panel.provider, column),
            "known_at": pa.array(instants[row, column], type=pa.timestamp("ms", tz="UTC")),
        }
    )


def _texts(names: Sequence[str], at: NDArray[np.int64]) -> pa.Array:
    """Give a plain text a row: not Arrow's dictionary type, which some readers of Parquet cannot join."""
    return pa.DictionaryArray.from_arrays(pa.array(at), pa.array(names, type=pa.string())).cast(pa.string())


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


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    # Prices of many instruments repeat few values and many high bytes: split by byte they are read in half the time.
    numbers = [field.name for field in table.schema if field.type == pa.float64()]
    others = [name for name in table.column_names if name not in numbers]
    pq.write_table(
        table,
        buffer,
        compression="zstd",
        use_dictionary=others,
        use_byte_stream_split=numbers,
        row_group_size=ROW_GROUP_ROWS,
    )
    return buffer.getvalue()

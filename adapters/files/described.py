"""The description of a clean set, read once: which parts hold which sessions, and all that is no array."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.files.bar_parts import Part, part_of, seconds_of
from core.domain.bars import BAR_FIELDS, Basis, Days, Floats
from core.domain.instrument import EXCHANGE_CALENDAR, InstrumentId
from core.domain.panel import Defect, Dividend, Link, Panel, Split
from core.domain.pending import Announced, PendingDividend, PendingSplit
from flows.ports import SourceError

Columns = NDArray[np.int64]
Within = tuple[date | None, date | None]

_DATED = ("defects", "dividends", "splits")


@dataclass(frozen=True)
class Year:
    """A year of a clean set: its array, and the places of its first session and of the one after its last."""

    part: Part
    start: int
    stop: int


def is_complete(snapshot: str, beside: Any, parts: Sequence[Any]) -> bool:
    """Say whether what stands beside a description, under no hash, has all that is asked of it."""
    if not isinstance(beside, dict) or beside.get("snapshot") != snapshot:
        return False
    tables, named = beside.get("tables"), (beside.get("made_of"), beside.get("sums", {}))
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in (*tables, *named)):
        return False
    return len(tables) == len(parts) and all({"path", "sha256", "size"} <= row.keys() for row in tables)


class Described:
    """What a description says of bars, apart from the numbers themselves."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        """Read what every panel needs; rows of a day become objects only where they are asked for."""
        self.told = told
        self.is_recorded: bool = told["is_recorded"]
        self.instruments: tuple[InstrumentId, ...] = tuple(told["instruments"])
        parts = told["parts"]
        stops = np.cumsum([len(row["sessions"]) for row in parts]).tolist()
        self.years = [
            Year(part_of(row), stop - len(row["sessions"]), stop) for row, stop in zip(parts, stops, strict=True)
        ]
        self.sessions: Days = np.array([day for row in parts for day in row["sessions"]], dtype="datetime64[D]")
        instants = [second for row in parts for second in row["known_at"] or ()]
        has_instants = len(instants) == len(self.sessions) and all(row["known_at"] is not None for row in parts)
        self._known_at = np.array(instants, dtype="datetime64[s]") if has_instants and parts else None
        self._basis = tuple(_basis(row) for row in told["basis"])
        self._announced = tuple(announced_of(row) for row in told.get("announced", ()))
        self._recorded = frozenset(told.get("recorded", ()))
        self._links = tuple(_link(row) for row in told["links"])

    def taken(self, within: Within) -> slice:
        """Give the places of the sessions from one day to another, both included."""
        first, last = within
        start = 0 if first is None else int(np.searchsorted(self.sessions, np.datetime64(first, "D")))
        stop = len(self.sessions)
        if last is not None:
            stop = int(np.searchsorted(self.sessions, np.datetime64(last, "D"), side="right"))
        return slice(start, max(start, stop))

    def columns(self, instruments: Sequence[InstrumentId] | None) -> Columns | None:
        """Give the columns of some instruments, or None for all; raises SourceError for one that is not there."""
        if instruments is None:
            return None
        unknown = [name for name in instruments if name not in self._column_of]
        if unknown:
            raise SourceError(f"the clean set {self.told['snapshot'][:12]} has no column {', '.join(unknown)}")
        return np.array([self._column_of[name] for name in instruments], dtype=np.int64)

    def array_of_year(self, year: int) -> Part | None:
        """Give the array of a calendar year, if there is one."""
        return next((one.part for one in self.years if self.sessions[one.start].astype(object).year == year), None)

    def table_beside(self, row: Mapping[str, Any], panel: Panel) -> Part | None:
        """Give the table that stands beside an array, if all that goes into it is the same."""
        columns = (list(panel.instruments), list(panel.provider))
        if columns != (self.told["instruments"], self.told["provider"]) or row not in self.told["parts"]:
            return None
        return part_of(self.told["tables"][self.told["parts"].index(row)])

    def panel(self, wide: Floats, columns: Columns | None, within: Within) -> Panel:
        """Give the panel of bars of shape (planes, sessions, instruments): of some days, and of some columns or all."""
        at = range(len(self.instruments)) if columns is None else columns.tolist()
        names = tuple(self.instruments[column] for column in at)
        taken = self.taken(within)
        defects, dividends, splits = (self._rows(kind, None if columns is None else names, within) for kind in _DATED)
        recorded = tuple(name for name in names if name in self._recorded)
        is_of_all = bool(recorded) and len(recorded) == sum(bool(self.told["provider"][column]) for column in at)
        known_at = None if self._known_at is None else self._known_at[taken]
        if self.is_recorded:
            known_at = seconds_of(wide[len(BAR_FIELDS)])
        return Panel(
            sessions=self.sessions[taken],
            instruments=names,
            open=wide[0],
            high=wide[1],
            low=wide[2],
            close=wide[3],
            adj_close=wide[4],
            volume=wide[5],
            basis=tuple(self._basis[column] for column in at),
            provider=tuple(self.told["provider"][column] for column in at),
            knowledge="recorded" if is_of_all else self.told["knowledge"],
            recorded=() if is_of_all else recorded,
            snapshot=self.told["snapshot"],
            defects=tuple(_defect(row) for row in defects),
            dividends=tuple(
                Dividend(date.fromisoformat(day), name, Decimal(amount)) for day, name, amount in dividends
            ),
            splits=tuple(Split(date.fromisoformat(day), name, Decimal(ratio)) for day, name, ratio in splits),
            known_at=known_at,
            calendar=self.told.get("calendar", EXCHANGE_CALENDAR),
            announced=tuple(told for told in self._announced if columns is None or told.action.instrument in names),
            links=self._links if columns is None else tuple(link for link in self._links if link.instrument in names),
        )

    @cached_property
    def _column_of(self) -> dict[InstrumentId, int]:
        return {name: at for at, name in enumerate(self.instruments)}

    @cached_property
    def _by_instrument(self) -> dict[tuple[str, InstrumentId], list[Any]]:
        rows: dict[tuple[str, InstrumentId], list[Any]] = defaultdict(list)
        for kind in _DATED:
            for row in self.told[kind]:
                rows[kind, _day_and_name(row)[1]].append(row)
        return rows

    def _rows(self, kind: str, names: Sequence[InstrumentId] | None, within: Within) -> list[Any]:
        """Give rows of a kind, of some instruments or all, in the order (day, instrument)."""
        first, last = ((day or end).isoformat() for day, end in zip(within, (date.min, date.max), strict=True))
        if names is None:
            return _between(self.told[kind], first, last)
        rows = [_between(self._by_instrument.get((kind, name), []), first, last) for name in names]
        return sorted((row for of_name in rows for row in of_name), key=_day_and_name)


def _day_and_name(row: Any) -> tuple[str, str]:
    return (row["session"], row["instrument"]) if isinstance(row, dict) else (row[0], row[1])


def _between(rows: list[Any], first: str, last: str) -> list[Any]:
    day = itemgetter("session" if rows and isinstance(rows[0], dict) else 0)
    return rows[bisect_left(rows, first, key=day) : bisect_right(rows, last, key=day)]


def _defect(row: Mapping[str, str]) -> Defect:
    return Defect(date.fromisoformat(row["session"]), row["instrument"], row["check"], row["detail"])


def _link(row: Sequence[str]) -> Link:
    at, name, before, price, total_return = row
    return Link(datetime.fromisoformat(at), name, date.fromisoformat(before), float(price), float(total_return))


def announced_row(told: Announced) -> tuple[str, ...]:
    """Give an announcement as a row of texts: since when, split or dividend, ex-date, instrument, number and source."""
    action = told.action
    kind, number = ("split", action.ratio) if isinstance(action, PendingSplit) else ("dividend", action.amount)
    known_at, day = told.known_at.isoformat(), action.session.isoformat()
    return known_at, kind, day, action.instrument, str(number), action.source


def announced_of(row: Sequence[str]) -> Announced:
    """Read an announcement from its row."""
    known_at, kind, day, name, number, source = row
    of_kind = PendingSplit if kind == "split" else PendingDividend
    return Announced(datetime.fromisoformat(known_at), of_kind(date.fromisoformat(day), name, Decimal(number), source))


def _basis(row: Mapping[str, Any] | None) -> Basis | None:
    if row is None:
        return None
    return Basis(row["kind"], date.fromisoformat(row["as_of"]) if row["as_of"] else None)

"""The panel: clean bars of a universe as wide arrays, rows sessions, columns instruments."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import BAR_FIELDS, Basis, Days, Floats
from core.domain.instrument import EXCHANGE_CALENDAR, CalendarName, InstrumentId
from core.domain.pending import Announced

Knowledge = Literal["recorded", "assumed"]
Dated = TypeVar("Dated", "Defect", "Dividend", "Split")


@dataclass(frozen=True, order=True)
class Defect:
    """Something wrong that cleaning met: the check, the instrument, the session and the words."""

    session: date
    instrument: InstrumentId
    check: str
    detail: str


@dataclass(frozen=True, order=True)
class Dividend:
    """A cash dividend a unit on its ex-date, in the instrument's currency and the panel's units."""

    session: date
    instrument: InstrumentId
    amount: Decimal


@dataclass(frozen=True, order=True)
class Split:
    """A split on its ex-date: how many units one unit becomes, in a column of raw prices."""

    session: date
    instrument: InstrumentId
    ratio: Decimal


@dataclass(frozen=True, eq=False)
class Versions:
    """What was told of bars before it was told otherwise, a row a version, in the order (column, session, known_at).

    `column` is the instrument's in the panel, `values` has a row a field of BAR_FIELDS. A version counted from `known_at`
    until `until` (UTC instants, datetime64[s]).
    """

    column: NDArray[np.int64]
    session: Days
    known_at: Days
    until: Days
    values: Floats

    def taken(self, keep: NDArray[np.bool_]) -> Versions:
        """Give some of the versions."""
        return Versions(
            self.column[keep], self.session[keep], self.known_at[keep], self.until[keep], self.values[:, keep]
        )


@dataclass(frozen=True, order=True)
class Link:
    """From `known_at` on, what was told earlier of an instrument's sessions before `before` counts times a factor.

    A provider that tells a few days each time, in the units of that evening, leaves the days before in older units:
    `price` takes prices into the newer ones (volume into 1 / price), `total_return` adj_close (price included).
    """

    known_at: datetime
    instrument: InstrumentId
    before: date
    price: float
    total_return: float


@dataclass(frozen=True, eq=False)
class Panel:
    """Clean bars: arrays of shape (sessions, instruments), NaN where there is no bar.

    `sessions` is strictly ascending, `instruments` is in the order of the ids, `basis` says what the prices of each
    instrument are expressed in. `adj_close` is total-return; `close` is in the basis. `snapshot` is the hash of the
    clean set that it came from. Defects, dividends and splits are in the order (session, instrument). `known_at` holds, a
    session, the UTC instant (datetime64[s]) from which its bars count as known, or, of shape (sessions, instruments), that
    of each bar; None where nobody said. `versions` and `links` are what `as_known` makes an earlier morning's panel of, and
    `is_restated` marks the bars that were told otherwise later. `announced` holds what was told ahead of its ex-date, also
    beyond the last session. `calendar` names whose days the sessions are. `knowledge` is recorded where that of every
    instrument is; where it is assumed, `recorded` names, in order, those whose bars somebody noted the evenings of.
    """

    sessions: Days
    instruments: tuple[InstrumentId, ...]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    adj_close: Floats
    volume: Floats
    basis: tuple[Basis | None, ...]
    provider: tuple[str, ...]
    knowledge: Knowledge
    snapshot: str
    defects: tuple[Defect, ...] = ()
    dividends: tuple[Dividend, ...] = ()
    splits: tuple[Split, ...] = ()
    known_at: Days | None = None
    versions: Versions | None = None
    links: tuple[Link, ...] = ()
    is_restated: NDArray[np.bool_] | None = None
    announced: tuple[Announced, ...] = ()
    calendar: CalendarName = EXCHANGE_CALENDAR
    recorded: tuple[InstrumentId, ...] = ()

    def __post_init__(self) -> None:
        """Hold the shapes and the order."""
        shape = (len(self.sessions), len(self.instruments))
        wrong = [name for name in BAR_FIELDS if getattr(self, name).shape != shape]
        if wrong:
            raise ValueError(f"panel columns {wrong} are not of shape {shape}")
        if len(self.sessions) > 1 and not bool(np.all(np.diff(self.sessions).astype(np.int64) > 0)):
            raise ValueError("sessions of a panel must ascend")
        if self.known_at is not None and self.known_at.shape not in (shape, shape[:1]):
            raise ValueError(f"known_at is of shape {self.known_at.shape}, which is neither {shape[:1]} nor {shape}")

    @property
    def is_synthetic(self) -> bool:
        """Say whether any column was made by the synthetic market."""
        return "synthetic" in self.provider

    def is_recorded(self, instrument: InstrumentId) -> bool:
        """Say whether somebody noted when each bar of an instrument was told."""
        return instrument in self.recorded or (self.knowledge == "recorded" and instrument in self.instruments)

    def knowledge_words(self) -> str:
        """Say of how many of the instruments with bars knowledge is recorded, where it is of some and not of all."""
        if not self.recorded:
            return self.knowledge
        return f"recorded of {len(self.recorded)} of {sum(map(bool, self.provider))} instruments"

    def column(self, instrument: InstrumentId) -> int | None:
        """Give an instrument's column, or None when the panel does not hold it."""
        return self.instruments.index(instrument) if instrument in self.instruments else None

    def row(self, session: date) -> int | None:
        """Give a session's row, or None when the panel does not hold it."""
        at = int(np.searchsorted(self.sessions, np.datetime64(session, "D")))
        return at if at < len(self.sessions) and self.sessions[at] == np.datetime64(session, "D") else None

    def window(self, last: date, length: int) -> Panel:
        """Give the panel as it ends with `last` (included) and holds at most `length` sessions: nothing later is in it."""
        stop = int(np.searchsorted(self.sessions, np.datetime64(last, "D"), side="right"))
        start = max(0, stop - length)
        return self.between(self.sessions[start].astype(object) if stop > start else last, last)

    def between(self, first: date | None, last: date | None) -> Panel:
        """Give the panel from `first` to `last`, both included, None for its own ends; arrays are views.

        Where nothing is cut off, it is this panel itself.
        """
        start = 0 if first is None else int(np.searchsorted(self.sessions, np.datetime64(first, "D")))
        stop = len(self.sessions)
        if last is not None:
            stop = max(start, int(np.searchsorted(self.sessions, np.datetime64(last, "D"), side="right")))
        first, last = first or date.min, last or date.max
        defects, splits = _dated(self.defects, first, last), _dated(self.splits, first, last)
        dividends = _dated(self.dividends, first, last)
        versions = None if self.versions is None else _versions_between(self.versions, first, last)
        kept = (len(self.sessions), self.defects, self.splits, self.dividends, _count(self.versions))
        if kept == (stop - start, defects, splits, dividends, _count(versions)):
            return self
        return replace(
            self,
            sessions=self.sessions[start:stop],
            defects=defects,
            dividends=dividends,
            splits=splits,
            known_at=None if self.known_at is None else self.known_at[start:stop],
            versions=versions,
            is_restated=None if self.is_restated is None else self.is_restated[start:stop],
            open=self.open[start:stop],
            high=self.high[start:stop],
            low=self.low[start:stop],
            close=self.close[start:stop],
            adj_close=self.adj_close[start:stop],
            volume=self.volume[start:stop],
        )

    def values(self) -> Floats:
        """Give a copy of the bars, of shape (fields, sessions, instruments), the fields in the order of BAR_FIELDS."""
        return np.stack([getattr(self, name) for name in BAR_FIELDS])

    def with_values(self, values: Floats) -> Panel:
        """Give the panel with other bars, of shape (fields, sessions, instruments)."""
        opened, high, low, close, adj_close, volume = values
        return replace(self, open=opened, high=high, low=low, close=close, adj_close=adj_close, volume=volume)

    def content_hash(self) -> str:
        """Give the SHA-256 over everything that the panel holds, in a fixed order."""
        digest = hashlib.sha256(repr((self.instruments, self.basis, self.provider, self.knowledge)).encode())
        digest.update(np.ascontiguousarray(self.sessions.astype("datetime64[D]").astype(np.int64)).tobytes())
        for name in BAR_FIELDS:
            digest.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        digest.update(repr((self.defects, self.dividends, self.splits)).encode())
        if self.known_at is not None:
            digest.update(_instants(self.known_at))
        if self.versions is not None:
            digest.update(np.ascontiguousarray(self.versions.column).tobytes())
            digest.update(
                np.ascontiguousarray(self.versions.session.astype("datetime64[D]").astype(np.int64)).tobytes()
            )
            digest.update(_instants(self.versions.known_at) + _instants(self.versions.until))
            digest.update(np.ascontiguousarray(self.versions.values).tobytes())
        if self.links:
            digest.update(repr(self.links).encode())
        if self.announced:
            digest.update(repr(self.announced).encode())
        if self.calendar != EXCHANGE_CALENDAR:
            digest.update(self.calendar.encode())
        if self.recorded:
            digest.update(repr(("recorded", self.recorded)).encode())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Renewal:
    """Some years of a panel made anew: `panel` holds their sessions and what is dated in them; other years stay as they are.

    Whatever belongs to no day (instruments, bases, announcements) is the whole panel's. Nothing in it was recorded.
    """

    panel: Panel
    years: frozenset[int]


def _dated(items: Sequence[Dated], first: date, last: date) -> tuple[Dated, ...]:
    return tuple(items[bisect_left(items, first, key=_session) : bisect_right(items, last, key=_session)])


def _session(item: Defect | Dividend | Split) -> date:
    return item.session


def _count(versions: Versions | None) -> int:
    return 0 if versions is None else len(versions.column)


def _versions_between(versions: Versions, first: date, last: date) -> Versions:
    return versions.taken(
        (versions.session >= np.datetime64(first, "D")) & (versions.session <= np.datetime64(last, "D"))
    )


def _instants(instants: Days) -> bytes:
    return np.ascontiguousarray(instants.astype("datetime64[s]").astype(np.int64)).tobytes()

"""Ports: what the flows need of the world, one narrow protocol a need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from core.domain.bars import Basis, Fixing, Parsed
from core.domain.instrument import EXCHANGE_CALENDAR, CalendarName, InstrumentId
from core.domain.panel import Panel, Renewal
from core.market_data.digest import Remembered


class Clock(Protocol):
    """Tells the time. An instant is aware UTC."""

    def now(self) -> datetime:
        """Give the instant that it is."""
        ...


@dataclass(frozen=True)
class RawFile:
    """Bytes as a source gave them: where from, under which name, in which of the known formats.

    `name` is unique within the provider: `COLLECTION/FILE` where files belong together. `symbol` is the provider's own,
    where the file holds one symbol. `basis` is what the source knows of the prices and the bytes do not say.
    """

    provider: str
    name: str
    format: str
    origin: str
    content: bytes
    symbol: str | None = None
    basis: Basis | None = None


@dataclass(frozen=True)
class RawRecord:
    """A stored raw file: its path under `data/raw`, its SHA-256, size and format, and when and from where it came."""

    path: str
    provider: str
    format: str
    sha256: str
    size: int
    origin: str
    received_at: datetime
    name: str = ""
    symbol: str | None = None
    basis: Basis | None = None


class Source(Protocol):
    """Gives raw files. "Nothing there" is an empty iterable; "could not look" raises SourceError where it was all of it.

    What a source asked piece by piece and could not look up, though it got the rest, stands in its failures.
    """

    def fetch(self) -> Iterable[RawFile]:
        """Give the files, one at a time, in a stable order."""
        ...

    def skipped(self) -> Sequence[str]:
        """Name what was there and is in no known format."""
        ...

    def failures(self) -> Sequence[str]:
        """Say what could not be looked up in the last fetch while the rest could, a sentence for each; never "no data"."""
        ...


class Parser(Protocol):
    """Reads the bytes of one known format into bars, actions or fixings; bad rows are told, not dropped in silence."""

    def parse(self, record: RawRecord, content: bytes) -> Parsed:
        """Read one raw file; raises SourceError naming file and what was wrong when nothing can be read."""
        ...


class RawStore(Protocol):
    """Keeps raw bytes for ever. Storing the same bytes of a name again is the same as once; nothing is overwritten."""

    def store(self, file: RawFile, *, at: datetime) -> RawRecord:
        """Store one file and give its record."""
        ...

    def records(self) -> Sequence[RawRecord]:
        """Give the records of all stored files, oldest first."""
        ...

    def read(self, record: RawRecord) -> bytes:
        """Give a stored file's bytes; raises SourceError if they are no longer those that were stored."""
        ...


class CleanSet(Protocol):
    """Keeps clean sets by their hash; a new one becomes current in one step, old ones stay readable."""

    def publish(
        self, panel: Panel, fixings: Sequence[Fixing], *, made_of: Mapping[str, str], others: Sequence[Panel] = ()
    ) -> str:
        """Store a clean set and make it current; give its hash. `made_of` is what it was made of, SHA-256 by path.

        `others` are the panels of the other calendars, one each.
        """
        ...

    def current(self) -> str | None:
        """Give the hash of the current clean set, or None before the first."""
        ...

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
        """Give the panel of a calendar of a clean set, or the part of it from `first` to `last` (both included).

        With an instant, as it was known then; with instruments, their columns alone, in their order.
        """
        ...

    def has(self, snapshot: str, calendar: CalendarName) -> bool:
        """Say whether a clean set has bars on the days of a calendar."""
        ...

    def fixings(self, snapshot: str) -> Sequence[Fixing]:
        """Give the fixings of a clean set, oldest first."""
        ...


class RenewableSet(CleanSet, Protocol):
    """Keeps clean sets of which some years can be renewed without the others."""

    def stored(
        self,
        snapshot: str,
        *,
        first: date | None = None,
        last: date | None = None,
        calendar: CalendarName = EXCHANGE_CALENDAR,
    ) -> Panel:
        """Give a panel as it was published, or the part of it from `first` to `last`."""
        ...

    def renew(
        self,
        snapshot: str,
        renewal: Renewal,
        fixings: Sequence[Fixing] | None,
        *,
        made_of: Mapping[str, str],
        others: Sequence[Renewal] = (),
    ) -> str:
        """Store the current set with some years renewed, make that current, and give its hash; None: with its fixings.

        It is the hash that publishing the whole would give. Raises SourceError, and changes nothing, where what stays of the
        current set is not whole.
        """
        ...


class IngestMemory(Protocol):
    """Keeps what one ingest leaves for the next. It may forget at any time, and never gives what it was not given."""

    def recall(self, asked: str) -> Remembered | None:
        """Give what was kept last, if it was kept for the same purpose and by the same program."""
        ...

    def keep(self, remembered: Remembered) -> None:
        """Keep this, and nothing that was kept before."""
        ...


class ModelStore(Protocol):
    """Keeps the texts of models by the hash of what made them, each whole or not at all.

    It may forget at any time, and never gives what it was not given: what was damaged counts as not kept.
    """

    def get(self, key: str) -> str | None:
        """Give the text that was kept under a hash, or None."""
        ...

    def put(self, key: str, text: str) -> None:
        """Keep a text under a hash; the same again is the same as once."""
        ...

    def damaged(self) -> Sequence[str]:
        """Say which of those asked for so far were found damaged, a sentence for each."""
        ...


class SourceError(RuntimeError):
    """A source or a stored file could not be read; says which, and what was wrong."""

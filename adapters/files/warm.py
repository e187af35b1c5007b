"""A clean set held in memory, for flows that ask for many windows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from adapters.files.clean_set import CleanFiles
from core.domain.bars import Fixing
from core.domain.instrument import EXCHANGE_CALENDAR, CalendarName, InstrumentId
from core.domain.panel import Panel
from core.market_data.knowledge import as_known

# A slot asks for two windows by turns: what the scores are made of, and what the holdings are worth in.
_WINDOWS = 4


class WarmCleanSet:
    """Reads each clean set once and gives windows of it; what it gives equals what the set itself would give."""

    def __init__(self, clean: CleanFiles) -> None:
        self._clean = clean
        self._panels: dict[str, Panel] = {}
        self._windows: dict[tuple[str, date | None, date | None, datetime | None], Panel] = {}
        self._fixings: dict[str, Sequence[Fixing]] = {}

    def publish(
        self, panel: Panel, fixings: Sequence[Fixing], *, made_of: Mapping[str, str], others: Sequence[Panel] = ()
    ) -> str:
        """Store a clean set and make it current."""
        return self._clean.publish(panel, fixings, made_of=made_of, others=others)

    def current(self) -> str | None:
        """Give the hash of the current clean set."""
        return self._clean.current()

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
        """Give the part of a panel from `first` to `last`, both included, or of some instruments, as known at an instant.

        A window that was asked for lately is the same object again: who judged it can know that by the object.
        """
        if instruments is not None or calendar != EXCHANGE_CALENDAR:
            return self._clean.panel(
                snapshot, first=first, last=last, known_at=known_at, instruments=instruments, calendar=calendar
            )
        if snapshot not in self._panels:
            self._panels[snapshot] = self._clean.stored(snapshot)
        key = (snapshot, first, last, known_at)
        if key not in self._windows:
            if len(self._windows) == _WINDOWS:
                del self._windows[next(iter(self._windows))]
            self._windows[key] = as_known(self._panels[snapshot].between(first, last), known_at)
        return self._windows[key]

    def has(self, snapshot: str, calendar: CalendarName) -> bool:
        """Say whether a clean set has bars on the days of a calendar."""
        return self._clean.has(snapshot, calendar)

    def fixings(self, snapshot: str) -> Sequence[Fixing]:
        """Give the fixings of a clean set, oldest first."""
        if snapshot not in self._fixings:
            self._fixings[snapshot] = self._clean.fixings(snapshot)
        return self._fixings[snapshot]

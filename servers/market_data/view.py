"""Views: what an answer may look at, of the clean set and the universe: up to which session, and known until when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from servers.refusals import Code, Refused, refusing

if TYPE_CHECKING:
    from core.calendar import Calendar
    from core.domain.instrument import CalendarName, Instrument
    from core.domain.panel import Panel
    from flows.ports import CleanSet
    from flows.setup import BookSetup
    from servers.references import Kind, Sector
    from servers.wiring import Place

# So many sessions back the last bar of an instrument is looked for.
FRESH_SESSIONS = 30


@dataclass(frozen=True)
class View:
    """A book's setup with the last session that is shown, and the instant up to which what was told counts.

    `on` names the calendar whose bars are looked at, and `calendars` finds one that is not the book's. `then` is the clean
    set that was current at an earlier instant that was asked for: a provider may have told the whole past otherwise since.
    """

    setup: BookSetup
    clean: CleanSet
    as_of: date
    known_at: datetime
    calendars: Callable[[CalendarName], Calendar]
    on: CalendarName = "XNYS"
    then: str | None = None

    @property
    def calendar(self) -> Calendar:
        """Give the calendar whose bars are looked at."""
        return self.setup.calendar if self.on == self.setup.calendar.name else self.calendars(self.on)

    def of(self, instruments: Sequence[str] | None, sector: Sector | None, kind: Kind | None) -> View:
        """Give the view on the days of what is asked for; raises Refused for instruments of two calendars at once."""
        rows = [
            row
            for row in self.setup.universe.instruments
            if (instruments is None or row.id in instruments)
            and sector in (None, row.sector)
            and kind in (None, row.kind)
        ]
        found = sorted({row.calendar for row in rows})
        if instruments is not None and len(found) > 1:
            words = f"bars on the days of {' and '.join(found)} cannot stand in one answer"
            passing = "; ".join(
                f"{name}: {', '.join(row.id for row in rows if row.calendar == name)}" for name in found
            )
            raise Refused(Code.OTHER_CALENDAR, words, value=" ".join(found), would_pass=f"one question each: {passing}")
        return replace(self, on=found[0]) if len(found) == 1 else self

    @property
    def snapshot(self) -> str:
        """Give the clean set that counts, the current one or that of then; raises Refused when there is none."""
        snapshot = self.then or self.clean.current()
        if snapshot is None:
            raise Refused(Code.NO_DATA, "no market data was ingested; a person or the clock runs `twokey ingest`")
        return snapshot

    def panel(self, first: date, last: date) -> Panel:
        """Give the bars from `first` to `last`, cut at as-of, as they were known; raises Refused when there is no such day."""

        last = min(last, self.as_of)
        if first > last:
            raise Refused(
                Code.BAD_ARGUMENT,
                f"the range begins {first} and ends {last}, as-of included",
                limit=last.isoformat(),
                value=first.isoformat(),
                would_pass=f"a first day up to {last}",
            )
        from flows.ports import SourceError

        with refusing(SourceError, Code.NO_DATA):
            return self.clean.panel(self.snapshot, first=first, last=last, known_at=self.known_at, calendar=self.on)

    def judged(self, first: date) -> Panel:
        """Give the bars from `first` to as-of as a run would judge them: where there are none, the newest session's before."""
        from core.domain.slot import AsOf
        from flows.look import bars_of
        from flows.ports import SourceError

        with refusing(SourceError, Code.NO_DATA):
            return bars_of(self.clean, self.snapshot, AsOf(at=self.known_at, session=self.as_of), first=first)

    def back(self, sessions: int) -> date:
        """Give the session from which there are so many up to as-of, or the calendar's first."""
        known = self.calendar.sessions
        return known[max(0, known.index(self.as_of) - sessions + 1)]

    def before(self, day: date) -> date:
        """Give the last session before a day; raises Refused before the calendar."""
        with refusing(ValueError, Code.BAD_ARGUMENT):
            return self.calendar.previous_session(day)

    def chosen(
        self, panel: Panel, instruments: Sequence[str] | None, sector: Sector | None, kind: Kind | None
    ) -> tuple[str, ...]:
        """Give the ids asked for that the panel holds, in their order; raises Refused for an unknown one, and for none."""
        if instruments is None and sector is None and kind is None:
            words = "nothing was chosen"
            raise Refused(Code.BAD_ARGUMENT, words, would_pass="instruments, a sector or a kind")
        named = self._named(panel, instruments)
        rows = [row for row in named if sector in (None, row.sector) and kind in (None, row.kind)]
        if not rows:
            words = f"no instrument that is asked for has bars and counts on {self.as_of}"
            raise Refused(Code.NO_SUCH_INSTRUMENT, words, would_pass="ids, sectors and kinds that list_universe gives")
        return tuple(row.id for row in rows)

    def _named(self, panel: Panel, instruments: Sequence[str] | None) -> list[Instrument]:
        """Give the rows of ids; without ids, those that count on as-of and have a column of the panel."""
        by_id = self.setup.universe.by_id()
        if instruments is None:
            return [row for row in self.setup.universe.valid_on(self.as_of) if row.id in panel.instruments]
        unknown = [name for name in sorted(set(instruments)) if name not in by_id or name not in panel.instruments]
        if unknown:
            words = f"the clean set holds no {', '.join(unknown)}"
            raise Refused(Code.NO_SUCH_INSTRUMENT, words, would_pass="ids that list_universe gives")
        return [by_id[name] for name in sorted(set(instruments))]


def view_of(place: Place, book: str, clean: CleanSet, *, as_of: date | None, known_at: datetime | None) -> View:
    """Give the view of the server's day, or an earlier one; raises Refused for one that is later.

    On a day without a session as-of is the last one before it.
    """
    day = place.book_day(book)
    now, calendar = day.clock.now(), day.setup.calendar
    if as_of is not None and as_of > day.as_of:
        words = f"as_of is after {day.as_of}, the last session that may be seen"
        raise _too_late(words, day.as_of.isoformat(), as_of.isoformat())
    if known_at is not None and known_at > now:
        raise _too_late(f"known_at is after {now.isoformat()}, the server's now", now.isoformat(), known_at.isoformat())
    session = as_of or day.as_of
    with refusing(ValueError, Code.BAD_ARGUMENT):
        session = session if calendar.is_session(session) else calendar.previous_session(session)
    # What was asked of before the first clean set is answered by the current one, as far as it says when it was told.
    then = None if known_at is None else place.snapshot_at(known_at)
    return View(day.setup, clean, session, known_at or now, place.calendar, then=then)


def _too_late(words: str, limit: str, value: str) -> Refused:
    return Refused(Code.BAD_ARGUMENT, words, limit=limit, value=value, would_pass=f"up to {limit}")

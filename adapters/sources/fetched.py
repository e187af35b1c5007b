"""The sources that are fetched, made from settings: which symbols are asked for, up to which session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from adapters.sources.ecb import ecb_source, last_publication
from adapters.sources.formats.registry import FormatParser
from adapters.sources.http import Client, Door, HttpSource, Timing, Wanted
from adapters.sources.stooq import stooq_source
from adapters.sources.yahoo import yahoo_source
from core.calendar import Calendar
from core.domain.instrument import CalendarName, Instrument
from core.settings_sources import SourceName, SourceSettings
from flows.ports import RawRecord, SourceError


@dataclass(frozen=True)
class Fetching:
    """What is fetched and when: the instruments, their calendars by name, the instant, and where cookies may be kept."""

    settings: SourceSettings
    instruments: Sequence[Instrument]
    calendars: Mapping[CalendarName, Calendar]
    at: datetime
    cookies: Path

    def source(
        self,
        name: SourceName,
        *,
        records: Callable[[], Sequence[RawRecord]],
        watch: Callable[[int, str], Callable[[str], None]],
        timing: Timing | None = None,
        read: Callable[[RawRecord], bytes] | None = None,
    ) -> HttpSource:
        """Make a source: it looks in `records` for what it need not ask, and `watch` looks on.

        With `read` it looks into the stored answers too, and asks again where one of them was late.
        """
        settings = self.settings.of(name)
        door = Door(Client(settings, timing), records, watch, None if read is None else _last_told(read))
        if name == "ecb":
            return ecb_source(settings.address, last_publication(self.at, self._told_after), door)
        if name == "stooq":
            return stooq_source(settings.address, self.wanted(lambda one: one.stooq_symbol), door)
        return yahoo_source(
            settings.address, self.wanted(lambda one: one.yahoo_symbol), door, cookies=self.cookies / name
        )

    def wanted(self, symbol_of: Callable[[Instrument], str]) -> list[Wanted]:
        """Say which bars are wanted: each symbol's, up to the last session of its calendar that is over and was told."""
        return [self._wanted(one, symbol_of(one)) for one in self.instruments]

    def _wanted(self, instrument: Instrument, symbol: str) -> Wanted:
        calendar = self.calendars[instrument.calendar]
        last = calendar.last_completed(self.at - self._told_after)
        first = _years_before(last, self.settings.history_years)
        since = calendar.close_of(last) + self._told_after
        return Wanted(symbol, first, last, since=since, again=self.at - self._told_after)

    @property
    def _told_after(self) -> timedelta:
        return timedelta(minutes=self.settings.told_after_minutes)


def _last_told(read: Callable[[RawRecord], bytes]) -> Callable[[RawRecord], date | None]:
    parser = FormatParser()

    def last_told(record: RawRecord) -> date | None:
        """Give the last day of which a stored answer has a bar; None where it has none, or cannot be read."""
        try:
            bars = parser.parse(record, read(record)).bars
        except SourceError:
            return None
        days = [] if bars is None else bars.session[bars.close > 0].astype("datetime64[D]").tolist()
        return max(days, default=None)

    return last_told


def _years_before(day: date, years: int) -> date:
    return day.replace(year=day.year - years, day=min(day.day, 28))

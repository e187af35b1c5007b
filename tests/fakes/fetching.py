"""Sources that ask the replay server: gentle settings, a time that passes without waiting, and small universes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from adapters.sources.fetched import Fetching
from adapters.sources.http import HttpSource, Timing
from core.calendar import Calendar, load_calendar
from core.domain.instrument import CalendarName, Instrument
from core.settings_sources import ProviderSettings, SourceName, SourceSettings
from flows.ports import RawRecord
from tests.unit.market_data.making import instrument

# A Wednesday before New York opens: the last completed session is Tuesday the 4th.
AT = datetime(2024, 6, 5, 6, 30, tzinfo=UTC)
LAST = date(2024, 6, 4)
SEED = 20240605


@dataclass
class Time:
    """A time that only sleeping moves; each nap is written down."""

    now: float = 0.0
    naps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Pass some seconds at once."""
        self.naps.append(round(seconds, 6))
        self.now += seconds

    def timing(self) -> Timing:
        """Give this time to a client."""
        return Timing(lambda: self.now, self.sleep, random.Random(SEED))


def provider(address: str, **changes: int) -> ProviderSettings:
    """Give settings for a provider on loopback."""
    values = {
        "concurrency": 1,
        "timeout_seconds": 20,
        "tries": 3,
        "pause_milliseconds": 0,
        "wait_seconds_max": 120,
    }
    return ProviderSettings(address=address, **(values | changes))


@cache
def calendar(name: CalendarName) -> Calendar:
    """Give a calendar of the tested years."""
    return load_calendar(name, date(2020, 1, 1), date(2024, 12, 31))


def source(
    name: SourceName,
    address: str,
    instruments: Sequence[Instrument | str],
    *,
    cookies: Path,
    time: Time | None = None,
    at: datetime = AT,
    records: Callable[[], Sequence[RawRecord]] = tuple,
    watch: Callable[[int, str], Callable[[str], None]] = lambda total, what: lambda subject: None,
    **changes: int,
) -> HttpSource:
    """Make a source as the command line would, against an address."""
    asked = [instrument(one) if isinstance(one, str) else one for one in instruments]
    one = provider(address, **changes)
    settings = SourceSettings(
        version=1, fetch=(name,), history_years=1, told_after_minutes=60, stooq=one, yahoo=one, ecb=one
    )
    calendars = {name: calendar(name) for name in sorted({one.calendar for one in asked})}
    fetching = Fetching(settings, asked, calendars, at, cookies)
    return fetching.source(name, records=records, watch=watch, timing=(time or Time()).timing())

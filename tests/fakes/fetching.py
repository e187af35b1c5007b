"""Sources that ask the replay server: gentle settings, a time that passes without waiting, and small universes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from adapters.files.raw_store import RawFiles
from adapters.sources.fetched import Fetching
from adapters.sources.http import HttpSource, Timing
from core.calendar import Calendar, load_calendar
from core.domain.instrument import CalendarName, Instrument
from core.settings_sources import ProviderSettings, SourceName, SourceSettings
from flows.ports import RawRecord
from tests.fakes.replay import Answer, stooq_csv, yahoo_chart
from tests.unit.market_data.files import rates_zip
from tests.unit.market_data.making import instrument

NAMES = ("AAPL", "KO", "MSFT")
# 13:30 UTC of Monday and Tuesday, June 3 and 4, 2024: New York opens.
OPENS = (1717421400, 1717507800)
# A Wednesday before New York opens: the last completed session is Tuesday the 4th.
AT = datetime(2024, 6, 5, 6, 30, tzinfo=UTC)
LAST = date(2024, 6, 4)
NEXT_DAY = AT + timedelta(days=1)
PRICES: tuple[SourceName, ...] = ("stooq", "yahoo")
SEED = 20240605
Make = Callable[..., HttpSource]


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
    read: Callable[[RawRecord], bytes] | None = None,
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
    return fetching.source(name, records=records, read=read, watch=watch, timing=(time or Time()).timing())


def bodies() -> dict[str, bytes | Answer]:
    """Give good answers of all three providers."""
    days = ("2024-06-03", "2024-06-04")
    stooq = {f"{name}.US": stooq_csv(days, close=10.0 + at) for at, name in enumerate(NAMES)}
    yahoo = {name: yahoo_chart(name, OPENS, close=10.0 + at) for at, name in enumerate(NAMES)}
    return {**stooq, **yahoo, "eurofxref-hist.zip": rates_zip()}


def subject(name: SourceName, symbol: str) -> str:
    """Give what the server knows a symbol by."""
    return symbol if name == "yahoo" else f"{symbol}.US"


@dataclass
class Store:
    """A raw store that a source fills, as the flow does: each file as it comes."""

    raw: RawFiles
    cookies: Path

    def fill(self, one: HttpSource, at: datetime = AT) -> None:
        """Store what a source gives."""
        for file in one.fetch():
            self.raw.store(file, at=at)

    def told(self) -> dict[str, bytes]:
        """Give the bytes by the last part of the name."""
        return {record.name.rpartition("/")[2]: self.raw.read(record) for record in self.raw.records()}

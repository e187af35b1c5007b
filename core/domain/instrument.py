"""Instruments: what can be traded, and under which names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Final, Literal

InstrumentId = str
InstrumentKind = Literal["equity", "etf", "index", "fx", "crypto", "future"]
CalendarName = Literal["XNYS", "24/5", "24/7"]
Currency = str

# On whose days books decide.
EXCHANGE_CALENDAR: Final[CalendarName] = "XNYS"

# Whose days an exchange's daily bars stand on. The bars of CME's index futures and of Cboe's indices are those of the New York
# sessions: what trades on a holiday there belongs to the next one.
CALENDARS: dict[str, CalendarName] = {
    "ARCA": "XNYS",
    "CBOE": "XNYS",
    "CME": "XNYS",
    "CRYPTO": "24/7",
    "FX": "24/5",
    "NASDAQ": "XNYS",
    "NYSE": "XNYS",
}


@dataclass(frozen=True, order=True)
class Period:
    """The days on which an instrument counts, both ends included; without a last day it lasts."""

    first: date
    last: date | None = None

    def __post_init__(self) -> None:
        """Hold that it does not end before it begins."""
        if self.last is not None and self.last < self.first:
            raise ValueError(f"a period from {self.first} ended on {self.last}, before it began")

    def __contains__(self, day: date) -> bool:
        """Say whether a day is one of them."""
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True)
class Instrument:
    """What the universe says of one instrument: an id that never changes, its names at sources and venues, and when it counts.

    `periods` are in order and do not overlap: an instrument that left the universe and came back has several.
    """

    id: InstrumentId
    stooq_symbol: str
    yahoo_symbol: str
    etoro_search_name: str
    exchange: str
    currency: Currency
    kind: InstrumentKind
    is_tradable_as_underlying: bool
    verified_on: date | None
    periods: tuple[Period, ...]
    sector: str
    notes: str = ""

    def __post_init__(self) -> None:
        """Hold that there is a period, and that each ended before the next began."""
        if not self.periods:
            raise ValueError(f"{self.id} has no period in which it counts")
        for earlier, later in pairwise(self.periods):
            if earlier.last is None or earlier.last >= later.first:
                raise ValueError(f"{self.id} counts from {later.first}, before it ceased to count from {earlier.first}")

    @property
    def calendar(self) -> CalendarName:
        """Name the calendar on whose days it has bars; raises KeyError for an exchange that nobody knows."""
        return CALENDARS[self.exchange]

    @property
    def valid_from(self) -> date:
        """Give the first day on which it ever counts."""
        return self.periods[0].first

    @property
    def valid_to(self) -> date | None:
        """Give the last day on which it counts, or None while it lasts; between the two it may have been away."""
        return self.periods[-1].last

    def is_valid_on(self, day: date) -> bool:
        """Say whether it counts on a day."""
        # Nearly all have one period; a wide market is asked ten thousand times a decision.
        return day in self.periods[0] or (len(self.periods) > 1 and any(day in period for period in self.periods))

    def __hash__(self) -> int:
        """Give the id's hash: what is remembered of a universe is looked up by its thousands of rows, and told to nobody."""
        return self.id.__hash__()


@dataclass(frozen=True)
class Universe:
    """The instruments that a run may consider, benchmarks included, in the order of their ids."""

    instruments: tuple[Instrument, ...]

    def __post_init__(self) -> None:
        """Hold the order and that each id stands once."""
        ids = [instrument.id for instrument in self.instruments]
        if ids != sorted(set(ids)):
            raise ValueError("a universe lists each instrument once, in the order of the ids")

    def on(self, calendar: CalendarName) -> Universe:
        """Give the instruments whose bars stand on the days of a calendar."""
        return Universe(tuple(row for row in self.instruments if row.calendar == calendar))

    def by_id(self) -> Mapping[InstrumentId, Instrument]:
        """Give the instruments by id."""
        return self._by_id

    def valid_on(self, day: date) -> tuple[Instrument, ...]:
        """Give the instruments that count on a day: those who were there then."""
        return tuple(instrument for instrument in self.instruments if instrument.is_valid_on(day))

    @cached_property
    def _by_id(self) -> dict[InstrumentId, Instrument]:
        return {instrument.id: instrument for instrument in self.instruments}

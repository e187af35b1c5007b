"""Instruments: what can be traded, and under which names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

InstrumentId = str
InstrumentKind = Literal["equity", "etf", "index", "fx", "crypto", "future"]
CalendarName = Literal["XNYS", "24/5", "24/7"]
Currency = str

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


@dataclass(frozen=True)
class Instrument:
    """One row of the universe: an id that never changes, its names at sources and venues, and when it counts."""

    id: InstrumentId
    stooq_symbol: str
    yahoo_symbol: str
    etoro_search_name: str
    exchange: str
    currency: Currency
    kind: InstrumentKind
    is_tradable_as_underlying: bool
    verified_on: date | None
    valid_from: date
    valid_to: date | None
    sector: str
    notes: str = ""

    @property
    def calendar(self) -> CalendarName:
        """Name the calendar on whose days it has bars; raises KeyError for an exchange that nobody knows."""
        return CALENDARS[self.exchange]

    def is_valid_on(self, day: date) -> bool:
        """Say whether the row counts on a day (both ends included)."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True)
class Universe:
    """The instruments that a run may consider, benchmarks included, in the order of their ids."""

    instruments: tuple[Instrument, ...]

    def __post_init__(self) -> None:
        """Hold the order and that each id stands once."""
        ids = [instrument.id for instrument in self.instruments]
        if ids != sorted(set(ids)):
            raise ValueError("a universe lists each instrument once, in the order of the ids")

    def by_id(self) -> dict[InstrumentId, Instrument]:
        """Give the instruments by id."""
        return {instrument.id: instrument for instrument in self.instruments}

    def valid_on(self, day: date) -> tuple[Instrument, ...]:
        """Give the instruments whose row counts on a day."""
        return tuple(instrument for instrument in self.instruments if instrument.is_valid_on(day))

"""Evenings: since when the bars of a day count as known where nobody noted it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Days
from core.domain.instrument import EXCHANGE_CALENDAR, CalendarName

EXCHANGE_CLOSE = time(16, 0)
EXCHANGE_ZONE = ZoneInfo("America/New_York")
# What stands for the instant of a row of which nobody noted when it was told.
ASSUMED = -1


@dataclass(frozen=True)
class Evening:
    """When the bars of a day count as known where nobody noted it: the end of the calendar's day, plus an assumed lag.

    That is 16:00 in New York for the exchange, whose half day counts as a full one, which is late by hours and never
    early; where trading does not stop, it is the midnight in UTC after which no price of the day can come.
    """

    calendar: CalendarName
    lag_hours: int

    def known_at(self, sessions: Days) -> Days:
        """Give the instants (UTC, datetime64[s]) from which the bars of sessions count as known."""
        if self.calendar != EXCHANGE_CALENDAR:
            ends: Days = (sessions.astype("datetime64[D]") + 1).astype("datetime64[h]")
            return (ends + self.lag_hours).astype("datetime64[s]")
        instants: list[datetime] = []
        for session in sessions.astype("datetime64[D]").tolist():
            close = datetime.combine(session, EXCHANGE_CLOSE, EXCHANGE_ZONE) + timedelta(hours=self.lag_hours)
            instants.append(close.astimezone(UTC).replace(tzinfo=None))
        return np.array(instants, dtype="datetime64[s]")

    def seconds(self, days: Days) -> NDArray[np.int64]:
        """Give the same, a row, in seconds of the epoch."""
        unique, at = np.unique(days.astype("datetime64[D]"), return_inverse=True)
        return self.known_at(unique).astype(np.int64)[at]

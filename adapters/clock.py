"""Clocks: the system's, and one that stands still."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Give the instant that it is, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class FixedClock:
    """A clock that stands still at one instant: rehearsals, simulations and tests."""

    at: datetime

    def now(self) -> datetime:
        """Give the instant at which it stands."""
        return self.at

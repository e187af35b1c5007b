"""The time of a slot: what day it is for a book, and which clock its decision goes by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from adapters.clock import FixedClock
from core.calendar import slot_of
from core.settings import Policy
from flows.ports import Clock


@dataclass(frozen=True)
class When:
    """The day that it is, and the clock that a decision goes by: for another day's slot, one that stands at that slot."""

    today: date
    clock: Clock


def when(policy: Policy, on: date | None, clock: Clock) -> When:
    """Say when a book's slot is decided: now, or as it would have been at the slot of another day.

    Today is that of the schedule's time zone. Raises ValueError when the other day has no slot.
    """
    today = clock.now().astimezone(ZoneInfo(policy.schedule.timezone)).date()
    return When(today, clock if on is None or on == today else FixedClock(slot_of(policy, on).at))

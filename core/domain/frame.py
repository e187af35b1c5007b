"""The frame of a decision: its run, the policy and universe that bind it, and the calendar of its exchange."""

from __future__ import annotations

from dataclasses import dataclass

from core.calendar import Calendar
from core.domain.instrument import Universe
from core.domain.slot import Run
from core.settings import Policy


@dataclass(frozen=True)
class Frame:
    """What does not change while a slot is decided."""

    run: Run
    policy: Policy
    universe: Universe
    calendar: Calendar

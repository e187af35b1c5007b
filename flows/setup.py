"""The setup of a book, and the runs that it makes of days."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property, lru_cache

from core.calendar import Calendar, as_of, slot_of, window_of
from core.domain.frame import Frame
from core.domain.instrument import Universe
from core.domain.others import DeskLimits
from core.domain.slot import Run, run_id_of
from core.domain.strategy import Strategy
from core.settings import Policy
from core.strategies.registry import strategy_of
from core.universe_text import universe_hash

NO_SNAPSHOT = "none"
# Further than any window, deadline or first session of a week that a slot asks the calendar for.
AHEAD = timedelta(days=14)


@dataclass(frozen=True)
class BookSetup:
    """What binds a book: its policy, the universe with what people verified, its exchange's calendar, and the desk's limits."""

    policy: Policy
    universe: Universe
    calendar: Calendar
    desk: DeskLimits | None = None

    @property
    def strategy(self) -> Strategy:
        """Give the policy's strategy."""
        return strategy_of(self.policy)

    @cached_property
    def universe_hash(self) -> str:
        """Give the universe's hash, computed once."""
        return universe_hash(self.universe)

    def frame(self, run: Run) -> Frame:
        """Give the frame of a run."""
        return Frame(run, self.policy, self.universe, self.calendar)

    def run_of(self, day: date, *, today: date, snapshot: str | None, revision: int = 1) -> Run:
        """Make the run of a day's slot; a day that is not today is a rehearsal.

        Raises ValueError on a weekend, and for a day that has not come: nothing is known of it.
        """
        if day > today:
            raise ValueError(f"{day} has not come (today is {today}): nothing is known of it")
        slot = slot_of(self.policy, day)
        known = as_of(self.calendar, slot)
        return Run(
            run_id=run_id_of(slot, revision),
            slot=slot,
            revision=revision,
            as_of=known,
            window=window_of(self.calendar, self.policy, day),
            is_rehearsal=day != today,
            policy_hash=self.policy.hash,
            universe_hash=self.universe_hash,
            snapshot=snapshot or NO_SNAPSHOT,
            calendar_hash=self.calendar_hash(known.session, day),
        )

    def calendar_hash(self, session: date, day: date) -> str:
        """Give the hash of the sessions that a slot's decision rests on: those scored, and those that its deadlines reach."""
        sessions = self.calendar.sessions
        at = bisect_right(sessions, session) - self.strategy.sessions_needed
        return self.calendar.hash_between(sessions[max(0, at)], day + AHEAD)


def with_verifications(universe: Universe, verified: dict[str, date]) -> Universe:
    """Give the universe with the days on which people looked its instruments up."""
    return _verified(universe, frozenset(verified.items()))


# A server reads its configuration at every call, and a universe has hundreds of rows.
@lru_cache(maxsize=8)
def _verified(universe: Universe, days: frozenset[tuple[str, date]]) -> Universe:
    verified = dict(days)
    return Universe(
        tuple(replace(row, verified_on=verified[row.id]) if row.id in verified else row for row in universe.instruments)
    )

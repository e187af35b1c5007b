"""The calendar: sessions of an exchange, and the instants of a book's day that hang on them."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from core.canonical import canonical_json, sha256_text
from core.domain.slot import AsOf, Slot, Window
from core.settings import Policy

DAYS_IN_WEEK = 7
RUN_DAYS = {"weekdays": range(5)}


@lru_cache(maxsize=2048)
def _row_text(session: date, opens: datetime, closes: datetime) -> str:
    return canonical_json((session, opens, closes))


@dataclass(frozen=True)
class Calendar:
    """The sessions of one exchange from `first` to `last` (both covered), with the instants, in UTC, of open and close.

    A question about a day that is not covered raises ValueError: not to know is never taken for closed.
    """

    name: str
    timezone: str
    first: date
    last: date
    sessions: tuple[date, ...]
    opens: tuple[datetime, ...]
    closes: tuple[datetime, ...]

    def __post_init__(self) -> None:
        """Hold that each session lies in the cover, after the one before it, and opens before it closes."""
        if not len(self.sessions) == len(self.opens) == len(self.closes):
            counts = f"{len(self.sessions)}, {len(self.opens)} and {len(self.closes)}"
            raise ValueError(f"calendar {self.name} has {counts} sessions, opens and closes")
        if any(later <= earlier for earlier, later in pairwise(self.sessions)):
            raise ValueError(f"sessions of calendar {self.name} must ascend")
        if self.sessions and not self.first <= self.sessions[0] <= self.sessions[-1] <= self.last:
            raise ValueError(f"sessions of calendar {self.name} must lie within {self.first} to {self.last}")
        for opens, closes in zip(self.opens, self.closes, strict=True):
            if opens.tzinfo is not UTC or closes.tzinfo is not UTC or closes <= opens:
                raise ValueError(f"session {opens} to {closes} must be in UTC and close after it opens")

    def is_session(self, day: date) -> bool:
        """Say whether the exchange is open on a day."""
        return self._row(day) is not None

    def open_of(self, session: date) -> datetime:
        """Give the instant that a session opens; raises ValueError when the day is none."""
        return self.opens[self._row_of(session)]

    def close_of(self, session: date) -> datetime:
        """Give the instant that a session closes, early closes included; raises ValueError when the day is none."""
        return self.closes[self._row_of(session)]

    def previous_session(self, day: date) -> date:
        """Give the last session strictly before a day, which may be a session or not."""
        at = bisect_left(self.sessions, self._covered(day)) - 1
        if at < 0:
            raise ValueError(f"calendar {self.name} begins {self.first}: no session before {day} is known")
        return self.sessions[at]

    def next_session(self, day: date) -> date:
        """Give the first session strictly after a day, which may be a session or not."""
        at = bisect_right(self.sessions, self._covered(day))
        if at == len(self.sessions):
            raise ValueError(f"calendar {self.name} ends {self.last}: no session after {day} is known")
        return self.sessions[at]

    def sessions_between(self, first: date, last: date) -> tuple[date, ...]:
        """Give the sessions from `first` to `last`, both included."""
        start, stop = bisect_left(self.sessions, self._covered(first)), bisect_right(self.sessions, self._covered(last))
        return self.sessions[start:stop]

    def hash_between(self, first: date, last: date) -> str:
        """Give the SHA-256 of the sessions from `first` to `last` with their opens and closes; beyond the cover is nothing."""
        start, stop = bisect_left(self.sessions, first), bisect_right(self.sessions, last)
        days = map(_row_text, self.sessions[start:stop], self.opens[start:stop], self.closes[start:stop])
        name, timezone = canonical_json(self.name), canonical_json(self.timezone)
        # The canonical text, put together from rows that runs of one process have in common.
        return sha256_text(f'{{"calendar":{name},"sessions":[{",".join(days)}],"timezone":{timezone}}}')

    def last_completed(self, at: datetime) -> date:
        """Give the latest session whose close is not after an aware instant."""
        self._covered(at.astimezone(ZoneInfo(self.timezone)).date())
        row = bisect_right(self.closes, at) - 1
        if row < 0:
            raise ValueError(f"calendar {self.name} begins {self.first}: no session completed by {at} is known")
        return self.sessions[row]

    def first_session_of_week(self, day: date) -> date | None:
        """Give the first session of a day's week (Monday to Sunday), or None when the exchange is closed all week.

        Raises ValueError where the calendar does not cover the week from its Monday on: load it from a week earlier.
        """
        monday = day - timedelta(days=day.weekday())
        for offset in range(DAYS_IN_WEEK):
            if self.is_session(monday + timedelta(days=offset)):
                return monday + timedelta(days=offset)
        return None

    def last_week_end(self, session: date) -> date:
        """Give the latest session, this one included, that is the last of its week (Monday to Sunday)."""
        monday = session - timedelta(days=session.weekday())
        ends = self.next_session(session) >= monday + timedelta(days=DAYS_IN_WEEK)
        return session if ends else self.previous_session(monday)

    def _row(self, day: date) -> int | None:
        at = bisect_left(self.sessions, self._covered(day))
        return at if at < len(self.sessions) and self.sessions[at] == day else None

    def _row_of(self, session: date) -> int:
        row = self._row(session)
        if row is None:
            raise ValueError(f"{session} is no session of {self.name}")
        return row

    def _covered(self, day: date) -> date:
        if not self.first <= day <= self.last:
            raise ValueError(f"calendar {self.name} covers {self.first} to {self.last}; the day was {day}")
        return day


def load_calendar(name: str, first: date, last: date) -> Calendar:
    """Give an exchange's calendar from `first` to `last`, both covered; `name` is a market identifier such as XNYS.

    The same dates give the same calendar on any day: both ends are handed over, so that no default hangs on the clock.
    Raises ValueError when no exchange has the name, the days are in the wrong order, or lie beyond the source's reach.
    """
    # Imported here because it brings pandas, which costs most of a second.
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    if last < first:
        raise ValueError(f"a calendar from {first} to {last} would end before it begins")
    # The source wants a session between two different days: a month on each side holds one, whatever the days are.
    margin = timedelta(days=31)
    try:
        source = exchange_calendars.get_calendar(name, start=first - margin, end=last + margin)
    except InvalidCalendarName as error:
        raise ValueError(f"calendar was {name!r}; no exchange has that name") from error
    rows = source.schedule.loc[str(first) : str(last)]
    return Calendar(
        name=name,
        timezone=str(source.tz),
        first=first,
        last=last,
        sessions=tuple(day.date() for day in rows.index),
        opens=tuple(_utc(instant) for instant in rows["open"]),
        closes=tuple(_utc(instant) for instant in rows["close"]),
    )


def calendar_to_json(calendar: Calendar) -> str:
    """Give a calendar as canonical JSON, for a shell that keeps it: loading it from there needs no calendar library."""
    return canonical_json(calendar)


# A command reads the same file for each book; what comes of it is frozen.
@lru_cache(maxsize=4)
def calendar_from_json(text: str) -> Calendar:
    """Read what `calendar_to_json` gave; raises ValueError when the text is anything else."""
    try:
        fields = json.loads(text)
        return Calendar(
            name=str(fields["name"]),
            timezone=str(fields["timezone"]),
            first=date.fromisoformat(fields["first"]),
            last=date.fromisoformat(fields["last"]),
            sessions=tuple(date.fromisoformat(day) for day in fields["sessions"]),
            opens=tuple(datetime.fromisoformat(instant) for instant in fields["opens"]),
            closes=tuple(datetime.fromisoformat(instant) for instant in fields["closes"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no calendar: {type(error).__name__} {error}") from error


def is_run_day(policy: Policy, day: date) -> bool:
    """Say whether a book decides on a day; a weekday without an open session is such a day too."""
    return day.weekday() in RUN_DAYS[policy.schedule.run_days]


def last_run_day(policy: Policy, day: date) -> date:
    """Give the newest day up to a day, itself included, on which a book decides."""
    return next(one for one in (day - timedelta(days=back) for back in range(7)) if is_run_day(policy, one))


def slot_of(policy: Policy, day: date) -> Slot:
    """Give a book's slot of a day: the run's begin, by the schedule's time zone; raises ValueError on a weekend."""
    if not is_run_day(policy, day):
        raise ValueError(f"{day} is a {day:%A}; the book {policy.book} decides on {policy.schedule.run_days}")
    return Slot(book=policy.book, day=day, at=_local(policy, day, is_begin=True))


def as_of(calendar: Calendar, slot: Slot) -> AsOf:
    """Give what a slot's decision may know: its instant and the last session completed by then."""
    return AsOf(at=slot.at, session=calendar.last_completed(slot.at))


def run_until(policy: Policy, day: date) -> datetime:
    """Give the instant by which a book's run of a day is expected, by the schedule's time zone."""
    return _local(policy, day, is_begin=False)


def window_of(calendar: Calendar, policy: Policy, day: date) -> Window | None:
    """Give the execution window of a day, counted from the exchange's open, or None when the exchange is closed."""
    if not calendar.is_session(day):
        return None
    opens, execution = calendar.open_of(day), policy.execution
    return Window(
        session=day,
        opens_at=opens + timedelta(minutes=execution.window_opens_minutes),
        closes_at=opens + timedelta(minutes=execution.window_closes_minutes),
    )


def is_rebalance_day(calendar: Calendar, policy: Policy, day: date) -> bool:
    """Say whether trades may be proposed on a day: on each session, or on the week's first one, as the policy says."""
    if policy.schedule.rebalance == "daily":
        return calendar.is_session(day)
    return calendar.first_session_of_week(day) == day


def expires_at(calendar: Calendar, policy: Policy, day: date) -> datetime:
    """Give the instant that a day's ticket expires: its window's close, or the daily run's end on a closed day."""
    window = window_of(calendar, policy, day)
    return window.closes_at if window else run_until(policy, day)


def confirm_by(calendar: Calendar, policy: Policy, day: date) -> datetime:
    """Give the instant by which a day's ticket must be confirmed: the policy's hours after it expires."""
    return expires_at(calendar, policy, day) + timedelta(hours=policy.execution.confirm_within_hours)


def _local(policy: Policy, day: date, *, is_begin: bool) -> datetime:
    schedule = policy.schedule
    at = schedule.run_from if is_begin else schedule.run_until
    return datetime.combine(day, at, ZoneInfo(schedule.timezone)).astimezone(UTC)


def _utc(instant: datetime) -> datetime:
    return datetime.fromtimestamp(int(instant.timestamp()), UTC)

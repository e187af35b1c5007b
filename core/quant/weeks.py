"""Weeks: the sessions at whose close a weekly book decides."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from core.calendar import DAYS_IN_WEEK, Calendar
from core.domain.bars import Days

Rows = NDArray[np.int64]


def decision_rows(sessions: Days, calendar: Calendar) -> Rows:
    """Give the rows of `sessions` that are the last session of their week (Monday to Sunday) by the exchange's calendar.

    What is decided at such a close is traded at the next open, which is the first of a week, as `is_rebalance_day` says.
    The calendar alone says which session is a week's last, never what `sessions` holds after it: the last row of a panel
    that ends on a Wednesday is none. `sessions` must be the calendar's, without a gap, so that "the next open" is the next
    row. Raises ValueError where it is not, and where the calendar ends before the week of the last session does.
    """
    days: list[date] = sessions.astype("datetime64[D]").astype(object).tolist()
    if not days:
        return np.empty(0, dtype=np.int64)
    _hold_without_gap(days, calendar)
    last = days[-1]
    sunday = last + timedelta(days=DAYS_IN_WEEK - 1 - last.weekday())
    after = calendar.sessions_between(last, min(sunday, calendar.last))[1:2]
    if not after and calendar.last < sunday:
        raise ValueError(
            f"calendar {calendar.name} covers {calendar.first} to {calendar.last}; to know whether {last} is the last"
            f" session of its week it must reach {sunday}"
        )
    weeks = [day.toordinal() - day.weekday() for day in (*days, *after)]
    # Behind the last session stands the next one of its week, or nothing: then it is its week's last.
    ends = [weeks[at] != weeks[at + 1] if at + 1 < len(weeks) else True for at in range(len(days))]
    return np.flatnonzero(np.array(ends)).astype(np.int64)


def _hold_without_gap(days: list[date], calendar: Calendar) -> None:
    wanted = calendar.sessions_between(days[0], days[-1])
    if tuple(days) == wanted:
        return
    lacking, unknown = sorted(set(wanted) - set(days)), sorted(set(days) - set(wanted))
    raise ValueError(
        f"rows must be the sessions of {calendar.name} from {days[0]} to {days[-1]}, each once and ascending;"
        f" missing were {[str(day) for day in lacking[:3]]}, unknown {[str(day) for day in unknown[:3]]}"
    )

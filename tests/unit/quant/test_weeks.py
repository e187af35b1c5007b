"""Decision sessions: the last of each week by the exchange's calendar, whatever the panel holds after it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.calendar import Calendar, is_rebalance_day
from core.quant.weeks import decision_rows
from tests.unit.making import CALENDAR, SESSIONS, SHIPPED

MONDAY = date(2024, 5, 27)


def days(sessions):
    """Give sessions as a panel holds them."""
    return np.array(sessions, dtype="datetime64[D]")


def calendar(open_days, *, covered):
    """Make a calendar of some days after a Monday, covered for a number of days."""
    sessions = tuple(MONDAY + timedelta(days=day) for day in open_days)
    return Calendar(
        name="XNYS",
        timezone="America/New_York",
        first=MONDAY,
        last=MONDAY + timedelta(days=covered - 1),
        sessions=sessions,
        opens=tuple(datetime.combine(day, time(14), UTC) for day in sessions),
        closes=tuple(datetime.combine(day, time(20), UTC) for day in sessions),
    )


def test_the_last_session_of_each_week_decides():
    """Fridays, and the last of a week that a panel ends in the middle of is none."""
    rows = decision_rows(days(SESSIONS[:-1]), CALENDAR)

    assert [SESSIONS[row] for row in rows] == [date(2024, 5, 31), date(2024, 6, 7), date(2024, 6, 14)]


def test_a_week_ends_where_the_exchange_does():
    """With Thursday and Friday closed, Wednesday decides, and a week without a session has no decision."""
    open_days = (0, 1, 2, 14, 15, 16, 17, 18)
    exchange = calendar(open_days, covered=21)

    rows = decision_rows(days(exchange.sessions), exchange)

    assert rows.tolist() == [2, 7]


def test_a_calendar_that_ends_too_early_is_refused():
    """Whether Thursday is a week's last session is not known from a calendar that ends on it."""
    with pytest.raises(ValueError, match="it must reach 2024-06-02"):
        decision_rows(days(calendar(range(4), covered=4).sessions), calendar(range(4), covered=4))


@pytest.mark.parametrize("left_out", [1, 5])
def test_rows_with_a_gap_are_refused(left_out):
    """The open after a decision is the next row only where no session is missing."""
    gappy = [day for at, day in enumerate(SESSIONS[:8]) if at != left_out]

    with pytest.raises(ValueError, match=str(SESSIONS[left_out])):
        decision_rows(days(gappy), CALENDAR)


def test_no_sessions_no_decisions():
    """An empty panel has none."""
    assert decision_rows(days([]), CALENDAR).tolist() == []


@given(open_days=st.sets(st.integers(0, 48), min_size=1), length=st.integers(1, 40))
def test_decisions_are_those_that_the_daily_flow_trades_on(open_days, length):
    """For all calendars: a session decides exactly where the next one is a rebalance day, and no later session matters."""
    exchange = calendar(sorted(open_days), covered=56)
    sessions = exchange.sessions
    rows = decision_rows(days(sessions), exchange)

    wanted = [
        at
        for at in range(len(sessions))
        if at + 1 == len(sessions) or is_rebalance_day(exchange, SHIPPED, sessions[at + 1])
    ]
    assert rows.tolist() == wanted
    assert decision_rows(days(sessions[:length]), exchange).tolist() == [row for row in wanted if row < length]

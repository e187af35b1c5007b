"""What `load_calendar` gives of the New York Stock Exchange: the facts of the years, and agreement with its source."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import exchange_calendars
import pytest

from core.calendar import Calendar, as_of, is_rebalance_day, load_calendar, slot_of, window_of
from core.canonical import sha256_of
from core.settings_text import parse_policy

ROOT = Path(__file__).parents[2]
POLICY = parse_policy((ROOT / "config" / "policy.yml").read_text(encoding="utf-8"), "policy.yml")
FIRST, LAST = date(2016, 1, 1), date(2026, 12, 31)

HOLIDAYS = {
    *("2023-01-02", "2023-01-16", "2023-02-20", "2023-04-07", "2023-05-29"),
    *("2023-06-19", "2023-07-04", "2023-09-04", "2023-11-23", "2023-12-25"),
    *("2024-01-01", "2024-01-15", "2024-02-19", "2024-03-29", "2024-05-27"),
    *("2024-06-19", "2024-07-04", "2024-09-02", "2024-11-28", "2024-12-25"),
}


@pytest.fixture(scope="module")
def nyse() -> Calendar:
    """Give the calendar of eleven years, loaded once."""
    return load_calendar("XNYS", FIRST, LAST)


def days(first: date, last: date) -> list[date]:
    """Give all days from first to last, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def at(text: str) -> datetime:
    """Read an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_closed_weekdays_of_two_years_are_the_holidays(nyse):
    """Of the 522 weekdays of 2023 and 2024, twenty have no session."""
    weekdays = [day for day in days(date(2023, 1, 2), date(2024, 12, 31)) if day.weekday() < 5]

    assert len(weekdays) == 522
    assert {day.isoformat() for day in weekdays if not nyse.is_session(day)} == HOLIDAYS
    assert len(HOLIDAYS) == 20


def test_a_day_of_mourning_is_closed(nyse):
    """2018-12-05 and 2025-01-09 were closed by decision, not by rule."""
    assert not nyse.is_session(date(2018, 12, 5))
    assert not nyse.is_session(date(2025, 1, 9))
    assert nyse.previous_session(date(2025, 1, 10)) == date(2025, 1, 8)


@pytest.mark.parametrize(
    ("day", "close"),
    [
        ("2024-07-03", "2024-07-03T17:00"),
        ("2024-11-29", "2024-11-29T18:00"),
        ("2024-12-24", "2024-12-24T18:00"),
        ("2024-07-02", "2024-07-02T20:00"),
        ("2024-12-23", "2024-12-23T21:00"),
    ],
)
def test_half_days_close_at_one_in_new_york(nyse, day, close):
    """Early closes are seen, and are completed sessions from then on."""
    session = date.fromisoformat(day)

    assert nyse.close_of(session) == at(close)
    assert nyse.last_completed(at(close)) == session


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2024-01-16", "2024-01-16T14:35", "2024-01-16T15:30"),
        ("2024-03-13", "2024-03-13T13:35", "2024-03-13T14:30"),
        ("2024-04-03", "2024-04-03T13:35", "2024-04-03T14:30"),
        ("2024-10-30", "2024-10-30T13:35", "2024-10-30T14:30"),
        ("2024-11-04", "2024-11-04T14:35", "2024-11-04T15:30"),
        ("2024-07-03", "2024-07-03T13:35", "2024-07-03T14:30"),
        ("2024-11-29", "2024-11-29T14:35", "2024-11-29T15:30"),
    ],
)
def test_the_window_follows_new_yorks_clocks(nyse, day, opens, closes):
    """Also between the two changes of clocks, when London and New York are four hours apart, and on half days."""
    window = window_of(nyse, POLICY, date.fromisoformat(day))

    assert window is not None
    assert (window.opens_at, window.closes_at) == (at(opens), at(closes))


def test_between_the_changes_of_clocks_the_exchange_opens_at_half_past_one_in_london(nyse):
    """2024-03-13 opens at 13:30 in London, where 14:30 is usual."""
    london = ZoneInfo("Europe/London")

    assert nyse.open_of(date(2024, 3, 13)).astimezone(london).time() == time(13, 30)
    assert nyse.open_of(date(2024, 4, 3)).astimezone(london).time() == time(14, 30)


def test_every_window_lies_inside_its_session_after_its_slot(nyse):
    """For all sessions: decided before it opens, over before the exchange closes, half days included."""
    for session in nyse.sessions_between(date(2016, 1, 11), LAST):
        window, slot = window_of(nyse, POLICY, session), slot_of(POLICY, session)

        assert window is not None
        assert slot.at < nyse.open_of(session) < window.opens_at < window.closes_at <= nyse.close_of(session)
        assert as_of(nyse, slot).session == nyse.previous_session(session)


def test_every_open_week_has_one_rebalance_day(nyse):
    """Mondays but for holidays: 104 weeks of two years give 104 days, 16 of them no Monday."""
    chosen = [day for day in days(date(2023, 1, 2), date(2024, 12, 29)) if is_rebalance_day(nyse, POLICY, day)]

    assert len(chosen) == 104
    assert all(nyse.is_session(day) for day in chosen)
    assert {day.isoformat() for day in chosen if day.weekday() != 0} == {
        (date.fromisoformat(day) + timedelta(days=1)).isoformat()
        for day in HOLIDAYS
        if date.fromisoformat(day).weekday() == 0
    }


def test_agrees_with_its_source_on_every_day(nyse):
    """Day by day for eleven years: open or closed, and the instants of open and close."""
    source = exchange_calendars.get_calendar("XNYS", start=FIRST, end=LAST)

    assert [day for day in days(FIRST, LAST) if nyse.is_session(day)] == [one.date() for one in source.sessions]
    for session, opens, closes in zip(nyse.sessions, nyse.opens, nyse.closes, strict=True):
        assert opens == source.session_open(session.isoformat())
        assert closes == source.session_close(session.isoformat())


def test_the_range_that_is_asked_for_changes_nothing_inside(nyse):
    """A shorter load, one day, and a day without a session agree with the long one."""
    week = load_calendar("XNYS", date(2024, 7, 1), date(2024, 7, 7))
    closed = load_calendar("XNYS", date(2024, 7, 4), date(2024, 7, 4))

    assert week.sessions == nyse.sessions_between(date(2024, 7, 1), date(2024, 7, 7))
    assert week.closes == tuple(nyse.close_of(session) for session in week.sessions)
    assert (week.first, week.last) == (date(2024, 7, 1), date(2024, 7, 7))
    assert closed.sessions == ()
    assert not closed.is_session(date(2024, 7, 4))


def test_reaches_beyond_the_sources_own_default_end():
    """The source's default end is a year from the clock's day; ours is what was asked for."""
    assert load_calendar("XNYS", date(2039, 1, 1), date(2039, 12, 31)).is_session(date(2039, 12, 30))


@pytest.mark.parametrize(
    ("name", "first", "last", "message"),
    [
        ("XNYZ", FIRST, LAST, "calendar was 'XNYZ'; no exchange has that name"),
        ("XNYS", LAST, FIRST, "would end before it begins"),
        ("XNYS", date(1500, 1, 1), LAST, "1499"),
    ],
)
def test_what_cannot_be_loaded_is_refused(name, first, last, message):
    """An unknown exchange, days in the wrong order and days out of reach raise ValueError."""
    with pytest.raises(ValueError, match=message):
        load_calendar(name, first, last)


def test_importing_the_calendar_brings_no_calendar_library():
    """Its source and pandas are loaded with the first calendar, so that a server is ready at once."""
    ask = "import sys, core.calendar; sys.exit('pandas' in sys.modules or 'exchange_calendars' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", ask], cwd=ROOT, check=False).returncode == 0


def test_the_hash_of_a_run_of_sessions_is_that_of_their_canonical_form():
    """Put together row by row, it is what the whole would give; another close, another hash."""
    calendar = load_calendar("XNYS", date(2024, 6, 3), date(2024, 7, 5))
    rows = tuple(zip(calendar.sessions, calendar.opens, calendar.closes, strict=True))
    late = replace(calendar, closes=(*calendar.closes[:-1], calendar.closes[-1] + timedelta(minutes=1)))

    def whole(of) -> str:
        return sha256_of({"calendar": calendar.name, "timezone": calendar.timezone, "sessions": tuple(of)})

    assert calendar.hash_between(calendar.first, calendar.last) == whole(rows)
    assert calendar.hash_between(date(2024, 6, 8), date(2024, 6, 20)) == whole(rows[5:13])
    assert late.hash_between(calendar.first, calendar.last) != whole(rows)

"""The calendar: look-ups on a small calendar of our own, and the instants of a book's day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.calendar import (
    Calendar,
    as_of,
    calendar_from_json,
    calendar_to_json,
    confirm_by,
    expires_at,
    is_rebalance_day,
    is_run_day,
    last_run_day,
    slot_of,
    window_of,
)
from core.domain.slot import AsOf, Slot, Window
from core.settings_text import parse_policy

POLICY_TEXT = (Path(__file__).parents[2] / "config" / "policy.yml").read_text(encoding="utf-8")
POLICY = parse_policy(POLICY_TEXT, "policy.yml")
DAILY = parse_policy(POLICY_TEXT.replace("rebalance: weekly", "rebalance: daily"), "policy.yml")


def day(text: str) -> date:
    """Read a day of January 2024 from its number, or a whole date."""
    return date.fromisoformat(text) if "-" in text else date(2024, 1, int(text))


def at(text: str) -> datetime:
    """Read an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def calendar(*days: str, first: str = "1", last: str = "31") -> Calendar:
    """Make a calendar whose sessions run from 14:30 to 21:00 UTC."""
    sessions = tuple(day(text) for text in days)
    return Calendar(
        name="TEST",
        timezone="America/New_York",
        first=day(first),
        last=day(last),
        sessions=sessions,
        opens=tuple(datetime.combine(session, time(14, 30), UTC) for session in sessions),
        closes=tuple(datetime.combine(session, time(21), UTC) for session in sessions),
    )


# 2024-01-01 is a Monday. The week of the 8th is closed but for Thursday, that of the 15th altogether.
JANUARY = calendar("2", "3", "4", "5", "11", "22", "23", "24", "26", "29", "30")


def test_finds_the_sessions_around_a_day():
    """Before and after are strict, for sessions and for closed days alike."""
    assert JANUARY.is_session(day("11"))
    assert not JANUARY.is_session(day("12"))
    assert JANUARY.previous_session(day("11")) == day("5")
    assert JANUARY.previous_session(day("12")) == day("11")
    assert JANUARY.next_session(day("11")) == day("22")
    assert JANUARY.next_session(day("10")) == day("11")
    assert JANUARY.sessions_between(day("4"), day("11")) == (day("4"), day("5"), day("11"))
    assert JANUARY.sessions_between(day("12"), day("21")) == ()
    assert JANUARY.open_of(day("11")) == at("2024-01-11T14:30")
    assert JANUARY.close_of(day("11")) == at("2024-01-11T21:00")


@given(st.sets(st.integers(1, 31), min_size=1), st.integers(1, 31))
def test_finds_what_a_search_from_end_to_end_finds(numbers, number):
    """For all sets of sessions and all days, the fast look-up agrees with the plain one."""
    sessions = [date(2024, 1, one) for one in sorted(numbers)]
    known, asked = calendar(*map(str, sorted(numbers))), date(2024, 1, number)
    before, after = [one for one in sessions if one < asked], [one for one in sessions if one > asked]

    assert known.is_session(asked) == (asked in sessions)
    assert known.sessions_between(asked, day("31")) == tuple(one for one in sessions if one >= asked)
    if before:
        assert known.previous_session(asked) == before[-1]
    if after:
        assert known.next_session(asked) == after[0]


def test_a_session_is_completed_at_its_close_and_not_before():
    """A microsecond before the close, the session before is the last completed one."""
    close = JANUARY.close_of(day("4"))

    assert JANUARY.last_completed(close) == day("4")
    assert JANUARY.last_completed(close - timedelta(microseconds=1)) == day("3")
    assert JANUARY.last_completed(at("2024-01-21T12:00")) == day("11")


@pytest.mark.parametrize(
    ("number", "first"), [("2", "2"), ("7", "2"), ("8", "11"), ("14", "11"), ("15", None), ("28", "22")]
)
def test_a_week_runs_from_monday_to_sunday(number, first):
    """Its first session may be a Thursday, and a closed week has none."""
    assert JANUARY.first_session_of_week(day(number)) == (day(first) if first else None)


# Covered to Saturday the 27th, after its last session on the 26th.
SHORT = calendar("2", "3", "4", "5", "11", "22", "23", "24", "26", last="27")


def test_a_session_at_the_weekend_belongs_to_the_week_before_it():
    """Exchanges have opened on Saturdays: Monday begins the week, Sunday ends it."""
    known = calendar("6", "14")

    assert known.first_session_of_week(day("1")) == day("6")
    assert known.first_session_of_week(day("10")) == day("14")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: SHORT.is_session(date(2023, 12, 31)),
        lambda: SHORT.is_session(day("28")),
        lambda: SHORT.previous_session(date(2023, 12, 31)),
        lambda: SHORT.previous_session(day("2")),
        lambda: SHORT.previous_session(day("28")),
        lambda: SHORT.next_session(day("26")),
        lambda: SHORT.next_session(date(2023, 12, 31)),
        lambda: SHORT.sessions_between(date(2023, 12, 31), day("4")),
        lambda: SHORT.sessions_between(day("4"), day("28")),
        lambda: SHORT.last_completed(at("2024-01-28T12:00")),
        lambda: SHORT.last_completed(at("2024-01-02T20:59")),
        lambda: SHORT.first_session_of_week(day("29")),
        lambda: SHORT.open_of(day("1")),
        lambda: SHORT.close_of(day("1")),
        lambda: window_of(SHORT, POLICY, day("29")),
        lambda: is_rebalance_day(SHORT, DAILY, day("29")),
    ],
)
def test_what_is_not_known_is_refused_and_never_taken_for_closed(ask):
    """Beyond the cover, and where no session is known, the answer is an error that names the calendar."""
    with pytest.raises(ValueError, match="TEST"):
        ask()


def test_the_edges_of_the_cover_are_known():
    """The first and the last covered day can be asked for, to the last minute."""
    assert not SHORT.is_session(day("1"))
    assert not SHORT.is_session(day("27"))
    assert SHORT.next_session(day("1")) == day("2")
    assert SHORT.previous_session(day("27")) == day("26")
    # Midnight of the exchange's own clock ends the cover: five hours later in UTC.
    assert SHORT.last_completed(at("2024-01-28T04:59")) == day("26")


@pytest.mark.parametrize(
    "change",
    [
        {"sessions": JANUARY.sessions[:-1]},
        {"sessions": (day("3"), day("2"), *JANUARY.sessions[2:])},
        {"sessions": (day("2"), day("2"), *JANUARY.sessions[2:])},
        {"first": day("3")},
        {"last": day("29")},
        {"closes": JANUARY.opens},
        {"opens": tuple(instant.replace(tzinfo=None) for instant in JANUARY.opens)},
        {"closes": tuple(instant.replace(tzinfo=None) for instant in JANUARY.closes)},
    ],
)
def test_a_calendar_that_cannot_be_is_not_made(change):
    """Order, cover, lengths, time zone and length of the day are held when it is made."""
    with pytest.raises(ValueError, match=r"calendar TEST|session 2024"):
        replace(JANUARY, **change)


def test_a_calendar_survives_the_way_through_text():
    """What a shell kept is the same calendar, and the same text."""
    text = calendar_to_json(JANUARY)

    assert calendar_from_json(text) == JANUARY
    assert calendar_to_json(calendar_from_json(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"name":"TEST"}',
        calendar_to_json(JANUARY).replace("2024-01-03", "2024-01-33"),
        calendar_to_json(JANUARY).replace('"2024-01-02",', ""),
        calendar_to_json(JANUARY).replace(".000000Z", ".000000"),
        calendar_to_json(JANUARY).replace('"2024-01-02"', "1"),
    ],
)
def test_a_text_that_is_no_calendar_is_refused(text):
    """A kept file that was cut, changed or is another's never becomes a calendar."""
    with pytest.raises(ValueError, match=r".+"):
        calendar_from_json(text)


# --- the day of a book ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("session", "instant"),
    [
        ("2024-01-15", "2024-01-15T08:00"),
        ("2024-03-29", "2024-03-29T08:00"),
        ("2024-04-01", "2024-04-01T07:00"),
        ("2024-10-25", "2024-10-25T07:00"),
        ("2024-10-28", "2024-10-28T08:00"),
    ],
)
def test_a_slot_is_at_eight_in_london_summer_and_winter(session, instant):
    """The instant in UTC moves with London's clocks, also on days when the exchange is closed."""
    assert slot_of(POLICY, day(session)) == Slot("main", day(session), at(instant))


def test_a_weekend_has_no_slot():
    """Saturday and Sunday are no days of decision; a holiday on a weekday is one."""
    with pytest.raises(ValueError, match="2024-01-06 is a Saturday; the book main decides on weekdays"):
        slot_of(POLICY, day("6"))

    assert [number for number in range(1, 8) if is_run_day(POLICY, day(str(number)))] == [1, 2, 3, 4, 5]
    assert [last_run_day(POLICY, day(str(number))).day for number in range(1, 9)] == [1, 2, 3, 4, 5, 5, 5, 8]


def test_a_decision_in_the_morning_knows_yesterdays_session():
    """At eight the day's own session is still to come; after a closed stretch the last one is days old."""
    assert as_of(JANUARY, slot_of(POLICY, day("3"))) == AsOf(at("2024-01-03T08:00"), day("2"))
    assert as_of(JANUARY, slot_of(POLICY, day("22"))) == AsOf(at("2024-01-22T08:00"), day("11"))


def test_the_window_is_counted_from_the_exchanges_open():
    """Five minutes after the open it opens, sixty after it closes; a closed day has none."""
    assert window_of(JANUARY, POLICY, day("3")) == Window(day("3"), at("2024-01-03T14:35"), at("2024-01-03T15:30"))
    assert window_of(JANUARY, POLICY, day("1")) is None


def test_a_ticket_expires_with_its_window_or_with_the_run():
    """A day without a session ends when the run ends; the answer is due a day later."""
    assert expires_at(JANUARY, POLICY, day("3")) == at("2024-01-03T15:30")
    assert confirm_by(JANUARY, POLICY, day("3")) == at("2024-01-04T15:30")
    assert expires_at(JANUARY, POLICY, day("1")) == at("2024-01-01T09:00")
    assert confirm_by(JANUARY, POLICY, day("1")) == at("2024-01-02T09:00")


@pytest.mark.parametrize("until", ["08:30", "09:15"])
def test_the_end_of_the_run_moves_only_what_expires_without_a_session(until):
    """A closed day's HOLD ends with it; an open day's ticket and what it may know do not hang on it."""
    other = POLICY.model_copy(
        update={"schedule": POLICY.schedule.model_copy(update={"run_until": time.fromisoformat(until)})}
    )

    assert expires_at(JANUARY, other, day("1")) == at(f"2024-01-01T{until}")
    assert expires_at(JANUARY, other, day("3")) == expires_at(JANUARY, POLICY, day("3"))
    assert slot_of(other, day("3")) == slot_of(POLICY, day("3"))


def test_a_weekly_book_rebalances_on_the_first_session_of_the_week():
    """Monday when it is open, else the first day that is."""
    weekly = [number for number in range(1, 32) if is_rebalance_day(JANUARY, POLICY, day(str(number)))]

    assert weekly == [2, 11, 22, 29]


def test_a_daily_book_rebalances_on_every_session():
    """And on no other day."""
    daily = [number for number in range(1, 32) if is_rebalance_day(JANUARY, DAILY, day(str(number)))]

    assert daily == [session.day for session in JANUARY.sessions]

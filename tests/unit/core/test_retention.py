"""Retention at its edges: 7 days, 5 weeks, 12 months, and the newest one whatever happens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from core.retention import DAYS, MONTHS, WEEKS, expired

# A Sunday, the last day of an ISO week.
START = datetime(2024, 3, 31, 9, tzinfo=UTC)
ONE_DAY = timedelta(days=1)
INSTANTS = st.integers(-2_000_000, 2_000_000).map(lambda minutes: START + timedelta(minutes=minutes))


def daily(count: int, *, step: int = 1) -> dict[str, datetime]:
    """Give one backup each `step` days, the newest on START, named by its age."""
    return {f"{number * step:04}": START - number * step * ONE_DAY for number in range(count)}


def kept(backups: dict[str, datetime]) -> list[str]:
    """Name what is kept, newest first."""
    gone = expired(backups)
    return sorted((name for name in backups if name not in gone), key=lambda name: backups[name], reverse=True)


def test_two_years_of_days_leave_seven_days_five_weeks_and_twelve_months():
    """The newest of each: days 31 to 25 March, Sundays to 3 March, month ends to 30 April of the year before."""
    days = [START - number * ONE_DAY for number in range(7)]
    weeks = [START - number * 7 * ONE_DAY for number in range(5)]
    ends = [datetime(2024, month, 1, 9, tzinfo=UTC) - ONE_DAY for month in (4, 3, 2, 1)]
    ends += [datetime(2023, month, 1, 9, tzinfo=UTC) - ONE_DAY for month in range(12, 4, -1)]
    backups = daily(730)

    assert {backups[name] for name in kept(backups)} == {*days, *weeks, *ends}
    assert len(ends) == MONTHS


def test_the_eighth_day_goes_where_its_week_and_month_have_a_newer_one():
    """Seven days are all kept; of eight, Sunday to Sunday, the oldest is the newest of its own week and is kept too."""
    assert expired(daily(DAYS)) == ()
    assert expired(daily(DAYS + 1)) == ()
    assert expired(daily(DAYS + 2)) == ("0008",)


def test_one_a_week_keeps_seven_and_then_the_newest_of_each_month():
    """Days without a backup do not count: the seven newest are kept as days, beyond them only January's newest is."""
    backups = daily(10, step=7)

    assert WEEKS < len(kept(backups)) == DAYS + 1
    assert expired(backups) == ("0056", "0049")


def test_of_one_day_only_the_newest_is_kept():
    """And the last minute before midnight is another day than the first after it."""
    midnight = datetime(2024, 3, 28, tzinfo=UTC)
    backups = {
        "before": midnight - timedelta(microseconds=1),
        "first": midnight,
        "second": midnight + timedelta(hours=1),
    }

    assert expired(backups) == ("first",)


def test_a_day_is_a_day_of_utc():
    """An instant written with another offset belongs to the day that it is in UTC."""
    tokyo = timezone(timedelta(hours=9))
    backups = {
        "a": datetime(2024, 3, 28, 8, tzinfo=tokyo),
        "b": datetime(2024, 3, 27, 23, 30, tzinfo=UTC),
    }

    assert expired(backups) == ("a",)


def test_a_desk_that_rested_keeps_what_it_had():
    """Seven backups of a year ago and nothing since: none has expired, for no newer day took its place."""
    assert expired({name: at - 365 * ONE_DAY for name, at in daily(DAYS).items()}) == ()


def test_of_two_at_one_instant_the_later_name_is_kept():
    """Deterministic whatever order they come in."""
    assert expired({"b": START, "a": START}) == expired({"a": START, "b": START}) == ("a",)


def test_nothing_and_a_single_one_expire_nothing():
    """The newest is kept, however old."""
    assert expired({}) == expired({"only": datetime(1999, 1, 1, tzinfo=UTC)}) == ()


@given(st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=4), INSTANTS, max_size=60))
def test_the_newest_is_never_named_and_doing_it_again_names_nothing(backups):
    """For all sets: newest kept, at most 24 kept, order of entry without meaning, a second pass finds nothing."""
    gone = expired(backups)
    left = {name: at for name, at in backups.items() if name not in gone}

    assert expired(dict(reversed(backups.items()))) == gone
    assert list(gone) == sorted(gone, key=lambda name: (backups[name], name))
    assert len(left) <= DAYS + WEEKS + MONTHS
    assert expired(left) == ()
    if backups:
        assert max(backups, key=lambda name: (backups[name], name)) in left

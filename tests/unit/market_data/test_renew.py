"""Renewing: the years that changed files touch come out as the whole would, and where that cannot be known there is no plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from core.domain.bars import Basis, Parsed
from core.domain.panel import Panel
from core.market_data.clean import Cleaned, cleaned
from core.market_data.paid import Paid, paid_in
from core.market_data.renew import Plan, Renewing, planned, renewed
from core.market_data.series import pieces_of
from tests.unit.market_data.making import dividend, every_session, parsed, rules, universe

NAMES = universe("AAPL", "SPY")
DAYS = [date(2023, 12, 26) + timedelta(days=at) for at in range(14)]
# The calendar: each second day, so that there are days between sessions, and both years have some.
SESSIONS = DAYS[::2]
OLD = parsed(every_session("AAPL", "SPY", sessions=SESSIONS[:4]), file="main/a.parquet")
NEXT = parsed([("AAPL", SESSIONS[4], 11.0), ("SPY", SESSIONS[4], 12.0)], file="main/b.parquet")
ACTIONS = Parsed(
    actions=(dividend("AAPL", SESSIONS[4], "0.5"), dividend("SPY", DAYS[9], "0.5")), file="main/actions.csv"
)


def whole(files: Sequence[Parsed], sessions: Sequence[date] = SESSIONS, **changes: Any) -> Cleaned:
    """Clean files whole."""
    return cleaned(files, NAMES, rules(**changes), sessions=sessions)


def plan(
    before: Sequence[Parsed],
    now: Sequence[Parsed],
    changed: Sequence[Parsed],
    *,
    sessions: Sequence[date] = SESSIONS,
    paid: bool = False,
) -> Plan | None:
    """Plan what `changed`, all files that came or went, make of the panel of `before`; all files are read."""
    made = whole(before).made
    assert made is not None
    renewing, pieces = Renewing.of(NAMES, rules(), sessions, "XNYS"), pieces_of(now)
    told: Paid | None = paid_in(now, NAMES, renewing.chosen_from(pieces)) if paid else None
    touched = renewing.touched_by(piece for piece in pieces_of(changed) if piece is not None)
    return planned(renewing, made, pieces, touched=touched, paid=told)


def made_anew(made: Plan, before: Panel) -> Panel:
    """Give the years that were made anew."""
    cleaned_years, renewal = renewed(made, before)
    assert cleaned_years.gate.value is renewal.panel
    assert renewal.years == made.years
    return renewal.panel


def test_a_day_more_renews_its_year_alone():
    """What comes is that part of the whole, known since the same evening, with the same findings and counts."""
    before, now = [OLD, ACTIONS], [OLD, ACTIONS, NEXT]
    made = plan(before, now, [NEXT])

    assert made is not None
    part = made_anew(made, whole(before).gate.value)
    anew = whole(now)
    wanted = anew.gate.value.between(date(2024, 1, 1), None)
    assert made.years == {2024}
    assert part.between(date(2024, 1, 1), None).content_hash() == wanted.content_hash()
    assert made.findings == anew.gate.findings
    assert anew.made is not None
    assert (made.made.first, made.made.last) == (anew.made.first, anew.made.last)
    assert made.made.begins.tolist() == anew.made.begins.tolist()


def test_what_a_changed_file_no_longer_tells_is_gone():
    """A session that it told is left to the other files, or empty; its defects go with it."""
    bad = parsed([("AAPL", SESSIONS[1], 10.0, 9.0, 9.5, 10.0, 10.0, 1.0)], file="main/b.parquet")
    before, now = [OLD, bad], [OLD]
    made = plan(before, now, [bad])

    assert made is not None
    older = whole(before).gate.value
    assert [one.check for one in older.defects] == ["duplicate_date", "ohlc"]
    part = made_anew(made, older)
    wanted = whole(now).gate.value.between(None, date(2023, 12, 31))
    assert part.between(None, date(2023, 12, 31)).content_hash() == wanted.content_hash()
    assert part.defects == ()


def test_actions_told_otherwise_renew_the_years_of_their_days():
    """A dividend on a session, and one between two, which is a defect of the panel."""
    made = plan([OLD, NEXT], [OLD, NEXT, ACTIONS], [ACTIONS], paid=True)

    assert made is not None
    assert made.years == {2024}
    part = made_anew(made, whole([OLD, NEXT]).gate.value)
    wanted = whole([OLD, NEXT, ACTIONS]).gate.value.between(date(2024, 1, 1), None)
    assert part.dividends == wanted.dividends != ()
    assert part.defects == wanted.defects


def test_a_panel_that_goes_on_after_a_gap_gains_what_lies_in_the_gap():
    """A session without bars, and a dividend between two sessions, of the year before the one that is touched."""
    early = parsed(every_session("AAPL", "SPY", sessions=SESSIONS[:2]), file="main/a.parquet")
    late = parsed([("SPY", SESSIONS[3], 12.0)], file="main/b.parquet")
    paid = Parsed(actions=(dividend("SPY", DAYS[5], "0.5"),), file="main/actions.csv")
    made = plan([early, paid], [early, paid, late], [late])

    assert made is not None
    assert made.years == {2023, 2024}
    part = made_anew(made, whole([early, paid]).gate.value)
    wanted = whole([early, paid, late]).gate.value
    assert part.content_hash() == wanted.content_hash()
    assert wanted.sessions.tolist() == SESSIONS[:4]
    assert [one.session for one in part.defects] == [DAYS[5]]


STOOQ = parsed([("aapl.us", SESSIONS[1], 10.0)], provider="stooq", basis=Basis("total-return"), file="csv/aapl.csv")
VINTAGE = parsed([("SPY", SESSIONS[1], 10.0)], basis=Basis("split-adjusted", date(2020, 1, 1)), file="old/a.parquet")
NEWER = parsed([("SPY", SESSIONS[1], 10.0)], basis=Basis("split-adjusted", date(2027, 1, 1)), file="new/a.parquet")
FIRST_GONE = parsed([("AAPL", SESSIONS[0], -1.0)], file="main/b.parquet")
START = parsed(every_session("AAPL", "SPY", sessions=SESSIONS[:1]), file="main/start.parquet")
REST = parsed(every_session("AAPL", "SPY", sessions=SESSIONS[1:4]), file="main/rest.parquet")


@pytest.mark.parametrize(
    ("before", "now", "changed"),
    [
        pytest.param([OLD], [OLD, STOOQ], [STOOQ], id="another provider tells a column"),
        pytest.param([OLD], [OLD, VINTAGE], [VINTAGE], id="the provider told it as of an earlier day"),
        pytest.param([OLD], [OLD, NEWER], [NEWER], id="another series is chosen"),
        pytest.param([OLD], [], [OLD], id="nothing is left"),
        pytest.param([OLD], [OLD, FIRST_GONE], [FIRST_GONE], id="the first bar of a column is none any more"),
        pytest.param([START, REST], [REST], [START], id="the first session is told of no more"),
    ],
)
def test_there_is_no_plan_where_the_whole_must_be_looked_at(before, now, changed):
    """Something of days that no changed file tells of could come out otherwise."""
    assert plan(before, now, changed) is None


@pytest.mark.parametrize(
    "sessions",
    [
        pytest.param(SESSIONS[1:], id="begins later"),
        pytest.param([DAYS[0] - timedelta(days=2), *SESSIONS], id="begins earlier"),
        pytest.param([*SESSIONS[:2], *SESSIONS[3:]], id="lost a day"),
        pytest.param(DAYS, id="gained days between"),
        pytest.param([], id="is empty"),
    ],
)
def test_there_is_no_plan_on_another_calendar(sessions):
    """Which days are sessions decides of all bars."""
    assert plan([OLD], [OLD, NEXT], [NEXT], sessions=sessions) is None


def test_a_calendar_may_go_on():
    """Unless bars were left out because it had ended: now they count."""
    ended = SESSIONS[:3]
    made = whole([OLD], ended).made
    renewing = Renewing.of(NAMES, rules(), SESSIONS, "XNYS")
    nothing = np.empty(0, dtype=np.int64)

    assert made is not None
    assert sum(made.outside.values()) == 2
    assert planned(renewing, made, pieces_of([OLD]), touched=nothing, paid=None) is None
    longer = replace(made, outside={})
    assert planned(renewing, longer, pieces_of([OLD]), touched=nothing, paid=None) is not None


def test_a_set_with_a_second_provider_or_with_noted_evenings_is_not_renewed():
    """Of such a panel nothing is said to be renewable."""
    assert OLD.bars is not None
    noted = replace(OLD, bars=replace(OLD.bars, known_on=OLD.bars.session))

    assert whole([OLD]).is_renewable
    assert not whole([OLD, STOOQ]).is_renewable
    assert not whole([noted]).is_renewable

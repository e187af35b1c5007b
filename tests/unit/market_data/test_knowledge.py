"""Knowledge: what was known on any evening is what had been told by then, in the units of that evening."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.bars import Basis, Parsed
from core.domain.panel import Defect, Panel
from core.market_data.clean import clean_bars
from core.market_data.evening import Evening
from core.market_data.knowledge import as_known
from tests.unit.market_data.making import RAW, SESSIONS, SPLIT, flat, parsed, rules, universe

MON, TUE, WED, THU, FRI, NEXT = SESSIONS
NAN = float("nan")


def evening(day: date) -> datetime:
    """Give the instant from which what was told on a day's evening is known: 16:00 in New York and six hours."""
    return datetime.combine(day + timedelta(days=1), time(2), UTC)


def morning(day: date) -> datetime:
    """Give eight in the morning of a day."""
    return datetime.combine(day, time(8), UTC)


def told(rows, *, basis: Basis = RAW, **changes) -> Parsed:
    """Give rows of (evening, session, close) or (evening, session, close, adj_close) of AAA, as a point-in-time file."""
    bars = [("AAA", session, *(row[0],) * 4, row[-1], 1000.0) for _, session, *row in rows]
    one = parsed(bars, basis=basis, file="asof/members.parquet")
    assert one.bars is not None
    known_on = np.array([row[0] for row in rows], dtype="datetime64[D]")
    return replace(one, bars=replace(one.bars, known_on=known_on, **changes))


def clean(*files: Parsed) -> Panel:
    """Give the panel of some files."""
    return clean_bars(files, universe("AAA", "SPY"), rules(), sessions=SESSIONS).value


def closes(panel: Panel, field: str = "close") -> dict[date, float]:
    """Give what AAA has, by session."""
    values = getattr(panel, field)[:, 0].tolist()
    return {day: value for day, value in zip(panel.sessions.tolist(), values, strict=True) if value == value}


def test_a_bar_is_known_from_its_evening_on():
    """A second before it is not there; from then on it is."""
    panel = clean(told([(MON, MON, 10.0), (TUE, TUE, 11.0)]))

    before, after = as_known(panel, evening(TUE) - timedelta(seconds=1)), as_known(panel, evening(TUE))

    assert panel.knowledge == "recorded"
    assert closes(before) == {MON: 10.0}
    assert closes(after) == {MON: 10.0, TUE: 11.0}


def test_one_assumed_column_takes_nothing_from_what_was_recorded_of_another():
    """AAA's evenings were noted, SPY's were not: the panel as a whole is assumed, and AAA still is recorded."""
    assumed = parsed([flat("SPY", TUE, 500.0)], basis=RAW, file="funds/spy.csv")

    both, alone = clean(told([(TUE, TUE, 11.0)]), assumed), clean(assumed)

    assert (both.knowledge, both.recorded) == ("assumed", ("AAA",))
    assert [both.is_recorded(name) for name in ("AAA", "SPY", "ZZZ")] == [True, False, False]
    assert both.knowledge_words() == "recorded of 1 of 2 instruments"
    assert (alone.recorded, alone.knowledge_words()) == ((), "assumed")
    assert clean(told([(TUE, TUE, 11.0)])).knowledge_words() == "recorded"


def test_a_correction_changes_what_is_known_from_its_evening_on_and_is_marked_before():
    """Tuesday's word on Monday counts from Tuesday's evening; on Tuesday morning the first one did."""
    panel = clean(told([(MON, MON, 10.0), (TUE, MON, 10.5), (TUE, TUE, 11.0)]))

    before, after = as_known(panel, morning(TUE)), as_known(panel)

    assert closes(before) == {MON: 10.0}
    assert closes(after) == {MON: 10.5, TUE: 11.0}
    assert before.is_restated is not None
    assert before.is_restated[:, 0].tolist() == [True, False]
    assert after.is_restated is not None
    assert not after.is_restated.any()


def test_the_same_word_again_is_no_correction():
    """Told on two evenings alike, a bar is known since the first of them, and nothing is marked."""
    panel = clean(told([(MON, MON, 10.0), (TUE, MON, 10.0), (TUE, TUE, 11.0)]))

    assert panel.versions is None
    assert closes(as_known(panel, morning(TUE))) == {MON: 10.0}


def test_a_split_takes_the_days_before_into_the_new_units_and_leaves_raw_prices_as_traded():
    """7:1 effective on Thursday, announced on Wednesday's evening in adj_close; prices stay raw on both sides."""
    panel = clean(
        told(
            [
                (MON, MON, 700.0),
                (TUE, MON, 700.0),
                (TUE, TUE, 707.0),
                (WED, TUE, 707.0, 101.0),
                (WED, WED, 714.0, 102.0),
                (THU, WED, 714.0, 102.0),
                (THU, THU, 98.0),
            ]
        )
    )

    eve, day = as_known(panel, morning(WED)), as_known(panel, morning(FRI))

    assert closes(eve, "adj_close") == {MON: 700.0, TUE: 707.0}
    assert closes(day) == {MON: 700.0, TUE: 707.0, WED: 714.0, THU: 98.0}
    assert closes(day, "adj_close") == pytest.approx({MON: 100.0, TUE: 101.0, WED: 102.0, THU: 98.0})
    assert [(link.before, link.price) for link in panel.links] == [(TUE, 1.0)]


def test_a_telling_after_a_split_takes_split_adjusted_prices_and_volumes_before_it_along():
    """Some days each evening: the second telling is in units of after a 10:1 split, the first one's other days follow."""
    first = [(WED, MON, 1000.0), (WED, TUE, 1010.0), (WED, WED, 1020.0)]
    second = [(THU, TUE, 101.0), (THU, WED, 102.0), (THU, THU, 103.0)]
    panel = clean(told([*first, *second], basis=SPLIT))

    before, after = as_known(panel, evening(THU) - timedelta(seconds=1)), as_known(panel, evening(THU))

    assert closes(before) == {MON: 1000.0, TUE: 1010.0, WED: 1020.0}
    assert closes(after) == pytest.approx({MON: 100.0, TUE: 101.0, WED: 102.0, THU: 103.0})
    assert closes(after, "volume")[MON] == pytest.approx(10_000.0)


def test_where_trading_never_stops_a_day_ends_at_midnight_in_utc():
    """New York's day ends at 16:00 there; a coin's, and a currency's, when no price of the day can come any more."""
    days = np.array(["2024-07-04", "2024-07-06"], dtype="datetime64[D]")

    wanted = np.array(["2024-07-05T06", "2024-07-07T06"], dtype="datetime64[s]")
    assert Evening("24/7", 6).known_at(days).tolist() == wanted.tolist()
    assert Evening("24/5", 0).seconds(days[:1]).tolist() == [int(datetime(2024, 7, 5, tzinfo=UTC).timestamp())]


def test_one_wrong_close_is_a_correction_and_links_nothing():
    """The median over the repeated sessions counts: one of three that changed is that day's own matter."""
    first = [(THU, MON, 10.0), (THU, TUE, 11.0), (THU, WED, 12.0), (THU, THU, 13.0)]
    second = [(FRI, TUE, 11.0), (FRI, WED, 12.9), (FRI, THU, 13.0), (FRI, FRI, 14.0)]

    panel = clean(told([*first, *second], basis=SPLIT))

    assert panel.links == ()
    assert closes(as_known(panel)) == {MON: 10.0, TUE: 11.0, WED: 12.9, THU: 13.0, FRI: 14.0}


def test_what_was_wrong_with_a_version_is_no_defect_of_the_one_after_it():
    """A price of zero was not believed that evening and is nobody's defect once corrected; the other way, it is one."""
    cured = clean(told([(MON, MON, 0.0), (TUE, MON, 10.0), (TUE, TUE, 11.0)]))
    broken = clean(told([(MON, MON, 10.0), (TUE, MON, 0.0), (TUE, TUE, 11.0)]))

    assert cured.defects == ()
    assert closes(as_known(cured, morning(TUE))) == {}
    assert closes(as_known(cured)) == {MON: 10.0, TUE: 11.0}
    assert [defect.check for defect in broken.defects] == ["non_positive"]
    assert as_known(broken, morning(TUE)).defects == ()
    assert closes(as_known(broken, morning(TUE))) == {MON: 10.0}
    assert as_known(broken).defects == broken.defects


def test_a_row_on_no_session_is_told_with_its_day():
    """A Saturday's row is a defect from that day on."""
    saturday = FRI + timedelta(days=1)
    panel = clean(told([(MON, MON, 10.0), (saturday, saturday, 11.0), (NEXT, NEXT, 12.0)]))

    assert as_known(panel, morning(FRI)).defects == ()
    assert [one.check for one in as_known(panel, morning(NEXT)).defects] == ["non_session"]


def test_assumed_knowledge_masks_whole_sessions_and_tells_no_restatement():
    """Without recorded knowledge a session counts from its close and the lag on, for all instruments at once."""
    panel = clean(parsed([flat(name, day, 10.0) for name in ("AAA", "SPY") for day in SESSIONS]))

    known = as_known(panel, evening(TUE))

    assert list(closes(known)) == [MON, TUE]
    assert known.is_restated is None
    assert as_known(panel) is panel
    assert (
        as_known(replace(panel, known_at=None), evening(MON)).content_hash()
        == replace(panel, known_at=None).content_hash()
    )


def test_two_words_of_one_evening_are_a_duplicate_and_the_last_counts():
    """The same evening cannot have known both."""
    panel = clean(told([(MON, MON, 10.0), (MON, MON, 11.0), (TUE, TUE, 12.0)]))

    assert panel.defects == (Defect(MON, "AAA", "duplicate_date", panel.defects[0].detail),)
    assert closes(as_known(panel, morning(TUE))) == {MON: 11.0}


WORDS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from([10.0, 10.5, 11.0, 0.0])),
    max_size=14,
    unique_by=lambda word: word[:2],
)


@given(words=WORDS, asked=st.integers(0, 5))
def test_any_evening_sees_the_newest_word_told_by_then(words, asked):
    """For all orders of telling and all evenings, a plain replay of the words gives the same closes."""
    rows = [(SESSIONS[max(on, of)], SESSIONS[of], close) for on, of, close in words]
    rows = sorted({(on, of): (on, of, close) for on, of, close in rows}.values())
    said: dict[date, float] = {}
    for on, of, close in rows:
        if on <= SESSIONS[asked]:
            said[of] = close
    if not rows:
        return

    panel = as_known(clean(told(rows)), evening(SESSIONS[asked]))

    assert closes(panel) == {day: close for day, close in said.items() if close > 0}

"""Cleaning: one provider a column, one bar a session, and a word for everything that was wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.bars import Action, Basis, Fixing, Parsed
from core.domain.panel import Dividend, Split
from core.market_data.clean import clean_bars, clean_fixings
from core.market_data.evening import Evening
from tests.unit.market_data.making import (
    RAW,
    SESSIONS,
    SPLIT,
    dividend,
    every_session,
    fixing,
    flat,
    instrument,
    parsed,
    rules,
    universe,
)

SATURDAY = date(2024, 6, 8)
DAYS = "datetime64[D]"


def clean(*files, names=("AAPL", "SPY"), sessions=SESSIONS, **changes):
    """Clean files for a universe of a few names."""
    return clean_bars(files, universe(*names), rules(**changes), sessions=sessions)


def told(panel):
    """Give the defects as (check, instrument, session)."""
    return [(defect.check, defect.instrument, defect.session) for defect in panel.defects]


def test_gives_a_column_an_instrument_and_a_row_a_session():
    """An instrument without bars has a column of NaN, no basis and no provider; a session without bars has a row."""
    rows = [row for row in every_session("AAPL") if row[1] != SESSIONS[2]]

    panel = clean(parsed(rows)).value

    assert panel.instruments == ("AAPL", "SPY")
    assert panel.sessions.tolist() == list(SESSIONS)
    assert np.isnan(panel.close[:, 1]).all()
    assert (panel.provider, panel.basis) == (("yahoo", ""), (SPLIT, None))
    assert np.isnan(panel.close[2, 0])
    assert panel.defects == ()
    assert panel.knowledge == "assumed"


def test_puts_each_value_into_its_own_array():
    """Symbols are mapped through the universe, and what it does not list is left out."""
    rows = [("BRK-B", SESSIONS[0], 3.0, 4.0, 1.0, 2.0, 1.5, 700.0), flat("XYZ", SESSIONS[0], 9.0)]
    named = replace(universe("BRK.B"), instruments=(instrument("BRK.B", yahoo_symbol="BRK-B"),))

    panel = clean_bars([parsed(rows)], named, rules(), sessions=SESSIONS).value

    values = [
        array.tolist() for array in (panel.open, panel.high, panel.low, panel.close, panel.adj_close, panel.volume)
    ]
    assert values == [[[3.0]], [[4.0]], [[1.0]], [[2.0]], [[1.5]], [[700.0]]]


def test_a_column_comes_from_the_first_provider_that_holds_it():
    """Providers are never mixed in a column; the policy's order decides, whatever the order of the files."""
    yahoo = parsed([("AAPL", SESSIONS[0], 10.0)])
    stooq_basis = Basis("total-return", SESSIONS[-1])
    stooq = parsed(every_session("aapl.us", "spy.us", close=7.0), provider="stooq", basis=stooq_basis, file="csv/x.csv")

    first, second = clean(stooq, yahoo).value, clean(stooq, yahoo, source_order=("stooq", "yahoo")).value

    assert first.provider == ("yahoo", "stooq")
    assert first.basis == (SPLIT, stooq_basis)
    assert np.isnan(first.close[1:, 0]).all()
    assert second.provider == ("stooq", "stooq")
    assert (second.close == 7.0).all()


def test_split_adjusted_bars_go_before_raw_ones_of_the_same_provider():
    """SPY comes from the main set, QQQ from the only file that holds it; the choice is told."""
    main = parsed(every_session("SPY", close=5.0))
    benchmarks = parsed(every_session("QQQ", "SPY", close=6.0), basis=RAW, file="benchmarks/spy_qqq.csv")

    gate = clean(benchmarks, main, names=("QQQ", "SPY"))

    assert gate.value.basis == (RAW, SPLIT)
    assert gate.value.close[0].tolist() == [6.0, 5.0]
    assert [(finding.subject, finding.severity) for finding in gate.findings] == [("SPY", "note")]
    assert "main (split-adjusted as of 2026-03-13) is used, and not benchmarks (raw)" in gate.findings[0].message


def test_the_newest_as_of_day_wins_whole():
    """Two downloads of one symbol are never mixed row by row, even where only the older has a session."""
    older = parsed(
        every_session("aapl.us", close=40.0),
        provider="stooq",
        basis=Basis("total-return", SESSIONS[-2]),
        file="csv/aapl_us_d.downloaded-2019-05.csv",
    )
    newer = parsed(
        every_session("aapl.us", close=10.0, sessions=SESSIONS[1:]),
        provider="stooq",
        basis=Basis("total-return", SESSIONS[-1]),
        file="csv/aapl_us_d.downloaded-2025-09.csv",
    )

    for files in ((older, newer), (newer, older)):
        gate = clean(*files, names=("AAPL",))

        assert set(gate.value.close[:, 0].tolist()) == {10.0}
        assert gate.value.defects == ()
        assert "downloaded-2025-09.csv" in gate.findings[0].message.split("is used")[0]


def test_of_two_files_with_one_as_of_day_the_later_wins():
    """The later in the order of receiving and naming is the newer download."""
    files = [
        parsed(
            every_session("aapl.us", close=price),
            provider="stooq",
            basis=Basis("total-return", SESSIONS[-1]),
            file=file,
        )
        for price, file in ((1.0, "csv/a.csv"), (2.0, "csv/b.csv"))
    ]

    assert clean(*files, names=("AAPL",)).value.close[0, 0] == 2.0
    assert clean(*reversed(files), names=("AAPL",)).value.close[0, 0] == 1.0


def test_files_of_one_collection_complete_each_other():
    """Year files of one folder and basis are one series."""
    early = parsed(every_session("AAPL", sessions=SESSIONS[:3]), file="main/prices_2023.parquet")
    late = parsed(every_session("AAPL", sessions=SESSIONS[3:]), file="main/prices_2024.parquet")

    assert not np.isnan(clean(early, late, names=("AAPL",)).value.close).any()


def test_an_unknown_collection_is_as_of_its_last_bar():
    """The last bar counts even where it is of a symbol that the universe does not list."""
    unknown = Basis("split-adjusted")
    early = parsed(every_session("AAPL", sessions=SESSIONS[:3]), basis=unknown, file="mine/prices_1.parquet")
    late = parsed([("XYZ", SESSIONS[4], 1.0)], basis=unknown, file="mine/prices_2.parquet")

    assert clean(early, late, names=("AAPL",)).value.basis == (Basis("split-adjusted", SESSIONS[4]),)


def test_of_a_date_told_twice_the_last_row_counts():
    """A duplicate is a defect, identical or not; other dates are untouched."""
    rows = [*every_session("AAPL"), ("AAPL", SESSIONS[1], 11.0), ("SPY", SESSIONS[1], 5.0)]

    panel = clean(parsed(rows)).value

    assert told(panel) == [("duplicate_date", "AAPL", SESSIONS[1])]
    assert panel.close[:3, 0].tolist() == [10.0, 11.0, 10.0]
    assert told(clean(parsed([*every_session("AAPL"), ("AAPL", SESSIONS[1], 10.0)])).value) == told(panel)


@pytest.mark.parametrize(
    ("values", "check"),
    [
        ((10.0, 9.99, 9.0, 9.5, 9.5, 1.0), "ohlc"),
        ((10.0, 10.5, 9.6, 9.5, 9.5, 1.0), "ohlc"),
        ((10.0, 10.0, 9.5, 0.0, 9.5, 1.0), "non_positive"),
        ((10.0, 10.0, 9.5, 9.5, -1.0, 1.0), "non_positive"),
        ((10.0, 10.0, np.nan, 9.5, 9.5, 1.0), "missing_value"),
        ((10.0, np.inf, 9.5, 9.5, 9.5, 1.0), "missing_value"),
        ((10.0, 10.0, 9.5, 9.5, 9.5, -1.0), "impossible_volume"),
        ((10.0, 10.0, 9.5, 9.5, 9.5, np.inf), "impossible_volume"),
    ],
)
def test_a_bar_that_cannot_be_believed_becomes_nan(values, check):
    """It is not repaired, all of its values go, and the defect says what was told."""
    panel = clean(parsed([*every_session("SPY"), ("AAPL", SESSIONS[3], *values)])).value

    assert ("AAPL", SESSIONS[3]) in [(defect.instrument, defect.session) for defect in panel.defects]
    assert check in [defect.check for defect in panel.defects]
    assert np.isnan(
        [getattr(panel, name)[3, 0] for name in ("open", "high", "low", "close", "adj_close", "volume")]
    ).all()
    assert "open 10" in panel.defects[0].detail


def test_a_bar_at_the_edge_is_sound():
    """Open at the high, close at the low, no volume: a flat stale bar, and a bar without volume, are bars."""
    rows = [("AAPL", SESSIONS[0], 10.0, 10.0, 9.0, 9.0, 8.0, 0.0), ("AAPL", SESSIONS[1], *[9.0] * 5, np.nan)]

    panel = clean(parsed(rows), names=("AAPL",)).value

    assert panel.defects == ()
    assert panel.close[:, 0].tolist() == [9.0, 9.0]


def test_a_row_on_no_session_is_left_out():
    """A Saturday's bar is a defect and no row of the panel."""
    panel = clean(parsed([*every_session("AAPL"), ("AAPL", SATURDAY, 10.0)])).value

    assert told(panel) == [("non_session", "AAPL", SATURDAY)]
    assert panel.sessions.tolist() == list(SESSIONS)


def test_bars_outside_the_calendar_are_noted_and_no_defects():
    """A history longer than the calendar is cut, in one note."""
    gate = clean(parsed(every_session("AAPL")), sessions=SESSIONS[2:4])

    assert gate.value.sessions.tolist() == list(SESSIONS[2:4])
    assert gate.value.defects == ()
    assert [finding.message for finding in gate.findings] == [
        "4 bars before or after 2024-06-05 to 2024-06-06 are left out"
    ]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ((), "nobody"),
        ((parsed(every_session("XYZ")),), "nobody"),
        ((parsed(every_session("AAPL"), provider="synthetic"),), "synthetic"),
    ],
)
def test_no_usable_bar_closes_the_gate(files, words):
    """Nothing to clean is said with who does hold bars; an empty panel is never given."""
    gate = clean(*files)

    assert not gate.is_open
    assert words in gate.findings[0].message


def test_synthetic_bars_never_stand_beside_real_ones():
    """A policy that would fill a gap with made-up bars is refused."""
    real, made_up = (
        parsed(every_session("AAPL")),
        parsed(every_session("SPY"), provider="synthetic", file="s/p.parquet"),
    )

    assert not clean(real, made_up, source_order=("yahoo", "synthetic")).is_open
    assert clean(made_up, source_order=("yahoo", "synthetic")).value.is_synthetic


def test_dividends_come_from_the_collection_of_the_bars():
    """Those of another collection may be in other units: they are left out, and it is noted."""
    bars = parsed(every_session("AAPL"))
    here = Parsed(actions=(dividend("AAPL", SESSIONS[2], "0.50"), dividend("XYZ", SESSIONS[2], "9")), file="main/a.csv")
    there = Parsed(actions=(dividend("AAPL", SESSIONS[3], "20"),), file="vintage/a.csv")

    gate = clean(bars, here, there)

    assert gate.value.dividends == (Dividend(SESSIONS[2], "AAPL", Decimal("0.50")),)
    assert [finding.subject for finding in gate.findings] == ["dividends"]


def test_total_return_bars_have_no_dividends():
    """They are in the prices already: posted again they would count twice."""
    bars = parsed(every_session("aapl.us"), provider="stooq", basis=Basis("total-return", SESSIONS[-1]), file="main")
    actions = Parsed(actions=(dividend("aapl.us", SESSIONS[2], "0.5", provider="stooq"),), file="main/a.csv")

    assert clean(bars, actions).value.dividends == ()


def test_dividends_are_of_the_provider_of_the_bars():
    """Another provider's word for the same instrument, in the same folder, does not count."""
    bars = parsed(every_session("aapl.us"), provider="stooq", basis=RAW, file="main/x.csv")
    others = parsed(every_session("AAPL", "SPY"), file="main/prices_2024.parquet")
    actions = Parsed(
        actions=(dividend("AAPL", SESSIONS[2], "0.5"), dividend("SPY", SESSIONS[2], "1")), file="main/a.csv"
    )

    panel = clean(bars, others, actions, source_order=("stooq", "yahoo")).value

    assert [one.instrument for one in panel.dividends] == ["SPY"]


def test_two_dividends_of_a_day_add_up_and_a_later_file_replaces_them():
    """A regular and a special dividend stand in one file; the next download tells the whole day again."""
    bars = parsed(every_session("AAPL"))
    twice = Parsed(
        actions=(dividend("AAPL", SESSIONS[2], "0.5"), dividend("AAPL", SESSIONS[2], "2")), file="main/a.csv"
    )
    again = Parsed(actions=(dividend("AAPL", SESSIONS[2], "2.6"),), file="main/b.csv")

    assert [one.amount for one in clean(bars, twice).value.dividends] == [Decimal("2.5")]
    assert [one.amount for one in clean(bars, twice, again).value.dividends] == [Decimal("2.6")]


def test_a_dividend_between_two_sessions_is_a_defect():
    """It would never be posted; one before the first bar is nobody's concern."""
    actions = (dividend("AAPL", SATURDAY, "0.5"), dividend("AAPL", date(2024, 1, 2), "0.5"))

    panel = clean(parsed(every_session("AAPL")), Parsed(actions=actions, file="main/a.csv")).value

    assert panel.dividends == ()
    assert told(panel) == [("non_session", "AAPL", SATURDAY)]


def test_knows_a_bar_at_the_close_plus_the_lag_in_summer_and_winter():
    """16:00 in New York is 20:00 UTC in summer and 21:00 UTC in winter."""
    days = np.array([date(2024, 1, 5), date(2024, 6, 3)], dtype=DAYS)

    assert (
        Evening("XNYS", 0).known_at(days).tolist()
        == np.array(["2024-01-05T21:00", "2024-06-03T20:00"], "datetime64[s]").tolist()
    )
    assert (Evening("XNYS", 6).known_at(days) - Evening("XNYS", 0).known_at(days)).astype(int).tolist() == [
        6 * 3600
    ] * 2
    assert (
        clean(parsed(every_session("AAPL"))).value.known_at.tolist()
        == Evening("XNYS", rules().assumed_lag_hours).known_at(np.array(SESSIONS, dtype=DAYS)).tolist()
    )


def test_fixings_stand_once_and_oldest_first():
    """The newest file's word counts; other currencies and a synthetic market's rates stay out."""
    first = Parsed(fixings=(fixing(SESSIONS[1], "USD", "1.1"), fixing(SESSIONS[0], "USD", "1.2")))
    second = Parsed(fixings=(fixing(SESSIONS[1], "USD", "1.3"), fixing(SESSIONS[1], "JPY", "170")))
    made_up = Parsed(fixings=(Fixing(SESSIONS[1], "USD", Decimal("9"), "synthetic"),))

    fixings = clean_fixings([first, second, made_up], {"USD"}, is_synthetic=False)

    assert fixings == (fixing(SESSIONS[0], "USD", "1.2"), fixing(SESSIONS[1], "USD", "1.3"))
    assert clean_fixings([first, made_up], {"USD"}, is_synthetic=True) == made_up.fixings


@given(st.permutations(every_session("AAPL", "SPY")), st.integers(0, 12))
def test_the_order_of_rows_and_of_files_in_a_collection_does_not_matter(rows, cut):
    """For all orders of sound rows, told in one file or two, the panel is the same."""
    whole = clean(parsed(every_session("AAPL", "SPY"))).value

    shuffled = clean(parsed(rows[:cut], file="main/1"), parsed(rows[cut:], file="main/2")).value

    assert shuffled.content_hash() == whole.content_hash()


@given(st.lists(st.tuples(st.sampled_from(["AAPL", "SPY"]), st.integers(0, 9), st.floats(-2, 20)), min_size=1))
def test_nothing_is_lost_without_a_word(rows):
    """For all rows: each is in the panel, or is the subject of a defect, or stands on a date of which a later row counts."""
    dated = [(symbol, SESSIONS[0] + timedelta(days=offset), close) for symbol, offset, close in rows]

    gate = clean(parsed(dated), sessions=[*SESSIONS, SESSIONS[0] + timedelta(days=20)])

    panel = gate.value if gate.is_open else None
    if panel is None:
        assert all(day not in SESSIONS for _, day, _ in dated)
        return
    accused = {(defect.instrument, defect.session) for defect in panel.defects}
    for symbol, day, close in dated:
        row = panel.row(day)
        is_kept = row is not None and panel.close[row, panel.column(symbol)] == close
        assert is_kept or (symbol, day) in accused


def test_splits_of_raw_bars_are_told_and_a_spin_off_is_a_finding():
    """On adjusted bars a split is in the prices already; a ratio of 1.281 multiplies no units anywhere."""
    told = [Action("yahoo", "AAPL", SESSIONS[at], Decimal(0), Decimal(ratio)) for at, ratio in ((1, "7"), (2, "1.281"))]
    actions = Parsed(actions=tuple(told), file="main/actions.csv")
    rows = every_session("AAPL", "SPY")

    raw = clean(parsed(rows, basis=RAW), actions)
    adjusted = clean(parsed(rows), actions)

    assert raw.value.splits == (Split(SESSIONS[1], "AAPL", Decimal(7)),)
    assert [(one.subject, "1.281" in one.message) for one in raw.findings] == [("AAPL", True)]
    assert (adjusted.value.splits, adjusted.findings) == ((), ())

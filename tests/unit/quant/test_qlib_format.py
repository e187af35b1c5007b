"""Qlib's format: what is written is the panel, where it stands is where Qlib looks, and no name is lost on the way."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.instrument import Period
from core.quant.qlib_format import (
    FIELDS,
    Span,
    feature_bytes,
    member_spans,
    qlib_columns,
    qlib_files,
    qlib_folder,
    qlib_name,
    spans_of,
)
from tests.unit.market_data import making
from tests.unit.market_data.making import SESSIONS, instrument
from tests.unit.quant.qlib_reading import calendar_of, list_of, series_of

NAN = np.nan
DAYS = [str(day) for day in SESSIONS]


def panel_of(*names, close, adj_close=None, **changes):
    """Give a panel of some closes, a row a session, whose other prices lie around them."""
    close = np.array(close, dtype=np.float64).reshape(len(SESSIONS), len(names))
    adjusted = close if adj_close is None else np.array(adj_close, dtype=np.float64).reshape(close.shape)
    whole = replace(
        making.panel(names),
        open=close - 1,
        high=close + 2,
        low=close - 2,
        close=close,
        adj_close=adjusted,
        volume=np.where(np.isnan(close), NAN, 1000.0),
    )
    return replace(whole, **changes)


def files_of(panel, **lists):
    """Give the files of a panel by their paths."""
    return dict(qlib_files(panel, lists))


def test_writes_the_start_index_first_and_then_the_values_as_small_floats():
    """Byte for byte: the place of the first bar in the calendar, then four bytes a session, little-endian."""
    files = files_of(panel_of("AAA", close=[NAN, NAN, 10, NAN, 12, NAN]))

    assert files["features/aaa/close.day.bin"][:8] == b"\x00\x00\x00\x40\x00\x00\x20\x41"
    assert len(files["features/aaa/close.day.bin"]) == 4 + 3 * 4
    assert series_of(files, "aaa", "close") == {DAYS[2]: 10.0, DAYS[4]: 12.0}


def test_adjusts_prices_for_dividends_and_volume_the_other_way():
    """A factor of 0.5: prices are halved, volume doubled, and both give the told number back with the factor."""
    files = files_of(panel_of("AAA", close=[10, 10, 10, 10, 10, 10], adj_close=[5, 5, 5, 10, 10, 10]))

    day = DAYS[0]
    told = {field: series_of(files, "aaa", field)[day] for field in FIELDS if field != "change"}

    assert told == {"open": 4.5, "high": 6.0, "low": 4.0, "close": 5.0, "volume": 2000.0, "factor": 0.5}
    assert series_of(files, "aaa", "factor")[DAYS[3]] == 1.0


def test_measures_a_change_from_the_last_bar_before_it():
    """Over a gap too; the first bar changed from nothing, and where there is no bar there is no change."""
    files = files_of(panel_of("AAA", close=[NAN, 10, NAN, NAN, 15, 12], adj_close=[NAN, 5, NAN, NAN, 15, 12]))

    assert series_of(files, "aaa", "change") == {DAYS[4]: 2.0, DAYS[5]: pytest.approx(-0.2)}


@pytest.mark.parametrize(
    ("close", "adj_close"), [(NAN, 10), (10, NAN), (0, 10), (0, 0), (10, 0), (10, np.inf)], ids=str
)
def test_takes_what_has_no_adjusted_close_for_no_bar(close, adj_close):
    """No field has a value, and the list does not begin there."""
    panel = panel_of("AAA", close=[close, 10, 10, 10, 10, 10], adj_close=[adj_close, 10, 10, 10, 10, 10])

    assert all(np.isnan(column[0, 0]) for column in qlib_columns(panel).values())
    assert spans_of(panel) == (Span("AAA", SESSIONS[1], SESSIONS[-1]),)


def test_keeps_a_session_on_which_nothing_traded():
    """It stays in the calendar, or every index behind it would be wrong."""
    files = files_of(panel_of("AAA", "BBB", close=[[1, 2], [1, 2], [NAN, NAN], [1, 2], [1, NAN], [1, NAN]]))

    assert calendar_of(files) == DAYS
    assert list_of(files, "all") == [("AAA", DAYS[0], DAYS[5]), ("BBB", DAYS[0], DAYS[3])]
    assert DAYS[2] not in series_of(files, "bbb", "close")


def test_leaves_out_what_has_no_bar():
    """Qlib would find an empty file."""
    files = files_of(panel_of("AAA", "BBB", close=[[1, NAN]] * 6))

    assert [who for who, *_ in list_of(files, "all")] == ["AAA"]
    assert not any("bbb" in path for path in files)


def test_writes_a_line_a_period_and_no_list_without_a_line():
    """Who left and came back has two lines; a list that Qlib could not read is no file."""
    twice = (Period(date(2024, 6, 1), SESSIONS[1]), Period(date(2024, 6, 8), None))
    spans = member_spans([instrument("AAA", valid_from=SESSIONS[2]), replace(instrument("BBB"), periods=twice)], days())

    files = files_of(panel_of("AAA", "BBB", close=[[1, 2]] * 6), universe=spans, nobody=())

    assert list_of(files, "universe") == [
        ("AAA", DAYS[2], DAYS[5]),
        ("BBB", DAYS[0], DAYS[1]),
        ("BBB", DAYS[5], DAYS[5]),
    ]
    assert "instruments/nobody.txt" not in files


def test_counts_nobody_in_a_period_without_a_session():
    """A weekend, and what lies outside the calendar on either side."""
    between = Period(date(2024, 6, 8), date(2024, 6, 9))
    before, after = Period(date(2020, 1, 1), date(2020, 2, 1)), Period(date(2030, 1, 1))

    assert member_spans([replace(instrument("AAA"), periods=(before, between, after))], days()) == ()


@given(start=st.integers(0, 2**24), values=st.lists(st.floats(width=32, allow_infinity=False), min_size=1, max_size=9))
def test_every_small_float_comes_back(start, values):
    """Nothing is rounded that is a small float already, NaN included."""
    told = [one for (one,) in struct.iter_unpack("<f", feature_bytes(np.array(values), start))]

    assert told[0] == start
    assert np.array_equal(told[1:], values, equal_nan=True)


@pytest.mark.parametrize(
    ("instrument_id", "name", "folder"),
    [
        ("AAPL", "AAPL", "aapl"),
        ("BRK-B", "BRK-B", "brk-b"),
        ("BF.B", "BF.B", "bf.b"),
        ("NA", "NA_", "na_"),
        ("NULL", "NULL_", "null_"),
        ("NAN", "NAN", "nan"),
        ("CON", "CON", "_qlib_con"),
        ("COM1", "COM1", "_qlib_com1"),
        ("COM", "COM", "com"),
        ("LPT9", "LPT9", "_qlib_lpt9"),
        ("TRUE", "TRUE", "true"),
    ],
)
def test_names_what_qlib_reads_in_its_own_way(instrument_id, name, folder):
    """A list takes NA for nothing, and a folder may not have the name of a device; points and dashes are harmless."""
    assert (qlib_name(instrument_id), qlib_folder(qlib_name(instrument_id))) == (name, folder)


@pytest.mark.parametrize("name", ["", "A B", "A\tB", "A/B", "..", "-A", "_qlib_con", "Ä", 'A"'])
def test_refuses_a_name_that_would_be_read_otherwise(name):
    """It names it and says what a name is."""
    with pytest.raises(ValueError, match="a name is letters and digits"):
        files_of(panel_of(name, close=[1] * 6))


def test_refuses_two_names_that_share_a_folder():
    """On any machine, also where case counts: Qlib writes folders small."""
    with pytest.raises(ValueError, match="Abc and aBC differ only in case"):
        files_of(panel_of("Abc", "aBC", close=[[1, 2]] * 6))


def days():
    """Give the sessions as an array."""
    return np.array(SESSIONS, dtype="datetime64[D]")

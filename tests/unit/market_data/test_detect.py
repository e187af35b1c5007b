"""Detection: formulas that tell faults from news, at their edges, and on recorded ratios."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.market_data.detect import (
    SPLIT_RATIOS,
    Vintage,
    between_bars,
    changes,
    count_within,
    digits_beyond,
    disagreements,
    is_slip,
    longer_runs,
    market_move,
    near_split,
    restatement_of,
    small_rational,
    usual,
)

NAN = np.nan


def days(count: int, first: date = date(2024, 1, 1)) -> np.ndarray:
    """Give so many days in a row."""
    return np.array([first + timedelta(days=number) for number in range(count)], dtype="datetime64[D]")


def column(*values: float) -> np.ndarray:
    """Give one instrument's values."""
    return np.array(values, dtype=np.float64)[:, None]


@pytest.mark.parametrize(
    ("ratio", "split"),
    [
        (7.0, Fraction(7)),
        (50.0, Fraction(50)),
        (0.125, Fraction(1, 8)),
        (1.5, Fraction(3, 2)),
        (1.3333, Fraction(4, 3)),
        (1.25, Fraction(5, 4)),
        (0.2, Fraction(1, 5)),
    ],
)
def test_splits_are_small_rationals(ratio, split):
    """Whole, reverse and mixed ones, as exactly as providers tell them."""
    assert small_rational(ratio) == split


@pytest.mark.parametrize("ratio", [1.281, 1.196, 1.046, 1.054, 1.324, 1.973, 0.4725, 2.39, 1.0, 0.0, -2.0, 101.0, NAN])
def test_spin_offs_are_none(ratio):
    """GE 1.281, MMM 1.196, IBM 1.046 and others that Yahoo lists as splits; nor is what never happened."""
    assert small_rational(ratio) is None


@given(st.sampled_from(SPLIT_RATIOS), st.floats(-0.9e-4, 0.9e-4))
def test_a_split_is_itself_within_the_tolerance(split, off):
    """For all splits: rounding to four digits does not change which one it is."""
    assert small_rational(float(split) * (1 + off)) == split


def test_a_jump_is_near_a_usual_split_or_none():
    """With a move of the session in it; 7:5 is nothing that a company does."""
    assert near_split(7.3) == 7
    assert near_split(1 / 9.7) == Fraction(1, 10)
    assert near_split(1.55) == Fraction(3, 2)
    assert near_split(1.7) is None
    assert near_split(1.25) is None


def test_changes_are_logs_and_nothing_across_a_gap():
    """The first session, a missing bar and a price of zero have none."""
    moved = changes(column(10, 20, NAN, 20, 10, 0, 10))

    assert moved[:, 0] == pytest.approx([NAN, np.log(2), NAN, NAN, -np.log(2), NAN, NAN], nan_ok=True)


def test_the_market_is_the_median_of_ten_or_more():
    """Nine make no market."""
    ten = np.tile(np.arange(10.0), (3, 1))
    nine = np.where(ten == 0, NAN, ten)

    assert market_move(ten, np.array([0, 2])).tolist() == [4.0, 4.0]
    assert market_move(nine, np.array([1])).tolist() == [0.0]


def test_what_is_usual_is_the_median_before():
    """Of at most so many sessions, the session itself left out; four are too few."""
    values = column(1, 2, 3, 4, 100, 6, 1000)
    rows = np.array([6, 5, 4])

    assert usual(values, rows, np.zeros(3, dtype=np.int64), length=5).tolist()[:2] == [4.0, 3.0]
    assert np.isnan(usual(values, rows, np.zeros(3, dtype=np.int64), length=5)[2])


def test_runs_and_counts_go_down_each_column():
    """A run ends where something is not so; a count looks back over a few sessions."""
    marks = np.array([[True, False], [True, True], [False, True], [True, True]])

    assert longer_runs(marks, 1).T.tolist() == [[False, True, False, False], [False, False, True, True]]
    assert longer_runs(marks, 2).T.tolist() == [[False] * 4, [False, False, False, True]]
    assert np.array_equal(longer_runs(marks, 0), marks)
    assert not longer_runs(marks, 9).any()
    assert count_within(marks, 2).T.tolist() == [[1, 2, 1, 1], [0, 1, 2, 2]]
    assert count_within(marks, 9)[-1].tolist() == [3, 3]


def test_between_bars_are_only_the_gaps_inside():
    """Before a listing and after an end nothing is missing."""
    has_bar = np.array([[False], [True], [False], [False], [True], [False]])

    assert between_bars(has_bar)[:, 0].tolist() == [False, False, True, True, False, False]


@pytest.mark.parametrize(
    ("factor", "found"), [(100.0, True), (0.01, True), (120.0, True), (50.0, False), (200.0, False)]
)
def test_a_slip_is_a_factor_of_about_a_hundred(factor, found):
    """50:1 is a split of 2024 (CMG), and no slip."""
    assert is_slip(np.array([np.log(factor)])).tolist() == [found]


def test_digits_beyond_a_source_are_the_noise_of_binary_numbers():
    """What float32 makes of 120.888 has more than seven digits; the decimals themselves have not."""
    prices = np.array([120.888, 1209.1, 0.012345, 99999.99, 1000.0, NAN, 0.0])
    noisy = prices.astype(np.float32).astype(np.float64)

    assert not digits_beyond(prices, 7).any()
    assert digits_beyond(noisy, 7).tolist() == [True, True, True, True, False, False, False]
    assert digits_beyond(np.array([0.1 + 0.2]), 7).tolist() == [False]
    assert digits_beyond(np.array([12.3456789]), 7).tolist() == [True]
    columns = np.array([[12.3456789, 12.34567], [13.34567, 99999.994], [99.99999, 1.2345678]])
    assert digits_beyond(columns, 7).tolist() == [[True, False], [False, True], [False, True]]


# --- another source ---------------------------------------------------------------------------------------------------

OURS = np.array([100.0 + number % 7 for number in range(40)])


@pytest.mark.parametrize(("off", "found"), [(1.02, [20]), (0.98, [20]), (1.0095, []), (1.0, [])])
def test_a_close_beyond_the_limit_disagrees(off, found):
    """One percent allowed: the 0.94 % that sound providers were apart is none."""
    theirs = OURS.copy()
    theirs[20] *= off

    assert np.flatnonzero(disagreements(OURS, theirs, limit=0.01)).tolist() == found


def test_other_units_are_no_disagreement_nor_is_a_split_of_one_of_them():
    """Four times as much throughout, and twice as much before a split; what one of them lacks is not compared."""
    theirs = OURS * np.where(np.arange(40) < 15, 8.0, 4.0)
    theirs[3] = NAN
    theirs[30] *= 1.05

    assert np.flatnonzero(disagreements(OURS, theirs, limit=0.01)).tolist() == [30]
    assert not disagreements(OURS, np.full(40, NAN), limit=0.01).any()
    assert disagreements(np.empty(0), np.empty(0), limit=0.01).tolist() == []


# --- another telling of the same --------------------------------------------------------------------------------------


def vintage(closes: np.ndarray, first: date = date(2024, 1, 1)) -> Vintage:
    """Give a series of closes that begins on a day."""
    return Vintage(days(len(closes), first), closes)


def test_a_restated_past_is_told_with_its_ratio():
    """Old closes over new ones, on the sessions that both have."""
    told = restatement_of(vintage(OURS * 40), vintage(OURS[5:], date(2024, 1, 6)))

    assert told is not None
    assert told.ratio == pytest.approx(40.0)
    assert (told.sessions, told.others, told.is_split) == (35, 0, True)
    assert str(told) == "restated by x40 from 2024-01-06 to 2024-02-09 (35 sessions)"


@pytest.mark.parametrize(("ratio", "words"), [(1.196, "x1.196"), (0.20131, "x0.2013"), (1.0462, "x1.046")])
def test_a_spin_off_restates_by_no_split(ratio, words):
    """MMM, GE and IBM between 2019 and 2026: the factor is told as it is."""
    told = restatement_of(vintage(OURS * ratio), vintage(OURS))

    assert told is not None
    assert not told.is_split
    assert f"restated by {words} from" in str(told)


def test_the_same_told_twice_is_no_restatement():
    """Nor is rounding, nor two tellings without a common session."""
    assert restatement_of(vintage(OURS), vintage(np.round(OURS * 1.00005, 4))) is None
    assert restatement_of(vintage(OURS), vintage(OURS, date(2025, 1, 1))) is None
    assert restatement_of(vintage(np.full(3, NAN)), vintage(OURS)) is None


def test_a_restated_part_is_told_from_its_first_to_its_last_session():
    """A split in between moves what came before it; a single other bar is counted apart."""
    after = OURS.copy()
    after[:10] /= 2
    after[4] *= 1.01

    told = restatement_of(vintage(OURS), vintage(after))

    assert str(told) == "restated by x2 from 2024-01-01 to 2024-01-10 (10 sessions); 1 of them by another factor"

"""Labels: values by hand, what is missing, and properties for all panels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as shaped

from core.quant.labels import Openings, forward_returns, openings_of, rank_labels
from tests.unit.making import panel

NAN = float("nan")
ROWS = np.array([1, 4, 7])
prices = shaped.arrays(np.float64, (12, 4), elements=st.floats(1, 1000))
ranked = shaped.arrays(np.float64, (3, 6), elements=st.sampled_from([NAN, -0.2, -0.1, 0.0, 0.1, 0.3]))


def openings(opens, benchmark=None):
    """Make openings with a benchmark that does not move."""
    return Openings(np.array(opens), np.ones(len(opens)) if benchmark is None else np.array(benchmark))


def test_a_label_runs_from_open_to_open_less_the_benchmark():
    """By hand: 10 at the open after the first decision, 12 after the next: 20 %, of which the benchmark made 5."""
    opens = [[NAN], [99.0], [10.0], [99.0], [99.0], [12.0], [99.0], [99.0], [9.0]]
    market = [1.0, 1.0, 100.0, 1.0, 1.0, 105.0, 1.0, 1.0, 105.0]

    returns = forward_returns(openings(opens, market), ROWS)

    assert returns[:, 0] == pytest.approx([0.15, -0.25, NAN], nan_ok=True)


def test_a_week_that_has_not_ended_has_no_label():
    """The open after the last decision is missing: the week before it is not known yet, nor is its own."""
    returns = forward_returns(openings(np.ones((8, 1))), ROWS)

    assert returns[:, 0] == pytest.approx([0.0, NAN, NAN], nan_ok=True)


def test_dividends_count():
    """Opens are taken in total-return units: a week whose price fell by its dividend returned nothing."""
    bars = panel({"AAA": [10.0, 10.0, 10.0, 9.0, 9.0], "SPY": [1.0] * 5})
    adjusted = np.where(bars.close == 10.0, 9.0, bars.close)

    made = openings_of(replace(bars, adj_close=adjusted), ("AAA", "ZZZ"), "SPY")

    assert forward_returns(made, np.array([0, 2]))[0] == pytest.approx([0.0, NAN], nan_ok=True)


@given(opens=prices, factor=st.floats(0.01, 100))
def test_units_do_not_matter(opens, factor):
    """For all prices: a column in other units has the same labels."""
    scaled = opens * np.array([factor, 1.0, 1.0, 1.0])

    told, again = (forward_returns(openings(one), ROWS) for one in (opens, scaled))

    np.testing.assert_allclose(told, again, rtol=1e-9, atol=1e-12)


@given(opens=prices, changed=st.integers(0, 11))
def test_a_label_reads_its_two_opens_and_no_other(opens, changed):
    """For all prices: a change of one session changes only the labels that begin or end with it."""
    other = opens.copy()
    other[changed] *= 2
    told, again = (forward_returns(openings(one), ROWS) for one in (opens, other))

    touched = [week for week in range(2) if changed in (ROWS[week] + 1, ROWS[week + 1] + 1)]
    np.testing.assert_array_equal(np.delete(told, touched, axis=0), np.delete(again, touched, axis=0))


def test_ranks_by_hand():
    """Four of five count; ties stand at their mean; who is no member has no label and takes no place."""
    returns = np.array([[0.3, -0.1, 0.0, 0.0, 9.9, NAN]])
    members = np.array([[True, True, True, True, False, True]])

    assert rank_labels(returns, members)[0] == pytest.approx([0.875, 0.125, 0.5, 0.5, NAN, NAN], nan_ok=True)


def test_one_alone_is_not_ranked():
    """A rank needs another to be above or below."""
    assert np.isnan(rank_labels(np.array([[0.1, NAN]]), np.ones((1, 2), dtype=bool))).all()


def test_shapes_must_agree():
    """Members of another shape are refused with both."""
    with pytest.raises(ValueError, match=r"\(1, 2\), members \(2, 2\)"):
        rank_labels(np.zeros((1, 2)), np.ones((2, 2), dtype=bool))


@given(returns=ranked, members=shaped.arrays(np.bool_, (3, 6)), order=st.permutations(range(6)))
def test_ranks_are_of_the_week_and_of_nothing_else(returns, members, order):
    """For all returns: the mean is a half, the order of instruments, units and the market's move do not matter."""
    labels = rank_labels(returns, members)
    counted = np.isfinite(labels)

    np.testing.assert_array_equal(rank_labels(returns[:, order], members[:, order]), labels[:, order])
    np.testing.assert_array_equal(rank_labels(returns * 4 - 1, members), labels)
    assert not counted[~members | ~np.isfinite(returns)].any()
    for row, is_counted in zip(labels, counted, strict=True):
        assert not is_counted.any() or row[is_counted].mean() == pytest.approx(0.5)

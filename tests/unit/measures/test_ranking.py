"""Measures of a ranking: values by hand, ties, missing numbers, and what no measure may hang on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as shaped

from core.measures.ranking import (
    ic,
    icir,
    mean_ranks,
    quantile_returns,
    quantile_spread,
    rank_ic,
    t_statistic,
)

NAN = float("nan")
some = shaped.arrays(np.float64, (3, 8), elements=st.sampled_from([NAN, -3.0, -1.0, 0.0, 0.5, 2.0, 7.0]))


def week(*numbers):
    """Give one week of numbers."""
    return np.array([numbers], dtype=np.float64)


def test_ranks_stand_at_their_mean():
    """Ties share the mean of the places that they take."""
    assert mean_ranks(np.array([10.0, 30.0, 10.0, 20.0])).tolist() == [1.5, 4.0, 1.5, 3.0]


def test_ic_by_hand():
    """Pearson: covariance 2.5 over the root of 5 times 2, which is 0.7906."""
    assert ic(week(1, 2, 3, 4), week(0, 1, 1, 2))[0] == pytest.approx(3 / math.sqrt(5 * 2))


def test_rank_ic_by_hand():
    """Spearman by 1 - 6 sum d^2 / n (n^2 - 1): d is 0, 1, -1, 0, so 0.8; a large number counts as a rank."""
    assert rank_ic(week(1, 2, 3, 1e9), week(-5, 0, -1, 3))[0] == pytest.approx(0.8)


def test_only_pairs_count():
    """What was not scored or not realised is left out; two pairs are no week; nothing that does not vary is told."""
    assert rank_ic(week(1, 2, 3, 9, NAN), week(1, 2, 3, NAN, 0))[0] == pytest.approx(1.0)
    assert np.isnan(rank_ic(week(1, 2, NAN), week(1, 2, 3))[0])
    assert np.isnan(ic(week(0.1, 0.1, 0.1), week(1, 2, 3))[0])
    assert np.isnan(rank_ic(week(1, 2, 3), week(0.1, 0.1, 0.1))[0])


def test_icir_and_t_by_hand():
    """Mean 0.02 over a deviation of 0.02 is 1 a week; over three weeks t is the root of 3; NaN weeks do not count."""
    told = np.array([0.0, 0.02, NAN, 0.04])

    assert icir(told) == pytest.approx(1.0)
    assert t_statistic(told) == pytest.approx(math.sqrt(3))
    assert math.isnan(icir(np.array([0.02, NAN])))
    assert math.isnan(icir(np.array([0.02, 0.02])))


def test_quantiles_by_hand():
    """Four instruments in two halves; the spread is the upper half's mean less the lower's."""
    scores, realised = week(4, 1, 3, 2, NAN), week(0.4, -0.1, 0.2, 0.1, 9)

    assert quantile_returns(scores, realised, quantiles=2)[0] == pytest.approx([0.0, 0.3])
    assert quantile_spread(scores, realised, quantiles=2)[0] == pytest.approx(0.3)


def test_equal_scores_stand_in_one_quantile():
    """All equal: none is above or below, and there is no spread; fewer instruments than quantiles tell nothing."""
    assert np.isnan(quantile_spread(week(1, 1, 1, 1), week(1, 2, 3, 4), quantiles=4)).all()
    assert np.isnan(quantile_returns(week(1, 2), week(1, 2), quantiles=3)).all()


def test_shapes_must_agree():
    """Scores of another shape are refused with both."""
    with pytest.raises(ValueError, match=r"\(1, 2\), realised \(1, 3\)"):
        ic(week(1, 2), week(1, 2, 3))


@given(scores=some, realised=some, order=st.permutations(range(8)))
def test_the_order_of_instruments_does_not_matter(scores, realised, order):
    """For all rankings: instruments in another order give the same measures."""
    for measure in (ic, rank_ic, lambda one, other: quantile_spread(one, other, quantiles=3)):
        np.testing.assert_allclose(measure(scores, realised), measure(scores[:, order], realised[:, order]), atol=1e-12)


@given(scores=some, realised=some)
def test_rank_ic_hangs_on_ranks_alone(scores, realised):
    """For all rankings: a growing change of either leaves it, a falling one turns its sign, and it is within -1 and 1."""
    told = rank_ic(scores, realised)

    np.testing.assert_array_equal(rank_ic(np.exp(scores), realised**3), told)
    np.testing.assert_allclose(rank_ic(-scores, realised), -told, atol=1e-12)
    assert (np.abs(told[np.isfinite(told)]) <= 1 + 1e-12).all()

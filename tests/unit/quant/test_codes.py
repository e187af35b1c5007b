"""Rank codes: at most 254 whole numbers, of the members alone, and of nothing but the order of their values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from core.quant.codes import STEPS, codes

# Few different values, so that ties and gaps are many.
VALUES = st.one_of(st.sampled_from([np.nan, -0.0, 0.0, 1.0, -2.5]), st.integers(-9, 9).map(float))
PANELS = arrays(np.float64, array_shapes(min_dims=3, max_dims=3, max_side=6), elements=VALUES)


def everyone(values: np.ndarray) -> np.ndarray:
    """Let every instrument of every row take part."""
    return np.ones(values.shape[1:], dtype=np.bool_)


def slow(row: list[float]) -> list[float]:
    """Code a row as the words say, in plain Python."""
    known = [value for value in row if value == value]
    return [
        (2 * sum(one < value for one in known) + known.count(value)) * STEPS // (2 * len(known))
        if value == value
        else np.nan
        for value in row
    ]


@settings(max_examples=40)
@given(PANELS)
def test_codes_are_what_the_words_say(values):
    """Each row of each feature is coded by itself: the middle of a value's share of the ranks, ties together."""
    wanted = [[slow(row) for row in feature] for feature in values.tolist()]

    coded = codes(values, everyone(values))

    assert coded.dtype == np.float32
    assert np.array_equal(coded, np.array(wanted, dtype=np.float32), equal_nan=True)


@settings(max_examples=40)
@given(PANELS, st.randoms(use_true_random=False))
def test_the_order_of_the_instruments_does_not_matter(values, chance):
    """An instrument has its code wherever it stands."""
    order = list(range(values.shape[2]))
    chance.shuffle(order)

    assert np.array_equal(
        codes(values, everyone(values))[:, :, order], codes(values[:, :, order], everyone(values)), equal_nan=True
    )


@settings(max_examples=40)
@given(PANELS)
def test_nothing_but_the_order_of_the_values_matters(values):
    """A transform that keeps the order keeps the codes."""
    moved = np.exp(values / 4) * 3 - 7

    assert np.array_equal(codes(values, everyone(values)), codes(moved, everyone(values)), equal_nan=True)


@settings(max_examples=40)
@given(PANELS, st.integers(0, 2**32 - 1))
def test_who_is_no_member_takes_no_part(values, seed):
    """The code of a member is what it would be if others had no value, and others have no code."""
    members = np.random.default_rng(seed).random(values.shape[1:]) < 0.6
    alone = np.where(members, values, np.nan)

    coded = codes(values, members)

    assert np.array_equal(coded, codes(alone, everyone(values)), equal_nan=True)
    assert np.isnan(coded[:, ~members]).all()


@pytest.mark.parametrize("count", [1, 2, 10, 253, 254, 255, 450, 1000])
def test_codes_stay_between_0_and_253_and_are_spread_evenly(count):
    """With 254 members or fewer no two codes are equal; with more, none holds two members more than another."""
    values = np.random.default_rng(count).permutation(count).astype(np.float64)[None, None, :]

    coded = codes(values, everyone(values)).ravel()

    held = np.unique(coded, return_counts=True)[1]
    assert coded.min() >= 0
    assert coded.max() <= 253
    assert len(held) == min(count, STEPS)
    assert held.max() - held.min() <= 1


def test_members_of_another_shape_are_refused():
    """The message names both shapes."""
    with pytest.raises(ValueError, match=r"need members of shape \(2, 3\), not \(3, 2\)"):
        codes(np.zeros((1, 2, 3)), np.ones((3, 2), dtype=np.bool_))

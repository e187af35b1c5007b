"""Luck: the papers' own examples, the stationary bootstrap's blocks, and how often its intervals hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.measures.luck import (
    Shape,
    expected_best_sharpe,
    interval,
    mean_block,
    probabilistic_sharpe,
    resampled,
    shape_of,
    share_below,
    variance_of_trials,
)
from core.measures.returns import NotComputable


def noise(seed, count, mean=0.0, spread=0.01):
    """Make returns that are independent and normal."""
    return np.random.Generator(np.random.PCG64(seed)).normal(mean, spread, count)


def test_the_probabilistic_sharpe_ratio_is_that_of_its_paper():
    """Bailey and Lopez de Prado 2012, section 5: two years of months, a ratio of 0.458 a month, with and without the tails."""
    normal, tailed = Shape(24, 0.458, 0.0, 3.0), Shape(24, 0.458, -2.448, 10.164)

    assert probabilistic_sharpe(normal) == pytest.approx(0.982, abs=5e-4)
    assert probabilistic_sharpe(tailed) == pytest.approx(0.913, abs=5e-4)


@pytest.mark.parametrize(
    ("trials", "tails", "expected"), [(100, (-3.0, 10.0), 0.9004), (46, (-3.0, 10.0), 0.9505), (88, (0.0, 3.0), 0.9505)]
)
def test_the_deflated_sharpe_ratio_is_that_of_its_paper(trials, tails, expected):
    """Bailey and Lopez de Prado 2014, "A numerical example": 2.5 a year over five years of 250 days, V = 1/2 a year."""
    shape = Shape(1250, 2.5 / math.sqrt(250), *tails)

    best = expected_best_sharpe(trials, 0.5 / 250)

    assert probabilistic_sharpe(shape, best) == pytest.approx(expected, abs=5e-4)
    assert trials != 100 or best == pytest.approx(0.1132, abs=5e-5)


def test_the_expected_best_is_near_the_mean_of_the_best_of_noise():
    """The formula rests on extreme values of the normal distribution: from ten trials on it is near what is drawn."""
    draws = np.random.Generator(np.random.PCG64(11)).normal(0.0, 0.03, (20_000, 50))

    assert expected_best_sharpe(50, 0.03**2) == pytest.approx(draws.max(axis=1).mean(), rel=0.02)


def test_one_trial_has_no_best_and_none_is_refused():
    """The first trial is not deflated; fewer than one, or a variance that is no number, was never logged."""
    assert expected_best_sharpe(1, 5.0) == 0.0
    for trials, variance in ((0, 1.0), (3, -1.0), (3, math.nan)):
        with pytest.raises(ValueError, match="trials were"):
            expected_best_sharpe(trials, variance)


def test_the_variance_of_trials_leaves_out_what_is_no_number():
    """A trial without a ratio still counts as one, but spreads nothing."""
    assert variance_of_trials([0.1, math.nan, 0.3]) == pytest.approx(0.02)
    assert variance_of_trials([0.1]) == variance_of_trials([]) == 0.0


def test_the_moments_are_those_of_numpy():
    """Skewness and kurtosis are the population's; the ratio has n - 1."""
    returns = noise(1, 300) ** 3

    shape = shape_of(returns)

    z = (returns - np.mean(returns)) / np.std(returns)
    assert shape.sharpe == pytest.approx(np.mean(returns) / np.std(returns, ddof=1))
    assert [shape.skewness, shape.kurtosis] == pytest.approx([np.mean(z**3), np.mean(z**4)])


@pytest.mark.parametrize(
    ("returns", "says"),
    [(noise(1, 59), "59 session returns"), (np.full(80, 0.001), "do not vary"), (noise(1, 0), "0 ")],
)
def test_too_few_or_flat_returns_have_no_chance(returns, says):
    """No wild number comes of them, but the reason."""
    with pytest.raises(NotComputable, match=says):
        shape_of(returns)


def test_a_resample_equals_one_made_session_by_session():
    """The sums over blocks are those of the sessions that the same draws name."""
    returns, benchmark = noise(2, 90, 0.001), noise(3, 90)
    generator = np.random.Generator(np.random.PCG64(5))
    chance = 1 / mean_block(90)
    width = int(90 * chance + 4 * math.sqrt(90 * chance)) + 8
    starts, lengths = generator.integers(0, 90, (20, width)), generator.geometric(chance, (20, width))
    rows = [
        np.concatenate([(s + np.arange(n)) % 90 for s, n in zip(*one, strict=True)])[:90]
        for one in zip(starts, lengths, strict=True)
    ]

    drawn = resampled(returns, benchmark, days=730, draws=20, seed=5)

    ours, theirs = returns[np.array(rows)], benchmark[np.array(rows)]
    years = [np.sqrt(np.prod(1 + one, axis=1)) - 1 for one in (ours, theirs)]
    np.testing.assert_allclose(drawn.a_year, years[0], rtol=1e-10)
    np.testing.assert_allclose(drawn.sharpe, ours.mean(axis=1) / ours.std(axis=1, ddof=1), rtol=1e-8)
    np.testing.assert_allclose(drawn.excess, years[0] - years[1], atol=1e-12)


def test_the_same_seed_gives_the_same_resamples():
    """And another seed others."""
    returns, benchmark = noise(2, 90), noise(3, 90)
    one, two, three = (resampled(returns, benchmark, days=400, draws=50, seed=seed) for seed in (1, 1, 2))

    assert one.sharpe.tobytes() == two.sharpe.tobytes() != three.sharpe.tobytes()


def test_a_short_period_is_not_resampled_to_a_year():
    """Below a year nothing is told a year."""
    with pytest.raises(NotComputable, match="300 days"):
        resampled(noise(1, 200), noise(2, 200), days=300, draws=10, seed=1)


def test_the_share_below_counts_equal_ones_by_half():
    """So that a tie with all stands in the middle; beside none there is no share."""
    assert share_below(np.array([1.0, 2.0, 2.0, 3.0]), 2.0) == 0.5
    assert share_below(np.array([1.0, 2.0]), 9.0) == 1.0
    with pytest.raises(NotComputable, match="random ranks"):
        share_below(np.array([]), 1.0)


@pytest.mark.soak
def test_intervals_hold_the_truth_as_often_as_they_say():
    """On independent normal returns, 95 % intervals of Sharpe ratio and excess hold the truth in 92 to 97 % of seeds."""
    held = np.zeros(2)
    for seed in range(600):
        drawn = resampled(
            noise(seed, 1000, 0.0005), noise(10_000 + seed, 1000, 0.0005), days=1450, draws=800, seed=seed
        )
        for at, (samples, truth) in enumerate(((drawn.sharpe, 0.05), (drawn.excess, 0.0))):
            low, high = interval(samples, 0.95)
            held[at] += low <= truth <= high

    assert ((held / 600 >= 0.92) & (held / 600 <= 0.97)).all(), held / 600

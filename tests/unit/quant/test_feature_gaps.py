"""What the features of `weekly` are where bars are absent, do not move, or are not to be divided by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.quant.bars import COLUMNS, Bars
from core.quant.feature_sets import feature_set
from core.quant.features import features, features_on_last, sessions_needed
from tests.unit.quant.test_features import WEEKLY, changed, random_bars, same

NEEDED = sessions_needed(WEEKLY)
# Which sessions before the last a feature reads, where these are not all of its look-back.
READS = {
    "momentum_1w": (0, 5),
    "momentum_4w": (0, 20),
    "momentum_12w": (0, 60),
    "momentum_26w": (0, 126),
    "momentum_12_1m": (21, 252),
    "momentum_12_7m": (126, 252),
    "momentum_change_26w": (0, 126, 252),
    "information_discreteness": range(21, 253),
}
# One instrument with each gap: the bar so many sessions before the last, up to one that nothing reads.
ONE = random_bars(3, NEEDED + 1, 1)
EACH = {name: np.repeat(getattr(ONE, name), NEEDED + 1, axis=1) for name in COLUMNS}
WHOLE = features_on_last(Bars(**EACH, market=ONE.market), WEEKLY)


def with_gaps(*names: str) -> Bars:
    """Take some columns' bar from each instrument, the next one's a session earlier."""
    is_gone = np.eye(NEEDED + 1, dtype=np.bool_)[::-1]
    told = {name: np.where(is_gone, np.nan, EACH[name]) if name in names else EACH[name] for name in COLUMNS}
    return Bars(**told, market=ONE.market)


@pytest.mark.parametrize("name", WEEKLY.names)
def test_a_gap_in_what_is_read_leaves_no_value_and_any_other_changes_nothing(name):
    """The NaN rule, session by session: absent where a session that the formula reads has no bar, else the same bits."""
    at = WEEKLY.names.index(name)
    read = READS.get(name, range(WEEKLY.features[at].lookback))
    wanted = np.where(np.isin(np.arange(NEEDED + 1), list(read)), np.nan, WHOLE[at])

    assert same(features_on_last(with_gaps(*COLUMNS), WEEKLY)[at], wanted)


def test_a_session_without_volume_told_is_missed_by_features_of_volume_alone():
    """The others do not read it."""
    got = features_on_last(with_gaps("volume"), WEEKLY)

    for at, feature in enumerate(WEEKLY.features):
        assert np.isnan(got[at]).any() == (feature.group == "volume" and feature.name != "zero_returns_126")
        assert feature.group == "volume" or same(got[at], WHOLE[at])


def test_without_a_benchmark_only_what_is_beside_it_has_no_value():
    """A gap in the benchmark is one for each instrument, in the features of that group."""
    bars = random_bars(4, NEEDED, 3)
    gone = bars.market.copy()
    gone[-30] = np.nan

    got = features_on_last(changed(bars, market=gone), WEEKLY)

    for at, feature in enumerate(WEEKLY.features):
        assert np.isnan(got[at]).all() == (feature.group == "benchmark")


@pytest.mark.parametrize("price", [0.1, 1 / 3, 50.0, 1e-7, 123456.789])
def test_a_price_that_never_moves_has_no_noise(price):
    """Not a part in 10^16: what there is to tell is zero exactly, and what would divide by zero is absent."""
    flat, market = np.full((NEEDED, 2), price), random_bars(5, NEEDED, 1).market
    bars = Bars(flat, flat, flat, flat, np.full((NEEDED, 2), price * 1e6), flat * 0.7, market)
    told = {"volume_ratio_1_20", "volume_ratio_5_60", "dollar_volume_change", "zero_returns_126"}
    absent = {
        *("momentum_per_risk_12_1m", "volatility_change", "skewness_63", "autocorrelation_63", "rsi_14", "z_score_20"),
        *("return_z_5", "range_position_21", "range_position_252", "volume_z_20", "volume_return_correlation_63"),
        *("market_correlation_252", "residual_momentum_12_1m", "residual_return_21"),
    }

    got = dict(zip(WEEKLY.names, features_on_last(bars, WEEKLY)[:, 0].tolist(), strict=True))

    assert {name for name, value in got.items() if value != value} == absent
    assert all(got[name] == 1.0 for name in told)
    assert got["dollar_volume_60"] == pytest.approx(price * price * 1e6, rel=1e-15)
    assert {name for name, value in got.items() if value == 0.0} == set(got) - absent - told - {"dollar_volume_60"}


def test_a_benchmark_that_never_moves_explains_nothing():
    """There is no slope on what does not move."""
    bars = random_bars(6, NEEDED, 2)
    still = changed(bars, market=np.full(NEEDED, 101.7))

    got = features_on_last(still, WEEKLY)

    for at, feature in enumerate(WEEKLY.features):
        assert np.isnan(got[at]).all() == (feature.group == "benchmark")


HOSTILE = st.one_of(
    st.sampled_from([0.0, -0.0, np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 1.0, -1.0]), st.floats(0.01, 1e6)
)


@settings(max_examples=25)
@given(arrays(np.float64, (6, 40, 3), elements=HOSTILE, fill=st.just(1.0)), arrays(np.float64, 40, elements=HOSTILE))
def test_no_value_is_ever_infinite(columns, market):
    """Whatever the bars: zeros, infinities, and numbers whose squares are too large."""
    repeated = np.tile(columns, (1, 7, 1))
    opened, high, low, close, volume, total = repeated

    got = features(Bars(opened, high, low, close, volume, total, np.tile(market, 7)), WEEKLY)

    assert not np.isinf(got).any()


def test_who_is_no_member_has_no_values():
    """Members keep theirs, on the days they are members."""
    bars = random_bars(11, NEEDED + 5, 4)
    members = np.random.default_rng(1).random(bars.shape) < 0.5

    got, everyone = features(bars, WEEKLY, members), features(bars, WEEKLY)

    assert same(got, np.where(members, everyone, np.nan))
    assert same(features_on_last(bars, WEEKLY, members[-1]), np.where(members[-1], everyone[:, -1], np.nan))


@pytest.mark.parametrize("shape", [(0, 3), (5, 0), (0, 0), (1, 1)])
def test_too_little_gives_no_values_and_no_error(shape):
    """No session, no instrument, or one of each."""
    empty = np.ones(shape)
    bars = Bars(empty, empty, empty, empty, empty, empty, market=np.ones(shape[0]))

    assert features(bars, WEEKLY).shape == (len(WEEKLY.features), *shape)
    assert features_on_last(bars, WEEKLY).shape == (len(WEEKLY.features), shape[1])


def test_members_of_another_shape_are_refused():
    """The message names both."""
    bars = random_bars(13, 30, 3)

    with pytest.raises(ValueError, match=r"members are of shape \(3, 30\)"):
        features(bars, WEEKLY, np.ones((3, 30), dtype=np.bool_))


def test_a_set_is_known_by_its_name():
    """Another name is refused with those that are known, and no set names a feature twice."""
    assert feature_set("weekly") is WEEKLY
    assert len(WEEKLY.features) >= 40

    with pytest.raises(ValueError, match=r"feature set monthly is not known; known are .*weekly"):
        feature_set("monthly")

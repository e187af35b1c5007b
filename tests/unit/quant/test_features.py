"""The features of `weekly`: equal to their formulas, and to themselves however much of the past and of others is given."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.indicators.operations import CODE, DEPTH, LOAD
from core.quant.bars import COLUMNS, Bars
from core.quant.feature_sets import feature_set
from core.quant.features import FeatureSet, features, features_on_last, sessions_needed
from core.quant.plan import CHAINS
from tests.unit.quant.slow_features import slow_features

WEEKLY = feature_set("weekly")
BY_NAME = {feature.name: feature for feature in WEEKLY.features}
NEEDED = sessions_needed(WEEKLY)
# What these are told in is no pure number: (of prices, of volume).
UNITS = {"dollar_volume_60": (1, 1), "amihud_63": (-1, -1)}


def random_bars(seed: int, rows: int, width: int) -> Bars:
    """Give bars of a random walk: the open and the close between low and high, dividends now and then, some equal closes."""
    chance = np.random.default_rng(seed)
    moved = np.where(chance.random((rows, width)) < 0.05, 0.0, chance.normal(0.0003, 0.02, (rows, width)))
    close = 50.0 * np.exp(np.cumsum(moved, axis=0))
    opened = close * np.exp(chance.normal(0, 0.01, (rows, width)))
    high = np.maximum(opened, close) * np.exp(np.abs(chance.normal(0, 0.01, (rows, width))))
    low = np.minimum(opened, close) * np.exp(-np.abs(chance.normal(0, 0.01, (rows, width))))
    paid = np.where(chance.random((rows, width)) < 0.01, 0.99, 1.0)
    total = close * np.cumprod(paid[::-1], axis=0)[::-1]
    volume = np.floor(chance.lognormal(12, 1, (rows, width)))
    return Bars(
        opened, high, low, close, volume, total, market=100 * np.exp(np.cumsum(chance.normal(0, 0.01, rows), axis=0))
    )


def changed(bars: Bars, **columns: np.ndarray) -> Bars:
    """Give bars with other arrays."""
    return replace(bars, **columns)


def asked_of(spans: Iterable[tuple[int, int]], seen: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Give the spans, and keep them."""
    asked = list(spans)
    seen.extend(asked)
    return asked


def of_one(name: str) -> FeatureSet:
    """Give a set of one feature."""
    return FeatureSet("one", (BY_NAME[name],), is_ranked=False)


def same(one: np.ndarray, two: np.ndarray) -> bool:
    """Say whether two arrays hold the same bits, any NaN being like another."""
    return bool(np.array_equal(one, two, equal_nan=True)) and bool(np.array_equal(np.signbit(one), np.signbit(two)))


BARS = random_bars(7, 330, 11)
VALUES = features(BARS, WEEKLY)


@cache
def slow_values(column: int) -> dict[str, np.ndarray]:
    """Give one instrument's features as pandas has them."""
    frame = pd.DataFrame({name: getattr(BARS, name)[:, column] for name in COLUMNS})
    return {name: told.to_numpy() for name, told in slow_features(frame, pd.Series(BARS.market)).items()}


@pytest.mark.parametrize("name", WEEKLY.names)
def test_each_feature_is_its_formula(name):
    """Beside pandas, within a part in 10^9 of the largest value, and absent on the same days."""
    for column in (0, 7, 10):
        got, wanted = VALUES[WEEKLY.names.index(name), :, column], slow_values(column)[name]

        assert np.array_equal(np.isnan(got), np.isnan(wanted))
        assert np.isfinite(wanted).any()
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9 * np.nanmax(np.abs(wanted)))


@pytest.mark.parametrize("name", WEEKLY.names)
def test_one_day_alone_equals_all_days(name):
    """From the last `lookback` rows alone comes the same number, bit for bit; from one row less none does."""
    wanted, lookback = VALUES[WEEKLY.names.index(name)], BY_NAME[name].lookback
    for day in (lookback, lookback + 1, 330):
        alone = features_on_last(BARS.rows(day - lookback, day), of_one(name))
        short = features_on_last(BARS.rows(day - lookback + 1, day), of_one(name))

        assert same(alone[0], wanted[day - 1])
        assert np.isnan(short).all()


@pytest.mark.parametrize("feature", WEEKLY.features, ids=WEEKLY.names)
def test_the_look_back_is_what_the_plan_reads(feature):
    """Counted through the program: the oldest session that any of its inputs is read of."""
    program = FeatureSet("one", (feature,), is_ranked=False).tape.program

    assert program[program[:, CODE] == LOAD, DEPTH].max() + 1 == feature.lookback


def test_today_is_computed_from_the_last_rows_alone():
    """The whole set of the last session equals that of all sessions, and reads nothing before its look-back."""
    is_early = np.arange(330)[:, None] < 330 - NEEDED
    late = {name: np.where(is_early, np.nan, getattr(BARS, name)) for name in COLUMNS}

    today = features_on_last(changed(BARS, **late), WEEKLY)

    assert same(today, VALUES[:, -1])
    assert np.isfinite(today).all()


@settings(max_examples=15)
@given(st.integers(1, 330))
def test_no_feature_sees_what_comes_later(rows):
    """Cut off after any session, the sessions before have the same bits; other bars later change nothing either."""
    later = random_bars(8, 330, 11)
    parts = {name: (getattr(BARS, name)[:rows], getattr(later, name)[rows:]) for name in (*COLUMNS, "market")}
    mixed = changed(BARS, **{name: np.concatenate(part) for name, part in parts.items()})

    assert same(features(BARS.rows(0, rows), WEEKLY), VALUES[:, :rows])
    assert same(features(mixed, WEEKLY)[:, :rows], VALUES[:, :rows])


@settings(max_examples=10)
@given(st.permutations(range(11)), st.integers(1, 11))
def test_an_instrument_has_its_features_whoever_stands_beside_it(order, count):
    """In any order, and among fewer others."""
    order = order[:count]
    moved = changed(BARS, **{name: getattr(BARS, name)[:, order] for name in COLUMNS})

    assert same(features(moved, WEEKLY), VALUES[:, :, order])


@pytest.mark.parametrize("width", [1, 7, 8, 9, 100, 131, 136])
def test_blocks_of_instruments_join_without_a_seam(width):
    """More instruments than a block holds, and a last block that is narrower."""
    wide = random_bars(9, 300, width)
    alone = [features(wide.columns(at, at + 1), WEEKLY) for at in {0, width // 2, width - 1}]

    whole = features(wide, WEEKLY)

    for at, one in zip({0, width // 2, width - 1}, alone, strict=True):
        assert same(one[:, :, 0], whole[:, :, at])


@pytest.mark.parametrize("window", CHAINS)
def test_a_mean_and_a_sum_over_each_window_of_the_chains_are_those_of_pandas(window):
    """Those that no feature asks for too."""
    told = {
        name: features(BARS, FeatureSet("one", (replace(BY_NAME["gap"], name=name, function=made),), is_ranked=False))[
            0
        ]
        for name, made in {
            "mean": lambda plan: plan.mean_of(plan.volume, window),
            "sum": lambda plan: plan.sum_of(plan.volume, window),
        }.items()
    }
    rolled = pd.DataFrame(BARS.volume).rolling(window)

    assert np.allclose(told["mean"], rolled.mean().to_numpy(), rtol=1e-12, atol=0, equal_nan=True)
    assert np.allclose(told["sum"], rolled.sum().to_numpy(), rtol=1e-12, atol=0, equal_nan=True)


@pytest.mark.parametrize("width", [129, 136])
def test_threads_share_the_work_and_change_no_bit(width):
    """Spans of instruments in two threads, where lines of memory end with a row and where they do not."""
    wide = random_bars(10, 300, width)
    asked: list[tuple[int, int]] = []

    with ThreadPoolExecutor(2) as pool:
        shared = features(wide, WEEKLY, each=lambda do, spans: pool.map(do, asked_of(spans, asked)))

    assert same(shared, features(wide, WEEKLY))
    assert asked == [*((at, min(at + 64, 300)) for at in range(0, 300, 64)), (0, 64), (64, 128), (128, width)]


def test_a_failure_in_a_thread_is_not_passed_over():
    """What a pool raises for one span is raised by the whole."""

    def failing(_do, spans):
        for span in spans:
            raise MemoryError(f"no room for {span}")
        yield

    with pytest.raises(MemoryError, match=r"no room for \(0, 64\)"):
        features(BARS, WEEKLY, each=failing)


@settings(max_examples=10)
@given(st.integers(-40, 40), st.integers(-20, 20), st.integers(-40, 40), st.integers(-9, 9))
def test_powers_of_two_change_no_bit(prices, volume, total, market):
    """Prices, volume, the total-return unit and the benchmark may each be told in another unit."""
    scaled = changed(
        BARS,
        **{name: getattr(BARS, name) * 2.0**prices for name in ("open", "high", "low", "close")},
        total=BARS.total * 2.0**total,
        volume=BARS.volume * 2.0**volume,
        market=BARS.market * 2.0**market,
    )

    got = features(scaled, WEEKLY)

    for at, name in enumerate(WEEKLY.names):
        of_price, of_volume = UNITS.get(name, (0, 0))
        assert same(got[at], VALUES[at] * 2.0 ** (prices * of_price + volume * of_volume)), name


@settings(max_examples=10)
@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 100))
def test_any_other_unit_changes_a_part_in_a_billion_at_most(prices, volume, total):
    """As powers of two, but for the rounding of the bars themselves."""
    scaled = changed(
        BARS,
        **{name: getattr(BARS, name) * prices for name in ("open", "high", "low", "close")},
        total=BARS.total * total,
        volume=BARS.volume * volume,
    )

    got = features(scaled, WEEKLY)

    for at, name in enumerate(WEEKLY.names):
        of_price, of_volume = UNITS.get(name, (0, 0))
        wanted = VALUES[at] * prices**of_price * volume**of_volume
        np.testing.assert_allclose(got[at], wanted, rtol=1e-9, atol=1e-9 * np.nanmax(np.abs(wanted)), err_msg=name)

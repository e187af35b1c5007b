"""Qlib's feature sets: equal to its formulas, and to themselves however much of the past and of others is given."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from core.quant.alpha158 import ALPHA158, WORKFLOW, fill, lives
from core.quant.bars import Bars
from core.quant.feature_sets import feature_set
from core.quant.features import FeatureSet, features, features_on_last, sessions_needed
from tests.unit.quant.slow_alpha158 import WINDOWS, line, slow_alpha158

ROWS, WIDTH, LATE, LISTED, HOLES, EARLY = 170, 21, 2, 90, 5, 7
# The greatest difference from the slow formula, of what either is at most 1 or so; Qlib itself rounds no finer.
TOLERANCE = 2e-5


@cache
def market() -> Bars:
    """Give bars of a walk: one instrument lists late, one has holes, one stops early; some closes and volumes are equal."""
    chance = np.random.Generator(np.random.PCG64(158))
    moved = np.where(chance.random((ROWS, WIDTH)) < 0.05, 0.0, chance.normal(0.0003, 0.02, (ROWS, WIDTH)))
    close = 50.0 * np.exp(np.cumsum(moved, axis=0))
    opened = close * np.exp(chance.normal(0, 0.01, close.shape))
    high = np.maximum(opened, close) * np.exp(np.abs(chance.normal(0, 0.01, close.shape)))
    low = np.minimum(opened, close) * np.exp(-np.abs(chance.normal(0, 0.01, close.shape)))
    volume = np.floor(np.exp(chance.normal(12, 0.5, close.shape)))
    volume[40:43, 0] = volume[40, 0]
    volume[60, 1] = 0.0
    columns = [one.astype(np.float32).astype(np.float64) for one in (opened, high, low, close, volume)]
    for one in columns:
        one[:LISTED, LATE] = one[30:33, HOLES] = one[100, HOLES] = one[120:, EARLY] = np.nan
    names = ("open", "high", "low", "close", "volume")
    return Bars(**dict(zip(names, columns, strict=True)), total=columns[3].copy(), market=np.ones(ROWS))


@cache
def told() -> np.ndarray:
    """Give Alpha158 of the market."""
    return features(market(), ALPHA158)


def one_instrument(column: int) -> pd.DataFrame:
    """Give an instrument's bars, float32, from the first that it has."""
    bars = {name: np.float32(getattr(market(), name)[:, column]) for name in ("open", "high", "low", "close", "volume")}
    rows = np.flatnonzero(~np.isnan(bars["close"]))
    return pd.DataFrame(bars).iloc[rows[0] : rows[-1] + 1]


@pytest.mark.parametrize("column", [0, 1, LATE, HOLES, EARLY, WIDTH - 1])
def test_alpha158_is_what_the_formulas_say(column):
    """All 158 names in Qlib's order; each value and each absence is that of pandas, window by window."""
    slow = slow_alpha158(one_instrument(column))

    rows = next(iter(slow.values())).index
    for at, name in enumerate(ALPHA158.names):
        fast, wanted = told()[at, rows, column], slow[name].to_numpy(dtype=float)
        assert np.array_equal(np.isnan(fast), np.isnan(wanted)), name
        assert np.allclose(fast, wanted, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True), name
    assert len(slow) == len(ALPHA158.names) == 158


def test_the_workflow_is_alpha158_but_for_its_line_of_fifteen_sessions():
    """Twelve columns are Alpha158's, bit for bit; RESI5 is the residual of 15 sessions."""
    made = features(market(), WORKFLOW)

    for at, name in enumerate(WORKFLOW.names):
        if name != "RESI5":
            assert np.array_equal(made[at], told()[ALPHA158.names.index(name)], equal_nan=True), name
    closes = one_instrument(LATE)["close"]
    wanted = line(closes, 15)["left"] / closes
    assert np.allclose(made[0, LISTED:, LATE], wanted, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)


@pytest.mark.parametrize("of", [ALPHA158, WORKFLOW], ids=lambda of: of.name)
@pytest.mark.parametrize("last", [0, 40, 61, 95, 128, ROWS - 1])
def test_a_day_alone_is_the_day_among_all(of: FeatureSet, last: int):
    """The last look-back's rows give the same bits, and so do a prefix, another order and fewer instruments."""
    whole, bars = features(market(), of), market()
    first = max(0, last + 1 - sessions_needed(of))

    alone = features_on_last(bars.rows(first, last + 1), of)
    few = features_on_last(bars.rows(0, last + 1).columns(3, 9), of)

    assert np.array_equal(alone, whole[:, last], equal_nan=True)
    assert np.array_equal(few, whole[:, last, 3:9], equal_nan=True)


@pytest.mark.parametrize("of", [ALPHA158, WORKFLOW], ids=lambda of: of.name)
def test_a_feature_reads_its_lookback_and_no_row_before_it(of: FeatureSet):
    """From as many rows as it says comes the same number; from one row fewer another, but where the last may be no extreme."""
    whole = features(market(), of)[:, -1]
    at_most = {rows: features_on_last(market().rows(ROWS - rows, ROWS), of) for rows in range(1, 62)}

    for at, feature in enumerate(of.features):
        assert np.array_equal(at_most[feature.lookback][at], whole[at], equal_nan=True), feature.name
        if feature.lookback > 1 and feature.group not in ("max", "min", "rsv"):
            fewer = at_most[feature.lookback - 1][at]
            assert not np.array_equal(fewer, whole[at], equal_nan=True), feature.name
    assert sessions_needed(of) == 61


@pytest.mark.parametrize("name", ["alpha158", "workflow"])
def test_bulk_writes_what_the_registry_gives(name):
    """Wide in two spans, and long: the same bits, long rows being each instrument's life."""
    bars, of = market(), feature_set(name)
    wide = np.full((len(of.features), ROWS, WIDTH), 7, dtype=np.float32)
    life = lives(bars)
    long = np.full((len(of.features), int((life[1] - life[0] + 1).sum())), 7, dtype=np.float32)

    fill(bars, name, wide, span=(0, 16))
    fill(bars, name, wide, span=(16, WIDTH))
    fill(bars, name, long)

    assert np.array_equal(wide.astype(float), features(bars, of), equal_nan=True)
    for column in (0, LATE, EARLY, WIDTH - 1):
        first, last, start = life[:, column]
        assert np.array_equal(
            long[:, start + first : start + last + 1], wide[:, first : last + 1, column], equal_nan=True
        )


def test_bulk_takes_no_other_form():
    """What is of another height is refused with what is known."""
    with pytest.raises(ValueError, match="known are alpha158, workflow, all of float32"):
        fill(market(), "alpha158", np.empty((157, ROWS, WIDTH), dtype=np.float32))


def test_prices_are_those_of_total_return():
    """A dividend moves no feature of what was before it but as total-return prices do; volume stays as it was told."""
    bars = market()
    paid = np.where(np.arange(ROWS)[:, None] < 80, 0.5, 1.0)
    halved = Bars(
        bars.open / paid, bars.high / paid, bars.low / paid, bars.close / paid, bars.volume, bars.close, bars.market
    )

    made = features(halved, ALPHA158)

    assert np.array_equal(np.isnan(made), np.isnan(told()))
    assert np.allclose(made, told(), rtol=1e-3, atol=1e-3, equal_nan=True)


def test_windows_are_named_as_they_are():
    """Each family has the five windows, in order."""
    assert [name for name in ALPHA158.names if name.startswith("RSQR")] == [f"RSQR{window}" for window in WINDOWS]

"""The features of `weekly` on the main set, 2016 to 2025: finite, and absent just as long as their look-back says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from core.quant.bars import Bars
from core.quant.codes import codes
from core.quant.feature_sets import feature_set
from core.quant.features import features, features_on_last

WEEKLY = feature_set("weekly")


@pytest.fixture(scope="module")
def bars(shared: Path) -> Bars:
    """Give the main set as it was recorded, stale bars and all, beside SPY, which explains all of itself and is left out."""
    folder = shared / "data/eod/sp500_yahoo"
    table = pq.read_table(sorted(folder.glob("prices_*.parquet")), columns=None)
    symbols, at = np.unique(table["symbol"].to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
    days, row = np.unique(table["date"].to_numpy(), return_inverse=True)
    told = {}
    for name in ("open", "high", "low", "close", "volume", "adj_close"):
        told[name] = np.full((len(days), len(symbols)), np.nan)
        told[name][row, at] = table[name].to_numpy().astype(np.float64)
    is_spy = symbols == "SPY"
    kept = {name: np.ascontiguousarray(values[:, ~is_spy]) for name, values in told.items()}
    return Bars(total=kept.pop("adj_close"), **kept, market=told["adj_close"][:, is_spy][:, 0].copy())


@pytest.fixture(scope="module")
def values(bars: Bars) -> np.ndarray:
    """Give all features of all sessions."""
    return features(bars, WEEKLY)


def test_no_value_is_infinite_and_each_is_absent_as_long_as_its_look_back(bars, values):
    """From the first bar on, `lookback` - 1 days have none; after them only what does not move or trade, one in 500 at most."""
    age = np.cumsum(~np.isnan(bars.close), axis=0)
    # Bars without a gap from the first on: what is absent is so for want of history, and for nothing else.
    assert (np.diff((age > 0).astype(int), axis=0) >= 0).all()
    assert np.array_equal(age > 0, ~np.isnan(bars.close))

    assert not np.isinf(values).any()
    for at, feature in enumerate(WEEKLY.features):
        is_old, is_absent = age >= feature.lookback, np.isnan(values[at])
        assert is_absent[~is_old].all(), feature.name
        more = is_absent[is_old].mean()
        assert more == 0 or (", or " in feature.nan_rule and more < 0.002), (feature.name, more)


def test_today_alone_and_the_past_cut_off_have_the_same_bits(bars, values):
    """On some days of the real set, and the rank codes too."""
    members = ~np.isnan(bars.close)
    whole = codes(values[:, ::250], members[::250])

    for day in (300, 1234, 2465):
        cut = bars.rows(0, day + 1)
        assert np.array_equal(features_on_last(cut, WEEKLY), values[:, day], equal_nan=True)
    assert np.nanmin(whole) == 0
    assert np.nanmax(whole) == 253

"""Adjusting: bars in total-return terms, and never twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.domain.panel import Panel
from core.market_data.adjust import AdjustedBars, adjust_bars, adjustment_factor
from tests.unit.market_data.making import panel

PRICE = st.floats(0.01, 10_000)


def test_multiplies_prices_and_divides_volume_by_the_factor():
    """A close of 10 that is worth 9 with its dividends has a factor of 0.9."""
    before = replace(panel(["AAPL"]), high=panel(["AAPL"]).high + 2, adj_close=panel(["AAPL"]).adj_close - 1)

    adjusted = adjust_bars(before)

    assert np.allclose([adjusted.open[0, 0], adjusted.high[0, 0], adjusted.low[0, 0]], [9.0, 10.8, 9.0], rtol=1e-15)
    assert adjusted.close[0, 0] == 9.0
    assert np.isclose(adjusted.volume[0, 0], 1000 / 0.9, rtol=1e-15)
    assert adjusted.close.shape == before.close.shape


def test_what_is_adjusted_is_no_panel():
    """The type keeps anybody from adjusting again, and total-return bars come back as they are."""
    adjusted = adjust_bars(panel(["AAPL"]))

    assert not isinstance(adjusted, Panel)
    assert isinstance(adjusted, AdjustedBars)
    assert (adjusted.open == panel(["AAPL"]).open).all()
    assert (adjusted.volume == panel(["AAPL"]).volume).all()


def test_has_no_factor_where_there_is_no_price():
    """NaN stays NaN, and a close of zero gives NaN, not infinity."""
    factor = adjustment_factor(np.array([np.nan, 0.0, -1.0, 2.0]), np.array([1.0, 1.0, 1.0, 1.0]))

    assert np.isnan(factor).tolist() == [True, True, True, False]


@given(close=PRICE, adj_close=PRICE, volume=st.floats(0, 1e10))
def test_what_was_traded_stays_what_it_was(close, adj_close, volume):
    """For all bars, price times volume is the same before and after."""
    one = panel(["AAPL"], sessions=[panel(["AAPL"]).sessions[0].astype(object)])
    fields: dict[str, Any] = {name: np.full((1, 1), close) for name in ("open", "high", "low", "close")}
    bar = replace(one, adj_close=np.full((1, 1), adj_close), volume=np.full((1, 1), volume), **fields)

    adjusted = adjust_bars(bar)

    assert np.allclose(adjusted.close * adjusted.volume, close * volume, rtol=1e-12)
    assert np.allclose(adjusted.open, adjusted.close, rtol=1e-12)

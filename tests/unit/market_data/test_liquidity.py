"""Liquidity: the median value traded by hand, at its edges, and what one great day does not change."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.panel import Panel
from core.market_data.liquidity import SESSIONS, illiquid, median_value_traded
from core.market_data.quality import judge_panel
from tests.unit.market_data.making import panel, rules, universe

NAN = float("nan")
DAYS = tuple(date(2023, 1, 2) + timedelta(days=at) for at in range(SESSIONS + 7))
AS_OF = DAYS[-1]


def traded(*volumes: float, close: float = 10.0) -> Panel:
    """Give a panel of one instrument with these volumes on its last sessions, 100 on those before."""
    whole = panel(["AAA"], DAYS)
    column = np.full((len(DAYS), 1), 100.0)
    column[len(DAYS) - len(volumes) :, 0] = volumes
    return replace(whole, volume=column, close=np.full((len(DAYS), 1), close))


def median(of: Panel, as_of: date = AS_OF) -> float:
    """Give the one instrument's median."""
    (value,) = median_value_traded(of, as_of).tolist()
    return float(value)


def test_the_median_is_of_close_times_volume_over_the_last_quarter():
    """32 of 63 sessions decide; what was before the quarter does not, nor one day of a thousand times the volume."""
    more, fewer = [300.0] * 32 + [200.0] * 31, [300.0] * 31 + [200.0] * 32

    assert (median(traded(*more)), median(traded(*fewer))) == (3000.0, 2000.0)
    assert median(traded(*fewer[:-1], 1e6)) == 3000.0
    assert median(traded(*[200.0] * 62, 1e6)) == 2000.0
    assert median(traded(*[200.0] * 63, close=2.5)) == 500.0


def test_a_session_without_a_bar_or_a_volume_is_one_without_trade():
    """Half a quarter of gaps is no liquidity; what is not there is not passed over."""
    assert median(traded(*[NAN] * 32)) == 0.0
    assert median(traded(*[NAN] * 31)) == 1000.0
    gaps = replace(traded(), close=np.where(np.arange(len(DAYS))[:, None] >= len(DAYS) - 32, NAN, 10.0))
    assert median(gaps) == 0.0


def test_nothing_after_as_of_counts_and_a_short_panel_is_taken_whole():
    """A thousand times the volume from the session after as-of on changes nothing."""
    sudden = traded(*[1e6] * 6)

    assert median(sudden, DAYS[-7]) == 1000.0
    assert median(sudden.window(DAYS[2], 3), DAYS[2]) == 1000.0
    assert median(sudden, DAYS[0] - timedelta(days=1)) == 0.0


@pytest.mark.parametrize(("least", "is_out"), [("0", False), ("1000", False), ("1000.01", True)])
def test_the_edge_is_allowed_and_zero_is_off(least, is_out):
    """1,000 are traded; the reason says both numbers."""
    found = illiquid(traded(), AS_OF, rules(value_traded_min=Decimal(least)))

    words = "1000 are traded in a median session of the last 63; at least 1000.01 are needed"
    assert found == ((("AAA", words),) if is_out else ())


def test_the_judge_leaves_the_illiquid_out_and_closes_nothing():
    """It is not ranked and not bought; its bars are believed, so that whoever holds it can value it and sell."""
    names, wave = ["AAA", "BBB", "SPY"], 10 + np.arange(len(DAYS)) % 3 / 10
    close = np.stack([wave, wave, wave], axis=1)
    volume = np.stack([wave * 50, wave * 5, wave * 50], axis=1)
    bars = panel(names, DAYS).with_values(np.stack([close, close, close, close, close, volume]))
    policy = rules(value_traded_min=Decimal(1000))

    gate = judge_panel(bars, universe(*names), policy, AS_OF)
    off = judge_panel(bars, universe(*names), rules(), AS_OF)

    left_out = dict(gate.value.excluded)
    assert left_out == {"BBB": "510 are traded in a median session of the last 63; at least 1000 are needed"}
    assert (gate.value.degraded, gate.is_open) == ((), True)
    assert off.value.excluded == ()


@given(st.lists(st.floats(0, 1e9), min_size=3, max_size=70), st.integers(1, 50))
def test_for_all_volumes_a_split_changes_nothing(volumes, ratio):
    """Adjusted prices times adjusted volumes are what was paid."""
    before = traded(*volumes[: len(DAYS)])
    after = replace(before, close=before.close / ratio, volume=before.volume * ratio)

    assert median(after) == pytest.approx(median(before), rel=1e-12)

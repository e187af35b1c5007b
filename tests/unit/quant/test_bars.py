"""Bars of a panel: the columns that are asked for, in the order asked, beside the benchmark."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from core.domain.instrument import InstrumentId
from core.domain.panel import Panel
from core.quant.bars import COLUMNS, Bars, bars_of

A, B, FUND = InstrumentId("A"), InstrumentId("B"), InstrumentId("FUND")


def panel(rows: int = 3) -> Panel:
    """Give a panel of three instruments in which every number is another."""
    numbers = np.arange(6 * rows * 3, dtype=np.float64).reshape(6, rows, 3)
    days = np.datetime64(date(2024, 1, 2), "D") + np.arange(rows)
    return Panel(
        sessions=days,
        instruments=(A, B, FUND),
        open=numbers[0],
        high=numbers[1],
        low=numbers[2],
        close=numbers[3],
        adj_close=numbers[4],
        volume=numbers[5],
        basis=(None,) * 3,
        provider=("",) * 3,
        knowledge="assumed",
        snapshot="",
    )


def test_bars_are_the_columns_asked_for_in_that_order():
    """`total` is the total-return close, and `market` the benchmark's."""
    of, bars = panel(), bars_of(panel(), (B, A), FUND)

    assert np.array_equal(bars.total, of.adj_close[:, [1, 0]])
    assert np.array_equal(bars.volume, of.volume[:, [1, 0]])
    assert np.array_equal(bars.market, of.adj_close[:, 2])
    assert all(getattr(bars, name).flags["C_CONTIGUOUS"] for name in (*COLUMNS, "market"))


def test_what_the_panel_does_not_hold_has_no_bars():
    """An unknown instrument and an unknown benchmark are NaN throughout."""
    bars = bars_of(panel(), (InstrumentId("X"), A), InstrumentId("Y"))

    assert np.isnan(bars.close[:, 0]).all()
    assert np.array_equal(bars.close[:, 1], panel().close[:, 0])
    assert np.isnan(bars.market).all()


def test_bars_share_nothing_with_the_panel():
    """Writing to bars leaves the panel as it was."""
    of = panel()

    bars_of(of, (A,), FUND).close[:] = -1

    assert np.array_equal(of.close, panel().close)


def test_rows_and_columns_are_cut_from_all_arrays():
    """A cut keeps the shapes together."""
    bars = bars_of(panel(), (A, B), FUND)

    assert bars.rows(1, 3).shape == (2, 2)
    assert np.array_equal(bars.rows(1, 3).market, bars.market[1:])
    assert np.array_equal(bars.columns(1, 2).low, bars.low[:, 1:])


def test_arrays_of_different_shapes_are_refused():
    """The message names the array."""
    wide = np.ones((3, 2))

    with pytest.raises(ValueError, match=r"'volume': \(2, 2\)"):
        Bars(wide, wide, wide, wide, wide[:2], wide, wide[:, 0])
    with pytest.raises(ValueError, match="market"):
        Bars(wide, wide, wide, wide, wide, wide, wide[:2, 0])

"""Adjustment: bars in total-return terms, from the panel's two closes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain.bars import Floats
from core.domain.panel import Panel


@dataclass(frozen=True, eq=False)
class AdjustedBars:
    """Total-return bars of a panel, in its shape; not a panel, so that nobody can adjust them a second time."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def adjust_bars(panel: Panel) -> AdjustedBars:
    """Give a panel's bars in total-return terms.

    Arrays of the panel's shape; NaN where the panel has no bar. `close` is the panel's `adj_close` itself. Volume is
    divided by the factor, so that price times volume stays what was traded. A total-return column comes back as it is.
    """
    factor = adjustment_factor(panel.close, panel.adj_close)
    return AdjustedBars(
        open=panel.open * factor,
        high=panel.high * factor,
        low=panel.low * factor,
        close=panel.adj_close,
        volume=panel.volume / factor,
    )


def adjustment_factor(close: Floats, adj_close: Floats) -> Floats:
    """Give what a price of the basis is multiplied with to become total-return: adj_close / close, NaN where either is.

    Any shape; closes of zero or less have no factor and give NaN.
    """
    factor: Floats = np.full_like(close, np.nan)
    np.divide(adj_close, close, out=factor, where=close > 0)
    return factor

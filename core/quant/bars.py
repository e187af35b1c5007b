"""The bars of some instruments beside their benchmark, as arrays: what features, labels and backtests are computed from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.domain.bars import Floats
from core.domain.instrument import InstrumentId
from core.domain.panel import Panel

COLUMNS = ("open", "high", "low", "close", "volume", "total")


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars as arrays of shape (sessions, instruments), rows ascending in time, NaN where there is no bar.

    `open`, `high`, `low`, `close` and `volume` are in the panel's basis (split-adjusted or raw), `total` is the close in
    total-return units: a price p of the same bar is p x total / close in those. `market`, of shape (sessions,), is the
    benchmark's total-return close. All are float64 in C order.
    """

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    total: Floats
    market: Floats

    def __post_init__(self) -> None:
        """Hold the shapes."""
        shape = self.total.shape
        wrong = {name: getattr(self, name).shape for name in COLUMNS if getattr(self, name).shape != shape}
        if wrong or len(shape) != 2 or self.market.shape != shape[:1]:
            raise ValueError(f"bars of shape {shape} came with {wrong or {'market': self.market.shape}}")

    @property
    def shape(self) -> tuple[int, int]:
        """Give how many sessions and how many instruments there are."""
        return len(self.total), self.total.shape[1]

    def rows(self, start: int, stop: int) -> Bars:
        """Give some of the sessions, from `start` up to and without `stop`; the arrays are views."""
        cut = {name: getattr(self, name)[start:stop] for name in (*COLUMNS, "market")}
        return replace(self, **cut)

    def columns(self, start: int, stop: int) -> Bars:
        """Give some of the instruments, from `start` up to and without `stop`; the arrays are views."""
        return replace(self, **{name: getattr(self, name)[:, start:stop] for name in COLUMNS})


def bars_of(panel: Panel, instruments: tuple[InstrumentId, ...], benchmark: InstrumentId) -> Bars:
    """Give the bars of some instruments of a panel, in their order; NaN for all of one that the panel does not hold."""
    fields = {"total": "adj_close"}
    arrays = {name: _columns(panel, getattr(panel, fields.get(name, name)), instruments) for name in COLUMNS}
    return Bars(**arrays, market=_columns(panel, panel.adj_close, (benchmark,))[:, 0].copy())


def _columns(panel: Panel, values: Floats, instruments: tuple[InstrumentId, ...]) -> Floats:
    place = {name: at for at, name in enumerate(panel.instruments)}
    at = np.array([place.get(name, -1) for name in instruments], dtype=np.int64)
    found = np.ascontiguousarray(values[:, at], dtype=np.float64) if len(panel.instruments) else values
    if not len(panel.instruments):
        return np.full((len(panel.sessions), len(instruments)), np.nan)
    found[:, at < 0] = np.nan
    return found

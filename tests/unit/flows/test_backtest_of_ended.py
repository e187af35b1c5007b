"""A backtest of what ceases to have bars: it is named, with the day, where it was held."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from adapters.clock import FixedClock
from core.domain.backtest import Backtest
from core.domain.panel import Panel
from flows.backtest import Asked, BacktestDoors, backtest
from tests.unit.flows.test_lookahead_of_backtests import SUMMER, Clean, setup_of
from tests.unit.making import SHORT

AT, LAST = datetime(2024, 1, 1, tzinfo=UTC), date(2023, 7, 12)


class Kept:
    """Counts nothing."""

    def add_trial(self, trial: Any) -> tuple[()]:
        """Give no trial before."""
        return ()


def made_of(clean: Any) -> Backtest:
    """Run a summer of a book of momentum."""
    unused: Any = None
    asked = Asked(SUMMER.first, SUMMER.last, seeds=2)
    return backtest(asked, setup_of(SHORT), BacktestDoors(clean, Kept(), unused, FixedClock(AT), dict))


def cut_off(panel: Panel, name: str) -> Panel:
    """Give a panel in which an instrument has no bar after the day."""
    row, column, cut = panel.row(LAST), panel.instruments.index(name), {}
    assert row is not None
    for field in ("open", "high", "low", "close", "adj_close", "volume"):
        cut[field] = getattr(panel, field).copy()
        cut[field][row + 1 :, column] = np.nan
    return replace(panel, **cut)


def test_what_was_held_when_its_bars_ended_is_named():
    """Its last close stands for it, and the report says of which day that is; without such a one it says nothing."""
    whole = made_of(Clean())
    week = int(np.flatnonzero(whole.weeks <= np.datetime64(LAST))[-1])
    name = whole.instruments[int(np.argmax(whole.held[week]))]

    class Ended(Clean):
        def panel(self, snapshot: str, *, last: date | None = None) -> Any:
            return cut_off(super().panel(snapshot, last=last), name)

    told = made_of(Ended())

    assert not any("bars ended" in note for note in whole.notes)
    assert [note for note in told.notes if "bars ended" in note] == [
        f"Held when their bars ended, and at that close ever since: {name} ({LAST}). What became of them is not known here."
    ]

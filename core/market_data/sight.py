"""Sight: what every quality check is given, with what several of them need computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Floats
from core.domain.instrument import InstrumentId, Universe
from core.domain.panel import Panel
from core.market_data.detect import Cells, between_bars, changes, is_slip, largest, market_move, near_split, usual
from core.settings import DataRules

_Placed = tuple[NDArray[np.int64], NDArray[np.int64], Floats]

# What is usual of an instrument is the median of so many sessions before.
USUAL_SESSIONS = 20
# A dividend of the whole price or more is told in a wrong unit; a logarithm needs something left.
ALL_BUT_NOTHING = 0.99
# A whole series of these moves as no share does, or is traded nowhere.
WITHOUT_VOLUME = ("index", "fx")
# Every provider counts the volume of these.
LISTED = ("equity", "etf")


@dataclass(frozen=True, eq=False)
class Jumps:
    """The closes that jump without a reason, those of them that are near a split, and each one's log change."""

    found: Cells
    is_like_split: Cells
    size: dict[tuple[int, int], float]


@dataclass(frozen=True, eq=False)
class Sight:
    """The panel, who should be in it, the rules, the as-of session, and when it closed, if that is known."""

    panel: Panel
    universe: Universe
    rules: DataRules
    as_of: date
    closes_at: datetime | None = None

    @cached_property
    def columns(self) -> dict[InstrumentId, int]:
        """Give each instrument's column."""
        return {name: column for column, name in enumerate(self.panel.instruments)}

    @cached_property
    def has_bar(self) -> Cells:
        """Mark the cells with a close."""
        has: Cells = ~np.isnan(self.panel.close)
        return has

    @cached_property
    def is_between(self) -> Cells:
        """Mark the cells without a bar between an instrument's first and last."""
        return self.nothing() if self.has_bar.all() else between_bars(self.has_bar)

    @cached_property
    def change(self) -> Floats:
        """Give the log changes of the close."""
        return changes(self.panel.close)

    @cached_property
    def adj_change(self) -> Floats:
        """Give the log changes of adj_close."""
        return changes(self.panel.adj_close)

    @cached_property
    def told_splits(self) -> Floats:
        """Give the log change of the close that each told split explains; zero elsewhere."""
        told = np.zeros(self.panel.close.shape)
        rows, columns, ratios = self._splits
        np.add.at(told, (rows, columns), -np.log(np.where(ratios > 0, ratios, 1.0)))
        return told

    @property
    def change_but_splits(self) -> Floats:
        """Give the log changes of the close without what told splits explain."""
        return self.change - self.told_splits if self.panel.splits else self.change

    @property
    def dividend_cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give rows and columns of the cells on which a dividend was told."""
        return self._dividends[:2]

    @cached_property
    def told(self) -> Floats:
        """Give the log change of the close that told dividends and splits explain; zero elsewhere."""
        told = self.told_splits.copy()
        rows, columns, amounts = self._dividends
        before = self.panel.close[rows - 1, columns]
        # A dividend is told in the units of its ex-date, the close before in those of its own day.
        amounts = amounts * np.exp(-self.told_splits[rows, columns])
        share = np.minimum(np.divide(amounts, before, out=np.zeros(len(rows)), where=before > 0), ALL_BUT_NOTHING)
        np.add.at(told, (rows, columns), np.log1p(-share))
        return told

    @cached_property
    def is_told(self) -> Cells:
        """Mark the cells on which a dividend or a split was told."""
        is_told = np.zeros(self.panel.close.shape, dtype=np.bool_)
        for rows, columns, _ in (self._dividends, self._splits):
            is_told[rows, columns] = True
        return is_told

    @cached_property
    def factor_step(self) -> Floats:
        """Give the log step of adj_close / close that no told dividend or split explains."""
        step: Floats = self.adj_change - self.change
        if self.panel.dividends or self.panel.splits:
            step += self.told
        return step

    @cached_property
    def big_steps(self) -> Cells:
        """Mark the steps of adj_close / close that are too big to go unexplained."""
        limit = np.log1p(float(self.rules.factor_jump_max))
        if not largest(self.factor_step) > limit:
            return self.nothing()
        with np.errstate(invalid="ignore"):
            big: Cells = np.abs(self.factor_step) > limit
        return big

    @cached_property
    def is_traded(self) -> Cells:
        """Say of each column whether its instrument has a volume; shape (1, instruments)."""
        return np.array(
            [[self._kinds.get(name) not in WITHOUT_VOLUME for name in self.panel.instruments]], dtype=np.bool_
        )

    @cached_property
    def is_listed(self) -> Cells:
        """Say of each column whether its instrument is a share or a fund, which have a volume; shape (1, instruments)."""
        return np.array([[self._kinds.get(name) in LISTED for name in self.panel.instruments]], dtype=np.bool_)

    @cached_property
    def jumps(self) -> Jumps:
        """Find the closes that jump, adj_close with them, the market's own move and what was told taken out.

        News is no fault: it is traded many times as much as usual, and its size has a bound. Where nobody can say what
        is usual, in the first sessions of a window or of a listing, only the bound counts. Indices leap by nature.
        """
        rules, panel = self.rules, self.panel
        least, most = np.log(float(rules.jump_max)), np.log(float(rules.news_jump_max))
        jumps = Jumps(self.nothing(), self.nothing(), {})
        rows = self._rows_that_move(least)
        if not len(rows):
            return jumps
        market = market_move(self.adj_change, rows)[:, None]
        by_close, by_adj_close = (self.change - self.told)[rows] - market, self.adj_change[rows] - market
        with np.errstate(invalid="ignore"):
            size = np.where(by_close * by_adj_close > 0, np.minimum(np.abs(by_close), np.abs(by_adj_close)), 0.0)
            at, columns = np.nonzero((size > least) & ~is_slip(by_close) & self.is_sedate)
        cells, sizes = rows[at], size[at, columns]
        traded = panel.close * panel.volume
        with np.errstate(invalid="ignore", divide="ignore"):
            turnover = traded[cells, columns] / usual(traded, cells, columns, length=USUAL_SESSIONS)
        is_news = ~(turnover < float(rules.news_turnover_min)) & (sizes <= most)
        for row, column, change in zip(
            cells[~is_news].tolist(), columns[~is_news].tolist(), by_close[at, columns][~is_news].tolist(), strict=True
        ):
            jumps.found[row, column] = True
            jumps.is_like_split[row, column] = near_split(float(np.exp(-change))) is not None
            jumps.size[row, column] = change
        return jumps

    @cached_property
    def is_sedate(self) -> Cells:
        """Say of each column whether its instrument is no index; shape (1, instruments)."""
        return np.array([[self._kinds.get(name) != "index" for name in self.panel.instruments]], dtype=np.bool_)

    @cached_property
    def _kinds(self) -> dict[InstrumentId, str]:
        return {instrument.id: instrument.kind for instrument in self.universe.instruments}

    def _rows_that_move(self, least: float) -> NDArray[np.int64]:
        """Give the rows in which something could be `least` apart from the market: it, or half of the market, moved so."""
        with np.errstate(invalid="ignore"):
            return np.flatnonzero((np.abs(self.adj_change) > least / 2).any(axis=1))

    def nothing(self) -> Cells:
        """Mark no cell."""
        return np.zeros(self.panel.close.shape, dtype=np.bool_)

    def defects(self, check: str) -> Cells:
        """Mark the cells of one kind of defect that cleaning met; what stands on no session of the panel has no cell."""
        found = self.nothing()
        for defect in self.panel.defects:
            if defect.check == check:
                row, column = self.panel.row(defect.session), self.columns.get(defect.instrument)
                if row is not None and column is not None:
                    found[row, column] = True
        return found

    @cached_property
    def _dividends(self) -> _Placed:
        return self._placed([(one.session, one.instrument, one.amount) for one in self.panel.dividends])

    @cached_property
    def _splits(self) -> _Placed:
        return self._placed([(one.session, one.instrument, one.ratio) for one in self.panel.splits])

    def _placed(self, items: Sequence[tuple[date, InstrumentId, Decimal]]) -> _Placed:
        """Give rows, columns and numbers of actions; those of the first session have no session before and are left out."""
        held = [item for item in items if item[1] in self.columns]
        # By ordinals: numpy makes days of integers a hundred times as fast as of dates.
        days = np.array([day.toordinal() for day, _, _ in held], dtype=np.int64) - date(1970, 1, 1).toordinal()
        sessions = self.panel.sessions.astype("datetime64[D]").astype(np.int64)
        rows = np.searchsorted(sessions, days).astype(np.int64)
        columns = np.array([self.columns[name] for _, name, _ in held], dtype=np.int64)
        numbers = np.array([float(number) for _, _, number in held], dtype=np.float64)
        is_within = (rows > 0) & (rows < len(sessions))
        is_within[is_within] &= sessions[rows[is_within]] == days[is_within]
        return rows[is_within], columns[is_within], numbers[is_within]

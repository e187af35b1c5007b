"""Order statistics over the windows of `ladder.WINDOWS`: quantiles of the closes and the rank of the last one.

Each row of a window keeps its place among the window's closes, the older first where closes are equal. A close that comes
moves those above it up by one, a close that leaves moves them down; places are whole numbers, so they say nothing of where the
sweep began. The close at a place is found by comparing: no branch depends on the data, and a line of columns goes at once.
"""

from __future__ import annotations

import numpy as np

from core.indicators.compiled import compiled, inner
from core.indicators.ladder import WINDOWS
from core.indicators.tiles import HISTORY, Target, put

LEVELS = 5
# Rows between two moves of the last HISTORY rows to the front of the room.
STRIDE = 128
# Columns that go at once.
BREADTH = 64
# The place of what is no number: it never comes up, whatever is added.
NOWHERE = np.float32(1e6)
ZERO, ONE = np.float32(0.0), np.float32(1.0)
UPPER, LOWER = 0.8, 0.2


@compiled
def sweep_orders(bars: tuple[np.ndarray, ...], span: tuple[int, int], life: np.ndarray, out: np.ndarray) -> None:
    """Write QTLU, QTLD and RANK for the instruments from the first of `span` up to and without the second.

    `bars`, `life` and `out` are as in `alpha158.sweep_alpha158`; `out` holds these fifteen features alone.
    """
    sessions = bars[3].shape[0]
    closes = np.empty((HISTORY + STRIDE, BREADTH), np.float32)
    places = np.empty((LEVELS, HISTORY + STRIDE, BREADTH), np.float32)
    held, room = np.empty((LEVELS, BREADTH), np.float32), np.empty((6, BREADTH), np.float32)
    for column in range(span[0], span[1], BREADTH):
        emptied(closes, places, held)
        for row in range(0, sessions, STRIDE):
            rows = min(STRIDE, sessions - row)
            page = np.empty((3 * LEVELS, rows, BREADTH), np.float32)
            for at in range(rows):
                here = HISTORY + at
                read_closes(bars, row + at, column, closes[here])
                for level in range(LEVELS):
                    made_room((closes, places[level]), here, WINDOWS[level], held[level])
                entered((closes, places), here, (held, room), (page, at))
                for level in range(LEVELS):
                    of, count = (closes, places[level]), held[level]
                    quantiles(of, (here, WINDOWS[level]), (count, room, UPPER), page[level, at])
                    quantiles(of, (here, WINDOWS[level]), (count, room, LOWER), page[LEVELS + level, at])
            put(page, Target(row, column, life, out, (0, 0)))
            moved_up(closes, places, rows)


@inner
def emptied(closes: np.ndarray, places: np.ndarray, held: np.ndarray) -> None:
    """Forget all closes."""
    wide = closes.shape[1]
    for at in range(HISTORY):
        for j in range(wide):
            closes[at, j] = np.nan
            for level in range(LEVELS):
                places[level, at, j] = NOWHERE
    for level in range(LEVELS):
        for j in range(wide):
            held[level, j] = ZERO


@inner
def moved_up(closes: np.ndarray, places: np.ndarray, rows: int) -> None:
    """Move the last HISTORY rows to the front."""
    wide = closes.shape[1]
    for at in range(HISTORY):
        for j in range(wide):
            closes[at, j] = closes[at + rows, j]
        for level in range(LEVELS):
            for j in range(wide):
                places[level, at, j] = places[level, at + rows, j]


@inner
def read_closes(bars: tuple[np.ndarray, ...], row: int, column: int, out: np.ndarray) -> None:
    """Write the total-return closes of a row, as `bar_tiles.read` makes them; NaN where there is no whole bar."""
    there = min(out.size, bars[3].shape[1] - column)
    opened, high, low = bars[0][row, column:], bars[1][row, column:], bars[2][row, column:]
    close, volume, total = bars[3][row, column:], bars[4][row, column:], bars[5][row, column:]
    for j in range(there):
        factor = total[j] / close[j]
        both = opened[j] * high[j] * low[j] * factor * volume[j]
        out[j] = close[j] * factor if both - both == 0.0 else np.nan
    for j in range(there, out.size):
        out[j] = np.nan


@inner
def made_room(of: tuple[np.ndarray, np.ndarray], here: int, window: int, held: np.ndarray) -> None:
    """Move the places of a window by the close that comes in row `here` and the one that leaves, and count them."""
    closes, places = of
    come, gone = closes[here], closes[here - window]
    for j in range(come.size):
        held[j] += (ONE if come[j] == come[j] else ZERO) - (ONE if gone[j] == gone[j] else ZERO)
    for at in range(here - window + 1, here):
        close, place = closes[at], places[at]
        for j in range(come.size):
            place[j] += (ONE if come[j] < close[j] else ZERO) - (ONE if gone[j] <= close[j] else ZERO)


@inner
def entered(
    of: tuple[np.ndarray, np.ndarray], here: int, counts: tuple[np.ndarray, np.ndarray], page: tuple[np.ndarray, int]
) -> None:
    """Give the close of row `here` its places, and write its rank among each window's closes, ties at their mean, over them."""
    closes, places = of
    held, room = counts
    come, below, level_with = closes[here], room[0], room[1]
    for j in range(come.size):
        below[j] = ZERO
        level_with[j] = ZERO
    start = here
    for level in range(LEVELS):
        stop, start = start, here - WINDOWS[level] + 1
        for at in range(start, stop if level else here):
            close = closes[at]
            for j in range(come.size):
                below[j] += ONE if close[j] < come[j] else ZERO
            for j in range(come.size):
                level_with[j] += ONE if close[j] <= come[j] else ZERO
        place, told, count = places[level, here], page[0][2 * LEVELS + level, page[1]], held[level]
        for j in range(come.size):
            place[j] = level_with[j] if come[j] == come[j] else NOWHERE
        for j in range(come.size):
            # Its own place counts: below + 1 to level_with + 1, in the mean.
            rank = (np.float64(below[j]) + np.float64(level_with[j]) + 2.0) * 0.5 / np.float64(count[j])
            told[j] = rank if come[j] == come[j] else np.nan


@inner
def quantiles(
    of: tuple[np.ndarray, np.ndarray],
    window: tuple[int, int],
    of_count: tuple[np.ndarray, np.ndarray, float],
    out: np.ndarray,
) -> None:
    """Write a quantile of the closes over the last of them, linear between the two at its sides."""
    closes, places = of
    here, length = window
    count, room, share = of_count
    come, low, high, first, second = closes[here], room[2], room[3], room[4], room[5]
    for j in range(come.size):
        low[j] = np.floor(max(share * (np.float64(count[j]) - 1.0), 0.0))
        first[j] = ZERO
        second[j] = ZERO
        high[j] = min(low[j] + ONE, max(count[j] - ONE, ZERO))
    for at in range(here - length + 1, here + 1):
        close, place = closes[at], places[at]
        # One row of the window has the place; the others add nothing.
        for j in range(come.size):
            first[j] += close[j] if place[j] == low[j] else ZERO
        for j in range(come.size):
            second[j] += close[j] if place[j] == high[j] else ZERO
    for j in range(come.size):
        lower, upper = np.float64(first[j]), np.float64(second[j])
        exact = share * (np.float64(count[j]) - 1.0)
        told = (lower + (upper - lower) * (exact - np.float64(low[j]))) / np.float64(come[j])
        out[j] = told

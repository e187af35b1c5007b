"""Features of a tile of bars over the windows of `ladder.WINDOWS`, as Qlib's Alpha158 defines them.

Each function takes a tile, room to work in and a page, a line for each feature; it writes one feature a window, family after
family. `bar_tiles` says what is rounded and what a window counts.
"""

from __future__ import annotations

import numpy as np

from core.indicators.bar_tiles import FIRST, LEVELS, Room, Tile, copied, difference, known, multiplied, ratio
from core.indicators.compiled import inner
from core.indicators.ladder import WINDOWS, highest, summed
from core.indicators.lines import (
    TINY,
    correlations,
    deviations,
    fits,
    line_of,
    means,
    pair_of,
    residuals,
    slopes,
    sum_closes,
    sum_pairs,
    variations,
)
from core.indicators.tiles import WIDE, logarithm

ONE = np.float32(1.0)


@inner
def trend(tile: Tile, room: Room, page: np.ndarray) -> None:
    """Write ROC, MA, STD, BETA, RSQR, RESI: the close w days ago, and mean, deviation and line of the window's closes."""
    sum_closes(tile, room)
    slope = room.rows[0][FIRST:]
    for level in range(LEVELS):
        window, line = WINDOWS[level], line_of(tile, room, level)
        multiplied(tile.close[FIRST - window * WIDE :], line.inverse, page[level])
        means((line.n, line.y), line.inverse, page[5 + level])
        deviations((line.n, line.y, line.yy), line.inverse, page[10 + level])
        slopes(line, slope)
        multiplied(slope, line.inverse, page[15 + level])
        fits(line, slope, page[20 + level])
        residuals(line, slope, window, page[25 + level])


# --- highs and lows -----------------------------------------------------------------------------------------------------


@inner
def extremes(tile: Tile, room: Room, page: np.ndarray) -> None:
    """Write MAX and MIN, and after 15 others RSV, IMAX, IMIN, IMXD: highest high and lowest low, and where they stand."""
    flat, whole = room.rows[0], tile.whole
    for e in range(flat.size):
        flat[e] = tile.high[e] if whole[e] > 0.0 else -np.inf
    highest(flat, WIDE, room.ladders[0], room.ladders[1])
    for e in range(flat.size):
        flat[e] = -tile.low[e] if whole[e] > 0.0 else -np.inf
    highest(flat, WIDE, room.ladders[2], room.ladders[3])
    for e in range(flat.size):
        flat[e] = 0.0 if whole[e] > 0.0 else -np.inf
    highest(flat, WIDE, room.ladders[4], room.ladders[5])
    close, inverse = tile.close[FIRST:], tile.inverse[FIRST:]
    for level in range(LEVELS):
        top, bottom = room.ladders[0][level][FIRST:], room.ladders[2][level][FIRST:]
        multiplied(top, inverse, page[level])
        negated(bottom, inverse, page[5 + level])
        between(close, top, bottom, page[25 + level])
        high_age, low_age = room.ladders[1][level][FIRST:], room.ladders[3][level][FIRST:]
        oldest, scale = room.ladders[5][level][FIRST:], 1.0 / WINDOWS[level]
        places((oldest, high_age), close, scale, page[30 + level])
        places((oldest, low_age), close, scale, page[35 + level])
        apart((low_age, high_age), close, scale, page[40 + level])


@inner
def negated(values: np.ndarray, scale: np.ndarray, out: np.ndarray) -> None:
    """Write -value x scale."""
    for at in range(out.size):
        out[at] = -values[at] * scale[at]


@inner
def between(close: np.ndarray, top: np.ndarray, bottom: np.ndarray, out: np.ndarray) -> None:
    """Write where the close stands from the lowest low, which comes negated, to the highest high."""
    for at in range(out.size):
        out[at] = (close[at] + bottom[at]) / (top[at] + bottom[at] + TINY)


@inner
def places(ages: tuple[np.ndarray, np.ndarray], close: np.ndarray, scale: float, out: np.ndarray) -> None:
    """Write the place of a row in its window, 1 for the oldest bar's; the ages are the oldest bar's and the row's."""
    oldest, age = ages
    for at in range(out.size):
        out[at] = (oldest[at] + 1.0 - age[at]) * scale if close[at] == close[at] else np.nan


@inner
def apart(ages: tuple[np.ndarray, np.ndarray], close: np.ndarray, scale: float, out: np.ndarray) -> None:
    """Write how much older one row is than another, over the window."""
    one, two = ages
    for at in range(out.size):
        out[at] = (one[at] - two[at]) * scale if close[at] == close[at] else np.nan


# --- price and volume ---------------------------------------------------------------------------------------------------


@inner
def prices_and_volumes(tile: Tile, room: Room, page: np.ndarray) -> None:
    """Write CORR and CORD: correlations of close and log volume, and of their changes."""
    x, y = room.rows[0], room.rows[1]
    close_and_volume(tile, room)
    sum_pairs(x, y, room)
    for level in range(LEVELS):
        correlations(pair_of(tile.counts, tile, room, level), page[level])
    changes(tile, room)
    sum_pairs(x, y, room)
    for level in range(LEVELS):
        correlations(pair_of(tile.pairs, tile, room, level), page[5 + level])


@inner
def close_and_volume(tile: Tile, room: Room) -> None:
    """Fill the first two rows of the room with the close and log(volume + 1)."""
    x, y, volume = room.rows[0], room.rows[1], tile.volume
    copied(tile.close, x)
    for at in range(y.size):
        y[at] = np.float32(volume[at] + 1.0)
    logarithm(y, (room.rows[3], room.rows[4]))
    rounded(y)


@inner
def changes(tile: Tile, room: Room) -> None:
    """Fill the first two rows of the room with close / close before, and log(volume / volume before + 1)."""
    x, y = room.rows[0], room.rows[1]
    ratio(tile.close, x)
    ratio(tile.volume, y)
    for at in range(y.size):
        y[at] = np.float32(y[at] + 1.0)
    logarithm(y, (room.rows[3], room.rows[4]))
    rounded(y)


@inner
def rounded(values: np.ndarray) -> None:
    """Round values to float32."""
    for at in range(values.size):
        values[at] = np.float32(values[at])


# --- days up and down ---------------------------------------------------------------------------------------------------


@inner
def days(tile: Tile, room: Room, page: np.ndarray) -> None:
    """Write CNTP, CNTN, CNTD: the shares of days that closed above and below the day before, and their difference."""
    move, up, down, share = room.rows[0], room.rows[1], room.rows[2], room.rows[3][FIRST:]
    close = tile.close[FIRST:]
    difference(tile.close, move)
    for e in range(move.size):
        up[e] = 1.0 if move[e] > 0.0 else 0.0
    for e in range(move.size):
        down[e] = 1.0 if move[e] < 0.0 else 0.0
    summed(up, WIDE, room.ladders[0])
    summed(down, WIDE, room.ladders[1])
    for level in range(LEVELS):
        counts = tile.counts[level][FIRST:]
        for e in range(share.size):
            share[e] = 1.0 / counts[e] if close[e] == close[e] else np.nan
        both_sides(room, level, page)


@inner
def moves(values: np.ndarray, tile: Tile, room: Room, page: np.ndarray) -> None:
    """Write SUMP, SUMN, SUMD of values: the shares of the way up and of the way down in the whole way, and their difference."""
    move, up, down, share = room.rows[0], room.rows[1], room.rows[2], room.rows[3][FIRST:]
    close = tile.close[FIRST:]
    difference(values, move)
    for e in range(move.size):
        up[e] = move[e] if move[e] > 0.0 else 0.0
    for e in range(move.size):
        down[e] = -move[e] if move[e] < 0.0 else 0.0
    summed(up, WIDE, room.ladders[0])
    summed(down, WIDE, room.ladders[1])
    for level in range(LEVELS):
        counts = tile.moves[level][FIRST:]
        gained, lost = room.ladders[0][level][FIRST:], room.ladders[1][level][FIRST:]
        for e in range(share.size):
            told = 1.0 / (gained[e] + lost[e] + TINY)
            share[e] = told if (close[e] == close[e]) & (counts[e] > 0.0) else np.nan
        both_sides(room, level, page)


@inner
def both_sides(room: Room, level: int, page: np.ndarray) -> None:
    """Write the first ladder's sums x share, the second's, and the difference; the share is the fourth row of the room."""
    up, down, share = room.ladders[0][level][FIRST:], room.ladders[1][level][FIRST:], room.rows[3][FIRST:]
    multiplied(up, share, page[level])
    multiplied(down, share, page[5 + level])
    told = page[10 + level]
    for e in range(told.size):
        told[e] = (up[e] - down[e]) * share[e]


# --- volume -------------------------------------------------------------------------------------------------------------


@inner
def volumes(tile: Tile, room: Room, page: np.ndarray) -> None:
    """Write VMA, VSTD, WVMA: mean and deviation of volume over the day's, and the variation of return-weighted volume."""
    volume, square, scale = room.rows[0], room.rows[1], room.rows[3][FIRST:]
    known(tile.volume, volume)
    multiplied(volume, volume, square)
    summed(volume, WIDE, room.ladders[0])
    summed(square, WIDE, room.ladders[1])
    last = tile.volume[FIRST:]
    for e in range(scale.size):
        scale[e] = 1.0 / np.float32(last[e] + TINY)
    for level in range(LEVELS):
        n, y, yy = tile.counts[level][FIRST:], room.ladders[0][level][FIRST:], room.ladders[1][level][FIRST:]
        means((n, y), scale, page[level])
        deviations((n, y, yy), scale, page[5 + level])
    weighted_volume(tile, room)
    for level in range(LEVELS):
        n, y, yy = tile.moves[level][FIRST:], room.ladders[0][level][FIRST:], room.ladders[1][level][FIRST:]
        variations((n, y, yy), tile.close[FIRST:], page[10 + level])


@inner
def weighted_volume(tile: Tile, room: Room) -> None:
    """Fill the first two ladders with the sums of |return| x volume, and of its squares."""
    moved, square, volume = room.rows[0], room.rows[1], tile.volume
    ratio(tile.close, moved)
    for e in range(moved.size):
        moved[e] = np.float32(abs(np.float32(moved[e] - 1.0)) * volume[e])
    known(moved, square)
    copied(square, moved)
    multiplied(moved, moved, square)
    summed(moved, WIDE, room.ladders[0])
    summed(square, WIDE, room.ladders[1])

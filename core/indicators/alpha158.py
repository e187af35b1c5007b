"""Sweeps of bars, tile by tile: the features of Qlib's Alpha158 but its order statistics, and those of its own workflow."""

from __future__ import annotations

import numpy as np

from core.indicators.bar_tiles import FIRST, Room, Tile, copied, count, multiplied, read, room_for
from core.indicators.compiled import compiled, inner
from core.indicators.ladder import joined, lifted
from core.indicators.lines import (
    Line,
    correlations,
    fits,
    line_of,
    pair_of,
    residuals,
    slopes,
    sum_closes,
    sum_pairs,
    variations,
)
from core.indicators.tiles import LONG, WIDE, Target, put
from core.indicators.window_features import (
    changes,
    close_and_volume,
    days,
    extremes,
    moves,
    prices_and_volumes,
    trend,
    volumes,
    weighted_volume,
)

TINY = np.float32(1e-12)
# Rows of a tile of the workflow, whose few features leave room near the processor for more of them.
TALL = 128


# Which level of a ladder gives which feature of the workflow.
FITS, CLOSES, CHANGES = ((0, 2), (1, 4), (2, 8)), ((0, 5), (1, 7), (2, 11)), ((0, 6), (4, 9), (1, 10))


@compiled
def sweep_alpha158(bars: tuple[np.ndarray, ...], span: tuple[int, int], life: np.ndarray, out: np.ndarray) -> None:
    """Write the features of all sessions for the instruments from the first of `span` up to and without the second.

    `bars` are open, high, low, close, volume and total-return close, `life` and `out` as `tiles.Target` says. QTLU, QTLD and
    RANK (53 to 67) are left to `orders.sweep_orders`.
    """
    sessions = bars[3].shape[0]
    for row in range(0, sessions, LONG):
        rows = min(LONG, sessions - row)
        if row == 0 or rows < LONG:
            tile, room = room_for(rows, 158)
            is_full = False
        for column in range(span[0], span[1], WIDE):
            was_full, is_full = is_full, read(bars, (row, column), tile, room)
            count(tile, room, is_full, was_full)
            candles(tile, room, room.page)
            trend(tile, room, room.page[13:])
            extremes(tile, room, room.page[43:])
            prices_and_volumes(tile, room, room.page[88:])
            days(tile, room, room.page[98:])
            moves(tile.close, tile, room, room.page[113:])
            volumes(tile, room, room.page[128:])
            moves(tile.volume, tile, room, room.page[143:])
            put(room.page.reshape(158, rows, WIDE), Target(row, column, life, out, (53, 68)))


@inner
def candles(tile: Tile, room: Room, page: np.ndarray) -> None:
    """Write the first 13 features: the parts of a day's candle over its open and over its height, and prices over the close."""
    rows = room.rows
    candle(tile, rows)
    opened, high, low, close = tile.open[FIRST:], tile.high[FIRST:], tile.low[FIRST:], tile.close[FIRST:]
    inverse, height = tile.inverse[FIRST:], rows[5][FIRST:]
    for e in range(height.size):
        height[e] = 1.0 / np.float32(height[e] + TINY)
    over = rows[6][FIRST:]
    for e in range(height.size):
        over[e] = 1.0 / opened[e]
    # Which part of the candle stands over the open, and which over the height.
    for part in range(5):
        at = max(2 * part - 1, 0)
        multiplied(rows[part][FIRST:], over, page[at])
        if part != 1:
            multiplied(rows[part][FIRST:], height, page[at + 1 + (part == 0)])
    multiplied(opened, inverse, page[9])
    multiplied(high, inverse, page[10])
    multiplied(low, inverse, page[11])
    told = page[12]
    for e in range(told.size):
        told[e] = np.float32((high[e] + low[e] + close[e]) / 3.0) * inverse[e]


@inner
def candle(tile: Tile, rows: np.ndarray) -> None:
    """Write body, height, upper and lower wick, what close is above the middle, twice, and the height again."""
    o, top, bottom, c = tile.open, tile.high, tile.low, tile.close
    body, height, upper, lower, shift, again = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5]
    for e in range(body.size):
        body[e] = np.float32(c[e] - o[e])
    for e in range(body.size):
        height[e] = np.float32(top[e] - bottom[e])
    copied(height, again)
    for e in range(body.size):
        upper[e] = np.float32(top[e] - max(o[e], c[e]))
    for e in range(body.size):
        lower[e] = np.float32(min(o[e], c[e]) - bottom[e])
    for e in range(body.size):
        shift[e] = np.float32(np.float32(2.0 * c[e] - top[e]) - bottom[e])


# --- Qlib's workflow ----------------------------------------------------------------------------------------------------


@compiled
def sweep_workflow(bars: tuple[np.ndarray, ...], span: tuple[int, int], life: np.ndarray, out: np.ndarray) -> None:
    """Write the thirteen features of `workflow`, as `sweep_alpha158` does its own."""
    sessions = bars[3].shape[0]
    for row in range(0, sessions, TALL):
        rows = min(TALL, sessions - row)
        if row == 0 or rows < TALL:
            tile, room = room_for(rows, 13)
            is_full = False
        for column in range(span[0], span[1], WIDE):
            was_full, is_full = is_full, read(bars, (row, column), tile, room)
            count(tile, room, is_full, was_full)
            workflow(tile, room, room.page)
            put(room.page.reshape(13, rows, WIDE), Target(row, column, life, out, (0, 0)))


@inner
def workflow(tile: Tile, room: Room, page: np.ndarray) -> None:
    """Write RESI15, WVMA5, RSQR5, KLEN, RSQR10, CORR5, CORD5, CORR10, RSQR20, CORD60, CORD10, CORR20, KLOW."""
    slope = room.rows[0][FIRST:]
    opened, high, low, close = tile.open[FIRST:], tile.high[FIRST:], tile.low[FIRST:], tile.close[FIRST:]
    sum_closes(tile, room)
    for at in range(3):
        line = line_of(tile, room, FITS[at][0])
        slopes(line, slope)
        fits(line, slope, page[FITS[at][1]])
    line = fifteen(tile, room)
    slopes(line, slope)
    residuals(line, slope, 15, page[0])
    close_and_volume(tile, room)
    sum_pairs(room.rows[0], room.rows[1], room)
    for at in range(3):
        correlations(pair_of(tile.counts, tile, room, CLOSES[at][0]), page[CLOSES[at][1]])
    changes(tile, room)
    sum_pairs(room.rows[0], room.rows[1], room)
    for at in range(3):
        correlations(pair_of(tile.pairs, tile, room, CHANGES[at][0]), page[CHANGES[at][1]])
    weighted_volume(tile, room)
    y, yy = room.ladders[0][0][FIRST:], room.ladders[1][0][FIRST:]
    variations((tile.moves[0][FIRST:], y, yy), close, page[1])
    height, lower = page[3], page[12]
    for e in range(height.size):
        height[e] = np.float32(high[e] - low[e]) / opened[e]
    for e in range(lower.size):
        lower[e] = np.float32(min(opened[e], close[e]) - low[e]) / opened[e]


@inner
def fifteen(tile: Tile, room: Room) -> Line:
    """Give the sums over 15 rows: the newer ten, and the five before them."""
    whole = (joined_15(tile.counts), lifted_15(tile.counts, tile.places), squares_15(tile))
    y, xy = joined_15(room.ladders[0]), lifted_15(room.ladders[0], room.ladders[1])
    yy = joined_15(room.ladders[2])
    return Line(whole[0], whole[1], whole[2], y, xy, yy, tile.close[FIRST:], tile.inverse[FIRST:])


@inner
def joined_15(ladder: np.ndarray) -> np.ndarray:
    """Give the sums over 15 rows at each asked row."""
    out = np.empty(ladder.shape[1] - FIRST)
    joined(ladder[1][FIRST:], ladder[0][FIRST - 10 * WIDE :], out)
    return out


@inner
def lifted_15(sums: np.ndarray, placed: np.ndarray) -> np.ndarray:
    """Give the sums by place over 15 rows at each asked row."""
    out = np.empty(sums.shape[1] - FIRST)
    lifted((placed[1][FIRST:], sums[1][FIRST:]), placed[0][FIRST - 10 * WIDE :], 5.0, out)
    return out


@inner
def squares_15(tile: Tile) -> np.ndarray:
    """Give the sums of squared places over 15 rows at each asked row."""
    out = np.empty(tile.close.size - FIRST)
    late, placed, plain = tile.squares[1][FIRST:], tile.places[1][FIRST:], tile.counts[1][FIRST:]
    early = tile.squares[0][FIRST - 10 * WIDE :]
    for at in range(out.size):
        out[at] = (late[at] + (10.0 * placed[at] + 25.0 * plain[at])) + early[at]
    return out

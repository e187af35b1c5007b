"""Formulas of windows' sums: mean, deviation, straight line, correlation. float64 in, float32 out.

One array is written a loop, so that the compiler can prove the loop free of overlap and run it on whole vectors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.indicators.bar_tiles import FIRST, Room, Tile, known, multiplied
from core.indicators.compiled import inner
from core.indicators.ladder import summed, weighted
from core.indicators.tiles import WIDE

# Qlib takes a deviation below 2e-5 for none, and a trend or a correlation with it for unknown.
LEAST = 4e-10
TINY = 1e-12


class Line(NamedTuple):
    """The sums of a window at each asked row, of 1, x, x^2, y, x y and y^2 (x the place), and the close at the row."""

    n: np.ndarray
    x: np.ndarray
    xx: np.ndarray
    y: np.ndarray
    xy: np.ndarray
    yy: np.ndarray
    close: np.ndarray
    inverse: np.ndarray


class Pair(NamedTuple):
    """The sums of a window at each asked row, of 1, x, y, x^2, y^2 and x y, and the close at the row."""

    n: np.ndarray
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    yy: np.ndarray
    xy: np.ndarray
    close: np.ndarray


@inner
def sum_closes(tile: Tile, room: Room) -> None:
    """Fill the first three ladders with the sums of the closes, of them by place, and of their squares."""
    close, square = room.rows[0], room.rows[1]
    known(tile.close, close)
    multiplied(close, close, square)
    summed(close, WIDE, room.ladders[0])
    weighted(room.ladders[0], close, WIDE, room.ladders[1])
    summed(square, WIDE, room.ladders[2])


@inner
def line_of(tile: Tile, room: Room, level: int) -> Line:
    """Give the sums of closes that `sum_closes` left."""
    return Line(
        tile.counts[level][FIRST:],
        tile.places[level][FIRST:],
        tile.squares[level][FIRST:],
        room.ladders[0][level][FIRST:],
        room.ladders[1][level][FIRST:],
        room.ladders[2][level][FIRST:],
        tile.close[FIRST:],
        tile.inverse[FIRST:],
    )


@inner
def slopes(line: Line, out: np.ndarray) -> None:
    """Write the slope of the line, in float64."""
    n, x, xx, y, xy = line.n, line.x, line.xx, line.y, line.xy
    for at in range(out.size):
        out[at] = (n[at] * xy[at] - x[at] * y[at]) / (n[at] * xx[at] - x[at] * x[at])


@inner
def fits(line: Line, slope: np.ndarray, out: np.ndarray) -> None:
    """Write R squared; NaN where the closes hardly differ."""
    n, x, xx, y, yy, close = line.n, line.x, line.xx, line.y, line.yy, line.close
    for at in range(out.size):
        spread = n[at] * yy[at] - y[at] * y[at]
        fit = slope[at] * slope[at] * (n[at] * xx[at] - x[at] * x[at]) / spread
        is_told = (spread > LEAST * n[at] * (n[at] - 1.0)) & (close[at] == close[at])
        out[at] = fit if is_told else np.nan


@inner
def residuals(line: Line, slope: np.ndarray, window: int, out: np.ndarray) -> None:
    """Write what the last close is above the line, a close."""
    n, x, y, close, inverse = line.n, line.x, line.y, line.close, line.inverse
    for at in range(out.size):
        out[at] = (close[at] - (y[at] + slope[at] * (window * n[at] - x[at])) / n[at]) * inverse[at]


@inner
def means(sums: tuple[np.ndarray, np.ndarray], scale: np.ndarray, out: np.ndarray) -> None:
    """Write sum / count x scale; `sums` are the counts and the sums."""
    n, y = sums
    for at in range(out.size):
        out[at] = y[at] / n[at] * scale[at]


@inner
def deviations(sums: tuple[np.ndarray, np.ndarray, np.ndarray], scale: np.ndarray, out: np.ndarray) -> None:
    """Write the deviation of a sample (n - 1) x scale; `sums` are the counts, the sums and those of squares."""
    n, y, yy = sums
    for at in range(out.size):
        spread = max(n[at] * yy[at] - y[at] * y[at], 0.0)
        out[at] = np.sqrt(spread / (n[at] * (n[at] - 1.0))) * scale[at]


@inner
def variations(sums: tuple[np.ndarray, np.ndarray, np.ndarray], close: np.ndarray, out: np.ndarray) -> None:
    """Write the deviation of a sample over its mean; NaN where there is no close."""
    n, y, yy = sums
    for at in range(out.size):
        spread = max(n[at] * yy[at] - y[at] * y[at], 0.0)
        told = np.sqrt(spread / (n[at] * (n[at] - 1.0))) / (y[at] / n[at] + TINY)
        out[at] = told if close[at] == close[at] else np.nan


@inner
def sum_pairs(x: np.ndarray, y: np.ndarray, room: Room) -> None:
    """Fill five ladders with the sums of x, y, x^2, y^2 and x y; a pair counts when both are finite. Both are overwritten."""
    product = room.rows[2]
    for at in range(x.size):
        product[at] = x[at] * y[at]
    for at in range(x.size):
        x[at] = x[at] if product[at] - product[at] == 0.0 else 0.0
    for at in range(x.size):
        y[at] = y[at] if product[at] - product[at] == 0.0 else 0.0
    summed(x, WIDE, room.ladders[0])
    summed(y, WIDE, room.ladders[1])
    multiplied(x, y, product)
    summed(product, WIDE, room.ladders[4])
    multiplied(x, x, product)
    summed(product, WIDE, room.ladders[2])
    multiplied(y, y, product)
    summed(product, WIDE, room.ladders[3])


@inner
def pair_of(counts: np.ndarray, tile: Tile, room: Room, level: int) -> Pair:
    """Give the sums that `sum_pairs` left."""
    return Pair(
        counts[level][FIRST:],
        room.ladders[0][level][FIRST:],
        room.ladders[1][level][FIRST:],
        room.ladders[2][level][FIRST:],
        room.ladders[3][level][FIRST:],
        room.ladders[4][level][FIRST:],
        tile.close[FIRST:],
    )


@inner
def correlations(pair: Pair, out: np.ndarray) -> None:
    """Write the correlation; NaN where x or y hardly differ, and where there is no close."""
    n, x, y, xx, yy, xy, close = pair.n, pair.x, pair.y, pair.xx, pair.yy, pair.xy, pair.close
    for at in range(out.size):
        one, two = n[at] * xx[at] - x[at] * x[at], n[at] * yy[at] - y[at] * y[at]
        least = LEAST * n[at] * (n[at] - 1.0)
        told = (n[at] * xy[at] - x[at] * y[at]) / np.sqrt(one * two)
        out[at] = told if (one > least) & (two > least) & (close[at] == close[at]) else np.nan

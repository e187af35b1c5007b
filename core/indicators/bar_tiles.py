"""A tile of bars: what is read of a panel before features of it are computed, and the small steps that they share.

Prices and volumes are rounded to float32, as Qlib stores them, and so is what comes between two of its operators; sums over
windows are float64. A window holds the bars that there are, be it one; where a day has no bar, no feature has a value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.indicators.compiled import inner
from core.indicators.ladder import WINDOWS, squared_places, summed, weighted
from core.indicators.tiles import HISTORY, WIDE, load

FIRST = HISTORY * WIDE
LEVELS = 5
ONE = np.float32(1.0)


class Tile(NamedTuple):
    """Bars, float64 of float32 values, NaN where there is none, and how many of them the windows hold.

    `inverse` is 1 / close, `whole` is 1 where there is a bar. `counts`, `places` and `squares` are ladders: the sums of 1, of
    the place and of its square over a window's bars; `moves` counts bars that follow another, `pairs` those with a change of
    volume.
    """

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    inverse: np.ndarray
    whole: np.ndarray
    counts: np.ndarray
    places: np.ndarray
    squares: np.ndarray
    moves: np.ndarray
    pairs: np.ndarray


class Room(NamedTuple):
    """Room to work in: ladders, single rows of the size of a tile, and a float32 line for each feature, without history."""

    ladders: tuple[np.ndarray, ...]
    rows: np.ndarray
    page: np.ndarray


@inner
def room_for(rows: int, features: int) -> tuple[Tile, Room]:
    """Give a tile with so many asked rows, and the room to compute so many features in."""
    size = (HISTORY + rows) * WIDE
    bars = np.empty((7, size))
    counts, places, squares = np.empty((LEVELS, size)), np.empty((LEVELS, size)), np.empty((LEVELS, size))
    moves, pairs = np.empty((LEVELS, size)), np.empty((LEVELS, size))
    tile = Tile(bars[0], bars[1], bars[2], bars[3], bars[4], bars[5], bars[6], counts, places, squares, moves, pairs)
    one, two, three = np.empty((LEVELS, size)), np.empty((LEVELS, size)), np.empty((LEVELS, size))
    four, five, six = np.empty((LEVELS, size)), np.empty((LEVELS, size)), np.empty((LEVELS, size))
    room = Room((one, two, three, four, five, six), np.empty((7, size)), np.empty((features, rows * WIDE), np.float32))
    return tile, room


@inner
def read(bars: tuple[np.ndarray, ...], place: tuple[int, int], tile: Tile, room: Room) -> bool:
    """Fill a tile from open, high, low, close, volume and total-return close; gives whether no row is without volume.

    Prices become total-return ones: price x total / close. A bar with a number that is not finite is none.
    """
    parts = (tile.open, tile.high, tile.low, tile.close, tile.volume)
    total, whole, factor = room.rows[0], tile.whole, room.rows[1]
    for at in range(5):
        load(bars[at], place, parts[at])
    load(bars[5], place, total)
    for at in range(total.size):
        factor[at] = total[at] / tile.close[at]
    for at in range(total.size):
        price = tile.open[at] * tile.high[at] * tile.low[at] * factor[at]
        both = price * tile.volume[at]
        whole[at] = 1.0 if both - both == 0.0 else 0.0
    for at in range(4):
        raised(factor, whole, parts[at])
    kept(whole, tile.volume)
    for at in range(total.size):
        tile.inverse[at] = 1.0 / tile.close[at]
    count = 0
    for at in range(total.size):
        count += (whole[at] > 0.0) & (tile.volume[at] > 0.0)
    return bool(count == min(WIDE, bars[3].shape[1] - place[1]) * (total.size // WIDE))


@inner
def raised(factor: np.ndarray, whole: np.ndarray, values: np.ndarray) -> None:
    """Replace prices by price x factor in float32, and by NaN where there is no bar."""
    for at in range(values.size):
        values[at] = np.float32(values[at] * factor[at]) if whole[at] > 0.0 else np.nan


@inner
def kept(whole: np.ndarray, values: np.ndarray) -> None:
    """Replace values by themselves in float32, and by NaN where there is no bar."""
    for at in range(values.size):
        values[at] = np.float32(values[at]) if whole[at] > 0.0 else np.nan


@inner
def count(tile: Tile, room: Room, is_full: bool, was_full: bool) -> None:
    """Count what each window holds; `was_full` says that it was the same as of a tile without gaps."""
    if not is_full:
        count_bars(tile, room)
    elif not was_full:
        count_full(tile)


@inner
def count_full(tile: Tile) -> None:
    """Count each window as full."""
    for level in range(LEVELS):
        window = float(WINDOWS[level])
        filled(window, tile.counts[level])
        filled(window, tile.moves[level])
        filled(window, tile.pairs[level])
        filled(window * (window + 1.0) / 2.0, tile.places[level])
        filled(window * (window + 1.0) * (2.0 * window + 1.0) / 6.0, tile.squares[level])


@inner
def count_bars(tile: Tile, room: Room) -> None:
    """Count what each window holds."""
    whole, moved = tile.whole, room.rows[0]
    summed(whole, WIDE, tile.counts)
    weighted(tile.counts, whole, WIDE, tile.places)
    squared_places((tile.counts, tile.places), whole, WIDE, tile.squares)
    filled(0.0, moved[:WIDE])
    now, here, before, volume = moved[WIDE:], whole[WIDE:], whole, tile.volume
    for at in range(now.size):
        now[at] = here[at] * before[at]
    summed(moved, WIDE, tile.moves)
    for at in range(now.size):
        now[at] = now[at] if volume[at] > 0.0 else 0.0
    summed(moved, WIDE, tile.pairs)


@inner
def filled(value: float, out: np.ndarray) -> None:
    """Write a value everywhere."""
    for at in range(out.size):
        out[at] = value


@inner
def copied(values: np.ndarray, out: np.ndarray) -> None:
    """Write values."""
    for at in range(out.size):
        out[at] = values[at]


@inner
def known(values: np.ndarray, out: np.ndarray) -> None:
    """Write values, 0 for what is not finite."""
    for at in range(out.size):
        out[at] = values[at] if values[at] - values[at] == 0.0 else 0.0


@inner
def multiplied(one: np.ndarray, two: np.ndarray, out: np.ndarray) -> None:
    """Write one x two."""
    for at in range(out.size):
        out[at] = one[at] * two[at]


@inner
def ratio(values: np.ndarray, out: np.ndarray) -> None:
    """Write value / the row before's, in float32; NaN in the first row."""
    filled(np.nan, out[:WIDE])
    now, then, made = values[WIDE:], values, out[WIDE:]
    for at in range(made.size):
        made[at] = np.float32(now[at] / then[at])


@inner
def difference(values: np.ndarray, out: np.ndarray) -> None:
    """Write value - the row before's, in float32; NaN in the first row."""
    filled(np.nan, out[:WIDE])
    now, then, made = values[WIDE:], values, out[WIDE:]
    for at in range(made.size):
        made[at] = np.float32(now[at] - then[at])

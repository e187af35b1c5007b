"""Tiles: a few rows of a few columns of a panel with the rows before them, flat and near the processor while they are used.

A tile of `rows` rows and WIDE columns is an array of (HISTORY + rows) * WIDE numbers, row after row; its first HISTORY rows
stand before the first row that is asked for. What is outside of the panel is NaN. Tiles know nothing of each other: each
can be made alone, in any order and in any thread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.indicators.compiled import inner

HISTORY = 60
WIDE = 16
LONG = 64
LN_2 = 0.6931471805599453


class Target(NamedTuple):
    """Where a tile's features go: the first asked row and column, and the array of shape (features, sessions, instruments).

    `out` may also be long, of shape (features, rows of all instruments, one after the other, 1): then `life`, of shape
    (3, instruments), tells each instrument's first and last session and in which row its session 0 stands or would stand.
    Otherwise `life` has no columns.
    What stands from the first feature of `gap` up to and without the second is not written.
    """

    row: int
    column: int
    life: np.ndarray
    out: np.ndarray
    gap: tuple[int, int]


@inner
def load(values: np.ndarray, place: tuple[int, int], out: np.ndarray) -> None:
    """Fill a tile whose first asked row and column are `place`."""
    row, column = place
    rows, width = values.shape
    there = min(WIDE, width - column)
    for at in range(out.size // WIDE):
        here, line = row - HISTORY + at, out[at * WIDE : (at + 1) * WIDE]
        # Loops of a length that only the run tells: those of a known short one the compiler unrolls into single numbers.
        if here < 0 or here >= rows:
            for j in range(line.size):
                line[j] = np.nan
        else:
            source = values[here, column : column + there]
            for j in range(source.size):
                line[j] = source[j]
            for j in range(there, WIDE):
                line[j] = np.nan


@inner
def put(page: np.ndarray, target: Target) -> None:
    """Write what `page`, of shape (features, rows, columns), tells of the asked rows to where it belongs."""
    row, column, life = target.row, target.column, target.life
    count, rows, wide = page.shape
    for feature in range(count):
        if target.gap[0] <= feature < target.gap[1]:
            continue
        made, out = page[feature], target.out[feature]
        if not life.shape[1]:
            there = min(wide, out.shape[1] - column)
            for at in range(rows):
                line, source = out[row + at, column : column + there], made[at]
                for j in range(line.size):
                    line[j] = source[j]
        else:
            for j in range(min(wide, life.shape[1] - column)):
                first, last = life[0, column + j], life[1, column + j]
                low, high = max(first - row, 0), min(last - row + 1, rows)
                line = out[life[2, column + j] + row + low :]
                for at in range(high - low):
                    line[at, 0] = made[low + at, j]


@inner
def logarithm(x: np.ndarray, scratch: tuple[np.ndarray, np.ndarray]) -> None:
    """Replace each positive x by its natural logarithm, to within a part in 10^10; NaN for what is none.

    With x = m 2^k, m from sqrt(1/2) to sqrt(2): log x = k log 2 + 2 artanh((m - 1) / (m + 1)), by its series. A call of the
    library for each number would take ten times as long. `scratch` are two arrays of the size of x.
    """
    m, power = scratch
    told, bits = x.view(np.int64), m.view(np.int64)
    for at in range(x.size):
        k = (told[at] - 0x3FE6A09E667F3BCD) >> 52
        bits[at] = told[at] - (k << 52)
        power[at] = float(k)
    for at in range(x.size):
        is_number = (x[at] > 0.0) & (x[at] < np.inf)
        s = (m[at] - 1.0) / (m[at] + 1.0)
        z = s * s
        series = 1.0 / 7.0 + z * (1.0 / 9.0 + z * (1.0 / 11.0 + z * (1.0 / 13.0)))
        series = 1.0 / 3.0 + z * (1.0 / 5.0 + z * series)
        x[at] = power[at] * LN_2 + 2.0 * (s + s * z * series) if is_number else np.nan

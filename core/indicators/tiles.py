"""Tiles: a few rows of a few columns of a panel with the rows before them, flat and near the processor while they are used.

A tile of `rows` rows and WIDE columns is an array of (HISTORY + rows) * WIDE numbers, row after row; its first HISTORY rows
stand before the first row that is asked for. What is outside of the panel is NaN. Tiles know nothing of each other: each
can be made alone, in any order and in any thread.
"""

from __future__ import annotations

import numpy as np

from core.indicators.compiled import compiled

HISTORY = 60
WIDE = 16
LONG = 64
LN_2 = 0.6931471805599453


@compiled
def load(values: np.ndarray, place: tuple[int, int], out: np.ndarray) -> None:
    """Fill a tile whose first asked row and column are `place`."""
    row, column = place
    rows, width = values.shape
    for at in range(out.size // WIDE):
        here, line = row - HISTORY + at, out[at * WIDE : (at + 1) * WIDE]
        there = min(WIDE, width - column)
        if here < 0 or here >= rows:
            line[:] = np.nan
        elif there == WIDE:
            source = values[here, column : column + WIDE]
            for j in range(WIDE):
                line[j] = source[j]
        else:
            line[:] = np.nan
            for j in range(there):
                line[j] = values[here, column + j]


@compiled
def put(flat: np.ndarray, place: tuple[int, int], life: np.ndarray, out: np.ndarray) -> None:
    """Write the asked rows of a column of features to where they belong.

    `out` is of shape (sessions, instruments), or is long: then `life`, of shape (3, instruments), tells each instrument's
    first and last session and where in `out` session 0 of it would stand.
    """
    row, column = place
    rows = flat.size // WIDE
    if out.ndim == 2:
        there = min(WIDE, out.shape[1] - column)
        for at in range(rows):
            line, source = out[row + at, column:], flat[at * WIDE :]
            if there == WIDE:
                for j in range(WIDE):
                    line[j] = source[j]
            else:
                for j in range(there):
                    line[j] = source[j]
    else:
        for j in range(min(WIDE, life.shape[1] - column)):
            first, last, start = life[0, column + j], life[1, column + j], life[2, column + j]
            low, high = max(first - row, 0), min(last - row + 1, rows)
            line = out[start + row :]
            for at in range(low, high):
                line[at] = flat[at * WIDE + j]


@compiled
def logarithm(x: np.ndarray, scratch: np.ndarray) -> None:
    """Replace each positive x by its natural logarithm, to within a few parts in 10^16; NaN for what is none.

    With x = m 2^k, m from sqrt(1/2) to sqrt(2): log x = k log 2 + 2 artanh((m - 1) / (m + 1)), by its series. A call of the
    library for each number would take ten times as long. `scratch` is of shape (2, size of x).
    """
    m, power = scratch[0][: x.size], scratch[1][: x.size]
    told, bits = x.view(np.int64), m.view(np.int64)
    for at in range(x.size):
        k = (told[at] - 0x3FE6A09E667F3BCD) >> 52
        bits[at] = told[at] - (k << 52)
        power[at] = float(k)
    for at in range(x.size):
        is_number = (x[at] > 0.0) & (x[at] < np.inf)
        s = (m[at] - 1.0) / (m[at] + 1.0)
        z = s * s
        series = 1.0 / 15.0 + z * (1.0 / 17.0)
        series = 1.0 / 11.0 + z * (1.0 / 13.0 + z * series)
        series = 1.0 / 7.0 + z * (1.0 / 9.0 + z * series)
        series = 1.0 / 3.0 + z * (1.0 / 5.0 + z * series)
        x[at] = power[at] * LN_2 + 2.0 * (s + s * z * series) if is_number else np.nan

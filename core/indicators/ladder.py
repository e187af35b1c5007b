"""Sums and extremes over windows of 5, 10, 20, 30 and 60 rows, each made of two shorter ones.

A tile is flat: row after row of `wide` columns. Nothing is ever taken off again, as a running sum would: what a window gives
depends on its own rows alone, in one order, whatever stands before them. Missing values come as 0 (as -inf for extremes).
Level k of a ladder holds the window of WINDOWS[k] rows that ends with the row, from that many rows on.
"""

from __future__ import annotations

import numpy as np

from core.indicators.compiled import inner

WINDOWS = (5, 10, 20, 30, 60)
# How each level after the first is made: the level of its newer rows, and the level of its older ones.
NEWER = (0, 0, 1, 2, 3)
OLDER = (0, 0, 1, 1, 3)


@inner
def summed(x: np.ndarray, wide: int, out: np.ndarray) -> None:
    """Write the sums of x over each window."""
    add_five(x, wide, out[0])
    for level in range(1, len(out)):
        newer, older = NEWER[level], OLDER[level]
        start = (WINDOWS[level] - 1) * wide
        joined(out[newer][start:], out[older][(WINDOWS[older] - 1) * wide :], out[level][start:])


@inner
def add_five(x: np.ndarray, wide: int, out: np.ndarray) -> None:
    """Write the sums of x over five rows."""
    one, two, three, four = x[wide:], x[2 * wide :], x[3 * wide :], x[4 * wide :]
    made = out[4 * wide :]
    for at in range(made.size):
        made[at] = ((four[at] + three[at]) + (two[at] + one[at])) + x[at]


@inner
def joined(newer: np.ndarray, older: np.ndarray, out: np.ndarray) -> None:
    """Write newer + older."""
    for at in range(out.size):
        out[at] = newer[at] + older[at]


@inner
def weighted(sums: np.ndarray, x: np.ndarray, wide: int, out: np.ndarray) -> None:
    """Write the sums of x times its place in each window, 1 for the oldest row; `sums` are those of x."""
    one, two, three, four = x[wide:], x[2 * wide :], x[3 * wide :], x[4 * wide :]
    made = out[0][4 * wide :]
    for at in range(made.size):
        made[at] = ((5.0 * four[at] + 4.0 * three[at]) + (3.0 * two[at] + 2.0 * one[at])) + x[at]
    for level in range(1, len(out)):
        newer, older = NEWER[level], OLDER[level]
        start = (WINDOWS[level] - 1) * wide
        late = (out[newer][start:], sums[newer][start:])
        lifted(late, out[older][(WINDOWS[older] - 1) * wide :], float(WINDOWS[older]), out[level][start:])


@inner
def lifted(newer: tuple[np.ndarray, np.ndarray], older: np.ndarray, by: float, out: np.ndarray) -> None:
    """Write the weighted sum of a window whose newer rows stand `by` places further on than they did alone."""
    late, plain = newer
    for at in range(out.size):
        out[at] = (late[at] + by * plain[at]) + older[at]


@inner
def squared_places(lower: tuple[np.ndarray, np.ndarray], x: np.ndarray, wide: int, out: np.ndarray) -> None:
    """Write the sums of x times its place in each window squared; `lower` are its sums, plain and weighted by place."""
    one, two, three, four = x[wide:], x[2 * wide :], x[3 * wide :], x[4 * wide :]
    made = out[0][4 * wide :]
    for at in range(made.size):
        made[at] = ((25.0 * four[at] + 16.0 * three[at]) + (9.0 * two[at] + 4.0 * one[at])) + x[at]
    sums, places = lower
    for level in range(1, len(out)):
        newer, older = NEWER[level], OLDER[level]
        start, by = (WINDOWS[level] - 1) * wide, float(WINDOWS[older])
        made, late, early = out[level][start:], out[newer][start:], out[older][(WINDOWS[older] - 1) * wide :]
        plain, placed = sums[newer][start:], places[newer][start:]
        for at in range(made.size):
            made[at] = (late[at] + (2.0 * by * placed[at] + by * by * plain[at])) + early[at]


@inner
def highest(x: np.ndarray, wide: int, out: np.ndarray, ages: np.ndarray) -> None:
    """Write the greatest x of each window, and how many rows ago it was: the oldest of equal ones. -inf where x is missing."""
    made, ago = out[0][4 * wide :], ages[0][4 * wide :]
    newest = x[4 * wide :]
    for at in range(made.size):
        made[at] = newest[at]
        ago[at] = 0.0
    for age in range(1, 5):
        older = x[(4 - age) * wide :]
        for at in range(made.size):
            is_older = older[at] >= made[at]
            made[at] = older[at] if is_older else made[at]
            ago[at] = age if is_older else ago[at]
    for level in range(1, len(out)):
        newer, older_level = NEWER[level], OLDER[level]
        start, back = (WINDOWS[level] - 1) * wide, (WINDOWS[older_level] - 1) * wide
        late, early = (out[newer][start:], ages[newer][start:]), (out[older_level][back:], ages[older_level][back:])
        taller(late, early, WINDOWS[newer], (out[level][start:], ages[level][start:]))


@inner
def taller(
    newer: tuple[np.ndarray, np.ndarray],
    older: tuple[np.ndarray, np.ndarray],
    shift: int,
    out: tuple[np.ndarray, np.ndarray],
) -> None:
    """Write the greater of two windows' extremes and its age; the older one's rows end `shift` rows ago."""
    late, late_age = newer
    early, early_age = older
    made, ago = out
    for at in range(made.size):
        ago[at] = early_age[at] + np.float32(shift) if early[at] >= late[at] else late_age[at]
    for at in range(made.size):
        made[at] = max(late[at], early[at])

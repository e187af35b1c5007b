"""Runs a tape over the bars of many instruments: tile by tile, so that what is used again is still near the processor.

A tile is WIDE instruments and HIGH sessions. Each column of numbers that an operation makes has its sessions in a flat room,
those of its history before them, so that an operand that is some sessions old is the same column read further ahead; after
each tile the last of them are moved to the front. Before the first session of a panel stands NaN. Nothing is ever taken off
a sum: a window is made of shorter ones, in the order that the tape says, so one session alone has the very bits that it has
among all others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Floats
from core.indicators import formulas
from core.indicators.compiled import compiled, inner
from core.indicators.operations import (
    CODE,
    CORRELATION,
    DEPTH,
    DEVIATION,
    FADED,
    HIGH,
    IS_ZERO,
    LARGEST,
    LEFT,
    LESS,
    LOAD,
    LOCATION,
    MARKET,
    MEAN,
    OUT,
    PLUS,
    PRODUCT,
    PUT,
    RATIO,
    RELATIVE,
    RISE,
    ROOT,
    SCALED,
    SHARE,
    SIGN,
    SIZE_PER,
    SKEWNESS,
    SLOPE,
    SPREAD,
    SPREADS,
    SQUARED_FALL,
    STANDARDISED,
    STEP,
    STRENGTH,
    SUM,
    TIMES,
    UNEXPLAINED,
    WIDE,
    A,
    B,
    C,
    D,
    E,
    N,
    Tape,
)
from core.indicators.streaming import LINE, stream

Inputs = tuple[Floats, ...]


@compiled
def run(tape: Tape, told: tuple[Inputs, Floats, NDArray[np.bool_]], out: Floats, span: tuple[int, int]) -> None:
    """Compute every feature of the tape into `out`, of shape (features, sessions, instruments), for the last of the sessions.

    `told` are the inputs, each of shape (sessions, instruments), the market, a number a session, and what is wanted, of the
    shape of a feature: the rest is NaN, and so is what is not finite. Written are the instruments from the first of `span` up
    to the second.
    """
    inputs, market, keep = told
    rows = len(inputs[0])
    room, wanted = np.empty(tape.size), np.empty(2 * HIGH * WIDE)
    for first in range(span[0], span[1], WIDE):
        for at in range(len(tape.shifts)):
            room[tape.shifts[at, 0] : tape.shifts[at, 0] + tape.shifts[at, 1]] = np.nan
        columns = slice(first, min(first + WIDE, span[1]))
        for top in range(0, rows, HIGH):
            count = min(HIGH, rows - top)
            skipped = max(rows - out.shape[1] - top, 0)
            asked = slice(top + skipped - (rows - out.shape[1]), top + count - (rows - out.shape[1]))
            if skipped < count:
                mark(keep[asked, columns], wanted)
            for at in range(len(tape.program)):
                line, size = tape.program[at], count * WIDE
                if top + count <= rows - out.shape[1] - line[DEPTH]:
                    continue
                if line[CODE] == LOAD:
                    take(inputs, market, (line[N], top, columns.start), room[line[OUT] : line[OUT] + size])
                elif line[CODE] == PUT:
                    made, place = line[A] + skipped * WIDE, (line[N], asked.start, columns.start, columns.stop)
                    put(room[made : line[A] + size], wanted, place, out)
                elif line[CODE] < SUM:
                    combine(line, tape.factors[at], room, size)
                elif line[CODE] < DEVIATION:
                    join(line, room, size)
                else:
                    conclude(line, room, size)
            for at in range(len(tape.shifts)):
                shift(room, tape.shifts[at, 0], tape.shifts[at, 1])


@inner
def take(inputs: Inputs, market: Floats, place: tuple[int, int, int], out: Floats) -> None:
    """Read an input's tile; `place` is its number, first session and first instrument. What is beyond the last one is NaN."""
    number, top, first = place
    for row in range(out.size // WIDE):
        line = out[row * WIDE : (row + 1) * WIDE]
        if number == MARKET:
            line[:] = market[top + row]
        else:
            source = inputs[number][top + row, first : first + WIDE]
            line[source.size :] = np.nan
            for column in range(source.size):
                line[column] = source[column]


@inner
def mark(keep: NDArray[np.bool_], out: Floats) -> None:
    """Write 1 for what is wanted and NaN for what is not."""
    for row in range(keep.shape[0]):
        for column in range(keep.shape[1]):
            out[row * WIDE + column] = 1.0 if keep[row, column] else np.nan


@inner
def put(tile: Floats, wanted: Floats, place: tuple[int, int, int, int], out: Floats) -> None:
    """Write a tile to where its feature stands: what is not wanted, or not finite, as NaN.

    `place` is the feature, the first session, the first instrument and the one after the last; `wanted` has the tile's shape,
    and after it room for what is written.
    """
    number, top, first, end = place
    masked, width = wanted[HIGH * WIDE :], end - first
    for at in range(tile.size):
        value = tile[at] * wanted[at]
        masked[at] = value if value - value == 0.0 else np.nan
    flat = out.reshape(out.size)
    # Each row must begin and end where a line of memory does: no line is shared with what another thread writes.
    is_streamed = out.ctypes.data % (8 * LINE) == 0 and (out.shape[2] | first | width) % LINE == 0
    for row in range(tile.size // WIDE):
        start = (number * out.shape[1] + top + row) * out.shape[2] + first
        if is_streamed:
            for at in range(0, width, LINE):
                stream(flat, masked, (start + at, row * WIDE + at))
        else:
            flat[start : start + width] = masked[row * WIDE : row * WIDE + width]


@inner
def shift(room: Floats, start: int, kept: int) -> None:
    """Make the last sessions of a column its history, piece by piece, so that none is written over before it is read."""
    moved = HIGH * WIDE
    for place in range(start, start + kept, moved):
        size = min(moved, start + kept - place)
        older, newer = room[place : place + size], room[place + moved : place + moved + size]
        for at in range(size):
            older[at] = newer[at]


@inner
def combine(line: NDArray[np.int64], factor: float, room: Floats, size: int) -> None:
    """Make a column of one session of each operand."""
    code, out = line[CODE], room[line[OUT] : line[OUT] + size]
    a, b, c = room[line[A] : line[A] + size], room[line[B] : line[B] + size], room[line[C] : line[C] + size]
    if code == RELATIVE:
        for at in range(size):
            out[at] = formulas.ratio(a[at], b[at]) - 1.0
    elif code == RATIO:
        for at in range(size):
            out[at] = formulas.ratio(a[at], b[at])
    elif code == LESS:
        for at in range(size):
            out[at] = a[at] - b[at]
    elif code == PLUS:
        for at in range(size):
            out[at] = a[at] + b[at]
    elif code == PRODUCT:
        for at in range(size):
            out[at] = a[at] * b[at]
    elif code == TIMES:
        for at in range(size):
            out[at] = a[at] * factor
    elif code == FADED:
        for at in range(size):
            out[at] = a[at] + factor * b[at]
    elif code == SCALED:
        for at in range(size):
            out[at] = formulas.ratio(a[at] * b[at], c[at])
    elif code == SHARE:
        for at in range(size):
            out[at] = formulas.ratio(a[at] - b[at], c[at] - b[at])
    elif code == LOCATION:
        for at in range(size):
            out[at] = formulas.location(a[at], b[at], c[at])
    elif code == SIZE_PER:
        for at in range(size):
            out[at] = formulas.ratio(abs(a[at]), b[at])
    elif code == RISE:
        for at in range(size):
            out[at] = 0.0 if a[at] - b[at] <= 0.0 else a[at] - b[at]
    else:
        combine_one(code, factor, a, out)


@inner
def combine_one(code: int, factor: float, a: Floats, out: Floats) -> None:
    """Make a column of one other."""
    if code == SIGN:
        for at in range(out.size):
            out[at] = formulas.sign(a[at])
    elif code == IS_ZERO:
        for at in range(out.size):
            out[at] = formulas.is_zero(a[at])
    elif code == SQUARED_FALL:
        for at in range(out.size):
            out[at] = 0.0 if a[at] >= 0.0 else a[at] * a[at]
    elif code == ROOT:
        for at in range(out.size):
            out[at] = np.sqrt(a[at] * factor)


@inner
def join(line: NDArray[np.int64], room: Floats, size: int) -> None:
    """Make a window of shorter ones."""
    code, out, back, times = line[CODE], room[line[OUT] : line[OUT] + size], line[STEP] * WIDE, line[N]
    start = line[A]
    a, b, c = room[start : start + size], room[line[B] : line[B] + size], room[line[C] : line[C] + size]
    if code == SUM:
        added(room, (start, back, times), a, out)
    elif code == MEAN:
        averaged(room, (start, back, times), a, out)
    elif code == SPREAD:
        second, third = room[start - WIDE : start - WIDE + size], room[start - 2 * WIDE : start - 2 * WIDE + size]
        fourth, fifth = (
            room[start - 3 * WIDE : start - 3 * WIDE + size],
            room[start - 4 * WIDE : start - 4 * WIDE + size],
        )
        for at in range(size):
            apart = (a[at] - b[at], second[at] - b[at], third[at] - b[at], fourth[at] - b[at], fifth[at] - b[at])
            newer = apart[0] * apart[0] + apart[1] * apart[1] + apart[2] * apart[2]
            out[at] = newer + apart[3] * apart[3] + apart[4] * apart[4]
    elif code == SPREADS:
        spreads(line, room, size, out)
    elif code == LARGEST:
        for at in range(size):
            out[at] = formulas.larger(formulas.larger(a[at], b[at]), c[at])
    else:
        for at in range(size):
            out[at] = formulas.smaller(formulas.smaller(a[at], b[at]), c[at])


@inner
def added(room: Floats, of: tuple[int, int, int], newest: Floats, out: Floats) -> None:
    """Write the sum of some windows of a column, from the newest on; `of` is where that begins, how far apart, and how many.

    Three are added at a time, and one more at first: to read and write what was added so far costs more than the addition.
    """
    start, back, times = of
    size = out.size
    second = room[start - back : start - back + size]
    if times == 2:
        for at in range(size):
            out[at] = newest[at] + second[at]
        return
    third = room[start - 2 * back : start - 2 * back + size]
    if times == 3:
        for at in range(size):
            out[at] = newest[at] + second[at] + third[at]
        return
    fourth = room[start - 3 * back : start - 3 * back + size]
    for at in range(size):
        out[at] = newest[at] + second[at] + third[at] + fourth[at]
    for term in range(4, times - 2, 3):
        place = start - term * back
        second, third = room[place : place + size], room[place - back : place - back + size]
        fourth = room[place - 2 * back : place - 2 * back + size]
        for at in range(size):
            out[at] = out[at] + second[at] + third[at] + fourth[at]
    for term in range(times - (times - 4) % 3, times):
        more = room[start - term * back : start - term * back + size]
        for at in range(size):
            out[at] += more[at]


@inner
def averaged(room: Floats, of: tuple[int, int, int], newest: Floats, out: Floats) -> None:
    """Write the mean of some windows of a column; `of` is where that begins, how far apart, and how many.

    As what the others differ from the newest, so that equal values have that very value for a mean.
    """
    start, back, times = of
    size, share = out.size, 1.0 / times
    second = room[start - back : start - back + size]
    if times == 2:
        for at in range(size):
            out[at] = newest[at] + (second[at] - newest[at]) * share
        return
    third = room[start - 2 * back : start - 2 * back + size]
    if times == 3:
        for at in range(size):
            out[at] = newest[at] + (second[at] - newest[at] + (third[at] - newest[at])) * share
        return
    fourth = room[start - 3 * back : start - 3 * back + size]
    if times == 4:
        for at in range(size):
            apart = second[at] - newest[at] + (third[at] - newest[at]) + (fourth[at] - newest[at])
            out[at] = newest[at] + apart * share
        return
    fifth = room[start - 4 * back : start - 4 * back + size]
    if times > 5:
        for at in range(size):
            out[at] = (
                second[at]
                - newest[at]
                + (third[at] - newest[at])
                + (fourth[at] - newest[at])
                + (fifth[at] - newest[at])
            )
        for term in range(5, times):
            more = room[start - term * back : start - term * back + size]
            for at in range(size):
                out[at] += more[at] - newest[at]
        for at in range(size):
            out[at] = newest[at] + out[at] * share
        return
    for at in range(size):
        apart = (
            second[at] - newest[at] + (third[at] - newest[at]) + (fourth[at] - newest[at]) + (fifth[at] - newest[at])
        )
        out[at] = newest[at] + apart * share


@inner
def spreads(line: NDArray[np.int64], room: Floats, size: int, out: Floats) -> None:
    """Give the sum of squared differences from the mean over four windows, from those of each window and their means.

    Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample Variance", p. 242: the spreads within, and what the
    means of the windows differ from the mean of all, once for each of their sessions. Equal values have no spread.
    """
    whole, step = room[line[C] : line[C] + size], float(line[STEP])
    for term in range(0, 4, 2):
        newer, older = term * line[STEP] * WIDE, (term + 1) * line[STEP] * WIDE
        spread, mean = room[line[A] - newer : line[A] - newer + size], room[line[B] - newer : line[B] - newer + size]
        other, beside = room[line[A] - older : line[A] - older + size], room[line[B] - older : line[B] - older + size]
        for at in range(size):
            before = out[at] if term else 0.0
            apart, further = mean[at] - whole[at], beside[at] - whole[at]
            out[at] = before + (spread[at] + step * (apart * apart)) + (other[at] + step * (further * further))


@inner
def conclude(line: NDArray[np.int64], room: Floats, size: int) -> None:
    """Make a number of sums over n values."""
    code, out, n = line[CODE], room[line[OUT] : line[OUT] + size], float(line[N])
    a, b, c = room[line[A] : line[A] + size], room[line[B] : line[B] + size], room[line[C] : line[C] + size]
    d, e = room[line[D] : line[D] + size], room[line[E] : line[E] + size]
    share, freedom = 1.0 / n, 1.0 / (n - 1.0)
    if code == DEVIATION:
        for at in range(size):
            out[at] = formulas.deviation(a[at], b[at], share, freedom)
    elif code == STANDARDISED:
        for at in range(size):
            out[at] = formulas.ratio(a[at] - b[at], np.sqrt(c[at] * freedom))
    elif code == SKEWNESS:
        for at in range(size):
            out[at] = formulas.skewness(a[at], b[at], c[at], share)
    elif code == STRENGTH:
        for at in range(size):
            out[at] = formulas.ratio(100.0 * a[at], a[at] + b[at])
    elif code == UNEXPLAINED:
        scale = np.sqrt(n)
        for at in range(size):
            out[at] = formulas.ratio(a[at] - c[at] * b[at], d[at] * scale)
    elif code == CORRELATION:
        for at in range(size):
            x, y = formulas.centred(a[at], a[at], c[at], share), formulas.centred(b[at], b[at], d[at], share)
            out[at] = formulas.correlation((x, y), (c[at], d[at]), formulas.centred(a[at], b[at], e[at], share))
    elif code == SLOPE:
        for at in range(size):
            x = formulas.centred(a[at], a[at], c[at], share)
            out[at] = formulas.slope(x, c[at], formulas.centred(a[at], b[at], e[at], share))
    elif code == LEFT:
        freedom = 1.0 / (n - 2.0)
        for at in range(size):
            x, y = formulas.centred(a[at], a[at], c[at], share), formulas.centred(b[at], b[at], d[at], share)
            both = formulas.centred(a[at], b[at], e[at], share)
            out[at] = formulas.left(y, d[at], formulas.slope(x, c[at], both) * both, freedom)

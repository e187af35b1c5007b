"""What a tape may do with columns of numbers: the codes, by which a plan is written and a kernel reads it.

In the words t is the session, a to e are the operands, n and f whole and broken numbers that stand beside the code.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Floats

# One session of each operand.
RELATIVE = 1  # a / b - 1
RATIO = 2  # a / b
LESS = 3  # a - b
PLUS = 4  # a + b
PRODUCT = 5  # a x b
TIMES = 6  # a x f
SCALED = 7  # a x b / c
SHARE = 8  # (a - b) / (c - b)
LOCATION = 9  # ((c - b) - (a - c)) / (a - b), 0 where a = b
SIGN = 10  # 1, -1 or 0
IS_ZERO = 11  # 1 or 0
SQUARED_FALL = 12  # min(a, 0)^2
SIZE_PER = 13  # |a| / b
ROOT = 14  # root(a x f)
RISE = 15  # max(a - b, 0)
FADED = 16  # a + f x b
# Windows: `n` of them, each `step` sessions long, the newest first.
SUM = 20  # a(t) + a(t - step) + ...
MEAN = 21  # the mean of a(t), a(t - step), ...
SPREAD = 22  # the sum of squared differences of the last five values a from their mean b
SPREADS = 23  # that of four windows, of their spreads a, their means b and the mean of all, c
LARGEST = 24  # the largest of a, b and c
SMALLEST = 25  # the smallest of a, b and c
# What sums over n values come to.
DEVIATION = 30  # of the sum a and the sum of squares b
STANDARDISED = 31  # (a - b) / the deviation of the spread c
SKEWNESS = 32  # of the sum a, that of squares b and of cubes c
CORRELATION = 33  # of x and y: their sums a and b, of squares c and d, of products e
SLOPE = 34  # of y on x, from the same
LEFT = 35  # the deviation of what x leaves of y, from the same
UNEXPLAINED = 36  # (a - c x b) / (d x root n): slope c, deviation left d
STRENGTH = 37  # 100 a / (a + b)
# Where numbers come from and go to.
LOAD = 40  # input number n
PUT = 41  # a is feature n

# The numbers of the inputs.
INPUTS = ("open", "high", "low", "close", "volume", "total", "log_range")
MARKET = len(INPUTS)

# A tile: so many instruments, so many sessions at a time, flat, row after row.
WIDE, HIGH = 32, 64
# What stands in a row of a program: the code, where the result goes, where five operands begin, n, step, and how many sessions
# before the last one that is asked for are needed of it.
CODE, OUT, A, B, C, D, E, N, STEP, DEPTH = range(10)


class Tape(NamedTuple):
    """A program for tiles: a row an operation, and a factor for each; `shifts` are the columns that keep a history.

    Places are those of flat numbers in a room of `size` numbers. A row of `shifts` tells where a column's history begins and
    how many numbers it holds: before the next sessions are computed, the last so many become the history.
    """

    program: NDArray[np.int64]
    factors: Floats
    shifts: NDArray[np.int64]
    size: int

"""Detection: formulas that tell faults of bars from news, on plain arrays; what they find is judged in the checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import gcd

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Days, Floats

Cells = NDArray[np.bool_]

# Splits are n:1, 1:n, or m:n of small numbers. Everything else that a provider calls a split is a spin-off's factor.
SPLIT_WHOLE_MAX = 100
SPLIT_PART_MAX = 5
# A ratio is told with four digits or more: 1.3333 is 4:3, and 1.5001 is not 3:2.
RATIO_TOLERANCE = 1e-4
# Fewer numbers than this make no median that anything could be compared with.
MEDIAN_LEAST = 5
MARKET_LEAST = 10
# A price in pence for pounds is off by 100; news moves none by half of that, and splits by so much are told.
SLIP_LEAST, SLIP_MOST = 100 / 1.5, 100 * 1.5
ROWS_AT_A_TIME = 16
# A jump is called a split's where it is that near to a usual split's ratio, the session's own move in it.
SPLIT_NEAR = 0.05
# A series and another provider's are compared with the median of their ratios from so many sessions before to as many after.
NEIGHBOURS = 10
# Below this a provider's two tellings of one close are the same: rounding to seven digits and to a cent.
RESTATED_LEAST = 1e-4


def _split_ratios() -> tuple[Fraction, ...]:
    wholes = range(2, SPLIT_WHOLE_MAX + 1)
    parts = range(1, SPLIT_PART_MAX + 1)
    mixed = {Fraction(one, other) for one in parts for other in parts if one != other and gcd(one, other) == 1}
    return tuple(sorted(mixed | {Fraction(one) for one in wholes} | {Fraction(1, one) for one in wholes}))


SPLIT_RATIOS = _split_ratios()
_SPLIT_FLOATS = np.array([float(ratio) for ratio in SPLIT_RATIOS])


def small_rational(ratio: float, *, tolerance: float = RATIO_TOLERANCE) -> Fraction | None:
    """Give the split that a ratio is, within a relative tolerance, or None: then it multiplies no units.

    Splits are n:1 and 1:n up to 100, and m:n of numbers up to 5 (3:2, 5:4). 1.281 and 1.196 are spin-offs.
    """
    if not ratio > 0:
        return None
    at = int(np.argmin(np.abs(np.log(_SPLIT_FLOATS / ratio))))
    return SPLIT_RATIOS[at] if abs(ratio / _SPLIT_FLOATS[at] - 1) <= tolerance else None


def split_words(ratio: Fraction) -> str:
    """Say a split ratio as people do: 7:1, 3:2, 1:8."""
    return f"{ratio.numerator}:{ratio.denominator}"


def changes(prices: Floats) -> Floats:
    """Give the log change of each price from the session before, in the shape of the prices; NaN where there is none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        logs: Floats = np.log(prices)
    # The logarithm of zero is minus infinity; of less, NaN already.
    logs[logs == -np.inf] = np.nan
    moved: Floats = np.empty_like(prices)
    moved[:1] = np.nan
    np.subtract(logs[1:], logs[:-1], out=moved[1:])
    return moved


def market_move(moved: Floats, rows: NDArray[np.int64]) -> Floats:
    """Give, for some rows, the median change of the instruments; zero where fewer than ten have one."""
    ordered = np.sort(moved[rows], axis=1)
    count = np.sum(~np.isnan(ordered), axis=1)
    middle = np.take_along_axis(ordered, np.maximum(count - 1, 0)[:, None] // 2, axis=1)[:, 0]
    move: Floats = np.where(count >= MARKET_LEAST, middle, 0.0)
    return move


def usual(values: Floats, rows: NDArray[np.int64], columns: NDArray[np.int64], *, length: int) -> Floats:
    """Give, for some cells, the median of the `length` sessions before each; NaN where fewer than five have a number."""
    before = rows[:, None] - np.arange(1, length + 1)[None, :]
    found = np.where(before >= 0, values[np.maximum(before, 0), columns[:, None]], np.nan)
    ordered = np.sort(found, axis=1)
    count = np.sum(~np.isnan(ordered), axis=1)
    middle: Floats = np.take_along_axis(ordered, np.maximum(count - 1, 0)[:, None] // 2, axis=1)[:, 0]
    return np.where(count >= MEDIAN_LEAST, middle, np.nan)


def is_slip(moved: Floats) -> Cells:
    """Mark the log changes by a factor of about a hundred, up or down."""
    if not largest(moved) > np.log(SLIP_LEAST):
        return np.zeros(moved.shape, dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        size = np.abs(moved)
        slip: Cells = (size > np.log(SLIP_LEAST)) & (size < np.log(SLIP_MOST))
    return slip


def largest(values: Floats) -> float:
    """Give the largest size of any number, NaN where there is none: one look, a fifth of what marking cells costs."""
    if not values.size:
        return float("nan")
    return float(max(-np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)))


def near_split(ratio: float) -> Fraction | None:
    """Give the usual split, n:1, 1:n, 3:2 or 2:3, that a jump of a close is near to; prices before over prices after."""
    split = small_rational(ratio, tolerance=SPLIT_NEAR)
    is_usual = split is not None and (
        1 in (split.numerator, split.denominator) or {split.numerator, split.denominator} == {2, 3}
    )
    return split if is_usual else None


def count_within(marks: Cells, length: int) -> NDArray[np.int64]:
    """Count, a cell, the marks among the `length` sessions that end with it, down each column."""
    counted: NDArray[np.int64] = np.cumsum(marks, axis=0, dtype=np.int64)
    counted[length:] -= counted[:-length].copy()
    return counted


def longer_runs(is_so: Cells, length: int) -> Cells:
    """Mark the cells up to which something is so for more than `length` sessions in a row, down each column."""
    found = is_so.copy()
    for _ in range(length):
        if not found.any():
            break
        found[1:] &= found[:-1].copy()
        found[:1] = False
    return found


def between_bars(has_bar: Cells) -> Cells:
    """Mark the cells without a bar that have one both before and after them in their column."""
    started = np.logical_or.accumulate(has_bar, axis=0)
    goes_on = np.logical_or.accumulate(has_bar[::-1], axis=0)[::-1]
    between: Cells = started & goes_on & ~has_bar
    return between


def digits_beyond(prices: Floats, digits: int) -> Cells:
    """Mark the prices that have more significant digits than a source prints."""
    if not prices.size:
        return np.zeros(prices.shape, dtype=np.bool_)
    columns = prices.reshape(len(prices), -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        beyond: Cells = (columns > 0) & (columns < np.inf)
        known = columns if beyond.all() else np.where(beyond, columns, 1.0)
        # Some sessions at a time stay in the processor's cache, which halves the time.
        for rows, scaled in _in_last_digits(known, digits):
            # The binary form of a decimal of seven digits is off by 1e-9 of its last one, float32's by up to a half of it.
            scaled -= np.rint(scaled)
            beyond[rows] &= np.abs(scaled, out=scaled) > 1e-4
    return beyond.reshape(prices.shape)


def _in_last_digits(prices: Floats, digits: int) -> Iterator[tuple[slice, Floats]]:
    """Give positive prices, of shape (sessions, instruments), in units of the last of so many digits, some rows at a time.

    Most columns stay within one power of ten: a logarithm of each of their prices would be most of the work.
    """
    least, most = (np.floor(np.log10(end.reduce(prices, axis=0))) for end in (np.minimum, np.maximum))
    units, wide = 10.0 ** (digits - 1 - least), np.flatnonzero(least != most)
    for start in range(0, len(prices), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        scaled = prices[rows] * units
        scaled[:, wide] = prices[rows, wide] * 10.0 ** (digits - 1 - np.floor(np.log10(prices[rows, wide])))
        yield rows, scaled


def disagreements(ours: Floats, theirs: Floats, *, limit: float) -> Cells:
    """Mark the sessions on which two providers' closes of one instrument disagree by more than a fraction `limit`.

    Both are arrays over the same sessions, NaN where one has no bar. The providers may use different units: a close
    disagrees where the ratio of the two is apart from the median ratio of the ten sessions before to ten after. A split
    that only one of them has adjusted for shifts that median and is no disagreement.
    """
    ratio = np.full(len(ours), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        is_told = (ours > 0) & (theirs > 0)
        ratio[is_told] = np.log(theirs[is_told] / ours[is_told])
    told, apart = ratio[is_told], np.zeros(len(ours), dtype=np.bool_)
    if not len(told):
        return apart
    edges = np.pad(told, NEIGHBOURS, constant_values=np.nan)
    around = np.sort(np.lib.stride_tricks.sliding_window_view(edges, 2 * NEIGHBOURS + 1), axis=1)
    count = np.sum(~np.isnan(around), axis=1)
    middle = around[np.arange(len(told)), (count - 1) // 2]
    apart[is_told] = np.abs(told - middle) > np.log1p(limit)
    return apart


@dataclass(frozen=True, eq=False)
class Vintage:
    """One instrument's closes as a provider told them at one time: sessions ascend, closes are positive or NaN."""

    sessions: Days
    close: Floats


@dataclass(frozen=True)
class Restatement:
    """A provider told an instrument's past otherwise: old closes are `ratio` times the new ones on the common sessions."""

    ratio: float
    first: date
    last: date
    sessions: int
    others: int

    def __str__(self) -> str:
        """Say it in words."""
        split = small_rational(self.ratio, tolerance=0.005)
        factor = f"x{float(split):.10g}" if split and self.is_split else f"x{self.ratio:.4g}"
        words = f"restated by {factor} from {self.first} to {self.last} ({self.sessions} sessions)"
        return words + (f"; {self.others} of them by another factor" if self.others else "")

    @property
    def is_split(self) -> bool:
        """Say whether the ratio is a split's and not a spin-off's, as near as rounded prices can tell."""
        return small_rational(self.ratio, tolerance=0.002) is not None


def restatement_of(before: Vintage, after: Vintage) -> Restatement | None:
    """Compare what a provider told of an instrument's closes earlier and later; None where it told the same.

    The ratio is the median over the common sessions; `others` counts those apart from it by more than 1e-3.
    """
    common, in_before, in_after = np.intersect1d(before.sessions, after.sessions, return_indices=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = before.close[in_before] / after.close[in_after]
    is_told = np.isfinite(ratios) & (ratios > 0)
    ratios, common = ratios[is_told], common[is_told]
    if not len(ratios) or not bool(np.any(np.abs(ratios - 1) > RESTATED_LEAST)):
        return None
    moved = np.flatnonzero(np.abs(ratios - 1) > RESTATED_LEAST)
    ratio = float(np.median(ratios[moved]))
    others = int(np.sum(np.abs(ratios[moved] / ratio - 1) > 10 * RESTATED_LEAST))
    first, last = (common[at].astype("datetime64[D]").astype(object) for at in (moved[0], moved[-1]))
    return Restatement(ratio, first, last, len(moved), others)

"""Features: named functions of bars, the sets that a model reads, and how a set is computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.canonical import sha256_of
from core.domain.bars import Floats
from core.indicators.operations import INPUTS, Tape
from core.quant.bars import Bars
from core.quant.plan import Column, Plan

# So many instruments, whole tiles, or sessions at a time are computed by one thread.
SPAN = 64
Each = Callable[[Callable[[tuple[int, int]], None], Iterable[tuple[int, int]]], Iterable[None]]


@dataclass(frozen=True)
class Feature:
    """A named column that a model may use: its formula, who proposed it, and the function that computes it.

    `lookback` is how many sessions the value of a day reads, the day itself included: from the last `lookback` rows alone
    comes the same number, bit for bit, as from all of the past. `nan_rule` says when there is no value. The function says to a
    plan what is to be made, and gives the column; None where the set computes all of its features with a kernel of its own.
    """

    name: str
    group: str
    formula: str
    source: str
    lookback: int
    nan_rule: str
    function: Callable[[Plan], Column] | None


def feature(
    group: str, formula: str, source: str, *, lookback: int, nan_rule: str
) -> Callable[[Callable[[Plan], Column]], Feature]:
    """Make a feature of a function, under the function's name."""

    def named(function: Callable[[Plan], Column]) -> Feature:
        return Feature(function.__name__, group, formula, source, lookback, nan_rule, function)

    return named


@dataclass(frozen=True)
class FeatureSet:
    """The features of a model, in the order of its columns; `is_ranked` says that it reads their rank codes.

    A set may have a kernel of its own: it takes bars, who is wanted in the last rows, and where those rows go. `revision` goes
    up with every change of code that changes a value, which formulas alone do not tell: a model of before is then refused.
    """

    name: str
    features: tuple[Feature, ...]
    is_ranked: bool
    kernel: Callable[[Bars, NDArray[np.bool_], Floats], None] | None = None
    revision: int = 1

    def __post_init__(self) -> None:
        """Hold that no name stands twice."""
        twice = {name for name in self.names if self.names.count(name) > 1}
        if twice:
            raise ValueError(f"feature set {self.name} names {sorted(twice)} more than once")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Give the names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def hash(self) -> str:
        """Give the SHA-256 of names, formulas, look-backs and order of the features, their ranking and the revision."""
        told = [[feature.name, feature.formula, feature.lookback] for feature in self.features]
        return sha256_of([self.name, self.is_ranked, self.revision, told])

    @cached_property
    def tape(self) -> Tape:
        """Give the program that computes all of the features."""
        plan = Plan()
        return plan.tape(tuple(feature.function(plan) for feature in self.features if feature.function is not None))


def sessions_needed(feature_set: FeatureSet) -> int:
    """Give how many last sessions the features of a day are computed from."""
    return max((feature.lookback for feature in feature_set.features), default=0)


def features(
    bars: Bars, feature_set: FeatureSet, members: NDArray[np.bool_] | None = None, *, each: Each = map
) -> Floats:
    """Give the features of every session and instrument, of shape (features, sessions, instruments).

    `members`, of shape (sessions, instruments), says who has values; None: all. The others are NaN, and so is what a
    feature's NaN rule names. No value is infinite. A value does not depend on other instruments, nor on any later session.
    `each` does the work for spans of sessions, and then of instruments, as `map` does: the `map` of a pool of threads has them
    share it. A set with a kernel of its own does not ask it.
    """
    rows, width = bars.shape
    return _computed(bars, feature_set, _checked(members, (rows, width)), each)


def features_on_last(bars: Bars, feature_set: FeatureSet, members_row: NDArray[np.bool_] | None = None) -> Floats:
    """Give the features of the last session, of shape (features, instruments), from the last `sessions_needed` rows alone.

    They equal the last row of `features` bit for bit. `members_row`, of shape (instruments,), says who has values; None: all.
    """
    count, width = bars.shape
    wanted = _checked(members_row, (width,))
    if not count:
        return np.full((len(feature_set.features), width), np.nan)
    last = bars.rows(max(0, count - sessions_needed(feature_set)), count)
    return _computed(last, feature_set, wanted[None, :], map)[:, 0]


def _computed(bars: Bars, feature_set: FeatureSet, wanted: NDArray[np.bool_], each: Each) -> Floats:
    """Give as many of the last rows as are wanted."""
    out = _empty((len(feature_set.features), *wanted.shape))
    if feature_set.kernel is not None:
        feature_set.kernel(bars, wanted, out)
        return out
    # Compiled code costs time to load, which a command without features does not spend.
    from core.indicators.tape import run

    made = {"log_range": np.empty(bars.shape)}
    _share(lambda rows: _log_range(bars, rows, made["log_range"]), bars.shape[0], each)
    inputs = tuple(np.ascontiguousarray(made[name] if name in made else getattr(bars, name)) for name in INPUTS)
    tape, told = feature_set.tape, (inputs, np.ascontiguousarray(bars.market), np.ascontiguousarray(wanted))
    _share(lambda span: run(tape, told, out, span), wanted.shape[1], each)
    return out


def _share(work: Callable[[tuple[int, int]], None], count: int, each: Each) -> None:
    for _ in each(work, [(first, min(first + SPAN, count)) for first in range(0, count, SPAN)]):
        pass


def _log_range(bars: Bars, rows: tuple[int, int], out: Floats) -> None:
    first, end = rows
    # A price that is not above zero has no logarithm: that is NaN, or infinite until it is written.
    with np.errstate(all="ignore"):
        np.log(bars.high[first:end] / bars.low[first:end], out=out[first:end])


def _empty(shape: tuple[int, ...]) -> Floats:
    """Give an array that begins where a line of memory does, as a kernel can best write to it."""
    size = math.prod(shape)
    room = np.empty(size + 7)
    start = -room.ctypes.data // 8 % 8
    return room[start : start + size].reshape(shape)


def _checked(members: NDArray[np.bool_] | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if members is None:
        return np.ones(shape, dtype=np.bool_)
    if members.shape != shape or members.dtype != np.bool_:
        raise ValueError(f"members are of shape {members.shape} and type {members.dtype}, not bool of {shape}")
    return members

"""Features: named functions of bars, the sets that a model reads, and how a set is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike, NDArray

from core.canonical import sha256_of
from core.domain.bars import Floats
from core.quant.bars import Bars

if TYPE_CHECKING:
    from core.quant.block import Block

# Numbers in one array of a block: as many as stay near the processor while a set is computed.
CELLS = 32_768


@dataclass(frozen=True)
class Feature:
    """A named column that a model may use: its formula, who proposed it, and the function that computes it.

    `lookback` is how many sessions the value of a day reads, the day itself included: from the last `lookback` rows alone
    comes the same number, bit for bit, as from all of the past. `nan_rule` says when there is no value. The function takes a
    block of instruments and gives their values, of the block's shape.
    """

    name: str
    group: str
    formula: str
    source: str
    lookback: int
    nan_rule: str
    function: Callable[[Block], Floats]


def feature(
    group: str, formula: str, source: str, *, lookback: int, nan_rule: str
) -> Callable[[Callable[[Block], Floats]], Feature]:
    """Make a feature of a function, under the function's name."""

    def named(function: Callable[[Block], Floats]) -> Feature:
        return Feature(function.__name__, group, formula, source, lookback, nan_rule, function)

    return named


@dataclass(frozen=True)
class FeatureSet:
    """The features of a model, in the order of its columns; `is_ranked` says that it reads their rank codes."""

    name: str
    features: tuple[Feature, ...]
    is_ranked: bool

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
        """Give the SHA-256 of the names, formulas, look-backs and order of the features, and whether they are ranked."""
        told = [[feature.name, feature.formula, feature.lookback] for feature in self.features]
        return sha256_of([self.name, self.is_ranked, told])


def sessions_needed(feature_set: FeatureSet) -> int:
    """Give how many last sessions the features of a day are computed from."""
    return max((feature.lookback for feature in feature_set.features), default=0)


def features(
    bars: Bars,
    feature_set: FeatureSet,
    members: NDArray[np.bool_] | None = None,
    *,
    dtype: DTypeLike = np.float64,
) -> Floats:
    """Give the features of every session and instrument, of shape (features, sessions, instruments).

    `members`, of shape (sessions, instruments), says who has values; None: all. The others are NaN, and so is what a
    feature's NaN rule names. No value is infinite. A value does not depend on other instruments, nor on any later session.
    """
    rows, width = bars.shape
    members = _checked(np.ones((rows, width), dtype=np.bool_) if members is None else members, bars.shape)
    out = np.empty((len(feature_set.features), rows, width), dtype=dtype)
    _fill(out, bars, feature_set, members)
    return out


def features_on_last(bars: Bars, feature_set: FeatureSet, members_row: NDArray[np.bool_] | None = None) -> Floats:
    """Give the features of the last session, of shape (features, instruments), from the last `sessions_needed` rows alone.

    They equal the last row of `features` bit for bit. `members_row`, of shape (instruments,), says who has values; None: all.
    """
    count, width = bars.shape
    wanted = _checked(np.ones(width, dtype=np.bool_) if members_row is None else members_row, (width,))
    out = np.full((len(feature_set.features), min(count, 1), width), np.nan)
    last = bars.rows(max(0, count - sessions_needed(feature_set)), count)
    _fill(out, last, feature_set, wanted[None, :])
    return out[:, -1] if count else np.full((len(feature_set.features), width), np.nan)


def _fill(out: Floats, bars: Bars, feature_set: FeatureSet, members: NDArray[np.bool_]) -> None:
    """Compute block by block, and write the last rows: as many as `out` has."""
    # Compiled code costs time to load, which a command without features does not spend.
    from core.indicators.sweeps import place
    from core.quant.block import Block

    rows, width = bars.shape
    if not rows or not width:
        return
    # Whole lines of memory, so that no two blocks write to one.
    step = min(width, max(8, CELLS // rows // 8 * 8))
    before: Block | None = None
    for start in range(0, width, step):
        stop = min(start + step, width)
        block = Block(bars.columns(start, stop))
        if before is not None and stop - start == step:
            block.share(before)
        for at, feature in enumerate(feature_set.features):
            place(feature.function(block), members, start, out[at])
        before = block


def _checked(members: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if members.shape != shape or members.dtype != np.bool_:
        raise ValueError(f"members are of shape {members.shape} and type {members.dtype}, not bool of {shape}")
    return members

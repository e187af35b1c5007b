"""Rank codes: where each instrument stands among the members of its session, in at most 254 steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Floats

# LightGBM holds 255 bins a feature; one of them is for what is missing.
STEPS = 254


def codes(values: Floats, members: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give cross-sectional rank codes, whole numbers from 0 to 253, of values of shape (features, rows, instruments).

    `members`, of shape (rows, instruments), says who takes part; others, and those without a value, are NaN. With n values in
    a row of a feature, `below` of them smaller than a value and `ties` equal to it (itself included), its code is the whole
    part of 254 x (below + ties / 2) / n: the middle of its share of the ranks. Equal values have one code, the order of the
    instruments does not matter, and nothing but the order of the values does. The same code means the same share of the
    members on every day, so a model's bins need not be learned from a window.
    """
    from core.indicators.ranks import coded

    features, *shape = values.shape
    if tuple(shape) != members.shape:
        raise ValueError(f"values of shape {values.shape} need members of shape {tuple(shape)}, not {members.shape}")
    out = np.empty(values.shape, dtype=np.float32)
    for at in range(features):
        wanted = np.where(members, values[at], np.nan)
        coded(wanted, np.argsort(wanted, axis=-1), STEPS, out[at])
    return out

"""Compiles every kernel of the features, so that no later command waits for it: `python -m core.quant.kernels` at set-up."""

from __future__ import annotations

import numpy as np

from core.quant.bars import Bars
from core.quant.codes import codes
from core.quant.feature_sets import FEATURE_SETS
from core.quant.features import features, features_on_last


def compile_kernels() -> None:
    """Compute each feature set and its codes on a few bars: what is compiled for them is kept beside the sources."""
    flat = np.ones((3, 2))
    bars = Bars(flat, flat, flat, flat, flat, flat, flat[:, 0].copy())
    for one in FEATURE_SETS:
        features_on_last(bars, one)
        codes(features(bars, one), np.ones(flat.shape, dtype=np.bool_))


if __name__ == "__main__":
    compile_kernels()

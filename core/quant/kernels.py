"""Compiles every kernel, of features and of books, so that no later command waits: `python -m core.quant.kernels` at set-up."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from core.quant.bars import Bars
from core.quant.codes import codes
from core.quant.feature_sets import FEATURE_SETS
from core.quant.features import features, features_on_last
from core.quant.research import research
from core.quant.trading import Market, Trading


def compile_kernels() -> None:
    """Compute each feature set and its codes on a few bars, and run a book: what is compiled for it is kept by the sources."""
    flat = np.ones((3, 2))
    bars = Bars(flat, flat, flat, flat, flat, flat, flat[:, 0].copy())
    for one in FEATURE_SETS:
        features_on_last(bars, one)
        codes(features(bars, one), np.ones(flat.shape, dtype=np.bool_))
    compile_book()


def compile_book() -> None:
    """Run a book that holds nothing, by no rules to speak of."""
    flat = np.ones((3, 2))
    rules = dict.fromkeys((field.name for field in fields(Trading) if field.default is MISSING), 0.0)
    whole: dict[str, Any] = rules | {"positions_max": 1, "hold_rank_multiple": 1}
    market = Market(np.arange(3).astype("datetime64[D]"), ("A", "B"), flat, flat, flat > 0, flat[:, 0], flat[:, 0])
    research("book", flat[:1], np.array([0]), market=market, trading=Trading(**whole), capital=1.0)


if __name__ == "__main__":
    compile_kernels()

"""What can be wrong with a told bar by itself, and the words for each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Floats

MEANING = {
    "non_session": "the exchange was closed",
    "duplicate_date": "told more than once, the last is kept",
    "missing_value": "a price is missing",
    "non_positive": "a price is zero or less",
    "impossible_volume": "the volume is below zero or not finite",
    "ohlc": "open or close is outside low to high",
}


def judged(values: Floats) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Give each check of a bar with the rows that fail it, of values by BAR_FIELDS; a NaN fails only the first.

    A volume may be missing: an index has none, and whether an instrument must have one is for the quality checks to say.
    """
    opened, high, low, close, adj_close, volume = values
    prices = (opened, high, low, close, adj_close)
    yield "missing_value", np.logical_or.reduce([~np.isfinite(price) for price in prices])
    yield "non_positive", np.logical_or.reduce([price <= 0 for price in prices])
    yield "impossible_volume", (volume < 0) | np.isinf(volume)
    yield "ohlc", (high < np.maximum(opened, close)) | (low > np.minimum(opened, close))

"""Reach: how far the bars of a series go, an instrument, which is all that choosing between series asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import NEVER, Outline


@dataclass(frozen=True, eq=False)
class Reach:
    """A column: whether any row tells of it, and the first and last day (since 1970) with an adjusted close.

    NEVER and -1 where it has none.
    """

    is_told: NDArray[np.bool_]
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def of_nothing(cls, width: int) -> Reach:
        """Give the reach of no rows, to add to."""
        never, before = (np.full(width, day, dtype=np.int64) for day in (NEVER, -1))
        return cls(np.zeros(width, dtype=np.bool_), never, before)

    def add(self, outline: Outline, column: NDArray[np.int64]) -> None:
        """Add the bars of a file, whose symbols stand in these columns, -1 in none."""
        is_ours = column >= 0
        column = column[is_ours]
        self.is_told[column] = True
        np.minimum.at(self.first, column, outline.first[is_ours])
        np.maximum.at(self.last, column, outline.last[is_ours])


def columns_of(symbols: tuple[str, ...], columns: Mapping[str, int]) -> NDArray[np.int64]:
    """Give the column of each symbol, -1 where it has none."""
    return np.array([columns.get(symbol, -1) for symbol in symbols], dtype=np.int64)

"""Versions: rows told of the same bars at different times become the newest bars, the older ones, and links of units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import BAR_FIELDS, BasisKind, Days, Floats
from core.domain.instrument import InstrumentId
from core.domain.panel import Link, Versions

_Whole = NDArray[np.int64]

# A restatement smaller than this is rounding: prices told with seven digits differ by 5e-8, cents of a ten dollar price by
# 5e-4 in one close but not in the median of several, and the smallest dividends pay a few basis points.
LINK_LEAST = 2e-5
_CLOSE, _ADJ_CLOSE = BAR_FIELDS.index("close"), BAR_FIELDS.index("adj_close")


@dataclass(frozen=True, eq=False)
class Told:
    """Rows of bars: the instrument's column, the session, since when it was known (UTC seconds of the epoch), six values."""

    column: _Whole
    session: Days
    known: _Whole
    values: Floats

    def taken(self, keep: NDArray[Any]) -> Told:
        """Give some of the rows; all of them are the rows themselves, not a copy."""
        if keep.dtype == np.bool_ and bool(keep.all()):
            return self
        return Told(self.column[keep], self.session[keep], self.known[keep], self.values[:, keep])


def in_order(told: Told) -> Told:
    """Give the rows in the order (column, session, known); rows alike in all three stay in the order of telling."""
    return told.taken(np.lexsort((told.known, told.session, told.column)))


def without_repeats(told: Told) -> tuple[Told, Told]:
    """Give ordered rows once a column, session and instant, the last row counts; and those that stood more than once."""
    is_last = np.append(~_same(told, "known"), True)[: len(told.known)]
    told_twice = np.append(False, _same(told, "known"))[: len(told.known)]
    return told.taken(is_last), told.taken(is_last & told_twice)


def newest_of(told: Told) -> tuple[Told, Versions]:
    """Split ordered rows without repeats into the newest of each bar and the versions that another one superseded.

    A row that says what the one before it said is no new version: the bar was known since the first of them.
    """
    if not len(told.known):
        return told, Versions(told.column, told.session, _instants(told.known), _instants(told.known), told.values)
    follows = np.append(False, _same(told))
    before, after = told.values[:, :-1], told.values[:, 1:]
    says_same = np.append(False, np.all((before == after) | (np.isnan(before) & np.isnan(after)), axis=0))
    kept = told.taken(~(follows & says_same))
    is_superseded = np.append(_same(kept), False)
    old = kept.taken(is_superseded)
    until = kept.known[1:][is_superseded[:-1]]
    versions = Versions(old.column, old.session, _instants(old.known), _instants(until), old.values)
    return kept.taken(~is_superseded), versions


def links_of(told: Told, kinds: Sequence[BasisKind], names: Sequence[InstrumentId]) -> tuple[Link, ...]:
    """Give the links that ordered rows without repeats imply; `kinds` and `names` are those of each column.

    Where a telling repeats sessions of an earlier one, their ratio says what its provider did to the past since: the
    median ratio of the closes in split-adjusted and total-return prices (raw ones stay as traded; another close there is a
    correction), times the median ratio of adj_close / close.
    """
    by_price, by_factor = np.ones(len(told.known)), np.ones(len(told.known))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = told.values[_ADJ_CLOSE] / told.values[_CLOSE]
        by_price[1:] = told.values[_CLOSE, 1:] / told.values[_CLOSE, :-1]
        by_factor[1:] = factor[1:] / factor[:-1]
    overlaps = np.append(False, _same(told))[: len(factor)] & np.isfinite(by_price) & np.isfinite(by_factor)
    overlaps &= (by_price > 0) & (by_factor > 0)
    moved = overlaps & ((np.abs(by_price - 1) > LINK_LEAST) | (np.abs(by_factor - 1) > LINK_LEAST))
    telling = told.column * (1 << 40) + told.known
    order = np.argsort(telling, kind="stable")
    found: list[Link] = []
    for one in np.unique(telling[moved]).tolist():
        rows = order[slice(*np.searchsorted(telling, [one, one + 1], sorter=order).tolist())]
        repeated = rows[overlaps[rows]]
        column = int(told.column[rows[0]])
        price = 1.0 if kinds[column] == "raw" else float(np.median(by_price[repeated]))
        total = price * float(np.median(by_factor[repeated]))
        if abs(price - 1) > LINK_LEAST or abs(total - 1) > LINK_LEAST:
            since = datetime.fromtimestamp(int(told.known[rows[0]]), UTC)
            before = told.session[rows].min().astype("datetime64[D]").astype(object)
            found.append(Link(since, names[column], before, price, total))
    return tuple(sorted(found))


def _same(told: Told, *also: str) -> NDArray[np.bool_]:
    """Say of each row but the last whether the next one is of the same column and session, and alike in more."""
    same: NDArray[np.bool_] = (told.column[:-1] == told.column[1:]) & (told.session[:-1] == told.session[1:])
    for name in also:
        same &= getattr(told, name)[:-1] == getattr(told, name)[1:]
    return same


def _instants(seconds: _Whole) -> Days:
    return seconds.astype("datetime64[s]")

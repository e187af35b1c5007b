"""Soundness: which rows of bars can be believed, once a column and session, and a defect for each thing that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import BAR_FIELDS, BasisKind, Days
from core.domain.instrument import Universe
from core.domain.panel import Defect, Link, Versions
from core.market_data.defects import MEANING, judged
from core.market_data.evening import ASSUMED, Evening
from core.market_data.versions import Told, in_order, links_of, newest_of, without_repeats


def within(rows: Told, calendar: Days) -> tuple[Told, dict[int, int]]:
    """Give the rows between the calendar's ends, and how many stand outside, by day (since 1970)."""
    if not len(calendar):
        outside = np.ones(len(rows.session), dtype=np.bool_)
    else:
        outside = (rows.session < calendar[0]) | (rows.session > calendar[-1])
    days, counts = np.unique(rows.session[outside].astype(np.int64), return_counts=True)
    return rows.taken(~outside), dict(zip(days.tolist(), counts.tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Sound:
    """One row a column and session, NaN where it cannot be believed; what was told before it; and what was wrong."""

    newest: Told
    defects: tuple[Defect, ...]
    versions: Versions | None = None
    links: tuple[Link, ...] = ()


def sound(rows: Told, calendar: Days, universe: Universe, *, kinds: Sequence[BasisKind], told_by: Evening) -> Sound:
    """Judge rows: a defect for each thing that is wrong with those that count now."""
    # As numbers they are looked up in a table; as dates they would be sorted.
    is_session = np.isin(rows.session.astype(np.int64), calendar.astype("datetime64[D]").astype(np.int64))
    strays, kept = rows.taken(~is_session), rows.taken(is_session)
    defects = [_defect(strays, at, universe, "non_session") for at in range(len(strays.session))]
    if not bool(np.any(kept.known != ASSUMED)):
        last, told = _last_of_each(kept)
        defects += [_defect(kept, at, universe, "duplicate_date") for at in last[told > 1].tolist()]
        newest, more = _believed(kept.taken(last), universe)
        return Sound(newest, (*defects, *more))
    assumed = np.where(kept.known == ASSUMED, told_by.seconds(kept.session), kept.known)
    single, repeated = without_repeats(in_order(replace(kept, known=assumed)))
    defects += [_defect(repeated, at, universe, "duplicate_date") for at in range(len(repeated.session))]
    links = links_of(single, kinds, [instrument.id for instrument in universe.instruments])
    newest, versions = newest_of(single)
    newest, more = _believed(newest, universe)
    # What was wrong with a version that is no longer believed is nobody's defect now; then, its bar was not there.
    is_bad = np.logical_or.reduce([is_wrong for _, is_wrong in judged(versions.values)])
    versions = replace(versions, values=np.where(is_bad, np.nan, versions.values))
    return Sound(newest, (*defects, *more), versions if len(versions.column) else None, links)


def _believed(rows: Told, universe: Universe) -> tuple[Told, list[Defect]]:
    """Give the rows with NaN in all fields of each bad one, and a defect for each thing that is wrong."""
    defects: list[Defect] = []
    is_bad = np.zeros(len(rows.session), dtype=np.bool_)
    for check, is_wrong in judged(rows.values):
        defects += [_defect(rows, at, universe, check) for at in np.flatnonzero(is_wrong).tolist()]
        is_bad |= is_wrong
    return replace(rows, values=np.where(is_bad, np.nan, rows.values)) if is_bad.any() else rows, defects


def _defect(rows: Told, at: int, universe: Universe, check: str) -> Defect:
    told = zip(BAR_FIELDS, rows.values[:, at].tolist(), strict=True)
    detail = f"{MEANING[check]}: {', '.join(f'{name} {value:.10g}' for name, value in told)}"
    return Defect(rows.session[at].astype(object), universe.instruments[int(rows.column[at])].id, check, detail)


def _last_of_each(rows: Told) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give, a column and session, the place of its last row and how many rows it has."""
    if not len(rows.session):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    day = rows.session.astype(np.int64)
    cell = rows.column * (int(day.max()) + 1) + day
    _, first_from_end, count = np.unique(cell[::-1], return_index=True, return_counts=True)
    return len(cell) - 1 - first_from_end, count

"""Knowledge: a panel as it was known at an instant, made of what was told since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from core.domain.bars import BAR_FIELDS, Days, Floats
from core.domain.panel import Defect, Panel
from core.market_data.pending import known_announcements

_EVER = np.datetime64("9999-12-31T00:00:00", "s")
_VOLUME = BAR_FIELDS.index("volume")
_ADJ_CLOSE = BAR_FIELDS.index("adj_close")


def as_known(panel: Panel, at: datetime | None = None) -> Panel:
    """Give a panel as it was known at an instant (aware; None: all that is known), its bars in the units of that instant.

    Of each bar the version counts that was the newest told by then; a bar not told by then is NaN, in all fields. What an
    earlier telling left in older units is taken into newer ones by the links known by then. `is_restated` marks the bars
    of which another version was told later. A defect belongs to the version that has it; dividends and splits are taken
    for known on their day, an announcement counts from when it was told. Versions and links are used up: the result has
    none. The bars of a panel that says nothing of knowledge come back as they are.
    """
    panel = known_announcements(panel, at)
    if panel.known_at is None:
        return panel
    instant = _EVER if at is None else _instant(at)
    if panel.known_at.ndim == 1:
        return panel if at is None else _sessions_known(panel, instant)
    told = _told_by(panel, instant)
    if panel.links:
        price, total_return = _factors(panel, told.known_at, instant)
        told.values[:_ADJ_CLOSE] *= price
        told.values[_ADJ_CLOSE] *= total_return
        told.values[_VOLUME] /= price
    defects = tuple(defect for defect in panel.defects if _is_known(panel, defect, instant))
    return replace(
        panel.with_values(told.values),
        known_at=told.known_at,
        defects=defects,
        versions=None,
        links=(),
        is_restated=told.is_restated,
    )


@dataclass(frozen=True, eq=False)
class _Told:
    """The bars that counted at an instant, as they were told: values by BAR_FIELDS, since when, and whether superseded."""

    values: Floats
    known_at: Days
    is_restated: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def _factors(panel: Panel, known_at: Days, instant: np.datetime64) -> tuple[Floats, Floats]:
    """Give what each bar's prices and its adj_close are multiplied with: the links told after it of sessions before theirs."""
    # Column by column in memory, for each link touches the beginning of one.
    price, total_return = np.ones(known_at.T.shape), np.ones(known_at.T.shape)
    known = np.ascontiguousarray(known_at.T)
    column_of = {name: column for column, name in enumerate(panel.instruments)}
    since = np.array([_instant(link.known_at) for link in panel.links])
    stops = np.searchsorted(panel.sessions, np.array([link.before for link in panel.links], dtype="datetime64[D]"))
    for link, told_at, stop in zip(panel.links, since, stops.tolist(), strict=True):
        if told_at <= instant and stop:
            column = column_of[link.instrument]
            earlier = known[column, :stop] < told_at
            total_return[column, :stop][earlier] *= link.total_return
            if link.price != 1:
                price[column, :stop][earlier] *= link.price
    return price.T, total_return.T


def _is_known(panel: Panel, defect: Defect, instant: np.datetime64) -> bool:
    """Say whether what is wrong with a bar was told by then; on no session, it is told with the day itself."""
    row, column = panel.row(defect.session), panel.column(defect.instrument)
    if row is None or column is None:
        return bool(np.datetime64(defect.session, "s") <= instant)
    assert panel.known_at is not None, "asked of a panel that says when its bars were known"
    return bool(panel.known_at[row, column] <= instant)


def _instant(at: datetime) -> np.datetime64:
    return np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "s")


def _sessions_known(panel: Panel, instant: np.datetime64) -> Panel:
    assert panel.known_at is not None, "asked of a panel that says when its sessions were known"
    unknown = panel.known_at > instant
    if not bool(unknown.any()):
        return panel
    values = panel.values()
    values[:, unknown] = np.nan
    return panel.with_values(values)


def _told_by(panel: Panel, instant: np.datetime64) -> _Told:
    """Give a copy of the bars with the version of each that counted at an instant."""
    assert panel.known_at is not None, "asked of a panel that says when its bars were known"
    values = panel.values()
    known_at = panel.known_at.astype("datetime64[s]")
    is_restated = np.zeros(known_at.shape, dtype=np.bool_)
    unknown = known_at > instant
    values[:, unknown] = np.nan
    known_at[unknown] = np.datetime64("NaT", "s")
    if panel.versions is not None:
        counts = (panel.versions.known_at <= instant) & (panel.versions.until > instant)
        then = panel.versions.taken(counts)
        row = np.searchsorted(panel.sessions, then.session)
        values[:, row, then.column] = then.values
        known_at[row, then.column] = then.known_at
        is_restated[row, then.column] = True
    return _Told(values, known_at, is_restated)

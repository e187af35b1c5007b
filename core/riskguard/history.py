"""History: what the bars up to as-of say of an instrument that a rule asks about, each worked out only when it is asked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from statistics import median

import numpy as np

from core.domain.bars import Floats
from core.domain.case import Case
from core.domain.instrument import InstrumentId
from core.domain.panel import Panel
from core.measures.correlation import correlations
from core.money import price_of
from core.settings import Policy

ZERO = Decimal(0)
TRADED_SESSIONS = 20


def close_before(case: Case, name: InstrumentId) -> Decimal | None:
    """Give an instrument's last close before as-of, in the units of as-of, or None without one."""
    panel = case.panel
    if panel is None or (column := panel.column(name)) is None:
        return None
    closes, row = panel.close[:, column], _rows(panel, case.as_of)[0] - 1
    while row >= 0 and not closes[row] > 0:
        row -= 1
    if row < 0:
        return None
    basis, last = panel.basis[column], panel.sessions[row].astype(object)
    # Bars as they were traded are in the units of their day; adjusted ones know the split already.
    ratios = [
        float(one.ratio)
        for one in panel.splits
        if one.instrument == name and last < one.session <= case.as_of and basis is not None and basis.kind == "raw"
    ]
    return price_of(float(closes[row]) / math.prod(ratios))


def value_traded(panel: Panel | None, as_of: date, name: InstrumentId) -> Decimal:
    """Give the median of what is traded of an instrument in its last sessions up to as-of, in the currency of its price.

    A session without a bar or a volume counts as one in which nothing is traded. Whole units of money, cut down.
    """
    if panel is None or (column := panel.column(name)) is None:
        return ZERO
    stop = _rows(panel, as_of)[1]
    rows = slice(max(0, stop - TRADED_SESSIONS), stop)
    traded = (panel.close[rows, column] * panel.volume[rows, column]).tolist()
    return Decimal(int(median(value if math.isfinite(value) else 0.0 for value in traded))) if traded else ZERO


def alike(case: Case, name: InstrumentId, policy: Policy) -> frozenset[InstrumentId]:
    """Give what the book holds or buys that moves as an instrument does, itself included.

    Whoever has no bars, or too few, is taken for alike: who can not be told apart may fall with the others.
    """
    limits, names = policy.limits, tuple(case.after)
    if case.panel is None:
        return frozenset(names)
    sessions, least = limits.correlation_sessions, limits.correlation_max
    return together(case.panel, case.as_of, names, sessions=sessions, least=least)[name]


# The target, the plan and the review of a slot ask of the same bars.
@lru_cache(maxsize=4)
def together(
    panel: Panel, as_of: date, names: tuple[InstrumentId, ...], *, sessions: int, least: Decimal
) -> Mapping[InstrumentId, frozenset[InstrumentId]]:
    """Give what of some instruments moves as each of them by at least a correlation, itself included."""
    found = correlations(total_prices(panel, as_of, names, returns=sessions)) >= float(least)
    return {
        name: frozenset(names[other] for other in np.flatnonzero(found[at]).tolist()) for at, name in enumerate(names)
    }


def total_prices(panel: Panel, as_of: date, names: tuple[InstrumentId, ...], *, returns: int) -> Floats:
    """Give total-return prices up to as-of, one more than the returns that are asked for; NaN of what has no bars."""
    stop = _rows(panel, as_of)[1]
    rows = slice(max(0, stop - returns - 1), stop)
    place = {name: at for at, name in enumerate(panel.instruments)}
    prices = np.full((rows.stop - rows.start, len(names)), np.nan)
    for at, name in enumerate(names):
        if name in place:
            prices[:, at] = panel.adj_close[rows, place[name]]
    return prices


def _rows(panel: Panel, as_of: date) -> tuple[int, int]:
    """Give how many sessions of a panel are before as-of, and how many up to it."""
    day = np.datetime64(as_of, "D")
    return int(np.searchsorted(panel.sessions, day)), int(np.searchsorted(panel.sessions, day, side="right"))

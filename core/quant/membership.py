"""Membership: which instruments counted on which session, as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.domain.bars import Days
from core.domain.instrument import Universe
from core.quant.labels import Members


def members_of(universe: Universe, instruments: Sequence[str], sessions: Days) -> Members:
    """Say of each session and instrument whether the universe counted it that day, of shape (sessions, instruments).

    An instrument that the universe does not hold counts on no day.
    """
    rows, days = universe.by_id(), sessions.astype("datetime64[D]")
    members = np.zeros((len(days), len(instruments)), dtype=np.bool_)
    for column, name in enumerate(instruments):
        for period in rows[name].periods if name in rows else ():
            start = int(np.searchsorted(days, np.datetime64(period.first, "D")))
            stop = None if period.last is None else np.searchsorted(days, np.datetime64(period.last, "D"), side="right")
            members[start:stop, column] = True
    return members


def holdable(universe: Universe, benchmark: str) -> tuple[str, ...]:
    """Name the instruments that a book may learn of and hold: no benchmark, nothing that is only a CFD, in the order of ids."""
    return tuple(row.id for row in universe.instruments if row.is_tradable_as_underlying and row.id != benchmark)

"""Valuing what is held: its last close, and the words where there is none."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from core.domain.instrument import InstrumentId
from core.domain.panel import Panel
from core.ledger.splits import Ratios, units_since
from core.money import price_of, round_price

# More than the longest stretch without a session.
REACH = timedelta(days=14)


class NothingToValue(ValueError):
    """There are no bars or no entries to value."""


def last_close(panel: Panel, instrument: InstrumentId, ratios: Ratios) -> tuple[date, Decimal]:
    """Give an instrument's last close in the units that are held now, with its session; raises NothingToValue without one."""
    column = panel.column(instrument)
    rows = np.flatnonzero(~np.isnan(panel.close[:, column])) if column is not None else np.empty(0, dtype=np.int64)
    if not len(rows):
        raise NothingToValue(f"{instrument} is held and has no close in the bars of that time; run `twokey ingest`")
    close = price_of(float(panel.close[rows[-1], column]))
    session: date = panel.sessions[rows[-1]].astype(object)
    became = units_since(ratios, instrument, session, date.max)
    return session, close if became == 1 else round_price(close / became)

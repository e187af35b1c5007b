"""Liquidity: the value that changes hands in a session, and who trades too little of it to be decided on."""

from __future__ import annotations

from datetime import date

import numpy as np

from core.canonical import plain_decimal
from core.domain.bars import Floats
from core.domain.instrument import InstrumentId
from core.domain.panel import Panel
from core.settings import DataRules

# A quarter of a year: long enough that a quiet month does not decide, short enough that a dried-up market is seen.
SESSIONS = 63


def median_value_traded(panel: Panel, as_of: date, *, sessions: int = SESSIONS) -> Floats:
    """Give, an instrument, the median of close x volume over the last sessions up to as-of, in its own currency.

    A session without a bar or without a volume counts as one in which nothing was traded. Of a panel with fewer sessions all
    are taken; without any, the median is zero. On split-adjusted bars the product is what was paid then; on total-return
    bars it lacks the dividends paid since. The median and not the mean, for one block trade or change of an index moves the
    mean of a quarter (MSCI, Global Investable Market Indexes Methodology, annualised traded value ratio: medians of daily
    traded value).
    """
    stop = int(np.searchsorted(panel.sessions, np.datetime64(as_of, "D"), side="right"))
    rows = slice(max(0, stop - sessions), stop)
    traded = np.nan_to_num(panel.close[rows] * panel.volume[rows], nan=0.0)
    return np.median(traded, axis=0) if len(traded) else np.zeros(len(panel.instruments))


def illiquid(panel: Panel, as_of: date, rules: DataRules) -> tuple[tuple[InstrumentId, str], ...]:
    """Give the instruments that trade less than the policy's least value, in the panel's order, with the reason.

    A least value of zero leaves nobody out.
    """
    least = rules.value_traded_min
    if least == 0:
        return ()
    medians = median_value_traded(panel, as_of)
    wanted = f"at least {plain_decimal(least)} are needed"
    return tuple(
        (name, f"{value:.0f} are traded in a median session of the last {SESSIONS}; {wanted}")
        for name, value in zip(panel.instruments, medians.tolist(), strict=True)
        if value < float(least)
    )

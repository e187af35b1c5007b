"""What is stored and not used: series without adjusted closes, and history that begins before the bars that are used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import BAR_FIELDS
from core.domain.panel import Panel
from core.gate import Finding, note
from core.market_data.checks_universe import named
from core.market_data.compare import Telling

# History that is longer by less than a month is no loss.
LONGER_DAYS = 30
_ADJ_CLOSE = BAR_FIELDS.index("adj_close")
_NEVER = np.iinfo(np.int64).max


def unused(tellings: Sequence[Telling], panel: Panel) -> list[Finding]:
    """Give a note on each series of which no bar can be made, and one on instruments whose bars begin later than they could.

    `tellings` are all series of the policy's providers. A column comes from one of them: two adjustments are never mixed,
    and a ratio at the joint would be a guess wherever a provider corrected its past.
    """
    width = len(panel.instruments)
    firsts = [(one, _first_days(one, width)) for one in tellings]
    findings = [
        note(
            "data",
            "adjusted_close",
            f"{one.provider}: {one.name} tells no adjusted close of {count} instruments: {why}",
        )
        for one, first in firsts
        if (count := int(np.count_nonzero(_are_told(one, width) & (first == _NEVER))))
        for why in ("its closes are compared, and no bar is made of them",)
    ]
    shorter = [words for column in range(width) if (words := _shorter(panel, column, firsts))]
    if shorter:
        reason = "bars begin later than in files that are not used, for two adjustments are never mixed"
        findings.append(note("data", "history", f"{len(shorter)} instruments: {reason}: {named(shorter)}"))
    return findings


def _are_told(one: Telling, width: int) -> NDArray[np.bool_]:
    """Mark the columns that have a row."""
    are_told = np.zeros(width, dtype=np.bool_)
    are_told[one.rows.column] = True
    return are_told


def _first_days(one: Telling, width: int) -> NDArray[np.int64]:
    """Give, a column, the day (since 1970) of the first row with an adjusted close; the end of time where there is none."""
    is_told = np.isfinite(one.rows.values[_ADJ_CLOSE])
    first = np.full(width, _NEVER, dtype=np.int64)
    np.minimum.at(first, one.rows.column[is_told], one.rows.session[is_told].astype("datetime64[D]").astype(np.int64))
    return first


def _shorter(panel: Panel, column: int, firsts: Sequence[tuple[Telling, NDArray[np.int64]]]) -> str | None:
    """Say of an instrument when its bars begin, and which file holds earlier ones."""
    rows = np.flatnonzero(~np.isnan(panel.close[:, column]))
    if not len(rows):
        return None
    begins = panel.sessions[rows[0]].astype("datetime64[D]")
    one, days = min(firsts, key=lambda pair: int(pair[1][column]))
    first = int(days[column])
    if first >= begins.astype(np.int64) - LONGER_DAYS:
        return None
    return f"{panel.instruments[column]} {begins} ({np.datetime64(first, 'D')} in {one.provider} {one.name})"

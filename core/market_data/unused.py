"""What is stored and not used: series without adjusted closes, and history that begins before the bars that are used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import NEVER
from core.domain.instrument import InstrumentId
from core.domain.panel import Panel
from core.gate import Finding, note
from core.market_data.checks_universe import named
from core.market_data.compare import Telling

# History that is longer by less than a month is no loss.
LONGER_DAYS = 30


def unused(tellings: Sequence[Telling], names: Sequence[InstrumentId], begins: NDArray[np.int64]) -> list[Finding]:
    """Give a note on each series of which no bar can be made, and one on instruments whose bars begin later than they could.

    `tellings` are all series of the policy's providers, `begins` the first day (since 1970) with a bar of each instrument,
    NEVER where it has none. A column comes from one series: two adjustments are never mixed, and a ratio at the joint
    would be a guess wherever a provider corrected its past.
    """
    findings = [
        note(
            "data",
            "adjusted_close",
            f"{one.provider}: {one.name} tells no adjusted close of {count} instruments: {why}",
        )
        for one in tellings
        if (count := int(np.count_nonzero(one.reach.is_told & (one.reach.first == NEVER))))
        for why in ("its closes are compared, and no bar is made of them",)
    ]
    shorter = list(_shorter(tellings, names, begins)) if tellings else []
    if shorter:
        reason = "bars begin later than in files that are not used, for two adjustments are never mixed"
        findings.append(note("data", "history", f"{len(shorter)} instruments: {reason}: {named(shorter)}"))
    return findings


def first_bars(panel: Panel) -> NDArray[np.int64]:
    """Give the first day (since 1970) with a bar of each instrument of a panel, NEVER where it has none."""
    has_bar = ~np.isnan(panel.close)
    if not len(panel.sessions):
        return np.full(len(panel.instruments), NEVER, dtype=np.int64)
    days = panel.sessions.astype("datetime64[D]").astype(np.int64)
    first: NDArray[np.int64] = np.where(has_bar.any(axis=0), days[np.argmax(has_bar, axis=0)], NEVER)
    return first


def _shorter(tellings: Sequence[Telling], names: Sequence[InstrumentId], begins: NDArray[np.int64]) -> Iterator[str]:
    """Say of each instrument with earlier bars than those that are used when its bars begin, and which file holds them."""
    firsts = np.array([one.reach.first for one in tellings])
    at = np.argmin(firsts, axis=0)
    first = firsts[at, np.arange(len(names))]
    for column in np.flatnonzero((begins != NEVER) & (first < begins - LONGER_DAYS)).tolist():
        one, days = tellings[at[column]], (np.datetime64(int(day[column]), "D") for day in (begins, first))
        yield f"{names[column]} {next(days)} ({next(days)} in {one.provider} {one.name})"

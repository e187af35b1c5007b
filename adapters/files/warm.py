"""A clean set held in memory, for flows that ask for many windows of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TypeVar

import numpy as np

from core.domain.bars import BAR_FIELDS, Fixing
from core.domain.panel import Defect, Dividend, Panel, Split
from flows.ports import CleanSet

Dated = TypeVar("Dated", Defect, Dividend, Split)


class WarmCleanSet:
    """Reads each clean set once and gives windows of it; what it gives equals what the set itself would give."""

    def __init__(self, clean: CleanSet) -> None:
        self._clean = clean
        self._panels: dict[str, Panel] = {}
        self._fixings: dict[str, Sequence[Fixing]] = {}

    def publish(self, panel: Panel, fixings: Sequence[Fixing], *, made_of: Mapping[str, str]) -> str:
        """Store a clean set and make it current."""
        return self._clean.publish(panel, fixings, made_of=made_of)

    def current(self) -> str | None:
        """Give the hash of the current clean set."""
        return self._clean.current()

    def panel(self, snapshot: str, *, first: date | None = None, last: date | None = None) -> Panel:
        """Give the part of a panel from `first` to `last`, both included; arrays are views."""
        if snapshot not in self._panels:
            self._panels[snapshot] = self._clean.panel(snapshot)
        whole = self._panels[snapshot]
        start = 0 if first is None else int(np.searchsorted(whole.sessions, np.datetime64(first, "D")))
        stop = (
            len(whole.sessions)
            if last is None
            else int(np.searchsorted(whole.sessions, np.datetime64(last, "D"), side="right"))
        )
        return replace(
            whole,
            sessions=whole.sessions[start:stop],
            known_at=None if whole.known_at is None else whole.known_at[start:stop],
            defects=_between(whole.defects, first, last),
            dividends=_between(whole.dividends, first, last),
            splits=_between(whole.splits, first, last),
            **{name: getattr(whole, name)[start:stop] for name in BAR_FIELDS},
        )

    def fixings(self, snapshot: str) -> Sequence[Fixing]:
        """Give the fixings of a clean set, oldest first."""
        if snapshot not in self._fixings:
            self._fixings[snapshot] = self._clean.fixings(snapshot)
        return self._fixings[snapshot]


def _between(items: Sequence[Dated], first: date | None, last: date | None) -> tuple[Dated, ...]:
    start = 0 if first is None else bisect_left(items, first, key=_session)
    stop = len(items) if last is None else bisect_right(items, last, key=_session)
    return tuple(items[start:stop])


def _session(item: Defect | Dividend | Split) -> date:
    return item.session

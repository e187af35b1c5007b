"""Quality reports: whether bars are fit to decide on, with the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from core.domain.instrument import InstrumentId
from core.domain.pending import PendingAction

CheckSeverity = Literal["block", "degrade", "note"]
"""What a failed check does: it closes the gate, leaves its instruments out with the reason, or is only shown."""


@dataclass(frozen=True, order=True)
class FoundIn:
    """What a check found in one instrument: how many bars, and the first and last session of them."""

    instrument: InstrumentId
    bars: int
    first: date
    last: date

    def __str__(self) -> str:
        """Say it in words."""
        if self.bars == 1:
            return f"{self.instrument} {self.first}"
        return f"{self.instrument} {self.bars} ({self.first} to {self.last})"


@dataclass(frozen=True)
class CheckResult:
    """One check's number against its threshold; `found` tells, an instrument, where it failed."""

    check: str
    value: str
    threshold: str
    has_passed: bool
    detail: str
    severity: CheckSeverity = "block"
    found: tuple[FoundIn, ...] = ()

    @property
    def verdict(self) -> str:
        """Say in a word what comes of it: pass, BLOCK, DEGRADE or NOTE."""
        return "pass" if self.has_passed else self.severity.upper()


@dataclass(frozen=True)
class QualityReport:
    """All checks of a panel as of a session, and the instruments left out with the reason.

    `degraded` names those of the excluded that have a bar which cannot be believed: whoever holds one cannot value it.
    `pending` are the announced splits and dividends that take effect by the execution session, `pending_splits` the
    instruments that a split, or what looks like one, leaves out, with its words: units traded then are not those priced.
    """

    as_of: date
    snapshot: str
    checks: tuple[CheckResult, ...]
    excluded: tuple[tuple[InstrumentId, str], ...]
    degraded: tuple[InstrumentId, ...] = ()
    pending: tuple[PendingAction, ...] = ()
    pending_splits: tuple[tuple[InstrumentId, str], ...] = ()

    @property
    def has_passed(self) -> bool:
        """Say whether every check that blocks passed."""
        return all(check.has_passed for check in self.checks if check.severity == "block")

"""Quality reports: whether bars are fit to decide on, with the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from core.domain.instrument import InstrumentId


@dataclass(frozen=True)
class CheckResult:
    """One check's number against its threshold."""

    check: str
    value: str
    threshold: str
    has_passed: bool
    detail: str


@dataclass(frozen=True)
class QualityReport:
    """All checks of a panel as of a session, and the instruments left out with the reason."""

    as_of: date
    snapshot: str
    checks: tuple[CheckResult, ...]
    excluded: tuple[tuple[InstrumentId, str], ...]

    @property
    def has_passed(self) -> bool:
        """Say whether every check passed."""
        return all(check.has_passed for check in self.checks)

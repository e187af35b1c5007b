"""Gates: a stage's value together with what its checks found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Severity = Literal["note", "warn", "block"]
T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """What a check saw: which check, of what, in words, and how bad."""

    check: str
    subject: str
    message: str
    severity: Severity = "block"


@dataclass(frozen=True)
class Gate(Generic[T]):
    """A stage's result: its value, if it has one, and its findings; closed if any finding blocks."""

    outcome: T | None
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        """Hold that an open gate carries a value."""
        if self.outcome is None and not any(finding.severity == "block" for finding in self.findings):
            raise ValueError("a gate without a value needs a blocking finding that says why")

    @property
    def is_open(self) -> bool:
        """Say whether nothing blocks."""
        return all(finding.severity != "block" for finding in self.findings)

    @property
    def value(self) -> T:
        """Give the value; raises ValueError when the stage could make none."""
        if self.outcome is None:
            raise ValueError(f"this gate has no value: {'; '.join(finding.message for finding in self.findings)}")
        return self.outcome


def block(check: str, subject: str, message: str) -> Finding:
    """Make a finding that closes its gate."""
    return Finding(check, subject, message, "block")


def note(check: str, subject: str, message: str) -> Finding:
    """Make a finding that is only told."""
    return Finding(check, subject, message, "note")


def closed(findings: Iterable[Finding]) -> Gate[T]:
    """Make a gate that has no value, closed by these findings."""
    return Gate(None, tuple(findings))

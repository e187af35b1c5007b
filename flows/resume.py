"""Resuming: a person lifts halts, and where the kill switch had closed a book, its peak counts anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from core.domain.facts import Halt, Worth
from core.domain.slot import BookName
from flows.books import DecisionBook, Resuming, RunBook


@dataclass(frozen=True)
class ResumeDoors:
    """What resuming may use: it reads runs and decisions, and adds resumes."""

    people: Resuming
    runs: RunBook
    decisions: DecisionBook


@dataclass(frozen=True)
class Resumed:
    """What a resume did: how many halts it lifted, and the books whose peak counts from a new session."""

    lifted: int
    peaks: dict[BookName, date]


def resume(
    scope: str,
    books: Sequence[BookName],
    doors: ResumeDoors,
    *,
    by: str,
    reason: str,
    seen: Sequence[Halt] | None = None,
) -> Resumed:
    """Lift the halts of a scope; `books` are those that the scope covers, `seen` the halts that the person read (None: all).

    A book that this sets free, and that the kill switch closed since its peak last restarted, has its peak count from the
    session that its newest decision looked at. A book that stays halted otherwise, or was never closed so, keeps its peak.
    Raises StoreError, and lifts nothing, where a halt stands that the person did not read.
    """
    peaks = {}
    for book in books:
        halts = doors.people.halts(book)
        if halts and all(halt.scope == scope for halt in halts):
            session = _breached(book, doors)
            if session is not None:
                peaks[book] = session
    return Resumed(doors.people.resume(scope, by=by, reason=reason, peaks=peaks, seen=seen), peaks)


def _breached(book: BookName, doors: ResumeDoors) -> date | None:
    """Give the newest decided session of a book that the kill switch closed; None where it did not."""
    decided = doors.people.decided(book)
    newest = doors.runs.run(decided[0]) if decided else None
    for run_id in decided:
        found = doors.decisions.decision(run_id)
        if found is None or newest is None:
            continue
        decision, seen = found
        is_closed = any(report.gate == "drawdown" and report.state == "closed" for report in decision.gates)
        # Equity that could not be computed closes the gate too; nothing fell then.
        if is_closed and isinstance(seen.worth, Worth):
            return newest.as_of.session
    return None

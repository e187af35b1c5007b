"""What the quant tools answer."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from servers.answers import WORDS_LENGTH_MAX, Answer, Number, first_of

if TYPE_CHECKING:
    from core.domain.scores import Score, ScoreSet
    from core.domain.slot import Run
    from core.gate import Finding
    from servers.quant.jobs import Job

SCORES_MAX = 30
FINDINGS_MAX = 20


class Found(Answer):
    """What a check saw; `block` closes the gate."""

    check: str
    subject: str
    message: str
    severity: Literal["note", "warn", "block"]


class Ranked(Answer):
    """An instrument's score; rank 1 is the best."""

    instrument: str
    rank: int
    score: Number


class Scored(Answer):
    """A run with its scores, best first, or the findings that closed their gate."""

    run_id: str
    book: str
    day: date
    as_of: date
    is_rehearsal: bool
    snapshot: str
    strategy: str | None
    gate: Literal["open", "closed"]
    ranked: int
    unranked: int
    top: tuple[Ranked, ...]
    findings: tuple[Found, ...]
    more_findings: int


class Trained(Answer):
    """A trained model; no strategy here has one yet."""

    job_id: str


class Backtested(Answer):
    """What a simulation came to, at the closes of `as_of`: amounts in the base currency, drawdown as it stood then."""

    as_of: date | None
    slots: int
    trade: int
    hold: int
    no_trade: int
    order_lines: int
    capital: Number
    realised: Number
    unrealised: Number
    income: Number
    equity: Number
    drawdown: Number
    venue: Literal["paper"]


class JobState(Answer):
    """A job: what was asked for, how far it came, and its result or why it failed."""

    job_id: str
    kind: str
    book: str
    first: date
    last: date
    snapshot: str
    state: Literal["queued", "running", "done", "failed"]
    result: Backtested | None
    why: str | None


def scored(run: Run, scores: ScoreSet) -> Scored:
    """Give a run's scores."""
    made = scores.scores
    is_open = made is not None and all(finding.severity != "block" for finding in scores.findings)
    return Scored(
        run_id=run.run_id,
        book=run.slot.book,
        day=run.slot.day,
        as_of=run.as_of.session,
        is_rehearsal=run.is_rehearsal,
        snapshot=run.snapshot,
        strategy=made.strategy if made else None,
        gate="open" if is_open else "closed",
        ranked=len(made.ranked) if made else 0,
        unranked=len(made.unranked) if made else 0,
        top=first_of(made.ranked if made else (), SCORES_MAX, _ranked),
        findings=first_of(scores.findings, FINDINGS_MAX, _found),
        more_findings=max(0, len(scores.findings) - FINDINGS_MAX),
    )


def job_state(job: Job) -> JobState:
    """Give a job as it stands."""
    asked, result = job.asked, job.result
    return JobState(
        job_id=job.job_id,
        kind=job.kind,
        book=asked.book,
        first=asked.first,
        last=asked.last,
        snapshot=asked.snapshot,
        state=job.state,
        result=None if result is None else _backtested(result),
        why=None if job.why is None else job.why[:WORDS_LENGTH_MAX],
    )


def _backtested(result: dict[str, Any]) -> Backtested:
    return Backtested.model_validate(result)


def _ranked(score: Score) -> Ranked:
    return Ranked(instrument=score.instrument, rank=score.rank, score=score.value)


def _found(finding: Finding) -> Found:
    message = finding.message[:WORDS_LENGTH_MAX]
    return Found(check=finding.check, subject=finding.subject, message=message, severity=finding.severity)

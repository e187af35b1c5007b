"""What the quant tools answer."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

from servers.answers import WORDS_LENGTH_MAX, Answer, Number, first_of

if TYPE_CHECKING:
    from core.domain.model import Model
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
    """The model of a session's close: its hash, the decision days it learned of, its rows and trees, and its worth.

    `rank_ic` is the mean of the weeks that validated it, null where no week could be measured. The same bars give the same.
    """

    model: str
    book: str
    as_of: date
    first: date
    last: date
    rows: int
    trees: int
    rank_ic: Number | None


class Simulated(Answer):
    """What a simulation came to, at the closes of `as_of`: amounts in the base currency, drawdown as it stood then.

    `report` is a file of the workspace, for a person; `no_report` says why there is none.
    """

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
    report: str | None
    no_report: str | None


class TrackTold(Answer):
    """What a book came to: shares, 0.1 is 10 %; a year's but for `whole`. Null: not computable; the report says why."""

    name: str
    whole: Number | None
    a_year: Number | None
    volatility: Number | None
    sharpe: Number | None
    turnover: Number | None
    cost_drag: Number | None


class Researched(Answer):
    """What a research backtest came to: the book first, then benchmark, equal weight and momentum; told against luck.

    `trials` counts every question that somebody asked here, and this one. `report` is a file of the workspace, for a person.
    """

    strategy: str
    first: date
    last: date
    tracks: tuple[TrackTold, ...]
    is_distinguishable: bool
    verdict: str
    survivorship: str
    trials: int
    is_synthetic: bool
    report: str


class Progress(Answer):
    """So many done of so many, slots or models: `what` says which."""

    done: int
    of: int
    what: str


class JobState(Answer):
    """A job: what was asked for, how far it came, and its result or why it failed."""

    job_id: str
    kind: str
    book: str
    first: date
    last: date
    mode: Literal["research", "flow"]
    snapshot: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: Progress | None
    result: Researched | Simulated | None
    why: str | None


def trained(book: str, model: Model) -> Trained:
    """Give a trained model by its card."""
    card = model.card
    return Trained(
        model=model.hash,
        book=book,
        as_of=card.as_of,
        first=card.first,
        last=card.last,
        rows=card.rows,
        trees=card.trees,
        rank_ic=dict(card.metrics).get("rank_ic"),
    )


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
    asked, told, result = job.asked, job.progress, job.result
    shape = Researched if asked.mode == "research" else Simulated
    return JobState(
        job_id=job.job_id,
        kind=job.kind,
        book=asked.book,
        first=asked.first,
        last=asked.last,
        mode=asked.mode,
        snapshot=asked.snapshot,
        state=job.state,
        progress=None if told is None else Progress(done=told.done, of=told.of, what=told.what),
        result=None if result is None else shape.model_validate(result),
        why=None if job.why is None else job.why[:WORDS_LENGTH_MAX],
    )


def _ranked(score: Score) -> Ranked:
    return Ranked(instrument=score.instrument, rank=score.rank, score=score.value)


def _found(finding: Finding) -> Found:
    message = finding.message[:WORDS_LENGTH_MAX]
    return Found(check=finding.check, subject=finding.subject, message=message, severity=finding.severity)

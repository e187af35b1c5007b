"""Deciding: the riskguard proposes, judges every gate and rule, and signs what it approves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from core.domain.decision import Approval, Decision
from core.domain.facts import Seen, Unread, Worth
from core.domain.frame import Frame
from core.domain.model import ModelInUse
from core.domain.order import Proposal
from core.domain.panel import Panel
from core.domain.scores import Scores, ScoreSet
from core.domain.slot import Run, RunId
from core.gate import Gate, block, closed
from core.pipeline import TO_PROPOSAL, Trail, all_stages, decide, stages, walk
from core.riskguard.approval import mandate_of, signed_bytes
from core.riskguard.gates import KILL_SWITCH
from flows.books import DecisionBook, Halting, RunBook, ScoreBook, Signer
from flows.look import CurveCache, StandingBooks, read_fixings, read_panel, read_standing, read_worth
from flows.ports import CleanSet, Clock
from flows.setup import BookSetup

# The gates that also halt the book when they close.
HALTING = ("drawdown", "daily_loss")


@dataclass(frozen=True)
class DecideDoors:
    """What the riskguard may use: it reads everything, adds proposals, decisions and approvals, signs and halts."""

    runs: RunBook
    scores: ScoreBook
    decisions: DecisionBook
    standing: StandingBooks
    halting: Halting
    clean: CleanSet
    signer: Signer
    clock: Clock
    cache: CurveCache | None = field(default=None)


class NotReady(ValueError):
    """A step was asked for before the one that it needs; says which."""


def propose(run_id: RunId, setup: BookSetup, doors: DecideDoors) -> Gate[Proposal]:
    """Make and keep a run's proposal; closed, and nothing kept, when any gate before the review is closed.

    Raises NotReady when the run is unknown or was not scored.
    """
    run, scores = _scored(run_id, doors)
    kept = doors.decisions.proposal(run_id)
    if kept is not None:
        return Gate(kept)
    trail = walk(stages(TO_PROPOSAL, stored=scored_gates(scores)), _given(run, scores, setup, doors))
    blocking = [finding for finding in trail.findings if finding.severity == "block"]
    if blocking:
        return closed(blocking)
    return Gate(doors.decisions.add_proposal(run_id, trail.values["proposal"]), trail.findings)


def decide_run(run_id: RunId, setup: BookSetup, doors: DecideDoors) -> Decision:
    """Judge every gate and every line of a run, sign what is approved, and keep it; again gives what is kept.

    A drawdown or a day's loss that closes its gate also halts the book, in the step that keeps the decision, unless a halt that
    stands tells of it. Raises
    NotReady when the run is unknown, was not scored, or has open gates and no proposal.
    """
    run, scores = _scored(run_id, doors)
    kept = doors.decisions.decision(run_id)
    if kept is not None:
        return kept[0]
    stored: dict[str, Gate[Any]] = scored_gates(scores)
    proposal = doors.decisions.proposal(run_id)
    if proposal is not None:
        stored["proposal"] = Gate(proposal)
    given = _given(run, scores, setup, doors)
    trail = walk(all_stages(stored=stored), given)
    decision = decide(trail)
    if proposal is None and decision.kind != "NO-TRADE":
        raise NotReady(f"{run_id} has no proposal; build_target_portfolio comes first")
    approval = _approve(trail, decision, setup.frame(run), doors) if decision.kind == "TRADE" else None
    seen = seen_in(trail, given["panel"])
    return doors.decisions.add_decision(run_id, decision, seen, approval=approval, halt=_new_halt(trail))


def scored_gates(scores: ScoreSet) -> dict[str, Gate[Any]]:
    """Give stored scores as the gates that they came through: the model's, and their own."""
    findings = tuple(finding for finding in scores.findings if finding.check == "model")
    return {"model": Gate(ModelInUse(None), findings), "scores": score_gate(scores)}


def score_gate(scores: ScoreSet) -> Gate[Scores]:
    """Give stored scores as the gate that they came from."""
    if scores.scores is None:
        blocking = [finding for finding in scores.findings if finding.severity == "block"]
        return closed(blocking or [block("scores", "scores", "no scores were made")])
    # What was said of bars and model is said again by their own gates, and once is enough.
    return Gate(scores.scores, tuple(finding for finding in scores.findings if finding.check not in ("data", "model")))


def seen_in(trail: Trail, panel: Panel | Unread) -> Seen:
    """Gather what a walk looked at besides scores and bars."""
    values = trail.values
    return Seen(
        standing=values["standing"],
        worth=values["worth"],
        fx=values.get("fx"),
        basis=_tradable_basis(values["frame"], panel) if isinstance(panel, Panel) else "unknown",
        knowledge=panel.knowledge_words() if isinstance(panel, Panel) else "unknown",
        is_synthetic=panel.is_synthetic if isinstance(panel, Panel) else False,
    )


def _scored(run_id: RunId, doors: DecideDoors) -> tuple[Run, ScoreSet]:
    run, scores = doors.runs.run(run_id), doors.scores.scores(run_id)
    if run is None:
        raise NotReady(f"there is no run {run_id}; run_scoring opens one")
    if scores is None:
        raise NotReady(f"{run_id} was not scored; run_scoring comes first")
    return run, scores


def _given(run: Run, scores: ScoreSet, setup: BookSetup, doors: DecideDoors) -> dict[str, Any]:
    frame, journal, now = setup.frame(run), doors.standing.journal, doors.clock.now()
    standing = read_standing(frame, setup, doors.standing, now=now, model=scores.model)
    standing = replace(standing, resumed_loss=_resumed_loss(run, doors))
    return {
        "frame": frame,
        "standing": standing,
        # Judged when the run was scored; what was found stands with the scores.
        "model": None,
        "panel": read_panel(frame, doors.clean, sessions=setup.strategy.sessions_needed),
        "fixings": read_fixings(frame, doors.clean),
        "worth": read_worth(frame, doors.clean, journal, since=standing.peak_from, cache=doors.cache),
    }


def _resumed_loss(run: Run, doors: DecideDoors) -> Decimal | None:
    """Give the largest loss of a run's session that closed an earlier decision and that a person resumed after.

    Two slots can share a session, before and after a holiday, and a slot can be revised.
    """
    session, losses = run.as_of.session, []
    for run_id in doors.standing.people.resumed_after(run.slot.book, since=session):
        found = doors.decisions.decision(run_id)
        if found is None:
            continue
        decision, seen = found
        is_closed = any(report.gate == "daily_loss" and report.state == "closed" for report in decision.gates)
        if is_closed and isinstance(seen.worth, Worth) and seen.worth.day_change and seen.worth.session == session:
            losses.append(-seen.worth.day_change)
    return max(losses, default=None)


def _new_halt(trail: Trail) -> str | None:
    """Give why the book is halted by this decision: breakers that closed, and of which no halt that stands tells.

    A halt for another reason is not enough: who lifts it was never asked about the fall.
    """
    halts, book = trail.values["standing"].halts, trail.values["frame"].run.slot.book
    # What anybody else wrote is no breaker's word, however it reads.
    standing = (
        () if isinstance(halts, Unread) else tuple(h.reason for h in halts if h.is_riskguards and h.scope == book)
    )
    closed_by = [trail.gate(name).messages[0] for name in HALTING if trail.gate(name).state == "closed"]
    new = [message for message in closed_by if not _is_told(message, standing)]
    return "; ".join(new) or None


def _is_told(message: str, reasons: Sequence[str]) -> bool:
    telling = KILL_SWITCH if KILL_SWITCH in message else message
    return any(telling in reason for reason in reasons)


def _approve(trail: Trail, decision: Decision, frame: Frame, doors: DecideDoors) -> Approval:
    proposal: Proposal = trail.values["proposal"]
    mandate = mandate_of(decision, proposal, frame.run, ledger_head=proposal.ledger_head)
    signature = doors.signer.sign(signed_bytes(mandate))
    return Approval(mandate, doors.signer.key_id, signature.hex())


def _tradable_basis(frame: Frame, panel: Panel) -> str:
    tradable = {row.id for row in frame.universe.instruments if row.is_tradable_as_underlying}
    words = {
        str(basis)
        for name, basis in zip(panel.instruments, panel.basis, strict=True)
        if basis is not None and name in tradable
    }
    return " and ".join(sorted(words)) or "unknown"

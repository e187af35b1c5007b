"""Replaying: every stage of a run is computed again from what was stored, and must give the same bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from core.canonical import sha256_of
from core.domain.decision import Decision
from core.domain.facts import Seen, Unread
from core.domain.frame import Frame
from core.domain.holdings import GENESIS_HEAD
from core.domain.order import Proposal
from core.domain.scores import ScoreSet
from core.domain.slot import Run, RunId
from core.domain.ticket import Ticket
from core.ledger.equity import Curve, worth_of
from core.ledger.positions import holdings_of
from core.pipeline import TO_SCORES, all_stages, decide, stages, walk
from core.riskguard.approval import mandate_of, signed_bytes
from core.ticketing.draft import is_unfinished, unfinished_decision, void_decision
from core.ticketing.why import Told
from flows.books import DecisionBook, Journal, ModelBook, RunBook, ScoreBook, TicketBook, Verifier
from flows.decide import NotReady, scored_gates, seen_in
from flows.issue import draft
from flows.look import curve_of, read_fixings, read_panel
from flows.ports import CleanSet
from flows.setup import BookSetup


@dataclass(frozen=True)
class ReplayDoors:
    """What a replay may use: it reads everything and writes nothing."""

    runs: RunBook
    scores: ScoreBook
    models: ModelBook
    decisions: DecisionBook
    tickets: TicketBook
    journal: Journal
    clean: CleanSet
    verifier: Verifier


@dataclass(frozen=True)
class Comparison:
    """One stage's hash as stored and as computed again."""

    stage: str
    stored: str
    replayed: str

    @property
    def is_equal(self) -> bool:
        """Say whether the two are the same."""
        return self.stored == self.replayed


def replay(run_id: RunId, setup: BookSetup, doors: ReplayDoors) -> tuple[Comparison, ...]:
    """Compute a run again from its stored inputs and compare each stage with what was stored.

    `setup` is the one that the run names by its hashes. What was seen of the world (the chain, halts, answers) is taken as
    recorded; bars, rates, holdings, worth, scores, proposal, decision, approval and ticket are computed. Raises NotReady when
    the run did not end in a ticket. Where the exchange's calendar is another one by now, that is the only comparison.
    """
    run, stored = doors.runs.run(run_id), doors.decisions.decision(run_id)
    kept_scores = doors.scores.scores(run_id)
    # Void or not: a revised slot's runs are replayed each.
    issued = doors.tickets.ticket_of(run_id)
    if run is None or stored is None or kept_scores is None or issued is None:
        raise NotReady(f"{run_id} did not end in a ticket; there is nothing to replay")
    calendar = _calendar(run, setup)
    if not all(item.is_equal for item in calendar):
        # Nothing else is worth comparing: what the stages would read of another calendar is not what they read.
        return calendar
    decision, seen = stored
    frame, proposal = setup.frame(run), doors.decisions.proposal(run_id)
    given = _given(frame, seen, setup, doors)
    scores = _scores(given, kept_scores, doors.models)
    trail = walk(all_stages(stored=scored_gates(scores)), given)
    again = decide(trail)
    planned: Proposal | None = trail.values.get("proposal") if proposal is not None else None
    seen_again = seen_in(trail, given["panel"])
    ticket = ticket_again(Told(scores, planned, again, seen_again), issued=issued.ticket, frame=frame)
    comparisons = [
        *calendar,
        Comparison("policy", run.policy_hash, setup.policy.hash),
        Comparison("scores", sha256_of(kept_scores), sha256_of(scores)),
        Comparison("seen", sha256_of(seen), sha256_of(seen_again)),
        Comparison("proposal", sha256_of(proposal), sha256_of(planned)),
        Comparison("decision", sha256_of(decision), sha256_of(again)),
        Comparison("ticket", issued.ticket.hash, ticket.hash),
    ]
    return (*comparisons, *_approval(run_id, again, planned, doors=doors, frame=frame))


def _given(frame: Frame, seen: Seen, setup: BookSetup, doors: ReplayDoors) -> dict[str, Any]:
    standing = seen.standing
    if not isinstance(standing.holdings, Unread):
        entries = doors.journal.entries(
            frame.policy.book, frame.policy.execution.venue, first=entry_count(standing.holdings.ledger_head)
        )
        holdings = holdings_of(entries, base=frame.policy.base_currency, ledger_head=standing.holdings.ledger_head)
        standing = replace(standing, holdings=holdings)
        curve = Curve() if isinstance(seen.worth, Unread) else curve_of(frame, doors.clean, entries)
        worth = seen.worth if isinstance(seen.worth, Unread) else worth_of(curve, since=standing.peak_from)
    else:
        worth = seen.worth
    return {
        "frame": frame,
        "standing": standing,
        "model": None,
        "panel": read_panel(frame, doors.clean, sessions=setup.strategy.sessions_needed),
        "fixings": read_fixings(frame, doors.clean),
        "worth": worth,
    }


def _calendar(run: Run, setup: BookSetup) -> tuple[Comparison, ...]:
    """Compare the sessions that the run rested on; an earlier version kept no hash of them, and nothing is compared."""
    if not run.calendar_hash:
        return ()
    return (Comparison("calendar", run.calendar_hash, setup.calendar_hash(run.as_of.session, run.slot.day)),)


def _scores(given: dict[str, Any], kept: ScoreSet, models: ModelBook) -> ScoreSet:
    # A run without a model found none, or learns nothing: what its gate said is taken as recorded.
    stored = {} if kept.model is not None else {"model": scored_gates(kept)["model"]}
    model = None if kept.model is None else models.model(kept.model)
    trail = walk(stages(TO_SCORES, stored=stored), {"panel": given["panel"], "model": model, "frame": given["frame"]})
    # Why last week's model was asked is taken as recorded too.
    warned = tuple(one for one in kept.findings if (one.check, one.severity) == ("model", "warn"))
    return ScoreSet(trail.values.get("scores"), (*trail.findings, *warned), kept.model)


def ticket_again(told: Told, *, issued: Ticket, frame: Frame) -> Ticket:
    """Draft the ticket of a decision as the one that was issued was: closed as unfinished, or void for what had moved.

    Which ticket was the last good one then is taken as recorded.
    """
    prefix, again = "approval: ", told.decision
    if is_unfinished(issued):
        again = unfinished_decision(again, frame.run)
    elif again.kind == "TRADE" and issued.kind == "NO-TRADE":
        again = void_decision(again, tuple(reason.removeprefix(prefix) for reason in issued.reasons))
    return draft(replace(told, decision=again), frame, last_good=issued.last_good)


def _approval(
    run_id: RunId, again: Decision, planned: Proposal | None, *, doors: ReplayDoors, frame: Frame
) -> tuple[Comparison, ...]:
    approval = doors.decisions.approval(run_id)
    if approval is None or planned is None:
        return ()
    mandate = mandate_of(again, planned, frame.run, ledger_head=planned.ledger_head)
    content, signature = signed_bytes(approval.mandate), bytes.fromhex(approval.signature)
    verdict = "verifies" if doors.verifier.verify(approval.key_id, content, signature) else "does not verify"
    return (
        Comparison("approval", sha256_of(approval.mandate), sha256_of(mandate)),
        Comparison("signature", "verifies", verdict),
    )


def entry_count(head: str) -> int:
    """Give how many entries a book had at a ledger head."""
    return 0 if head == GENESIS_HEAD else int(head.partition(":")[0])

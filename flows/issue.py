"""Issuing: a decision becomes the slot's one live ticket, once its approval has been verified again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.calendar import confirm_by, expires_at
from core.canonical import plain_decimal
from core.domain.decision import Approval, Approved, Decision
from core.domain.facts import Seen, Unread
from core.domain.frame import Frame
from core.domain.others import DeskView
from core.domain.slot import Run, RunId
from core.domain.ticket import IssuedTicket, LastGood, Seal, Ticket
from core.riskguard.approval import mandate_of, void_reasons
from core.ticketing.draft import Surroundings, draft_ticket, ticket_objections, unfinished_decision, void_decision
from core.ticketing.why import Told, held_in, why_of
from flows.books import (
    AuditChain,
    DecisionBook,
    Journal,
    Moved,
    PersonBook,
    RunBook,
    ScoreBook,
    StoreError,
    TicketBook,
    Verifier,
)
from flows.decide import NotReady
from flows.look import capital_fraction, entries_since, holdings_in, unposted_in
from flows.ports import Clock
from flows.setup import BookSetup


@dataclass(frozen=True)
class IssueDoors:
    """What ticketing may use: it reads decisions, verifies approvals and adds tickets.

    `fresh` reads again what binds the book, when a trade is about to be issued; None where the setup was read for that very
    step, or where nobody can have edited it.
    """

    runs: RunBook
    scores: ScoreBook
    decisions: DecisionBook
    tickets: TicketBook
    journal: Journal
    people: PersonBook
    chain: AuditChain
    verifier: Verifier
    clock: Clock
    fresh: Callable[[], BookSetup] | None = None


def issue_ticket(run_id: RunId, setup: BookSetup, doors: IssueDoors, *, is_unfinished: bool = False) -> IssuedTicket:
    """Draft and keep the ticket of a decided run; again gives the live one.

    A trade whose approval no longer holds becomes NO-TRADE and says what moved; so does whatever was decided of a run that
    was abandoned (`is_unfinished`). Raises NotReady before a decision.
    """
    run, kept = doors.runs.run(run_id), doors.decisions.decision(run_id)
    if run is None or kept is None:
        raise NotReady(f"{run_id} was not decided; approve_trades comes first")
    live = doors.tickets.live_ticket(run.slot.book, run.slot.label)
    if live is not None and live.ticket.revision >= run.revision:
        return live
    decision, approval = kept[0], doors.decisions.approval(run_id)
    if is_unfinished:
        decision, approval = unfinished_decision(decision, run), None
    elif decision.kind == "TRADE":
        reasons = _void_reasons(run, kept, setup, doors)
        if reasons:
            decision, approval = void_decision(decision, reasons), None
    issued = _issued(run, (decision, kept[1]), approval, setup=setup, doors=doors)
    if decision.kind != "TRADE":
        return doors.tickets.add_ticket(issued)
    try:
        # Once more when nobody else can write: a halt or a posting while the ticket was made must not pass unseen.
        return doors.tickets.add_ticket(issued, unless=lambda: _void_reasons(run, kept, setup, doors))
    except Moved as moved:
        voided = void_decision(decision, moved.reasons)
        return doors.tickets.add_ticket(_issued(run, (voided, kept[1]), None, setup=setup, doors=doors))


def _issued(
    run: Run, decided: tuple[Decision, Seen], approval: Approval | None, *, setup: BookSetup, doors: IssueDoors
) -> IssuedTicket:
    told = Told(doors.scores.scores(run.run_id), doors.decisions.proposal(run.run_id), *decided)
    last_good = doors.tickets.last_good(run.slot.book, run.slot.label, venue=setup.policy.execution.venue)
    ticket = draft(told, setup.frame(run), last_good=last_good)
    head = doors.chain.head()
    seal = Seal(
        run_id=run.run_id,
        audit_head=head.hash,
        audit_seq=head.seq,
        issued_at=doors.clock.now(),
        nonce=approval.mandate.nonce if approval else None,
        key_id=approval.key_id if approval else None,
        signature=approval.signature if approval else None,
    )
    return IssuedTicket(ticket, seal)


def draft(told: Told, frame: Frame, *, last_good: LastGood | None = None) -> Ticket:
    """Draft a decision's ticket from what was stored; raises ValueError when the result is unfit to be shown."""
    decision, seen, proposal = told.decision, told.seen, told.proposal
    holdings = seen.standing.holdings
    around = Surroundings(
        equity=proposal.equity if proposal else None,
        cash=None if isinstance(holdings, Unread) else holdings.cash,
        fx=_fx_words(seen),
        fx_rate=seen.fx.rate if seen.fx else None,
        basis=seen.basis,
        knowledge=_knowledge_words(seen, frame),
        is_synthetic=seen.is_synthetic,
        expires_at=expires_at(frame.calendar, frame.policy, frame.run.slot.day),
        confirm_by=confirm_by(frame.calendar, frame.policy, frame.run.slot.day),
        left_undone=proposal.left_undone if proposal else (),
        held=held_in(seen),
        capital_fraction=seen.standing.capital_fraction,
        why=why_of(told, frame),
        last_good=last_good,
    )
    ticket = draft_ticket(decision, tuple(Approved(line) for line in decision.approved), frame, around=around)
    problems = ticket_objections(ticket)
    if problems:
        raise ValueError(f"{ticket.ticket_id} is unfit to be shown: {'; '.join(problems)}")
    return ticket


def _void_reasons(run: Run, kept: tuple[Decision, Seen], setup: BookSetup, doors: IssueDoors) -> tuple[str, ...]:
    decision, seen = kept
    approval, proposal = doors.decisions.approval(run.run_id), doors.decisions.proposal(run.run_id)
    policy = setup.policy
    if approval is None or proposal is None:
        return ("no approval was kept with the decision",)
    try:
        bound = setup if doors.fresh is None else doors.fresh()
    except (ValueError, RuntimeError, OSError) as error:
        return (f"what binds the book could not be read again: {error}",)
    # The run as it would be opened now: a policy or universe edited since moves its hashes.
    now_run = replace(run, policy_hash=bound.policy.hash, universe_hash=bound.universe_hash)
    try:
        head = holdings_in(doors.journal, policy).ledger_head
        booked = entries_since(doors.journal, policy, approval.mandate.ledger_head)
        unposted = unposted_in(doors.journal, policy)
        halts = doors.people.halts(run.slot.book)
        fraction = capital_fraction(policy, doors.people)
        breaks = doors.journal.reconciliation(run.slot.book, policy.execution.venue).breaks
        unanswered = doors.tickets.unanswered(run.slot.book, run.slot.label, venue=policy.execution.venue)
    except StoreError as error:
        return (f"what the approval binds could not be looked up: {error}",)
    expected, now = mandate_of(decision, proposal, now_run, ledger_head=head), doors.clock.now()
    moved = void_reasons(approval, expected, now=now, verify=doors.verifier.verify, booked=booked)
    if now < seen.standing.now:
        moved += ("the clock was set back after the approval; nobody can say whether it expired",)
    if unposted:
        moved += (f"known after the approval, and not in the books yet: {', '.join(unposted)}",)
    if unanswered:
        moved += (f"nobody answered, as was found after the approval: {', '.join(unanswered)}",)
    if fraction != seen.standing.capital_fraction:
        was, is_now = plain_decimal(seen.standing.capital_fraction), plain_decimal(fraction)
        moved += (f"the rollout phase's share of the capital moved from {was} to {is_now} after the approval",)
    moved += _desk_moved(seen, bound)
    # The ticket names what its run was opened with.
    for name in ("policy_hash", "universe_hash"):
        if getattr(run, name) != getattr(approval.mandate, name):
            moved += (f"the run's {name.replace('_', ' ')} is {getattr(run, name)}, approved was another",)
    # A decision to trade saw no break and every line answered: whatever is found now came after it.
    moved += tuple(f"found after the approval, as the books and the venue were compared: {words}" for words in breaks)
    return moved + tuple(f"halted after the approval: {halt.reason}" for halt in halts)


def _desk_moved(seen: Seen, bound: BookSetup) -> tuple[str, ...]:
    """Say which of the limits over all books are others than those that the decision met."""
    was, now = seen.standing.desk, bound.desk
    if not isinstance(was, DeskView) or now is None:
        return ()
    return tuple(
        f"the desk's {name} moved from {plain_decimal(getattr(was, name))} to {plain_decimal(getattr(now, name))} after the"
        " approval"
        for name in ("gross_max", "weight_max")
        if getattr(was, name) != getattr(now, name)
    )


def _fx_words(seen: Seen) -> str | None:
    if seen.fx is None:
        return None
    rate = plain_decimal(seen.fx.rate)
    return f"{rate} {seen.fx.quote} for 1 {seen.fx.base}, fixed {seen.fx.fixed_on.isoformat()} ({seen.fx.source})"


def _knowledge_words(seen: Seen, frame: Frame) -> str:
    if seen.knowledge in ("recorded", "unknown"):
        return seen.knowledge
    words = f"bars count as known {frame.policy.data.assumed_lag_hours} hours after the close; nobody recorded when they were"
    return f"assumed: {words}" if seen.knowledge == "assumed" else f"{seen.knowledge}; of the others assumed: {words}"

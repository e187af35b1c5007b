"""The standing gates: what must hold before any trade, whatever the scores say."""

from __future__ import annotations

from datetime import datetime

from core.canonical import plain_decimal
from core.domain.facts import AuditState, Halt, ReconciliationState, Standing, Unread, Worth
from core.domain.slot import Run
from core.gate import Finding, Gate, block, closed, note
from core.settings import Policy


def audit_gate(standing: Standing) -> Gate[AuditState]:
    """Open while the chain verifies, every event and row of it, against the heads kept outside the database."""
    state = standing.audit
    if isinstance(state, Unread):
        return closed([_unread("audit", "chain", state)])
    if state.problem is not None:
        return closed([block("audit", "chain", state.problem)])
    return Gate(state)


def halt_gate(standing: Standing, run: Run) -> Gate[str]:
    """Open while nobody has halted trading of the book or of the desk."""
    if isinstance(standing.halts, Unread):
        return closed([_unread("halt", run.slot.book, standing.halts)])
    if standing.halts:
        return closed([block("halt", run.slot.book, _halt_words(halt)) for halt in standing.halts])
    return Gate("no halt")


def calendar_gate(standing: Standing, run: Run) -> Gate[datetime]:
    """Open until the end of the execution window: an approval signed later would be expired. Gives the expiry."""
    expires_at = run.window.closes_at if run.window is not None else None
    if expires_at is None:
        return Gate(run.slot.at)
    if standing.now >= expires_at:
        # Without the instant that it is: a decision made again a minute later is the same decision.
        message = f"approval expired: the window closed at {_minute(expires_at)}"
        return closed([block("approval", run.slot.label, message)])
    return Gate(expires_at)


def configuration_gate(standing: Standing, run: Run) -> Gate[str]:
    """Open while policy and universe are those that the run was opened with."""
    findings: list[Finding] = []
    for name, now, then in (
        ("policy", standing.policy_hash, run.policy_hash),
        ("universe", standing.universe_hash, run.universe_hash),
    ):
        if now != then:
            findings.append(
                block("configuration", name, f"{name} was {then[:8]} when the run was opened, it is {now[:8]}")
            )
    return Gate(run.policy_hash, tuple(findings)) if not findings else closed(findings)


def confirmation_gate(standing: Standing) -> Gate[str]:
    """Open while every line of every earlier ticket was answered."""
    if isinstance(standing.unanswered, Unread):
        return closed([_unread("confirmations", "tickets", standing.unanswered)])
    if standing.unanswered:
        lines = ", ".join(standing.unanswered)
        return closed([block("confirmations", "tickets", f"{len(standing.unanswered)} unanswered: {lines}")])
    return Gate("all answered")


def reconciliation_gate(standing: Standing, run: Run, policy: Policy) -> Gate[str]:
    """Open while our books and the venue's were compared lately and no break is open."""
    state = standing.reconciliation
    if isinstance(state, Unread):
        return closed([_unread("reconciliation", run.slot.book, state)])
    if state.breaks:
        return closed([block("reconciliation", run.slot.book, message) for message in state.breaks])
    return _fresh_reconciliation(state, run, policy)


def drawdown_gate(worth: Worth, run: Run, policy: Policy) -> Gate[Worth]:
    """Open while equity has fallen less than the kill switch's share from its highest since a person last resumed after it."""
    limit = policy.limits.drawdown_max
    since = worth.peak_from and f"the peak counts from {worth.peak_from}, when a person resumed after the kill switch"
    if -worth.drawdown >= limit:
        message = (
            f"drawdown is {plain_decimal(-worth.drawdown)} since {worth.peak_session}, the kill switch is at"
            f" {plain_decimal(limit)}; a person must look and resume{f' ({since})' if since else ''}"
        )
        return closed([block("drawdown", run.slot.book, message)])
    return Gate(worth, (note("drawdown", run.slot.book, since),) if since else ())


def _fresh_reconciliation(state: ReconciliationState, run: Run, policy: Policy) -> Gate[str]:
    if not state.has_fills:
        return Gate("nothing to reconcile yet")
    limit = policy.reconciliation.required_every_days
    if state.last_session is None:
        return closed([block("reconciliation", run.slot.book, f"never reconciled; at most {limit} days are allowed")])
    age = (run.as_of.session - state.last_session).days
    if age > limit:
        message = f"last reconciled as of {state.last_session}, {age} days ago; at most {limit} are allowed"
        return closed([block("reconciliation", run.slot.book, message)])
    return Gate(f"reconciled as of {state.last_session}")


def _unread(check: str, subject: str, state: Unread) -> Finding:
    return block(check, subject, f"could not be looked up: {state.why}")


def _halt_words(halt: Halt) -> str:
    # Without the instant: when it was recorded is no part of a decision, and would change the ticket's hash.
    return f"halted ({halt.scope}): {halt.reason}"


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")

"""The standing gates: what must hold before any trade, whatever the scores say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.calendar import is_run_day, window_of
from core.canonical import plain_decimal
from core.domain.facts import AuditState, Halt, ReconciliationState, Standing, Unread, Worth
from core.domain.frame import Frame
from core.domain.rollout import share_in_phase
from core.domain.slot import Run, Window
from core.gate import Finding, Gate, block, closed, note
from core.riskguard.freeze import freeze_findings
from core.settings import Policy

# By these words a halt of the kill switch is known again: how far it fell is another number each day.
KILL_SWITCH = "the kill switch is at"


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


def calendar_gate(standing: Standing, frame: Frame) -> Gate[datetime]:
    """Open on a run day until the end of its window, an approval signed later would be expired; gives the expiry.

    Closed too where the session or the window that the run was opened with are not those that the calendar gives now, and
    while the clock stands before the slot's day. No message tells the instant that it is: a decision made again a minute
    later is the same decision.
    """
    run = frame.run
    wrong = [block("calendar", run.slot.label, words) for words in _wrong_day(standing.now, frame)]
    if run.window is not None and standing.now >= run.window.closes_at:
        words = f"the execution window closed at {_minute(run.window.closes_at)}"
        wrong.append(block("calendar", run.slot.label, words))
    if wrong:
        return closed(wrong)
    return Gate(run.slot.at if run.window is None else run.window.closes_at)


def configuration_gate(standing: Standing, run: Run) -> Gate[str]:
    """Open while policy and universe are those that the run was opened with, and nothing frozen has changed."""
    findings: list[Finding] = list(freeze_findings(standing))
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
    """Open while our books hold all that is known, were compared with the venue's lately, and no break is open."""
    state, unposted = standing.reconciliation, standing.unposted
    behind = [block("reconciliation", run.slot.book, words) for words in _behind(unposted)]
    if isinstance(state, Unread):
        return closed([*behind, _unread("reconciliation", run.slot.book, state)])
    if state.breaks:
        return closed([*behind, *(block("reconciliation", run.slot.book, message) for message in state.breaks)])
    fresh = _fresh_reconciliation(state, run, policy)
    return closed([*behind, *fresh.findings]) if behind else fresh


def drawdown_gate(worth: Worth, run: Run, policy: Policy, *, capital_fraction: Decimal) -> Gate[Worth]:
    """Open while equity has fallen less than the kill switch's share from its highest since a person last resumed after it.

    The share is one of what the rollout phase may use: a pilot that invests a tenth loses at most a tenth.
    """
    limit, told = _limit_in_phase(policy.limits.drawdown_max, capital_fraction)
    since = worth.peak_from and f"the peak counts from {worth.peak_from}, when a person resumed after the kill switch"
    if -worth.drawdown >= limit:
        message = (
            f"drawdown is {plain_decimal(-worth.drawdown)} since {worth.peak_session}, {KILL_SWITCH}"
            f" {told}; a person must look and resume{f' ({since})' if since else ''}"
        )
        return closed([block("drawdown", run.slot.book, message)])
    return Gate(worth, (note("drawdown", run.slot.book, since),) if since else ())


def daily_loss_gate(
    worth: Worth, run: Run, policy: Policy, *, capital_fraction: Decimal, resumed_loss: Decimal | None = None
) -> Gate[Worth]:
    """Open while the book lost less in its last session than the breaker's share of what its rollout phase may use.

    Deposits do not count. A loss of that session that a person resumed after is judged no second time, unless it is larger.
    """
    change = worth.day_change
    limit, told = _limit_in_phase(policy.limits.daily_loss_max, capital_fraction)
    if change is None or -change < limit:
        return Gate(worth)
    lost = f"the book lost {plain_decimal(-change)} in the session of {worth.session}"
    if resumed_loss is not None and -change <= resumed_loss:
        return Gate(worth, (note("daily_loss", run.slot.book, f"{lost}, which a person resumed after"),))
    message = f"{lost}, the daily-loss breaker is at {told}; a person must look and resume"
    return closed([block("daily_loss", run.slot.book, message)])


def _limit_in_phase(limit: Decimal, capital_fraction: Decimal) -> tuple[Decimal, str]:
    """Give a breaker's limit as a share of equity, and in words: of what it is a share, where the phase uses but a part."""
    scaled = share_in_phase(limit, capital_fraction)
    words = plain_decimal(scaled)
    if scaled != limit:
        part = f"{plain_decimal(limit)} of the {plain_decimal(capital_fraction)} that the rollout phase may use"
        words = f"{words} of equity: {part}"
    return scaled, words


def _wrong_day(now: datetime, frame: Frame) -> Iterator[str]:
    """Say in what the day that a run was opened for is not the one that calendar, schedule and clock give."""
    run, policy, calendar = frame.run, frame.policy, frame.calendar
    day = run.slot.day
    if not is_run_day(policy, day):
        yield f"{day} is a {day:%A}; the book decides on {policy.schedule.run_days}"
    if now.astimezone(ZoneInfo(policy.schedule.timezone)).date() < day:
        yield f"by the clock {day} has not come; a clock that was set back would let an expired approval live: set it right"
    window, session = window_of(calendar, policy, day), calendar.last_completed(run.as_of.at)
    if window != run.window:
        yield f"the window was {_window(run.window)} when the run was opened, by the calendar it is {_window(window)} now"
    if session != run.as_of.session:
        yield f"as-of was {run.as_of.session} when the run was opened, by the calendar it is {session} now"


def _window(window: Window | None) -> str:
    return "none" if window is None else f"{_minute(window.opens_at)} to {_minute(window.closes_at)}"


def _behind(unposted: tuple[str, ...] | Unread) -> Iterator[str]:
    if isinstance(unposted, Unread):
        yield f"what the books lack could not be looked up: {unposted.why}"
    elif unposted:
        told = ", ".join(unposted)
        yield f"the books lack {len(unposted)} known facts, and the holdings are not what is held: {told}; `twokey settle`"


def _fresh_reconciliation(state: ReconciliationState, run: Run, policy: Policy) -> Gate[str]:
    if not state.has_fills:
        return Gate("nothing to reconcile yet")
    limit = policy.reconciliation.required_every_days
    # A paper venue takes no file: settling asks it what it holds.
    how = "`twokey settle` compares it" if policy.execution.venue == "paper" else "`twokey reconcile` compares it"
    if state.last_session is None:
        return closed(
            [block("reconciliation", run.slot.book, f"never reconciled; at most {limit} days are allowed: {how}")]
        )
    age = (run.as_of.session - state.last_session).days
    if age > limit:
        message = f"last reconciled as of {state.last_session}, {age} days ago; at most {limit} are allowed: {how}"
        return closed([block("reconciliation", run.slot.book, message)])
    return Gate(f"reconciled as of {state.last_session}")


def _unread(check: str, subject: str, state: Unread) -> Finding:
    return block(check, subject, f"could not be looked up: {state.why}")


def _halt_words(halt: Halt) -> str:
    # Without the instant: when it was recorded is no part of a decision, and would change the ticket's hash.
    return f"halted ({halt.scope}): {halt.reason}"


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")

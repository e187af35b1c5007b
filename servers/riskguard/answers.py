"""What the riskguard tools answer."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

from servers.answers import WORDS_LENGTH_MAX, Answer, Instant, Number, Paging, first_of, paged, words

if TYPE_CHECKING:
    from core.domain.decision import Approval, Decision, GateReport, Objection, Refused
    from core.domain.facts import Seen
    from core.domain.order import OrderLine, Proposal, TargetWeight
    from core.domain.slot import Run
    from core.gate import Gate

TARGETS_MAX = 30
LINES_MAX = 20
REFUSED_MAX = 5
REASONS_MAX = 12
OBJECTIONS_MAX = 3
OBJECTION_LENGTH_MAX = 100
LINES_A_PAGE = 20


class Weight(Answer):
    """The wanted share of equity in an instrument, and why."""

    instrument: str
    weight: Number
    reason: str


class Line(Answer):
    """An order line: quantity in units, prices in the instrument's currency, notional and cost in the base currency."""

    line: int
    instrument: str
    side: str
    effect: str
    quantity: Number
    decision_price: Number
    worst_price: Number
    notional: Number
    cost: Number


class GateState(Answer):
    """A gate: open, closed, or not run because it waits for others."""

    gate: str
    state: Literal["open", "closed", "waits"]
    says: tuple[str, ...]


class Against(Answer):
    """Why a rule refuses a line: its limit, the value, and what would pass."""

    code: str
    limit: str
    value: str
    would_pass: str


class RefusedLine(Answer):
    """A line that was refused, with the rules' objections."""

    line: Line
    objections: tuple[Against, ...]


class Proposed(Answer):
    """A run's proposal, or the gates' findings that let none be made."""

    run_id: str
    gate: Literal["open", "closed"]
    says: tuple[str, ...]
    equity: Number | None
    hold_reason: str | None
    targets: tuple[Weight, ...]
    lines: tuple[Line, ...]
    line_count: int
    left_undone: tuple[str, ...]


class Decided(Answer):
    """The riskguard's decision: the kind of the ticket to come, why, and the lines."""

    run_id: str
    kind: Literal["TRADE", "HOLD", "NO-TRADE"]
    reasons: tuple[str, ...]
    gates: tuple[GateState, ...]
    approved: tuple[Line, ...]
    approved_count: int
    refused: tuple[RefusedLine, ...]
    refused_count: int
    is_signed: bool
    expires_at: Instant | None


class Looked(Answer):
    """What the riskguard looked at; null where it could not look."""

    now: Instant
    audit_seq: int | None
    cash: Number | None
    equity: Number | None
    drawdown: Number | None
    capital_fraction: Number
    fx: str | None
    basis: str
    knowledge: str
    is_synthetic: bool


class Explained(Answer):
    """A stored decision in full, its lines in pages: approved ones first, then refused ones."""

    run_id: str
    book: str
    day: date
    as_of: date
    is_rehearsal: bool
    kind: Literal["TRADE", "HOLD", "NO-TRADE"]
    reasons: tuple[str, ...]
    gates: tuple[GateState, ...]
    looked_at: Looked
    targets: tuple[Weight, ...]
    paging: Paging
    approved: tuple[Line, ...]
    refused: tuple[RefusedLine, ...]
    left_undone: tuple[str, ...]
    notes: tuple[str, ...]


class Halted(Answer):
    """A scope that is halted until a person resumes; `was_halted` says that this very halt stood already."""

    scope: str
    reason: str
    was_halted: bool


def proposed(run_id: str, gate: Gate[Proposal]) -> Proposed:
    """Give a proposal, or why there is none."""
    plan = gate.outcome
    return Proposed(
        run_id=run_id,
        gate="open" if gate.is_open else "closed",
        says=first_of(gate.findings, REASONS_MAX, lambda one: f"{one.check}: {one.message}"[:WORDS_LENGTH_MAX]),
        equity=plan.equity if plan else None,
        hold_reason=plan.hold_reason if plan else None,
        targets=first_of(plan.target.weights if plan else (), TARGETS_MAX, _weight),
        lines=first_of(plan.lines if plan else (), LINES_MAX, _line),
        line_count=len(plan.lines) if plan else 0,
        left_undone=words(plan.left_undone) if plan else (),
    )


def decided(run_id: str, decision: Decision, approval: Approval | None) -> Decided:
    """Give a decision."""
    return Decided(
        run_id=run_id,
        kind=decision.kind,
        reasons=first_of(decision.reasons, REASONS_MAX, lambda reason: reason[:WORDS_LENGTH_MAX]),
        gates=tuple(_gate(report) for report in decision.gates),
        approved=first_of(decision.approved, LINES_MAX, _line),
        approved_count=len(decision.approved),
        refused=first_of(decision.refused, REFUSED_MAX, _refused),
        refused_count=len(decision.refused),
        is_signed=approval is not None,
        expires_at=approval.mandate.expires_at if approval else None,
    )


def explained(run: Run, decision: Decision, seen: Seen, proposal: Proposal | None, *, page: int) -> Explained:
    """Give a stored decision with what was looked at."""
    lines: list[OrderLine | Refused] = [*decision.approved, *decision.refused]
    numbers, paging = paged(range(len(lines)), page, LINES_A_PAGE)
    approved = [decision.approved[at] for at in numbers if at < len(decision.approved)]
    refused = [decision.refused[at - len(decision.approved)] for at in numbers if at >= len(decision.approved)]
    return Explained(
        run_id=run.run_id,
        book=run.slot.book,
        day=run.slot.day,
        as_of=run.as_of.session,
        is_rehearsal=run.is_rehearsal,
        kind=decision.kind,
        reasons=first_of(decision.reasons, REASONS_MAX, lambda reason: reason[:WORDS_LENGTH_MAX]),
        gates=tuple(_gate(report) for report in decision.gates),
        looked_at=_looked(seen),
        targets=first_of(proposal.target.weights if proposal else (), TARGETS_MAX, _weight),
        paging=paging,
        approved=tuple(_line(line) for line in approved),
        refused=tuple(_refused(item) for item in refused),
        left_undone=words(proposal.left_undone) if proposal else (),
        notes=words(decision.notes),
    )


def _looked(seen: Seen) -> Looked:
    from core.domain.facts import AuditState, Worth
    from core.domain.holdings import Holdings

    standing, worth = seen.standing, seen.worth
    return Looked(
        now=standing.now,
        audit_seq=standing.audit.seq if isinstance(standing.audit, AuditState) else None,
        cash=standing.holdings.cash if isinstance(standing.holdings, Holdings) else None,
        equity=worth.equity if isinstance(worth, Worth) else None,
        drawdown=worth.drawdown if isinstance(worth, Worth) else None,
        capital_fraction=standing.capital_fraction,
        fx=f"{seen.fx.rate} {seen.fx.quote} for 1 {seen.fx.base}, fixed {seen.fx.fixed_on}" if seen.fx else None,
        basis=seen.basis,
        knowledge=seen.knowledge,
        is_synthetic=seen.is_synthetic,
    )


def _weight(wanted: TargetWeight) -> Weight:
    return Weight(instrument=wanted.instrument, weight=wanted.weight, reason=wanted.reason[:OBJECTION_LENGTH_MAX])


def _line(line: OrderLine) -> Line:
    return Line(
        line=line.line,
        instrument=line.instrument,
        side=line.side,
        effect=line.effect,
        quantity=line.quantity,
        decision_price=line.price,
        worst_price=line.worst_price,
        notional=line.notional,
        cost=line.cost,
    )


def _refused(item: Refused) -> RefusedLine:
    return RefusedLine(line=_line(item.line), objections=first_of(item.objections, OBJECTIONS_MAX, _against))


def _against(one: Objection) -> Against:
    return Against(
        code=one.code,
        limit=one.limit[:OBJECTION_LENGTH_MAX],
        value=one.value[:OBJECTION_LENGTH_MAX],
        would_pass=one.would_pass[:OBJECTION_LENGTH_MAX],
    )


def _gate(report: GateReport) -> GateState:
    return GateState(gate=report.gate, state=report.state, says=words(report.messages))

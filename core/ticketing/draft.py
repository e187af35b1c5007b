"""Drafting: a decision becomes a ticket that leaves nothing to judgement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import accumulate

from core.canonical import instant_text
from core.domain.case import ZERO, cash_effect
from core.domain.decision import Approved, Decision, GateReport, TicketKind
from core.domain.frame import Frame
from core.domain.instrument import Instrument, InstrumentId
from core.domain.order import OrderLine
from core.domain.slot import Run, ticket_id_of
from core.domain.ticket import Guide, LastGood, SetBy, Ticket, TicketLine, Why
from core.ticketing.guide import cash_floor, do_words, fail_words, guide_of, set_by, skip_words

# What stands among a ticket's gates beside those of its decision: an abandoned run, and a void approval.
UNFINISHED, APPROVAL = "run", "approval"


@dataclass(frozen=True)
class Surroundings:
    """What a ticket tells besides its trades: worth, rate, basis of the prices, knowledge, when it ends, and why.

    `held` are the units that the book holds before the first line; `capital_fraction` is what the rollout phase may use.
    """

    equity: Decimal | None
    cash: Decimal | None
    fx: str | None
    fx_rate: Decimal | None
    basis: str
    knowledge: str
    is_synthetic: bool
    expires_at: datetime
    confirm_by: datetime
    left_undone: tuple[str, ...] = ()
    held: Mapping[InstrumentId, Decimal] = field(default_factory=dict)
    capital_fraction: Decimal = Decimal(1)
    why: Why | None = None
    last_good: LastGood | None = None


def draft_ticket(decision: Decision, approved: Sequence[Approved], frame: Frame, *, around: Surroundings) -> Ticket:
    """Put a decision into the form that a person acts on.

    Trades come from `approved` alone, which only a verified approval gives. Raises ValueError when a TRADE has no approved
    line, or another kind has one, or a line stands in a book of which cash or equity is unknown.
    """
    if (decision.kind == "TRADE") != bool(approved):
        raise ValueError(f"a {decision.kind} decision came with {len(approved)} approved lines")
    run, policy = frame.run, frame.policy
    lines, guide = _lines([item.line for item in approved], frame, around=around) if approved else ((), None)
    return Ticket(
        ticket_id=ticket_id_of(run.slot),
        kind=decision.kind,
        book=run.slot.book,
        account=policy.account,
        venue=policy.execution.venue,
        slot=run.slot.label,
        revision=run.revision,
        day=run.slot.day,
        as_of=run.as_of.session,
        base=policy.base_currency,
        window=run.window,
        expires_at=around.expires_at,
        confirm_by=around.confirm_by,
        reasons=decision.reasons,
        gates=decision.gates,
        lines=lines,
        refused=tuple(str(item) for item in decision.refused),
        left_undone=around.left_undone,
        notes=decision.notes,
        equity=around.equity,
        cash=around.cash,
        fx=around.fx,
        fx_rate=around.fx_rate,
        basis=around.basis,
        knowledge=around.knowledge,
        policy_hash=run.policy_hash,
        universe_hash=run.universe_hash,
        is_synthetic=around.is_synthetic,
        is_rehearsal=run.is_rehearsal,
        voids=run.revision - 1 if run.revision > 1 else None,
        guide=guide,
        why=around.why,
        last_good=around.last_good,
    )


def void_decision(decision: Decision, reasons: Sequence[str]) -> Decision:
    """Turn a TRADE whose approval no longer holds into a NO-TRADE that says what moved, after all gates of the decision."""
    kind: TicketKind = "NO-TRADE"
    report = GateReport(APPROVAL, "closed", tuple(reasons))
    said = tuple(f"{APPROVAL}: {reason}" for reason in reasons)
    return Decision(kind, said, (*decision.gates, report), (), (), decision.notes)


def unfinished_decision(decision: Decision, run: Run) -> Decision:
    """Turn what was decided of an abandoned run into a NO-TRADE that says so first; its own reasons stay."""
    until = "its day ended" if run.window is None else f"its window closed at {instant_text(run.window.closes_at)}"
    message = f"{run.run_id} was opened and ended in no ticket before {until}"
    report = GateReport(UNFINISHED, "closed", (message,))
    reasons = decision.reasons if decision.kind == "NO-TRADE" else ()
    return Decision(
        "NO-TRADE", (f"run not finished: {message}", *reasons), (report, *decision.gates), (), (), decision.notes
    )


def is_unfinished(ticket: Ticket) -> bool:
    """Say whether a ticket closed a run that was abandoned."""
    return bool(ticket.gates) and ticket.gates[0].gate == UNFINISHED


def ticket_objections(ticket: Ticket) -> tuple[str, ...]:
    """Say what makes a ticket unfit to be shown: wrong numbering, a missing window, a buy before a sale, an empty reason."""
    problems = []
    if [line.line for line in ticket.lines] != list(range(1, len(ticket.lines) + 1)):
        problems.append(f"lines are numbered {[line.line for line in ticket.lines]}")
    if ticket.lines and ticket.window is None:
        problems.append("trades without an execution window")
    sides = [line.side for line in ticket.lines]
    if sides != sorted(sides, key=lambda side: side == "buy"):
        problems.append("a buy stands before a sale")
    if ticket.kind != "TRADE" and not ticket.reasons:
        problems.append(f"a {ticket.kind} ticket without a reason")
    return tuple(problems)


def _lines(
    lines: Sequence[OrderLine], frame: Frame, *, around: Surroundings
) -> tuple[tuple[TicketLine, ...], Guide | None]:
    """Give the lines as a person executes them, and the guide to all of them."""
    cash, equity, rows = around.cash, around.equity, frame.universe.by_id()
    if cash is None or equity is None:
        raise ValueError(f"a trade came with cash {cash} and equity {equity}; both must be known to say what it leaves")
    floor = cash_floor(equity, frame)
    after = tuple(accumulate((cash_effect(line) for line in lines), initial=cash))[1:]
    guide = guide_of(
        lines,
        frame,
        held=around.held,
        cash=cash,
        equity=equity,
        capital_fraction=around.capital_fraction,
        left_undone=around.left_undone,
    )
    told = tuple(
        _line(
            line,
            at,
            rows[line.instrument],
            cash=after[at],
            do=do_words(
                line,
                rows[line.instrument],
                held=around.held.get(line.instrument, ZERO),
                base=frame.policy.base_currency,
                set_by=set_by(line.side, frame),
            ),
            set_by=set_by(line.side, frame),
            skip_if=skip_words(line, rows[line.instrument].currency, skip_bps=frame.policy.execution.skip_above_bps),
            if_it_fails=fail_words(lines, at, cash=cash, floor=floor),
        )
        for at, line in enumerate(lines)
    )
    return told, guide


def _line(line: OrderLine, at: int, row: Instrument, *, cash: Decimal, set_by: SetBy, **words: str) -> TicketLine:
    """Give an approved line with the words around it: `do`, `skip_if` and `if_it_fails`."""
    return TicketLine(
        line=at + 1,
        instrument=line.instrument,
        search_name=row.etoro_search_name,
        is_verified=row.verified_on is not None,
        side=line.side,
        effect=line.effect,
        quantity=line.quantity,
        currency=row.currency,
        value=line.notional,
        value_quote=line.notional_quote,
        order_type=line.order_type,
        limit_price=line.limit_price,
        stop_price=line.stop_price,
        decision_price=line.price,
        worst_price=line.worst_price,
        expected_cost=line.cost,
        expected_cash_after=cash,
        set_by=set_by,
        **words,
    )

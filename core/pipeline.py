"""The pipeline: every gate and stage of a decision, in order. Read this first.

A stage is a plain function of named values; it gives a `Gate`. All stages are evaluated. One closed gate makes a NO-TRADE
ticket; a stage whose needs were not given because another closed reads `not run: waits for X` and is no reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

from core.calendar import is_rebalance_day
from core.canonical import plain_decimal
from core.domain.bars import Fixing
from core.domain.case import Case
from core.domain.decision import Decision, GateReport, Review, TicketKind
from core.domain.facts import Standing, Unread, Worth
from core.domain.frame import Frame
from core.domain.holdings import Holdings
from core.domain.instrument import InstrumentId
from core.domain.market import FxRate, Mark, Prices
from core.domain.model import Model, ModelInUse
from core.domain.order import Proposal
from core.domain.panel import Panel
from core.domain.pending import ACTION_PENDING, PendingDividend
from core.domain.quality import QualityReport
from core.domain.scores import Scores
from core.gate import Finding, Gate, block, closed, note
from core.market_data.fx import fx_rate
from core.market_data.quality import judge_panel
from core.money import price_of
from core.quant.health import judge_model
from core.quant.ranking import rank_instruments
from core.riskguard import gates
from core.riskguard.clusters import Ground
from core.riskguard.plan import equity_of, hold_still, plan_trades
from core.riskguard.review import review_proposal
from core.riskguard.sanity import sanity_gate
from core.riskguard.target import Stance, build_target, tradable
from core.strategies.registry import strategy_of

T = TypeVar("T")
ONE = Decimal(1)


@dataclass(frozen=True)
class Stage:
    """One row of the table: its name, its function, the values that it needs and the one that it gives."""

    name: str
    function: Callable[..., Gate[Any]]
    needs: tuple[str, ...]
    gives: str


@dataclass(frozen=True)
class JudgedPanel:
    """A panel that passed, with the report that says so."""

    panel: Panel
    quality: QualityReport


@dataclass(frozen=True)
class Trail:
    """What a walk came to: the values that exist, each stage's report in order, and the findings."""

    values: Mapping[str, Any]
    reports: tuple[GateReport, ...]
    findings: tuple[Finding, ...]

    def gate(self, name: str) -> GateReport:
        """Give the report of one stage; raises StopIteration when it is not of this walk."""
        return next(report for report in self.reports if report.gate == name)


def audit(standing: Standing) -> Gate[Any]:
    """Is the chain of events whole?"""
    return gates.audit_gate(standing)


def halt(standing: Standing, frame: Frame) -> Gate[Any]:
    """Has anybody halted trading?"""
    return gates.halt_gate(standing, frame.run)


def calendar(standing: Standing, frame: Frame) -> Gate[Any]:
    """Is it a day on which the book decides, and is the execution window not over?"""
    return gates.calendar_gate(standing, frame)


def configuration(standing: Standing, frame: Frame) -> Gate[Any]:
    """Are policy and universe those that the run was opened with?"""
    return gates.configuration_gate(standing, frame.run)


# Scoring, proposing and deciding walk over the same bars: one panel, which is known by being the same object, is judged
# once. A fifth of a range of slots is spent on it.
_judged = lru_cache(maxsize=1)(judge_panel)


def data(panel: Panel | Unread, frame: Frame) -> Gate[JudgedPanel]:
    """Are the bars fit to decide on?"""
    if isinstance(panel, Unread):
        return closed([block("data", "panel", f"could not be looked up: {panel.why}")])
    as_of, window = frame.run.as_of.session, frame.run.window
    closes_at, execution = frame.calendar.close_of(as_of), None if window is None else window.session
    gate = _judged(panel, frame.universe, frame.policy.data, as_of, closes_at=closes_at, execution=execution)
    return Gate(JudgedPanel(panel, gate.value), gate.findings) if gate.is_open else closed(gate.findings)


def fx(fixings: Sequence[Fixing] | Unread, frame: Frame) -> Gate[FxRate]:
    """What is a pound worth this morning?"""
    if isinstance(fixings, Unread):
        return closed([block("fx", "fixings", f"could not be looked up: {fixings.why}")])
    policy = frame.policy
    quotes = sorted({row.currency for row in frame.universe.instruments if row.is_tradable_as_underlying})
    if len(quotes) > 1:
        return closed([block("fx", "universe", f"tradable instruments are in {quotes}; one book trades one currency")])
    quote = quotes[0] if quotes else policy.base_currency
    return fx_rate(
        fixings, policy.base_currency, quote, known_on=frame.run.slot.day, age_days_max=policy.data.fx_age_days_max
    )


def confirmations(standing: Standing) -> Gate[Any]:
    """Was every line of every earlier ticket answered?"""
    return gates.confirmation_gate(standing)


def reconciliation(standing: Standing, frame: Frame) -> Gate[Any]:
    """Do our books agree with the venue's, and was that looked at lately?"""
    return gates.reconciliation_gate(standing, frame.run, frame.policy)


def model(model: Model | Unread | None, frame: Frame) -> Gate[ModelInUse]:
    """Is there a model that may still be asked, where the strategy learns?"""
    return judge_model(model, strategy_of(frame.policy), frame.run.as_of.session, calendar=frame.calendar)


def scores(judged: JudgedPanel, fit_model: ModelInUse, frame: Frame) -> Gate[Scores]:
    """Rank the instruments that the book may hold."""
    strategy, as_of = strategy_of(frame.policy), frame.run.as_of.session
    holdable = tradable(frame.universe, frame.policy)
    valid, excluded = [row.id for row in frame.universe.valid_on(as_of)], {name for name, _ in judged.quality.excluded}
    names = tuple(name for name in valid if name in holdable and name not in excluded)
    gate = rank_instruments(judged.panel, names, as_of, strategy=strategy, model=fit_model.model)
    # Unranked and not merely left out: what is held of it stays as it is, where it would be sold otherwise.
    pending = judged.quality.pending_splits
    waiting = tuple((name, f"{ACTION_PENDING}: {words}") for name, words in pending if name in valid)
    return Gate(replace(gate.value, unranked=(*gate.value.unranked, *waiting)), gate.findings)


def marks(judged: JudgedPanel, fx: FxRate, standing: Standing, frame: Frame) -> Gate[Prices]:
    """Price what is held and what could be bought, at the close of as-of."""
    holdings, run = standing.holdings, frame.run
    if isinstance(holdings, Unread):
        return closed([block("marks", run.slot.book, f"holdings could not be looked up: {holdings.why}")])
    prices = Prices(tuple(_marks_of(judged.panel, run.as_of.session)), fx)
    unpriced = sorted(holdings.quantities().keys() - prices.by_instrument().keys())
    if unpriced:
        message = f"held {', '.join(unpriced)} without a close of {run.as_of.session}; a holding must be valued"
        return closed([block("marks", run.slot.book, message)])
    doubtful = _doubtful(judged.quality, holdings)
    return closed(block("marks", run.slot.book, words) for words in doubtful) if doubtful else Gate(prices)


def drawdown(worth: Worth | Unread, standing: Standing, frame: Frame) -> Gate[Worth]:
    """Has the book fallen to the kill switch?"""
    if isinstance(worth, Unread):
        return closed([block("drawdown", frame.run.slot.book, f"equity could not be computed: {worth.why}")])
    return gates.drawdown_gate(worth, frame.run, frame.policy, capital_fraction=standing.capital_fraction)


def daily_loss(worth: Worth | Unread, standing: Standing, frame: Frame) -> Gate[Worth]:
    """Has the book lost too much in one session?"""
    if isinstance(worth, Unread):
        return closed([block("daily_loss", frame.run.slot.book, f"equity could not be computed: {worth.why}")])
    part, resumed = standing.capital_fraction, standing.resumed_loss
    return gates.daily_loss_gate(worth, frame.run, frame.policy, capital_fraction=part, resumed_loss=resumed)


def proposal(
    scores: Scores, prices: Prices, *, judged: JudgedPanel, standing: Standing, frame: Frame
) -> Gate[Proposal]:
    """Turn scores into a target and the lines that lead there, on a rebalance day."""
    holdings, run, policy = _holdings(standing), frame.run, frame.policy
    if run.window is None:
        return Gate(hold_still("exchange closed", holdings, prices))
    if not _is_first_build(standing) and not is_rebalance_day(frame.calendar, policy, run.slot.day):
        return Gate(hold_still("no rebalance due", holdings, prices))
    strategy = strategy_of(policy)
    ground = Ground(frame.universe, judged.panel, run.as_of.session)
    capital = standing.capital_fraction
    unverified = _unverified(frame)
    weights = _weights(holdings, prices)
    stance = Stance(strategy.hold_rank_multiple, capital or ONE, weights, ground, unverified, is_shown_only=not capital)
    target = build_target(scores, frozenset(holdings.quantities()), policy, stance=stance)
    if not capital:
        # A phase without capital trades nothing, what is held included; what it would want at full size is shown.
        still = hold_still("the rollout phase allows no capital: nothing is traded", holdings, prices)
        return Gate(replace(still, target=target))
    return Gate(plan_trades(target, holdings, prices, policy=policy, capital_fraction=capital, ground=ground))


def review(
    proposal: Proposal, prices: Prices, *, judged: JudgedPanel, standing: Standing, worth: Worth | Unread, frame: Frame
) -> Gate[Review]:
    """Let every rule judge every line."""
    holdings, run, policy = _holdings(standing), frame.run, frame.policy
    if proposal.ledger_head != holdings.ledger_head:
        message = f"the books moved from {proposal.ledger_head} to {holdings.ledger_head} after the proposal was made"
        return closed([block("review", run.slot.book, message)])
    case = Case(
        proposal=proposal,
        holdings=holdings,
        prices=prices,
        universe=frame.universe,
        as_of=run.as_of.session,
        venue=policy.execution.venue,
        capital_fraction=standing.capital_fraction,
        pending=judged.quality.pending_splits,
        panel=judged.panel,
        others=_read(standing.others, "other tickets "),
        course=_read(worth, "equity ").course,
        desk=_read(standing.desk, "what the desk holds "),
    )
    verdict = review_proposal(case, policy)
    if verdict.refused and not verdict.approved:
        return closed(block("review", item.line.instrument, str(item)) for item in verdict.refused)
    # Noted here and not where the plan is made: a stored proposal comes without the notes of its making.
    notes = [
        note("review", row.instrument, f"{row.instrument}: {row.reason}")
        for row in proposal.target.weights
        if row.is_unscored
    ]
    notes += _dividend_notes(verdict, judged.quality)
    if verdict.approved and _is_first_build(standing):
        notes.append(_first_build_note(frame))
    return Gate(verdict, tuple(notes))


def ticket(review: Review, proposal: Proposal, *, prices: Prices, standing: Standing, frame: Frame) -> Gate[Any]:
    """Is what would be put before a person fit to be executed, line by line?"""
    return sanity_gate(review, proposal, prices, holdings=_holdings(standing), frame=frame)


PIPELINE: tuple[Stage, ...] = (
    Stage("audit", audit, ("standing",), "audit"),
    Stage("halt", halt, ("standing", "frame"), "halt"),
    Stage("calendar", calendar, ("standing", "frame"), "expires_at"),
    Stage("configuration", configuration, ("standing", "frame"), "configuration"),
    Stage("data", data, ("panel", "frame"), "judged"),
    Stage("fx", fx, ("fixings", "frame"), "fx"),
    Stage("confirmations", confirmations, ("standing",), "confirmations"),
    Stage("reconciliation", reconciliation, ("standing", "frame"), "reconciliation"),
    Stage("model", model, ("model", "frame"), "fit_model"),
    Stage("scores", scores, ("judged", "fit_model", "frame"), "scores"),
    Stage("marks", marks, ("judged", "fx", "standing", "frame"), "prices"),
    Stage("drawdown", drawdown, ("worth", "standing", "frame"), "judged_worth"),
    Stage("daily_loss", daily_loss, ("worth", "standing", "frame"), "judged_loss"),
    Stage("proposal", proposal, ("scores", "prices", "judged", "standing", "frame"), "proposal"),
    Stage("review", review, ("proposal", "prices", "judged", "standing", "worth", "frame"), "review"),
    Stage("ticket", ticket, ("review", "proposal", "prices", "standing", "frame"), "ticket"),
)
TO_SCORES = ("data", "model", "scores")
TO_PROPOSAL = tuple(stage.name for stage in PIPELINE if stage.name not in ("review", "ticket"))


def walk(stages: Iterable[Stage], given: Mapping[str, Any]) -> Trail:
    """Evaluate every stage whose needs exist; a stage that fails to run is closed and says how."""
    values = dict(given)
    reports: list[GateReport] = []
    findings: list[Finding] = []
    makers = {stage.gives: stage.name for stage in PIPELINE}
    for stage in stages:
        missing = [name for name in stage.needs if name not in values]
        if missing:
            waits = ", ".join(sorted({makers.get(name, name) for name in missing}))
            reports.append(GateReport(stage.name, "waits", (f"not run: waits for {waits}",)))
            continue
        gate = _evaluate(stage, values)
        if gate.is_open:
            values[stage.gives] = gate.value
        findings.extend(gate.findings)
        messages = tuple(finding.message for finding in gate.findings)
        reports.append(GateReport(stage.name, "open" if gate.is_open else "closed", messages))
    return Trail(values, tuple(reports), tuple(findings))


def stages(names: Iterable[str], *, stored: Mapping[str, Gate[Any]] | None = None) -> tuple[Stage, ...]:
    """Give the named stages in order; a stage whose gate is stored gives that gate instead of running again."""
    wanted = frozenset(names)
    kept = stored or {}
    return tuple(
        replace(stage, function=_giving(kept[stage.name])) if stage.name in kept else stage
        for stage in PIPELINE
        if stage.name in wanted
    )


def all_stages(*, stored: Mapping[str, Gate[Any]] | None = None) -> tuple[Stage, ...]:
    """Give the whole table, with stored gates in their places."""
    return stages((stage.name for stage in PIPELINE), stored=stored)


def decide(trail: Trail) -> Decision:
    """Say what a whole walk comes to: NO-TRADE with every reason, HOLD with the reason, or TRADE."""
    reasons = tuple(
        f"{report.gate}: {message}"
        for report in trail.reports
        if report.state == "closed"
        for message in report.messages
    )
    notes = tuple(finding.message for finding in trail.findings if finding.severity != "block")
    if reasons:
        return Decision("NO-TRADE", reasons, trail.reports, (), (), notes)
    plan: Proposal = trail.values["proposal"]
    verdict: Review = trail.values["review"]
    if plan.hold_reason is not None:
        return Decision("HOLD", (plan.hold_reason,), trail.reports, (), verdict.refused, notes)
    kind: TicketKind = "TRADE"
    return Decision(kind, (), trail.reports, verdict.approved, verdict.refused, notes)


def _evaluate(stage: Stage, values: Mapping[str, Any]) -> Gate[Any]:
    try:
        return stage.function(**{name: values[name] for name in stage.needs})
    except (ValueError, LookupError, ArithmeticError) as error:
        return closed([block(stage.name, stage.name, f"failed to run: {error}")])
    except Exception as error:
        # A mistake of our own, or of a library. The slot still ends in its one ticket: a gate that fails to run is closed.
        words = f"failed to run, a mistake of the program ({type(error).__name__}): {error}"
        return closed([block(stage.name, stage.name, words)])


def _giving(gate: Gate[Any]) -> Callable[..., Gate[Any]]:
    return lambda **needs: gate


def _unverified(frame: Frame) -> frozenset[InstrumentId]:
    """Give what nobody looked up at a real venue; nothing where none was: the review then says so of each line."""
    rows = frame.universe.valid_on(frame.run.as_of.session)
    found = frozenset(row.id for row in rows if row.verified_on is None)
    is_any_verified = any(row.verified_on is not None and row.is_tradable_as_underlying for row in rows)
    return found if frame.policy.execution.venue != "paper" and is_any_verified else frozenset()


def _holdings(standing: Standing) -> Holdings:
    return _read(standing.holdings, "holdings ")


def _read(fact: T | Unread, what: str = "") -> T:
    if isinstance(fact, Unread):
        raise ValueError(f"{what}could not be looked up: {fact.why}")
    return fact


def _doubtful(quality: QualityReport, holdings: Holdings) -> list[str]:
    """Say of each holding whose bars are degraded why it cannot be valued, nor sold for being left out."""
    held = holdings.quantities().keys() & set(quality.degraded)
    return [
        f"held {name} is left out: {why}; a person must look at its bars"
        for name, why in quality.excluded
        if name in held
    ]


def _weights(holdings: Holdings, prices: Prices) -> dict[InstrumentId, Decimal]:
    """Give the share of equity that each holding has; none where there is no equity, which the plan refuses."""
    equity = equity_of(holdings, prices)
    return {
        row.instrument: prices.value_of(row.instrument, row.quantity) / equity
        for row in holdings.positions
        if equity > 0
    }


def _is_first_build(standing: Standing) -> bool:
    # Waiting for the week's first session would protect nothing while the book holds nothing.
    state = standing.reconciliation
    return not isinstance(state, Unread) and not state.has_fills


def _dividend_notes(verdict: Review, quality: QualityReport) -> list[Finding]:
    """Say of what is traded which dividends go ex by the execution session."""
    traded = {line.instrument for line in verdict.approved}
    words = "ex by the execution session: who buys does not get it, who sells still does"
    return [
        note("review", action.instrument, f"{action.instrument}: {action} is {words}")
        for action in quality.pending
        if isinstance(action, PendingDividend) and action.instrument in traded
    ]


def _first_build_note(frame: Frame) -> Finding:
    limit = plain_decimal(frame.policy.limits.turnover_max)
    message = f"first build: it may begin on any session, and the turnover limit of {limit} of equity holds for it too"
    return note("review", frame.run.slot.book, message)


def _marks_of(panel: Panel, session: date) -> Iterable[Mark]:
    row = panel.row(session)
    if row is None:
        return
    # Most have one basis in common, whose words cost as much as all else of a mark.
    words = {basis: str(basis) for basis in set(panel.basis)}
    for name, close, basis in zip(panel.instruments, panel.close[row].tolist(), panel.basis, strict=True):
        if close == close:
            yield Mark(name, session, price_of(close), words[basis])

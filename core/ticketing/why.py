"""The why of a ticket: what changes, what made each weight, and what looked odd, from what was stored and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.case import ZERO, cash_effect
from core.domain.decision import Decision
from core.domain.facts import Seen, Unread
from core.domain.frame import Frame
from core.domain.instrument import InstrumentId
from core.domain.order import OrderLine, Proposal, TargetWeight
from core.domain.rollout import share_in_phase
from core.domain.scores import Score, Scores, ScoreSet
from core.domain.ticket import Weighed, Why

# So many of what moved a score are told, the strongest first.
MOVED_BY_MAX = 3
# A rate that is older was not merely carried over a weekend.
FX_AGE_DAYS_USUAL = 3
NAMED_MAX = 5
SHOWN_ONLY = (
    "The weights are only what the book would want at full size, and nothing of them is to be done:"
    " the rollout phase allows no capital, so buy nothing and sell nothing."
)


@dataclass(frozen=True)
class Told:
    """What a why is made of: a run's scores, its proposal, its decision, and what was seen."""

    scores: ScoreSet | None
    proposal: Proposal | None
    decision: Decision
    seen: Seen

    @property
    def ranking(self) -> Scores | None:
        """Give the ranking; None where nothing was scored or the scores' gate was closed."""
        return None if self.scores is None else self.scores.scores

    @property
    def is_shown_only(self) -> bool:
        """Say whether what is wanted is only shown: nothing is done where the rollout phase allows no capital."""
        return self.decision.kind == "HOLD" and not self.seen.standing.capital_fraction


def why_of(told: Told, frame: Frame) -> Why | None:
    """Give the why of a ticket; None where there is nothing to tell beyond its reasons."""
    scores, planned = told.ranking, told.proposal
    anomalies = tuple(dict.fromkeys(_anomalies(told, frame)))
    weights: tuple[Weighed, ...] = ()
    changed: tuple[str, ...] = ()
    if planned is not None and told.decision.kind != "NO-TRADE":
        weights = tuple(_weights(told, planned, frame))
        changed = tuple(_changed(told, planned, frame)) if told.decision.approved else ()
        if weights and told.is_shown_only:
            changed = (SHOWN_ONLY,)
    if not (anomalies or weights or changed):
        return None
    strategy, ranked = ("", 0) if scores is None else (scores.strategy, len(scores.ranked))
    return Why(changed, weights, strategy, ranked, anomalies)


def held_in(seen: Seen) -> Mapping[InstrumentId, Decimal]:
    """Give the units held, as far as they could be looked up."""
    return {} if isinstance(seen.standing.holdings, Unread) else seen.standing.holdings.quantities()


def _changed(told: Told, planned: Proposal, frame: Frame) -> Iterator[str]:
    lines, held, base = told.decision.approved, held_in(told.seen), frame.policy.base_currency
    bought, sold = (sum((line.notional for line in lines if line.side == side), ZERO) for side in ("buy", "sell"))
    cost, effect = sum((line.cost for line in lines), ZERO), sum((cash_effect(line) for line in lines), ZERO)
    parts = (
        ("Opens", [line for line in lines if line.side == "buy" and line.instrument not in held]),
        ("Adds to", [line for line in lines if line.side == "buy" and line.instrument in held]),
        ("Reduces", [line for line in lines if line.side == "sell" and not _closes(line, held)]),
        ("Closes", [line for line in lines if _closes(line, held)]),
    )
    named = [f"{verb} {', '.join(line.instrument for line in group)}." for verb, group in parts if group]
    left = sorted(held.keys() - {line.instrument for line in lines})
    named += [f"Leaves {', '.join(left)} as {'it is' if len(left) == 1 else 'they are'}."] if left else []
    yield " ".join(named)
    yield f"Buys {bought:,.2f} and sells {sold:,.2f} {base}, at an expected cost of {cost:,.2f} {base}."
    equity, holdings = planned.equity, told.seen.standing.holdings
    if not isinstance(holdings, Unread):
        turnover, after = 100 * (bought + sold) / 2 / equity, holdings.cash + effect
        limits = frame.policy.limits
        yield (
            f"Turnover, (buys + sells) / 2, is {turnover:.2f} % of equity; {plain_decimal(100 * limits.turnover_max)} % is"
            f" allowed. Cash goes from {100 * holdings.cash / equity:.2f} % of equity to {100 * after / equity:.2f} %;"
            f" at least {plain_decimal(100 * limits.cash_buffer_min)} % stays."
        )


def _closes(line: OrderLine, held: Mapping[InstrumentId, Decimal]) -> bool:
    return line.side == "sell" and line.quantity == held.get(line.instrument)


def _weights(told: Told, planned: Proposal, frame: Frame) -> Iterator[Weighed]:
    """Tell each wanted weight in the order of the target, then what is held and wanted no more."""
    target, scores = planned.target.weights, told.ranking
    ranked = {} if scores is None else {score.instrument: score for score in scores.ranked}
    most = frame.policy.limits.weight_max
    for row in target:
        shaped = (*_shaped(row, most), *_undone(row.instrument, told.decision, planned))
        yield _weighed(row.instrument, row.weight, ranked.get(row.instrument), shaped)
    sold = "it would be sold at full size" if told.is_shown_only else "it is sold"
    gone = sorted(held_in(told.seen).keys() - {row.instrument for row in target}) if target else []
    for name in gone:
        shaped = (f"no longer among the wanted: {sold}", *_undone(name, told.decision, planned))
        yield _weighed(name, ZERO, ranked.get(name), shaped)


def _weighed(name: InstrumentId, weight: Decimal, score: Score | None, shaped: tuple[str, ...]) -> Weighed:
    if score is None:
        return Weighed(name, weight, None, None, (), shaped)
    return Weighed(name, weight, score.rank, score.value, score.contributions[:MOVED_BY_MAX], shaped)


def _shaped(row: TargetWeight, most: Decimal) -> Iterator[str]:
    """Give the target's own reason, and the largest weight where it alone made the weight."""
    yield row.reason
    if row.weight == most and "capped by" not in row.reason:
        yield f"at the largest weight of one instrument (limits.weight_max {plain_decimal(most)})"


def _undone(name: InstrumentId, decision: Decision, planned: Proposal) -> Iterator[str]:
    """Give what a budget left undone of an instrument, and the codes of the rules that refused its line."""
    for words in planned.left_undone:
        what, _, rest = words.partition(": ")
        if what.split(" ")[1:] == [name]:
            yield f"{what.split(' ')[0]} not done, or not whole: {rest}"
    for item in decision.refused:
        if item.line.instrument == name:
            codes = ", ".join(objection.code for objection in item.objections)
            yield f"{item.line.side} refused: {codes}"


def _anomalies(told: Told, frame: Frame) -> Iterator[str]:
    if told.scores is not None:
        yield from (finding.message for finding in told.scores.findings if finding.severity == "warn")
        yield from _unranked(told.ranking)
    rows, lines = frame.universe.by_id(), told.decision.approved
    unseen = [line.instrument for line in lines if rows[line.instrument].verified_on is None]
    if unseen:
        yield f"never looked up at the broker by anybody: {', '.join(unseen)}; the search name may be another instrument's"
    rate, day = told.seen.fx, frame.run.slot.day
    if rate is not None and (day - rate.fixed_on).days > FX_AGE_DAYS_USUAL:
        yield f"the exchange rate is of {rate.fixed_on}, {(day - rate.fixed_on).days} days before this ticket's day"
    worth = told.seen.worth
    most = share_in_phase(frame.policy.limits.drawdown_max, told.seen.standing.capital_fraction)
    if not isinstance(worth, Unread) and -2 * worth.drawdown >= most:
        yield (
            f"the book stands {-100 * worth.drawdown:.2f} % below its highest; at {plain_decimal(100 * most)} % it is halted"
        )


def _unranked(scores: Scores | None) -> Iterator[str]:
    unranked: Sequence[tuple[InstrumentId, str]] = () if scores is None else scores.unranked
    if unranked:
        more = f", and {len(unranked) - NAMED_MAX} more" if len(unranked) > NAMED_MAX else ""
        named = "; ".join(f"{name} ({why})" for name, why in unranked[:NAMED_MAX])
        yield f"without a score: {named}{more}"

"""Under a decision: what was seen, the scores, the walk over all gates, the plan; each made again from what it was made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from core import pipeline
from core.audit.books import Books, holdings_node
from core.audit.market import Market, close_node, policy_number, rate_node
from core.audit.tree import KeptRow, Node, computed, derived, fact, shown
from core.canonical import plain_decimal, sha256_of
from core.domain.decision import Approval, Decision
from core.domain.facts import Seen, Standing, Unread, Worth
from core.domain.frame import Frame
from core.domain.holdings import Holdings
from core.domain.instrument import InstrumentId
from core.domain.market import FxRate, Mark, Prices
from core.domain.model import Model
from core.domain.order import OrderLine, Proposal, Target
from core.domain.panel import Panel
from core.domain.scores import Scores
from core.domain.ticket import IssuedTicket, Ticket, TicketLine
from core.gate import Gate
from core.ledger.equity import Curve, Rates, extend_curve, worth_of
from core.money import to_pence
from core.pipeline import TO_SCORES, Trail, all_stages, stages, walk
from core.riskguard.clusters import Ground
from core.riskguard.plan import Wish, plan_with_wishes

HASH_SHOWN = 12
GROUPING = (
    "limits.sector_weight_max",
    "limits.correlation_max",
    "limits.correlation_sessions",
    "limits.cluster_weight_max",
)
PLANNING = (
    "limits.turnover_max",
    "limits.cash_buffer_min",
    "limits.positions_max",
    "limits.order_value_min",
    "limits.order_value_max",
    "limits.no_buy",
    *GROUPING,
    "sizing.quantity_step",
    "sizing.fractions",
    "sizing.tiny_delta",
    "sizing.buys_from",
    "sizing.fx_buffer_bps",
    "execution.skip_above_bps",
    "execution.order_style",
    "costs.slippage_bps",
    "costs.spread_bps",
    "costs.fx_fee_bps",
    "costs.commission",
)
TARGETING = (
    "limits.positions_max",
    "limits.weight_max",
    "limits.cash_buffer_min",
    *GROUPING,
    "sizing.weights",
    "sizing.volatility_sessions",
    "sizing.regime_exposure",
    "risk_off",
    "strategy.parameters",
)
SCORING = ("strategy.name", "strategy.parameters", "data.benchmark")


@dataclass(frozen=True)
class Page:
    """A ticket's JSON as it lies in the workspace, where people and programs read it."""

    path: str
    text: str


@dataclass(frozen=True, eq=False)
class Kept:
    """Everything that a ticket's run kept, as it was read: values, and the rows that they stand in, by what each is.

    `curve_panel` and `rates` are what the book's worth is computed of; `page` is the file of the ticket, where there is one;
    `redraft` drafts a ticket of a decision, what was seen and a proposal.
    """

    issued: IssuedTicket
    frame: Frame
    decision: Decision
    seen: Seen
    proposal: Proposal | None
    model: Model | None
    model_gate: Gate[Any]
    score_gate: Gate[Scores]
    approval: Approval | None
    signature_verifies: bool
    approved: tuple[OrderLine, ...]
    written: tuple[TicketLine, ...]
    market: Market
    panel: Panel | Unread
    fixings: Any
    books: Books | None
    curve_panel: Panel | None
    rates: Rates | None
    rows: Mapping[str, tuple[KeptRow, ...]]
    page: Page | None
    redraft: Callable[[Decision, Seen, Proposal | None], Ticket]


class Traced:
    """The nodes that the figures of one ticket share, each made once."""

    def __init__(self, kept: Kept) -> None:
        """Trace what a run kept."""
        self.kept = kept
        self.run = kept.frame.run
        self.standing: Standing = kept.seen.standing
        self._closes: dict[InstrumentId, Node] = {}

    def rows(self, name: str) -> tuple[KeptRow, ...]:
        """Give the rows of one kind; none where they are not there."""
        return self.kept.rows.get(name, ())

    def number(self, key: str) -> Node:
        """Give a number of the policy."""
        return policy_number(self.kept.market, key)

    def close(self, name: InstrumentId) -> Node:
        """Give the close of as-of of an instrument, made again once."""
        if name not in self._closes:
            self._closes[name] = close_node(self.kept.market, name, self.run.as_of.session)
        return self._closes[name]

    @cached_property
    def rate(self) -> Node:
        """Give the exchange rate that was seen."""
        if self.kept.seen.fx is None:
            return Node("exchange rate", None, "-", "none could be used", origins=self.rows("decision"))
        return rate_node(self.kept.market, self.kept.seen.fx, known_on=self.run.slot.day, origins=self.rows("decision"))

    @cached_property
    def universe(self) -> Node:
        """Give the universe of the run."""
        universe = self.kept.frame.universe
        text = f"{len(universe.instruments)} instruments, hash {self.run.universe_hash[:HASH_SHOWN]}"
        return fact("universe", universe, *self.rows("universe"), text=text)

    @cached_property
    def bars(self) -> Node:
        """Give the bars of the run, with the raw files that they were made of."""
        panel, market = self.kept.panel, self.kept.market
        if isinstance(panel, Unread):
            return fact("bars of the run", panel, *self.rows("decision"), text=f"could not be read: {panel.why}")
        last, (sessions, names) = self.run.as_of.session, panel.close.shape
        text = f"{sessions} sessions up to {last}, {names} instruments, content {panel.content_hash()[:HASH_SHOWN]}"
        return fact(
            f"bars of clean set {self.run.snapshot[:HASH_SHOWN]}", panel, *market.rows, *market.files, text=text
        )

    @cached_property
    def fixings(self) -> Node:
        """Give the fixings of the run."""
        told = self.kept.fixings
        if isinstance(told, Unread):
            return fact("fixings of the run", told, *self.rows("decision"), text=f"could not be read: {told.why}")
        text = f"{len(told)} fixings up to {told[-1].day}" if told else "no fixings"
        return fact(f"fixings of clean set {self.run.snapshot[:HASH_SHOWN]}", told, *self.kept.market.rows, text=text)

    @cached_property
    def holdings(self) -> Node:
        """Give what the book held, summed again from its entries."""
        held = self.standing.holdings
        if isinstance(held, Unread) or self.kept.books is None:
            return fact("holdings", held, *self.rows("decision"), text=shown(held))
        return holdings_node(self.kept.books, held, origins=self.rows("decision"))

    @cached_property
    def worth(self) -> Node:
        """Give the worth that was seen: equity, and the fall from the peak, walked again over the book's days."""
        kept, origins = self.kept, self.rows("decision")
        seen = kept.seen.worth
        if isinstance(seen, Unread) or kept.books is None:
            return fact("worth", seen, *origins, text=shown(seen))
        entries, since = kept.books.entries, self.standing.peak_from
        rule = "the book valued at each close since its first entry; the fall of the flow-free index from its highest"
        rule += f" since {since}, when a person resumed" if since else ""

        def again(*_: object) -> Worth:
            if kept.curve_panel is None or kept.rates is None:
                return worth_of(Curve(), since=since)
            return worth_of(extend_curve(Curve(), entries, kept.curve_panel, rates=kept.rates), since=since)

        under = [*kept.books.nodes, self.bars, self.fixings]
        return derived("worth", seen, rule, under, compute=again, origins=origins)

    @cached_property
    def seen(self) -> Node:
        """Give everything that was seen besides scores and bars: what can be computed of it is, the rest was looked up then."""
        kept, origins = self.kept, self.rows("decision")
        looked = replace(self.standing, holdings=Unread("below"))
        world = fact("what was looked up of chain, halts, tickets and reconciliation", looked, *origins)

        def gather(held: Holdings | Unread, worth: Worth | Unread, fx: FxRate | None, looked: Standing) -> Seen:
            return replace(kept.seen, standing=replace(looked, holdings=held), worth=worth, fx=fx)

        under = [self.holdings, self.worth, self.rate, world]
        rule = "what the gates looked at, as it was kept with the decision"
        return derived("seen", kept.seen, rule, under, compute=gather, origins=origins, text=_digest)

    @cached_property
    def scores(self) -> Node:
        """Give the scores of the run, computed again of its bars."""
        kept = self.kept
        rule = f"strategy {kept.frame.policy.strategy.name}: {self._strategy_words()}"

        def again(panel: Panel | Unread, *_: object) -> Scores | None:
            stored = {} if kept.model is not None else {"model": kept.model_gate}
            given = {"panel": panel, "model": kept.model, "frame": kept.frame}
            return walk(stages(TO_SCORES, stored=stored), given).values.get("scores")

        models = [] if kept.model is None else [self.model(kept.model)]
        under = [self.bars, *models, self.universe, *map(self.number, SCORING)]
        scores = kept.score_gate.outcome
        return derived("scores", scores, rule, under, compute=again, origins=self.rows("score_set"), text=_scores_text)

    def model(self, model: Model) -> Node:
        """Give the model that was asked, with what it learned of."""
        card = model.card
        words = f"{card.trees} trees of {card.rows} rows from {card.first} to {card.last}, trained on {card.as_of}"
        text = f"{words}, clean set {card.snapshot[:HASH_SHOWN]}, hash {model.hash[:HASH_SHOWN]}"
        return fact("model", model, *self.rows("model"), text=text)

    @cached_property
    def capital(self) -> Node:
        """Give the rollout phase's share of the capital, as it was seen."""
        return fact("capital fraction of the rollout phase", self.standing.capital_fraction, *self.rows("decision"))

    @cached_property
    def walked(self) -> Node:
        """Give the walk over every gate and stage, done again."""
        kept = self.kept

        def again(panel: Any, fixings: Any, seen: Seen, *_: object) -> Trail:
            given = {
                "frame": kept.frame,
                "standing": seen.standing,
                "model": None,
                "panel": panel,
                "fixings": fixings,
                "worth": seen.worth,
            }
            return walk(all_stages(stored={"model": kept.model_gate, "scores": kept.score_gate}), given)

        under = [self.bars, self.fixings, self.seen, self.scores, self.universe]
        return computed(
            "walk over all gates", "core/pipeline.py, every stage in order", under, compute=again, text=_walk_text
        )

    @cached_property
    def decision(self) -> Node:
        """Give the decision, come to again by the walk."""
        rule = (
            "one closed gate is NO-TRADE; nothing due or nothing to do is HOLD; else TRADE with what every rule allows"
        )
        return derived(
            "decision",
            self.kept.decision,
            rule,
            [self.walked],
            compute=pipeline.decide,
            origins=self.rows("decision"),
            text=_digest,
        )

    @cached_property
    def prices(self) -> Node:
        """Give the marks of what is held or wanted, and the rate."""
        held = [] if isinstance(self.standing.holdings, Unread) else self.standing.holdings.positions
        wanted = [] if self.kept.proposal is None else self.kept.proposal.target.weights
        names = sorted({row.instrument for row in held} | {row.instrument for row in wanted})
        session = self.run.as_of.session

        def gather(fx: FxRate, *closes: Decimal) -> Prices:
            marks = (Mark(name, session, close, "") for name, close in zip(names, closes, strict=True))
            return Prices(tuple(marks), fx)

        under = [self.rate, *map(self.close, names)]
        return computed(
            f"prices of {session}", "the close of each, and the rate", under, compute=gather, text=_prices_text
        )

    @cached_property
    def target(self) -> Node:
        """Give the target weights, made again of scores, holdings and the policy."""
        kept = self.kept

        def again(scores: Scores, prices: Prices, held: Holdings, capital: Decimal, *others: Any) -> Target:
            return self._proposed(scores, prices, held, capital=capital, panel=others[0]).target

        numbers = map(self.number, TARGETING)
        under = [self.scores, self.prices, self.holdings, self.capital, self.bars, self.universe, *numbers]
        rule = "the best ranked, what is held kept while it ranks well, weighed and capped; a cap's rest stays in cash"
        target = kept.proposal.target if kept.proposal is not None else None
        return derived(
            "target weights", target, rule, under, compute=again, origins=self.rows("proposal"), text=_target_text
        )

    @cached_property
    def proposal(self) -> Node:
        """Give the proposal, planned again; nothing where a gate was closed before it."""
        kept = self.kept
        if kept.proposal is None:
            return Node("proposal", None, "-", "none was made: a gate before it was closed", (self.walked,))

        def again(scores: Scores, prices: Prices, held: Holdings, capital: Decimal, *others: Any) -> Proposal:
            return self._proposed(scores, prices, held, capital=capital, panel=others[0])

        numbers = map(self.number, PLANNING)
        under = [self.scores, self.prices, self.holdings, self.capital, self.bars, self.universe, self.target, *numbers]
        rule = "the lines that lead to the target: exits, trims, then buys in its order, as far as each budget goes"
        return derived(
            "proposal", kept.proposal, rule, under, compute=again, origins=self.rows("proposal"), text=_digest
        )

    def wish(self, at: int) -> Node:
        """Give the value that a line was to come to, and which budget bound it; nothing where the line is not there."""

        def again(target: Target, held: Holdings, prices: Prices, capital: Decimal, *others: Any) -> Wish:
            frame = self.kept.frame
            ground = Ground(frame.universe, others[0], frame.run.as_of.session)
            wishes = plan_with_wishes(
                target, held, prices, policy=frame.policy, capital_fraction=capital, ground=ground
            )[1]
            return wishes[at]

        numbers = map(self.number, PLANNING)
        under = [self.target, self.holdings, self.prices, self.capital, self.bars, self.universe, *numbers]
        rule = "the wanted weight x equity, less what is held, as far as the tightest budget goes"
        return computed(f"value that line {at + 1} is for", rule, under, compute=again, text=_wish_text)

    def _proposed(self, scores: Scores, prices: Prices, held: Holdings, *, capital: Decimal, panel: Panel) -> Proposal:
        frame, standing = self.kept.frame, replace(self.standing, holdings=held, capital_fraction=capital)
        judged = pipeline.data(panel, frame).value
        return pipeline.proposal(scores, prices, judged=judged, standing=standing, frame=frame).value

    def _strategy_words(self) -> str:
        parameters = self.kept.frame.policy.strategy.parameters
        return ", ".join(f"{name} {shown(value)}" for name, value in sorted(parameters.items()))


def _digest(value: Any) -> str:
    return f"sha256 {sha256_of(value)}"


def _scores_text(scores: Scores | None) -> str:
    if scores is None:
        return "none"
    ranked = [f"{row.rank} {row.instrument} {plain_decimal(row.value)}" for row in scores.ranked]
    return "; ".join([*ranked, *(f"{name} not ranked: {why}" for name, why in scores.unranked)])


def _target_text(target: Target | None) -> str:
    if target is None:
        return "none"
    return (
        "; ".join(f"{row.instrument} {plain_decimal(row.weight)} ({row.reason})" for row in target.weights) or "nothing"
    )


def _prices_text(prices: Prices) -> str:
    marks = [f"{mark.instrument} {plain_decimal(mark.price)}" for mark in prices.marks]
    return "; ".join([*marks, f"{prices.fx.base}{prices.fx.quote} {plain_decimal(prices.fx.rate)}"])


def _walk_text(trail: Trail) -> str:
    return ", ".join(f"{report.gate} {report.state}" for report in trail.reports)


def _wish_text(wish: Wish) -> str:
    whole = "the whole position" if wish.closes else f"{to_pence(wish.within)} of it within the {wish.budget}"
    return f"{wish.what}: {to_pence(wish.value)} wanted, {whole}"

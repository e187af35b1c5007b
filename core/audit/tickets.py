"""The figures of a ticket: a tree for every value of its JSON, and for what stands behind it without a place on the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

from core.audit.names import Path, ticket_figures
from core.audit.traced import PLANNING, Kept, Page, Traced
from core.audit.tree import KeptFile, Node, derived, fact, shown
from core.canonical import plain, sha256_text
from core.domain.case import cash_effect
from core.domain.decision import Decision
from core.domain.facts import Seen, Unread, Worth
from core.domain.holdings import Holdings
from core.domain.market import FxRate, Mark, Prices
from core.domain.order import OrderLine, Proposal, Target
from core.domain.scores import Scores
from core.domain.ticket import APPROVED_AS, Ticket, TicketLine, departures
from core.money import to_pence
from core.riskguard.plan import equity_of, expected_cost, sized, worst_price

# What a page shows with two decimals and thousands apart.
MONEY = ("equity", "cash", "value", "value_quote", "expected_cash_after")
# The numbers of the policy that a part of a ticket speaks of.
SPOKEN_OF: dict[str, tuple[str, ...]] = {
    "data": (
        "data.coverage_min",
        "data.excluded_max",
        "data.benchmark_age_sessions_max",
        "data.missing_sessions_max",
        "data.duplicate_dates_max",
        "data.market_volume_min",
    ),
    "fx": ("data.fx_age_days_max",),
    "reconciliation": ("reconciliation.required_every_days",),
    "drawdown": ("limits.drawdown_max",),
    "proposal": PLANNING,
    "review": ("limits.turnover_max", "limits.weight_max", "limits.cash_buffer_min", "limits.order_value_min"),
    "refused": ("limits.turnover_max", "limits.weight_max", "limits.cash_buffer_min", "limits.order_value_min"),
    "notes": ("limits.turnover_max",),
    "reasons": ("limits.drawdown_max", "data.fx_age_days_max", "reconciliation.required_every_days"),
    "knowledge": ("data.assumed_lag_hours",),
    "window": ("execution.window_opens_minutes", "execution.window_closes_minutes"),
    "expires_at": ("execution.window_closes_minutes",),
    "confirm_by": ("execution.confirm_within_hours",),
}
PLANNED = {said: name for name, said in APPROVED_AS.items()}


COSTS = ("costs.slippage_bps", "costs.spread_bps", "costs.fx_fee_bps", "costs.commission")


@dataclass(frozen=True)
class Maker:
    """How a number is made: the rule, what it is made of, and the function of core that does it."""

    rule: str
    under: tuple[Node, ...]
    compute: Callable[..., Any]


class TicketFigures:
    """What can be asked of a ticket: names with their values, and the tree of each."""

    def __init__(self, kept: Kept) -> None:
        """Answer for the ticket that a run ended in."""
        self._kept, self._trace = kept, Traced(kept)
        self._ticket = kept.issued.ticket
        self._named = ticket_figures(kept.issued)

    def names(self) -> Mapping[str, Any]:
        """Give every name with its value: what the JSON has, then what stands behind it."""
        return {name: value for name, (_, value) in self._named.items()} | dict(self._behind_values())

    def tree(self, name: str) -> Node:
        """Give the tree of a name; raises KeyError for one that the ticket does not have."""
        behind = self._behind()
        if name in behind:
            return behind[name]()
        path, value = self._named[name]
        node = self._of_path(path, value)
        page = self._kept.page
        origins = node.origins if page is None else (page_origin(page, path, value), *node.origins)
        root = replace(node, name=f"{self._ticket.ticket_id} {name}", origins=origins)
        is_money = path[-1] in MONEY and value is not None
        return replace(root, printed=f"{Decimal(value):,.2f}") if is_money else root

    def _of_path(self, path: Path, value: Any) -> Node:
        match path:
            case ("seal", str(name)):
                return self._seal(name, value)
            case ("hash",):
                return self._drafted("hash", value, lambda ticket: ticket.hash)
            case ("short_hash",):
                return self._drafted("short hash", value, lambda ticket: ticket.short_hash)
            case ("ticket", "equity") if value is not None:
                return self._equity()
            case ("ticket", "cash") if value is not None:
                return self._of_holdings(value)
            case ("ticket", "fx_rate") if value is not None:
                return self._fx_rate()
            case ("ticket", "left_undone", int(at)):
                return self._left_undone(at, value)
            case ("ticket", "lines", int(at), "expected_cash_after"):
                return self._cash_after(at)
            case ("ticket", "lines", int(at), str(key)) if key in PLANNED:
                return self._planned(at, key)
            case ("ticket", *inside):
                return self._drafted(
                    ".".join(map(str, inside)), value, lambda ticket: _leaf(plain(ticket), inside), inside
                )
            case _:
                raise KeyError(f"{path} is no place of a ticket")

    # --- behind the page ----------------------------------------------------------------------------------------------

    def _behind(self) -> dict[str, Callable[[], Node]]:
        scores = self._kept.score_gate.outcome
        found: dict[str, Callable[[], Node]] = {}
        if not isinstance(self._kept.seen.worth, Unread):
            found["drawdown"] = self._drawdown
        for row in scores.ranked if scores is not None else ():
            found[f"score {row.instrument}"] = partial(self._score, row.instrument)
        for wanted in self._kept.proposal.target.weights if self._kept.proposal is not None else ():
            found[f"target weight {wanted.instrument}"] = partial(self._weight, wanted.instrument)
        return found

    def _behind_values(self) -> list[tuple[str, Any]]:
        kept, rows = self._kept, []
        if not isinstance(kept.seen.worth, Unread):
            rows.append(("drawdown", plain(kept.seen.worth.drawdown)))
        if kept.score_gate.outcome is not None:
            rows += [(f"score {row.instrument}", plain(row.value)) for row in kept.score_gate.outcome.ranked]
        if kept.proposal is not None:
            weights = kept.proposal.target.weights
            rows += [(f"target weight {row.instrument}", plain(row.weight)) for row in weights]
        return rows

    def _drawdown(self) -> Node:
        worth = self._kept.seen.worth
        assert not isinstance(worth, Unread), "asked for only where it was seen"
        name = f"{self._ticket.ticket_id} drawdown"
        rule = f"the index of {self._ticket.as_of} over its highest, of {worth.peak_session}, less one"
        under = [self._trace.worth, self._trace.number("limits.drawdown_max")]
        return derived(name, worth.drawdown, rule, under, compute=_drawdown_of, origins=self._trace.rows("decision"))

    def _score(self, instrument: str) -> Node:
        scores = self._kept.score_gate.outcome
        assert scores is not None, "asked for only where there are scores"
        kept = next(row.value for row in scores.ranked if row.instrument == instrument)

        def again(found: Scores) -> Decimal:
            return next(row.value for row in found.ranked if row.instrument == instrument)

        name, rule = (
            f"{self._ticket.ticket_id} score {instrument}",
            f"rank {scores.ranks()[instrument]} of the run's scores",
        )
        return derived(name, kept, rule, [self._trace.scores], compute=again, origins=self._trace.rows("score_set"))

    def _weight(self, instrument: str) -> Node:
        assert self._kept.proposal is not None, "asked for only where there is a proposal"
        row = next(row for row in self._kept.proposal.target.weights if row.instrument == instrument)

        def again(target: Target) -> Decimal:
            return target.by_instrument()[instrument]

        name = f"{self._ticket.ticket_id} target weight {instrument}"
        return derived(
            name, row.weight, row.reason, [self._trace.target], compute=again, origins=self._trace.rows("proposal")
        )

    # --- the head -----------------------------------------------------------------------------------------------------

    def _equity(self) -> Node:
        trace, kept = self._trace, self._kept
        held = trace.standing.holdings
        assert kept.proposal is not None, "a ticket has its equity from its proposal"
        names = [] if isinstance(held, Unread) else [row.instrument for row in held.positions]
        session, head = self._ticket.as_of, kept.proposal.ledger_head

        def again(holdings: Holdings, fx: FxRate, *closes: Decimal) -> Decimal:
            marks = (Mark(name, session, close, "") for name, close in zip(names, closes, strict=True))
            return equity_of(holdings, Prices(tuple(marks), fx))

        rule = (
            f"cash, and each position at the close of {session} over the rate; positions together rounded to the penny"
        )
        under = [trace.holdings, trace.rate, *map(trace.close, names)]
        origins = (*trace.rows("ticket"), *trace.rows("proposal"))
        return derived(f"equity at {head}", self._ticket.equity, rule, under, compute=again, origins=origins)

    def _of_holdings(self, value: Any) -> Node:
        under, origins = [self._trace.holdings], (*self._trace.rows("ticket"), *self._trace.rows("decision"))
        rule = "the cash that the book held when it was decided"
        return derived("cash", Decimal(value), rule, under, compute=_cash_of, origins=origins)

    def _fx_rate(self) -> Node:
        under, rule = [self._trace.rate], "the exchange rate of the morning"
        return derived(
            "fx rate", self._ticket.fx_rate, rule, under, compute=_number_of, origins=self._trace.rows("ticket")
        )

    def _left_undone(self, at: int, value: str) -> Node:
        trace, rule = self._trace, "what the plan wanted, and the budget or list that left no room for it"
        under = [trace.proposal, *map(trace.number, PLANNING)]
        return derived(
            f"left undone {at + 1}",
            value,
            rule,
            under,
            compute=lambda plan, *_: plan.left_undone[at],
            origins=trace.rows("ticket"),
        )

    def _drafted(self, name: str, value: Any, pick: Callable[[Ticket], Any], inside: Sequence[str | int] = ()) -> Node:
        """Give a value that drafting puts on a ticket, from the decision, what was seen, and the proposal."""
        trace = self._trace
        spoken = self._spoken_of(inside)

        def again(decision: Decision, seen: Seen, proposal: Proposal | None, *_: object) -> Any:
            return pick(self._kept.redraft(decision, seen, proposal))

        under = [trace.decision, trace.seen, trace.proposal, trace.universe, *map(trace.number, spoken)]
        rule = "drafted from the decision, what was seen, the proposal, the policy, the universe and the calendar"
        return derived(name, value, rule, under, compute=again, origins=trace.rows("ticket"))

    def _spoken_of(self, inside: Sequence[str | int]) -> tuple[str, ...]:
        match list(inside):
            case ["gates", int(at), *_]:
                return SPOKEN_OF.get(self._ticket.gates[at].gate, ())
            case [str(key), *_]:
                return SPOKEN_OF.get(key, ())
            case _:
                return ()

    def _seal(self, name: str, value: Any) -> Node:
        trace, rule = self._trace, "sealed under the ticket, and no part of its hash"
        rows = trace.rows("ticket")
        if name in ("audit_head", "audit_seq"):
            event = trace.rows("event")
            head = fact("the last event before the ticket", {"audit_seq": None, "audit_head": None}, *event)
            told = {row.seq: row.digest for row in event}
            again = {"audit_seq": next(iter(told), None), "audit_head": next(iter(told.values()), None)}
            return derived(f"seal {name}", value, rule, [head], compute=lambda _: again[name], origins=rows)
        if name in ("nonce", "key_id", "signature") and value is not None:
            return derived(f"seal {name}", value, rule, [self._approval()], compute=lambda one: one[name], origins=rows)
        return fact(f"seal {name}", value, *rows, rule=rule)

    # --- the lines ----------------------------------------------------------------------------------------------------

    def _approval(self) -> Node:
        approval = self._kept.approval
        if approval is None:
            return fact("approval", {})
        value = {"nonce": approval.mandate.nonce, "key_id": approval.key_id, "signature": approval.signature}
        text = f"signed with key {approval.key_id}, nonce {approval.mandate.nonce}"
        node = fact("approval", value, *self._trace.rows("approval"), text=text)
        wrong = () if self._kept.signature_verifies else (f"the signature does not verify with key {approval.key_id}",)
        return replace(node, faults=(*node.faults, *wrong))

    def _planned(self, at: int, key: str) -> Node:
        """Give a value of a line: on the ticket as approved, approved as proposed, proposed as the plan makes it."""
        trace, number = self._trace, at + 1
        value = getattr(self._ticket.lines[at], key)
        proposed = self._proposed(at, key)
        line = self._approved_line(at)
        rule = f"as it was proposed; every rule allows it, and key {self._kept.issued.seal.key_id} signed it"
        rows = trace.rows(f"approval_line {number}")
        approved = derived(
            f"line {number} {key} as approved",
            getattr(line, PLANNED[key], None),
            rule,
            [proposed, self._approval()],
            compute=lambda one, _: one,
            origins=rows,
        )
        origins = (*trace.rows("ticket"), *trace.rows(f"ticket_line {number}"))
        node = derived(
            f"line {number} {key}", value, "as it was approved", [approved], compute=lambda one: one, origins=origins
        )
        return replace(node, faults=(*node.faults, *self._written_otherwise(at, line)))

    def _approved_line(self, at: int) -> OrderLine | None:
        return self._kept.approved[at] if at < len(self._kept.approved) else None

    def _written_otherwise(self, at: int, approved: OrderLine | None) -> list[str]:
        """Say how the row of a line differs from the ticket that shows it, and the ticket from what was approved."""
        shown: TicketLine = self._ticket.lines[at]
        written = self._kept.written[at] if at < len(self._kept.written) else None
        told = [] if written == shown else [f"the row of line {at + 1} is not what the ticket shows"]
        return told + (list(departures(shown, approved)) if approved is not None else [])

    def _proposed(self, at: int, key: str) -> Node:
        trace, plan = self._trace, self._kept.proposal
        line = plan.lines[self._proposed_at(at)] if plan is not None else None
        name, rows = f"line {at + 1} {key} as proposed", trace.rows("proposal")
        kept = getattr(line, PLANNED[key], None)
        make = None if line is None or kept is None else self._maker(at, key)
        if make is None:
            place, field = self._proposed_at(at), PLANNED[key]
            rule = "as the plan has it"
            return derived(
                name, kept, rule, [trace.proposal], compute=lambda one: getattr(one.lines[place], field), origins=rows
            )
        return derived(name, kept, make.rule, make.under, compute=make.compute, origins=rows)

    def _proposed_at(self, at: int) -> int:
        """Give the place in the proposal of the line that became a line of the ticket."""
        plan, line = self._kept.proposal, self._approved_line(at)
        return plan.lines.index(line) if plan is not None and line is not None and line in plan.lines else at

    def _maker(self, at: int, key: str) -> Maker | None:
        """Say how a number of a line is made; None for what is chosen and not computed."""
        trace, policy, line = self._trace, self._kept.frame.policy, self._ticket.lines[at]
        price, rate = self._price(at), trace.rate
        match key:
            case "quantity":
                rule = (
                    "the value it is for, less 0.02, x rate / price, cut to the step; all that is held where it closes"
                )
                wish, step = trace.wish(self._proposed_at(at)), trace.number("sizing.quantity_step")
                return Maker(rule, (price, rate, step, wish, trace.holdings), partial(self._quantity, at))
            case "decision_price":
                return Maker(f"the close of {line.instrument} on {self._ticket.as_of}", (price,), _itself)
            case "value":
                units = self._proposed(at, "quantity")
                return Maker("quantity x decision price / rate, to the penny", (units, price, rate), _value)
            case "value_quote":
                units = self._proposed(at, "quantity")
                return Maker("quantity x decision price, to the penny", (units, price), _value_quote)
            case "worst_price" | "limit_price":
                away = "and" if line.side == "buy" else "less"
                rule = (
                    f"the decision price {away} skip_above_bps of it, inwards to a cent (below 1.00 to four decimals)"
                )
                skip = trace.number("execution.skip_above_bps")
                return Maker(rule, (price, skip), lambda one, _: worst_price(line.side, one, policy))
            case "expected_cost":
                crosses, value = line.currency != self._ticket.base, self._proposed(at, "value")
                rule = "value x (slippage + half the spread + the currency fee), to the penny, and the commission"
                numbers = map(trace.number, COSTS)
                return Maker(
                    rule,
                    (value, *numbers),
                    lambda one, *_: expected_cost(one, policy, crosses_currency=crosses),
                )
            case _:
                return None

    def _quantity(self, at: int, price: Decimal, fx: FxRate, *others: Any) -> Decimal:
        (_, wish, held), line = others, self._ticket.lines[at]
        owned: Decimal = held.quantities().get(line.instrument, Decimal(0))
        if wish.closes:
            return owned
        units = sized(wish.within, price, fx.rate, self._kept.frame.policy)
        return units if line.side == "buy" else min(owned, units)

    def _price(self, at: int) -> Node:
        return self._trace.close(self._ticket.lines[at].instrument)

    def _cash_after(self, at: int) -> Node:
        lines = self._ticket.lines[: at + 1]
        parts = [self._proposed(number, key) for number in range(at + 1) for key in ("value", "expected_cost")]

        def again(holdings: Holdings, *numbers: Decimal) -> Decimal:
            pairs = zip(numbers[::2], numbers[1::2], strict=True)
            plan = [self._planned_line(number) for number in range(at + 1)]
            done = [replace(line, notional=value, cost=cost) for line, (value, cost) in zip(plan, pairs, strict=True)]
            return holdings.cash + sum((cash_effect(line) for line in done), Decimal(0))

        rule = f"cash, less what lines 1 to {at + 1} buy and cost, and what they sell less its cost"
        origins = (*self._trace.rows("ticket"), *self._trace.rows(f"ticket_line {at + 1}"))
        node = derived(
            f"line {at + 1} cash after",
            lines[at].expected_cash_after,
            rule,
            [self._trace.holdings, *parts],
            compute=again,
            origins=origins,
        )
        return replace(node, faults=(*node.faults, *self._written_otherwise(at, self._approved_line(at))))

    def _planned_line(self, at: int) -> OrderLine:
        plan = self._kept.proposal
        assert plan is not None, "a line was planned"
        return plan.lines[self._proposed_at(at)]


def page_origin(page: Page, path: Path, value: Any) -> KeptFile:
    """Give the file that a person reads as a place of a value, with what is wrong where it says something else there."""
    try:
        said = _leaf(json.loads(page.text), path)
    except (ValueError, LookupError, TypeError):
        problem: str | None = f"{page.path} cannot be read there"
    else:
        problem = (
            None if said == value else f"{page.path} says {shown(said)}, the ticket that is kept says {shown(value)}"
        )
    return KeptFile(page.path, sha256_text(page.text), "ticketing", "the page", problem)


def _leaf(value: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        value = value[part]
    return value


def _drawdown_of(worth: Worth, _: object) -> Decimal:
    return worth.drawdown


def _cash_of(holdings: Holdings) -> Decimal:
    return holdings.cash


def _itself(value: Any) -> Any:
    return value


def _value(quantity: Decimal, price: Decimal, rate: FxRate) -> Decimal:
    return to_pence(rate.to_base(quantity * price))


def _value_quote(quantity: Decimal, price: Decimal) -> Decimal:
    return to_pence(quantity * price)


def _number_of(rate: FxRate) -> Decimal:
    return rate.rate

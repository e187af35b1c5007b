"""The rules: each one function that objects to a line, or to what a proposal leads to, with its number from the policy."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.case import Case, cash_effect
from core.domain.decision import Objection
from core.domain.order import OrderLine
from core.domain.pending import ACTION_PENDING
from core.money import PENNY, weight_of
from core.settings import Policy

ZERO = Decimal(0)

LineRule = Callable[[OrderLine, Case, Policy], Objection | None]
ProposalRule = Callable[[Case, Policy], Objection | None]


def short_sale(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """Long only: nobody sells more than is held."""
    held = case.held(line.instrument)
    if line.side == "sell" and line.quantity > held:
        return _objection("SHORT_SALE", held, line.quantity, f"selling at most {plain_decimal(held)}")
    return None


def unknown_instrument(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """An instrument must be in the universe on the day; what has left it since may still be sold."""
    is_known = case.instrument(line.instrument) is not None
    if not is_known and not (line.side == "sell" and line.instrument in case.universe.by_id()):
        return Objection(
            "UNKNOWN_INSTRUMENT", f"valid on {case.as_of}", line.instrument, "an instrument of the universe on the day"
        )
    return None


def not_underlying(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """Underlying only: what can be had only as a CFD is not bought."""
    row = case.instrument(line.instrument)
    if line.side == "buy" and row is not None and not row.is_tradable_as_underlying:
        return Objection(
            "NOT_UNDERLYING", "tradable as underlying", "no", "an instrument that is tradable as underlying"
        )
    return None


def unverified(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """At a real venue an instrument must have been looked up there by a person."""
    row = case.instrument(line.instrument)
    if case.venue != "paper" and line.side == "buy" and row is not None and row.verified_on is None:
        return Objection("UNVERIFIED", "verified at the venue", "never", f"`twokey universe verify {line.instrument}`")
    return None


def on_no_buy_list(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """What stands on the no-buy list is not bought; selling it stays allowed."""
    if line.side == "buy" and line.instrument in policy.limits.no_buy:
        return Objection("NO_BUY", "not on the no-buy list", line.instrument, "any other instrument, or selling it")
    return None


def over_weight(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """No position is bought above the highest weight, all lines of the instrument counted together."""
    limit, mark = policy.limits.weight_max, case.mark(line.instrument)
    if line.side != "buy" or mark is None:
        return None
    value, equity = case.prices.fx.to_base(case.quantity_after(line.instrument) * mark.price), case.proposal.equity
    if value > limit * equity:
        return _objection("OVER_WEIGHT", limit, weight_of(value, equity), f"a weight up to {plain_decimal(limit)}")
    return None


def under_order_value(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """An order is worth at least a minimum, unless it closes a position whole."""
    limit = policy.limits.order_value_min
    closes_whole = line.side == "sell" and line.quantity == case.held(line.instrument)
    if line.notional < limit and not closes_whole:
        return _objection("UNDER_ORDER_VALUE", limit, line.notional, f"an order of {plain_decimal(limit)} or more")
    return None


def stale_price(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """The decision price is the close of as-of itself."""
    mark = case.mark(line.instrument)
    if mark is None or mark.session != case.as_of:
        seen = "none" if mark is None else str(mark.session)
        return Objection("STALE_PRICE", str(case.as_of), seen, f"a close of {case.as_of}")
    return None


def off_mark(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """A line's price is its mark, and its notional is quantity x price at the case's rate, to the penny."""
    mark = case.mark(line.instrument)
    if mark is None:
        return None
    worth = case.prices.fx.to_base(line.quantity * mark.price)
    if line.price != mark.price or abs(worth - line.notional) > PENNY:
        return Objection(
            "OFF_MARK",
            f"{plain_decimal(mark.price)} a unit",
            f"{plain_decimal(line.price)} a unit, notional {plain_decimal(line.notional)}",
            "the close of as-of and its value at the morning's rate",
        )
    return None


def action_pending(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """Across a split nothing is traded: units at the execution are not those that were priced."""
    words = dict(case.pending).get(line.instrument)
    if words is not None:
        return Objection(
            ACTION_PENDING, "no split by the execution session", words, "a decision on bars after the split"
        )
    return None


def off_step(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """A quantity is positive and a whole number of steps, unless it closes a position whole."""
    step = policy.sizing.quantity_step
    closes_whole = line.side == "sell" and line.quantity == case.held(line.instrument)
    if line.quantity <= 0 or (line.quantity % step != 0 and not closes_whole):
        return _objection("OFF_STEP", step, line.quantity, f"a multiple of {plain_decimal(step)}")
    return None


def duplicate_line(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """One line an instrument: neither twice the same nor a buy against a sell."""
    count = sum(1 for other in case.proposal.lines if other.instrument == line.instrument)
    if count > 1:
        return _objection("DUPLICATE_LINE", Decimal(1), Decimal(count), "one line an instrument")
    return None


def too_many_positions(case: Case, policy: Policy) -> Objection | None:
    """A book holds at most so many positions once the lines are done."""
    names = {row.instrument for row in case.holdings.positions} | {line.instrument for line in case.proposal.lines}
    count, limit = sum(1 for name in names if case.quantity_after(name) > 0), policy.limits.positions_max
    opens = any(line.side == "buy" and case.held(line.instrument) == 0 for line in case.proposal.lines)
    if count > limit and opens:
        return _objection("TOO_MANY_POSITIONS", Decimal(limit), Decimal(count), f"at most {limit} positions")
    return None


def thin_cash(case: Case, policy: Policy) -> Objection | None:
    """Cash after all lines and costs stays at or above the buffer."""
    limit, after = policy.limits.cash_buffer_min, case.cash_after()
    costs = sum((line.cost for line in case.proposal.lines), ZERO)
    equity_after = case.proposal.equity - costs
    buys = any(line.side == "buy" for line in case.proposal.lines)
    if buys and (equity_after <= 0 or after < limit * equity_after):
        return _objection("THIN_CASH", limit * equity_after, after, "buying less, so that the buffer stays")
    return None


def unsettled_cash(case: Case, policy: Policy) -> Objection | None:
    """Where the policy lets buys use settled cash only, they stay below the cash held now."""
    if policy.sizing.buys_from != "settled":
        return None
    spent = -sum((cash_effect(line) for line in case.proposal.lines if line.side == "buy"), ZERO)
    if spent > case.holdings.cash:
        return _objection("UNSETTLED_CASH", case.holdings.cash, spent, "buys within settled cash")
    return None


def over_turnover(case: Case, policy: Policy) -> Objection | None:
    """(buys + sells) / 2 over equity before stays at or below the limit."""
    traded = sum((line.notional for line in case.proposal.lines), ZERO)
    limit, equity = policy.limits.turnover_max, case.proposal.equity
    if traded / 2 > limit * equity:
        turnover = weight_of(traded / 2, equity)
        return _objection("OVER_TURNOVER", limit, turnover, f"a turnover up to {plain_decimal(limit)}")
    return None


def over_capital(case: Case, policy: Policy) -> Objection | None:
    """The value held after the lines stays within the rollout phase's share of equity."""
    marks = case.prices.by_instrument()
    names = {row.instrument for row in case.holdings.positions} | {line.instrument for line in case.proposal.lines}
    value = sum(
        (case.prices.value_of(name, case.quantity_after(name)) for name in sorted(names) if name in marks), ZERO
    )
    limit, equity = case.capital_fraction, case.proposal.equity
    if value > limit * equity and any(line.side == "buy" for line in case.proposal.lines):
        share = weight_of(value, equity)
        return _objection("OVER_CAPITAL", limit, share, f"holding at most {plain_decimal(limit)} of equity")
    return None


LINE_RULES: tuple[LineRule, ...] = (
    short_sale,
    unknown_instrument,
    not_underlying,
    unverified,
    on_no_buy_list,
    over_weight,
    under_order_value,
    stale_price,
    off_mark,
    action_pending,
    off_step,
    duplicate_line,
)
PROPOSAL_RULES: tuple[ProposalRule, ...] = (too_many_positions, thin_cash, unsettled_cash, over_turnover, over_capital)


def _objection(code: str, limit: Decimal, value: Decimal, would_pass: str) -> Objection:
    return Objection(code, plain_decimal(limit), plain_decimal(value), would_pass)

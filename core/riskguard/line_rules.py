"""Line rules: each one function that objects to one line, with its number from the policy and the whole case at hand."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.case import Case
from core.domain.decision import Objection
from core.domain.order import OrderLine
from core.domain.others import OtherLine
from core.domain.pending import ACTION_PENDING
from core.money import PENNY, weight_of
from core.riskguard.history import close_before, value_traded
from core.riskguard.wording import objection
from core.settings import Policy

ZERO, ONE = Decimal(0), Decimal(1)

LineRule = Callable[[OrderLine, Case, Policy], Objection | None]


def short_sale(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """Long only: nobody sells more than is held, all sales of the instrument counted together."""
    held, lines = case.held(line.instrument), case.proposal.lines
    sold = sum((one.quantity for one in lines if (one.instrument, one.side) == (line.instrument, "sell")), ZERO)
    if line.side == "sell" and sold > held:
        return objection("SHORT_SALE", held, sold, f"selling at most {plain_decimal(held)}")
    return None


def unknown_instrument(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """An instrument must be in the universe on the day; what has left it since may still be sold."""
    is_known = case.instrument(line.instrument) is not None
    if not is_known and not (line.side == "sell" and line.instrument in case.universe.by_id()):
        return Objection(
            "UNKNOWN_INSTRUMENT",
            f"one that is valid on {case.as_of}",
            f"{line.instrument} is not in the universe of the day",
            "an instrument of the universe on the day",
        )
    return None


def not_underlying(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """Underlying only: what can be had only as a CFD is not bought."""
    row = case.instrument(line.instrument)
    if line.side == "buy" and row is not None and not row.is_tradable_as_underlying:
        return Objection(
            "NOT_UNDERLYING",
            "the underlying itself",
            f"{line.instrument} is not tradable as underlying",
            "an instrument that is tradable as underlying",
        )
    return None


def unverified(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """At a real venue an instrument must have been looked up there by a person."""
    row = case.instrument(line.instrument)
    if case.venue != "paper" and line.side == "buy" and row is not None and row.verified_on is None:
        return Objection(
            "UNVERIFIED",
            "a person's look at it",
            f"nobody looked {line.instrument} up at the venue",
            f"the same order after `twokey universe verify {line.instrument} --by NAME`",
        )
    return None


def on_no_buy_list(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """What stands on the no-buy list is not bought; selling it stays allowed."""
    if line.side == "buy" and line.instrument in policy.limits.no_buy:
        seen = f"{line.instrument} is on the no-buy list"
        return Objection("NO_BUY", "one that is not", seen, "any other instrument or selling this one")
    return None


def over_weight(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """No position is bought above the highest weight, all lines of the instrument counted together."""
    limit, equity = policy.limits.weight_max, case.proposal.equity
    if line.side != "buy":
        return None
    value = case.value_after(line.instrument)
    if value > limit * equity:
        return objection("OVER_WEIGHT", limit, weight_of(value, equity), f"a weight up to {plain_decimal(limit)}")
    return None


def under_order_value(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """An order is worth at least a minimum, unless it closes a position whole."""
    limit = policy.limits.order_value_min
    closes_whole = line.side == "sell" and line.quantity == case.held(line.instrument)
    if line.notional < limit and not closes_whole:
        return objection("UNDER_ORDER_VALUE", limit, line.notional, f"an order of {plain_decimal(limit)} or more")
    return None


def over_notional(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """A purchase is worth at most a maximum, together with all that is bought of the instrument that day."""
    limit, bought = policy.limits.order_value_max, ZERO
    if line.side != "buy":
        return None
    bought += sum((one.notional for one in case.proposal.lines if _is_more_of(line, one)), ZERO)
    bought += sum((one.notional for one in case.others if one.is_of_the_day and _is_more_of(line, one)), ZERO)
    if bought > limit:
        return objection("OVER_NOTIONAL", limit, bought, f"orders of at most {plain_decimal(limit)} a day")
    return None


def over_volume(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """A purchase is a small share of what is traded on a usual session, with all that is bought of it that day."""
    limit, mark = policy.limits.value_traded_share_max, case.mark(line.instrument)
    if line.side != "buy" or mark is None:
        return None
    units = sum((one.quantity for one in case.proposal.lines if _is_more_of(line, one)), ZERO)
    units += sum((one.quantity for one in case.others if one.is_of_the_day and _is_more_of(line, one)), ZERO)
    value, traded = units * mark.price, value_traded(case.panel, case.as_of, line.instrument)
    if value > limit * traded:
        none = f"{line.instrument} was traded in no usual session"
        share = plain_decimal(weight_of(value, traded)) if traded > 0 else none
        most = f"buying for at most {plain_decimal(limit * traded)} in the currency of its price"
        return Objection("OVER_VOLUME", plain_decimal(limit), share, most)
    return None


def stale_price(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """The decision price is the close of as-of itself."""
    mark = case.mark(line.instrument)
    if mark is None or mark.session != case.as_of:
        seen = "there is no close" if mark is None else f"the close is that of {mark.session}"
        return Objection("STALE_PRICE", f"that of {case.as_of}", seen, f"a close of {case.as_of}")
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
            f"{plain_decimal(line.price)} a unit and notional {plain_decimal(line.notional)}",
            "the close of as-of and its value at the morning's rate",
        )
    return None


def price_jump(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """Every price of a line is near the last close, and nothing is bought whose close leapt from the one before."""
    limit, mark = policy.limits.price_move_max, case.mark(line.instrument)
    if mark is None:
        return None
    prices = (line.price, line.worst_price, line.limit_price, line.stop_price)
    told = [price for price in prices if price is not None and (price <= 0 or _move(price, mark.price) > limit)]
    if told:
        low, high = (plain_decimal(mark.price * share) for share in (ONE - limit, ONE + limit))
        near = f"a price above 0 from {low} to {high} around the close of {plain_decimal(mark.price)}"
        return Objection("PRICE_JUMP", plain_decimal(limit), f"a price of {plain_decimal(told[0])}", near)
    if line.side != "buy":
        return None
    before = close_before(case, line.instrument)
    if before is None or _move(mark.price, before) > limit:
        leapt = (
            None if before is None else f"the close went from {plain_decimal(before)} to {plain_decimal(mark.price)}"
        )
        seen = leapt or f"{line.instrument} has no close before this one"
        return Objection("PRICE_JUMP", plain_decimal(limit), seen, "a purchase after the next session")
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
    step = policy.sizing.order_step
    closes_whole = line.side == "sell" and line.quantity == case.held(line.instrument)
    if line.quantity <= 0 or (line.quantity % step != 0 and not closes_whole):
        return objection("OFF_STEP", step, line.quantity, f"a multiple of {plain_decimal(step)}")
    return None


def duplicate_line(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """One line an instrument: what is one trade is one line."""
    count = case.lines_of(line.instrument, line.side)
    if count > 1:
        return objection("DUPLICATE_LINE", ONE, Decimal(count), "one line an instrument")
    return None


def opposite_line(line: OrderLine, case: Case, policy: Policy) -> Objection | None:
    """Nothing is bought and sold at once, in this proposal or against another ticket: not while its line is open, and nothing
    that was sold the same day is bought back."""
    if case.lines_of(line.instrument, "sell" if line.side == "buy" else "buy"):
        seen = f"{line.instrument} is bought and sold at once"
        return Objection("OPPOSITE_LINE", "one side an instrument", seen, "only buying or only selling it")
    for one in case.others:
        is_against = one.instrument == line.instrument and one.side != line.side
        if is_against and (one.is_open or (one.is_of_the_day and line.side == "buy")):
            return Objection("OPPOSITE_LINE", "one side an instrument", str(one), "a later day once that is answered")
    return None


def _is_more_of(line: OrderLine, one: OrderLine | OtherLine) -> bool:
    return (one.instrument, one.side) == (line.instrument, line.side)


def _move(price: Decimal, close: Decimal) -> Decimal:
    return abs(price / close - ONE)


LINE_RULES: tuple[LineRule, ...] = (
    short_sale,
    unknown_instrument,
    not_underlying,
    unverified,
    on_no_buy_list,
    over_weight,
    under_order_value,
    over_notional,
    over_volume,
    stale_price,
    off_mark,
    price_jump,
    action_pending,
    off_step,
    duplicate_line,
    opposite_line,
)

"""Sanity: whether the lines that a person would be asked to execute can be what anybody meant, counted once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.case import cash_effect
from core.domain.decision import Review
from core.domain.frame import Frame
from core.domain.holdings import Holdings
from core.domain.market import Prices
from core.domain.order import OrderLine, Proposal
from core.gate import Finding, Gate, block, closed
from core.money import BPS, PENNY, PRICE_STEP

ZERO = Decimal(0)


def sanity_gate(
    review: Review, proposal: Proposal, prices: Prices, *, holdings: Holdings, frame: Frame
) -> Gate[tuple[OrderLine, ...]]:
    """Give the approved lines as they would be put before a person; closed where one cannot be what anybody meant.

    The rules judge whether a trade is allowed; this says whether what came of it is one trade, told once, at the price of
    its session, of the value that units and price make, paid for, inside a window. It shares no arithmetic with the plan.
    """
    lines = review.approved
    wrong = [block("ticket", frame.run.slot.label, words) for words in _wrong_whole(review, proposal, frame)]
    for line in lines:
        wrong += [_of(line, words) for words in _wrong_line(line, prices, holdings, frame)]
        wrong += [_of(line, words) for words in _wrong_money(line, prices)]
    wrong += [block("ticket", frame.run.slot.label, words) for words in _wrong_cash(lines, holdings)]
    return closed(wrong) if wrong else Gate(lines)


def _of(line: OrderLine, words: str) -> Finding:
    return block("ticket", line.instrument, f"line {line.line}, {line.side} {line.instrument}: {words}")


def _wrong_whole(review: Review, proposal: Proposal, frame: Frame) -> Iterator[str]:
    """Say what is wrong with the lines taken together: not those of the plan, doubled, out of order, or without a window."""
    lines, planned = review.approved, set(proposal.lines)
    strange = [str(line.line) for line in lines if line not in planned]
    if strange:
        yield f"line {', '.join(strange)} is not the proposal's; only a line that was proposed can be put before a person"
    numbers, names = [line.line for line in lines], [line.instrument for line in lines]
    if numbers != sorted(set(numbers)):
        yield f"the lines are numbered {numbers}; they must ascend, each number once"
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        yield f"{', '.join(twice)} has more than one line; an instrument has one"
    refused = sorted({item.line.instrument for item in review.refused} & set(names))
    if refused:
        yield f"{', '.join(refused)} is both approved and refused"
    sides = [line.side for line in lines]
    if sides != sorted(sides, reverse=True):
        yield f"the sides stand in the order {', '.join(sides)}; sales come first"
    if lines and frame.run.window is None:
        yield "there are lines, and no execution window"
    if lines and proposal.hold_reason is not None:
        yield f"there are lines, and a reason to hold: {proposal.hold_reason}"


def _wrong_line(line: OrderLine, prices: Prices, holdings: Holdings, frame: Frame) -> Iterator[str]:
    """Say what is wrong with a line's instrument, units and prices."""
    policy, mark = frame.policy, prices.by_instrument().get(line.instrument)
    held, step = holdings.quantities().get(line.instrument, ZERO), policy.sizing.order_step
    row = frame.universe.by_id().get(line.instrument)
    if row is None or not row.etoro_search_name.strip():
        yield "nobody would find it: the universe has no row, or no search name, for it"
    elif row.currency != prices.fx.quote:
        yield f"it is in {row.currency}, and the rate is for {prices.fx.quote}"
    if line.quantity <= 0:
        yield f"the quantity is {plain_decimal(line.quantity)}; it must be above 0"
    elif line.side == "sell" and line.quantity > held:
        yield f"{plain_decimal(line.quantity)} units are sold and {plain_decimal(held)} are held"
    elif line.quantity % step and line.quantity != held:
        yield f"{plain_decimal(line.quantity)} units are no whole number of steps of {plain_decimal(step)}"
    if line.effect != ("open" if line.side == "buy" else "close"):
        yield f"the effect is {line.effect}; a buy opens and a sale closes"
    if mark is None or mark.price != line.price or mark.session != frame.run.as_of.session:
        told = "it has none" if mark is None else f"it is {plain_decimal(mark.price)}, of {mark.session}"
        yield f"the decision price is {plain_decimal(line.price)}, and the close of {frame.run.as_of.session}: {told}"
    yield from _wrong_bounds(line, policy.execution.skip_above_bps * BPS, style=policy.execution.order_style)


def _wrong_bounds(line: OrderLine, share: Decimal, *, style: str) -> Iterator[str]:
    """Say what is wrong with the worst price and the order's type: on the wrong side, too far away, or not the policy's."""
    sign = 1 if line.side == "buy" else -1
    away = sign * (line.worst_price - line.price)
    if away < 0 or away > line.price * share + PRICE_STEP:
        yield (
            f"the worst price is {plain_decimal(line.worst_price)} for a decision price of {plain_decimal(line.price)};"
            f" at most {plain_decimal(share)} on the {'upper' if line.side == 'buy' else 'lower'} side is allowed"
        )
    limit = line.worst_price if style == "limit" else None
    if (line.order_type, line.limit_price) != (style, limit):
        told = "none" if line.limit_price is None else plain_decimal(line.limit_price)
        yield f"the order is {line.order_type} with limit {told}; the policy asks for {style}"


def _wrong_money(line: OrderLine, prices: Prices) -> Iterator[str]:
    """Say where value and cost are not what units, price and rate make."""
    quote = line.quantity * line.price
    base = quote / prices.fx.rate
    for what, told, right in (("value", line.notional_quote, quote), ("value in base", line.notional, base)):
        if abs(told - right) > PENNY:
            yield f"its {what} is {plain_decimal(told)}; units and price make {right:.2f}"
    if line.cost < 0 or line.cost > line.notional:
        yield f"its cost is {plain_decimal(line.cost)} for a value of {plain_decimal(line.notional)}"


def _wrong_cash(lines: Sequence[OrderLine], holdings: Holdings) -> Iterator[str]:
    """Say after which line, executed in order, the cash would be below zero."""
    cash = holdings.cash
    for line in lines:
        cash += cash_effect(line)
        if line.side == "buy" and cash < 0:
            yield f"after line {line.line} the cash would be {plain_decimal(cash)}; nothing is bought with borrowed money"
            return

"""Confirming: whether what a person reports fits the ticket, line by line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.confirmation import Answer, Confirmation, Executed, Fill, PartFill
from core.domain.instrument import InstrumentId
from core.domain.ticket import IssuedTicket, Ticket, TicketLine
from core.money import BPS, to_pence

# Where the day's bar is not known: further from the decision price than this and somebody mistyped a digit or took the
# wrong instrument.
PRICE_BAND = Decimal("0.25")
# Further from the ticket's exchange rate than this and somebody turned it round or mistyped a digit: the pound's worst day
# (2016-06-24) was 8 %, and what a broker adds is 1 or 2 %.
RATE_BAND = Decimal("0.10")


ACKNOWLEDGE = 'if it truly happened, say how you know: "acknowledged: WORDS" at the end of the answer'


@dataclass(frozen=True)
class Bounds:
    """What a fill may be without a word for it: beyond them it must be acknowledged, beyond `held` nobody can sell.

    `tolerance_bps` is the policy's slippage rule and widens an order's value and the day's range. `ranges` holds the day's
    low and high by instrument, and `held` the units of the book, where they are known.
    """

    tolerance_bps: Decimal = Decimal(200)
    quantity_step: Decimal = Decimal("0.0001")
    ranges: Mapping[InstrumentId, tuple[Decimal, Decimal]] = field(default_factory=dict)
    held: Mapping[InstrumentId, Decimal] | None = None


def confirmation_objections(
    confirmation: Confirmation, issued: IssuedTicket, answered: Collection[int], *, bounds: Bounds | None = None
) -> tuple[str, ...]:
    """Say everything that is wrong with a confirmation; an empty result means that it may be stored."""
    ticket = issued.ticket
    problems = list(_ticket_objections(confirmation, ticket))
    seen: set[int] = set()
    for answer in confirmation.answers:
        if answer.line in answered:
            problems.append(f"line {answer.line} was answered before")
        if answer.line in seen:
            problems.append(f"line {answer.line} is answered twice here")
        seen.add(answer.line)
        problems.extend(answer_objections(answer, ticket, bounds=bounds))
    return tuple(problems)


def answer_objections(answer: Answer, ticket: Ticket, *, bounds: Bounds | None = None) -> tuple[str, ...]:
    """Say everything that is wrong with one answer: an unknown line, a number that cannot be, an over-fill, a far price.

    An acknowledged fill may be an over-fill and far off: the books take what truly happened.
    """
    line = next((line for line in ticket.lines if line.line == answer.line), None)
    if line is None:
        return (f"line {answer.line} is not on {ticket.ticket_id}; it has lines 1 to {len(ticket.lines)}",)
    if isinstance(answer, Executed):
        return _executed_objections(answer, line, bounds or Bounds(), rate=ticket.fx_rate)
    return () if answer.reason.strip() else (f"line {answer.line}: not executed needs a reason",)


def fill_of(answer: Executed, ticket: Ticket, *, key: str, evidence: str) -> Fill:
    """Turn an answer into the fill that the ledger posts; raises ValueError when the line is not the ticket's."""
    line = next((line for line in ticket.lines if line.line == answer.line), None)
    if line is None or ticket.window is None:
        raise ValueError(f"line {answer.line} is not a trade of {ticket.ticket_id}")
    return Fill(
        key=key,
        book=ticket.book,
        venue=ticket.venue,
        evidence=evidence,
        instrument=line.instrument,
        side=line.side,
        quantity=answer.quantity,
        price=answer.price,
        quote=line.currency,
        base=ticket.base,
        fx_rate=answer.fx_rate,
        fee=answer.fee,
        session=ticket.window.session,
        decision_price=line.decision_price,
        parts=answer.parts,
    )


def is_late(ticket: Ticket, at: datetime) -> bool:
    """Say whether an answer comes after the confirmation deadline; it is kept all the same."""
    return at > ticket.confirm_by


def _ticket_objections(confirmation: Confirmation, ticket: Ticket) -> list[str]:
    problems = []
    if ticket.kind != "TRADE":
        problems.append(f"{ticket.ticket_id} is {ticket.kind}; there is nothing to confirm")
    if ticket.venue == "paper":
        problems.append(f"{ticket.ticket_id} is for the paper venue, which reports by itself")
    elif ticket.is_rehearsal:
        problems.append(f"{ticket.ticket_id} is a rehearsal; nothing of it can have been executed")
    if (confirmation.ticket_id, confirmation.revision) != (ticket.ticket_id, ticket.revision):
        problems.append(
            f"the answer is for {confirmation.ticket_id} revision {confirmation.revision};"
            f" the live ticket is {ticket.ticket_id} revision {ticket.revision}"
        )
    if confirmation.short_hash != ticket.short_hash:
        problems.append(
            f"the answer quotes {confirmation.short_hash!r}; the ticket's short hash is {ticket.short_hash}"
        )
    if not confirmation.answers:
        problems.append("the answer names no line")
    return problems


def _executed_objections(
    answer: Executed, line: TicketLine, bounds: Bounds, *, rate: Decimal | None
) -> tuple[str, ...]:
    where = f"line {line.line} ({line.side} {line.instrument})"
    pieces = [number for one in answer.parts for number in (one.quantity, one.price, one.fee, one.fx_rate)]
    numbers = (answer.quantity, answer.price, answer.fee, answer.fx_rate, *pieces)
    if not all(number.is_finite() for number in numbers):
        return (f"{where}: quantity, price, fee and rate were {', '.join(map(str, numbers))}; each must be a number",)
    problems = [f"{where}: {words}" for words in _impossible(answer, line, bounds)]
    if min(answer.quantity, answer.price, answer.fx_rate) > 0 and not answer.acknowledged.strip():
        unlikely = [_over_fill(answer, line, bounds)]
        for one in answer.pieces:
            unlikely += [_far_price(one, line, bounds), _far_rate(one, rate)]
        problems += [f"{where}: {words}; {ACKNOWLEDGE}" for words in dict.fromkeys(unlikely) if words is not None]
    return tuple(problems)


def _impossible(answer: Executed, line: TicketLine, bounds: Bounds) -> list[str]:
    """Say what no fill can be, whatever a person saw."""
    problems = []
    quantity, price = plain_decimal(answer.quantity), plain_decimal(answer.price)
    if answer.quantity <= 0 or answer.price <= 0:
        problems.append(f"quantity was {quantity} and price {price}; both must be above 0")
    if any(min(one.quantity, one.price) <= 0 for one in answer.parts):
        problems.append("quantity or price of a fill was not above 0")
    if any(one.fee < 0 or one.fx_rate <= 0 for one in answer.pieces):
        problems.append(f"fee was {answer.fee} and rate {answer.fx_rate}; fee >= 0 and rate > 0 are needed")
    if problems:
        return problems
    held = None if bounds.held is None or line.side == "buy" else bounds.held.get(line.instrument, Decimal(0))
    if held is not None and answer.quantity > held:
        problems.append(f"quantity was {quantity}; the book holds {plain_decimal(held)}, and no more can be sold")
    is_short = _is_short(answer, line, bounds)
    if is_short and not answer.is_partial:
        problems.append(
            f"{quantity} units are fewer than the {plain_decimal(line.quantity)} ordered: write partial, not filled"
        )
    if answer.is_partial and answer.quantity >= line.quantity:
        problems.append(
            f"{quantity} units are not fewer than the {plain_decimal(line.quantity)} ordered: write filled, not partial"
        )
    return problems


def _is_short(answer: Executed, line: TicketLine, bounds: Bounds) -> bool:
    """Say whether a fill leaves some of its order undone: fewer units, and for less than the order's value."""
    if answer.quantity + bounds.quantity_step >= line.quantity:
        return False
    if line.effect == "close":
        return True
    least = line.value * (1 - bounds.tolerance_bps * BPS) - _value(bounds.quantity_step, answer)
    return _value(answer.quantity, answer) < least


def _over_fill(answer: Executed, line: TicketLine, bounds: Bounds) -> str | None:
    """More than was ordered: beyond the units, and, where a position is opened, beyond the value of the order too."""
    value, quantity = _value(answer.quantity, answer), plain_decimal(answer.quantity)
    most_units = line.quantity + (bounds.quantity_step if line.effect == "close" else 0)
    most = to_pence(line.value * (1 + bounds.tolerance_bps * BPS) + _value(bounds.quantity_step, answer))
    if answer.quantity <= most_units or (line.effect == "open" and value <= most):
        return None
    if line.effect == "close":
        return f"quantity was {quantity}; at most {plain_decimal(most_units)} were to be sold"
    return (
        f"quantity was {quantity}, worth {to_pence(value)}; the order was for {plain_decimal(line.quantity)} units or"
        f" {line.value}, so it must be worth at most {most}"
    )


def _far_price(answer: PartFill, line: TicketLine, bounds: Bounds) -> str | None:
    """A price outside the day's range, or, where that is not known, far from the decision price."""
    known, widening = bounds.ranges.get(line.instrument), bounds.tolerance_bps * BPS
    if known is not None:
        words = f"the day's range is {plain_decimal(known[0])} to {plain_decimal(known[1])}"
    else:
        known, widening = (line.decision_price, line.decision_price), PRICE_BAND
        words = f"the decision price is {plain_decimal(line.decision_price)}"
    low, high = known[0] * (1 - widening), known[1] * (1 + widening)
    if low <= answer.price <= high:
        return None
    return (
        f"price was {plain_decimal(answer.price)}; {words}, so it must be from {plain_decimal(low)} to"
        f" {plain_decimal(high)}"
    )


def _far_rate(answer: PartFill, rate: Decimal | None) -> str | None:
    """An exchange rate far from the ticket's; a ticket without one says nothing of it."""
    if rate is None or rate * (1 - RATE_BAND) <= answer.fx_rate <= rate * (1 + RATE_BAND):
        return None
    told, low, high = (plain_decimal(one) for one in (rate, rate * (1 - RATE_BAND), rate * (1 + RATE_BAND)))
    return f"rate was {plain_decimal(answer.fx_rate)}; the ticket's is {told}, so it must be from {low} to {high}"


def _value(quantity: Decimal, answer: Executed) -> Decimal:
    return quantity * answer.price / answer.fx_rate

"""Confirming: whether what a person reports fits the ticket, line by line."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.confirmation import Answer, Confirmation, Executed, Fill
from core.domain.ticket import IssuedTicket, Ticket, TicketLine

# Further from the decision price than this and somebody mistyped a digit or took the wrong instrument.
PRICE_BAND = Decimal("0.25")


def confirmation_objections(
    confirmation: Confirmation, issued: IssuedTicket, answered: Collection[int]
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
        problems.extend(answer_objections(answer, ticket))
    return tuple(problems)


def answer_objections(answer: Answer, ticket: Ticket) -> tuple[str, ...]:
    """Say everything that is wrong with one answer: an unknown line, an over-fill, a number that cannot be."""
    line = next((line for line in ticket.lines if line.line == answer.line), None)
    if line is None:
        return (f"line {answer.line} is not on {ticket.ticket_id}; it has lines 1 to {len(ticket.lines)}",)
    if isinstance(answer, Executed):
        return _executed_objections(answer, line)
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


def _executed_objections(answer: Executed, line: TicketLine) -> tuple[str, ...]:
    problems = []
    where = f"line {line.line} ({line.side} {line.instrument})"
    numbers = (answer.quantity, answer.price, answer.fee, answer.fx_rate)
    if not all(number.is_finite() for number in numbers):
        return (f"{where}: quantity, price, fee and rate were {', '.join(map(str, numbers))}; each must be a number",)
    if not 0 < answer.quantity <= line.quantity:
        problems.append(
            f"{where}: quantity was {plain_decimal(answer.quantity)};"
            f" it must be above 0 and at most {plain_decimal(line.quantity)}"
        )
    elif answer.is_partial != (answer.quantity < line.quantity):
        word = "partial" if answer.quantity < line.quantity else "filled"
        problems.append(f"{where}: {plain_decimal(answer.quantity)} of {plain_decimal(line.quantity)} units is {word}")
    low, high = line.decision_price * (1 - PRICE_BAND), line.decision_price * (1 + PRICE_BAND)
    if not low <= answer.price <= high:
        problems.append(
            f"{where}: price was {plain_decimal(answer.price)}; the decision price is"
            f" {plain_decimal(line.decision_price)}, so it must be from {plain_decimal(low)} to {plain_decimal(high)}"
        )
    if answer.fee < 0 or answer.fx_rate <= 0:
        problems.append(f"{where}: fee was {answer.fee} and rate {answer.fx_rate}; fee >= 0 and rate > 0 are needed")
    return tuple(problems)

"""Confirming: what a person says happened is checked and kept, and only then posted."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.confirmation import Confirmation
from core.ticketing.confirm import confirmation_objections, is_late
from flows.books import ConfirmationBook, TicketBook


class Refusal(ValueError):
    """What was asked is refused; carries every reason."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class ConfirmDoors:
    """What confirming may use: it reads tickets and adds confirmations."""

    tickets: TicketBook
    confirmations: ConfirmationBook


@dataclass(frozen=True)
class Confirmed:
    """What a confirmation came to: the lines that still wait, and whether it was late."""

    waiting: tuple[int, ...]
    is_late: bool


def confirm(confirmation: Confirmation, doors: ConfirmDoors) -> Confirmed:
    """Keep a person's answers, all or none; raises Refusal with every reason when any of them does not fit."""
    standing = doors.tickets.ticket(confirmation.ticket_id)
    if standing is None:
        raise Refusal((f"there is no ticket {confirmation.ticket_id}",))
    reasons = confirmation_objections(confirmation, standing.issued, standing.answered)
    if reasons:
        raise Refusal(reasons)
    late = is_late(standing.issued.ticket, confirmation.at)
    doors.confirmations.add_confirmation(confirmation, is_late=late)
    answered = {answer.line for answer in confirmation.answers}
    return Confirmed(tuple(line for line in standing.waiting if line not in answered), late)

"""Confirming: what a person says happened is checked and kept, and only then posted."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.confirmation import Confirmation
from core.ticketing.confirm import confirmation_objections, is_late
from flows.books import ConfirmationBook, TicketBook, TicketStanding


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
    voided = _void_words(confirmation, standing, doors)
    if voided is not None:
        raise Refusal((voided,))
    reasons = confirmation_objections(confirmation, standing.issued, standing.answered)
    if reasons:
        raise Refusal(reasons)
    late = is_late(standing.issued.ticket, confirmation.at)
    doors.confirmations.add_confirmation(confirmation, is_late=late)
    answered = {answer.line for answer in confirmation.answers}
    return Confirmed(tuple(line for line in standing.waiting if line not in answered), late)


def _void_words(confirmation: Confirmation, standing: TicketStanding, doors: ConfirmDoors) -> str | None:
    """Say that the quoted ticket is void, who revised it, and which ticket stands in its place."""
    for voided in doors.tickets.voided(confirmation.ticket_id):
        old, live = voided.issued.ticket, standing.issued.ticket
        if old.short_hash == confirmation.short_hash:
            newer = f"revision {live.revision}, short hash {live.short_hash}, stands in its place"
            instead = newer if live.revision > old.revision else "the next revision is not issued yet: `twokey run`"
            return (
                f"{old.short_hash} is revision {old.revision} of {old.ticket_id}, which is void: {voided.by} revised it"
                f" ({voided.reason}); {instead}"
            )
    return None

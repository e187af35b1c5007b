"""Confirming: what a person says happened is checked and kept, and only then posted."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.domain.confirmation import Confirmation
from core.domain.instrument import InstrumentId
from core.domain.ticket import Ticket
from core.ledger.positions import holdings_of
from core.money import price_of
from core.settings import Policy
from core.ticketing.confirm import Bounds, confirmation_objections, is_late
from flows.books import ConfirmationBook, Journal, TicketBook, TicketStanding
from flows.ports import CleanSet


class Refusal(ValueError):
    """What was asked is refused; carries every reason."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class ConfirmDoors:
    """What confirming may use: it reads tickets, holdings and bars, and adds confirmations."""

    tickets: TicketBook
    confirmations: ConfirmationBook
    journal: Journal
    clean: CleanSet


@dataclass(frozen=True)
class Confirmed:
    """What a confirmation came to: the lines that still wait, and whether it was late."""

    waiting: tuple[int, ...]
    is_late: bool


def confirm(confirmation: Confirmation, policy: Policy, doors: ConfirmDoors) -> Confirmed:
    """Keep a person's answers, all or none; raises Refusal with every reason when any of them does not fit."""
    standing = doors.tickets.ticket(confirmation.ticket_id)
    if standing is None:
        raise Refusal((f"there is no ticket {confirmation.ticket_id}",))
    voided = _void_words(confirmation, standing, doors)
    if voided is not None:
        raise Refusal((voided,))
    bounds = bounds_of(standing.issued.ticket, policy, doors)
    reasons = confirmation_objections(confirmation, standing.issued, standing.answered, bounds=bounds)
    if reasons:
        raise Refusal(reasons)
    late = is_late(standing.issued.ticket, confirmation.at)
    doors.confirmations.add_confirmation(confirmation, is_late=late)
    answered = {answer.line for answer in confirmation.answers}
    return Confirmed(tuple(line for line in standing.waiting if line not in answered), late)


def bounds_of(ticket: Ticket, policy: Policy, doors: ConfirmDoors) -> Bounds:
    """Give what a fill of a ticket may be without a word for it, with the bars of its session as far as they are there."""
    entries = doors.journal.entries(ticket.book, ticket.venue)
    return Bounds(
        tolerance_bps=policy.execution.skip_above_bps,
        quantity_step=policy.sizing.quantity_step,
        ranges=_ranges(ticket, doors.clean),
        held=holdings_of(entries, base=ticket.base).quantities(),
    )


def _ranges(ticket: Ticket, clean: CleanSet) -> dict[InstrumentId, tuple[Decimal, Decimal]]:
    """Give the low and high of the ticket's session by instrument: none where the bar is in other units than the ticket."""
    snapshot, window = clean.current(), ticket.window
    if snapshot is None or window is None:
        return {}
    panel = clean.panel(snapshot, first=window.session, last=window.session)
    row = panel.row(window.session)
    if row is None:
        return {}
    ranges = {}
    for line in ticket.lines:
        column = panel.column(line.instrument)
        if column is None or str(panel.basis[column]) not in ticket.basis.split(" and "):
            continue
        low, high = float(panel.low[row, column]), float(panel.high[row, column])
        if low == low and high == high:
            ranges[line.instrument] = (price_of(low), price_of(high))
    return ranges


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

"""Revising: a person lets a slot be decided again; the next revision has a run of its own and voids the ticket before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from core.domain.slot import Run
from core.domain.ticket import IssuedTicket
from flows.books import RevisionBook, StoreError
from flows.daily import DayDoors, SlotRefused, refuse_earlier, run_day, run_of
from flows.deliver import VOID
from flows.publish import publish_void
from flows.setup import BookSetup


@dataclass(frozen=True)
class Asked:
    """What a person said who wants a slot decided again."""

    by: str
    reason: str


def revise_day(
    day: date, setup: BookSetup, texts: dict[str, tuple[str, str]], *, asked: Asked, doors: DayDoors, book: RevisionBook
) -> IssuedTicket:
    """Decide a day's slot again and give the new live ticket; a revision that was cut short is gone on with.

    The same words again give the revision that was made of them, so that two terminals at once make one; other words make
    another.

    Raises SlotRefused when the slot has no ticket, when a line of it was answered, and when a later slot was decided.
    """
    run, live = _next_run(day, setup, asked, doors=doors)
    if live is not None:
        refuse_earlier(run, doors)
        _refuse_answered(live, doors)
        try:
            run = book.revise_run(run, by=asked.by, reason=asked.reason)
        except StoreError as error:
            # Somebody may have answered in the moment between: looked at again, it is said in our words.
            _refuse_answered(live, doors)
            raise error
    _mark_void(run, doors)
    return run_day(day, setup, texts, doors)


def _next_run(day: date, setup: BookSetup, asked: Asked, *, doors: DayDoors) -> tuple[Run, IssuedTicket | None]:
    """Give the run to open and the ticket that it would void; no ticket when the run is open, or these words made it."""
    newest = run_of(day, setup, doors)
    live = doors.tickets.ticket_of(newest.run_id)
    if live is None and newest.revision > 1:
        return newest, None
    if live is None:
        label = newest.slot.label
        raise SlotRefused(f"slot {label} has no ticket to revise; `twokey run` without --revise decides it")
    voided = doors.tickets.voided(live.ticket.ticket_id)
    if voided and asked == Asked(voided[-1].by, voided[-1].reason):
        return newest, None
    return run_of(day, setup, doors, revision=newest.revision + 1), live


def _refuse_answered(live: IssuedTicket, doors: DayDoors) -> None:
    standing = doors.tickets.ticket(live.ticket.ticket_id)
    if standing is not None and standing.answered:
        lines = ", ".join(str(line) for line in standing.answered)
        raise SlotRefused(
            f"{live.ticket.ticket_id} is not revised: line {lines} was answered, so it was acted on;"
            " the next slot decides on what is held then"
        )


def _mark_void(run: Run, doors: DayDoors) -> None:
    """Say on the older ticket, in the database and in its files, that it is void, before anything new is decided."""
    old = doors.tickets.live_ticket(run.slot.book, run.slot.label)
    if old is None or old.ticket.revision >= run.revision:
        return
    voided = doors.tickets.voided(old.ticket.ticket_id)
    doors.tickets.add_step(old.ticket.ticket_id, VOID, detail=f"revised by {voided[-1].by}: {voided[-1].reason}")
    publish_void(voided[-1], doors.publish)

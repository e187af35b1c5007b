"""The day: settle, score, propose, decide, issue, publish; every slot ends in exactly one live ticket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from core.domain.slot import Run
from core.domain.ticket import IssuedTicket
from flows.books import AuditChain, ConfigBook, HeadKeeper, RunBook, StoreError, TicketBook
from flows.decide import DecideDoors, decide_run, propose
from flows.issue import IssueDoors, issue_ticket
from flows.lifecycle import follow_earlier
from flows.ports import CleanSet
from flows.publish import PublishDoors, publish
from flows.score import ScoreDoors, passed_by, score
from flows.settle import SettleDoors, settle
from flows.setup import BookSetup


class SlotRefused(ValueError):
    """A slot cannot be decided as asked; says why and what can."""


@dataclass(frozen=True)
class DayDoors:
    """The doors of each flow of the day; each holds the connections of its own role and no more."""

    settle: SettleDoors
    score: ScoreDoors
    decide: DecideDoors
    issue: IssueDoors
    publish: PublishDoors
    tickets: TicketBook
    runs: RunBook
    config: ConfigBook
    chain: AuditChain
    heads: HeadKeeper
    clean: CleanSet
    today: date


def run_day(day: date, setup: BookSetup, texts: dict[str, tuple[str, str]], doors: DayDoors) -> IssuedTicket:
    """Decide a day's slot and give its one live ticket; a slot that has one gives that, byte for byte.

    `texts` holds each configuration by kind as (hash, text). Raises SlotRefused on a weekend, for a day that has
    not come, and for a slot before one that was decided.
    """
    run = run_of(day, setup, doors)
    live = doors.tickets.ticket_of(run.run_id)
    if live is None:
        refuse_earlier(run, doors)
        for left in doors.runs.unfinished(run.slot.book, run.slot.label):
            close_run(left, setup, doors)
        live = decide_slot(run, setup, texts, doors=doors)
    publish(live, doors.publish, voided=doors.tickets.voided(live.ticket.ticket_id))
    doors.heads.keep(doors.chain.head())
    return live


def run_of(day: date, setup: BookSetup, doors: DayDoors, *, revision: int | None = None) -> Run:
    """Give the run of a day's slot: that of a revision, or else the newest that is open, or else a first one to open.

    Raises SlotRefused on a weekend, and for a day that has not come.
    """
    try:
        run = setup.run_of(day, today=doors.today, snapshot=doors.clean.current(), revision=revision or 1)
    except ValueError as error:
        raise SlotRefused(str(error)) from error
    return run if revision is not None else doors.runs.newest_run(run.slot.book, run.slot.label) or run


def close_run(run: Run, setup: BookSetup, doors: DayDoors) -> IssuedTicket:
    """Close an earlier slot whose run was abandoned, with a NO-TRADE ticket that says so; nothing is settled for it."""
    score(run, setup, doors.score)
    propose(run.run_id, setup, doors.decide)
    decide_run(run.run_id, setup, doors.decide)
    issued = issue_ticket(run.run_id, setup, doors.issue, is_unfinished=True)
    publish(issued, doors.publish, voided=doors.tickets.voided(issued.ticket.ticket_id))
    return issued


def decide_slot(run: Run, setup: BookSetup, texts: dict[str, tuple[str, str]], *, doors: DayDoors) -> IssuedTicket:
    """Walk a slot from settlement to its ticket; what was stored before a kill is kept and gone on from."""
    for kind, (digest, text) in texts.items():
        doors.config.add_config(kind, digest, text)
    # Nothing is posted on books that somebody may have tampered with; the audit gate then says so.
    if _verifies(doors):
        settle(setup.frame(run), doors.settle)
        follow_earlier(run.slot.book, run.slot.label, doors.tickets, now=doors.issue.clock.now())
    score(run, setup, doors.score)
    propose(run.run_id, setup, doors.decide)
    decide_run(run.run_id, setup, doors.decide)
    return issue_ticket(run.run_id, setup, doors.issue)


def _verifies(doors: DayDoors) -> bool:
    try:
        return doors.chain.verify_on(doors.heads.kept()).problem is None
    except StoreError:
        return False


def refuse_earlier(run: Run, doors: DayDoors) -> None:
    """Raise SlotRefused for a slot before one that was decided."""
    last = passed_by(run, doors.runs)
    if last is not None:
        raise SlotRefused(
            f"slot {run.slot.label} is before {last}, which was decided; slots go forward: take a later day,"
            " or a workspace of its own"
        )

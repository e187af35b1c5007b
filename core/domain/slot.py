"""Slots, as-of, windows and runs: when a decision is made, what it may know, when a person may act."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

BookName = str
RunId = str
TicketId = str
AccountName = str
VenueName = Literal["paper", "manual"]
MAIN_BOOK = "main"


@dataclass(frozen=True)
class Slot:
    """The scheduled instant of a decision of a book; the label of a daily book is `YYYYMMDD`."""

    book: BookName
    day: date
    at: datetime

    @property
    def label(self) -> str:
        """Give the slot's label."""
        return self.day.strftime("%Y%m%d")


@dataclass(frozen=True)
class AsOf:
    """What a decision may know: an instant, and the last session completed by then; nothing later may be read."""

    at: datetime
    session: date


@dataclass(frozen=True)
class Window:
    """When a person may execute: from `opens_at` to `closes_at`, in the session `session`."""

    session: date
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True)
class Run:
    """One slot's decision in one revision: who it is for, what it may know, and whether it is a rehearsal.

    `calendar_hash` is that of the sessions that it rests on; empty for a run of a version that did not keep it.
    """

    run_id: RunId
    slot: Slot
    revision: int
    as_of: AsOf
    window: Window | None
    is_rehearsal: bool
    policy_hash: str
    universe_hash: str
    snapshot: str
    calendar_hash: str = ""


def run_id_of(slot: Slot, revision: int) -> RunId:
    """Name a run: `RUN-LABEL-rN` for the main book, `RUN-LABEL-BOOK-rN` for others."""
    return f"RUN-{_tail(slot)}-r{revision}"


def ticket_id_of(slot: Slot) -> TicketId:
    """Name a ticket: `TICKET-LABEL` for the main book, `TICKET-LABEL-BOOK` for others; revisions share the id."""
    return f"TICKET-{_tail(slot)}"


def _tail(slot: Slot) -> str:
    return slot.label if slot.book == MAIN_BOOK else f"{slot.label}-{slot.book}"

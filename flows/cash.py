"""Cash: what a person pays in or takes out is kept once, if the book can bear it, and posted."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from core.domain.posting import effective_order
from core.domain.slot import BookName, VenueName
from core.ledger.bookable import cash_key_objections
from core.ledger.cash import Movement, amount_objection, movement_objections
from core.settings import Policy
from flows.settle import SettleDoors, post_unposted, unposted_entries


class CashRefused(ValueError):
    """A movement of cash cannot be booked; says every reason. Nothing was kept of it."""


class CashBook(Protocol):
    """Keeps what a person moved, each key once."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep everything inside or nothing of it; from the first row kept inside nobody else adds a fact until its end."""
        ...

    def move_cash(
        self,
        key: str,
        *,
        book: BookName,
        venue: VenueName,
        session: date,
        amount: Decimal,
        currency: str,
        by: str,
        note: str,
    ) -> bool:
        """Keep cash that came (positive) or went and say whether it is new; raises StoreError for a key said otherwise."""
        ...


@dataclass(frozen=True)
class CashDoors:
    """What moving cash may use: it adds movements as a person, and settles."""

    cash: CashBook
    settle: SettleDoors


@dataclass(frozen=True)
class CashMove:
    """What a person says: so much came (positive) or went on a day, under a key of its own."""

    key: str
    amount: Decimal
    session: date
    by: str
    note: str


@dataclass(frozen=True)
class Moved:
    """What became of it: whether it was new, and how many entries were posted."""

    is_new: bool
    posted: int


def move_cash(move: CashMove, policy: Policy, doors: CashDoors, *, today: date) -> Moved:
    """Keep a movement and post it; the same words again are the same fact.

    Raises CashRefused when it cannot be booked, StoreError when its key is known and was said otherwise.
    """
    unfit = amount_objection(move.amount)
    if unfit is not None:
        raise CashRefused(unfit)
    with doors.cash.alone():
        # The row first: two withdrawals that were each looked at alone would both be covered by the same cash.
        is_new = doors.cash.move_cash(
            move.key,
            book=policy.book,
            venue=policy.execution.venue,
            session=move.session,
            amount=move.amount,
            currency=policy.base_currency,
            by=move.by,
            note=move.note,
        )
        objections = _objections(move, policy, doors.settle, today=today) if is_new else ()
        if objections:
            raise CashRefused("; ".join(objections))
    return Moved(is_new, post_unposted(policy, doors.settle))


def _objections(move: CashMove, policy: Policy, doors: SettleDoors, *, today: date) -> tuple[str, ...]:
    venue = policy.execution.venue
    told = doors.venue.last_snapshot(policy.book, venue) if venue == "paper" else None
    # What was kept and not posted yet counts too: whoever kept it was cut short, or is about to post it.
    entries = sorted(
        [*doors.journal.entries(policy.book, venue), *unposted_entries(policy, doors)], key=effective_order
    )
    movement = Movement(move.amount, move.session, policy.base_currency)
    facts = {one.key for one in doors.journal.booked_facts(venue)}
    problems = movement_objections(movement, entries, today=today, closed=told[1].session if told else None)
    return (*cash_key_objections(move.key, facts), *problems)

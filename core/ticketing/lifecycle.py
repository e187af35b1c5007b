"""The life of a ticket: which step may follow which, and what a ticket's lines and the clock say of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Literal, get_args

from core.domain.ticket import Ticket

Step = Literal["drafted", "issued", "sent", "partly confirmed", "confirmed", "expired", "void"]
STEPS: tuple[Step, ...] = get_args(Step)
# What may follow each step, and what may come first. A late answer is still taken, so answers may follow the expiry; a ticket
# of which anything was answered is sent to nobody and never void: somebody acted on it.
AFTER: dict[Step | None, frozenset[Step]] = {
    None: frozenset({"drafted"}),
    "drafted": frozenset({"issued"}),
    "issued": frozenset({"sent", "partly confirmed", "confirmed", "expired", "void"}),
    "sent": frozenset({"partly confirmed", "confirmed", "expired", "void"}),
    "partly confirmed": frozenset({"confirmed", "expired"}),
    "expired": frozenset({"partly confirmed", "confirmed", "void"}),
    "confirmed": frozenset(),
    "void": frozenset(),
}


def may_take(step: Step, taken: Sequence[str]) -> bool:
    """Say whether a step may follow those that were taken, oldest first; none is taken twice."""
    last = next((known for known in STEPS if known == taken[-1]), None) if taken else None
    is_acted_on = step == "void" and "partly confirmed" in taken
    return step not in taken and step in AFTER[last] and not is_acted_on


def due_steps(
    ticket: Ticket, taken: Iterable[str], *, answered: Collection[int], waiting: Collection[int], now: datetime
) -> tuple[Step, ...]:
    """Give the steps that a ticket's life has come to and that were not taken, in the order in which to take them.

    Only a trade has lines that are answered or wait, and only a trade expires: at its window's end, while a line waits.
    """
    steps, due = list(taken), []
    wanted: list[Step] = []
    if answered and waiting:
        wanted.append("partly confirmed")
    if waiting and now >= ticket.expires_at:
        wanted.append("expired")
    if answered and not waiting:
        wanted.append("confirmed")
    for step in wanted:
        if may_take(step, steps):
            steps.append(step)
            due.append(step)
    return tuple(due)

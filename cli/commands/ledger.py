"""`audit verify`."""

from __future__ import annotations

import argparse

from adapters.files.workspace import Workspace
from adapters.postgres.people import PgPeople
from cli.output import emit
from cli.wiring import Desk
from core.domain.facts import AuditHead


def audit(arguments: argparse.Namespace) -> int:
    """Verify the whole chain and every row tied to it; exit 1 when something is wrong."""
    with Desk(Workspace(arguments.workspace)) as desk:
        state = desk.chain.verify(desk.heads.kept())
        if state.problem is None:
            # What was verified; the chain may have grown since.
            desk.heads.keep(AuditHead(state.seq, state.head))
        losses = PgPeople(desk.session("reader")).losses()
    facts = {"events": state.seq, "head": state.head, "problem": state.problem, "losses": losses}
    words = f"{state.seq} events and their rows verify; head {state.head}" if state.problem is None else state.problem
    told = [
        f"events {loss.last.seq + 1} to {loss.lost_to} were lost in the restore of {loss.backup}: {loss.by}: {loss.reason}"
        for loss in losses
    ]
    emit(arguments, facts, "\n".join([words, *told]))
    return 0 if state.problem is None else 1

"""`audit why`: from a figure on a ticket or a report down to the facts under it, each number computed again."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from adapters.clock import SystemClock
from adapters.files.configuration import read_scope
from adapters.files.workspace import Workspace, WorkspaceError
from adapters.postgres.fact_rows import PgFactRows
from adapters.postgres.journal import PgJournal
from adapters.postgres.models import PgModels
from adapters.postgres.people import PgConfig, PgPeople
from adapters.postgres.recorded import PgRecorded
from adapters.postgres.runs import PgDecisions, PgRuns, PgScores
from adapters.postgres.tickets import PgTickets
from adapters.slot_time import when
from adapters.sources.formats.registry import FormatParser
from cli.commands.ingest import raw_files
from cli.commands.trading import stored_setup
from cli.main import UsageError
from cli.output import emit, place, table
from cli.wiring import Desk
from core.audit.names import asked_for, nearest, ticket_name
from core.audit.reports import BookFigures
from core.audit.tickets import TicketFigures
from core.audit.tree import Node, tree_of, verdict_of, words_of
from core.domain.ticket import IssuedTicket
from core.ledger.asked_of_books import BooksDiffer
from flows.books import StoreError
from flows.results import Moment, ResultDoors
from flows.value import NothingToValue
from flows.why import WhyDoors, book_why, ticket_why

TICKET_BEGINS = "TICKET-"
VALUE_SHOWN = 100


def why(arguments: argparse.Namespace) -> int:
    """Show what a figure rests on and compute it again; exit 1 when anything under it is not as it was kept.

    Without a figure, name those that can be asked for.
    """
    with Desk(Workspace(arguments.workspace)) as desk:
        if arguments.subject.startswith(TICKET_BEGINS):
            return _of_ticket(arguments, desk)
        return _of_book(arguments, desk)


def _of_ticket(arguments: argparse.Namespace, desk: Desk) -> int:
    if arguments.as_of is not None:
        raise UsageError("--as-of is for a book; a ticket is of its own day")
    standing = PgTickets(desk.session("reader")).ticket(arguments.subject)
    if standing is None:
        raise UsageError(f"there is no ticket {arguments.subject}; `twokey ticket list` names them")
    issued: IssuedTicket = standing.issued
    run_id = issued.seal.run_id
    figures = ticket_why(run_id, stored_setup(run_id, desk), why_doors(desk, reads_files=bool(arguments.figure)))
    return _answer(arguments, figures, ticket_name(arguments.figure, issued.ticket))


def _of_book(arguments: argparse.Namespace, desk: Desk) -> int:
    try:
        figures = figures_of_book(desk, arguments.subject, as_of=arguments.as_of, reads_files=bool(arguments.figure))
    except NothingToValue as error:
        raise UsageError(str(error)) from error
    except BooksDiffer as error:
        raise StoreError(str(error)) from error
    return _answer(arguments, figures, asked_for(arguments.figure))


def figures_of_book(desk: Desk, book: str, *, as_of: date | None, reads_files: bool = True) -> BookFigures:
    """Give the figures of a book as its reports print them, of a day or of today."""
    reader, clock = desk.session("reader"), SystemClock()
    scope, setup = read_scope(desk.workspace, PgPeople(reader).verifications(), book=book)
    moment = Moment(as_of=as_of or when(setup.policy, None, clock).today, now=clock.now())
    results = ResultDoors(PgRecorded(reader), desk.clean, PgConfig(reader))
    return book_why(scope, setup, moment, doors=why_doors(desk, reads_files=reads_files), results=results)


def _answer(arguments: argparse.Namespace, figures: TicketFigures | BookFigures, name: str) -> int:
    subject, known = arguments.subject, figures.names()
    if not name:
        emit(arguments, {"subject": subject, "figures": known}, _listed(subject, known, at=place(arguments)))
        return 0
    name = named(name, known)
    root: Node = figures.tree(name)
    verdict = verdict_of(root)
    facts = {
        "subject": subject,
        "figure": name,
        "value": root.text,
        "is_equal": not verdict.problems,
        "computed": verdict.computed,
        "facts": verdict.facts,
        "problems": list(verdict.problems),
        "tree": tree_of(root),
    }
    emit(arguments, facts, f"{words_of(root)}\n\n{verdict.words()}")
    return 1 if verdict.problems else 0


def named(asked: str, known: Mapping[str, Any]) -> str:
    """Give the figure that is meant, whatever its case; raises UsageError that names the nearest."""
    by_lower = {one.lower(): one for one in known}
    if asked in by_lower:
        return by_lower[asked]
    near = ", ".join(f"`{by_lower[one]}`" for one in nearest(asked, by_lower))
    hint = f"did you mean {near}?" if near else "without a figure, all are named"
    raise UsageError(f"there is no figure {asked!r}; {hint}")


def _listed(subject: str, known: Mapping[str, Any], *, at: str) -> str:
    rows = [(name, _short(value)) for name, value in known.items()]
    words = f"\nAsk for one with: twokey audit why {subject} FIGURE{at}"
    return table(("figure", "value"), rows) + words


def _short(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= VALUE_SHOWN else f"{text[:VALUE_SHOWN]}..."


def _text(root: Path, path: str) -> str | None:
    try:
        return (root / path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{path} could not be read: {error}") from error


def why_doors(desk: Desk, *, reads_files: bool = True) -> WhyDoors:
    """Wire asking why, as reader."""
    reader = desk.session("reader")
    return WhyDoors(
        facts=PgFactRows(reader),
        runs=PgRuns(reader),
        scores=PgScores(reader),
        models=PgModels(reader),
        decisions=PgDecisions(reader),
        tickets=PgTickets(reader),
        journal=PgJournal(reader),
        clean=desk.clean,
        raw=raw_files(desk.workspace),
        parser=FormatParser(),
        verifier=desk.verifier,
        page=partial(_text, desk.workspace.root),
        reads_files=reads_files,
    )

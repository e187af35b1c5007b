"""`ledger add` and `ledger facts`: what a person books beside fills and cash, and what was booked."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from adapters.clock import SystemClock
from adapters.files.alerts import Alert
from adapters.files.workspace import Workspace
from adapters.postgres.booked import PgFacts
from cli.main import UsageError
from cli.output import emit, table
from cli.wiring import Desk, when
from core.canonical import plain_decimal
from core.domain.booked import BookedFact, unallocated_of
from core.domain.posting import Entry
from core.ledger.booked import body_of
from core.ledger.question import Method
from core.ledger.trial import Places
from core.settings_text import parse_desk
from flows.booking import VENUE, BookingDoors, BookingRefused, KeyConflict, book_facts, try_facts

BYTES_MAX = 16_000_000
_HEAD = ("book", "day", "kind", "what", "units and cash", "key")


def add(arguments: argparse.Namespace) -> int:
    """Keep the facts of a file and post them, all or nothing; with --preview only show what that would do."""
    told = _told(arguments.file)
    with Desk(Workspace(arguments.workspace)) as desk:
        places, accounts = places_of(desk)
        facts = [_fact(one, at, accounts, arguments) for at, one in enumerate(told, start=1)]
        return book(arguments, facts, desk, places=places)


def book(arguments: argparse.Namespace, facts: Sequence[BookedFact], desk: Desk, *, places: Places) -> int:
    """Book facts, or say what booking them would do, and show it."""
    doors = BookingDoors(PgFacts(desk.session("person")), desk.journal)
    clock = SystemClock()
    now, today = clock.now(), when(desk.configuration("main"), None).today
    try:
        if arguments.preview:
            tried = try_facts(facts, doors.journal, places=places, now=now, today=today)
        else:
            done = book_facts(facts, doors, places=places, now=now, today=today)
            tried = done.tried
            desk.changed()
    except BookingRefused as error:
        alert_of(error, desk, by=arguments.by)
        raise UsageError(f"{error}\nnothing was booked") from error
    counts = {"facts": len(tried.new), "known": tried.known, "entries": entry_rows(tried.entries)}
    if arguments.preview:
        emit(
            arguments,
            {"written": False} | counts,
            f"{entry_table(tried.entries)}\nNothing was booked: this is a preview.",
        )
    else:
        words = f"{done.facts} facts kept, {done.known} known already, {done.entries} entries posted"
        emit(arguments, {"written": True, "posted": done.entries} | counts, f"{entry_table(tried.entries)}\n{words}")
    return 0


def alert_of(error: BookingRefused, desk: Desk, *, by: str) -> None:
    """Leave an alert where a key came again with other content: whoever tries may not be the one who must look."""
    if isinstance(error, KeyConflict):
        clock = SystemClock()
        desk.alerts.add(Alert(clock.now(), "key tells two things", f"{by} tried to book: {error}"))


def facts(arguments: argparse.Namespace) -> int:
    """List what was booked, in the order in which it was kept, and what of it was taken back."""
    with Desk(Workspace(arguments.workspace)) as desk:
        kept = desk.journal.booked_facts(VENUE)
    bodies = [json.loads(one.body) for one in kept]
    gone = {body["reverses"]: body["key"] for body in bodies if "reverses" in body}
    rows = [
        {
            "key": one.key,
            "kind": one.kind,
            "book": one.book,
            "day": one.session,
            "by": one.by,
            "note": one.note,
            "statement": one.statement,
            "recorded_at": one.recorded_at,
            "taken_back_by": gone.get(one.key),
            "fact": body,
        }
        for one, body in zip(kept, bodies, strict=True)
    ]
    head = ("key", "kind", "book", "day", "by", "note", "taken_back_by")
    emit(arguments, {"facts": rows}, table(head, [[row[name] or "" for name in head] for row in rows]))
    return 0


def places_of(desk: Desk) -> tuple[Places, dict[str, str]]:
    """Give all that facts may be booked to, and the account of each.

    These are the books at a venue that people execute at, and of each account the part that is in no book.
    """
    bases: dict[str, str | None] = {}
    accounts: dict[str, str] = {}
    lots: dict[str, Method] = {}
    for name in desk.workspace.books():
        policy = desk.configuration(name).setup.policy
        if policy.execution.venue == VENUE:
            bases[name], accounts[name], lots[name] = policy.base_currency, policy.account, policy.accounting.lots
    whole = parse_desk(desk.workspace.text(desk.workspace.config / "desk.yml"), "config/desk.yml")
    for account in whole.accounts:
        name = unallocated_of(account.name)
        bases[name], accounts[name], lots[name] = None, account.name, account.lots
    universe = desk.configuration("main").setup.universe
    return Places(bases, lots, {one.id: one.currency for one in universe.instruments}), accounts


def _told(source: str) -> list[dict[str, Any]]:
    try:
        text = sys.stdin.buffer.read(BYTES_MAX + 1) if source == "-" else _bytes(Path(source))
    except OSError as error:
        raise UsageError(f"{source} could not be read: {error.strerror}") from error
    if len(text) > BYTES_MAX:
        raise UsageError(f"{source} has more than {BYTES_MAX} bytes; book it in parts")
    try:
        told = json.loads(text, parse_float=_bare, parse_constant=_bare, object_pairs_hook=_once)
    except ValueError as error:
        words = f"{source} is no JSON as it is wanted: {error}; docs/LEDGER-EVAL.md shows the form of a fact"
        raise UsageError(f"{words}\nnothing was booked") from error
    listed = told.get("facts", [told]) if isinstance(told, dict) else told
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        raise UsageError(f'{source}: give one fact, a list of facts, or {{"facts": [...]}}; none were found')
    return listed


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands there twice in one place; which of the two is meant is not said")
    return found


def _bare(number: str) -> None:
    raise ValueError(f'the number {number} stands there bare; write it as text, as "{number}"')


def _bytes(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(BYTES_MAX + 1)


def _fact(told: dict[str, Any], at: int, accounts: Mapping[str, str], arguments: argparse.Namespace) -> BookedFact:
    """Give a fact as it is kept; a company's action names no book, and is of all."""
    name = told.get("key")
    what = f"fact {name!r}" if isinstance(name, str) and name else f"fact number {at}"
    if what != f"fact {name!r}":
        raise UsageError(f"{what}: key was {name!r}; each fact has a key of its own, in text\nnothing was booked")
    inner = told.get("replacement")
    of = inner if isinstance(inner, dict) else told
    book = of.get("account", next(iter(accounts)))
    if not isinstance(book, str) or book not in accounts:
        raise UsageError(f"{what}: {book!r} is no book; there are {', '.join(sorted(accounts))}\nnothing was booked")
    try:
        session = date.fromisoformat(str(told.get("effective")))
    except ValueError as error:
        words = f"effective was {told.get('effective')!r}; write the day that it counts from, as 2024-03-01"
        raise UsageError(f"{what}: {words}\nnothing was booked") from error
    return BookedFact(
        key=str(name),
        kind=str(told.get("kind")),
        account=accounts[book],
        book=book,
        venue=VENUE,
        session=session,
        body=body_of(told),
        by=arguments.by,
        note=arguments.note,
    )


def entry_rows(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Give entries as a program reads them: what each moves of units and cash."""
    return [_row(one) for one in entries]


def entry_table(entries: Sequence[Entry]) -> str:
    """Give entries as a person reads them."""
    names = ("book", "day", "kind", "instrument", "moves", "key")
    return table(_HEAD, [[row[name] for name in names] for row in entry_rows(entries)])


def _row(entry: Entry) -> dict[str, Any]:
    moves = [
        f"{plain_decimal(one.amount)} {one.commodity}" for one in entry.postings if one.account in ("units", "cash")
    ]
    return {
        "book": entry.book,
        "day": entry.session,
        "kind": entry.kind,
        "instrument": entry.instrument or "",
        "moves": ", ".join(moves),
        "key": entry.key,
    }

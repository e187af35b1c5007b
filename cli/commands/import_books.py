"""`import`: what brokers' statements say is booked to an account, less what the books know from elsewhere."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapters.clock import SystemClock
from adapters.files.workspace import Workspace
from adapters.postgres.booked import PgFacts
from adapters.statements.facts import door_facts
from cli.commands.booking import alert_of, entry_rows, entry_table, places_of
from cli.commands.importing import Previewed, read_files
from cli.main import UsageError
from cli.output import emit, table
from cli.wiring import Desk, when
from core.canonical import plain_decimal
from core.domain.booked import BookedFact, StatementFile, unallocated_of
from core.domain.instrument import InstrumentId, Universe
from core.domain.slot import BookName
from core.ledger.question import Split
from flows.booking import BookingDoors, BookingRefused, Trial, book_facts, try_facts
from flows.importing import LeftOut, Parted, Source, Target, names_in, part_facts

_HEAD = ("file", "rows", "facts", "booked before", "known from elsewhere", "left", "not understood")
_NAMES = ["name", "instrument"]


def import_files(arguments: argparse.Namespace) -> int:
    """Book what files say, all or nothing; exit 1, and nothing booked, while a row is left to a person without --leave."""
    read = read_files(arguments)
    with Desk(Workspace(arguments.workspace)) as desk:
        setup = desk.configuration("main").setup
        places, accounts = places_of(desk)
        book = _book(arguments, accounts)
        names = names_in(setup.universe) | _names(arguments.names, setup.universe)
        target = Target(arguments.account, book, places.books[book], names)
        clock = SystemClock()
        now, today = clock.now(), when(desk.configuration("main"), None).today
        parted: list[Parted] = []
        for one in read:
            taken = {known.entry for found in parted for _, known in found.known if not isinstance(known.fact, Split)}
            parted.append(_parted(one, target, arguments, desk, taken=taken))
        left = [one for found, file in zip(parted, read, strict=True) for one in (*found.left, *file.unread)]
        facts = [one for found in parted for one in found.facts]
        doors = BookingDoors(PgFacts(desk.session("person")), desk.journal)
        is_written = not arguments.preview and (arguments.leave or not left)
        try:
            if is_written:
                files = [_file(one, path, arguments) for one, path in zip(read, arguments.files, strict=True)]
                tried = book_facts(facts, doors, places=places, now=now, today=today, files=files).tried
                desk.changed()
            else:
                tried = try_facts(facts, doors.journal, places=places, now=now, today=today)
        except BookingRefused as error:
            alert_of(error, desk, by=arguments.by)
            raise UsageError(f"{error}\nnothing was booked") from error
    told = {"written": is_written, "account": arguments.account, "book": book}
    shown = {"files": [_told(*one) for one in zip(read, parted, strict=True)], "entries": entry_rows(tried.entries)}
    emit(
        arguments,
        told | {"facts": len(tried.new), "known": tried.known} | shown,
        _words(read, parted, tried, is_written=is_written),
    )
    return 0 if is_written or (arguments.preview and not left) else 1


def _book(arguments: argparse.Namespace, accounts: Mapping[str, str]) -> BookName:
    """Give the book that facts go to: the one that is named, else the part of the account that is in no book."""
    book = arguments.book or unallocated_of(arguments.account)
    if accounts.get(book) == arguments.account:
        return book
    if arguments.account not in accounts.values():
        known = ", ".join(sorted(set(accounts.values())))
        raise UsageError(f"{arguments.account} is no account of config/desk.yml; there are {known}")
    mine = ", ".join(sorted(name for name, account in accounts.items() if account == arguments.account))
    raise UsageError(f"{book} is no book of account {arguments.account} that a person executes for; there are {mine}")


def _names(path: Path | None, universe: Universe) -> dict[str, InstrumentId]:
    """Read which instrument a broker means by a name: a table of name and instrument."""
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as opened:
            rows = list(csv.DictReader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} could not be read: {error}") from error
    known, found = universe.by_id(), {}
    for at, row in enumerate(rows, start=2):
        name, instrument = (row.get(field) or "" for field in _NAMES)
        if not name or instrument not in known:
            raise UsageError(
                f"{path}:{at}: name {name!r}, instrument {instrument!r}; the columns are name and instrument, and the"
                " instrument is one of config/universe.csv"
            )
        found[name.lower()] = instrument
    return found


def _parted(
    one: Previewed, target: Target, arguments: argparse.Namespace, desk: Desk, *, taken: Collection[str]
) -> Parted:
    rows = one.overlap.new
    of = sorted({name for name in (row.row.account for row in rows) if name})
    if arguments.of is not None and arguments.of not in of:
        raise UsageError(f"{one.file.name} tells of {', '.join(of) or 'no account by name'}; --of was {arguments.of}")
    if arguments.of is None and len(of) > 1:
        raise UsageError(
            f"{one.file.name} tells of accounts {', '.join(of)}; facts go to one account: book one after another, with --of"
        )
    if arguments.of is not None:
        rows = tuple(row for row in rows if row.row.account == arguments.of)
    facts, left = door_facts(rows, target.account)
    lines = {row.key: row.row.line for row in rows}
    source = Source(one.file.sha256, Path(one.file.name).name, arguments.by, lines)
    clock = SystemClock()
    found = part_facts(facts, target, source, desk.journal, now=clock.now(), taken=taken)
    extra = tuple(LeftOut(each.line, each.why) for each in left)
    return Parted(found.facts, found.known, tuple(sorted((*found.left, *extra), key=lambda each: each.line)))


def _file(one: Previewed, path: Path, arguments: argparse.Namespace) -> StatementFile:
    """Give the file as it is kept; that it is still the one that was read is looked at."""
    content = path.read_bytes()
    if sha256(content).hexdigest() != one.file.sha256:
        raise UsageError(f"{path} changed while it was read; nothing was booked")
    name = Path(one.file.name).name
    return StatementFile(
        one.file.sha256, arguments.account, one.statement.broker, one.form, name, content, arguments.by
    )


def _told(one: Previewed, found: Parted) -> dict[str, Any]:
    return {
        "file": one.file.name,
        "sha256": one.file.sha256,
        "broker": one.statement.broker,
        "rows": one.statement.row_count,
        "facts": len(found.facts),
        "known_from_elsewhere": [
            {"line": line, "fact": known.fact.key, "entry": known.entry, "cash_difference": known.cash_difference}
            for line, known in found.known
        ],
        "left": [{"line": each.line, "why": each.why} for each in found.left],
        "not_understood": [{"line": each.line, "text": each.text, "why": each.why} for each in one.unread],
    }


def _words(read: Sequence[Previewed], parted: Sequence[Parted], tried: Trial, *, is_written: bool) -> str:
    new = {one.key for one in tried.new}
    rows = [_row(one, found, new) for one, found in zip(read, parted, strict=True)]
    lines = [table(_HEAD, rows), entry_table(tried.entries)]
    for one, found in zip(read, parted, strict=True):
        lines += [
            f"  {one.file.name} line {line}: {_matched(known.entry, plain_decimal(known.cash_difference))}"
            for line, known in found.known
        ]
        lines += [f"  {one.file.name} line {each.line}, left: {each.why}" for each in found.left]
        lines += [
            f"  {one.file.name} line {each.line}, not understood: {each.why} [{each.text}]" for each in one.unread
        ]
    if is_written:
        lines.append(f"{len(tried.new)} facts kept, {tried.known} known already, {len(tried.entries)} entries posted")
    else:
        lines.append(
            "Nothing was booked. --leave books the rest where rows are left to you; without --preview it is written"
        )
    return "\n".join(lines)


def _matched(entry: str, difference: str) -> str:
    more = (
        "" if difference == "0" else f"; the statement's cash differs by {difference}: correct the entry if it is wrong"
    )
    return f"the books know it as {entry}{more}"


def _row(one: Previewed, found: Parted, new: set[str]) -> tuple[object, ...]:
    fresh: list[BookedFact] = [fact for fact in found.facts if fact.key in new]
    before = len(found.facts) - len(fresh)
    return (
        one.file.name,
        one.statement.row_count,
        len(fresh),
        before,
        len(found.known),
        len(found.left),
        len(one.unread),
    )

"""`ledger import`: what brokers' statements say, shown and not written; needs no workspace."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.statements import generic
from adapters.statements.facts import door_facts
from adapters.statements.opened import Opened, StatementError, open_statement
from adapters.statements.registry import BROKERS, importer_of
from cli.main import UsageError
from cli.output import emit, table
from core.canonical import plain
from core.domain.statement import KeyedRow, NotUnderstood, Overlap, Statement, StatementRow, overlaps

NOTHING_WRITTEN = "Nothing was written: this is a preview, and it books nothing. `--json` gives every row exactly."
_HEAD = (
    *("file", "broker", "rows", "understood", "in a file before", "told twice", "aside", "not understood"),
    *("equal rows", "from", "to", "currencies"),
)


@dataclass(frozen=True)
class Previewed:
    """One file: as it was opened, which form it has, what stands in it, and what of that is new."""

    file: Opened
    form: str
    statement: Statement
    overlap: Overlap

    @property
    def unread(self) -> tuple[NotUnderstood, ...]:
        """The rows that are not understood, and those that contradict a file before, by line."""
        both = (*self.statement.unread, *self.overlap.conflicts)
        return tuple(sorted(both, key=lambda one: one.line))


def preview(arguments: argparse.Namespace) -> int:
    """Show what each file says, in the order in which they are named; exit 1 when a row is not understood."""
    files = read_files(arguments)
    emit(arguments, {"written": False, "files": [_facts(one) for one in files]}, "\n".join(_words(files)))
    return 1 if any(one.unread for one in files) else 0


def read_files(arguments: argparse.Namespace) -> list[Previewed]:
    """Read the files in the order in which they are named; raises UsageError where one cannot be read."""
    try:
        read = [_read(open_statement(path), arguments) for path in arguments.files]
    except StatementError as error:
        raise UsageError(str(error)) from error
    found = overlaps([statement for _, _, statement in read])
    return [Previewed(*one, overlap) for one, overlap in zip(read, found, strict=True)]


def _read(file: Opened, arguments: argparse.Namespace) -> tuple[Opened, str, Statement]:
    if arguments.map is not None:
        return file, f"column map {arguments.map}", generic.read(file, generic.read_map(arguments.map))
    if arguments.broker not in (None, *BROKERS):
        known = ", ".join(BROKERS)
        raise UsageError(f"--broker {arguments.broker} is not known; known are {known}; for others give --map")
    importer = importer_of(file, arguments.broker)
    return file, importer.form, importer.read(file)


def _words(files: list[Previewed]) -> Iterator[str]:
    yield table(_HEAD, [_row(one) for one in files])
    for one in files:
        kinds = ", ".join(f"{kind} {count}" for kind, count in _kinds(one).items()) or "no row"
        yield f"\n{one.file.name} ({one.statement.broker}, {one.form}): {kinds}"
        yield from (f"  line {each.line}: {each.why} [{each.text}]" for each in one.unread)
    yield f"\n{NOTHING_WRITTEN}"


def _row(one: Previewed) -> tuple[object, ...]:
    statement, overlap = one.statement, one.overlap
    days = [day.isoformat() for day in statement.days or ()] or ["-", "-"]
    counts = (statement.row_count, len(overlap.new), len(overlap.known), len(statement.repeated), len(statement.asides))
    ends = (*days, " ".join(statement.currencies) or "-")
    return (one.file.name, statement.broker, *counts, len(one.unread), statement.duplicates, *ends)


def _facts(one: Previewed) -> dict[str, Any]:
    """Give all of a file for a program; `facts` are in the form that `ledger eval` takes."""
    statement, overlap = one.statement, one.overlap
    facts, left = door_facts(overlap.new, statement.broker)
    return {
        "file": one.file.name,
        "sha256": one.file.sha256,
        "broker": statement.broker,
        "form": one.form,
        "rows": statement.row_count,
        "kinds": _kinds(one),
        "equal_rows": statement.duplicates,
        "days": statement.days,
        "currencies": statement.currencies,
        "understood": [_told(each) for each in overlap.new],
        "in_a_file_before": [_told(each) for each in overlap.known],
        "told_twice": [_event(each) for each in statement.repeated],
        "aside": [plain(each) for each in statement.asides],
        "not_understood": [plain(each) for each in one.unread],
        "facts": list(facts),
        "left_of_facts": [plain(each) for each in left],
    }


def _kinds(one: Previewed) -> dict[str, int]:
    return dict(sorted(Counter(each.row.kind for each in one.overlap.new).items()))


def _told(one: KeyedRow) -> dict[str, Any]:
    return {"key": one.key, "ordinal": one.ordinal} | _event(one.row)


def _event(row: StatementRow) -> dict[str, Any]:
    told: dict[str, Any] = plain(row)
    return told | {"kind": row.kind}

"""Entries with their postings in PostgreSQL: added in batches, read back in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from adapters.postgres.bodies import reading
from adapters.postgres.connect import Row, Session, copied
from core.domain.posting import Entry, EntryKind, Posting
from core.uncollected import uncollected
from flows.books import StoreError

EVIDENCE_KINDS = ("confirmation_line", "venue_report", "cash_movement", "clean_snapshot", "booked_fact")
# Entries a statement: the text of its rows, which the database hashes in one piece, stays a few megabytes.
BATCH = 10_000
# More than this are copied, where none of them is known.
FEW = 50
USED_ONCE = ("confirmation_line", "venue_report", "cash_movement")
_ENTRY = ("key", "kind", "book", "venue", "session", "instrument", *EVIDENCE_KINDS)
_POSTING = ("entry", "line", "account", "commodity", "amount")
_EVIDENCE = ", ".join(f"'{kind}:' || e.{kind}" for kind in EVIDENCE_KINDS)
_ENTRIES = (
    f"SELECT e.id, e.key, e.kind, e.book, e.venue, e.session, e.instrument, coalesce({_EVIDENCE})"
    " FROM entry e WHERE {} ORDER BY e.id"
)
_POSTINGS = (
    "SELECT p.entry, p.account, p.commodity, p.amount FROM entry e JOIN posting p ON p.entry = e.id"
    " WHERE {} ORDER BY p.entry, p.line"
)


def add_entries(session: Session, entries: Sequence[Entry]) -> int:
    """Add entries with their postings, all or nothing, and give how many were new."""
    if not entries:
        return 0
    with session.transaction():
        return sum(_add_batch(session, entries[at : at + BATCH]) for at in range(0, len(entries), BATCH))


def read_entries(session: Session, where: str, arguments: Sequence[Any]) -> list[tuple[int, Entry]]:
    """Give the entries of which a condition on `e` holds, each with its number, in the order in which they were recorded."""
    entries = session.tuples(_ENTRIES.format(where), arguments)
    # An entry is committed with its postings, so those of the entries are there; those of later ones are left.
    postings = groupby(session.tuples(_POSTINGS.format(where), arguments) if entries else (), key=itemgetter(0))
    with uncollected():
        lines = {number: tuple(Posting(*row[1:]) for row in rows) for number, rows in postings}
        return [_entry(lines[row[0]], *row) for row in entries if row[0] in lines]


def _add_batch(session: Session, entries: Sequence[Entry]) -> int:
    if len(entries) > FEW and _are_new(session, entries):
        ids = _copy(session, entries)
    else:
        added = session.add("entry", _entry_rows(entries), once=True, giving="id, key")
        ids = {row["key"]: row["id"] for row in added}
    count = len(ids)
    if ids:
        session.copy("posting", _POSTING, _posting_lines(ids, entries))
    return count


def _are_new(session: Session, entries: Sequence[Entry]) -> bool:
    """Say whether no entry meets another's key or evidence, here or in the database; nobody adds any until the end."""
    given: dict[str, list[Any]] = {"key": [entry.key for entry in entries]}
    for kind, number in map(_evidence, entries):
        if kind in USED_ONCE:
            given.setdefault(kind, []).append(number)
    if any(len(set(values)) < len(values) for values in given.values()):
        return False
    # No row, and yet its trigger takes the lock of the chain.
    session.all("INSERT INTO entry (key) SELECT '' WHERE false RETURNING key")
    return not any(
        session.tuples(f"SELECT 1 FROM entry WHERE {column} = ANY(%s) LIMIT 1", (values,))
        for column, values in given.items()
    )


def _copy(session: Session, entries: Sequence[Entry]) -> dict[str, int]:
    """Add entries that are all new, and give their numbers by their keys."""
    ((last,),) = session.tuples("SELECT coalesce(max(id), 0) FROM entry")
    session.copy("entry", _ENTRY, map(_entry_line, entries))
    # Numbers rise, and the chain is locked: what stands behind the last one is what was added.
    return dict(session.tuples("SELECT key, id FROM entry WHERE id > %s ORDER BY id LIMIT %s", (last, len(entries))))


def _entry_line(entry: Entry) -> str:
    kind, number = _evidence(entry)
    texts = "\t".join(map(copied, (entry.key, entry.kind, entry.book, entry.venue)))
    rests = "\t".join(str(number) if kind == one else "\\N" for one in EVIDENCE_KINDS)
    return f"{texts}\t{entry.session}\t{copied(entry.instrument)}\t{rests}\n"


def _posting_lines(ids: dict[str, int], entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        # Taken out: of two with one key the first was added.
        number = ids.pop(entry.key, None)
        if number is not None:
            for line, posting in enumerate(entry.postings, start=1):
                yield f"{number}\t{line}\t{posting.account}\t{copied(posting.commodity)}\t{posting.amount}\n"


def _entry_rows(entries: Sequence[Entry]) -> list[Row]:
    """Give the rows of entries, with a column for each kind of evidence among them."""
    evidence = [_evidence(entry) for entry in entries]
    kinds = dict.fromkeys(kind for kind, _ in evidence)
    return [
        {
            "key": entry.key,
            "kind": entry.kind,
            "book": entry.book,
            "venue": entry.venue,
            "session": entry.session,
            "instrument": entry.instrument,
            **kinds,
            kind: number,
        }
        for entry, (kind, number) in zip(entries, evidence, strict=True)
    ]


def _evidence(entry: Entry) -> tuple[str, int]:
    kind, _, number = entry.evidence.partition(":")
    if kind not in EVIDENCE_KINDS or not number.isdigit():
        raise StoreError(
            f"entry {entry.key} rests on {entry.evidence!r}; evidence is one of {EVIDENCE_KINDS} with its id"
        )
    return kind, int(number)


def _entry(postings: tuple[Posting, ...], number: int, key: str, kind: EntryKind, *fields: Any) -> tuple[int, Entry]:
    book, venue, session, instrument, evidence = fields
    with reading(f"entry {key}"):
        if evidence is None:
            raise ValueError("it rests on no evidence")
        return number, Entry(key, kind, book, venue, session, instrument, evidence, postings)

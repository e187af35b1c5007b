"""Booked facts and the files they were read from in PostgreSQL, written by a person's role."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256

from adapters.postgres.bodies import changed
from adapters.postgres.connect import Row, Session
from core.domain.booked import BookedFact, StatementFile
from core.domain.slot import VenueName
from flows.books import StoreError

_COLUMNS = ("key", "kind", "account", "book", "venue", "session", "body", "statement", "reverses", "said_by", "note")


class PgFacts:
    """What a person books."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep everything inside or nothing of it, and be the only one who adds a fact until its end."""
        with self._session.transaction():
            # No row, and yet its trigger takes the lock of the chain.
            self._session.all("INSERT INTO booked_fact (key) SELECT '' WHERE false RETURNING key")
            yield

    def keep(self, files: Sequence[StatementFile], facts: Sequence[BookedFact], *, reversed_by: dict[str, str]) -> int:
        """Keep files and facts, all or nothing, and give how many facts are new; `reversed_by` says what a key takes back.

        The same file or fact again changes nothing. Raises StoreError where a key is kept with other content.
        """
        with self._session.transaction():
            for file in files:
                self._keep_file(file)
            rows = [_row(fact, reversed_by.get(fact.key)) for fact in facts]
            added = self._session.add("booked_fact", rows, once=True)
            new = {row["key"] for row in added}
            for row in rows:
                if row["key"] not in new:
                    self._check_same(row)
        return len(added)

    def file(self, digest: str) -> StatementFile | None:
        """Find a file by its SHA-256; that its bytes are those is looked at again."""
        row = self._session.one("SELECT * FROM statement_file WHERE sha256 = %s", (digest,))
        if row is None:
            return None
        content = b64decode(row["content"])
        if sha256(content).hexdigest() != digest:
            raise changed(f"statement file {row['name']}", "it does not have the hash that it was kept with")
        return StatementFile(digest, row["account"], row["broker"], row["form"], row["name"], content, row["said_by"])

    def _keep_file(self, file: StatementFile) -> None:
        row = {
            "sha256": file.sha256,
            "account": file.account,
            "broker": file.broker,
            "form": file.form,
            "name": file.name,
            "content": b64encode(file.content).decode(),
            "said_by": file.by,
        }
        # A file of several accounts is kept once, for the one that it was booked to first.
        self._session.add("statement_file", [row], once=True)

    def _check_same(self, row: Row) -> None:
        kept = self._session.one("SELECT * FROM booked_fact WHERE key = %s", (row["key"],))
        if kept is None:
            other = self._session.one("SELECT key FROM booked_fact WHERE reverses = %s", (row["reverses"],))
            by = other["key"] if other else "another fact"
            raise StoreError(f"{row['reverses']} was taken back by {by} already; a fact is taken back once")
        if any(kept[name] != row[name] for name in ("kind", "account", "book", "venue", "body")):
            raise StoreError(
                f"fact {row['key']} is kept with other content, of {kept['session']} by {kept['said_by']}; nothing was"
                " booked. A key tells one thing: correct the fact that is kept, or give this one a key of its own"
            )


def booked_facts(session: Session, venue: VenueName) -> list[BookedFact]:
    """Give all booked facts of a venue, in the order in which they were kept."""
    rows = session.all("SELECT * FROM booked_fact WHERE venue = %s ORDER BY id", (venue,))
    return [
        BookedFact(
            key=row["key"],
            kind=row["kind"],
            account=row["account"],
            book=row["book"],
            venue=row["venue"],
            session=row["session"],
            body=row["body"],
            by=row["said_by"],
            note=row["note"],
            statement=row["statement"],
            evidence=f"booked_fact:{row['id']}",
            recorded_at=row["recorded_at"],
        )
        for row in rows
    ]


def _row(fact: BookedFact, reverses: str | None) -> Row:
    values = (
        *(fact.key, fact.kind, fact.account, fact.book, fact.venue, fact.session, fact.body),
        *(fact.statement, reverses, fact.by, fact.note),
    )
    return dict(zip(_COLUMNS, values, strict=True))

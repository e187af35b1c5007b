"""The configurations that books were decided with, kept by hash, and a person's word that one was put back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.postgres.connect import Session
from core.domain.slot import BookName

KINDS = ("policy", "universe")


@dataclass(frozen=True)
class Used:
    """A policy or a universe of a book: the slots that it was used in, its tickets, and the last that was no NO-TRADE."""

    kind: str
    hash: str
    first: str
    last: str
    tickets: int
    last_good: str | None
    is_kept: bool


class PgKept:
    """Reads what was kept, and keeps what a person put back."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def used(self, book: BookName) -> Sequence[Used]:
        """Give every policy and universe that a run of a book named, the newest first."""
        found = []
        for kind in KINDS:
            query = (
                f"SELECT r.body::jsonb ->> '{kind}_hash' AS hash, min(r.slot) AS first, max(r.slot) AS last,"
                " count(t.id) AS tickets, max(r.slot) FILTER (WHERE t.kind <> 'NO-TRADE') AS last_good"
                " FROM run r LEFT JOIN ticket t ON t.run_id = r.run_id WHERE r.book = %s GROUP BY 1"
                " ORDER BY max(r.slot) DESC, min(r.slot) DESC, 1"
            )
            kept = self._session.all("SELECT hash FROM config_version WHERE kind = %s", (kind,))
            hashes = {row["hash"] for row in kept}
            rows = self._session.all(query, (book,))
            found += [Used(kind, **row, is_kept=row["hash"] in hashes) for row in rows]
        return found

    def restored(self, book: BookName, kind: str, digest: str, *, replaced: str, by: str, reason: str) -> None:
        """Keep that a person put a configuration of a book back, and the hash of what it replaced."""
        row = {"book": book, "kind": kind, "hash": digest, "replaced": replaced, "said_by": by, "reason": reason}
        self._session.add("config_restore", [row])

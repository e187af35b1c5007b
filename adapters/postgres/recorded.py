"""What books know, read at one moment: their entries with the instant each was recorded, and what people booked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from adapters.postgres.booked import booked_facts
from adapters.postgres.connect import Session
from adapters.postgres.journal import PgJournal
from core.domain.posting import Entry
from core.domain.slot import BookName, VenueName
from core.ledger.asked_of_books import Known


class PgRecorded:
    """Reads the journal for results; nothing that is booked meanwhile is seen by half."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._journal = PgJournal(session)

    def known(self, books: Collection[BookName], venue: VenueName) -> Known:
        """Give all entries of some books at a venue, and what people booked of them."""
        entries: list[tuple[Entry, datetime]] = []
        with self._session.snapshot():
            booked = [fact for fact in booked_facts(self._session, venue) if fact.book in books]
            for book in sorted(books):
                found = self._journal.entries(book, venue)
                at = self._recorded_at(book, venue) if found else {}
                entries.extend((entry, at[entry.key]) for entry in found)
        return Known(entries, booked)

    def books_with_entries(self, venue: VenueName) -> tuple[BookName, ...]:
        """Name what holds entries at a venue: books, and parts of accounts that are in no book."""
        rows = self._session.all("SELECT DISTINCT book FROM entry WHERE venue = %s ORDER BY book", (venue,))
        return tuple(row["book"] for row in rows)

    def _recorded_at(self, book: BookName, venue: VenueName) -> dict[str, datetime]:
        query = "SELECT key, recorded_at FROM entry WHERE book = %s AND venue = %s"
        return {row["key"]: row["recorded_at"] for row in self._session.all(query, (book, venue))}

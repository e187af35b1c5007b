"""What the books add up to, in PostgreSQL: every posting of every book, summed at one moment."""

from __future__ import annotations

from decimal import Decimal

from adapters.postgres.connect import Session
from core.domain.facts import AuditHead
from core.domain.portfolio import BookTotals, Portfolio

_SUMS = (
    "SELECT e.book, e.venue, p.account, p.commodity, sum(p.amount) AS amount FROM posting p JOIN entry e ON e.id = p.entry"
    " WHERE p.account IN ('units', 'cash') GROUP BY e.book, e.venue, p.account, p.commodity"
    " HAVING sum(p.amount) <> 0 ORDER BY p.account, p.commodity"
)
_BOOKS = (
    "SELECT book, venue, count(*) AS entries, max(session) AS last FROM entry GROUP BY book, venue ORDER BY book, venue"
)


class PgTotals:
    """Reads what the books hold."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def portfolio(self) -> Portfolio:
        """Give what every book holds, all of it as of one event."""
        with self._session.snapshot():
            head = self._session.one("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1")
            books, sums = self._session.all(_BOOKS), self._session.all(_SUMS)
        held: dict[tuple[str, str, str], dict[str, Decimal]] = {}
        for row in sums:
            held.setdefault((row["book"], row["venue"], row["account"]), {})[row["commodity"]] = row["amount"]
        return Portfolio(
            AuditHead(head["seq"], head["hash"]) if head else AuditHead(0, ""),
            tuple(
                BookTotals(
                    row["book"],
                    row["venue"],
                    held.get((row["book"], row["venue"], "units"), {}),
                    held.get((row["book"], row["venue"], "cash"), {}),
                    row["entries"],
                    row["last"],
                )
                for row in books
            ),
        )

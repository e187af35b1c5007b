"""Tickets and what people said of them, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from adapters.postgres.bodies import changed, dump, load
from adapters.postgres.connect import Row, Session
from core.domain.confirmation import Confirmation, Executed
from core.domain.order import OrderLine
from core.domain.others import OtherLine
from core.domain.slot import BookName, RunId, TicketId, VenueName
from core.domain.ticket import SHORT_HASH_LENGTH, IssuedTicket, LastGood, Seal, Ticket, TicketLine, departures
from flows.books import KeptTicket, Moved, StoreError, TicketStanding, Voided

# A ticket is void from the moment that a person opened the next revision's run, before that has a ticket of its own.
IS_LIVE = "NOT EXISTS (SELECT 1 FROM revision n WHERE n.voids = t.id)"
LIVE_TICKET = "SELECT * FROM ticket WHERE book = %s AND slot = %s ORDER BY revision DESC LIMIT 1"
# A slot's label begins with its day.
DAY_LENGTH = len("20240610")
HAS_NO_ANSWER = (
    "NOT EXISTS (SELECT 1 FROM confirmation_line c WHERE c.ticket_line = l.id)"
    " AND NOT EXISTS (SELECT 1 FROM venue_report v WHERE v.ticket_line = l.id)"
)
# No answer, or a person's word of a fill that the books do not hold yet: what a cut-short confirmation leaves.
IS_UNBOOKED = (
    f"({HAS_NO_ANSWER} OR EXISTS (SELECT 1 FROM confirmation_line c WHERE c.ticket_line = l.id AND c.outcome <> 'not executed'"
    " AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.confirmation_line = c.id)))"
)


class PgTickets:
    """The tickets, written by ticketing."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_ticket(self, issued: IssuedTicket, *, unless: Callable[[], Sequence[str]] = tuple) -> IssuedTicket:
        """Keep a ticket, its lines resting on the run's approved lines, all or nothing, and give what is kept.

        Raises StoreError when a line of the ticket has no approved line with the same content, and Moved with what `unless`
        says once the ticket's row holds the chain, and with it everybody else's writing.
        """
        with self._session.transaction():
            added = self._session.add("ticket", [_ticket_row(issued)], once=True)
            if added:
                reasons = unless()
                if reasons:
                    raise Moved(reasons)
                self._add_lines(added[0]["id"], issued)
                steps = [{"ticket": added[0]["id"], "step": step, "body": "{}"} for step in ("drafted", "issued")]
                self._session.add("ticket_step", steps)
        # There is one: it was just added, or met a unique key.
        (row,) = self._session.all(LIVE_TICKET, (issued.ticket.book, issued.ticket.slot))
        return _issued(row)

    def live_ticket(self, book: BookName, slot: str) -> IssuedTicket | None:
        """Find the slot's ticket in its highest revision."""
        row = self._session.one(LIVE_TICKET, (book, slot))
        return None if row is None else _issued(row)

    def ticket_of(self, run_id: RunId) -> IssuedTicket | None:
        """Find the ticket that a run ended in, void or not."""
        row = self._session.one("SELECT * FROM ticket WHERE run_id = %s", (run_id,))
        return None if row is None else _issued(row)

    def voided(self, ticket_id: TicketId) -> Sequence[Voided]:
        """Give the void revisions of a ticket, oldest first, with who voided each and why."""
        query = (
            "SELECT t.*, r.said_by, r.reason FROM ticket t JOIN revision r ON r.voids = t.id"
            " WHERE t.ticket_id = %s ORDER BY t.revision"
        )
        rows = self._session.all(query, (ticket_id,))
        return [Voided(_issued(row), row["said_by"], row["reason"]) for row in rows]

    def last_good(self, book: BookName, before: str, *, venue: VenueName) -> LastGood | None:
        """Find a venue's last live trade of earlier slots with every line answered; a real venue's rehearsals do not count."""
        row = self._session.one(
            "SELECT t.ticket_id, t.revision, t.hash, t.body::jsonb ->> 'day' AS day,"
            " (SELECT count(*) FROM ticket_line l WHERE l.ticket = t.id) AS lines FROM ticket t"
            f" WHERE t.book = %s AND t.slot < %s AND t.venue = %s AND t.kind = 'TRADE' AND {IS_LIVE}"
            " AND NOT (t.venue <> 'paper' AND t.is_rehearsal)"
            f" AND NOT EXISTS (SELECT 1 FROM ticket_line l WHERE l.ticket = t.id AND {HAS_NO_ANSWER})"
            " ORDER BY t.slot DESC LIMIT 1",
            (book, before, venue),
        )
        if row is None:
            return None
        day, short = date.fromisoformat(row["day"]), row["hash"][:SHORT_HASH_LENGTH]
        return LastGood(row["ticket_id"], row["revision"], day, short, row["lines"])

    def ticket(self, ticket_id: TicketId) -> TicketStanding | None:
        """Find a ticket in its highest revision, as it stands."""
        row = self._row(ticket_id)
        if row is None:
            return None
        steps = self._session.all("SELECT step FROM ticket_step WHERE ticket = %s ORDER BY id", (row["id"],))
        query = (
            "SELECT l.line, (c.id IS NOT NULL OR v.id IS NOT NULL) AS answered FROM ticket_line l"
            " LEFT JOIN confirmation_line c ON c.ticket_line = l.id LEFT JOIN venue_report v ON v.ticket_line = l.id"
            " WHERE l.ticket = %s ORDER BY l.line"
        )
        lines = self._session.all(query, (row["id"],))
        return TicketStanding(
            issued=_issued(row),
            steps=tuple(step["step"] for step in steps),
            answered=tuple(line["line"] for line in lines if line["answered"]),
            waiting=tuple(line["line"] for line in lines if not line["answered"]),
        )

    def tickets(self, book: BookName) -> Sequence[IssuedTicket]:
        """Give all live tickets of a book, oldest first."""
        query = f"SELECT t.* FROM ticket t WHERE t.book = %s AND {IS_LIVE} ORDER BY t.slot"
        return [_issued(row) for row in self._session.all(query, (book,))]

    def kept(self) -> Sequence[KeptTicket]:
        """Give every revision of every ticket of all books, as it is kept."""
        query = f"SELECT t.ticket_id, t.revision, t.hash, NOT {IS_LIVE} AS is_void FROM ticket t ORDER BY t.id"
        return [KeptTicket(**row) for row in self._session.all(query)]

    def awaiting_venue(self, book: BookName, venue: str) -> Sequence[IssuedTicket]:
        """Give the live trades of a venue that still have a line without any answer, oldest first."""
        query = (
            f"SELECT t.* FROM ticket t WHERE t.book = %s AND t.venue = %s AND t.kind = 'TRADE' AND {IS_LIVE}"
            f" AND EXISTS (SELECT 1 FROM ticket_line l WHERE l.ticket = t.id AND {HAS_NO_ANSWER}) ORDER BY t.slot"
        )
        return [_issued(row) for row in self._session.all(query, (book, venue))]

    def books(self) -> Sequence[BookName]:
        """Name the books that ever had a ticket, whether they still have a policy or not."""
        return [row["book"] for row in self._session.all("SELECT DISTINCT book FROM ticket ORDER BY book")]

    def unanswered(self, book: BookName, before: str, *, venue: VenueName) -> Sequence[str]:
        """Name the lines of a venue's earlier live trades that nobody answered; rehearsals of a real one do not count."""
        query = (
            "SELECT t.ticket_id, l.line FROM ticket t JOIN ticket_line l ON l.ticket = t.id"
            f" WHERE t.book = %s AND t.slot < %s AND t.venue = %s AND t.kind = 'TRADE' AND {IS_LIVE}"
            f" AND NOT (t.venue <> 'paper' AND t.is_rehearsal) AND {HAS_NO_ANSWER} ORDER BY t.slot, l.line"
        )
        return [f"{row['ticket_id']} line {row['line']}" for row in self._session.all(query, (book, before, venue))]

    def living(self, book: BookName, before: str) -> Sequence[TicketId]:
        """Name the live trades of earlier slots whose life may have come further than their steps, oldest first."""
        query = (
            f"SELECT t.ticket_id FROM ticket t WHERE t.book = %s AND t.slot < %s AND t.kind = 'TRADE' AND {IS_LIVE}"
            " AND NOT EXISTS (SELECT 1 FROM ticket_step s WHERE s.ticket = t.id AND s.step = 'confirmed')"
            " AND (NOT EXISTS (SELECT 1 FROM ticket_step s WHERE s.ticket = t.id AND s.step = 'expired')"
            f" OR EXISTS (SELECT 1 FROM ticket_line l WHERE l.ticket = t.id AND NOT ({HAS_NO_ANSWER}))) ORDER BY t.slot"
        )
        return [row["ticket_id"] for row in self._session.all(query, (book, before))]

    def lines_beside(self, book: BookName, slot: str, *, venue: VenueName, also_open: bool) -> Sequence[OtherLine]:
        """Give the lines of a book's other live tickets at a venue: of the slot's day and, where asked, older open ones."""
        return self._lines("t.slot <> %s", (book, venue, slot), slot, also=HAS_NO_ANSWER if also_open else "")

    def lines_of_other(self, book: BookName, slot: str, *, venue: VenueName) -> Sequence[OtherLine]:
        """Give the lines of another book's live tickets of the slot's day at a venue, and older ones that its books lack.

        These are the open ones, and those that a person said were filled and that were not posted.
        """
        return self._lines("true", (book, venue), slot, also=IS_UNBOOKED)

    def _lines(self, which: str, values: tuple[str, ...], slot: str, *, also: str) -> Sequence[OtherLine]:
        # Every trade of the past is looked through only where asked: the tickets of a day are few.
        open_too = f"OR (t.slot < %s AND {also})" if also else ""
        query = (
            "SELECT t.ticket_id, t.book, t.slot, l.line, l.body, "
            f"{HAS_NO_ANSWER} AS is_open FROM ticket t JOIN ticket_line l ON l.ticket = t.id"
            f" WHERE t.book = %s AND t.venue = %s AND {which} AND t.kind = 'TRADE' AND {IS_LIVE}"
            f" AND NOT (t.venue <> 'paper' AND t.is_rehearsal) AND (left(t.slot, 8) = %s {open_too})"
            " ORDER BY t.slot, l.line"
        )
        day = slot[:DAY_LENGTH]
        asked = (*values, day, *((slot,) if also else ()))
        return [_beside(row, day) for row in self._session.all(query, asked)]

    def add_step(self, ticket_id: TicketId, step: str, *, detail: str) -> None:
        """Add a step of a ticket's life; one that was taken is not taken again, and an illegal one raises StoreError."""
        row = {"ticket": self._known(ticket_id)["id"], "step": step, "body": dump({"detail": detail})}
        self._session.add("ticket_step", [row], once=True)

    def add_delivery(self, ticket_id: TicketId, channel: str, *, outcome: str) -> None:
        """Keep an attempt to deliver."""
        row = {"ticket": self._known(ticket_id)["id"], "channel": channel, "outcome": outcome, "body": "{}"}
        self._session.add("delivery", [row])

    def _row(self, ticket_id: TicketId) -> Row | None:
        return self._session.one(
            "SELECT * FROM ticket WHERE ticket_id = %s ORDER BY revision DESC LIMIT 1", (ticket_id,)
        )

    def _known(self, ticket_id: TicketId) -> Row:
        row = self._row(ticket_id)
        if row is None:
            raise StoreError(f"there is no ticket {ticket_id}")
        return row

    def _add_lines(self, ticket: int, issued: IssuedTicket) -> None:
        query = "SELECT l.id, l.line, l.body FROM approval_line l JOIN approval a ON a.id = l.approval_id WHERE a.run_id = %s"
        approved = {row["line"]: row for row in self._session.all(query, (issued.seal.run_id,))}
        shown = issued.ticket
        # The database refuses the same, in the same step; here it is said of the ticket, and before a row is tried.
        problems = [_departure(line, approved.get(line.line), shown) for line in shown.lines]
        if shown.kind == "TRADE":
            left_out = sorted(approved.keys() - {line.line for line in shown.lines})
            problems += [
                f"line {at} of {issued.seal.run_id} was approved and is not on {shown.ticket_id}" for at in left_out
            ]
        told = [problem for problem in problems if problem is not None]
        if told:
            raise StoreError("; ".join(told))
        rows = [
            {"ticket": ticket, "line": line.line, "approval_line": approved[line.line]["id"], "body": dump(line)}
            for line in shown.lines
        ]
        self._session.add("ticket_line", rows)


class PgConfirmations:
    """What people said of tickets, written by confirm."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_confirmation(self, confirmation: Confirmation, *, is_late: bool) -> None:
        """Keep a confirmation with all its answers, or nothing of it; raises StoreError when a line was answered."""
        lines = self._session.all(
            "SELECT l.id, l.line, t.id AS ticket FROM ticket_line l JOIN ticket t ON t.id = l.ticket"
            " WHERE t.ticket_id = %s AND t.revision = %s",
            (confirmation.ticket_id, confirmation.revision),
        )
        ids = {line["line"]: line["id"] for line in lines}
        if not lines:
            raise StoreError(f"{confirmation.ticket_id} revision {confirmation.revision} has no lines to answer")
        row = {
            "ticket": lines[0]["ticket"],
            "said_by": confirmation.by,
            "channel": confirmation.channel,
            "said_at": confirmation.at,
            "is_late": is_late,
            "body": dump(confirmation),
        }
        with self._session.transaction():
            (added,) = self._session.add("confirmation", [row])
            answers = [
                {
                    "confirmation": added["id"],
                    "ticket_line": ids[answer.line],
                    "outcome": _outcome(answer.is_partial) if isinstance(answer, Executed) else "not executed",
                    "body": dump(answer),
                }
                for answer in confirmation.answers
            ]
            self._session.add("confirmation_line", answers)


def _departure(line: TicketLine, approved: Row | None, ticket: Ticket) -> str | None:
    if approved is None:
        return f"line {line.line} of {ticket.ticket_id} rests on no approval"
    differing = departures(
        line, load(OrderLine, approved["body"], of=f"line {line.line} approved for {ticket.ticket_id}")
    )
    return (
        f"line {line.line} of {ticket.ticket_id} is not as it was approved: {'; '.join(differing)}"
        if differing
        else None
    )


def _beside(row: Row, day: str) -> OtherLine:
    line = load(TicketLine, row["body"], of=f"line {row['line']} of {row['ticket_id']}")
    return OtherLine(
        ticket_id=row["ticket_id"],
        line=row["line"],
        book=row["book"],
        instrument=line.instrument,
        side=line.side,
        quantity=line.quantity,
        notional=line.value,
        cost=line.expected_cost,
        is_open=row["is_open"],
        is_of_the_day=row["slot"].startswith(day),
    )


def _outcome(is_partial: bool) -> str:
    return "partial" if is_partial else "filled"


def _ticket_row(issued: IssuedTicket) -> Row:
    ticket = issued.ticket
    return {
        "ticket_id": ticket.ticket_id,
        "book": ticket.book,
        "slot": ticket.slot,
        "revision": ticket.revision,
        "kind": ticket.kind,
        "venue": ticket.venue,
        "is_rehearsal": ticket.is_rehearsal,
        "run_id": issued.seal.run_id,
        "hash": ticket.hash,
        "body": dump(ticket),
        "seal": dump(issued.seal),
    }


def _issued(row: Row) -> IssuedTicket:
    name = f"{row['ticket_id']} revision {row['revision']}"
    ticket = load(Ticket, row["body"], of=name, digest=row["hash"])
    if ticket.hash != row["hash"]:
        raise changed(name, "what can be read of it has another hash than the whole")
    return IssuedTicket(ticket, load(Seal, row["seal"], of=f"the seal of {name}"))

"""The journal, venue reports and reconciliations in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TypeVar

from adapters.postgres.bodies import changed, dump, load, reading
from adapters.postgres.booked import booked_facts
from adapters.postgres.connect import Row, Session
from adapters.postgres.entries import add_entries, read_entries
from core.canonical import sha256_text
from core.domain.booked import BookedFact, unallocated_of
from core.domain.confirmation import Executed
from core.domain.facts import ReconciliationState
from core.domain.holdings import GENESIS_HEAD
from core.domain.posting import CashFact, Entry, SplitFact, effective_order
from core.domain.slot import BookName, TicketId, VenueName
from core.domain.venue import AccountSnapshot, Break, CashReport, ExecutionReport, SplitReport, VenueReport
from flows.books import Execution, StoreError

Report = TypeVar("Report", ExecutionReport, CashReport, SplitReport)
# An entry after what orders it: its effective order, then the number that it was recorded with.
_Placed = tuple[tuple[date, int], int, Entry]
# The kinds of a venue's reports, as rows name them.
REPORT_KINDS: dict[str, type[VenueReport]] = {"execution": ExecutionReport, "cash": CashReport, "split": SplitReport}


class PgJournal:
    """The journal, written by the ledger. Entries read once are kept: rows never change."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read: dict[tuple[str, str], tuple[list[_Placed], list[_Placed]]] = {}

    def entries(self, book: BookName, venue: VenueName, *, first: int | None = None) -> Sequence[Entry]:
        """Give a book's entries in effective order, those of one day as recorded: all, or so many as were recorded first.

        Splits take effect before everything else of their day.
        """
        recorded, ordered = self._read.setdefault((book, venue), ([], []))
        last = recorded[-1][1] if recorded else 0
        fresh = read_entries(self._session, "e.book = %s AND e.venue = %s AND e.id > %s", (book, venue, last))
        if fresh:
            added = [(effective_order(entry), number, entry) for number, entry in fresh]
            recorded += added
            # What is in order already is merged with what came, not sorted anew.
            ordered += added
            ordered.sort()
        return [entry for *_, entry in (ordered if first is None else sorted(recorded[:first]))]

    def entries_at(self, venue: VenueName) -> Sequence[Entry]:
        """Give the entries of all books of a venue, in the order in which they were recorded."""
        return [entry for _, entry in read_entries(self._session, "e.venue = %s", (venue,))]

    def booked_facts(self, venue: VenueName) -> Sequence[BookedFact]:
        """Give what people booked beside fills and cash, in the order in which it was kept."""
        return booked_facts(self._session, venue)

    def add_entries(self, entries: Sequence[Entry]) -> int:
        """Add entries with their postings, all or nothing, and give how many were new."""
        return add_entries(self._session, entries)

    def unposted_executions(self, book: BookName, venue: VenueName) -> Sequence[Execution]:
        """Give executions, confirmed by a person or reported by a venue, that no entry rests on yet."""
        confirmed = self._session.all(
            "SELECT c.id, c.body, t.ticket_id, t.revision FROM confirmation_line c"
            " JOIN ticket_line l ON l.id = c.ticket_line JOIN ticket t ON t.id = l.ticket"
            " WHERE t.book = %s AND t.venue = %s AND c.outcome <> 'not executed'"
            " AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.confirmation_line = c.id) ORDER BY c.id",
            (book, venue),
        )
        found = [
            Execution(f"confirmation_line:{row['id']}", row["ticket_id"], row["revision"], confirmed_answer(row))
            for row in confirmed
        ]
        for row in self._unposted_reports(book, venue, "execution"):
            report = read_report(ExecutionReport, row)
            if isinstance(report.answer, Executed):
                found.append(Execution(f"venue_report:{row['id']}", report.ticket_id, report.revision, report.answer))
        return found

    def executions_of(self, ticket_id: TicketId) -> Sequence[Execution]:
        """Give all executions of a ticket, posted or not, as a person confirmed or a venue reported them, by line."""
        query = (
            "SELECT c.id, c.body, t.ticket_id, t.revision, l.line FROM confirmation_line c"
            " JOIN ticket_line l ON l.id = c.ticket_line JOIN ticket t ON t.id = l.ticket"
            " WHERE t.ticket_id = %s AND c.outcome <> 'not executed'"
        )
        told = [
            Execution(f"confirmation_line:{row['id']}", row["ticket_id"], row["revision"], confirmed_answer(row))
            for row in self._session.all(query, (ticket_id,))
        ]
        query = (
            "SELECT v.id, v.body FROM venue_report v JOIN ticket_line l ON l.id = v.ticket_line"
            " JOIN ticket t ON t.id = l.ticket WHERE t.ticket_id = %s"
        )
        for row in self._session.all(query, (ticket_id,)):
            report = read_report(ExecutionReport, row)
            if isinstance(report.answer, Executed):
                told.append(Execution(f"venue_report:{row['id']}", report.ticket_id, report.revision, report.answer))
        return sorted(told, key=lambda one: (one.revision, one.answer.line))

    def unposted_cash(self, book: BookName, venue: VenueName, *, base: str) -> Sequence[CashFact]:
        """Give cash that came or went and that no entry rests on yet."""
        reported = [
            reported_cash(read_report(CashReport, row), row, base)
            for row in self._unposted_reports(book, venue, "cash")
        ]
        moved = self._session.all(
            "SELECT m.* FROM cash_movement m WHERE m.book = %s AND m.venue = %s"
            " AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.cash_movement = m.id) ORDER BY m.id",
            (book, venue),
        )
        return [*reported, *(moved_cash(row) for row in moved)]

    def cash_movements(self, book: BookName, venue: VenueName) -> Sequence[CashFact]:
        """Give all cash that people paid in or took out, posted or not, oldest first."""
        query = "SELECT * FROM cash_movement WHERE book = %s AND venue = %s ORDER BY id"
        return [moved_cash(row) for row in self._session.all(query, (book, venue))]

    def unposted_splits(self, book: BookName, venue: VenueName) -> Sequence[SplitFact]:
        """Give the splits that a venue reported and that no entry rests on yet."""
        return [
            reported_split(read_report(SplitReport, row), row) for row in self._unposted_reports(book, venue, "split")
        ]

    def evidence_of(self, snapshot: str) -> str:
        """Name a published clean set as evidence; raises StoreError when it was not published."""
        row = self._session.one("SELECT id FROM clean_snapshot WHERE hash = %s ORDER BY id LIMIT 1", (snapshot,))
        if row is None:
            raise StoreError(f"clean set {snapshot} was not published; run `twokey ingest`")
        return f"clean_snapshot:{row['id']}"

    def add_reconciliation(
        self,
        snapshots: Mapping[int, AccountSnapshot],
        *,
        head: str,
        breaks: Sequence[Break],
        marks: str | None = None,
    ) -> None:
        """Keep a comparison for the book of each snapshot, all or none; what is known of it already changes nothing."""
        rows = [
            {
                "snapshot": number,
                "book": snapshot.book,
                "venue": snapshot.venue,
                "session": snapshot.session,
                "ledger_head": head,
                "breaks": dump([str(item) for item in breaks]),
                "marks": marks,
            }
            for number, snapshot in snapshots.items()
        ]
        with self._session.transaction():
            fresh = [row for row in rows if not self._is_last(row)]
            self._session.add("reconciliation", fresh, once=True)

    def reconciliation(self, book: BookName, venue: VenueName) -> ReconciliationState:
        """Say when the book was last compared, and which breaks were found then.

        A snapshot file that was kept and never compared is a break too: whoever gave it was cut short. So is a fact that a
        person booked since to a day that was compared: nobody looked at the account as the books have it now.
        """
        row = self._last_reconciliation(book, venue)
        fills = self._session.one(
            "SELECT 1 AS found FROM entry WHERE book = %s AND venue = %s AND kind IN ('BUY', 'SELL') LIMIT 1",
            (book, venue),
        )
        waiting = self._session.one(
            "SELECT session FROM account_snapshot WHERE book = %s AND venue = %s AND evidence IS NOT NULL AND id > %s"
            " ORDER BY id DESC LIMIT 1",
            (book, venue, row["snapshot"] if row else 0),
        )
        words = (
            (f"the snapshot file of {waiting['session']} was not compared; run `twokey reconcile`",) if waiting else ()
        )
        if row is None:
            return ReconciliationState(None, words, fills is not None)
        breaks = load(tuple[str, ...], row["breaks"], of=f"the reconciliation of {row['session']}")
        return ReconciliationState(row["session"], (*words, *self._booked_since(row), *breaks), fills is not None)

    def _booked_since(self, row: Row) -> tuple[str, ...]:
        """Say which facts were booked to days that a comparison counted, after it: it tells how many entries it knew."""
        if row["venue"] == "paper":
            return ()
        head = row["ledger_head"]
        counted = 0 if head == GENESIS_HEAD else int(head.partition(":")[0])
        late = self._session.all(
            "SELECT late.key FROM (SELECT e.key, e.booked_fact FROM entry e WHERE e.venue = %s AND e.session <= %s"
            " AND e.book IN (SELECT s.book FROM account_snapshot s WHERE s.account = %s AND s.venue = %s UNION SELECT %s)"
            " ORDER BY e.id OFFSET %s) late WHERE late.booked_fact IS NOT NULL",
            (*(row["venue"], row["session"], row["account"], row["venue"], unallocated_of(row["account"])), counted),
        )
        if not late:
            return ()
        first = f"{late[0]['key']}, the first of {len(late)}" if len(late) > 1 else late[0]["key"]
        return (
            f"{first}, was booked after the books of {row['session']} were compared; compare again with `twokey reconcile`",
        )

    def _last_reconciliation(self, book: BookName, venue: VenueName) -> Row | None:
        # By what was compared, not by the order of adding: of two at the same time, the one that knew more entries counts.
        query = (
            "SELECT r.*, s.account FROM reconciliation r JOIN account_snapshot s ON s.id = r.snapshot"
            " WHERE r.book = %s AND r.venue = %s ORDER BY r.session DESC, r.snapshot DESC,"
            " coalesce(nullif(split_part(r.ledger_head, ':', 1), %s)::bigint, 0) DESC, r.id DESC LIMIT 1"
        )
        return self._session.one(query, (book, venue, GENESIS_HEAD))

    def _is_last(self, row: Row) -> bool:
        last = self._last_reconciliation(row["book"], row["venue"])
        return last is not None and all(last[name] == row[name] for name in row)

    def _unposted_reports(self, book: BookName, venue: VenueName, kind: str) -> list[Row]:
        return self._session.all(
            "SELECT v.id, v.body, v.book, v.venue FROM venue_report v WHERE v.book = %s AND v.venue = %s AND v.kind = %s"
            " AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.venue_report = v.id) ORDER BY v.id",
            (book, venue, kind),
        )


class PgVenue:
    """What venues report, written by the desk. Reports read once are kept: rows never change."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read: dict[tuple[str, str], list[tuple[int, VenueReport]]] = {}

    def add_reports(self, book: BookName, venue: VenueName, reports: Sequence[VenueReport]) -> int:
        """Keep reports and give how many were new."""
        rows = [self._report_row(report, book, venue) for report in reports]
        return len(self._session.add("venue_report", rows, once=True))

    def reports(self, book: BookName, venue: VenueName) -> Sequence[VenueReport]:
        """Give all reports of a venue for a book, oldest first."""
        known = self._read.setdefault((book, venue), [])
        last = known[-1][0] if known else 0
        query = "SELECT id, kind, body FROM venue_report WHERE book = %s AND venue = %s AND id > %s ORDER BY id"
        known.extend((row["id"], _report(row)) for row in self._session.all(query, (book, venue, last)))
        return [report for _, report in known]

    def add_snapshot(self, *snapshots: AccountSnapshot) -> None:
        """Keep snapshots, all or none; the same account, book, session and file again changes nothing."""
        rows = [
            {
                "account": snapshot.account,
                "book": snapshot.book,
                "venue": snapshot.venue,
                "session": snapshot.session,
                "body": dump(snapshot),
                "evidence": snapshot.file.sha256 if snapshot.file else None,
            }
            for snapshot in snapshots
        ]
        self._session.add("account_snapshot", rows, once=True)

    def last_snapshot(self, book: BookName, venue: VenueName) -> tuple[int, AccountSnapshot] | None:
        """Give the newest snapshot with its id; that a file is the one of its hash is looked at again."""
        query = "SELECT * FROM account_snapshot WHERE book = %s AND venue = %s ORDER BY session DESC, id DESC LIMIT 1"
        row = self._session.one(query, (book, venue))
        if row is None:
            return None
        name = f"account snapshot {row['id']}"
        snapshot = load(AccountSnapshot, row["body"], of=name)
        file = snapshot.file
        if row["evidence"] != (sha256_text(file.text) if file else None) or (file and file.sha256 != row["evidence"]):
            raise changed(name, "its file does not have the hash that it was kept with")
        return row["id"], snapshot

    def _report_row(self, report: VenueReport, book: BookName, venue: VenueName) -> Row:
        return {
            "key": report.key,
            "book": book,
            "venue": venue,
            "kind": next(name for name, kind in REPORT_KINDS.items() if isinstance(report, kind)),
            "session": report.session,
            "ticket_line": self._ticket_line(report) if isinstance(report, ExecutionReport) else None,
            "body": dump(report),
        }

    def _ticket_line(self, report: ExecutionReport) -> int:
        row = self._session.one(
            "SELECT l.id FROM ticket_line l JOIN ticket t ON t.id = l.ticket"
            " WHERE t.ticket_id = %s AND t.revision = %s AND l.line = %s",
            (report.ticket_id, report.revision, report.answer.line),
        )
        if row is None:
            raise StoreError(
                f"report {report.key} is of line {report.answer.line}, which {report.ticket_id} does not have"
            )
        return int(row["id"])


def _report(row: Row) -> VenueReport:
    with reading(_report_name(row)):
        kind = REPORT_KINDS[row["kind"]]
    return load(kind, row["body"], of=_report_name(row))


def read_report(kind: type[Report], row: Row) -> Report:
    """Read a row of venue_report as a report of a kind; raises StoreError."""
    return load(kind, row["body"], of=_report_name(row))


def _report_name(row: Row) -> str:
    return f"venue report {row['id']}"


def confirmed_answer(row: Row) -> Executed:
    """Read a person's answer to a line: a row of confirmation_line with its ticket_id; raises StoreError."""
    return load(Executed, row["body"], of=f"the answer {row['id']} to a line of {row['ticket_id']}")


def reported_split(report: SplitReport, row: Row) -> SplitFact:
    """Give the split that a venue reported, as it is posted."""
    return SplitFact(
        key=report.key,
        book=row["book"],
        venue=row["venue"],
        session=report.session,
        instrument=report.instrument,
        ratio=report.ratio,
        units=report.units,
        evidence=f"venue_report:{row['id']}",
    )


def reported_cash(report: CashReport, row: Row, base: str) -> CashFact:
    """Give the cash that a venue reported, as it is posted."""
    return CashFact(
        key=report.key,
        kind=report.kind,
        book=row["book"],
        venue=row["venue"],
        session=report.session,
        currency=base,
        amount=report.amount,
        evidence=f"venue_report:{row['id']}",
        withheld=report.withheld,
        instrument=report.instrument,
    )


def moved_cash(row: Row) -> CashFact:
    """Give the cash that a person moved, as it is posted."""
    amount: Decimal = row["amount"]
    return CashFact(
        key=row["key"],
        kind="DEPOSIT" if amount > 0 else "WITHDRAW",
        book=row["book"],
        venue=row["venue"],
        session=row["session"],
        currency=row["currency"],
        amount=abs(amount),
        evidence=f"cash_movement:{row['id']}",
    )

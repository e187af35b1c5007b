"""Rows of fact tables as they are kept: with the event that added them, who said it, and whether both are as written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.postgres.bodies import load, reading
from adapters.postgres.chain import Chain
from adapters.postgres.connect import Row, Session
from adapters.postgres.journal import confirmed_answer, moved_cash, read_report, reported_cash, reported_split
from adapters.postgres.rights import ROLES, WRITERS
from adapters.postgres.runs import PgDecisions
from core.audit.tree import KeptRow
from core.domain.confirmation import Executed
from core.domain.order import OrderLine
from core.domain.posting import CashFact, SplitFact
from core.domain.slot import RunId
from core.domain.ticket import TicketLine
from core.domain.venue import CashReport, ExecutionReport, SplitReport
from flows.books import Execution, StoreError
from flows.why import FactRow

# Columns of the event beside those of the row, which may be called the same.
EVENT = "e.hash AS added_by_hash, e.bytes AS added_by_bytes"


class PgFactRows:
    """Reads the rows of any fact table, for whoever asks why."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._chain = Chain(session)

    def rows(self, table: str, column: str, values: Sequence[object]) -> Sequence[FactRow]:
        """Give the rows of a table whose column has one of some values, oldest first."""
        if table not in WRITERS or table == "event" or not column.isidentifier():
            raise StoreError(f"{table}.{column} is no column of a fact table")
        query = (
            f"SELECT t.*, {EVENT} FROM {table} t LEFT JOIN event e ON e.seq = t.event_seq"
            f" WHERE t.{column} = ANY(%s) ORDER BY t.id"
        )
        found = self._session.all(query, (list(values),)) if values else []
        problems = self._chain.problems_of({row["event_seq"] for row in found if row["event_seq"] is not None})
        return [_fact_row(table, row, problems.get(row["event_seq"])) for row in found]

    def event(self, seq: int) -> KeptRow | None:
        """Find an event by its number."""
        row = self._session.one("SELECT seq, bytes, hash FROM event WHERE seq = %s", (seq,))
        if row is None:
            return None
        problem = self._chain.problems_of([seq]).get(seq)
        with reading(f"event {seq}"):
            said = json.loads(row["bytes"])
            return KeptRow(
                "event", seq, seq, row["hash"], _role(said["role"]), datetime.fromisoformat(said["at"]), problem
            )

    def approved_lines(self, run_id: RunId) -> Sequence[OrderLine]:
        """Give the lines that were approved, in order."""
        return PgDecisions(self._session).approved_lines(run_id)

    def ticket_lines(self, run_id: RunId) -> Sequence[TicketLine]:
        """Give the lines of the ticket that a run ended in as they were written beside it, in order."""
        query = "SELECT l.body FROM ticket_line l JOIN ticket t ON t.id = l.ticket WHERE t.run_id = %s ORDER BY l.line"
        rows = self._session.all(query, (run_id,))
        return [load(TicketLine, row["body"], of=f"a line of the ticket of {run_id}") for row in rows]

    def evidence(self, references: Sequence[str], *, base: str) -> dict[str, Execution | CashFact | SplitFact]:
        """Give what evidence says, by its name as entries have it, as far as an entry is posted of that alone."""
        ids: dict[str, list[int]] = {}
        for reference in references:
            table, _, number = reference.partition(":")
            ids.setdefault(table, []).append(int(number))
        found: dict[str, Execution | CashFact | SplitFact] = {}
        for row in self._confirmed(ids.get("confirmation_line", [])):
            reference = f"confirmation_line:{row['id']}"
            found[reference] = Execution(reference, row["ticket_id"], row["revision"], confirmed_answer(row))
        for row in self._of("venue_report", ids.get("venue_report", [])):
            if (told := _reported(row, base)) is not None:
                found[f"venue_report:{row['id']}"] = told
        for row in self._of("cash_movement", ids.get("cash_movement", [])):
            found[f"cash_movement:{row['id']}"] = moved_cash(row)
        return found

    def _confirmed(self, ids: Sequence[int]) -> list[Row]:
        query = (
            "SELECT c.id, c.body, t.ticket_id, t.revision FROM confirmation_line c"
            " JOIN ticket_line l ON l.id = c.ticket_line JOIN ticket t ON t.id = l.ticket"
            " WHERE c.id = ANY(%s) AND c.outcome <> 'not executed' ORDER BY c.id"
        )
        return self._session.all(query, (list(ids),)) if ids else []

    def _of(self, table: str, ids: Sequence[int]) -> list[Row]:
        return self._session.all(f"SELECT * FROM {table} WHERE id = ANY(%s) ORDER BY id", (list(ids),)) if ids else []


def _reported(row: Row, base: str) -> Execution | CashFact | SplitFact | None:
    match row["kind"]:
        case "execution":
            report = read_report(ExecutionReport, row)
            if not isinstance(report.answer, Executed):
                return None
            return Execution(f"venue_report:{row['id']}", report.ticket_id, report.revision, report.answer)
        case "cash":
            return reported_cash(read_report(CashReport, row), row, base)
        case "split":
            return reported_split(read_report(SplitReport, row), row)
        case _:
            return None


def _fact_row(table: str, row: Row, problem: str | None) -> FactRow:
    columns: dict[str, Any] = {name: value for name, value in row.items() if not name.startswith("added_by_")}
    seq, number = row["event_seq"], row["id"]
    if row["added_by_bytes"] is None:
        problem = problem or f"{table} {number} names event {seq}, which is not there"
        kept = KeptRow(table, number, seq or 0, "", "nobody", row["recorded_at"], problem)
        return FactRow(kept, columns)
    said_by = row.get("said_by") or _said_by(row["added_by_bytes"])
    return FactRow(KeptRow(table, number, seq, row["added_by_hash"], said_by, row["recorded_at"], problem), columns)


def _said_by(text: str) -> str:
    try:
        return _role(json.loads(text)["role"])
    except (ValueError, LookupError, TypeError):
        return "nobody that can be read"


def _role(name: str) -> str:
    """Give a role without the name of its database."""
    return next((f"role {role}" for role in ROLES if name.endswith(f"_{role}")), name)

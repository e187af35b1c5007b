"""Attempts on a decided run: somebody who may change any row changes some, consistently, and the ticket is then asked for.

All of it happens on one connection in one transaction, which is undone: the next attempt finds what the first one found.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg.rows import dict_row

from adapters.clock import FixedClock
from adapters.postgres.chain import Chain
from adapters.postgres.connect import Row, Session
from adapters.postgres.journal import PgJournal
from adapters.postgres.people import PgPeople
from adapters.postgres.rights import Role
from adapters.postgres.runs import PgDecisions, PgRuns
from adapters.postgres.tickets import PgTickets
from core.canonical import canonical_json, sha256_text
from flows.books import StoreError
from flows.issue import IssueDoors, issue_ticket
from tests.bypass.oracle import counted, trade_violations
from tests.bypass.stages import Stage


class Borrowed(Session):
    """Somebody's open connection in a role's place: what is done there ends with that one's transaction."""

    def __init__(self, connection: psycopg.Connection[Row], role: Role = "ticketing") -> None:
        self.role = role
        self._connection = connection


@dataclass(frozen=True)
class Hand:
    """A hand that may change any row of a run, and keeps hashes and copies consistent with what it changes."""

    connection: psycopg.Connection[Row]
    run_id: str

    def run(self, statement: str, *arguments: Any) -> None:
        """Run a statement that meets at least one row."""
        assert self.connection.execute(statement.encode(), arguments).rowcount, statement

    def row(self, table: str) -> Row:
        """Give the run's row of a table."""
        found = self.connection.execute(f"SELECT * FROM {table} WHERE run_id = %s".encode(), (self.run_id,)).fetchone()
        assert found is not None, table
        return found

    def body(self, table: str, column: str = "body") -> dict[str, Any]:
        """Give what the run's row of a table says."""
        return dict(json.loads(self.row(table)[column]))

    def write(self, table: str, body: dict[str, Any]) -> None:
        """Write the run's row of a table anew, with the hash of what it now says."""
        text = canonical_json(body)
        self.run(f"UPDATE {table} SET body = %s, hash = %s WHERE run_id = %s", text, sha256_text(text), self.run_id)

    def write_mandate(
        self, mandate: dict[str, Any], *, signature: str | None = None, key_id: str | None = None
    ) -> None:
        """Write the run's approval anew, with its signature and key as they were unless others are given."""
        kept = self.row("approval")
        values = (canonical_json(mandate), signature or kept["signature"], key_id or kept["key_id"], self.run_id)
        self.run("UPDATE approval SET mandate = %s, signature = %s, key_id = %s WHERE run_id = %s", *values)

    def approve(self, lines: list[dict[str, Any]]) -> None:
        """Write other approved lines into the decision and beside the approval, as if they had been approved."""
        decision = self.body("decision")
        self.write("decision", decision | {"approved": lines})
        self.connection.execute(
            "DELETE FROM approval_line WHERE approval_id = (SELECT id FROM approval WHERE run_id = %s)", (self.run_id,)
        )
        for number, line in enumerate(lines, start=1):
            self.run(
                "INSERT INTO approval_line (event_seq, recorded_at, approval_id, line, body)"
                " SELECT event_seq, recorded_at, id, %s, %s FROM approval WHERE run_id = %s",
                number,
                canonical_json(line),
                self.run_id,
            )


Change = Callable[[Hand], None]


@dataclass(frozen=True)
class Ended:
    """What an attempt ended in: the kind of the ticket, or `refused`; why; and what the oracle says of the database then."""

    kind: str
    why: str
    violations: str

    def is_harmless(self) -> bool:
        """Say whether no trade came of it, for a reason, and nothing in the database must not be."""
        return self.kind in ("NO-TRADE", "refused") and bool(self.why) and not self.violations


def attempt(
    stage: Stage,
    run_id: str,
    change: Change | None = None,
    *,
    doors: Callable[[IssueDoors], IssueDoors] = lambda doors: doors,
) -> Ended:
    """Let a hand change rows, ask for the run's ticket, judge the database as it then is, and undo all of it."""
    configuration, day = stage.desk.configuration("main"), stage.run_day(run_id)
    clock = stage.moment(day).clock
    with stage.superuser.transaction(force_rollback=True):
        if change is not None:
            stage.superuser.execute("SET LOCAL session_replication_role = replica")
            change(Hand(stage.superuser, run_id))
            stage.superuser.execute("SET LOCAL session_replication_role = origin")
        asked = doors(borrowed_doors(stage, FixedClock(clock.now())))
        try:
            with stage.superuser.transaction():
                issued = issue_ticket(run_id, configuration.setup, asked)
                stage.superuser.execute("SET CONSTRAINTS ALL IMMEDIATE")
            kind, why = str(issued.ticket.kind), "; ".join(issued.ticket.reasons)
            if issued.seal.run_id != run_id:
                # One that was there before, and no new one.
                kind, why = "refused", f"gave {issued.ticket.ticket_id}"
        except (StoreError, ValueError, psycopg.Error) as error:
            kind, why = "refused", str(error)
        with stage.superuser.cursor(row_factory=dict_row) as cursor:
            found = trade_violations(lambda query: cursor.execute(query.encode()).fetchall(), stage.keys)
    return Ended(kind, why, counted(found))


def borrowed_doors(stage: Stage, clock: FixedClock) -> IssueDoors:
    """Give ticketing's doors over the connection that everything happens on."""
    session = Borrowed(stage.superuser)
    return replace(
        stage.desk.day_doors(stage.moment(stage.today)).issue,
        runs=PgRuns(session),
        decisions=PgDecisions(session),
        tickets=PgTickets(session),
        journal=PgJournal(session),
        people=PgPeople(session),
        chain=Chain(session),
        clock=clock,
    )

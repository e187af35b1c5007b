"""Stages for attempts: workspaces in which honest days were played, by hand and on paper, and connections of every role."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from adapters.clock import FixedClock
from adapters.postgres.connect import Location, Row, password_path, role_name
from adapters.postgres.location import Server
from adapters.postgres.people import PgPeople
from adapters.postgres.rights import ROLES, Role
from cli.wiring import Desk, When, when
from core.domain.confirmation import Answer, Confirmation, Executed
from core.domain.ticket import IssuedTicket
from flows.confirm import confirm
from flows.daily import run_day
from flows.decide import decide_run, propose
from flows.revise import Asked, revise_day
from flows.score import score
from flows.settle import post_unposted, settle
from tests.bypass.oracle import counted, judged
from tests.integration.workspaces import DAY, ONE_DAY, make_manual, morning, superuser
from tests.servers.playing import Five

BY = "Ada"
FEW = ("positions_max: 15", "positions_max: 3")
RATE, FEE = Decimal("1.25"), Decimal("0.10")


@dataclass(frozen=True)
class Stage:
    """A workspace whose server runs: the operator's desk, a connection of every role, and the keys trusted from the start."""

    root: Path
    desk: Desk
    roles: dict[Role, psycopg.Connection[Row]]
    superuser: psycopg.Connection[Row]
    keys: dict[str, str]

    def judge(self) -> str:
        """Give what the oracle finds in the database as it is now; nothing when it is honest."""
        return counted(judged(self.root, self.keys))

    def day(self, day: date) -> IssuedTicket:
        """Decide a day's slot as the operator does: on paper as a rehearsal, by hand in its morning."""
        configuration, moment = self.desk.configuration("main"), self.moment(day)
        return run_day(day, configuration.setup, configuration.texts, self.desk.day_doors(moment))

    def settled(self, day: date) -> None:
        """Let the clock settle the book on the morning of a day, as it does before anything is decided."""
        setup, doors = self.desk.configuration("main").setup, self.desk.day_doors(self.moment(day))
        run = setup.run_of(day, today=doors.today, snapshot=self.desk.clean.current())
        settle(setup.frame(run), doors.settle)
        self.desk.heads.keep(self.desk.chain.head())

    def decided(self, day: date) -> str:
        """Walk a day's slot to its decision, without a ticket, and give its run."""
        setup, doors = self.desk.configuration("main").setup, self.desk.day_doors(self.moment(day))
        run = setup.run_of(day, today=doors.today, snapshot=self.desk.clean.current())
        settle(setup.frame(run), doors.settle)
        score(run, setup, doors.score)
        propose(run.run_id, setup, doors.decide)
        decide_run(run.run_id, setup, doors.decide)
        return run.run_id

    @property
    def today(self) -> date:
        """Give a day that the book has a slot on."""
        return DAY

    def run_day(self, run_id: str) -> date:
        """Give the day of a run's slot."""
        return date.fromisoformat(run_id.split("-")[1])

    def moment(self, day: date) -> When:
        """Say when a day's slot is decided."""
        configuration = self.desk.configuration("main")
        if configuration.setup.policy.execution.venue == "paper":
            return when(configuration, day)
        return When(day, FixedClock(morning(day)))

    def revise(self, day: date) -> IssuedTicket:
        """Let a person revise a day's slot."""
        from adapters.postgres.runs import PgRuns

        configuration, moment = self.desk.configuration("main"), self.moment(day)
        asked, book = Asked(BY, "looked at again"), PgRuns(self.desk.session("person"))
        doors = self.desk.day_doors(moment)
        return revise_day(day, configuration.setup, configuration.texts, asked=asked, doors=doors, book=book)

    def answer(self, ticket: IssuedTicket, *lines: int) -> None:
        """Let a person answer lines as filled at their decision prices, in the evening of the ticket's day."""
        answers: list[Answer] = [
            Executed(line.line, line.quantity, line.decision_price, FEE, RATE, is_partial=False)
            for line in ticket.ticket.lines
            if line.line in lines or not lines
        ]
        shown, at = ticket.ticket, morning(ticket.ticket.day) + timedelta(hours=11)
        said = Confirmation(shown.ticket_id, shown.revision, shown.short_hash, BY, "terminal", at, tuple(answers))
        confirm(said, self.desk.configuration("main").setup.policy, self.desk.confirm_doors)

    def post(self) -> int:
        """Post what was answered and moved."""
        doors = self.desk.settle_doors(self.desk.clean)
        return post_unposted(self.desk.configuration("main").setup.policy, doors)

    def people(self) -> PgPeople:
        """Give what people decide, as a person at a terminal."""
        return PgPeople(self.desk.session("person"))

    def rows(self, query: str) -> list[Row]:
        """Read rows as the superuser."""
        return self.superuser.execute(query.encode()).fetchall()

    def five(self, day: date, *, at: datetime | None = None) -> Five:
        """Give the five servers on a day: a rehearsal on paper, its own morning by hand, or another instant."""
        if at is None and self.moment(day).clock.now() != morning(day):
            return Five(self.root, on=day)
        is_paper = self.desk.configuration("main").setup.policy.execution.venue == "paper"
        return Five(self.root, on=day if is_paper and at is None else None, clock=FixedClock(at or morning(day)))


@contextlib.contextmanager
def staged(root: Path) -> Iterator[Stage]:
    """Hold a workspace open with its desk and the connections of all its roles."""
    from tests.bypass.oracle import trusted_keys

    server = Server(root / "pg", root / "secrets")
    location = server.start()
    with contextlib.ExitStack() as ending:
        ending.callback(server.release)
        roles = {role: ending.enter_context(log_in(location, root, role)) for role in ROLES}
        desk = ending.enter_context(_desk(root))
        yield Stage(root, desk, roles, ending.enter_context(superuser(root)), trusted_keys(root))


def log_in(location: Location, root: Path, role: Role) -> psycopg.Connection[Row]:
    """Connect as a role with its own password."""
    return psycopg.connect(
        host=location.host,
        port=location.port,
        dbname=location.database,
        user=role_name(location.database, role),
        password=password_path(root / "secrets", role).read_text(encoding="utf-8"),
        autocommit=True,
        row_factory=dict_row,
    )


def play_by_hand(root: Path) -> None:
    """Play honest days of a book that a person trades: answers, a late one, postings, a halt lifted, a revision, no trade."""
    make_manual(root)
    with staged(root) as stage:
        first = stage.day(DAY)
        assert first.ticket.kind == "TRADE", first.ticket.reasons
        stage.answer(first, 1)
        stage.answer(first, *(line.line for line in first.ticket.lines[1:]))
        stage.post()
        halted = stage.people()
        halted.halt("main", "a person looks")
        halted.resume("main", by=BY, reason="looked at")
        _kept(stage)


def play_on_paper(root: Path) -> None:
    """Play honest days of a paper book: fills, a revision, a halt that makes NO-TRADE, and days after it."""
    with staged(root) as stage:
        assert stage.day(DAY).ticket.kind == "TRADE"
        assert stage.revise(DAY).ticket.revision == 2
        assert stage.day(DAY + ONE_DAY).ticket.kind == "TRADE"
        stage.people().halt("main", "a person looks")
        assert stage.day(DAY + 2 * ONE_DAY).ticket.kind == "NO-TRADE"
        stage.people().resume("main", by=BY, reason="looked at")
        assert stage.day(DAY + 3 * ONE_DAY).ticket.kind == "TRADE"
        _kept(stage)


def _kept(stage: Stage) -> None:
    stage.desk.heads.keep(stage.desk.chain.head())


def _desk(root: Path) -> Desk:
    from adapters.files.workspace import Workspace

    return Desk(Workspace(root))


def first_of(rows: list[Row]) -> Any:
    """Give the only value of a query's only row."""
    ((value,),) = (row.values() for row in rows)
    return value

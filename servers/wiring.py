"""Wiring that the servers share: one role at one workspace, for one book or all, on a day."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from adapters.clock import SystemClock
from adapters.files.heads import FileHeads
from adapters.files.workspace import Workspace, WorkspaceError, need_workspace
from servers.host import CallLog
from servers.references import EVERY_BOOK
from servers.refusals import Code, Refused, refusing

if TYPE_CHECKING:
    from mcp.server import MCPServer

    from adapters.files.clean_set import CleanFiles
    from adapters.postgres.connect import Session
    from adapters.postgres.rights import Role
    from core.calendar import Calendar
    from core.domain.instrument import CalendarName
    from core.domain.slot import Run
    from flows.books import TicketStanding
    from flows.ports import Clock
    from flows.results import Scope
    from flows.setup import BookSetup

T = TypeVar("T")


@dataclass(frozen=True)
class BookDay:
    """A book on the server's day: its setup as it is read now, the day, the machine's own day, and the clock."""

    setup: BookSetup
    day: date
    today: date
    clock: Clock

    @property
    def as_of(self) -> date:
        """Give the last session that may be seen: on a day with a slot, that slot's."""
        from core.calendar import as_of, is_run_day, slot_of

        policy, calendar = self.setup.policy, self.setup.calendar
        if is_run_day(policy, self.day):
            return as_of(calendar, slot_of(policy, self.day)).session
        return calendar.last_completed(self.clock.now())

    def run(self, snapshot: str | None) -> Run:
        """Make the run of the day's slot; raises Refused on a day without one."""
        with refusing(ValueError, Code.NO_SLOT):
            return self.setup.run_of(self.day, today=self.today, snapshot=snapshot)


class Place:
    """Where a server stands: its role's connection, made when first needed, and what it reads of the workspace."""

    def __init__(
        self,
        workspace: Workspace,
        role: Role,
        *,
        book: str = "main",
        on: date | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Take the place; raises WorkspaceError when there is no workspace, or no secret of this role in it."""
        from adapters.postgres.connect import password_path

        self.workspace, self.role = workspace, role
        self.clock: Clock = clock or SystemClock()
        self._book, self._on = book, on
        self._secret = password_path(workspace.secrets, role)
        self._session: Session | None = None
        need_workspace(workspace.root)
        if not self._secret.is_file():
            raise WorkspaceError(f"{self._secret} is missing; it is the one secret that {role} opens to log in")

    @property
    def session(self) -> Session:
        """Give the connection of this server's role."""
        from adapters.postgres.connect import Location, Session
        from adapters.postgres.location import DATABASE, Server

        if self._session is None:
            server = Server(self.workspace.postgres, self.workspace.secrets, marker=self.workspace.database_marker)
            if server.is_embedded:
                server.need_own()
                address = self._embedded.start()
                location = Location(address.host, address.port, DATABASE)
            else:
                location = server.start()
            self._session = Session(location, self.role, self.workspace.secrets)
        return self._session

    def close(self) -> None:
        """End the connection and let go of the embedded server; doing it twice is the same as once."""
        if self._session is not None:
            self._session.close()
            self._session = None
        if "_embedded" in vars(self):
            self._embedded.release()

    def is_connected(self) -> bool:
        """Say whether the connection answers; before the first need of it, it does."""
        from flows.books import StoreError

        try:
            return self._session is None or self._session.one("SELECT 1 AS one") is not None
        except StoreError:
            return False

    @cached_property
    def clean(self) -> CleanFiles:
        """Give the clean sets."""
        from adapters.files.clean_set import CleanFiles

        return CleanFiles(self.workspace.root / "data" / "clean")

    @cached_property
    def heads(self) -> FileHeads:
        """Give the audit heads kept outside the database."""
        return FileHeads(self.workspace.heads)

    def calendar(self, name: CalendarName) -> Calendar:
        """Give a calendar by its name."""
        from adapters.files.configuration import read_calendar

        return read_calendar(self.workspace, name)

    def snapshot_at(self, instant: datetime) -> str | None:
        """Give the clean set that was current at an instant, or None before the first."""
        from adapters.postgres.people import PgConfig

        return PgConfig(self.session).snapshot_at(instant)

    def require_book(self, book: str) -> None:
        """Hold that a book is served; raises Refused when it is another one's, or has no policy."""
        if self._book not in (EVERY_BOOK, book):
            message = f"this server serves the book {self._book}"
            raise Refused(Code.NO_SUCH_BOOK, message, value=book, would_pass=self._book)
        if not self.workspace.policy_path(book).is_file():
            raise Refused(Code.NO_SUCH_BOOK, f"the workspace has no policy of a book {book}", value=book)

    def setup(self, book: str) -> BookSetup:
        """Read a book's configuration as it is now; raises Refused when the book is not served."""
        from adapters.files.configuration import read_configuration
        from adapters.postgres.people import PgPeople

        self.require_book(book)
        return read_configuration(self.workspace, book, PgPeople(self.session).verifications()).setup

    def account(self, book: str) -> tuple[BookSetup, ...]:
        """Read the setups of a book and of those that share its account at its venue, that book first; as `setup` does."""
        from adapters.files.configuration import read_account
        from adapters.postgres.people import PgPeople

        self.require_book(book)
        return read_account(self.workspace, book, PgPeople(self.session).verifications())

    def scope(self, book: str) -> Scope:
        """Read whose results a book's are, and all whose facts hang together with its own; as `setup` does."""
        from adapters.files.configuration import read_scope
        from adapters.postgres.people import PgPeople

        self.require_book(book)
        return read_scope(self.workspace, PgPeople(self.session).verifications(), book=book)[0]

    def book_day(self, book: str) -> BookDay:
        """Give a book on the server's day: today by its policy's time zone, or the day of the rehearsal."""
        from adapters.slot_time import when

        setup = self.setup(book)
        with refusing(ValueError, Code.NO_SLOT):
            found = when(setup.policy, self._on, self.clock)
        return BookDay(setup, self._on or found.today, found.today, found.clock)

    def run(self, run_id: str) -> tuple[Run, BookDay]:
        """Find a run with its book; raises Refused when there is none, or of a book that is not served."""
        from adapters.postgres.runs import PgRuns

        run = PgRuns(self.session).run(run_id)
        if run is None:
            raise Refused(Code.NO_SUCH_RUN, f"there is no run {run_id}; run_scoring opens one", value=run_id)
        return run, self.book_day(run.slot.book)

    def ticket(self, ticket_id: str) -> tuple[TicketStanding, BookDay]:
        """Find a ticket as it stands with its book; raises Refused when there is none, or its book is not served."""
        from adapters.postgres.tickets import PgTickets

        standing = PgTickets(self.session).ticket(ticket_id)
        if standing is None:
            raise Refused(
                Code.NO_SUCH_TICKET, f"there is no ticket {ticket_id}; render_ticket_md issues one", value=ticket_id
            )
        return standing, self.book_day(standing.issued.ticket.book)

    @cached_property
    def _embedded(self) -> Any:
        from adapters.postgres.embedded import EmbeddedServer

        home = self.workspace.postgres
        # Joining a database that exists asks for a password file without using what is in it. The superuser's is no
        # server's business, so the role's own stands there.
        return EmbeddedServer(home, self._secret)


class WiredDoor(Generic[T]):
    """A server's doors, wired at the first call and kept while their connection lives."""

    def __init__(self, name: str, place: Place, wire: Callable[[Place], T]) -> None:
        self._place, self._wire = place, wire
        self._log = CallLog(place.workspace.root / "logs" / f"mcp-{name}.jsonl")
        self._doors: T | None = None

    def __call__(self) -> T:
        """Give the doors."""
        if self._doors is None:
            self._doors = self._wire(self._place)
        return self._doors

    def keep_head(self) -> None:
        """Keep the audit head outside the database."""
        from adapters.postgres.chain import Chain

        self._place.heads.keep(Chain(self._place.session).head())

    def look_again(self) -> None:
        """Let go of a connection that broke, with all that was wired over it."""
        if not self._place.is_connected():
            self._place.close()
            self._doors = None

    def record(self, call: Mapping[str, Any]) -> None:
        """Log a call with its instant."""
        self._log.add({"at": self._place.clock.now(), **call})


def serve(
    role: Role,
    build: Callable[[WiredDoor[T]], MCPServer],
    wire: Callable[[Place], T],
    arguments: Sequence[str] | None = None,
) -> int:
    """Serve one server on stdio until its client goes away, and give the exit code."""
    options = _parser(role).parse_args(arguments)
    try:
        place = Place(Workspace(options.workspace.expanduser().absolute()), role, book=options.book, on=options.on)
    except WorkspaceError as error:
        sys.stderr.write(f"twokey mcp {role}: {error}\n")
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=_end, args=(place,)).start())
    try:
        build(WiredDoor(role, place, wire)).run("stdio")
    finally:
        place.close()
    return 0


def _end(place: Place) -> None:
    """End the process at once, though a thread of the SDK waits for input that may never come."""
    try:
        place.close()
    finally:
        os._exit(0)


def _parser(role: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m servers.{role}", description=f"The MCP server {role} on stdio.")
    parser.add_argument("-w", "--workspace", type=Path, required=True, help="the workspace's folder")
    parser.add_argument("--book", default="main", help="the book that is served, or * for every one (default: main)")
    parser.add_argument("--on", type=date.fromisoformat, metavar="YYYY-MM-DD", help="another day: a rehearsal")
    return parser

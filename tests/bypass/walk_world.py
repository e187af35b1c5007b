"""The world of the hostile walk: one workspace, the five servers in memory over it, the operator's desk, and its clock."""

from __future__ import annotations

import importlib
import subprocess
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.types import CallToolResult

from adapters.files.workspace import Workspace
from adapters.slot_time import When
from adapters.slot_time import when as slot_moment
from cli.wiring import Desk
from core.settings import Policy
from servers.quant.claims import Claim
from servers.quant.jobs import Jobs
from servers.wiring import Place, WiredDoor
from tests.bypass.oracle import trusted_keys
from tests.servers.market import MONDAY
from tests.servers.playing import SERVERS

# The slot of a day by the shipped policy is 08:00 in London, in summer.
SLOT_HOUR = 7


@dataclass
class WalkClock:
    """A clock that only the walk moves, forward and back."""

    at: datetime

    def now(self) -> datetime:
        """Give the instant that the walk says it is."""
        return self.at


@dataclass
class Sleepers:
    """Workers of jobs that hold the claim and do nothing: what a job computes is not what is walked over."""

    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def launch(self, job_id: str, workspace: Workspace, *, claim: int) -> object:
        """Start a process that holds the claim until somebody ends it."""
        process = subprocess.Popen(["sleep", "3600"], pass_fds=(claim,), start_new_session=True)
        self.running.append(process)
        Claim(workspace.root / "logs" / "jobs.lock").name_worker(job_id, process.pid)
        return process

    def end(self) -> None:
        """End those that still run."""
        for process in self.running:
            process.kill()
            process.wait()
        self.running.clear()


class World:
    """A workspace with everybody who acts on it: agents through five servers, people and the clock through the desk."""

    def __init__(self, root: Path, *, book: str = "main") -> None:
        """Take a workspace; `book` is what the servers are started for, one book or every one (`*`)."""
        self.root, self.book = root, book
        self.workspace = Workspace(root)
        self.clock = WalkClock(datetime(MONDAY.year, MONDAY.month, MONDAY.day, SLOT_HOUR, tzinfo=UTC))
        # Taken before anything hostile is tried: a key that is planted later proves nothing.
        self.keys = trusted_keys(root)
        self.sleepers = Sleepers()
        home = root / "config"
        self.originals = {
            path.name: path.read_text(encoding="utf-8")
            for path in (*home.glob("*.yml"), *home.glob("books/*.yml"), home / "universe.csv")
        }
        # What answers named, to ask for it again: the ids of jobs.
        self.jobs: list[str] = []
        # What was broken and how each is mended; a name stands here while it is broken.
        self.broken: dict[str, Callable[[], None]] = {}
        self._clients: dict[str, Client] = {}
        self._places: list[Place] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> World:
        self.desk = Desk(self.workspace).__enter__()
        for name in SERVERS:
            self._clients[name] = await self._stack.enter_async_context(Client(self._server(name)))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.mend()
        await self._stack.aclose()
        self.sleepers.end()
        for place in self._places:
            place.close()
        self.desk.__exit__()

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """Call `SERVER.TOOL` as an agent does."""
        server, _, name = tool.partition(".")
        return await self._clients[server].call_tool(name, dict(arguments))

    def mend(self) -> None:
        """Mend whatever is broken."""
        for name in list(self.broken):
            self.broken.pop(name)()

    def moment(self, book: str = "main") -> When:
        """Say what day it is for a book, and which clock its slot goes by."""
        return slot_moment(self.policy(book), None, self.clock)

    def policy(self, book: str = "main") -> Policy:
        """Give a book's policy as it is now."""
        return self.desk.configuration(book).setup.policy

    def day(self) -> date:
        """Give the walk's day."""
        return self.clock.at.date()

    def next_morning(self) -> None:
        """Let the night pass, and the weekend: the clock stands at the slot of the next weekday."""
        day = self.day() + timedelta(days=1 if self.day().weekday() not in (4, 5) else 7 - self.day().weekday())
        self.clock.at = datetime(day.year, day.month, day.day, SLOT_HOUR, tzinfo=UTC)

    def break_connections(self) -> None:
        """End every connection of the servers' roles, as a database that restarts does."""
        for place in self._places:
            with suppress(AttributeError):
                place.session.close()

    @cached_property
    def home(self) -> Path:
        """Give the folder of the configuration."""
        return self.root / "config"

    def _server(self, name: str) -> Any:
        entry = importlib.import_module(f"servers.{name}.__main__")
        place = Place(self.workspace, entry.ROLE, book=self.book, clock=self.clock)
        self._places.append(place)
        wire = self._quant if name == "quant" else entry.wire
        door: WiredDoor[Any] = WiredDoor(name, place, wire)
        return entry.build(door)

    def _quant(self, place: Place) -> Any:
        """Wire quant as its process does, with workers that only hold their claim."""
        from servers.quant.__main__ import wire

        jobs = Jobs(place.session, place.workspace, launch=self.sleepers.launch, grace=0.0)
        return replace(wire(place), jobs=jobs)

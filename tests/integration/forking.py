"""A process that has done a command before and does others in children of its own, which can be killed anywhere.

A command started anew spends most of its life importing; here a kill meets what the command does. A child counts the moments
at which something becomes lasting (each statement that adds rows, each file put in place, each sync), just before and just
after, and can be killed at any of them, or after a time.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from tests.integration.workspaces import DAY, ROOT, Done, Terminal, Workspaces, command, twokey

MODULES = tuple(
    f"cli.commands.{name}" for name in ("trading", "people", "ledger", "workspace", "booking", "import_books", "backup")
)
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Job:
    """A command's arguments, the instant that its clock shows, and where it is killed, if anywhere.

    `kill_at` counts moments; `kill_before` names a table or a function of the database, or a program, which is not reached;
    `kill_behind` names one whose rows were just added, or that was just started; `kill_after` is in seconds. At the moment
    `kill_server_at` the server is killed instead, by the number in the file `server`. `every` says that each statement and
    each program started is a moment too; `typed` is said at a terminal.
    """

    arguments: list[str]
    at: str | None = None
    kill_at: int | None = None
    kill_before: str | None = None
    kill_after: float | None = None
    kill_server_at: int | None = None
    server: str = ""
    kill_behind: str | None = None
    every: bool = False
    typed: str | None = None


@dataclass(frozen=True)
class Ended:
    """How a job ended: what it came to, its moments, the tables and functions that it reached, and the seconds it took."""

    done: Done
    moments: int
    seconds: float
    reached: frozenset[str]


class Forker:
    """The parent's side: hands jobs over, all of one call at once, and tells how each of them ended."""

    def __init__(self, used: Path) -> None:
        """Start it, and let it decide a day of a workspace that nobody needs afterwards."""
        program = [sys.executable, "-m", "tests.integration.forking", str(used)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(program, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def together(self, *jobs: Job) -> list[Ended]:
        """Start jobs at the same moment and wait for all of them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([asdict(job) for job in jobs]) + "\n")
        self._process.stdin.flush()
        answers = json.loads(self._process.stdout.readline())
        return [
            Ended(Done(**answer["done"]), answer["moments"], answer["seconds"], frozenset(answer["reached"]))
            for answer in answers
        ]

    def run(self, root: Path, *arguments: str, at: datetime | None = None, **kill: Any) -> Ended:
        """Do one command on a workspace."""
        (ended,) = self.together(job(root, *arguments, at=at, **kill))
        return ended

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def job(root: Path, *arguments: str, at: datetime | None = None, **kill: Any) -> Job:
    """Describe a command on a workspace."""
    return Job(command(root, *arguments), at=None if at is None else at.isoformat(), **kill)


# --- the process itself -----------------------------------------------------------------------------------------------


@dataclass
class _Child:
    pid: int
    out: IO[bytes]
    err: IO[bytes]
    moments: IO[bytes]
    reached: IO[bytes]
    alive: int
    job: Job
    seconds: float = 0.0


def _serve(used: Path) -> None:
    for name in MODULES:
        importlib.import_module(name)
    done = twokey(used, "run", "--on", str(DAY))
    assert done.code == 0, done.err
    for line in sys.stdin:
        jobs = [Job(**fields) for fields in json.loads(line)]
        sys.stdout.write(json.dumps(_do(jobs)) + "\n")
        sys.stdout.flush()


def _do(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Fork a child a job, let all of them go at once, kill those that are to be killed, and gather what is left."""
    import time

    gate, opener = os.pipe()
    children = [_fork(one, gate, opener) for one in jobs]
    os.close(gate)
    begun = time.monotonic()
    os.close(opener)
    # One with a time to live is waited for first, so that it is killed in time; a race has none.
    for child in sorted(children, key=lambda child: child.job.kill_after is None):
        left = child.job.kill_after
        if not select.select([child.alive], [], [], left)[0]:
            os.kill(child.pid, signal.SIGKILL)
        child.seconds = time.monotonic() - begun
    return [_gathered(child) for child in children]


def _fork(one: Job, gate: int, opener: int) -> _Child:
    out, err, moments, reached = (_nameless() for _ in range(4))
    alive, life = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(life)
        return _Child(pid, out, err, moments, reached, alive, one)
    os.close(opener)
    os.close(alive)
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    os.read(gate, 1)
    code = 1
    try:
        code = _command(one, moments, reached)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Without what the forking process would do at its end.
        os._exit(code)


def _nameless() -> IO[bytes]:
    handle, name = tempfile.mkstemp()
    Path(name).unlink()
    return os.fdopen(handle, "w+b")


def _command(one: Job, moments: IO[bytes], reached: IO[bytes]) -> int:
    from adapters.clock import SystemClock
    from cli.main import main
    from servers.quant import weekly

    if one.at is not None:
        at = datetime.fromisoformat(one.at)
        SystemClock.now = lambda self: at  # type: ignore[method-assign]  # the machine's clock, for this child alone
        # Its process would outlive the workspace.
        vars(weekly)["leave_backtest"] = lambda *given, **named: None
    if one.typed is not None:
        sys.stdin = Terminal(one.typed)
    _watch(one, moments, reached)
    try:
        return main(one.arguments)
    except Exception:
        import traceback

        traceback.print_exc()
        return 1


def _watch(one: Job, moments: IO[bytes], reached: IO[bytes]) -> None:
    """Count the moments and name what is reached in files, and end at the one that was asked for, as `kill -9` does."""
    import psycopg

    from adapters.postgres.connect import Session

    count = 0

    def moment() -> None:
        nonlocal count
        count += 1
        os.pwrite(moments.fileno(), str(count).encode(), 0)
        if count == one.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if count == one.kill_server_at:
            os.kill(int(Path(one.server).read_text().split()[0]), signal.SIGKILL)

    def around(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        moment()
        try:
            return function(*arguments, **named)
        finally:
            moment()

    def reach(name: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        os.write(reached.fileno(), f"{name}\n".encode())
        if name == one.kill_before:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = around(function, *arguments, **named)
        if name == one.kill_behind:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    def added(self: Session, table: str, rows: Any, **named: Any) -> Any:
        return reach(table, add, self, table, rows, **named) if rows else []

    def copied(self: Session, table: str, *arguments: Any) -> Any:
        return reach(table, copy, self, table, *arguments)

    def called(self: Session, function: str, *arguments: Any) -> Any:
        return reach(function, call, self, function, *arguments)

    def started(self: Any, program: Sequence[str], **named: Any) -> None:
        reach(Path(program[0]).name, start, self, program, **named)

    add, copy, call, leave = Session.add, Session.copy, Session.call, psycopg.Transaction.__exit__
    replace, sync, execute, start = os.replace, os.fsync, psycopg.Connection.execute, subprocess.Popen.__init__
    patches: list[tuple[Any, str, Any]] = [
        (Session, "add", added),
        (Session, "copy", copied),
        (Session, "call", called),
        (psycopg.Transaction, "__exit__", lambda *arguments: around(leave, *arguments)),
        (os, "replace", lambda *arguments, **named: around(replace, *arguments, **named)),
        (os, "fsync", lambda *arguments: around(sync, *arguments)),
    ]
    if one.every:
        patches.append(
            (psycopg.Connection, "execute", lambda *arguments, **named: around(execute, *arguments, **named))
        )
    if one.every or one.kill_behind:
        patches.append((subprocess.Popen, "__init__", started))
    for owner, name, patched in patches:
        setattr(owner, name, patched)


def _gathered(child: _Child) -> dict[str, Any]:
    _, status = os.waitpid(child.pid, 0)
    os.close(child.alive)
    texts = []
    for file in (child.out, child.err, child.moments, child.reached):
        file.seek(0)
        texts.append(file.read().decode())
        file.close()
    done = {"code": os.waitstatus_to_exitcode(status), "out": texts[0], "err": texts[1]}
    return {"done": done, "moments": int(texts[2] or 0), "seconds": child.seconds, "reached": texts[3].split()}


@contextlib.contextmanager
def forking(workspaces: Workspaces) -> Iterator[Forker]:
    """Give a forking process for as long as it is needed."""
    forker = Forker(workspaces.copy("used"))
    try:
        yield forker
    finally:
        forker.close()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))

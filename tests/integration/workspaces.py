"""Workspaces for tests of the whole: one is prepared and filled with a synthetic market, the others are copies of it."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from adapters.clock import SystemClock
from adapters.files.workspace import Workspace
from adapters.postgres.connect import Row, Session
from adapters.postgres.embedded import EmbeddedServer
from adapters.postgres.location import Server
from adapters.postgres.people import PgPeople
from adapters.postgres.rights import WRITERS
from cli.commands.workspace import prepare
from cli.main import main
from cli.wiring import Desk
from servers.quant import weekly

ROOT = Path(__file__).resolve().parents[2]
SEED = 1
FIRST, LAST = date(2022, 10, 3), date(2024, 6, 28)
# A Tuesday with more than a year of bars before it: momentum looks back 252 sessions.
DAY = date(2024, 2, 6)
ONE_DAY = timedelta(days=1)


# So many copies of a file that keeps servers have theirs running at a time: the one that a test uses, and one before it.
RUNNING_MAX = 2

# Small differences are traded too, so that every slot has orders, fills and postings.
BUSY = (("tiny_delta: 0.005", "tiny_delta: 0.0005"), ("order_value_min: 25", "order_value_min: 1"))


@dataclass(frozen=True)
class Done:
    """What a command came to: its exit code, what it printed, and the words of its errors."""

    code: int
    out: str
    err: str = ""

    @property
    def facts(self) -> Any:
        """The one JSON object that `--json` prints."""
        return json.loads(self.out)


class Terminal(io.StringIO):
    """What a person types, at something that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say that a person sits there."""
        return True


@dataclass
class Workspaces:
    """A folder of workspaces: the prepared one, and copies of it that end with their servers.

    Where `keeps_servers`, the server of a new copy runs on between commands, until the copy is copied or others follow.
    """

    top: Path
    prepared: Path
    keeps_servers: bool = False
    copies: list[Path] = field(default_factory=list)
    running: dict[Path, EmbeddedServer] = field(default_factory=dict)

    def copy(self, name: str, *changes: tuple[str, str], of: Path | None = None) -> Path:
        """Copy a workspace whose server is stopped, the prepared one unless another is named, and change its policy."""
        root = self.top / name
        if of is not None:
            self._let_go(of)
        subprocess.run(["cp", "-a", of or self.prepared, root], check=True)
        self.copies.append(root)
        change_policy(root, *changes)
        if self.keeps_servers:
            for older in tuple(self.running)[: len(self.running) + 1 - RUNNING_MAX]:
                self._let_go(older)
            self.running[root] = held(root)
            self.running[root].start()
        return root

    def drop(self, root: Path) -> None:
        """End a copy and its server, whatever was killed there."""
        self._let_go(root)
        if any((root / "pg" / name).exists() for name in ("data/postmaster.pid", "location")):
            with held(root):
                pass
        shutil.rmtree(root)
        self.copies.remove(root)

    def end(self) -> None:
        """End all copies."""
        for root in tuple(self.copies):
            self.drop(root)

    def _let_go(self, root: Path) -> None:
        if server := self.running.pop(root, None):
            server.release()


def make_folder(prefix: str = "workspaces-") -> Path:
    """Make a folder that the server's account may pass, unlike pytest's own; in memory where there is room."""
    memory = Path("/dev/shm")
    is_roomy = memory.is_dir() and shutil.disk_usage(memory).free > 4_000_000_000
    top = Path(tempfile.mkdtemp(prefix=prefix, dir=memory if is_roomy else None))
    top.chmod(0o755)
    return top


def make_prepared(root: Path) -> Path:
    """Make a workspace, trading daily on a synthetic market."""
    prepare(root)
    change_policy(root, ("source_order: [yahoo, stooq]", "source_order: [synthetic]"))
    change_policy(root, ("rebalance: weekly", "rebalance: daily"))
    change_desk(root, ("backup_after_run: true", "backup_after_run: false"))
    fill(root)
    return root


def fill(root: Path, *, last: date = LAST) -> str:
    """Ingest the synthetic market up to a day and give the hash of the clean set."""
    done = twokey(root, "ingest", "--synthetic", str(SEED), "--from", str(FIRST), "--to", str(last))
    assert done.code == 0, done.err
    return str(done.facts["snapshot"])


def make_manual(root: Path, *, verified: bool = True) -> None:
    """Let the book trade at a venue where a person executes: full size, with cash, every instrument looked up."""
    change_policy(root, ("  venue: paper", "  venue: manual"))
    with desk_of(root) as desk:
        people = PgPeople(desk.session("person"))
        for row in desk.configuration("main").setup.universe.instruments:
            if verified and row.is_tradable_as_underlying:
                people.verify_instrument(row.id, DAY, by="p", note="looked up")
    advanced = by_person(root, "rollout", "advance", "C", "--by", "p", "--reason", "ready")
    paid = twokey(root, "cash", "deposit", "10000", "--key", "opening", "--by", "p", "--on", str(DAY - ONE_DAY))
    assert (advanced.code, paid.code) == (0, 0), advanced.err + paid.err


def end_bars(root: Path, last: date) -> None:
    """Make the clean set current that was known after a session: nothing later was ingested yet."""
    with desk_of(root) as desk:
        snapshot = desk.clean.current() or ""
        panel, fixings = desk.clean.panel(snapshot, last=last), desk.clean.fixings(snapshot)
        desk.clean.publish(panel, [one for one in fixings if one.day <= last], made_of={})


def change_policy(root: Path, *changes: tuple[str, str]) -> None:
    """Replace pieces of a workspace's policy, each of which stands there once."""
    _change(root / "config" / "policy.yml", *changes)


def change_desk(root: Path, *changes: tuple[str, str]) -> None:
    """Replace pieces of a workspace's desk, each of which stands there once."""
    _change(root / "config" / "desk.yml", *changes)


def _change(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def weekdays(first: date, count: int) -> list[date]:
    """Give so many weekdays from a day on."""
    days = (first + timedelta(days=number) for number in range(2 * count + 7))
    return [day for day in days if day.weekday() < 5][:count]


# --- commands ---------------------------------------------------------------------------------------------------------


def twokey(root: Path, *arguments: str) -> Done:
    """Run a command on a workspace in this process; it prints JSON."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(command(root, *arguments))
    return Done(code, out.getvalue(), err.getvalue())


def by_person(root: Path, *arguments: str, typed: str = "main\n") -> Done:
    """Run a command as a person does at a terminal, typing the name of the book unless something else is given."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", Terminal(typed))
        return twokey(root, *arguments)


def command(root: Path, *arguments: str) -> list[str]:
    """Give a command's arguments with those that every test wants."""
    count = (
        2
        if arguments[0] in ("data", "universe", "ticket", "cash", "audit", "rollout", "ledger", "model", "policy")
        else 1
    )
    return [*arguments[:count], "-w", str(root), "--json", *arguments[count:]]


def as_program(root: Path, *arguments: str) -> list[str]:
    """Give the command line that runs a command as a process of its own."""
    return [sys.executable, "-m", "cli.main", *command(root, *arguments)]


@contextlib.contextmanager
def the_time_is(at: datetime, *, leaves_backtests: bool = False) -> Iterator[None]:
    """Let the machine's clock stand at an instant, for commands that take no `--on`.

    Unless it is asked for, the week's backtest is not begun: its process would go on in a workspace that the test removes.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SystemClock, "now", lambda self: at)
        if not leaves_backtests:
            patch.setattr(weekly, "leave_backtest", lambda *given, **named: None)
        yield


def morning(day: date) -> datetime:
    """Give the instant of a day's slot, while London is at UTC."""
    return datetime.combine(day, time(8), UTC)


def filled(line: Mapping[str, Any], fee: str = "0") -> str:
    """Answer a line of a ticket as filled at the decision price, with the units of the ticket."""
    return f"{line['line']} filled quantity={line['quantity']} price={line['decision_price']} fee={fee}"


# --- looking in -------------------------------------------------------------------------------------------------------


def held(root: Path) -> EmbeddedServer:
    """Give the hold on a workspace's server, so that it is started and stopped once for many commands."""
    return EmbeddedServer(root / "pg", root / "secrets" / "db" / "postgres")


def desk_of(root: Path) -> Desk:
    """Open a workspace as its operator."""
    return Desk(Workspace(root))


@contextlib.contextmanager
def superuser(root: Path) -> Iterator[psycopg.Connection[Row]]:
    """Log in as the one who may do anything, outside of any transaction."""
    server = Server(root / "pg", root / "secrets")
    location, administrator = server.start(), server.administrator()
    try:
        with psycopg.connect(
            host=location.host,
            port=location.port,
            dbname=location.database,
            user=administrator.user,
            password=administrator.password,
            autocommit=True,
            row_factory=dict_row,
        ) as connection:
            yield connection
    finally:
        server.release()


def counts(session: Session) -> dict[str, int]:
    """Count the rows of every table."""
    query = " UNION ALL ".join(f"SELECT '{table}' AS name, count(*) AS rows FROM {table}" for table in WRITERS)
    return {row["name"]: row["rows"] for row in session.all(query)}


def live_tickets(session: Session) -> list[tuple[str, int, str, str]]:
    """Give every ticket's slot, revision, kind and hash."""
    rows = session.all("SELECT slot, revision, kind, hash FROM ticket ORDER BY slot, book, revision")
    return [(row["slot"], row["revision"], row["kind"], row["hash"]) for row in rows]


def look(root: Path) -> dict[str, Any]:
    """Give what two workspaces that went the same way have in common, down to the number of rows in each table."""
    with desk_of(root) as desk:
        session = desk.session("reader")
        entries = session.all(
            "SELECT e.key, e.kind, p.account, p.commodity, p.amount FROM entry e JOIN posting p ON p.entry = e.id"
            " ORDER BY e.key, p.line"
        )
        return {
            "rows": counts(session),
            "tickets": live_tickets(session),
            "entries": entries,
            "files": files(root),
            "problem": desk.chain.verify(desk.heads.kept()).problem,
        }


def files(root: Path) -> dict[str, object]:
    """Give every published file with what it says, without what names the moment: seals and the hashes of such files."""
    found: dict[str, object] = {}
    for folder in ("signals", "trades", "tickets", "runs"):
        for path in sorted((root / folder).rglob("*.*")):
            name, text = str(path.relative_to(root)), path.read_text()
            if path.name.startswith(".writing-"):
                continue
            body = json.loads(text) if path.suffix == ".json" else text.partition("\n---\n")[0]
            found[name] = (
                {key: body[key] for key in body if key not in ("seal", "files")} if isinstance(body, dict) else body
            )
    return found


def said(text: str) -> dict[str, Any]:
    """Give what a run printed, without the place of the workspace."""
    return {name: value for name, value in json.loads(text).items() if name != "ticket_path"}

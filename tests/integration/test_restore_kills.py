"""Killed with -9 anywhere in `backup` and `restore`: the database is the old one or the restored one, and is told which."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.forking import KILLED, Ended, Forker, forking
from tests.integration.workspaces import (
    BUSY,
    DAY,
    ONE_DAY,
    Done,
    Workspaces,
    counts,
    desk_of,
    held,
    superuser,
    the_time_is,
    twokey,
)

AT = datetime(2024, 2, 9, 12, tzinfo=UTC)
LATER = datetime(2024, 2, 9, 13, tzinfo=UTC)


@pytest.fixture(scope="module")
def forker(workspaces: Workspaces) -> Iterator[Forker]:
    """Give the process that runs and kills commands."""
    with forking(workspaces) as forker:
        yield forker


@dataclass(frozen=True)
class Old:
    """A workspace with a day more than its backup, the last event of each, and the rows of both."""

    root: Path
    backup_seq: int
    seq: int
    rows: tuple[dict[str, int], dict[str, int]]

    def restore(self, forker: Forker, root: Path, *, at: datetime = LATER, **kill: Any) -> Ended:
        """Restore the older copy, with the words of a person who gives up what is lost."""
        lost = self.seq - self.backup_seq
        words = f"{root.name}\nlose {lost} events\nthe disk died\n"
        return forker.run(root, "restore", "--latest", "--by", "ann", at=at, typed=words, **kill)

    def state(self, root: Path) -> str:
        """Say which database is there, from what the next command says: the old, the restored, or it without a word."""
        verified = twokey(root, "audit", "verify")
        with desk_of(root) as desk:
            rows = counts(desk.session("reader"))
        older, newer = self.rows
        if verified.code == 0 and not verified.facts["losses"]:
            assert (verified.facts["events"], rows) == (self.seq, newer)
            return "old"
        told = older | {name: older[name] + 1 for name in ("acknowledged_loss", "event")}
        if verified.code == 0:
            assert (verified.facts["losses"][0]["by"], rows) == ("ann", told)
            return "restored"
        seq = rows["event"]
        assert verified.facts["problem"] == f"the chain ends at event {seq}, but event {self.seq} was kept outside"
        assert rows in (older, told)
        return "unsaid"


@pytest.fixture(scope="module")
def old(workspaces: Workspaces) -> Old:
    """Give the workspace, whose server is stopped."""
    root = workspaces.copy("old", *BUSY)
    with held(root):
        assert decided(root, 0).code == 0
        with the_time_is(AT):
            made = twokey(root, "backup")
        older = rows_of(root)
        assert decided(root, 1).code == 0
        newer = rows_of(root)
    return Old(root, made.facts["head"]["seq"], newer["event"], (older, newer))


def decided(root: Path, days: int) -> Done:
    """Decide the slot so many days after the first."""
    return twokey(root, "run", "--on", str(DAY + days * ONE_DAY))


def rows_of(root: Path) -> dict[str, int]:
    """Count the rows of every table."""
    with desk_of(root) as desk:
        return counts(desk.session("reader"))


@pytest.mark.parametrize(
    ("kill", "state"),
    [
        ({"kill_behind": "pg_restore"}, "old"),
        ({"kill_before": "acknowledged_loss"}, "unsaid"),
        ({"kill_behind": "acknowledged_loss"}, "unsaid"),
    ],
    ids=["restoring", "restored", "acknowledged"],
)
def test_a_restore_killed_at_a_border_leaves_the_old_or_the_restored_database(workspaces, forker, old, kill, state):
    """Before the copy took the place, after that, and after the person's fact but before its line outside; then again."""
    root = workspaces.copy("-".join(("border", *kill, *kill.values())), of=old.root)
    with held(root):
        assert restored_in_the_end(forker, old, root, **kill) == state


@pytest.mark.soak
@pytest.mark.parametrize("every", [False, True], ids=["lasting", "every"])
def test_a_restore_killed_anywhere_leaves_one_whole_database_and_says_which(workspaces, forker, old, capsys, every):
    """At each moment, one after the other, as they are reached; those of each statement and program among them or not."""
    spared = workspaces.copy(f"spared-{every}", of=old.root)
    with held(spared):
        moments = old.restore(forker, spared, every=every).moments
    states: Counter[str] = Counter()
    for moment in range(1, moments + 1):
        root = workspaces.copy(f"restore-{every}-{moment}", of=old.root)
        with held(root):
            states[restored_in_the_end(forker, old, root, every=every, kill_at=moment)] += 1
        workspaces.drop(root)
    workspaces.drop(spared)
    assert set(states) == {"old", "unsaid", "restored"}
    with capsys.disabled():
        sys.stdout.write(f"\nrestore killed at every one of {moments} moments: {dict(states)}\n")


def restored_in_the_end(forker: Forker, old: Old, root: Path, **kill: Any) -> str:
    """Kill a restore, look which database is there, restore again, and give what was there between."""
    killed, state = old.restore(forker, root, **kill), old.state(root)
    again = None if state == "restored" else old.restore(forker, root, at=LATER + ONE_DAY)

    assert killed.done.code == KILLED, (kill, killed.done.err)
    assert again is None or again.done.code == 0, (kill, state, again.done.err)
    assert (old.state(root), beside(root)) == ("restored", []), kill
    return state


@pytest.mark.parametrize("program", ["pg_dump", "pg_restore"])
def test_a_backup_killed_while_a_program_works_for_it_is_made_again(workspaces, forker, old, program):
    """The program goes on by itself for a while, in a database that nobody needs; the next backup is whole and alone."""
    root = workspaces.copy(f"behind-{program}", of=old.root)
    with held(root):
        killed = forker.run(root, "backup", at=LATER, kill_behind=program)
        state = old.state(root)
        again = forker.run(root, "backup", at=LATER + ONE_DAY)
        left = beside(root)

    assert (killed.done.code, state) == (KILLED, "old")
    assert (again.done.code, again.done.facts["head"]["seq"]) == (0, old.seq), again.done.err
    assert left == []
    assert [path.name for path in (root / "backups").iterdir() if path.name.startswith(".making")] == []


def test_a_copy_that_somebody_still_works_in_does_not_stop_the_next_backup(workspaces, old):
    """What a killed restore started may work on in its copy for long; whoever is alone by the lock ends that."""
    root = workspaces.copy("worked-in", of=old.root)
    with held(root), superuser(root) as connection:
        connection.execute("CREATE DATABASE twokey_beside_0123abcd")
        place = connection.info
        with psycopg.connect(
            host=place.host, port=place.port, user=place.user, password=place.password, dbname="twokey_beside_0123abcd"
        ):
            with the_time_is(LATER):
                done = twokey(root, "backup")
            left = beside(root)

    assert (done.code, left) == (0, []), done.err


def beside(root: Path) -> list[str]:
    """Name the databases that a backup or a restore left beside."""
    with superuser(root) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE '%beside%'").fetchall()
    return [row["datname"] for row in rows]

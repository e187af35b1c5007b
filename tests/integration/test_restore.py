"""Restoring on a real server: the drill, older copies, and everything that is no good backup of this workspace."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.files.heads import FileHeads
from adapters.postgres.chain import Chain
from adapters.postgres.people import PgPeople
from adapters.postgres.rights_check import rights_problems
from core.domain.backup import AcknowledgedLoss
from core.domain.facts import AuditHead, LossHead
from flows.backup import Acknowledged, RestoreRefused, look_ahead, restore_backup
from tests.integration import test_rights
from tests.integration.test_chain import Inside
from tests.integration.test_rights import House
from tests.integration.workspaces import (
    BUSY,
    DAY,
    ONE_DAY,
    Done,
    Terminal,
    Workspaces,
    counts,
    desk_of,
    look,
    superuser,
    the_time_is,
    twokey,
)

AT = datetime(2024, 2, 9, 12, tzinfo=UTC)


def run(root: Path, days: int) -> Done:
    """Decide the slot so many days after the first."""
    return twokey(root, "run", "--on", str(DAY + days * ONE_DAY))


def backup(root: Path) -> str:
    """Make a backup and give its name."""
    with the_time_is(AT):
        done = twokey(root, "backup")
    assert done.code == 0, done.err
    return str(done.facts["backup"])


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Sit down at a terminal and type."""
    monkeypatch.setattr(sys, "stdin", Terminal("".join(f"{line}\n" for line in lines)))


def every_row(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Give every row of every table, as it is."""
    with desk_of(root) as desk:
        session = desk.session("reader")
        return {
            table: session.all(f"SELECT * FROM {table} ORDER BY {'seq' if table == 'event' else 'id'}")
            for table in counts(session)
        }


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a workspace with two decided days and a backup of them, whose server is stopped."""
    root = workspaces.copy("restores", *BUSY)
    assert [run(root, days).code for days in (0, 1)] == [0, 0]
    backup(root)
    return root


def test_the_drill_a_destroyed_database_comes_back_and_the_next_run_goes_on(
    workspaces: Workspaces, root: Path, capsys: pytest.CaptureFixture[str]
):
    """No row is lost, the chain verifies against the heads outside, and the next day is that of a workspace left alone."""
    spared, struck = workspaces.copy("spared", of=root), workspaces.copy("struck", of=root)
    before = every_row(struck)
    shutil.rmtree(struck / "pg")

    restored = twokey(struck, "restore", "--latest")

    assert restored.code == 0, restored.err
    assert (restored.facts["lost"], restored.facts["aside"], restored.facts["problem"]) == (0, None, None)
    after = every_row(struck)
    lost = {table: len(rows) - len(after[table]) for table, rows in before.items() if rows != after[table]}
    assert lost == {}
    verified = twokey(struck, "audit", "verify")
    assert (verified.code, verified.facts["events"]) == (0, restored.facts["head"]["seq"])
    assert run(struck, 2).facts["hash"] == run(spared, 2).facts["hash"]
    assert look(struck) == look(spared)
    for days in (0, 2):
        replayed = twokey(struck, "replay", f"RUN-{DAY + days * ONE_DAY:%Y%m%d}-r1")
        assert replayed.code == 0, replayed.out + replayed.err
    assert float(restored.facts["seconds"]) < 60
    rows = sum(map(len, before.values()))
    with capsys.disabled():
        told = f"restore drill: RTO {restored.facts['seconds']} s; RPO: {sum(lost.values())} of {rows} rows lost"
        sys.stdout.write(f"\n{told}\n")


def test_every_right_is_as_it_must_be_after_a_restore(workspaces: Workspaces, root: Path):
    """The check of rights that a restore makes finds nothing, and does find one that is too many and one that is gone."""
    struck = workspaces.copy("righted", of=root)
    shutil.rmtree(struck / "pg")
    assert twokey(struck, "restore", "--latest").code == 0

    with superuser(struck) as connection:
        session = Inside(connection)
        found = rights_problems(session, "twokey")
        with connection.transaction(force_rollback=True):
            connection.execute("GRANT UPDATE (amount) ON posting TO twokey_ledger")
            connection.execute("GRANT DELETE ON event TO twokey_reader")
            connection.execute("REVOKE INSERT (reason) ON resume FROM twokey_person")
            connection.execute("GRANT EXECUTE ON FUNCTION add_event(text, text, jsonb) TO twokey_quant")
            changed = rights_problems(session, "twokey")

    assert found == ()
    assert sorted(changed) == [
        "twokey_ledger may UPDATE posting.amount",
        "twokey_person may not INSERT resume.reason",
        "twokey_quant may call add_event(text,text,jsonb)",
        "twokey_reader may DELETE event",
    ]


@pytest.fixture(scope="module")
def restored(workspaces: Workspaces, root: Path) -> Iterator[House]:
    """Give a restored workspace held open, with the connections of all its roles."""
    struck = workspaces.copy("house-again", of=root)
    shutil.rmtree(struck / "pg")
    assert twokey(struck, "restore", "--latest").code == 0
    with test_rights.opened(struck) as house:
        yield house


@pytest.mark.parametrize(
    "holds",
    [
        test_rights.test_each_role_can_do_what_the_table_of_rights_says_and_nothing_else,
        test_rights.test_the_catalogue_says_the_same_and_knows_no_other_right,
        test_rights.test_nobody_gives_what_the_database_fills,
        test_rights.test_functions_are_called_by_their_callers_alone,
        test_rights.test_functions_that_run_as_their_owner_are_pinned,
        test_rights.test_no_role_is_more_than_a_login,
    ],
    ids=lambda test: test.__name__,
)
def test_what_holds_of_the_rights_of_a_database_that_was_made_holds_of_one_restored(
    restored: House, holds: Callable[[House], None]
):
    """The tests of the rights themselves, role by table by verb attempted, on the restored database."""
    holds(restored)


def test_a_database_that_is_only_made_is_replaced_unasked(workspaces: Workspaces, root: Path):
    """`init` on a new machine, then `restore`: nothing stood there, so nothing is kept aside."""
    made = workspaces.copy("made-anew", of=root)
    shutil.rmtree(made / "pg")
    assert twokey(made, "init", str(made)).code == 0

    restored = twokey(made, "restore", "--latest")

    assert (restored.code, restored.facts["aside"]) == (0, None)
    assert look(made)["problem"] is None
    with superuser(made) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'twokey%'").fetchall()
    assert [row["datname"] for row in found] == ["twokey"]


def test_a_database_in_use_is_put_aside_only_when_its_workspace_is_named(
    workspaces: Workspaces, root: Path, monkeypatch: pytest.MonkeyPatch
):
    """Without a terminal, and with another name: nothing is done. With the name: it is kept under a name of its own."""
    used = workspaces.copy("in-use", of=root)

    unseen = twokey(used, "restore", "--latest")
    typed(monkeypatch, "in-us")
    misnamed = twokey(used, "restore", "--latest")
    typed(monkeypatch, "in-use")
    with the_time_is(AT):
        restored = twokey(used, "restore", "--latest")

    assert (unseen.code, misnamed.code, restored.code) == (2, 2, 0)
    assert "would be put aside: restore asks a person, run it at a terminal" in unseen.err
    assert "the name did not match; nothing was restored" in misnamed.err
    assert (restored.facts["aside"], restored.facts["lost"]) == ("twokey_before_20240209t120000000000", 0)
    assert run(used, 2).code == 0


def test_an_older_copy_is_refused_until_a_person_gives_up_what_is_lost(
    workspaces: Workspaces, root: Path, monkeypatch: pytest.MonkeyPatch
):
    """A third day after the backup, then the database is gone: every refusal leaves the folder empty, and the fact is kept."""
    old = workspaces.copy("older-copy", of=root)
    assert run(old, 2).code == 0
    newest = FileHeads(old / "logs" / "audit_heads.jsonl").kept()[-1].seq
    shutil.rmtree(old / "pg")
    name = next((old / "backups").glob("*.json")).stem
    last = json.loads((old / "backups" / f"{name}.json").read_text())["content"]["head"]["seq"]
    lost = newest - last

    def restore(*lines: str, by: tuple[str, ...] = ("--by", "ann")) -> Done:
        typed(monkeypatch, *lines)
        return twokey(old, "restore", str(old / "backups" / f"{name}.dump"), *by)

    refused = [
        twokey(old, "restore", "--latest"),
        restore("older-copy", f"lose {lost} events", "the disk died", by=()),
        restore("older-copy", f"lose {lost - 1} events", "the disk died"),
        restore("older-copy", f"lose {lost} events", ""),
        restore("older-copy"),
    ]
    left = look_quietly(old)
    done = restore("older-copy", f"lose {lost} events", "the disk died")

    assert [one.code for one in refused] == [2] * 5
    assert f"the {lost} events {last + 1} to {newest} would be lost" in refused[0].err
    assert left == 0
    assert (done.code, done.facts["lost"], done.facts["problem"]) == (0, lost, None), done.err
    with desk_of(old) as desk:
        people = PgPeople(desk.session("reader"))
        (kept,) = people.losses()
        event = desk.chain.events(after=last, limit=1)[0]
    assert (kept.backup, kept.last.seq, kept.lost_to, kept.by, kept.reason) == (
        name,
        last,
        newest,
        "ann",
        "the disk died",
    )
    assert (event["role"], event["subject"]) == ("twokey_person", "acknowledged_loss")
    again = run(old, 2)
    assert (again.code, again.facts["reasons"]) == (0, [])
    verified = twokey(old, "audit", "verify")
    assert verified.code == 0
    assert [(loss["last"]["seq"], loss["lost_to"], loss["by"]) for loss in verified.facts["losses"]] == [
        (last, newest, "ann")
    ]


class Died(Exception):
    """The machine died."""


def test_a_restore_that_dies_before_the_persons_fact_leaves_the_gate_closed_and_is_done_again(
    workspaces: Workspaces, root: Path, monkeypatch: pytest.MonkeyPatch
):
    """The older copy stands there and nobody's word is kept: nothing is traded on it, and the same restore puts it right."""
    struck = workspaces.copy("died", of=root)
    assert run(struck, 2).code == 0
    shutil.rmtree(struck / "pg")

    def dies(loss: AcknowledgedLoss) -> LossHead:
        raise Died(loss.backup)

    with desk_of(struck) as desk:
        desk.make_database_anew()
        doors = replace(desk.backup_doors, acknowledge=dies)
        (name,) = [manifest.name for manifest in doors.folder.shelved().good]
        seen = look_ahead(name, doors.folder, doors)
        with pytest.raises(RestoreRefused, match=f"{seen.lost} events would be lost"):
            restore_backup(seen, doors.folder, doors, at=AT)
        with pytest.raises(Died):
            restore_backup(seen, doors.folder, doors, at=AT, said=Acknowledged(seen.lost, "ann", "the disk died"))
    decided = run(struck, 2)
    with desk_of(struck) as desk:
        lost = look_ahead(name, desk.backups, desk.backup_doors).lost
    typed(monkeypatch, "died", f"lose {lost} events", "the disk died")
    again = twokey(struck, "restore", "--latest", "--by", "ann")

    assert decided.code == 3
    assert "was kept outside" in decided.facts["reasons"][0]
    assert (again.code, again.facts["lost"], again.facts["problem"]) == (0, lost, None), again.err
    assert run(struck, 2).facts["reasons"] == []


def look_quietly(root: Path) -> int:
    """Count the events of a workspace's database, which may not be there."""
    with desk_of(root) as desk:
        head = desk.backup_doors.dumps.head()
        return head.seq if head else 0


def test_the_line_outside_excuses_nothing_without_the_fact_and_the_fact_nothing_without_the_line(
    workspaces: Workspaces, root: Path
):
    """An older copy put back behind everybody: a forged line, or a forged word of a person, leaves the gate closed."""
    newer, struck = workspaces.copy("newer", of=root), workspaces.copy("excused", of=root)
    assert run(newer, 2).code == 0
    shutil.copy(newer / "logs" / "audit_heads.jsonl", struck / "logs")
    kept = FileHeads(struck / "logs" / "audit_heads.jsonl").kept()
    with desk_of(struck) as desk:
        last = desk.chain.head()
        loss = AcknowledgedLoss("none", last, kept[-1].seq, "mallory", "because")
        fact_alone = PgPeople(desk.session("person")).acknowledge_loss(loss)
        without_line = Chain(desk.session("reader")).verify(desk.heads.kept()).problem
        PgPeople(desk.session("person")).halt("main", "an honest event")
        head = desk.chain.head()
        forged = FileHeads(struck / "forged.jsonl")
        for one in kept:
            forged.keep(one)
        forged.give_up(LossHead(head.seq, head.hash, last.seq), loss)
        without_fact = Chain(desk.session("reader")).verify(forged.kept()).problem
        elsewhere = (*(one for one in kept if one.seq <= last.seq), replace(fact_alone, after=last.seq - 1))
        other_loss = Chain(desk.session("reader")).verify(elsewhere).problem

    assert without_line == f"the chain ends at event {fact_alone.seq}, but event {kept[-1].seq} was kept outside"
    assert without_fact == f"event {head.seq} is no person's word that what came after event {last.seq} is lost"
    assert other_loss == f"event {fact_alone.seq} is no person's word that what came after event {last.seq - 1} is lost"


def test_a_backup_of_another_chain_is_never_restored(
    workspaces: Workspaces, root: Path, monkeypatch: pytest.MonkeyPatch
):
    """Of another workspace that began alike: the head of a backup is kept outside when it is made, and this one's was not."""
    other = workspaces.copy("other-chain")
    assert run(other, 0).code == 0
    name = backup(other)
    mine = workspaces.copy("my-chain", of=root)
    shutil.rmtree(mine / "pg")
    lost = FileHeads(mine / "logs" / "audit_heads.jsonl").kept()[-1].seq
    lost -= json.loads((other / "backups" / f"{name}.json").read_text())["content"]["head"]["seq"]
    typed(monkeypatch, "my-chain", f"lose {lost} events", "why not")

    refused = twokey(mine, "restore", str(other / "backups" / f"{name}.dump"), "--by", "ann")

    assert refused.code == 1
    assert f"{name} was not restored: its last event" in refused.err
    assert "it is of another workspace, or of a history that was given up" in refused.err
    assert look_quietly(mine) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("torn", "is not the file that was written"),
        ("manifest", "is no manifest of a backup"),
        ("alone", "could not be read"),
        ("renamed", "a backup keeps its name"),
    ],
)
def test_what_is_no_good_backup_is_told_before_a_server_is_started(
    workspaces: Workspaces, root: Path, change: str, words: str
):
    """A torn dump, a manifest that is none or is missing, another name; `--latest` passes over it and says so."""
    struck = workspaces.copy(f"no-good-{change}", of=root)
    shutil.rmtree(struck / "pg")
    (dump,) = (struck / "backups").glob("*.dump")
    manifest = dump.with_suffix(".json")
    if change == "torn":
        dump.write_bytes(dump.read_bytes()[:-1])
    elif change == "manifest":
        manifest.write_text("{}")
    elif change == "alone":
        manifest.unlink()
    else:
        dump, manifest = dump.rename(dump.with_name("b.dump")), manifest.rename(dump.with_name("b.json"))

    named, latest = twokey(struck, "restore", str(dump)), twokey(struck, "restore", "--latest")

    assert (named.code, latest.code) == (1, 2)
    assert words in named.err
    assert "passed over: " in latest.err
    assert "there is no good backup in" in latest.err
    assert not (struck / "pg").exists()


def test_a_dump_that_is_not_what_its_manifest_says_is_not_restored(workspaces: Workspaces, root: Path):
    """A manifest that tells of other rows, and fits the file: every table is compared before it takes the place."""
    struck = workspaces.copy("untrue", of=root)
    shutil.rmtree(struck / "pg")
    (manifest,) = (struck / "backups").glob("*.json")
    body = json.loads(manifest.read_text())
    body["content"]["tables"]["posting"]["rows"] += 1
    body["content"]["tables"]["entry"]["sha256"] = "0" * 64
    manifest.write_text(json.dumps(body))

    refused = twokey(struck, "restore", "--latest")

    rows = body["content"]["tables"]["posting"]["rows"]
    assert refused.code == 1
    assert "table entry has as many rows, and they differ" in refused.err
    assert f"table posting had {rows} rows and has {rows - 1}" in refused.err
    assert look_quietly(struck) == 0


def test_without_heads_outside_a_person_says_so(workspaces: Workspaces, root: Path, monkeypatch: pytest.MonkeyPatch):
    """Logs gone with the database: nothing tells whether the backup is the newest; afterwards its head is kept outside."""
    struck = workspaces.copy("headless", of=root)
    shutil.rmtree(struck / "pg")
    heads = struck / "logs" / "audit_heads.jsonl"
    heads.unlink()

    unseen = twokey(struck, "restore", "--latest")
    typed(monkeypatch, "headless")
    restored = twokey(struck, "restore", "--latest")

    assert (unseen.code, restored.code) == (2, 0)
    assert "no audit head is kept outside the database" in unseen.err
    assert FileHeads(heads).kept() == (AuditHead(**restored.facts["head"]),)


def test_somebody_who_is_connected_keeps_the_database_as_it_is(
    workspaces: Workspaces, root: Path, monkeypatch: pytest.MonkeyPatch
):
    """Another command or server at work: refused in words, nothing changed, and nothing left beside."""
    used = workspaces.copy("connected", of=root)
    typed(monkeypatch, "connected")
    with superuser(used) as connection:
        refused = twokey(used, "restore", "--latest")
        found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'twokey%'").fetchall()

    assert refused.code == 1
    assert "end every other twokey command and server" in refused.err
    assert [row["datname"] for row in found] == ["twokey"]


def test_a_database_outside_the_workspace_that_is_gone_does_not_stop_a_restore(workspaces: Workspaces, root: Path):
    """Where the server could not come into the workspace, a pointer names its place; one that names nothing is let go."""
    struck = workspaces.copy("pointed", of=root)
    shutil.rmtree(struck / "pg")
    (struck / "pg").mkdir(mode=0o711)
    (struck / "pg" / "location").write_text(f"{struck}/gone/data\0{struck / 'pg'}")

    assert "restore a backup" in twokey(struck, "audit", "verify").err
    assert twokey(struck, "restore", "--latest").code == 0
    assert look(struck)["problem"] is None

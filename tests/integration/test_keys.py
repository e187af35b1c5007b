"""Rotating the riskguard's key: what waited is void, what was signed before still replays, and the chain knows of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pytest

from adapters.clock import FixedClock
from adapters.keys import FileSigner, rotate_key
from adapters.postgres.rotated import PgRotations
from adapters.slot_time import When
from cli.wiring import Desk
from core.calendar import slot_of
from core.domain.decision import Decision
from core.domain.slot import Run
from core.domain.ticket import IssuedTicket
from flows.decide import decide_run, propose
from flows.issue import issue_ticket
from flows.score import score
from flows.settle import settle
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Done, Terminal, Workspaces, desk_of, twokey

KEEPS_SERVERS = True


def rotate(root: Path, monkeypatch: pytest.MonkeyPatch, *typed: str) -> Done:
    """Rotate the key as a person who types these lines."""
    monkeypatch.setattr(sys, "stdin", Terminal("".join(f"{line}\n" for line in typed)))
    return twokey(root, "keys", "rotate", "--by", "ann")


def key_of(root: Path) -> str:
    """Give the id of the key that signs."""
    return FileSigner(root / "secrets/riskguard/ed25519.pem").key_id


def slot_of_day() -> datetime:
    """Give an instant of the first day."""
    return datetime(2024, 2, 6, 7, tzinfo=UTC)


def approved(desk: Desk, day: date) -> tuple[Decision, Run, Callable[[], IssuedTicket]]:
    """Decide a day up to its approval; gives the decision, the run, and what issues its ticket."""
    setup = desk.configuration("main").setup
    doors = desk.day_doors(When(day, FixedClock(slot_of(setup.policy, day).at)))
    planned = setup.run_of(day, today=day, snapshot=desk.clean.current())
    settle(setup.frame(planned), doors.settle)
    score(planned, setup, doors.score)
    propose(planned.run_id, setup, doors.decide)
    decided = decide_run(planned.run_id, setup, doors.decide)
    return decided, planned, partial(issue_ticket, planned.run_id, setup, doors.issue)


def doctor(root: Path) -> tuple[str, str]:
    """Give what the doctor says of the keys."""
    (one,) = [one for one in twokey(root, "doctor").facts["checks"] if one["check"] == "keys"]
    return one["state"], one["says"]


def test_an_approval_that_waits_when_its_key_is_rotated_is_void(
    workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch
):
    """Day one is issued, day two is approved and waits. Rotated: day two is NO-TRADE, and both replay."""
    root = workspaces.copy("rotated", *BUSY)
    first = twokey(root, "run", "--on", str(DAY))
    old, day = key_of(root), DAY + ONE_DAY
    with desk_of(root) as desk:
        decided, planned, issue = approved(desk, day)
        rotated = rotate(root, monkeypatch, old, "a laptop was lost")
        issued = issue()

    assert (first.facts["kind"], decided.kind) == ("TRADE", "TRADE")
    assert (rotated.code, rotated.facts["old"], rotated.facts["new"]) == (0, old, key_of(root))
    assert issued.ticket.kind == "NO-TRADE"
    assert issued.ticket.reasons == (f"approval: approval signature does not verify with key {old}",)
    for run_id in (first.facts["run_id"], planned.run_id):
        assert twokey(root, "replay", run_id).code == 0
    listed = {row["key"]: row["state"] for row in twokey(root, "keys", "list").facts["keys"]}
    assert listed == {old: "retired", key_of(root): "in use"}
    assert doctor(root) == ("ok", f"key {key_of(root)} signs, 1 rotated away")


def test_no_ticket_trades_while_a_rotation_is_gone_and_rotating_again_puts_it_back(
    workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch
):
    """Its removal would let the retired key sign again: the gate says so, an approval that waits is void, a person heals it."""
    root = workspaces.copy("removed", *BUSY)
    old, path = key_of(root), root / "config/keys/rotation-0001.json"
    assert rotate(root, monkeypatch, old, "a laptop was lost").code == 0
    with desk_of(root) as desk:
        waits, _, issue = approved(desk, DAY)
        path.unlink()
        issued = issue()
    state, says = doctor(root)
    closed = twokey(root, "run", "--on", str(DAY + ONE_DAY))
    healed = rotate(root, monkeypatch, key_of(root), "a rotation was gone")
    after = twokey(root, "run", "--on", str(DAY + 2 * ONE_DAY))

    assert (waits.kind, issued.ticket.kind) == ("TRADE", "NO-TRADE")
    words = "config/keys holds 0 rotations and the chain of events 1, of which 0 are the same: put back"
    assert (state, words in says) == ("wrong", True)
    assert (closed.code, closed.facts["kind"]) == (3, "NO-TRADE")
    assert words in closed.facts["reasons"][0]
    assert (healed.code, path.exists(), [one["number"] for one in healed.facts["put_back"]]) == (0, True, [1]), (
        healed.err
    )
    assert doctor(root) == ("ok", f"key {key_of(root)} signs, 2 rotated away")
    assert after.facts["reasons"] == []


def test_two_rotations_of_one_number_in_the_chain_and_a_spoiled_file_are_healed_by_rotating(
    workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch
):
    """The file of the first was away when the second was made, and the chain keeps both; then a file is torn, too."""
    root = workspaces.copy("twins", *BUSY)
    space = desk_of(root).workspace
    path = space.public_keys / "rotation-0001.json"
    assert rotate(root, monkeypatch, key_of(root), "a laptop was lost").code == 0
    path.unlink()
    rotate_key(space.private_key, space.public_keys, by="ann", reason="again", at=slot_of_day())
    with desk_of(root) as desk:
        PgRotations(desk.session("desk")).record(space.public_keys)
        desk.heads.keep(desk.chain.head())
    path.write_text("{", encoding="utf-8")
    closed = twokey(root, "run", "--on", str(DAY))
    healed = rotate(root, monkeypatch, key_of(root), "goes on")

    assert (closed.code, "rotation-0001.json could not be read" in closed.facts["reasons"][0]) == (3, True)
    assert healed.code == 0, healed.err
    assert healed.facts["moved_aside"] == ["aside/rotation-0001.json"]
    assert ([one["number"] for one in healed.facts["put_back"]], healed.facts["number"]) == ([1, 1], 2)
    assert doctor(root) == ("ok", f"key {key_of(root)} signs, 3 rotated away")
    assert twokey(root, "run", "--on", str(DAY + ONE_DAY)).facts["reasons"] == []


def test_a_restore_from_before_a_rotation_records_it_again(workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch):
    """Both keys signed for it, so it proves itself: the same person's word that gives the events up, and it is said."""
    root = workspaces.copy("before", *BUSY)
    old = key_of(root)
    assert twokey(root, "backup").code == 0
    assert rotate(root, monkeypatch, old, "a laptop was lost").code == 0
    with desk_of(root) as desk:
        lost = desk.chain.head().seq - desk.backups.shelved().good[-1].content.head.seq
    words = ("before", f"lose {lost} events", "the disk died")
    monkeypatch.setattr(sys, "stdin", Terminal("".join(f"{line}\n" for line in words)))
    restored = twokey(root, "restore", "--latest", "--by", "ann")

    assert (restored.code, [one["number"] for one in restored.facts["rotations"]]) == (0, [1]), restored.err
    assert doctor(root) == ("ok", f"key {key_of(root)} signs, 1 rotated away")
    assert twokey(root, "audit", "verify").code == 0
    assert twokey(root, "run", "--on", str(DAY)).facts["reasons"] == []


def test_a_rotation_that_the_chain_does_not_keep_closes_the_gate_until_a_person_rotates(
    workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch
):
    """Killed before the chain was told, or planted: nothing trades on it, and rotating again names and records it."""
    root = workspaces.copy("unchained", *BUSY)
    space = desk_of(root).workspace
    rotate_key(space.private_key, space.public_keys, by="ann", reason="killed", at=slot_of_day())
    closed = twokey(root, "run", "--on", str(DAY))
    healed = rotate(root, monkeypatch, key_of(root), "goes on")

    assert "rotation-0001.json is not in the chain" in closed.facts["reasons"][0]
    assert "by ann (killed)" in healed.err
    assert [one["number"] for one in healed.facts["recorded"]] == [1]
    assert doctor(root) == ("ok", f"key {key_of(root)} signs, 2 rotated away")


@pytest.mark.parametrize(
    ("typed", "words"),
    [(("another",), "the id did not match; no key was made"), (("KEY", ""), "a reason is needed; no key was made")],
)
def test_a_rotation_asks_for_the_keys_id_and_a_reason(workspaces: Workspaces, monkeypatch, typed, words):
    """A slip makes no key, and nothing is kept."""
    root = workspaces.copy(f"asked-{len(typed)}")
    old = key_of(root)

    done = rotate(root, monkeypatch, *(old if word == "KEY" else word for word in typed))

    assert (done.code, words in done.err, key_of(root)) == (2, True, old)
    assert [path.stem for path in (root / "config/keys").iterdir()] == [old]


def test_a_rotation_is_no_programs(workspaces: Workspaces):
    """Without a terminal nothing is asked and nothing is made."""
    root = workspaces.copy("piped")

    done = twokey(root, "keys", "rotate", "--by", "eve")

    assert (done.code, "rotating a key asks a person: run it at a terminal" in done.err) == (2, True)

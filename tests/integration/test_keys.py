"""Rotating the riskguard's key: what waited is void, what was signed before still replays, and the chain knows of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from adapters.clock import FixedClock
from adapters.keys import FileSigner
from adapters.slot_time import When
from core.calendar import slot_of
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
        configuration = desk.configuration("main")
        setup = configuration.setup
        doors = desk.day_doors(When(day, FixedClock(slot_of(setup.policy, day).at)))
        planned = setup.run_of(day, today=day, snapshot=desk.clean.current())
        settle(setup.frame(planned), doors.settle)
        score(planned, setup, doors.score)
        propose(planned.run_id, setup, doors.decide)
        decided = decide_run(planned.run_id, setup, doors.decide)
        rotated = rotate(root, monkeypatch, old, "a laptop was lost")
        issued = issue_ticket(planned.run_id, setup, doors.issue)

    assert (first.facts["kind"], decided.kind) == ("TRADE", "TRADE")
    assert (rotated.code, rotated.facts["old"], rotated.facts["new"]) == (0, old, key_of(root))
    assert issued.ticket.kind == "NO-TRADE"
    assert issued.ticket.reasons == (f"approval: approval signature does not verify with key {old}",)
    for run_id in (first.facts["run_id"], planned.run_id):
        assert twokey(root, "replay", run_id).code == 0
    listed = {row["key"]: row["state"] for row in twokey(root, "keys", "list").facts["keys"]}
    assert listed == {old: "retired", key_of(root): "in use"}
    assert doctor(root) == ("ok", f"key {key_of(root)} signs, 1 rotated away")
    (root / "config/keys/rotation-0001.json").unlink()
    state, says = doctor(root)
    assert (state, "config/keys holds 0 rotations and the chain of events 1" in says) == ("wrong", True)


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

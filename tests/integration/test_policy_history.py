"""Every policy and universe that produced a ticket is kept, and a person at a terminal puts one back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.integration.workspaces import DAY, Done, Workspaces, by_person, change_policy, desk_of, look, twokey

KEEPS_SERVERS = True
LOOSER = ("  drawdown_max: 0.20", "  drawdown_max: 0.25")
WORD = ("--by", "ann", "--reason", "the pilot begins")


def run(root: Path, days: int) -> Done:
    """Decide the slot so many days after the first."""
    return twokey(root, "run", "--on", str(DAY + timedelta(days=days)))


def restore(root: Path, digest: str, typed: str) -> Done:
    """Put a configuration back, with what is typed at a terminal."""
    return by_person(root, "policy", "restore", digest, "--by", "ann", typed=typed)


def test_the_last_known_good_policy_comes_back_and_opens_what_was_frozen_with_it(workspaces: Workspaces):
    """Frozen, spoiled by an edit, found in the history, put back: the file as it was, and the gate open again."""
    root = workspaces.copy("policy_history")
    path = root / "config" / "policy.yml"
    good = path.read_text(encoding="utf-8")
    by_person(root, "rollout", "advance", "B", *WORD)
    first = run(root, 0)
    change_policy(root, LOOSER)
    edited = run(root, 1)
    history = twokey(root, "policy", "history").facts
    path.write_text("no policy: at all\n", encoding="utf-8")
    spoiled = twokey(root, "policy", "history").facts
    kept = next(one for one in history["used"] if one["kind"] == "policy" and one["last_good"])
    unsure = restore(root, kept["hash"][:8], "other\n")
    silent = restore(root, kept["hash"][:8], "main\n\n")
    back = restore(root, kept["hash"][:8], "main\nthe edit was a slip\n")
    again, after = restore(root, kept["hash"][:8], "main\nx\n"), run(root, 2)

    policies = [one for one in history["used"] if one["kind"] == "policy"]
    assert [(one["is_now"], one["is_kept"], one["tickets"], bool(one["last_good"])) for one in policies] == [
        (True, True, 1, False),
        (False, True, 1, True),
    ]
    assert [one["is_kept"] for one in history["used"] if one["kind"] == "universe"] == [True]
    assert (history["now"]["policy"], spoiled["now"]["policy"]) == (policies[0]["hash"], "unreadable")
    assert (first.code, edited.code, after.code) == (0, 3, 0)
    assert (unsure.code, silent.code, back.code, again.code) == (2, 2, 0, 2), back.err
    assert ("did not match" in unsure.err, "a reason is needed" in silent.err) == (True, True)
    assert "is the one that stands" in again.err
    assert (path.read_text(encoding="utf-8"), back.facts["is_same"]) == (good, True)
    assert (path.with_name(back.facts["aside"])).read_text(encoding="utf-8") == "no policy: at all\n"
    with desk_of(root) as desk:
        rows = desk.session("reader").all("SELECT book, kind, hash, replaced, said_by, reason FROM config_restore")
    assert rows == [
        {"book": "main", "kind": "policy", "hash": kept["hash"], "replaced": "unreadable"}
        | {"said_by": "ann", "reason": "the edit was a slip"}
    ]
    assert look(root)["problem"] is None


def test_a_universe_comes_back_too_and_nothing_without_a_person(workspaces: Workspaces):
    """A row that was deleted stands there again; not at a terminal, too few digits and an unknown hash are refused."""
    root = workspaces.copy("universe_history")
    path = root / "config" / "universe.csv"
    good = path.read_text(encoding="utf-8")
    run(root, 0)
    digest = next(one["hash"] for one in twokey(root, "policy", "history").facts["used"] if one["kind"] == "universe")
    path.write_text("".join(good.splitlines(keepends=True)[:-1]), encoding="utf-8")

    nobody = twokey(root, "policy", "restore", digest, "--by", "ann")
    unknown = [restore(root, wanted, "main\nx\n") for wanted in (digest[:7], "f" * 64)]
    back = restore(root, digest, "main\na row was lost\n")

    assert [done.code for done in (nobody, *unknown, back)] == [2, 2, 2, 0], back.err
    assert ("run it at a terminal" in nobody.err, "give 8 digits or more" in unknown[0].err) == (True, True)
    assert (path.read_text(encoding="utf-8"), back.facts["is_same"]) == (good, True)

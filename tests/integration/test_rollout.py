"""The rollout of a book at the command line: phases that freeze what decides, and windows in which it may change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from cli import terminal
from tests.integration.forking import Forker, forking
from tests.integration.workspaces import (
    DAY,
    Done,
    Workspaces,
    by_person,
    change_desk,
    change_policy,
    desk_of,
    look,
    twokey,
)

KEEPS_SERVERS = True
WORD = ("--by", "ann", "--reason", "the pilot begins")
BACKUP = ("backup_after_run: false", "backup_after_run: true")
DESK_WEIGHT = ("\nweight_max: 0.25", "\nweight_max: 0.30")
BROKER = ("  venue: paper", "  venue: manual")
LOOSER = ("  drawdown_max: 0.20", "  drawdown_max: 0.25")


@pytest.fixture
def root(workspaces: Workspaces, request: pytest.FixtureRequest) -> Path:
    """Give a workspace of its own in which nothing was decided."""
    return workspaces.copy(request.function.__name__[:40])


@pytest.fixture(scope="module")
def forker(workspaces: Workspaces) -> Iterator[Forker]:
    """Give the process whose commands can be killed."""
    with forking(workspaces) as forker:
        yield forker


def told_of(root: Path, *phases: str) -> list[tuple[int, int] | None]:
    """Give the slots and the comparisons of each phase, None where the book was never in it."""
    found = twokey(root, "rollout", "status").facts["phases"]
    figures = [found[phase]["figures"] for phase in phases]
    return [one and (one["slots"], one["comparisons"]) for one in figures]


def run(root: Path, days: int) -> Done:
    """Decide the slot so many days after the first."""
    return twokey(root, "run", "--on", str(DAY + timedelta(days=days)))


def closed(done: Done) -> list[str]:
    """Name the gates that closed."""
    reasons = done.facts["reasons"] if done.facts["kind"] == "NO-TRADE" else []
    return sorted({reason.partition(":")[0] for reason in reasons})


def test_what_a_phase_froze_may_change_in_a_window_only(root: Path):
    """Open as it was frozen, closed once the policy is edited, open again by a person's word or by undoing the edit."""
    begun = by_person(root, "rollout", "advance", "B", *WORD)
    first = run(root, 0)
    change_policy(root, LOOSER)
    edited = run(root, 1)
    window = by_person(root, "rollout", "change-window", "--by", "ann", "--reason", "a wider switch, after a talk")
    allowed = run(root, 2)
    change_policy(root, LOOSER[::-1])
    back = run(root, 3)
    change_policy(root, LOOSER)
    undone = run(root, 6)

    frozen = begun.facts["frozen"]
    assert (begun.code, begun.facts["phase"], begun.facts["pinned"]) == (0, "B", None)
    assert (sorted(frozen), frozen["model"]) == (["code", "desk", "model", "policy", "universe"], "none")
    assert (closed(first), closed(allowed), closed(undone)) == ([], [], [])
    assert closed(edited) == closed(back) == ["configuration"]
    was, now = frozen["policy"][:8], window.facts["frozen"]["policy"][:8]
    assert was != now
    assert f"policy was {was} when it was frozen in phase B, it is {now}" in str(edited.facts["reasons"])
    assert f"policy was {now} when it was frozen in phase B, it is {was}" in str(back.facts["reasons"])
    for done in (first, edited, allowed, back, undone):
        assert twokey(root, "replay", done.facts["run_id"]).code == 0
    with desk_of(root) as desk:
        kept = desk.session("reader").all("SELECT book, said_by, reason FROM change_window")
        hashes = desk.session("reader").all("SELECT kind FROM frozen_hash WHERE change_window IS NOT NULL ORDER BY id")
    assert kept == [{"book": "main", "said_by": "ann", "reason": "a wider switch, after a talk"}]
    assert [row["kind"] for row in hashes] == ["policy", "universe", "desk", "model", "code"]
    assert look(root)["problem"] is None


def test_a_limit_of_the_desk_is_frozen_and_the_rest_of_its_file_is_not(root: Path):
    """A weight that all books may reach is a limit like those of the policy; when a backup is made is none."""
    begun = by_person(root, "rollout", "advance", "B", *WORD)
    change_desk(root, BACKUP)
    first = run(root, 0)
    change_desk(root, DESK_WEIGHT)
    edited = run(root, 1)
    window = by_person(root, "rollout", "change-window", "--by", "ann", "--reason", "more in one name, after a talk")
    allowed = run(root, 2)

    was, now = begun.facts["frozen"]["desk"][:8], window.facts["frozen"]["desk"][:8]
    assert (closed(first), closed(edited), closed(allowed)) == ([], ["configuration"], [])
    assert f"desk was {was} when it was frozen in phase B, it is {now}" in str(edited.facts["reasons"])


def test_a_phase_without_real_money_freezes_nothing(root: Path):
    """The policy of a dry run is edited as one likes, and a window there is refused with the reason."""
    unset = by_person(root, "rollout", "change-window", *WORD)
    by_person(root, "rollout", "advance", "B", *WORD)
    same = by_person(root, "rollout", "change-window", *WORD)
    back = by_person(root, "rollout", "advance", "A", *WORD)
    change_policy(root, LOOSER)
    dry = run(root, 0)
    refused = by_person(root, "rollout", "change-window", *WORD)

    assert back.facts["frozen"] == {}
    assert closed(dry) == []
    assert [done.code for done in (unset, same, refused)] == [2, 2, 2]
    assert "book main is in no phase, which freezes nothing" in unset.err
    assert "nothing of book main has changed since it was frozen" in same.err
    assert "book main is in phase A, which freezes nothing" in refused.err


def test_going_on_names_what_the_phase_left_behind_has_not_met(root: Path):
    """Nothing is refused, for the phase is a person's step: but nobody takes it without being told. Back, nothing is passed."""
    run(root, 0)
    on = by_person(root, "rollout", "advance", "B", *WORD)
    back = by_person(root, "rollout", "advance", "A", *WORD)

    unmet = {tuple(item.split(": ")[:2]) for item in on.facts["passed_over"]}
    assert (on.code, back.code, back.facts["passed_over"]) == (0, 0, [])
    assert {("phase A, compliance", "not met"), ("phase A, clean runs", "not yet measurable")} <= unmet
    assert all(name.startswith("phase A, ") and state != "met" for name, state in unmet)


def test_a_book_that_an_earlier_version_advanced_is_closed_until_a_person_freezes_it(root: Path):
    """It names what to do; a phase without a word for it, or of nobody, is refused."""
    with desk_of(root) as desk:
        row = {"book": "main", "phase": "C", "said_by": "p", "reason": "ready"}
        desk.session("person").add("rollout_step", [row])
        desk.heads.keep(desk.chain.head())
    before = run(root, 0)
    window = by_person(root, "rollout", "change-window", "--by", "ann", "--reason", "after the upgrade")
    after = run(root, 1)
    nobody = by_person(root, "rollout", "advance", "A", "--by", " ", "--reason", "x")

    assert closed(before) == ["configuration"]
    assert "phase C has no frozen policy, universe, desk, model, code; `twokey rollout change-window" in str(
        before.facts
    )
    assert (window.code, closed(after)) == (0, [])
    assert (nobody.code, "a person's word" in nobody.err) == (2, True)


def test_the_status_is_computed_from_what_was_decided_and_attested(root: Path):
    """Rehearsals are told and prove nothing; a person's word is kept with its file; a phase that was left keeps its facts."""
    scan = root / "fractions.pdf"
    scan.write_bytes(b"a screen of the broker")
    first = run(root, 0)
    said = by_person(
        root, "rollout", "attest", "fractions", "--evidence", str(scan), "--by", "ann", "--note", "tried it"
    )
    against = by_person(
        root, "rollout", "attest", "w8ben", "--evidence", str(scan), "--by", "ann", "--note", "ran out", "--fails"
    )
    dry = twokey(root, "rollout", "status").facts
    twokey(root, "halt", "--book", "main", "a smell")
    by_person(root, "rollout", "advance", "B", *WORD)
    pilot = twokey(root, "rollout", "status").facts

    assert (said.code, against.code) == (0, 0)
    assert (said.facts["holds"], said.facts["sha256"]) == (True, sha256(scan.read_bytes()).hexdigest())
    assert (dry["phase"], pilot["phase"]) == ("A", "B")
    assert [phase for phase, told in dry["phases"].items() if told["figures"] is not None] == ["A"]
    told = {item["name"]: (item["state"], item["words"]) for item in dry["phases"]["A"]["criteria"]}
    assert told["clean runs"] == told["data"] == ("not yet measurable", "nothing of a real day was measured yet")
    assert told["compliance"][0] == "not met"
    assert told["compliance"][1].startswith("1 of 8 items hold; without a word: minimums, ")
    assert told["compliance"][1].endswith("does not hold: w8ben")
    found = dry["phases"]["A"]["figures"]
    assert (first.facts["kind"], found["slots"], found["real"], found["defects"]) == ("TRADE", 1, 0, [])
    assert 0.5 < float(found["share_passing"]["worst"]) <= 1
    assert pilot["phases"]["A"]["figures"] == found
    assert pilot["phases"]["B"]["figures"]["slots"] == 0
    assert [phase for phase, one in pilot["phases"].items() if one["is_now"]] == ["B"]
    assert look(root)["problem"] is None


def test_the_dry_run_is_still_there_when_the_policy_names_a_broker(root: Path):
    """What was decided on paper stays phase A's before a person sets a phase and after; the shadow's is told apart."""
    paper = [run(root, days) for days in (0, 1)]
    dry = twokey(root, "rollout", "status").facts
    change_policy(root, ("  venue: paper", "  venue: manual"))
    named = twokey(root, "rollout", "status").facts
    shadow = run(root, 2)
    shown = twokey(root, "rollout", "status").facts
    on = by_person(root, "rollout", "advance", "B", *WORD)
    pilot = twokey(root, "rollout", "status").facts

    assert ([done.facts["kind"] for done in paper], shadow.facts["kind"]) == (["TRADE", "TRADE"], "HOLD")
    found = dry["phases"]["A"]["figures"]
    assert (found["slots"], found["comparisons"]) == (2, 2)
    assert [told["phase"] for told in (dry, named, shown, pilot)] == ["A", "A", "A", "B"]
    assert [told["phases"]["A"]["figures"] for told in (named, shown, pilot)] == [found] * 3
    assert named["phases"]["A"]["capital_fraction"] == "0"
    zero = [told["phases"]["0"]["figures"] for told in (dry, named, shown, pilot)]
    assert [figures and figures["slots"] for figures in zero] == [None, 0, 1, 1]
    assert (on.code, len(on.facts["passed_over"])) == (0, 9)
    assert all(item.startswith("phase A, ") for item in on.facts["passed_over"])


def test_a_stay_that_a_person_began_ends_where_the_next_one_begins(root: Path):
    """Slots are counted in the stay in which they were decided; the last stay in a phase is shown, on paper or at a broker."""
    told = []
    for days, phase in zip((0, 1, 3), "AAB", strict=True):
        run(root, days)
        by_person(root, "rollout", "advance", phase, *WORD)
        told.append(twokey(root, "rollout", "status").facts["phases"])
        if days == 1:
            run(root, 2)
            change_policy(root, BROKER)
    run(root, 6)
    by_person(root, "rollout", "advance", "A", *WORD)
    told.append(twokey(root, "rollout", "status").facts["phases"])

    counted = [[one[phase]["figures"] and one[phase]["figures"]["slots"] for phase in "0AB"] for one in told]
    assert counted == [[None, 0, None], [None, 0, None], [None, 2, 0], [None, 0, 1]]


def test_paper_shows_nothing_of_a_phase_with_real_money(root: Path):
    """Neither its slots nor its comparisons count there; what the broker's tickets come to does."""
    by_person(root, "rollout", "advance", "B", *WORD)
    paper = [run(root, days).facts["kind"] for days in (0, 1)]
    dry = told_of(root, "B")
    change_policy(root, BROKER)
    run(root, 2)
    named = told_of(root, "B")
    by_person(root, "rollout", "advance", "A", *WORD)

    assert paper == ["TRADE", "TRADE"]
    assert (dry, named) == ([(0, 0)], [(1, 0)])
    assert told_of(root, "0", "A", "B") == [None, (0, 0), (1, 0)]


@pytest.mark.parametrize(("changes", "slots"), [((), [0, 2]), ((BROKER,), [1, 1])])
def test_a_run_that_was_killed_is_of_the_venue_that_its_policy_named(workspaces, forker, changes, slots):
    """Without a ticket it takes nothing from the dry run where it was a broker's, whatever the policy says afterwards."""
    root = workspaces.copy(f"killed-{len(changes)}")
    run(root, 0)
    change_policy(root, *changes)
    forker.run(root, "run", "--on", str(DAY + timedelta(days=1)), kill_before="ticket")
    change_policy(root, *([] if changes else [BROKER]))
    broker = told_of(root, "0", "A")
    change_policy(root, BROKER[::-1])
    paper = told_of(root, "A")

    assert [one and one[0] for one in broker] == slots
    assert [one and one[0] for one in paper] == slots[1:]


def test_a_slot_that_was_decided_again_for_a_broker_is_still_the_dry_runs(root: Path):
    """It was revised there, and says so; at the broker it is the first word."""
    run(root, 0)
    change_policy(root, BROKER)
    again = twokey(root, "run", "--on", str(DAY), "--revise", "--by", "ann", "--reason", "for the broker")

    figures = {phase: told["figures"] for phase, told in twokey(root, "rollout", "status").facts["phases"].items()}
    assert again.code == 0, again.err
    assert [figures[phase]["slots"] for phase in "0A"] == [1, 1]
    assert [len(figures[phase]["defects"]) for phase in "0A"] == [0, 1]
    assert "revised by ann: for the broker" in figures["A"]["defects"][0]


def test_what_stands_when_the_name_was_typed_is_what_is_frozen(root: Path, monkeypatch: pytest.MonkeyPatch):
    """An edit that is made while a person types is of what they let stand."""

    frozen = []
    for step, edit in ((("advance", "B"), LOOSER), (("change-window",), LOOSER[::-1])):

        def type_slowly(question: str, edit: tuple[str, str] = edit) -> str:
            change_policy(root, edit)
            return "main"

        with monkeypatch.context() as patch:
            patch.setattr(terminal, "ask", type_slowly)
            done = by_person(root, "rollout", *step, *WORD)
        frozen.append((done.code, done.facts["frozen"]["policy"]))
        after = by_person(root, "rollout", "change-window", *WORD)
        assert (after.code, "nothing of book main has changed" in after.err) == (2, True)

    assert [code for code, _ in frozen] == [0, 0]
    assert frozen[0] != frozen[1]


def test_a_step_is_refused_without_a_person_who_types_the_books_name(root: Path):
    """No terminal, another name or the end of the input: the phase and what is frozen stay as they were."""
    scan = root / "scan"
    scan.write_bytes(b"x")
    window = ("rollout", "change-window", "--by", "ann", "--reason", "a wider switch")
    shown = ("rollout", "attest", "w8ben", "--evidence", str(scan), "--by", "ann", "--note", "looked")
    on, back = (("rollout", "advance", phase, *WORD) for phase in "BA")
    begun = by_person(root, *on)
    change_policy(root, LOOSER)

    nobody = [twokey(root, *step) for step in (back, window, shown)]
    unsure = [by_person(root, *step, typed=typed) for step in (back, window) for typed in ("", "Main\n", "yes\n")]

    assert begun.code == 0
    assert [done.code for done in (*nobody, *unsure)] == [2] * 9
    for done, name in zip(nobody, ("advance", "change-window", "attest"), strict=True):
        assert f"rollout {name} asks a person: run it at a terminal" in done.err
    assert ["the name did not match; the phase is as it was" in done.err for done in unsure[:3]] == [True] * 3
    assert ["the name did not match; what is frozen is as it was" in done.err for done in unsure[3:]] == [True] * 3
    assert "book main goes from phase B to phase A. Type the name 'main' to do it: " in unsure[0].err
    assert "goes from phase A to phase B, passing over 9 criteria that are not met. Type" in begun.err
    with desk_of(root) as desk:
        kept = [
            desk.session("reader").one(f"SELECT count(*) AS n FROM {table}")
            for table in ("rollout_step", "change_window", "attestation")
        ]
    assert kept == [{"n": 1}, {"n": 0}, {"n": 0}]


def test_what_cannot_be_attested_is_refused_and_nothing_is_kept(root: Path):
    """An item that nobody asks for, a file without a byte, of blanks or that is not there, a word of nobody."""
    empty, blank, scan = root / "empty", root / "blank", root / "scan"
    empty.touch()
    blank.write_bytes(b" \t\r\n\n")
    scan.write_bytes(b"x")

    def attest(item: str, file: Path, by: str = "ann") -> Done:
        return by_person(root, "rollout", "attest", item, "--evidence", str(file), "--by", by, "--note", "looked")

    files = [attest("w8ben", file) for file in (empty, blank, root / "gone")]
    refused = [attest("luck", scan), *files, attest("w8ben", scan, "")]

    assert [done.code for done in refused] == [2] * 5
    told = (
        "there is no item luck; the items are fractions, ",
        "empty has 0 bytes",
        "blank has 5 bytes and all of them are blank; it shows nothing",
        "could not be read",
        "must not be empty",
    )
    assert [words in done.err for words, done in zip(told, refused, strict=True)] == [True] * 5
    with desk_of(root) as desk:
        assert desk.session("reader").one("SELECT count(*) AS n FROM attestation") == {"n": 0}

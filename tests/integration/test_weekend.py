"""Days without a slot: what decides nothing takes the newest slot that has come, and a run waits for its day."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cli.main import main
from tests.integration.test_models import learns
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces, look, morning, the_time_is, twokey

KEEPS_SERVERS = True
THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY = (DAY + number * ONE_DAY for number in range(2, 7))
COMMANDS = ("settle", "train", "score")


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a workspace whose book learns, and decided nothing."""
    made = workspaces.copy("weekend")
    learns(made)
    return made


def test_fridays_fills_are_booked_on_saturday(workspaces: Workspaces):
    """They are those of the next run, to the last: it finds nothing more to book, and the venue's books agree."""
    root, twin = (workspaces.copy(name, *BUSY) for name in ("saturday", "monday"))
    for one in (root, twin):
        with the_time_is(morning(THURSDAY)):
            assert twokey(one, "settle").code == 0
        with the_time_is(morning(FRIDAY)):
            assert twokey(one, "run", "--no-ingest").facts["kind"] == "TRADE"

    with the_time_is(morning(SATURDAY)):
        settled, again = twokey(root, "settle"), twokey(root, "settle")
    with the_time_is(morning(MONDAY)):
        ran = [twokey(one, "run", "--no-ingest").facts for one in (root, twin)]
    held = [twokey(one, "positions", "--as-of", str(MONDAY)).facts["positions"] for one in (root, twin)]

    assert settled.facts["entries"] > 0
    assert (settled.facts["slot"], settled.facts["as_of"]) == (str(FRIDAY), str(FRIDAY))
    assert (settled.facts["breaks"], settled.facts["stamps"]) == ([], ["SYNTHETIC"])
    assert (again.facts["reports"], again.facts["entries"]) == (0, 0)
    assert held[0] == held[1] != []
    assert [one["hash"] for one in ran] == [ran[0]["hash"]] * 2
    assert look(root)["problem"] is None


@pytest.mark.parametrize("day", [SATURDAY, SUNDAY], ids=str)
def test_training_and_scoring_take_fridays_slot(root, day):
    """The same model and the same scores as of that day by name: what Friday morning knew, and not a session more."""
    with the_time_is(morning(day)):
        trained, scored = (twokey(root, command) for command in ("train", "score"))
        named = [twokey(root, command, "--on", str(FRIDAY)) for command in ("train", "score")]

    assert [trained.code, scored.code] == [0, 0]
    assert [trained.facts["slot"], scored.facts["slot"]] == [str(FRIDAY)] * 2
    assert [trained.facts["as_of"], scored.facts["as_of"]] == [str(THURSDAY)] * 2
    assert [trained.facts, scored.facts] == [one.facts for one in named]


def test_the_slot_that_was_taken_is_said(root, capsys):
    """Where it is today's nothing needs to be said."""
    said = {}
    for day in (MONDAY, SUNDAY):
        with the_time_is(morning(day)):
            codes = [main([command, "-w", str(root)]) for command in COMMANDS]
        said[day] = capsys.readouterr().out.splitlines()
        assert codes == [0, 0, 0]

    words = f"slot of {FRIDAY}, the newest that has come ({SUNDAY} is a Sunday)"
    assert [line for line in said[SUNDAY] if line.startswith("slot of")] == [
        f"{words}: closes up to {until}" for until in (FRIDAY, THURSDAY, THURSDAY)
    ]
    assert not [line for line in said[MONDAY] if line.startswith("slot of")]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_sunday_that_is_asked_for_is_refused_with_the_day_to_take(root, command):
    """Nobody decides then; also of a Sunday to come the newest run day is named that has come."""
    with the_time_is(morning(MONDAY)):
        past, to_come = (twokey(root, command, "--on", str(day)) for day in (SUNDAY, SUNDAY + timedelta(days=14)))

    assert (past.code, to_come.code) == (2, 2)
    assert f"{SUNDAY} is a Sunday; the book main decides on weekdays; take --on {FRIDAY}" in past.err
    assert f"take --on {MONDAY}" in to_come.err


def test_a_run_waits_for_its_day(root):
    """No ticket is made of another day than the one that it is."""
    with the_time_is(morning(SUNDAY)):
        refused = twokey(root, "run", "--no-ingest")

    assert refused.code == 2
    assert f"{SUNDAY} is a Sunday; the book main decides on weekdays" in refused.err

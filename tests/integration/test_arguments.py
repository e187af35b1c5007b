"""Arguments: where they may stand, and what is refused before anything begins."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.command import instant
from cli.main import main
from tests.integration.workspaces import DAY, LAST, Workspaces, counts, desk_of, end_bars, morning, the_time_is, twokey


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a workspace that these tests only read."""
    return workspaces.copy("arguments")


@pytest.mark.parametrize(
    "arguments",
    [
        ("-w", "ROOT", "--json", "ticket", "list"),
        ("ticket", "-w", "ROOT", "--json", "list"),
        ("ticket", "list", "-w", "ROOT", "--json"),
        ("--json", "ticket", "list", "--workspace", "ROOT"),
        ("-w", "/nowhere", "ticket", "list", "-w", "ROOT", "--json"),
    ],
    ids=" ".join,
)
def test_workspace_and_json_may_stand_before_the_command_and_after(root, capsys, arguments):
    """Every place is the same; what is said last counts."""
    code = main([str(root) if word == "ROOT" else word for word in arguments])

    assert (code, json.loads(capsys.readouterr().out)) == (0, {"tickets": []})


def test_the_workspace_of_the_environment_gives_way_to_the_argument(root, capsys, monkeypatch):
    """An argument is nearer than a setting, and the setting nearer than the default."""
    monkeypatch.setenv("TWOKEY_WORKSPACE", "/nowhere")

    assert main(["-w", str(root), "ticket", "list"]) == 0
    assert main(["ticket", "list"]) == 1
    assert "/nowhere is no workspace" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("init", "FILE"), 2, "FILE is not a folder; give a folder"),
        (("init", "FILE/below"), 2, "FILE is not a folder; give a folder"),
        (("-w", "FILE", "init"), 2, "FILE is not a folder; give a folder"),
        (("-w", "FILE/below", "demo"), 2, "FILE is not a folder; give a folder"),
        (("-w", "FILE", "run"), 1, "FILE is not a folder; give the folder of a workspace"),
        (("-w", "FILE", "keys", "list"), 1, "FILE is not a folder; give the folder of a workspace"),
        (("-w", "FILE", "mcp", "ledger"), 1, "FILE is not a folder; give the folder of a workspace"),
        (
            ("-w", "FILE/below", "ticket", "list"),
            1,
            "FILE/below is no workspace; `twokey init FILE/below` makes one; another is named with -w FOLDER or in"
            " TWOKEY_WORKSPACE",
        ),
    ],
)
def test_a_file_where_the_workspace_should_be_is_one_line(tmp_path, capsys, arguments, code, says):
    """With the path and what to give instead, whichever command meets it."""
    file = tmp_path / "ro.pdf"
    file.touch()

    ended = main([word.replace("FILE", str(file)) for word in arguments])

    printed = capsys.readouterr()
    assert (ended, printed.out) == (code, "")
    assert printed.err.removeprefix("twokey mcp ledger: ").removeprefix("twokey: ") == f"{says}\n".replace(
        "FILE", str(file)
    )


def test_the_demonstration_keeps_a_folder_of_its_own():
    """Without a word about the workspace no command but `demo` goes there."""
    from cli.main import build_parser

    assert build_parser().parse_args(["demo"]).default_workspace == "workspace-demo"
    assert build_parser().parse_args(["run"]).default_workspace == "workspace"


def test_a_simulation_past_today_is_refused_before_it_begins(workspaces):
    """Nothing is decided of the days that could be."""
    root = workspaces.copy("past-today")
    with the_time_is(morning(DAY)):
        refused = twokey(root, "simulate", "--from", str(DAY), "--to", str(DAY + timedelta(days=1)))

    assert refused.code == 2
    assert f"--to {DAY + timedelta(days=1)} has not come; today is {DAY}" in refused.err
    with desk_of(root) as desk:
        assert counts(desk.session("reader"))["run"] == 0


def test_a_simulation_past_the_bars_names_the_last_day_that_it_can_reach(workspaces):
    """The slot after the last bar is the last; the one after it is refused, and nothing before it is decided."""
    root = workspaces.copy("past-bars")
    end_bars(root, DAY)
    last = DAY + timedelta(days=1)

    refused = twokey(root, "simulate", "--from", str(DAY), "--to", str(last + timedelta(days=2)))

    assert refused.code == 2
    assert f"the ingested bars end on {DAY}; the slots from {last + timedelta(days=1)}" in refused.err
    assert f"take --to {last} at the latest" in refused.err
    with desk_of(root) as desk:
        assert counts(desk.session("reader"))["run"] == 0
    assert twokey(root, "simulate", "--from", str(DAY), "--to", str(last)).facts["slots"] == 2


def test_a_simulation_that_begins_past_the_bars_is_refused(root):
    """There is no day to name but an earlier one."""
    first = LAST + timedelta(days=10)

    refused = twokey(root, "simulate", "--from", str(first), "--to", str(first + timedelta(days=1)))

    assert (refused.code, "take earlier days" in refused.err) == (2, True)


def test_a_workspace_without_runs_names_the_command_that_makes_one(root):
    """There is none to name."""
    refused = twokey(root, "replay", "RUN-20240612-r1")

    said = "twokey: there is no run RUN-20240612-r1; none was made yet: `twokey run` makes one\n"
    assert (refused.code, refused.err) == (2, said)


def test_reconcile_takes_no_day(root):
    """It compares with the newest snapshot, whatever day that is; a day that would be ignored is refused."""
    with pytest.raises(SystemExit) as ended:
        twokey(root, "reconcile", "--on", str(DAY))

    assert ended.value.code == 2


def test_an_instant_has_an_offset():
    """Of any zone, and is told in UTC."""
    assert (
        instant("2024-02-05T20:00:00Z") == instant("2024-02-05T15:00:00-05:00") == datetime(2024, 2, 5, 20, tzinfo=UTC)
    )
    with pytest.raises(
        ArgumentTypeError, match="'2024-02-05T20:00:00' says no offset from UTC; write 2024-02-05T20:00:00Z"
    ):
        instant("2024-02-05T20:00:00")
    with pytest.raises(ArgumentTypeError, match="'evening' is no instant; write YYYY-MM-DDTHH:MM:SSZ"):
        instant("evening")

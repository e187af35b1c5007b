"""The README's commands with bars run, in their order, as they stand: on a made market, and fewer days."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.main import main
from tests.conftest import ROOT
from tests.integration.workspaces import make_folder, the_time_is

# The Monday after the last bar, before London's slot ends.
TODAY = datetime(2024, 7, 1, 7, tzinfo=UTC)
MARKET = "--synthetic 1 --from 2023-01-02 --to 2024-06-28"
# What is another market here, and what would take minutes.
INSTEAD = (
    (r"^init (\w+)$", r"init \1 --synthetic"),
    (r"--archive PATH \.\.\.$", MARKET),
    (r"--from 2023-01-02 --to 2024-12-31$", "--from 2024-06-10 --to 2024-06-13"),
    (r"--on 2025-01-02$", "--on 2024-06-14"),
    (r"(backtest .*)--from 2019-01-01$", r"\1--from 2024-03-01 --seeds 20"),
)


def commands() -> Iterator[str]:
    """Give the commands of the block, without their comments."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = text.partition("## With real bars")[2].split("```")[1]
    yield from re.findall(r"(?m)^\.venv/bin/twokey (.*?)(?: +#.*)?$", block)


def as_run_here(command: str) -> str:
    """Give a command with its market and its days replaced."""
    for what, instead in INSTEAD:
        command = re.sub(what, instead, command)
    return command


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a folder of our own, with no word about a workspace."""
    made = make_folder("readme-")
    monkeypatch.chdir(made)
    monkeypatch.delenv("TWOKEY_WORKSPACE", raising=False)
    yield made
    monkeypatch.undo()
    shutil.rmtree(made)


def test_the_block_with_bars_runs_in_its_order(folder: Path):
    """Nothing is refused for what was done before it, and the run that is replayed is one that was made."""
    told = list(commands())
    offline = [one for one in told if "--fetch" not in one]
    ended = []

    with the_time_is(TODAY):
        for one in offline:
            said = io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                ended.append((one, main(shlex.split(as_run_here(one))), said.getvalue()))

    assert len(told) - len(offline) == 1
    assert {one.split()[0] for one in offline} == {"init", "ingest", "run", "simulate", "replay", "backtest", "export"}
    assert [(one, code, said) for one, code, said in ended if code != 0] == []
    assert next(said for one, _, said in ended if one.startswith("run")).startswith("# TICKET-20240701: TRADE")


def test_each_command_but_init_names_its_workspace():
    """And only those that were made before it."""
    made: set[str] = set()
    for one in commands():
        words = shlex.split(one)
        if words[0] == "init":
            made.add(words[1])
        else:
            assert words[words.index("-w") + 1] in made, one

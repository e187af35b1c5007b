"""Workspaces with the recorded market: made once a process, and copied for each test that changes one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from adapters.postgres.embedded import EmbeddedServer
from core.calendar import load_calendar
from core.domain.bars import Days
from tests.integration.workspaces import RUNNING_MAX, held, make_folder, twokey
from tests.real.catalogue import Catalogue, Claim

MAIN_SET = ("eod/sp500_yahoo", "eod/benchmarks/spy_qqq_raw_and_adjusted.csv", "fx/ecb/eurofxref-hist.zip")


@dataclass(frozen=True)
class Copy:
    """Copies a workspace to a new place, with owners and modes as they are; its server runs on from command to command.

    To begin and to end one each time is half of what a command takes. Before a workspace is copied, its server is stopped.
    """

    running: dict[Path, EmbeddedServer] = field(default_factory=dict)

    def __call__(self, of: Path, root: Path) -> Path:
        """Copy a workspace and start the copy's server; the oldest gives way where many run."""
        for older in (of, *tuple(self.running)[: len(self.running) + 1 - RUNNING_MAX]):
            self._let_go(older)
        subprocess.run(["cp", "-a", of, root], check=True)
        self.running[root] = held(root)
        self.running[root].start()
        return root

    def end(self, folder: Path) -> None:
        """Stop the servers of all copies in a folder."""
        for root in [one for one in self.running if one.is_relative_to(folder)]:
            self._let_go(root)

    def _let_go(self, root: Path) -> None:
        if server := self.running.pop(root, None):
            server.release()


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """Give a folder that the database's account may pass; it is removed at the end."""
    folder = make_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def fresh(place: Path) -> Path:
    """Give a workspace as `twokey init` makes it, without any data; its server is stopped."""
    root = place / "fresh"
    assert twokey(root, "init").code == 0
    return root


@pytest.fixture(scope="session")
def copy(place: Path) -> Iterator[Copy]:
    """Give what copies workspaces; at the end the servers of all copies are stopped."""
    made = Copy()
    yield made
    made.end(place)


@pytest.fixture(scope="session")
def recorded(place: Path, fresh: Path, copy: Copy, shared: Path) -> Path:
    """Give a workspace that holds the main set, the benchmarks and the European Central Bank's rates."""
    root = copy(fresh, place / "recorded")
    done = twokey(root, "ingest", "--archive", *(str(shared / "data" / name) for name in MAIN_SET))
    assert done.code == 0, done.err
    return root


@pytest.fixture(scope="module")
def catalogue(shared: Path) -> Catalogue:
    """Give the recorded folders, each read once a file of tests."""
    return Catalogue(shared / "data")


@pytest.fixture(scope="session")
def new_york() -> Days:
    """Give the sessions of New York since 1980."""
    return np.array(load_calendar("XNYS", date(1980, 1, 1), date(2026, 6, 30)).sessions, dtype="datetime64[D]")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Print claims as a table, and hold each number found to the one stated, or to the one expected where the row says why."""

    def tell(*claims: Claim) -> None:
        with capsys.disabled():
            sys.stdout.write("\n" + "".join(f"{one}\n" for one in claims))
        assert [str(one) for one in claims if not one.holds] == []

    return tell

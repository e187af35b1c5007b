"""Workspaces with the recorded market: made once a process, and copied for each test that changes one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from core.calendar import load_calendar
from core.domain.bars import Days
from tests.integration.workspaces import make_folder, twokey
from tests.real.catalogue import Catalogue, Claim

Copy = Callable[[Path, Path], Path]
MAIN_SET = ("eod/sp500_yahoo", "eod/benchmarks/spy_qqq_raw_and_adjusted.csv", "fx/ecb/eurofxref-hist.zip")


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
def copy() -> Copy:
    """Copy a workspace whose server is stopped to a new place, with owners and modes as they are."""

    def copied(of: Path, root: Path) -> Path:
        subprocess.run(["cp", "-a", of, root], check=True)
        return root

    return copied


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

"""Workspaces with the recorded market: made once a process, and copied for each test that changes one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.workspaces import make_folder, twokey

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

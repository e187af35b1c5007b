"""What the tests of the servers share: a prepared workspace that is copied where a fresh one is needed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.workspaces import make_folder
from tests.servers.market import publish_market, settle_opening
from tests.servers.playing import Five

Copy = Callable[[], Path]


@pytest.fixture(scope="session")
def shelf() -> Iterator[Path]:
    """Give a short folder that the account of PostgreSQL can pass through; it is gone afterwards."""
    folder = make_folder("servers-")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def bare(shelf: Path) -> Path:
    """Give a workspace without market data; its server is stopped, and nobody may write into it."""
    from cli.commands.workspace import prepare

    prepare(shelf / "bare", is_synthetic=True)
    return shelf / "bare"


@pytest.fixture(scope="session")
def prepared(bare: Path, shelf: Path) -> Path:
    """Give a workspace with a synthetic market and a paper book that was opened; as `bare`, it is only copied."""
    root = copied(bare, shelf / "prepared")
    publish_market(root)
    settle_opening(root)
    return root


@pytest.fixture
def fresh(prepared: Path, shelf: Path) -> Iterator[Copy]:
    """Make copies of the prepared workspace; they are gone after the test."""
    yield from _copies(prepared, shelf)


@pytest.fixture
def empty(bare: Path, shelf: Path) -> Iterator[Copy]:
    """Make copies of the workspace without market data."""
    yield from _copies(bare, shelf)


@pytest.fixture
def five(fresh: Copy) -> Iterator[Five]:
    """Give the five servers over a fresh workspace, on a Monday that rebalances."""
    with Five(fresh()) as servers:
        yield servers


def copied(source: Path, target: Path) -> Path:
    """Copy a workspace whose server is stopped, owners included: the database may belong to another account."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    return target


def _copies(source: Path, shelf: Path) -> Iterator[Copy]:
    made: list[Path] = []

    def copy() -> Path:
        made.append(copied(source, Path(tempfile.mkdtemp(prefix="w-", dir=shelf)) / "w"))
        made[-1].parent.chmod(0o711)
        return made[-1]

    yield copy
    for root in made:
        shutil.rmtree(root.parent, ignore_errors=True)

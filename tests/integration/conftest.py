"""What tests of the whole share: a prepared workspace once a process, and copies of it for each file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.workspaces import Workspaces, make_folder, make_prepared


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """Give a workspace with a market and no decision yet, whose server is stopped."""
    top = make_folder()
    yield make_prepared(top / "prepared")
    shutil.rmtree(top)


@pytest.fixture(scope="module")
def workspaces(prepared: Path, request: pytest.FixtureRequest) -> Iterator[Workspaces]:
    """Give a folder in which copies of the prepared workspace are made.

    A file whose tests are not about a server's begin and end says `KEEPS_SERVERS = True`: they are half of its time.
    """
    made = Workspaces(make_folder(), prepared, keeps_servers=getattr(request.module, "KEEPS_SERVERS", False))
    yield made
    made.end()
    shutil.rmtree(made.top)

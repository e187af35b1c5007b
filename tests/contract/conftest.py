"""What contract tests of fetching share: a server with good answers, a raw store, and sources between the two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.files.raw_store import RawFiles
from adapters.sources.http import HttpSource
from core.settings_sources import SourceName
from tests.fakes.fetching import NAMES, Make, Store, bodies, source
from tests.fakes.replay import Replay, replaying


@pytest.fixture
def replay() -> Iterator[Replay]:
    """Give a server with good answers."""
    with replaying(bodies()) as replay:
        yield replay


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give an empty raw store."""
    return Store(RawFiles(tmp_path / "raw"), tmp_path / "cookies")


@pytest.fixture
def make(replay: Replay, store: Store) -> Make:
    """Give what makes a source that asks the server and knows what is stored."""

    def made(name: SourceName, names: Sequence[Any] = NAMES, **changes: Any) -> HttpSource:
        stored = {"records": store.raw.records, "read": store.raw.read}
        return source(name, replay.address, names, cookies=store.cookies, **(stored | changes))

    return made

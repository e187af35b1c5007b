"""Files and folders have names that say what is in them."""

from __future__ import annotations

import pytest

from tests.house.tree import assert_none, tracked_paths

REFUSED = frozenset({"util", "utils", "helper", "helpers", "manager", "common", "misc", "base", "data", "info"})


def vague_names(path: str) -> list[str]:
    """Find the parts of a path that could hold anything."""
    return [f"{path}: {part}" for part in path.split("/") if part.split(".")[0].lower() in REFUSED]


def test_every_name_says_something():
    """No tracked file or folder has a refused word for its whole stem."""
    assert_none([found for path in tracked_paths() for found in vague_names(path)])


@pytest.mark.parametrize("path", ["core/utils.py", "core/common/x.py", "tests/data/x.csv", "web/Base.html.j2", "misc"])
def test_sees_a_vague_name(path):
    """A refused stem is found in any part of a path, whatever its case and ending."""
    assert vague_names(path)


@pytest.mark.parametrize("path", ["core/market_data/clean.py", "docs/database.md", "core/basis.py"])
def test_lets_speaking_names_be(path):
    """A refused word inside a longer name is left alone."""
    assert vague_names(path) == []

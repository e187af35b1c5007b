"""The folder of an export: there whole, or not there; what stood in its place stays as it was."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from adapters.files.qlib import QlibFolder
from flows.export import NotExported
from tests.conftest import ROOT

FILES = {"README.txt": b"one", "features/aaa/open.day.bin": b"\0\0", "features/bbb/open.day.bin": b""}
KILLED = """
import os, signal, sys
from pathlib import Path
from adapters.files.qlib import QlibFolder

def files():
    yield "README.txt", b"one"
    os.kill(os.getpid(), signal.SIGKILL)

QlibFolder(Path(sys.argv[1])).write(files())
"""


def held(folder):
    """Give the files under a folder by their paths."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_makes_the_folder_and_those_above_it(tmp_path):
    """Every file is there, others may read it, and nothing hidden is left beside it."""
    folder = tmp_path / "some" / "where"

    assert QlibFolder(folder).write(FILES.items())

    assert held(folder) == FILES
    assert folder.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in folder.parent.iterdir()] == ["where"]


def test_takes_an_empty_folder(tmp_path):
    """A person may have made it."""
    assert QlibFolder(tmp_path).write(FILES.items())

    assert held(tmp_path) == FILES


def test_writes_nothing_where_it_holds_just_this(tmp_path):
    """The same export again is done already; no file is touched."""
    folder = tmp_path / "out"
    QlibFolder(folder).write(FILES.items())
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    assert not QlibFolder(folder).write(FILES.items())

    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize(
    "kept",
    [
        {"notes.txt": b"mine"},
        {**FILES, "notes.txt": b"mine"},
        {**FILES, "README.txt": b"two"},
        {"README.txt": b"one"},
    ],
    ids=["another file", "one more", "one changed", "one missing"],
)
def test_refuses_a_folder_that_holds_anything_else(tmp_path, kept):
    """It says which, and leaves it as it was."""
    folder = tmp_path / "out"
    for name, content in kept.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    with pytest.raises(NotExported, match="out holds something else already, and nothing is written over"):
        QlibFolder(folder).write(FILES.items())

    assert held(folder) == kept
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("kind", ["file", "link", "link to nothing"])
def test_refuses_what_is_no_folder(tmp_path, kind):
    """A link would be replaced instead of followed."""
    place, other = tmp_path / "out", tmp_path / "other"
    if kind == "file":
        place.write_bytes(b"mine")
    else:
        if kind == "link":
            other.mkdir()
        place.symlink_to(other)

    with pytest.raises(NotExported, match="out is no folder; name one that is not there yet"):
        QlibFolder(place).write(FILES.items())

    assert place.is_symlink() == (kind != "file")
    assert not other.exists() or not any(other.iterdir())


def test_loses_a_race_without_a_trace(tmp_path):
    """Somebody else fills the folder while the files are made: theirs stay, ours are gone."""
    folder = tmp_path / "out"

    def files():
        yield "README.txt", b"one"
        folder.mkdir()
        (folder / "theirs.txt").write_bytes(b"theirs")
        yield "late.bin", b"two"

    with pytest.raises(NotExported, match="holds something else already"):
        QlibFolder(folder).write(files())

    assert held(folder) == {"theirs.txt": b"theirs"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_process_killed_on_the_way_leaves_nothing_in_the_place(tmp_path):
    """What it had begun lies beside, hidden; the next one makes the folder."""
    folder = tmp_path / "out"

    done = subprocess.run([sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, env={**os.environ}, check=False)

    assert done.returncode == -9
    assert not folder.exists()
    assert [path.name.startswith(".writing-") for path in tmp_path.iterdir()] == [True]
    assert QlibFolder(folder).write(FILES.items())

"""Folders of workspaces: where one can be made, and what is said where none can."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.files.workspace import WorkspaceError, check_folder, need_workspace

NOBODY = 65534


@pytest.fixture
def top() -> Iterator[Path]:
    """Give a folder that others may pass, unlike pytest's own."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Be somebody who may read a folder and not write into it."""
    folder.chmod(0o555)
    was = os.geteuid()
    # Root may write everywhere.
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(was)
        folder.chmod(0o755)


@pytest.mark.parametrize("below", ["", "x", "x/y"])
def test_a_file_in_the_way_is_named(top: Path, below: str):
    """At the folder itself and anywhere above it."""
    (top / "ro.pdf").touch()

    with pytest.raises(WorkspaceError) as refused:
        check_folder(top / "ro.pdf" / below)

    assert str(refused.value) == f"{top / 'ro.pdf'} is not a folder; give a folder"


def test_a_link_to_nowhere_is_in_the_way_too(top: Path):
    """Nothing is made through it."""
    (top / "link").symlink_to(top / "gone")

    with pytest.raises(WorkspaceError, match=r"link is not a folder; give a folder$"):
        check_folder(top / "link")


@pytest.mark.parametrize("below", ["", "x/y"])
def test_a_folder_without_rights_is_named(top: Path, below: str):
    """Whoever may not write there is told where."""
    with without_rights(top), pytest.raises(WorkspaceError) as refused:
        check_folder(top / below)

    assert str(refused.value) == f"{top} may not be written by this account; give a folder that may"


@pytest.mark.parametrize("below", ["", "x/y"])
def test_a_folder_that_may_be_written_is_right(top: Path, below: str):
    """One that is there, and one to be made."""
    check_folder(top / below)


def test_what_is_no_workspace_says_what_makes_one(top: Path):
    """Of a file no command makes one; of a folder with a configuration nothing is said."""
    (top / "ro.pdf").touch()
    (top / "desk" / "config").mkdir(parents=True)

    need_workspace(top / "desk")
    with pytest.raises(WorkspaceError, match=r"ro\.pdf is not a folder; give the folder of a workspace$"):
        need_workspace(top / "ro.pdf")
    with pytest.raises(
        WorkspaceError, match=f"none is no workspace; `twokey init {top}/none` makes one; another is named with -w"
    ):
        need_workspace(top / "none")


def test_a_workspace_that_may_not_be_entered_is_none(top: Path):
    """Nobody can tell what is in it, and that is no crash."""
    (top / "desk" / "config").mkdir(parents=True)
    need_workspace(top / "desk")
    (top / "desk").chmod(0o000)

    with without_rights(top), pytest.raises(WorkspaceError, match="desk is no workspace"):
        need_workspace(top / "desk")

    (top / "desk").chmod(0o700)

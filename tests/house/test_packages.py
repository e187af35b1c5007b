"""What is in the tree is in an install: each folder of code is a package, each file that code reads is its data."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.house.tree import FLOORS, ROOT, assert_none, tracked_paths

# `config` travels as a package of data: one way to find it, installed or not.
PACKAGED = (*FLOORS, "config")
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


def folders_that_are_no_package(paths: Iterable[str]) -> list[str]:
    """Find the folders with Python files, and those above them, that lack an `__init__.py`."""
    files = set(paths)
    code = [Path(path) for path in files if path.endswith(".py") and path.split("/")[0] in PACKAGED]
    folders = {folder for path in code for folder in path.parents if folder.name}
    return sorted(str(folder) for folder in folders if f"{folder.as_posix()}/__init__.py" not in files)


def left_behind(paths: Iterable[str], wheel: Iterable[str]) -> list[str]:
    """Find the tracked files of the floors and of `config` that a wheel does not carry."""
    return sorted({path for path in paths if path.split("/")[0] in PACKAGED} - set(wheel))


def build_wheel(paths: Iterable[str], folder: Path) -> list[str]:
    """Build a wheel from copies of the files, and list what is in it."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, folder / path)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, "dist"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    return zipfile.ZipFile(wheel).namelist()


def test_folders_of_code_are_packages():
    """No folder of code is left out of an install for want of an `__init__.py`."""
    assert_none(folders_that_are_no_package(tracked_paths()))


def test_each_floor_is_installed():
    """A floor that exists in the tree is named in pyproject.toml's list of packages."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = asked["tool"]["setuptools"]["packages"]["find"]["include"]
    floors = {path.split("/")[0] for path in tracked_paths() if path.endswith(".py")} & set(PACKAGED)

    assert floors <= {name.rstrip("*") for name in included}


@pytest.mark.slow
def test_an_install_carries_every_file(tmp_path):
    """A wheel of the tree holds every file of the floors and of `config`, whatever its ending."""
    wanted = [path for path in tracked_paths() if path.split("/")[0] in PACKAGED]
    wheel = build_wheel([*wanted, "pyproject.toml", "LICENSE"], tmp_path)

    assert_none(left_behind(wanted, wheel))


def test_sees_a_folder_that_is_no_package():
    """A folder of code without an `__init__.py` is found, and one that only leads to code too."""
    paths = ["adapters/__init__.py", "adapters/render/html/page.py", "adapters/render/page.j2", "docs/conf.py"]

    assert folders_that_are_no_package(paths) == ["adapters/render", "adapters/render/html"]


def test_sees_a_file_left_behind():
    """A file of the floors that the wheel lacks is found; what is no floor's is not asked for."""
    paths = ["config/policy.yml", "core/__init__.py", "docs/a.md"]

    assert left_behind(paths, ["core/__init__.py"]) == ["config/policy.yml"]

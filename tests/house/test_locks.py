"""The locks pin everything by hash, name no place to fetch from, and hold what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT, assert_none

RUN, DEV = "requirements.lock", "requirements-dev.lock"
PLACE = re.compile(r"://|file:|^\s*-(?!-hash=)|@")
PIN = re.compile(r"^([\w.-]+)(?:\[[\w,.-]+\])?==([^\s;]+)", re.MULTILINE)


def blemishes(lock: str) -> list[str]:
    """Find the lines of a lock that name a place, and the pins without a hash."""
    lines = [line for line in lock.splitlines() if not line.lstrip().startswith("#")]
    places = [f"names a place: {line}" for line in lines if PLACE.search(line)]
    entries = re.split(r"\n(?=\S)", "\n".join(lines))
    return places + [f"without version or hash: {entry}" for entry in entries if not _is_pinned(entry)]


def unmet(asked: Iterable[str], lock: str) -> list[str]:
    """Find the requirements that a lock does not hold, or not in a version that they accept."""
    held = versions(lock)
    wanted = [Requirement(line) for line in asked]
    return [str(one) for one in wanted if not one.specifier.contains(held.get(canonicalize_name(one.name), "0"))]


def versions(lock: str) -> dict[str, str]:
    """Read the pinned version of each package."""
    return {canonicalize_name(name): version for name, version in PIN.findall(lock)}


def _is_pinned(entry: str) -> bool:
    return bool(PIN.match(entry)) and "--hash=sha256:" in entry


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [RUN, DEV])
def test_locks_are_pinned_and_name_no_place(name):
    """Whoever installs brings an index of their own and gets the same bytes."""
    assert_none(blemishes(_read(name)))


def test_locks_hold_what_is_asked_for():
    """A dependency that pyproject.toml gained or moved is in the locks; `make lock` brings it there."""
    asked = tomllib.loads(_read("pyproject.toml"))
    run = [*asked["project"]["dependencies"], *asked["dependency-groups"]["build"]]

    assert_none(unmet(run, _read(RUN)))
    assert_none(unmet([*run, *asked["project"]["optional-dependencies"]["dev"]], _read(DEV)))


def test_both_locks_agree():
    """What is tested is what runs: the dev lock holds the runtime lock."""
    assert versions(_read(RUN)).items() <= versions(_read(DEV)).items()


@pytest.mark.parametrize(
    "lock",
    [
        "--index-url https://example.org/\nx==1 --hash=sha256:0",
        "-f ../wheels\nx==1 --hash=sha256:0",
        "x @ file:x.whl --hash=sha256:0",
        "x==1",
        "x==1 \\\n    --hash=sha256:0\ny==2",
        "x>=1 --hash=sha256:0",
        "-e .",
    ],
)
def test_sees_each_blemish(lock):
    """Every planted place and every loose pin is found."""
    assert blemishes(lock)


@pytest.mark.parametrize("asked", ["y>=1", "x>=2", "x<1"])
def test_sees_what_a_lock_lacks(asked):
    """A missing package and a version out of bounds are found."""
    assert unmet([asked], "x==1.5 \\\n    --hash=sha256:0")


def test_lets_a_sound_lock_be():
    """A pin with a marker and hashes has no blemish and meets its bounds."""
    lock = "X_y[a]==1.5 ; sys_platform == 'win32' \\\n    --hash=sha256:0 \\\n    --hash=sha256:1\n    # via z"

    assert blemishes(lock) == []
    assert unmet(["x-y>=1,<2"], lock) == []

"""Versions: what a manifest names of the programs that computed."""

from __future__ import annotations

import platform
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from core.canonical import sha256_of

PACKAGES = ("core", "flows", "adapters", "servers", "agents", "cli")
CODE = (".py", ".sql", ".j2", ".md")


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Give the versions of what computes: ours, Python's and the libraries' that compute."""
    computing = ("twokey", "numpy", "pyarrow", "exchange_calendars", "lightgbm", "numba")
    return {name: version(name) for name in computing} | {"python": platform.python_version()}


def made_with() -> dict[str, str]:
    """Give what a manifest names of the programs that made a run: the versions, and the hash of the code itself."""
    return versions() | {"code": code_hash()}


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Give the SHA-256 of all that runs: every file of the program's own packages, and the versions of what computes."""
    root = Path(__file__).parents[1]
    files = (path for package in PACKAGES for path in (root / package).rglob("*") if path.suffix in CODE)
    named = {path.relative_to(root).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}
    return sha256_of({"files": named, "versions": versions()})

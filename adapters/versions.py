"""Versions: what a manifest names of the programs that computed."""

from __future__ import annotations

import platform
from functools import lru_cache
from importlib.metadata import version


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Give the versions that a manifest names: ours, Python's and the libraries' that compute."""
    computing = ("twokey", "numpy", "pyarrow", "exchange_calendars", "lightgbm", "numba")
    return {name: version(name) for name in computing} | {"python": platform.python_version()}

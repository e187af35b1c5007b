"""How a kernel is compiled: once, to a cache beside its source, with the arithmetic of the standard and nothing faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """Give a function as machine code that holds no lock.

    Each sum is made in the order that the source says, and no product is fused into a sum: an instrument's number does not
    depend on the column it stands in. The code is kept in `__pycache__` beside the source; where that folder can not be
    written, in the user's cache folder (`~/.cache/numba`); `NUMBA_CACHE_DIR` names another.
    """
    return cast(Kernel, numba.njit(cache=True, error_model="numpy", nogil=True)(function))


def inner(function: Kernel) -> Kernel:
    """Give a function as machine code for other kernels alone: without a door for Python, it compiles in half the time."""
    bare = numba.njit(cache=True, error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
    return cast(Kernel, bare(function))

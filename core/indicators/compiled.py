"""How a kernel is compiled: once, to a cache beside its source, with the arithmetic of the standard and nothing faster."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeVar, cast

import numba
import numba.core.caching
from numba.core.dispatcher import Dispatcher

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
# What is frozen into machine code when a function reads it.
READ = (Dispatcher, bool, int, float, str, tuple)


def compiled(function: Kernel) -> Kernel:
    """Give a function as machine code that holds no lock.

    Each sum is made in the order that the source says, and no product is fused into a sum: an instrument's number does not
    depend on the column it stands in. The code is kept in `__pycache__` beside the source; where that folder can not be
    written, in the user's cache folder (`~/.cache/numba`); `NUMBA_CACHE_DIR` names another; where none can be, it is not kept.
    """
    return cast(Kernel, _kept(numba.njit(error_model="numpy", nogil=True)(function)))


def inner(function: Kernel) -> Kernel:
    """Give a function as machine code for other kernels alone: without a door for Python, it compiles in half the time."""
    bare: Any = numba.njit
    made = bare(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    return cast(Kernel, _kept(made))


class _Cache:
    """What was compiled of a function; it counts only while all that the function calls reads the same.

    numba looks at the function's own file alone: a caller would go on as what it calls elsewhere was written before.
    """

    def __init__(self, function: FunctionType) -> None:
        caching: Any = numba.core.caching
        self._function, self._kept, self._is_stamped = function, caching.FunctionCache(function), False

    def __getattr__(self, name: str) -> Any:
        # Not before the first use, when all that the function calls is there.
        if not self._is_stamped:
            file = self._kept._cache_file
            file._source_stamp = (file._source_stamp, _digest(self._function))
            self._is_stamped = True
        return getattr(self._kept, name)


def _kept(kernel: Any) -> Any:
    """Let a kernel be read from and written to the cache, where there is a folder for it."""
    try:
        kernel._cache = _Cache(kernel.py_func)
    except RuntimeError:
        # numba found no folder that can be written: each process compiles for itself.
        return kernel
    return kernel


def _digest(function: FunctionType) -> str:
    """Give the SHA-256 of what a function and all kernels that it calls are compiled from."""
    told, seen, waiting = hashlib.sha256(), {function}, [function]
    while waiting:
        one = waiting.pop()
        plain = [part for part in one.__code__.co_consts if not isinstance(part, CodeType)]
        told.update(repr((one.__module__, one.__qualname__, plain)).encode() + one.__code__.co_code)
        for name, value in _read(one):
            if isinstance(value, Dispatcher):
                told.update(name.encode())
                waiting += {value.py_func} - seen
                seen.add(value.py_func)
            else:
                told.update(repr((name, value)).encode())
    return told.hexdigest()


def _read(function: FunctionType) -> Iterator[tuple[str, object]]:
    """Give the kernels and plain constants that a function reads of its module, and of the modules it names."""
    names = function.__code__.co_names
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            yield from ((part, getattr(value, part)) for part in names if isinstance(getattr(value, part, None), READ))
        elif isinstance(value, READ):
            yield name, value

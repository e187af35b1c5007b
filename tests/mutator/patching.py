"""Patching: a changed guard is put into the modules that are already loaded, in this process alone."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.mutator.guards import Mutant


def put_in(mutant: Mutant, tree: ast.Module | None, root: Path) -> None:
    """Put a mutant in: its function gets the code of the changed tree, or its tuple loses an entry, wherever it is known.

    Raises ValueError when there is no such function or tuple, or it could not take the code.
    """
    module = importlib.import_module(mutant.path.removesuffix(".py").replace("/", "."))
    if tree is None:
        _leave_out(module, mutant)
        return
    compiled = compile(tree, str(root / mutant.path), "exec")
    codes = {code.co_qualname: code for code in _codes(compiled)}
    for function in _functions(module):
        if function.__qualname__ == mutant.function:
            function.__code__ = codes[mutant.function]
            return
    raise ValueError(f"{mutant.path} has no function {mutant.function} that could be changed")


def _leave_out(module: ModuleType, mutant: Mutant) -> None:
    old = getattr(module, mutant.function)
    if not isinstance(old, tuple) or mutant.entry is None:
        raise ValueError(f"{mutant.path} has no tuple {mutant.function}")
    new = old[: mutant.entry] + old[mutant.entry + 1 :]
    for other in list(sys.modules.values()):
        for name, value in list(getattr(other, "__dict__", {}).items()):
            if value is old:
                setattr(other, name, new)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    for value in list(vars(module).values()):
        yield from _of(value, module)
        if inspect.isclass(value) and value.__module__ == module.__name__:
            for member in list(vars(value).values()):
                yield from _of(member, module)


def _of(value: Any, module: ModuleType) -> Iterator[FunctionType]:
    """Give the plain function beneath a property, a cached one, or what remembers answers."""
    if isinstance(value, property):
        value = value.fget
    elif isinstance(value, cached_property):
        value = value.func
    elif isinstance(value, staticmethod | classmethod):
        value = value.__func__
    value = inspect.unwrap(value) if callable(value) and not inspect.isclass(value) else value
    if isinstance(value, FunctionType) and value.__module__ == module.__name__:
        yield value

"""What the names in a module stand for, so that `import numpy as np` hides nothing from a rule."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Map each name that an import binds to the dotted name that it stands for."""
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            bound.update(_bound_by(name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            bound.update((name.asname or name.name, f"{node.module}.{name.name}") for name in node.names)
    return bound


def dotted_name(node: ast.expr, imported: dict[str, str]) -> str:
    """Spell `a.b.c` in full; a leading dot says that its root is no import (`.print`, `.clock.now`)."""
    if isinstance(node, ast.Name):
        return imported.get(node.id, f".{node.id}")
    if isinstance(node, ast.Attribute):
        return f"{dotted_name(node.value, imported)}.{node.attr}"
    return ""


def references(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Give every name and every whole attribute chain of a module."""
    imported = imported_names(tree)
    parts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and node not in parts:
            yield dotted_name(node, imported), node


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Give every call with the full name of what is called."""
    imported = imported_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted_name(node.func, imported), node


def is_within(name: str, roots: Iterable[str]) -> bool:
    """Say whether a dotted name is one of the roots or stands below one."""
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def strings(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Give every string of a module; what an f-string fills in stands as `{}`."""
    filled = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {part for node in filled for part in node.values}
    for whole in filled:
        yield "".join("".join(texts([part])) or "{}" for part in whole.values), whole
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            yield node.value, node


def texts(nodes: Iterable[ast.expr]) -> list[str]:
    """Give the literal strings among some expressions."""
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _bound_by(name: ast.alias) -> tuple[str, str]:
    first = name.name.split(".")[0]
    return (name.asname, name.name) if name.asname else (first, first)

"""The files of this checkout as the house rules see them: what git tracks or would track."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("core", "flows", "adapters", "servers", "agents", "cli", "web")

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
NamedNode: TypeAlias = FunctionNode | ast.ClassDef


@dataclass(frozen=True)
class Source:
    """One Python file: where it stands under the root, and what it says."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """Give the parsed module."""
        return _parsed(self.text, self.path)

    @property
    def floor(self) -> str:
        """Give the top folder."""
        return self.path.split("/")[0]

    def at(self, node: ast.AST, words: str) -> str:
        """Say a violation with its place."""
        return f"{self.path}:{getattr(node, 'lineno', 1)} {words}"


Rule: TypeAlias = Callable[[Source], Iterable[str]]


@cache
def tracked_paths() -> tuple[str, ...]:
    """List every file that git tracks or would track, relative to the root."""
    # safe.directory: a checkout that belongs to another user (a mounted volume) is still only read here.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-coz", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(path for path in sorted(listing.split("\0")) if path and (ROOT / path).is_file())


@cache
def python_sources() -> tuple[Source, ...]:
    """Read every tracked Python file."""
    paths = (path for path in tracked_paths() if path.endswith(".py"))
    return tuple(Source(path, (ROOT / path).read_text(encoding="utf-8")) for path in paths)


def floor_sources(*floors: str) -> tuple[Source, ...]:
    """Give the Python files of the named floors, or of all floors."""
    return tuple(source for source in python_sources() if source.floor in (floors or FLOORS))


def violations(rule: Rule, sources: Iterable[Source]) -> list[str]:
    """Apply a rule to files and list what it finds."""
    return [found for source in sources for found in rule(source)]


def assert_none(found: list[str]) -> None:
    """Fail with every violation on a line of its own."""
    assert not found, "\n".join([f"{len(found)} found", *found])


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, FunctionNode]]:
    """Walk all functions, nested ones too, with their names as `Class.method`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, FunctionNode):
            yield inside + node.name, node
        name = f"{node.name}." if isinstance(node, NamedNode) else ""
        yield from functions(node, inside + name)


@cache
def _parsed(text: str, path: str) -> ast.Module:
    return ast.parse(text, filename=path)

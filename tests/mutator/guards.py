"""Mutants: each guard clause of a file deleted, inverted, or moved by one step, one at a time.

A guard is whatever lets something pass or stops it: the test of an `if`, a condition of a comprehension, each part of an `and`
or `or`, the edge of a comparison, an `except`, an entry of a tuple of rules. Found in the syntax tree, so that wording and
layout do not count.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

Change: TypeAlias = Callable[[ast.AST], ast.AST]
EDGES: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
TESTED = (ast.If, ast.IfExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Mutant:
    """One guard changed in one way: where it stands, how it was changed, and the text of the guard.

    `function` is the qualified name of the outermost function around it, or the name of the module's tuple whose entry
    `entry` is gone. `number` tells the places of one kind in a file apart, in the order of the text.
    """

    path: str
    line: int
    function: str
    kind: str
    guard: str
    number: int
    entry: int | None = None

    @property
    def name(self) -> str:
        """Name it as a person would look for it."""
        return f"{self.path}:{self.line} {self.function}: {self.kind}: {self.guard}"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Give what stays the same when lines move: file, function, kind and guard."""
        return self.path, self.function, self.kind, self.guard


def mutants_of(path: str, text: str) -> list[Mutant]:
    """Give every mutant of a file, in the order of the text."""
    tree = ast.parse(text)
    found = [
        Mutant(path, node.lineno, function, kind, _words(node), number)
        for number, (node, function, kind, _) in enumerate(_places(tree))
    ]
    entries = [
        Mutant(path, element.lineno, name, "left out", ast.unparse(element)[:80], -1, entry)
        for name, elements in _registries(tree)
        for entry, element in enumerate(elements)
    ]
    return sorted([*found, *entries], key=lambda mutant: (mutant.line, mutant.number))


def mutated(text: str, mutant: Mutant) -> ast.Module:
    """Give a file's tree with one guard changed; raises ValueError for a mutant that is not of this text."""
    tree = ast.parse(text)
    for number, (node, function, kind, change) in enumerate(_places(tree)):
        if number == mutant.number:
            if (function, kind) != (mutant.function, mutant.kind):
                break
            _Replacing(node, change(copy.deepcopy(node))).visit(tree)
            return ast.fix_missing_locations(tree)
    raise ValueError(f"{mutant.name} is not a mutant of this text")


class _Replacing(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        """Give the new node where the old one stands."""
        if node is self._old:
            return self._new
        visited: ast.AST = self.generic_visit(node)
        return visited


Place: TypeAlias = tuple[ast.expr | ast.stmt | ast.ExceptHandler, str, str, Change]


def _places(tree: ast.Module) -> Iterator[Place]:
    for outer in tree.body:
        if isinstance(outer, FUNCTIONS):
            yield from _of_function(outer, outer.name)
        elif isinstance(outer, ast.ClassDef):
            for inner in outer.body:
                if isinstance(inner, FUNCTIONS):
                    yield from _of_function(inner, f"{outer.name}.{inner.name}")


def _of_function(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Iterator[Place]:
    for statement in function.body:
        for node in ast.walk(statement):
            for kind, change in _changes(node):
                # What has no place of its own, as a comprehension, stands where its condition does.
                assert isinstance(node, ast.expr | ast.stmt | ast.ExceptHandler)
                yield node, name, kind, change


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    if isinstance(node, TESTED):
        yield "never", _tested(lambda test: ast.Constant(False))
        yield "inverted", _tested(lambda test: ast.UnaryOp(ast.Not(), test))
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        for at, generator in enumerate(node.generators):
            for which in range(len(generator.ifs)):
                yield f"condition {at}.{which} gone", _condition(at, which, lambda test: ast.Constant(True))
                yield (
                    f"condition {at}.{which} inverted",
                    _condition(at, which, lambda test: ast.UnaryOp(ast.Not(), test)),
                )
    elif isinstance(node, ast.BoolOp):
        for at in range(len(node.values)):
            yield f"without part {at}", _without(at)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in EDGES:
        yield "edge moved", _edge_moved
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Compare | ast.BoolOp):
        yield "answer inverted", _answer_inverted
    elif isinstance(node, ast.ExceptHandler):
        yield "not caught", _not_caught
    elif isinstance(node, ast.Assert):
        yield "not asserted", lambda found: ast.Pass()


def _tested(made: Callable[[ast.expr], ast.expr]) -> Change:
    def change(node: ast.AST) -> ast.AST:
        assert isinstance(node, TESTED)
        node.test = made(node.test)
        return node

    return change


def _condition(at: int, which: int, made: Callable[[ast.expr], ast.expr]) -> Change:
    def change(node: ast.AST) -> ast.AST:
        assert isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp)
        conditions = node.generators[at].ifs
        conditions[which] = made(conditions[which])
        return node

    return change


def _without(at: int) -> Change:
    def change(node: ast.AST) -> ast.AST:
        assert isinstance(node, ast.BoolOp)
        del node.values[at]
        return node if len(node.values) > 1 else node.values[0]

    return change


def _edge_moved(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.Compare)
    node.ops = [EDGES[type(node.ops[0])]()]
    return node


def _answer_inverted(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.Return)
    assert node.value is not None
    node.value = ast.UnaryOp(ast.Not(), node.value)
    return node


def _not_caught(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.ExceptHandler)
    node.body = [ast.Raise()]
    return node


def _registries(tree: ast.Module) -> Iterator[tuple[str, list[ast.expr]]]:
    """Give the module's tuples of functions and of rows that name one, with their entries."""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Tuple):
            elements = node.value.elts
            if elements and all(isinstance(one, ast.Name | ast.Call) for one in elements):
                yield node.target.id, elements


def _words(node: ast.AST) -> str:
    shown = node.test if isinstance(node, (*TESTED, ast.Assert)) else node
    if isinstance(shown, ast.ExceptHandler):
        return f"except {ast.unparse(shown.type) if shown.type else ''}"
    return ast.unparse(shown)[:100]

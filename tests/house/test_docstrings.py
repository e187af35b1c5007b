"""Every module, public class and public function says in one sentence what it gives."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.tree import NamedNode, Source, assert_none, floor_sources, python_sources, violations

# Two words or more, and an end within the first paragraph; a gate may say itself as the question that it asks.
SENTENCE = re.compile(r"\S+\s+\S.*?[.?](\s|$)", re.DOTALL)


def module_without_sentence(source: Source) -> Iterator[str]:
    """Find a module that does not say what it gives."""
    yield from _missing(source, source.tree, "the module")


def publics_without_sentence(source: Source) -> Iterator[str]:
    """Find the public classes and functions of a module that do not say what they give."""
    for node in source.tree.body:
        if isinstance(node, NamedNode) and not node.name.startswith("_"):
            yield from _missing(source, node, node.name)


def _missing(source: Source, node: ast.Module | NamedNode, name: str) -> Iterator[str]:
    said = ast.get_docstring(node)
    if said is None:
        yield source.at(node, f"{name} has no docstring")
    elif not SENTENCE.match(said.split("\n\n")[0]):
        yield source.at(node, f"{name}: the first sentence of its docstring does not end")


def test_every_module_says_what_it_gives():
    """All Python files, tests too, begin with a sentence."""
    assert_none(violations(module_without_sentence, python_sources()))


def test_every_public_name_says_what_it_gives():
    """The public classes and functions of the floors begin with a sentence."""
    assert_none(violations(publics_without_sentence, floor_sources()))


@pytest.mark.parametrize("text", ["", "x = 1", "'''A title'''", "'''Title\n\nA sentence comes late.'''", "'''One.'''"])
def test_sees_a_silent_module(text):
    """A module without a sentence is found."""
    assert list(module_without_sentence(Source("core/planted.py", text)))


@pytest.mark.parametrize(
    "text",
    [
        "def f(): ...",
        "async def f(): ...",
        "class A: ...",
        "class A:\n  '''No period'''",
        "def f():\n  '''Does\n\n  a thing.'''",
    ],
)
def test_sees_a_silent_name(text):
    """A public class or function without a sentence is found."""
    assert list(publics_without_sentence(Source("core/planted.py", text)))


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n  '''Give the\n  mark of 3.5 days.'''",
        "def f():\n  '''Give the mark. And more'''",
        "def f():\n  '''Has anybody halted trading?'''",
        "def _f(): ...",
        "class A:\n  '''A book.'''\n  def f(self): ...",
    ],
)
def test_lets_sentences_and_private_names_be(text):
    """A sentence may run over lines; private names and methods need none."""
    assert list(publics_without_sentence(Source("core/planted.py", text))) == []

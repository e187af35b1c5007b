"""Deep modules, short functions: how long a file, a function and its list of parameters may be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.house.tree import (
    ROOT,
    FunctionNode,
    Source,
    assert_none,
    floor_sources,
    functions,
    python_sources,
    tracked_paths,
    violations,
)

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
POSITIONAL_MAX = 4
CODE_ENDS = (".py", ".sql", ".j2", ".mako", ".js", ".css", ".html", ".sh")


def long_file(path: str, text: str) -> list[str]:
    """Find a file of code past the wall."""
    lines = len(text.splitlines())
    return [f"{path} has {lines} lines"] if lines > FILE_LINES_MAX else []


def long_functions(source: Source) -> Iterator[str]:
    """Find the functions past the wall."""
    for name, node in functions(source.tree):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield source.at(node, f"{name} has {lines} lines")


def crowded_signatures(source: Source) -> Iterator[str]:
    """Find the functions with too many parameters that a caller may pass without their names."""
    for name, node in functions(source.tree):
        count = len(_positional(node))
        if count > POSITIONAL_MAX:
            yield source.at(node, f"{name} has {count} positional parameters; make those beyond the third keyword-only")


def _positional(node: FunctionNode) -> list[str]:
    names = [parameter.arg for parameter in (*node.args.posonlyargs, *node.args.args)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def test_files_stay_short():
    """No file of code is longer than a reader would split."""
    code = [path for path in tracked_paths() if path.endswith(CODE_ENDS)]
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in code}

    assert_none([found for path, text in texts.items() for found in long_file(path, text)])


def test_functions_stay_short():
    """No function, in code or tests, is longer than the wall."""
    assert_none(violations(long_functions, python_sources()))


def test_signatures_stay_short():
    """No function of the floors takes a row of nameless arguments."""
    assert_none(violations(crowded_signatures, floor_sources()))


@pytest.mark.parametrize(("lines", "is_found"), [(FILE_LINES_MAX, False), (FILE_LINES_MAX + 1, True)])
def test_sees_a_long_file(lines, is_found):
    """The limit itself is allowed, one line more is found."""
    assert bool(long_file("core/planted.py", "x = 1\n" * lines)) is is_found


@pytest.mark.parametrize("head", ["def f():", "class A:\n  async def f(self):", "def g():\n  def f():"])
@pytest.mark.parametrize(("body", "is_found"), [(FUNCTION_LINES_MAX - 1, False), (FUNCTION_LINES_MAX + 1, True)])
def test_sees_a_long_function(head, body, is_found):
    """A long function is found at module level, in a class and inside another."""
    text = f"{head}\n" + "    x = 1\n" * body

    assert any(".f has" in found or " f has" in found for found in long_functions(Source("p.py", text))) is is_found


@pytest.mark.parametrize(
    ("signature", "is_found"),
    [
        ("def f(a, b, c, d): ...", False),
        ("def f(a, b, c, d, e): ...", True),
        ("def f(a, b, /, c, d, e): ...", True),
        ("def f(a, b, c, *, d, e, g): ...", False),
        ("class A:\n  def f(self, a, b, c, d): ...", False),
        ("class A:\n  def f(self, a, b, c, d, e): ...", True),
    ],
)
def test_sees_a_crowded_signature(signature, is_found):
    """Parameters count when they can be passed without a name; `self` does not."""
    assert bool(list(crowded_signatures(Source("core/planted.py", signature)))) is is_found

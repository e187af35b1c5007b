"""A suppression carries its reason on the line, and there are never more of them than now."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

import pytest

from tests.house.names import dotted_name, imported_names
from tests.house.tree import Source, assert_none, python_sources, violations

# May go down, never up without a decision file.
SUPPRESSIONS_MAX = 10

# The codes are needed too: a suppression without them hides what comes later.
COMMENTS = (
    re.compile(r"#\s*(?:ruff:\s*)?noqa(?P<codes>:\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*)?(?P<reason>.*)", re.IGNORECASE),
    re.compile(r"#\s*type:\s*ignore(?P<codes>\[[\w, -]+\])?(?P<reason>.*)"),
    re.compile(r"#\s*(?P<codes>mypy:|pyright:|pragma:|fmt:|isort:|pylint:)(?P<reason>.*)"),
)
REASON = re.compile(r"[^\w]*\w{2,}\W+\w+")
SKIPS = ("pytest.skip", "pytest.xfail", "pytest.importorskip", "unittest.skip", "unittest.skipIf")
MARKS = ("pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail", "unittest.expectedFailure")


def suppressions(source: Source) -> Iterator[tuple[str, bool]]:
    """Give each suppression of a file with its place, and whether it has codes and a reason."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT:
            for match in filter(None, (pattern.search(token.string) for pattern in COMMENTS)):
                is_reasoned = bool(match["codes"] and REASON.match(match["reason"]))
                yield f"{source.path}:{token.start[0]} {token.string}", is_reasoned
    yield from _skips(source)


def _skips(source: Source) -> Iterator[tuple[str, bool]]:
    imported = imported_names(source.tree)
    called: dict[ast.AST, ast.Call] = {node.func: node for node in ast.walk(source.tree) if isinstance(node, ast.Call)}
    for node in ast.walk(source.tree):
        name = dotted_name(node, imported) if isinstance(node, ast.Name | ast.Attribute) else ""
        if name in (*SKIPS, *MARKS):
            call = called.get(node)
            yield source.at(node, name), call is not None and _has_reason(name, call)


def _has_reason(name: str, call: ast.Call) -> bool:
    given = [word.value for word in call.keywords if word.arg in ("reason", "msg")]
    given += call.args[:1] if name in ("pytest.skip", "pytest.xfail", "pytest.mark.skip", "unittest.skip") else []
    given += call.args[1:2] if name == "unittest.skipIf" else []
    return any(not isinstance(value, ast.Constant) or REASON.match(str(value.value)) for value in given)


def unreasoned(source: Source) -> Iterator[str]:
    """Find the suppressions that do not say why."""
    yield from (
        f"{place}: needs its code and a reason" for place, is_reasoned in suppressions(source) if not is_reasoned
    )


def test_each_suppression_says_why():
    """No suppression stands without its codes and its reason."""
    assert_none(violations(unreasoned, python_sources()))


def test_suppressions_do_not_grow():
    """The count stays at or below the ratchet."""
    places = [place for source in python_sources() for place, _ in suppressions(source)]

    assert len(places) <= SUPPRESSIONS_MAX, places


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # noqa",
        "x = 1  # noqa: E501",
        "x = 1  # noqa E501 the line is a formula",
        "x = f()  # type: ignore",
        "x = f()  # type: ignore[arg-type]",
        "x = f()  # type: ignore  # the stubs are wrong",
        "# ruff: noqa",
        "x = 1  # pragma: nocover",
        "import pytest\n@pytest.mark.skip\ndef test_x(): ...",
        "import pytest\n@pytest.mark.skipif(True)\ndef test_x(): ...",
        "import pytest\npytest.skip()",
        "from pytest import mark\n@mark.xfail(reason='')\ndef test_x(): ...",
        "import pytest\npytest.importorskip('lightgbm')",
    ],
)
def test_sees_a_suppression_without_a_reason(text):
    """Every planted suppression that does not say why is found."""
    assert list(unreasoned(Source("core/planted.py", text)))


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # noqa: E501 the formula reads best on one line",
        "x = f()  # type: ignore[arg-type]  # the stubs say int, the function takes float",
        "import pytest\npytest.skip('needs a real market day')",
        "import pytest\npytest.importorskip('x', reason='an optional package')",
        "import pytest\n@pytest.mark.xfail(reason='the exchange changed its rule')\ndef test_x(): ...",
    ],
)
def test_counts_a_suppression_with_a_reason(text):
    """A reasoned suppression is no violation, and it is counted."""
    source = Source("core/planted.py", text)

    assert list(unreasoned(source)) == []
    assert len(list(suppressions(source))) == 1


def test_ignores_what_only_speaks_of_them():
    """A text about a suppression is none."""
    assert list(suppressions(Source("core/planted.py", "x = '# noqa'  # a skip of a day"))) == []

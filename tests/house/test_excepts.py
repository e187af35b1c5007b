"""An `except` names a type: catching everything is for the top of an entry point, and it logs the traceback."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.names import calls
from tests.house.tree import NamedNode, Source, assert_none, python_sources, violations

BROAD = ("Exception", "BaseException")
# The tops of entry points: (file, function). Each must log what it caught.
ALLOWED: frozenset[tuple[str, str]] = frozenset(
    {
        ("servers/host.py", "Host._outcome"),
        # Fetching is beside the run: whatever breaks in it, the slot must end in a ticket.
        ("cli/commands/trading.py", "_fetch_first"),
        # Nobody waits for a worker: whatever breaks in it, its job must end as failed.
        ("servers/quant/worker.py", "work"),
        ("tests/integration/forking.py", "_command"),
        ("core/pipeline.py", "_evaluate"),
    }
)
LOGGED = ("exception", "print_exc", "format_exc", "format_exception", "print_exception")
# Core has no log: there a gate that is closed tells what was caught.
TOLD_ON_TICKETS = ("core/pipeline.py", "_evaluate")


def broad_excepts(source: Source, allowed: frozenset[tuple[str, str]] = ALLOWED) -> Iterator[str]:
    """Find the handlers that catch everything where they may not, or without a traceback in the log."""
    for name, handler in _handlers(source.tree):
        if not _is_broad(handler):
            continue
        if (source.path, name) not in allowed:
            yield source.at(handler, f"{name or 'the module'} catches everything; name the type")
        elif not _logs(handler, (*LOGGED, "closed") if (source.path, name) == TOLD_ON_TICKETS else LOGGED):
            yield source.at(handler, f"{name} catches everything and does not log the traceback")
    for name, call in calls(source.tree):
        if name == "contextlib.suppress" and any(_is_broad_type(kind) for kind in call.args):
            yield source.at(call, "suppresses everything; name the type")


def stale(sources: tuple[Source, ...], allowed: frozenset[tuple[str, str]] = ALLOWED) -> set[tuple[str, str]]:
    """Give the entries of the allow-list that allow nothing any more."""
    used = {(one.path, name) for one in sources for name, handler in _handlers(one.tree) if _is_broad(handler)}
    return set(allowed) - used


def _handlers(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.ExceptHandler]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ExceptHandler):
            yield inside, node
        name = f".{node.name}" if isinstance(node, NamedNode) else ""
        yield from _handlers(node, (inside + name).lstrip("."))


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or _is_broad_type(kind) for kind in kinds)


def _is_broad_type(kind: ast.expr) -> bool:
    return (kind.attr if isinstance(kind, ast.Attribute) else getattr(kind, "id", "")) in BROAD


def _logs(handler: ast.ExceptHandler, words: tuple[str, ...]) -> bool:
    done = list(calls(ast.Module(body=handler.body, type_ignores=[])))
    return any(name.rsplit(".", 1)[-1] in words or _has_traceback(call) for name, call in done)


def _has_traceback(call: ast.Call) -> bool:
    return any(word.arg == "exc_info" and getattr(word.value, "value", True) for word in call.keywords)


def test_only_entry_points_catch_everything():
    """No handler outside the allow-list catches everything."""
    assert_none(violations(broad_excepts, python_sources()))


def test_the_allow_list_is_used():
    """Each allowed place still catches everything; a stale entry is removed."""
    assert stale(python_sources()) == set()


@pytest.mark.parametrize(
    "handler",
    [
        "except:",
        "except Exception:",
        "except BaseException as error:",
        "except (ValueError, Exception):",
        "except builtins.Exception:",
    ],
)
def test_sees_each_broad_handler(handler):
    """Every way to catch everything is found, in methods too."""
    text = f"class A:\n  def f(self):\n    try: g()\n    {handler}\n      pass"

    assert list(broad_excepts(Source("flows/planted.py", text)))


def test_sees_a_suppressed_everything():
    """The quiet form of catching everything is found."""
    text = "from contextlib import suppress\nwith suppress(Exception): f()"

    assert list(broad_excepts(Source("flows/planted.py", text)))


@pytest.mark.parametrize(
    ("body", "is_found"),
    [
        ("log.exception('x')", False),
        ("log.error('x', exc_info=True)", False),
        ("traceback.print_exc()", False),
        ("log.error('x')", True),
        ("log.error('x', exc_info=False)", True),
        ("pass", True),
    ],
)
def test_an_allowed_handler_logs_the_traceback(body, is_found):
    """The top of an entry point may catch everything only when it logs the traceback."""
    text = f"def main():\n  try: g()\n  except Exception:\n    {body}"
    allowed = frozenset({("cli/main.py", "main")})

    assert bool(list(broad_excepts(Source("cli/main.py", text), allowed))) is is_found


def test_sees_a_stale_permission():
    """An entry whose place no longer catches everything is found."""
    allowed = frozenset({("cli/main.py", "main")})

    assert stale((Source("cli/main.py", "def main(): ..."),), allowed) == allowed


def test_lets_named_types_be_caught():
    """A handler that names its type is left alone."""
    text = "def f():\n  try: g()\n  except (OSError, ValueError): pass"

    assert list(broad_excepts(Source("flows/planted.py", text))) == []

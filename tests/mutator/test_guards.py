"""The mutator itself: it finds every guard, changes one at a time, and tells what its tests see from what they do not."""

from __future__ import annotations

import ast
import sys
from types import ModuleType

import pytest

from tests.mutator.guards import Mutant, mutants_of, mutated
from tests.mutator.patching import put_in
from tests.mutator.run import ROOT, run

TEXT = '''"""A module."""


def allowed(value, most):
    """Say whether a value may pass."""
    if value is None or value < 0:
        return False
    assert most > 0, most
    return value <= most


class Book:
    """Holds numbers."""

    def big(self, numbers):
        """Give the big ones."""
        try:
            return [number for number in numbers if number > 10]
        except TypeError:
            return []


RULES: tuple[object, ...] = (allowed, Book)
'''
PLACES = [
    ("allowed", "never", 6),
    ("allowed", "inverted", 6),
    ("allowed", "without part 0", 6),
    ("allowed", "without part 1", 6),
    ("allowed", "edge moved", 6),
    ("allowed", "not asserted", 8),
    ("allowed", "edge moved", 8),
    ("allowed", "answer inverted", 9),
    ("allowed", "edge moved", 9),
    ("Book.big", "condition 0.0 gone", 18),
    ("Book.big", "condition 0.0 inverted", 18),
    ("Book.big", "edge moved", 18),
    ("Book.big", "not caught", 19),
    ("RULES", "left out", 23),
    ("RULES", "left out", 23),
]


def test_every_guard_is_found_once_for_each_change():
    """Tests of an if, parts of an or, edges, conditions, assertions, answers, handlers, entries of a registry."""
    found = mutants_of("a.py", TEXT)

    assert sorted((one.function, one.kind, one.line) for one in found) == sorted(PLACES)
    assert len({one.name for one in found}) == len(found)


@pytest.mark.parametrize(
    ("kind", "line", "asked", "answer"),
    [
        ("never", 6, "allowed(-1, 7)", True),
        ("inverted", 6, "allowed(7, 7)", False),
        ("without part 1", 6, "allowed(-1, 7)", True),
        ("edge moved", 6, "allowed(0, 7)", False),
        ("not asserted", 8, "allowed(0, -1)", False),
        ("answer inverted", 9, "allowed(7, 7)", False),
        ("edge moved", 9, "allowed(7, 7)", False),
        ("condition 0.0 gone", 18, "Book().big([3])", [3]),
        ("condition 0.0 inverted", 18, "Book().big([3, 30])", [3]),
        ("edge moved", 18, "Book().big([10])", [10]),
    ],
)
def test_a_mutant_differs_in_its_guard_alone(kind, line, asked, answer):
    """The changed module gives another answer, and everything else stands as it stood."""
    mutant = next(one for one in mutants_of("a.py", TEXT) if (one.kind, one.line) == (kind, line))
    tree = mutated(TEXT, mutant)

    assert _answer(tree, asked) == answer
    assert ast.dump(tree) != ast.dump(ast.parse(TEXT))
    assert [one.name for one in _functions(tree)] == [one.name for one in _functions(ast.parse(TEXT))]


def test_an_exception_that_is_not_caught_gets_out():
    """The handler is there and gives nothing."""
    mutant = next(one for one in mutants_of("a.py", TEXT) if one.kind == "not caught")

    assert _answer(ast.parse(TEXT), "Book().big(3)") == []
    with pytest.raises(TypeError):
        _answer(mutated(TEXT, mutant), "Book().big(3)")


def test_a_mutant_of_another_text_is_refused():
    """What was found in one text is not put into another."""
    mutant = next(one for one in mutants_of("a.py", TEXT) if one.kind == "answer inverted")

    with pytest.raises(ValueError, match=r"a\.py:9 allowed: answer inverted: .* is not a mutant of this text"):
        mutated('"""Nothing."""\n', mutant)


def test_a_mutant_is_put_into_the_loaded_module():
    """Functions keep their identity, methods and registries too: who imported them before meets the mutant."""
    module = ModuleType("a_module_of_the_mutator")
    exec(compile(TEXT, "a.py", "exec"), module.__dict__)
    sys.modules["a_module_of_the_mutator"] = module
    allowed, big, rules = module.allowed, module.Book().big, module.RULES
    try:
        for one in mutants_of("a_module_of_the_mutator.py", TEXT):
            if (one.kind, one.line) in (("edge moved", 9), ("edge moved", 18)):
                put_in(one, mutated(TEXT, one), ROOT)
        put_in(mutants_of("a_module_of_the_mutator.py", TEXT)[-1], None, ROOT)
    finally:
        del sys.modules["a_module_of_the_mutator"]

    assert (allowed(7, 7), allowed(6, 7), big([10])) == (False, True, [10])
    assert (rules, module.RULES) == ((allowed, module.Book), (allowed,))


@pytest.mark.slow
def test_what_the_tests_miss_survives_and_what_they_see_does_not(tmp_path):
    """A weak test of a real guard lets its edge survive, one at the edge catches it, and one elsewhere does not reach it."""
    path = "core/riskguard/approval.py"
    mutants = mutants_of(path, (ROOT / path).read_text(encoding="utf-8"))
    edge = [one for one in mutants if one.kind == "edge moved" and "expires_at" in one.guard]
    assert len(edge) == 1

    assert _outcomes(edge, tmp_path, hours=-1) == (0, 1, 0)
    assert _outcomes(edge, tmp_path, hours=0) == (1, 0, 0)
    assert _outcomes(edge, tmp_path, hours=None) == (0, 0, 1)


def _outcomes(mutants: list[Mutant], folder, *, hours: int | None) -> tuple[int, int, int]:
    """Give how many mutants a small file of tests catches, lets live and does not reach."""
    late = (
        ""
        if hours is None
        else f"""
    now = NOW + timedelta(hours={hours})
    said = void_reasons(approval, approval.mandate, now=now, verify=lambda *_: True)
    assert bool(said) == ({hours} >= 0)"""
    )
    text = f"""
from datetime import UTC, date, datetime, timedelta
from core.domain.decision import Approval, Mandate
from core.riskguard.approval import void_reasons

NOW = datetime(2024, 6, 10, 14, 30, tzinfo=UTC)


def test_one():
    mandate = Mandate("p", "d", "q", "u", "main", "20240610", 1, "TRADE", date(2024, 6, 7), "h", NOW, "n")
    approval = Approval(mandate, "k", "00"){late}


def test_two():
    assert NOW
"""
    path = folder / f"test_small_{hours}.py".replace("-", "minus_")
    path.write_text(text, encoding="utf-8")
    outcome = run(mutants, [str(path)])
    return len(outcome.caught), len(outcome.survived), len(outcome.unreached)


def _answer(tree: ast.Module, asked: str) -> object:
    names: dict[str, object] = {}
    exec(compile(tree, "a.py", "exec"), names)
    return eval(asked, names)


def _functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]

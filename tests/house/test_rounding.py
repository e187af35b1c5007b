"""Only `core/money.py` rounds: a decimal is rounded, or cut, in one place, with its direction said."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.names import calls
from tests.house.tree import Source, assert_none, floor_sources, violations

ROUNDS = (".quantize", ".to_integral_value", ".to_integral_exact")


def rounds(source: Source) -> Iterator[str]:
    """Find where a decimal is rounded outside the money."""
    if source.path == "core/money.py" or not source.path.startswith("core/"):
        return
    for name, call in calls(source.tree):
        if name.endswith(ROUNDS):
            yield source.at(call, f"calls {name.rpartition('.')[2]}(); `core/money.py` has a function for it")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.alias) and node.name.startswith("ROUND_"):
            yield source.at(node, f"imports {node.name}; `core/money.py` alone says how it is rounded")


def test_only_money_rounds():
    """Everywhere else in core, a rounded number comes from a function of the money."""
    assert_none(violations(rounds, floor_sources()))


@pytest.mark.parametrize(
    "line",
    [
        "x = y.quantize(STEP)",
        "x = (a / b).quantize(Decimal(1))",
        "from decimal import ROUND_UP",
        "y.to_integral_value()",
    ],
)
def test_sees_each_rounding(line):
    """Every planted rounding is found in core, and none in the money."""
    assert list(rounds(Source("core/ledger/planted.py", line)))
    assert list(rounds(Source("core/money.py", line))) == []

"""The checker shares no code with what it checks."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("account", set()),
        ("check_tickets", {"tests.checker.account"}),
        ("derive_plan", {"tests.checker.account", "tests.checker.check_tickets"}),
        ("limits", {"tests.checker.account", "tests.checker.check_tickets"}),
    ],
)
def test_the_checker_needs_the_standard_library_only(name, others):
    """Nothing of Twokey, and nothing that has to be installed."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {module for module in imported if module.split(".")[0] not in sys.stdlib_module_names} == others

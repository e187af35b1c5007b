"""The shipped settings: as text, parsed, and changed for a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.settings import Policy
from core.settings_text import SettingsError, parse_policy

CONFIG = Path(__file__).parents[2] / "config"
POLICY = (CONFIG / "policy.yml").read_text(encoding="utf-8")
DESK = (CONFIG / "desk.yml").read_text(encoding="utf-8")


def changed(*changes: tuple[str, str]) -> str:
    """Give the shipped policy with some pieces of text replaced, each of which stands in it once."""
    text = POLICY
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def policy(*changes: tuple[str, str]) -> Policy:
    """Parse the shipped policy with some pieces of text replaced."""
    return parse_policy(changed(*changes), "policy.yml")


def problems(text: str, parse: Any = parse_policy) -> tuple[str, ...]:
    """Give what is said about a text that must be refused."""
    with pytest.raises(SettingsError) as refused:
        parse(text, "p.yml")
    assert str(refused.value) == "\n".join(refused.value.problems)
    return refused.value.problems


def line_of(piece: str, text: str) -> int:
    """Give the line on which a piece of text first stands."""
    return text[: text.index(piece)].count("\n") + 1

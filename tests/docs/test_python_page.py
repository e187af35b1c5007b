"""The examples of docs/PYTHON.md run, in order, as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path("docs/PYTHON.md")


@pytest.fixture(scope="module")
def blocks() -> list[tuple[int, str]]:
    """Give the page's examples with the line that each begins on."""
    text = PAGE.read_text(encoding="utf-8")
    return [
        (text[: found.start(1)].count("\n"), found[1]) for found in re.finditer(r"```python\n(.*?)```", text, re.DOTALL)
    ]


def test_the_examples_run_in_order(blocks: list[tuple[int, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """What a reader copies works, and prints a ticket and the books that follow from it."""
    names: dict[str, object] = {"folder": tmp_path / "desk"}

    for line, source in blocks:
        # The page's own line numbers, so that a failure points there.
        exec(compile("\n" * line + source, str(PAGE), "exec"), names)

    printed = capsys.readouterr().out
    assert len(blocks) == 6
    assert "TICKET-20240610 TRADE" in printed
    assert "buy" in printed


def test_the_page_names_the_ledger_functions(blocks: list[tuple[int, str]]):
    """The functions that scripts rely on are all shown."""
    text = "".join(source for _, source in blocks)
    promised = (
        "record_ticket",
        "record_intended_trade",
        "record_fill",
        "compute_positions",
        "compute_equity_curve",
        "compute_pnl_realized_unrealized",
    )

    assert [name for name in promised if f"{name}(" not in text] == []

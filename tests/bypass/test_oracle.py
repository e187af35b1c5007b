"""The oracle itself: it finds nothing in honest workspaces, and every kind of violation that is planted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bypass.stages import FEW, Stage, play_by_hand, play_on_paper, staged
from tests.integration.workspaces import BUSY, Workspaces

KEEPS_SERVERS = True


@pytest.fixture(scope="module")
def by_hand(workspaces: Workspaces) -> Iterator[Stage]:
    """Give a workspace of an honest book that a person trades."""
    root = workspaces.copy("by-hand", FEW)
    play_by_hand(root)
    with staged(root) as stage:
        yield stage


@pytest.fixture(scope="module")
def on_paper(workspaces: Workspaces) -> Iterator[Stage]:
    """Give a workspace of an honest paper book."""
    root = workspaces.copy("on-paper", FEW, *BUSY)
    play_on_paper(root)
    with staged(root) as stage:
        yield stage


def test_an_honest_book_by_hand_has_no_violation(by_hand):
    """A ticket answered by a person in two parts and posted, a halt and its resume."""
    assert by_hand.judge() == ""
    kinds = {row["kind"] for row in by_hand.rows("SELECT kind FROM entry")}
    assert {"BUY", "DEPOSIT"} <= kinds


def test_an_honest_paper_book_has_no_violation(on_paper):
    """Fills of a venue, a revision, a halted slot, and trades after it."""
    assert on_paper.judge() == ""
    assert len(on_paper.rows("SELECT 1 FROM entry WHERE kind = 'BUY'")) >= 3

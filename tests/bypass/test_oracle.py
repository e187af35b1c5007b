"""The oracle itself: it finds nothing in honest workspaces, and every kind of violation that is planted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bypass.oracle import judged, trusted_keys, violations
from tests.bypass.plants import HONEST, PLANTS, Plant
from tests.bypass.stages import FEW, Stage, play_by_hand, play_on_paper, staged
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces, make_manual

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


def test_an_honest_book_that_leaves_lines_open_on_paper_has_no_violation(workspaces):
    """What paper still waits for is nothing that a person's first ticket has to wait for."""
    root = workspaces.copy("from-paper", FEW)
    with staged(root) as stage:
        kinds = [stage.day(DAY - ONE_DAY).ticket.kind]
        stage.desk.heads.keep(stage.desk.chain.head())
    make_manual(root)
    with staged(root) as stage:
        issued = stage.day(DAY)
        kinds.append(issued.ticket.kind)
        stage.desk.heads.keep(stage.desk.chain.head())

        assert (kinds, issued.ticket.venue) == (["TRADE", "TRADE"], "manual"), issued.ticket.reasons
        assert stage.rows("SELECT 1 FROM venue_report WHERE ticket_line IS NOT NULL") == []
        assert stage.judge() == ""


def planted(stage: Stage, plant: Plant) -> list[str]:
    """Plant a violation past all triggers and keys, give what the oracle finds, and undo it."""
    with stage.superuser.transaction(force_rollback=True):
        stage.superuser.execute("SET LOCAL session_replication_role = replica")
        for statement in plant.statements:
            assert stage.superuser.execute(statement.encode()).rowcount, statement
        return violations(stage.rows, stage.keys)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_violation_is_found(plant, by_hand, on_paper):
    """The oracle says it in its words, whatever else the planting upsets."""
    found = planted(by_hand if plant.stage == "by hand" else on_paper, plant)

    assert plant.words in "\n".join(found), found


@pytest.mark.parametrize("plant", HONEST, ids=lambda plant: plant.name)
def test_what_is_no_violation_is_not_found(plant, on_paper):
    """Only the chain sees that a row was planted."""
    found = planted(on_paper, plant)

    assert [words for words in found if "halted" in words] == []


def test_a_head_that_was_kept_outside_holds_the_chain(on_paper):
    """A chain that was cut and rewritten is whole in itself, and not the one that was kept."""
    head = on_paper.desk.chain.head()

    assert judged(on_paper.root, on_paper.keys, kept=[(head.seq, head.hash)]) == []
    assert judged(on_paper.root, on_paper.keys, kept=[(head.seq, "0" * 64)]) == [
        f"event {head.seq} is not the one that was kept outside"
    ]
    assert judged(on_paper.root, on_paper.keys, kept=[(head.seq + 1, head.hash)])


def test_a_key_that_is_not_trusted_proves_nothing(on_paper):
    """Without the key that stood there from the start, no trade is approved."""
    assert any("is not signed by key" in words for words in judged(on_paper.root, {}))
    assert on_paper.keys == trusted_keys(on_paper.root) != {}

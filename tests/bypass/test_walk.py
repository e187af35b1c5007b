"""The hostile walk: whatever is called in whatever order, nothing unapproved reaches a ticket, nor the unanswered the books."""

from __future__ import annotations

import pytest

from tests.bypass.walk import ACTS, Move
from tests.bypass.walk_course import course, held, replayed, shortest
from tests.bypass.walk_world import World
from tests.integration.workspaces import superuser

SEED = 20_260_101
# With those of the scenes and of the second course, which another process walks, ten thousand and more in each run.
CALLS, CALLS_OF_A_SOAK = 4_200, 100_000


def tamper(world: World) -> str:
    """Change an amount of the books with all rights and no trigger in the way."""
    with superuser(world.root) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE posting SET amount = amount + 1 WHERE id = (SELECT min(id) FROM posting)")
    return "tampered"


@pytest.mark.slow
def test_nothing_gets_by_in_four_thousand_calls(shelf, capsys):
    """Agents, people and mishaps in a drawn order, over paper, by hand, two books, no data, and a book that learns."""
    held(course(shelf, SEED, CALLS), capsys)


@pytest.mark.soak
def test_nothing_gets_by_in_a_hundred_thousand_calls(shelf, capsys):
    """The same for longer, from another seed."""
    held(course(shelf, SEED + 3, CALLS_OF_A_SOAK), capsys)


def test_what_is_wrong_is_found_and_told_in_its_shortest_sequence(shelf, monkeypatch):
    """A posting that somebody with all rights changed, amid moves that harm nothing: two of them are left."""
    moves = [Move("quant.run_scoring", {"book": "main"}), Move("ledger.list_events", {}), Move("night", {})]
    moves += [Move("run", {"book": "main"}), Move("tamper", {}), Move("ledger.compute_pnl", {"book": "main"})]
    monkeypatch.setitem(ACTS, "tamper", tamper)

    _, _, wrong = replayed(shelf, "paper", moves)
    few = shortest(moves, lambda some: bool(replayed(shelf, "paper", some)[2]))

    assert any("the rows of posting are not those" in words for words in wrong), wrong
    assert [move.name for move in few] == ["tamper"]


def test_the_same_moves_come_to_the_same(shelf):
    """A walk can be taken again: every answer, and every state that is left."""
    first = course(shelf, SEED + 2, 150).walked[0]
    walked, states, wrong = replayed(shelf, "pilot", first.moves)
    again, states_again, _ = replayed(shelf, "pilot", first.moves)

    assert wrong == []
    assert (walked.answers, states) == (again.answers, states_again)
    assert walked.answers == first.answers

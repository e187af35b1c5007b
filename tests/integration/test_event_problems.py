"""Some events and their rows are looked at by themselves: what was changed is told of the event, and of no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.postgres.chain import Chain
from tests.integration.workspaces import DAY, Workspaces, desk_of, held, superuser, twokey


@pytest.fixture(scope="module")
def traded(workspaces: Workspaces) -> Iterator[Path]:
    """Give a workspace with the ticket of one day, its server running."""
    root = workspaces.copy("events")
    with held(root):
        assert twokey(root, "run", "--on", str(DAY), "--no-ingest").code == 0
        yield root


def problems(root: Path) -> dict[int, str]:
    """Look at every event there is, and at one that is not."""
    with desk_of(root) as desk:
        chain = Chain(desk.session("reader"))
        return chain.problems_of(range(1, chain.head().seq + 2))


def changed(root: Path, statement: str) -> None:
    """Change something behind the triggers."""
    with superuser(root) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement)


def test_whole_events_are_left_out(traded):
    """Of a whole chain nothing is told but what is not there."""
    told = problems(traded)

    assert list(told.values()) == [f"event {next(iter(told))} is missing"]


LATER = "UPDATE proposal SET recorded_at = recorded_at {sign} '1s'::interval"
OF_PROPOSAL = "UPDATE event SET {change} WHERE bytes LIKE '%proposal%'"


@pytest.mark.parametrize(
    ("there", "back", "words"),
    [
        (LATER.format(sign="+"), LATER.format(sign="-"), "rows of proposal that event"),
        (OF_PROPOSAL.format(change="bytes = bytes || ' '"), OF_PROPOSAL.format(change="bytes = rtrim(bytes)"), "hash"),
        (OF_PROPOSAL.format(change="hash = 'x' || hash"), OF_PROPOSAL.format(change="hash = ltrim(hash, 'x')"), "hash"),
    ],
)
def test_a_change_is_told_of_its_event_alone(traded, there, back, words):
    """A row or an event that was changed behind the triggers is named, the others are not."""
    whole = problems(traded)
    changed(traded, there)

    told = {seq: said for seq, said in problems(traded).items() if seq not in whole}
    changed(traded, back)

    assert len(told) == 1, told
    assert words in next(iter(told.values()))
    assert problems(traded) == whole

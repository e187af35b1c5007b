"""Honest histories: random facts of every table, in transactions kept and given up, by writers at once, raise no alarm."""

from __future__ import annotations

import contextlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from adapters.postgres.chain import Chain
from adapters.postgres.connect import DatabaseError, Session
from adapters.postgres.location import Server
from adapters.postgres.people import PgPeople
from adapters.postgres.rights import Role
from adapters.postgres.tables import FACTS, table_name
from tests.integration.planting import STORIES, Planter, planters
from tests.integration.workspaces import DAY, Workspaces, counts, desk_of, superuser

SEED = 20240206
WRITERS, FACTS_MAX = 4, 50
VERIFICATIONS, WRITES_EACH = 200, 6
# Of a hundred histories so many are written by all writers at once, of a hundred steps so many do the named thing.
TOGETHER, IN_TRANSACTION, GIVEN_UP, DUPLICATE = 20, 40, 15, 5
ROLES: tuple[Role, ...] = tuple(STORIES)


@dataclass
class Told:
    """What the histories came to."""

    given_up: int = 0
    refused: int = 0
    together: int = 0


@pytest.mark.parametrize(
    ("histories", "whole_every"), [(100, 10), pytest.param(10_000, 500, marks=pytest.mark.soak)], ids=["few", "many"]
)
def test_honest_histories_never_raise_an_alarm(
    workspaces: Workspaces, capsys: pytest.CaptureFixture[str], histories: int, whole_every: int
):
    """1 to 50 facts each; after each the chain verifies from the last head, and every so often the whole of it."""
    root = workspaces.copy(f"histories-{histories}")
    server = Server(root / "pg", root / "secrets")
    location = server.start()

    def sessions() -> dict[Role, Session]:
        return {role: Session(location, role, root / "secrets") for role in ROLES}

    draw, told, alarms = Random(SEED), Told(), []
    with desk_of(root) as desk, planters(sessions, WRITERS, SEED) as writers, ThreadPoolExecutor(WRITERS) as threads:
        reader = desk.session("reader")
        going_on = Chain(reader)
        before = counts(reader)
        for number in range(histories):
            write(writers, draw, threads, told=told, name=f"H{number}")
            desk.heads.keep(Chain(reader).head())
            states = [going_on.verify_on(desk.heads.kept())]
            if number % whole_every == whole_every - 1:
                states.append(Chain(reader).verify(desk.heads.kept()))
            alarms += [(number, state.problem) for state in states if state.problem]
        after = counts(reader)
        is_seen = tampered_with(root, desk.heads.kept()[-1].seq)
        found = Chain(reader).verify(desk.heads.kept()).problem
    server.release()

    assert alarms == []
    # The same chain does tell where there is something to tell.
    assert (is_seen, found is not None) == (True, True)
    grown = {name: after[name] - before[name] for name in after}
    assert [name for name in (*map(table_name, FACTS), "event") if grown[name] < histories // 20] == []
    assert min(told.given_up, told.refused, told.together) > histories // 20
    with capsys.disabled():
        facts = sum(rows for name, rows in grown.items() if name != "event")
        sys.stdout.write(
            f"\nhonest histories: {histories} (seed {SEED}), {facts} facts in {grown['event']} events of {len(FACTS)}"
            f" tables; {told.together} by {WRITERS} at once, {told.given_up} transactions given up, {told.refused}"
            f" duplicates refused, 0 false alarms\n"
        )
    workspaces.drop(root)


def write(writers: list[Planter], draw: Random, threads: ThreadPoolExecutor, *, told: Told, name: str) -> None:
    """Write one history: by one writer, or by all at once."""
    facts = draw.randint(1, FACTS_MAX)
    if draw.randrange(100) >= TOGETHER:
        written = [add(draw.choice(writers), facts, shared=name)]
    else:
        told.together += 1
        share = -(-facts // WRITERS)
        written = [done.result() for done in [threads.submit(add, one, share, shared=name) for one in writers]]
    told.given_up += sum(given_up for given_up, _ in written)
    told.refused += sum(refused for _, refused in written)


def add(planter: Planter, facts: int, *, shared: str) -> tuple[int, int]:
    """Add so many facts; gives how many transactions were given up, and how many duplicates were refused."""
    draw, left, given_up, refused = planter.draw, facts, 0, 0
    planter.shared = shared
    while left > 0:
        role, chance = draw.choice(ROLES), draw.randrange(100)
        if chance < DUPLICATE:
            refused += is_refused(planter)
            left -= 1
        elif chance < DUPLICATE + IN_TRANSACTION:
            size = draw.randint(1, min(left, 6))
            is_given_up = draw.randrange(100) < GIVEN_UP
            planter.plant_together(role, size, is_given_up=is_given_up)
            left, given_up = left - size, given_up + is_given_up
        else:
            planter.plant(role)
            left -= 1
    return given_up, refused


def is_refused(planter: Planter) -> bool:
    """Add a key twice within a transaction, which fails as a whole: no row of it is there afterwards."""
    row = {"job_id": planter.key(), "kind": "training", "body": ""}
    with pytest.raises(DatabaseError, match="job_job_id_key"):
        add_twice(planter.sessions["quant"], row)
    return planter.sessions["quant"].one("SELECT 1 FROM job WHERE job_id = %s", (row["job_id"],)) is None


def add_twice(quant: Session, row: dict[str, str]) -> None:
    """Add the same job in two statements of one transaction."""
    with quant.transaction():
        quant.add("job", [row])
        quant.add("job", [row])


def tampered_with(root: Path, seq: int) -> bool:
    """Change a row of the last event behind the triggers, and say whether there was one."""
    with superuser(root) as connection, connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(
            "UPDATE rollout_step SET reason = reason || ' ' WHERE id = (SELECT max(id) FROM rollout_step)"
        )
        row = connection.execute("SELECT seq FROM event WHERE seq = %s", (seq,)).fetchone()
    return row is not None


# --- verified meanwhile -----------------------------------------------------------------------------------------------


def test_four_writers_at_once_never_give_a_false_alarm(workspaces):
    """200 verifications, whole and going on, while four roles add rows and heads are kept outside."""
    busy = workspaces.copy("busy")
    turns = threading.Semaphore(0)
    with desk_of(busy) as desk, ThreadPoolExecutor(4) as threads:
        writers: tuple[Role, ...] = ("person", "quant", "ticketing", "confirm")
        sessions = {role: desk.session(role) for role in writers}
        done = [threads.submit(add_on, role, sessions[role], turns) for role in writers]
        reader = desk.session("reader")
        going_on = Chain(reader)
        states = []
        for number in range(VERIFICATIONS):
            turns.release(len(writers) * WRITES_EACH // 4)
            kept = desk.heads.kept()
            states.append(going_on.verify_on(kept) if number % 2 else Chain(reader).verify(kept))
            desk.heads.keep(Chain(reader).head())
        turns.release(10_000)
        written = sum(future.result() for future in done)
        whole = Chain(reader).verify(desk.heads.kept())

    assert [state.problem for state in states if state.problem] == []
    assert whole.problem is None
    # They did write meanwhile: the head moved between almost all verifications.
    assert len({state.seq for state in states}) > VERIFICATIONS // 2
    assert whole.seq >= written


def add_on(role: Role, session: Session, turns: threading.Semaphore) -> int:
    """Add rows as a role, one turn each, every third time two in one transaction; gives how many statements."""
    people, added = PgPeople(session), 0
    for number in range(VERIFICATIONS * WRITES_EACH // 4):
        turns.acquire()
        with session.transaction() if number % 3 == 0 else contextlib.nullcontext():
            for part in range(2 if number % 3 == 0 else 1):
                if role == "person":
                    pound, key = Decimal(10 * number + part + 1), f"busy-{number}-{part}"
                    people.move_cash(
                        key, book="busy", venue="manual", session=DAY, amount=pound, currency="GBP", by="p", note=""
                    )
                elif role == "quant":
                    rows = [{"job_id": f"B-{number}-{part}-{one}", "kind": "", "body": ""} for one in range(3)]
                    session.add("job", rows, once=True)
                else:
                    people.halt("busy", f"{role} {number} {part}")
                added += 1
    return added

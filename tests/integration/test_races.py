"""Processes at once on one workspace: two runs of a slot give one ticket, and nothing is stored or posted twice."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.postgres.people import PgPeople
from adapters.postgres.rights import ROLES
from tests.integration.forking import Ended, Forker, forking, job
from tests.integration.workspaces import (
    BUSY,
    DAY,
    ONE_DAY,
    ROOT,
    Workspaces,
    as_program,
    counts,
    desk_of,
    filled,
    held,
    live_tickets,
    look,
    make_manual,
    morning,
    said,
    the_time_is,
    twokey,
    weekdays,
)

SLOTS, SLOTS_IN_SOAK = 12, 50


@pytest.fixture(scope="module")
def forker(workspaces: Workspaces) -> Iterator[Forker]:
    """Give the process that starts commands at the same moment."""
    with forking(workspaces) as forker:
        yield forker


@pytest.fixture(scope="module")
def calm(workspaces: Workspaces) -> Path:
    """Give a workspace in which one process after another decided the slots."""
    root = workspaces.copy("calm", *BUSY)
    assert twokey(root, "simulate", "--from", str(DAY), "--to", str(weekdays(DAY, SLOTS)[-1])).code == 0
    return root


def told(*ended: Ended) -> list[tuple[int, str]]:
    """Give exit codes and errors: what a failed assertion should show."""
    return [(one.done.code, one.done.err) for one in ended]


def race(forker: Forker, root: Path, day: date) -> str:
    """Start two runs of a slot together, hold that both say the same, and give the ticket's hash."""
    ended = forker.together(job(root, "run", "--on", str(day)), job(root, "run", "--on", str(day)))

    assert told(*ended) == [(ended[0].done.code, "")] * 2
    assert ended[0].done.code in (0, 3)
    assert said(ended[0].done.out) == said(ended[1].done.out)
    return str(ended[0].done.facts["hash"])


def test_two_runs_of_a_slot_make_one_ticket(workspaces, forker, calm):
    """Slot after slot, started together: what is stored is what one process alone would have stored, row for row."""
    root = workspaces.copy("raced", *BUSY)
    days = weekdays(DAY, SLOTS)
    with held(root):
        hashes = [race(forker, root, day) for day in days]
        after = look(root)

    assert [(slot, 1, hashes[number]) for number, slot in enumerate(f"{day:%Y%m%d}" for day in days)] == [
        (slot, revision, digest) for slot, revision, _, digest in after["tickets"]
    ]
    assert after == look(calm)


def test_two_runs_start_and_stop_one_server(workspaces, forker, calm):
    """The same with the server down before each pair: both start it, and the last one stops it."""
    root = workspaces.copy("cold", *BUSY)

    hashes = [race(forker, root, day) for day in weekdays(DAY, 3)]
    is_running = (root / "pg" / "data" / "postmaster.pid").exists()

    assert hashes == [digest for _, _, _, digest in look(calm)["tickets"][:3]]
    assert not is_running


@pytest.mark.soak
def test_two_runs_of_fifty_slots(workspaces, forker):
    """The same for longer than a suite of every day has time."""
    root, alone = workspaces.copy("fifty", *BUSY), workspaces.copy("fifty-alone", *BUSY)
    days = weekdays(DAY, SLOTS_IN_SOAK)
    assert twokey(alone, "simulate", "--from", str(days[0]), "--to", str(days[-1])).code == 0

    with held(root):
        hashes = [race(forker, root, day) for day in days]

    assert hashes == [digest for _, _, _, digest in look(alone)["tickets"]]
    assert look(root) == look(alone)


def test_two_programs_make_one_ticket(workspaces, calm):
    """As two terminals would: processes of their own, from the first import on."""
    root = workspaces.copy("programs", *BUSY)
    program = as_program(root, "run", "--on", str(DAY))
    both = [subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    outs = [process.communicate()[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert said(outs[0]) == said(outs[1])
    assert json.loads(outs[0])["hash"] == look(calm)["tickets"][0][3]


def test_every_command_at_once_on_one_workspace(workspaces, forker, calm):
    """Run, settle, verify, halt, reconcile, positions and run again, all together, five slots long."""
    root = workspaces.copy("crowded", *BUSY)
    (root / "config" / "books").mkdir(exist_ok=True)
    # A halt names a book that there is.
    (root / "config" / "books" / "other.yml").write_bytes((root / "config" / "policy.yml").read_bytes())
    days = weekdays(DAY, 5)
    with held(root):
        # A first slot alone: before it there is no snapshot to reconcile with.
        assert twokey(root, "run", "--on", str(days[0])).code == 0
        for day in days[1:]:
            on = ("--on", str(day))
            ended = forker.together(
                job(root, "run", *on),
                job(root, "settle", *on),
                job(root, "audit", "verify"),
                job(root, "halt", "--book", "other", f"because of {day}"),
                job(root, "reconcile"),
                job(root, "positions", *on),
                job(root, "run", *on),
            )

            assert told(*ended) == [(0, "")] * len(ended)
            assert said(ended[0].done.out) == said(ended[-1].done.out)
        after = look(root)

    assert (after["tickets"], after["problem"]) == (look(calm)["tickets"][:5], None)
    assert after["rows"]["halt"] == 4


def test_a_halt_that_meets_a_run_stops_it_or_the_next(workspaces, forker):
    """The ticket of the slot is a trade that came first or a NO-TRADE that names the halt; the next slot stands still."""
    root = workspaces.copy("halting", *BUSY)
    kinds = set()
    with held(root):
        for day in weekdays(DAY, 8)[::2]:
            run, halt = forker.together(job(root, "run", "--on", str(day)), job(root, "halt", "--book", "main", "stop"))
            after = twokey(root, "run", "--on", str(weekdays(day, 2)[1]))
            with desk_of(root) as desk:
                PgPeople(desk.session("person")).resume("main", by="p", reason="seen")

            kinds.add(run.done.facts["kind"])
            assert halt.done.code == 0
            assert run.done.code == (3 if run.done.facts["kind"] == "NO-TRADE" else 0)
            assert run.done.code == 0 or "halt" in " ".join(run.done.facts["reasons"])
            assert (after.code, after.facts["reasons"]) == (3, ["halt: halted (main): stop"])
        after_all = look(root)

    assert kinds <= {"TRADE", "NO-TRADE"}
    assert (len(after_all["tickets"]), after_all["problem"]) == (8, None)


def test_two_answers_to_the_same_lines_are_one(workspaces, forker):
    """Two people answer at once: one is kept and posted, the other is told, and nothing of it is stored."""
    root = workspaces.copy("answered")
    make_manual(root)
    with the_time_is(morning(DAY)):
        ticket_id = twokey(root, "run").facts["ticket_id"]
        ticket = twokey(root, "ticket", "show", ticket_id).facts
    with held(root):
        for line in ticket["ticket"]["lines"][:5]:
            answer = filled(line)
            confirm = ("confirm", ticket_id, "--hash", ticket["short_hash"], "--line", answer)
            both = forker.together(*(job(root, *confirm, "--by", by, at=morning(DAY)) for by in ("ann", "bob")))

            codes = sorted(one.done.code for one in both)
            assert codes in ([0, 1], [0, 2]), told(*both)
            assert all("Traceback" not in one.done.err for one in both)
        with desk_of(root) as desk:
            rows = counts(desk.session("reader"))
        verified = twokey(root, "audit", "verify")

    assert (rows["confirmation"], rows["confirmation_line"]) == (5, 5)
    # The deposit, and each fill once.
    assert rows["entry"] == 1 + 5
    assert verified.code == 0


def test_three_inits_at_once_make_one_workspace(workspaces, forker):
    """From an empty place: one key, one database, and passwords that open it."""
    root = workspaces.top / "new"

    ended = forker.together(*(job(root, "init") for _ in range(3)))

    workspaces.copies.append(root)
    assert told(*ended) == [(0, "")] * 3
    assert len({one.done.facts["key_id"] for one in ended}) == 1
    with desk_of(root) as desk:
        assert {desk.session(role).one("SELECT 1 AS one") is None for role in ROLES} == {False}
    assert twokey(root, "audit", "verify").code == 0


def test_one_movement_of_cash_counts_once(workspaces, forker):
    """The same words from two terminals at once are one fact, and so they are again later; other words are refused."""
    root = workspaces.copy("paid")
    make_manual(root)
    deposit = ("cash", "deposit", "250.50", "--key", "twice", "--by", "p", "--on", str(DAY - ONE_DAY))
    with held(root):
        both = forker.together(job(root, *deposit), job(root, *deposit))
        again, other = twokey(root, *deposit), twokey(root, *deposit[:2], "250.51", *deposit[3:])
        positions = twokey(root, "positions", "--on", str(DAY)).facts
        with desk_of(root) as desk:
            rows = counts(desk.session("reader"))

    assert told(*both) == [(0, "")] * 2
    assert sorted(one.done.facts["is_new"] for one in both) == [False, True]
    assert (again.code, again.facts["is_new"]) == (0, False)
    assert (other.code, other.err) == (
        1,
        "twokey: cash movement twice is known already, and said otherwise: amount was 250.50, is 250.51; every movement has"
        " a key of its own\n",
    )
    assert (positions["cash"], rows["cash_movement"], rows["entry"]) == ("10250.5", 2, 2)


def test_cash_is_not_taken_out_twice(workspaces, forker):
    """Several withdrawals at once, of which one alone is covered: one is kept, the others are told what is there."""
    root = workspaces.copy("withdrawn")
    make_manual(root)
    with held(root):
        for number in range(4):
            take = [f"{number}-{one}" for one in range(4)]
            on = ("--by", "p", "--on", str(DAY - ONE_DAY))
            ended = forker.together(*(job(root, "cash", "withdraw", "6000", "--key", key, *on) for key in take))
            back = twokey(root, "cash", "deposit", "6000", "--key", f"{number}-back", *on)

            assert sorted(one.done.code for one in ended) == [0, 2, 2, 2], told(*ended)
            assert all("there is 4000 GBP to take out" in one.done.err for one in ended if one.done.code)
            assert back.code == 0
        positions = twokey(root, "positions", "--on", str(DAY)).facts

    assert positions["cash"] == "10000"


@pytest.mark.parametrize("instrument", ["AAPL", "KO", "MSFT"])
def test_what_is_booked_by_hand_at_once_is_booked_as_one_after_the_other(workspaces, forker, instrument):
    """Four people sell the same three units, or tell of the same split: one is kept, the others are told why not."""
    root = workspaces.copy(f"by-hand-{instrument}")
    make_manual(root)
    units = {"account": "main", "instrument": instrument, "quantity": "3", "currency": "GBP"}
    opening = units | {"kind": "OPENING", "key": "o", "cost": "300", "evidence": "a" * 64}
    sale = units | {"kind": "SELL", "amount": "9"}
    split: dict[str, Any] = {"kind": "SPLIT", "instrument": instrument, "new": 2, "old": 1}

    def at_once(fact: dict[str, Any]) -> list[tuple[int, str]]:
        told_of = [by_hand(root, fact | {"key": f"{fact['kind']}-{number}"}) for number in range(4)]
        return sorted(told(*forker.together(*(job(root, *words, at=morning(DAY)) for words in told_of))))

    with held(root):
        assert forker.run(root, *by_hand(root, opening), at=morning(DAY)).done.code == 0
        sales, splits = at_once(sale), at_once(split)

    assert [code for code, _ in sales + splits] == [0, 2, 2, 2] * 2, (sales, splits)
    assert all("book main would hold -3" in words for code, words in sales if code)
    assert all("a split is booked once" in words for code, words in splits if code)


def by_hand(root: Path, fact: dict[str, Any]) -> tuple[str, ...]:
    """Write a file with one fact of the day before, and give the words that book it."""
    path = root / f"{fact['key']}.json"
    path.write_text(json.dumps([fact | {"effective": str(DAY - ONE_DAY)}]))
    return ("ledger", "add", str(path), "--by", "ann", "--note", "told at once")


def test_sixteen_readers_and_a_run_find_room(workspaces, forker):
    """Each run holds a connection a role; a crowd of commands stays within what the server takes."""
    root = workspaces.copy("sixteen")
    with held(root):
        crowd = [job(root, "audit", "verify") for _ in range(16)]
        ended = forker.together(job(root, "run", "--on", str(DAY + timedelta(days=1))), *crowd)

    assert told(*ended) == [(0, "")] * 17
    with desk_of(root) as desk:
        assert len(live_tickets(desk.session("reader"))) == 1

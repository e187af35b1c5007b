"""Eight processes write to one workspace at once, through the ordinary doors: nobody is shown an error, and all is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.forking import Ended, Forker, Job, forking, job
from tests.integration.workspaces import (
    BUSY,
    DAY,
    ONE_DAY,
    Workspaces,
    counts,
    desk_of,
    filled,
    held,
    look,
    make_manual,
    morning,
    the_time_is,
    twokey,
    weekdays,
)

MANY_LINES = (*BUSY, ("positions_max: 15", "positions_max: 24"), ("turnover_max: 0.30", "turnover_max: 1"))
WRITERS = 8
EVENING = timedelta(hours=11)
# What the account held on the day before the ticket: the deposit that opened the book.
OPENING = Decimal(10000)
PAID, TAKEN = Decimal("100.25"), Decimal("40.10")


@pytest.fixture(scope="module")
def forker(workspaces: Workspaces) -> Iterator[Forker]:
    """Give the process that starts commands at the same moment."""
    with forking(workspaces) as forker:
        yield forker


@pytest.fixture(scope="module")
def asked(workspaces: Workspaces) -> Path:
    """Give a book whose ticket of 24 lines waits for a person, one on paper, one that halts name; the server is stopped."""
    root = workspaces.copy("asked", *MANY_LINES)
    (root / "config" / "books").mkdir(exist_ok=True)
    policy = (root / "config" / "policy.yml").read_text()
    make_manual(root)
    for name in ("paper", "other"):
        (root / "config" / "books" / f"{name}.yml").write_text(policy.replace("book: main", f"book: {name}", 1))
    with the_time_is(morning(DAY)):
        assert twokey(root, "run").facts["kind"] == "TRADE"
    return root


@pytest.mark.parametrize("rounds", [3, pytest.param(12, marks=pytest.mark.soak)])
def test_eight_writers_at_once_are_shown_no_error(workspaces, forker, asked, capsys, rounds):
    """Two move cash, two answer, one halts, one reconciles, one settles the paper book and one decides it: round by round."""
    root = workspaces.copy(f"eight-{rounds}", of=asked)
    with held(root):
        ticket = twokey(root, "ticket", "show", f"TICKET-{DAY:%Y%m%d}").facts
        assert twokey(root, "settle", "--on", str(DAY)).code == 0
        before = rows_of(root)
        shown = []
        for number, day in enumerate(weekdays(DAY, rounds)):
            ended = forker.together(*jobs(root, ticket, number=number, paper=str(day)))
            shown += [(one.done.code, one.done.err) for one in ended if not is_well(one)]
        after, seen = rows_of(root), look(root)
        positions = twokey(root, "positions", "--on", str(DAY)).facts

    assert shown == []
    grown = {table: after[table] - before[table] for table in after}
    assert {table: grown[table] for table in ("cash_movement", "confirmation", "confirmation_line", "halt")} == {
        "cash_movement": 2 * rounds,
        "confirmation": 2 * rounds,
        "confirmation_line": 2 * rounds,
        "halt": rounds,
    }
    entries = {entry["key"]: entry["kind"] for entry in seen["entries"]}
    mine = [key for key in entries if key.startswith(f"TICKET-{DAY:%Y%m%d}-r1-")]
    assert (len(mine), len(positions["positions"])) == (2 * rounds, 2 * rounds)
    assert unbalanced(seen["entries"]) == []
    assert {"BUY", "DEPOSIT", "WITHDRAW"} <= {entries[key] for key in entries if key not in mine}
    fills = sum(entry["amount"] for entry in seen["entries"] if entry["key"] in mine and is_cash(entry))
    assert Decimal(positions["cash"]) == OPENING + rounds * (PAID - TAKEN) + fills
    assert seen["problem"] is None
    with capsys.disabled():
        sys.stdout.write(f"\n{WRITERS} writers at once: {rounds} rounds, {WRITERS * rounds} commands, 0 errors shown\n")
    workspaces.drop(root)


def jobs(root: Path, ticket: Any, *, number: int, paper: str) -> list[Job]:
    """Give what eight people and clocks do at the same moment of a round."""
    at = morning(DAY) + EVENING + timedelta(minutes=number)
    cash = ("--by", "p", "--on", str(DAY))
    return [
        job(root, "cash", "deposit", str(PAID), "--key", f"in-{number}", *cash, at=at),
        job(root, "cash", "withdraw", str(TAKEN), "--key", f"out-{number}", *cash, at=at),
        job(root, *answer(ticket, 2 * number + 1), at=at),
        job(root, *answer(ticket, 2 * number + 2), at=at),
        job(root, "halt", "--book", "other", f"round {number}", at=at),
        job(root, "reconcile", "--book", "main", "--snapshot", told(root, number), at=at),
        job(root, "settle", "--book", "paper", "--on", paper, at=at + timedelta(days=40)),
        job(root, "run", "--book", "paper", "--on", paper, at=at + timedelta(days=40)),
    ]


def answer(ticket: Any, number: int) -> tuple[str, ...]:
    """Give the words that say that a line was filled at its decision price."""
    said = f"{filled(ticket['ticket']['lines'][number - 1])} acknowledged: seen"
    return ("confirm", ticket["ticket"]["ticket_id"], "--hash", ticket["short_hash"], "--by", "p", "--line", said)


def told(root: Path, number: int) -> str:
    """Write a file of the evening before, when nothing but the opening cash was there, and give its path."""
    path, at = root / f"told-{number}.csv", morning(DAY - ONE_DAY) + EVENING + timedelta(minutes=number)
    path.write_text(
        f"# account: etoro\n# as_of: {at.isoformat()}\nkind,instrument,quantity,price,currency,broker_id\n"
        f"cash,,{OPENING},,GBP,\n"
    )
    return str(path)


def is_well(one: Ended) -> bool:
    """Say that a command did its work without a word of error."""
    return (one.done.code, one.done.err) == (0, "")


def rows_of(root: Path) -> dict[str, int]:
    """Count the rows of every table."""
    with desk_of(root) as desk:
        return counts(desk.session("reader"))


def unbalanced(postings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Name the entries whose postings do not sum to zero, commodity by commodity."""
    sums: dict[tuple[str, str], Decimal] = {}
    for posting in postings:
        place = (posting["key"], posting["commodity"])
        sums[place] = sums.get(place, Decimal(0)) + posting["amount"]
    return [place for place, total in sums.items() if total != 0]


def is_cash(posting: dict[str, Any]) -> bool:
    """Say whether a posting is to the cash of the book."""
    return bool(posting["account"].startswith("cash") and posting["commodity"] == "GBP")

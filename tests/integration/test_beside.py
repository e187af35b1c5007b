"""What stands beside a proposal, read from the database: other tickets' lines, and what the desk's other books hold."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.postgres.journal import PgJournal
from adapters.postgres.tickets import PgTickets
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces, change_desk, desk_of, twokey

LABEL, NEXT = f"{DAY:%Y%m%d}", f"{DAY + ONE_DAY:%Y%m%d}"


def ran(root: Path, day: Any, *arguments: str) -> Any:
    """Run a slot and give what it printed."""
    done = twokey(root, "run", "--on", str(day), *arguments, "--json")
    assert done.code == 0, done.err
    return done.facts


def test_the_lines_of_other_tickets_are_open_until_they_are_answered(workspaces: Workspaces):
    """Those of the day count whether answered or not, those of earlier days while nobody answered; its own never."""
    root = workspaces.copy("beside", *BUSY)
    lines = twokey(root, "ticket", "show", ran(root, DAY)["ticket_id"], "--json").facts["ticket"]["lines"]
    with desk_of(root) as desk:
        tickets = PgTickets(desk.session("riskguard"))
        own, later = (tickets.lines_beside("main", slot, also_open=True) for slot in (LABEL, NEXT))
        same_day = tickets.lines_beside("main", f"{LABEL}-noon", also_open=False)
        answered_only = tickets.lines_beside("main", NEXT, also_open=False)

    told = [(one.instrument, one.side, one.quantity, one.notional) for one in later]
    wanted = [(row["instrument"], row["side"], Decimal(row["quantity"]), Decimal(row["value"])) for row in lines]
    assert told == wanted
    assert len(told) > 5
    assert {(one.is_open, one.is_of_the_day) for one in later} == {(True, False)}
    assert {(one.is_open, one.is_of_the_day) for one in same_day} == {(True, True)}
    assert (len(same_day), list(own), list(answered_only)) == (len(lines), [], [])


@pytest.mark.parametrize(("weight_max", "refused"), [("0.25", []), ("0.06", ["DESK_OVER_WEIGHT"])])
def test_the_desks_limit_counts_what_other_books_hold(workspaces: Workspaces, weight_max: str, refused: list[str]):
    """A second book of the same mind may buy what the first one holds while both together stay below the desk's limit."""
    root = workspaces.copy(f"desk-{len(refused)}", *BUSY, ("positions_max: 15", "positions_max: 5"))
    policy = (root / "config" / "policy.yml").read_text(encoding="utf-8")
    (root / "config" / "books").mkdir(exist_ok=True)
    (root / "config" / "books" / "second.yml").write_text(
        policy.replace("book: main", "book: second"), encoding="utf-8"
    )
    ran(root, DAY)
    settled = twokey(root, "settle", "--on", str(DAY + ONE_DAY))
    assert settled.code == 0, settled.err
    with desk_of(root) as desk:
        entries = PgJournal(desk.session("reader")).entries("main", "paper")
    held = {entry.instrument for entry in entries if entry.kind == "BUY"}

    change_desk(root, ("\nweight_max: 0.25", f"\nweight_max: {weight_max}"))

    second = ran(root, DAY + ONE_DAY, "--book", "second")

    ticket = twokey(root, "ticket", "show", second["ticket_id"], "--json").facts["ticket"]
    assert ticket["kind"] == "TRADE"
    words = [row.split() for row in ticket["refused"]]
    told = {one[1].rstrip(":"): [one[2].rstrip(":")] for one in words}
    both = held & {row["instrument"] for row in ticket["lines"]} | told.keys()
    # A tenth of one book is a twentieth of both: only what both want together passes 6 %.
    assert told == (dict.fromkeys(both, refused) if refused else {})
    assert both & held

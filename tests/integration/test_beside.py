"""What stands beside a proposal, read from the database: other tickets' lines, and what the desk's other books hold."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.postgres.journal import PgJournal
from adapters.postgres.tickets import PgTickets
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces, change_desk, desk_of, twokey

KEEPS_SERVERS = True
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


def with_a_second_book(workspaces: Workspaces, name: str) -> Path:
    """Give a workspace with a second book of the first one's mind."""
    root = workspaces.copy(name, *BUSY, ("positions_max: 15", "positions_max: 5"))
    policy = (root / "config" / "policy.yml").read_text(encoding="utf-8")
    (root / "config" / "books").mkdir(exist_ok=True)
    second = policy.replace("book: main", "book: second")
    (root / "config" / "books" / "second.yml").write_text(second, encoding="utf-8")
    return root


@pytest.mark.parametrize(("weight_max", "refused"), [("0.25", []), ("0.06", ["DESK_OVER_WEIGHT"])])
def test_the_desks_limit_counts_what_other_books_hold(workspaces: Workspaces, weight_max: str, refused: list[str]):
    """A second book of the same mind may buy what the first one holds while both together stay below the desk's limit."""
    root = with_a_second_book(workspaces, f"desk-{len(refused)}")
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


@pytest.mark.parametrize(("weight_max", "is_refused"), [("0.12", False), ("0.06", True)])
def test_two_books_of_one_morning_do_not_pass_the_desks_limit_together(
    workspaces: Workspaces, weight_max: str, is_refused: bool
):
    """What the first book's ticket of the same morning may yet buy counts as bought, though nothing of it is booked."""
    root = with_a_second_book(workspaces, f"morning-{is_refused}")
    first = ran(root, DAY)
    change_desk(root, ("\nweight_max: 0.25", f"\nweight_max: {weight_max}"))

    second = twokey(root, "run", "--on", str(DAY), "--book", "second", "--json").facts

    bought, ticket = (
        twokey(root, "ticket", "show", done["ticket_id"], "--json").facts["ticket"] for done in (first, second)
    )
    both = {row["instrument"] for row in bought["lines"]}
    told = [reason for reason in ticket["reasons"] if "DESK_OVER_WEIGHT" in reason]
    # Each holds a tenth of itself, so both hold a tenth of both; one of them alone would be a twentieth.
    assert (ticket["kind"], len(told)) == (("NO-TRADE", len(both)) if is_refused else ("TRADE", 0))
    assert {row["instrument"] for row in ticket["lines"]} == (set() if is_refused else both)

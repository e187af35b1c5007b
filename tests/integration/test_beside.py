"""What stands beside a proposal, read from the database: other tickets' lines, and what the desk's other books hold."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.postgres.journal import PgJournal
from adapters.postgres.tickets import PgTickets
from core.domain.confirmation import Confirmation
from core.domain.slot import VenueName
from core.ticketing.answers import parse_answer
from flows import confirm as confirming
from flows.look import read_desk
from tests.integration.workspaces import (
    BUSY,
    DAY,
    ONE_DAY,
    Done,
    Workspaces,
    by_person,
    change_desk,
    change_policy,
    desk_of,
    filled,
    make_manual,
    morning,
    the_time_is,
    twokey,
)

KEEPS_SERVERS = True
BROKER = ("  venue: paper", "  venue: manual")
VENUES: tuple[VenueName, ...] = ("paper", "manual")
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
        own, later = (tickets.lines_beside("main", slot, venue="paper", also_open=True) for slot in (LABEL, NEXT))
        same_day = tickets.lines_beside("main", f"{LABEL}-noon", venue="paper", also_open=False)
        answered_only = tickets.lines_beside("main", NEXT, venue="paper", also_open=False)
        broker = [
            tickets.lines_beside("main", slot, venue="manual", also_open=True) for slot in (f"{LABEL}-noon", NEXT)
        ]
        waiting = [tickets.unanswered("main", NEXT, venue=venue) for venue in VENUES]

    told = [(one.instrument, one.side, one.quantity, one.notional) for one in later]
    wanted = [(row["instrument"], row["side"], Decimal(row["quantity"]), Decimal(row["value"])) for row in lines]
    assert told == wanted
    assert len(told) > 5
    assert {(one.is_open, one.is_of_the_day) for one in later} == {(True, False)}
    assert {(one.is_open, one.is_of_the_day) for one in same_day} == {(True, True)}
    assert (len(same_day), list(own), list(answered_only)) == (len(lines), [], [])
    assert [list(one) for one in broker] == [[], []]
    assert [len(one) for one in waiting] == [len(lines), 0]


def test_a_book_goes_to_a_broker_and_back_with_lines_open_at_both(workspaces: Workspaces):
    """What waits at one venue stops nothing at the other, and is answered when the book is there again, from its own day."""
    root = workspaces.copy("to-and-fro", *BUSY, ("positions_max: 15", "positions_max: 5"))
    start = DAY - ONE_DAY
    papers = run_on(root, start)
    make_manual(root)
    brokers = run_on(root, DAY)
    settled = twokey(root, "settle", "--on", str(DAY))
    left = [show(root, done)["waiting"] for done in (papers, brokers)]
    turn(root, BROKER[::-1])
    back = run_on(root, DAY + ONE_DAY)
    filled = show(root, papers)
    said = confirm_first(root, brokers, DAY + ONE_DAY)
    turn(root, BROKER)
    again = run_on(root, DAY + 2 * ONE_DAY)

    assert [done.facts["kind"] for done in (papers, brokers)] == ["TRADE", "TRADE"]
    # Five purchases each: what paper waits for is neither held nor paid for at the broker.
    assert left == [[1, 2, 3, 4, 5]] * 2
    assert (settled.code, settled.facts["entries"]) == (0, 0)
    assert (filled["waiting"], filled["steps"][-1], len(filled["fills"])) == ([], "confirmed", 5)
    assert {one["evidence"].partition(":")[0] for one in filled["fills"]} == {"venue_report"}
    with desk_of(root) as desk:
        journal = PgJournal(desk.session("reader"))
        bought = [[one.session for one in journal.entries("main", venue) if one.kind == "BUY"] for venue in VENUES]
    assert (bought[0][:5], bought[1]) == ([start] * 5, [DAY])
    assert not [words for words in back.facts["reasons"] if brokers.facts["ticket_id"] in words]
    assert back.facts["kind"] in ("TRADE", "HOLD")
    # Answered and posted meanwhile, at the broker; the lines that nobody answered count there again.
    assert (said.code, said.facts["kept"], said.facts["posted"]) == (0, 1, 1), said.err
    waiting = ", ".join(f"{brokers.facts['ticket_id']} line {line}" for line in range(2, 6))
    assert again.facts["reasons"][0] == f"confirmations: 4 unanswered: {waiting}"


@pytest.mark.parametrize("is_cut_short", [False, True])
def test_what_a_book_bought_at_a_broker_counts_there_while_it_is_on_paper(workspaces: Workspaces, is_cut_short: bool):
    """Its fills are on the broker's books whatever venue it trades at now; cut short before that, they count as ordered."""
    root = with_a_second_book(workspaces, f"beside-the-broker-{is_cut_short}")
    second = root / "config/books/second.yml"
    make_manual(root)
    second.write_text(second.read_text(encoding="utf-8").replace(*BROKER), encoding="utf-8")
    done = run_on(root, DAY)
    turn(root, BROKER[::-1])
    told = show(root, done)["ticket"]
    confirm_others(root, done, DAY + ONE_DAY)
    if is_cut_short:
        answered_and_killed(root, done)
    else:
        assert confirm_first(root, done, DAY + ONE_DAY).facts["posted"] == 1

    with desk_of(root) as desk:
        reader, setup = desk.session("reader"), desk.configuration("second").setup
        run = setup.run_of(DAY + ONE_DAY, today=DAY + ONE_DAY, snapshot=None)
        view = read_desk(setup, PgJournal(reader), PgTickets(reader), run=run)

    first = told["lines"][0]
    assert view is not None
    assert [(one.book, one.units) for one in view.books] == [
        ("main", ((first["instrument"], Decimal(first["quantity"])),))
    ]


def answered_and_killed(root: Path, done: Done) -> None:
    """Keep that the first line of a run's ticket was filled, and end before that is posted."""
    told = show(root, done)
    with desk_of(root) as desk:
        doors = desk.confirm_doors
        standing = doors.tickets.ticket(done.facts["ticket_id"])
        assert standing is not None
        ticket, at = standing.issued.ticket, morning(DAY) + timedelta(hours=11)
        answer = parse_answer(filled(told["ticket"]["lines"][0]), ticket)
        said = Confirmation(ticket.ticket_id, ticket.revision, ticket.short_hash, "ann", "terminal", at, (answer,))
        confirming.confirm(said, desk.configuration("main").setup.policy, doors)
        desk.changed()


def confirm_others(root: Path, done: Done, day: date) -> None:
    """Say on a morning that no line but the first was executed."""
    told = show(root, done)
    words = [word for line in told["waiting"][1:] for word in ("--line", f"{line} not executed: closed")]
    with the_time_is(morning(day)):
        said = twokey(root, "confirm", done.facts["ticket_id"], "--hash", told["short_hash"], "--by", "ann", *words)
    assert said.code == 0, said.err


def run_on(root: Path, day: date) -> Done:
    """Decide a day's slot on its own morning."""
    with the_time_is(morning(day)):
        return twokey(root, "run")


def show(root: Path, done: Done) -> Any:
    """Show the ticket that a run ended in, as it stands."""
    return twokey(root, "ticket", "show", done.facts["ticket_id"]).facts


def confirm_first(root: Path, done: Done, day: date) -> Done:
    """Say on a morning that the first line of a run's ticket was filled at its decision price."""
    told = show(root, done)
    line = told["ticket"]["lines"][0]
    quoted = ("--hash", told["short_hash"], "--by", "ann", "--line", filled(line))
    with the_time_is(morning(day)):
        return twokey(root, "confirm", done.facts["ticket_id"], *quoted)


def turn(root: Path, change: tuple[str, str]) -> None:
    """Let a frozen book trade at its other venue, with a person's word."""
    change_policy(root, change)
    window = by_person(root, "rollout", "change-window", "--by", "p", "--reason", "the other venue")
    assert window.code == 0, window.err


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

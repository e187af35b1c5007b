"""Steps of a ticket in the database: legal ones alone, whoever adds them, and each true when it is taken."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from adapters.postgres.tickets import PgTickets
from flows.books import StoreError
from flows.lifecycle import follow_ticket
from tests.integration.workspaces import DAY, ONE_DAY, Workspaces, desk_of, make_manual, morning, the_time_is, twokey

KEEPS_SERVERS = True
TICKET = f"TICKET-{DAY:%Y%m%d}"


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """A book of a person with a ticket of two lines that nobody answered."""
    root = workspaces.copy(
        "steps", ("positions_max: 15", "positions_max: 2"), ("  weight_max: 0.10", "  weight_max: 0.15")
    )
    make_manual(root)
    with the_time_is(morning(DAY)):
        done = twokey(root, "run")
    assert done.facts["kind"] == "TRADE", done.facts["reasons"]
    return root


def steps_of(root: Path) -> tuple[str, ...]:
    """Give the steps that the ticket took."""
    return tuple(twokey(root, "ticket", "show", TICKET).facts["steps"])


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("confirmed", "0 of its 2 lines are answered"),
        ("partly confirmed", "0 of its 2 lines are answered"),
        ("sent", "a step says what is so"),
        ("void", "a step says what is so"),
        ("executed", "a ticket that is issued cannot become executed; it can become sent, partly confirmed"),
    ],
)
def test_a_step_that_is_not_so_is_refused(root, step, why):
    """As ticketing itself, past all of the code."""
    with desk_of(root) as desk, pytest.raises((StoreError, psycopg.Error), match=why):
        PgTickets(desk.session("ticketing")).add_step(TICKET, step, detail="forged")

    assert steps_of(root) == ("drafted", "issued")


def test_a_step_that_was_taken_is_left_as_it_is(root):
    """Adding it again adds nothing and raises nothing."""
    with desk_of(root) as desk:
        PgTickets(desk.session("ticketing")).add_step(TICKET, "issued", detail="again")

    assert steps_of(root) == ("drafted", "issued")


def test_a_life_is_followed_to_its_end(root):
    """One line answered, the window over, the other answered late: each becomes a step, once, and nothing follows."""
    show = twokey(root, "ticket", "show", TICKET).facts
    quote = ("--hash", show["short_hash"], "--by", "p")

    with the_time_is(morning(DAY) + timedelta(hours=7)):
        assert twokey(root, "confirm", TICKET, *quote, "--line", "1 not executed: halted").code == 0
    assert steps_of(root) == ("drafted", "issued", "partly confirmed")
    with the_time_is(morning(DAY + ONE_DAY)):
        # Unanswered, it closes a gate; and the run says of the ticket that its window is over.
        assert twokey(root, "run").facts["kind"] == "NO-TRADE"
        assert steps_of(root) == ("drafted", "issued", "partly confirmed", "expired")
        assert twokey(root, "confirm", TICKET, *quote, "--line", "2 not executed: halted").code == 0
    assert steps_of(root)[-2:] == ("expired", "confirmed")
    with desk_of(root) as desk, pytest.raises((StoreError, psycopg.Error), match="it can become nothing more"):
        PgTickets(desk.session("ticketing")).add_step(TICKET, "void", detail="forged")
    with desk_of(root) as desk:
        tickets = PgTickets(desk.session("ticketing"))
        assert follow_ticket(TICKET, tickets, now=morning(DAY + 9 * ONE_DAY)).steps == steps_of(root)
        found = tickets.last_good("main", f"{DAY + ONE_DAY:%Y%m%d}", venue="manual")
        assert found is not None
        assert (found.ticket_id, found.short_hash, found.lines) == (TICKET, show["short_hash"], 2)
        assert tickets.last_good("main", f"{DAY:%Y%m%d}", venue="manual") is None
        assert tickets.last_good("main", f"{DAY + ONE_DAY:%Y%m%d}", venue="paper") is None


def test_a_persons_first_trade_has_no_last_good_ticket_of_paper(workspaces):
    """What paper left is in no account: until a person's own trade is answered there is none, and paper keeps its own."""
    root = workspaces.copy(
        "from-paper", ("positions_max: 15", "positions_max: 2"), ("  weight_max: 0.10", "  weight_max: 0.15")
    )
    for day in (DAY - 7 * ONE_DAY, DAY - 6 * ONE_DAY):
        with the_time_is(morning(day)):
            assert twokey(root, "run").code == 0
    make_manual(root)
    with the_time_is(morning(DAY)):
        assert twokey(root, "run").facts["kind"] == "TRADE"

    first = twokey(root, "ticket", "show", TICKET).facts["ticket"]

    assert (first["venue"], first.get("last_good")) == ("manual", None)
    with desk_of(root) as desk:
        papers = PgTickets(desk.session("ticketing")).last_good("main", f"{DAY:%Y%m%d}", venue="paper")
    assert papers is not None
    assert papers.ticket_id == f"TICKET-{DAY - 7 * ONE_DAY:%Y%m%d}"

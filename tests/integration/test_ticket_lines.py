"""What a ticket may hold, tried by direct SQL as the role that writes tickets: what was approved for its run, all of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from adapters.postgres.connect import Row, password_path, role_name
from adapters.postgres.location import DATABASE, Server
from adapters.postgres.tickets import PgTickets
from cli.wiring import Desk, when
from core.canonical import canonical_json, sha256_text
from core.domain.ticket import IssuedTicket, Seal, Ticket
from core.ticketing.why import Told
from flows.books import StoreError
from flows.decide import decide_run, propose
from flows.issue import draft
from flows.score import score
from flows.settle import settle
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces, desk_of

Changed = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Decided:
    """A run that was decided and has no ticket yet: the ticket that it would get, and its approved lines' ids."""

    run_id: str
    ticket: Ticket
    approved: tuple[int, ...]


@dataclass(frozen=True)
class House:
    """Two decided runs without tickets, the desk that decided them, and ticketing's own connection."""

    desk: Desk
    ticketing: psycopg.Connection[Row]
    first: Decided
    second: Decided


@pytest.fixture(scope="module")
def house(workspaces: Workspaces) -> Iterator[House]:
    """Give two slots that were approved and not issued; nothing that a test does there stays."""
    root = workspaces.copy("lines", *BUSY)
    server = Server(root / "pg", root / "secrets")
    location = server.start()
    try:
        with (
            desk_of(root) as desk,
            psycopg.connect(
                host=location.host,
                port=location.port,
                dbname=location.database,
                user=role_name(DATABASE, "ticketing"),
                password=password_path(root / "secrets", "ticketing").read_text(encoding="utf-8"),
                autocommit=True,
                row_factory=dict_row,
            ) as ticketing,
        ):
            yield House(desk, ticketing, decided(desk, DAY), decided(desk, DAY + ONE_DAY))
    finally:
        server.release()


def decided(desk: Desk, day: date) -> Decided:
    """Walk a slot to its signed approval, and draft the ticket that it would get."""
    configuration = desk.configuration("main")
    setup, doors = configuration.setup, desk.day_doors(when(configuration, day))
    run = setup.run_of(day, today=doors.today, snapshot=desk.clean.current())
    settle(setup.frame(run), doors.settle)
    score(run, setup, doors.score)
    propose(run.run_id, setup, doors.decide)
    decide_run(run.run_id, setup, doors.decide)
    kept = doors.issue.decisions.decision(run.run_id)
    assert kept is not None
    assert kept[0].kind == "TRADE", kept[0].reasons
    rows = desk.session("reader").all(
        "SELECT l.id FROM approval_line l JOIN approval a ON a.id = l.approval_id WHERE a.run_id = %s ORDER BY l.line",
        (run.run_id,),
    )
    scores, proposal = doors.issue.scores.scores(run.run_id), doors.issue.decisions.proposal(run.run_id)
    ticket = draft(Told(scores, proposal, *kept), setup.frame(run))
    return Decided(run.run_id, ticket, tuple(row["id"] for row in rows))


def attempt(
    house: House,
    *,
    ticket: Changed = lambda body: None,
    rows: Callable[[list[dict[str, Any]]], object] = lambda rows: None,
    columns: dict[str, Any] | None = None,
    row_only: bool = False,
) -> str:
    """Add the first run's ticket with its lines, changed, up to the commit, and undo it; gives the refusal.

    `ticket` changes the body that the person reads; the lines' rows are made of it unless `row_only`. `rows` changes
    the rows of the lines, `columns` the row of the ticket.
    """
    honest = json.loads(canonical_json(house.first.ticket))
    body = json.loads(canonical_json(house.first.ticket))
    ticket(body)
    lines = [
        {"line": line["line"], "approval_line": approved, "body": canonical_json(line)}
        for line, approved in zip((honest if row_only else body)["lines"], house.first.approved, strict=False)
    ]
    rows(lines)
    text = canonical_json(body)
    row = {name: body[name] for name in ("ticket_id", "book", "slot", "revision", "kind", "venue", "is_rehearsal")}
    row |= {"run_id": house.first.run_id, "hash": sha256_text(text), "body": text, "seal": "{}"} | (columns or {})
    try:
        with house.ticketing.transaction(force_rollback=True):
            (added,) = insert(house, "ticket", row)
            for line in lines:
                insert(house, "ticket_line", line | {"ticket": added["id"]})
            house.ticketing.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.errors.IntegrityError as error:
        return str(error)
    return ""


def insert(house: House, table: str, row: dict[str, Any]) -> list[Row]:
    """Add one row and give it."""
    places = ", ".join(["%s"] * len(row))
    query = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places}) RETURNING *"
    return house.ticketing.execute(query.encode(), list(row.values())).fetchall()


def line_with(**changes: Any) -> Changed:
    """Change the first line that a ticket's body shows."""
    return lambda body: body["lines"][0].update(changes)


def test_what_was_approved_is_taken(house):
    """The control: the same way in, with nothing changed."""
    assert attempt(house) == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("instrument", "SPY"),
        ("side", "sell"),
        ("effect", "close"),
        ("quantity", "999"),
        ("value", "1"),
        ("value_quote", "1"),
        ("order_type", "limit"),
        ("limit_price", "1"),
        ("stop_price", "1"),
        ("decision_price", "1"),
        ("worst_price", "999999"),
        ("expected_cost", "0.01"),
    ],
)
def test_a_changed_line_is_refused(house, field, value):
    """Every field that a person acts on, changed in the line and in the body that the person reads."""
    refusal = attempt(house, ticket=line_with(**{field: value}))

    assert f"line 1 of the ticket of {house.first.run_id} is not as it was approved: {field} is" in refusal
    assert f'"{value}", approved was' in refusal


def test_a_line_without_a_field_is_refused(house):
    """What is not said is no match."""
    refusal = attempt(house, ticket=lambda body: body["lines"][0].pop("quantity"))

    assert "is not as it was approved: quantity is" in refusal


def test_a_body_that_shows_something_else_than_the_line_is_refused(house):
    """The rows as approved, another quantity on the screen."""
    refusal = attempt(house, ticket=line_with(quantity="999"), row_only=True)

    assert f"line 1 of the ticket of {house.first.run_id} is not the one that its body shows" in refusal


def test_a_line_of_another_runs_approval_is_refused(house):
    """Approved, but for another slot."""
    refusal = attempt(house, rows=lambda rows: rows[0].update(approval_line=house.second.approved[0]))

    assert f"rests on line 1 approved for {house.second.run_id}: it must be its own line of its own run" in refusal


def test_another_line_of_the_same_approval_is_refused(house):
    """The second approved line is not the first one."""
    refusal = attempt(house, rows=lambda rows: rows[0].update(approval_line=house.first.approved[1]))

    assert f"rests on line 2 approved for {house.first.run_id}" in refusal


def test_a_line_that_rests_on_nothing_is_refused(house):
    """An approved line that is not there."""
    assert "rests on line <NULL>" in attempt(house, rows=lambda rows: rows[0].update(approval_line=10**9))


def test_a_line_more_is_refused(house):
    """The body shows a trade that nobody approved, whether a row is there for it or not."""
    count = len(house.first.approved)

    def doubled(body: dict[str, Any]) -> None:
        body["lines"].append(body["lines"][-1] | {"line": count + 1})

    refusal = attempt(house, ticket=doubled)
    assert f"shows {count + 1} lines and holds {count}; {count} were approved for it" in refusal
    extra = {"line": count + 1, "approval_line": house.first.approved[-1]}
    refusal = attempt(house, ticket=doubled, rows=lambda rows: rows.append(rows[-1] | extra))
    assert f"line {count + 1} of the ticket of {house.first.run_id} rests on line {count} approved" in refusal


def test_a_line_less_is_refused(house):
    """What was approved is a whole: without a sale its buys are another plan."""
    count = len(house.first.approved)

    refusal = attempt(house, ticket=lambda body: body["lines"].pop())
    assert f"shows {count - 1} lines and holds {count - 1}; {count} were approved for it" in refusal
    refusal = attempt(house, rows=list.pop)
    assert f"shows {count} lines and holds {count - 1}; {count} were approved for it" in refusal


def test_a_trade_is_not_hidden_in_a_row_of_another_kind(house):
    """What asks for answers goes by the row's columns, so they say what the body says."""
    for column, value in (("kind", "HOLD"), ("venue", "manual"), ("slot", "20200101"), ("is_rehearsal", False)):
        refusal = attempt(house, columns={column: value})
        assert "says something else than its body or its run" in refusal, column


def test_a_ticket_of_another_run_is_refused(house):
    """Honest lines under the number of a run of another slot rest on nothing there."""
    refusal = attempt(house, columns={"run_id": house.second.run_id})

    assert f"line 1 of the ticket of {house.second.run_id} rests on line 1 approved for {house.first.run_id}" in refusal


def test_a_hash_that_is_not_the_bodys_is_refused(house):
    """A person quotes the hash; it is that of what was shown."""
    refusal = attempt(house, columns={"hash": "0" * 64})

    assert f"{house.first.ticket.ticket_id} does not have the hash of its body" in refusal


def test_a_trade_whose_approval_was_void_shows_no_line(house):
    """A NO-TRADE of a run that was approved: nothing is shown, and nothing of what was approved may be."""
    voided = json.loads(
        canonical_json(replace(house.first.ticket, kind="NO-TRADE", lines=(), reasons=("approval: moved",)))
    )

    def void(body: dict[str, Any]) -> None:
        body.update(voided)

    def void_with_lines(body: dict[str, Any]) -> None:
        body.update(voided | {"lines": body["lines"]})

    assert attempt(house, ticket=void) == ""
    assert "the NO-TRADE ticket" in attempt(house, ticket=void_with_lines)


def test_the_adapter_refuses_in_the_same_words_before_the_database_does(house):
    """What is changed, missing or more is named with what was approved, and nothing is kept."""
    tickets, ticket = PgTickets(house.desk.session("ticketing")), house.first.ticket
    seal = Seal(house.first.run_id, "", 0, ticket.expires_at, None, None, None)
    more = replace(ticket.lines[0], quantity=ticket.lines[0].quantity + Decimal(1))

    for lines, words in (
        ((more, *ticket.lines[1:]), f"line 1 of {ticket.ticket_id} is not as it was approved: quantity is"),
        (ticket.lines[1:], f"line 1 of {house.first.run_id} was approved and is not on {ticket.ticket_id}"),
        ((*ticket.lines, replace(more, line=len(ticket.lines) + 1)), "rests on no approval"),
    ):
        with pytest.raises(StoreError, match=words):
            tickets.add_ticket(IssuedTicket(replace(ticket, lines=lines), seal))
    assert tickets.live_ticket("main", ticket.slot) is None

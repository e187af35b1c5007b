"""`twokey audit why`: every figure of a ticket and a book leads to facts that are there, and is computed again from them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from adapters.postgres.tickets import PgTickets
from cli.commands.trading import stored_setup
from cli.commands.why import figures_of_book, why_doors
from core.audit.names import ITEMS
from core.audit.tickets import TicketFigures
from core.audit.tree import KeptFile, KeptRow, Node, nodes_of, shown, verdict_of
from flows.why import ticket_why
from tests.integration.workspaces import BUSY, DAY, Workspaces, desk_of, held, superuser, twokey, weekdays

KEEPS_SERVERS = True
TRADED = weekdays(DAY, 3)
# The exchange was closed on Presidents' Day; the day after it a person had halted the desk.
HOLIDAY, HALTED = date(2024, 2, 19), date(2024, 2, 20)
KINDS = {TRADED[0]: "TRADE", TRADED[2]: "TRADE", HOLIDAY: "HOLD", HALTED: "NO-TRADE"}
# Said when the ticket was sealed: facts of their own, which nothing computes.
SEALED_FACTS = ("seal issued at", "seal run id")


def ticket_of(day: date) -> str:
    """Name the ticket of a day."""
    return f"TICKET-{day:%Y%m%d}"


@pytest.fixture(scope="module")
def traded(workspaces: Workspaces) -> Iterator[Path]:
    """Give a workspace with three days of trades that are filled, a holiday and a halted day, its server running."""
    root = workspaces.copy("why", *BUSY)
    with held(root):
        for day in (*TRADED, HOLIDAY):
            done = twokey(root, "run", "--on", str(day), "--no-ingest")
            assert done.code == 0, done.err
        assert twokey(root, "halt", "a look at the books").code == 0
        assert twokey(root, "run", "--on", str(HALTED), "--no-ingest").code == 3
        yield root


@contextmanager
def figures_of(root: Path, day: date) -> Iterator[TicketFigures]:
    """Give what can be asked of the ticket of a day."""
    with desk_of(root) as desk:
        standing = PgTickets(desk.session("reader")).ticket(ticket_of(day))
        assert standing is not None
        run_id = standing.issued.seal.run_id
        yield ticket_why(run_id, stored_setup(run_id, desk), why_doors(desk))


def values_in(told: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Walk whatever JSON holds and give each value with its place."""
    if isinstance(told, dict | list):
        for key, item in told.items() if isinstance(told, dict) else enumerate(told):
            yield from values_in(item, (*path, key))
    else:
        yield path, told


def spoken(key: str | int) -> str:
    """Say a key in words, and the place in a list as people count."""
    return str(key + 1) if isinstance(key, int) else key.replace("_", " ")


def called(path: tuple[str | int, ...], told: Any) -> str:
    """Say what a person calls a place of a ticket's JSON."""
    match path:
        case ("ticket", "gates", int(at), "gate"):
            return f"gate {told['ticket']['gates'][at]['gate']}"
        case ("ticket", "gates", int(at), "messages", int(number)):
            return f"gate {told['ticket']['gates'][at]['gate']} message {number + 1}"
        case ("ticket", "gates", int(at), str(key)):
            return f"gate {told['ticket']['gates'][at]['gate']} {key}"
        case ("ticket", str(items), int(at), *inside):
            return " ".join([ITEMS[items], str(at + 1), *map(spoken, inside)])
        case ("ticket", *inside):
            return " ".join(map(spoken, inside))
        case _:
            return " ".join(map(spoken, path))


def assert_facts_are_there(root: Path, trees: Iterable[Node]) -> None:
    """Hold that trees end in facts, that each row of them is in its table, and that each file is the one of its hash."""
    nodes = [node for tree in trees for node in nodes_of(tree)]
    origins = {one for node in nodes for one in node.origins}
    rows = {(one.table, one.row) for one in origins if isinstance(one, KeptRow)}
    files = {(one.path, one.sha256, one.piece == "the page") for one in origins if isinstance(one, KeptFile)}

    assert [node.name for node in nodes if not node.under and not node.origins] == []
    assert rows <= rows_there(root, {table for table, _ in rows})
    for path, sha256, is_page in files:
        folder = root if is_page else root / "data" / "raw"
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest() == sha256


def rows_there(root: Path, tables: set[str]) -> set[tuple[str, int]]:
    """Give every row of some tables by its id, an event by its number."""
    with desk_of(root) as desk:
        session = desk.session("reader")
        columns = {table: "seq" if table == "event" else "id" for table in tables}
        return {
            (table, row["number"])
            for table, column in columns.items()
            for row in session.all(f"SELECT {column} AS number FROM {table}")
        }


@pytest.mark.parametrize("day", KINDS)
def test_every_value_of_a_ticket_leads_to_facts_and_is_computed_again(traded, day):
    """Whatever the JSON of a ticket says has a name, a tree that ends in facts, and comes out equal."""
    told = json.loads((traded / "tickets" / f"{ticket_of(day)}.json").read_text())
    places = {called(path, told): value for path, value in values_in(told)}
    assert told["ticket"]["kind"] == KINDS[day]

    with figures_of(traded, day) as figures:
        assert places.items() <= figures.names().items()
        trees = {name: figures.tree(name) for name in figures.names()}

    assert_facts_are_there(traded, trees.values())
    for name, tree in trees.items():
        assert verdict_of(tree).problems == (), name
        assert tree.text == shown(figures.names()[name]), name
        if name not in SEALED_FACTS and tree.value is not None:
            assert tree.again == tree.text, f"{name} was not computed again"


def test_the_figures_of_a_book_are_those_of_its_reports(traded):
    """Cash, positions, equity and result after fills: as the reports print them, and computed again from the entries."""
    on = ("--as-of", str(HALTED))
    held_now, result = twokey(traded, "positions", *on).facts, twokey(traded, "pnl", *on).facts
    printed = {"cash": held_now["cash"], "equity": held_now["equity"], "drawdown": result["drawdown"]}
    printed |= {f"cash {one['currency']}": one["amount"] for one in held_now["cash_by_currency"]}
    for row in held_now["positions"]:
        name = f"position {row['instrument']}"
        printed |= {name: row["quantity"], f"{name} value": row["value"], f"{name} cost": row["cost_base"]}
    parts = ("capital", "realised", "unrealised", "income", "fees", "total")
    printed |= {f"pnl {part}": result[part] for part in parts}
    printed |= {f"pnl {of} {part}": number for of, split in result["split"].items() for part, number in split.items()}
    assert len(held_now["positions"]) > 5

    with desk_of(traded) as desk:
        figures = figures_of_book(desk, "main", as_of=HALTED)
        trees = {name: figures.tree(name) for name in figures.names()}
    named = twokey(traded, "audit", "why", "main", *on).facts["figures"]
    asked = twokey(traded, "audit", "why", "main", "equity", *on)

    assert printed == named == {name: tree.text for name, tree in trees.items()}
    assert {name: verdict_of(tree).problems for name, tree in trees.items()} == dict.fromkeys(trees, ())
    assert {name: tree.again for name, tree in trees.items()} == printed
    assert_facts_are_there(traded, trees.values())
    assert (asked.code, asked.facts["value"]) == (0, printed["equity"])


def test_words_of_the_page_are_understood(traded):
    """A person copies a heading, in any case, and is told what a name that is none comes near to."""
    ticket = ticket_of(TRADED[0])
    asked = ("LINE 1 Units", "line 1 Value GBP", "line 1 value usd", "cash after line 2", "line 1 skip if")

    told = [twokey(traded, "audit", "why", ticket, *words.split()).facts["figure"] for words in asked]
    wrong = twokey(traded, "audit", "why", ticket, "line", "1", "amount")

    names = ["quantity", "value", "value quote", "expected cash after", "worst price"]
    assert told == [f"line {2 if 'after' in name else 1} {name}" for name in names]
    assert wrong.code == 2
    assert "did you mean `line 1" in wrong.err


def test_asking_needs_no_role_but_reader(traded, tmp_path):
    """Whoever asks why can write nothing: the passwords of the writing roles are not opened."""
    secrets = traded / "secrets" / "db"
    writing = [path for path in secrets.iterdir() if path.name not in ("reader", "postgres")]
    assert len(writing) > 5
    for path in writing:
        shutil.move(path, tmp_path / path.name)

    answers = [
        twokey(traded, "audit", "why", ticket_of(TRADED[0]), "equity"),
        twokey(traded, "audit", "why", "main", "cash"),
    ]
    for path in writing:
        shutil.move(tmp_path / path.name, path)

    assert [answer.code for answer in answers] == [0, 0]


# --- what was changed -------------------------------------------------------------------------------------------------

TRADE, FIRST_LINE = ticket_of(TRADED[0]), f"{ticket_of(TRADED[0])}-r1-L1"
UNITS = "account IN ('units', 'trade') AND commodity = {name} AND entry = {entry}"
DOUBLED = f"UPDATE posting SET amount = 2 * amount WHERE {UNITS}"
ENTRY = f"(SELECT id FROM entry WHERE key = '{FIRST_LINE}')"
NAME = f"(SELECT instrument FROM entry WHERE key = '{FIRST_LINE}')"
EVIDENCE = f"(SELECT venue_report FROM entry WHERE key = '{FIRST_LINE}')"
CHANGES = {
    "a posting": ("posting", DOUBLED.format(name=NAME, entry=ENTRY), "main", "cash", "rows of posting"),
    "evidence": (
        "venue_report",
        f'UPDATE venue_report SET body = replace(body, \'"fee":"\', \'"fee":"1\') WHERE id = {EVIDENCE}',
        "main",
        "cash",
        "computed again it is BUY",
    ),
    "evidence that is gone": (
        "venue_report",
        f"DELETE FROM venue_report WHERE id = {EVIDENCE}",
        "main",
        "cash",
        "what it rests on is not there",
    ),
    "what was seen": (
        "decision",
        'UPDATE decision SET facts = replace(facts, \'"cash":"10000"\', \'"cash":"10001"\')',
        TRADE,
        "cash",
        "it is 10001, computed again it is 10000",
    ),
    "a line that was approved": (
        "approval_line",
        'UPDATE approval_line SET body = replace(body, \'"quantity":"\', \'"quantity":"1\')',
        TRADE,
        "line 1 quantity",
        "line 1 quantity as approved: it is 1",
    ),
    "a line that was written": (
        "ticket_line",
        'UPDATE ticket_line SET body = replace(body, \'"quantity":"\', \'"quantity":"1\')',
        TRADE,
        "line 1 quantity",
        "the row of line 1 is not what the ticket shows",
    ),
    "when a clean set was published": (
        "clean_snapshot",
        "UPDATE clean_snapshot SET recorded_at = recorded_at + '1 day'::interval",
        TRADE,
        "fx rate",
        "rows of clean_snapshot",
    ),
    "an event": (
        "event",
        "UPDATE event SET bytes = replace(bytes, 'role', 'Role') WHERE bytes LIKE '%proposal%'",
        TRADE,
        "equity",
        "does not have the hash of its bytes",
    ),
}


@contextmanager
def changed(root: Path, table: str, statement: str) -> Iterator[None]:
    """Change rows behind the triggers, and put the table back as it was."""
    own = "seq, bytes, hash" if table == "event" else "*"
    with superuser(root) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"CREATE TABLE as_it_was AS SELECT {own} FROM {table}")
        assert connection.execute(statement).rowcount > 0
        try:
            yield
        finally:
            connection.execute(f"DELETE FROM {table}")
            connection.execute(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM as_it_was")
            connection.execute("DROP TABLE as_it_was")


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_behind_the_triggers_is_told(traded, what):
    """A row that is not as it was kept is named where a figure rests on it, and the exit code is 1; before it was 0."""
    table, statement, subject, figure, words = CHANGES[what]
    before = twokey(traded, "audit", "why", subject, *figure.split())

    with changed(traded, table, statement):
        after = twokey(traded, "audit", "why", subject, *figure.split())

    assert (before.code, after.code) == (0, 1), before.out + after.err
    assert any(words in problem for problem in after.facts["problems"]), after.facts["problems"]
    assert twokey(traded, "audit", "why", subject, *figure.split()).code == 0


def test_a_body_that_does_not_have_its_hash_is_told_in_words(traded):
    """What cannot even be read ends with a sentence that names it, and no tree."""
    with changed(traded, "proposal", "UPDATE proposal SET body = replace(body, 'equity', 'worth')"):
        done = twokey(traded, "audit", "why", TRADE, "equity")

    assert (done.code, done.out) == (1, "")
    assert "the proposal of RUN-20240206-r1 was changed in the database" in done.err


def test_a_raw_file_whose_bytes_were_changed_is_told(traded):
    """A price rests on the bytes of the file that told it, and these are looked at."""
    (path,) = (traded / "data" / "raw").rglob("prices_2024*.parquet")
    content, mode = path.read_bytes(), path.stat().st_mode
    path.chmod(0o600)
    path.write_bytes(content[:-1] + b"?")

    done = twokey(traded, "audit", "why", TRADE, *["line", "1", "decision", "price"])
    path.write_bytes(content)
    path.chmod(mode)

    assert done.code == 1
    assert any("its SHA-256 was" in problem for problem in done.facts["problems"]), done.facts["problems"]


def test_a_page_that_says_something_else_is_told(traded):
    """The file that a person reads is held against the ticket that is kept."""
    path = traded / "tickets" / f"{TRADE}.json"
    text = path.read_text()
    told = json.loads(text)
    told["ticket"]["lines"][0]["quantity"] = "9999"
    path.write_text(json.dumps(told))

    done = twokey(traded, "audit", "why", TRADE, *["line", "1", "quantity"])
    path.write_text(text)

    assert done.code == 1
    assert any(f"tickets/{TRADE}.json says 9999, the ticket that is kept" in one for one in done.facts["problems"])

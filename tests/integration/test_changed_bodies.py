"""Stored bodies that somebody changed: each reader names what was changed and what to do, and none crashes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.postgres.chain import Chain
from adapters.postgres.connect import Session
from adapters.postgres.journal import PgJournal, PgVenue
from adapters.postgres.people import PgConfig
from adapters.postgres.runs import PgDecisions, PgRuns, PgScores
from adapters.postgres.tickets import PgTickets
from core.canonical import sha256_text
from flows.books import StoreError
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces, desk_of, held, superuser, twokey

TICKET, RUN = f"TICKET-{DAY:%Y%m%d}", f"RUN-{DAY:%Y%m%d}-r1"
ADVICE = "run `twokey audit verify`"
# What somebody may write instead: no JSON, JSON of another kind, a field less, a number that is none, and a small change.
FORGERIES = {
    "no JSON": "not JSON",
    "empty": "",
    "another kind": '["x"]',
    "a field less": "{}",
    "a change": None,
}
# Rows whose body stands beside its hash: the smallest change is seen by whoever reads it.
HASHED: dict[str, Callable[[Session], object]] = {
    "score_set": lambda session: PgScores(session).scores(RUN),
    "proposal": lambda session: PgDecisions(session).proposal(RUN),
    "decision": lambda session: PgDecisions(session).decision(RUN),
    "ticket": lambda session: PgTickets(session).live_ticket("main", f"{DAY:%Y%m%d}"),
    "manifest": lambda session: PgConfig(session).manifest(RUN),
}
# Rows without one: what cannot be read is said, what was changed is the audit's to find.
READ: dict[tuple[str, str], Callable[[Session], object]] = {
    ("run", "body"): lambda session: PgRuns(session).run(RUN),
    ("decision", "facts"): lambda session: PgDecisions(session).decision(RUN),
    ("approval", "mandate"): lambda session: PgDecisions(session).approval(RUN),
    ("approval_line", "body"): lambda session: PgDecisions(session).approved_lines(RUN),
    ("ticket", "seal"): lambda session: PgTickets(session).ticket(TICKET),
    ("venue_report", "body"): lambda session: PgVenue(session).reports("main", "paper"),
    ("account_snapshot", "body"): lambda session: PgVenue(session).last_snapshot("main", "paper"),
    ("reconciliation", "breaks"): lambda session: PgJournal(session).reconciliation("main", "paper"),
    ("event", "bytes"): lambda session: Chain(session).events(),
}
# All but what is a body of that very kind.
UNREADABLE = [
    (table, column, text)
    for (table, column), text in itertools.product(READ, ("not JSON", '["x"]', "{}"))
    if (table, text) not in (("reconciliation", '["x"]'), ("event", "{}"))
]


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Iterator[Path]:
    """Give a workspace with two decided days, the first one filled and booked, whose server runs."""
    root = workspaces.copy("bodies", *BUSY)
    with held(root):
        for day in (DAY, DAY + ONE_DAY):
            assert twokey(root, "run", "--on", day.isoformat()).code == 0
        yield root


@pytest.fixture
def reader(root: Path) -> Iterator[Session]:
    """Give the reader's connection."""
    with desk_of(root) as desk:
        yield desk.session("reader")


@contextmanager
def changed(root: Path, table: str, column: str, text: str | None) -> Iterator[None]:
    """Write another text into a column of every row, one more space where it is None, and undo it at the end."""
    key = "seq" if table == "event" else "id"
    with superuser(root) as connection:
        rows = connection.execute(f"SELECT {key}, {column} AS text FROM {table}".encode()).fetchall()
        assert rows
        connection.execute("SET session_replication_role = replica")
        update = f"UPDATE {table} SET {column} = %s WHERE {key} = %s".encode()
        for row in rows:
            connection.execute(update, (row["text"] + " " if text is None else text, row[key]))
        yield
        for row in rows:
            connection.execute(update, (row["text"], row[key]))


def refusal(read: Callable[[Session], object], reader: Session) -> str:
    """Give the words in which a reader refuses."""
    with pytest.raises(StoreError) as refused:
        read(reader)
    return str(refused.value)


@pytest.mark.parametrize("text", FORGERIES.values(), ids=FORGERIES.keys())
@pytest.mark.parametrize("table", HASHED)
def test_a_body_that_is_not_of_its_hash_is_named(root, reader, table, text):
    """Whatever was written instead, down to a space."""
    with changed(root, table, "body", text):
        words = refusal(HASHED[table], reader)

    assert TICKET in words if table == "ticket" else RUN in words
    assert "was changed in the database: it does not have the hash that it was kept with" in words
    assert words.endswith(ADVICE)


@pytest.mark.parametrize(("table", "column", "text"), UNREADABLE)
def test_a_body_that_cannot_be_read_is_named(root, reader, table, column, text):
    """No error of a library reaches whoever asked."""
    with changed(root, table, column, text):
        words = refusal(READ[table, column], reader)

    assert "was changed in the database: it cannot be read: " in words
    assert words.endswith(ADVICE)


@pytest.mark.parametrize("column", ["hash", "body"])
@pytest.mark.parametrize("command", [("ticket", "list"), ("ticket", "show", TICKET)], ids=" ".join)
def test_a_command_that_meets_a_changed_ticket_says_which(root, command, column):
    """Exit 1 and one line, as for every other trouble with the database; nothing on stdout."""
    with changed(root, "ticket", column, "not JSON"):
        done = twokey(root, *command)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"twokey: {TICKET} revision 1 was changed in the database")
    assert done.err.strip().endswith(ADVICE)


def test_a_body_with_a_hash_of_its_own_is_still_no_ticket(root):
    """Who rewrites both leaves the chain to tell, but no traceback."""
    with changed(root, "ticket", "body", "{}"), changed(root, "ticket", "hash", sha256_text("{}")):
        done = twokey(root, "ticket", "show", TICKET)

    assert done.code == 1
    assert f"{TICKET} revision 1 was changed in the database: it cannot be read: ticket_id: Field required" in done.err


def test_a_body_that_says_more_than_a_ticket_does_is_named(root, reader):
    """With a hash of its own: what is read of it is not the whole, and somebody wrote the rest."""
    row = reader.one("SELECT body FROM ticket ORDER BY id LIMIT 1")
    more = json.dumps({**json.loads(row["body"]), "advice": "buy twice"}, sort_keys=True, separators=(",", ":"))

    with changed(root, "ticket", "body", more), changed(root, "ticket", "hash", sha256_text(more)):
        words = refusal(HASHED["ticket"], reader)

    assert "was changed in the database: what can be read of it has another hash than the whole" in words


def test_the_audit_that_is_advised_finds_it(root):
    """The advice leads somewhere."""
    with changed(root, "ticket", "body", None):
        done = twokey(root, "audit", "verify")

    assert done.code == 1
    assert "rows of ticket that event" in done.facts["problem"]
    assert twokey(root, "audit", "verify").code == 0


@pytest.mark.parametrize(
    ("table", "column", "value", "words"),
    [
        ("posting", "amount", "1", "does not balance"),
        ("venue_report", "kind", "rumour", "venue report"),
    ],
)
def test_a_changed_fact_of_the_books_is_named(root, reader, table, column, value, words):
    """Postings that do not balance, and a report of no kind that there is."""
    read: dict[str, Callable[[Session], Any]] = {
        "posting": lambda session: PgJournal(session).entries("main", "paper"),
        "venue_report": lambda session: PgVenue(session).reports("main", "paper"),
    }
    with changed(root, table, column, value):
        told = refusal(read[table], reader)

    assert words in told
    assert told.endswith(ADVICE)


def test_a_replay_of_a_changed_configuration_says_so(root):
    """The universe that a run names by its hash is not there as it was kept."""
    with changed(root, "config_version", "body", None):
        done = twokey(root, "replay", RUN)

    assert (done.code, done.out) == (1, "")
    assert f"the configuration of {RUN} is not as it was kept; {ADVICE}" in done.err


def test_the_gate_of_a_new_process_finds_what_was_changed_before_the_last_head(root):
    """Heads are kept after every run; a row from before the last one is still looked at by the next."""
    with changed(root, "ticket", "body", None):
        done = twokey(root, "run", "--on", (DAY + 2 * ONE_DAY).isoformat())

    assert done.code == 3
    (found,) = [finding["message"] for finding in done.facts["findings"] if finding["check"] == "audit"]
    assert found.startswith("rows of ticket that event")
    assert twokey(root, "audit", "verify").code == 0

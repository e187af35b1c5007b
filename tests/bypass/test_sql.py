"""Direct SQL as every role: with its own password, past every tool, a role does nothing that is not its to do."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest

from adapters.postgres.rights import ROLES, WRITERS, Role
from core.canonical import canonical_json, sha256_text
from tests.bypass.stages import FEW, Stage, first_of, play_by_hand, staged
from tests.integration.workspaces import BUSY, DAY, ONE_DAY, Workspaces

KEEPS_SERVERS = True
RUN, NEXT = f"RUN-{DAY:%Y%m%d}-r1", f"RUN-{DAY + ONE_DAY:%Y%m%d}-r1"
# What each of these would be worth to somebody, and the roles that are refused it: all whose it is not.
TRADES = {
    "an event": ("event", "INSERT INTO event (seq, bytes, hash) VALUES (999999, '{}', 'x')"),
    "a run": (
        "run",
        "INSERT INTO run (run_id, book, slot, revision, body) VALUES ('RUN-X', 'main', '20990101', 1, '{}')",
    ),
    "scores": ("score_set", f"INSERT INTO score_set (run_id, hash, body) VALUES ('{NEXT}', 'x', '{{}}')"),
    "a model": (
        "model",
        "INSERT INTO model (book, as_of, hash, card, body) VALUES ('main', '2024-01-01', 'x', '{}', '{}')",
    ),
    "a proposal": ("proposal", f"INSERT INTO proposal (run_id, hash, body) VALUES ('{NEXT}', 'x', '{{}}')"),
    "a decision": (
        "decision",
        f"INSERT INTO decision (run_id, kind, hash, body, facts) VALUES ('{NEXT}', 'TRADE', 'x', '{{}}', '{{}}')",
    ),
    "an approval": (
        "approval",
        "INSERT INTO approval (run_id, mandate, key_id, signature) SELECT run_id, mandate, key_id, signature FROM approval",
    ),
    "an approved line": (
        "approval_line",
        "INSERT INTO approval_line (approval_id, line, body) SELECT approval_id, 99, body FROM approval_line",
    ),
    "a ticket": (
        "ticket",
        "INSERT INTO ticket (ticket_id, book, slot, revision, kind, venue, is_rehearsal, run_id, hash, body, seal)"
        " SELECT ticket_id, book, slot, 9, kind, venue, is_rehearsal, run_id, hash, body, seal FROM ticket LIMIT 1",
    ),
    "a ticket's line": (
        "ticket_line",
        "INSERT INTO ticket_line (ticket, line, approval_line, body) SELECT ticket, 99, approval_line, body FROM ticket_line",
    ),
    "a step": ("ticket_step", "INSERT INTO ticket_step (ticket, step, body) SELECT id, 'confirmed', '{}' FROM ticket"),
    "a delivery": (
        "delivery",
        "INSERT INTO delivery (ticket, channel, outcome, body) SELECT id, 'file', 'delivered: x', '{}' FROM ticket",
    ),
    "a confirmation": (
        "confirmation",
        "INSERT INTO confirmation (ticket, said_by, channel, said_at, is_late, body)"
        " SELECT id, 'Ada', 'terminal', now(), false, '{}' FROM ticket",
    ),
    "an answer": (
        "confirmation_line",
        "INSERT INTO confirmation_line (confirmation, ticket_line, outcome, body) SELECT 1, id, 'x', '{}' FROM ticket_line",
    ),
    "a venue's report": (
        "venue_report",
        "INSERT INTO venue_report (key, book, venue, kind, session, body)"
        " VALUES ('x', 'main', 'paper', 'cash', '2024-02-06', '{}')",
    ),
    "a snapshot": (
        "account_snapshot",
        "INSERT INTO account_snapshot (account, book, venue, session, body)"
        " VALUES ('a', 'main', 'manual', '2024-02-06', '{}')",
    ),
    "a payment": (
        "cash_movement",
        "INSERT INTO cash_movement (key, book, venue, session, currency, amount, said_by, note)"
        " VALUES ('x', 'main', 'manual', '2024-02-06', 'GBP', 1000000, 'Ada', '')",
    ),
    "a booked fact": (
        "booked_fact",
        "INSERT INTO booked_fact (key, kind, account, book, venue, session, body, said_by, note)"
        " VALUES ('x', 'fill', 'a', 'main', 'manual', '2024-02-06', '{}', 'Ada', '')",
    ),
    "an entry": (
        "entry",
        "INSERT INTO entry (key, kind, book, venue, session, cash_movement)"
        " VALUES ('x', 'DEPOSIT', 'main', 'manual', '2024-02-06', 1)",
    ),
    "a posting": (
        "posting",
        "INSERT INTO posting (entry, line, account, commodity, amount) VALUES (1, 99, 'cash', 'GBP', 1000000)",
    ),
    "a comparison without breaks": (
        "reconciliation",
        "INSERT INTO reconciliation (snapshot, book, venue, session, ledger_head, breaks)"
        " VALUES (1, 'main', 'manual', '2024-02-06', 'none', '[]')",
    ),
    "a halt": ("halt", "INSERT INTO halt (scope, reason, role) VALUES ('main', 'r', 'person')"),
    "a resume": ("resume", "INSERT INTO resume (halt, said_by, reason) SELECT id, 'Ada', 'r' FROM halt"),
    "a peak": ("peak_restart", "INSERT INTO peak_restart (resume, book, session) VALUES (1, 'main', '2024-02-06')"),
    "a phase": (
        "rollout_step",
        "INSERT INTO rollout_step (book, phase, said_by, reason) VALUES ('main', 'C', 'Ada', 'r')",
    ),
    "a revision": (
        "revision",
        "INSERT INTO revision (run_id, voids, said_by, reason) SELECT 'RUN-X', id, 'Ada', 'r' FROM ticket",
    ),
    "a looked-up instrument": (
        "verification",
        "INSERT INTO verification (instrument, verified_on, said_by, note) VALUES ('AAPL', '2024-02-06', 'Ada', '')",
    ),
    "a lost past": (
        "acknowledged_loss",
        "INSERT INTO acknowledged_loss (backup, last_seq, last_hash, lost_to, said_by, reason)"
        " VALUES ('b', 1, 'x', 2, 'Ada', 'r')",
    ),
    "a pinned model": (
        "model_pin",
        "INSERT INTO model_pin (book, hash, said_by, reason) VALUES ('main', 'x', 'Ada', 'r')",
    ),
    "a policy": ("config_version", "INSERT INTO config_version (kind, hash, body) VALUES ('policy', 'x', '{}')"),
    "a clean set": ("clean_snapshot", "INSERT INTO clean_snapshot (hash, body) VALUES ('x', '{}')"),
    "a manifest": ("manifest", f"INSERT INTO manifest (run_id, hash, body) VALUES ('{NEXT}', 'x', '{{}}')"),
}
CHANGES = {
    "a larger approved line": 'UPDATE approval_line SET body = replace(body, \'"quantity":"\', \'"quantity":"9\')',
    "a later expiry": "UPDATE approval SET mandate = replace(mandate, '2024', '2099')",
    "a lifted halt": "DELETE FROM halt",
    "an answer taken back": "DELETE FROM confirmation_line",
    "a ticket without its lines": "TRUNCATE ticket_line CASCADE",
    "another policy": "UPDATE config_version SET body = ''",
    "a shorter chain": "DELETE FROM event WHERE seq > 5",
    "more cash": "UPDATE posting SET amount = amount * 2",
    "a row kept by merging": "MERGE INTO halt t USING halt s ON t.id = s.id WHEN MATCHED THEN DELETE",
    "no triggers": "SET session_replication_role = replica",
    "a trigger gone": "ALTER TABLE ticket DISABLE TRIGGER USER",
    "the superuser's name": "SET SESSION AUTHORIZATION postgres",
    "the superuser's rights": "SET ROLE postgres",
    "the owner's rights": "SET ROLE twokey_owner",
    "a key's file": "SELECT pg_read_file('../../secrets/riskguard/ed25519.pem')",
    "the passwords": "SELECT rolpassword FROM pg_authid",
    "a program": "COPY ticket TO PROGRAM 'true'",
    "a function of one's own": "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "an event of one's own words": "SELECT add_event('added', 'halt', '{}')",
}
# Functions that some may call: who, and what the others are refused.
FUNCTIONS: dict[str, tuple[str, frozenset[Role]]] = {
    "opening a run": ("SELECT open_run('RUN-X', 'main', '20990101', 1, '{}')", frozenset(("desk", "quant"))),
    "revising a slot": (
        f"SELECT revise_run('RUN-{DAY:%Y%m%d}-r2', 'other', '{DAY:%Y%m%d}', 2, '{{}}', 'Ada', 'r')",
        frozenset(("person",)),
    ),
}
DENIED = psycopg.errors.InsufficientPrivilege


@pytest.fixture(scope="module")
def stage(workspaces: Workspaces) -> Iterator[Stage]:
    """Give a book with an honest day behind it: a trade by hand that was answered and posted, a halt that was lifted."""
    root = workspaces.copy("direct", FEW, *BUSY)
    play_by_hand(root)
    with staged(root) as stage:
        yield stage
        assert stage.judge() == ""


def refusals(stage: Stage, statement: str, roles: tuple[Role, ...]) -> dict[Role, str]:
    """Try a statement as each of some roles and undo it; gives who was not refused, and what came of it."""
    allowed: dict[Role, str] = {}
    for role in roles:
        connection = stage.roles[role]
        try:
            with connection.transaction(force_rollback=True):
                done = connection.execute(statement.encode())
                allowed[role] = f"{done.rowcount} rows"
        except DENIED:
            continue
        except psycopg.Error as error:
            allowed[role] = str(error)
    return allowed


@pytest.mark.parametrize("name", TRADES)
def test_a_row_of_anothers_table(stage, name):
    """Every role but the table's writer is refused it, by a missing right."""
    table, statement = TRADES[name]
    others = tuple(role for role in ROLES if role != WRITERS[table])

    assert refusals(stage, statement, others) == {}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_what_is_there(stage, name):
    """No role changes, takes away or steps around anything, not even what it wrote itself."""
    assert refusals(stage, CHANGES[name], ROLES) == {}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_others(stage, name):
    """Functions are called by their callers alone."""
    statement, callers = FUNCTIONS[name]

    assert refusals(stage, statement, tuple(role for role in ROLES if role not in callers)) == {}


# --- a writer against its own table -----------------------------------------------------------------------------------


def refused(stage: Stage, role: Role, *statements: str) -> str:
    """Do something as a role up to the commit and undo it; gives the refusal, or nothing when it was taken."""
    connection = stage.roles[role]
    try:
        with connection.transaction(force_rollback=True):
            for statement in statements:
                connection.execute(statement.encode())
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.Error as error:
        return str(error)
    return ""


_LINE = "(SELECT min(id) FROM ticket_line)"
_COPY = (
    "INSERT INTO ticket (ticket_id, book, slot, revision, kind, venue, is_rehearsal, run_id, hash, body, seal)"
    " SELECT ticket_id, book, {slot}, {revision}, {kind}, venue, is_rehearsal, {run}, hash, body, seal FROM ticket"
)
_ENTRY = (
    "INSERT INTO entry (key, kind, book, venue, session, {}) VALUES ('x', 'BUY', 'main', 'manual', '2024-02-06', {})"
)
# The role, what it does in its own table, and what must be said.
OWN: dict[str, tuple[Role, str, str]] = {
    "a second ticket of a slot": (
        "ticketing",
        _COPY.format(slot="slot", revision="revision", kind="kind", run="run_id"),
        "duplicate key",
    ),
    "a revision that nobody asked for": (
        "ticketing",
        _COPY.format(slot="slot", revision="2", kind="kind", run="run_id"),
        "duplicate key",
    ),
    "a ticket of no run": (
        "ticketing",
        _COPY.format(slot="'20990101'", revision="1", kind="kind", run="'RUN-X'").replace(
            "SELECT ticket_id", "SELECT 'T'"
        ),
        "foreign key",
    ),
    "a line more on an old ticket": (
        "ticketing",
        "INSERT INTO ticket_line (ticket, line, approval_line, body) SELECT ticket, 99, approval_line, body FROM ticket_line",
        "it must be its own line of its own run",
    ),
    "a line on an approved line that was used": (
        "ticketing",
        "INSERT INTO ticket_line (ticket, line, approval_line, body)"
        f" SELECT ticket, line, approval_line, body FROM ticket_line WHERE id = {_LINE}",
        "duplicate key",
    ),
    "a second decision of a run": (
        "riskguard",
        "INSERT INTO decision (run_id, kind, hash, body, facts) SELECT run_id, kind, hash, body, facts FROM decision",
        "duplicate key",
    ),
    "a second approval of a run": (
        "riskguard",
        "INSERT INTO approval (run_id, mandate, key_id, signature) SELECT run_id, mandate, key_id, signature FROM approval",
        "duplicate key",
    ),
    "an approval of what was not decided": (
        "riskguard",
        "INSERT INTO approval (run_id, mandate, key_id, signature) SELECT 'RUN-X', mandate, key_id, signature FROM approval",
        "foreign key",
    ),
    "a second proposal of a run": (
        "riskguard",
        "INSERT INTO proposal (run_id, hash, body) SELECT run_id, hash, body FROM proposal",
        "duplicate key",
    ),
    "other scores of a run": (
        "quant",
        "INSERT INTO score_set (run_id, hash, body) SELECT run_id, 'x', '{}' FROM score_set",
        "duplicate key",
    ),
    "a line answered again": (
        "confirm",
        "INSERT INTO confirmation_line (confirmation, ticket_line, outcome, body)"
        " SELECT confirmation, ticket_line, outcome, body FROM confirmation_line",
        "duplicate key",
    ),
    "an answer to no line": (
        "confirm",
        "INSERT INTO confirmation_line (confirmation, ticket_line, outcome, body) VALUES (1, 999999, 'filled', '{}')",
        "foreign key",
    ),
    "a fill on nothing": ("ledger", _ENTRY.format("instrument", "'AAPL'"), "entry_rests_on_one_evidence"),
    "a fill on an answer that is not there": (
        "ledger",
        _ENTRY.format("confirmation_line", "999999"),
        "which is not there",
    ),
    "a fill on two": (
        "ledger",
        _ENTRY.format("confirmation_line, cash_movement", "1, 1"),
        "entry_rests_on_one_evidence",
    ),
    "a fill on an answer that was posted": (
        "ledger",
        _ENTRY.format("confirmation_line", "(SELECT min(id) FROM confirmation_line)"),
        "duplicate key",
    ),
    "a payment posted again": (
        "ledger",
        _ENTRY.format("cash_movement", "(SELECT min(id) FROM cash_movement)"),
        "duplicate key",
    ),
    "a posting of no entry": (
        "ledger",
        "INSERT INTO posting (entry, line, account, commodity, amount) VALUES (999999, 1, 'cash', 'GBP', 1)",
        "which is not there",
    ),
    "a halt resumed again": (
        "person",
        "INSERT INTO resume (halt, said_by, reason) SELECT halt, 'Ada', 'r' FROM resume",
        "duplicate key",
    ),
    "a resume of no halt": (
        "person",
        "INSERT INTO resume (halt, said_by, reason) VALUES (999999, 'Ada', 'r')",
        "foreign key",
    ),
    "a payment under a known key": (
        "person",
        "INSERT INTO cash_movement (key, book, venue, session, currency, amount, said_by, note)"
        " SELECT key, book, venue, session, currency, 5, said_by, note FROM cash_movement",
        "duplicate key",
    ),
    "a slot revised over an answer": (
        "person",
        f"SELECT revise_run('RUN-{DAY:%Y%m%d}-r2', 'main', '{DAY:%Y%m%d}', 2, '{{}}', 'Ada', 'r')",
        "was answered",
    ),
    "a second revision opened as a first": (
        "desk",
        f"SELECT open_run('RUN-{DAY:%Y%m%d}-r3', 'main', '{DAY:%Y%m%d}', 3, '{{}}')",
        "a person revises a slot",
    ),
    "two runs of one name": ("quant", f"SELECT open_run('{RUN}', 'main', '20990101', 1, '{{}}')", "duplicate key"),
}


@pytest.mark.parametrize("name", OWN)
def test_a_writer_in_its_own_table(stage, name):
    """What is a role's to write is still held by keys and triggers."""
    role, statement, words = OWN[name]

    assert words in refused(stage, role, statement)


def test_ticketing_and_a_trade_of_its_own(stage):
    """A body written anew for a slot that nobody decided, hash and all: there is nothing that it could rest on."""
    body = json.loads(first_of(stage.rows("SELECT body FROM ticket")))
    body |= {"slot": "20990101", "ticket_id": "TICKET-20990101"}
    text = canonical_json(body)
    row = "'TICKET-20990101', 'main', '20990101', 1, 'TRADE', 'manual', false"

    refusal = refused(
        stage,
        "ticketing",
        "INSERT INTO ticket (ticket_id, book, slot, revision, kind, venue, is_rehearsal, run_id, hash, body, seal)"
        f" VALUES ({row}, '{RUN}', '{sha256_text(text)}', $b${text}$b$, '{{}}')",
    )

    assert "duplicate key" in refusal


HONEST: dict[str, tuple[Role, str]] = {
    "desk opens a run": ("desk", "SELECT open_run('RUN-X', 'main', '20990101', 1, '{}')"),
    "quant opens a run": ("quant", "SELECT open_run('RUN-X', 'main', '20990101', 1, '{}')"),
    "anybody halts": ("ledger", "SELECT halt_trading('main', 'a doubt')"),
    "a person moves cash": ("person", TRADES["a payment"][1]),
    "a person sets a phase": ("person", TRADES["a phase"][1]),
    "desk keeps a policy": ("desk", TRADES["a policy"][1]),
    "ticketing tells of a delivery": ("ticketing", TRADES["a delivery"][1]),
    "everybody reads": ("reader", "SELECT * FROM ticket"),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_a_role_is_for(stage, name):
    """The twins: what is its own to do, each role does the same way in."""
    role, statement = HONEST[name]

    assert refused(stage, role, statement) == ""

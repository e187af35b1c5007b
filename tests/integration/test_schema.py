"""The schema on real servers: the migrated database is the one that the code declares, and is made once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import CheckConstraint, Connection, create_engine, text
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from adapters.postgres import schema, tables
from adapters.postgres.connect import Location, Row, Session, password_path
from adapters.postgres.embedded import bin_path
from adapters.postgres.location import DATABASE, Server
from adapters.postgres.rights import ROLES, WRITERS
from tests.integration.workspaces import Workspaces, superuser, twokey

KEEPS_SERVERS = True
FACTS = {tables.table_name(fact) for fact in tables.FACTS}
FACT_TRIGGERS = {
    "lock_chain": "BEFORE INSERT ON {} FOR EACH STATEMENT",
    "record_rows": "AFTER INSERT ON {} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT",
    "refuse_change": "BEFORE DELETE OR UPDATE ON {} FOR EACH STATEMENT",
    "refuse_truncate": "BEFORE TRUNCATE ON {} FOR EACH STATEMENT",
}
# What else holds a table: a posting is of an entry, nobody answers a revised ticket, a ticket holds what was approved.
MORE_TRIGGERS = {
    ("posting", "rest_on_entries"): "AFTER INSERT ON public.{} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT",
    ("entry", "rest_on_evidence"): "AFTER INSERT ON public.{} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT",
    ("confirmation_line", "refuse_void"): "BEFORE INSERT ON public.{} FOR EACH ROW",
    ("venue_report", "refuse_void"): "BEFORE INSERT ON public.{} FOR EACH ROW",
    ("ticket_line", "rest_on_approval"): "BEFORE INSERT ON public.{} FOR EACH ROW",
    ("ticket_step", "take_legal_steps"): "BEFORE INSERT ON public.{} FOR EACH ROW",
    ("ticket", "show_what_was_approved"): "AFTER INSERT ON public.{} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
}
EVENT_TRIGGERS = ("refuse_change", "refuse_truncate")


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a workspace with nothing decided, whose server is stopped."""
    return workspaces.copy("schema")


@pytest.fixture
def migrated(root: Path) -> Iterator[Connection]:
    """Give the superuser's connection to the migrated database; what a test does there is undone."""
    with superuser(root) as connection:
        info = connection.info
        query = {"host": info.host, "user": info.user, "password": info.password, "dbname": info.dbname}
        engine = create_engine("postgresql+psycopg://", connect_args=query, poolclass=NullPool)
        with engine.connect() as opened:
            yield opened


# --- the tables -------------------------------------------------------------------------------------------------------


def differences(connection: Connection) -> list[object]:
    """Give what Alembic would change so that the database becomes what the classes declare."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata))


def test_the_migrated_database_is_what_the_classes_declare(migrated):
    """Tables, columns, types, indexes, uniques and foreign keys: nothing is left to migrate."""
    assert differences(migrated) == []


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE mine (x int)",
        "ALTER TABLE ticket ADD COLUMN mine int",
        "ALTER TABLE ticket DROP COLUMN seal",
        "ALTER TABLE ticket ALTER seal DROP NOT NULL",
        "ALTER TABLE posting ALTER amount TYPE double precision",
        "ALTER TABLE ticket ALTER seal SET DEFAULT 'x'",
        "ALTER TABLE ticket ALTER event_seq SET DEFAULT 1",
        "ALTER TABLE ticket ALTER recorded_at DROP DEFAULT",
        "DROP INDEX ix_ticket_event_seq",
        "ALTER TABLE ticket DROP CONSTRAINT ticket_book_slot_revision_key",
        "ALTER TABLE ticket_line DROP CONSTRAINT ticket_line_approval_line_fkey",
        "ALTER TABLE ticket ALTER CONSTRAINT ticket_event_seq_fkey NOT DEFERRABLE",
    ],
)
def test_the_comparison_sees_a_difference(migrated, change):
    """Each kind of difference that a migration could forget."""
    migrated.execute(text(change))

    assert differences(migrated) != []


def test_what_alembic_does_not_compare_is_there_too(migrated):
    """Primary keys, identities, checks, and no number that is not exact."""
    columns = migrated.execute(
        text("SELECT * FROM information_schema.columns WHERE table_schema = 'public'")
    ).mappings()
    identities = {
        (row["table_name"], row["column_name"], row["identity_generation"])
        for row in columns
        if row["is_identity"] == "YES"
    }
    inexact = "SELECT count(*) FROM pg_attribute WHERE attrelid = ANY(:tables) AND atttypid IN (700, 701, 790)"
    keys = "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
    keys += " WHERE connamespace = 'public'::regnamespace AND contype = :kind"
    public = "SELECT array_agg(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace"

    assert identities == {(table, "id", "ALWAYS") for table in FACTS}
    assert migrated.execute(text(inexact), {"tables": migrated.execute(text(public)).scalar()}).scalar() == 0
    primary = {tuple(row) for row in migrated.execute(text(keys), {"kind": "p"}) if row[0] != "alembic_version"}
    assert primary == {(table, "PRIMARY KEY (id)") for table in FACTS} | {("event", "PRIMARY KEY (seq)")}
    declared = [one for table in SQLModel.metadata.tables.values() for one in table.constraints]
    checks = sorted(row[0] for row in migrated.execute(text(keys), {"kind": "c"}))
    assert checks == sorted(one.table.name for one in declared if isinstance(one, CheckConstraint))
    assert checks == ["acknowledged_loss", "entry", "frozen_hash"]


def test_every_fact_has_its_triggers_and_all_of_them_fire(migrated):
    """Four a fact, two for the chain itself, and those of answers to void tickets, of tickets, their steps, and postings."""
    query = "SELECT tgrelid::regclass::text, tgname, tgenabled::text, pg_get_triggerdef(oid) FROM pg_trigger"
    found = {
        (row[0], row[1]): (row[2], row[3].partition(f" {row[1]} ")[2].partition(" EXECUTE FUNCTION ")[::2])
        for row in migrated.execute(text(f"{query} WHERE NOT tgisinternal"))
    }

    names = [(table, name) for table in FACTS for name in FACT_TRIGGERS] + [("event", name) for name in EVENT_TRIGGERS]
    functions = {name: "refuse_change()" if name == "refuse_truncate" else f"{name}()" for name in FACT_TRIGGERS}
    assert found == {
        (table, name): ("O", (FACT_TRIGGERS[name].format(f"public.{table}"), functions[name])) for table, name in names
    } | {(table, name): ("O", (words.format(table), f"{name}()")) for (table, name), words in MORE_TRIGGERS.items()}


def test_the_table_of_rights_names_exactly_the_tables(migrated):
    """A table without a line in the rights would be nobody's, or everybody's."""
    query = (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    found = {row[0] for row in migrated.execute(text(query))}

    assert found - {"alembic_version"} == WRITERS.keys() == SQLModel.metadata.tables.keys()
    assert WRITERS.keys() - {"event"} == FACTS


# --- preparing --------------------------------------------------------------------------------------------------------


def everything(root: Path, database: str = DATABASE) -> tuple[str, list[Row], dict[str, bytes]]:
    """Give the schema with all rights as text, the roles with what is stored of their passwords, and the secrets."""
    with superuser(root) as connection:
        info = connection.info
        login = {"PGHOST": info.host, "PGUSER": info.user, "PGPASSWORD": info.password}
        command = [str(bin_path() / "pg_dump"), "--schema-only", "--restrict-key=x", f"--dbname={database}"]
        dump = subprocess.run(command, env=login, capture_output=True, text=True, check=True).stdout
        query = f"SELECT * FROM pg_authid WHERE rolname LIKE '{database}%' ORDER BY rolname"
        roles = connection.execute(query.encode()).fetchall()
    files = (root / "secrets").rglob("*")
    return dump, roles, {str(file): file.read_bytes() for file in files if file.is_file()}


def test_preparing_again_changes_nothing(root):
    """Schema, rights, roles, passwords, keys and heads are what they were."""
    twokey(root, "halt", "--book", "other", "so that there is an event")
    before, heads = everything(root), (root / "logs" / "audit_heads.jsonl").read_text()

    done = twokey(root, "init")

    assert (done.code, done.facts["made"]) == (0, [])
    assert everything(root) == before
    assert (root / "logs" / "audit_heads.jsonl").read_text() == heads


class Killed(BaseException):
    """The end of a process: nothing in the code may catch it."""


def test_preparing_goes_on_wherever_it_was_killed(root, monkeypatch):
    """Another database of the same server, killed before each statement in turn, ends up like the one made at once."""
    secrets, execute = root / "other_secrets", psycopg.Connection.execute
    server = Server(root / "pg", root / "secrets")
    location, admin = server.start(), server.administrator()
    other = Location(location.host, location.port, "other")
    count = limit = 0

    def counted(*arguments, **named):
        nonlocal count
        count += 1
        if count > limit:
            raise Killed
        return execute(*arguments, **named)

    monkeypatch.setattr(psycopg.Connection, "execute", counted)
    is_done = False
    while not is_done:
        count, limit = 0, limit + 1
        with suppress(Killed):
            schema.prepare(other, admin=admin.user, admin_password=admin.password, secrets_dir=secrets)
            is_done = True
    monkeypatch.undo()
    for role in ROLES:
        Session(other, role, secrets).close()
    made, at_once = everything(root, "other"), everything(root)
    server.release()

    assert limit > 20
    assert made[0].replace("other_", "twokey_") == at_once[0]
    assert [{**row, "oid": 0, "rolpassword": ""} for row in made[1]] == [
        {**row, "oid": 0, "rolpassword": "", "rolname": row["rolname"].replace("twokey_", "other_")}
        for row in at_once[1]
    ]


def test_a_password_that_was_cut_short_is_made_anew(root):
    """An empty file is what a power cut leaves; the role was not made yet."""
    secrets = root / "short_secrets"
    path = password_path(secrets, "desk")
    path.parent.mkdir(parents=True)
    path.touch()
    server = Server(root / "pg", root / "secrets")
    location, admin = server.start(), server.administrator()
    short = Location(location.host, location.port, "short")

    schema.prepare(short, admin=admin.user, admin_password=admin.password, secrets_dir=secrets)

    Session(short, "desk", secrets).close()
    server.release()
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


def test_a_role_whose_password_is_lost_is_named(root):
    """A new password would lock out whoever knows the old one."""
    away = password_path(root / "secrets", "quant").rename(root / "away")

    done = twokey(root, "init")

    away.rename(password_path(root / "secrets", "quant"))
    assert done.code == 1
    assert "role twokey_quant exists on the server, but its password is not in" in done.err

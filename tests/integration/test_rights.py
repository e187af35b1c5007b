"""The rights on a real server: every role, table and verb is attempted and compared with the one table of rights."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from adapters.postgres.connect import DatabaseError, Location, Row, Session, password_path, role_name
from adapters.postgres.location import DATABASE, Server
from adapters.postgres.rights import CALLERS, FILLED_BY_DATABASE, OWNER, ROLES, WRITERS, Role
from adapters.postgres.schema import given_columns
from tests.integration.workspaces import DAY, Workspaces, superuser, twokey

KEEPS_SERVERS = True
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
DENIED = "permission denied"
UNCHANGING = "rows are added, never changed"
EVENT_COLUMNS = ["seq", "bytes", "hash"]
FACTS = [table for table in WRITERS if table != "event"]
# Called as a role would, with arguments that the function takes.
CALLS = {
    "add_event(text, text, jsonb)": "add_event('added', 'ticket', '{}')",
    "open_run(text, text, text, integer, text)": "open_run('RUN-1', 'main', '20200101', 1, '{}')",
    "halt_trading(text, text)": "halt_trading('main', 'why')",
    "revise_run(text, text, text, integer, text, text, text)": "revise_run('RUN-1', 'main', '1', 2, '{}', 'p', 'why')",
    "refuse_void()": "refuse_void()",
    "lock_chain()": "lock_chain()",
    "rest_on_entries()": "rest_on_entries()",
    "rest_on_evidence()": "rest_on_evidence()",
    "record_rows()": "record_rows()",
    "refuse_change()": "refuse_change()",
    **{name: name for name in ("rest_on_approval()", "show_what_was_approved()", "take_legal_steps()")},
}
# None of these is anybody's but the owner's: making, changing and dropping things, becoming another, reaching files.
REFUSED = (
    "CREATE TABLE mine (x int)",
    "CREATE TEMP TABLE ticket (x int)",
    "CREATE SCHEMA mine",
    "CREATE SCHEMA AUTHORIZATION CURRENT_USER",
    "CREATE VIEW public.mine AS SELECT 1",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'",
    "CREATE OR REPLACE FUNCTION public.lock_chain() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE TRIGGER mine BEFORE INSERT ON ticket EXECUTE FUNCTION refuse_change()",
    "CREATE RULE mine AS ON INSERT TO ticket DO INSTEAD NOTHING",
    "CREATE INDEX mine ON ticket (hash)",
    "CREATE TYPE public.mine AS (x int)",
    "CREATE DOMAIN public.mine AS text",
    "CREATE ROLE mine",
    "CREATE PUBLICATION mine FOR TABLE ticket",
    "CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION refuse_change()",
    "ALTER TABLE ticket ADD COLUMN mine int",
    "ALTER TABLE ticket DISABLE TRIGGER USER",
    "ALTER TABLE ticket OWNER TO CURRENT_USER",
    "ALTER FUNCTION open_run(text, text, text, integer, text) SECURITY INVOKER",
    "ALTER SCHEMA public OWNER TO CURRENT_USER",
    "ALTER DATABASE twokey OWNER TO CURRENT_USER",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER ROLE CURRENT_USER CREATEROLE",
    "ALTER ROLE twokey_owner PASSWORD 'mine'",
    "COMMENT ON TABLE ticket IS 'mine'",
    "DROP TABLE delivery",
    "DROP TRIGGER refuse_change ON ticket",
    "DROP FUNCTION lock_chain()",
    "GRANT twokey_owner TO CURRENT_USER",
    "GRANT twokey_person TO CURRENT_USER",
    "SET ROLE twokey_owner",
    "SET SESSION AUTHORIZATION twokey_owner",
    "SET session_replication_role = replica",
    "LOCK TABLE event IN SHARE MODE",
    "LOCK TABLE ticket IN ACCESS EXCLUSIVE MODE",
    "SELECT * FROM ticket FOR UPDATE",
    *(f"SELECT {use}" for table in FACTS for use in (f"nextval('{table}_id_seq')", f"setval('{table}_id_seq', 1)")),
    *(f"SELECT last_value FROM {table}_id_seq" for table in FACTS),
    "SELECT * FROM alembic_version",
    "UPDATE alembic_version SET version_num = '0001'",
    "DELETE FROM alembic_version",
    "SELECT * FROM pg_authid",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT lo_import('/etc/passwd')",
    "COPY ticket TO '/tmp/mine'",
    "COPY ticket TO PROGRAM 'true'",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
)
REFUSED_ALONE = ("CREATE DATABASE mine", "DROP DATABASE template1", "ALTER SYSTEM SET fsync = off")


@dataclass(frozen=True)
class House:
    """A workspace with a decided day, held open: its roles' connections, and that of the superuser."""

    root: Path
    location: Location
    superuser: psycopg.Connection[Row]
    roles: dict[Role, psycopg.Connection[Row]]

    def attempt(self, role: Role, statement: str) -> str:
        """Try a statement as a role and undo it; gives the refusal, or nothing when it was allowed."""
        return attempt(self.roles[role], statement)


@pytest.fixture(scope="module")
def house(workspaces: Workspaces) -> Iterator[House]:
    """Give the workspace in which everything is attempted; nothing that a test does there stays."""
    root = workspaces.copy("house")
    assert twokey(root, "run", "--on", str(DAY)).code == 0
    with opened(root) as house:
        yield house


@contextlib.contextmanager
def opened(root: Path) -> Iterator[House]:
    """Hold a workspace open, with the connections of all its roles."""
    server = Server(root / "pg", root / "secrets")
    location = server.start()
    with contextlib.ExitStack() as ending:
        ending.callback(server.release)
        connected = {role: ending.enter_context(log_in(location, role, password_of(root, role))) for role in ROLES}
        yield House(root, location, ending.enter_context(superuser(root)), connected)


def log_in(location: Location, role: Role, password: str | None) -> psycopg.Connection[Row]:
    """Connect as a role with a password, and with nothing that the environment knows."""
    return psycopg.connect(
        host=location.host,
        port=location.port,
        dbname=location.database,
        user=role_name(location.database, role),
        password=password,
        passfile="/dev/null",
        autocommit=True,
        row_factory=dict_row,
    )


def password_of(root: Path, role: Role) -> str:
    """Read a role's password."""
    return password_path(root / "secrets", role).read_text(encoding="utf-8")


def attempt(connection: psycopg.Connection[Row], statement: str) -> str:
    """Try a statement and undo it; gives the refusal, or nothing when it was allowed."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege as error:
        return str(error)
    return ""


def spoilt(connection: psycopg.Connection[Row], statement: str) -> str:
    """Give why a statement, allowed as it is, would spoil the books."""
    with pytest.raises(psycopg.errors.IntegrityError) as told, connection.transaction(force_rollback=True):
        connection.execute(statement.encode())
    return str(told.value)


def columns_of(table: str) -> list[str]:
    """Give the columns of a table that a writer may give; of `event`, which has no writer, all."""
    return EVENT_COLUMNS if table == "event" else given_columns(table)


def statement_of(verb: str, table: str) -> str:
    """Write a statement that needs the right and meets no row."""
    names = ", ".join(columns_of(table))
    first = columns_of(table)[0]
    return {
        "SELECT": f"SELECT * FROM {table} WHERE false",
        "INSERT": f"INSERT INTO {table} ({names}) SELECT {names} FROM {table} WHERE false",
        "UPDATE": f"UPDATE {table} SET {first} = {first} WHERE false",
        "DELETE": f"DELETE FROM {table} WHERE false",
        "TRUNCATE": f"TRUNCATE {table} CASCADE",
    }[verb]


# --- the matrix -------------------------------------------------------------------------------------------------------


def test_each_role_can_do_what_the_table_of_rights_says_and_nothing_else(house):
    """Role x table x verb, attempted: everybody reads, the one writer adds, nobody changes."""
    wanted = {
        (role, table, verb): verb == "SELECT" or (verb == "INSERT" and WRITERS[table] == role)
        for role, table, verb in itertools.product(ROLES, WRITERS, VERBS)
    }

    refusals = {(role, table, verb): house.attempt(role, statement_of(verb, table)) for role, table, verb in wanted}

    assert {key: not refusal for key, refusal in refusals.items()} == wanted
    # By a missing right, before any trigger is asked.
    assert {refusal for refusal in refusals.values() if DENIED not in refusal} == {""}


def test_the_catalogue_says_the_same_and_knows_no_other_right(house):
    """All grants of the database, read from its catalogue: none to everybody, none that the table does not name."""
    found = {
        (row["grantee"], row["kind"], row["name"], row["given"])
        for row in house.superuser.execute(ALL_GRANTS)
        if row["grantee"] != role_name(DATABASE, OWNER)
    }

    wanted = {(role, "table", table, "SELECT") for role in ROLES for table in WRITERS}
    wanted |= {(role, "schema", "public", "USAGE") for role in ROLES}
    wanted |= {(role, "database", DATABASE, "CONNECT") for role in ROLES}
    wanted |= {(role, "function", name, "EXECUTE") for name, callers in CALLERS.items() for role in callers}
    wanted |= {
        (writer, "column", f"{table}.{column}", "INSERT")
        for table, writer in WRITERS.items()
        if writer is not None
        for column in columns_of(table)
    }
    assert found == {(role_name(DATABASE, role), *rest) for role, *rest in wanted}


def test_nobody_gives_what_the_database_fills(house):
    """The id, the event and the instant of a row are refused to every role, its writer included."""
    for role, table, column in itertools.product(ROLES, FACTS, sorted(FILLED_BY_DATABASE)):
        names = ", ".join([*columns_of(table), column])
        statement = f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM {table} WHERE false"

        assert DENIED in house.attempt(role, statement), (role, table, column)


@pytest.mark.parametrize("table", ["event", "run", "halt"])
def test_nobody_adds_an_event_a_run_or_a_halt_directly(house, table):
    """These have no writer: rows come through functions that record who called."""
    whole = {
        "event": "INSERT INTO event VALUES (999999, '{}', 'x')",
        "run": "INSERT INTO run (run_id, book, slot, revision, body) VALUES ('R', 'main', '20200101', 1, '{}')",
        "halt": "INSERT INTO halt (scope, reason, role) VALUES ('*', 'why', 'person')",
    }[table]

    assert all(DENIED in house.attempt(role, whole) for role in ROLES)


def test_a_writer_changes_no_row_by_way_of_an_insert(house):
    """ON CONFLICT DO UPDATE and MERGE are changes, and need the right to change."""
    merging = "MERGE INTO {0} t USING {0} s ON t.id = s.id WHEN MATCHED THEN {1}"
    for table, writer in WRITERS.items():
        if writer is not None:
            first = columns_of(table)[0]
            upsert = f"{statement_of('INSERT', table)} ON CONFLICT (id) DO UPDATE SET {first} = excluded.{first}"
            for statement in (
                upsert,
                merging.format(table, "DELETE"),
                merging.format(table, "UPDATE SET event_seq = 1"),
            ):
                assert DENIED in house.attempt(writer, statement), statement


# --- functions --------------------------------------------------------------------------------------------------------


def test_functions_are_called_by_their_callers_alone(house):
    """Function x role, attempted; no function stands in the schema that is not named here."""
    names = "SELECT oid::regprocedure::text AS name FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    known = {row["name"].replace(",", ", ") for row in house.superuser.execute(names)}

    for name, role in itertools.product(CALLS, ROLES):
        refusal = house.attempt(role, f"SELECT {CALLS[name]}")
        assert (DENIED in refusal) != (role in CALLERS.get(name, ())), (name, role, refusal)
    assert known == CALLS.keys()


def test_functions_that_run_as_their_owner_are_pinned(house):
    """Each has a search path of its own, and an owner who cannot log in and is nobody special."""
    query = "SELECT proname, proconfig, proowner::regrole::text AS owner FROM pg_proc WHERE prosecdef"
    rows = house.superuser.execute(query).fetchall()

    assert {row["owner"] for row in rows} == {role_name(DATABASE, OWNER)}
    assert all(row["proconfig"][0] == "search_path=public, pg_temp" for row in rows)
    assert len(rows) == 9


def test_a_search_path_of_the_caller_leads_nowhere(house):
    """Even where a role may make temporary things, those named like tables and functions catch no row."""
    quant = role_name(DATABASE, "quant")
    caller = house.roles["quant"]
    house.superuser.execute(f"GRANT TEMP ON DATABASE {DATABASE} TO {quant}".encode())
    before = counts_of(house.superuser)
    for table in ("event", "run", "halt", "score_set"):
        caller.execute(f"CREATE TEMP TABLE {table} (LIKE public.{table} INCLUDING ALL)".encode())
    caller.execute("CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT ''forged''::bytea'")
    caller.execute("CREATE FUNCTION pg_temp.add_event(text, text, jsonb) RETURNS bigint LANGUAGE sql AS 'SELECT 7'")

    for path in ("pg_temp, public", "pg_temp, pg_catalog, public"):
        caller.execute(f"SET search_path = {path}".encode())
        run_id = f"RUN-of-{path.count(',')}"
        caller.execute("SELECT public.open_run(%s, 'other', %s, 1, '{}')", (run_id, run_id))
        caller.execute("SELECT public.halt_trading('other', %s)", (run_id,))
        caller.execute("INSERT INTO public.score_set (run_id, hash, body) VALUES (%s, '', '')", (run_id,))
    caught = [caller.execute(f"SELECT count(*) AS rows FROM pg_temp.{table}".encode()).fetchone() for table in before]

    after = counts_of(house.superuser)
    house.superuser.execute(f"REVOKE TEMP ON DATABASE {DATABASE} FROM {quant}".encode())
    caller.execute("DISCARD ALL")
    assert [row and row["rows"] for row in caught] == [0, 0, 0, 0]
    assert {name: after[name] - before[name] for name in after} == {"event": 6, "run": 2, "halt": 2, "score_set": 2}
    assert twokey(house.root, "audit", "verify").code == 0


def test_who_called_is_recorded_and_not_said(house):
    """A halt and its event carry the role that logged in, whatever it does to its session."""
    caller = house.roles["ticketing"]
    caller.execute("SET application_name = 'twokey person'")
    caller.execute("SELECT halt_trading('other', 'from ticketing')")

    halt = house.superuser.execute("SELECT role FROM halt ORDER BY id DESC LIMIT 1").fetchone()
    event = house.superuser.execute("SELECT bytes::jsonb ->> 'role' AS role FROM event ORDER BY seq DESC").fetchone()
    assert halt == event == {"role": role_name(DATABASE, "ticketing")}


def test_settings_of_a_writers_session_do_not_reach_the_chain(house):
    """Time zone and styles of dates and numbers are the caller's; the hashed rows are written in one way."""
    caller = house.roles["person"]
    for setting in ("timezone = 'Asia/Kathmandu'", "datestyle = 'SQL, DMY'", "intervalstyle = 'iso_8601'"):
        caller.execute(f"SET {setting}".encode())
    caller.execute(
        "INSERT INTO cash_movement (key, book, venue, session, currency, amount, said_by, note)"
        " VALUES ('styled', 'other', 'manual', '2024-02-06', 'GBP', 1.50, 'p', '')"
    )
    caller.execute("RESET ALL")

    assert twokey(house.root, "audit", "verify").code == 0


# --- owner and superuser ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["twokey_owner", "postgres"])
def test_even_the_owner_changes_no_row(house, who):
    """Triggers refuse what rights allow; also where no row is met."""
    for table, verb in itertools.product(WRITERS, ("UPDATE", "DELETE", "TRUNCATE")):
        with house.superuser.transaction(force_rollback=True):
            house.superuser.execute(f"SET LOCAL ROLE {who}".encode())

            assert UNCHANGING in attempt(house.superuser, statement_of(verb, table)), (verb, table)


@pytest.mark.parametrize(
    ("given", "value", "words"),
    [
        ("event_seq", "1", "rows of rollout_step name the events 1 to 1; they are of event"),
        ("event_seq", "(SELECT max(seq) + 2 FROM event)", "they are of event"),
        ("recorded_at", "'2001-01-01Z'", "rows of rollout_step say that they were recorded from 2001-01-01"),
        ("recorded_at", "now() + interval '1 hour'", "rows of rollout_step say that they were recorded from"),
    ],
)
def test_the_event_and_the_instant_of_a_row_are_the_databases_even_for_the_owner(house, given, value, words):
    """What is given for them and is not so is refused."""
    with house.superuser.transaction(force_rollback=True):
        house.superuser.execute("SET LOCAL ROLE twokey_owner")
        statement = (
            f"INSERT INTO rollout_step ({given}, book, phase, said_by, reason) VALUES ({value}, 'other', 'C', 'p', '')"
        )

        assert words in spoilt(house.superuser, statement)


def test_a_role_that_sets_what_the_default_reads_is_refused(house):
    """Anybody may set a setting of ours, even in the midst of a statement, between the lock's trigger and the row."""
    forging = (
        "INSERT INTO posting (entry, line, account, commodity, amount)"
        " SELECT id, 99, 'units', set_config('twokey.event_seq', '1', true), 0 FROM entry LIMIT 1"
    )
    assert "rows of posting name the events" in spoilt(house.roles["ledger"], forging)
    assert house.attempt("ledger", forging.replace("set_config('twokey.event_seq', '1', true)", "'X'")) == ""
    for instant, words in (("978307200", "from 2001-01-01"), ("4102444800", "to 2100-01-01")):
        other = forging.replace("'twokey.event_seq', '1'", f"'twokey.recorded_at', '{instant}'")
        assert words in spoilt(house.roles["ledger"], other)


def test_a_posting_of_no_entry_is_refused(house):
    """Among good ones too, and for the owner."""
    statement = (
        "INSERT INTO posting (entry, line, account, commodity, amount)"
        " SELECT id, 99, 'units', 'X', 0 FROM (SELECT max(id) AS id FROM entry UNION ALL SELECT 999999) e"
    )
    assert "a posting is of entry 999999, which is not there" in spoilt(house.roles["ledger"], statement)
    with house.superuser.transaction(force_rollback=True):
        house.superuser.execute("SET LOCAL ROLE twokey_owner")

        assert "which is not there" in spoilt(house.superuser, statement)


# --- roles and logins -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_no_role_makes_changes_or_drops_anything(house, role):
    """Each statement of the list is refused for want of a right, and the rights stay what they were."""
    before = house.superuser.execute(ALL_GRANTS).fetchall()

    allowed = [statement for statement in REFUSED if not house.attempt(role, statement)]
    for statement in REFUSED_ALONE:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            house.roles[role].execute(statement.encode())
    house.roles[role].execute("GRANT INSERT, UPDATE ON ticket TO CURRENT_USER")  # a warning, since it may read

    assert allowed == []
    assert house.superuser.execute(ALL_GRANTS).fetchall() == before


def test_no_role_is_more_than_a_login(house):
    """No superuser among them, no maker of roles or databases, no member of another; the owner cannot log in."""
    rows = house.superuser.execute("SELECT * FROM pg_roles WHERE rolname LIKE 'twokey%'").fetchall()
    memberships = house.superuser.execute(
        "SELECT member::regrole::text AS name FROM pg_auth_members WHERE member::regrole::text LIKE 'twokey%'"
    ).fetchall()

    powers = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")
    assert {row["rolname"] for row in rows} == {role_name(DATABASE, role) for role in (*ROLES, OWNER)}
    assert not [row["rolname"] for row in rows if any(row[power] for power in powers)]
    assert [row["rolname"] for row in rows if not row["rolcanlogin"]] == [role_name(DATABASE, OWNER)]
    assert memberships == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_logs_in_with_its_own_password_alone(house, role):
    """Not without one, not with a wrong one, not with that of another role."""
    others = [password_of(house.root, other) for other in ROLES if other != role]

    for password in (None, "wrong", *others):
        with pytest.raises(psycopg.OperationalError, match="password"):
            log_in(house.location, role, password)


def test_passwords_are_secrets_of_their_own(house):
    """Each file is its owner's alone, each password its own, and the server keeps no more than a verifier of it."""
    files = [password_path(house.root / "secrets", role) for role in ROLES]
    stored = house.superuser.execute("SELECT rolpassword FROM pg_authid WHERE rolname LIKE 'twokey%'").fetchall()

    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert (house.root / "secrets").stat().st_mode & 0o777 == 0o700
    assert len({file.read_text() for file in files}) == len(ROLES)
    assert min(len(file.read_text()) for file in files) >= 43
    assert {(row["rolpassword"] or "none")[:14] for row in stored} == {"SCRAM-SHA-256$", "none"}


def test_no_line_of_the_server_trusts_anybody(house):
    """Every way in asks for a password by SCRAM."""
    rules = house.superuser.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()

    assert rules == [{"auth_method": "scram-sha-256"}]


def test_a_missing_password_is_said_with_its_role(house):
    """The door says which role's file could not be read; the words hold no secret."""
    path = password_path(house.root / "secrets", "quant")
    away = path.rename(path.with_name("away"))

    with pytest.raises(DatabaseError, match="the password of role quant could not be read"):
        Session(house.location, "quant", house.root / "secrets")
    path.write_text("wrong")
    with pytest.raises(DatabaseError, match="role quant could not log in") as refused:
        Session(house.location, "quant", house.root / "secrets")
    secret = away.rename(path).read_text()
    assert secret not in str(refused.value)


def counts_of(connection: psycopg.Connection[Row]) -> dict[str, int]:
    """Count the rows of the four tables that the hijacker imitates."""
    query = " UNION ALL ".join(
        f"SELECT '{table}' AS name, count(*) AS rows FROM public.{table}"
        for table in ("event", "run", "halt", "score_set")
    )
    return {row["name"]: row["rows"] for row in connection.execute(query.encode())}


ALL_GRANTS = """
WITH grants AS (
    SELECT 'table' AS kind, c.relname AS name, a.* FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'column', c.relname || '.' || t.attname, a.* FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid,
        aclexplode(t.attacl) a WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'function', replace(p.oid::regprocedure::text, ',', ', '), a.*
    FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    WHERE p.pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'type', t.typname, a.* FROM pg_type t, aclexplode(t.typacl) a WHERE t.typnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'schema', n.nspname, a.* FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = 'public'
    UNION ALL
    SELECT 'database', d.datname, a.* FROM pg_database d, aclexplode(d.datacl) a
    WHERE d.datname = current_database() AND a.grantee <> d.datdba
    UNION ALL
    SELECT 'default', '', a.* FROM pg_default_acl d, aclexplode(d.defaclacl) a
)
SELECT kind, name, privilege_type AS given, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS grantee
FROM grants ORDER BY kind, name, given, grantee
"""

"""Backups of the database: dumping it as it is at one moment, and restoring a dump into a database beside it."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from adapters.postgres import dump_programs, schema
from adapters.postgres.chain import Chain
from adapters.postgres.connect import DatabaseError, Location, Row, Session, role_name
from adapters.postgres.location import Administrator
from adapters.postgres.rights import OWNER
from adapters.postgres.rights_check import rights_problems
from core.domain.backup import Content, TableContent
from core.domain.facts import AuditHead

# Everything that makes a table what it is, a line each; names only, since numbers differ from database to database.
_STRUCTURE = """
SELECT format('column %%s.%%s %%s %%s %%s %%s', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
    a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid)) AS line
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL SELECT format('constraint %%s %%s %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT format('index %%s', pg_get_indexdef(i.indexrelid)) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'public'::regnamespace
UNION ALL SELECT format('trigger %%s %%s', t.tgenabled, pg_get_triggerdef(t.oid))
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
UNION ALL SELECT format('function %%s', pg_get_functiondef(oid)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
_KEYS = """
SELECT c.relname AS name, array_agg(a.attname ORDER BY a.attnum) AS key
FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY 1 ORDER BY 1
"""
_KEYLESS = """
SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
"""
# Of a copy: what a killed process had started may still work in it, for nobody.
_DROP = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")


class OwnerSession(Session):
    """The administrator's connection to one database, with the rights of the role that owns the tables."""

    def __init__(self, location: Location, admin: Administrator, owner: str) -> None:
        self.role = "reader"
        self._connection = _logged_in(location, admin)
        with self._in_our_words():
            self._connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))

    def content(self) -> Content:
        """Give what the database holds, as the open transaction sees it."""
        version, migration = self.one("SHOW server_version"), self.one("SELECT version_num FROM alembic_version")
        assert version is not None, "a server says its version"
        structure = "\n".join(sorted(row["line"] for row in self.all(_STRUCTURE)))
        keyless = [row["name"] for row in self.all(_KEYLESS)]
        if keyless:
            raise DatabaseError(f"{', '.join(keyless)} has no key, so that its rows have no order to compare them in")
        return Content(
            server=version["server_version"],
            migration=migration["version_num"] if migration else "",
            head=Chain(self).head(),
            structure=hashlib.sha256(structure.encode()).hexdigest(),
            tables={row["name"]: self._table(row["name"], row["key"]) for row in self.all(_KEYS)},
        )

    def _table(self, name: str, key: Sequence[str]) -> TableContent:
        order = sql.SQL(", ").join(map(sql.Identifier, key))
        query = sql.SQL("COPY (SELECT * FROM {} ORDER BY {}) TO STDOUT").format(sql.Identifier(name), order)
        digest, rows = hashlib.sha256(), 0
        with self._in_our_words(), self._connection.cursor() as cursor, cursor.copy(query) as parts:
            for part in parts:
                digest.update(part)
                # In COPY's text a row ends with the only newline: those of values are written as \n.
                rows += bytes(part).count(b"\n")
        return TableContent(rows, digest.hexdigest())


class PgDumps:
    """The database of a workspace as backups see it: it is dumped, and dumps are restored into a database beside it."""

    def __init__(self, location: Location, admin: Administrator, secrets_dir: Path) -> None:
        self._location, self._admin, self._secrets_dir = location, admin, secrets_dir
        self._owner = role_name(location.database, OWNER)

    def dump(self, path: Path) -> Content:
        """Dump the database into a file and give what it held at that moment, whatever others commit meanwhile."""
        with contextlib.closing(OwnerSession(self._location, self._admin, self._owner)) as session, session.snapshot():
            exported = session.one("SELECT pg_export_snapshot() AS name")
            assert exported is not None, "a snapshot has a name"
            content = session.content()
            programs = self._programs(content.server)
            dump_programs.dump(
                programs, self._location, self._admin, role=self._owner, snapshot=exported["name"], path=path
            )
        return content

    def head(self) -> AuditHead | None:
        """Give the last event of the database in use; None when there is no database, or no table of events in it."""
        if not self._exists(self._location.database):
            return None
        with contextlib.closing(_logged_in(self._location, self._admin)) as connection:
            if _first(connection, "SELECT to_regclass('public.event') IS NOT NULL AS there") != {"there": True}:
                return None
            row = _first(connection, "SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1")
            return AuditHead(0, "") if row is None else AuditHead(row["seq"], row["hash"])

    @contextlib.contextmanager
    def restored(self, path: Path) -> Iterator[PgCopy]:
        """Restore a dump into a new database beside the one in use, which is dropped afterwards unless it took its place."""
        admin, name = self._admin, f"{self._location.database}_beside_{secrets.token_hex(4)}"
        beside = replace(self._location, database=name)
        with _usable(f"a copy of {self._location.database}"):
            programs = self._make(beside)
            try:
                with contextlib.closing(_logged_in(beside, admin)) as connection:
                    connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(self._owner)))
                dump_programs.restore(programs, beside, admin, role=self._owner, path=path)
                yield PgCopy(beside, self._location, admin)
            finally:
                with self._server() as server:
                    server.execute(_DROP.format(sql.Identifier(beside.database)))

    def _make(self, beside: Location) -> dump_programs.Programs:
        """Make an empty database that nobody may enter, and give the programs that fit its server."""
        admin = self._admin
        schema.make_roles(
            self._location, admin=admin.user, admin_password=admin.password, secrets_dir=self._secrets_dir
        )
        with self._server() as server:
            self._sweep(server)
            programs = dump_programs.fitting(dump_programs.found_programs(), server.info.server_version // 10000)
            made = sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0")
            server.execute(made.format(sql.Identifier(beside.database)))
            server.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(beside.database)))
        return programs

    def _programs(self, version: str) -> dump_programs.Programs:
        return dump_programs.fitting(dump_programs.found_programs(), int(version.partition(".")[0]))

    def _exists(self, database: str) -> bool:
        with self._server() as server:
            return _is_database(server, database)

    def _sweep(self, server: psycopg.Connection[Row]) -> None:
        """Drop what a killed process left beside; whoever calls this is alone, by the lock on the backups."""
        mine = re.compile(rf"{re.escape(self._location.database)}_beside_[0-9a-f]{{8}}")
        for row in server.execute("SELECT datname FROM pg_database").fetchall():
            if mine.fullmatch(row["datname"]):
                server.execute(_DROP.format(sql.Identifier(row["datname"])))

    def _server(self) -> contextlib.closing[psycopg.Connection[Row]]:
        return contextlib.closing(_logged_in(replace(self._location, database="postgres"), self._admin))


class PgCopy:
    """A dump that was restored beside the database in use."""

    def __init__(self, beside: Location, place: Location, admin: Administrator) -> None:
        self._beside, self._place, self._admin = beside, place, admin
        self._owner = role_name(place.database, OWNER)

    def content(self) -> Content:
        """Give what the copy holds."""
        with self._session() as session, session.snapshot():
            return session.content()

    def problem(self, kept: Sequence[AuditHead]) -> str | None:
        """Say what the audit chain of the copy finds wrong against heads kept outside; None when it verifies."""
        with self._session() as session:
            return Chain(session).verify(kept).problem

    def finish(self) -> tuple[str, ...]:
        """Bring the copy to the newest migration, give every role its rights, and say which rights are not as they must be."""
        place = self._place.database
        with contextlib.closing(_logged_in(self._beside, self._admin)) as connection:
            schema.let_in(connection, self._beside.database, roles_of=place)
        schema.migrate(self._beside, user=self._admin.user, password=self._admin.password, roles_of=place)
        with self._session() as session:
            return rights_problems(session, place)

    def take_place(self, *, at: datetime | None) -> str | None:
        """Let the copy take the name of the database in use, in one step; gives the name under which that one is kept.

        Without an instant, which is a part of that name, it is dropped. Raises DatabaseError while somebody is connected
        to it.
        """
        place, rename = self._place.database, sql.SQL("ALTER DATABASE {} RENAME TO {}")
        # Another name of a copy, which the next sweep would drop if we are killed here.
        aside = f"{place}_beside_{secrets.token_hex(4)}" if at is None else f"{place}_before_{at:%Y%m%dt%H%M%S%f}"
        with contextlib.closing(_logged_in(replace(self._place, database="postgres"), self._admin)) as connection:
            with _unused(place), connection.transaction():
                was_there = _is_database(connection, place)
                if was_there:
                    connection.execute(rename.format(sql.Identifier(place), sql.Identifier(aside)))
                connection.execute(rename.format(sql.Identifier(self._beside.database), sql.Identifier(place)))
            if at is None:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(aside)))
        return aside if was_there and at is not None else None

    def _session(self) -> contextlib.closing[OwnerSession]:
        return contextlib.closing(OwnerSession(self._beside, self._admin, self._owner))


def _logged_in(location: Location, admin: Administrator) -> psycopg.Connection[Row]:
    try:
        return psycopg.connect(
            host=location.host,
            port=location.port,
            dbname=location.database,
            user=admin.user,
            password=admin.password,
            row_factory=dict_row,
            autocommit=True,
            options="-c timezone=UTC -c datestyle=ISO",
            application_name="twokey backup",
        )
    except psycopg.OperationalError as error:
        raise DatabaseError(f"{admin.user} could not log in to {location.database}: {str(error).strip()}") from error


@contextlib.contextmanager
def _usable(name: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise DatabaseError(f"{name} could not be used: {str(error).strip()}") from error


@contextlib.contextmanager
def _unused(database: str) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.ObjectInUse as error:
        raise DatabaseError(
            f"somebody is connected to {database}: end every other twokey command and server, then restore again"
        ) from error


def _is_database(connection: psycopg.Connection[Row], name: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None


def _first(connection: psycopg.Connection[Row], query: str) -> Row | None:
    return connection.execute(query.encode()).fetchone()

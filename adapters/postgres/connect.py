"""Connections: where the database is, and how one role logs in with its own password."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row

from adapters.postgres.rights import Role
from flows.books import StoreError

Row = dict[str, Any]
# What the code asks for and the database does not have: it was made by another version.
UNKNOWN = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction)

# What COPY would read as something else, and how it is written.
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_SPECIAL = re.compile(r"[\\\t\n\r]")


class DatabaseError(StoreError):
    """The database could not be used; says what was tried and what was wrong."""


@dataclass(frozen=True)
class Location:
    """A database: host (or the folder of a unix socket), port and name."""

    host: str
    port: int
    database: str

    @property
    def is_socket(self) -> bool:
        """Say whether the host is the folder of a unix socket."""
        return self.host.startswith("/")


def role_name(database: str, role: str) -> str:
    """Name a role on the server: roles belong to a whole server, so the database's name goes before."""
    return f"{database}_{role}"


def copied(value: str | None) -> str:
    """Write a text, or none, as a line of COPY has it between its tabs."""
    if value is None:
        return "\\N"
    return value.translate(_ESCAPED) if _SPECIAL.search(value) else value


def password_path(secrets_dir: Path, role: Role) -> Path:
    """Say where a role's password is kept."""
    return secrets_dir / "db" / role


class Session:
    """One role's connection to the database: reads, and additions in one transaction each."""

    def __init__(self, location: Location, role: Role, secrets_dir: Path) -> None:
        path = password_path(secrets_dir, role)
        try:
            password = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise DatabaseError(f"the password of role {role} could not be read: {error}") from error
        self.role = role
        try:
            self._connection = psycopg.connect(
                host=location.host,
                port=location.port,
                dbname=location.database,
                user=role_name(location.database, role),
                password=password,
                row_factory=dict_row,
                autocommit=True,
                options="-c timezone=UTC",
                application_name=f"twokey {role}",
            )
        except psycopg.OperationalError as error:
            raise DatabaseError(f"role {role} could not log in to {location.database}: {error}") from error

    def all(self, query: str, arguments: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """Give all rows of a query."""
        return self._run(query, arguments).fetchall()

    def tuples(self, query: str, arguments: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Give all rows of a query without the names of their columns, which is faster where rows are many."""
        with self._in_our_words(), self._connection.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(query, arguments).fetchall()

    def one(self, query: str, arguments: Sequence[Any] | Mapping[str, Any] = ()) -> Row | None:
        """Give the first row of a query, or None."""
        return self._run(query, arguments).fetchone()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do everything inside in one transaction, or nothing of it."""
        with self._in_our_words(), self._connection.transaction():
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read everything inside as of one moment, whatever others commit meanwhile."""
        with self._in_our_words(), self._connection.transaction():
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield

    def add(self, table: str, rows: Sequence[Mapping[str, Any]], *, once: bool = False, giving: str = "*") -> list[Row]:
        """Add rows with the same columns in one statement and give them, or some of their columns, as stored.

        With `once`, rows that meet a unique key already there are left out, and only those added are given.
        """
        if not rows:
            return []
        columns = ", ".join(rows[0])
        # One argument whatever the number of rows: a statement takes 65535.
        query = (
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s::json)"
        )
        query += " ON CONFLICT DO NOTHING" if once else ""
        return self.all(f"{query} RETURNING {giving}", (json.dumps(rows, default=str, ensure_ascii=False),))

    def copy(self, table: str, columns: Sequence[str], lines: Iterable[str]) -> None:
        """Add rows in one statement, as fast as can be: it gives nothing back, and a row that was there is an error.

        Each row is a line as `copied` writes it.
        """
        query = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with self._in_our_words(), self._connection.cursor() as cursor, cursor.copy(query) as stream:
            stream.write("".join(lines))

    def call(self, function: str, *arguments: Any) -> Any:
        """Call a function of the database and give what it returns."""
        places = ", ".join(["%s"] * len(arguments))
        row = self.one(f"SELECT {function}({places}) AS answer", arguments)
        assert row is not None, "a function call gives one row"
        return row["answer"]

    def close(self) -> None:
        """End the connection; doing it twice is the same as once."""
        self._connection.close()

    def _run(self, query: str, arguments: Sequence[Any] | Mapping[str, Any]) -> psycopg.Cursor[Row]:
        with self._in_our_words():
            return self._connection.execute(query, arguments)

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except UNKNOWN as error:
            hint = "the database was made by another version; `twokey init DIR` brings it up to date"
            raise DatabaseError(f"role {self.role}: {hint} ({str(error).partition(chr(10))[0]})") from error
        except psycopg.Error as error:
            raise DatabaseError(f"role {self.role}: {str(error).strip()}") from error

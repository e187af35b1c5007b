"""The schema: making the database, its roles and their rights, and migrating it."""

from __future__ import annotations

import logging
import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from adapters.postgres.connect import DatabaseError, Location, password_path, role_name
from adapters.postgres.location import URL_SETTING
from adapters.postgres.rights import CALLERS, FILLED_BY_DATABASE, OWNER, ROLES, WRITERS, Role

MIGRATIONS = Path(__file__).parent / "migrations"
OWNER_ONLY = 0o600


def prepare(location: Location, *, admin: str, admin_password: str, secrets_dir: Path) -> None:
    """Make the database, its roles with fresh passwords, the tables and the rights; what exists already is kept.

    `admin` is a role that may create databases and roles. Raises DatabaseError when the server refuses; and before anything
    is changed, when a role of this database exists and does not log in with its password in `secrets_dir`.
    """
    try:
        _prepare(location, admin, admin_password, secrets_dir=secrets_dir)
    except psycopg.Error as error:
        raise DatabaseError(f"{location.database} could not be prepared: {str(error).strip()}") from error


def _prepare(location: Location, admin: str, admin_password: str, *, secrets_dir: Path) -> None:
    login = psycopg.conninfo.make_conninfo(host=location.host, port=location.port, user=admin, password=admin_password)
    with psycopg.connect(login, dbname="postgres", autocommit=True) as server:
        _need_logins(server, location, secrets_dir)
        _make_database(server, location.database)
        _make_roles(server, location, secrets_dir)
        let_in(server, location.database, roles_of=location.database)
    with psycopg.connect(login, dbname=location.database) as connection:
        owner = sql.Identifier(role_name(location.database, OWNER))
        connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(owner))
        connection.execute(sql.SQL("SET ROLE {}").format(owner))
        connection.commit()
    migrate(location, user=admin, password=admin_password)


def need_unserved(location: Location, *, admin: str, admin_password: str, secrets_dir: Path) -> None:
    """Hold that a database serves no other workspace, and change nothing.

    Raises DatabaseError where its roles are there and no password is, or one does not log in.
    """
    login = psycopg.conninfo.make_conninfo(host=location.host, port=location.port, user=admin, password=admin_password)
    try:
        with psycopg.connect(login, dbname="postgres", autocommit=True) as server:
            is_served = any(_role_exists(server, role_name(location.database, role)) for role in ROLES)
            if is_served and not any(_kept_password(password_path(secrets_dir, role)) for role in ROLES):
                raise DatabaseError(
                    f"{location.database} on {location.host}:{location.port} already serves another workspace, whose passwords"
                    f" are not in {secrets_dir}: name another database in {URL_SETTING}, or that workspace with -w or"
                    " TWOKEY_WORKSPACE"
                )
            _need_logins(server, location, secrets_dir)
    except psycopg.Error as error:
        raise DatabaseError(f"{location.database} could not be prepared: {str(error).strip()}") from error


def make_roles(location: Location, *, admin: str, admin_password: str, secrets_dir: Path) -> None:
    """Make the roles of a database that need not be there yet; those that exist are kept. Raises as `prepare` does."""
    login = psycopg.conninfo.make_conninfo(host=location.host, port=location.port, user=admin, password=admin_password)
    try:
        with psycopg.connect(login, dbname="postgres", autocommit=True) as server:
            _need_logins(server, location, secrets_dir)
            _make_roles(server, location, secrets_dir)
    except psycopg.Error as error:
        raise DatabaseError(f"roles of {location.database} could not be made: {str(error).strip()}") from error


def migrate(location: Location, *, user: str, password: str, roles_of: str | None = None) -> None:
    """Bring the tables to the newest revision as their owner, then give every role exactly its rights.

    The roles are those named after `roles_of`, where the database stands under another name than it will have.
    """
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import URL, create_engine, text
    from sqlalchemy.exc import SQLAlchemyError

    logging.getLogger("alembic").setLevel(logging.WARNING)
    url = URL.create(
        "postgresql+psycopg",
        user,
        password,
        location.host if not location.is_socket else None,
        location.port,
        location.database,
    )
    arguments = {"host": location.host} if location.is_socket else {}
    engine = create_engine(url, connect_args=arguments)
    try:
        with engine.begin() as connection:
            owner = role_name(roles_of or location.database, OWNER)
            connection.execute(text(f'SET ROLE "{owner}"'))
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            for statement in rights_statements(roles_of or location.database):
                connection.execute(text(statement))
    except SQLAlchemyError as error:
        raise DatabaseError(f"{location.database} could not be migrated: {str(error).strip()}") from error
    finally:
        engine.dispose()


def let_in(server: psycopg.Connection[Any], database: str, *, roles_of: str) -> None:
    """Let every role log in to a database; `roles_of` is the one that the roles are named after."""
    # Also roles that were there: whoever made them may have been cut short here.
    grant = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
    for role in ROLES:
        server.execute(grant.format(sql.Identifier(database), sql.Identifier(role_name(roles_of, role))))


def rights_statements(database: str) -> list[str]:
    """Give the GRANTs that the table of rights amounts to, everything else revoked first."""
    roles = ", ".join(_quoted(database, role) for role in ROLES)
    statements = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {roles}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, {roles}",
        f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, {roles}",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {roles}",
    ]
    statements += [f"GRANT SELECT ON {table} TO {roles}" for table in WRITERS]
    for table, writer in WRITERS.items():
        if writer is not None:
            statements.append(
                f"GRANT INSERT ({', '.join(given_columns(table))}) ON {table} TO {_quoted(database, writer)}"
            )
    for function, callers in CALLERS.items():
        names = ", ".join(_quoted(database, role) for role in callers)
        statements.append(f"GRANT EXECUTE ON FUNCTION {function} TO {names}")
    return statements


def given_columns(table: str) -> list[str]:
    """Name the columns of a table that its writer gives; the others are the database's to fill."""
    from adapters.postgres import tables

    columns = next(fact.__table__.columns for fact in tables.FACTS if tables.table_name(fact) == table)  # type: ignore[attr-defined]  # SQLModel adds __table__ at run time
    return [column.name for column in columns if column.name not in FILLED_BY_DATABASE]


def _quoted(database: str, role: str) -> str:
    return f'"{role_name(database, role)}"'


def _need_logins(server: psycopg.Connection[Any], location: Location, secrets_dir: Path) -> None:
    """Hold that every role that is there logs in with the password that is kept for it: those of another workspace do not."""
    for role in ROLES:
        name, path = role_name(location.database, role), password_path(secrets_dir, role)
        if not _role_exists(server, name):
            continue
        password = _kept_password(path)
        if not password:
            raise DatabaseError(
                f"role {name} exists on the server, but its password is not in {path}; restore the file"
            )
        database = _open_database(server, location.database, name)
        if database is not None:
            _need_login(replace(location, database=database), name, password, path=path)


def _open_database(server: psycopg.Connection[Any], database: str, role: str) -> str | None:
    """Give a database that a role may enter: the meant one, or that of administrators where it is not there yet."""
    # Whoever made the role may have been cut short before it was let in.
    row = server.execute(
        "SELECT datname FROM pg_database WHERE datname IN (%s, 'postgres') AND has_database_privilege(%s::name, oid, 'CONNECT')"
        " ORDER BY datname = %s DESC LIMIT 1",
        (database, role, database),
    ).fetchone()
    return row[0] if row else None


def _need_login(location: Location, user: str, password: str, *, path: Path) -> None:
    try:
        psycopg.connect(
            host=location.host, port=location.port, dbname=location.database, user=user, password=password
        ).close()
    except psycopg.OperationalError as error:
        raise DatabaseError(
            f"role {user} exists on the server and did not log in with the password in {path}, as that of another workspace"
            f" would not; nothing was changed there: {str(error).strip()}"
        ) from error


def _make_database(server: psycopg.Connection, database: str) -> None:
    found = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
    if found is None:
        statement = "CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0"
        server.execute(sql.SQL(statement).format(sql.Identifier(database)))
    revoke = sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))
    server.execute(revoke)


def _make_roles(server: psycopg.Connection, location: Location, secrets_dir: Path) -> None:
    owner = role_name(location.database, OWNER)
    if not _role_exists(server, owner):
        server.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(owner)))
    server.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(owner)))
    for role in ROLES:
        _make_login(server, location, role, secrets_dir)


def _make_login(server: psycopg.Connection, location: Location, role: Role, secrets_dir: Path) -> None:
    name, path = role_name(location.database, role), password_path(secrets_dir, role)
    if not _role_exists(server, name):
        # The file first: a role whose password nobody knows could not be used again.
        password = _kept_password(path) or _new_password(path)
        # The server is told a verifier and never the password, which its log or its statistics could keep.
        verifier = server.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        statement = "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD {}"
        server.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Literal(verifier)))


def _kept_password(path: Path) -> str:
    """Give the password in a file; nothing when there is no file, or an empty one that was cut short."""
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _new_password(path: Path) -> str:
    password = secrets.token_urlsafe(32)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), OWNER_ONLY)
        file.write(password)
        file.flush()
        os.fsync(file.fileno())
    return password


def _role_exists(server: psycopg.Connection, name: str) -> bool:
    return server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone() is not None

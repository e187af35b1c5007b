"""Rights as they are: every role, table, column and function on a server compared with the one table of rights."""

from __future__ import annotations

from adapters.postgres.connect import Session, role_name
from adapters.postgres.rights import CALLERS, ROLES, WRITERS
from adapters.postgres.schema import given_columns

_TABLES = """
SELECT r.role, t.name, v.verb, has_table_privilege(r.role, t.name, v.verb) AS has
FROM unnest(%s::text[]) r(role), unnest(%s::text[]) t(name),
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) v(verb)
"""
_COLUMNS = """
SELECT r.role, c.table_name AS name, c.column_name, v.verb,
    has_column_privilege(r.role, c.table_name, c.column_name, v.verb) AS has
FROM unnest(%s::text[]) r(role), unnest(ARRAY['INSERT', 'UPDATE']) v(verb), information_schema.columns c
WHERE c.table_schema = 'public' AND c.table_name = ANY(%s)
"""
_FUNCTIONS = """
SELECT r.role, p.oid::regprocedure::text AS name, has_function_privilege(r.role, p.oid, 'EXECUTE') AS has
FROM unnest(%s::text[]) r(role), pg_proc p WHERE p.pronamespace = 'public'::regnamespace
"""


def rights_problems(session: Session, database: str) -> tuple[str, ...]:
    """Say which rights of the database's roles are not those of the table of rights; nothing when all are."""
    roles = {role_name(database, role): role for role in ROLES}
    said = []
    for row in session.all(_TABLES, (list(roles), list(WRITERS))):
        # Nobody may insert into all columns; which ones is told below.
        if row["has"] != (row["verb"] == "SELECT"):
            said.append(f"{row['role']} {_may(row['has'])} {row['verb']} {row['name']}")
    for row in session.all(_COLUMNS, (list(roles), list(WRITERS))):
        is_writer = WRITERS[row["name"]] == roles[row["role"]]
        wanted = row["verb"] == "INSERT" and is_writer and row["column_name"] in given_columns(row["name"])
        if row["has"] != wanted:
            said.append(f"{row['role']} {_may(row['has'])} {row['verb']} {row['name']}.{row['column_name']}")
    callers = {function.replace(" ", ""): allowed for function, allowed in CALLERS.items()}
    for row in session.all(_FUNCTIONS, (list(roles),)):
        if row["has"] != (roles[row["role"]] in callers.get(row["name"].replace(" ", ""), ())):
            said.append(f"{row['role']} {_may(row['has'])} call {row['name']}")
    return tuple(said)


def _may(has: bool) -> str:
    return "may" if has else "may not"

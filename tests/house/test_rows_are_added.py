"""Rows are added, never changed: no UPDATE, DELETE or TRUNCATE is written anywhere, and none is granted."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.house.names import calls, is_within, strings
from tests.house.tree import FLOORS, ROOT, Source, assert_none, floor_sources, tracked_paths, violations

STATEMENTS = (
    re.compile(r"\bUPDATE\s+[\w.\"{}]+\s+(AS\s+\w+\s+)?SET\b", re.IGNORECASE),
    re.compile(r"\bDO\s+UPDATE\b", re.IGNORECASE),
    re.compile(r"\bDELETE\s+FROM\b", re.IGNORECASE),
    re.compile(r"\bTRUNCATE\s+(TABLE\s+|ONLY\s+)?(?!ON\b|OR\b)[\"{a-z]", re.IGNORECASE),
    re.compile(r"\bMERGE\s+INTO\b", re.IGNORECASE),
    re.compile(r"\bGRANT\b[^;]*?\b(UPDATE|DELETE|TRUNCATE|ALL)\b[^;]*?\bON\b", re.IGNORECASE),
)
BUILDERS = tuple(f"{package}.{verb}" for package in ("sqlalchemy", "sqlmodel") for verb in ("update", "delete"))
SESSION_METHODS = (".session.delete", ".session.merge", ".connection.merge")


def changes_rows(source: Source) -> Iterator[str]:
    """Find where a Python file changes or removes a row."""
    for text, node in strings(source.tree):
        yield from (source.at(node, f"says {statement!r}") for _, statement in changing_statements(text))
    for name, call in calls(source.tree):
        if is_within(name, BUILDERS) or name.lower().replace("self._", "").endswith(SESSION_METHODS):
            yield source.at(call, f"calls {name.lstrip('.')}()")


def changes_rows_in_sql(path: str, text: str) -> Iterator[str]:
    """Find where a file of SQL changes or removes a row."""
    for start, statement in changing_statements(text):
        yield f"{path}:{text.count(chr(10), 0, start) + 1} says {statement!r}"


def changing_statements(text: str) -> Iterator[tuple[int, str]]:
    """Give the statements of a text that change or remove rows, with where they start."""
    for pattern in STATEMENTS:
        yield from ((match.start(), match.group()) for match in pattern.finditer(text))


def test_no_floor_changes_a_row():
    """No Python and no SQL of the floors changes or removes a row."""
    sql = [path for path in tracked_paths() if path.endswith((".sql", ".mako")) and path.split("/")[0] in FLOORS]
    said = [found for path in sql for found in changes_rows_in_sql(path, (ROOT / path).read_text(encoding="utf-8"))]

    assert_none(violations(changes_rows, floor_sources()) + said)


@pytest.mark.parametrize(
    "line",
    [
        "run('UPDATE ticket SET state = 1')",
        "run('insert into t values (1) on conflict do update set x = 1')",
        "run('delete from ticket')",
        "run('TRUNCATE ticket')",
        "run('truncate table ticket')",
        "run(f'UPDATE {table} SET state = 1')",
        "run(f'GRANT INSERT, {verb}, DELETE ON {table} TO ' 'ledger')",
        "run('GRANT SELECT, UPDATE ON ticket TO ledger')",
        "run('GRANT ALL PRIVILEGES ON ticket TO ledger')",
        "from sqlalchemy import update; update(Ticket)",
        "import sqlmodel as sm; sm.delete(Ticket)",
        "session.delete(row)",
        "self._session.merge(row)",
    ],
)
def test_sees_each_change(line):
    """Every planted change of a row is found."""
    assert list(changes_rows(Source("adapters/postgres/planted.py", line)))


def test_sees_a_change_in_sql():
    """A change in a file of SQL is found with its line."""
    found = list(changes_rows_in_sql("adapters/postgres/planted.sql", "SELECT 1;\nUPDATE ticket\n  SET x = 1;"))

    assert [place.split(" ")[0] for place in found] == ["adapters/postgres/planted.sql:2"]


@pytest.mark.parametrize(
    "line",
    [
        "run('CREATE TRIGGER t BEFORE TRUNCATE ON ticket')",
        "run('CREATE TRIGGER t BEFORE UPDATE OR DELETE OR TRUNCATE ON ticket')",
        "run('REVOKE UPDATE, DELETE, TRUNCATE ON ticket FROM PUBLIC')",
        "run('GRANT SELECT, INSERT ON ticket TO ledger; -- UPDATE is nobody\\'s')",
        "run(f'GRANT SELECT ON {table} TO {role}'); run('REVOKE ALL ON ticket FROM PUBLIC')",
        "run('SELECT 1 FROM slot FOR UPDATE')",
        "settings.update(other)",
        "import hashlib; hashlib.sha256().update(b'x')",
    ],
)
def test_lets_rows_be_added(line):
    """Guards against changes, locks and other things called update are left alone."""
    assert list(changes_rows(Source("adapters/postgres/planted.py", line))) == []

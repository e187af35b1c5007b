"""Backups: what stood in a database when a dump of it was made, and the manifest that says so beside the dump."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.domain.facts import AuditHead


@dataclass(frozen=True)
class TableContent:
    """What a table held: how many rows, and the SHA-256 of their text in the order of its key."""

    rows: int
    sha256: str


@dataclass(frozen=True)
class Content:
    """What a database held at one moment; two of the same content hold the same, row for row.

    `structure` is the SHA-256 of its columns, constraints, indexes, triggers and functions; `migration` the newest one
    that was applied, `server` the server's version and `head` the last event.
    """

    server: str
    migration: str
    head: AuditHead
    structure: str
    tables: Mapping[str, TableContent]


@dataclass(frozen=True)
class Manifest:
    """What stands beside a dump: when it was made, by which version, what it holds, and its own SHA-256 and size."""

    name: str
    made_at: datetime
    twokey: str
    content: Content
    sha256: str
    size: int


@dataclass(frozen=True)
class AcknowledgedLoss:
    """What a person gave up by restoring an older copy: it ends with event `last`, and events up to `lost_to` are lost."""

    backup: str
    last: AuditHead
    lost_to: int
    by: str
    reason: str


def differences(wanted: Content, found: Content, *, is_same_server: bool = True) -> tuple[str, ...]:
    """Say everything in which a restored database is not what was dumped; a later server words the structure its own way."""
    said = []
    if found.migration != wanted.migration:
        said.append(f"the migration was {wanted.migration} and is {found.migration}")
    if found.head != wanted.head:
        said.append(f"the last event was {wanted.head.seq} and is {found.head.seq}, or has another hash")
    if is_same_server and found.structure != wanted.structure:
        said.append("columns, constraints, indexes, triggers or functions differ")
    for name in sorted({*wanted.tables, *found.tables}):
        before, now = wanted.tables.get(name), found.tables.get(name)
        if before is None or now is None:
            said.append(f"table {name} {'is new' if before is None else 'is gone'}")
        elif before.rows != now.rows:
            said.append(f"table {name} had {before.rows} rows and has {now.rows}")
        elif before != now:
            said.append(f"table {name} has as many rows, and they differ")
    return tuple(said)

"""`backup`: the database in a file that was restored once before it counts."""

from __future__ import annotations

import argparse

from adapters.clock import SystemClock
from adapters.files.workspace import Workspace
from cli.output import emit
from cli.wiring import Desk
from flows.backup import MadeBackup, make_backup


def backup(arguments: argparse.Namespace) -> int:
    """Dump the database, restore the dump for a trial, compare, and keep it; exit 1 when it is not worth keeping."""
    clock = SystemClock()
    with Desk(Workspace(arguments.workspace)) as desk:
        made = make_backup(desk.backup_doors, at=clock.now())
        path = desk.backups.path(made.manifest.name)
    manifest = made.manifest
    facts = facts_of(made) | {"path": str(path)}
    rows = sum(table.rows for table in manifest.content.tables.values())
    words = [
        f"{path}: {rows} rows of {len(manifest.content.tables)} tables up to event {manifest.content.head.seq},"
        f" {manifest.size} bytes; restored for a trial and equal",
        *(f"dropped {name}: newer backups stand for its day, week and month" for name in made.dropped),
        *(f"left alone: {problem}" for problem in made.problems),
    ]
    emit(arguments, facts, "\n".join(words))
    return 0


def facts_of(made: MadeBackup) -> dict[str, object]:
    """Give what `--json` says of a backup."""
    manifest = made.manifest
    return {
        "backup": manifest.name,
        "made_at": manifest.made_at,
        "head": {"seq": manifest.content.head.seq, "hash": manifest.content.head.hash},
        "rows": {name: table.rows for name, table in manifest.content.tables.items()},
        "sha256": manifest.sha256,
        "size": manifest.size,
        "dropped": made.dropped,
        "left_alone": made.problems,
    }

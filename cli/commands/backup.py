"""`backup` and `restore`: the database in a file that was restored once before it counts, and back."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from time import perf_counter

from adapters.clock import SystemClock
from adapters.files.backups import DUMP, MANIFEST, BackupFiles
from adapters.files.workspace import Workspace
from adapters.keys import KeyProblem, Rotation, rotation_problem
from adapters.postgres.embedded import ServerError
from adapters.postgres.rotated import PgRotations
from cli.commands.keys import told_words
from cli.commands.restored import put_right
from cli.main import UsageError
from cli.output import emit
from cli.terminal import ask, is_terminal
from cli.wiring import Desk
from core.settings_text import parse_desk
from flows.backup import Acknowledged, MadeBackup, Outlook, RestoreRefused, look_ahead, make_backup, restore_backup
from flows.books import StoreError


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


@dataclass(frozen=True)
class AfterRun:
    """What became of the backup after a run: its name, or why there is none; neither where none was wanted."""

    name: str | None = None
    problem: str | None = None

    def words(self) -> str:
        """Give the line for a person, if there is something to say."""
        if self.problem is not None:
            return f"BACKUP FAILED: {self.problem}\n"
        return f"Backup: {self.name}\n" if self.name else ""


NO_BACKUP = AfterRun()


def back_up_after_run(desk: Desk) -> AfterRun:
    """Back up after a run of the day where the desk says so, unless nothing happened since the newest good backup.

    A failure is told on stderr and ends nothing: the ticket stands.
    """
    path, clock = desk.workspace.config / "desk.yml", SystemClock()
    if not parse_desk(desk.workspace.text(path), "config/desk.yml").backup_after_run:
        return NO_BACKUP
    try:
        good = desk.backups.shelved().good
        if good and good[-1].content.head == desk.chain.head():
            return AfterRun(good[-1].name)
        return AfterRun(make_backup(desk.backup_doors, at=clock.now()).manifest.name)
    except (StoreError, ServerError, OSError) as error:
        print(f"twokey: BACKUP FAILED, the ticket stands: {error}", file=sys.stderr)
        return AfterRun(problem=str(error))


def restore(arguments: argparse.Namespace) -> int:
    """Put a backup in the place of the database; a person says so at a terminal where anything would be put aside or lost."""
    began, clock = perf_counter(), SystemClock()
    with Desk(Workspace(arguments.workspace)) as desk:
        source, name = _chosen(arguments, desk)
        # Before the server is started: a backup that is none needs no database to be told of.
        source.read(name)
        desk.make_database_anew()
        doors = desk.backup_doors
        seen = look_ahead(name, source, doors)
        said = _said(arguments, seen, desk.workspace.root.name)
        asked = perf_counter()
        try:
            done = restore_backup(seen, source, doors, at=clock.now(), said=said)
        except RestoreRefused as error:
            raise UsageError(str(error)) from error
        desk.remember_database()
        rotated = _rotated_meanwhile(desk) if done.lost else ()
        moved = put_right(desk, done, said, at=clock.now())
        state = desk.chain.verify(desk.heads.kept())
        keys_problem = rotation_problem(desk.workspace.public_keys, PgRotations(desk.session("reader")).hashes())
        problem = state.problem or keys_problem
        took = perf_counter() - (began if said is None and not seen.replaces else asked)
    facts = {
        "backup": name,
        "head": {"seq": state.seq, "hash": state.head},
        "lost": done.lost,
        "aside": done.aside,
        "rotations": rotated,
        "lost_tickets": moved.tickets,
        "moved_aside": moved.files,
        "moved_to": moved.folder,
        "files_left": moved.problems,
        "problem": problem,
        "seconds": f"{took:.1f}",
    }
    words = [
        f"{name} is restored in {took:.1f} seconds: every table equal, every right as it must be, {state.seq} events verified"
        if problem is None
        else f"{name} is restored, but: {problem}",
        *([f"{done.lost} events are lost, as was acknowledged"] if done.lost else []),
        *(f"recorded in the chain of events again: {told_words(one)}" for one in rotated),
        *moved.words(),
        *([f"the database before it is kept as {done.aside} on the same server"] if done.aside else []),
    ]
    emit(arguments, facts, "\n".join(words))
    return 0 if problem is None and not moved.problems else 1


def _rotated_meanwhile(desk: Desk) -> tuple[Rotation, ...]:
    """Tell the chain again of the keys that were retired after the backup: both keys signed for each, so none is given up."""
    try:
        recorded = PgRotations(desk.session("desk")).record(desk.workspace.public_keys)
    except KeyProblem:
        # One that is not whole is nobody's word; it is told as the problem of the keys.
        return ()
    desk.heads.keep(desk.chain.head())
    return recorded


def _chosen(arguments: argparse.Namespace, desk: Desk) -> tuple[BackupFiles, str]:
    if arguments.file is not None:
        file = arguments.file.expanduser().absolute()
        if file.suffix not in (DUMP, MANIFEST):
            raise UsageError(f"{file.name} is no backup; name a file NAME{DUMP}, with NAME{MANIFEST} beside it")
        return BackupFiles(file.parent), file.stem
    shelved = desk.backups.shelved()
    for problem in shelved.problems:
        print(f"passed over: {problem}", file=sys.stderr)
    if not shelved.good:
        raise UsageError(f"there is no good backup in {desk.workspace.root / 'backups'}; name a FILE")
    return desk.backups, shelved.good[-1].name


def _said(arguments: argparse.Namespace, seen: Outlook, workspace: str) -> Acknowledged | None:
    """Ask a person what a restore would put aside or lose; where it does neither, nobody is asked."""
    said = _warnings(seen)
    if not said:
        return None
    if not is_terminal():
        raise UsageError(f"{'; '.join(said)}: restore asks a person, run it at a terminal")
    if seen.lost and not (arguments.by or "").strip():
        raise UsageError(f"{'; '.join(said)}: say --by NAME, who gives them up")
    for line in said:
        print(line, file=sys.stderr)
    if ask(f"Type the workspace's name {workspace!r} to restore {seen.manifest.name}: ") != workspace:
        raise UsageError("the name did not match; nothing was restored")
    if not seen.lost:
        return None
    words = f"lose {seen.lost} events"
    if ask(f"Type {words!r} to give them up: ") != words:
        raise UsageError(f"{words!r} was not typed; nothing was restored")
    reason = ask("Why are they given up? ")
    if not reason:
        raise UsageError("a reason is needed; nothing was restored")
    return Acknowledged(seen.lost, arguments.by.strip(), reason)


def _warnings(seen: Outlook) -> list[str]:
    last = seen.manifest.content.head.seq
    said = []
    if seen.replaces:
        said.append(f"the database in use holds {seen.replaces} events and would be put aside")
    if seen.lost:
        said.append(
            f"{seen.manifest.name} ends with event {last}: the {seen.lost} events {last + 1} to {seen.known_to} would be lost"
        )
    if not seen.kept:
        said.append("no audit head is kept outside the database: nothing tells whether this backup is the newest")
    return said

"""`init` and `doctor`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from adapters.clock import SystemClock
from adapters.files.atomic import locked
from adapters.files.configuration import read_configuration
from adapters.files.lost import TicketFiles
from adapters.files.workspace import Workspace, WorkspaceError, check_folder, make_workspace, remember_database
from adapters.keys import FileSigner, make_key, rotation_problem, rotations
from adapters.postgres import schema
from adapters.postgres.chain import Chain
from adapters.postgres.location import Server
from adapters.postgres.rotated import PgRotations
from adapters.postgres.tickets import PgTickets
from cli.commands.ingest import source_settings
from cli.main import UsageError
from cli.output import emit, table
from cli.wiring import Desk
from core.canonical import instant_text
from flows.lost import lost_files

# A desk that works every day has a newer one; a week leaves room for holidays.
BACKUP_AGE_MAX = timedelta(days=7)
ALERTS_SHOWN = timedelta(days=7)


def init(arguments: argparse.Namespace) -> int:
    """Make a workspace; what exists is kept, so doing it again is the same as once."""
    root = (arguments.dir or arguments.workspace).expanduser().absolute()
    made, key_id = prepare(root, is_synthetic=arguments.synthetic)
    facts = {"workspace": str(root), "made": made, "key_id": key_id}
    words = (
        f"Workspace {root} is ready (key {key_id}).\n"
        f"Next: twokey ingest -w {root} --archive PATH ...   then: twokey run -w {root}"
    )
    emit(arguments, facts, words)
    return 0


def prepare(root: Path, *, is_synthetic: bool = False) -> tuple[list[str], str]:
    """Make folders, configuration, the riskguard's key, the database and the first audit head; give what was made."""
    try:
        check_folder(root)
    except WorkspaceError as error:
        raise UsageError(str(error)) from error
    workspace = Workspace(root)
    server = Server(workspace.postgres, workspace.secrets, marker=workspace.database_marker, may_make=True)
    # Before anything is made: what cannot be finished leaves no half of a workspace behind.
    left_behind = server.left_behind()
    if left_behind is not None:
        raise UsageError(left_behind)
    server.need_own()
    if not server.is_embedded:
        administrator = server.administrator()
        schema.need_unserved(
            server.start(),
            admin=administrator.user,
            admin_password=administrator.password,
            secrets_dir=workspace.secrets,
        )
    # One at a time: two at once would each choose passwords, and the roles and the files keep different ones.
    with locked(root / ".prepare.lock"):
        return _prepare(workspace, server, is_synthetic=is_synthetic)


def _prepare(workspace: Workspace, server: Server, *, is_synthetic: bool) -> tuple[list[str], str]:
    made = make_workspace(workspace.root, is_synthetic=is_synthetic)
    read_configuration(workspace, "main", {})
    key_id = make_key(workspace.private_key, workspace.public_keys)
    try:
        location, administrator = server.start(), server.administrator()
        schema.prepare(
            location, admin=administrator.user, admin_password=administrator.password, secrets_dir=workspace.secrets
        )
        with Desk(workspace) as desk:
            desk.heads.keep(Chain(desk.session("reader")).head())
        # Last, once it was logged in to: a database that could not be used is not kept as the workspace's.
        remember_database(workspace, server.elsewhere())
    finally:
        server.release()
    return made, key_id


def doctor(arguments: argparse.Namespace) -> int:
    """Check everything that a workspace needs and say what is wrong and what would be right."""
    with Desk(Workspace(arguments.workspace)) as desk:
        rows = [_checked(name, check, desk) for name, check in CHECKS]
    is_well = all(state == "ok" for _, state, _ in rows)
    facts = {"ok": is_well, "checks": [{"check": name, "state": state, "says": says} for name, state, says in rows]}
    emit(arguments, facts, table(("check", "state", "says"), rows))
    return 0 if is_well else 1


def _checked(name: str, check: Callable[[Desk], str], desk: Desk) -> tuple[str, str, str]:
    try:
        return name, "ok", check(desk)
    except (RuntimeError, ValueError, OSError) as error:
        return name, "wrong", str(error)


def _database(desk: Desk) -> str:
    row = desk.session("reader").one("SELECT version() AS version")
    return str(row["version"]).partition(" on ")[0] if row else "no answer"


def _configuration(desk: Desk) -> str:
    setup = desk.configuration("main").setup
    venue = setup.policy.execution.venue
    return f"policy {setup.policy.hash[:8]}, {len(setup.universe.instruments)} instruments, venue {venue}"


def _data(desk: Desk) -> str:
    snapshot = desk.clean.current()
    if snapshot is None:
        raise ValueError("no market data was ingested; run `twokey ingest`")
    panel = desk.clean.panel(snapshot)
    return (
        f"{len(panel.instruments)} instruments, {panel.sessions[0]} to {panel.sessions[-1]}, {panel.knowledge_words()}"
    )


def _audit(desk: Desk) -> str:
    state = desk.chain.verify(desk.heads.kept())
    if state.problem is not None:
        raise ValueError(state.problem)
    return f"{state.seq} events verified"


def _secrets(desk: Desk) -> str:
    open_files = [
        path.name for path in desk.workspace.secrets.rglob("*") if path.is_file() and path.stat().st_mode & 0o077
    ]
    if open_files:
        raise ValueError(f"others can read {', '.join(open_files)}; `chmod 600` them")
    return "only their owner can read them"


def _alerts(desk: Desk) -> str:
    clock = SystemClock()
    found = desk.alerts.since(clock.now() - ALERTS_SHOWN)
    if found:
        newest = found[-1]
        raise ValueError(
            f"{len(found)} in the last {ALERTS_SHOWN.days} days, the newest of {instant_text(newest.at)}, {newest.kind}:"
            f" {newest.words}; all stand in logs/alerts.jsonl"
        )
    return f"none in the last {ALERTS_SHOWN.days} days"


def _backups(desk: Desk) -> str:
    shelved, clock = desk.backups.shelved(), SystemClock()
    if shelved.problems:
        raise ValueError("; ".join(shelved.problems))
    if not shelved.good:
        first = desk.chain.events(limit=1)
        if first and clock.now() - datetime.fromisoformat(first[0]["at"]) > BACKUP_AGE_MAX:
            raise ValueError("there is no good backup; `twokey backup` makes one")
        return "none yet; `twokey backup` makes one"
    newest, head = shelved.good[-1], desk.chain.head()
    age = clock.now() - newest.made_at
    words = f"newest good one {newest.name}, {age.days} days {age.seconds // 3600} hours old, up to event"
    words += f" {newest.content.head.seq} of {head.seq}"
    if age > BACKUP_AGE_MAX and newest.content.head != head:
        raise ValueError(f"{words}; `twokey backup` makes a new one")
    return words


def _sources(desk: Desk) -> str:
    settings = source_settings(desk)
    used = desk.configuration("main").setup.policy.data.source_order
    unused = [name for name in settings.fetch if name != "ecb" and name not in used]
    if unused:
        raise ValueError(
            f"config/sources.yml fetches {', '.join(unused)}, whose bars nobody would use: source_order of the policy"
            f" names {', '.join(used)}"
        )
    return f"fetches {', '.join(settings.fetch)}" if settings.fetch else "fetches nothing by itself"


def _keys(desk: Desk) -> str:
    """Say which key signs, and hold that it was not rotated away and that the chain knows every rotation."""
    folder = desk.workspace.public_keys
    in_use, done = FileSigner(desk.workspace.private_key).key_id, rotations(folder)
    if in_use in {one.old for one in done}:
        raise ValueError(
            f"key {in_use} signs and was rotated away: `twokey keys rotate --by NAME` goes on with what was cut short"
        )
    problem = rotation_problem(folder, PgRotations(desk.session("reader")).hashes())
    if problem is not None:
        raise ValueError(problem)
    return f"key {in_use} signs, {len(done)} rotated away"


def _tickets(desk: Desk) -> str:
    """Hold that no file of a ticket stands there that the database does not keep, as a restore that was killed leaves it."""
    lost = lost_files(TicketFiles(desk.workspace.root).texts(), PgTickets(desk.session("reader")).kept())
    if lost.tickets:
        raise ValueError(
            f"files of {', '.join(lost.tickets)} are not as the database keeps it: execute nothing of them;"
            " `twokey run --on DAY` writes those of a slot that it keeps again, others have to be moved away"
        )
    return "every file is of a ticket as the database keeps it"


CHECKS: tuple[tuple[str, Callable[[Desk], str]], ...] = (
    ("secrets", _secrets),
    ("database", _database),
    ("configuration", _configuration),
    ("sources", _sources),
    ("audit chain", _audit),
    ("keys", _keys),
    ("tickets", _tickets),
    ("backups", _backups),
    ("alerts", _alerts),
    ("market data", _data),
)

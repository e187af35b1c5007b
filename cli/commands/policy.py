"""The policies and universes that a book was decided with: their history, and the way back to one of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from adapters.files.atomic import READ_WRITE, write_whole
from adapters.files.workspace import Workspace, WorkspaceError
from adapters.postgres.bodies import load
from adapters.postgres.kept import PgKept, Used
from adapters.postgres.people import PgConfig, PgPeople
from cli.main import UsageError
from cli.output import emit, table
from cli.terminal import ask, need_name, need_terminal
from cli.wiring import Desk
from core.canonical import sha256_text
from core.domain.instrument import Universe
from core.settings_text import SettingsError, parse_policy
from core.universe_csv import universe_csv
from core.universe_text import UniverseError, parse_universe, universe_hash
from flows.books import StoreError
from flows.setup import with_verifications

HASH_SHOWN, HASH_LEAST = 8, 8
# What stands in the place of the hash of a file that cannot be read as what it should be.
UNREADABLE = "unreadable"


def history(arguments: argparse.Namespace) -> int:
    """List every policy and universe that a book was decided with, the newest first, and which of them stands now."""
    with Desk(Workspace(arguments.workspace)) as desk:
        used, now = PgKept(desk.session("reader")).used(arguments.book), _now(desk, arguments.book)
    rows = [
        (one.kind, one.hash[:HASH_SHOWN], one.first, one.last, one.tickets, one.last_good or "-", _mark(one, now))
        for one in used
    ]
    facts = [vars(one) | {"is_now": now[one.kind] == one.hash} for one in used]
    words = table(("kind", "hash", "first", "last", "tickets", "last good", ""), rows)
    emit(arguments, {"book": arguments.book, "now": now, "used": facts}, words)
    return 0


def restore(arguments: argparse.Namespace) -> int:
    """Put a policy or a universe back as it was kept; a person at a terminal types the book's name and the reason."""
    need_terminal("policy restore")
    with Desk(Workspace(arguments.workspace)) as desk:
        reader, book = desk.session("reader"), arguments.book
        found = _found(PgKept(reader).used(book), arguments)
        text, path = _text(found, desk, book)
        now = _now(desk, book)[found.kind]
        if now == found.hash:
            raise UsageError(f"the {found.kind} {found.hash[:HASH_SHOWN]} is the one that stands; nothing to put back")
        said = f"{found.kind} {now[:HASH_SHOWN]} of book {book} is replaced by {found.hash[:HASH_SHOWN]}"
        need_name(book, said, undone="nothing was put back")
        reason = ask("Why is it put back? ")
        if not reason:
            raise UsageError("a reason is needed; nothing was put back")
        aside = _set_aside(path, now)
        # The word first: a file that changed without it would be nobody's.
        PgKept(desk.session("person")).restored(
            book, found.kind, found.hash, replaced=now, by=arguments.by, reason=reason
        )
        desk.heads.keep(desk.chain.head())
        write_whole(path, text.encode(), mode=READ_WRITE)
        is_same = _now(desk, book)[found.kind] == found.hash
    words = [f"{said}; the one before is kept as {aside}"]
    if not is_same:
        words.append("instruments were looked up since, so its hash is another one than then")
    facts = {"book": book, "kind": found.kind, "hash": found.hash, "replaced": now, "aside": aside, "is_same": is_same}
    emit(arguments, facts, "\n".join(words))
    return 0


def _found(used: Sequence[Used], arguments: argparse.Namespace) -> Used:
    wanted = arguments.hash.lower()
    found = [one for one in used if one.hash.startswith(wanted)]
    if len(wanted) < HASH_LEAST or len(found) != 1:
        has = f"{len(found)} policies and universes of book {arguments.book} begin with {arguments.hash}"
        raise UsageError(f"{has}; give {HASH_LEAST} digits or more of one that `twokey policy history` names")
    return found[0]


def _text(found: Used, desk: Desk, book: str) -> tuple[str, Path]:
    """Give the file's text as it was kept, and where it belongs; it is read as what it should be before it counts."""
    workspace, name = desk.workspace, f"{found.kind} {found.hash[:HASH_SHOWN]}"
    kept = PgConfig(desk.session("reader")).config(found.kind, found.hash)
    if kept is None:
        raise StoreError(f"{name} was used and is not kept; run `twokey audit verify`")
    if found.kind == "universe":
        if sha256_text(kept) != found.hash:
            raise StoreError(f"{name} is not as it was kept; run `twokey audit verify`")
        return universe_csv(load(Universe, kept, of=name)), workspace.config / "universe.csv"
    try:
        policy = parse_policy(kept, name)
    except SettingsError as error:
        raise UsageError(f"{name} is of another version of twokey and cannot be used by this one: {error}") from error
    if (policy.hash, policy.book) != (found.hash, book):
        raise StoreError(f"{name} is not as it was kept; run `twokey audit verify`")
    return kept, workspace.policy_path(book)


def _now(desk: Desk, book: str) -> dict[str, str]:
    """Give the hashes of the files as they stand; one that was spoiled is the very reason to look here."""
    workspace = desk.workspace
    try:
        policy = parse_policy(workspace.text(workspace.policy_path(book)), "config").hash
    except (SettingsError, WorkspaceError):
        policy = UNREADABLE
    try:
        universe = parse_universe(workspace.text(workspace.config / "universe.csv"), "config/universe.csv")
        verified = PgPeople(desk.session("reader")).verifications()
        listed = universe_hash(with_verifications(universe, verified))
    except (UniverseError, WorkspaceError):
        listed = UNREADABLE
    return {"policy": policy, "universe": listed}


def _set_aside(path: Path, digest: str) -> str:
    """Keep the file that is replaced beside it, whatever is in it."""
    if not path.exists():
        return "nothing"
    aside = path.with_name(f"{path.name}.{digest[:HASH_SHOWN]}")
    write_whole(aside, path.read_bytes(), mode=READ_WRITE)
    return aside.name


def _mark(one: Used, now: dict[str, str]) -> str:
    marks = ["now"] if now[one.kind] == one.hash else []
    return ", ".join(marks if one.is_kept else [*marks, "not kept"])

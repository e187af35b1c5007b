"""The riskguard's keys: which there are, and a person who puts a new one in the old one's place."""

from __future__ import annotations

import argparse

from adapters.clock import SystemClock
from adapters.files.atomic import locked
from adapters.files.workspace import Workspace, need_workspace
from adapters.keys import ROTATION, FileSigner, KeyProblem, Rotation, rotate_key, rotations
from adapters.postgres.people import PgConfig
from cli.main import UsageError
from cli.output import emit, place, table
from cli.terminal import ask, need_terminal
from cli.wiring import Desk
from core.canonical import instant_text, sha256_text


def rotate(arguments: argparse.Namespace) -> int:
    """Put a new key in the old one's place, signed for by both; a person at a terminal types the old key's id and why."""
    workspace = Workspace(arguments.workspace)
    need_terminal("rotating a key")
    try:
        old = FileSigner(workspace.private_key).key_id
        if ask(f"Type the id {old} of the key to retire: ") != old:
            raise UsageError("the id did not match; no key was made")
        reason = ask("Why is it rotated? ")
        if not reason:
            raise UsageError("a reason is needed; no key was made")
        done = _rotate(workspace, old, by=arguments.by, reason=reason)
    except KeyProblem as error:
        raise UsageError(str(error)) from error
    words = (
        f"key {done.new} signs from now on; {done.old} still verifies what it signed, and nothing new.\n"
        "An approval that waits for its ticket is void now:"
        f" `twokey run --revise --by NAME --reason WORDS{place(arguments)}` decides again inside the window."
    )
    emit(arguments, {"old": done.old, "new": done.new, "number": done.number, "by": done.by, "reason": reason}, words)
    return 0


def _rotate(workspace: Workspace, old: str, *, by: str, reason: str) -> Rotation:
    clock = SystemClock()
    with locked(workspace.root / ".keys.lock"), Desk(workspace) as desk:
        if FileSigner(workspace.private_key).key_id != old:
            raise KeyProblem(f"somebody rotated {old} away meanwhile; `twokey keys list` says who")
        done, text = rotate_key(workspace.private_key, workspace.public_keys, by=by, reason=reason, at=clock.now())
        # Kept in the chain of events too: a rotation that somebody takes out of the folder is missed.
        PgConfig(desk.session("desk")).add_config(ROTATION, sha256_text(text), text)
        desk.heads.keep(desk.chain.head())
    return done


def keys(arguments: argparse.Namespace) -> int:
    """Say which keys there are: the one in use, and those that were rotated away, by whom and why."""
    workspace = Workspace(arguments.workspace)
    need_workspace(workspace.root)
    try:
        in_use, done = FileSigner(workspace.private_key).key_id, rotations(workspace.public_keys)
    except KeyProblem as error:
        raise UsageError(str(error)) from error
    told = {one.old: one for one in done}
    rows = [
        (
            path.stem,
            "in use" if path.stem == in_use else "retired" if path.stem in told else "known",
            *_told(told.get(path.stem)),
        )
        for path in sorted(workspace.public_keys.glob("*.pub"))
    ]
    names = ("key", "state", "retired", "by", "reason")
    emit(arguments, {"keys": [dict(zip(names, row, strict=True)) for row in rows]}, table(names, rows))
    return 0


def _told(retired: Rotation | None) -> tuple[str, str, str]:
    return ("", "", "") if retired is None else (instant_text(retired.at), retired.by, retired.reason)

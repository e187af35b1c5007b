"""The riskguard's keys: which there are, and a person who puts a new one in the old one's place."""

from __future__ import annotations

import argparse
import sys

from adapters.clock import SystemClock
from adapters.files.atomic import locked
from adapters.files.workspace import Workspace, need_workspace
from adapters.keys import (
    FileSigner,
    KeyProblem,
    PutBack,
    Rotation,
    put_back,
    rotate_key,
    rotation_problem,
    rotations,
    unchained,
)
from adapters.postgres.rotated import PgRotations
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
        _warn(workspace)
        if ask(f"Type the id {old} of the key to retire: ") != old:
            raise UsageError("the id did not match; no key was made")
        reason = ask("Why is it rotated? ")
        if not reason:
            raise UsageError("a reason is needed; no key was made")
        done, healed, recorded = _rotate(workspace, old, by=arguments.by, reason=reason)
    except KeyProblem as error:
        raise UsageError(str(error)) from error
    words = (
        f"key {done.new} signs from now on; {done.old} still verifies what it signed, and nothing new.\n"
        "An approval that waits for its ticket is void now:"
        f" `twokey run --revise --by NAME --reason WORDS{place(arguments)}` decides again inside the window."
    )
    words += "".join(
        f"\nmoved aside, for it was not what the chain of events keeps: config/keys/{name}" for name in healed.aside
    )
    words += "".join(f"\nput back in config/keys: {told_words(one)}" for one in healed.rotations)
    words += "".join(f"\nrecorded in the chain of events: {told_words(one)}" for one in recorded)
    facts = {"old": done.old, "new": done.new, "number": done.number, "by": done.by, "reason": reason}
    emit(arguments, facts | {"put_back": healed.rotations, "moved_aside": healed.aside, "recorded": recorded}, words)
    return 0


def told_words(one: Rotation) -> str:
    """Say of a rotation which key took which one's place, when, who said so and why."""
    return f"rotation {one.number} from {one.old} to {one.new} at {instant_text(one.at)} by {one.by} ({one.reason})"


def _warn(workspace: Workspace) -> None:
    """Tell a person, before anything is typed, where folder and chain keep other rotations, and which the chain lacks."""
    with Desk(workspace) as desk:
        texts = PgRotations(desk.session("reader")).texts()
    problem = rotation_problem(workspace.public_keys, {sha256_text(text) for text in texts})
    if problem is not None:
        print(problem, file=sys.stderr)
        for one in unchained(workspace.public_keys, texts):
            print(f"not in the chain, and recorded by this: {told_words(one)}", file=sys.stderr)


def _rotate(workspace: Workspace, old: str, *, by: str, reason: str) -> tuple[Rotation, PutBack, tuple[Rotation, ...]]:
    """Give the rotation, what came back into the folder, and the older ones that the chain was told of again."""
    clock = SystemClock()
    with locked(workspace.root / ".keys.lock"), Desk(workspace) as desk:
        if FileSigner(workspace.private_key).key_id != old:
            raise KeyProblem(f"somebody rotated {old} away meanwhile; `twokey keys list` says who")
        # Kept in the chain of events too: a rotation that somebody takes out of the folder is missed, and put back from there.
        rotated = PgRotations(desk.session("desk"))
        healed = put_back(workspace.public_keys, rotated.texts())
        done = rotate_key(workspace.private_key, workspace.public_keys, by=by, reason=reason, at=clock.now())
        recorded = rotated.record(workspace.public_keys)
        desk.heads.keep(desk.chain.head())
    return done, healed, tuple(one for one in recorded if one != done)


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

"""The rollout of a book: a person advances its phase, and lets what is frozen change."""

from __future__ import annotations

import argparse

from adapters.files.workspace import Workspace
from adapters.postgres.models import PgModels
from adapters.postgres.people import PgPeople
from adapters.versions import code_hash
from cli.main import UsageError
from cli.output import emit
from cli.wiring import Desk, when
from flows import rollout as rolling
from flows.rollout import Frozen, PhaseDoors, RolloutRefused, Word

HASH_SHOWN = 8


def advance(arguments: argparse.Namespace) -> int:
    """Keep that a person set a book's rollout phase; a phase with real money freezes what decides."""
    with Desk(Workspace(arguments.workspace)) as desk:
        configuration = desk.configuration(arguments.book)
        try:
            word, today = Word(arguments.by, arguments.reason), when(configuration, None).today
            done = rolling.advance(arguments.phase, configuration.setup, _doors(desk), word=word, today=today)
        except RolloutRefused as error:
            raise UsageError(str(error)) from error
        desk.keep(configuration)
        desk.heads.keep(desk.chain.head())
    words = [f"book {arguments.book} is in phase {arguments.phase}"]
    words += [f"frozen: {item.kind} {item.now[:HASH_SHOWN]}" for item in done.hashes]
    emit(arguments, {"book": arguments.book, **_facts(done)}, "\n".join(words + _pinned(done)))
    return 0


def change_window(arguments: argparse.Namespace) -> int:
    """Keep that a person let a frozen book change: what stands now is what is frozen from now on."""
    with Desk(Workspace(arguments.workspace)) as desk:
        configuration = desk.configuration(arguments.book)
        try:
            word, today = Word(arguments.by, arguments.reason), when(configuration, None).today
            done = rolling.change_window(configuration.setup, _doors(desk), word=word, today=today)
        except RolloutRefused as error:
            raise UsageError(str(error)) from error
        desk.keep(configuration)
        desk.heads.keep(desk.chain.head())
    changed = [item for item in done.hashes if item.frozen != item.now]
    words = [f"book {arguments.book}, phase {done.phase}: a change window, {len(changed)} changed"]
    words += [f"{item.kind} was {item.frozen[:HASH_SHOWN]}, is {item.now[:HASH_SHOWN]}" for item in changed]
    emit(arguments, {"book": arguments.book, **_facts(done)}, "\n".join(words + _pinned(done)))
    return 0


def _doors(desk: Desk) -> PhaseDoors:
    session = desk.session("person")
    return PhaseDoors(PgPeople(session), PgModels(session), code_hash)


def _facts(done: Frozen) -> dict[str, object]:
    return {"phase": done.phase, "frozen": {item.kind: item.now for item in done.hashes}, "pinned": done.pinned}


def _pinned(done: Frozen) -> list[str]:
    return [f"pinned: the model {done.pinned[:HASH_SHOWN]}, until a person pins another"] if done.pinned else []

"""The rollout of a book: where it stands, and a person who attests, advances its phase and lets what is frozen change."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from adapters.files.workspace import Workspace
from adapters.postgres.models import PgModels
from adapters.postgres.people import PgPeople
from adapters.postgres.rollout import PgRollout
from adapters.versions import code_hash
from cli.main import UsageError
from cli.output import emit
from cli.terminal import need_name, need_terminal
from cli.wiring import Desk, when
from core.canonical import plain_decimal
from core.domain.rollout import ITEMS
from core.reporting.rollout import Figures
from flows import rollout as rolling
from flows.rollout import Evidence, Frozen, PhaseDoors, PhaseStatus, RolloutRefused, Word

HASH_SHOWN = 8


def status(arguments: argparse.Namespace) -> int:
    """Show each exit criterion of each phase, and how the book fared in the phase that it is in."""
    with Desk(Workspace(arguments.workspace)) as desk:
        policy, reader = desk.configuration(arguments.book).setup.policy, desk.session("reader")
        found = rolling.status(policy, PgRollout(reader), PgPeople(reader))
    words = []
    for one in found:
        words.append(f"phase {one.phase}: {plain_decimal(one.capital_fraction)} of the capital{' (now)' * one.is_now}")
        words += [f"  {item.state:<18}  {item.name}: {item.words}" for item in one.criteria]
    now = next(one for one in found if one.is_now)
    words += [
        f"in phase {now.phase}, rehearsals and made markets included:",
        *(f"  {line}" for line in _figures(now.figures)),
    ]
    facts = {"book": arguments.book, "phase": now.phase, "phases": {one.phase: _status(one) for one in found}}
    emit(arguments, facts, "\n".join(words))
    return 0


def attest(arguments: argparse.Namespace) -> int:
    """Keep that a person at a terminal checked an item, with the file that shows it."""
    need_terminal("rollout attest")
    try:
        content = arguments.evidence.read_bytes()
    except OSError as error:
        raise UsageError(f"{arguments.evidence} could not be read: {error.strerror}") from error
    evidence = Evidence(arguments.evidence.name, content, not arguments.fails)
    with Desk(Workspace(arguments.workspace)) as desk:
        policy = desk.configuration(arguments.book).setup.policy
        try:
            word = Word(arguments.by, arguments.note)
            said = rolling.attest(
                arguments.item, policy, PgRollout(desk.session("person")), word=word, evidence=evidence
            )
        except RolloutRefused as error:
            raise UsageError(str(error)) from error
        desk.heads.keep(desk.chain.head())
    verdict = "holds" if said.holds else "does not hold"
    words = f"{said.item} {verdict}, says {said.by}: {ITEMS[said.item]}; kept {said.name} as {said.sha256[:HASH_SHOWN]}"
    emit(arguments, vars(said), words)
    return 0


def advance(arguments: argparse.Namespace) -> int:
    """Set a book's rollout phase and say what it passed over; a person at a terminal types the book's name.

    A phase with real money freezes what decides.
    """
    need_terminal("rollout advance")
    with Desk(Workspace(arguments.workspace)) as desk:
        policy, reader = desk.configuration(arguments.book).setup.policy, desk.session("reader")
        stands = rolling.status(policy, PgRollout(reader), PgPeople(reader))
        try:
            word = Word(arguments.by, arguments.reason)
            need_name(arguments.book, _step(arguments, stands), undone="the phase is as it was")
            # Read again: what stands once the person said so is frozen, not what stood when they were asked.
            configuration = desk.configuration(arguments.book)
            today = when(configuration, None).today
            done = rolling.advance(arguments.phase, configuration.setup, _doors(desk), word=word, today=today)
        except RolloutRefused as error:
            raise UsageError(str(error)) from error
        desk.keep(configuration)
        desk.heads.keep(desk.chain.head())
    words = [f"book {arguments.book} is in phase {arguments.phase}"]
    words += [f"frozen: {item.kind} {item.now[:HASH_SHOWN]}" for item in done.hashes]
    unmet = rolling.passed_over(stands, arguments.phase)
    words += [*_pinned(done), *(f"passed over: {item}" for item in unmet)]
    emit(arguments, {"book": arguments.book, **_facts(done), "passed_over": unmet}, "\n".join(words))
    return 0


def change_window(arguments: argparse.Namespace) -> int:
    """Let a frozen book change: what stands now is frozen from now on; a person at a terminal types the book's name."""
    need_terminal("rollout change-window")
    with Desk(Workspace(arguments.workspace)) as desk:
        try:
            word = Word(arguments.by, arguments.reason)
            said = f"what stands now of book {arguments.book} is what is frozen from now on"
            need_name(arguments.book, said, undone="what is frozen is as it was")
            configuration = desk.configuration(arguments.book)
            today = when(configuration, None).today
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


def _step(arguments: argparse.Namespace, stands: Sequence[PhaseStatus]) -> str:
    """Say which step is about to be taken, and how much it passes over; `advance` names each afterwards."""
    now = next(one.phase for one in stands if one.is_now)
    unmet = len(rolling.passed_over(stands, arguments.phase))
    over = f", passing over {unmet} criteria that are not met" if unmet else ""
    return f"book {arguments.book} goes from phase {now} to phase {arguments.phase}{over}"


def _status(one: PhaseStatus) -> dict[str, object]:
    return {
        "capital_fraction": one.capital_fraction,
        "is_now": one.is_now,
        "criteria": [vars(item) for item in one.criteria],
        "figures": None if one.figures is None else _told(one.figures),
    }


def _told(found: Figures) -> dict[str, object]:
    # Shares and minutes of a report, rounded by nobody: as they print.
    pairs = ("minutes_to_ticket", "share_passing", "hours_to_answer")
    told = {name: value for name, value in vars(found).items() if name not in pairs}
    for name in pairs:
        pair = getattr(found, name)
        told[name] = None if pair is None else {"median": f"{pair[0]:.4g}", "worst": f"{pair[1]:.4g}"}
    return told | {"blocked": dict(found.blocked)}


def _figures(found: Figures | None) -> list[str]:
    if found is None or not found.slots:
        return ["nothing was decided in it yet"]
    blocked = ", ".join(f"{code} {count}" for code, count in found.blocked)
    return [
        f"slots: {found.slots}, of real days and bars {found.real}",
        f"minutes from slot to ticket, of real days: {_pair(found.minutes_to_ticket, '.1f', 'longest')}",
        f"share of the universe with a score: {_pair(found.share_passing, '.1%', 'least')}",
        f"blocked lines by reason: {blocked or 'none'}",
        f"hours from ticket to answer: {_pair(found.hours_to_answer, '.1f', 'longest')}",
        f"reconciliation drift: {found.breaks} breaks in {found.comparisons} comparisons,"
        f" {found.real_comparisons} of which follow a ticket of a real day",
        f"ticket defects: {'; '.join(found.defects) or 'none'}",
    ]


def _pair(pair: tuple[float, float] | None, form: str, worst: str) -> str:
    return "not yet measurable" if pair is None else f"median {pair[0]:{form}}, {worst} {pair[1]:{form}}"


def _doors(desk: Desk) -> PhaseDoors:
    session = desk.session("person")
    return PhaseDoors(PgPeople(session), PgModels(session), code_hash)


def _facts(done: Frozen) -> dict[str, object]:
    return {"phase": done.phase, "frozen": {item.kind: item.now for item in done.hashes}, "pinned": done.pinned}


def _pinned(done: Frozen) -> list[str]:
    return [f"pinned: the model {done.pinned[:HASH_SHOWN]}, until a person pins another"] if done.pinned else []

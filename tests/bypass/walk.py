"""The hostile walk: seeded moves of agents, people and mishaps over one workspace after another, each judged at its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from adapters.files.workspace import WorkspaceError
from adapters.keys import KeyProblem
from cli.main import UsageError
from core.settings_text import SettingsError
from core.universe_text import UniverseError
from flows.books import StoreError
from flows.cash import CashRefused
from flows.confirm import Refusal
from flows.daily import SlotRefused
from flows.decide import NotReady
from flows.ports import SourceError
from flows.reconcile import SnapshotRefused
from tests.bypass import walk_tools
from tests.bypass.walk_faults import (
    FORGERIES,
    SPOILERS,
    UNIVERSES,
    edit_policy,
    edit_universe,
    forge,
    mend,
    restore_policy,
    spoil,
)
from tests.bypass.walk_people import HOWS, PEOPLE
from tests.bypass.walk_scenes import Deck, Step, overnight
from tests.bypass.walk_world import World

# What a flow or a person's command may answer instead of doing what was asked.
REFUSALS = (
    *(
        KeyProblem,
        SettingsError,
        UniverseError,
        WorkspaceError,
        StoreError,
        CashRefused,
        Refusal,
        SlotRefused,
        NotReady,
    ),
    *(SourceError, SnapshotRefused, UsageError, ValueError),
)
# What nobody expects of them.
BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RuntimeError, TypeError)
ACTS = PEOPLE | {
    "edit policy": edit_policy,
    "restore policy": restore_policy,
    "edit universe": edit_universe,
    "spoil": spoil,
    "mend": mend,
    "forge": forge,
}
# While one of these is broken a server may fail, and say no more than that; at any other time that is a violation.
FAILING = frozenset({"calendar garbled"})
# What passes the time, edits files, or breaks and mends what is around: moves that call neither a tool nor a flow.
NO_CALLS = frozenset(
    {"wait", "night", "weekend", "finish job", "edit policy", "restore policy", "edit universe", "spoil", "mend"}
)
TOOL_SHARE = 0.86
PURSUED_SHARE = 0.4


@dataclass(frozen=True)
class Move:
    """One step of a walk, as it can be taken again: a tool's name or an act's, and its arguments."""

    name: str
    arguments: dict[str, Any]

    def __str__(self) -> str:
        said = {
            key: f"{value[:40]}... ({len(value)})" if isinstance(value, str) and len(value) > 60 else value
            for key, value in self.arguments.items()
        }
        return f"{self.name} {said}"


@dataclass
class Walked:
    """What a walk came to: its moves, how often each answer came, and what it found wrong on its way."""

    moves: list[Move] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """Count the calls: of tools by agents, and of flows by people."""
        return sum(self.answers.values()) - sum(
            number for answer, number in self.answers.items() if answer.partition(":")[0] in NO_CALLS
        )


async def walk(world: World, walker: Walker, *, moves: int, calls: int) -> Walked:
    """Take so many moves in a world, fewer when there are so many calls among them, and give what came of them."""
    done = Walked()
    while len(done.moves) < moves and done.calls < calls and not done.wrong:
        await take(walker.next_move(world), world, done)
    world.mend()
    return done


async def take(move: Move, world: World, done: Walked) -> None:
    """Take one move and keep what was answered."""
    done.moves.append(move)
    if move.name in walk_tools.TOOLS:
        await _call(move, world, done)
        return
    try:
        ACTS[move.name](world, **move.arguments)
    except REFUSALS as error:
        done.answers[f"{move.name}: {type(error).__name__}"] += 1
    except BUGS as error:
        if not FAILING & set(world.broken):
            done.wrong.append(f"{move} failed: {error!r}")
    else:
        done.answers[f"{move.name}: done"] += 1


async def _call(move: Move, world: World, done: Walked) -> None:
    result = await world.call(move.name, move.arguments)
    facts = result.structured_content or {}
    code = facts.get("code", "PROTOCOL") if result.is_error else "OK"
    done.answers[f"{move.name}: {code}"] += 1
    if code == "INTERNAL" and not FAILING & set(world.broken):
        done.wrong.append(f"{move} failed inside")
    if facts.get("job_id") and facts["job_id"] not in world.jobs:
        world.jobs.append(facts["job_id"])


@dataclass
class Walker:
    """Draws moves: a scene of the day is played in order, and between its steps come moves that have none."""

    rng: Random
    deck: Deck
    scene: list[Step] = field(default_factory=list)

    def next_move(self, world: World) -> Move:
        """Draw a move."""
        rng = self.rng
        throw = rng.random()
        if self.scene and throw < PURSUED_SHARE:
            return as_move(self.scene.pop(0), world)
        if throw < TOOL_SHARE:
            return Move(*walk_tools.drawn(rng, world))
        if not self.scene and rng.random() < 0.5:
            self.scene = [*overnight(rng), *self.deck.dealt()]
        if world.broken and rng.random() < 0.5:
            return Move("mend", {})
        name = rng.choices(list(_ACTS), [weight for weight, _ in _ACTS.values()])[0]
        return Move(name, _ACTS[name][1](rng, world))


def as_move(step: Step, world: World) -> Move:
    """Give a step of a scene as the move that it is on the day."""
    name, arguments = step
    days = {"{day}": f"{world.day():%Y%m%d}", "{tomorrow}": f"{world.day() + timedelta(days=1):%Y%m%d}"}
    if name == "end job":
        return Move("quant.cancel_job", {"job_id": (world.jobs or ["JOB-0123456789ab-1"])[-1]})
    said = dict(arguments)
    for key, value in said.items():
        for place, text in days.items() if isinstance(value, str) else ():
            said[key] = said[key].replace(place, text)
    return Move(name, said)


def _edit(rng: Random, world: World) -> dict[str, Any]:
    key, values = rng.choice(POLICY_EDITS)
    return {"book": _book(rng), "key": key, "value": rng.choice(values)}


def _book(rng: Random) -> str:
    return "main" if rng.random() < 0.92 else walk_tools.OTHER


def _scope(rng: Random) -> str:
    return rng.choices(["main", walk_tools.OTHER, "*"], [0.6, 0.1, 0.3])[0]


# What a person may write into a policy: tighter, looser, and what nobody can read.
POLICY_EDITS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("positions_max", ("3", "40")),
    ("weight_max", ("0.02", "0.5")),
    ("cash_buffer_min", ("0.4", "0.01")),
    ("turnover_max", ("0.01", "1.0")),
    ("order_value_min", ("900", "0")),
    ("drawdown_max", ("0.0001", "0.5")),
    ("no_buy", ("[AAPL, MSFT, JNJ, NVDA, XOM]",)),
    ("tiny_delta", ("0.5", "0.0001")),
    ("quantity_step", ("1", "0.01")),
    ("buys_from", ("settled",)),
    ("rebalance", ("weekly",)),
    ("fx_age_days_max", ("0",)),
    ("coverage_min", ("1.0",)),
    ("required_every_days", ("0",)),
    ("phase_a", ("0.1",)),
)
_REASONS = ("the bars came late", "a better price", "a test")
_ACTS: dict[str, tuple[int, Any]] = {
    "wait": (14, lambda rng, world: {"minutes": rng.choice([1, 10, 30, 60, 90, -60, -1500, 600])}),
    "run": (6, lambda rng, world: {"book": _book(rng)}),
    "settle": (8, lambda rng, world: {"book": _book(rng)}),
    "revise": (
        4,
        lambda rng, world: {"book": _book(rng), "reason": rng.choice(_REASONS), "is_cut_short": rng.random() < 0.3},
    ),
    "open run": (3, lambda rng, world: {"book": _book(rng)}),
    "confirm": (30, lambda rng, world: _confirmed(rng, world)),
    "cash": (6, lambda rng, world: _moved(rng, world)),
    "halt": (1, lambda rng, world: {"scope": _scope(rng), "reason": rng.choice(_REASONS)}),
    "resume": (14, lambda rng, world: {"scope": _scope(rng)}),
    "phase": (2, lambda rng, world: {"book": "main", "name": rng.choice(["0", "A", "B", "C", "C", "C"])}),
    "change window": (2, lambda rng, world: {"book": "main"}),
    "verify": (2, lambda rng, world: {"count": rng.choice([5, 200])}),
    "snapshot": (5, lambda rng, world: {"book": "main", "is_off": rng.random() < 0.2}),
    "replay": (1, lambda rng, world: {"run_id": walk_tools.KINDS["run"](rng, world)}),
    "edit policy": (5, _edit),
    "restore policy": (9, lambda rng, world: {"book": "main"}),
    "edit universe": (4, lambda rng, world: {"how": rng.choice(UNIVERSES)}),
    "spoil": (5, lambda rng, world: {"what": rng.choice(list(SPOILERS))}),
    "forge": (
        12,
        lambda rng, world: {
            "book": "main",
            "run_id": f"RUN-{world.day():%Y%m%d}-r1",
            "how": rng.choice(list(FORGERIES)),
        },
    ),
}


def _confirmed(rng: Random, world: World) -> dict[str, Any]:
    lines = rng.choice([list(range(1, 41)), [1], [1, 2], [rng.randint(1, 15)]])
    return {"ticket_id": walk_tools.KINDS["ticket"](rng, world), "lines": lines, "how": rng.choice(HOWS)}


def _moved(rng: Random, world: World) -> dict[str, Any]:
    amount = rng.choice(["500", "-200", "-1000000", "0", "0.001", "NaN", "1e3"])
    return {"book": _book(rng), "key": f"move-{rng.randint(1, 30)}", "amount": amount}

"""The course of a hostile walk: worlds of several kinds in turn, each judged by the oracle; what is wrong, made short."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import cycle
from pathlib import Path
from random import Random

import pytest

from cli.commands.workspace import prepare
from tests.bypass import walk_cover
from tests.bypass.oracle import violations
from tests.bypass.walk import Move, Walked, Walker, as_move, take, walk
from tests.bypass.walk_chapters import chapters
from tests.bypass.walk_faults import SPLITS
from tests.bypass.walk_scenes import Deck, Step
from tests.bypass.walk_tools import OTHER
from tests.bypass.walk_world import World
from tests.integration.test_models import learns
from tests.servers.conftest import copied
from tests.servers.market import make_manual, publish_market, settle_opening

ANNOUNCED = "internal_symbol,ex_date,split_ratio,dividend,known_at,notes"
# The first session after the last bar: any earlier, the bars would be in the new units.
DAY_OF_SPLIT = date(2024, 7, 1)
# A walk begins anew after so many moves: there are bars for three weeks of days.
MOVES_A_WORLD = 700
# Small worlds, for what only they can answer, come once in a course.
SMALL = {"bare": 150, "learner": 150, "pilot": 300}
KINDS = ("paper", "manual", "two books")
REPLAYS_MAX = 60


@dataclass(frozen=True)
class Shelf:
    """Where worlds stand: a bare workspace and one with a market, both only copied, and a folder for copies."""

    top: Path

    @classmethod
    def laid_out(cls, top: Path) -> Shelf:
        """Make the workspaces that worlds are copied from."""
        prepare(top / "bare", is_synthetic=True)
        copied(top / "bare", top / "paper")
        announced = f"{ANNOUNCED}\n{SPLITS},{DAY_OF_SPLIT},2,,2024-01-10,\n"
        (top / "paper" / "config" / "announced_actions.csv").write_text(announced, encoding="utf-8")
        publish_market(top / "paper")
        settle_opening(top / "paper")
        _rewrite(top / "paper" / "config" / "policy.yml", "rebalance: weekly", "rebalance: daily")
        for kind, change in (("manual", _by_hand), ("pilot", _pilot), ("two books", _two_books), ("learner", _learner)):
            change(copied(top / "paper", top / kind))
        for policy in (*top.glob("*/config/policy.yml"), *top.glob("*/config/books/*.yml")):
            _uncomment(policy)
        return cls(top)

    def copy(self, kind: str) -> Path:
        """Give a fresh copy of a kind of world."""
        folder = Path(tempfile.mkdtemp(prefix="world-", dir=self.top))
        folder.chmod(0o711)
        return copied(self.top / kind, folder / "w")


@dataclass
class Course:
    """What a course came to: every world's walk, the states that it left, and each violation with its shortest sequence."""

    seed: int
    walked: list[Walked] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def moves(self) -> int:
        """Count the moves."""
        return sum(len(one.moves) for one in self.walked)

    @property
    def answers(self) -> Counter[str]:
        """Count the answers, by what was asked."""
        return sum((one.answers for one in self.walked), Counter())

    @property
    def calls(self) -> int:
        """Count the calls: of tools by agents, and of flows by people."""
        return sum(one.calls for one in self.walked)

    def add(self, shelf: Shelf, kind: str, play: Callable[[World], Awaitable[Walked]]) -> None:
        """Play in one more world, and add what came of it."""
        walked, states, wrong = played(shelf, kind, play)
        self.walked.append(walked)
        self.states.update(states)
        if wrong:
            self.wrong.append(_sequence(shelf, kind, walked.moves, wrong))

    def told(self) -> str:
        """Give the course in lines: seed, counts, and the coverage of states and codes."""
        asked = sum(number for name, number in self.answers.items() if "." in name.partition(":")[0])
        lines = [
            f"hostile walk: seed {self.seed}, {self.calls} calls ({asked} of tools, the others of people's flows)"
            f" among {self.moves} moves in {len(self.walked)} worlds"
        ]
        lines += ["codes of tools:", walk_cover.table(walk_cover.codes(self.answers))]
        lines += ["states:", walk_cover.table(self.states)]
        missed = self.missed()
        counts = ", ".join(
            f"{total - len(missed[what])} of {total} {what}" for what, total in walk_cover.DECLARED.items()
        )
        lines += [
            f"reached: {counts}",
            *(f"never met of the {what}: {', '.join(names) or 'none'}" for what, names in missed.items()),
        ]
        return "\n".join(lines)

    def missed(self) -> dict[str, list[str]]:
        """Name what is declared and was never met."""
        return {
            "codes of tools": walk_cover.missed(self.answers),
            "rules": walk_cover.rules_missed(self.states),
            "gates": walk_cover.gates_missed(self.states),
            "causes of a NO-TRADE": walk_cover.causes_missed(self.states),
            "refusals of people's flows": walk_cover.refusals_missed(self.answers),
        }


def course(shelf: Shelf, seed: int, calls: int) -> Course:
    """Walk through worlds until so many calls are made, or something is wrong."""
    done, kinds, deck = Course(seed), cycle(KINDS), Deck(Random(seed))
    plan = list(SMALL)
    while done.calls < calls and not done.wrong:
        kind = plan.pop() if plan else next(kinds)
        walker = Walker(Random(f"{seed} {len(done.walked)}"), deck)
        play = partial(walk, walker=walker, moves=SMALL.get(kind, MOVES_A_WORLD), calls=calls - done.calls)
        done.add(shelf, kind, play)
    return done


def told(shelf: Shelf) -> Course:
    """Tell every scene, each once and whole, in the worlds that they are for."""
    done = Course(0)
    for kind, steps in chapters():
        done.add(shelf, kind, partial(_tell, steps=steps))
    return done


def held(done: Course, capsys: pytest.CaptureFixture[str]) -> None:
    """Print what a course came through, and hold that nothing was wrong."""
    with capsys.disabled():
        sys.stdout.write(f"\n{done.told()}\n")
    assert not done.wrong, "\n".join(done.wrong)


async def _tell(world: World, steps: Sequence[Step]) -> Walked:
    done = Walked()
    for step in steps:
        await take(as_move(step, world), world, done)
    world.mend()
    return done


def played(
    shelf: Shelf, kind: str, play: Callable[[World], Awaitable[Walked]]
) -> tuple[Walked, Counter[str], list[str]]:
    """Play in a fresh world and give the walk, the states that it left, and what is wrong in the end."""
    root = shelf.copy(kind)

    async def inside() -> tuple[Walked, Counter[str], list[str]]:
        async with World(root, book="*" if kind == "two books" else "main") as world:
            walked = await play(world)
            reader = world.desk.session("reader")
            with reader.snapshot():
                found = violations(reader.all, world.keys)
            return walked, walk_cover.states(reader.all), [*walked.wrong, *found]

    try:
        return asyncio.run(inside())
    finally:
        shutil.rmtree(root.parent, ignore_errors=True)


def replayed(shelf: Shelf, kind: str, moves: Sequence[Move]) -> tuple[Walked, Counter[str], list[str]]:
    """Take given moves in a fresh world."""

    async def play(world: World) -> Walked:
        done = Walked()
        for move in moves:
            await take(move, world, done)
        world.mend()
        return done

    return played(shelf, kind, play)


def shortest(moves: Sequence[Move], is_wrong: Callable[[Sequence[Move]], bool]) -> list[Move]:
    """Leave out of a sequence what is not needed for it to be wrong, with so many tries at most."""
    kept, tries, piece = list(moves), 0, max(1, len(moves) // 2)
    while tries < REPLAYS_MAX:
        at, has_shrunk = 0, False
        while at < len(kept) and tries < REPLAYS_MAX:
            shorter = kept[:at] + kept[at + piece :]
            tries += 1
            if shorter and is_wrong(shorter):
                kept, has_shrunk = shorter, True
            else:
                at += piece
        if piece == 1 and not has_shrunk:
            break
        piece = max(1, piece // 2)
    return kept


def _sequence(shelf: Shelf, kind: str, moves: Sequence[Move], wrong: Sequence[str]) -> str:
    """Say what is wrong, with the shortest sequence of moves found that leads to it."""
    few = shortest(moves, lambda some: bool(replayed(shelf, kind, some)[2]))
    steps = "\n".join(f"  {number}. {move}" for number, move in enumerate(few, start=1))
    return f"in the world {kind}: {'; '.join(wrong[:5])}\nthe shortest sequence found:\n{steps}"


def _by_hand(root: Path) -> None:
    make_manual(root)


def _pilot(root: Path) -> None:
    """Trade by hand, with money, where nobody looked any instrument up yet."""
    make_manual(root, verified=False)


def _two_books(root: Path) -> None:
    """Let a second book stand beside the first, on paper too."""
    books = root / "config" / "books"
    books.mkdir(exist_ok=True)
    text = (root / "config" / "policy.yml").read_text(encoding="utf-8")
    (books / f"{OTHER}.yml").write_text(text.replace("book: main", f"book: {OTHER}"), encoding="utf-8")


def _learner(root: Path) -> None:
    """Let the book learn, of more weeks than there are."""
    learns(root)
    _rewrite(root / "config" / "policy.yml", "weeks_min: 12", "weeks_min: 100")


def _uncomment(path: Path) -> None:
    """Leave the comments out: a walk edits policies all the time, and they are most of what is read anew of one."""
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("".join(f"{line}\n" for line in lines if line.split("#")[0].strip()), encoding="utf-8")


def _rewrite(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

"""Advancing a book whose strategy learns: its model is pinned with the phase, or there is none to freeze."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from core.domain.facts import Halt
from core.domain.freeze import FROZEN_KINDS
from core.domain.rollout import PHASES, Attested, PhaseFacts
from core.domain.slot import VenueName
from flows.rollout import PhaseDoors, RolloutRefused, Word, advance, change_window, passed_over, status
from flows.setup import BookSetup
from tests.unit.making import ABCD, CALENDAR, DAY, SHIPPED, learning

WORD = Word("ann", "ready")
CODE = "c" * 64


class Phases:
    """The phases of one book, kept in memory."""

    def __init__(self) -> None:
        """Begin before any phase."""
        self.kept: tuple[str, dict[str, str]] | None = None

    def frozen(self, book: str) -> tuple[str, dict[str, str]] | None:
        """Give the phase with what it froze."""
        return self.kept

    def set_phase(self, book: str, phase: str, *, by: str, reason: str, frozen: Mapping[str, str]) -> None:
        """Keep a phase."""
        self.kept = phase, dict(frozen)

    def open_window(self, book: str, *, by: str, reason: str, frozen: Mapping[str, str]) -> None:
        """Keep what is frozen from now on."""
        assert self.kept is not None, "nothing is frozen before a phase"
        self.kept = self.kept[0], dict(frozen)

    def alone(self) -> Any:
        """Keep as it comes: nobody else is here."""
        return nullcontext()


class Models:
    """The models of one book by their hashes: the newest, and the pinned one."""

    def __init__(self, newest: str | None) -> None:
        """Begin with a newest model, or none, and nothing pinned."""
        self.newest = newest
        self.pinned: str | None = None
        self.said: list[tuple[str | None, str]] = []

    def chosen(self, book: str, as_of: Any) -> Any:
        """Give the pinned model, or else the newest."""
        digest = self.pinned or self.newest
        return None if digest is None else SimpleNamespace(hash=digest)

    def pin(self, book: str) -> Any:
        """Give what is pinned."""
        return self.pinned

    def add_pin(self, book: str, model: str | None, *, by: str, reason: str) -> None:
        """Pin a model."""
        self.pinned = model
        self.said.append((model, reason))


def desk(newest: str | None) -> tuple[BookSetup, Phases, Models, PhaseDoors]:
    """Give a book that learns, with its doors."""
    phases, models = Phases(), Models(newest)
    return BookSetup(learning(), ABCD, CALENDAR), phases, models, PhaseDoors(phases, models, lambda: CODE)


@pytest.mark.parametrize("phase", ["B", "C"])
def test_a_phase_with_real_money_pins_the_model_that_it_freezes(phase):
    """Next week's training changes nothing then; every hash is kept."""
    setup, phases, models, doors = desk("m" * 64)

    done = advance(phase, setup, doors, word=WORD, today=DAY)

    kept = {
        "policy": setup.policy.hash,
        "universe": setup.universe_hash,
        "desk": "none",
        "model": "m" * 64,
        "code": CODE,
    }
    assert phases.kept == (phase, kept)
    assert (done.pinned, models.said) == ("m" * 64, [("m" * 64, "frozen: ready")])
    assert [item.kind for item in done.hashes] == list(FROZEN_KINDS)


def test_a_model_that_a_person_pinned_is_the_one_that_is_frozen():
    """It is not pinned a second time."""
    setup, phases, models, doors = desk("n" * 64)
    models.pinned = "m" * 64

    done = advance("B", setup, doors, word=WORD, today=DAY)

    assert (done.pinned, models.said) == (None, [])
    assert phases.kept is not None
    assert phases.kept[1]["model"] == "m" * 64


@pytest.mark.parametrize("phase", ["0", "A"])
def test_a_phase_without_real_money_pins_nothing(phase):
    """A dry run trains each week, as it will be judged."""
    setup, phases, models, doors = desk("m" * 64)

    done = advance(phase, setup, doors, word=WORD, today=DAY)

    assert (phases.kept, models.said, done.hashes) == ((phase, {}), [], ())


def test_without_a_model_there_is_nothing_to_freeze():
    """The phase is not set either."""
    setup, phases, _, doors = desk(None)

    with pytest.raises(RolloutRefused, match="book main has no model that could be frozen; `twokey train` makes one"):
        advance("B", setup, doors, word=WORD, today=DAY)

    assert phases.kept is None


def test_a_window_after_an_unpin_freezes_the_newest_model():
    """It is pinned again, and the window shows from which to which."""
    setup, phases, models, doors = desk("m" * 64)
    advance("B", setup, doors, word=WORD, today=DAY)
    models.newest, models.pinned = "n" * 64, None

    done = change_window(setup, doors, word=Word("ann", "a newer one"), today=DAY)

    moved = [(item.kind, item.frozen[0], item.now[0]) for item in done.hashes if item.frozen != item.now]
    assert (moved, done.pinned) == ([("model", "m", "n")], "n" * 64)
    assert phases.kept is not None
    assert phases.kept[1]["model"] == "n" * 64


def test_a_strategy_that_learns_nothing_has_no_model_to_freeze():
    """Frozen as none, so that one which came from somewhere would be seen."""
    _, phases, models, doors = desk("m" * 64)

    advance("C", BookSetup(SHIPPED, ABCD, CALENDAR), doors, word=WORD, today=DAY)

    assert phases.kept is not None
    assert (phases.kept[1]["model"], models.said) == ("none", [])


class Stays:
    """The stays of one book by their phases, as the facts have them."""

    def __init__(self, *phases: str) -> None:
        """Begin with the phases that the book was in."""
        self.phases = phases
        self.asked: list[object] = []

    def stay(
        self, policy: Any, phase: str, *, begins_in: Mapping[VenueName, str], venues: Sequence[VenueName]
    ) -> PhaseFacts | None:
        """Give an empty stay."""
        self.asked.append((phase, begins_in, venues))
        return PhaseFacts(phase) if phase in self.phases else None

    def attested(self, book: str) -> dict[str, Attested]:
        """Say that nothing was attested."""
        return {}

    def attest(self, said: Attested, content: bytes) -> None:
        """Keep nothing."""


class Said:
    """What people said of one book: its phase, and one halt."""

    def __init__(self, said: str | None) -> None:
        """Begin in a phase, or before any."""
        self.said = said

    def phase(self, book: str) -> str | None:
        """Give the phase."""
        return self.said

    def halts(self, book: str) -> tuple[Halt, ...]:
        """Give the halt."""
        return (Halt("main", "a smell", datetime(2024, 6, 10, tzinfo=UTC)),)


@pytest.mark.parametrize(
    ("stayed", "said", "now"),
    [
        (("0",), None, "0"),
        (("A",), None, "A"),
        (("0", "A"), None, "A"),
        (("0", "A", "B"), "0", "0"),
        (("A",), "B", "B"),
    ],
)
def test_a_book_is_where_a_person_put_it_or_else_in_the_furthest_that_its_facts_show(stayed, said, now):
    """A policy that names a broker ends no dry run; only the phase of now is left with what is halted."""
    stays = Stays(*stayed)

    found = status(SHIPPED, stays, Said(said))

    assert [one.phase for one in found if one.is_now] == [now]
    assert [one.phase for one in found if one.figures is not None] == list(stayed)
    begins_in, both, real = {"paper": "A", "manual": "0"}, ("paper", "manual"), ("manual",)
    venues = {"0": both, "A": both, "B": real, "C": real}
    assert stays.asked == [(phase, begins_in, venues[phase]) for phase in PHASES]
    assert {item.partition(",")[0] for item in passed_over(found, "C")} == {
        f"phase {phase}" for phase in PHASES[PHASES.index(now) : -1]
    }


@pytest.mark.parametrize(("by", "reason"), [("", "x"), ("  ", "x"), ("ann", ""), ("ann", " ")])
def test_a_word_is_somebodys_and_says_something(by, reason):
    """Blanks are no name and no reason."""
    with pytest.raises(RolloutRefused, match="a person's word"):
        Word(by, reason)

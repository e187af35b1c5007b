"""The rollout: a person advances a book's phase, and lets what a phase froze change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from core.calendar import as_of, slot_of
from core.domain.freeze import FREEZING, FROZEN_KINDS, NO_HASH, FrozenHash
from core.domain.model import Model, ModelPin
from core.domain.slot import BookName
from flows.look import hashes_now
from flows.setup import BookSetup


class RolloutRefused(ValueError):
    """A step of the rollout that cannot be taken; says why and what can."""


class PhaseBook(Protocol):
    """Keeps the phases of books and what they froze, for a person."""

    def frozen(self, book: BookName) -> tuple[str, Mapping[str, str]] | None:
        """Give the book's rollout phase with the hash of each thing frozen in it, by kind, or None before the first phase."""
        ...

    def set_phase(self, book: BookName, phase: str, *, by: str, reason: str, frozen: Mapping[str, str]) -> None:
        """Keep that a person set the book's phase, with the hash of each thing that it freezes, by kind."""
        ...

    def open_window(self, book: BookName, *, by: str, reason: str, frozen: Mapping[str, str]) -> None:
        """Keep that a person let a frozen book change, with the hash of each thing that is frozen from now on, by kind."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Keep everything inside or nothing of it."""
        ...


class PinBook(Protocol):
    """Finds the model of a book, and pins it for a person."""

    def chosen(self, book: BookName, as_of: date) -> Model | None:
        """Give the model that a book is scored with on the evening of a session."""
        ...

    def pin(self, book: BookName) -> ModelPin | None:
        """Give the model that a person pinned and nobody set free since."""
        ...

    def add_pin(self, book: BookName, model: str | None, *, by: str, reason: str) -> None:
        """Say which model a book is scored with from now on, None for the newest again."""
        ...


@dataclass(frozen=True)
class PhaseDoors:
    """What a person's step of the rollout may use."""

    phases: PhaseBook
    models: PinBook
    code: Callable[[], str]


@dataclass(frozen=True)
class Frozen:
    """What is frozen now: each hash as it was before and as it is from now on, and the model that was pinned for it."""

    phase: str
    hashes: tuple[FrozenHash, ...]
    pinned: str | None


@dataclass(frozen=True)
class Word:
    """A person's word: who says something, and why."""

    by: str
    reason: str

    def __post_init__(self) -> None:
        """Hold that both say something."""
        if not self.by.strip() or not self.reason.strip():
            raise RolloutRefused("--by and --reason must say something: a step of the rollout is a person's word")


def advance(phase: str, setup: BookSetup, doors: PhaseDoors, *, word: Word, today: date) -> Frozen:
    """Set the book's phase; one with real money freezes policy, universe, model and code as they stand.

    The model of a strategy that learns is pinned with it: a model that is trained next week is a change. Raises
    RolloutRefused where there is no model to freeze.
    """
    book = setup.policy.book
    with doors.phases.alone():
        if phase not in FREEZING:
            doors.phases.set_phase(book, phase, by=word.by, reason=word.reason, frozen={})
            return Frozen(phase, (), None)
        now, pinned = _hold_still(setup, doors, word=word, today=today)
        doors.phases.set_phase(book, phase, by=word.by, reason=word.reason, frozen=now)
    return Frozen(phase, tuple(FrozenHash(kind, NO_HASH, now[kind]) for kind in FROZEN_KINDS), pinned)


def change_window(setup: BookSetup, doors: PhaseDoors, *, word: Word, today: date) -> Frozen:
    """Let what has changed of a frozen book stand: it is what is frozen from now on.

    Raises RolloutRefused where the book's phase freezes nothing, or nothing has changed.
    """
    book = setup.policy.book
    kept = doors.phases.frozen(book)
    if kept is None or kept[0] not in FREEZING:
        phase = "no phase" if kept is None else f"phase {kept[0]}"
        raise RolloutRefused(
            f"book {book} is in {phase}, which freezes nothing: it may change without a word until phase B"
        )
    phase, frozen = kept
    with doors.phases.alone():
        now, pinned = _hold_still(setup, doors, word=word, today=today)
        if dict(frozen) == now and pinned is None:
            raise RolloutRefused(
                f"nothing of book {book} has changed since it was frozen: change it first, then say so"
            )
        doors.phases.open_window(book, by=word.by, reason=word.reason, frozen=now)
    hashes = (FrozenHash(kind, frozen.get(kind, NO_HASH), now[kind]) for kind in FROZEN_KINDS)
    return Frozen(phase, tuple(hashes), pinned)


def _hold_still(setup: BookSetup, doors: PhaseDoors, *, word: Word, today: date) -> tuple[dict[str, str], str | None]:
    """Give the hash of each thing as it stands, the model pinned; and that model where this pinned it."""
    book, model, pinned = setup.policy.book, None, None
    if setup.strategy.training is not None:
        found = doors.models.chosen(book, as_of(setup.calendar, slot_of(setup.policy, today)).session)
        if found is None:
            raise RolloutRefused(f"book {book} has no model that could be frozen; `twokey train` makes one")
        model = found.hash
        if doors.models.pin(book) is None:
            doors.models.add_pin(book, model, by=word.by, reason=f"frozen: {word.reason}")
            pinned = model
    return hashes_now(setup, model=model, code=doors.code()), pinned

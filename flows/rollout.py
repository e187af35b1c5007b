"""The rollout: what a phase is left by, and a person who attests, advances a phase and lets what is frozen change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Protocol

from core.calendar import as_of, slot_of
from core.domain.facts import Halt
from core.domain.freeze import FREEZING, FROZEN_KINDS, NO_HASH, FrozenHash
from core.domain.model import Model, ModelPin
from core.domain.rollout import ITEMS, PHASES, Attested, Criterion, PhaseFacts
from core.domain.slot import BookName, VenueName
from core.reporting.rollout import Figures, criteria, figures
from core.settings import Policy
from flows.look import DEFAULT_PHASE, fraction_in, hashes_now
from flows.setup import BookSetup

# A scan of a page, not a film: the rows of a database are copied with every backup.
EVIDENCE_MAX = 5_000_000


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


class StayBook(Protocol):
    """Reads what the phases of a book came to, and keeps what a person attests."""

    def stay(
        self, policy: Policy, phase: str, *, begins_in: Mapping[VenueName, str], venues: Sequence[VenueName]
    ) -> PhaseFacts | None:
        """Give the last stay in a phase of a policy's book, or None where it was never in it.

        Only what was decided for one of the `venues`, and compared with it, is of the stay. Before a person ever set a
        phase, a book is in the one that `begins_in` names for the venue of its tickets.
        """
        ...

    def attested(self, book: BookName) -> dict[str, Attested]:
        """Give the newest word on each item of a book."""
        ...

    def attest(self, said: Attested, content: bytes) -> None:
        """Keep a person's word on an item, with the file whole."""
        ...


class HaltReader(Protocol):
    """Reads phases and halts."""

    def phase(self, book: BookName) -> str | None:
        """Give the book's rollout phase, or None when no person ever set one."""
        ...

    def halts(self, book: BookName) -> Sequence[Halt]:
        """Give the halts of a book and of the desk that nobody lifted."""
        ...


@dataclass(frozen=True)
class PhaseStatus:
    """A phase of a book: its share of the capital, and where the book was in it, each exit criterion and how it fared."""

    phase: str
    capital_fraction: Decimal
    is_now: bool
    criteria: tuple[Criterion, ...]
    figures: Figures | None


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
class Evidence:
    """A file that shows that an item holds, or that it does not."""

    name: str
    content: bytes
    holds: bool


@dataclass(frozen=True)
class Word:
    """A person's word: who says something, and why."""

    by: str
    reason: str

    def __post_init__(self) -> None:
        """Hold that both say something."""
        if not self.by.strip() or not self.reason.strip():
            raise RolloutRefused("who says so and why must not be empty: a step of the rollout is a person's word")


def status(policy: Policy, stays: StayBook, people: HaltReader) -> tuple[PhaseStatus, ...]:
    """Give each phase with its exit criteria, computed from the facts of the book's last stay in it.

    Before a person ever set a phase, a book is in the furthest that it was in: the dry run on paper is over when a person
    says so, not when the policy names another venue.
    """
    attested = stays.attested(policy.book)
    stayed = {phase: stays.stay(policy, phase, begins_in=DEFAULT_PHASE, venues=_venues_of(phase)) for phase in PHASES}
    furthest = max((phase for phase, stay in stayed.items() if stay is not None), key=PHASES.index)
    now = people.phase(policy.book) or furthest
    halts = tuple(halt.reason for halt in people.halts(policy.book))
    found = []
    for phase, stay in stayed.items():
        # What is halted today says nothing of a phase that is over.
        facts = replace(stay or PhaseFacts(phase), halts=halts if phase == now else ())
        share = fraction_in(phase, policy)
        found.append(
            PhaseStatus(phase, share, phase == now, criteria(facts, attested), figures(facts) if stay else None)
        )
    return tuple(found)


def passed_over(found: Sequence[PhaseStatus], phase: str) -> tuple[str, ...]:
    """Name what is not met of the phases that a book leaves behind when it goes on; nothing where it goes back."""
    now = next(at for at, one in enumerate(found) if one.is_now)
    left = found[now : PHASES.index(phase)]
    return tuple(
        f"phase {one.phase}, {item.name}: {item.state}: {item.words}"
        for one in left
        for item in one.criteria
        if item.state != "met"
    )


def attest(item: str, policy: Policy, stays: StayBook, *, word: Word, evidence: Evidence) -> Attested:
    """Keep that a person checked what nobody else can, with the file that shows it.

    Raises RolloutRefused for an item that nobody asks for, and for a file that is empty, blank or too large.
    """
    if item not in ITEMS:
        raise RolloutRefused(f"there is no item {item}; the items are {', '.join(ITEMS)}")
    size = len(evidence.content)
    if not 0 < size <= EVIDENCE_MAX:
        raise RolloutRefused(f"{evidence.name} has {size} bytes; evidence has at least 1 and at most {EVIDENCE_MAX}")
    if not evidence.content.strip():
        raise RolloutRefused(f"{evidence.name} has {size} bytes and all of them are blank; it shows nothing")
    digest = sha256(evidence.content).hexdigest()
    said = Attested(policy.book, item, evidence.holds, digest, evidence.name, word.by, word.reason)
    stays.attest(said, evidence.content)
    return said


def advance(phase: str, setup: BookSetup, doors: PhaseDoors, *, word: Word, today: date) -> Frozen:
    """Set the book's phase; one with real money freezes policy, universe, the desk's limits, model and code as they stand.

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


def _venues_of(phase: str) -> tuple[VenueName, ...]:
    """Name the venues whose tickets say something of a phase: on paper nothing is shown of one with real money."""
    return tuple(venue for venue in DEFAULT_PHASE if venue != "paper" or phase not in FREEZING)


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

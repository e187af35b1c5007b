"""Freezes: what a rollout phase with real money holds still of a book, each by its hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

FrozenKind = Literal["policy", "universe", "desk", "model", "code"]
FROZEN_KINDS: Final[tuple[FrozenKind, ...]] = ("policy", "universe", "desk", "model", "code")
# The phases that freeze: those in which money can be lost.
FREEZING: Final = ("B", "C")
# Stands for the model of a strategy that learns nothing, and for whatever is not there.
NO_HASH: Final = "none"


@dataclass(frozen=True)
class FrozenHash:
    """One thing that a book is made of: its hash when it was frozen, and now."""

    kind: str
    frozen: str
    now: str


@dataclass(frozen=True)
class Freeze:
    """The rollout phase that a book is in, and what that phase, or the last change window in it, froze."""

    phase: str
    hashes: tuple[FrozenHash, ...] = ()

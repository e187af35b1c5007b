"""A strategy with its parameters bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from core.calendar import Calendar
from core.domain.instrument import InstrumentId, Universe
from core.domain.model import Model
from core.domain.panel import Panel

Contributions = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Ranking:
    """A number an instrument, higher is better, and what moved each most, where the strategy can tell.

    A number that is not finite means that the instrument cannot be ranked. Contributions are told by the feature's name,
    the strongest first; with those not told, and what all instruments have in common, they add up to the number. `missing`
    is, a feature, the share of the instruments that take part without a value, where a model was asked.
    """

    numbers: Mapping[InstrumentId, float]
    contributions: Mapping[InstrumentId, Contributions] = field(default_factory=dict)
    missing: Mapping[str, float] = field(default_factory=dict)


Ranker = Callable[[Panel, tuple[InstrumentId, ...], Model | None], Ranking]


@dataclass(frozen=True)
class Lesson:
    """What a training is about: who could be held when, the exchange's days, the session it ends with, the clean set."""

    universe: Universe
    calendar: Calendar
    as_of: date
    snapshot: str


class NothingLearned(ValueError):
    """There is too little to learn from; says how much there is, and what it takes."""


@dataclass(frozen=True)
class Training:
    """How a strategy learns: from how many sessions, of which features, and for how many sessions a model serves.

    Of a feature a share of the instruments may lack a value: `drift_max` more than where the model learned.
    `fit` raises NothingLearned where there is too little to learn from.
    """

    sessions: int
    features_hash: str
    age_sessions_max: int
    drift_max: float
    fit: Callable[[Panel, Lesson], Model]


@dataclass(frozen=True)
class Strategy:
    """How a strategy scores, how many sessions it needs, and within which multiple of the positions a holding is kept."""

    name: str
    score: Ranker
    sessions_needed: int
    hold_rank_multiple: int
    # None for a strategy that has nothing to learn.
    training: Training | None = None
    # The bars without which there is no score, as sessions before as-of: what a missing score is told with.
    bars_needed: tuple[int, ...] = ()

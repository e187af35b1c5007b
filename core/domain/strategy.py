"""A strategy with its parameters bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.domain.instrument import InstrumentId
from core.domain.panel import Panel

Ranker = Callable[[Panel, tuple[InstrumentId, ...]], dict[InstrumentId, float]]


@dataclass(frozen=True)
class Strategy:
    """How a strategy scores, how many sessions it needs, and within which multiple of the positions a holding is kept."""

    name: str
    score: Ranker
    sessions_needed: int
    hold_rank_multiple: int
    is_trainable: bool
    # The bars without which there is no score, as sessions before as-of: what a missing score is told with.
    bars_needed: tuple[int, ...] = ()

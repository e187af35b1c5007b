"""Scores: one number per instrument, higher is better."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from core.canonical import sha256_text
from core.domain.instrument import InstrumentId
from core.domain.strategy import Contributions, Ranking
from core.gate import Finding


@dataclass(frozen=True)
class Score:
    """An instrument's place: rank 1 is the best; ties are broken by a draw of the ids that never changes.

    `contributions` are what moved the value most, by the feature's name, the strongest first; none where nothing was learned.
    """

    instrument: InstrumentId
    rank: int
    value: Decimal
    contributions: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True)
class Scores:
    """A strategy's ranking of the universe as of a session, best first, and what it could not rank with the reason."""

    strategy: str
    as_of: date
    ranked: tuple[Score, ...]
    unranked: tuple[tuple[InstrumentId, str], ...] = ()

    def ranks(self) -> dict[InstrumentId, int]:
        """Give the rank of each ranked instrument."""
        return {score.instrument: score.rank for score in self.ranked}


@dataclass(frozen=True)
class ScoreSet:
    """What scoring gave: scores, or the findings that closed its gate. `model` is the hash of the model that was asked."""

    scores: Scores | None
    findings: tuple[Finding, ...]
    model: str | None = None


@lru_cache(maxsize=65536)
def drawn(instrument: InstrumentId) -> str:
    """Give what breaks ties: the SHA-256 of the id, an order that favours no letter and is the same every day."""
    return sha256_text(instrument)


def ranked_scores(strategy: str, as_of: date, ranking: Ranking) -> Scores:
    """Rank finite numbers, best first, ties by `drawn`; a number that is not finite is unranked and says so."""
    numbers = ranking.numbers
    finite = {name: number for name, number in numbers.items() if number - number == 0}
    order = sorted(finite, key=lambda name: (-finite[name], drawn(name)))
    ranked = tuple(
        Score(name, rank, Decimal(f"{finite[name]:.12g}"), _told(ranking.contributions.get(name, ())))
        for rank, name in enumerate(order, start=1)
    )
    unranked = tuple((name, "its history is too short or has gaps") for name in sorted(numbers.keys() - finite.keys()))
    return Scores(strategy, as_of, ranked, unranked)


def _told(contributions: Contributions) -> tuple[tuple[str, Decimal], ...]:
    return tuple([(name, Decimal(f"{value:.6g}")) for name, value in contributions]) if contributions else ()

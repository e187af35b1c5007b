"""Targets: scores become the complete statement of the wanted book."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.domain.instrument import InstrumentId, Universe
from core.domain.order import Target, TargetWeight
from core.domain.scores import Scores
from core.money import cut_weight
from core.settings import Policy


@dataclass(frozen=True)
class Stance:
    """How a book invests today: within which multiple of its positions a holding is kept, and the share of its capital."""

    hold_rank_multiple: int
    capital_fraction: Decimal


@dataclass(frozen=True)
class Choice:
    """Which instruments are wanted, best first, each with the reason."""

    names: tuple[InstrumentId, ...]
    reasons: tuple[str, ...]


def build_target(scores: Scores, held: frozenset[InstrumentId], policy: Policy, *, stance: Stance) -> Target:
    """Give equal weights to the chosen instruments; what a cap removes stays in cash.

    The weights are fractions of equity with six decimals, cut towards zero; their sum is at most
    `capital_fraction x (1 - cash_buffer_min)`.
    """
    choice = keep_while_ranked(scores, held, policy, hold_rank_multiple=stance.hold_rank_multiple)
    weight = equal_weight(len(choice.names), policy, stance.capital_fraction)
    return Target(
        tuple(TargetWeight(name, weight, reason) for name, reason in zip(choice.names, choice.reasons, strict=True))
    )


def keep_while_ranked(
    scores: Scores, held: frozenset[InstrumentId], policy: Policy, *, hold_rank_multiple: int
) -> Choice:
    """Keep what is held while it ranks within a multiple of the positions, then fill up with the best ranked."""
    count = policy.limits.positions_max
    allowed = [score for score in scores.ranked if score.instrument not in policy.limits.no_buy]
    ranks = scores.ranks()
    kept = sorted(
        (name for name in held if name in ranks and ranks[name] <= hold_rank_multiple * count),
        key=lambda name: ranks[name],
    )[:count]
    fresh = [score.instrument for score in allowed if score.instrument not in kept][: count - len(kept)]
    chosen = sorted([*kept, *fresh], key=lambda name: ranks[name])
    reasons = tuple(
        f"rank {ranks[name]}" + (f", kept while within {hold_rank_multiple * count}" if name in kept else "")
        for name in chosen
    )
    return Choice(tuple(chosen), reasons)


def equal_weight(count: int, policy: Policy, capital_fraction: Decimal) -> Decimal:
    """Give each of `count` positions its equal share of what may be invested, capped at the highest weight.

    Where the policy allows cash, the places that nobody fills keep their share in cash; else the others get it.
    """
    if count == 0:
        return Decimal(0)
    places = policy.limits.positions_max if policy.risk_off == "cash_allowed" else count
    investable = capital_fraction * (1 - policy.limits.cash_buffer_min)
    return min(cut_weight(investable / places), policy.limits.weight_max)


def tradable(universe: Universe, policy: Policy) -> frozenset[InstrumentId]:
    """Give the instruments that the policy lets a book hold: no benchmark, nothing that is only a CFD."""
    return frozenset(
        row.id for row in universe.instruments if row.is_tradable_as_underlying and row.id != policy.data.benchmark
    )

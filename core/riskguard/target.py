"""Targets: scores become the complete statement of the wanted book."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from core.domain.instrument import InstrumentId, Universe
from core.domain.order import UNSCORED, Target, TargetWeight
from core.domain.scores import Scores
from core.money import cut_weight
from core.settings import Policy


@dataclass(frozen=True)
class Stance:
    """How a book invests today.

    Within which multiple of its positions a holding is kept, the share of its capital, and the weight that each holding has.
    """

    hold_rank_multiple: int
    capital_fraction: Decimal
    weights: Mapping[InstrumentId, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """Which instruments are wanted, best first, each with the reason."""

    names: tuple[InstrumentId, ...]
    reasons: tuple[str, ...]


def build_target(scores: Scores, held: frozenset[InstrumentId], policy: Policy, *, stance: Stance) -> Target:
    """Give equal weights to the chosen instruments; what a cap removes stays in cash.

    A holding whose score could not be computed keeps its place and its weight, within the caps: a gap in the data is no
    reason to trade. The weights are fractions of equity with six decimals, cut towards zero; their sum is at most
    `capital_fraction x (1 - cash_buffer_min)`.
    """
    still = held_as_they_are(scores, held, policy, stance=stance)
    reserved = sum((row.weight for row in still), Decimal(0))
    places = max(0, policy.limits.positions_max - len(still))
    choice = keep_while_ranked(
        scores, held, policy, places=places, rank_max=stance.hold_rank_multiple * policy.limits.positions_max
    )
    investable = investable_share(policy, stance.capital_fraction) - reserved
    weight = equal_weight(len(choice.names), policy, investable, places=places)
    wanted = zip(choice.names, choice.reasons, strict=True)
    return Target((*(TargetWeight(name, weight, reason) for name, reason in wanted), *still))


def held_as_they_are(
    scores: Scores, held: frozenset[InstrumentId], policy: Policy, *, stance: Stance
) -> tuple[TargetWeight, ...]:
    """Give the holdings without a score at the weights that they have, within the caps, in the order of the ids."""
    weights = {
        name: min(cut_weight(stance.weights.get(name, Decimal(0))), policy.limits.weight_max)
        for name, _ in scores.unranked
        if name in held
    }
    investable, wanted = investable_share(policy, stance.capital_fraction), sum(weights.values(), Decimal(0))
    if wanted > investable:
        weights = {name: cut_weight(weight * investable / wanted) for name, weight in weights.items()}
    reasons = dict(scores.unranked)
    return tuple(
        TargetWeight(name, weights[name], f"{UNSCORED}: {reasons[name]}; held as it is") for name in sorted(weights)
    )


def investable_share(policy: Policy, capital_fraction: Decimal) -> Decimal:
    """Give the share of equity that may be invested: the rollout's, without the cash buffer."""
    return capital_fraction * (1 - policy.limits.cash_buffer_min)


def keep_while_ranked(
    scores: Scores, held: frozenset[InstrumentId], policy: Policy, *, places: int, rank_max: int
) -> Choice:
    """Keep what is held while its rank is at most `rank_max`, then fill the places up with the best ranked."""
    allowed = [score for score in scores.ranked if score.instrument not in policy.limits.no_buy]
    ranks = scores.ranks()
    kept = sorted(
        (name for name in held if name in ranks and ranks[name] <= rank_max),
        key=lambda name: ranks[name],
    )[:places]
    fresh = [score.instrument for score in allowed if score.instrument not in kept][: places - len(kept)]
    chosen = sorted([*kept, *fresh], key=lambda name: ranks[name])
    reasons = tuple(
        f"rank {ranks[name]}" + (f", kept while within {rank_max}" if name in kept else "") for name in chosen
    )
    return Choice(tuple(chosen), reasons)


def equal_weight(count: int, policy: Policy, investable: Decimal, *, places: int) -> Decimal:
    """Give each of `count` positions its equal share of what may be invested, capped at the highest weight.

    Where the policy allows cash, the places that nobody fills keep their share in cash; else the others get it.
    """
    if count == 0:
        return Decimal(0)
    shares = places if policy.risk_off == "cash_allowed" else count
    return min(cut_weight(investable / shares), policy.limits.weight_max)


def tradable(universe: Universe, policy: Policy) -> frozenset[InstrumentId]:
    """Give the instruments that the policy lets a book hold: no benchmark, nothing that is only a CFD."""
    return frozenset(
        row.id for row in universe.instruments if row.is_tradable_as_underlying and row.id != policy.data.benchmark
    )

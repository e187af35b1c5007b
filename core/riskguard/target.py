"""Targets: scores become the complete statement of the wanted book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from core.domain.instrument import InstrumentId, Universe
from core.domain.order import UNSCORED, Target, TargetWeight
from core.domain.scores import Scores
from core.money import cut_weight
from core.riskguard.clusters import Ground
from core.riskguard.weights import Chosen, weigh
from core.settings import Policy

ZERO = Decimal(0)


@dataclass(frozen=True)
class Stance:
    """How a book invests today.

    Within which multiple of its positions a holding is kept, the share of its capital, the weight that each holding has, and
    what the instruments stand on: without it no sector and no cluster is known, and every volatility is unknown. What is
    `unverified` may not be bought, for nobody looked it up at the venue; it takes no place from what may. A target that
    `is_shown_only` leads to no trade, and its reasons say what would be sold.
    """

    hold_rank_multiple: int
    capital_fraction: Decimal
    weights: Mapping[InstrumentId, Decimal] = field(default_factory=dict)
    ground: Ground | None = None
    unverified: frozenset[InstrumentId] = frozenset()
    is_shown_only: bool = False


@dataclass(frozen=True)
class Choice:
    """Which instruments are wanted, best first, each with the reason."""

    names: tuple[InstrumentId, ...]
    reasons: tuple[str, ...]


def build_target(scores: Scores, held: frozenset[InstrumentId], policy: Policy, *, stance: Stance) -> Target:
    """Give weights to the chosen instruments, as the policy shares and caps; what a cap removes stays in cash.

    A holding whose score could not be computed keeps its place and its weight, within the caps: a gap in the data is no
    reason to trade. What is held and not wanted stands last, at zero, the better ranked first, with the reason for which it
    is sold. The weights are fractions of equity with six decimals, cut towards zero; their sum is at most
    `capital_fraction x (1 - cash_buffer_min) x regime_exposure`.
    """
    still = held_as_they_are(scores, held, policy, stance=stance)
    reserved = {row.instrument: row.weight for row in still}
    places = max(0, policy.limits.positions_max - len(still))
    rank_max = stance.hold_rank_multiple * policy.limits.positions_max
    barred = frozenset(policy.limits.no_buy) | stance.unverified
    choice = keep_while_ranked(scores, held, barred, places=places, rank_max=rank_max)
    ground = stance.ground
    weighed = weigh(
        Chosen(
            names=choice.names,
            investable=investable_share(policy, stance.capital_fraction) - sum(reserved.values(), ZERO),
            places=places,
            scores={score.instrument: score.value for score in scores.ranked},
            volatilities=ground.volatilities(choice.names, policy) if ground else {},
            groups=ground.groups({*choice.names, *held}, policy) if ground else (),
            reserved=reserved,
        ),
        policy,
    )
    wanted = (
        TargetWeight(name, weighed[name].weight, reason + weighed[name].words)
        for name, reason in zip(choice.names, choice.reasons, strict=True)
    )
    named = frozenset(choice.names) | reserved.keys()
    passed = passed_over(scores, stance.unverified - held, choice.names)
    end = "would be sold at full size" if stance.is_shown_only else "sold"
    return Target((*wanted, *still, *passed, *given_up(scores, held - named, rank_max, end=end)))


def passed_over(
    scores: Scores, unverified: frozenset[InstrumentId], names: Sequence[InstrumentId]
) -> tuple[TargetWeight, ...]:
    """Give what was ranked before the last of those chosen and nobody looked up at the venue, at zero, best first."""
    ranks = scores.ranks()
    last = max((ranks[name] for name in names), default=0)
    return tuple(
        TargetWeight(
            score.instrument,
            ZERO,
            f"rank {score.rank}, not bought: nobody looked it up at the venue;"
            f" `twokey universe verify {score.instrument} --by NAME`",
        )
        for score in scores.ranked[:last]
        if score.instrument in unverified
    )


def given_up(scores: Scores, names: frozenset[InstrumentId], rank_max: int, *, end: str) -> tuple[TargetWeight, ...]:
    """Give holdings that are not wanted, at zero, the better ranked first, and why each comes to its `end`."""
    ranks = scores.ranks()
    beyond = len(ranks) + 1
    # What has no rank stands last, by name from the last: sold from the end, it goes by name.
    order = sorted(sorted(names, reverse=True), key=lambda name: ranks.get(name, beyond))
    return tuple(TargetWeight(name, ZERO, f"{_why_given_up(ranks.get(name), rank_max)}: {end}") for name in order)


def _why_given_up(rank: int | None, rank_max: int) -> str:
    if rank is None:
        return "no longer ranked"
    return f"rank {rank}, beyond {rank_max}" if rank > rank_max else f"rank {rank}, and no place is left"


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
    """Give the share of equity that may be invested: the rollout's, without the cash buffer, as far as the regime goes."""
    return capital_fraction * (1 - policy.limits.cash_buffer_min) * policy.sizing.regime_exposure


def keep_while_ranked(
    scores: Scores, held: frozenset[InstrumentId], barred: frozenset[InstrumentId], *, places: int, rank_max: int
) -> Choice:
    """Keep what is held while its rank is at most `rank_max`, then fill up with the best ranked that are not barred."""
    allowed = [score for score in scores.ranked if score.instrument not in barred]
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


def tradable(universe: Universe, policy: Policy) -> frozenset[InstrumentId]:
    """Give the instruments that the policy lets a book hold: no benchmark, nothing that is only a CFD."""
    return frozenset(
        row.id for row in universe.instruments if row.is_tradable_as_underlying and row.id != policy.data.benchmark
    )

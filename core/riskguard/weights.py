"""Weights: how what may be invested is shared among the chosen, and what the caps leave of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from core.canonical import plain_decimal
from core.domain.groups import Group
from core.domain.instrument import InstrumentId
from core.money import WEIGHT_STEP, cut_fraction, cut_weight
from core.settings import Policy

ZERO = Decimal(0)


@dataclass(frozen=True)
class Chosen:
    """What is wanted, best first, with what may be invested in it and in how many places it would be shared.

    `scores` and `volatilities` are those that are known; `reserved` are weights that are given already and count in groups.
    """

    names: tuple[InstrumentId, ...]
    investable: Decimal
    places: int
    scores: Mapping[InstrumentId, Decimal] = field(default_factory=dict)
    volatilities: Mapping[InstrumentId, Decimal] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    reserved: Mapping[InstrumentId, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Weight:
    """A weight of six decimals, with what it was shared by and the cap that shaped it, in words; "" for none."""

    weight: Decimal
    words: str


def weigh(chosen: Chosen, policy: Policy) -> dict[InstrumentId, Weight]:
    """Share what may be invested, and bring down what a cap does not allow; what a cap removes stays in cash.

    Each cap works by itself on the shares: the highest weight on one, a group's on its members, whose largest are brought
    down to one level at which the group fits. So a tighter cap never makes a weight larger. Only where the policy is always
    invested do the others take up what a cap removed, in proportion to their shares, as far as the caps let them.
    Every weight is cut to six decimals once, towards zero: they sum up to what may be invested at most.
    """
    most, shares = policy.limits.weight_max, _shares(chosen, policy)
    shared = {name: cut_weight(share) for name, share in shares.items()}
    levels = [(group, _level(group, shared, chosen)) for group in chosen.groups]
    found = {}
    for name in chosen.names:
        bounds = [(most, f"limits.weight_max {plain_decimal(most)}")]
        bounds += [(level, _cap_words(group)) for group, level in levels if name in group.members]
        bound, words = min(bounds, key=lambda pair: pair[0])
        is_capped = bound < shared[name]
        capped = f"; capped by {words}" if is_capped else ""
        found[name] = Weight(min(shared[name], bound), _share_words(name, chosen, policy) + capped)
    return _filled(found, shares, chosen, policy) if policy.risk_off == "always_invested" else found


def _shares(chosen: Chosen, policy: Policy) -> dict[InstrumentId, Decimal]:
    """Give each its share of equity before the caps.

    Where the policy allows cash, the places that nobody fills keep their share in cash; else the others get it.
    """
    of_all, count = max(ZERO, chosen.investable), len(chosen.names)
    places = chosen.places if policy.risk_off == "cash_allowed" else count
    parts = _parts(chosen, policy)
    whole = sum(parts.values(), ZERO) * places
    if whole == 0:
        return dict.fromkeys(chosen.names, ZERO)
    # Divided last: a quotient's last digit must not be multiplied.
    return {name: of_all * count * part / whole for name, part in parts.items()}


def _parts(chosen: Chosen, policy: Policy) -> dict[InstrumentId, Decimal]:
    """Give numbers in proportion to which the chosen share."""
    equal = dict.fromkeys(chosen.names, Decimal(1))
    if policy.sizing.weights == "inverse_volatility":
        known = [chosen.volatilities[name] for name in chosen.names if name in chosen.volatilities]
        # What has no volatility counts as the one that moves most: it gets least.
        most = max(known, default=Decimal(1))
        return {name: 1 / chosen.volatilities.get(name, most) for name in chosen.names}
    if policy.sizing.weights == "score_proportional":
        found = {name: max(ZERO, chosen.scores.get(name, ZERO)) for name in chosen.names}
        is_none = not any(found.values())
        return equal if is_none and policy.risk_off == "always_invested" else found
    return equal


def _level(group: Group, shared: Mapping[InstrumentId, Decimal], chosen: Chosen) -> Decimal:
    """Give the weight that no member may pass so that the group fits its cap; no member does where it fits as it is."""
    members = sorted(shared[name] for name in group.members & shared.keys())
    room = max(ZERO, group.weight_max - group.value_of(chosen.reserved))
    # Without the smallest, which stay below the level, the rest share what is left; too few or too many of them share less.
    count, smaller = max(1, len(members)), accumulate(members[:-1], initial=ZERO)
    return cut_weight(max((room - taken) / (count - at) for at, taken in enumerate(smaller)))


def _filled(
    found: Mapping[InstrumentId, Weight], shares: Mapping[InstrumentId, Decimal], chosen: Chosen, policy: Policy
) -> dict[InstrumentId, Weight]:
    """Give what the caps removed to those that they let take it, in proportion to their shares; exact up to the last cut."""
    weights = {name: Fraction(one.weight) for name, one in found.items()}
    parts, most = {name: Fraction(share) for name, share in shares.items()}, Fraction(policy.limits.weight_max)
    for _ in range(len(weights) + len(chosen.groups)):
        left = Fraction(chosen.investable) - sum(weights.values())
        rooms = [(group.members, _room(group, weights, chosen)) for group in chosen.groups]
        open_to = [name for name in chosen.names if all(room for members, room in rooms if name in members)]
        free = {name: parts[name] for name in open_to if parts[name] and weights[name] != most}
        whole = sum(free.values())
        # Nothing is left, or nobody may take it.
        if not left * whole:
            break
        steps = [left / whole, *((most - weights[name]) / part for name, part in free.items())]
        for members, room in rooms:
            inside = sum(part for name, part in free.items() if name in members)
            steps += [room / inside] if inside else []
        step = min(steps)
        for name, part in free.items():
            weights[name] += step * part
    return {name: Weight(cut_fraction(weights[name], WEIGHT_STEP), one.words) for name, one in found.items()}


def _room(group: Group, weights: Mapping[InstrumentId, Fraction], chosen: Chosen) -> Fraction:
    taken = sum(weights[name] for name in group.members & weights.keys())
    return max(Fraction(0), Fraction(group.weight_max) - Fraction(group.value_of(chosen.reserved)) - taken)


def _share_words(name: InstrumentId, chosen: Chosen, policy: Policy) -> str:
    if policy.sizing.weights == "inverse_volatility":
        known = chosen.volatilities.get(name)
        return f"; volatility {'unknown' if known is None else plain_decimal(known)}"
    if policy.sizing.weights == "score_proportional":
        score = chosen.scores.get(name, ZERO)
        return f"; score {plain_decimal(score)}" + ("" if score > 0 else ", not above zero")
    return ""


def _cap_words(group: Group) -> str:
    return f"{group.limit} {plain_decimal(group.weight_max)} ({group.name})"

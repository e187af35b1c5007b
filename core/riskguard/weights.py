"""Weights: how what may be invested is shared among the chosen, and what the caps leave of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.groups import Group
from core.domain.instrument import InstrumentId
from core.money import cut_weight
from core.settings import Policy

ZERO = Decimal(0)
# What the last digits of a quotient leave: no room.
_DUST = Decimal("1e-12")


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
        bounds += [(level, _cap_words(group)) for group, level in levels if level is not None and name in group.members]
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


def _level(group: Group, shared: Mapping[InstrumentId, Decimal], chosen: Chosen) -> Decimal | None:
    """Give the weight that no member may pass so that the group fits its cap, or None where it fits as it is."""
    members = sorted(shared[name] for name in group.members & shared.keys())
    room = max(ZERO, group.weight_max - group.value_of(chosen.reserved))
    if not members or sum(members, ZERO) <= room:
        return None
    # Without the smallest, which stay below the level, the rest share what is left; too few or too many of them share less.
    count = len(members)
    return cut_weight(max((room - sum(members[:at], ZERO)) / (count - at) for at in range(count)))


def _filled(
    found: Mapping[InstrumentId, Weight], shares: Mapping[InstrumentId, Decimal], chosen: Chosen, policy: Policy
) -> dict[InstrumentId, Weight]:
    """Give what the caps removed to those that they let take it, in proportion to their shares."""
    weights = {name: one.weight for name, one in found.items()}
    most = policy.limits.weight_max
    for _ in range(len(weights) + len(chosen.groups)):
        left = chosen.investable - sum(weights.values(), ZERO)
        rooms = [(group, _room(group, weights, chosen)) for group in chosen.groups]
        free = [
            name
            for name in chosen.names
            if shares[name] > 0
            and weights[name] < most
            and all(room > 0 for group, room in rooms if name in group.members)
        ]
        whole = sum((shares[name] for name in free), ZERO)
        if left <= 0 or whole == 0:
            break
        steps = [left / whole, *((most - weights[name]) / shares[name] for name in free)]
        for group, room in rooms:
            inside = sum((shares[name] for name in free if name in group.members), ZERO)
            steps += [room / inside] if inside else []
        for name in free:
            weights[name] = _settled(weights[name] + min(steps) * shares[name], most)
    return {name: Weight(cut_weight(weights[name]), one.words) for name, one in found.items()}


def _room(group: Group, weights: Mapping[InstrumentId, Decimal], chosen: Chosen) -> Decimal:
    room = group.weight_max - group.value_of(chosen.reserved) - group.value_of(weights)
    return room if room > _DUST else ZERO


def _settled(weight: Decimal, most: Decimal) -> Decimal:
    return weight if most - weight > _DUST else most


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

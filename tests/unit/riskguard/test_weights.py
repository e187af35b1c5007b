"""Weights: shares of what may be invested, and caps that only ever lower them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.groups import Group
from core.riskguard.weights import Chosen, weigh
from core.settings import Policy
from tests.unit.making import ruled

ZERO, STEP = Decimal(0), Decimal("0.000001")
NAMES = tuple("ABCDEFGH")
WHOLE = ruled(limits={"weight_max": "1"})
INVERSE = ruled(within=WHOLE, sizing={"weights": "inverse_volatility"})
SCORED = ruled(within=WHOLE, sizing={"weights": "score_proportional"})
ALL_IN = {"risk_off": "always_invested"}


def numbers(**values: str) -> dict[str, Decimal]:
    """Give decimals by name."""
    return {name: Decimal(value) for name, value in values.items()}


def group(cap: str, *members: str, limit: str = "limits.sector_weight_max") -> Group:
    """Give a group of the sector Energy with a cap."""
    return Group(limit, "Energy", frozenset(members), Decimal(cap))


def chosen(count: int = 2, investable: str = "0.95", places: int = 0, **changes) -> Chosen:
    """Choose the first of the names."""
    return Chosen(NAMES[:count], Decimal(investable), places or count, **changes)


def told(wanted: Chosen, policy: Policy) -> dict[str, str]:
    """Give the weights as texts."""
    return {name: str(one.weight.normalize()) for name, one in weigh(wanted, policy).items()}


@pytest.mark.parametrize(("places", "weight"), [(3, "0.3"), (4, "0.225")])
def test_equal_weights_are_places_of_what_may_be_invested(places, weight):
    """Three of four places leave the fourth in cash, and an exact third is no cut one."""
    assert told(chosen(3, "0.9", places), WHOLE) == dict.fromkeys("ABC", weight)


def test_what_moves_less_gets_more():
    """At volatilities of 1 %, 2 % and 4 % the shares are 4 : 2 : 1; the words name what each was shared by."""
    wanted = chosen(3, "0.7", volatilities=numbers(A="0.01", B="0.02", C="0.04"))

    found = weigh(wanted, INVERSE)

    assert told(wanted, INVERSE) == {"A": "0.4", "B": "0.2", "C": "0.1"}
    assert found["B"].words == "; volatility 0.02"


def test_what_has_no_volatility_counts_as_the_one_that_moves_most():
    """It gets as little as any; where nobody has one, all get the same."""
    some, none = chosen(3, "0.7", volatilities=numbers(A="0.01", B="0.02")), chosen(3, "0.9")

    assert told(some, INVERSE) == {"A": "0.35", "B": "0.175", "C": "0.175"}
    assert told(none, INVERSE) == dict.fromkeys("ABC", "0.3")
    assert weigh(none, INVERSE)["A"].words == "; volatility unknown"


def test_scores_share_in_proportion_and_what_is_not_above_zero_gets_nothing():
    """0.3 and 0.1 share as 3 : 1; zero and less is nothing, unless the policy is always invested and nothing is above."""
    wanted = chosen(4, "0.8", scores=numbers(A="0.3", B="0.1", C="0", D="-0.2"))
    bad = chosen(2, "0.8", scores=numbers(A="-0.1", B="-0.2"))

    assert told(wanted, SCORED) == {"A": "0.6", "B": "0.2", "C": "0", "D": "0"}
    assert weigh(wanted, SCORED)["C"].words == "; score 0, not above zero"
    assert told(bad, SCORED) == {"A": "0", "B": "0"}
    assert told(bad, ruled(within=SCORED, **ALL_IN)) == {"A": "0.4", "B": "0.4"}


def test_places_that_nobody_fills_stay_in_cash_by_any_sharing():
    """Two of four places get half of what may be invested, however they share it."""
    wanted = chosen(2, "0.8", 4, scores=numbers(A="0.3", B="0.1"), volatilities=numbers(A="0.01", B="0.03"))

    assert [told(wanted, policy) for policy in (WHOLE, INVERSE, SCORED)] == [
        {"A": "0.2", "B": "0.2"},
        {"A": "0.3", "B": "0.1"},
        {"A": "0.3", "B": "0.1"},
    ]
    assert sum(map(Decimal, told(wanted, ruled(within=INVERSE, **ALL_IN)).values())) == Decimal("0.8")


@pytest.mark.parametrize(
    ("cap", "found", "is_capped"),
    [("0.5", ["0.25", "0.25", "0.25"], False), ("0.499999", ["0.249999", "0.249999", "0.25"], True)],
)
def test_a_group_is_capped_one_step_above_its_cap(cap, found, is_capped):
    """At the cap nothing happens; a step lower the members come down to one level, and the reason names the limit."""
    wanted = chosen(3, "0.75", groups=(group(cap, "A", "B"),))

    assert list(told(wanted, WHOLE).values()) == found
    assert ("capped by limits.sector_weight_max" in weigh(wanted, WHOLE)["A"].words) is is_capped
    assert weigh(wanted, WHOLE)["C"].words == ""


def test_the_largest_of_a_group_come_down_to_one_level():
    """Of 0.4, 0.2 and 0.1 within 0.5 the first comes down to 0.2; within 0.25 each has room for a little more than 0.08."""
    moved = numbers(A="0.01", B="0.02", C="0.04")

    wide, tight = (
        told(chosen(3, "0.7", volatilities=moved, groups=(group(cap, "A", "B", "C"),)), INVERSE)
        for cap in ("0.5", "0.25")
    )

    assert wide == {"A": "0.2", "B": "0.2", "C": "0.1"}
    assert tight == dict.fromkeys("ABC", "0.083333")


def test_what_is_held_as_it_is_takes_its_part_of_a_group():
    """A holding without a score at 0.3 leaves 0.1 of a cap of 0.4."""
    wanted = chosen(2, "0.6", groups=(group("0.4", "A", "Z"),), reserved=numbers(Z="0.3"))

    assert told(wanted, WHOLE) == {"A": "0.1", "B": "0.3"}
    assert told(chosen(2, "0.6", groups=(group("0.2", "A", "Z"),), reserved=numbers(Z="0.3")), WHOLE)["A"] == "0"


def test_only_where_the_policy_is_always_invested_do_others_take_what_a_cap_removed():
    """A and B share 0.2; C and D take the rest up to the highest weight, and no group passes its cap."""
    caps = (group("0.2", "A", "B"), group("0.55", "C", "E"))
    wanted = chosen(5, "0.9", groups=caps)

    assert told(wanted, WHOLE) == {"A": "0.1", "B": "0.1", "C": "0.18", "D": "0.18", "E": "0.18"}
    assert told(wanted, ruled(within=WHOLE, **ALL_IN)) == {
        "A": "0.1",
        "B": "0.1",
        "C": "0.233333",
        "D": "0.233333",
        "E": "0.233333",
    }
    narrow = ruled(within=WHOLE, limits={"weight_max": "0.2"}, **ALL_IN)
    assert told(wanted, narrow) == {"A": "0.1", "B": "0.1", "C": "0.2", "D": "0.2", "E": "0.2"}


def test_a_weight_at_its_cap_was_not_capped():
    """Half is what each would have anyway; the reason must not send a person to a limit that changed nothing."""
    at, above = (weigh(chosen(2, "1"), ruled(limits={"weight_max": cap}))["A"] for cap in ("0.5", "0.499999"))

    assert (at.words, above.words) == ("", "; capped by limits.weight_max 0.499999")


def test_where_the_policy_is_always_invested_scores_above_zero_share_as_they_do_elsewhere():
    """3 : 1, and nothing for the one at zero, though the caps leave room for it."""
    wanted = chosen(3, "0.8", scores=numbers(A="0.3", B="0.1", C="0"))

    assert told(wanted, ruled(within=SCORED, **ALL_IN)) == {"A": "0.6", "B": "0.2", "C": "0"}
    assert [one.words for one in weigh(wanted, SCORED).values()] == [
        "; score 0.3",
        "; score 0.1",
        "; score 0, not above zero",
    ]


def test_what_one_at_the_highest_weight_may_not_have_goes_to_the_others():
    """A is brought down from 0.675 to 0.5 before anything is given on; B takes what is left, C has no share in it."""
    narrow = ruled(within=SCORED, limits={"weight_max": "0.5"}, **ALL_IN)

    assert told(chosen(3, "0.9", scores=numbers(A="0.3", B="0.1", C="0")), narrow) == {"A": "0.5", "B": "0.4", "C": "0"}


def test_what_is_given_on_stops_at_the_cap_of_a_group():
    """C and E have 0.45 of what A left; at 0.5 their sector is full, and D takes all the rest."""
    caps = (group("0.1", "A"), group("0.5", "C", "E"))
    wanted = Chosen(("A", "C", "D", "E"), Decimal("0.9"), 4, groups=caps)

    assert told(wanted, ruled(within=WHOLE, **ALL_IN)) == {"A": "0.1", "C": "0.25", "D": "0.3", "E": "0.25"}


def test_what_is_held_above_the_cap_of_its_group_leaves_no_room_in_it():
    """Z stands above the cap already: A gets nothing, and its share goes to B."""
    wanted = chosen(2, "0.6", groups=(group("0.2", "A", "Z"),), reserved=numbers(Z="0.3"))

    assert told(wanted, ruled(within=WHOLE, **ALL_IN)) == {"A": "0", "B": "0.6"}


# --- for all books ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """What is chosen, and the policy."""

    chosen: Chosen
    policy: Policy


@cache
def decimals(least: str, most: str, places: int) -> st.SearchStrategy[Decimal]:
    """Give plain decimals of so many places."""
    low, high = (int(Decimal(edge).scaleb(places)) for edge in (least, most))
    return st.integers(low, high).map(lambda number: Decimal(number).scaleb(-places))


@st.composite
def worlds(draw: st.DrawFn, risk_off: str = "cash_allowed") -> World:
    """Give anything that can be chosen, with overlapping groups."""
    count = draw(st.integers(0, 8))
    names = tuple(draw(st.permutations(NAMES)))[:count]
    groups = tuple(
        Group("limits.cluster_weight_max", f"G{at}", draw(st.frozensets(st.sampled_from(NAMES))), cap)
        for at, cap in enumerate(draw(st.lists(decimals("0.01", "1", 3), max_size=3)))
    )
    wanted = Chosen(
        names,
        draw(decimals("0", "1", 4)),
        count + draw(st.integers(0, 3)),
        dict(zip(names, draw(st.lists(decimals("-1", "3", 3), min_size=count, max_size=count)), strict=True)),
        draw(st.dictionaries(st.sampled_from(NAMES), decimals("0.001", "0.2", 4), max_size=8)),
        groups,
    )
    policy = ruled(
        limits={"weight_max": draw(decimals("0.01", "1", 3))},
        sizing={"weights": draw(st.sampled_from(["equal", "inverse_volatility", "score_proportional"]))},
        risk_off=risk_off,
    )
    return World(wanted, policy)


def found(world: World, **changes) -> dict[str, Decimal]:
    """Weigh a world, with what is chosen changed."""
    given_ = Chosen(**{**vars(world.chosen), **changes})
    return {name: one.weight for name, one in weigh(given_, world.policy).items()}


@given(world=st.one_of(worlds(), worlds("always_invested")))
def test_weights_keep_within_every_cap_and_sum_to_what_may_be_invested_at_most(world):
    """For all: six decimals, none below zero, and neither the sum nor a group nor a weight passes its bound."""
    weights, of = found(world), world.chosen

    assert tuple(weights) == of.names
    assert sum(weights.values()) <= of.investable
    assert all(0 <= one <= world.policy.limits.weight_max and one == one.quantize(STEP) for one in weights.values())
    assert all(group.value_of(weights) <= group.weight_max for group in of.groups)


@given(world=worlds())
def test_what_no_cap_shaped_is_invested_to_the_last_step(world):
    """Without caps the shares of the places taken add up, but for a step each that was cut off."""
    free = World(Chosen(**{**vars(world.chosen), "groups": ()}), ruled(within=world.policy, limits={"weight_max": "1"}))
    weights, of = found(free), world.chosen
    parts = free.policy.sizing.weights != "score_proportional" or any(number > 0 for number in of.scores.values())

    if weights and parts:
        missing = of.investable * len(of.names) / of.places - sum(weights.values())
        assert 0 <= missing < STEP * len(weights)


@given(world=worlds(), data=st.data())
def test_a_tighter_cap_never_makes_a_weight_larger(world, data):
    """For each number of the policy by itself, and for each group: every weight stays or falls."""
    lower = data.draw(decimals("0", "1", 2))
    of, limits = world.chosen, world.policy.limits
    tighter = [
        World(of, ruled(within=world.policy, limits={"weight_max": limits.weight_max * lower})),
        World(Chosen(**{**vars(of), "investable": of.investable * lower}), world.policy),
    ]
    for at, one in enumerate(of.groups):
        less = Group(one.limit, one.name, one.members, one.weight_max * lower)
        tighter.append(
            World(Chosen(**{**vars(of), "groups": (*of.groups[:at], less, *of.groups[at + 1 :])}), world.policy)
        )

    before = found(world)
    for other in tighter:
        after = found(other)
        assert all(after[name] <= before[name] for name in before)


@given(world=st.one_of(worlds(), worlds("always_invested")), data=st.data())
def test_the_order_of_names_and_groups_changes_no_weight(world, data):
    """For all permutations of what is chosen and of the groups."""
    names, groups = (tuple(data.draw(st.permutations(part))) for part in (world.chosen.names, world.chosen.groups))

    assert found(world, names=names, groups=groups) == found(world)

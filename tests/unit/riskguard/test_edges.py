"""Edges of targets and clusters: each was found by moving or deleting a guard that no test missed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np

from core.riskguard.target import Stance, build_target, keep_while_ranked
from tests.unit.making import ranking, ruled
from tests.unit.riskguard.test_clusters import LAST, ground, moves, prices_of

ALONE = ("AAA", "CCC")


def test_what_has_no_volatility_is_not_given_one():
    """Too few bars, and no bars up to as-of: neither has a number, and nan is none."""
    drawn = prices_of(moves(1, count=2))
    drawn[:70, 1] = np.nan
    policy = ruled(sizing={"weights": "inverse_volatility"})

    assert set(ground(drawn, ALONE).volatilities(ALONE, policy)) == {"AAA"}
    assert ground(drawn, ALONE, LAST + timedelta(days=1)).volatilities(ALONE, policy) == {}


def test_one_by_itself_is_a_group_only_where_the_groups_cap_is_the_tighter_one():
    """At the highest weight of one position the cap of its sector or cluster says nothing more; below it, it binds."""
    on = ground(prices_of(moves(1, count=2)), ALONE)
    caps: dict[str, list[int]] = {name: [] for name in ("limits.sector_weight_max", "limits.cluster_weight_max")}
    for most in ("0.3", "0.300001"):
        policy = ruled(limits={"weight_max": most, "sector_weight_max": "0.3", "cluster_weight_max": "0.3"})
        groups = on.groups(ALONE, policy)
        for limit, counts in caps.items():
            counts.append(sum(group.limit == limit for group in groups))

    assert caps == {"limits.sector_weight_max": [0, 2], "limits.cluster_weight_max": [0, 2]}


def test_what_is_kept_is_not_taken_a_second_time():
    """The best ranked is held: it has its one place, and the next best the other."""
    policy = ruled(limits={"positions_max": 2})
    choice = keep_while_ranked(ranking("AAA", "BBB", "CCC"), frozenset({"AAA"}), policy, places=2, rank_max=4)

    assert choice.names == ("AAA", "BBB")


def test_a_target_knows_volatilities_and_groups_of_the_ground_that_it_stands_on():
    """By volatility the calmer one gets twice as much; the cap of a sector brings one down; without ground there is neither."""
    drawn = moves(1)
    on = ground(prices_of(np.hstack([drawn, 2 * drawn])), ALONE)
    wide = {"positions_max": 2, "weight_max": "1", "sector_weight_max": "1", "cluster_weight_max": "1"}
    calm = ruled(limits=wide, sizing={"weights": "inverse_volatility"})
    capped = ruled(limits=wide | {"sector_weight_max": "0.2"})

    assert _weights(calm, on) == {"AAA": Decimal("0.633333"), "CCC": Decimal("0.316666")}
    assert _weights(calm, None) == {"AAA": Decimal("0.475"), "CCC": Decimal("0.475")}
    assert _weights(capped, on) == {"AAA": Decimal("0.2"), "CCC": Decimal("0.2")}
    assert _weights(capped, None) == {"AAA": Decimal("0.475"), "CCC": Decimal("0.475")}


def _weights(policy, on):
    stance = Stance(hold_rank_multiple=2, capital_fraction=Decimal(1), ground=on)
    return build_target(ranking(*ALONE), frozenset(), policy, stance=stance).by_instrument()

"""Edges of targets, clusters and approvals: each was found by moving or deleting a guard that no test missed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np

from core.domain.decision import Approval
from core.ledger.post import post_cash
from core.riskguard.approval import void_reasons
from core.riskguard.target import Stance, build_target, keep_while_ranked
from tests.unit.making import NOW, cash_fact, ranking, ruled
from tests.unit.riskguard.test_approval import MANDATE
from tests.unit.riskguard.test_clusters import ground, moves, prices_of

ALONE = ("AAA", "CCC")


def test_what_has_no_volatility_is_not_given_one():
    """Too few bars have no number, nor has what has no bars, and nan is none."""
    drawn = prices_of(moves(1, count=2))
    drawn[:70, 1] = np.nan
    policy = ruled(sizing={"weights": "inverse_volatility"})

    assert set(ground(drawn, ALONE).volatilities((*ALONE, "ZZZ"), policy)) == {"AAA"}


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
    choice = keep_while_ranked(ranking("AAA", "BBB", "CCC"), frozenset({"AAA"}), frozenset(), places=2, rank_max=4)

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


def test_only_the_books_that_moved_say_what_was_booked():
    """Another revision has nothing to do with what was posted meanwhile."""
    booked = (post_cash(cash_fact("deposit", "5")),)
    approval = Approval(MANDATE, "k", "00")
    moved = replace(MANDATE, revision=2, ledger_head="3:ENTRY-3")
    told = void_reasons(approval, moved, now=NOW, verify=lambda *asked: True, booked=booked)

    assert told[0] == "revision moved from 1 to 2 after the approval"
    assert told[1].startswith("ledger head moved from 2:ENTRY-2 to 3:ENTRY-3 after the approval: ")


def _weights(policy, on):
    stance = Stance(hold_rank_multiple=2, capital_fraction=Decimal(1), ground=on)
    return build_target(ranking(*ALONE), frozenset(), policy, stance=stance).by_instrument()

"""Targets: which instruments are wanted, with which weights."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.instrument import Universe
from core.domain.order import TargetWeight
from core.domain.scores import Scores, ranked_scores
from core.domain.strategy import Ranking
from core.riskguard.target import Stance, build_target, tradable
from tests.unit.making import AS_OF, SHIPPED, ranking, ruled
from tests.unit.market_data.making import instrument

NAMES = tuple("ABCDEFGH")
WHOLE = Stance(hold_rank_multiple=2, capital_fraction=Decimal(1))
TWO = ruled(limits={"positions_max": 2, "weight_max": "0.5", "cash_buffer_min": "0.05"})


def chosen(scores, held=(), policy=TWO, stance=WHOLE):
    """Give the names of a target that are wanted, in its order."""
    rows = build_target(scores, frozenset(held), policy, stance=stance).weights
    return [row.instrument for row in rows if not row.reason.endswith(": sold")]


def test_wants_the_best_ranked_with_equal_weights_and_reasons():
    """Two positions share 95 % of equity, best first."""
    target = build_target(ranking("CCC", "AAA", "BBB"), frozenset(), TWO, stance=WHOLE)

    assert target.weights == (
        TargetWeight("CCC", Decimal("0.475"), "rank 1"),
        TargetWeight("AAA", Decimal("0.475"), "rank 2"),
    )


def test_keeps_a_holding_at_the_multiple_of_the_positions():
    """With two positions and a multiple of two, rank 4 is kept and takes the place of rank 2."""
    target = build_target(ranking(*NAMES), frozenset({"D"}), TWO, stance=WHOLE)

    assert [(row.instrument, row.reason) for row in target.weights] == [
        ("A", "rank 1"),
        ("D", "rank 4, kept while within 4"),
    ]


def test_drops_a_holding_one_rank_beyond_the_multiple():
    """Rank 5 is beyond two times two."""
    assert chosen(ranking(*NAMES), held={"E"}) == ["A", "B"]


def test_what_is_not_wanted_any_more_stands_last_at_zero_with_the_reason():
    """The better ranked first, what has no rank behind all: the plan sells from the end."""
    two = build_target(ranking(*NAMES), frozenset("BCDFHYZ"), TWO, stance=WHOLE)

    assert [(row.instrument, row.reason) for row in two.weights[2:]] == [
        ("D", "rank 4, and no place is left: sold"),
        ("F", "rank 6, beyond 4: sold"),
        ("H", "rank 8, beyond 4: sold"),
        ("Z", "no longer ranked: sold"),
        ("Y", "no longer ranked: sold"),
    ]
    assert [row.instrument for row in two.weights[:2]] == ["B", "C"]
    assert not any(row.weight for row in two.weights[2:])


def test_a_target_that_is_only_shown_says_what_would_be_sold():
    """The weights and the order are the same; nothing that is held reads as if it were sold."""
    held = frozenset("BCDFHYZ")
    done, shown = (
        build_target(ranking(*NAMES), held, TWO, stance=replace(WHOLE, is_shown_only=it)) for it in (False, True)
    )

    assert [(row.instrument, row.weight) for row in shown.weights] == [
        (row.instrument, row.weight) for row in done.weights
    ]
    assert shown.weights[:2] == done.weights[:2]
    assert [row.reason for row in shown.weights[2:]] == [
        "rank 4, and no place is left: would be sold at full size",
        "rank 6, beyond 4: would be sold at full size",
        "rank 8, beyond 4: would be sold at full size",
        "no longer ranked: would be sold at full size",
        "no longer ranked: would be sold at full size",
    ]


def test_keeps_the_best_of_too_many_holdings():
    """More is held than fits: the better ranked stay, and nothing new is wanted."""
    assert chosen(ranking(*NAMES), held={"B", "C", "D"}) == ["B", "C"]


def gapped(*unscored: str) -> Scores:
    """Rank A to D, and tell of others that a bar is absent."""
    scores = ranked_scores("momentum", AS_OF, Ranking(dict(zip("ABCD", (4.0, 3.0, 2.0, 1.0), strict=True))))
    return replace(scores, unranked=tuple((name, "no bar on 2023-06-12") for name in sorted(unscored)))


def holding(scores, policy=TWO, fraction="1", **weights: str):
    """Give the target of a book that holds so much of each, as instrument and weight."""
    known = {name: Decimal(weight) for name, weight in weights.items()}
    stance = replace(WHOLE, capital_fraction=Decimal(fraction), weights=known)
    return build_target(scores, frozenset(known), policy, stance=stance)


def test_a_holding_without_a_score_keeps_its_place_and_its_weight():
    """It counts as one of two positions, and the other one shares what it leaves; the reason names the day."""
    target = holding(gapped("Z"), Z="0.4")

    assert target.weights == (
        TargetWeight("A", Decimal("0.5"), "rank 1; capped by limits.weight_max 0.5"),
        TargetWeight("Z", Decimal("0.4"), "not scored: no bar on 2023-06-12; held as it is"),
    )
    assert [row.is_unscored for row in target.weights] == [False, True]


def test_what_has_no_score_and_is_not_held_is_not_wanted():
    """A missing score is no reason to buy either."""
    assert chosen(gapped("Z")) == ["A", "B"]


def test_a_holding_that_is_no_longer_looked_at_is_not_kept():
    """What left the universe has no score and is not unscored: it is sold as before."""
    assert chosen(gapped(), held={"Z"}) == ["A", "B"]


def test_an_unscored_holding_obeys_the_caps():
    """At most the highest weight each, and all of them together what may be invested."""
    capped = ruled(within=TWO, limits={"weight_max": "0.3"})

    assert holding(gapped("Z"), capped, Z="0.4").by_instrument() == {"A": Decimal("0.3"), "Z": Decimal("0.3")}
    assert holding(gapped("Z"), fraction="0.1", Z="0.4").by_instrument() == {"A": 0, "Z": Decimal("0.095")}
    assert holding(gapped("Y", "Z"), Y="0.5", Z="0.5").by_instrument() == {"Y": Decimal("0.475"), "Z": Decimal("0.475")}


def test_more_unscored_holdings_than_places_are_all_kept_and_nothing_is_bought():
    """Nobody says which of them to sell."""
    assert [row.instrument for row in holding(gapped("X", "Y", "Z"), X="0.3", Y="0.3", Z="0.3").weights] == [
        "X",
        "Y",
        "Z",
    ]


@given(
    unscored=st.lists(st.decimals("0", "1", places=9), max_size=6),
    held=st.sets(st.sampled_from("ABCD")),
    fraction=st.decimals("0", "1", places=2),
    buffer=st.decimals("0", "0.99", places=2),
    risk_off=st.sampled_from(["cash_allowed", "always_invested"]),
)
def test_reserved_weights_and_the_others_are_within_what_may_be_invested(unscored, held, fraction, buffer, risk_off):
    """For all gaps: the sum, the highest weight, and the number of positions unless more unscored ones are held."""
    names = [f"X{number}" for number in range(len(unscored))]
    policy = ruled(within=TWO, limits={"cash_buffer_min": buffer}, risk_off=risk_off)
    known = dict.fromkeys(held, Decimal("0.1")) | dict(zip(names, unscored, strict=True))
    stance = Stance(2, fraction, known)

    weights = build_target(gapped(*names), frozenset(known), policy, stance=stance).by_instrument()

    assert set(names) <= weights.keys()
    assert known.keys() <= weights.keys()
    assert sum(weights[name] == 0 for name in held) >= len(held) + len(names) - max(2, len(names))
    assert sum(weights.values()) <= fraction * (1 - buffer)
    assert all(0 <= weight <= Decimal("0.5") and weight == round(weight, 6) for weight in weights.values())
    assert all(weights[name] <= weight for name, weight in zip(names, unscored, strict=True))


def test_wants_nothing_new_from_the_no_buy_list():
    """The next ranks move up; a holding on the list is kept, for nobody has to sell it."""
    banned = ruled(within=TWO, limits={"no_buy": ("A", "C")})

    assert chosen(ranking(*NAMES), policy=banned) == ["B", "D"]
    assert chosen(ranking(*NAMES), held={"C"}, policy=banned) == ["B", "C"]


def test_what_nobody_looked_up_takes_no_place_and_is_told():
    """B is bought in the place of A; A is told at zero, and H, which nobody would have bought anyway, is not."""
    stance = replace(WHOLE, unverified=frozenset("ADH"))

    target = build_target(ranking(*NAMES), frozenset("D"), TWO, stance=stance)

    assert [(row.instrument, row.weight > 0, row.reason) for row in target.weights] == [
        ("B", True, "rank 2"),
        ("D", True, "rank 4, kept while within 4"),
        ("A", False, "rank 1, not bought: nobody looked it up at the venue; `twokey universe verify A --by NAME`"),
    ]


def test_what_a_cap_removes_stays_in_cash():
    """Two positions of at most 10 % leave 80 % in cash, and nobody gets more for it."""
    capped = ruled(within=TWO, limits={"weight_max": "0.1"})

    target = build_target(ranking("A", "B"), frozenset(), capped, stance=WHOLE)

    assert [row.weight for row in target.weights] == [Decimal("0.1"), Decimal("0.1")]


def test_a_place_that_nobody_fills_keeps_its_share_in_cash_where_cash_is_allowed():
    """One instrument for two places: half of 95 % is wanted; where cash is not allowed all of it, up to the cap."""
    cautious, eager = (ruled(within=TWO, risk_off=choice) for choice in ("cash_allowed", "always_invested"))

    weights = [build_target(ranking("A"), frozenset(), policy, stance=WHOLE).weights for policy in (cautious, eager)]

    assert [row.weight for rows in weights for row in rows] == [Decimal("0.475"), Decimal("0.5")]


def test_weights_are_cut_to_six_decimals():
    """A third of 95 % is 0.316666..., cut and not rounded."""
    three = ruled(within=TWO, limits={"positions_max": 3})

    target = build_target(ranking(*NAMES), frozenset(), three, stance=WHOLE)

    assert {row.weight for row in target.weights} == {Decimal("0.316666")}


def test_a_phase_of_the_rollout_takes_its_share_of_everything():
    """A tenth of the capital is a tenth of each weight; nothing of it is a target of zero."""
    pilot, shadow = (Stance(hold_rank_multiple=2, capital_fraction=Decimal(share)) for share in ("0.1", "0"))

    assert build_target(ranking("A", "B"), frozenset(), TWO, stance=pilot).weights[0].weight == Decimal("0.0475")
    assert build_target(ranking("A", "B"), frozenset(), TWO, stance=shadow).weights[0].weight == 0


def test_nothing_ranked_is_nothing_wanted():
    """An empty ranking gives an empty target."""
    assert chosen(ranked_scores("momentum", AS_OF, Ranking({})), held={"A"}) == []


@pytest.mark.parametrize("order", [("A", "B", "C"), ("C", "B", "A")])
def test_ties_are_broken_by_the_draw(order):
    """Equal scores want those that the draw of the ids puts first, in whatever order the scores were made."""
    scores = ranked_scores("momentum", AS_OF, Ranking(dict.fromkeys(order, 1.0)))

    assert chosen(scores) == ["A", "C"]


@given(
    count=st.integers(1, 40),
    positions=st.integers(1, 30),
    fraction=st.decimals("0", "1", places=2),
    buffer=st.decimals("0", "0.99", places=2),
    risk_off=st.sampled_from(["cash_allowed", "always_invested"]),
)
def test_weights_never_sum_to_more_than_may_be_invested(count, positions, fraction, buffer, risk_off):
    """For all books, the sum is at most the rollout's share of what the buffer leaves, and no weight above the cap."""
    limits = {"positions_max": positions, "cash_buffer_min": buffer, "weight_max": "0.3"}
    policy = ruled(limits=limits, risk_off=risk_off)
    stance = Stance(hold_rank_multiple=2, capital_fraction=fraction)

    weights = build_target(ranking(*map(str, range(count))), frozenset(), policy, stance=stance).by_instrument()

    assert len(weights) == min(count, positions)
    assert sum(weights.values()) <= fraction * (1 - buffer)
    share = fraction * (1 - buffer) / (positions if risk_off == "cash_allowed" else len(weights))
    assert all(weight == Decimal("0.3") or 0 <= share - weight < Decimal("0.000001") for weight in weights.values())
    assert all(weight <= Decimal("0.3") and weight == round(weight, 6) for weight in weights.values())


def test_the_benchmark_and_what_is_only_a_cfd_are_not_tradable():
    """The benchmark is looked at and not bought."""
    rows = Universe((instrument("AAA"), instrument("CFD", is_tradable_as_underlying=False), instrument("SPY")))

    assert tradable(rows, SHIPPED) == {"AAA"}

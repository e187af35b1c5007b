"""Plans: what is traded first, and which cap or budget binds a purchase."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.domain.case import Case
from core.domain.decision import Objection
from core.domain.market import Prices
from core.domain.order import OrderLine, Proposal, Target, TargetWeight
from core.riskguard.clusters import Ground
from core.riskguard.line_rules import off_step
from core.riskguard.plan import plan_trades
from core.settings import Policy
from tests.unit.making import ABCD, AS_OF, PRICES, case, holdings, line, panel, prices, ruled, target

# A unit of AAA, BBB, CCC and DDD is worth 100, 40, 20 and 8 pounds; all four are of one sector.
NO_COSTS = {"slippage_bps": "0", "spread_bps": "0", "fx_fee_bps": "0", "commission": "0"}
FREE = ruled(costs=NO_COSTS, limits={"turnover_max": "1", "cluster_weight_max": "1", "sector_weight_max": "1"})
GROUND = Ground(ABCD, panel({name: [1.0, 1.0] for name in ("AAA", "BBB", "CCC", "DDD", "SPY")}), AS_OF)
WANTED_NO_MORE = Target(
    tuple(TargetWeight(name, Decimal(0), f"rank {rank}, beyond 2: sold") for rank, name in ((3, "CCC"), (4, "DDD")))
)


def plan(wanted: Target, held, policy: Policy = FREE, of: Prices = PRICES) -> Proposal:
    """Plan the trades of a book whose whole capital may be used."""
    return plan_trades(wanted, held, of, policy=policy, capital_fraction=Decimal(1), ground=GROUND)


def told(proposal: Proposal) -> list[tuple[str, str, str]]:
    """Give side, instrument and value of each line."""
    return [(one.side, one.instrument, str(one.notional)) for one in proposal.lines]


def test_the_worst_ranked_goes_first_and_before_it_what_has_no_rank():
    """AAA and BBB are not named by the target at all; DDD ranks behind CCC."""
    held = holdings({"AAA": "1", "BBB": "1", "CCC": "10", "DDD": "10"}, cash="9580")

    assert [name for _, name, _ in told(plan(WANTED_NO_MORE, held))] == ["AAA", "BBB", "DDD", "CCC"]


def test_the_largest_trim_goes_first():
    """BBB is 700 pounds above its weight, AAA 500; the same size goes by name."""
    held = holdings({"AAA": "10", "BBB": "30"}, cash="7800")
    level = holdings({"AAA": "10", "BBB": "25"}, cash="8000")

    assert [name for _, name, _ in told(plan(target(AAA="0.05", BBB="0.05"), held))] == ["BBB", "AAA"]
    assert [name for _, name, _ in told(plan(target(BBB="0.05", AAA="0.05"), level))] == ["AAA", "BBB"]


def test_the_first_trade_that_the_turnover_limit_cuts_is_its_last():
    """Of 240 pounds DDD takes 80 whole and CCC is cut to 160; AAA, which 40 more pounds would buy, gets nothing of it."""
    held = holdings({"CCC": "10", "DDD": "10"}, cash="9720")
    bound = ruled(within=FREE, limits={"turnover_max": "0.012", "order_value_min": "0"}, sizing={"quantity_step": "1"})
    wanted = Target((TargetWeight("AAA", Decimal("0.1"), "rank 1"), *WANTED_NO_MORE.weights))

    proposal = plan(wanted, held, bound)

    assert told(proposal) == [("sell", "DDD", "80.00"), ("sell", "CCC", "140.00")]
    assert proposal.left_undone == (
        "exit CCC: 40.00 of 200.00 is beyond the turnover limit",
        "buy AAA: 1000.00 of 1000.00 is beyond the turnover limit",
    )


def test_a_small_exit_does_not_jump_the_queue():
    """DDD is worth 8 pounds and would fit into what is left of the limit; CCC, which ranks worse, was cut before it."""
    held = holdings({"CCC": "10", "DDD": "1"}, cash="9792")
    bound = ruled(within=FREE, limits={"turnover_max": "0.009"}, sizing={"quantity_step": "1"})
    wanted = Target(tuple(reversed(WANTED_NO_MORE.weights)))

    assert told(plan(wanted, held, bound)) == [("sell", "CCC", "160.00")]


@pytest.mark.parametrize(("most", "value", "left"), [("1000", "999.98", 0), ("999.99", "999.97", 1)])
def test_a_purchase_is_cut_to_the_largest_order(most, value, left):
    """A tenth of 10,000 pounds fits into 1,000; a penny less, and what is beyond is told. A sale knows no largest order."""
    capped = ruled(within=FREE, limits={"order_value_max": most})

    proposal = plan(target(AAA="0.1"), holdings(cash="10000"), capped)

    assert told(proposal) == [("buy", "AAA", value)]
    assert len(proposal.left_undone) == left
    assert all("of 1000.00 is beyond the largest order" in words for words in proposal.left_undone)
    assert told(plan(Target(()), holdings({"AAA": "50"}, cash="5000"), capped)) == [("sell", "AAA", "5000.00")]


@pytest.mark.parametrize(("cap", "value"), [("0.22", "999.98"), ("0.219", "989.98"), ("0.12", None)])
def test_a_purchase_is_cut_to_the_room_of_its_sector(cap, value):
    """BBB at 12 % leaves 10 % of a cap of 22 %, a hair less of 21.9 %, and nothing of 12 %."""
    held, capped = holdings({"BBB": "30"}, cash="8800"), ruled(within=FREE, limits={"sector_weight_max": cap})

    proposal = plan(target(AAA="0.1", BBB="0.12"), held, capped)

    assert told(proposal) == ([("buy", "AAA", value)] if value else [])
    assert bool(proposal.left_undone) is (cap != "0.22")
    assert all("beyond the cap limits.sector_weight_max of Energy" in words for words in proposal.left_undone)


def test_what_is_sold_first_makes_room_in_its_sector():
    """The exit of BBB leaves its 12 % to AAA."""
    held, capped = holdings({"BBB": "30"}, cash="8800"), ruled(within=FREE, limits={"sector_weight_max": "0.12"})

    assert told(plan(target(AAA="0.1"), held, capped)) == [("sell", "BBB", "1200.00"), ("buy", "AAA", "999.98")]


def test_a_purchase_is_cut_to_the_room_of_what_moves_as_it_does():
    """Bars that never moved tell nobody apart: all of them are one cluster, and 5 % are left of it."""
    held = holdings({"BBB": "30"}, cash="8800")
    capped = ruled(within=FREE, limits={"cluster_weight_max": "0.17"})

    proposal = plan(target(AAA="0.1", BBB="0.12"), held, capped)

    assert told(proposal) == [("buy", "AAA", "499.98")]
    assert proposal.left_undone == (
        "buy AAA: 500.00 of 1000.00 is beyond the cap limits.cluster_weight_max of what moves as AAA",
    )


@pytest.mark.parametrize(("buffer", "value"), [("0", "999.98"), ("100", "990.07")])
def test_each_purchase_keeps_the_currencys_buffer_free(buffer, value):
    """Cash of 1,000 above the buffer buys 1,000, or what leaves a hundredth of itself free for a move of the rate."""
    wary = ruled(within=FREE, limits={"weight_max": "0.2"}, sizing={"fx_buffer_bps": buffer})
    held = holdings({"DDD": "1062.5"}, cash="1500")

    assert told(plan(target(DDD="0.85", AAA="0.15"), held, wary)) == [("buy", "AAA", value)]


def test_the_buffer_is_kept_for_each_of_several_purchases_and_for_none_in_one_currency():
    """What the first keeps free the second may not spend; pounds that buy pounds need no buffer."""
    wary = ruled(within=FREE, sizing={"fx_buffer_bps": "1000"})
    held = holdings({"DDD": "1062.5"}, cash="1500")
    pounds = prices({"AAA": "100", "BBB": "40", "CCC": "20", "DDD": "8"}, rate="1")

    crossing, single = (plan(target(DDD="0.85", AAA="0.05", BBB="0.1"), held, wary, of) for of in (PRICES, pounds))

    spent = sum(line.notional for line in crossing.lines)
    assert told(crossing)[0] == ("buy", "AAA", "499.98")
    assert Decimal(999) < spent * Decimal("1.1") <= 1000
    assert [line.notional for line in single.lines] == [Decimal("499.98"), Decimal("500.00")]


def test_what_is_held_as_it_is_is_not_bought_up_to_its_weight():
    """A weight of a day on which it was worth more is no reason to buy; what is scored beside it is bought."""
    still = TargetWeight("AAA", Decimal("0.1"), "not scored: no bar on 2024-06-07; held as it is")
    held = holdings({"AAA": "5"}, cash="9500")

    assert told(plan(Target((TargetWeight("BBB", Decimal("0.1"), "rank 1"), still)), held)) == [
        ("buy", "BBB", "999.98")
    ]


def test_whole_units_are_cut_where_the_broker_sells_no_fractions():
    """9.9998 units of AAA are nine; a position of a fraction is still closed whole."""
    whole = ruled(within=FREE, sizing={"fractions": "whole_units"})

    assert told(plan(target(AAA="0.1"), holdings(cash="10000"), whole)) == [("buy", "AAA", "900.00")]
    assert told(plan(Target(()), holdings({"AAA": "0.5"}, cash="100"), whole)) == [("sell", "AAA", "50.00")]


def test_a_regime_of_nothing_sells_everything_and_a_half_keeps_half():
    """The share of what may be invested is the target's, so that the plan trims and sells towards it."""
    held = holdings({"AAA": "10"}, cash="9000")

    assert told(plan(target(AAA="0"), held)) == [("sell", "AAA", "1000.00")]
    assert told(plan(target(AAA="0.05"), held)) == [("sell", "AAA", "499.98")]


def test_whole_units_are_the_step_where_the_broker_sells_no_fractions():
    """One unit passes, one and a step of the broker's does not."""
    whole = ruled(sizing={"fractions": "whole_units"})

    assert off_step(*_case("1", whole)) is None
    assert off_step(*_case("1.0001", whole)) == Objection("OFF_STEP", "1", "1.0001", "a multiple of 1")


def _case(quantity: str, policy: Policy) -> tuple[OrderLine, Case, Policy]:
    bought = line("buy", "AAA", quantity)
    return bought, case(bought), policy

"""Edges of rules: each was found by moving or deleting a guard that no test missed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.riskguard import group_rules, line_rules, proposal_rules
from core.riskguard.history import together
from core.riskguard.review import review_proposal
from tests.unit.making import case, holdings, line, proposal, ruled
from tests.unit.riskguard.judging import ALIKE, QUIET, desk, judged, listed, other

HEAVY = holdings({"AAA": "50"}, cash="5000")
WIDE = {"weight_max": "1", "sector_weight_max": "1", "cluster_weight_max": "1", "order_value_max": "100000"}
BUYS_ALONE = [
    (line_rules.over_notional, ruled(limits={"order_value_max": "50"})),
    (group_rules.over_sector, ruled(limits={"sector_weight_max": "0.1"})),
    (group_rules.correlated, ruled(limits={"cluster_weight_max": "0.1"})),
    (group_rules.desk_over_weight, ruled()),
    (group_rules.desk_over_gross, ruled()),
]


@pytest.mark.parametrize(("rule", "policy"), BUYS_ALONE, ids=lambda one: getattr(one, "__name__", ""))
def test_what_is_too_much_may_be_sold(rule, policy):
    """The purchase of one more unit is refused, and the sale of one passes, though what is left is still too much."""
    found = [
        judged(rule, case(line(side, "AAA", "1"), holdings=HEAVY, panel=ALIKE, desk=desk("0.1")), policy)
        for side in ("buy", "sell")
    ]

    assert [one is None for one in found] == [False, True]


@pytest.mark.parametrize("rule", [line_rules.not_underlying, line_rules.unverified, group_rules.over_sector])
def test_what_nobody_knows_is_refused_for_that_alone(rule):
    """Nothing can be said of an instrument that has no row."""
    assert judged(rule, case(replace(line("buy", "AAA", "1"), instrument="ZZZ"), venue="manual")) is None


def test_a_purchase_is_no_short_sale():
    """Whatever is sold too much beside it."""
    both = case(line("buy", "AAA", "1"), line("sell", "AAA", "5"), holdings=holdings({"AAA": "1"}, cash="9900"))

    assert judged(line_rules.short_sale, both) is None


def test_a_small_purchase_of_as_much_as_is_held_closes_nothing():
    """Only a sale of all that is held may be as small as it is."""
    held = holdings({"AAA": "0.1"}, cash="9990")

    assert judged(line_rules.under_order_value, case(line("buy", "AAA", "0.1"), holdings=held)) is not None
    assert judged(line_rules.under_order_value, case(line("sell", "AAA", "0.1"), holdings=held)) is None


def test_the_volume_of_one_is_not_used_up_by_another():
    """Nine units are less than a hundredth of a thousand, whatever is bought beside them."""
    assert judged(line_rules.over_volume, case(line("buy", "AAA", "9"), line("buy", "BBB", "100"), panel=QUIET)) is None


def test_what_another_book_holds_of_something_else_is_no_weight():
    """Only positions in the same instrument count together."""
    beside = case(line("buy", "AAA", "10"), desk=desk("0.5", cash="10000", BBB="200"))

    assert judged(group_rules.desk_over_weight, beside) is None


def test_a_line_of_another_ticket_that_is_answered_is_not_open():
    """It stands in the books, or never came to be."""
    wide = ruled(limits={"weight_max": "0.1"})
    for is_open, is_refused in ((True, True), (False, False)):
        split = case(line("buy", "AAA", "6"), others=(other("buy", "AAA", "6", is_open=is_open),))
        assert (judged(group_rules.open_tickets, split, wide) is not None) == is_refused


def test_what_is_refused_by_itself_is_not_refused_for_open_tickets():
    """The plain reason is enough: five units cost more than there is, with and without what is open."""
    poor = case(line("buy", "AAA", "5"), holdings=holdings(cash="100"), others=(other("buy", "BBB", "1"),))

    assert judged(group_rules.open_tickets, poor, ruled(limits=WIDE)) is None


TOGETHER = {
    "volume": (case(line("buy", "AAA", "6"), others=(other("buy", "AAA", "6"),), panel=QUIET), ruled(limits=WIDE)),
    "sector": (
        case(line("buy", "AAA", "6"), others=(other("buy", "BBB", "15"),)),
        ruled(limits=WIDE | {"sector_weight_max": "0.1"}),
    ),
    "cluster": (
        case(line("buy", "AAA", "6"), others=(other("buy", "BBB", "15"),), panel=ALIKE),
        ruled(limits=WIDE | {"cluster_weight_max": "0.1"}),
    ),
    "positions": (
        case(line("buy", "AAA", "6"), others=(other("buy", "BBB", "15"),)),
        ruled(limits=WIDE | {"positions_max": 1}),
    ),
    "settled cash": (
        case(line("buy", "BBB", "100"), line("sell", "AAA", "40"), holdings=HEAVY, others=(other("buy", "CCC", "60"),)),
        ruled(limits=WIDE, sizing={"buys_from": "settled"}),
    ),
    "debt": (
        case(line("buy", "AAA", "97"), others=(other("buy", "BBB", "7.5", cost=Decimal(50)),)),
        ruled(limits=WIDE),
    ),
    "capital": (
        case(line("buy", "AAA", "30"), others=(other("buy", "BBB", "75"),), capital_fraction=Decimal("0.5")),
        ruled(limits=WIDE),
    ),
}


@pytest.mark.parametrize("what", TOGETHER)
def test_a_limit_counts_what_is_open_on_other_tickets(what):
    """Alone the purchase passes; with the open one it is one purchase too many."""
    together, policy = TOGETHER[what]
    alone = case(*together.proposal.lines, holdings=together.holdings, panel=together.panel)

    objection = judged(group_rules.open_tickets, together, policy)

    assert objection is not None
    assert objection.code == "OPEN_TICKETS"
    assert judged(group_rules.open_tickets, alone, policy) is None


def test_as_little_as_is_held_is_bought_in_steps_all_the_same():
    """Half a step is sold when it is all that is there, and never bought."""
    crumb = holdings({"AAA": "0.00005"}, cash="9990")
    found = [
        judged(line_rules.off_step, case(line(side, "AAA", "0.00005"), holdings=crumb)) for side in ("buy", "sell")
    ]

    assert [one is None for one in found] == [False, True]


def test_only_a_purchase_makes_a_book_too_full_or_indebted():
    """A sale adds no position and no debt, whatever stands in the books already."""
    full = holdings({"AAA": "1", "BBB": "1", "CCC": "1"}, cash="9000")
    owing = holdings({"AAA": "1"}, cash="-100")

    few = ruled(limits={"positions_max": 2})
    assert judged(proposal_rules.too_many_positions, case(line("sell", "DDD", "1"), holdings=full), few) is None
    assert judged(proposal_rules.leverage, case(line("sell", "AAA", "0.5"), holdings=owing)) is None


@pytest.mark.parametrize(("is_of_the_day", "is_refused"), [(True, True), (False, False)])
def test_only_orders_of_the_day_are_the_days_orders(is_of_the_day, is_refused):
    """Two more of last week are none of today's two."""
    others = (
        other("buy", "CCC", "1", is_of_the_day=is_of_the_day),
        other("buy", "DDD", "1", is_of_the_day=is_of_the_day),
    )
    two = case(line("buy", "AAA", "1"), line("buy", "BBB", "1"), others=others)

    assert (judged(proposal_rules.too_many_trades, two, ruled(limits={"trades_max": 3})) is not None) == is_refused


def test_a_review_judges_what_lines_add_up_to():
    """A buy hears of its sector also where it is refused for its own sake; a sale that is refused hears of nothing else."""
    policy = ruled(limits=WIDE | {"sector_weight_max": "0.1", "no_buy": ("BBB",)})
    crowd = (other("sell", "CCC", "500"),)
    whole = case(
        line("sell", "CCC", "30"),
        line("buy", "AAA", "20"),
        line("buy", "BBB", "1"),
        holdings=holdings({"CCC": "20"}, cash="9600"),
        others=crowd,
    )

    verdict = review_proposal(whole, policy)

    assert verdict.approved == ()
    assert [[found.code for found in item.objections] for item in verdict.refused] == [
        ["SHORT_SALE"],
        ["OVER_SECTOR"],
        ["NO_BUY", "OVER_SECTOR"],
    ]


def test_funds_are_of_no_sector_together():
    """Two of them come to more than a sector may have, and neither is of one."""
    funds = listed("AAA", sector="")
    rows = tuple(replace(row, sector="") if row.id == "BBB" else row for row in funds.instruments)
    both = case(line("buy", "AAA", "10"), line("buy", "BBB", "25"), universe=replace(funds, instruments=rows))

    assert judged(group_rules.over_sector, both, ruled(limits={"sector_weight_max": "0.15"})) is None


def test_what_left_the_universe_and_is_still_held_counts_in_no_sector():
    """Nobody knows its sector any more; the purchase beside it is judged all the same."""
    left = holdings({"GONE": "5"}, cash="9000")

    assert judged(group_rules.over_sector, case(line("buy", "AAA", "1"), holdings=left)) is None


@pytest.mark.parametrize(("units", "asks"), [("10", 0), ("10.0001", 1)])
def test_nobody_is_asked_what_moves_alike_where_all_that_is_held_stays_below_the_limit(units, asks):
    """A tenth of 10,000 pounds in all is no cluster above a tenth; a pound more, and the bars are compared."""
    policy = ruled(limits={"cluster_weight_max": "0.1", "correlation_sessions": 41 + asks})
    before = together.cache_info()

    judged(group_rules.correlated, case(line("buy", "AAA", units), panel=ALIKE), policy)

    after = together.cache_info()
    assert after.hits + after.misses - before.hits - before.misses == asks


def test_a_purchase_beside_no_other_ticket_is_not_judged_again():
    """There is nothing to add to it: no rule runs a second time, and no bars are compared."""
    policy = ruled(limits={"cluster_weight_max": "0.1", "correlation_sessions": 43})
    before = together.cache_info()

    judged(group_rules.open_tickets, case(line("buy", "AAA", "11"), panel=ALIKE), policy)

    assert together.cache_info() == before


def test_a_sale_is_not_refused_for_what_an_open_sale_costs():
    """The last crumb of CCC costs five pounds more than it brings: the purchase leaves the buffer by itself, not with it."""
    crumb = other("sell", "CCC", "0.01", cost=Decimal(5))
    both = case(line("sell", "AAA", "1"), line("buy", "BBB", "240"), holdings=holdings({"AAA": "1"}, cash="10000"))
    beside = replace(both, others=(crumb,))

    assert judged(proposal_rules.thin_cash, both) is None
    assert judged(group_rules.open_tickets, beside, ruled(limits=WIDE)) is None


def test_an_open_purchase_stands_beside_a_purchase_whatever_is_sold_before_it():
    """The first line is a sale; the purchase after it is judged with the other purchase, and not as another sale."""
    wide = ruled(limits=WIDE | {"weight_max": "0.1"})
    sale, purchase = proposal(line("sell", "BBB", "1"), line("buy", "AAA", "6")).lines
    split = case(sale, purchase, holdings=holdings({"BBB": "10"}, cash="9600"), others=(other("buy", "AAA", "6"),))

    found = group_rules.open_tickets(purchase, split, wide)

    assert found is not None
    assert found.value == "0.12 with the open buy of AAA worth 600 on TICKET-20240607"


@pytest.mark.parametrize(("cash", "is_refused"), [("-10000.01", True), ("-10000", True), ("0", False)])
def test_a_desk_that_owns_nothing_buys_nothing(cash, is_refused):
    """Another book owes as much as this one has: no share of nothing is small enough."""
    poor = case(line("buy", "AAA", "1"), desk=desk("1", cash=cash))
    unknown = "the worth of all books together is unknown or nothing"

    for rule in (group_rules.desk_over_weight, group_rules.desk_over_gross):
        found = judged(rule, poor)
        assert (found is not None and found.value == unknown) == is_refused


@pytest.mark.parametrize(("cost", "is_refused"), [("99.99", False), ("100", True), ("100.01", True)])
def test_costs_that_eat_all_that_a_book_is_worth_are_refused(cost, is_refused):
    """However much cash the books show: a buffer of nothing is none."""
    dear = proposal(line("buy", "AAA", "1", cost=cost), equity=Decimal(100))

    assert (judged(proposal_rules.thin_cash, replace(case(), proposal=dear)) is not None) == is_refused


def test_a_purchase_that_is_refused_counts_in_what_is_bought():
    """Were it left out, a tighter limit on one line would let another pass: both together leave no buffer."""
    policy = ruled(limits=WIDE | {"no_buy": ("BBB",), "turnover_max": "1"})

    verdict = review_proposal(case(line("buy", "AAA", "60"), line("buy", "BBB", "100")), policy)

    assert verdict.approved == ()
    assert [[found.code for found in item.objections] for item in verdict.refused] == [
        ["THIN_CASH"],
        ["NO_BUY", "THIN_CASH"],
    ]


def test_a_sale_is_reviewed_with_the_open_sales_of_other_tickets():
    """Fifteen of twenty are there to be sold, but ten of them were sold already by a ticket that nobody answered."""
    held = holdings({"CCC": "20"}, cash="9600")

    verdict = review_proposal(
        case(line("sell", "CCC", "15"), holdings=held, others=(other("sell", "CCC", "10"),)), ruled()
    )

    assert [[found.code for found in item.objections] for item in verdict.refused] == [["OPEN_TICKETS"]]

"""Reviews: every rule judges every line, all reasons are kept, and what is approved may be done as it stands."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.decision import Review
from core.domain.order import OrderLine
from core.riskguard.review import review_proposal
from tests.unit.making import SHIPPED, case, holdings, line, prices, ruled

WIDE = ruled(limits={"order_value_max": "100000", "sector_weight_max": "1", "cluster_weight_max": "1"})
NAMES = ("AAA", "BBB", "CCC", "DDD")


def codes(review: Review) -> list[list[str]]:
    """Give the codes of each refused line's objections."""
    return [[objection.code for objection in refused.objections] for refused in review.refused]


def test_approves_lines_that_no_rule_objects_to():
    """Both lines pass as they are, in their order."""
    sound = case(line("sell", "BBB", "10"), line("buy", "AAA", "5"), holdings=holdings({"BBB": "10"}, cash="9600"))

    assert review_proposal(sound, SHIPPED) == Review(sound.proposal.lines, ())


def test_refuses_a_line_with_every_reason_in_the_order_of_the_rules():
    """An unlisted, off-step, too heavy buy of what is banned hears of all of it."""
    banned = ruled(limits={"no_buy": ("AAA",)})
    wrong = case(line("buy", "AAA", "10.00005"), venue="manual")

    review = review_proposal(wrong, banned)

    assert review.approved == ()
    assert codes(review) == [["UNVERIFIED", "NO_BUY", "OVER_WEIGHT", "OFF_STEP"]]


def test_one_bad_line_does_not_refuse_its_neighbours():
    """A rule of lines is about its line alone."""
    mixed = case(line("buy", "AAA", "1.00005"), line("buy", "BBB", "5"))

    review = review_proposal(mixed, SHIPPED)

    assert [one.instrument for one in review.approved] == ["BBB"]
    assert codes(review) == [["OFF_STEP"]]


def test_a_rule_of_the_whole_refuses_every_buy_and_lets_sales_pass():
    """Turnover of 31 %: the sale only reduces a holding, and goes through; both buys are told the same reason."""
    lines = (line("sell", "AAA", "50"), line("buy", "BBB", "12.5"), line("buy", "CCC", "35"))
    busy = case(*lines, holdings=holdings({"AAA": "50"}, cash="5000"))

    review = review_proposal(busy, SHIPPED)

    assert review.approved == busy.proposal.lines[:1]
    assert codes(review) == [["OVER_TURNOVER"], ["OVER_TURNOVER"]]


def test_a_refused_buy_hears_of_the_whole_too():
    """Reasons of its own and of the whole stand together, its own first."""
    lines = (line("buy", "BBB", "0.1"), line("buy", "AAA", "9"), line("buy", "CCC", "46"))
    thin = case(*lines, holdings=holdings(cash="2000"))

    assert codes(review_proposal(thin, SHIPPED)) == [["UNDER_ORDER_VALUE", "THIN_CASH"], ["THIN_CASH"], ["THIN_CASH"]]


def test_a_buy_does_not_count_on_the_proceeds_of_a_refused_sale():
    """Nothing but the sale would pay for the buy: when the sale has no price of as-of, the buy falls too."""
    lines = (line("sell", "AAA", "10"), line("buy", "BBB", "20"))
    stale = prices({"BBB": "50"})
    broke = case(*lines, holdings=holdings({"AAA": "10"}, cash="500"), prices=stale)

    review = review_proposal(broke, SHIPPED)

    assert review.approved == ()
    assert codes(review) == [["STALE_PRICE"], ["THIN_CASH", "LEVERAGE"]]


def test_a_refused_buy_counts_with_the_others():
    """Else a limit that refuses one line more would let another pass that did not before."""
    lines = (line("buy", "AAA", "60.00005"), line("buy", "BBB", "5"))

    review = review_proposal(case(*lines), WIDE)

    assert codes(review) == [["OVER_WEIGHT", "OFF_STEP", "OVER_TURNOVER"], ["OVER_TURNOVER"]]


def test_a_refused_sale_counts_as_turnover():
    """How much is done is judged on all that is proposed: a sale that a tighter rule refuses frees no turnover."""
    lines = (line("sell", "AAA", "55.00005"), line("buy", "BBB", "15"))

    review = review_proposal(case(*lines, holdings=holdings({"AAA": "56"}, cash="4400")), WIDE)

    assert codes(review) == [["OFF_STEP"], ["OVER_TURNOVER"]]


# Each number with its values from the loosest to the tightest.
TIGHTER: dict[str, tuple[Any, ...]] = {
    "positions_max": (500, 3, 1),
    "weight_max": ("1", "0.1", "0"),
    "cash_buffer_min": ("0", "0.05", "0.9"),
    "turnover_max": ("1", "0.05", "0"),
    "order_value_min": ("0", "200", "3000"),
    "order_value_max": ("100000", "1000", "400"),
    "trades_max": (1000, 3, 1),
    "value_traded_share_max": ("1", "0.00001", "0.0000001"),
    "sector_weight_max": ("1", "0.3", "0.01"),
    "correlation_max": ("1", "0.5", "0"),
    "cluster_weight_max": ("1", "0.3", "0.01"),
    "price_move_max": ("9", "0.02", "0.0001"),
    "losing_sessions_max": (30, 4, 1),
    "cooldown_sessions": (0, 2, 30),
    "no_buy": ((), ("AAA",), ("AAA", "BBB", "CCC", "DDD")),
}


def any_line() -> st.SearchStrategy[OrderLine]:
    """Give lines that are right, wrong and everything between."""
    return st.builds(
        lambda side, name, quantity, odd: line(side, name, quantity, **odd),
        side=st.sampled_from(["buy", "sell"]),
        name=st.sampled_from(NAMES),
        quantity=st.sampled_from(["1", "5", "12.5", "12.50005"]),
        odd=st.sampled_from([{}, {"cost": "50"}, {"price": "1"}]),
    )


@given(
    lines=st.lists(any_line(), min_size=2, max_size=4, unique_by=lambda one: one.instrument),
    units=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["5", "12.5"]), min_size=2),
    cash=st.sampled_from(["0", "600", "1100", "9000"]),
    source=st.sampled_from(["settled", "sale_proceeds"]),
)
def test_what_is_approved_would_be_approved_alone(lines, units, cash, source):
    """For all proposals, the approved lines as a proposal of their own leave nothing to refuse."""
    policy = ruled(limits={"positions_max": 3}, sizing={"buys_from": source})
    whole = case(*lines, holdings=holdings(units, cash), capital_fraction=Decimal("0.4"))

    approved = review_proposal(whole, policy).approved
    alone = replace(whole, proposal=replace(whole.proposal, lines=approved))

    assert review_proposal(alone, policy) == Review(approved, ())


@given(lines=st.lists(any_line(), max_size=6))
def test_every_line_is_approved_or_refused(lines):
    """No line is lost, and both lists keep the order."""
    whole = case(*lines, holdings=holdings({"AAA": "40"}, cash="6000"))

    review = review_proposal(whole, SHIPPED)

    judged = [*review.approved, *(refused.line for refused in review.refused)]
    assert sorted(judged, key=lambda one: one.line) == list(whole.proposal.lines)
    assert all(refused.objections for refused in review.refused)


@given(
    lines=st.lists(any_line(), min_size=2, max_size=5),
    units=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["5", "12.5"])),
    cash=st.sampled_from(["0", "1100", "9000"]),
    course=st.sampled_from(["", "----+", "+-"]),
    start=st.fixed_dictionaries({key: st.sampled_from((0, 0, 0, 1)) for key in TIGHTER}),
    key=st.sampled_from(sorted(TIGHTER)),
)
@settings(max_examples=300, deadline=None)
def test_a_tighter_number_never_approves_more(lines, units, cash, course, start, key):
    """For all proposals and limits: what is approved with one limit tightened was approved before."""
    whole = case(*lines, holdings=holdings(units, cash), course=course)
    loose = ruled(limits={name: TIGHTER[name][at] for name, at in start.items()})
    tight = ruled(within=loose, limits={key: TIGHTER[key][start[key] + 1]})

    before, after = review_proposal(whole, loose), review_proposal(whole, tight)

    assert set(after.approved) <= set(before.approved)

"""Plans: which lines lead from holdings to a target, line by line and by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.domain.market import Prices
from core.domain.order import OrderLine, Proposal
from core.riskguard.plan import expected_cost, hold_still, plan_trades, worst_price
from core.settings import Policy
from tests.unit.making import PRICES, SHIPPED, holdings, prices, ruled, target

NO_COSTS = {"slippage_bps": "0", "spread_bps": "0", "fx_fee_bps": "0", "commission": "0"}
# Trading costs nothing and turnover is free, so that each number of a test is about one thing.
FREE = ruled(costs=NO_COSTS, limits={"turnover_max": "1"})


def plan(wanted, held, policy: Policy = FREE, *, of: Prices = PRICES, fraction: str = "1") -> Proposal:
    """Plan the trades of a book whose whole capital may be used."""
    return plan_trades(wanted, held, of, policy=policy, capital_fraction=Decimal(fraction))


def told(lines: tuple[OrderLine, ...]) -> list[tuple[str, str, str]]:
    """Give side, instrument and quantity of each line."""
    return [(one.side, one.instrument, str(one.quantity)) for one in lines]


def test_a_line_holds_every_number_that_a_person_needs():
    """A tenth of 10,000 pounds at 125 dollars and 1.25: 9.9998 units, two pence inside, at 81 basis points."""
    (line,) = plan(target(AAA="0.1"), holdings(cash="10000"), SHIPPED).lines

    assert line == OrderLine(
        line=1,
        instrument="AAA",
        side="buy",
        effect="open",
        quantity=Decimal("9.9998"),
        order_type="market",
        price=Decimal("125"),
        limit_price=None,
        stop_price=None,
        worst_price=Decimal("127.5"),
        time_in_force="window",
        notional=Decimal("999.98"),
        notional_quote=Decimal("1249.98"),
        cost=Decimal("8.10"),
    )


def test_a_limit_order_is_limited_at_the_worst_price():
    """With limit orders the worst price stands on both sides, to the cent."""
    limits = ruled(within=FREE, execution={"order_style": "limit"})
    held = holdings({"DDD": "100"}, cash="9200")

    sale, buy = plan(target(AAA="0.1"), held, limits).lines

    assert (sale.order_type, sale.limit_price, sale.worst_price) == ("limit", Decimal("9.8"), Decimal("9.8"))
    assert (buy.order_type, buy.limit_price, buy.worst_price) == ("limit", Decimal("127.5"), Decimal("127.5"))


def test_exits_come_before_trims_and_trims_before_buys():
    """Exits and trims go by id, buys by the order of the target; lines are numbered as they come."""
    names = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
    marks = prices(dict.fromkeys(names, "125"))
    held = holdings(dict.fromkeys(("FFF", "BBB", "EEE", "CCC"), "20"), cash="2000")

    lines = plan(target(DDD="0.1", CCC="0.1", BBB="0.1", AAA="0.1"), held, of=marks).lines

    assert [(one.line, one.side, one.instrument) for one in lines] == [
        (1, "sell", "EEE"),
        (2, "sell", "FFF"),
        (3, "sell", "BBB"),
        (4, "sell", "CCC"),
        (5, "buy", "DDD"),
        (6, "buy", "AAA"),
    ]
    assert {one.effect for one in lines[:4]} == {"close"}


def test_an_exit_sells_the_whole_position_whatever_the_step():
    """What is left of a partial fill is no whole number of steps and goes all the same."""
    (line,) = plan(target(), holdings({"AAA": "3.12345"}, cash="1000")).lines

    assert (line.side, line.quantity, line.notional) == ("sell", Decimal("3.12345"), Decimal("312.34"))


def test_an_exit_may_be_smaller_than_the_smallest_order():
    """A remainder worth eight pounds is closed whole."""
    assert told(plan(target(), holdings({"DDD": "1"}, cash="1000")).lines) == [("sell", "DDD", "1")]


def test_an_instrument_wanted_at_zero_is_an_exit():
    """A share of zero of the capital closes positions whole; trimming would leave a few pence for ever."""
    assert told(plan(target(AAA="0"), holdings({"AAA": "3"}, cash="9700")).lines) == [("sell", "AAA", "3")]


def test_a_target_that_is_held_gives_no_line():
    """Nothing is off, so nothing is done, and the reason says so."""
    proposal = plan(target(AAA="0.1", BBB="0.1"), holdings({"AAA": "10", "BBB": "25"}, cash="8000"))

    assert proposal.lines == ()
    assert proposal.left_undone == ()
    assert proposal.hold_reason == "tiny deltas: 0 below 0.005 of equity, none above"


@pytest.mark.parametrize(("held", "weight"), [("0", "0.005"), ("10.5", "0.1")])
def test_a_delta_at_the_tiny_band_is_traded(held, weight):
    """Half a percent of 10,000 is 50 pounds: worth an order, to buy as to sell."""
    start = holdings({"AAA": held} if held != "0" else {}, cash=str(10_000 - 100 * Decimal(held)))

    assert len(plan(target(AAA=weight), start).lines) == 1


@pytest.mark.parametrize(("held", "weight"), [("0", "0.004999"), ("10.4999", "0.1")])
def test_a_delta_inside_the_tiny_band_is_not_traded(held, weight):
    """One penny less than 50 pounds is not worth an order; the reason counts it."""
    start = holdings({"AAA": held} if held != "0" else {}, cash=str(10_000 - 100 * Decimal(held)))

    proposal = plan(target(AAA=weight), start)

    assert proposal.lines == ()
    assert proposal.hold_reason == "tiny deltas: 1 below 0.005 of equity, none above"


@pytest.mark.parametrize(
    ("weight", "lines", "told_as"),
    [("0.0005", 1, None), ("0.000499", 0, "tiny deltas: 1 below 0.0005 of equity, none above")],
)
def test_the_tiny_band_is_a_share_of_what_the_phase_may_use(weight, lines, told_as):
    """A pilot's weights are a tenth of the full ones, and so is what counts as nothing beside them."""
    policy = ruled(within=FREE, limits={"order_value_min": "1"})

    proposal = plan(target(AAA=weight), holdings(cash="10000"), policy, fraction="0.1")

    assert (len(proposal.lines), proposal.hold_reason) == (lines, told_as)


def test_a_pilot_of_many_positions_buys_them():
    """Twenty of them share a tenth of 100,000 pounds, less the buffer: 475 each is less than the band of a whole book."""
    names = [f"N{number:02}" for number in range(20)]
    wanted = target(**dict.fromkeys(names, "0.00475"))

    policy = ruled(within=FREE, limits={"positions_max": 20})

    proposal = plan(wanted, holdings(cash="100000"), policy, of=prices(dict.fromkeys(names, "10")), fraction="0.1")

    assert len(proposal.lines) == 20


def test_turnover_is_spent_on_exits_first_and_the_rest_is_told():
    """A budget of 2,000 closes AAA (1,500), sells 500 of BBB and leaves nothing for the buy."""
    tight = ruled(within=FREE, limits={"turnover_max": "0.1"})
    held = holdings({"AAA": "15", "BBB": "25"}, cash="7500")

    proposal = plan(target(CCC="0.1"), held, tight)

    assert told(proposal.lines) == [("sell", "AAA", "15"), ("sell", "BBB", "12.4995")]
    assert proposal.left_undone == (
        "exit BBB: 500.00 of 1000.00 is beyond the turnover limit",
        "buy CCC: 1000.00 of 1000.00 is beyond the turnover limit",
    )


def test_an_exit_never_rounds_past_the_turnover_limit():
    """A position of 1,000.006 fits into a budget of 1,000.006, but its line counts 1,000.01, which does not."""
    tight = ruled(within=FREE, limits={"turnover_max": "0.0500003"})
    held = holdings({"AAA": "10.00006"}, cash="8999.99")

    proposal = plan(target(), held, tight)

    assert proposal.equity == Decimal("10000.00")
    assert told(proposal.lines) == [("sell", "AAA", "9.9998")]


def test_buys_stop_at_the_cash_above_the_buffer():
    """Of 1,500 in cash, 500 stay: 100 of the wanted 600 are left undone for AAA, and all of BBB's."""
    held = holdings({"DDD": "1062.5"}, cash="1500")

    proposal = plan(target(DDD="0.85", CCC="0.05", AAA="0.06", BBB="0.03"), held)

    assert told(proposal.lines) == [("buy", "CCC", "24.9990"), ("buy", "AAA", "5.0000")]
    assert proposal.left_undone == (
        "buy AAA: 99.98 of 600.00 is beyond the cash above the buffer",
        "buy BBB: 300.00 of 300.00 is beyond the cash above the buffer",
    )


def test_a_commission_is_paid_once_from_the_cash_above_the_buffer():
    """With 5 pounds an order, 525 above the buffer buy 520, two pence inside, and leave the buffer."""
    dear = ruled(within=FREE, costs={"commission": "5"})
    held = holdings({"DDD": "1121.875"}, cash="1025")

    (line,) = plan(target(DDD="0.8975", AAA="0.1"), held, dear).lines

    assert (line.notional, line.cost) == (Decimal("519.98"), Decimal("5.00"))


def test_costs_of_a_fraction_of_a_basis_point_keep_the_buffer_of_a_large_book():
    """A thousandth of a basis point of 90 million is nine pounds, and comes out of the cash as well."""
    policy = ruled(
        within=FREE, costs={"slippage_bps": "0.001"}, limits={"weight_max": "1", "order_value_max": "100000000"}
    )
    held = holdings(cash="100000000")

    (line,) = plan(target(AAA="0.95"), held, policy).lines

    assert line.cost == Decimal("9.50")
    assert held.cash - line.notional - line.cost >= Decimal("5000000")


@pytest.mark.parametrize(("source", "bought"), [("settled", "4.9998"), ("sale_proceeds", "9.9998")])
def test_buys_spend_settled_cash_or_expected_proceeds(source, bought):
    """Cash of 1,000 with a buffer of 500 buys 500, or 1,000 once the exit of BBB is counted."""
    policy = ruled(within=FREE, sizing={"buys_from": source})
    held = holdings({"BBB": "12.5", "DDD": "1062.5"}, cash="1000")

    proposal = plan(target(DDD="0.85", AAA="0.1"), held, policy)

    assert told(proposal.lines) == [("sell", "BBB", "12.5"), ("buy", "AAA", bought)]
    assert bool(proposal.left_undone) is (source == "settled")


def test_costs_of_sales_come_out_of_settled_cash():
    """A sale brings nothing that may be spent, but its costs are paid: 5 pounds less than the 500 above the buffer."""
    policy = ruled(within=FREE, sizing={"buys_from": "settled"}, costs={"slippage_bps": "100"})
    held = holdings({"BBB": "12.5", "DDD": "1062.5"}, cash="1000")

    sale, buy = plan(target(DDD="0.85", AAA="0.1"), held, policy).lines

    assert sale.cost == Decimal("5.00")
    assert Decimal("494.95") < buy.notional + buy.cost <= Decimal("495")


def test_a_phase_of_the_rollout_is_a_budget_too():
    """A tenth of 10,000 may be held and 900 are: of a wanted 200 only 100 are bought, and that is told."""
    proposal = plan(target(AAA="0.09", BBB="0.02"), holdings({"AAA": "9"}, cash="9100"), fraction="0.1")

    assert told(proposal.lines) == [("buy", "BBB", "2.4995")]
    assert proposal.left_undone == ("buy BBB: 100.00 of 200.00 is beyond the capital of the rollout phase",)


def test_what_is_sold_may_be_bought_again_within_the_phase():
    """An exit of 900 makes room for a buy of 900 within a tenth of the capital."""
    proposal = plan(target(BBB="0.09"), holdings({"AAA": "10"}, cash="9000"), fraction="0.1")

    assert told(proposal.lines) == [("sell", "AAA", "10"), ("buy", "BBB", "22.4995")]
    assert proposal.left_undone == ()


@pytest.mark.parametrize(
    ("wanted", "comes_to"), [("0.0020", "19.98"), ("0.002501", "24.99")], ids=["well below", "by the cut"]
)
def test_an_order_below_the_smallest_is_left_undone_and_told(wanted, comes_to):
    """What counts is the order as it would be, after the quantity was cut."""
    policy = ruled(within=FREE, sizing={"tiny_delta": "0"})

    proposal = plan(target(AAA=wanted), holdings(cash="10000"), policy)

    value = f"{Decimal(wanted) * 10_000:.2f}"
    assert proposal.lines == ()
    assert proposal.left_undone == (
        f"buy AAA: {value} comes to {comes_to} in steps of 0.0001; the smallest order is 25",
    )
    assert proposal.hold_reason == f"nothing can be done within the limits: {proposal.left_undone[0]}"


def test_less_than_one_step_is_left_undone_and_told():
    """Where only whole units are traded, 90 pounds buy nothing of what costs 100."""
    whole = ruled(within=FREE, sizing={"quantity_step": "1"})

    proposal = plan(target(AAA="0.009"), holdings(cash="10000"), whole)

    assert proposal.left_undone == ("buy AAA: 90.00 comes to 0.00 in steps of 1; the smallest order is 25",)


def test_a_trim_below_the_smallest_order_is_left_undone_and_told():
    """The rule is the same for sales that close nothing."""
    policy = ruled(within=FREE, sizing={"tiny_delta": "0"})

    proposal = plan(target(AAA="0.1"), holdings({"AAA": "10.2"}, cash="8980"), policy)

    assert proposal.lines == ()
    assert proposal.left_undone == ("trim AAA: 20.00 comes to 19.98 in steps of 0.0001; the smallest order is 25",)


def test_a_holding_on_the_no_buy_list_is_not_topped_up():
    """It is kept and may be trimmed, but its rule would refuse the buy; that is told beforehand."""
    banned = ruled(within=FREE, limits={"no_buy": ("AAA",)})

    proposal = plan(target(AAA="0.1", BBB="0.1"), holdings({"AAA": "5"}, cash="9500"), banned)

    assert told(proposal.lines) == [("buy", "BBB", "24.9995")]
    assert proposal.left_undone == ("buy AAA: 500.00 is left, for it stands on the no-buy list",)


def test_a_position_that_could_not_be_left_takes_the_place_of_a_new_one():
    """With whole units, 60 pounds of turnover sell none of AAA at 100: the only place stays taken, and CCC must wait."""
    single = ruled(within=FREE, sizing={"quantity_step": "1"}, limits={"positions_max": 1, "turnover_max": "0.03"})

    proposal = plan(target(CCC="0.1"), holdings({"AAA": "9"}, cash="100"), single)

    assert proposal.lines == ()
    assert proposal.left_undone == (
        "exit AAA: 900.00 of 900.00 is beyond the turnover limit",
        "buy CCC: 100.00 is left, for the book still holds 1 of at most 1 positions",
    )


def test_a_book_without_cash_above_the_buffer_buys_nothing():
    """Cash below the buffer is no negative budget: nothing is bought, and nothing is sold to fill it."""
    proposal = plan(target(AAA="0.96", BBB="0.04"), holdings({"AAA": "96"}, cash="400"))

    assert proposal.lines == ()
    assert proposal.hold_reason == (
        "nothing can be done within the limits: buy BBB: 400.00 of 400.00 is beyond the cash above the buffer"
    )


def test_the_proposal_says_what_it_starts_from():
    """Equity at marks, the target itself and the ledger head of the holdings."""
    wanted, held = target(AAA="0.1"), holdings({"BBB": "10"}, cash="100.01", head="9:KEY")

    proposal = plan(wanted, held)

    assert (proposal.equity, proposal.target, proposal.ledger_head) == (Decimal("500.01"), wanted, "9:KEY")


def test_a_held_instrument_without_a_mark_raises_with_its_name():
    """A holding that cannot be valued is no zero."""
    with pytest.raises(ValueError, match="held ZZZ has no mark"):
        plan(target(AAA="0.1"), holdings({"ZZZ": "1"}, cash="1000"))


def test_a_wanted_instrument_without_a_mark_raises_with_its_name():
    """What has no price cannot be bought."""
    with pytest.raises(ValueError, match="wanted ZZZ has no mark"):
        plan(target(ZZZ="0.1"), holdings(cash="1000"))


@pytest.mark.parametrize("cash", ["0", "-1"])
def test_a_book_without_equity_raises(cash):
    """There is nothing to invest, and no share of nothing."""
    with pytest.raises(ValueError, match=f"equity was {cash}.* GBP; there is nothing to invest"):
        plan(target(AAA="0.1"), holdings(cash=cash))


def test_holding_still_values_the_book_and_wants_nothing():
    """A slot in which nothing is due still tells what the book is worth."""
    proposal = hold_still("no rebalance due", holdings({"AAA": "1"}, cash="10"), PRICES)

    assert (proposal.equity, proposal.lines, proposal.hold_reason) == (Decimal("110.00"), (), "no rebalance due")


def test_expected_cost_counts_the_currency_fee_only_where_it_is_crossed():
    """Slippage 5, half a spread of 2 and a fee of 75 basis points, and the commission."""
    policy: Any = ruled(costs={"commission": "1.50"})

    assert expected_cost(Decimal("1000"), policy, crosses_currency=True) == Decimal("9.60")
    assert expected_cost(Decimal("1000"), policy, crosses_currency=False) == Decimal("2.10")


def test_a_book_of_one_currency_pays_no_currency_fee():
    """At a rate of 1 from pounds to pounds nothing is crossed."""
    (line,) = plan(target(AAA="0.1"), holdings(cash="10000"), SHIPPED, of=prices({"AAA": "125"}, rate="1")).lines

    assert (line.notional, line.cost) == (Decimal("999.98"), Decimal("0.60"))


def test_worst_prices_stand_on_either_side_of_the_mark():
    """200 basis points, to the cent inwards where a share is quoted in cents, to four decimals below one."""
    assert worst_price("buy", Decimal("187.43"), SHIPPED) == Decimal("191.17")
    assert worst_price("sell", Decimal("187.43"), SHIPPED) == Decimal("183.69")
    assert worst_price("buy", Decimal("0.5123"), SHIPPED) == Decimal("0.5225")
    assert worst_price("sell", Decimal("0.5123"), SHIPPED) == Decimal("0.5021")


@pytest.mark.parametrize("price", ["10.0001", "10.0099"])
def test_a_worst_price_is_never_better_than_the_decision_price(price):
    """Where the next cent inwards lies on the other side of the mark, the mark itself is the worst price."""
    strict = ruled(execution={"skip_above_bps": "0"})

    assert {worst_price(side, Decimal(price), strict) for side in ("buy", "sell")} == {Decimal(price)}


def test_the_order_of_marks_and_positions_does_not_matter():
    """The same values in another order give the same proposal."""
    wanted = target(CCC="0.1", AAA="0.1")
    held = holdings({"AAA": "50", "BBB": "25", "DDD": "100"}, cash="3000")
    turned = replace(held, positions=held.positions[::-1])

    assert plan(wanted, turned, of=replace(PRICES, marks=PRICES.marks[::-1])) == plan(wanted, held)

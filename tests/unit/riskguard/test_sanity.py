"""The last gate at its edges: what still may be put before a person, and each thing that cannot be what anybody meant."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from core.domain.decision import Refused, Review
from core.domain.holdings import Holdings
from core.domain.instrument import Universe
from core.domain.market import Prices
from core.domain.order import OrderLine
from core.gate import Gate
from core.riskguard.sanity import sanity_gate
from tests.unit.making import ABCD, AS_OF, PRICES, SHIPPED, closed_day, frame, holdings, line, proposal, ruled
from tests.unit.market_data.making import instrument

STEP = Decimal("0.0001")
HELD = holdings({"AAA": "10.00005"}, cash="1000")
BUY = line("buy", "BBB", "3.5")
SALE = line("sell", "AAA", "2")
PRICE = BUY.price


def gate(*lines: OrderLine, review: Review | None = None, held: Holdings = HELD, **changes: Any) -> Gate[Any]:
    """Judge lines of a proposal that were all approved, unless told otherwise."""
    plan = changes.pop("plan", proposal(*lines))
    judged = review or Review(plan.lines, ())
    prices: Prices = changes.pop("prices", PRICES)
    return sanity_gate(judged, plan, prices, holdings=held, frame=changes.pop("frame", frame(SHIPPED)))


def words(gate: Gate[Any]) -> list[str]:
    """Give what a closed gate says; it must be closed, and every finding must be its own."""
    assert not gate.is_open
    assert {finding.check for finding in gate.findings} == {"ticket"}
    return [finding.message for finding in gate.findings]


def changed(base: OrderLine, **changes: Any) -> OrderLine:
    """Give a line with fields changed; a text stands for its decimal."""
    texts = ("side", "effect", "order_type", "instrument")
    typed: dict[str, Any] = {
        name: Decimal(value) if isinstance(value, str) and name not in texts else value
        for name, value in changes.items()
    }
    return replace(base, **typed)


def test_lines_that_add_up_are_given_as_they_are():
    """A sale, then a buy that the cash pays for."""
    lines = proposal(SALE, BUY).lines

    assert gate(SALE, BUY).value == lines


def test_nothing_to_do_is_nothing_wrong():
    """A proposal that holds still has no line to judge, on a closed exchange too."""
    assert gate(frame=closed_day()).value == ()


@dataclass(frozen=True)
class Edge:
    """The last line that passes, the first that does not, and its words."""

    passes: OrderLine
    fails: OrderLine
    said: str
    more: dict[str, Any] = field(default_factory=dict)


LIMIT = changed(BUY, order_type="limit", limit_price=BUY.worst_price)
TIGHT = frame(ruled(execution={"skip_above_bps": "100"}))
NEAR = changed(BUY, worst_price=str(PRICE * Decimal("1.01") + STEP))
EDGES = {
    "no units": Edge(
        changed(BUY, quantity="0.0001", notional="0.01", notional_quote="0.01"),
        changed(BUY, quantity="0", notional="0", notional_quote="0"),
        "the quantity is 0; it must be above 0",
    ),
    "more than is held": Edge(
        line("sell", "AAA", "10.00005"),
        line("sell", "AAA", "10.0001"),
        "10.0001 units are sold and 10.00005 are held",
    ),
    "part of a step": Edge(
        line("sell", "AAA", "9.9999"),
        line("sell", "AAA", "9.99995"),
        "9.99995 units are no whole number of steps of 0.0001",
    ),
    "another effect": Edge(BUY, changed(BUY, effect="close"), "the effect is close; a buy opens and a sale closes"),
    "too far away": Edge(
        NEAR,
        changed(NEAR, worst_price=str(NEAR.worst_price + STEP)),
        f"the worst price is {NEAR.worst_price + STEP:f} for a decision price of {PRICE.normalize():f};"
        " at most 0.01 on the upper side is allowed",
        {"frame": TIGHT},
    ),
    "the wrong side": Edge(
        changed(BUY, worst_price=str(PRICE)),
        changed(BUY, worst_price=str(PRICE - STEP)),
        f"the worst price is {PRICE - STEP:f} for a decision price of {PRICE.normalize():f};"
        " at most 0.02 on the upper side is allowed",
    ),
    "not the order that the policy asks for": Edge(
        BUY, LIMIT, f"the order is limit with limit {BUY.worst_price.normalize():f}; the policy asks for market"
    ),
    "a value that is not price times units": Edge(
        changed(BUY, notional_quote=str(BUY.notional_quote + Decimal("0.01"))),
        changed(BUY, notional_quote=str(BUY.notional_quote + Decimal("0.02"))),
        f"its value is {(BUY.notional_quote + Decimal('0.02')).normalize():f};"
        f" units and price make {BUY.notional_quote:.2f}",
    ),
    "a cost beyond the value": Edge(
        changed(BUY, cost=str(BUY.notional)),
        changed(BUY, cost=str(BUY.notional + Decimal("0.01"))),
        f"its cost is {(BUY.notional + Decimal('0.01')).normalize():f} for a value of {BUY.notional.normalize():f}",
    ),
    "a cost below nothing": Edge(
        changed(BUY, cost="0"),
        changed(BUY, cost="-0.01"),
        f"its cost is -0.01 for a value of {BUY.notional.normalize():f}",
    ),
}


@pytest.mark.parametrize("name", EDGES)
def test_what_a_line_may_be_to_the_last_step(name):
    """The edge itself passes; one step beyond it the gate is closed with the numbers."""
    edge = EDGES[name]

    assert gate(edge.passes, **edge.more).is_open
    (said,) = words(gate(edge.fails, **edge.more))
    assert said == f"line 1, {edge.fails.side} {edge.fails.instrument}: {edge.said}"


def test_a_limit_order_carries_its_worst_price_as_the_limit():
    """Where the policy asks for limits, any other limit is refused."""
    limits = frame(ruled(execution={"order_style": "limit"}))
    other = changed(LIMIT, limit_price=str(LIMIT.worst_price - STEP))

    assert gate(LIMIT, frame=limits).is_open
    assert len(words(gate(other, frame=limits))) == 1
    assert len(words(gate(BUY, frame=limits))) == 1


@pytest.mark.parametrize("mark", ["another price", "another session", "no mark"])
def test_a_line_is_of_the_close_of_as_of(mark):
    """Prices that moved, that are old, or that are not there."""
    rows = PRICES.by_instrument()
    (own,) = (one for one in PRICES.marks if one.instrument == "BBB")
    others = tuple(one for name, one in rows.items() if name != "BBB")
    marks = {
        "another price": (*others, replace(own, price=own.price + STEP)),
        "another session": (*others, replace(own, session=AS_OF.replace(day=6))),
        "no mark": others,
    }[mark]

    (said,) = words(gate(BUY, prices=replace(PRICES, marks=marks)))

    assert said.startswith(
        f"line 1, buy BBB: the decision price is {PRICE.normalize():f}, and the close of 2024-06-07: it "
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (None, "nobody would find it: the universe has no row, or no search name, for it"),
        ({"etoro_search_name": " "}, "nobody would find it: the universe has no row, or no search name, for it"),
        ({"currency": "EUR"}, "it is in EUR, and the rate is for USD"),
    ],
)
def test_a_person_can_find_what_a_line_names_and_it_is_in_the_rates_currency(row, said):
    """No row, no name, or another currency than the rate's."""
    kept = tuple(one for one in ABCD.instruments if one.id != "BBB")
    fresh = () if row is None else (instrument("BBB", **row),)
    universe = Universe(tuple(sorted((*kept, *fresh), key=lambda one: one.id)))

    assert words(gate(BUY, frame=frame(SHIPPED, lists=universe))) == [f"line 1, buy BBB: {said}"]


def test_a_buy_is_paid_for_by_the_cash_that_is_there_then():
    """To the penny; a sale before it counts, and a fee of a sale alone borrows nothing."""
    cost = BUY.notional

    assert gate(BUY, held=holdings({"AAA": "10"}, cash=str(cost))).is_open
    assert words(gate(BUY, held=holdings({"AAA": "10"}, cash=str(cost - Decimal("0.01"))))) == [
        "after line 1 the cash would be -0.01; nothing is bought with borrowed money"
    ]
    short = holdings({"AAA": "10"}, cash=str(cost - SALE.notional))
    assert gate(SALE, BUY, held=short).is_open
    fee = changed(SALE, cost=str(SALE.notional))
    assert gate(fee, held=holdings({"AAA": "10"}, cash="0")).is_open
    assert gate(SALE, held=holdings({"AAA": "10"}, cash="-500")).is_open


def test_the_lines_taken_together():
    """Not the proposal's, doubled, approved and refused, in the wrong order, without a window, in spite of a reason to hold."""
    plan = proposal(SALE, BUY)
    sale, buy = plan.lines
    told = {
        "line 2 is not the proposal's; only a line that was proposed can be put before a person": gate(
            plan=plan, review=Review((sale, replace(buy, quantity=Decimal("3.4999"), notional=Decimal("0.00"))), ())
        ),
        "the lines are numbered [2, 1]; they must ascend, each number once": gate(
            plan=plan, review=Review((buy, sale), ())
        ),
        "AAA has more than one line; an instrument has one": gate(SALE, line("sell", "AAA", "1")),
        "BBB is both approved and refused": gate(plan=plan, review=Review((sale, buy), (Refused(buy, ()),))),
        "the sides stand in the order buy, sell; sales come first": gate(BUY, SALE),
        "there are lines, and no execution window": gate(SALE, BUY, frame=closed_day()),
        "there are lines, and a reason to hold: enough": gate(plan=proposal(SALE, BUY, hold_reason="enough")),
    }

    assert {said: words(judged)[0] for said, judged in told.items()} == {said: said for said in told}


@pytest.mark.parametrize("name", ["quantity", "worst_price", "cost", "notional"])
def test_what_is_no_number_is_never_open(name):
    """NaN compares with nothing: the stage fails to run, which closes it in the pipeline."""
    with pytest.raises((ArithmeticError, ValueError)):
        gate(changed(BUY, **{name: "NaN"}))

"""The rules at their edges: what is just allowed, the first tick beyond it, and what is then said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.domain.case import Case
from core.domain.decision import Objection
from core.domain.instrument import Universe
from core.riskguard import group_rules, line_rules, proposal_rules
from core.riskguard.rules import (
    ACTIVITY_RULES,
    CODES,
    GROUP_RULES,
    LINE_RULES,
    PROPOSAL_RULES,
    LineRule,
    ProposalRule,
)
from core.settings import Policy
from tests.unit.making import AS_OF, SHIPPED, case, holdings, line, past, prices, proposal, ruled
from tests.unit.riskguard.judging import ALIKE, QUIET, desk, judged, listed, other

THURSDAY = AS_OF - timedelta(days=1)


@dataclass(frozen=True)
class Edge:
    """The edge of a rule: the last case that it allows, the next one that it refuses, and its words."""

    rule: LineRule | ProposalRule
    allowed: Case
    refused: Case
    objection: Objection
    policy: Policy = SHIPPED


LINE_EDGES = (
    Edge(
        line_rules.short_sale,
        case(line("sell", "AAA", "10"), holdings=holdings({"AAA": "10"})),
        case(line("sell", "AAA", "10.0001"), holdings=holdings({"AAA": "10"})),
        Objection("SHORT_SALE", "10", "10.0001", "selling at most 10"),
    ),
    Edge(
        line_rules.unknown_instrument,
        case(line("buy", "AAA", "1"), universe=listed("AAA", valid_to=AS_OF)),
        case(line("buy", "AAA", "1"), universe=listed("AAA", valid_to=THURSDAY)),
        Objection(
            "UNKNOWN_INSTRUMENT",
            "one that is valid on 2024-06-07",
            "AAA is not in the universe of the day",
            "an instrument of the universe on the day",
        ),
    ),
    Edge(
        line_rules.not_underlying,
        case(line("buy", "AAA", "1")),
        case(line("buy", "AAA", "1"), universe=listed("AAA", is_tradable_as_underlying=False)),
        Objection(
            "NOT_UNDERLYING",
            "the underlying itself",
            "AAA is not tradable as underlying",
            "an instrument that is tradable as underlying",
        ),
    ),
    Edge(
        line_rules.unverified,
        case(line("buy", "AAA", "1"), venue="manual", universe=listed("AAA", verified_on=AS_OF)),
        case(line("buy", "AAA", "1"), venue="manual"),
        Objection(
            "UNVERIFIED",
            "a person's look at it",
            "nobody looked AAA up at the venue",
            "the same order after `twokey universe verify AAA --by NAME`",
        ),
    ),
    Edge(
        line_rules.on_no_buy_list,
        case(line("buy", "BBB", "1")),
        case(line("buy", "AAA", "1")),
        Objection("NO_BUY", "one that is not", "AAA is on the no-buy list", "any other instrument or selling this one"),
        ruled(limits={"no_buy": ("AAA",)}),
    ),
    Edge(
        line_rules.over_weight,
        case(line("buy", "AAA", "7"), holdings=holdings({"AAA": "3"})),
        case(line("buy", "AAA", "7.0001"), holdings=holdings({"AAA": "3"})),
        Objection("OVER_WEIGHT", "0.1", "0.100001", "a weight up to 0.1"),
    ),
    Edge(
        line_rules.under_order_value,
        case(line("buy", "AAA", "0.25")),
        case(line("buy", "AAA", "0.2499")),
        Objection("UNDER_ORDER_VALUE", "25", "24.99", "an order of 25 or more"),
    ),
    Edge(
        line_rules.over_notional,
        case(line("buy", "AAA", "10")),
        case(line("buy", "AAA", "10.0001")),
        Objection("OVER_NOTIONAL", "1000", "1000.01", "orders of at most 1000 a day"),
        ruled(limits={"order_value_max": "1000"}),
    ),
    Edge(
        line_rules.over_volume,
        case(line("buy", "AAA", "10"), panel=QUIET),
        case(line("buy", "AAA", "10.0001"), panel=QUIET),
        Objection("OVER_VOLUME", "0.01", "0.010001", "buying for at most 1250 in the currency of its price"),
    ),
    Edge(
        line_rules.stale_price,
        case(line("buy", "AAA", "1")),
        case(line("buy", "AAA", "1"), prices=prices({"AAA": "125"}, session=THURSDAY)),
        Objection("STALE_PRICE", "that of 2024-06-07", "the close is that of 2024-06-06", "a close of 2024-06-07"),
    ),
    Edge(
        line_rules.off_mark,
        case(line("buy", "AAA", "1", notional="100.01")),
        case(line("buy", "AAA", "1", notional="100.02")),
        Objection(
            "OFF_MARK",
            "125 a unit",
            "125 a unit and notional 100.02",
            "the close of as-of and its value at the morning's rate",
        ),
    ),
    Edge(
        line_rules.price_jump,
        case(line("buy", "AAA", "1"), panel=past(closes={"AAA": [100, 125]})),
        case(line("buy", "AAA", "1"), panel=past(closes={"AAA": [99.9999, 125]})),
        Objection("PRICE_JUMP", "0.25", "the close went from 99.9999 to 125", "a purchase after the next session"),
        ruled(limits={"price_move_max": "0.25"}),
    ),
    Edge(
        line_rules.action_pending,
        case(line("sell", "AAA", "1"), pending=(("BBB", "split 7 on 2024-06-10 (person)"),)),
        case(line("sell", "AAA", "1"), pending=(("AAA", "split 7 on 2024-06-10 (person)"),)),
        Objection(
            "ACTION_PENDING",
            "no split by the execution session",
            "split 7 on 2024-06-10 (person)",
            "a decision on bars after the split",
        ),
    ),
    Edge(
        line_rules.off_step,
        case(line("buy", "AAA", "1.0001")),
        case(line("buy", "AAA", "1.00015")),
        Objection("OFF_STEP", "0.0001", "1.00015", "a multiple of 0.0001"),
    ),
    Edge(
        line_rules.duplicate_line,
        case(line("buy", "AAA", "1"), line("buy", "BBB", "1")),
        case(line("buy", "AAA", "1"), line("buy", "AAA", "1")),
        Objection("DUPLICATE_LINE", "1", "2", "one line an instrument"),
    ),
    Edge(
        line_rules.opposite_line,
        case(line("buy", "AAA", "1"), line("sell", "BBB", "1")),
        case(line("buy", "AAA", "1"), line("sell", "AAA", "1")),
        Objection(
            "OPPOSITE_LINE",
            "one side an instrument",
            "AAA is bought and sold at once",
            "only buying or only selling it",
        ),
    ),
)
GROUP_EDGES = (
    Edge(
        group_rules.over_sector,
        case(line("buy", "BBB", "25"), holdings=holdings({"AAA": "50"})),
        case(line("buy", "BBB", "25.0001"), holdings=holdings({"AAA": "50"})),
        Objection("OVER_SECTOR", "0.6", "0.600001", "a weight of Energy up to 0.6"),
    ),
    Edge(
        group_rules.correlated,
        case(line("buy", "BBB", "25"), holdings=holdings({"AAA": "40", "CCC": "50"}), panel=ALIKE),
        case(line("buy", "BBB", "25.0001"), holdings=holdings({"AAA": "40", "CCC": "50"}), panel=ALIKE),
        Objection("CORRELATED", "0.5", "0.500001", "AAA and BBB of a weight up to 0.5"),
    ),
    Edge(
        group_rules.open_tickets,
        case(line("buy", "AAA", "5"), others=(other("buy", "AAA", "5"),)),
        case(line("buy", "AAA", "5"), others=(other("buy", "AAA", "5.0001"),)),
        Objection(
            "OPEN_TICKETS",
            "0.1",
            "0.100001 with the open buy of AAA worth 500.01 on TICKET-20240607",
            "a weight up to 0.1 with open tickets counted",
        ),
    ),
    Edge(
        group_rules.desk_over_weight,
        case(line("buy", "AAA", "12"), desk=desk("0.2", AAA="10")),
        case(line("buy", "AAA", "12.0001"), desk=desk("0.2", AAA="10")),
        Objection("DESK_OVER_WEIGHT", "0.2", "0.200001", "a weight up to 0.2 of all books together"),
    ),
    Edge(
        group_rules.desk_over_gross,
        case(line("buy", "AAA", "25"), desk=desk("0.5", AAA="50")),
        case(line("buy", "AAA", "25.0001"), desk=desk("0.5", AAA="50")),
        Objection("DESK_OVER_GROSS", "0.5", "0.500001", "positions of all books up to 0.5 of their equity"),
    ),
)
PROPOSAL_EDGES = (
    Edge(
        proposal_rules.too_many_positions,
        case(line("buy", "BBB", "1"), holdings=holdings({"AAA": "1"})),
        case(line("buy", "BBB", "1"), line("buy", "CCC", "1"), holdings=holdings({"AAA": "1"})),
        Objection("TOO_MANY_POSITIONS", "2", "3", "at most 2 positions"),
        ruled(limits={"positions_max": 2}),
    ),
    Edge(
        proposal_rules.thin_cash,
        case(line("buy", "AAA", "95"), holdings=holdings(cash="10000")),
        case(line("buy", "AAA", "95"), holdings=holdings(cash="9999.99")),
        Objection("THIN_CASH", "500", "499.99", "buying less so that the buffer stays"),
    ),
    Edge(
        proposal_rules.unsettled_cash,
        case(line("sell", "BBB", "10"), line("buy", "AAA", "10"), holdings=holdings({"BBB": "10"}, cash="1000")),
        case(line("sell", "BBB", "10"), line("buy", "AAA", "10"), holdings=holdings({"BBB": "10"}, cash="999.99")),
        Objection("UNSETTLED_CASH", "999.99", "1000", "buys within settled cash"),
        ruled(sizing={"buys_from": "settled"}),
    ),
    Edge(
        proposal_rules.over_capital,
        case(line("buy", "BBB", "15"), holdings=holdings({"AAA": "4"}), capital_fraction=Decimal("0.1")),
        case(line("buy", "BBB", "15.0001"), holdings=holdings({"AAA": "4"}), capital_fraction=Decimal("0.1")),
        Objection("OVER_CAPITAL", "0.1", "0.100001", "holding at most 0.1 of equity"),
    ),
    Edge(
        proposal_rules.leverage,
        case(line("buy", "AAA", "10"), holdings=holdings(cash="1000")),
        case(line("buy", "AAA", "10"), holdings=holdings(cash="999.99")),
        Objection("LEVERAGE", "0", "0.000001", "spending at most 999.99"),
    ),
    Edge(
        proposal_rules.losing_streak,
        case(line("buy", "AAA", "1"), course="+---+-"),
        case(line("buy", "AAA", "1"), course="+---+"),
        Objection(
            "LOSING_STREAK",
            "2 sessions",
            "1 session since 3 losing ones in a row",
            "buying once so many have followed",
        ),
        ruled(limits={"losing_sessions_max": 3, "cooldown_sessions": 2}),
    ),
)
ACTIVITY_EDGES = (
    Edge(
        proposal_rules.over_turnover,
        case(line("sell", "AAA", "25"), line("buy", "BBB", "87.5")),
        case(line("sell", "AAA", "25"), line("buy", "BBB", "87.50025")),
        Objection("OVER_TURNOVER", "0.3", "0.300001", "a turnover up to 0.3"),
    ),
    Edge(
        proposal_rules.too_many_trades,
        case(line("buy", "AAA", "1"), line("sell", "BBB", "1")),
        case(line("buy", "AAA", "1"), line("sell", "BBB", "1"), line("sell", "CCC", "1")),
        Objection("TOO_MANY_TRADES", "2", "3", "at most 2 orders a day"),
        ruled(limits={"trades_max": 2}),
    ),
)
EDGES = LINE_EDGES + GROUP_EDGES + PROPOSAL_EDGES + ACTIVITY_EDGES


def named(edge: Edge) -> str:
    """Give the name of an edge's rule, for the report."""
    return edge.rule.__name__


def test_every_rule_has_an_edge_here():
    """A rule that is added, dropped or moved in the registry is seen."""
    assert tuple(edge.rule for edge in LINE_EDGES) == LINE_RULES
    assert tuple(edge.rule for edge in GROUP_EDGES) == GROUP_RULES
    assert tuple(edge.rule for edge in PROPOSAL_EDGES) == PROPOSAL_RULES
    assert tuple(edge.rule for edge in ACTIVITY_EDGES) == ACTIVITY_RULES


def test_every_code_is_declared_and_reached_by_an_edge():
    """The declared codes are those that the edges reach, each once."""
    assert [edge.objection.code for edge in EDGES] == list(CODES)


@pytest.mark.parametrize("edge", EDGES, ids=named)
def test_a_rule_allows_its_edge(edge):
    """The limit itself is allowed."""
    assert judged(edge.rule, edge.allowed, edge.policy) is None


@pytest.mark.parametrize("edge", EDGES, ids=named)
def test_a_rule_refuses_one_tick_beyond_its_edge(edge):
    """One tick more is refused, with the code, the limit, the value and what would pass."""
    assert judged(edge.rule, edge.refused, edge.policy) == edge.objection


HEAVY = holdings({"AAA": "20", "BBB": "50", "CCC": "1"})
CFD = listed("AAA", is_tradable_as_underlying=False)


@pytest.mark.parametrize(
    ("rule", "reducing", "bound_by"),
    [
        (
            line_rules.unknown_instrument,
            case(line("sell", "AAA", "1"), universe=listed("AAA", valid_to=THURSDAY)),
            SHIPPED,
        ),
        (line_rules.not_underlying, case(line("sell", "AAA", "1"), universe=CFD), SHIPPED),
        (line_rules.unverified, case(line("sell", "AAA", "1"), venue="manual"), SHIPPED),
        (line_rules.on_no_buy_list, case(line("sell", "AAA", "1")), ruled(limits={"no_buy": ("AAA",)})),
        (line_rules.over_weight, case(line("sell", "AAA", "1"), holdings=HEAVY), SHIPPED),
        (
            proposal_rules.too_many_positions,
            case(line("sell", "AAA", "1"), holdings=HEAVY),
            ruled(limits={"positions_max": 2}),
        ),
        (proposal_rules.thin_cash, case(line("sell", "AAA", "1"), holdings=HEAVY), SHIPPED),
        (
            proposal_rules.unsettled_cash,
            case(line("sell", "AAA", "1"), holdings=HEAVY),
            ruled(sizing={"buys_from": "settled"}),
        ),
        (
            proposal_rules.over_capital,
            case(line("sell", "AAA", "1"), holdings=HEAVY, capital_fraction=Decimal(0)),
            SHIPPED,
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_rule_about_buys_lets_a_sale_pass(rule, reducing, bound_by):
    """What may not be bought, or not so much of it, may still be reduced."""
    assert judged(rule, reducing, bound_by) is None


@pytest.mark.parametrize("rule", [line_rules.under_order_value, line_rules.off_step])
def test_a_position_may_be_closed_whole_whatever_its_size(rule):
    """A remainder below the smallest order and off the step is sold whole, but not in part."""
    held = holdings({"AAA": "0.12345"})

    assert judged(rule, case(line("sell", "AAA", "0.12345"), holdings=held)) is None
    assert judged(rule, case(line("sell", "AAA", "0.12344"), holdings=held)) is not None


def test_a_sale_of_what_the_universe_never_listed_is_refused():
    """Without a row there is no name to look up at the venue."""
    off = case(line("sell", "AAA", "1"), universe=Universe(()), holdings=holdings({"AAA": "1"}))

    objection = judged(line_rules.unknown_instrument, off)

    assert objection is not None
    assert objection.code == "UNKNOWN_INSTRUMENT"


def test_an_instrument_that_is_not_listed_yet_is_unknown():
    """A row counts from its first day, that day included."""
    early = case(line("buy", "AAA", "1"), universe=listed("AAA", valid_from=AS_OF + timedelta(days=1)))
    due = case(line("buy", "AAA", "1"), universe=listed("AAA", valid_from=AS_OF))

    assert judged(line_rules.unknown_instrument, early) is not None
    assert judged(line_rules.unknown_instrument, due) is None


def test_the_paper_venue_asks_for_no_verification():
    """Nobody looks an instrument up where nothing real is traded."""
    assert judged(line_rules.unverified, case(line("buy", "AAA", "1"), venue="paper")) is None


@pytest.mark.parametrize("quantity", ["0", "-1"])
def test_a_quantity_must_be_above_zero(quantity):
    """Zero and less are refused, though both are whole numbers of steps."""
    assert judged(line_rules.off_step, case(line("buy", "AAA", quantity))) == Objection(
        "OFF_STEP", "0.0001", quantity, "a multiple of 0.0001"
    )


def test_a_price_one_tick_off_its_mark_is_refused():
    """The value at the mark does not save a line with another price."""
    off = line("buy", "AAA", "1", price="125.0001", notional="100.00")

    objection = judged(line_rules.off_mark, case(off))

    assert objection is not None
    assert objection.value == "125.0001 a unit and notional 100"


def test_a_line_without_a_mark_is_stale():
    """No price at all is no price of as-of."""
    bare = case(line("buy", "AAA", "1"), prices=prices({"BBB": "50"}))

    assert judged(line_rules.stale_price, bare) == Objection(
        "STALE_PRICE", "that of 2024-06-07", "there is no close", "a close of 2024-06-07"
    )


def test_costs_are_taken_from_the_cash_that_must_stay():
    """With costs of 100 the buffer is 5 % of 9,900 and the cash 100 less: 495 are needed, and the limit moves with it."""
    at_edge = case(line("buy", "AAA", "95", cost="100"), holdings=holdings(cash="10095"))
    beyond = replace(at_edge, holdings=holdings(cash="10094.99"))

    assert judged(proposal_rules.thin_cash, at_edge) is None
    assert judged(proposal_rules.thin_cash, beyond) == Objection(
        "THIN_CASH", "495", "494.99", "buying less so that the buffer stays"
    )


def test_costs_of_buys_come_out_of_settled_cash():
    """A buy of 1,000 that costs 5 needs 1,005; the costs of a sale are not its own."""
    settled = ruled(sizing={"buys_from": "settled"})
    lines = (line("sell", "BBB", "10", cost="3"), line("buy", "AAA", "10", cost="5"))

    at_edge = case(*lines, holdings=holdings({"BBB": "10"}, cash="1005"))

    assert judged(proposal_rules.unsettled_cash, at_edge, settled) is None
    assert (
        judged(proposal_rules.unsettled_cash, replace(at_edge, holdings=holdings(cash="1004.99")), settled) is not None
    )


def test_expected_proceeds_may_be_spent_where_the_policy_says_so():
    """With `sale_proceeds` the settled cash alone is no limit."""
    short = case(line("sell", "BBB", "30"), line("buy", "AAA", "10"), holdings=holdings({"BBB": "30"}, cash="0"))

    assert judged(proposal_rules.unsettled_cash, short, ruled(sizing={"buys_from": "sale_proceeds"})) is None


def test_adding_to_a_position_opens_none():
    """A book that holds too many may still buy more of what it holds."""
    crowded = case(line("buy", "AAA", "1"), holdings=holdings({"AAA": "1", "BBB": "1", "CCC": "1"}))

    assert judged(proposal_rules.too_many_positions, crowded, ruled(limits={"positions_max": 2})) is None


def test_a_position_sold_whole_makes_room_for_another():
    """What counts is what is held once every line is done."""
    lines = (line("sell", "AAA", "1"), line("buy", "CCC", "1"))
    swap = case(*lines, holdings=holdings({"AAA": "1", "BBB": "1"}))

    assert judged(proposal_rules.too_many_positions, swap, ruled(limits={"positions_max": 2})) is None


@pytest.mark.parametrize("rule", [line_rules.over_weight, proposal_rules.over_turnover, proposal_rules.over_capital])
def test_a_penny_above_a_share_is_seen_in_a_large_book(rule):
    """A share is compared exactly: rounding it to six decimals first would let half a pound of a million pass."""
    large = proposal(line("buy", "AAA", "1", notional="1000.01", price="1250.0125"), equity=Decimal(1_000_000))
    near = case(proposal=large, prices=prices({"AAA": "1250.0125"}), capital_fraction=Decimal("0.001"))
    bound_by = ruled(limits={"weight_max": "0.001", "turnover_max": "0.000500001"})

    objection = judged(rule, near, bound_by)

    assert objection is not None
    assert Decimal(objection.value) > Decimal(objection.limit)


def test_marks_and_rate_are_those_of_the_case():
    """Values are made in the base currency: at a rate of 1 the same units weigh a quarter more."""
    dear = case(line("buy", "AAA", "10", notional="1250"), prices=prices({"AAA": "125"}, rate="1"))

    assert judged(line_rules.over_weight, case(line("buy", "AAA", "10"))) is None
    assert judged(line_rules.over_weight, dear) == Objection("OVER_WEIGHT", "0.1", "0.125", "a weight up to 0.1")

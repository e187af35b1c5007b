"""The sentences of objections: what a person reads on the ticket, for each rule as it stands there."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.domain.decision import Objection
from core.riskguard import group_rules, line_rules, proposal_rules
from tests.unit.making import case, holdings, line, prices, ruled
from tests.unit.riskguard.judging import desk, judged, other
from tests.unit.riskguard.test_rules import EDGES, Edge, named

# In the order of the registry.
SENTENCES = """
SHORT_SALE: 10.0001 against the limit 10; selling at most 10 would pass
UNKNOWN_INSTRUMENT: AAA is not in the universe of the day, where the rule asks for one that is valid on 2024-06-07; \
an instrument of the universe on the day would pass
NOT_UNDERLYING: AAA is not tradable as underlying, where the rule asks for the underlying itself; \
an instrument that is tradable as underlying would pass
UNVERIFIED: nobody looked AAA up at the venue, where the rule asks for a person's look at it; \
the same order after `twokey universe verify AAA --by NAME` would pass
NO_BUY: AAA is on the no-buy list, where the rule asks for one that is not; any other instrument or selling this one would pass
OVER_WEIGHT: 0.100001 against the limit 0.1; a weight up to 0.1 would pass
UNDER_ORDER_VALUE: 24.99 against the limit 25; an order of 25 or more would pass
OVER_NOTIONAL: 1000.01 against the limit 1000; orders of at most 1000 a day would pass
OVER_VOLUME: 0.010001 against the limit 0.01; buying for at most 1250 in the currency of its price would pass
STALE_PRICE: the close is that of 2024-06-06, where the rule asks for that of 2024-06-07; a close of 2024-06-07 would pass
OFF_MARK: 125 a unit and notional 100.02, where the rule asks for 125 a unit; \
the close of as-of and its value at the morning's rate would pass
PRICE_JUMP: the close went from 99.9999 to 125, where the limit is 0.25; a purchase after the next session would pass
ACTION_PENDING: split 7 on 2024-06-10 (person), where the rule asks for no split by the execution session; \
a decision on bars after the split would pass
OFF_STEP: 1.00015 against the limit 0.0001; a multiple of 0.0001 would pass
DUPLICATE_LINE: 2 against the limit 1; one line an instrument would pass
OPPOSITE_LINE: AAA is bought and sold at once, where the rule asks for one side an instrument; \
only buying or only selling it would pass
OVER_SECTOR: 0.600001 against the limit 0.6; a weight of Energy up to 0.6 would pass
CORRELATED: 0.500001 against the limit 0.5; AAA and BBB of a weight up to 0.5 would pass
OPEN_TICKETS: 0.100001 with the open buy of AAA worth 500.01 on TICKET-20240607, where the limit is 0.1; \
a weight up to 0.1 with open tickets counted would pass
DESK_OVER_WEIGHT: 0.200001 against the limit 0.2; a weight up to 0.2 of all books together would pass
DESK_OVER_GROSS: 0.500001 against the limit 0.5; positions of all books up to 0.5 of their equity would pass
TOO_MANY_POSITIONS: 3 against the limit 2; at most 2 positions would pass
THIN_CASH: 499.99 against the limit 500; buying less so that the buffer stays would pass
UNSETTLED_CASH: 1000 against the limit 999.99; buys within settled cash would pass
OVER_CAPITAL: 0.100001 against the limit 0.1; holding at most 0.1 of equity would pass
LEVERAGE: 0.000001 against the limit 0; spending at most 999.99 would pass
LOSING_STREAK: 1 session since 3 losing ones in a row, where the rule asks for 2 sessions; \
buying once so many have followed would pass
OVER_TURNOVER: 0.300001 against the limit 0.3; a turnover up to 0.3 would pass
TOO_MANY_TRADES: 3 against the limit 2; at most 2 orders a day would pass
""".strip().split("\n")

BARE = case(line("buy", "AAA", "1"), prices=prices({"BBB": "50"}))
UNPRICED = case(line("buy", "AAA", "1"), desk=desk("1", EEE="1"))


@pytest.mark.parametrize(
    ("edge", "sentence"), list(zip(EDGES, SENTENCES, strict=True)), ids=[named(edge) for edge in EDGES]
)
def test_a_refusal_reads_as_a_sentence(edge: Edge, sentence: str):
    """Numbers stand against their limit; of words it is said what the rule asks for."""
    assert str(judged(edge.rule, edge.refused, edge.policy)) == sentence


@pytest.mark.parametrize(
    ("rule", "refused", "sentence"),
    [
        (
            line_rules.over_volume,
            case(line("buy", "AAA", "1"), panel=None),
            "OVER_VOLUME: AAA was traded in no usual session, where the limit is 0.01;"
            " buying for at most 0 in the currency of its price would pass",
        ),
        (
            line_rules.stale_price,
            BARE,
            "STALE_PRICE: there is no close, where the rule asks for that of 2024-06-07; a close of 2024-06-07 would pass",
        ),
        (
            line_rules.price_jump,
            case(line("sell", "AAA", "1", limit_price="-125")),
            "PRICE_JUMP: a price of -125, where the limit is 0.25;"
            " a price above 0 from 93.75 to 156.25 around the close of 125 would pass",
        ),
        (
            line_rules.price_jump,
            case(line("buy", "AAA", "1"), panel=None),
            "PRICE_JUMP: AAA has no close before this one, where the limit is 0.25;"
            " a purchase after the next session would pass",
        ),
        (
            line_rules.opposite_line,
            case(line("buy", "AAA", "1"), others=(other("sell", "AAA", "1"),)),
            "OPPOSITE_LINE: sell AAA on TICKET-20240607 line 1, where the rule asks for one side an instrument;"
            " a later day once that is answered would pass",
        ),
        (
            group_rules.desk_over_weight,
            UNPRICED,
            "DESK_OVER_WEIGHT: the worth of all books together is unknown or nothing, where the limit is 1;"
            " a close of as-of of all that other books hold would pass",
        ),
        (
            group_rules.desk_over_gross,
            UNPRICED,
            "DESK_OVER_GROSS: the worth of all books together is unknown or nothing, where the limit is 1;"
            " a close of as-of of all that other books hold would pass",
        ),
    ],
)
def test_what_has_no_number_reads_as_a_sentence_too(rule, refused, sentence):
    """Each other way in which a rule may refuse."""
    assert str(judged(rule, refused, ruled(limits={"price_move_max": "0.25"}))) == sentence


@pytest.mark.parametrize(("wait", "told"), [(1, "1 session"), (2, "2 sessions")])
def test_one_session_is_no_sessions(wait, told):
    """A streak that ended yesterday waits for a session, or for two."""
    bound_by = ruled(limits={"losing_sessions_max": 3, "cooldown_sessions": wait})

    objection = judged(proposal_rules.losing_streak, case(line("buy", "AAA", "1"), course="---"), bound_by)

    assert objection is not None
    assert (objection.value, objection.limit) == ("0 sessions since 3 losing ones in a row", told)


def test_open_lines_are_told_by_their_sum_tickets_and_largest():
    """Ten lines on two tickets are no list: how many, worth how much, on which, and the largest of them."""
    names = ["BBB", *["CCC"] * 8]
    ten = [other("buy", name, "1", line=at, notional=Decimal(at)) for at, name in enumerate(names, start=1)]
    ten.append(other("buy", "AAA", "4", ticket_id="TICKET-20240606", line=1))
    sold = other("sell", "DDD", "1", ticket_id="TICKET-20240605")

    objection = judged(group_rules.open_tickets, case(line("buy", "AAA", "7"), others=(*ten, sold)))

    assert objection is not None
    assert objection.value == (
        "0.11 with 10 open buys worth 445 on TICKET-20240606 and TICKET-20240607, the largest of AAA for 400"
    )


def test_an_open_sale_is_told_as_one():
    """Of the side that is judged; of two as large the first is named."""
    held = holdings({"AAA": "10", "BBB": "10"})
    waiting = (other("sell", "AAA", "2.5"), other("sell", "BBB", "5", line=2), other("buy", "CCC", "9", line=3))

    objection = judged(group_rules.open_tickets, case(line("sell", "AAA", "8"), holdings=held, others=waiting))

    assert objection is not None
    assert objection.value == "10.5 with 2 open sells worth 450 on TICKET-20240607, the largest of AAA for 250"


@pytest.mark.parametrize(
    ("limit", "value", "told"),
    [
        ("0.1", "-0.25", "-0.25 against the limit 0.1"),
        ("10", "1.", "1., where the limit is 10"),
        ("1 day", "2", "2, where the rule asks for 1 day"),
        ("two", "none", "none, where the rule asks for two"),
    ],
)
def test_only_two_numbers_stand_against_each_other(limit, value, told):
    """A number is digits, with a point among them or a minus before."""
    assert str(Objection("CODE", limit, value, "less")) == f"CODE: {told}; less would pass"

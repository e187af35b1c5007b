"""Splitting: one trade that a limit refuses, asked for in several pieces, is refused as the whole is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.case import Case
from core.domain.order import OrderLine
from core.domain.others import OtherLine
from core.riskguard.review import review_proposal
from tests.bypass.stages import FEW, Stage, staged
from tests.integration.workspaces import DAY, ONE_DAY, Workspaces, make_manual
from tests.unit.making import case, holdings, line, ruled

KEEPS_SERVERS = True
# A book of 10,000 pounds, a share of 125 dollars at a rate of 1.25: a hundred pounds each. 20 units are the limit.
POLICY = ruled(
    limits={
        "weight_max": "0.2",
        "turnover_max": "0.9",
        "order_value_max": "2000",
        "sector_weight_max": "1",
        "cluster_weight_max": "1",
    }
)
LIMIT, TOO_MUCH = 20, 24


def bought(reviewed: Case) -> Decimal:
    """Give what is approved to be bought, in pounds."""
    approved = review_proposal(reviewed, POLICY).approved
    return sum((one.notional for one in approved if one.side == "buy"), Decimal(0))


def pieces(count: int, whole: int = TOO_MUCH, *, side: str = "buy") -> list[OrderLine]:
    """Cut a trade of whole units into as many equal lines."""
    return [line("buy" if side == "buy" else "sell", "AAA", str(Decimal(whole) / count)) for _ in range(count)]


def beside(units: int, *, is_open: bool = True, is_of_the_day: bool = False) -> OtherLine:
    """Give a purchase on another ticket."""
    kept = line("buy", "AAA", str(units))
    return OtherLine(
        "TICKET-20240607", 1, "main", "AAA", "buy", kept.quantity, kept.notional, kept.cost, is_open, is_of_the_day
    )


SPLIT: dict[str, Callable[[], Case]] = {
    "in one piece": lambda: case(*pieces(1)),
    "in two": lambda: case(*pieces(2)),
    "in three": lambda: case(*pieces(3)),
    "in four": lambda: case(*pieces(4)),
    "in eight": lambda: case(*pieces(8)),
    "in twenty-four": lambda: case(*pieces(24)),
    "into groups": lambda: case(*(replace(one, group=at) for at, one in enumerate(pieces(2)))),
    "into parent and child": lambda: case(*(replace(one, parent=at or None) for at, one in enumerate(pieces(2)))),
    "into unequal parts": lambda: case(line("buy", "AAA", str(LIMIT)), line("buy", "AAA", "4")),
    "over an open ticket": lambda: case(line("buy", "AAA", "12"), others=(beside(12),)),
    "over two open tickets": lambda: case(line("buy", "AAA", "8"), others=(beside(8), beside(8))),
    "over an answered ticket of the day": lambda: case(
        line("buy", "AAA", "12"), others=(beside(12, is_open=False, is_of_the_day=True),)
    ),
    "over what is held": lambda: case(line("buy", "AAA", "12"), holdings=holdings({"AAA": "12"}, cash="8800")),
}


@pytest.mark.parametrize("name", SPLIT)
def test_a_purchase_too_large(name):
    """However it is cut, what is approved of it stays within what one piece may be."""
    most = {"over what is held": 800, "over an open ticket": 800, "over two open tickets": 400}.get(name, 2000)
    if name == "over an answered ticket of the day":
        most = 800

    assert bought(SPLIT[name]()) <= most


def test_a_purchase_at_the_limit():
    """The twin: the limit itself, in one piece, is approved."""
    assert bought(case(line("buy", "AAA", str(LIMIT)))) == 2000


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_a_sale_of_more_than_is_held(count):
    """Sales that are each of no more than is held sell no more together."""
    reviewed = case(*pieces(count, 24, side="sell"), holdings=holdings({"AAA": "20"}, cash="8000"))

    approved = review_proposal(reviewed, POLICY).approved

    assert sum((one.quantity for one in approved), Decimal(0)) <= 20


def test_a_sale_of_all_that_is_held():
    """The twin: all of it, in one piece."""
    reviewed = case(line("sell", "AAA", "20"), holdings=holdings({"AAA": "20"}, cash="8000"))

    assert [one.quantity for one in review_proposal(reviewed, POLICY).approved] == [Decimal(20)]


def test_purchases_that_cash_carries_one_by_one():
    """Each would leave the buffer; together they would not, and none is approved."""
    reviewed = case(line("buy", "AAA", "18"), line("buy", "BBB", "45"), holdings=holdings({"CCC": "340"}, cash="3200"))

    assert bought(reviewed) == 0


def test_crumbs_below_the_smallest_order():
    """A hundred orders that are each too small are not one that is large enough."""
    assert bought(case(*[line("buy", "DDD", "0.5") for _ in range(100)])) == 0


# --- through the doors ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage(workspaces: Workspaces) -> Iterator[Stage]:
    """Give a book that a person trades, without a day behind it."""
    root = workspaces.copy("split", FEW)
    make_manual(root)
    with staged(root) as stage:
        yield stage
        assert stage.judge() == ""


def test_a_slot_asked_for_again_and_again(stage):
    """A slot has one trade, however often, and in which revision of asking, it is asked for."""
    with stage.five(DAY) as five:
        hashes = {five.decided()["hash"] for _ in range(5)}

    assert len(hashes) == 1
    assert [row["kind"] for row in stage.rows("SELECT kind FROM ticket")] == ["TRADE"]


def test_the_rest_in_the_next_slot(stage):
    """While a trade waits for its answers, the next slots make none to go on with."""
    for days in (1, 2):
        with stage.five(DAY + days * ONE_DAY) as five:
            assert five.decided()["kind"] == "NO-TRADE"


def test_after_the_answers_the_next_slot_goes_on(stage):
    """The twin: answered and posted, the next slot is decided on what is held now."""
    standing = stage.desk.confirm_doors.tickets.ticket(f"TICKET-{DAY:%Y%m%d}")
    assert standing is not None
    stage.answer(standing.issued)
    assert stage.post() == len(standing.issued.ticket.lines)

    # Friday to Monday: what is held was never compared with the broker's account, and that is what still stops a trade.
    reasons = stage.day(DAY + 3 * ONE_DAY).ticket.reasons
    assert not any("unanswered" in reason for reason in reasons)

"""What stands beside a proposal, as it is looked up: what cannot be read refuses every purchase."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from core.domain.facts import Standing, Unread
from core.domain.others import BookHeld, DeskLimits, DeskView, OtherLine
from core.ledger.post import post_cash, post_fill
from core.pipeline import PIPELINE, Trail, walk
from flows.books import StoreError
from flows.look import read_desk
from tests.unit.making import AS_OF, SHIPPED, cash_fact, fill, frame, line, prices, proposal, run, standing, worth
from tests.unit.making import usual_past as past
from tests.unit.riskguard.judging import other

LIMITS = DeskLimits(Decimal(1), Decimal("0.25"), ("second", "third"))
ENTRIES = {
    "second": [
        post_cash(cash_fact("DEPOSIT", "1000", session=AS_OF)),
        post_fill(fill("buy", "AAA", "2", "125", session=AS_OF)),
        post_fill(fill("buy", "AAA", "5", "125", session=AS_OF + timedelta(days=3))),
    ],
    "third": [],
}


def desk(limits: DeskLimits | None, **ordered: tuple[OtherLine, ...]) -> DeskView | None:
    """Read the desk of a book that has two others beside it, one of which never traded."""
    setup: Any = SimpleNamespace(policy=SHIPPED, desk=limits)
    journal: Any = SimpleNamespace(entries=lambda book, venue: ENTRIES[book])
    tickets: Any = SimpleNamespace(lines_of_other=lambda book, slot, venue: ordered.get(book, ()))
    return read_desk(setup, journal, tickets, run=run())


def test_other_books_count_with_what_was_booked_up_to_as_of():
    """Two units bought by then and the cash that is left; the purchase of the day after is not known yet."""
    assert desk(LIMITS) == DeskView(
        Decimal(1), Decimal("0.25"), (BookHeld("second", (("AAA", Decimal(2)),), Decimal(800)),)
    )
    assert desk(DeskLimits(Decimal(1), Decimal("0.25"))) == DeskView(Decimal(1), Decimal("0.25"))
    assert desk(None) is None


def test_what_other_books_may_yet_buy_counts_as_bought():
    """With its cost and without its entry, of a book that holds nothing too; what may yet be sold is still held."""
    second = other("buy", "AAA", "3", notional=Decimal(300), cost=Decimal(1)), other("sell", "AAA", "2")
    third = (other("buy", "BBB", "1", notional=Decimal(50), cost=Decimal(2)),)

    told = desk(LIMITS, second=second, third=third)

    assert told == DeskView(
        Decimal(1),
        Decimal("0.25"),
        (
            BookHeld("second", (("AAA", Decimal(5)),), Decimal(499)),
            BookHeld("third", (("BBB", Decimal(1)),), Decimal(-52)),
        ),
    )


def test_a_book_that_cannot_be_read_is_not_taken_for_empty():
    """The error reaches the one who asked, who makes a fact of it."""

    def gone(book: str, venue: str) -> Any:
        raise StoreError("the database is gone")

    setup: Any = SimpleNamespace(policy=SHIPPED, desk=LIMITS)
    journal: Any = SimpleNamespace(entries=gone)
    tickets: Any = SimpleNamespace()
    with pytest.raises(StoreError, match="gone"):
        read_desk(setup, journal, tickets, run=run())


def reviewed(facts: Standing, **given: Any) -> Trail:
    """Walk the review alone, over one sound purchase."""
    judged = SimpleNamespace(panel=past(), quality=SimpleNamespace(pending_splits=(), pending=()))
    plan = proposal(line("buy", "AAA", "5"), ledger_head="2:ENTRY-2")
    values = {"frame": frame(), "standing": facts, "proposal": plan, "prices": prices({"AAA": "125"})}
    stage = next(one for one in PIPELINE if one.name == "review")
    return walk([stage], values | {"judged": judged, "worth": worth()} | given)


def test_a_sound_purchase_passes_its_review():
    """With every fact read, the review is open."""
    assert reviewed(standing()).gate("review").state == "open"


@pytest.mark.parametrize(
    ("facts", "given", "says"),
    [
        (standing(others=Unread("gone")), {}, "other tickets could not be looked up: gone"),
        (standing(desk=Unread("gone")), {}, "what the desk holds could not be looked up: gone"),
        (standing(), {"worth": Unread("gone")}, "equity could not be looked up: gone"),
    ],
)
def test_a_fact_that_cannot_be_read_closes_the_review(facts: Standing, given: dict[str, Any], says: str):
    """Nothing is approved on a fact that nobody read."""
    report = reviewed(facts, **given).gate("review")

    assert (report.state, report.messages) == ("closed", (f"failed to run: {says}",))

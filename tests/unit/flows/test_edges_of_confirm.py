"""Edges of confirming: what a guard of the flow keeps from a person, each found by deleting or inverting it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from core.domain.bars import Basis
from core.domain.confirmation import Confirmation, NotExecuted
from core.domain.panel import Panel
from flows.books import TicketStanding, Voided
from flows.confirm import ConfirmDoors, Refusal, bounds_of, confirm
from tests.unit.making import AS_OF, CONFIRM_BY, DAY, NOW, SHIPPED, issued, panel, ticket, ticket_line

TRADE = ticket(ticket_line(1, "buy", "AAA", "1"), ticket_line(2, "buy", "BBB", "2"), basis="raw and other")
NAN = float("nan")
MONDAY = replace(panel({"AAA": [120.0], "BBB": [50.0]}, last=DAY), basis=(Basis("raw"), Basis("raw")))


class Desk:
    """The doors of confirming over plain memory."""

    def __init__(
        self,
        *,
        live: Any = TRADE,
        voided: Sequence[Voided] = (),
        bars: Panel | None = MONDAY,
        current: str | None = "s",
    ) -> None:
        """Hold a live ticket, those that are void, and the bars."""
        self.kept: list[tuple[Confirmation, bool]] = []
        standing = None if live is None else TicketStanding(issued(live), ("drafted", "issued"), (), (1, 2))
        books: Any = SimpleNamespace(
            ticket=lambda ticket_id: standing,
            voided=lambda ticket_id: voided,
            entries=lambda book, venue: (),
            add_confirmation=lambda confirmation, is_late: self.kept.append((confirmation, is_late)),
            current=lambda: current,
            panel=lambda snapshot, **asked: bars,
        )
        self.doors = ConfirmDoors(books, books, books, books)

    def ranges(self, of: Any = TRADE) -> dict[str, tuple[Decimal, Decimal]]:
        """Give the range of the day's prices of each instrument that is known."""
        return dict(bounds_of(of, SHIPPED, self.doors).ranges)


def answer(of: Any = TRADE, **changes: Any) -> Confirmation:
    """Answer the first line of a ticket: it was not executed."""
    told = Confirmation(
        of.ticket_id, of.revision, of.short_hash, "Ada", "terminal", NOW, (NotExecuted(1, "not offered"),)
    )
    return replace(told, **changes)


def test_an_answer_that_fits_is_kept_and_the_other_line_still_waits():
    """Up to the deadline it is in time, a microsecond after it is late."""
    desk = Desk()

    early = confirm(answer(at=CONFIRM_BY), SHIPPED, desk.doors)
    late = confirm(answer(at=CONFIRM_BY + timedelta(microseconds=1)), SHIPPED, desk.doors)

    assert (early.waiting, early.is_late, late.is_late) == ((2,), False, True)
    assert [is_late for _, is_late in desk.kept] == [False, True]


def test_an_answer_that_does_not_fit_is_refused_and_not_kept():
    """No ticket, another hash: every reason is told."""
    for desk, words in ((Desk(live=None), "there is no ticket"), (Desk(), "the ticket's short hash is")):
        with pytest.raises(Refusal, match=words):
            confirm(answer(short_hash="00000000"), SHIPPED, desk.doors)
        assert desk.kept == []


@pytest.mark.parametrize(
    ("revision", "words"),
    [(2, "revision 2, short hash "), (1, "the next revision is not issued yet: `twokey run`")],
)
def test_an_answer_to_a_void_ticket_says_who_revised_it_and_what_stands_in_its_place(revision, words):
    """It is no slip of the pen: the person acted on a ticket that counts no more."""
    old = replace(TRADE, reasons=("earlier",))
    live = replace(TRADE, revision=revision)
    desk = Desk(live=live, voided=(Voided(issued(old), "Bob", "a typing error"),))

    with pytest.raises(Refusal, match="which is void: Bob revised it") as refused:
        confirm(answer(old), SHIPPED, desk.doors)

    assert words in str(refused.value)
    assert confirm(answer(live), SHIPPED, desk.doors).waiting == (2,)


def test_a_fill_is_held_against_the_low_and_high_of_its_session():
    """In the units of the ticket, of each instrument that has both."""
    low, high = replace(MONDAY, low=MONDAY.low - 1), replace(MONDAY, high=MONDAY.high + 1)

    assert Desk().ranges() == {"AAA": (Decimal(120), Decimal(120)), "BBB": (Decimal(50), Decimal(50))}
    assert Desk(bars=low).ranges()["AAA"] == (Decimal(119), Decimal(120))
    assert Desk(bars=high).ranges()["AAA"] == (Decimal(120), Decimal(121))


@pytest.mark.parametrize("field", ["low", "high"])
def test_a_bar_with_half_a_range_is_no_range(field):
    """The other instrument's is."""
    values = getattr(MONDAY, field).copy()
    values[0, 0] = NAN

    assert list(Desk(bars=replace(MONDAY, **{field: values})).ranges()) == ["BBB"]


def test_without_bars_of_the_session_in_the_tickets_units_there_is_no_range():
    """No clean set, no window, no such session, no such instrument, other units."""
    friday = replace(panel({"AAA": [120.0], "BBB": [50.0]}, last=AS_OF), basis=MONDAY.basis)
    others = replace(MONDAY, basis=(Basis("raw"), Basis("split-adjusted", DAY)))

    assert Desk(current=None).ranges() == {}
    assert Desk().ranges(replace(TRADE, window=None)) == {}
    assert Desk(bars=friday).ranges() == {}
    assert list(Desk(bars=panel({"BBB": [50.0]}, last=DAY, basis=(Basis("raw"),))).ranges()) == ["BBB"]
    assert list(Desk(bars=others).ranges()) == ["AAA"]

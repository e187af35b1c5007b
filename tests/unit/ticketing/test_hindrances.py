"""What makes an issued trade not to be executed now: each reason on both of its sides, and that all of them are said."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.domain.facts import Halt, Unread
from core.domain.hindrance import HEADS, Hindrance, Share
from core.ticketing.hindrances import hindrances, is_executed_by_hand
from tests.unit.making import NOW, ticket, ticket_line

TRADE = ticket(ticket_line(1, "buy", "AAA", "2"), ticket_line(2, "buy", "BBB", "2"))
TICK = timedelta(microseconds=1)
OF_DESK, OF_BOOK = Halt("*", "broker under\n\nattack", NOW), Halt("main", "it fell", NOW)
WHOLE = Share("C", Decimal(1), Decimal(1))


def found(of: Any = TRADE, **changes: Any) -> tuple[Hindrance, ...]:
    """Judge a ticket of two lines that wait inside their window, for which all is well unless a change says otherwise."""
    usual: dict[str, Any] = {"waiting": (1, 2), "halts": (), "share": WHOLE, "now": TRADE.expires_at - TICK}
    return hindrances(of, **(usual | changes))


def heads(of: Any = TRADE, **changes: Any) -> list[str]:
    """Give the words that a person must not overlook."""
    return [one.head for one in found(of, **changes)]


def test_a_trade_that_nothing_hinders_is_to_be_executed():
    """Inside its window, nothing halted, the share as approved, a line waiting."""
    assert found() == ()


def test_a_share_is_not_judged_where_nobody_executes_it_by_hand():
    """A halt is."""
    assert heads(share=None) == []
    assert heads(share=None, halts=(OF_BOOK,)) == ["HALTED"]


def test_what_is_no_trade_is_not_hindered():
    """Nothing of it is executed anyway."""
    assert found(ticket(), waiting=(), halts=(OF_DESK,)) == ()


def test_a_halt_says_whose_it_is_since_when_and_why():
    """In one line whatever was typed, and what to do stands before it."""
    (one,) = found(halts=(OF_DESK, OF_BOOK))

    assert (one.why, one.limit) == ("halted", "no halt")
    assert one.value == "*: broker under\n\nattack; main: it fell"
    assert one.words == (
        "Execute nothing more of this ticket: the whole desk is halted since Mon 10 Jun 2024 08:00 BST (broker under attack);"
        " book main is halted since Mon 10 Jun 2024 08:00 BST (it fell)."
        " Confirm what was executed already, and the other lines as not executed."
    )


@pytest.mark.parametrize(("late", "said"), [(-TICK, []), (timedelta(0), ["EXPIRED"]), (TICK, ["EXPIRED"])])
def test_a_trade_ends_with_its_window(late, said):
    """At the very end it has expired."""
    assert heads(now=TRADE.expires_at + late) == said


def test_an_expired_trade_names_what_waits():
    """Late answers are taken, and wanted."""
    (one,) = found(waiting=(2,), now=TRADE.expires_at)

    assert one.words.startswith("Execute nothing more of this ticket: its window closed on Mon 10 Jun 2024")
    assert one.words.endswith("Answer what waits, line 2: what was executed inside the window, or not executed.")


@pytest.mark.parametrize(("allowed", "said"), [("0", ["PHASE"]), ("0.0999", ["PHASE"]), ("0.1", []), ("1", [])])
def test_a_share_below_the_approved_one_hinders(allowed, said):
    """What is more than was approved for does not: the lines are no larger than they were."""
    assert heads(share=Share("A", Decimal(allowed), Decimal("0.1"))) == said


def test_a_phase_that_was_taken_back_says_both_shares():
    """In which phase the book is, and what it may use there."""
    (one,) = found(share=Share("A", Decimal(0), Decimal("0.1")))

    assert (one.limit, one.value) == ("0", "0.1")
    assert "approved for 0.1 of the capital, and phase A, which stands now, may use 0." in one.words


def test_a_share_that_cannot_be_looked_up_hinders():
    """Never taken for the approved one."""
    (one,) = found(share=Unread("the policy\ncannot be read"))

    assert (one.head, one.limit, one.value) == ("NOT KNOWN", "a known share", "the policy\ncannot be read")
    assert one.words == (
        "Execute nothing more of this ticket until it can be said: what share of the capital the book may use now could not"
        " be looked up (the policy cannot be read)."
    )


def test_all_that_hinders_is_said():
    """A person reads every reason, the halt first."""
    less = Share("A", Decimal(0), Decimal(1))

    assert heads(halts=(OF_DESK,), share=less, now=TRADE.expires_at) == ["HALTED", "PHASE", "EXPIRED"]


def test_a_trade_that_is_answered_wholly_says_that_alone():
    """Nothing is left that could be executed, whatever else is so."""
    assert heads(waiting=(), halts=(OF_DESK,), now=TRADE.expires_at) == ["ANSWERED"]


@pytest.mark.parametrize(
    ("changes", "is_so"),
    [({}, True), ({"venue": "paper"}, False), ({"is_rehearsal": True}, False), ({"kind": "HOLD"}, False)],
)
def test_who_executes(changes, is_so):
    """A person, where it is a trade of a real venue on its own day."""
    assert is_executed_by_hand(ticket(*TRADE.lines, **changes)) is is_so


def test_each_head_is_said_once():
    """Two reasons that read the same would be taken for one."""
    assert len(set(HEADS.values())) == len(HEADS)

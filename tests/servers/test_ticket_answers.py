"""What an agent is told of a ticket: how it stands to the second, and as much of its text as an answer holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.domain.hindrance import Hindrance
from flows.books import TicketStanding
from servers.answers import WORDS_LENGTH_MAX
from servers.ticketing.answers import MARKDOWN_BYTES_MAX, rendered, ticket_state
from tests.unit.making import issued, ticket, ticket_line

TRADE = ticket(ticket_line(1, "buy", "AAA", "2"))
TICK = timedelta(microseconds=1)


def standing(*waiting: int, **changes):
    """Give a sent ticket that waits for answers to some lines."""
    return TicketStanding(issued(ticket(*TRADE.lines, **changes)), ("drafted", "issued", "sent"), (), waiting)


@pytest.mark.parametrize(("late", "has_expired"), [(-TICK, False), (timedelta(0), True), (TICK, True)])
def test_a_ticket_ends_with_its_window(late, has_expired):
    """At the very end it has expired."""
    assert ticket_state(standing(1), "waiting", now=TRADE.expires_at + late).has_expired is has_expired


@pytest.mark.parametrize(
    ("kind", "waiting", "late", "is_overdue"),
    [
        ("TRADE", (1,), timedelta(0), False),
        ("TRADE", (1,), TICK, True),
        ("TRADE", (), TICK, False),
        ("NO-TRADE", (1,), TICK, False),
    ],
)
def test_an_answer_is_overdue_after_its_time_alone(kind, waiting, late, is_overdue):
    """Only for a ticket to trade, and only while a line waits."""
    state = ticket_state(standing(*waiting, kind=kind), "waiting", now=TRADE.confirm_by + late)

    assert state.is_overdue is is_overdue


def test_what_hinders_a_ticket_is_told_beside_it_and_stands_above_its_text():
    """In few words, of which what to do is the first; a ticket that nothing hinders has an empty list."""
    halted = Hindrance("halted", "Execute nothing. " + "x" * 300, limit="no halt", value="main: x")
    state = ticket_state(standing(1), "waiting", now=TRADE.expires_at, hindered=(halted,))
    text = rendered(issued(TRADE), "# a ticket\n", (halted,))

    assert [(one.why, len(one.says)) for one in state.hindrances] == [("halted", WORDS_LENGTH_MAX)]
    assert state.hindrances == text.hindrances
    assert text.markdown == f"> **HALTED.** {halted.words}\n\n# a ticket\n"
    assert rendered(issued(TRADE), "# a ticket\n").hindrances == ()


def test_a_text_is_cut_at_a_line_where_it_would_not_fit():
    """As many bytes as fit are whole; with one more the last line is left out, and it says so."""
    lines = "a line\n" * (MARKDOWN_BYTES_MAX // 7)
    whole = lines + "." * (MARKDOWN_BYTES_MAX - len(lines))

    assert len(whole) == MARKDOWN_BYTES_MAX
    fits, cut = rendered(issued(TRADE), whole), rendered(issued(TRADE), f"{whole}\u00a3")

    assert (fits.is_cut, fits.markdown) == (False, whole)
    assert (cut.is_cut, cut.markdown) == (True, lines.rstrip("\n"))

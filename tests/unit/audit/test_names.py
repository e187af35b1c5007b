"""The names of figures: every value of a ticket has one, and the words of its page mean the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.audit.names import asked_for, nearest, ticket_figures, ticket_name
from core.canonical import plain
from core.domain.decision import GateReport
from tests.unit.making import issued, ticket, ticket_line

TICKET = ticket(
    ticket_line(1, "sell", "AAA", "2"),
    ticket_line(2, "buy", "BBB", "3"),
    gates=(GateReport("data", "open", ("two bars are stale", "one is not")),),
    left_undone=("buy CCC: 10.00 is left",),
    notes=("a note",),
)


def count_values(told: Any) -> int:
    """Count what JSON holds that holds nothing itself; an empty list is nothing."""
    if isinstance(told, dict):
        return sum(map(count_values, told.values()))
    return sum(map(count_values, told)) if isinstance(told, list) else 1


def test_every_value_has_one_name_and_its_place():
    """As many names as values, and each leads to its value."""
    whole = issued(TICKET)
    told = {"hash": TICKET.hash, "short_hash": TICKET.short_hash, "seal": plain(whole.seal), "ticket": plain(TICKET)}

    named = ticket_figures(whole)

    assert len(named) == count_values(told)
    for path, value in named.values():
        found: Any = told
        for part in path:
            found = found[part]
        assert found == value
    assert named["line 2 quantity"] == (("ticket", "lines", 1, "quantity"), "3")
    assert named["gate data message 2"][1] == "one is not"
    assert named["left undone 1"][1] == "buy CCC: 10.00 is left"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("LINE 1 Quantity", "line 1 quantity"),
        ("line 1 units", "line 1 quantity"),
        ("line 2 value GBP", "line 2 value"),
        ("line 2 Value USD", "line 2 value quote"),
        ("line 2 value EUR", "line 2 value eur"),
        ("line 1 skip if", "line 1 worst price"),
        ("line 1 price at decision", "line 1 decision price"),
        ("cash after line 2", "line 2 expected cash after"),
        ("line 2 cash after", "line 2 expected cash after"),
        ("fx_rate", "fx rate"),
        ("equity", "equity"),
    ],
)
def test_words_of_the_page_mean_the_figure(words, name):
    """Headings, underscores and any case are understood; a currency that the ticket does not have is not."""
    assert ticket_name(words.split(), TICKET) == name


def test_a_ticket_in_its_own_currency_has_one_value():
    """Where base and quote are the same, its heading means the value in the base."""
    same = replace(TICKET, lines=tuple(replace(line, currency="GBP") for line in TICKET.lines))

    assert ticket_name(["line", "1", "value", "GBP"], same) == "line 1 value"


def test_a_name_that_is_none_is_told_what_it_comes_near_to():
    """Those that share most words come first; nothing shared, nothing told."""
    known = dict.fromkeys(("cash", "line 1 quantity", "line 1 value", "line 2 value"))

    assert nearest(asked_for(["Line", "1", "worth"]), known)[:2] == ["line 1 quantity", "line 1 value"]
    assert nearest("dividend", known) == []

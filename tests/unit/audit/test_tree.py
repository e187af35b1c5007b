"""The tree under a figure: values made of those under them, facts at the end, and every difference in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.audit.tree import (
    KeptFile,
    KeptRow,
    computed,
    derived,
    fact,
    leaves_of,
    nodes_of,
    shown,
    tree_of,
    verdict_of,
    words_of,
)

ROW = KeptRow("entry", 17, 42, "f" * 64, "role ledger", datetime(2024, 6, 10, 7, tzinfo=UTC))
FILE = KeptFile("yahoo/AAPL/2024-06-10.json", "e" * 64, "yahoo", "symbol AAPL, session 2024-06-10")
PRICE = fact("price", Decimal("12.50"), FILE)
UNITS = fact("units", Decimal(4), ROW)


def value(kept: str = "50"):
    """Give a value that is kept, and made of price and units."""
    return derived("value", Decimal(kept), "price x units", [PRICE, UNITS], compute=lambda a, b: a * b, origins=[ROW])


def test_a_kept_value_is_held_against_what_its_rule_makes():
    """Equal is told with the count of numbers and facts; a penny off is told with both numbers."""
    equal, off = verdict_of(value()), verdict_of(value("50.01"))

    assert (equal.problems, equal.words()) == ((), "recomputed: equal (1 numbers computed again from 2 facts)")
    assert off.problems == ("value: it is 50.01, computed again it is 50",)
    assert off.words() == "NOT AS KEPT: value: it is 50.01, computed again it is 50"


@pytest.mark.parametrize(
    "error", [ValueError("no rate"), KeyError("GBP"), ZeroDivisionError("by zero"), TypeError("x")]
)
def test_what_cannot_be_computed_again_is_told(error):
    """A rule that fails is a problem with its words, for a kept value and for one that is only made."""

    def fail(*_: object) -> Decimal:
        raise error

    kept = derived("value", Decimal(1), "a rule", [PRICE], compute=fail)
    made = computed("value", "a rule", [PRICE], compute=fail)

    assert verdict_of(kept).problems == (f"value: it is 1, and cannot be computed again: {error}",)
    assert verdict_of(made).problems == (f"value: it cannot be computed: {error}",)


def test_a_value_that_cannot_be_shown_is_told():
    """What a rule makes may be no value of its kind; that is a problem of the node and no crash."""
    made = computed("value", "a rule", [PRICE], compute=lambda one: None, text=lambda one: one.words)

    assert "cannot be computed" in verdict_of(made).problems[0]


def test_a_fact_without_its_evidence_is_told():
    """A leaf that is kept nowhere is no fact."""
    assert verdict_of(fact("price", Decimal(1))).problems == ("price: what it rests on is not there",)


@pytest.mark.parametrize("origin", [ROW, FILE])
def test_what_is_wrong_with_a_place_is_a_problem_of_what_is_kept_there(origin):
    """A row or file that is not as it was kept is told, though the number itself comes out equal."""
    bad = fact("price", Decimal(1), replace(origin, problem="rows of entry that event 42 added were changed"))
    root = derived("value", Decimal(1), "the price", [bad], compute=lambda one: one)

    assert verdict_of(root).problems == ("price: rows of entry that event 42 added were changed",)


def test_a_person_reads_value_rule_and_places_and_then_what_stands_under_it():
    """The lines go from the figure down, each deeper one indented."""
    lines = words_of(replace(value(), printed="50.00")).splitlines()

    assert lines == [
        "value = 50 (on the page: 50.00)",
        "  rule: price x units",
        "  kept: entry 17, event 42 ffffffffffff, said by role ledger at 2024-06-10T07:00:00.000000Z",
        "  recomputed: equal",
        "  price = 12.5",
        "    kept: yahoo/AAPL/2024-06-10.json, sha256 eeeeeeeeeeee, source yahoo, symbol AAPL, session 2024-06-10",
        "  units = 4",
        "    kept: entry 17, event 42 ffffffffffff, said by role ledger at 2024-06-10T07:00:00.000000Z",
    ]


def test_what_stands_under_two_is_told_once():
    """The second time a node is met it is named, with its value, and nothing under it again; a program is told so too."""
    root = derived("sum", Decimal(100), "twice", [value(), value()], compute=lambda a, b: a + b)

    assert words_of(root).splitlines()[-1] == "  value = 50 (shown above)"
    assert [one.get("is_above", False) for one in tree_of(root)["under"]] == [False, True]
    assert [node.name for node in nodes_of(root)] == ["sum", "value", "price", "units"]
    assert [node.name for node in leaves_of(root)] == ["price", "units"]


def test_a_long_row_of_parts_is_cut_for_a_person_and_whole_for_a_program():
    """A hundred entries under a sum are counted on the page; all of them stand in the JSON."""
    parts = [fact(f"part {number}", Decimal(1), ROW) for number in range(100)]
    root = derived("sum", Decimal(100), "all", parts, compute=lambda *numbers: sum(numbers))

    assert words_of(root).splitlines()[-1] == "  ... and 94 more of these; --json has all"
    assert len(tree_of(root)["under"]) == 100
    assert verdict_of(root).facts == 100


@pytest.mark.parametrize(
    ("told", "text"),
    [(Decimal("1.50"), "1.5"), (None, "-"), (True, "true"), ("words", "words"), ([Decimal(1)], '["1"]')],
)
def test_values_are_shown_as_the_json_of_a_ticket_has_them(told, text):
    """Decimals are plain, nothing is a dash, and texts stand as they are."""
    assert shown(told) == text

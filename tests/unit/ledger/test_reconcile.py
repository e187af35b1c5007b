"""Reconciling: every kind of break, its tolerance at the edge, and the words of each."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.domain.venue import AccountSnapshot, Break
from core.ledger.reconcile import breaks_between
from tests.unit.making import AS_OF, SHIPPED, holdings, ruled

STRICT = SHIPPED.reconciliation


def theirs(units: dict[str, str], cash: str = "100.00") -> AccountSnapshot:
    """Give what the venue says the account holds."""
    told = holdings(units)
    return AccountSnapshot("etoro", "main", "manual", AS_OF, told.positions, Decimal(cash))


def test_books_that_agree_have_no_break():
    """The same units and the same cash."""
    assert breaks_between(holdings({"AAA": "1.5"}, "100.00"), theirs({"AAA": "1.5"}), STRICT) == ()


@pytest.mark.parametrize(
    ("ours", "venue", "found"),
    [
        ({}, {"AAA": "1"}, Break("unknown position", "AAA", Decimal(0), Decimal(1))),
        ({"AAA": "1"}, {}, Break("missing position", "AAA", Decimal(1), Decimal(0))),
        ({"AAA": "1"}, {"AAA": "1.0001"}, Break("quantity", "AAA", Decimal(1), Decimal("1.0001"))),
        ({"AAA": "1"}, {"AAA": "0.9999"}, Break("quantity", "AAA", Decimal(1), Decimal("0.9999"))),
    ],
)
def test_each_kind_of_difference_in_units_is_a_break(ours, venue, found):
    """What only one side knows, and what both know differently."""
    assert breaks_between(holdings(ours, "100.00"), theirs(venue), STRICT) == (found,)


@pytest.mark.parametrize("cash", ["100.01", "99.99"])
def test_cash_may_differ_by_its_tolerance(cash):
    """A penny is allowed by the shipped policy, on both sides."""
    assert breaks_between(holdings({}, cash), theirs({}), STRICT) == ()


@pytest.mark.parametrize("cash", ["100.02", "99.98", "100.011"])
def test_cash_beyond_its_tolerance_is_a_break(cash):
    """More than a penny is not."""
    assert breaks_between(holdings({}, cash), theirs({}), STRICT) == (
        Break("cash", "etoro", Decimal(cash), Decimal("100.00")),
    )


def test_units_may_differ_by_their_tolerance():
    """A tolerance of 0.001 covers a small position that only one side knows, and no more."""
    loose = ruled(reconciliation={"units_tolerance": "0.001"}).reconciliation

    assert breaks_between(holdings({"AAA": "0.001"}, "100"), theirs({"BBB": "0.001"}), loose) == ()
    assert len(breaks_between(holdings({"AAA": "0.0011"}, "100"), theirs({"BBB": "0.0011"}), loose)) == 2


def test_breaks_are_told_by_instrument_and_cash_comes_last():
    """Nothing is netted away: one missing and one unknown position are two breaks."""
    found = breaks_between(holdings({"CCC": "1", "AAA": "2"}, "0"), theirs({"BBB": "1", "AAA": "1"}), STRICT)

    assert [(one.kind, one.subject) for one in found] == [
        ("quantity", "AAA"),
        ("unknown position", "BBB"),
        ("missing position", "CCC"),
        ("cash", "etoro"),
    ]


def test_a_break_says_what_both_sides_hold():
    """One sentence that a person can act on."""
    assert str(Break("quantity", "AAA", Decimal("1.5"), Decimal("2"))) == (
        "quantity AAA: our books hold 1.5, the venue says 2"
    )

"""Under a book: each entry is posted again from its evidence, and cash and units are what entries move."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.audit.books import Booked, Books, SplitTold, cash_node, entry_node, holdings_node, position_node
from core.audit.tree import KeptRow, verdict_of
from core.domain.panel import Split
from core.domain.posting import Posting
from core.ledger.post import post_cash, post_fill, post_split
from core.ledger.splits import splits_due
from tests.unit.making import AS_OF, DAY, cash_fact, fill, holdings

AT = datetime(2024, 6, 10, 7, tzinfo=UTC)
ROW = KeptRow("entry", 1, 2, "a" * 64, "role ledger", AT)
TOLD = KeptRow("venue_report", 1, 1, "b" * 64, "role desk", AT)
PAID_IN = cash_fact("DEPOSIT", "1000")
BOUGHT = fill("buy", "AAA", "4", "50", fee="1")
SOLD = fill("sell", "AAA", "1", "60")


def booked(entry, evidence, *, rows=(ROW,), told=(TOLD,)):
    """Give an entry with its evidence, both kept in rows."""
    return Booked(entry, rows, told, evidence)


def books(*changes):
    """Give a book of a deposit, a purchase and a sale, with entries put in the place of theirs."""
    whole = [
        booked(post_cash(PAID_IN), PAID_IN),
        booked(post_fill(BOUGHT), BOUGHT),
        booked(post_fill(SOLD), SOLD),
    ]
    return Books((*whole, *changes), "GBP", "3:x")


def doubled(entry):
    """Give an entry that moves twice as much, and balances."""
    return replace(entry, postings=tuple(replace(one, amount=2 * one.amount) for one in entry.postings))


def test_cash_and_units_are_what_entries_move():
    """1,000 came, 4 units cost 160 and a fee of 1, one brought 48; three units are left."""
    book = books()

    cash, units = cash_node(book, Decimal(887)), position_node(book, "AAA", Decimal(3))
    both = holdings_node(book, holdings({"AAA": "3"}, cash="887", head="3:x"))

    assert [verdict_of(node).problems for node in (cash, units, both)] == [(), (), ()]
    assert [node.again for node in (cash, units)] == ["887", "3"]
    assert len(cash.under) == 3
    assert len(units.under) == 2


def test_a_penny_and_a_unit_off_are_told():
    """What is kept and what entries come to are both named."""
    cash, units = cash_node(books(), Decimal("887.01")), position_node(books(), "AAA", Decimal("3.0001"))

    assert verdict_of(cash).problems == ("cash GBP at ledger head 3:x: it is 887.01, computed again it is 887",)
    assert verdict_of(units).problems == ("units of AAA at ledger head 3:x: it is 3.0001, computed again it is 3",)


@pytest.mark.parametrize(
    "evidence",
    [
        BOUGHT,
        SOLD,
        PAID_IN,
        cash_fact("WITHDRAW", "10"),
        cash_fact("DIVIDEND", "10", withheld="1.5", instrument="AAA"),
    ],
)
def test_an_entry_is_held_against_what_its_evidence_makes(evidence):
    """An honest entry comes out equal; one that moves another amount is told with both, whatever it rests on."""
    entry = post_fill(evidence) if hasattr(evidence, "price") else post_cash(evidence)

    honest, forged = entry_node(booked(entry, evidence)), entry_node(booked(doubled(entry), evidence))

    assert verdict_of(honest).problems == ()
    assert "computed again it is" in verdict_of(forged).problems[0]


def test_an_entry_of_another_day_or_kind_is_told():
    """The day and the kind of an entry are part of what its evidence makes."""
    entry = post_fill(BOUGHT)

    later = entry_node(booked(replace(entry, session=AS_OF), BOUGHT))
    other = entry_node(booked(replace(entry, kind="SELL"), BOUGHT))

    assert all(len(verdict_of(node).problems) == 1 for node in (later, other))


def test_a_split_is_made_again_of_what_was_held_before_it():
    """Two for one of three units: three came; had four come, it would be told."""
    before = (post_cash(PAID_IN), post_fill(replace(BOUGHT, session=AS_OF)))
    told = SplitTold(Split(DAY, "AAA", Decimal(2)), before, Decimal("0.0001"))
    (due,) = splits_due(before, [told.split], step=told.step, book="main", venue="paper", evidence="clean_snapshot:1")
    entry = post_split(due)

    honest, forged = entry_node(booked(entry, told)), entry_node(booked(doubled(entry), told))
    nothing = entry_node(booked(entry, replace(told, before=(*before, entry))))

    assert verdict_of(honest).problems == ()
    assert entry.postings[0] == Posting("units", "AAA", Decimal(4))
    assert "computed again it is SPLIT" in verdict_of(forged).problems[0]
    assert "leaves nothing to post" in verdict_of(nothing).problems[0]


def test_evidence_that_speaks_for_itself_is_a_fact_and_not_computed():
    """Of a kind of evidence that nothing here posts from, row and place are told, and that it is as it was kept."""
    entry = replace(post_cash(PAID_IN), evidence="booked_fact:7")

    node = entry_node(booked(entry, None))
    gone = entry_node(booked(entry, None, told=()))

    assert verdict_of(node).problems == ()
    assert (node.again, node.rule) == (None, "DEPOSIT, booked from booked_fact 7")
    assert "what it rests on is not there" in verdict_of(gone).problems[0]

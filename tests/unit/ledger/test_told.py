"""What the books know already of a statement: matched once each, nearest first, and never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.domain.posting import Entry, Posting
from core.ledger.booked import body_of, read_fact
from core.ledger.question import AnyFact
from core.ledger.told import told_already

AT = datetime(2024, 7, 1, tzinfo=UTC)
MONDAY = date(2024, 3, 4)


def fill(
    key: str, units: str, *, day: date = MONDAY, cash: str = "-1000", evidence: str = "confirmation_line:1"
) -> Entry:
    """Give an entry of a trade in AAPL."""
    number = Decimal(units)
    postings = (
        Posting("units", "AAPL", number),
        Posting("trade", "AAPL", -number),
        Posting("cash", "GBP", Decimal(cash)),
        Posting("trade", "GBP", -Decimal(cash)),
    )
    return Entry(key, "BUY" if number > 0 else "SELL", "main", "manual", day, "AAPL", evidence, postings)


def fact(kind: str, key: str = "f", *, day: date = MONDAY, **fields: Any) -> AnyFact:
    """Give a fact of a statement."""
    told = {"kind": kind, "key": key, "effective": day.isoformat(), "account": "main"} | fields
    if kind == "SPLIT":
        del told["account"]
    return read_fact(body_of(told), key, recorded=AT)


def trade(key: str = "f", units: str = "10", *, kind: str = "BUY", day: date = MONDAY, amount: str = "999") -> AnyFact:
    """Give a trade in AAPL with a fee of one pound."""
    money = {"amount": amount, "fee": "1", "currency": "GBP"}
    return fact(kind, key, day=day, instrument="AAPL", quantity=units, **money)


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_the_same_trade_a_day_apart_is_known(days: int) -> None:
    """A broker's day may be the one before or after ours; the cash is compared, fee included."""
    found = told_already([trade(day=date(2024, 3, 4 + days))], [fill("A", "10")])
    assert [(one.entry, one.cash_difference) for one in found.known] == [("A", Decimal(0))]
    assert (found.new, found.doubtful) == ((), ())


@pytest.mark.parametrize("days", [-2, 2])
def test_two_days_apart_it_is_another_trade(days: int) -> None:
    """Further apart it is new."""
    found = told_already([trade(day=date(2024, 3, 4 + days))], [fill("A", "10")])
    assert ([one.key for one in found.new], found.known) == (["f"], ())


def test_each_entry_is_matched_once_and_the_nearest_first() -> None:
    """Two equal rows and one fill: one is known, the other new; of two fills the one of the day is taken."""
    twice = told_already([trade("f1"), trade("f2")], [fill("A", "10")])
    assert ([one.fact.key for one in twice.known], [one.key for one in twice.new]) == (["f1"], ["f2"])
    near = told_already([trade()], [fill("B", "10", day=date(2024, 3, 3)), fill("A", "10")])
    assert [one.entry for one in near.known] == ["A"]


def test_a_row_of_the_day_beside_takes_no_entry_from_a_row_of_its_day() -> None:
    """A file may tell the newest first: the row of the next day comes first, and the fill is that of its own day."""
    found = told_already([trade("later", day=date(2024, 3, 5)), trade("same")], [fill("A", "10")])
    assert ([one.fact.key for one in found.known], [one.key for one in found.new]) == (["same"], ["later"])


def test_what_the_statement_says_of_the_cash_is_told() -> None:
    """The same units for another amount are the same trade, with the difference."""
    found = told_already([trade(amount="1004")], [fill("A", "10")])
    assert [one.cash_difference for one in found.known] == [Decimal(-5)]


def test_other_units_of_that_day_are_doubtful_and_not_booked() -> None:
    """A fill of 10 and a row of 9: the same trade told differently, or another; a person says which."""
    found = told_already([trade(units="9")], [fill("A", "10")])
    assert (found.new, found.known) == ((), ())
    assert "tell of 10 AAPL that day, as A, and this row of 9" in found.doubtful[0][1]


def test_another_side_is_another_trade() -> None:
    """A sale is no purchase."""
    found = told_already([trade(kind="SELL")], [fill("A", "10")])
    assert [one.key for one in found.new] == ["f"]


def test_entries_that_rest_on_booked_facts_or_were_taken_back_match_nothing() -> None:
    """What came from a statement is known by its key; what was taken back never happened."""
    booked = fill("A", "10", evidence="booked_fact:3")
    gone = [fill("B", "10"), Entry("B reversed", "CORRECTION", "main", "manual", MONDAY, "AAPL", "booked_fact:4", ())]
    assert [one.key for one in told_already([trade()], [booked, *gone]).new] == ["f"]


def test_cash_is_matched_by_its_amount_and_currency() -> None:
    """A deposit of the same amount is known, of another or in another currency new."""
    cash = (Posting("cash", "GBP", Decimal(100)), Posting("capital", "GBP", Decimal(-100)))
    paid = Entry("paid", "DEPOSIT", "main", "manual", MONDAY, None, "cash_movement:1", cash)
    facts = [
        fact("DEPOSIT", "a", currency="GBP", amount="100"),
        fact("DEPOSIT", "b", currency="USD", amount="100"),
        fact("DEPOSIT", "c", currency="GBP", amount="101"),
    ]
    found = told_already(facts, [paid])
    assert ([one.fact.key for one in found.known], [one.key for one in found.new]) == (["a"], ["b", "c"])


def test_a_split_is_known_whatever_posted_it() -> None:
    """The clean set's split of that day is the statement's, in every row that tells of it."""
    units = (Posting("units", "AAPL", Decimal(10)), Posting("trade", "AAPL", Decimal(-10)))
    split = Entry("S", "SPLIT", "main", "manual", MONDAY, "AAPL", "clean_snapshot:1", units)
    rows = [fact("SPLIT", key, instrument="AAPL", new=2, old=1) for key in ("a", "b")]
    found = told_already(rows, [split])
    assert [one.entry for one in found.known] == ["S", "S"]

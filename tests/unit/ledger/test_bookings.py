"""Bookings: what the checking door could not take is refused, and splits, days and rows are read alike by all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal, localcontext
from typing import Any

import pytest

from core.domain.panel import Split
from core.ledger.bookable import cash_key_objections
from core.ledger.booked import standing_splits
from core.ledger.splits import splits_left
from flows.booking import BookingDoors, BookingRefused, KeyConflict, book_facts, try_facts
from flows.importing import Source, Target, part_facts
from tests.unit.ledger.booking import (
    APART,
    OTHER,
    PLACES,
    START,
    TODAY,
    Books,
    cash,
    clean_split,
    fix,
    opening,
    told,
)
from tests.unit.ledger.test_asked_of_books import filled

FEE = told("FEE", "f1", amount="2")
REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "more cash than there is": (
        [told("TRANSFER", "t", to=APART, currency="GBP", amount="5000")],
        r"fact 't': amount 5000 GBP is above the 1002 in main",
    ),
    "lots that the method does not take": (
        [
            opening("o", "3"),
            told("SELL", "s", instrument="VOD", quantity="1", amount="9", lots=[{"lot": "o", "quantity": "1"}]),
        ],
        "lots were named, and the method is FIFO",
    ),
    "another name that is held": (
        [
            opening("o", "3", account=APART),
            opening("p", "3", "VODA", account=APART),
            told("SYMBOL_CHANGE", "n", "2024-03-02", instrument="VOD", to="VODA"),
        ],
        "VODA is held already",
    ),
    "cash for no fraction": (
        [opening("o", "3"), told("CASH_IN_LIEU", "c", "2024-03-02", instrument="VOD", kept="3", amount="1")],
        "kept was 3, and 3 are held",
    ),
    "income of nothing": ([told("EXCESS_INCOME", "e", instrument="VOD", amount="1")], "no units of VOD are held"),
    "one instrument in two currencies": (
        [opening("o", "3", "ODD", account=APART), opening("p", "3", "ODD", account=APART, currency="USD")],
        "ODD was told in GBP before, and now in USD",
    ),
    "the key of an entry": ([FEE | {"key": "opening"}], "fact 'opening': there is an entry 'opening' already"),
    "a key that entries may have": (
        [FEE | {"key": "TICKET-20240301-r1-L1"}],
        "keys that begin with TICKET or SPLIT and a day",
    ),
    "a key that is a control": ([FEE | {"key": "a\nb"}], r"key 'a\\nb'"),
    "an entry of a fact": ([FEE, fix("c", "fact f0 in main")], "rests on the fact 'f0'; take that back"),
    "a replacement under the key that is taken back": (
        [fix("c", "f0", replacement=FEE | {"key": "f0"})],
        "replacement: the key 'f0' is taken",
    ),
    "a replacement under the key of its correction": (
        [fix("c", "f0", replacement=FEE | {"key": "c"})],
        "replacement: the key 'c' is taken",
    ),
    "a replacement under a key that stands in another": (
        [fix("c", "f0", replacement=FEE | {"key": "x"}), FEE | {"key": "x"}],
        "the key 'x' is taken",
    ),
    "a split beside one that stands in a correction": (
        [
            told("SPLIT", "s", instrument="VOD", new=2, old=1),
            fix("c", "s", replacement=told("SPLIT", "s2", instrument="VOD", new=3, old=1)),
            told("SPLIT", "s3", instrument="VOD", new=3, old=1),
        ],
        "'s2' tells of a split of VOD on 2024-03-01 already",
    ),
    "an instrument that the book's universe does not know": ([opening("o", "3", "VDO")], "'VDO' in book main"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_engine_could_not_take_is_refused_before_it_is_kept(what: str) -> None:
    """Kept, it would end every answer about the books; the refusal says which fact and why, and nothing is kept."""
    books = Books()
    books.post(cash("opening"))
    books.book(told("FEE", "f0", amount="2"), told("DEPOSIT", "d0", amount="2"))
    facts, words = REFUSED[what]
    with pytest.raises(BookingRefused, match=words):
        books.book(*facts)
    assert len(books.kept) == 2
    assert books.checked()


def test_what_a_later_fact_broke_can_still_be_mended() -> None:
    """A withdrawal leaves less than was moved before it: the engine refuses, and a correction is taken all the same."""
    books = Books()
    books.post(cash("in"))
    books.book(told("TRANSFER", "t", to=APART, currency="GBP", amount="900"))
    spent = replace(filled(4, "buy", "1", "500", name="VOD", quote="GBP"), session=date(2024, 2, 1))
    books.post(spent)
    with pytest.raises(ValueError, match="above the 500"):
        books.checked()
    books.book(fix("c", "t"))
    assert books.checked()


def test_a_day_before_a_fill_that_was_taken_back_is_still_answered() -> None:
    """As of the day before, the fill is not there, and neither is what took it back."""
    books = Books()
    books.post(cash("in"))
    fill = replace(filled(4, "buy", "1", "500", name="VOD", quote="GBP"), session=date(2024, 2, 1))
    books.post(fill)
    books.book(fix("c", fill.key, "2024-02-01"))
    assert books.checked(date(2024, 1, 31))
    assert books.held() == {"GBP": Decimal(1000)}


def test_numbers_of_twelve_decimals_and_great_amounts_lose_no_digit() -> None:
    """A price and units of twelve decimals each, and balances of fifteen digits: what is posted is the exact product."""
    books = Books()
    books.post(cash("in", "99000000000000"))
    for number in range(3):
        books.book(
            told(
                "BUY",
                f"b{number}",
                instrument="VOD",
                quantity="123456.123456789012",
                price="1234.123456789012",
                fee="0.000000000001",
            )
        )
    assert books.checked()
    exact = -3 * (123456123456789012 * 1234123456789012 + 10**12)
    with localcontext(prec=100):
        paid = sum(
            (one.amount for entry, _ in books.posted[1:] for one in entry.postings if one.account == "cash"), Decimal(0)
        )
        assert paid == Decimal(exact).scaleb(-24)


def test_a_split_that_the_clean_set_told_of_one_book_is_booked_for_the_others() -> None:
    """The book follows the clean set, the part in no book the person's fact, and neither is split twice."""
    books = Books()
    books.book(opening("o", "3"), opening("p", "5", account=APART))
    books.post(clean_split("3"))
    books.book(told("SPLIT", "s", "2024-03-04", instrument="VOD", new=2, old=1))
    assert (books.held(), books.held(APART)) == ({"VOD": Decimal(6)}, {"VOD": Decimal(10)})
    assert books.checked()


def test_a_split_booked_first_is_posted_by_it_and_not_again_by_the_clean_set() -> None:
    """Who told of a split first in a book is followed there; the clean set makes up for what it posted itself."""
    books = Books()
    books.book(opening("o", "3.3333"), told("SPLIT", "s", "2024-03-04", instrument="VOD", new=3, old=2))
    found = [Split(date(2024, 3, 4), "VOD", Decimal("1.5")), Split(date(2024, 3, 5), "VOD", Decimal(2))]
    told_of = standing_splits(books.kept)
    assert splits_left(books.entries_at("manual"), found, told_of) == (found[1],)
    assert splits_left([clean_split("1.6")], found, told_of) == tuple(found)
    assert splits_left(books.entries_at("manual"), found, {}) == tuple(found)
    books.book(fix("c", "s"))
    assert standing_splits(books.kept) == {}
    books.book(fix("c2", "o", replacement=told("SPLIT", "s2", "2024-03-05", instrument="VOD", new=2, old=1)))
    assert standing_splits(books.kept).keys() == {("VOD", date(2024, 3, 5))}


def test_a_statement_tells_the_part_in_no_book_of_a_split_that_only_a_book_follows() -> None:
    """Of the book's own statement the split is known; of another part's it is news, and booked there."""
    books = Books()
    books.book(opening("o", "3"), opening("p", "5", account=APART))
    books.post(clean_split("3"))
    row = told("SPLIT", "row", "2024-03-04", instrument="VOD", new=2, old=1)
    journal: Any = books
    for book, is_known in (("main", True), (APART, False)):
        target = Target("etoro", book, PLACES.books[book], {"vod": "VOD"})
        parted = part_facts([row], target, Source("0", "a.csv", "ann", {"row": 7}), journal, now=START)
        assert (len(parted.known), len(parted.facts)) == ((1, 0) if is_known else (0, 1))


def test_a_split_again_by_another_book_is_the_same_split() -> None:
    """It is of all books, so which of them it was kept under says nothing; a fact of another book is another fact."""
    books = Books()
    split, fee = told("SPLIT", "s", instrument="VOD", new=2, old=1), told("FEE", "f", amount="2")
    books.book(split, fee)
    other = [replace(one, book=OTHER, account="isa") for one in books.kept]
    journal: Any = books
    done = try_facts(other[:1], journal, places=PLACES, now=books.now, today=TODAY)
    assert (done.new, done.known) == ((), 1)
    with pytest.raises(KeyConflict, match="'f' is told otherwise by ann"):
        try_facts(other, journal, places=PLACES, now=books.now, today=TODAY)


def test_a_row_that_is_no_fact_is_left_with_its_line() -> None:
    """A number that the books cannot hold is one row's fault, and no end of the import."""
    journal: Any = Books()
    row = told("DEPOSIT", "row", amount="0.0000000000001")
    target = Target("etoro", "main", "GBP", {})
    parted = part_facts([row], target, Source("0", "a.csv", "ann", {"row": 7}), journal, now=START)
    assert [(one.line, "at most 12 decimals" in one.why) for one in parted.left] == [(7, True)]


def test_the_ratio_of_a_posted_split_is_changed_in_all_books_at_once() -> None:
    """Taken back in one book alone the other would still follow the old one, which is refused; in one file both are right."""
    books = Books()
    books.book(opening("o", "3"), opening("p", "5", account=APART))
    books.post(clean_split("3"), clean_split("5", APART))
    right = told("SPLIT", "s", "2024-03-04", instrument="VOD", new=3, old=1)
    one = fix("c", "SPLIT-20240304-VOD-main-manual", replacement=right)
    with pytest.raises(BookingRefused, match="etoro/unallocated would hold 10 VOD by its postings and 15 by its facts"):
        books.book(one)
    books.book(one, fix("c2", f"SPLIT-20240304-VOD-{APART}-manual"))
    assert (books.held(), books.held(APART)) == ({"VOD": Decimal(9)}, {"VOD": Decimal(15)})
    assert books.checked()


def test_a_row_of_a_file_is_booked_to_one_account_alone() -> None:
    """The same file again under another account's name would book everything twice; the row says where it is."""
    books = Books()
    journal: Any = books
    row, source = told("DEPOSIT", "row", amount="5"), Source("0", "a.csv", "ann", {"row": 7})
    (mine,) = part_facts([row], Target("etoro", APART, None, {}), source, journal, now=START).facts
    book_facts([mine], BookingDoors(books, journal), places=PLACES, now=START, today=TODAY)
    other = part_facts([row], Target("isa", OTHER, None, {}), source, journal, now=START)
    assert [(one.line, "booked to account etoro" in one.why) for one in other.left] == [(7, True)]
    elsewhere = part_facts([row], Target("isa", OTHER, None, {}), replace(source, sha256="1"), journal, now=START)
    assert (len(elsewhere.facts), elsewhere.left) == (1, ())
    books.book(fix("c", mine.key))
    assert part_facts([row], Target("isa", OTHER, None, {}), source, journal, now=START).left == ()


def test_an_entry_that_a_row_of_another_file_told_of_is_not_taken_again() -> None:
    """Two files in one import, each with a deposit of that size on days beside each other: one is known, the other news."""
    books = Books()
    journal: Any = books
    books.post(cash("paid", "5"))
    row, source = told("DEPOSIT", "row", "2024-01-02", amount="5"), Source("0", "a.csv", "ann", {"row": 7})
    target = Target("etoro", "main", "GBP", {})
    assert [one.entry for _, one in part_facts([row], target, source, journal, now=START).known] == ["paid"]
    again = part_facts([row], target, source, journal, now=START, taken={"paid"})
    assert (again.known, len(again.facts)) == ((), 1)


@pytest.mark.parametrize("key", ["f1", "TICKET-20240301-r1-L1", "fact f1 in main", "paid reversed"])
def test_cash_takes_no_key_that_an_entry_or_a_fact_has_or_may_have(key: str) -> None:
    """Two things under one key could not be told apart, and of two entries the second would never be posted."""
    assert cash_key_objections(key, {"f1"})
    assert cash_key_objections("paid", {"f1"}) == ()

"""Booked facts: what each kind posts, what is made up for later, and what a correction takes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from core.domain.booked import BookedFact
from core.domain.posting import Entry, standing_entries
from core.ledger.booked import FactError, body_of, fact_of, lacking, read_fact, short_units
from core.ledger.reconcile import ours_of

AT = datetime(2024, 7, 1, 12, tzinfo=UTC)
HASH = "a" * 64
GBP = {"currency": "GBP"}


def booked(number: int, kind: str, day: str, **fields: Any) -> BookedFact:
    """Give a kept fact of the book `main`; company actions name no account."""
    key = fields.pop("key", f"f{number}")
    told: dict[str, Any] = {"kind": kind, "key": key, "effective": day} | fields
    if kind not in ("SPLIT", "SPIN_OFF", "SYMBOL_CHANGE", "CORRECTION"):
        told.setdefault("account", "main")
    return BookedFact(
        key=key,
        kind=kind,
        account="etoro",
        book="main",
        venue="manual",
        session=date.fromisoformat(day),
        body=body_of(told),
        by="ann",
        note="from the statement",
        evidence=f"booked_fact:{number}",
        recorded_at=AT.replace(minute=number),
    )


def units(entries: list[Entry], book: str = "main") -> dict[str, Decimal]:
    """Sum the units of a book."""
    return dict(ours_of([[one for one in entries if one.book == book]], base="GBP").units)


def cash(entries: list[Entry], book: str = "main") -> dict[str, Decimal]:
    """Sum the cash of a book, by currency."""
    return dict(ours_of([[one for one in entries if one.book == book]], base="GBP").cash)


def buy(number: int, day: str, quantity: str, name: str = "AAPL", **fields: Any) -> BookedFact:
    """Give a purchase at 10 a unit."""
    amount = str(Decimal(quantity) * 10)
    return booked(number, "BUY", day, instrument=name, quantity=quantity, amount=amount, **GBP, **fields)


def opening(number: int, day: str, quantity: str, name: str = "AAPL") -> BookedFact:
    """Give units that were there before."""
    return booked(number, "OPENING", day, instrument=name, quantity=quantity, cost="50", evidence=HASH, **GBP)


MONEY: Mapping[str, tuple[dict[str, Any], dict[str, str], dict[str, str]]] = {
    "BUY": (
        {"instrument": "AAPL", "quantity": "3", "price": "10", "fee": "1.50", **GBP},
        {"AAPL": "3"},
        {"GBP": "-31.50"},
    ),
    "DEPOSIT": ({"amount": "100", **GBP}, {}, {"GBP": "100"}),
    "WITHDRAW": ({"amount": "40", **GBP}, {}, {"GBP": "-40"}),
    "DIVIDEND": ({"instrument": "AAPL", "amount": "10", "withheld": "1.5", "currency": "USD"}, {}, {"USD": "8.5"}),
    "INTEREST": ({"amount": "-3", **GBP}, {}, {"GBP": "-3"}),
    "FEE": ({"amount": "2", **GBP}, {}, {"GBP": "-2"}),
    "FX": (
        {"from_currency": "GBP", "from_amount": "80", "to_currency": "USD", "to_amount": "100", "fee": "0.5"},
        {},
        {"GBP": "-80.5", "USD": "100"},
    ),
    "OPENING": ({"amount": "7", "evidence": HASH, "currency": "EUR"}, {}, {"EUR": "7"}),
    "EXCESS_INCOME": ({"instrument": "VWRL", "amount": "4", **GBP}, {}, {}),
}


@pytest.mark.parametrize("kind", MONEY)
def test_each_kind_moves_what_it_says_and_is_posted_once(kind: str) -> None:
    """Postings of each kind balance, hold these units and this cash, and the same facts again ask for nothing."""
    fields, held, money = MONEY[kind]
    fact = booked(1, kind, "2024-03-01", **fields)
    entries = lacking([fact], [])
    assert [(one.kind, one.evidence, one.session) for one in entries] == [(kind, "booked_fact:1", date(2024, 3, 1))]
    assert units(entries) == {name: Decimal(number) for name, number in held.items()}
    assert cash(entries) == {name: Decimal(number) for name, number in money.items()}
    assert lacking([fact], entries) == []


def test_a_sale_is_a_purchase_turned_round_with_the_fee_taken_off() -> None:
    """Units go, and cash comes less the fee."""
    sold = booked(2, "SELL", "2024-03-02", instrument="AAPL", quantity="1", amount="12", fee="0.25", **GBP)
    entries = lacking([buy(1, "2024-03-01", "3"), sold], [])
    assert units(entries) == {"AAPL": Decimal(2)}
    assert cash(entries) == {"GBP": Decimal("-18.25")}


@pytest.mark.parametrize(
    "moved", [{"currency": "GBP", "amount": "5"}, {"instrument": "AAPL", "quantity": "2"}], ids=["cash", "units"]
)
def test_a_transfer_leaves_one_book_and_reaches_the_other(moved: dict[str, str]) -> None:
    """Both books get an entry, and together they hold what they held."""
    first = buy(1, "2024-03-01", "3")
    move = booked(2, "TRANSFER", "2024-03-02", to="isa/unallocated", **moved)
    entries = lacking([first, move], [])
    assert [one.book for one in entries] == ["main", "main", "isa/unallocated"]
    both = [*units(entries).values(), *units(entries, "isa/unallocated").values()]
    assert sum(both) == 3
    assert cash(entries).get("GBP", Decimal(0)) + cash(entries, "isa/unallocated").get("GBP", Decimal(0)) == -30


def test_company_actions_follow_the_units_held_before_them_in_every_book() -> None:
    """A split, a spin-off and another name, told of once, change what each book held that morning."""
    other = replace(buy(2, "2024-03-01", "7", account="ira/unallocated"), book="ira/unallocated")
    split = booked(3, "SPLIT", "2024-03-04", instrument="AAPL", new=3, old=2)
    after = buy(4, "2024-03-04", "1")
    spun = booked(5, "SPIN_OFF", "2024-03-05", instrument="AAPL", child="KID", new=1, old=4, cost_share="0.2")
    renamed = booked(6, "SYMBOL_CHANGE", "2024-03-06", instrument="KID", to="CHILD")
    entries = lacking([buy(1, "2024-03-01", "10"), other, split, after, spun, renamed], [])
    assert units(entries) == {"AAPL": Decimal(16), "CHILD": Decimal(4)}
    assert units(entries, "ira/unallocated") == {"AAPL": Decimal("10.5"), "CHILD": Decimal("2.625")}


def test_cash_in_lieu_takes_what_is_above_the_units_kept() -> None:
    """The fraction that a split left goes, and the cash for it comes."""
    split = booked(2, "SPLIT", "2024-03-04", instrument="AAPL", new=1, old=4)
    lieu = booked(3, "CASH_IN_LIEU", "2024-03-04", instrument="AAPL", kept="2", amount="9", **GBP)
    entries = lacking([buy(1, "2024-03-01", "10"), split, lieu], [])
    assert units(entries) == {"AAPL": Decimal(2)}
    assert cash(entries) == {"GBP": Decimal(-91)}


def test_units_that_became_known_late_follow_the_split_in_an_entry_of_their_own() -> None:
    """What was posted stays; what a late opening lacks of the split is posted beside it, and once."""
    split = booked(2, "SPLIT", "2024-03-04", instrument="AAPL", new=2, old=1)
    before = lacking([buy(1, "2024-03-01", "10"), split], [])
    late = opening(3, "2024-02-01", "5")
    facts = [buy(1, "2024-03-01", "10"), split, late]
    fresh = lacking(facts, before)
    assert [(one.kind, one.key) for one in fresh] == [("OPENING", "fact f3 in main"), ("SPLIT", "fact f2 in main #2")]
    assert units([*before, *fresh]) == {"AAPL": Decimal(30)}
    assert lacking(facts, [*before, *fresh]) == []


def test_a_correction_takes_back_every_entry_and_posts_what_stands_in_its_place() -> None:
    """A purchase of 10 was one of 4: the split after it shrinks with it, and what is left reads as if told right at once."""
    split = booked(2, "SPLIT", "2024-03-04", instrument="AAPL", new=2, old=1)
    first = [buy(1, "2024-03-01", "10"), split]
    before = lacking(first, [])
    right = {"kind": "BUY", "key": "f1b", "effective": "2024-03-01", "account": "main", "instrument": "AAPL"}
    right |= {"quantity": "4", "amount": "40", **GBP}
    fix = booked(3, "CORRECTION", "2024-03-01", reverses="f1", reason="misread", replacement=right)
    fresh = lacking([*first, fix], before)
    whole = [*before, *fresh]
    assert [one.key for one in fresh] == ["fact f1 in main reversed", "fact f1b in main", "fact f2 in main #2"]
    assert units(whole) == {"AAPL": Decimal(8)}
    assert cash(whole) == {"GBP": Decimal(-40)}
    assert units(standing_entries(whole)) == units(whole)
    assert "fact f1 in main" not in {one.key for one in standing_entries(whole)}
    assert lacking([*first, fix], whole) == []


def test_a_correction_may_take_back_an_entry_that_rests_on_no_booked_fact() -> None:
    """A fill confirmed by mistake is taken back by its own key."""
    fill = replace(
        lacking([buy(1, "2024-03-01", "10")], [])[0], key="TICKET-20240301-r1-L1", evidence="confirmation_line:9"
    )
    fix = booked(2, "CORRECTION", "2024-03-01", reverses="TICKET-20240301-r1-L1", reason="never executed")
    fresh = lacking([fix], [fill])
    assert [one.key for one in fresh] == ["TICKET-20240301-r1-L1 reversed"]
    assert units([fill, *fresh]) == {}
    assert standing_entries([fill, *fresh]) == []


def test_the_order_in_which_facts_become_known_changes_nothing_in_the_end() -> None:
    """In 200 random orders, told of one after another, the same facts give the same units and the same cash."""
    facts = [
        buy(1, "2024-03-01", "10"),
        opening(2, "2024-02-01", "5"),
        booked(3, "SPLIT", "2024-03-04", instrument="AAPL", new=3, old=1),
        booked(4, "SELL", "2024-03-05", instrument="AAPL", quantity="6", amount="70", **GBP),
        booked(5, "SPIN_OFF", "2024-03-06", instrument="AAPL", child="KID", new=1, old=2, cost_share="0.1"),
        booked(6, "SPLIT", "2024-03-07", instrument="KID", new=1, old=3),
        booked(7, "CASH_IN_LIEU", "2024-03-07", instrument="KID", kept="6", amount="1", **GBP),
        booked(8, "TRANSFER", "2024-03-08", to="isa/unallocated", instrument="KID", quantity="1"),
        booked(9, "SYMBOL_CHANGE", "2024-03-09", instrument="KID", to="CHILD"),
    ]
    wanted = lacking(facts, [])
    random = Random(20240701)
    for _ in range(200):
        random.shuffle(facts)
        entries: list[Entry] = []
        for count in range(1, len(facts) + 1):
            entries += lacking(facts[:count], entries)
        for book in ("main", "isa/unallocated"):
            assert (units(entries, book), cash(entries, book)) == (units(wanted, book), cash(wanted, book)), facts


def test_units_below_zero_are_found_on_their_day() -> None:
    """A sale of more than was ever told of names the book, the instrument, the day and the units short."""
    sold = booked(2, "SELL", "2024-03-02", instrument="AAPL", quantity="12", amount="70", **GBP)
    entries = lacking([buy(1, "2024-03-01", "10"), sold, buy(3, "2024-03-03", "5")], [])
    assert short_units(entries) == {("main", "AAPL"): (date(2024, 3, 2), Decimal(-2))}


def test_a_body_that_is_no_fact_is_told_with_its_field() -> None:
    """What cannot be read names the fact and the field."""
    with pytest.raises(FactError, match=r"fact 'x': .*quantity"):
        read_fact('{"kind": "BUY", "key": "x", "effective": "2024-03-01", "account": "main"}', "x", recorded=AT)
    with pytest.raises(FactError, match="not kept yet"):
        fact_of(replace(buy(1, "2024-03-01", "1"), recorded_at=None))

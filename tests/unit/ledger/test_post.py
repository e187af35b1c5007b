"""Posting: fills and cash become entries that balance, to the penny and by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.confirmation import PartFill, executed_in_parts
from core.domain.posting import Entry, Posting
from core.ledger.post import post_cash, post_fill
from tests.unit.making import DAY, cash_fact, fill


def rows(entry: Entry) -> list[tuple[str, str, str]]:
    """Give account, commodity and amount of each posting."""
    return [(posting.account, posting.commodity, str(posting.amount)) for posting in entry.postings]


def test_a_buy_moves_units_in_and_money_out_through_the_conversion():
    """3.5 units at 126 dollars and 1.26 are 441 dollars and 350 pounds; the fee is paid in pounds."""
    entry = post_fill(fill("buy", "AAA", "3.5", "126", fx_rate="1.26", fee="2.63"))

    assert rows(entry) == [
        ("units", "AAA", "3.5"),
        ("trade", "AAA", "-3.5"),
        ("trade", "USD", "441.00"),
        ("conversion", "USD", "-441.00"),
        ("conversion", "GBP", "350.00"),
        ("cash", "GBP", "-350.00"),
        ("fee", "GBP", "2.63"),
        ("cash", "GBP", "-2.63"),
    ]


def test_a_sale_moves_units_out_and_money_in():
    """Every sign is turned but the fee's, which is paid all the same."""
    entry = post_fill(fill("sell", "AAA", "3.5", "126", fx_rate="1.26", fee="2.63"))

    assert rows(entry) == [
        ("units", "AAA", "-3.5"),
        ("trade", "AAA", "3.5"),
        ("trade", "USD", "-441.00"),
        ("conversion", "USD", "441.00"),
        ("conversion", "GBP", "-350.00"),
        ("cash", "GBP", "350.00"),
        ("fee", "GBP", "2.63"),
        ("cash", "GBP", "-2.63"),
    ]


def test_several_fills_of_a_line_are_posted_as_their_exact_sum():
    """4 at 50 and 3 at 51.115 dollars at 1.25 and 1.3 are 353.345 dollars and 277.958... pounds: rounded once, not each."""
    parts = tuple(
        PartFill(*(Decimal(one) for one in piece)) for piece in (("4", "50", "0", "1.25"), ("3", "51.115", "0", "1.3"))
    )
    whole = executed_in_parts(1, parts, is_partial=False, note="", acknowledged="")
    told = {"parts": parts, "fx_rate": str(whole.fx_rate), "fee": str(whole.fee)}
    entry = post_fill(fill("buy", "AAA", str(whole.quantity), str(whole.price), **told))

    assert rows(entry)[2:6] == [
        ("trade", "USD", "353.34"),
        ("conversion", "USD", "-353.34"),
        ("conversion", "GBP", "277.96"),
        ("cash", "GBP", "-277.96"),
    ]


@pytest.mark.parametrize(
    ("side", "price", "bps"),
    [("buy", "101", "100.00"), ("buy", "99.5", "-50.00"), ("sell", "99", "100.00"), ("sell", "100", "0.00")],
)
def test_slippage_is_what_the_price_was_worse_than_the_decision(side, price, bps):
    """In basis points of the decision price; a purchase below it and a sale above it are better."""
    done = fill(side, "AAA", "2", price, decision_price=Decimal(100))

    assert str(done.slippage_bps) == bps
    assert replace(done, decision_price=None).slippage_bps is None


def test_a_trade_in_the_books_own_currency_converts_nothing():
    """Without a conversion and without a fee four postings are enough."""
    entry = post_fill(fill("buy", "AAA", "2", "10.005", quote="GBP", fx_rate="1"))

    assert rows(entry) == [
        ("units", "AAA", "2"),
        ("trade", "AAA", "-2"),
        ("trade", "GBP", "20.01"),
        ("cash", "GBP", "-20.01"),
    ]


def test_each_side_of_a_conversion_is_rounded_once_half_to_even():
    """0.3333 units at 10.05 dollars are 3.349665 dollars, and 2.679732 pounds from the unrounded value."""
    entry = post_fill(fill("buy", "AAA", "0.3333", "10.05"))

    assert [amount for account, _, amount in rows(entry) if account in ("trade", "cash")] == [
        "-0.3333",
        "3.35",
        "-2.68",
    ]


def test_an_entry_says_what_it_is_of():
    """Key, evidence, session, book and venue are the fill's."""
    entry = post_fill(fill("sell", "AAA", "1", "10", key="K", evidence="confirmation_line:3", venue="manual"))

    assert (entry.key, entry.kind, entry.evidence, entry.session) == ("K", "SELL", "confirmation_line:3", DAY)
    assert (entry.book, entry.venue, entry.instrument) == ("main", "manual", "AAA")
    assert post_fill(fill("buy", "AAA", "1", "10")).kind == "BUY"


@pytest.mark.parametrize(
    "changes",
    [{"quantity": "0"}, {"quantity": "-1"}, {"price": "0"}, {"price": "-10"}, {"fx_rate": "0"}, {"fee": "-0.01"}],
)
def test_a_fill_that_cannot_be_is_not_posted(changes):
    """Quantity, price and rate are positive, the fee is not negative."""
    numbers: dict[str, Any] = {name: Decimal(value) for name, value in changes.items()}

    with pytest.raises(ValueError, match="must be positive"):
        post_fill(replace(fill("buy", "AAA", "1", "10"), **numbers))


def test_a_deposit_and_a_withdrawal_stand_against_capital():
    """What a person puts in is capital; positive is more cash."""
    assert rows(post_cash(cash_fact("DEPOSIT", "100.50"))) == [("cash", "GBP", "100.50"), ("capital", "GBP", "-100.50")]
    assert rows(post_cash(cash_fact("WITHDRAW", "40"))) == [("cash", "GBP", "-40"), ("capital", "GBP", "40")]


def test_a_dividend_is_income_of_which_tax_is_withheld():
    """Of 10 pounds 1.50 are withheld and 8.50 arrive."""
    entry = post_cash(cash_fact("DIVIDEND", "10", withheld="1.50", instrument="AAA"))

    assert rows(entry) == [("cash", "GBP", "8.50"), ("withholding", "GBP", "1.50"), ("dividend", "GBP", "-10")]
    assert (entry.kind, entry.instrument) == ("DIVIDEND", "AAA")


@pytest.mark.parametrize(("amount", "withheld"), [("0", "0"), ("-1", "0"), ("10", "10.01"), ("10", "-0.01")])
def test_cash_that_cannot_be_is_not_posted(amount, withheld):
    """An amount is positive, and the tax lies within it."""
    with pytest.raises(ValueError, match=r"must be positive and withheld .* within it"):
        post_cash(cash_fact("DIVIDEND", amount, withheld=withheld))


def test_all_of_a_dividend_may_be_withheld():
    """The edge of the tax is the whole amount."""
    assert rows(post_cash(cash_fact("DIVIDEND", "10", withheld="10")))[0] == ("cash", "GBP", "0")


def test_an_entry_that_does_not_balance_cannot_be_made():
    """A penny off in one commodity is found before anything is written."""
    postings = (Posting("cash", "GBP", Decimal("1.00")), Posting("capital", "GBP", Decimal("-0.99")))

    with pytest.raises(ValueError, match=r"entry K does not balance: .*'GBP': Decimal\('0.01'\)"):
        Entry("K", "DEPOSIT", "main", "paper", DAY, None, "E", postings)


@given(
    side=st.sampled_from(["buy", "sell"]),
    quantity=st.decimals("0.00000001", "100000", places=8).filter(bool),
    price=st.decimals("0.0001", "5000", places=4).filter(bool),
    rate=st.decimals("0.000001", "200", places=6).filter(bool),
    fee=st.decimals("0", "100", places=2),
)
def test_every_fill_balances_for_each_commodity(side, quantity, price, rate, fee):
    """For all fills, units, dollars and pounds each sum to zero, and money is in whole pence."""
    entry = post_fill(fill(side, "AAA", str(quantity), str(price), fx_rate=str(rate), fee=str(fee)))

    sums = {posting.commodity: Decimal(0) for posting in entry.postings}
    for posting in entry.postings:
        sums[posting.commodity] += posting.amount
    assert sums == {"AAA": 0, "USD": 0, "GBP": 0}
    assert all(posting.amount == round(posting.amount, 2) for posting in entry.postings if posting.commodity != "AAA")

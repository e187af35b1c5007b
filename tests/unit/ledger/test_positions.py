"""Positions, lots and profit: sums of entries, first in and first out, without a lost penny."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.holdings import Holdings, Position
from core.domain.posting import Entry
from core.ledger.positions import Lot, ProfitAndLoss, holdings_of, open_lots, profit_and_loss
from core.ledger.post import post_cash, post_fill
from tests.unit.making import DAY, cash_fact, fill


def bought(quantity: str, price: str, *, days: int = 0, instrument: str = "AAA", fee: str = "0") -> Entry:
    """Give the entry of a purchase some days after the first, in a book of one currency."""
    session = DAY + timedelta(days=days)
    return post_fill(fill("buy", instrument, quantity, price, session=session, fee=fee, quote="GBP", fx_rate="1"))


def sold(quantity: str, price: str, *, days: int = 9, instrument: str = "AAA", fee: str = "0") -> Entry:
    """Give the entry of a sale some days after the first."""
    session = DAY + timedelta(days=days)
    return post_fill(fill("sell", instrument, quantity, price, session=session, fee=fee, quote="GBP", fx_rate="1"))


def test_entries_sum_into_positions_and_cash():
    """Positions stand in the order of the ids, none is zero, and cash counts fees, tax and withdrawals."""
    entries = [
        post_cash(cash_fact("DEPOSIT", "1000")),
        bought("3", "10", instrument="BBB"),
        bought("2", "100", fee="1.50"),
        sold("0.5", "120"),
        bought("1", "7", instrument="CCC"),
        sold("1", "8", instrument="CCC"),
        post_cash(cash_fact("DIVIDEND", "10", withheld="1.50")),
        post_cash(cash_fact("WITHDRAW", "100")),
    ]

    assert holdings_of(entries, base="GBP", ledger_head="8:X") == Holdings(
        (Position("AAA", Decimal("1.5")), Position("BBB", Decimal("3"))), Decimal("738.00"), "8:X"
    )


def test_cash_of_another_currency_is_not_counted():
    """A book counts in its base currency."""
    entries = [post_cash(cash_fact("DEPOSIT", "1000", currency="USD")), post_cash(cash_fact("DEPOSIT", "5"))]

    assert holdings_of(entries, base="GBP").cash == Decimal("5")


def test_nothing_recorded_is_nothing_held():
    """An empty journal has no head."""
    assert holdings_of([], base="GBP") == Holdings((), Decimal(0), "none")


def test_a_lot_costs_its_price_and_its_fee():
    """2 at 100 with a fee of 1.50 cost 201.50."""
    lots, realised = open_lots([bought("2", "100", fee="1.50")])

    assert lots == (Lot("AAA", DAY, Decimal("2"), Decimal("201.50")),)
    assert realised == 0


def test_the_oldest_lot_is_sold_first():
    """Of 2 at 100 and 3 at 200, 4 are sold: the first lot whole, two thirds of the second."""
    entries = [bought("2", "100"), bought("3", "200", days=1), sold("4", "300", fee="10")]

    lots, realised = open_lots(entries)

    assert lots == (Lot("AAA", DAY + timedelta(days=1), Decimal("1"), Decimal("200.0000")),)
    assert realised == Decimal("590.0000")


def test_lots_of_one_instrument_are_no_others():
    """Each instrument has a queue of its own; what is left stands in the order of the ids."""
    entries = [bought("1", "10", instrument="BBB"), bought("1", "20"), bought("1", "30"), sold("1", "25")]

    lots, realised = open_lots(entries)

    assert [(lot.instrument, lot.cost) for lot in lots] == [("AAA", Decimal("30.00")), ("BBB", Decimal("10.00"))]
    assert realised == Decimal("5.00")


def test_a_lot_sold_in_thirds_loses_no_penny():
    """100 pounds are 33.3333, 33.3334 (a half goes to the even digit), and the last piece takes the rest."""
    entries = [bought("3", "33.333333"), sold("1", "50"), sold("1", "50", days=10)]

    third_left, _ = open_lots(entries)
    nothing_left, realised = open_lots([*entries, sold("1", "50", days=11)])

    assert third_left == (Lot("AAA", DAY, Decimal("1"), Decimal("33.3333")),)
    assert nothing_left == ()
    assert realised == Decimal("50.00")


@pytest.mark.parametrize("entries", [[sold("1", "10")], [bought("1", "10"), sold("1.0001", "10")]])
def test_selling_more_than_is_held_raises(entries):
    """Long only: a sale without a lot is a broken book, told by its entry."""
    with pytest.raises(ValueError, match=f"entry {entries[-1].key} sells .* AAA more than the book holds"):
        open_lots(entries)


def test_profit_is_split_into_realised_unrealised_and_income():
    """By hand: 5 of 10 sold at 12 with fees, 5 left at 11, a dividend after tax, and the capital paid in."""
    entries = [
        post_cash(cash_fact("DEPOSIT", "1000")),
        bought("10", "10", fee="2"),
        sold("5", "12", fee="1"),
        post_cash(cash_fact("DIVIDEND", "10", withheld="1.50")),
        post_cash(cash_fact("WITHDRAW", "100")),
    ]

    result = profit_and_loss(entries, {"AAA": Decimal("55"), "ZZZ": Decimal("1")}, base="GBP")

    assert result == ProfitAndLoss(
        realised=Decimal("8.0000"), unrealised=Decimal("4.0000"), income=Decimal("8.50"), capital=Decimal("900")
    )


def test_a_held_instrument_without_a_value_raises_with_its_name():
    """A position that is not valued is no zero."""
    with pytest.raises(ValueError, match=r"held \['AAA'\] have no value"):
        profit_and_loss([bought("1", "10")], {}, base="GBP")


TRADES = st.lists(
    st.tuples(
        st.sampled_from(["AAA", "BBB"]),
        st.sampled_from(["buy", "sell", "dividend", "deposit", "withdraw"]),
        st.decimals("0.0001", "50", places=4).filter(bool),
        st.decimals("0.5", "300", places=4),
        st.decimals("0", "5", places=2),
    ),
    max_size=12,
)


def lived(trades) -> list[Entry]:
    """Give the entries of a book that lived through these trades; a sale is of at most what is held."""
    held = {"AAA": Decimal(0), "BBB": Decimal(0)}
    entries = [post_cash(cash_fact("DEPOSIT", "1000"))]
    for number, (name, what, quantity, price, fee) in enumerate(trades):
        key = {"key": str(number)}
        if what in ("dividend", "deposit", "withdraw"):
            withheld = str(fee / 10) if what == "dividend" else "0"
            entries.append(post_cash(cash_fact(what.upper(), str(price), withheld=withheld, **key)))
            continue
        quantity = min(quantity, held[name]) if what == "sell" else quantity
        if quantity:
            held[name] += quantity if what == "buy" else -quantity
            entries.append(post_fill(fill(what, name, str(quantity), str(price), fee=str(fee), **key)))
    return entries


@given(trades=TRADES, marks=st.tuples(*[st.decimals("0", "300", places=2)] * 2))
def test_where_the_money_is_and_where_it_came_from_agree(trades, marks):
    """For all books: capital + realised + unrealised + income = cash + values, to the last digit."""
    entries = lived(trades)
    ours = holdings_of(entries, base="GBP")
    values = {name: mark for name, mark in zip(("AAA", "BBB"), marks, strict=True) if name in ours.quantities()}

    result = profit_and_loss(entries, values, base="GBP")

    made = result.capital + result.realised + result.unrealised + result.income
    assert made == ours.cash + sum(values.values())


@given(trades=TRADES)
def test_lots_add_up_to_positions(trades):
    """For all books: the lots left are the units held, each with a cost that is not negative."""
    entries = lived(trades)
    lots, _ = open_lots(entries)

    sums: dict[str, Decimal] = {}
    for lot in lots:
        sums[lot.instrument] = sums.get(lot.instrument, Decimal(0)) + lot.quantity
    assert sums == holdings_of(entries, base="GBP").quantities()
    assert all(lot.quantity > 0 and lot.cost >= 0 for lot in lots)

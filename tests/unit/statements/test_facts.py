"""Facts: what the checking door is given of understood rows, and what is left with its reason."""

from __future__ import annotations

from adapters.statements.facts import door_facts
from tests.unit.ledger.asking import answered, question
from tests.unit.statements import samples
from tests.unit.statements.samples import statement_of


def facts_of(text: str) -> list[tuple[object, ...]]:
    """Give kind, instrument, amount and fee or tax of each fact."""
    facts, _ = door_facts(statement_of(text).rows, "a")
    names = ("kind", "instrument", "amount", "from_amount", "to_amount", "fee", "withheld")
    return [tuple(fact[name] for name in names if name in fact) for fact in facts]


def left_of(text: str) -> dict[int, str]:
    """Give the lines that no fact holds, with the reason."""
    return {one.line: one.why for one in door_facts(statement_of(text).rows, "a")[1]}


def test_a_tax_in_a_row_of_its_own_joins_its_dividend():
    """Same instrument, day and currency; tax on interest is an interest of nothing with its tax."""
    assert facts_of(samples.IBKR_HISTORY) == [
        ("DIVIDEND", "VT", "20.0", "3.0"),
        ("SELL", "CNX1", "2002.0", "3.0"),
        ("BUY", "CNX1", "4000.0", "3.0"),
        ("INTEREST", "0", "3.9"),
        ("DEPOSIT", "5000.0"),
    ]
    assert left_of(samples.IBKR_HISTORY) == {}


def test_two_sides_of_a_conversion_are_one_fact_and_a_fee_in_another_currency_is_left():
    """The fee of 1 EUR for a trade in dollars has no part of its cost without a rate."""
    assert facts_of(samples.DEGIRO) == [
        ("DEPOSIT", "27.80"),
        ("DIVIDEND", "ACME CORP", "0.44", "0.07"),
        ("FX", "31.91", "33.90", "0"),
        ("BUY", "ACME CORP", "33.90", "0"),
        ("BUY", "FUND A", "298.71", "0"),
        ("SELL", "PENNY", "19.84", "0"),
    ]
    assert left_of(samples.DEGIRO) == {9: "the fee is not in USD, as its trade is: it needs a rate"}


def test_a_fee_in_the_same_currency_joins_the_trade_of_its_order():
    """It is in the cost, and it is no fee of its own."""
    text = samples.DEGIRO.replace(',EUR,"-1,00",', ',USD,"-1,00",')

    assert ("BUY", "ACME CORP", "33.90", "1.00") in facts_of(text)
    assert left_of(text) == {}


def test_a_fee_of_a_position_belongs_to_its_purchase():
    """Stamp duty is of the purchase, though the sale stands first in the file."""
    duty = '09/01/2024 15:37:16,SDRT,ACME/USD,(6.97),-,(6.97),"4,581.91 ",0.00 ,12,Stocks,0.00\n'
    sale = '10/01/2024 15:37:16,Position closed,ACME/USD,"1,060.00",0.337209,11.00,"4,581.91",0.00,12,Stocks,0.00\n'
    head, rows = samples.ETORO.split("\n", 1)

    facts = facts_of(f"{head}\n{sale}{duty}{rows}")

    assert [one for one in facts if one[0] in ("BUY", "SELL")] == [
        ("BUY", "ACME/USD", "1049.88", "6.97"),
        ("SELL", "ACME/USD", "1060.00", "0"),
        ("SELL", "ACME/USD", "18.43", "0"),
    ]


def test_three_sides_of_conversions_at_one_moment_are_left():
    """Which of them belong together is not guessed."""
    row = '15-12-2022,16:55,15-12-2022,ACME CORP,US0000000001,Valuta Debitering,,EUR,"-31,91",EUR,"0,07",x\n'

    assert [words for words in left_of(samples.DEGIRO + row).values() if words.startswith("sides of conv")] == [
        "sides of conversions at this moment: 3; which are a pair the file does not say"
    ] * 3


def test_a_gift_is_its_worth_paid_in_and_spent():
    """The two facts have two keys."""
    facts, left = door_facts(statement_of(samples.FREETRADE).rows, "a")

    assert [(one["kind"], one["amount"]) for one in facts if "11.04" in str(one.get("amount"))] == [
        ("DEPOSIT", "11.04"),
        ("BUY", "11.04"),
    ]
    assert len({one["key"] for one in facts}) == len(facts)
    assert [(one.line, one.why) for one in left] == [(4, "0.21 USD of tax on a dividend in GBP")]


def test_a_split_is_of_all_accounts_and_a_transfer_in_kind_is_left():
    """The other account of a transfer stands in no row."""
    facts, _ = door_facts(statement_of(samples.IBKR_XML).rows, "a")

    (split,) = [one for one in facts if one["kind"] == "SPLIT"]
    assert ({"instrument", "new", "old"} <= set(split), "account" in split) == (True, False)
    assert {one["account"] for one in facts if "account" in one} == {"U1"}
    assert "the row does not name the other account of the transfer" in left_of(samples.SCHWAB).values()


def test_tax_given_back_without_its_dividend_is_left():
    """It corrects a dividend of another day, which a person names."""
    head, *_ = samples.IBKR_FLEX_CASH.splitlines()
    row = '"Withholding Tax","20230623","US9220427424","VT(US9220427424) X","1","USD"'

    assert left_of(f"{head}\n{row}\n") == {2: "tax or a dividend without what it belongs to: correct that dividend"}


def test_the_door_takes_the_facts_as_they_are():
    """A whole file is answered: cash is the sum of its rows, and nothing is short."""
    facts, _ = door_facts(statement_of(samples.FREETRADE).rows, "a")

    answer = answered(question(facts, "UK"))

    assert answer["cash"][0]["amount"] == "157.53"
    assert [(one["instrument"], one["quantity"]) for one in answer["positions"]] == [("ACME", "5"), ("FREE", "1")]

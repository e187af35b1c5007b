"""The checking door: lots by method, results by cause, facts in time, breaks, and words for what is wrong."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from core.ledger.question import QuestionError, read_question
from tests.unit.ledger.asking import KNOWN, answer_to, fact, price, question, rate, trade

D = Decimal
# United States, IRS Publication 564 (2009), table 3: 160 units for $4,000, 240 for $4,800, 10 reinvested for $300.
TABLE_3 = [
    trade("BUY", "2008-02-06", "160", "4000", currency="USD", key="first"),
    trade("BUY", "2008-08-07", "240", "4800", currency="USD", key="second"),
    trade("BUY", "2008-12-18", "10", "300", currency="USD", key="third"),
]
SOLD = trade("SELL", "2009-10-01", "210", "6720", currency="USD", key="sold")


def costs(answer: dict) -> list[tuple[str, str]]:
    """Give which lots a disposal took, at what cost."""
    return [(match["lot"], match["cost"]) for match in answer["disposals"][0]["matches"]]


@pytest.mark.parametrize(
    ("method", "taken", "gain"),
    [
        # Publication 564 (2009), table 3, cost basis (FIFO): $4,000 for 160 and $1,000 for 50 make $5,000.
        ("FIFO", [("first", "4000"), ("second", "1000")], "1720"),
        # The last bought first: 10 for $300, then 200 of the 240 at $20, 4,000.
        ("LIFO", [("third", "300"), ("second", "4000")], "2420"),
        # The dearest first: 10 at $30, 160 at $25, 40 of those at $20.
        ("HIFO", [("third", "300"), ("first", "4000"), ("second", "800")], "1620"),
        # Average basis of all 410: 9,100 x 210 / 410 = 4,660.975609756098 (the publication rounds a unit to $22.20).
        ("AVERAGE", [("first", "4660.975609756098")], "2059.024390243902"),
    ],
)
def test_each_method_takes_its_lots(method, taken, gain):
    """One sale, four methods: the units, their cost and the gain are those of the method."""
    answer = answer_to([*TABLE_3, SOLD], method, base="USD")

    assert costs(answer) == taken
    assert answer["disposals"][0]["gain_base"] == gain
    assert D(answer["positions"][0]["cost"]) == D(9100) - D(6720) + D(gain)


@pytest.mark.parametrize(("method", "taken"), [("FIFO", "one"), ("LIFO", "two"), ("HIFO", "one")])
def test_of_lots_of_one_day_the_order_of_booking_decides(method, taken):
    """Two purchases of a day at one price: first in is the first booked, last in the last, and of equal costs the first."""
    bought = [trade("BUY", "2024-01-10", "5", "50", key=key, seq=seq) for seq, key in enumerate(("one", "two"))]

    answer = answer_to([*bought, trade("SELL", "2024-02-10", "5", "60")], method)

    assert costs(answer) == [(taken, "50")]


def test_average_basis_of_the_single_category_method():
    """IRS Publication 564 (2009), page 7: $1,000 + $1,200 + $2,600 for 100 each; 150 sold have a basis of $2,400."""
    facts = [
        trade("BUY", "2009-01-05", "100", "1000", currency="USD"),
        trade("BUY", "2009-02-05", "100", "1200", currency="USD"),
        trade("BUY", "2009-03-05", "100", "2600", currency="USD"),
        trade("SELL", "2009-05-11", "150", "3000", currency="USD"),
    ]

    answer = answer_to(facts, "AVERAGE", base="USD")

    assert [(one["quantity"], one["cost"]) for one in answer["disposals"][0]["matches"]] == [("150", "2400")]
    assert answer["positions"][0]["cost"] == "2400"


def test_specific_lots_are_those_that_were_named():
    """The sale says from which purchases it is; what stays of each keeps its share of the cost."""
    sold = SOLD | {"lots": [{"lot": "second", "quantity": "200"}, {"lot": "third", "quantity": "10"}]}

    answer = answer_to([*TABLE_3, sold], "SPECIFIC", base="USD")

    assert costs(answer) == [("second", "4000"), ("third", "300")]
    assert [(lot["lot"], lot["quantity"], lot["cost"]) for lot in answer["lots"]] == [
        ("first", "160", "4000"),
        ("second", "40", "800"),
    ]


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ([], "lots add up to 0, quantity was 210; under SPECIFIC they must be equal"),
        (
            [{"lot": "third", "quantity": "210"}],
            "lot 'third' has no 210 units here; first has 160; second has 240; third has 10",
        ),
    ],
)
def test_specific_lots_that_are_not_there_are_refused(named, words):
    """The words name the fact, what was named, and what there is."""
    with pytest.raises(QuestionError) as refused:
        answer_to([*TABLE_3, SOLD | {"lots": named}], "SPECIFIC", base="USD")

    assert str(refused.value) == f"fact 'sold': {words}"


def test_a_result_is_split_into_price_and_rate_to_the_last_digit():
    """Bought 10 at $10 with $1 fee at 0.8, sold 4 at $12 with $1 fee at 0.9; 6 held at $11 and 0.7.

    Cost of the 4: $40.40, 32.32. Gain: (48 - 1) x 0.9 - 32.32 = 9.98, of it by rate 40.40 x (0.9 - 0.8) = 4.04.
    Held: $60.60, 48.48; worth 66 x 0.7 = 46.20: by price (66 - 60.60) x 0.7 = 3.78, by rate 60.60 x -0.1 = -6.06.
    Cash: 200 - 101 + 47 = $146. Of the 200 at 0.8, 101 left at 0.8: nothing; 99 at 0.8 and 47 at 0.9 make 121.50,
    worth 102.20 at 0.7: -19.30. By rate unrealised: -25.36.
    """
    facts = [
        fact("DEPOSIT", "2024-01-02", "in", currency="USD", amount="200"),
        fact("BUY", "2024-01-02", "b", instrument="X", quantity="10", price="10", currency="USD", fee="1"),
        fact("SELL", "2024-02-01", "s", instrument="X", quantity="4", price="12", currency="USD", fee="1"),
    ]
    rates = [rate("2024-01-02", "0.8"), rate("2024-02-01", "0.9"), rate("2024-03-01", "0.7")]

    answer = answer_to(facts, prices=[price("2024-03-01", "11", currency="USD")], fx=rates, as_of="2024-03-01")

    pnl = answer["pnl"]
    assert pnl["realised"] == {"price": "5.94", "fx": "4.04", "total": "9.98"}
    assert pnl["unrealised"] == {"price": "3.78", "fx": "-25.36", "total": "-21.58"}
    assert (pnl["value"], pnl["flows"], pnl["total"]) == ("148.4", "160", "-11.6")
    assert answer["cash"][0] == {
        "account": "a",
        "currency": "USD",
        "amount": "146",
        "value_base": "102.2",
        "rate": "0.7",
        "rate_date": "2024-03-01",
        "rate_source": "test",
    }


def test_income_and_fees_stand_apart():
    """A dividend less its tax, interest, a fee and a conversion with its loss: each where it belongs."""
    facts = [
        fact("DEPOSIT", "2024-01-02", "in", currency="GBP", amount="1000"),
        trade("BUY", "2024-01-02", "10", "100"),
        fact("DIVIDEND", "2024-01-03", "d", instrument="X", currency="USD", amount="10", withheld="1.5"),
        fact("INTEREST", "2024-01-03", "i", currency="GBP", amount="2"),
        fact("FEE", "2024-01-03", "f", currency="GBP", amount="0.5"),
        fact(
            *("FX", "2024-01-04", "x"),
            from_currency="GBP",
            from_amount="100",
            to_currency="USD",
            to_amount="120",
            fee="0.2",
        ),
    ]

    answer = answer_to(facts, prices=[price("2024-01-04", "10")], fx=[rate("2024-01-03", "0.8")], as_of="2024-01-04")

    pnl = answer["pnl"]
    assert pnl["income"] == {"gross": "10", "withheld": "1.2", "net": "8.8"}
    # 120 dollars are 96 pounds of the 100 given.
    assert (pnl["fees"], pnl["realised"]["fx"], pnl["total"]) == ("0.7", "-4", "4.1")


def test_a_late_fact_changes_the_past_and_not_what_was_known():
    """The purchase of January, told in March, counts on 31 January only for who asks from March on."""
    facts = [trade("BUY", "2024-01-10", "5", "50", recorded="2024-03-01T09:00:00Z")]

    before = answer_to(facts, as_of="2024-01-31", known_at="2024-02-28T00:00:00Z")
    after = answer_to(facts, as_of="2024-01-31", known_at="2024-03-01T09:00:00Z")

    assert (before["positions"], after["positions"][0]["quantity"]) == ([], "5")


def test_a_correction_takes_a_fact_back_and_sets_another_in_its_place():
    """From its recorded time on the new fact counts; before it, the old one; nothing is edited."""
    wrong = trade("BUY", "2024-01-10", "5", "50", key="wrong")
    right = trade("BUY", "2024-01-10", "6", "60", key="right", recorded="2024-02-01T00:00:00Z")
    correction = fact("CORRECTION", "2024-02-01", "c", reverses="wrong", reason="six, not five", replacement=right)
    correction["recorded"] = "2024-02-01T00:00:00Z"

    now = answer_to([wrong, correction])
    then = answer_to([wrong, correction], known_at="2024-01-31T00:00:00Z")

    assert (now["facts_counted"], then["facts_counted"]) == (["right"], ["wrong"])
    assert now["positions"][0]["quantity"] == "6"


def test_the_same_fact_twice_is_one_and_two_facts_of_one_key_are_an_error():
    """A key and its bytes are a fact; the key with other bytes is refused by its name."""
    bought = trade("BUY", "2024-01-10", "5", "50", key="b")

    assert answer_to([bought, bought])["positions"][0]["quantity"] == "5"
    with pytest.raises(QuestionError, match="fact 'b': the key tells two different things"):
        answer_to([bought, bought | {"quantity": "6"}])


@pytest.mark.parametrize(
    ("correction", "words"),
    [
        ({"reverses": "none"}, "there is no fact 'none'"),
        ({"reverses": "b", "recorded": "2024-01-01T00:00:00Z"}, "'b' was recorded later"),
        ({"reverses": "b2"}, "'c1' took 'b2' back already"),
    ],
)
def test_a_correction_that_corrects_nothing_is_refused(correction, words):
    """What is taken back must be there, be earlier, and stand."""
    facts = [trade("BUY", "2024-01-10", "5", "50", key=key) for key in ("b", "b2")]
    facts.append(fact("CORRECTION", "2024-02-01", "c1", reverses="b2", reason="twice"))
    facts.append(fact("CORRECTION", "2024-02-02", "c2", reason="r", reverses="") | correction)

    with pytest.raises(QuestionError, match=words):
        answer_to(facts)


def test_a_split_changes_units_and_no_value_even_before_the_first_new_price():
    """Three for two: 10 at 30 are 15 at 20, also on the split's own day, when the newest price is of the day before."""
    facts = [trade("BUY", "2024-01-10", "10", "300"), fact("SPLIT", "2024-01-12", "s", instrument="X", new=3, old=2)]

    answer = answer_to(facts, prices=[price("2024-01-11", "30")], as_of="2024-01-12")

    position = answer["positions"][0]
    assert (position["quantity"], position["value"], position["cost"]) == ("15", "300", "300")


def test_a_split_changes_the_basis_lot_by_lot():
    """IRS, questions on stock splits: 100 at $10 and 100 at $12, two for one: 200 with $1,000 and 200 with $1,200."""
    facts = [
        trade("BUY", "2024-01-10", "100", "1000", currency="USD"),
        trade("BUY", "2024-02-10", "100", "1200", currency="USD"),
        fact("SPLIT", "2024-03-12", "s", instrument="X", new=2, old=1),
    ]

    lots = answer_to(facts, base="USD")["lots"]

    assert [(lot["quantity"], lot["cost"]) for lot in lots] == [("200", "1000"), ("200", "1200")]


def test_a_split_of_several_lots_loses_no_digit_of_the_whole():
    """Three lots of one, joined 1:3, are one unit, and all of it can be sold; the rest of the rounding is in the last."""
    facts = [trade("BUY", f"2024-01-1{day}", "1", "10") for day in range(3)]
    facts += [fact("SPLIT", "2024-02-01", "s", instrument="X", new=1, old=3)]

    held = answer_to(facts)
    sold = answer_to([*facts, trade("SELL", "2024-02-02", "1", "30")])

    assert [lot["quantity"] for lot in held["lots"]] == ["0.333333333333", "0.333333333333", "0.333333333334"]
    assert (sold["positions"], sold["pnl"]["realised"]["total"]) == ([], "0")


def test_a_trade_paid_in_another_currency_costs_what_was_paid():
    """10 for 100 GBP and a fee of 1, in dollars 125 and 1.25; sold for 130 GBP, 182 USD at a rate of 0.7 on that day."""
    facts = [
        trade("BUY", "2024-01-10", "10", "100", fee="1", quote_currency="USD", quote_amount="125", key="b"),
        trade("SELL", "2024-01-12", "5", "65", fee="1", quote_currency="USD", quote_amount="91", key="s"),
    ]
    rates = [rate("2024-01-10", "0.8"), rate("2024-01-12", "0.7")]

    answer = answer_to(facts, fx=rates, prices=[price("2024-01-12", "18.20", currency="USD")], as_of="2024-01-12")

    assert [(row["currency"], row["amount"]) for row in answer["cash"]] == [("GBP", "-37")]
    assert [(lot["currency"], lot["cost"], lot["cost_base"]) for lot in answer["lots"]] == [("USD", "63.125", "50.5")]
    # 65 - 1 - 50.5 is 13.5, of which the rate made 63.125 x 0.7 - 50.5.
    assert answer["pnl"]["realised"] == {"price": "19.8125", "fx": "-6.3125", "total": "13.5"}
    assert answer["pnl"]["total"] == "26.7"


def test_a_trade_names_the_currency_of_its_instrument_and_the_amount_in_it_or_neither():
    """Half of it says nothing."""
    with pytest.raises(QuestionError, match=r"fact 'b' .*give quote_currency and quote_amount, or neither"):
        answer_to([trade("BUY", "2024-01-10", "10", "100", quote_currency="USD", key="b")])


@pytest.mark.parametrize("method", ["FIFO", "LIFO", "HIFO", "AVERAGE"])
def test_a_spin_off_of_several_lots_loses_no_digit_of_the_whole(method):
    """Of three lots of one, 1 for 3, one unit of the child comes, and all of it can be sold."""
    facts = [trade("BUY", f"2024-01-1{day}", "1", "10") for day in range(3)]
    facts += [fact("SPIN_OFF", "2024-02-01", "s", instrument="X", child="KID", new=1, old=3, cost_share="0.3")]

    sold = answer_to([*facts, trade("SELL", "2024-02-02", "1", "9", instrument="KID")], method)

    assert [one["instrument"] for one in sold["positions"]] == ["X"]
    assert sold["pnl"]["realised"]["total"] == "0"


def test_each_account_takes_its_lots_by_its_own_method():
    """One account sells what it bought last, the other, without a method of its own, what it bought first."""
    facts = [trade("BUY", "2024-01-10", "1", "10", key=f"first-{name}", account=name) for name in ("a", "b")] + [
        trade("BUY", "2024-01-11", "1", "20", key=f"last-{name}", account=name) for name in ("a", "b")
    ]
    facts += [trade("SELL", "2024-01-12", "1", "30", key=f"sold-{name}", account=name) for name in ("a", "b")]

    answer = answer_to(facts, accounts=[{"id": "a", "method": "LIFO"}, {"id": "b"}])

    assert costs(answer) == [("last-a", "20")]
    assert [(lot["account"], lot["lot"]) for lot in answer["lots"]] == [("a", "first-a"), ("b", "last-b")]


def test_cash_in_lieu_sells_what_a_split_left_over():
    """One for three of 10 leaves 3 and a third; the third is sold for cash at its share of the cost."""
    facts = [
        trade("BUY", "2024-01-10", "10", "100"),
        fact("SPLIT", "2024-01-12", "s", instrument="X", new=1, old=3),
        fact("CASH_IN_LIEU", "2024-01-12", "c", instrument="X", kept="3", currency="GBP", amount="11"),
    ]

    answer = answer_to(facts)

    # A tenth of the units left: 10 of 100, to twelve decimals of a share of 3.333333333333 units.
    assert answer["positions"][0]["quantity"] == "3"
    assert answer["disposals"][0]["quantity"] == "0.333333333333"
    assert D(answer["positions"][0]["cost"]) + D(answer["disposals"][0]["matches"][0]["cost"]) == 100


def test_a_spin_off_shares_the_cost_and_a_symbol_change_nothing():
    """One child for each four parents takes a fifth of the cost; the parent goes on under another name."""
    facts = [
        trade("BUY", "2024-01-10", "8", "100", key="b"),
        fact("SPIN_OFF", "2024-02-01", "p", instrument="X", child="Y", new=1, old=4, cost_share="0.2"),
        fact("SYMBOL_CHANGE", "2024-03-01", "n", instrument="X", to="Z"),
    ]

    answer = answer_to(facts)

    lots = [(lot["instrument"], lot["lot"], lot["acquired"], lot["quantity"], lot["cost"]) for lot in answer["lots"]]
    assert lots == [("Y", "b", "2024-01-10", "2", "20"), ("Z", "b", "2024-01-10", "8", "80")]


def test_a_price_of_before_a_spin_off_does_not_value_the_parent():
    """It still held the child; there is no honest value, and the reason stands in its place."""
    facts = [
        trade("BUY", "2024-01-10", "8", "100"),
        fact("SPIN_OFF", "2024-01-12", "p", instrument="X", child="Y", new=1, old=4, cost_share="0.2"),
    ]

    answer = answer_to(facts, prices=[price("2024-01-11", "12")], as_of="2024-01-12")

    reason = "the newest price of X is of 2024-01-11, before the spin-off of 2024-01-12"
    assert answer["positions"][0]["value_base"] == {"not_computable": reason}
    assert answer["pnl"]["total"] == {"not_computable": reason}


def test_transfers_between_own_accounts_change_nothing_in_all():
    """Cash and units that move in kind keep cost and day; of one account alone they are flows."""
    facts = [
        fact("DEPOSIT", "2024-01-02", "in", currency="GBP", amount="500"),
        trade("BUY", "2024-01-10", "10", "100", key="b"),
        fact("TRANSFER", "2024-02-01", "t", to="b", instrument="X", quantity="4"),
        fact("TRANSFER", "2024-02-01", "u", to="b", currency="GBP", amount="150"),
    ]
    told: dict[str, Any] = {
        "accounts": [{"id": "a"}, {"id": "b"}],
        "prices": [price("2024-02-01", "12")],
        "as_of": "2024-02-01",
    }

    whole, moved = answer_to(facts[:2], **told)["pnl"], answer_to(facts, **told)["pnl"]
    alone = answer_to(facts, scope=["b"], **told)

    assert whole == moved
    assert alone["lots"][0]["acquired"] == "2024-01-10"
    assert (alone["pnl"]["flows"], alone["pnl"]["value"], alone["pnl"]["total"]) == ("190", "198", "8")


def test_each_difference_from_a_statement_is_a_named_break():
    """Units must be equal, cash within a penny; nothing is netted away."""
    facts = [fact("DEPOSIT", "2024-01-02", "in", currency="GBP", amount="500")]
    facts += [trade("BUY", "2024-01-10", "10", "100", key=name, instrument=name) for name in ("X", "Y")]
    told = {"account": "a", "units": {"X": "9", "Z": "1"}, "cash": {"GBP": "300.01", "USD": "5"}}

    breaks = answer_to(facts, statements=[told])["breaks"]

    assert [(one["break"], one["of"], one["ours"], one["theirs"]) for one in breaks] == [
        ("quantity", "X", "10", "9"),
        ("missing position", "Y", "10", "0"),
        ("unknown position", "Z", "0", "1"),
        ("cash", "USD", "0", "5"),
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quantity": 5}, "fact 'b' (number 1), quantity: 5 is no decimal; write it as text"),
        ({"quantity": "1e3"}, "quantity: '1e3' is no decimal"),
        ({"quantity": "0"}, "quantity: Input should be greater than 0"),
        ({"price": "1"}, "give the price of a unit or the amount before the fee, one of the two"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"currency": "pounds"}, "currency: String should match pattern"),
        ({"kind": "GIFT"}, "does not match any of the expected tags"),
        ({"account": "z"}, "fact 'b', account: 'z' is no account; accounts are a"),
        (
            {"effective": "0224-01-10"},
            "fact 'b' (number 1), effective: Input should be greater than or equal to 1900-01-01",
        ),
        ({"recorded": "2024-01-10T00:00:00"}, "recorded: Input should have timezone info"),
    ],
)
def test_a_fault_names_the_fact_the_field_and_what_would_be_right(change, words):
    """Each fault of a fact is said in words that find it."""
    with pytest.raises(QuestionError) as refused:
        read_question(json.dumps(question([trade("BUY", "2024-01-10", "5", "50", key="b") | change])))

    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ([trade("SELL", "2024-01-10", "5", "50", key="s")], "fact 's': quantity 5 is above the 0 held"),
        (
            [trade("BUY", "2024-01-10", "5", "50", key="b", currency="USD")],
            "fact 'b', effective 2024-01-10: no rate from USD",
        ),
        (
            [trade("BUY", "2024-01-10", "5", "50"), trade("BUY", "2024-01-11", "5", "50", key="u", currency="USD")],
            "fact 'u': currency: X was told in GBP before, and now in USD; it has one",
        ),
        (
            [fact("TRANSFER", "2024-01-10", "t", to="b", currency="GBP", amount="1")],
            "fact 't': amount 1 GBP is above the 0 in a",
        ),
    ],
)
def test_facts_that_do_not_add_up_are_refused_by_name(facts, words):
    """Nothing is repaired by guessing."""
    accounts = [{"id": "a"}, {"id": "b"}]
    with pytest.raises(QuestionError) as refused:
        answer_to(facts, accounts=accounts, fx=[rate("2024-01-11", "0.8")])

    assert words in str(refused.value)


def test_a_question_that_is_no_json_says_so():
    """The words of the reader come through, with no fact to name."""
    with pytest.raises(QuestionError, match="the question: Invalid JSON"):
        read_question(b"{")


@pytest.mark.parametrize(("days", "value"), [(5, "50"), (4, None)])
def test_a_price_counts_for_as_many_days_as_were_asked_for(days, value):
    """A price of the fifth day before as-of is old enough for five days, and too old for four."""
    told = {"prices": [price("2024-01-10", "10")], "as_of": "2024-01-15", "price_days_max": days}

    assert answer_to([trade("BUY", "2024-01-10", "5", "50")], **told)["positions"][0]["value"] == value


@pytest.mark.parametrize(
    ("days", "turned", "source"), [(3, "01-08", "test"), (3, "01-14", "test, turned round"), (2, "01-08", None)]
)
def test_of_a_told_rate_and_a_turned_one_the_newer_counts_and_none_that_is_too_old(days, turned, source):
    """Dollars to pounds are of the third day before as-of, pounds to dollars of a week or of a day before."""
    facts = [fact("DEPOSIT", "2024-01-12", "in", currency="USD", amount="100")]
    rates = [rate("2024-01-12", "0.8"), rate(f"2024-{turned}", "1.25", "GBP", "USD")]

    answer = answer_to(facts, fx=rates, as_of="2024-01-15", rate_days_max=days)

    assert answer["cash"][0]["rate_source"] == source


def test_rates_are_turned_round_and_go_over_a_third_currency():
    """A euro is 1.25 dollars and 0.8 pounds: a dollar is 0.64 pounds, and 0.8 euros."""
    facts = [fact("DEPOSIT", "2024-01-02", "in", currency="USD", amount="100")]
    rates = [rate("2024-01-02", "1.25", "EUR", "USD"), rate("2024-01-02", "0.8", "EUR", "GBP")]

    answer = answer_to(facts, fx=rates, as_of="2024-01-02", known_at=KNOWN)

    assert (answer["cash"][0]["value_base"], answer["cash"][0]["rate_source"]) == ("64", "test, turned round over EUR")

"""Answers: what a person may write about a line, and everything that is refused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.canonical import plain_decimal
from core.domain.confirmation import Executed, NotExecuted, PartFill
from core.ticketing.answers import FORMS, AnswerError, parse_answer
from tests.unit.making import executed, ticket, ticket_line


def piece(quantity: str, price: str, fee: str = "0", rate: str = "") -> PartFill:
    """Give one fill of several, at the ticket's rate unless another is said."""
    told = Decimal(rate) if rate else TRADE.fx_rate
    assert told is not None
    return PartFill(Decimal(quantity), Decimal(price), Decimal(fee), told)


TRADE = ticket(ticket_line(1, "sell", "BBB", "10"), ticket_line(2, "buy", "AAA", "8"))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("1 filled price=50.12 fee=0", executed(1, "10", "50.12")),
        ("  1   filled   fee=0   price=50.12  ", executed(1, "10", "50.12")),
        (
            "2 partial quantity=3.5 price=125 fee=1.20",
            executed(2, "3.5", "125", is_partial=True, fee=Decimal("1.20")),
        ),
        ("1 filled price=50 fee=0 fx=1.2612", executed(1, "10", "50", fx_rate=Decimal("1.2612"))),
        ("1 filled price=50 fee=0 note: two pieces", executed(1, "10", "50", note="two pieces")),
        ("1 filled price=50 fee=0 note:", executed(1, "10", "50")),
        ("1 filled quantity=9.8 price=51 fee=0", executed(1, "9.8", "51")),
        ("1 filled price=50 fee=0 acknowledged: seen", executed(1, "10", "50", acknowledged="seen")),
        (
            "1 filled price=50 fee=0 note: two pieces  acknowledged: on the statement",
            executed(1, "10", "50", note="two pieces", acknowledged="on the statement"),
        ),
        (
            "1 filled quantity=4 price=50 fee=0.10 + quantity=6 price=51 fee=0 note: in two",
            executed(
                1, "10", "50.6", fee=Decimal("0.10"), note="in two", parts=(piece("4", "50", "0.10"), piece("6", "51"))
            ),
        ),
        (
            "2 partial quantity=1 price=120 fee=1 fx=1.25 + price=130 fee=0 quantity=2 fx=1.3",
            executed(
                2,
                "3",
                "126.6667",
                is_partial=True,
                fee=Decimal(1),
                fx_rate=Decimal("1.283784"),
                parts=(piece("1", "120", "1", "1.25"), piece("2", "130", "0", "1.3")),
            ),
        ),
        ("2 not executed: it says acknowledged: no", NotExecuted(2, "it says acknowledged: no")),
        ("2 not executed: the price ran away ", NotExecuted(2, "the price ran away")),
        ("2 not executed:no", NotExecuted(2, "no")),
        ("3 not executed: no such line", NotExecuted(3, "no such line")),
    ],
)
def test_a_good_answer_is_read(text, answer):
    """Fields in any order, spaces as they come; the quantity of a filled line is the ticket's unless told."""
    assert parse_answer(text, TRADE) == answer


def test_a_buy_that_is_set_by_its_value_needs_its_units():
    """It is filled with as many units as its price gives: those of the ticket are a guess, and a guess would be booked."""
    by_value = ticket(ticket_line(1, "sell", "BBB", "10"), ticket_line(2, "buy", "AAA", "8", set_by="value"))
    of_before = ticket(ticket_line(1, "sell", "BBB", "1.5"), ticket_line(2, "buy", "AAA", "7.9"))

    with pytest.raises(AnswerError) as refused:
        parse_answer("2 filled price=125 fee=0", by_value)

    assert str(refused.value) == (
        "line 2: a buy that is set by its value gets as many units as its price gives, not the 8 of the ticket;"
        " add quantity=Q, the units that the venue shows"
    )
    assert parse_answer("2 filled quantity=7.9 price=126.5 fee=0", by_value) == executed(2, "7.9", "126.5")
    assert parse_answer("1 filled price=50 fee=0", by_value) == executed(1, "10", "50")
    # A ticket of before lines said what they are set by: nobody buys a fraction of a unit but by its value.
    with pytest.raises(AnswerError, match="line 2: a buy that is set by its value"):
        parse_answer("2 filled price=125 fee=0", of_before)
    assert parse_answer("1 filled price=50 fee=0", of_before) == executed(1, "1.5", "50")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 filled quantity=4 price=50 fee=0 +", "fee, price, quantity is missing"),
        ("1 filled price=50 fee=0 + quantity=6 price=51 fee=0", "quantity is missing"),
        ("1 filled quantity=0 price=50 fee=0 + quantity=0 price=51 fee=0", "units, prices and rates"),
        ("1 filled quantity=4 price=0 fee=0 + quantity=6 price=51 fee=0", "units, prices and rates"),
        ("1 filled quantity=4 price=50 fee=0 +quantity=6 price=51 fee=0", "write"),
    ],
)
def test_several_fills_need_the_units_and_the_price_of_each(text, words):
    """A piece that lacks a field, or has none to sum, is refused."""
    with pytest.raises(AnswerError, match=words):
        parse_answer(text, TRADE)


@pytest.mark.parametrize(
    "number", ["1e3", "５０", "-50", "+50", "1.2.3", "NaN", "Infinity", "1,000", "50.", ".5", "", "0x10", "1_000", "٥"]
)
def test_a_number_that_is_not_plain_digits_is_refused(number):
    """Every other way to write a number could be read in two ways."""
    with pytest.raises(AnswerError) as refused:
        parse_answer(f"1 filled price={number} fee=0", TRADE)

    assert "price" in str(refused.value) or FORMS in str(refused.value)


def test_a_wrong_number_is_told_as_it_was_written():
    """The person sees the word and what would be right."""
    with pytest.raises(AnswerError) as refused:
        parse_answer("1 filled price=1e3 fee=0", TRADE)

    assert str(refused.value) == (
        "'1 filled price=1e3 fee=0': price was '1e3'; write plain digits with a point, as 12.34"
    )


@pytest.mark.parametrize("number", ["1234567890123", "1.123456789"])
def test_a_number_with_too_many_digits_is_refused(number):
    """Twelve digits before the point and eight behind are more than any price has."""
    with pytest.raises(AnswerError, match="write plain digits"):
        parse_answer(f"1 filled price={number} fee=0", TRADE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 filled price=50", "fee is missing"),
        ("1 filled fee=0", "price is missing"),
        ("1 filled", "fee, price is missing"),
        ("2 partial price=125 fee=0", "quantity is missing"),
        ("1 filled quantity=9 price=50 fee=0 quantity=10", "'quantity' stands twice or does not belong"),
        ("1 filled price=50 fee=0 limit=1", "'limit' stands twice or does not belong"),
        ("1 filled price=50 fee=0 price=51", "'price' stands twice or does not belong"),
        ("3 filled price=50 fee=0", "line 3 is not on TICKET-20240610; it has lines 1 to 2"),
    ],
)
def test_an_answer_with_a_wrong_field_says_which(text, words):
    """Missing, unknown and doubled fields are named."""
    with pytest.raises(AnswerError) as refused:
        parse_answer(text, TRADE)

    assert words in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "filled price=50 fee=0",
        "0 filled price=50 fee=0",
        "01 filled price=50 fee=0",
        "-1 filled price=50 fee=0",
        "１ filled price=50 fee=0",
        "1 FILLED price=50 fee=0",
        "1 done price=50 fee=0",
        "1 filled price = 50 fee=0",
        "1 filled price=50 fee=0 because",
        "1 filled price=50 fee=0\n2 filled price=125 fee=0",
        "1 not executed",
        "1 not executed:",
        "1 not executed:   ",
        "1 not executed: two\nlines",
        "1; DROP TABLE ticket",
        f"1 not executed: {'x' * 501}",
        f"1 filled price=50 fee=0 note: {'x' * 501}",
        "1 filled price=50 fee=0 acknowledged:",
        f"1 filled price=50 fee=0 acknowledged: {'x' * 501}",
    ],
)
def test_what_has_no_known_form_is_refused_with_the_forms(text):
    """The person is shown what to write."""
    with pytest.raises(AnswerError) as refused:
        parse_answer(text, TRADE)

    assert FORMS in str(refused.value)


def test_a_ticket_without_a_rate_needs_one_in_the_answer():
    """Nobody guesses what a pound was worth."""
    bare = replace(TRADE, fx_rate=None)

    with pytest.raises(AnswerError, match="line 1: the ticket names no exchange rate; add fx=RATE"):
        parse_answer("1 filled price=50 fee=0", bare)
    assert parse_answer("1 filled price=50 fee=0 fx=1.25", bare) == executed(1, "10", "50")


@pytest.mark.parametrize(
    "text",
    [
        "1" * 5_000_000,
        "1 filled" + " " * 5_000_000 + "x",
        "1 filled price=" + "1" * 5_000_000,
        "1 filled" + " a=1" * 1_250_000,
        "1 not executed:" + " " * 5_000_000 + "x" * 501,
        "1 filled price=50 fee=0 note:" + " " * 5_000_000 + "x" * 501,
        "1 not executed: " + "x" * 5_000_000,
    ],
    ids=["digits", "spaces", "number", "fields", "blank reason", "blank note", "reason"],
)
def test_five_million_characters_are_refused_at_once(text):
    """Nobody's answer is that long, and none may hold up the door."""
    with pytest.raises(AnswerError) as refused:
        parse_answer(text, TRADE)

    # The length alone is looked at: reading on would take the patterns minutes over blanks.
    assert "characters, at most 2000 are read" in str(refused.value)
    assert len(str(refused.value)) < 700


@given(
    price=st.decimals("0", "999999", places=4),
    fee=st.decimals("0", "9999", places=2),
    rate=st.decimals("0", "99", places=6),
    quantity=st.decimals("0", "99999", places=8),
)
def test_plain_numbers_are_read_to_the_last_digit(price, fee, rate, quantity):
    """For all plain numbers, what was written is what is kept."""
    words = [f"{name}={plain_decimal(value)}" for name, value in (("price", price), ("fee", fee), ("fx", rate))]

    answer = parse_answer(f"2 partial quantity={plain_decimal(quantity)} {' '.join(words)}", TRADE)

    assert answer == Executed(2, quantity, price, fee, rate, is_partial=True)


@given(text=st.text(max_size=60))
def test_any_text_is_an_answer_or_refused(text):
    """For all texts there are two outcomes, and no third."""
    try:
        answer = parse_answer(text, TRADE)
    except AnswerError:
        return
    assert 1 <= answer.line <= 9999

"""Money: every rounding at its edge, and the border where floats end."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import (
    cut_fraction,
    cut_weight,
    floor_to,
    price_of,
    rate_of,
    round_price,
    share_of,
    to_pence,
    to_tick,
    weight_of,
)

AMOUNTS = st.decimals("-1000000", "1000000", places=6)
STEPS = st.sampled_from([Decimal(step) for step in ("0.0001", "0.01", "1", "5", "0.03")])


@pytest.mark.parametrize(
    ("amount", "pence"),
    [
        ("0.005", "0.00"),
        ("0.015", "0.02"),
        ("0.0150001", "0.02"),
        ("-0.005", "0.00"),
        ("-0.015", "-0.02"),
        ("2", "2.00"),
    ],
)
def test_money_is_rounded_to_the_penny_half_to_even(amount, pence):
    """A half goes to the even penny, on both sides of zero."""
    assert to_pence(Decimal(amount)) == Decimal(pence)
    assert to_pence(Decimal(amount)).as_tuple().exponent == -2


@pytest.mark.parametrize(
    ("quantity", "step", "cut"),
    [("1.00019", "0.0001", "1.0001"), ("-1.00019", "0.0001", "-1.0001"), ("7.9", "5", "5"), ("0.9", "1", "0")],
)
def test_a_quantity_is_cut_towards_zero(quantity, step, cut):
    """A whole number of steps, never more than there was."""
    assert floor_to(Decimal(quantity), Decimal(step)) == Decimal(cut)


@pytest.mark.parametrize("step", ["0", "-1"])
def test_a_step_must_be_positive(step):
    """There is no whole number of nothing."""
    with pytest.raises(ValueError, match=f"step was {step}; it must be positive"):
        floor_to(Decimal(1), Decimal(step))


@given(quantity=AMOUNTS, step=STEPS)
def test_a_cut_quantity_is_a_multiple_of_the_step_and_less_than_one_step_off(quantity, step):
    """For all quantities, what is cut away is less than one step."""
    cut = floor_to(quantity, step)

    assert cut % step == 0
    assert abs(cut) <= abs(quantity) < abs(cut) + step


@pytest.mark.parametrize(
    ("number", "price"),
    [(125.0, "125"), (0.1, "0.1"), (10.00005, "10"), (10.00015, "10.0002"), (0.00006, "0.0001"), (1e-4, "0.0001")],
)
def test_a_bars_price_becomes_money_of_four_decimals(number, price):
    """Halves go to the even digit of what the float shows."""
    assert price_of(number) == Decimal(price)
    assert price_of(number).as_tuple().exponent == -4


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 0.0, -1.0, 0.00005, 1e-9])
def test_a_price_must_be_positive_once_it_is_money(number):
    """What rounds to nothing is no price: it could neither be traded nor divided by."""
    with pytest.raises(ValueError, match=f"price was {number}; it must be finite and positive"):
        price_of(number)


def test_prices_and_rates_are_rounded_half_to_even():
    """Four decimals for a price, six for a rate."""
    assert round_price(Decimal("1.00025")) == Decimal("1.0002")
    assert round_price(Decimal("1.00035")) == Decimal("1.0004")
    assert rate_of(Decimal("1.0000005"), Decimal(1)) == Decimal("1.000000")
    assert rate_of(Decimal("1.0875"), Decimal("0.8567")) == Decimal("1.269406")


@pytest.mark.parametrize(
    ("part", "share"), [("1000", "0.1"), ("1000.001", "0.100001"), ("999.99", "0.099999"), ("0", "0")]
)
def test_a_share_is_rounded_up_so_that_it_never_hides_what_is_above(part, share):
    """A tenth of a penny above a tenth reads as more than a tenth."""
    assert weight_of(Decimal(part), Decimal(10_000)) == Decimal(share)


@pytest.mark.parametrize("whole", ["0", "-1"])
def test_a_share_needs_a_positive_whole(whole):
    """A book without equity has no weights."""
    with pytest.raises(ValueError, match=f"equity was {whole}"):
        weight_of(Decimal(1), Decimal(whole))


def test_a_weight_is_cut_to_six_decimals():
    """Towards zero, so that a sum of them stays below its whole."""
    assert cut_weight(Decimal("0.0633339")) == Decimal("0.063333")
    assert cut_weight(Decimal(2) / 3) * 3 <= 2


def test_a_fraction_is_cut_to_steps_and_loses_no_digit_before():
    """Three thirds are one; a hair less than a step is none."""
    step = Decimal("0.000001")

    assert cut_fraction(Fraction(1, 3) + Fraction(2, 3), step) == 1
    assert cut_fraction(Fraction(step) - Fraction(1, 10**40), step) == 0
    assert cut_fraction(Fraction(-7, 6), step) == Decimal("-1.166666")


@pytest.mark.parametrize("digits", [1, 20, 22, 23, 24, 25, 26, 30, 60])
def test_a_share_of_any_length_is_rounded_once(digits):
    """A third of many digits is as exact as one of few; a half of the last step goes to the even one, a hair above it up."""
    threes, half = Decimal("3" * digits), Decimal("0.0000000000005")
    with localcontext(prec=100):
        even, above = (threes * 10 + half) * 7, (threes * 10 + half) * 7 + Decimal("1e-30")
        assert share_of(threes * 3 + 1, Decimal(1), Decimal(3)) == threes + Decimal("0.333333333333")
        assert share_of(even, Decimal(1), Decimal(7)) == threes * 10
        assert share_of(above, Decimal(1), Decimal(7)) == threes * 10 + Decimal("0.000000000001")


def test_a_share_of_an_amount_has_twelve_decimals_and_the_whole_of_it_is_the_amount():
    """What is divided is rounded half to even; what is not divided keeps every digit."""
    whole = Decimal("1.00000000000055555")

    assert share_of(Decimal(100), Decimal(1), Decimal(3)) == Decimal("33.333333333333")
    assert share_of(whole, Decimal(3), Decimal(3)) == whole
    with pytest.raises(ValueError, match="whole was 0; a share needs a positive whole"):
        share_of(whole, Decimal(0), Decimal(0))


@pytest.mark.parametrize(
    ("price", "down", "up"),
    [
        ("191.1786", "191.17", "191.18"),
        ("191.17", "191.17", "191.17"),
        ("1.0001", "1", "1.01"),
        ("1", "1", "1"),
        ("0.99995", "0.9999", "1"),
        ("0.12345", "0.1234", "0.1235"),
        ("0", "0", "0"),
    ],
)
def test_an_order_names_cents_and_below_one_four_decimals(price, down, up):
    """The steps in which a share is quoted change at one."""
    assert to_tick(Decimal(price), up=False) == Decimal(down)
    assert to_tick(Decimal(price), up=True) == Decimal(up)

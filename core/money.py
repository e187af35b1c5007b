"""Money: the only place that rounds, and the border where floats end."""

from __future__ import annotations

import math
from decimal import ROUND_05UP, ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

PENNY = Decimal("0.01")
PRICE_STEP = Decimal("0.0001")
# Below this price a share is quoted in steps of PRICE_STEP, from it on in cents.
CENTS_FROM = Decimal(1)
RATE_STEP = Decimal("0.000001")
WEIGHT_STEP = Decimal("0.000001")
RATIO_STEP = Decimal("0.0000000001")
SHARE_STEP = Decimal("0.000000000001")
BPS = Decimal("0.0001")
_ZERO = Decimal(0)
_SPLIT_DENOMINATOR_MAX = 100
_SPLIT_DIGITS_LOST = Fraction(1, 2_000_000)
# More digits than any amount has. What a quotient lost beyond them still shows in its last one (ROUND_05UP), so that it is
# rounded but once. Most quotients need fewer: the narrow context is the fast one.
_WIDE, _ROUNDED = Context(prec=100, rounding=ROUND_05UP), Context(prec=85)
_NARROW = Context(prec=38, rounding=ROUND_05UP)
_MULTIPLY, _DIVIDE, _DIVIDE_NARROW = _WIDE.multiply, _WIDE.divide, _NARROW.divide


def to_pence(amount: Decimal) -> Decimal:
    """Round an amount of money to the penny (cent), half to even."""
    return round_to(amount, PENNY)


def round_to(amount: Decimal, step: Decimal) -> Decimal:
    """Round to the decimals of a step such as 0.0001, half to even."""
    return amount.quantize(step, rounding=ROUND_HALF_EVEN)


def share_of(amount: Decimal, part: Decimal, whole: Decimal, step: Decimal = SHARE_STEP) -> Decimal:
    """Give the share of an amount that falls on a part of a whole, in steps (of twelve decimals), half to even.

    The whole of it exactly where the part is the whole, so that what is divided and taken off adds up to the last digit.
    Digits are not lost on the way, whatever the caller's context. Raises ValueError unless the whole is positive.
    """
    if whole <= _ZERO:
        raise ValueError(f"whole was {whole}; a share needs a positive whole")
    if part == whole:
        return amount
    product = _MULTIPLY(amount, part)
    share = _DIVIDE_NARROW(product, whole)
    if share.adjusted() - step.adjusted() > _NARROW.prec - 3:
        share = _DIVIDE(product, whole)
    return share.quantize(step, ROUND_HALF_EVEN, _ROUNDED)


def floor_to(quantity: Decimal, step: Decimal) -> Decimal:
    """Cut a quantity down to a whole number of steps, towards zero; raises ValueError unless the step is positive."""
    if step <= 0:
        raise ValueError(f"step was {step}; it must be positive")
    return (quantity / step).to_integral_value(rounding=ROUND_DOWN) * step


def split_units(quantity: Decimal, ratio: Decimal, step: Decimal) -> Decimal:
    """Give what a quantity becomes in a split, cut to the broker's step, towards zero; whole units are not forced.

    A ratio within half a millionth of a small fraction is that fraction, for 1:3 is told as 0.333333. What is less than a
    step is lost: a broker pays it out in cash, which is a fact of its own. Raises ValueError unless ratio and step are
    positive.
    """
    if ratio <= 0 or step <= 0:
        raise ValueError(f"split ratio was {ratio} and step {step}; both must be positive")
    return cut_fraction(Fraction(quantity) * split_ratio(ratio), step)


def cut_fraction(exact: Fraction, step: Decimal) -> Decimal:
    """Cut a fraction, of which nothing was rounded before, to a whole number of steps, towards zero."""
    return int(exact / Fraction(step)) * step


def split_ratio(told: Decimal) -> Fraction:
    """Give the fraction that a split's ratio stands for, where one of small numbers is within half a millionth of it."""
    near = Fraction(told).limit_denominator(_SPLIT_DENOMINATOR_MAX)
    return near if near and abs(near - Fraction(told)) <= _SPLIT_DIGITS_LOST else Fraction(told)


def price_of(number: float) -> Decimal:
    """Turn a bar's price into money: four decimals, half to even; raises ValueError unless finite and positive, as rounded."""
    price = round_price(Decimal(repr(float(number)))) if math.isfinite(number) else Decimal(0)
    if price <= 0:
        raise ValueError(f"price was {number}; it must be finite and positive, in steps of {PRICE_STEP}")
    return price


def round_price(price: Decimal) -> Decimal:
    """Round a price to four decimals, half to even."""
    return round_to(price, PRICE_STEP)


def to_tick(price: Decimal, *, up: bool) -> Decimal:
    """Move a price to the next that an order may name: whole cents from 1.00 on, four decimals below.

    No venue takes an order for a US share in finer steps: SEC Rule 612 (17 CFR 242.612), 0.01 for prices of 1.00 or more and
    0.0001 below. Where the rule allows half cents a whole cent is allowed too.
    """
    step = PENNY if price >= CENTS_FROM else PRICE_STEP
    return price.quantize(step, rounding=ROUND_CEILING if up else ROUND_DOWN)


def rate_of(numerator: Decimal, denominator: Decimal) -> Decimal:
    """Divide two fixings into a cross rate of six decimals, half to even."""
    return round_to(numerator / denominator, RATE_STEP)


def weight_of(part: Decimal, whole: Decimal) -> Decimal:
    """Give part over whole with six decimals, rounded up; raises ValueError when the whole is not positive.

    Up, so that what is above a limit never reads as the limit.
    """
    if whole <= 0:
        raise ValueError(f"equity was {whole}; a weight needs a positive whole")
    return (part / whole).quantize(WEIGHT_STEP, rounding=ROUND_CEILING)


def cut_weight(weight: Decimal) -> Decimal:
    """Cut a weight to six decimals towards zero, so that a sum of cut weights is never above its whole."""
    return weight.quantize(WEIGHT_STEP, rounding=ROUND_DOWN)

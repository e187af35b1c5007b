"""Numbers: exactly what was written, or nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.statements.numbers import UNKNOWN, decimal_of, readings

D = Decimal


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("1234.50", ".", "1234.50"),
        ("1,234.50", ".", "1234.50"),
        ("1,234", ".", "1234"),
        ("1.234,50", ",", "1234.50"),
        ("26,45", UNKNOWN, "26.45"),
        ("-27,80", UNKNOWN, "-27.80"),
        ("0,039", UNKNOWN, "0.039"),
        ("4,581.91", UNKNOWN, "4581.91"),
        ("4.581,91", UNKNOWN, "4581.91"),
        (" 1 757,95 ", UNKNOWN, "1757.95"),
        ("1 046,3825", UNKNOWN, "1046.3825"),
        ("(0,10)", UNKNOWN, "-0.10"),
        ("(6.97)", UNKNOWN, "-6.97"),
        ("-$1,259.59", ".", "-1259.59"),
        ("€0.00", ".", "0.00"),
    ],
)
def test_reads_what_can_mean_one_thing(text, mark, value):
    """Marks, groups, signs and currency signs of the brokers' files."""
    assert decimal_of(text, mark) == D(value)


@pytest.mark.parametrize("text", ["1,234", "41,899", "1.234", "-1,234"])
def test_refuses_what_may_mean_two_things(text):
    """Both meanings are in the words; knowing the mark decides."""
    with pytest.raises(ValueError, match=r"may be .* or .*; which is meant the file does not say"):
        decimal_of(text, UNKNOWN)

    assert len(readings(text)) == 2
    assert len({decimal_of(text, "."), decimal_of(text, ",")}) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "x",
        "1e5",
        "NaN",
        "inf",
        "--1",
        "(-1)",
        "1,23,4",
        "1.2.3",
        "1234,567.8",
        "٣",
        "+1",
        "$",
        "1" * 19,
        "0." + "1" * 19,
    ],
)
def test_refuses_what_is_no_number(text):
    """Words, exponents, broken groups, other digits, and numbers wider than any account."""
    for mark in (".", ",", UNKNOWN):
        assert readings(text, mark) == (), mark
    with pytest.raises(ValueError, match="is no number"):
        decimal_of(text)

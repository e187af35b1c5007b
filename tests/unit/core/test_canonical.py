"""Canonical JSON: one text for each value, and a refusal of what has none."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.canonical import LATER, canonical_json, instant_text, plain_decimal, sha256_of, sha256_text


@dataclass(frozen=True)
class Thing:
    """A noun with a text and a number."""

    name: str
    number: Decimal


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0, "0"),
        (-12, "-12"),
        ('é – "x"', '"é – \\"x\\""'),
        (Decimal("1.50"), '"1.5"'),
        (date(2024, 6, 7), '"2024-06-07"'),
        (datetime(2024, 6, 7, 8, tzinfo=UTC), '"2024-06-07T08:00:00.000000Z"'),
        ((1, [2, ()]), "[1,[2,[]]]"),
        ({"b": 1, "a": {"d": None, "c": 2}}, '{"a":{"c":2,"d":null},"b":1}'),
        ({date(2024, 6, 7): 1}, '{"2024-06-07":1}'),
        (Thing("x", Decimal("2E+2")), '{"name":"x","number":"200"}'),
    ],
)
def test_a_value_has_one_text(value, text):
    """Sorted keys, no spaces, decimals as plain text, UTF-8 as it is."""
    assert canonical_json(value) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("0E-10", "0"),
        ("1.500", "1.5"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("1E-7", "0.0000001"),
        ("-0.10", "-0.1"),
        ("123456789012345678901234567890.12", "123456789012345678901234567890.12"),
    ],
)
def test_a_decimal_is_plain(number, text):
    """No exponent, no trailing zero, no minus zero, no lost digit."""
    assert plain_decimal(Decimal(number)) == text


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_decimal_that_is_no_number_is_refused(number):
    """It could never be read back."""
    with pytest.raises(ValueError, match="has no canonical form"):
        canonical_json(Decimal(number))


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), np.float64(1), np.int64(1), b"bytes", {1, 2}, Thing, object(), 1 + 2j],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [{"a": (value,)}]], ids=["bare", "inside"])
def test_a_value_without_one_text_is_refused(value, wrap):
    """A float has no single text; neither have sets, bytes, classes and the numbers of other libraries."""
    with pytest.raises(TypeError, match="has no canonical form"):
        canonical_json(wrap(value))


@pytest.mark.parametrize("key", [1, None, Decimal(1), ("a",), datetime(2024, 6, 7, tzinfo=UTC)])
def test_a_key_that_is_no_text_is_refused(key):
    """JSON would turn it into a text that another key may have."""
    with pytest.raises(TypeError, match="a canonical key is text"):
        canonical_json({key: 1})


def test_an_instant_without_a_zone_is_refused():
    """A naive instant is somebody's local time, and nobody knows whose."""
    with pytest.raises(ValueError, match="2024-06-07T08:00:00 has no time zone"):
        canonical_json(datetime(2024, 6, 7, 8, tzinfo=UTC).replace(tzinfo=None))


def test_an_instant_is_told_in_utc_with_a_fixed_width():
    """The same instant in another zone has the same text, so that texts sort as instants do."""
    tokyo = timezone(timedelta(hours=9))

    assert instant_text(datetime(2024, 6, 7, 9, 0, 0, 5, tzinfo=tokyo)) == "2024-06-07T00:00:00.000005Z"


def test_a_hash_is_that_of_the_canonical_bytes():
    """The known SHA-256 of the two bytes of an empty object, and that of UTF-8 text."""
    assert sha256_of({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert sha256_text("é") == "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"


@given(number=NUMBERS)
def test_a_decimal_comes_back_from_its_text(number):
    """For all numbers no digit is lost, and the text is the shortest plain one."""
    text = plain_decimal(number)

    assert Decimal(text) == number
    assert plain_decimal(Decimal(text)) == text
    assert "e" not in text.lower()


@given(number=NUMBERS, zeros=st.integers(0, 5))
def test_trailing_zeros_do_not_move_a_hash(number, zeros):
    """Equal decimals have equal texts, however many digits they were written with."""
    written = Decimal(f"{number:f}" + ("" if "." in f"{number:f}" else ".") + "0" * zeros)

    assert written == number
    assert sha256_of(written) == sha256_of(number)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_plain_values_come_back_as_they_were(value):
    """What JSON can hold is held, and the order of keys does not matter."""
    text = canonical_json(value)

    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text
    if isinstance(value, dict):
        assert canonical_json(dict(reversed(value.items()))) == text


@dataclass(frozen=True)
class Kept:
    """A noun with a field that was added later."""

    number: int
    added: str | None = field(default=None, metadata=LATER)


def test_a_field_added_later_moves_no_hash_while_it_says_nothing():
    """What was kept before there was the field is read, and hashed, as it was; once it says something it counts."""
    assert canonical_json(Kept(1)) == '{"number":1}'
    assert canonical_json([Kept(1, "said")]) == '[{"added":"said","number":1}]'

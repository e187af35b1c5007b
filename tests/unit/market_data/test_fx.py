"""Exchange rates: crossed through the euro, known the next morning, and not too old."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.market_data.fx import fx_rate
from tests.unit.market_data.making import fixing

FRIDAY = date(2024, 6, 7)
FIXINGS = [
    fixing(FRIDAY - timedelta(days=1), "GBP", "0.85"),
    fixing(FRIDAY - timedelta(days=1), "USD", "1.0865"),
    fixing(FRIDAY, "GBP", "0.8500"),
    fixing(FRIDAY, "USD", "1.0893"),
]


def rate(fixings=FIXINGS, base="GBP", quote="USD", *, known_on, age_days_max=6):
    """Ask for a rate."""
    return fx_rate(fixings, base, quote, known_on=known_on, age_days_max=age_days_max)


def test_is_quote_over_base_to_six_decimals():
    """GBPUSD is USD over GBP, both for one euro."""
    gate = rate(known_on=FRIDAY + timedelta(days=1))

    assert gate.findings == ()
    assert gate.value.rate == Decimal("1.281529")
    assert (gate.value.base, gate.value.quote, gate.value.fixed_on) == ("GBP", "USD", FRIDAY)
    assert gate.value.source == "ecb"


def test_a_fixing_is_known_from_the_next_morning():
    """On the day itself yesterday's counts: the fixing is published in the afternoon."""
    assert rate(known_on=FRIDAY).value.fixed_on == FRIDAY - timedelta(days=1)
    assert rate(known_on=FRIDAY + timedelta(days=1)).value.fixed_on == FRIDAY


def test_is_open_at_six_days_and_closed_at_seven():
    """The age is in calendar days from the fixing to the morning; the message has the numbers."""
    at_limit, above = (rate(known_on=FRIDAY + timedelta(days=days)) for days in (6, 7))

    assert at_limit.is_open
    assert not above.is_open
    assert [(one.check, one.subject) for one in above.findings] == [("fx", "GBPUSD")]
    assert "2024-06-07: 7 days old; at most 6 are allowed" in above.findings[0].message


def test_no_fixing_known_yet_closes_the_gate():
    """Nothing before the day is not the same as zero."""
    for fixings, day in (([], FRIDAY), (FIXINGS, FIXINGS[0].day)):
        gate = rate(fixings, known_on=day)

        assert not gate.is_open
        assert gate.outcome is None
        assert f"no day before {day} has a fixing of both GBP and USD" in gate.findings[0].message


def test_both_currencies_are_fixed_on_one_day():
    """A day that lacks one of them is passed over: two days are never crossed."""
    fixings = [*FIXINGS, fixing(FRIDAY + timedelta(days=3), "USD", "1.5")]

    assert rate(fixings, known_on=FRIDAY + timedelta(days=4)).value.fixed_on == FRIDAY
    assert not rate([FIXINGS[0], FIXINGS[3]], known_on=FRIDAY + timedelta(days=1)).is_open


def test_the_euro_needs_no_fixing_of_its_own():
    """EURUSD is the fixing, USDEUR its inverse."""
    known_on = FRIDAY + timedelta(days=1)

    assert rate(base="EUR", known_on=known_on).value.rate == Decimal("1.089300")
    assert rate(base="USD", quote="EUR", known_on=known_on).value.rate == Decimal("0.918021")


def test_a_currency_in_itself_is_one():
    """Without any fixing."""
    gate = rate([], base="USD", known_on=FRIDAY)

    assert gate.is_open
    assert gate.value.rate == 1


@given(st.integers(0, 40), st.integers(0, 31))
def test_is_open_exactly_while_the_newest_known_fixing_is_young_enough(days, age_days_max):
    """For all days and limits."""
    known_on = FRIDAY + timedelta(days=days)
    newest = FRIDAY if days > 0 else FRIDAY - timedelta(days=1)

    gate = rate(known_on=known_on, age_days_max=age_days_max)

    assert gate.is_open == ((known_on - newest).days <= age_days_max)


@pytest.mark.parametrize("currency", ["CHF", ""])
def test_an_unknown_currency_closes_the_gate(currency):
    """A currency that nobody fixed has no rate."""
    assert not rate(quote=currency, known_on=FRIDAY + timedelta(days=1)).is_open

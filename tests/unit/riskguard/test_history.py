"""History: what the bars before as-of say, in the units of as-of."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np

from core.domain.bars import Basis
from core.domain.panel import Split
from core.riskguard.history import close_before, value_traded
from core.riskguard.line_rules import price_jump
from tests.unit.making import AS_OF, SHIPPED, case, line, past


def test_a_split_of_bars_as_they_were_traded_is_no_leap_of_the_price():
    """700 split by seven is 100; adjusted bars know the split already, another's split is none of it."""
    bars = past(closes={"AAA": [700, 125]})
    split = replace(bars, splits=(Split(AS_OF, "AAA", Decimal(7)), Split(AS_OF, "BBB", Decimal(2))))
    raw = replace(split, basis=(Basis("raw"),) * len(split.instruments))
    cases = [case(line("buy", "AAA", "1"), panel=one) for one in (raw, split)]

    assert [close_before(one, "AAA") for one in cases] == [Decimal(100), Decimal(700)]
    assert [price_jump(one.proposal.lines[0], one, SHIPPED) is None for one in cases] == [True, False]


def test_a_split_before_the_last_close_is_in_it_already():
    """Only what split since that close, up to as-of, counts."""
    bars = past(closes={"AAA": [100, 125]})
    before = bars.sessions[-2].astype(object)
    raw = replace(bars, basis=(Basis("raw"),) * len(bars.instruments), splits=(Split(before, "AAA", Decimal(7)),))

    assert close_before(case(line("buy", "AAA", "1"), panel=raw), "AAA") == Decimal(100)


def test_what_has_no_close_before_as_of_has_none():
    """No column, no bar before, no bar ever, no bars at all."""
    bars = past()
    values = bars.values()
    values[:, :-1, bars.instruments.index("AAA")] = np.nan

    assert close_before(case(panel=bars.with_values(values)), "AAA") is None
    values[:, -1, bars.instruments.index("AAA")] = np.nan
    assert close_before(case(panel=bars.with_values(values)), "AAA") is None
    assert close_before(case(panel=bars), "GONE") is None
    assert close_before(case(panel=None), "AAA") is None


def test_a_close_of_nothing_is_no_close():
    """A provider that writes 0 for a day without a trade: the close before that day is the last one."""
    assert close_before(case(panel=past(closes={"AAA": [100, 0, 125]})), "AAA") == Decimal(100)


def test_the_first_session_of_all_has_a_close_too():
    """Two sessions are enough: one before as-of, and as-of."""
    assert close_before(case(panel=past(2, closes={"AAA": [100, 125]})), "AAA") == Decimal(100)


def test_a_split_of_bars_of_which_nobody_said_the_units_is_not_taken_off():
    """Only prices as they were traded are in the units of their day."""
    bars = past(closes={"AAA": [700, 125]})
    unsaid = replace(bars, splits=(Split(AS_OF, "AAA", Decimal(7)),), basis=(None,) * len(bars.instruments))

    assert close_before(case(panel=unsaid), "AAA") == Decimal(700)


def test_nothing_is_traded_of_what_has_no_bars():
    """No column, and no bars at all."""
    assert value_traded(past(), AS_OF, "GONE") == 0
    assert value_traded(None, AS_OF, "AAA") == 0

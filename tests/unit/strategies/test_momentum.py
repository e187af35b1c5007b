"""Momentum: values by hand, gaps, short panels, and nothing read that comes later."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.bars import BAR_FIELDS
from core.strategies.momentum import MomentumParameters, momentum, parameters_from
from tests.unit.making import SESSIONS, panel

NAN = float("nan")
THREE_ONE = MomentumParameters(lookback_sessions=3, skip_sessions=1, hold_rank_multiple=2)
LAST = SESSIONS[9]


def test_the_return_runs_from_the_lookback_to_the_skip():
    """By hand: from 100 three sessions ago to 125 one session ago; the last session's 999 is left out."""
    bars = panel({"AAA": [7.0, 100.0, 110.0, 125.0, 999.0], "BBB": [7.0, 80.0, 1.0, 60.0, 1.0]})

    assert momentum(bars, ("AAA", "BBB"), THREE_ONE) == {"AAA": 0.25, "BBB": -0.25}


def test_without_a_skip_the_return_ends_with_the_last_session():
    """A skip of zero is allowed."""
    bars = panel({"AAA": [100.0, 110.0, 150.0]})

    assert momentum(bars, ("AAA",), MomentumParameters(2, 0, 1)) == {"AAA": 0.5}


def test_total_return_closes_are_used():
    """Dividends count: the close that is adjusted for them decides, not the close."""
    bars = panel({"AAA": [1.0, 1.0, 1.0, 1.0]}, adj_close=np.array([[50.0], [1.0], [60.0], [1.0]]))

    assert momentum(bars, ("AAA",), THREE_ONE)["AAA"] == pytest.approx(0.2)


@pytest.mark.parametrize("absent", [0, 2])
def test_an_absent_bar_at_either_end_gives_nan(absent):
    """Both bars of the return must be there, and no neighbour stands in for one."""
    closes = [100.0, 110.0, 125.0, 999.0]
    closes[absent] = NAN

    assert math.isnan(momentum(panel({"AAA": closes}), ("AAA",), THREE_ONE)["AAA"])


@pytest.mark.parametrize("absent", [1, 3])
def test_an_absent_bar_elsewhere_changes_nothing(absent):
    """Between the two bars, and after them, gaps are allowed."""
    closes = [100.0, 110.0, 125.0, 999.0]
    closes[absent] = NAN

    assert momentum(panel({"AAA": closes}), ("AAA",), THREE_ONE) == {"AAA": 0.25}


def test_a_panel_one_session_too_short_gives_nan():
    """A lookback of three needs four sessions."""
    enough, short = panel({"AAA": [100.0, 1.0, 150.0, 1.0]}), panel({"AAA": [100.0, 1.0, 150.0]})

    assert momentum(enough, ("AAA",), THREE_ONE) == {"AAA": 0.5}
    assert math.isnan(momentum(short, ("AAA",), THREE_ONE)["AAA"])


def test_an_instrument_that_the_panel_does_not_hold_gives_nan():
    """Who is asked for is answered for, in the order asked, and nobody else is."""
    scores = momentum(panel({"AAA": [100.0, 1.0, 150.0, 1.0], "BBB": [1.0] * 4}), ("ZZZ", "AAA"), THREE_ONE)

    assert list(scores) == ["ZZZ", "AAA"]
    assert math.isnan(scores["ZZZ"])


@pytest.mark.parametrize("past", [0.0, -0.0])
def test_a_price_of_zero_gives_no_number_to_rank(past):
    """Nothing is divided by zero; the result is not finite, which ranking leaves out."""
    scores = momentum(panel({"AAA": [past, 1.0, 150.0, 1.0]}), ("AAA",), THREE_ONE)

    assert not math.isfinite(scores["AAA"])


@given(
    closes=st.lists(st.floats(0.5, 500), min_size=6, max_size=9),
    later=st.lists(st.floats(0.5, 500), min_size=1, max_size=1),
)
def test_what_comes_later_does_not_matter(closes, later):
    """For all histories: the score as of a session is the same whether or not the panel went on."""
    whole = panel({"AAA": [*closes, *later]}, last=LAST)
    as_of = SESSIONS[8]

    known = panel({"AAA": closes}, last=as_of)

    assert momentum(whole.window(as_of, len(closes)), ("AAA",), THREE_ONE) == momentum(known, ("AAA",), THREE_ONE)


@given(closes=st.lists(st.floats(0.5, 500), min_size=4, max_size=9))
def test_the_four_sessions_needed_are_enough(closes):
    """For all histories: a longer past, or other columns beside, change nothing."""
    whole = panel({"AAA": closes, "BBB": closes[::-1]})

    needed = panel({"AAA": closes[-4:]})

    assert momentum(whole, ("AAA",), THREE_ONE) == momentum(needed, ("AAA",), THREE_ONE)


def test_the_order_of_the_columns_does_not_matter():
    """Each instrument is read in its own column."""
    bars = panel({"AAA": [100.0, 1.0, 150.0, 1.0], "BBB": [100.0, 1.0, 50.0, 1.0]})
    turned = {name: getattr(bars, name)[:, ::-1] for name in BAR_FIELDS}
    other = replace(bars, instruments=bars.instruments[::-1], **turned)

    assert momentum(other, ("AAA", "BBB"), THREE_ONE) == momentum(bars, ("AAA", "BBB"), THREE_ONE)


@pytest.mark.parametrize(
    ("lookback", "skip", "multiple", "words"),
    [
        (3, 3, 1, r"skip_sessions was 3; it must be from 0 to below lookback_sessions \(3\)"),
        (3, -1, 1, "skip_sessions was -1"),
        (0, 0, 1, "skip_sessions was 0"),
        (3, 1, 0, "hold_rank_multiple was 0; it must be 1 or more"),
    ],
)
def test_parameters_that_cannot_be_are_refused(lookback, skip, multiple, words):
    """A return spans at least one session, and a holding may at least keep its rank."""
    with pytest.raises(ValueError, match=words):
        MomentumParameters(lookback, skip, multiple)


def test_the_shortest_parameters_are_taken():
    """One session back, none left out."""
    assert MomentumParameters(1, 0, 1).lookback_sessions == 1
    assert MomentumParameters(3, 2, 1).skip_sessions == 2


WHOLE = {"lookback_sessions": 252, "skip_sessions": 21, "hold_rank_multiple": 2}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lookahead": 1}, r"unknown parameters \['lookahead'\], missing \[\]; it takes \['lookback_sessions', "),
        ({"skip_sessions": Decimal("2.5")}, r"'skip_sessions': Decimal\('2.5'\)} must be whole numbers"),
        ({"skip_sessions": "21"}, "must be whole numbers"),
    ],
)
def test_parameters_of_the_policy_are_read_strictly(changes, words):
    """Misspelt, broken or quoted: each is named with what is right."""
    with pytest.raises(ValueError, match=words):
        parameters_from(WHOLE | changes)


def test_a_parameter_that_the_policy_lacks_is_named():
    """There is no default that a person did not write."""
    with pytest.raises(ValueError, match=r"unknown parameters \[\], missing \['skip_sessions'\]"):
        parameters_from({name: value for name, value in WHOLE.items() if name != "skip_sessions"})


def test_the_shipped_parameters_are_those_of_the_papers():
    """Twelve months without the last one."""
    assert parameters_from(dict(WHOLE)) == MomentumParameters(252, 21, 2)

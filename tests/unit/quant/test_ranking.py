"""Ranking: the order of scores, ties, what cannot be ranked, and when nothing can be told apart."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.scores import Score, drawn, ranked_scores
from core.domain.strategy import Ranking, Strategy
from core.gate import Finding
from core.quant.ranking import as_ranked, rank_instruments
from tests.unit.making import AS_OF, SESSIONS, panel

NAN = float("nan")
BARS = panel({"AAA": [1.0, 2.0], "BBB": [1.0, 2.0]})


def giving(**numbers: float) -> Strategy:
    """Give a strategy whose numbers are known beforehand."""
    return Strategy("fixed", lambda panel, names, _: Ranking({name: numbers[name] for name in names}), 1, 1)


def test_a_missing_score_names_the_day_whose_bar_it_needs():
    """The first one in the order of what the strategy needs; another cause is told in general."""
    bars = panel({"AAA": [1.0, 2.0, 3.0], "BBB": [NAN, 2.0, 3.0], "CCC": [NAN, NAN, 3.0], "DDD": [1.0, 2.0, 3.0]})
    needy = replace(giving(AAA=1.0, BBB=NAN, CCC=NAN, DDD=NAN), bars_needed=(2, 1))

    scores = rank_instruments(bars, ("AAA", "BBB", "CCC", "DDD"), AS_OF, strategy=needy).value

    first = bars.sessions[0]
    assert scores.unranked == (
        ("BBB", f"no bar on {first}"),
        ("CCC", f"no bar on {first}"),
        ("DDD", "its history is too short or has gaps"),
    )


def test_the_highest_number_is_rank_one():
    """Higher is better; ranks begin at one."""
    scores = ranked_scores("fixed", AS_OF, Ranking({"AAA": -0.5, "BBB": 2.0, "CCC": 0.0}))

    assert scores.ranked == (
        Score("BBB", 1, Decimal("2")),
        Score("CCC", 2, Decimal("0")),
        Score("AAA", 3, Decimal("-0.5")),
    )
    assert (scores.strategy, scores.as_of) == ("fixed", AS_OF)


def test_ties_are_broken_by_a_draw_that_never_changes():
    """Equal numbers stand in the order of their ids' hashes, which favours no letter, in whatever order they were made."""
    scores = ranked_scores("fixed", AS_OF, Ranking({"CCC": 1.0, "AAA": 1.0, "BBB": 1.0}))

    assert scores.ranks() == {"CCC": 1, "AAA": 2, "BBB": 3}


@pytest.mark.parametrize("number", [NAN, float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_unranked_with_a_reason(number):
    """It stands at neither end; the unranked are told by id."""
    scores = ranked_scores("fixed", AS_OF, Ranking({"ZZZ": number, "AAA": 1.0, "BBB": number}))

    assert scores.ranks() == {"AAA": 1}
    assert scores.unranked == (
        ("BBB", "its history is too short or has gaps"),
        ("ZZZ", "its history is too short or has gaps"),
    )


@pytest.mark.parametrize(
    ("number", "value"),
    [(0.1 + 0.2, "0.3"), (1 / 3, "0.333333333333"), (1e-9, "0.000000001"), (123456789012.75, "123456789013")],
)
def test_a_value_is_kept_with_twelve_digits(number, value):
    """Floats end here: the last bits of a sum are no part of a score."""
    assert ranked_scores("fixed", AS_OF, Ranking({"AAA": number})).ranked[0].value == Decimal(value)


@given(st.dictionaries(st.text("ABC", min_size=1, max_size=3), st.floats(-1e6, 1e6) | st.just(NAN)))
def test_every_instrument_is_ranked_or_unranked_once(numbers):
    """For all numbers: nobody is lost, ranks count up from one, and no better number stands behind a worse one."""
    scores = ranked_scores("fixed", AS_OF, Ranking(numbers))

    names = [score.instrument for score in scores.ranked] + [name for name, _ in scores.unranked]
    assert sorted(names) == sorted(numbers)
    assert [score.rank for score in scores.ranked] == list(range(1, len(scores.ranked) + 1))
    ranked = [(-numbers[score.instrument], drawn(score.instrument)) for score in scores.ranked]
    assert ranked == sorted(ranked)
    assert all(math.isnan(numbers[name]) for name, _ in scores.unranked)


@given(st.permutations(["AAA", "BBB", "CCC", "DDD"]))
def test_the_order_of_the_universe_does_not_matter(order):
    """For all orders the ranking is the same."""
    numbers = {"AAA": 1.0, "BBB": 2.0, "CCC": 1.0, "DDD": NAN}

    assert ranked_scores("fixed", AS_OF, Ranking({name: numbers[name] for name in order})) == ranked_scores(
        "fixed", AS_OF, Ranking(numbers)
    )


def test_a_ranking_that_tells_instruments_apart_is_open():
    """One that could not be ranked closes nothing."""
    gate = rank_instruments(BARS, ("AAA", "BBB"), AS_OF, strategy=giving(AAA=1.0, BBB=NAN))

    assert gate.is_open
    assert gate.value.ranks() == {"AAA": 1}


@pytest.mark.parametrize("names", [(), ("AAA", "BBB")])
def test_nothing_ranked_closes_the_gate(names):
    """No instrument to rank, or none with a number."""
    gate = rank_instruments(BARS, names, AS_OF, strategy=giving(AAA=NAN, BBB=NAN))

    message = f"0 of {len(names)} instruments could be ranked: too little history"
    assert gate.findings == (Finding("scores", "fixed", message, "block"),)


def test_scores_that_are_all_the_same_close_the_gate():
    """Ranking by id alone would be no ranking."""
    gate = rank_instruments(BARS, ("AAA", "BBB"), AS_OF, strategy=giving(AAA=0.5, BBB=0.5))

    assert [finding.message for finding in gate.findings] == ["all 2 scores are 0.5; nothing is ranked"]
    assert not gate.is_open


def test_scores_that_differ_beyond_the_twelfth_digit_are_the_same():
    """What the stored values cannot tell apart is not told apart."""
    gate = rank_instruments(BARS, ("AAA", "BBB"), AS_OF, strategy=giving(AAA=0.5, BBB=0.5 + 1e-15))

    assert not gate.is_open


def test_one_instrument_alone_is_a_ranking():
    """There is nothing to tell it apart from."""
    assert rank_instruments(BARS, ("AAA",), AS_OF, strategy=giving(AAA=0.0)).is_open


@pytest.mark.parametrize("last", [SESSIONS[7], SESSIONS[9]])
def test_a_panel_that_does_not_end_with_as_of_closes_the_gate(last):
    """A session too few is stale, a session too many was not known yet; neither is scored."""
    bars = panel({"AAA": [1.0, 2.0]}, last=last)

    gate = rank_instruments(bars, ("AAA",), AS_OF, strategy=giving())

    assert [finding.message for finding in gate.findings] == [f"the panel ends with {last}, not with as-of {AS_OF}"]


def test_a_panel_without_a_session_closes_the_gate():
    """No bar at all ends with nothing."""
    empty = panel({"AAA": [1.0]}).window(SESSIONS[0], 5)

    gate = rank_instruments(empty, ("AAA",), AS_OF, strategy=giving())

    assert [finding.message for finding in gate.findings] == [f"the panel ends with None, not with as-of {AS_OF}"]


@given(st.lists(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, NAN]), min_size=12, max_size=12), min_size=1, max_size=4))
def test_a_backtest_ranks_as_the_daily_run_does(weeks):
    """The same order, ties and all, and no ranking in weeks that the daily run's gate refuses."""
    names = tuple(f"N{at:02}" for at in range(12))
    told = as_ranked(np.array(weeks), names)

    for week, numbers in zip(told, weeks, strict=True):
        fixed = giving(**dict(zip(names, numbers, strict=True)))
        gate = rank_instruments(BARS, names, AS_OF, strategy=fixed)
        order = [names[at] for at in np.argsort(-week) if np.isfinite(week[at])]
        assert order == ([score.instrument for score in gate.value.ranked] if gate.is_open else [])

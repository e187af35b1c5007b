"""The measures of a tear sheet: equal to the exact ones of books, and silent where there is nothing to tell."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.measures import risk
from core.measures.returns import NotComputable
from core.measures.tearsheet import (
    against,
    calmar_ratio,
    deepest_drawdowns,
    drawdowns,
    period_returns,
    return_a_year,
    rolling_sharpe,
    session_returns,
    sharpe_ratio,
    sortino_ratio,
    value_at_risk,
    volatility_a_year,
    years_of,
)


def days(count, first="2019-01-04"):
    """Make weekdays."""
    return np.busday_offset(np.datetime64(first), np.arange(count))


def curve(seed, count):
    """Make an equity curve that wanders."""
    steps = np.random.Generator(np.random.PCG64(seed)).normal(0.0004, 0.012, count - 1)
    return 1000.0 * np.exp(np.concatenate([[0.0], np.cumsum(steps)]))


def exact(values):
    """Give floats as the decimals that they show."""
    return [Decimal(repr(float(value))) for value in values]


def test_ratios_are_those_of_books():
    """Volatility, Sharpe, Sortino and Calmar in floats equal the exact ones in decimals."""
    returns = session_returns(days(300), curve(1, 300))
    told = exact(returns)

    assert volatility_a_year(returns) == pytest.approx(float(risk.volatility(told, 252)), rel=1e-12)
    assert sharpe_ratio(returns) == pytest.approx(float(risk.sharpe(told, Decimal(0), 252)), rel=1e-12)
    assert sortino_ratio(returns) == pytest.approx(float(risk.sortino(told, Decimal(0), 252)), rel=1e-12)
    assert calmar_ratio(0.2, -0.1) == pytest.approx(2.0)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=60))
def test_the_deepest_drawdown_is_that_of_books(levels):
    """For all curves, flat stretches and ties too; without any fall there is none, where books tell one of zero."""
    sessions, equity = days(len(levels)), np.array(levels, dtype=float)
    told = sessions.astype(object).tolist()

    found = deepest_drawdowns(sessions, equity, 1)

    expected = risk.deepest_drawdown(list(zip(told, exact(equity), strict=True)))
    if not expected.depth:
        assert found == ()
    else:
        assert float(found[0].depth) == pytest.approx(float(expected.depth))
        assert (found[0].peak, found[0].trough) == (expected.peak, expected.trough)
        assert found[0].recovered == expected.recovered
        assert float(found[0].depth) == pytest.approx(drawdowns(equity).min())


def test_drawdowns_are_told_one_after_another_the_deepest_first():
    """Each ends where its peak is reached again; the last has not."""
    equity = np.array([100.0, 90, 100, 110, 55, 70, 110, 110, 99])
    told = days(9).astype(object).tolist()

    found = deepest_drawdowns(days(9), equity, 2)

    assert [(float(one.depth), one.peak, one.trough, one.recovered) for one in found] == [
        (-0.5, told[3], told[4], told[6]),
        (pytest.approx(-0.1), told[0], told[1], told[2]),
    ]
    assert deepest_drawdowns(days(9), equity, 9)[2].recovered is None


def test_rolling_ratios_are_those_of_each_window():
    """The last window's is the ratio of its returns; before the first full window, and where nothing varies, is none."""
    returns = session_returns(days(400), curve(2, 400))
    returns[:260] = 0.001

    rolled = rolling_sharpe(returns)

    assert np.isnan(rolled[:260]).all()
    assert rolled[-1] == pytest.approx(sharpe_ratio(returns[-252:]))
    assert np.isnan(rolling_sharpe(returns[:251])).all()


def test_months_and_years_link_to_the_whole():
    """Each begins at the last close before it; the product of all is the whole return."""
    sessions, equity = days(400), curve(3, 400)

    for unit in ("M", "Y"):
        told = period_returns(sessions, equity, unit)
        assert np.prod([1 + one for one in told.values()]) == pytest.approx(equity[-1] / equity[0])
    year = np.flatnonzero(sessions.astype("datetime64[Y]") == np.datetime64("2019"))[-1]
    assert period_returns(sessions, equity, "Y")[np.datetime64("2019")] == pytest.approx(equity[year] / equity[0] - 1)


def test_a_period_of_the_first_close_alone_has_no_return():
    """A curve that begins on a year's last session begins with the next year."""
    sessions, equity = days(3, "2019-12-31"), np.array([100.0, 101.0, 102.0])

    assert list(period_returns(sessions, equity, "Y")) == [np.datetime64("2020")]
    assert period_returns(sessions[:1], equity[:1], "Y") == {}


def test_what_is_owed_has_no_return():
    """An equity at or below zero, or no number, is named with its day."""
    for bad in (0.0, -5.0, np.nan):
        with pytest.raises(NotComputable, match="on 2019-01-07; returns need more than zero"):
            session_returns(days(3), np.array([100.0, bad, 100.0]))
    with pytest.raises(NotComputable, match="1 closes"):
        session_returns(days(1), np.array([100.0]))


@pytest.mark.parametrize("measure", [volatility_a_year, sharpe_ratio, sortino_ratio, lambda one: against(one, one)])
def test_few_returns_tell_no_risk(measure):
    """Below twenty returns there is a reason instead of a number."""
    with pytest.raises(NotComputable, match="19 session returns"):
        measure(np.arange(19.0))


def test_flat_curves_have_no_ratio():
    """What varies only by rounding does not vary."""
    returns = session_returns(days(100), 1000.0 * np.power(1.001, np.arange(100.0)))

    for ratio in (sharpe_ratio, sortino_ratio):
        with pytest.raises(NotComputable, match="there is no"):
            ratio(returns)
    with pytest.raises(NotComputable, match="no drawdown"):
        calmar_ratio(0.1, 0.0)


def test_a_year_needs_a_year():
    """As books have it: 365 days, and none below."""
    assert return_a_year(0.21, 730) == pytest.approx(0.1)
    with pytest.raises(NotComputable, match="364 days"):
        return_a_year(0.21, 364)
    with pytest.raises(NotComputable, match="0 days"):
        years_of(days(0))
    assert years_of(np.array(["2019-01-01", "2020-01-01"], dtype="datetime64[D]")) == 1.0


def test_what_returns_are_beside_the_benchmark():
    """Twice the benchmark has a slope of two and moves with it; the difference has the deviation of the benchmark."""
    benchmark = session_returns(days(300), curve(4, 300))

    told = against(2.0 * benchmark, benchmark)

    assert [told.beta, told.correlation] == pytest.approx([2.0, 1.0])
    assert told.tracking_error == pytest.approx(volatility_a_year(benchmark))
    assert told.information_ratio == pytest.approx(sharpe_ratio(benchmark))
    with pytest.raises(NotComputable, match="nothing to compare"):
        against(benchmark, benchmark)


def test_the_worst_sessions_are_told_by_their_edge_and_mean():
    """A twentieth of a hundred and one returns lies at or below the sixth from below."""
    edge, mean = value_at_risk(np.arange(101.0) / 100 - 1, 0.05)

    assert [edge, mean] == pytest.approx([-0.95, -0.975])


def test_sessions_are_told_as_days():
    """A drawdown's days are dates whatever the unit of the sessions."""
    told = deepest_drawdowns(days(3).astype("datetime64[ns]"), np.array([2.0, 1.0, 2.0]), 1)[0]

    assert (told.peak, told.trough, told.recovered) == (date(2019, 1, 4), date(2019, 1, 7), date(2019, 1, 8))

"""Breakers: what a research backtest tells of the days on which the daily flow would have stopped."""

from __future__ import annotations

import numpy as np
import pytest

from flows.breakers import breaker_notes
from tests.unit.making import ruled

POLICY = ruled(
    limits={"drawdown_max": "0.2", "daily_loss_max": "0.1", "losing_sessions_max": 3, "cooldown_sessions": 2}
)


def notes(*equity: float, **limits: int) -> tuple[str, ...]:
    """Give what is told of a curve that begins on the first of June."""
    days = np.datetime64("2024-06-01") + np.arange(len(equity))
    return breaker_notes(ruled(within=POLICY, limits=limits), days, np.array(equity))


@pytest.mark.parametrize(
    ("equity", "told"),
    [
        (
            (100, 95, 91, 90.99, 91),
            "After 3 losing sessions in a row the daily flow buys nothing for 2; so it was on 2024-06-04.",
        ),
        ((100, 90.01, 100), ""),
        ((100, 90, 100), "The daily-loss breaker (10% in one session) would have halted the book on 2024-06-02."),
        (
            (100, 92, 95, 88, 90, 80),
            "The kill switch (a fall of 20% from the highest) would have halted the book on 2024-06-06.",
        ),
        ((100, 92, 95, 88, 90, 81.01), ""),
        ((100, 99, 98, 98, 97, 96), ""),
    ],
)
def test_each_breaker_is_told_at_its_limit_and_not_before(equity, told):
    """A curve for each: at the limit a sentence names the day, a hundredth short of it there is none."""
    found = [one for one in notes(*equity) if told and one.startswith(told)]

    assert len(found) == bool(told)
    if not told:
        assert notes(*equity) == ()


def test_many_days_are_counted_and_not_listed():
    """Eight are named; the fall counts anew from each."""
    (words,) = [one for one in notes(*(0.79**at for at in range(12))) if one.startswith("The kill switch")]

    assert "2024-06-02, 2024-06-03" in words
    assert "and on 3 more days. Here a person is taken to resume it at once" in words


def test_without_a_cooldown_a_losing_streak_is_nothing():
    """Zero sessions of waiting: off."""
    assert notes(100, 99, 98, 97, cooldown_sessions=0) == ()

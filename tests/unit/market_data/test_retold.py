"""Retellings: a later answer that tells less, or otherwise, than the one before."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from core.domain.bars import Bars, Basis
from core.market_data import retold

DAYS = [date(2024, 1, 1) + timedelta(days=at) for at in range(100)]
GONE_MAX = 0.1


def retelling_of(before: Bars, now: Bars) -> retold.Retelling:
    """Compare two answers of which a tenth may be gone."""
    return retold.retelling_of(before, now, gone_max=GONE_MAX)


def bars(days=DAYS, *, close: float = 100.0) -> Bars:
    """Give flat bars of one symbol."""
    flat = np.full(len(days), close)
    return Bars(
        provider="stooq",
        basis=Basis("total-return", DAYS[-1]),
        symbol=np.full(len(days), "aapl.us", dtype=object),
        session=np.array(days, dtype="datetime64[D]"),
        open=flat,
        high=flat,
        low=flat,
        close=flat,
        adj_close=flat,
        volume=flat,
    )


def test_the_same_again_and_a_window_that_moved_change_nothing():
    """A day more at the end and some less at the beginning are what tomorrow's download is."""
    more = [*DAYS[5:], DAYS[-1] + timedelta(days=1)]

    assert retelling_of(bars(), bars()).words == retelling_of(bars(), bars(more)).words == ()
    assert retelling_of(bars([]), bars()).words == ()


def test_another_past_is_told_with_its_ratio():
    """All closes a fourth of what they were: the ratio and its days, and the answer counts."""
    told = retelling_of(bars(), bars(close=25.0))

    assert told.words == ("restated by x4 from 2024-01-01 to 2024-04-09 (100 sessions)",)
    assert not told.is_stub


@pytest.mark.parametrize(("gone", "is_stub"), [(10, False), (11, True)])
def test_sessions_that_are_gone_are_counted_and_too_many_make_a_stub(gone, is_stub):
    """A tenth is told of, more than that is a broken answer."""
    told = retelling_of(bars(), bars(DAYS[: 50 - gone] + DAYS[50:]))

    assert told.words == (f"{gone} of 100 sessions told before are gone, {DAYS[50 - gone]} to {DAYS[49]}",)
    assert told.is_stub is is_stub


def test_five_rows_of_a_hundred_are_a_stub():
    """The end of it alone, and nothing at all."""
    assert retelling_of(bars(), bars(DAYS[-5:])).is_stub
    assert retelling_of(bars(), bars([])).is_stub

"""Look-ahead: every way of knowing the future that people fall into is found, and what is sound is not accused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.domain.panel import Dividend, Panel
from core.quant.lookahead import Dated, leaks

SEED, FIRST = 3, date(2024, 1, 1)
SESSIONS, NAMES = 40, ("AAA", "BBB", "CCC", "DDD")
Array = NDArray[Any]


def market() -> Panel:
    """Give forty sessions of four instruments, one listed late and one with a gap, and dividends now and then."""
    random = np.random.Generator(np.random.PCG64(SEED))
    closes = 100 * np.exp(np.cumsum(random.normal(0, 0.02, (SESSIONS, len(NAMES))), axis=0))
    closes[:15, 3] = closes[26:30, 1] = np.nan
    days = [FIRST + timedelta(days=row) for row in range(SESSIONS)]
    paid = tuple(Dividend(days[row], "AAA", Decimal(1)) for row in range(5, SESSIONS, 7))
    return Panel(
        sessions=np.array(days, dtype="datetime64[D]"),
        instruments=NAMES,
        basis=(None,) * len(NAMES),
        provider=("synthetic",) * len(NAMES),
        knowledge="assumed",
        snapshot="0" * 64,
        dividends=paid,
        open=closes,
        high=closes,
        low=closes,
        close=closes,
        adj_close=closes,
        volume=closes,
    )


MARKET = market()
DAYS: list[date] = MARKET.sessions.astype(object).tolist()
CUTS = (DAYS[12], DAYS[27])


def returns(closes: Array) -> Array:
    """Give the return of each session, NaN for the first."""
    return np.vstack([np.full((1, closes.shape[1]), np.nan), closes[1:] / closes[:-1] - 1])


def asked(told: Callable[[Panel], Array]) -> Any:
    """Make a computation of what is told of every session."""

    def compute(given: Panel, last: date) -> Mapping[str, Dated]:
        return {"signal": Dated(given.sessions, told(given), NAMES)}

    return compute


def filled_backwards(closes: Array) -> Array:
    """Fill what is missing with the next close that is there."""
    filled = closes.copy()
    for row in range(len(filled) - 2, -1, -1):
        filled[row] = np.where(np.isnan(filled[row]), filled[row + 1], filled[row])
    return filled


def trailing_mean(closes: Array) -> Array:
    """Give the mean of the last five closes."""
    told = np.full(closes.shape, np.nan)
    for row in range(4, len(closes)):
        told[row] = closes[row - 4 : row + 1].mean(axis=0)
    return told


SOUND: dict[str, Callable[[Panel], Array]] = {
    "the close": lambda given: given.close,
    "a return": lambda given: returns(given.close),
    "a trailing mean": lambda given: trailing_mean(given.close),
    "ranks of the day": lambda given: np.argsort(np.argsort(given.close, axis=1), axis=1),
    "the highest so far": lambda given: np.fmax.accumulate(given.close, axis=0),
    "dividends so far": lambda given: np.array(
        [sum(one.session <= day for one in given.dividends) for day in given.sessions.astype(object)]
    ),
}
LEAKS: dict[str, Callable[[Panel], Array]] = {
    "tomorrow's return": lambda given: np.vstack([returns(given.close)[1:], np.full((1, 4), np.nan)]),
    "a centred mean": lambda given: np.vstack(
        [np.full((1, 4), np.nan), (given.close[:-2] + given.close[1:-1] + given.close[2:]) / 3, np.full((1, 4), np.nan)]
    ),
    "a whole sample's mean taken off": lambda given: given.close - np.nanmean(given.close, axis=0),
    "a whole sample's deviation divided by": lambda given: given.close / np.nanstd(given.close, axis=0),
    "a gap filled backwards": lambda given: filled_backwards(given.close),
    "the last close ever as the unit": lambda given: given.close / given.close[-1],
    "the highest ever": lambda given: given.close / np.nanmax(given.close, axis=0),
    "ranks over all days": lambda given: np.argsort(np.argsort(given.close, axis=0), axis=0),
    "who is there at the end": lambda given: np.broadcast_to(np.isfinite(given.close[-1]), given.close.shape),
    "who will be there in ten days": lambda given: np.vstack(
        [np.isfinite(given.close[10:]), np.zeros((10, 4), dtype=bool)]
    ),
    "the number of sessions": lambda given: given.close * len(given.sessions),
    "dividends to come": lambda given: np.array(
        [sum(one.session > day for one in given.dividends) for day in given.sessions.astype(object)]
    ),
    "the best of the next five opens": lambda given: np.array(
        [np.nanmin(given.open[row : row + 6], axis=0) for row in range(len(given.open))]
    ),
    "noise drawn over the whole panel": lambda given: np.random.Generator(np.random.PCG64(len(given.sessions))).normal(
        size=given.close.shape
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_is_not_accused(name):
    """Whatever comes later, it tells the same."""
    assert leaks(asked(SOUND[name]), MARKET, CUTS, seed=SEED) == ()


@pytest.mark.parametrize("name", LEAKS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_planted_leak_is_found(name):
    """At every cut, with the day, the future and how many values there are."""
    found = leaks(asked(LEAKS[name]), MARKET, CUTS, seed=SEED)

    assert {leak.cut for leak in found} == set(CUTS)
    assert all(leak.what == "signal" and leak.day <= leak.cut and leak.values > 0 for leak in found)


def test_a_leak_is_told_in_a_sentence():
    """What, of whom, of which day, with which future."""
    told = leaks(asked(LEAKS["tomorrow's return"]), MARKET, CUTS[:1], seed=SEED)

    assert str(told[0]) == f"signal of AAA of {CUTS[0]} changes when nothing comes after {CUTS[0]}; 3 values do in all"


def test_what_is_not_known_yet_is_not_compared():
    """A label of a day that is known two days later may change until then, and not after."""

    def compute(given: Panel, last: date) -> Mapping[str, Dated]:
        return {"label": Dated(given.sessions[2:], returns(given.close)[2:], NAMES)}

    def too_early(given: Panel, last: date) -> Mapping[str, Dated]:
        return {"label": Dated(given.sessions[1:-1], returns(given.close)[2:], NAMES)}

    assert leaks(compute, MARKET, CUTS, seed=SEED) == ()
    assert leaks(too_early, MARKET, CUTS, seed=SEED)


def test_a_cut_must_be_a_session_and_the_same_things_must_be_told():
    """What was asked wrongly is no finding."""
    with pytest.raises(ValueError, match="2020-01-01 is no session of the panel, which has 40"):
        leaks(asked(SOUND["the close"]), MARKET, (date(2020, 1, 1),), seed=SEED)

    def other(given: Panel, last: date) -> Mapping[str, Dated]:
        return {str(len(given.sessions)): Dated(given.sessions, given.close)}

    with pytest.raises(ValueError, match=r"it tells \['13'\], of the whole panel \['40'\]"):
        leaks(other, MARKET, CUTS[:1], seed=SEED)


def told_of_listed(given: Panel, last: date, *, before: float) -> Mapping[str, Dated]:
    """Tell the returns of what has bars at all, and something of those days on which an instrument had none yet."""
    there = np.isfinite(given.close).any(axis=0)
    told = returns(given.close)
    told[:12, 3] = before
    names = tuple(np.array(given.instruments)[there].tolist())
    return {"signal": Dated(given.sessions, told[:, there], names)}


@pytest.mark.parametrize(("before", "what"), [(np.nan, set()), (0.0, set()), (0.5, {"DDD"})])
def test_what_is_listed_later_need_not_be_known_and_nothing_may_be_told_of_it(before, what):
    """An instrument without a bar by the cut stands in no column there; a value of it from before is one that nobody had."""
    found = leaks(partial(told_of_listed, before=before), MARKET, CUTS[:1], seed=SEED)

    assert {leak.column for leak in found} == what
    assert all(leak.day == DAYS[0] and leak.values == 12 for leak in found)

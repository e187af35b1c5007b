"""The week's backtest: which range of days the first slot of a week leaves to be run through, and what its report is called."""

from __future__ import annotations

from datetime import date

import numpy as np

from core.domain.slot import MAIN_BOOK, BookName
from core.quant.weeks import decision_rows
from flows.backtest import DECISIONS_MIN
from flows.ports import CleanSet
from flows.setup import BookSetup

YEARS = 3


def weekly_range(as_of: date, setup: BookSetup, clean: CleanSet) -> tuple[date, date] | None:
    """Give the last three years, or what there is of them, up to the end of the last whole week that a slot may know.

    All slots of a week give the same last day. None where no bars are there or a synthetic market's, and where they hold
    too few weeks for the strategy to be tested on.
    """
    snapshot = clean.current()
    if snapshot is None:
        return None
    last = setup.calendar.last_week_end(as_of)
    panel = clean.panel(snapshot, last=last)
    if not len(panel.sessions) or panel.is_synthetic:
        return None
    rows = decision_rows(panel.sessions, setup.calendar)
    rows = rows[_first_asked(setup, rows) :]
    begin = np.datetime64(_years_before(last), "D")
    rows = rows[panel.sessions[rows] >= begin]
    if len(rows) < DECISIONS_MIN:
        return None
    first: date = panel.sessions[rows[0]].astype("datetime64[D]").astype(object)
    return first, last


def report_stem(book: BookName, *, is_weekly: bool = False) -> str:
    """Give where the report of a book's backtest stands in a workspace, without its ending.

    The week's has a place of its own: nobody waits for it, and it must not stand where a person looks for an answer.
    """
    stem = f"reports/backtest_{'weekly' if is_weekly else 'latest'}"
    return stem if book == MAIN_BOOK else f"{stem}-{book}"


def _first_asked(setup: BookSetup, rows: np.ndarray) -> int:
    """Give the first decision that the strategy can be asked at, with all that it looks back on or learns of before it."""
    strategy = setup.strategy
    first = int(np.searchsorted(rows, strategy.sessions_needed - 1))
    if strategy.training is None:
        return first
    from core.quant.windows import windows
    from core.strategies.ranker import recipe_of

    planned = windows(len(rows), recipe_of(setup.policy).parameters, first)
    return planned[0].test.start if planned else len(rows)


def _years_before(day: date) -> date:
    try:
        return day.replace(year=day.year - YEARS)
    except ValueError:
        return day.replace(year=day.year - YEARS, day=28)

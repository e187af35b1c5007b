"""Checks on panels of every shape: of no session, of one, without instruments, and with any bars in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.panel import Defect, Dividend, Panel, Split
from core.market_data.checks_bars import BAR_CHECKS
from core.market_data.checks_universe import EXCLUSION_CHECKS, UNIVERSE_CHECKS
from core.market_data.liquidity import illiquid
from core.market_data.quality import bar_marks, judge_history, judge_panel
from core.market_data.sight import Sight
from tests.unit.market_data.making import RAW, SESSIONS, SPLIT, panel, rules, universe

NAMES = ("AAPL", "MSFT", "SPY")
FIELDS = ("open", "high", "low", "close", "adj_close", "volume")
PRICES = st.sampled_from([float("nan"), 0.0, -1.0, 0.01, 10.0, 10.0, 11.0, 1000.0])
ALL = rules(value_traded_min=Decimal(1), accepted_bars=(f"AAPL {SESSIONS[0]}",), benchmark_age_sessions_max=2)


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """Give a panel of any few sessions and instruments, with any bars, and actions and defects within it and beyond."""
    rows, columns = draw(st.integers(0, 4)), draw(st.integers(0, len(NAMES)))
    names = draw(st.permutations(NAMES))[:columns]
    size = rows * columns
    values: dict[str, Any] = {
        field: np.array(draw(st.lists(PRICES, min_size=size, max_size=size)), dtype=np.float64).reshape(rows, columns)
        for field in FIELDS
    }
    told_at = draw(st.sampled_from([None, (rows,), (rows, columns)]))
    evening = np.datetime64("2024-06-10T20:00:00", "s")
    days, instruments = st.sampled_from(SESSIONS), st.sampled_from(NAMES)
    dividends = st.builds(Dividend, days, instruments, st.sampled_from([Decimal("0.1"), Decimal(20)]))
    splits = st.builds(Split, days, instruments, st.sampled_from([Decimal(2), Decimal("1.281")]))
    kinds = st.sampled_from(["ohlc", "non_session", "duplicate_date", "restatement"])
    defects = st.builds(lambda day, name, kind: Defect(day, name, kind, "words"), days, instruments, kinds)
    return replace(
        panel(names, SESSIONS[:rows]),
        **values,
        basis=tuple(draw(st.sampled_from([RAW, SPLIT, None])) for _ in names),
        known_at=None if told_at is None else np.full(told_at, evening),
        dividends=tuple(sorted(draw(st.lists(dividends, max_size=2)))),
        splits=tuple(sorted(draw(st.lists(splits, max_size=2)))),
        defects=tuple(sorted(draw(st.lists(defects, max_size=3)))),
    )


@given(panels(), st.integers(0, 800), st.sampled_from([NAMES, ()]))
def test_no_check_raises_whatever_the_panel(made, later, listed):
    """What is looked at may be anything down to nothing: each check says what it found, and the gate is closed."""
    as_of, lists = SESSIONS[-1] + timedelta(days=later), universe(*listed)
    closes_at = datetime.combine(as_of, datetime.min.time(), UTC)

    gate = judge_panel(made, lists, ALL, as_of, closes_at=closes_at, execution=as_of + timedelta(days=1))
    history = judge_history(made, lists, ALL, as_of)
    marks = bar_marks(made, lists, ALL, as_of, closes_at=closes_at)

    assert not gate.is_open
    assert {cells.shape for cells in marks.values()} == {made.close.shape}
    assert [one.check for one in history] == list(marks)
    assert len(illiquid(made, as_of, ALL)) <= len(made.instruments)


@pytest.mark.parametrize("check", BAR_CHECKS, ids=lambda check: check.name)
@pytest.mark.parametrize(("rows", "names"), [(0, NAMES), (0, ()), (1, ()), (1, NAMES), (4, ())])
def test_a_check_of_bars_marks_nothing_where_there_is_next_to_nothing(check, rows, names):
    """No session, one sound one, or no instrument: no bar is faulty."""
    made = replace(panel(names, SESSIONS[:rows]), defects=(Defect(SESSIONS[0], "OTHER", "non_session", "words"),))

    marks = check.marks(Sight(made, universe(*NAMES), rules(), SESSIONS[-1], datetime(2024, 6, 10, 20, tzinfo=UTC)))

    assert (marks.shape, bool(marks.any())) == (made.close.shape, False)


@pytest.mark.parametrize("names", [NAMES, ()], ids=["instruments", "none"])
def test_checks_of_a_universe_say_that_nothing_was_looked_at(names):
    """Of a panel without a session each tells its number in words."""
    sight = Sight(panel(names, ()), universe(*NAMES), rules(), SESSIONS[-1])

    found = {check.__name__: check(sight).has_passed for check in UNIVERSE_CHECKS}
    found |= {check.__name__: check(sight, ()).has_passed for check in EXCLUSION_CHECKS}

    failed = {name for name, has_passed in found.items() if not has_passed}
    assert failed == {"benchmark_present", "benchmark_fresh", "coverage"}

"""Returns in pages: all of them and nothing else, and no page costs what all of them do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from servers.market_data.answers import RETURNS_A_PAGE, returns_of
from servers.market_data.view import View
from tests.integration.workspaces import weekdays
from tests.unit.market_data.making import panel

DAYS = weekdays(date(2024, 1, 1), 60)
NAMES = tuple(f"I{at:02}" for at in range(20))
ASKED = NAMES[15:2:-1]
SEED = 11


class Counted(tuple[str, ...]):
    """Names of columns that count how often one of them is looked for."""

    looked_for = 0

    def index(self, *arguments: Any) -> int:
        """Give a name's place."""
        Counted.looked_for += 1
        return super().index(*arguments)


def bars() -> Any:
    """Give bars of twenty instruments, a tenth of which is absent."""
    draws = np.random.Generator(np.random.PCG64(SEED))
    close = draws.uniform(1, 100, (len(DAYS), len(NAMES)))
    close[draws.uniform(size=close.shape) < 0.1] = np.nan
    made = replace(panel(NAMES, DAYS), close=close, adj_close=close)
    return replace(made, instruments=Counted(NAMES))


def view(of: Any) -> View:
    """Give a view of a panel alone."""
    calendar = SimpleNamespace(name="XNYS", sessions=DAYS, sessions_between=lambda first, last: [first, last])
    clean = SimpleNamespace(current=lambda: "s" * 64, panel=lambda snapshot, **asked: of)
    setup: Any = SimpleNamespace(calendar=calendar)
    fake: Any = clean
    return View(setup, fake, DAYS[-1], datetime(2024, 6, 1, tzinfo=UTC), lambda name: setup.calendar)


@pytest.mark.parametrize("first", [DAYS[0], DAYS[7]])
def test_the_pages_hold_every_return_once_in_order(first):
    """By session, then as asked; a bar that is absent has no return, nor has the one after it; the last is not cut off."""
    of = bars()
    begin = max(1, DAYS.index(first))
    count = returns_of(view(of), of, ASKED, first=first, basis="total_return", page=1).paging.pages
    pages = [returns_of(view(of), of, ASKED, first=first, basis="total_return", page=1 + at) for at in range(count)]

    expected = [
        (name, DAYS[at], of.close[at, NAMES.index(name)] / of.close[at - 1, NAMES.index(name)] - 1)
        for at in range(begin, len(DAYS))
        for name in ASKED
    ]
    kept = [row for row in expected if not np.isnan(row[2])]
    found = [(row.instrument, row.session, float(row.value)) for page in pages for row in page.returns]
    assert [row[:2] for row in found] == [row[:2] for row in kept]
    assert np.allclose([row[2] for row in found], [row[2] for row in kept], rtol=1e-9, atol=1e-9)
    assert pages[0].paging.rows == len(kept) > 2 * RETURNS_A_PAGE


def test_a_page_looks_for_each_column_once_and_not_for_each_return():
    """Ten years of a whole universe are a million returns, of which a page shows two hundred."""
    of = bars()
    Counted.looked_for = 0

    returns_of(view(of), of, ASKED, first=DAYS[0], basis="total_return", page=1)

    assert Counted.looked_for <= 3 * len(ASKED)


def test_before_the_first_bar_there_is_no_return():
    """A range that begins after the last session is empty and is one page."""
    of = bars()

    answer = returns_of(view(of), of, ASKED, first=date(2030, 1, 1), basis="total_return", page=1)

    assert (answer.returns, answer.paging.rows, answer.paging.pages) == ((), 0, 1)


@pytest.mark.parametrize(("names", "knowledge"), [(("I03",), "recorded"), (("I03", "I04"), "assumed")])
def test_the_provenance_is_that_of_what_is_asked_for(names, knowledge):
    """Recorded where that of every instrument shown is, whatever is assumed of others."""
    of = replace(bars(), recorded=("I03",))

    answer = returns_of(view(of), of, names, first=DAYS[0], basis="total_return", page=1)

    assert answer.provenance.knowledge == knowledge

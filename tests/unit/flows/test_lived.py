"""A book that lived through the daily flow: its positions, units and cash by session are those of its postings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.backtest import Backtest
from core.domain.holdings import EquityPoint
from core.domain.order import Side
from core.domain.posting import Entry
from core.ledger.equity import Curve, Rates
from core.ledger.positions import holdings_of
from core.ledger.post import post_cash, post_fill
from flows.lived import Lived, NothingLived, as_lived
from tests.unit.making import cash_fact, fill
from tests.unit.market_data.making import panel
from tests.unit.reporting.backtests import made

CLOSES = 8
BACKTEST = made(CLOSES, 3, seeds=2)
DAYS: list[date] = BACKTEST.sessions.astype(object).tolist()
NAME, OTHER = BACKTEST.instruments[:2]
RATES = Rates("GBP", (date.min,), (Decimal("1.25"),))
FUNDED = post_cash(cash_fact("DEPOSIT", "10000", session=DAYS[0]))


def lived_through(entries: Sequence[Entry], equity: Sequence[str] = ("10000",) * CLOSES) -> Backtest:
    """Give the backtest of a book with these postings, in a market of flat bars."""
    points = tuple(EquityPoint(day, Decimal(worth), Decimal(100)) for day, worth in zip(DAYS, equity, strict=True))
    return as_lived(BACKTEST, Lived(Curve(points), entries, (), panel(BACKTEST.instruments, DAYS), RATES))


def traded(*moves: tuple[int, Side, str], name: str = NAME) -> list[Entry]:
    """Give fills of an instrument: the session's number, the side and the quantity."""
    return [post_fill(fill(side, name, count, "10", session=DAYS[at])) for at, side, count in moves]


def test_a_position_that_was_closed_is_none():
    """Of tenths too, which no float holds: what was bought in parts and sold whole leaves nothing behind."""
    entries = [
        FUNDED,
        *traded((1, "buy", "0.1"), (2, "buy", "0.2"), (4, "sell", "0.3")),
        *traded((3, "buy", "7"), name=OTHER),
    ]

    found = lived_through(entries)

    assert found.main.positions.tolist() == [0, 1, 1, 2, 1, 1, 1, 1]
    assert found.held[0].tolist() == [pytest.approx(0.1 * 10 / 1.25 / 10_000), 0, 0]


def test_cash_that_came_back_whole_is_all_in_cash():
    """What is invested is nothing at all, not a part in a billion billions."""
    entries = [FUNDED, *traded((1, "buy", "0.01"), (2, "buy", "0.07"), (3, "buy", "0.07"), (4, "sell", "0.15"))]

    assert lived_through(entries).main.invested.tolist()[4:] == [0.0] * 4


@given(st.lists(st.tuples(st.integers(1, CLOSES - 1), st.integers(1, 10**9)), min_size=1, max_size=12))
def test_positions_are_those_of_the_ledger(bought):
    """On each session as many as the book held: whatever was bought is sold whole on the last."""
    parts = [(at, Decimal(units) / 10**7) for at, units in sorted(bought)]
    whole = sum((units for _, units in parts), Decimal(0))
    fills = traded(*((at, "buy", str(units)) for at, units in parts), (CLOSES - 1, "sell", str(whole)))

    found = lived_through([FUNDED, *fills]).main.positions.tolist()

    held = [holdings_of((one for one in fills if one.session <= day), base="GBP").positions for day in DAYS]
    assert found == [len(one) for one in held]
    assert found[-1] == 0


def test_a_day_without_equity_is_named():
    """The book did not live through all that the backtest is of."""
    points = tuple(EquityPoint(day, Decimal(1), Decimal(100)) for day in DAYS[1:])

    with pytest.raises(NothingLived, match=f"no equity on {DAYS[0]}; it has one from {DAYS[1]} to {DAYS[-1]}"):
        as_lived(BACKTEST, Lived(Curve(points), (), (), panel(BACKTEST.instruments, DAYS), RATES))


def test_what_trading_moved_is_told_by_session():
    """Half of what was bought, as a share of the equity before; what came before the first session stands in it."""
    found = lived_through([*traded((0, "buy", "5")), FUNDED, *traded((2, "buy", "100"))]).main

    assert found.turnover.tolist() == pytest.approx([0, 0, 100 * 10 / 1.25 / 2 / 10_000, 0, 0, 0, 0, 0])
    assert found.invested.tolist() == pytest.approx([40 / 10_000] * 2 + [840 / 10_000] * 6)
    assert np.allclose(found.cost, 0)

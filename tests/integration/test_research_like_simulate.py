"""The research backtest beside `twokey simulate`: months of slots with every gate, ticket and posting, and the same book."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from adapters.clock import FixedClock
from adapters.postgres.models import PgTrials
from cli.commands.backtest import lived_through
from cli.commands.trading import simulate_slots
from cli.wiring import Desk
from core.domain.backtest import Backtest
from core.domain.panel import Panel
from core.domain.ticket import IssuedTicket
from core.ledger.equity import Curve, Rates, extend_curve, rates_of
from core.quant.baselines import momentum_scores
from core.quant.membership import holdable, members_of
from core.quant.research import research_with_orders
from core.quant.trading import market_of, trading_of
from core.quant.training import Fits
from core.reporting.backtest_report import report_of
from flows.backtest import Asked, BacktestDoors, backtest
from flows.look import quote_of
from flows.setup import BookSetup
from tests.integration.workspaces import BUSY, DAY, Workspaces, desk_of

pytestmark = pytest.mark.slow

WEEKLY = ("rebalance: daily", "rebalance: weekly")
SETTLED = ("buys_from: sale_proceeds", "buys_from: settled")
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Simulated:
    """What the slots came to, and what they were decided on."""

    setup: BookSetup
    issued: list[IssuedTicket]
    curve: Curve
    panel: Panel
    rates: Rates
    reports: tuple[Backtest, Backtest] | None


def simulated(root: Path, first: date, last: date, *, has_reports: bool = False) -> Simulated:
    """Decide every slot of a range, as `twokey simulate` does."""
    with desk_of(root) as desk:
        configuration = desk.configuration("main")
        issued = simulate_slots(desk, configuration, first, last)
        setup, snapshot = configuration.setup, desk.clean.current() or ""
        # What the last session brings is posted by the slot after it.
        panel = desk.clean.panel(snapshot, last=issued[-1].ticket.as_of)
        rates = rates_of(
            desk.clean.fixings(snapshot), setup.policy.base_currency, quote_of(setup.universe, setup.policy)
        )
        entries = list(desk.journal.entries("main", "paper"))
        reports = reported(issued, setup, desk) if has_reports else None
    assert "NO-TRADE" not in {one.ticket.kind for one in issued}
    curve = extend_curve(Curve(), entries, panel, rates=rates)
    return Simulated(setup, issued, curve, panel, rates, reports)


def reported(issued: list[IssuedTicket], setup: BookSetup, desk: Desk) -> tuple[Backtest, Backtest]:
    """Give the backtest of the same range, of the book that lived through it and of the research engine's."""
    asked, clock = (
        Asked(issued[0].ticket.as_of, issued[-1].ticket.as_of, seeds=3),
        FixedClock(issued[-1].seal.issued_at),
    )
    doors = BacktestDoors(desk.clean, PgTrials(desk.session("quant")), unused, clock, dict)
    lived = backtest(asked, setup, doors, lived=lived_through(issued, setup, desk))
    return lived, backtest(asked, setup, doors)


def unused(*given: object) -> Fits:
    """Fit nothing: momentum learns nothing."""
    raise AssertionError(given)


@pytest.fixture(scope="module")
def weekly(workspaces: Workspaces) -> Simulated:
    """Give two months of a book that trades each week, from a Monday on."""
    monday = DAY + timedelta(days=7 - DAY.weekday())
    return simulated(workspaces.copy("weekly", WEEKLY), monday, monday + timedelta(days=58), has_reports=True)


@pytest.fixture(scope="module")
def daily(workspaces: Workspaces) -> Simulated:
    """Give ten days of a book that trades each day, on settled cash."""
    return simulated(workspaces.copy("daily", SETTLED, *BUSY), DAY, DAY + timedelta(days=10))


@pytest.mark.parametrize("name", ["weekly", "daily"])
def test_research_on_momentum_is_the_simulation(name, request):
    """The same lines on the same mornings, and equity within a ten-thousandth at every close."""
    done: Simulated = request.getfixturevalue(name)
    policy, panel = done.setup.policy, done.panel
    points = [point for point in done.curve.points if point.session <= panel.sessions[-1].astype(object)]
    names = holdable(done.setup.universe, policy.data.benchmark)
    market = market_of(
        panel,
        names,
        members_of(done.setup.universe, names, panel.sessions),
        rates=(done.rates.days, done.rates.rates),
        sectors={row.id: row.sector for row in done.setup.universe.instruments},
    )
    # Every morning on which trades may be proposed, whether or not any was.
    due = np.array([panel.row(day) for day in _decided(done)], dtype=np.int64)

    track, _, orders = research_with_orders(
        "momentum",
        momentum_scores(panel.adj_close[:, [panel.instruments.index(name) for name in names]], due),
        due,
        market=market,
        trading=trading_of(policy, hold_rank_multiple=int(policy.strategy.parameters["hold_rank_multiple"])),
        capital=float(policy.opening_cash),
    )

    ours = {
        (int(due[week]), names[column]): orders.units[week, column]
        for week, column in zip(*np.nonzero(orders.units), strict=True)
    }
    theirs = {
        (panel.row(one.ticket.as_of), line.instrument): float(line.quantity) * (1 if line.side == "buy" else -1)
        for one in done.issued
        for line in one.ticket.lines
    }
    assert len(theirs) > 30
    assert ours.keys() == theirs.keys()
    assert ours == pytest.approx(theirs, rel=2e-3, abs=0.01)
    first = int(due[0])
    assert [point.session for point in points] == panel.sessions[first:].astype(object).tolist()
    assert np.max(np.abs(track.equity / np.array([float(point.equity) for point in points]) - 1)) < TOLERANCE


def test_the_report_of_the_flow_tells_of_the_book_that_the_flow_kept(weekly):
    """The research engine's numbers, each from postings: turnover, costs, income, positions and what was held."""
    lived, researched = weekly.reports
    ours, theirs = lived.main, researched.main
    points = {point.session: float(point.equity) for point in weekly.curve.points}

    assert lived.mode == "flow"
    assert lived.origin.asked != researched.origin.asked
    assert ours.equity.tolist() == [points[day] for day in lived.sessions.astype(object)]
    assert np.array_equal(ours.positions, theirs.positions)
    for name in ("invested", "turnover", "cost", "income"):
        # A penny a line, and the research engine rounds none.
        assert getattr(ours, name) == pytest.approx(
            getattr(theirs, name), rel=5e-3, abs=0.05 if name != "turnover" else 1e-4
        )
    assert ours.cost.sum() > 1
    assert ours.turnover.sum() > 0.3
    assert np.allclose(lived.held, researched.held, atol=2e-4, equal_nan=True)
    assert lived.bound.tolist() == researched.bound.tolist()
    assert len(report_of(lived).tracks) == len(lived.baselines) + 1
    assert lived.notes[0].startswith("The daily flow decided every slot on the paper venue")
    assert f" {len([one for one in weekly.issued if one.ticket.kind == 'TRADE'])} TRADE" in lived.notes[0]


def _decided(done: Simulated) -> list[date]:
    """Give the sessions as of which a morning could trade: those of tickets that do not say that nothing was due."""
    still = ("no rebalance due", "exchange closed")
    return [one.ticket.as_of for one in done.issued if not any(word in still for word in one.ticket.reasons)]

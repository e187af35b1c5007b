"""The research backtest beside `twokey simulate`: months of slots with every gate, ticket and posting, and the same book."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from cli.commands.trading import simulate_slots
from core.domain.panel import Panel
from core.domain.ticket import IssuedTicket
from core.ledger.equity import Curve, Rates, extend_curve, rates_of
from core.quant.baselines import momentum_scores
from core.quant.membership import holdable, members_of
from core.quant.research import research_with_orders
from core.quant.trading import market_of, trading_of
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


def simulated(root: Path, last: date) -> Simulated:
    """Decide every slot from a day on, as `twokey simulate` does."""
    with desk_of(root) as desk:
        configuration = desk.configuration("main")
        issued = simulate_slots(desk, configuration, DAY, last)
        setup, snapshot = configuration.setup, desk.clean.current() or ""
        panel = desk.clean.panel(snapshot, last=last)
        rates = rates_of(
            desk.clean.fixings(snapshot), setup.policy.base_currency, quote_of(setup.universe, setup.policy)
        )
        entries = list(desk.journal.entries("main", "paper"))
    assert "NO-TRADE" not in {one.ticket.kind for one in issued}
    return Simulated(setup, issued, extend_curve(Curve(), entries, panel, rates=rates), panel, rates)


@pytest.mark.parametrize(
    ("name", "changes", "days"),
    [("weekly", (WEEKLY,), 62), ("daily", (SETTLED, *BUSY), 10)],
)
def test_research_on_momentum_is_the_simulation(workspaces: Workspaces, name, changes, days):
    """The same lines on the same mornings, and equity within a ten-thousandth at every close."""
    done = simulated(workspaces.copy(name, *changes), DAY + timedelta(days=days))
    policy, panel = done.setup.policy, done.panel
    points = [point for point in done.curve.points if point.session <= panel.sessions[-1].astype(object)]
    names = holdable(done.setup.universe, policy.data.benchmark)
    market = market_of(
        panel, names, members_of(done.setup.universe, names, panel.sessions), rates=(done.rates.days, done.rates.rates)
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


def _decided(done: Simulated) -> list[date]:
    """Give the sessions as of which a morning could trade: those of tickets that do not say that nothing was due."""
    still = ("no rebalance due", "exchange closed")
    return [one.ticket.as_of for one in done.issued if not any(word in still for word in one.ticket.reasons)]

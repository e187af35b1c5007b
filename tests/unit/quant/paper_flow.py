"""The daily flow on paper, in memory: the very functions of target, plan, review and venue, in decimals, a slot a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from adapters.venues.paper import PaperVenue
from core.domain.bars import Basis
from core.domain.case import Case
from core.domain.confirmation import Executed
from core.domain.holdings import Holdings
from core.domain.instrument import Universe
from core.domain.market import FxRate, Mark, Prices
from core.domain.order import OrderLine
from core.domain.panel import Dividend, Panel, Split
from core.domain.scores import ranked_scores
from core.domain.slot import Window
from core.domain.strategy import Ranking
from core.domain.ticket import Ticket
from core.domain.venue import VenueReport
from core.ledger.equity import Rates
from core.money import price_of, to_pence
from core.riskguard.clusters import Ground
from core.riskguard.plan import equity_of, plan_trades
from core.riskguard.review import review_proposal
from core.riskguard.target import Stance, build_target
from core.settings import Policy
from tests.unit.making import NOW, ticket, ticket_line

ZERO = Decimal(0)
ScoresOf = Callable[[int], Mapping[str, float]]


@dataclass
class Told:
    """What the flow did: equity at each close from the first decision on, and orders by (decision row, instrument).

    `bound` are the decision rows whose proposal left something undone for the turnover limit.
    """

    equity: list[Decimal] = field(default_factory=list)
    orders: dict[tuple[int, str], Decimal] = field(default_factory=dict)
    filled: set[tuple[int, str]] = field(default_factory=set)
    bound: set[int] = field(default_factory=set)


def on_paper(
    panel: Panel,
    scores_of: ScoresOf,
    rows: list[int],
    *,
    policy: Policy,
    universe: Universe,
    rates: Rates,
    multiple: int = 2,
) -> Told:
    """Decide at the rows as the flow does on the morning after, and let the paper venue execute."""
    days: list[date] = panel.sessions.astype(object).tolist()
    venue, told = PaperVenue(policy, panel, rates), Told()
    last: dict[str, Decimal] = {}
    reports: list[VenueReport] = [venue.opening(days[rows[0]])]
    waiting = None
    for row in range(len(days)):
        closes = {name: price_of(x) for name, x in zip(panel.instruments, panel.close[row], strict=True) if x == x}
        for split in panel.splits:
            if split.session == days[row] and split.instrument in last:
                last[split.instrument] /= split.ratio
        last |= closes
        if row < rows[0]:
            continue
        if row > rows[0]:
            if waiting is not None:
                done = venue.executions(reports, [waiting], days[row])
                told.filled |= {(row - 1, one.instrument) for one in done if isinstance(one.answer, Executed)}
                reports += done
            reports += venue.splits(reports, days[row - 1], days[row])
            reports += venue.dividends(reports, days[row - 1], days[row])
        held = venue.snapshot(reports, days[row])
        worth = sum((one.quantity * last[one.instrument] for one in held.positions), ZERO)
        told.equity.append(held.cash + to_pence(worth / rates.on(days[row])))
        waiting = None
        if row in rows and row + 1 < len(days):
            rate = FxRate("GBP", "USD", rates.on(days[row + 1] - timedelta(days=1)), days[row], "ecb")
            prices = Prices(tuple(Mark(name, days[row], price, "x") for name, price in closes.items()), rate)
            holdings = Holdings(held.positions, held.cash, "1:x")
            ground = Ground(universe, panel, days[row])
            lines, undone = decided(holdings, prices, scores_of(row), policy, ground=ground, multiple=multiple)
            if any("turnover limit" in words for words in undone):
                told.bound.add(row)
            for line in lines:
                told.orders[row, line.instrument] = line.quantity if line.side == "buy" else -line.quantity
            waiting = ticket_of(lines, days[row + 1])
    return told


def decided(
    holdings: Holdings,
    prices: Prices,
    numbers: Mapping[str, float],
    policy: Policy,
    *,
    ground: Ground,
    multiple: int,
) -> tuple[tuple[OrderLine, ...], tuple[str, ...]]:
    """Give the lines that the pipeline's stages scores, marks, proposal and review come to, and what they left undone."""
    marks, as_of = prices.by_instrument(), prices.marks[0].session
    if holdings.quantities().keys() - marks.keys():
        return (), ()
    scores = ranked_scores("given", as_of, Ranking({name: x for name, x in numbers.items() if name in marks}))
    if not scores.ranked:
        return (), ()
    equity = equity_of(holdings, prices)
    weights = {one.instrument: prices.value_of(one.instrument, one.quantity) / equity for one in holdings.positions}
    stance = Stance(multiple, Decimal(1), weights, ground)
    target = build_target(scores, frozenset(holdings.quantities()), policy, stance=stance)
    proposal = plan_trades(target, holdings, prices, policy=policy, capital_fraction=Decimal(1), ground=ground)
    case = Case(proposal, holdings, prices, ground.universe, as_of, "paper", Decimal(1), panel=ground.panel)
    verdict = review_proposal(case, policy)
    assert not verdict.refused, "the plan keeps within the rules"
    return verdict.approved, proposal.left_undone


def ticket_of(lines: tuple[OrderLine, ...], session: date) -> Ticket | None:
    """Give the ticket of these lines for a session, or None without any."""
    if not lines:
        return None
    like = ticket_line(1, "buy", "AAA", "1")
    made = [
        replace(
            like,
            line=one.line,
            side=one.side,
            instrument=one.instrument,
            quantity=one.quantity,
            value=one.notional,
            decision_price=one.price,
            worst_price=one.worst_price,
        )
        for one in lines
    ]
    return ticket(*made, ticket_id=f"TICKET-{session:%Y%m%d}", venue="paper", window=Window(session, NOW, NOW))


def market_panel(seed: int, sessions: int, count: int, *, gaps: float = 0.004) -> Panel:
    """Give a market of dollars with absent bars, dividends, a splitting raw column, and one whose bars end."""
    draw = np.random.Generator(np.random.PCG64(seed))
    weekdays = [date(2023, 1, 2) + timedelta(days=at) for at in range(sessions * 2)]
    days = [day for day in weekdays if day.weekday() < 5][:sessions]
    names = tuple(f"N{at:02}" for at in range(count))
    close = 80 * np.exp(np.cumsum(draw.normal(0.0005, 0.02, (sessions, count)), axis=0) + draw.normal(0, 0.5, count))
    opened = np.vstack([close[:1], close[:-1]]) * np.exp(draw.normal(0, 0.006, close.shape))
    ex = sessions // 2
    close[ex:, 0] /= 2
    opened[ex:, 0] /= 2
    gone = draw.random(close.shape) < gaps
    gone[:, 0] = False
    gone[-sessions // 4 :, -1] = True
    paid = [(int(row), int(draw.integers(count))) for row in draw.integers(1, sessions, sessions // 2)]
    close, opened = np.round(close, 4), np.round(opened, 4)
    close, opened = np.where(gone, np.nan, close), np.where(gone, np.nan, opened)
    return Panel(
        sessions=np.array(days, dtype="datetime64[D]"),
        instruments=names,
        open=opened,
        high=close,
        low=close,
        close=close,
        adj_close=close,
        volume=np.full_like(close, 1e9),
        basis=(Basis("raw"), *(Basis("split-adjusted", days[-1]),) * (count - 1)),
        provider=("synthetic",) * count,
        knowledge="assumed",
        snapshot="s" * 64,
        dividends=tuple(
            sorted({(days[r], names[c]): Dividend(days[r], names[c], Decimal("0.4")) for r, c in paid}.values())
        ),
        splits=(Split(days[ex], names[0], Decimal(2)),),
    )


def dollar_rates(seed: int, panel: Panel) -> Rates:
    """Give dollars for one pound on each session and the Monday to Friday before the first."""
    draw = np.random.Generator(np.random.PCG64(seed))
    first: date = panel.sessions[0].astype(object)
    days = [*(first - timedelta(days=at) for at in range(7, 0, -1)), *panel.sessions.astype(object).tolist()]
    levels = 1.25 * np.exp(np.cumsum(draw.normal(0, 0.004, len(days))))
    return Rates("GBP", tuple(days), tuple(Decimal(f"{x:.6f}") for x in levels))

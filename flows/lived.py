"""A book that lived through the daily flow, told as a backtest tells of one: every gate, ticket and posting stood behind it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate

import numpy as np

from core.domain.backtest import Backtest, Track
from core.domain.bars import Days, Floats
from core.domain.panel import Panel
from core.domain.posting import Entry
from core.domain.ticket import Ticket
from core.ledger.equity import Curve, Rates

ZERO = Decimal(0)
REASONS_TOLD = 3
TURNOVER_LIMIT = "turnover limit"


class NothingLived(ValueError):
    """The book has no equity on the days of the backtest; says from when to when it has."""


@dataclass(frozen=True)
class Lived:
    """What a book left behind: its curve, its entries in effective order, and the tickets of its slots."""

    curve: Curve
    entries: Sequence[Entry]
    tickets: Sequence[Ticket]
    panel: Panel
    rates: Rates


def as_lived(made: Backtest, lived: Lived) -> Backtest:
    """Give a backtest with the book that the daily flow kept in the place of the one that the research engine computed.

    Baselines, random ranks, scores and wanted weights stay the research engine's, which is held to the flow. The track begins
    with the backtest's first session, whatever the book did before. Raises NothingLived where the book has no equity on one
    of the sessions.
    """
    sessions = made.sessions
    book = _Book(lived, made)
    track = Track(
        made.main.name, book.equity, book.invested, book.positions, book.turnover, book.cost, np.asarray(book.income)
    )
    cut = {ticket.as_of for ticket in lived.tickets if any(TURNOVER_LIMIT in item for item in ticket.left_undone)}
    bound = np.array([day in cut for day in made.weeks.astype("datetime64[D]").astype(object)], dtype=np.bool_)
    return replace(
        made, mode="flow", main=track, held=book.held(), bound=bound, notes=(_slots(lived.tickets, sessions),)
    )


class _Book:
    """A book's numbers by session, from its postings: arrays of shape (sessions,), `units` of (sessions, instruments)."""

    def __init__(self, lived: Lived, made: Backtest) -> None:
        self._panel, self._rates, self._made = lived.panel, lived.rates, made
        days = made.sessions.astype("datetime64[D]").astype(object).tolist()
        points = {point.session: float(point.equity) for point in lived.curve.points}
        missing = [day for day in days if day not in points]
        if missing:
            span = f"{min(points)} to {max(points)}" if points else "no day"
            raise NothingLived(f"the book has no equity on {missing[0]}; it has one from {span}")
        count, width = len(days), len(made.instruments)
        self.equity = np.array([points[day] for day in days])
        self.turnover, self.cost, self.income = np.zeros(count), np.zeros(count), np.zeros(count)
        # Summed as decimals: what came and went whole is none, of which floats leave a trace.
        self._cash: dict[int, Decimal] = defaultdict(Decimal)
        self._moved: dict[int, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        self._days, self._columns = days, {name: at for at, name in enumerate(made.instruments)}
        for entry in lived.entries:
            self._post(entry)
        cash = _running(self._cash, count)
        self.invested = np.where(self.equity > 0, 1 - cash / np.where(self.equity > 0, self.equity, 1.0), 0.0)
        self.units = np.zeros((count, width))
        for column, moved in self._moved.items():
            self.units[:, column] = _running(moved, count)
        self.positions = np.count_nonzero(self.units > 0, axis=1).astype(np.float64)

    def held(self) -> Floats:
        """Give what was owned once the open after each decision had filled it, as a share of the equity at its close."""
        rows = np.searchsorted(self._made.sessions, self._made.weeks)
        held = np.full((len(rows), len(self._made.instruments)), np.nan)
        opens, closes = self._of_panel(self._panel.open), self._of_panel(self._panel.close)
        for week, row in enumerate(rows.tolist()):
            if row + 1 < len(self._days):
                price = np.where(np.isfinite(opens[row + 1]), opens[row + 1], closes[row])
                value = np.nan_to_num(self.units[row + 1] * price) / float(self._rates.on(self._days[row]))
                held[week] = value / self.equity[row]
        return held

    def _post(self, entry: Entry) -> None:
        # What came before the first session stands in it.
        at = int(np.searchsorted(self._made.sessions, np.datetime64(entry.session, "D")))
        if at >= len(self._days):
            return
        base = self._rates.base
        self._cash[at] += _sum(entry, "cash", base)
        for posting in entry.postings:
            if posting.account == "units" and posting.commodity in self._columns:
                self._moved[self._columns[posting.commodity]][at] += posting.amount
        if at == 0:
            return
        if entry.kind in ("BUY", "SELL"):
            fee = float(_sum(entry, "fee", base))
            traded = abs(float(_sum(entry, "cash", base)) + fee)
            self.turnover[at] += traded / 2 / self.equity[at - 1]
            self.cost[at] += fee + self._beside_the_open(entry, traded)
        elif entry.kind == "DIVIDEND":
            self.income[at] += float(_sum(entry, "cash", base))

    def _beside_the_open(self, entry: Entry, traded: float) -> float:
        """Give what the fill was worse than the session's open, in the base currency: spread and slippage."""
        row = self._panel.row(entry.session)
        bar = float(self._panel.open[row, self._panel.instruments.index(str(entry.instrument))])
        units = sum(float(posting.amount) for posting in entry.postings if posting.account == "units")
        worth = sum(
            float(one.amount) for one in entry.postings if one.account == "trade" and one.commodity != entry.instrument
        )
        if not np.isfinite(bar) or not worth:
            return 0.0
        # Money that went into the trade, against what the units cost at the open; in the quote currency, then as a share.
        return (worth - units * bar) / abs(worth) * traded

    def _of_panel(self, values: Floats) -> Floats:
        rows = np.searchsorted(self._panel.sessions, self._made.sessions)
        columns = np.array([self._panel.instruments.index(name) for name in self._made.instruments], dtype=np.int64)
        return values[np.ix_(rows, columns)]


def _sum(entry: Entry, account: str, commodity: str) -> Decimal:
    return sum((one.amount for one in entry.postings if (one.account, one.commodity) == (account, commodity)), ZERO)


def _running(moved: Mapping[int, Decimal], count: int) -> Floats:
    """Give, a session, the sum of what moved up to it."""
    return np.array([float(whole) for whole in accumulate(moved.get(at, ZERO) for at in range(count))])


def _slots(tickets: Sequence[Ticket], sessions: Days) -> str:
    """Say how many slots there were, and what kept the book from trading."""
    kinds = Counter(ticket.kind for ticket in tickets)
    why = Counter(gate.gate for ticket in tickets for gate in ticket.gates if gate.state == "closed")
    closed = ", ".join(f"{gate} {count} times" for gate, count in why.most_common(REASONS_TOLD))
    told = ", ".join(f"{kinds[kind]} {kind}" for kind in ("TRADE", "HOLD", "NO-TRADE"))
    return (
        f"The daily flow decided every slot on the paper venue, each with its gates, ticket and postings: {told}."
        + (f" Gates that closed: {closed}." if closed else "")
        + " Nobody resumed it after a halt. Scores, baselines and random ranks are the research engine's."
    )

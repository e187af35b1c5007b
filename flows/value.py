"""Valuing a book: its holdings, worth and result at the newest closes up to a day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from core.domain.facts import Worth
from core.domain.holdings import Holdings
from core.domain.instrument import InstrumentId
from core.domain.panel import Panel
from core.ledger.equity import Curve, extend_curve, rates_of, worth_of
from core.ledger.positions import ProfitAndLoss, holdings_of, profit_and_loss
from core.ledger.splits import Ratios, ratios_of, units_since
from core.money import price_of, round_price, to_pence
from flows.books import Journal
from flows.look import ledger_head, quote_of
from flows.ports import CleanSet
from flows.setup import BookSetup

ZERO = Decimal(0)
# More than the longest stretch without a session.
REACH = timedelta(days=14)


@dataclass(frozen=True)
class Valuation:
    """A book at the close of a session: holdings, the value of each position, the split of its result, and its worth."""

    as_of: date | None
    holdings: Holdings
    values: dict[InstrumentId, Decimal]
    result: ProfitAndLoss
    worth: Worth


class NothingToValue(ValueError):
    """There are no bars or no entries to value."""


def value_book(setup: BookSetup, journal: Journal, clean: CleanSet, *, up_to: date) -> Valuation:
    """Value a book at the newest closes up to a day; a holding without a close there keeps its last one.

    What was posted after those closes counts, at those closes. The whole is rounded once, and each position for itself.
    Raises NothingToValue when nothing was ingested, or a holding has no close at all.
    """
    policy, snapshot = setup.policy, clean.current()
    if snapshot is None:
        raise NothingToValue("no market data was ingested; run `twokey ingest`")
    known = journal.entries(policy.book, policy.execution.venue)
    entries = [entry for entry in known if entry.session <= up_to]
    holdings = holdings_of(entries, base=policy.base_currency, ledger_head=ledger_head(entries))
    # A first entry may come before the bars of its own day; then it is valued at closes before it.
    first = min(entries[0].session, up_to) - REACH if entries else up_to
    panel = clean.panel(snapshot, first=first, last=up_to)
    as_of = panel.sessions[-1].astype(object) if entries and len(panel.sessions) else None
    rates = rates_of(clean.fixings(snapshot), policy.base_currency, quote_of(setup.universe, policy))
    ratios = ratios_of(entries)
    quoted = {row.instrument: row.quantity * last_close(panel, row.instrument, ratios)[1] for row in holdings.positions}
    rate = rates.on(as_of) if as_of is not None and quoted else Decimal(1)
    value = to_pence(sum(quoted.values(), ZERO) / rate)
    result = profit_and_loss(entries, dict.fromkeys(quoted, ZERO), base=policy.base_currency)
    return Valuation(
        as_of,
        holdings,
        {name: to_pence(worth / rate) for name, worth in quoted.items()},
        replace(result, unrealised=result.unrealised + value),
        replace(worth_of(extend_curve(Curve(), entries, panel, rates=rates)), equity=holdings.cash + value),
    )


def last_close(panel: Panel, instrument: InstrumentId, ratios: Ratios) -> tuple[date, Decimal]:
    """Give an instrument's last close in the units that are held now, with its session; raises NothingToValue without one."""
    column = panel.column(instrument)
    rows = np.flatnonzero(~np.isnan(panel.close[:, column])) if column is not None else np.empty(0, dtype=np.int64)
    if not len(rows):
        raise NothingToValue(f"{instrument} is held and has no close in the bars of that time; run `twokey ingest`")
    close = price_of(float(panel.close[rows[-1], column]))
    session: date = panel.sessions[rows[-1]].astype(object)
    became = units_since(ratios, instrument, session, date.max)
    return session, close if became == 1 else round_price(close / became)

"""Valuing a book: its holdings, worth and result at the newest closes up to a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.domain.facts import Worth
from core.domain.holdings import Holdings
from core.domain.instrument import InstrumentId
from core.ledger.equity import Curve, extend_curve, rates_of, worth_of
from core.ledger.positions import ProfitAndLoss, holdings_of, profit_and_loss
from core.money import to_pence
from flows.books import Journal
from flows.look import ledger_head, quote_of
from flows.ports import CleanSet
from flows.setup import BookSetup


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

    Raises NothingToValue when nothing was ingested.
    """
    policy, snapshot = setup.policy, clean.current()
    if snapshot is None:
        raise NothingToValue("no market data was ingested; run `twokey ingest`")
    known = journal.entries(policy.book, policy.execution.venue)
    entries = [entry for entry in known if entry.session <= up_to]
    holdings = holdings_of(entries, base=policy.base_currency, ledger_head=ledger_head(entries))
    first = entries[0].session if entries else up_to
    panel = clean.panel(snapshot, first=first, last=up_to)
    rates = rates_of(clean.fixings(snapshot), policy.base_currency, quote_of(setup.universe, policy))
    curve = extend_curve(Curve(), entries, panel, rates=rates)
    as_of = curve.points[-1].session if curve.points else None
    prices = dict(curve.prices)
    values = {
        row.instrument: to_pence(row.quantity * prices[row.instrument] / rates.on(as_of))
        for row in holdings.positions
        if as_of is not None
    }
    result = profit_and_loss(entries, values, base=policy.base_currency)
    return Valuation(as_of, holdings, values, result, worth_of(curve))

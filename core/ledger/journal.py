"""The journal as a value: record tickets, intended trades and fills, and compute what they add up to.

For Python without a database: the same functions compute the books of the running system.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from core.domain.confirmation import Fill
from core.domain.holdings import EquityPoint, Holdings
from core.domain.instrument import InstrumentId
from core.domain.order import OrderLine
from core.domain.panel import Panel
from core.domain.posting import CashFact, Entry, SplitFact, effective_order
from core.domain.ticket import Ticket
from core.ledger.equity import Curve, Rates, extend_curve
from core.ledger.positions import ProfitAndLoss, holdings_of, profit_and_loss
from core.ledger.post import post_cash, post_fill, post_split


@dataclass(frozen=True)
class Journal:
    """A book's records, in the order in which they were made; recording gives a new journal."""

    base: str
    tickets: tuple[Ticket, ...] = ()
    intended: tuple[OrderLine, ...] = ()
    entries: tuple[Entry, ...] = ()


def record_ticket(journal: Journal, ticket: Ticket) -> Journal:
    """Record a ticket; the same ticket again changes nothing, another of the same id and revision raises ValueError."""
    for known in journal.tickets:
        if (known.ticket_id, known.revision) == (ticket.ticket_id, ticket.revision):
            if known.hash != ticket.hash:
                raise ValueError(f"{ticket.ticket_id} revision {ticket.revision} is recorded with another hash")
            return journal
    return replace(journal, tickets=(*journal.tickets, ticket))


def record_intended_trade(journal: Journal, line: OrderLine) -> Journal:
    """Record an order line that was wanted; it moves nothing."""
    return replace(journal, intended=(*journal.intended, line))


def record_fill(journal: Journal, fill: Fill) -> Journal:
    """Record a fill as balanced postings; a known key with the same content changes nothing, with another raises ValueError."""
    return _with_entry(journal, post_fill(fill))


def record_cash(journal: Journal, fact: CashFact) -> Journal:
    """Record a deposit, withdrawal or dividend as balanced postings, once by its key."""
    return _with_entry(journal, post_cash(fact))


def record_split(journal: Journal, fact: SplitFact) -> Journal:
    """Record a split of a holding as balanced postings, once by its key."""
    return _with_entry(journal, post_split(fact))


def compute_positions(journal: Journal) -> Holdings:
    """Sum the journal into positions and cash in the base currency."""
    return holdings_of(journal.entries, base=journal.base)


def compute_equity_curve(journal: Journal, panel: Panel, rates: Rates) -> tuple[EquityPoint, ...]:
    """Value the journal at each close of the panel, from the first entry on; `rates` are quote units for one base unit."""
    return extend_curve(Curve(), _in_order(journal), panel, rates=rates).points


def compute_pnl_realized_unrealized(journal: Journal, values: Mapping[InstrumentId, Decimal]) -> ProfitAndLoss:
    """Split the result into realised (FIFO), unrealised and income; `values` is each position's worth in the base currency."""
    return profit_and_loss(_in_order(journal), values, base=journal.base)


def _in_order(journal: Journal) -> tuple[Entry, ...]:
    return tuple(sorted(journal.entries, key=effective_order))


def _with_entry(journal: Journal, entry: Entry) -> Journal:
    for known in journal.entries:
        if known.key == entry.key:
            if known != entry:
                raise ValueError(f"entry {entry.key} is recorded with another content")
            return journal
    return replace(journal, entries=(*journal.entries, entry))

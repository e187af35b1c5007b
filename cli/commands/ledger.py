"""`positions`, `pnl` and `audit verify`."""

from __future__ import annotations

import argparse

from adapters.files.workspace import Workspace
from adapters.postgres.people import PgPeople
from cli.main import UsageError
from cli.output import emit, table
from cli.wiring import Desk, when
from core.domain.facts import AuditHead
from flows.value import NothingToValue, Valuation, value_book


def positions(arguments: argparse.Namespace) -> int:
    """Show positions at marks, and cash."""
    valued, base = _valued(arguments)
    rows = [(row.instrument, row.quantity, valued.values[row.instrument]) for row in valued.holdings.positions]
    facts = {
        "book": arguments.book,
        "as_of": valued.as_of,
        "base": base,
        "cash": valued.holdings.cash,
        "positions": [{"instrument": name, "quantity": units, "value": value} for name, units, value in rows],
        "equity": valued.worth.equity,
        "ledger_head": valued.holdings.ledger_head,
    }
    words = table(("instrument", "units", f"value {base}"), rows)
    emit(
        arguments,
        facts,
        f"{words}\ncash {facts['cash']} {base}, equity {facts['equity']} {base}, closes of {valued.as_of}",
    )
    return 0


def pnl(arguments: argparse.Namespace) -> int:
    """Show where money was made and lost, and the fall from the highest."""
    valued, base = _valued(arguments)
    facts = {
        "book": arguments.book,
        "as_of": valued.as_of,
        "base": base,
        "capital": valued.result.capital,
        "realised": valued.result.realised,
        "unrealised": valued.result.unrealised,
        "income": valued.result.income,
        "equity": valued.worth.equity,
        "drawdown": valued.worth.drawdown,
    }
    rows = [(name, facts[name]) for name in ("capital", "realised", "unrealised", "income", "equity", "drawdown")]
    emit(arguments, facts, table(("figure", base), rows))
    return 0


def audit(arguments: argparse.Namespace) -> int:
    """Verify the whole chain and every row tied to it; exit 1 when something is wrong."""
    with Desk(Workspace(arguments.workspace)) as desk:
        state = desk.chain.verify(desk.heads.kept())
        if state.problem is None:
            # What was verified; the chain may have grown since.
            desk.heads.keep(AuditHead(state.seq, state.head))
        losses = PgPeople(desk.session("reader")).losses()
    facts = {"events": state.seq, "head": state.head, "problem": state.problem, "losses": losses}
    words = f"{state.seq} events and their rows verify; head {state.head}" if state.problem is None else state.problem
    told = [
        f"events {loss.last.seq + 1} to {loss.lost_to} were lost in the restore of {loss.backup}: {loss.by}: {loss.reason}"
        for loss in losses
    ]
    emit(arguments, facts, "\n".join([words, *told]))
    return 0 if state.problem is None else 1


def _valued(arguments: argparse.Namespace) -> tuple[Valuation, str]:
    with Desk(Workspace(arguments.workspace)) as desk:
        configuration = desk.configuration(arguments.book)
        up_to = arguments.on or when(configuration, None).today
        try:
            valued = value_book(configuration.setup, desk.journal, desk.clean, up_to=up_to)
        except NothingToValue as error:
            raise UsageError(str(error)) from error
    return valued, configuration.setup.policy.base_currency

"""All importers in one table, and the one that knows a file: by what stands at its beginning, never by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapters.statements import (
    degiro,
    etoro,
    etoro_workbook,
    freetrade,
    ibkr_activity,
    ibkr_csv,
    ibkr_flex,
    schwab,
    trading212,
    wealthsimple,
    wealthsimple_statement,
)
from adapters.statements.opened import Opened, StatementError, first_row, shown
from core.domain.statement import Statement


@dataclass(frozen=True)
class Importer:
    """Reads one form of file of one broker; `broker` is its name in keys, the same for all forms of that broker."""

    broker: str
    form: str
    recognises: Callable[[Opened], bool]
    read: Callable[[Opened], Statement]


IMPORTERS = (
    Importer(degiro.BROKER, "account overview, CSV", degiro.recognises, degiro.read),
    Importer(etoro.BROKER, "account activity, CSV", etoro.recognises, etoro.read),
    Importer(etoro_workbook.BROKER, "account statement, XLSX", etoro_workbook.recognises, etoro_workbook.read),
    Importer(freetrade.BROKER, "activity feed, CSV", freetrade.recognises, freetrade.read),
    Importer(ibkr_flex.BROKER, "Flex statement, XML", ibkr_flex.recognises, ibkr_flex.read),
    Importer(ibkr_csv.BROKER, "Flex query, CSV", ibkr_csv.recognises_flex, ibkr_csv.read_flex),
    Importer(ibkr_csv.BROKER, "transaction history, CSV", ibkr_csv.recognises_history, ibkr_csv.read_history),
    Importer(ibkr_activity.BROKER, "activity statement, CSV", ibkr_activity.recognises, ibkr_activity.read),
    Importer(schwab.BROKER, "transactions, CSV", schwab.recognises, schwab.read),
    Importer(trading212.BROKER, "history, CSV", trading212.recognises, trading212.read),
    Importer(wealthsimple.BROKER, "activities export, CSV", wealthsimple.recognises, wealthsimple.read),
    Importer(
        wealthsimple_statement.BROKER,
        "monthly statement, CSV",
        wealthsimple_statement.recognises,
        wealthsimple_statement.read,
    ),
)
BROKERS = tuple(dict.fromkeys(one.broker for one in IMPORTERS))


def importer_of(file: Opened, broker: str | None = None) -> Importer:
    """Give the importer that knows a file, of one broker only if it is named; raises StatementError where none does."""
    found = [one for one in IMPORTERS if broker in (None, one.broker) and one.recognises(file)]
    if len(found) == 1:
        return found[0]
    told = shown([f"the sheet {sheet.name}" for sheet in file.sheets])
    told = told or shown(first_row(file)) or shown([file.text[:80].strip()])
    if found:
        forms = " and ".join(f"{one.broker} ({one.form})" for one in found)
        raise StatementError(f"{file.name}: {forms} both know it; name one with --broker")
    whom = "no importer knows" if broker is None else f"no importer of {broker} knows"
    right = "see docs/IMPORTERS.md for the files that are known, or give a column map with --map"
    raise StatementError(f"{file.name}: {whom} a file that begins with: {told}; {right}")

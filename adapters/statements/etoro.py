"""eToro's account activity (CSV): positions opened and closed, dividends, fees, and cash paid in and out, in dollars.

The file tells no currency: eToro keeps these accounts, and their statements, in US dollars.
"""

from __future__ import annotations

from typing import Literal

from adapters.statements.checked import positive
from adapters.statements.numbers import UNKNOWN
from adapters.statements.opened import Opened, Record, RowError, first_row, read_table
from core.domain.statement import (
    Aside,
    Deposit,
    Dividend,
    Event,
    Fee,
    Interest,
    Money,
    Named,
    Statement,
    StatementRow,
    Trade,
    Withdrawal,
)

BROKER = "etoro"
_COLUMNS = {"Date", "Type", "Details", "Amount", "Units", "Realized Equity Change", "Position ID", "Asset type"}
_FEES = ("Withdraw Fee", "Withdrawal Conversion Fee", "Overnight fee", "Overnight refund", "SDRT")
# What is of an instrument says so in Details; a fee by the night says how often it is taken instead.
_OF_AN_INSTRUMENT = ("SDRT",)
_UNITS = ("Stocks", "ETF", "Crypto")
_NOTHING = ("", "-")


def recognises(file: Opened) -> bool:
    """Say whether the first row is this statement's heading."""
    return set(first_row(file)) >= _COLUMNS


def read(file: Opened) -> Statement:
    """Read the activity; raises StatementError where the file as a whole cannot be read."""
    return read_table(file, _row, BROKER)


def _row(record: Record) -> StatementRow | Aside:
    moment = record.needed("Date")
    day = record.day("Date", "%d/%m/%Y %H:%M:%S")
    position = record.get("Position ID")
    event = _event(record)
    if isinstance(event, Aside):
        return event
    return StatementRow(record.line, day, event, moment=moment, order="" if position in _NOTHING else position)


def _event(record: Record) -> Event | Aside:
    kind, amount = record.needed("Type"), _dollars(record, "Amount")
    if kind in ("Open Position", "Position closed"):
        return _trade(record, amount)
    change = _dollars(record, "Realized Equity Change")
    if change.amount == 0:
        return Aside(record.line, f"{kind}: it changed nothing of the account")
    if change != amount:
        raise RowError(f"Amount was {amount.amount} and Realized Equity Change {change.amount}; they must be equal")
    if kind == "Dividend":
        return Dividend(Named(record.needed("Details")), amount)
    if kind in _FEES:
        taken = Money(-amount.amount, amount.currency)
        return Fee(taken, Named(record.needed("Details")) if kind in _OF_AN_INSTRUMENT else None)
    if kind == "Interest Payment":
        return Interest(amount)
    if kind == "Deposit":
        positive(amount.amount, "Amount")
        return Deposit(amount)
    if kind == "Withdraw Request":
        return Withdrawal(Money(positive(-amount.amount, "what was withdrawn"), amount.currency))
    raise RowError(f"Type {kind!r} is not known")


def _trade(record: Record, amount: Money) -> Trade:
    asset = record.get("Asset type")
    if asset not in _UNITS:
        raise RowError(f"Asset type was {asset!r}: a contract with the broker, no units that the ledger could hold")
    quantity = positive(record.number("Units"), "Units")
    positive(amount.amount, "Amount")
    side: Literal["BUY", "SELL"] = "BUY" if record.get("Type") == "Open Position" else "SELL"
    return Trade(side, Named(record.needed("Details")), quantity, amount)


def _dollars(record: Record, name: str) -> Money:
    """Give an amount; some exports write it with a decimal comma, but always with two decimals."""
    return Money(record.number(name, UNKNOWN), "USD")

"""eToro's account activity (CSV): positions opened and closed, dividends, fees, splits, and cash paid in and out, in dollars.

The file tells no currency: eToro keeps these accounts, and their statements, in US dollars. A split stands once for each
position, as `NVDA/USD 10:1`, ten new units for one (in a public report 0.876795 XLK became 1.75359 by `XLK/USD 2:1`).
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Literal

from adapters.statements.checked import positive
from adapters.statements.numbers import UNKNOWN
from adapters.statements.opened import Opened, Record, RowError, first_row, number_of, read_table
from adapters.statements.splits import Splits
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
    StockSplit,
    Trade,
    Withdrawal,
)

BROKER = "etoro"
COLUMNS = {"Date", "Type", "Details", "Amount", "Realized Equity Change", "Position ID"}
# The same column under its name until 2024 and since.
UNITS = ("Units", "Units / Contracts")
OPENED, CLOSED, DIVIDEND, SPLIT = "Open Position", "Position closed", "Dividend", "corp action: Split"
MOMENT = "%d/%m/%Y %H:%M:%S"
_FEES = (
    *("Withdraw Fee", "Withdrawal Fee", "Withdrawal Conversion Fee", "Conversion Fee"),
    *("Overnight fee", "Overnight refund", "SDRT", "Commission"),
)
# What is of an instrument says so in Details; a fee by the night says how often it is taken instead.
_OF_AN_INSTRUMENT = ("SDRT", "Commission")
_ASSETS = ("Stocks", "ETF", "Crypto")
_NOTHING = ("", "-")
_RATIO = re.compile(r"(?P<name>\S+) (?P<new>[1-9][0-9]{0,3}):(?P<old>[1-9][0-9]{0,3})")


def recognises(file: Opened) -> bool:
    """Say whether the first row is this statement's heading."""
    return is_heading(first_row(file))


def is_heading(cells: list[str]) -> bool:
    """Say whether these are the names of the account activity's columns."""
    return set(cells) >= COLUMNS and any(name in cells for name in UNITS)


def read(file: Opened) -> Statement:
    """Read the activity; raises StatementError where the file as a whole cannot be read."""
    return read_table(file, Activity().row, BROKER)


class Activity:
    """Reads rows of the account activity in order, and remembers the splits, which stand once for each position."""

    def __init__(self) -> None:
        self._splits = Splits()

    def row(self, record: Record) -> StatementRow | Aside:
        """Read one row; raises RowError."""
        moment, day = record.needed("Date"), record.day("Date", MOMENT)
        if record.get("Type") == SPLIT:
            return self._split(record, day)
        event = _event(record)
        if isinstance(event, Aside):
            return event
        return StatementRow(record.line, day, event, moment=moment, order=position_of(record))

    def _split(self, record: Record, day: date) -> StatementRow | Aside:
        details = record.needed("Details")
        found = _RATIO.fullmatch(details)
        if found is None or record.get("Asset type") not in (*_ASSETS, *_NOTHING):
            raise RowError(
                f"a split of {details!r}; it must be of stocks, an ETF or a coin, and tell its ratio as 10:1"
            )
        # It is of the instrument, not of the position that stands in the row, and comes to each at its own second.
        return self._splits.row(
            record.line, day, StockSplit(Named(found["name"]), int(found["new"]), int(found["old"]))
        )


def position_of(record: Record) -> str:
    """Give the position that a row is of; empty where it is of none."""
    position = record.get("Position ID")
    return "" if position in _NOTHING else position


def dollars(record: Record, name: str) -> Money:
    """Give an amount; some exports write it with a decimal comma, but always with two decimals. Raises RowError."""
    return Money(record.number(name, UNKNOWN), "USD")


def units(record: Record) -> Decimal:
    """Give the units of a row, which eToro writes with a point, other exports with a comma; raises RowError."""
    name = next((name for name in UNITS if record.get(name)), UNITS[0])
    text = record.needed(name)
    if name in record.numbers or "," not in text:
        return positive(record.number(name), name)
    return positive(number_of(text, name, UNKNOWN), name)


def _event(record: Record) -> Event | Aside:
    kind, amount = record.needed("Type"), dollars(record, "Amount")
    if kind in (OPENED, CLOSED):
        return _trade(record, amount)
    change = dollars(record, "Realized Equity Change")
    if change.amount == 0:
        return Aside(record.line, f"{kind}: it changed nothing of the account")
    if change != amount:
        raise RowError(f"Amount was {amount.amount} and Realized Equity Change {change.amount}; they must be equal")
    if kind == DIVIDEND:
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
    if asset not in _ASSETS:
        raise RowError(f"Asset type was {asset!r}: a contract with the broker, no units that the ledger could hold")
    positive(amount.amount, "Amount")
    side: Literal["BUY", "SELL"] = "BUY" if record.get("Type") == OPENED else "SELL"
    return Trade(side, Named(record.needed("Details")), units(record), amount)

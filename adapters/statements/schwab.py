"""Charles Schwab's transactions (CSV): trades, reinvestments, dividends, interest, fees and transfers, in dollars."""

from __future__ import annotations

import re
from typing import Literal

from adapters.statements.checked import before_fees, check_product, positive
from adapters.statements.opened import Opened, Record, RowError, day_of, first_row, read_table
from core.domain.statement import (
    Aside,
    CashTransfer,
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
    UnitsTransfer,
    Withdrawal,
    Withholding,
)

BROKER = "schwab"
_COLUMNS = {"Date", "Action", "Symbol", "Description", "Quantity", "Price", "Fees & Comm", "Amount"}
_SIDES: dict[str, Literal["BUY", "SELL"]] = {"Buy": "BUY", "Sell": "SELL", "Reinvest Shares": "BUY"}
_DIVIDENDS = (
    *("Cash Dividend", "Qualified Dividend", "Non-Qualified Div", "Special Dividend", "Special Qual Div"),
    *("Special Non Qual Div", "Pr Yr Cash Div", "Pr Yr Div Reinvest", "Qual Div Reinvest", "Reinvest Dividend"),
    *("Long Term Cap Gain", "Long Term Cap Gain Reinvest", "Short Term Cap Gain", "Short Term Cap Gain Reinvest"),
)
_INTEREST = ("Credit Interest", "Bank Interest")
_FEES = ("Advisor Fee", "ADR Mgmt Fee", "Service Fee")
_TAXES = ("Foreign Tax Paid", "NRA Withholding", "NRA Tax Adj")
_OUTSIDE = ("MoneyLink Transfer", "MoneyLink Deposit", "Wire Sent", "Wire Received", "Wire Funds Received")
# A company action is told in rows that hold neither its ratio nor the share of the cost.
_ACTIONS = (
    *("Stock Split", "Reverse Split", "Spin-off", "Stock Merger", "Name Change", "Conversion", "Stock Div Dist"),
    "Cash In Lieu",
)
# The day that counts stands second: "07/15/2024 as of 07/12/2024".
_DATE = re.compile(r"[0-9/]{10}(?: as of (?P<counts>[0-9/]{10}))?")
_TOTAL = "Transactions Total"


def recognises(file: Opened) -> bool:
    """Say whether the first row is this table's heading."""
    return set(first_row(file)) >= _COLUMNS


def read(file: Opened) -> Statement:
    """Read the transactions; raises StatementError where the file as a whole cannot be read."""
    return read_table(file, _row, BROKER)


def _row(record: Record) -> StatementRow | Aside:
    text = record.needed("Date")
    if text == _TOTAL:
        return Aside(record.line, "the total of all rows")
    found = _DATE.fullmatch(text)
    if found is None:
        raise RowError(f"Date was {text!r}; it must be a day as 07/15/2024, or two with `as of` between them")
    day = day_of(found["counts"] or text, "%m/%d/%Y", "Date")
    return StatementRow(record.line, day, _event(record), moment=text)


def _event(record: Record) -> Event:
    action = record.needed("Action")
    if action in _ACTIONS:
        raise RowError(f"{action}: a company action, told without its ratio or cost; book it by hand")
    if action in _SIDES:
        return _trade(record, _SIDES[action])
    if record.number_or_zero("Fees & Comm"):
        raise RowError(f"Fees & Comm is {record.get('Fees & Comm')} on {action}, which has no place for it")
    if action == "Journaled Shares":
        return UnitsTransfer(Named(record.needed("Symbol")), record.number("Quantity"))
    amount = _dollars(record)
    if action in _DIVIDENDS:
        return Dividend(Named(record.needed("Symbol")), amount)
    if action in _INTEREST:
        return Interest(amount)
    taken = Money(-amount.amount, amount.currency)
    named = Named(record.get("Symbol")) if record.get("Symbol") else None
    if action in _FEES:
        return Fee(taken, named)
    if action in _TAXES:
        return Withholding(named, taken)
    if action == "Internal Transfer":
        return CashTransfer(amount)
    if action in _OUTSIDE and amount.amount != 0:
        return Deposit(amount) if amount.amount > 0 else Withdrawal(taken)
    raise RowError(f"Action {action!r} is not known")


def _trade(record: Record, side: Literal["BUY", "SELL"]) -> Trade:
    total = _dollars(record)
    is_sale = side == "SELL"
    paid = Money(positive(total.amount if is_sale else -total.amount, f"Amount of a {side}"), total.currency)
    fee = record.number_or_zero("Fees & Comm")
    fees = (Money(fee, "USD"),) if fee else ()
    amount = before_fees(paid, fees, side)
    quantity, price = positive(record.number("Quantity"), "Quantity"), record.number("Price")
    check_product(quantity, price, amount.amount)
    return Trade(side, Named(record.needed("Symbol")), quantity, amount, fees, Money(price, "USD"))


def _dollars(record: Record) -> Money:
    return Money(record.number("Amount"), "USD")

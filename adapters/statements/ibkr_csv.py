"""Interactive Brokers' tables (CSV): the transaction history, and the trades and the cash of a Flex query."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Literal

from adapters.statements.checked import check_product, positive
from adapters.statements.opened import (
    Collected,
    Opened,
    Record,
    RowError,
    StatementError,
    first_row,
    lines_of,
    named_columns,
    read_table,
    record_of,
)
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
    Withholding,
)

BROKER = "ibkr"
_FLEX_TRADES = {"Buy/Sell", "TradeDate", "ISIN", "Quantity", "TradePrice", "TradeMoney", "CurrencyPrimary"}
_FLEX_CASH = {"Type", "SettleDate", "ISIN", "Description", "Amount", "CurrencyPrimary"}
_HISTORY = "Transaction History"
_SECTION_START = ["Statement", "Header"]
_SIDES: dict[str, Literal["BUY", "SELL"]] = {"Buy": "BUY", "Sell": "SELL", "BUY": "BUY", "SELL": "SELL"}
_DIVIDENDS = ("Dividend", "Payment in Lieu", "Dividends", "Payment In Lieu Of Dividends")
_TAXES = ("Foreign Tax Withholding", "Withholding Tax")
_INTEREST = ("Credit Interest", "Debit Interest", "Broker Interest Received", "Broker Interest Paid")
_FEES = ("Other Fee", "Other Fees", "Advisor Fees")
_CASH = ("Deposit", "Withdrawal", "Deposits/Withdrawals", "Deposits & Withdrawals")
# "VT(US9220427424) Cash Dividend ...": the ISIN in parentheses, where it is one.
SYMBOL = re.compile(r"(?P<symbol>[^( ]+)\((?P<isin>[A-Z]{2}[A-Z0-9]{9}[0-9])\).*")
_NOTHING = "-"


def recognises_history(file: Opened) -> bool:
    """Say whether the file is in sections and has that of the transaction history."""
    return first_row(file)[:2] == _SECTION_START and f"\n{_HISTORY},Header," in file.text


def recognises_flex(file: Opened) -> bool:
    """Say whether the first row is the heading of a Flex query's trades or of its cash transactions."""
    header = set(first_row(file))
    return header >= _FLEX_TRADES or header >= _FLEX_CASH


def read_flex(file: Opened) -> Statement:
    """Read a Flex query's table; raises StatementError where the file as a whole cannot be read."""
    is_trades = set(first_row(file)) >= _FLEX_TRADES
    return read_table(file, _flex_trade if is_trades else _flex_cash, BROKER)


def read_history(file: Opened) -> Statement:
    """Read the transaction history, in the base currency that the summary names; raises StatementError."""
    rows = list(lines_of(file))
    base = next((cells[3] for _, cells in rows if cells[:3] == ["Summary", "Data", "Base Currency"] and cells[3:]), "")
    if not base:
        raise StatementError(f"{file.name}: no row names the base currency; export the statement whole")
    collected, names = Collected(), list[str]()
    for line, cells in rows[1:]:
        if cells[1:2] == ["Header"]:
            names = named_columns(cells[2:]) if cells[0] == _HISTORY else names
        elif cells[0] == _HISTORY:
            collected.add(line, cells, partial(_history, line, cells[2:], names, base))
        else:
            collected.asides.append(Aside(line, f"the section {cells[0]}"))
    return collected.statement(BROKER)


def _history(line: int, row: Sequence[str], names: Sequence[str], base: str) -> StatementRow:
    record = record_of(line, row, names)
    cells = {name: "" if cell == _NOTHING else cell for name, cell in record.cells.items()}
    told = Record(record.line, cells)
    kind = told.needed("Transaction Type")
    event = _history_trade(told, _SIDES[kind], base) if kind in _SIDES else _history_cash(told, kind, base)
    return StatementRow(told.line, told.day("Date", "%Y-%m-%d"), event, account=told.get("Account"))


def _history_trade(record: Record, side: Literal["BUY", "SELL"], base: str) -> Trade:
    sign = 1 if side == "BUY" else -1
    quantity = positive(record.number("Quantity") * sign, f"Quantity of a {side}")
    gross, net = -record.number("Gross Amount") * sign, -record.number("Net Amount") * sign
    fee = -record.number_or_zero("Commission")
    if net != gross + sign * fee:
        raise RowError(f"the gross amount {gross} and the commission {fee} do not come to the net amount {net}")
    fees = (Money(fee, base),) if fee else ()
    return Trade(side, Named(record.needed("Symbol")), quantity, Money(positive(gross, "Gross Amount"), base), fees)


def _history_cash(record: Record, kind: str, base: str) -> Event:
    if kind == "Forex Trade Component":
        raise RowError(
            "a part of a conversion, told as what is left of it in the base currency, without its two amounts"
        )
    if kind == "Adjustment":
        raise RowError("what foreign cash gained in the base currency; no money moved")
    money = Money(record.number("Net Amount"), base)
    symbol = record.get("Symbol")
    isin = _isin(record.get("Description"), symbol)
    return cash_event(kind, money, Named(symbol, isin) if symbol else None)


def _flex_trade(record: Record) -> StatementRow:
    side = _SIDES.get(record.needed("Buy/Sell"))
    if side is None:
        raise RowError(f"Buy/Sell was {record.get('Buy/Sell')!r}; it must be BUY or SELL")
    if not record.get("ISIN"):
        raise RowError("ISIN is empty and no symbol is told: a conversion, whose currencies the row does not name both")
    quantity = positive(record.number("Quantity") * (1 if side == "BUY" else -1), f"Quantity of a {side}")
    amount = Money(positive(abs(record.number("TradeMoney")), "TradeMoney"), record.currency("CurrencyPrimary"))
    price = record.number("TradePrice")
    check_product(quantity, price, amount.amount)
    fee = record.number_or_zero("IBCommission")
    fees = (Money(-fee, record.currency("IBCommissionCurrency")),) if fee else ()
    named = Named(record.get("Symbol") or record.get("ISIN"), record.get("ISIN"))
    event = Trade(side, named, quantity, amount, fees, Money(price, amount.currency))
    return _flex_row(record, "TradeDate", event)


def _flex_cash(record: Record) -> StatementRow:
    isin = record.get("ISIN")
    found = SYMBOL.fullmatch(record.get("Description"))
    named = Named(found["symbol"] if found else isin, isin) if isin else None
    event = cash_event(record.needed("Type"), record.money("Amount", "CurrencyPrimary"), named)
    return _flex_row(record, "SettleDate", event)


def _flex_row(record: Record, day: str, event: Event) -> StatementRow:
    names = {"account": record.get("ClientAccountID"), "broker_id": record.get("TransactionID")}
    return StatementRow(record.line, record.day(day, "%Y%m%d"), event, **names)


def cash_event(kind: str, money: Money, named: Named | None) -> Event:
    """Give what a kind of cash row means, by the names that the broker has for it; raises RowError."""
    taken = Money(-money.amount, money.currency)
    if kind in _DIVIDENDS:
        if named is None:
            raise RowError("a dividend that names no instrument")
        return Dividend(named, money)
    if kind in _TAXES:
        return Withholding(named, taken)
    if kind in _INTEREST:
        return Interest(money)
    if kind in _FEES:
        return Fee(taken, named)
    if kind in _CASH and money.amount != Decimal(0):
        return Deposit(money) if money.amount > 0 else Withdrawal(taken)
    raise RowError(f"type {kind!r} is not known")


def _isin(words: str, symbol: str) -> str:
    found = SYMBOL.fullmatch(words)
    return found["isin"] if found is not None and found["symbol"] == symbol else ""

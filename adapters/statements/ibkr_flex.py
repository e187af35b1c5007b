"""Interactive Brokers' Flex statement (XML): trades, cash transactions and splits of one or several accounts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Literal
from xml.parsers import expat

from adapters.statements import opened
from adapters.statements.checked import check_product, positive
from adapters.statements.ibkr_split import HALF_A_SPLIT, OLD_UNITS, SPLIT
from adapters.statements.opened import ROWS_MAX, Collected, Opened, Record, RowError, StatementError, day_of
from adapters.statements.splits import Splits
from core.domain.statement import (
    Aside,
    Conversion,
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
    Withholding,
)

BROKER = "ibkr"
_ROOT, _HEAD = "<FlexQueryResponse", 4_000
# FlexQueryResponse, FlexStatements, FlexStatement, a section, a row.
_ROW_DEPTH, _DEPTH_MAX = 5, 20
_DAY_LENGTHS = {8: "%Y%m%d", 10: "%Y-%m-%d"}
_UNITS = ("STK", "FUND", "OPT", "FOP", "WAR")
_PAIR = re.compile(r"([A-Z]{3})\.([A-Z]{3})")
_SIDES: dict[str, Literal["BUY", "SELL"]] = {"BUY": "BUY", "SELL": "SELL"}
_DIVIDENDS = ("Dividends", "Payment In Lieu Of Dividends")
_INTEREST = ("Broker Interest Received", "Broker Interest Paid")
_FEES = ("Other Fees", "Advisor Fees", "Commission Adjustments")
_CASH = ("Deposits/Withdrawals", "Deposits & Withdrawals")
_TOLD = {
    "ConversionRate": "a rate of a day",
    "CashReportCurrency": "a sum of cash by currency",
    "FxTransaction": "what another row's foreign cash was worth in the base currency",
    "ChangeInDividendAccrual": "a dividend that is announced and not yet paid",
    "OpenDividendAccrual": "a dividend that is announced and not yet paid",
    "OpenPosition": "a position at the end",
    "InterestAccrualsCurrency": "interest that is accrued and not yet paid",
    "EquitySummaryByReportDateInBase": "the account's worth on a day",
    "SecurityInfo": "what an instrument is",
}
# Sums of the executions beside them, by symbol, by class or by order.
_SUMS = ("AssetSummary", "SymbolSummary", "Order")


@dataclass(frozen=True)
class _Element:
    """A row of the XML: its line, its name, its attributes, and which of the file's statements it stands in."""

    line: int
    tag: str
    cells: dict[str, str]
    statement: int

    @property
    def record(self) -> Record:
        """Give the row as a record."""
        return Record(self.line, self.cells)


def recognises(file: Opened) -> bool:
    """Say whether the text is such a statement."""
    return file.text.lstrip().startswith("<") and _ROOT in file.text[:_HEAD]


def read(file: Opened) -> Statement:
    """Read the statement; raises StatementError where the file as a whole cannot be read."""
    elements = _elements(file)
    collected = Collected()
    executed = {one.statement for one in elements if one.tag == "Trade"}
    whole = {_split_name(one) for one in elements if _is_whole_split(one)}
    splits = Splits()
    for element in elements:
        has_split = _split_name(element) in whole
        read_row = partial(_row, element, element.statement in executed, splits if has_split else None)
        collected.add(element.line, [element.tag, *element.cells.values()], read_row)
    return collected.statement(BROKER)


def _elements(file: Opened) -> list[_Element]:
    """Give the rows of the XML in order; no document type and no entity is taken."""
    found: list[_Element] = []
    path: list[str] = []
    statements = 0
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal statements
        path.append(tag)
        statements += tag == "FlexStatement"
        if len(path) > _DEPTH_MAX or len(found) > ROWS_MAX:
            raise StatementError(f"{file.name}:{parser.CurrentLineNumber}: more elements than a statement has")
        if any(len(value) > opened.CELL_MAX for value in attributes.values()):
            where = f"{file.name}:{parser.CurrentLineNumber}"
            raise StatementError(f"{where}: a value of more than {opened.CELL_MAX} letters; no statement has one")
        if len(path) == _ROW_DEPTH and path[2] == "FlexStatement":
            cells = {name: value.strip() for name, value in attributes.items()}
            found.append(_Element(parser.CurrentLineNumber, tag, cells, statements))

    def end(_tag: str) -> None:
        path.pop()

    def refuse(*_told: object) -> None:
        where = f"{file.name}:{parser.CurrentLineNumber}"
        raise StatementError(f"{where}: a document type (<!DOCTYPE>) or entity; a Flex statement has none")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(file.text, True)
    except expat.ExpatError as error:
        raise StatementError(f"{file.name}: {error}; the file is cut off or was edited") from error
    return found


def _row(element: _Element, has_executions: bool, splits: Splits | None) -> StatementRow | Aside:
    record, tag = element.record, element.tag
    if tag in _TOLD:
        return Aside(element.line, _TOLD[tag])
    if tag in _SUMS and has_executions:
        return Aside(element.line, "a sum of executions that stand in rows of their own")
    if tag in _SUMS or record.get("levelOfDetail") == "SUMMARY":
        raise RowError("a sum without its parts; choose executions (trades) and DETAIL (cash) in the Flex query")
    readers: dict[str, Callable[[Record], Event]] = {"Trade": _trade, "CashTransaction": _cash}
    if tag in readers:
        return _whole(record, readers[tag](record))
    if tag == "CorporateAction":
        return _action(element, splits)
    raise RowError(f"{tag} is no kind of row that is known")


def _whole(record: Record, event: Event) -> StatementRow:
    moment = record.get("dateTime")
    broker_id = record.get("transactionID") or record.get("ibExecID")
    names = {"account": record.get("accountId"), "moment": moment, "broker_id": broker_id}
    return StatementRow(record.line, _day(record), event, **names)


def _day(record: Record) -> date:
    """Give the day of the trade, or that for which cash was booked, which a later correction tells too."""
    for name in ("tradeDate", "dateTime", "settleDate", "reportDate"):
        text = record.get(name).split(";")[0].split(",")[0].strip()
        if text:
            form = _DAY_LENGTHS.get(len(text))
            if form is None:
                raise RowError(f"{name} was {text!r}; choose the date form yyyyMMdd or yyyy-MM-dd in the Flex query")
            return day_of(text, form, name)
    raise RowError("no date stands in it")


def _trade(record: Record) -> Trade | Conversion:
    told = record.needed("buySell")
    if told not in _SIDES:
        raise RowError(f"buySell was {told!r}: it takes an earlier trade back; find that trade and correct it by hand")
    side, asset = _SIDES[told], record.needed("assetCategory")
    quantity, proceeds = record.number("quantity"), record.number("proceeds")
    sign = 1 if side == "BUY" else -1
    if quantity * sign <= 0 or proceeds * sign > 0:
        raise RowError(f"a {side} of {quantity} units with proceeds of {proceeds}: the signs contradict each other")
    if asset == "CASH":
        return _conversion(record, side)
    if asset not in _UNITS:
        raise RowError(f"assetCategory was {asset!r}: no units are paid for, and the ledger cannot hold it")
    price, multiplier = record.number("tradePrice"), positive(record.number("multiplier"), "multiplier")
    amount = Money(abs(proceeds), record.currency("currency"))
    check_product(abs(quantity), price * multiplier, amount.amount)
    unit_price = Money(price, amount.currency)
    return Trade(side, _named(record), abs(quantity), amount, _fees(record), unit_price, multiplier)


def _conversion(record: Record, side: str) -> Conversion:
    pair = _PAIR.fullmatch(record.needed("symbol"))
    if pair is None or pair[2] != record.currency("currency"):
        raise RowError(
            f"symbol was {record.get('symbol')!r}; it must be two currencies, as EUR.USD, the second the row's"
        )
    first = Money(abs(record.number("quantity")), pair[1])
    second = Money(positive(abs(record.number("proceeds")), "proceeds"), pair[2])
    check_product(first.amount, record.number("tradePrice"), second.amount)
    gave, got = (first, second) if side == "SELL" else (second, first)
    return Conversion(gave, got, _fees(record))


def _fees(record: Record) -> tuple[Money, ...]:
    """Give the commission and the taxes, which the statement tells below zero where they are paid."""
    commission, taxes = record.number_or_zero("ibCommission"), record.number_or_zero("taxes")
    fees = []
    if commission:
        fees.append(Money(-commission, record.currency("ibCommissionCurrency")))
    if taxes:
        fees.append(Money(-taxes, record.currency("currency")))
    return tuple(fees)


def _cash(record: Record) -> Event:
    kind, money = record.needed("type"), record.money("amount", "currency")
    taken = Money(-money.amount, money.currency)
    named = _named(record) if record.get("symbol") else None
    if kind in _DIVIDENDS:
        return Dividend(_named(record), money)
    if kind == "Withholding Tax":
        return Withholding(named, taken)
    if kind in _INTEREST:
        return Interest(money)
    if kind in _FEES:
        return Fee(taken, named)
    if kind in _CASH and money.amount != 0:
        return Deposit(money) if money.amount > 0 else Withdrawal(taken)
    raise RowError(f"type {kind!r} of a cash transaction is not known")


def _action(element: _Element, splits: Splits | None) -> StatementRow | Aside:
    """Read a split; all else that a company does is told without what the ledger needs."""
    record = element.record
    found = SPLIT.fullmatch(record.get("description"))
    if found is None:
        raise RowError("a company action that is no split; book it by hand")
    if splits is None:
        raise RowError(HALF_A_SPLIT)
    if not _is_whole_split(element):
        return Aside(element.line, OLD_UNITS)
    return splits.row(element.line, _day(record), StockSplit(_named(record), int(found["new"]), int(found["old"])))


def _is_whole_split(element: _Element) -> bool:
    """Say whether the row is the one of a split's rows that tells the new units."""
    return _split_name(element) != ("", "", "") and not element.cells.get("quantity", "-").startswith("-")


def _split_name(element: _Element) -> tuple[str, str, str]:
    """Give what two rows of one split share; empty for any other row."""
    found = SPLIT.fullmatch(element.cells.get("description", "")) if element.tag == "CorporateAction" else None
    if found is None:
        return ("", "", "")
    return (element.cells.get("accountId", ""), element.cells.get("dateTime", ""), found["what"])


def _named(record: Record) -> Named:
    return record.instrument("symbol", "isin")

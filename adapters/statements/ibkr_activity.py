"""Interactive Brokers' activity statement (CSV), a file of sections: orders, conversions, splits, income, fees and cash."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from adapters.statements.checked import check_product, positive
from adapters.statements.ibkr_csv import SYMBOL, cash_event, recognises_history
from adapters.statements.ibkr_split import HALF_A_SPLIT, OLD_UNITS, SPLIT, instrument_of
from adapters.statements.opened import (
    Collected,
    Opened,
    Record,
    RowError,
    day_of,
    first_row,
    lines_of,
    named_columns,
    record_of,
)
from adapters.statements.splits import Splits
from core.domain.statement import (
    Aside,
    Conversion,
    Event,
    Money,
    Named,
    Statement,
    StatementRow,
    StockSplit,
    Trade,
)

BROKER = "ibkr"
_START = ["Statement", "Header"]
_TITLE = "\nStatement,Data,Title,Activity Statement"
_DAY_LENGTH = len("2024-01-31")
_CURRENCIES = 2
# By section: the broker's own name for such a row where it stands alone. Fees tell theirs in a column.
_CASH = {
    "dividends": "Dividends",
    "withholding tax": "Withholding Tax",
    "interest": "Broker Interest Received",
    "deposits & withdrawals": "Deposits & Withdrawals",
    "fees": "Other Fees",
}
_ACTIONS = "corporate actions"
_SUMS = ("SubTotal", "Total", "Notes")
_PARTS = ("Trade", "Execution", "ClosedLot")
# Sections that repeat, sum or value what other sections tell; any other one may hold an event.
_TOLD_ELSEWHERE = {
    *("statement", "account information", "net asset value", "change in nav", "cash report", "open positions"),
    *("mark-to-market performance summary", "realized & unrealized performance summary", "forex balances"),
    *("month & year to date performance summary", "financial instrument information", "codes", "notes/legal notes"),
    *("interest accruals", "change in dividend accruals", "open dividend accruals", "base currency exchange rate"),
    *("net stock position summary", "change in position value", "commission details", "trade summary by symbol"),
}


def recognises(file: Opened) -> bool:
    """Say whether the file is in sections and calls itself an activity statement."""
    return first_row(file)[:2] == _START and _TITLE in file.text and not recognises_history(file)


def read(file: Opened) -> Statement:
    """Read the statement; raises StatementError where the file as a whole cannot be read."""
    rows = list(lines_of(file))
    has_orders = any(cells[:3] == ["Trades", "Data", "Order"] for _, cells in rows)
    headings: dict[str, list[str]] = {}
    collected, actions = Collected(), _Actions(Splits(), _whole_splits(rows))
    for line, cells in rows:
        section = cells[0].casefold()
        if cells[1:2] == ["Header"]:
            headings[section] = named_columns(cells[2:])
            continue
        place = _Place(line, section, tuple(cells), has_orders, actions)
        collected.add(line, cells, partial(place.row, headings.get(section, [])))
    return collected.statement(BROKER)


@dataclass(frozen=True)
class _Actions:
    """The splits of the file: those that were read, and the words of those whose new units stand in it."""

    read: Splits
    whole: Collection[str]

    def row(self, record: Record) -> StatementRow | Aside:
        """Read a split; all else that a company does is told without what the ledger needs. Raises RowError."""
        found = SPLIT.fullmatch(record.get("Description"))
        if found is None or record.get("Asset Category") != "Stocks":
            raise RowError("a company action that is no split of stocks; book it by hand")
        if "Ca" in record.get("Code").split(";"):
            raise RowError("a split taken back: look it up at the broker, and book what is right by hand")
        if found["what"] not in self.whole:
            raise RowError(HALF_A_SPLIT)
        if record.number("Quantity") < 0:
            return Aside(record.line, OLD_UNITS)
        day = day_of(record.needed("Date/Time")[:_DAY_LENGTH], "%Y-%m-%d", "Date/Time")
        return self.read.row(record.line, day, StockSplit(instrument_of(found), int(found["new"]), int(found["old"])))


@dataclass(frozen=True)
class _Place:
    """A row of a section, and whether the file tells trades by order."""

    line: int
    section: str
    cells: Sequence[str]
    has_orders: bool
    actions: _Actions

    def row(self, names: Sequence[str]) -> StatementRow | Aside:
        """Read the row under the heading of its section; raises RowError."""
        if self.section in _TOLD_ELSEWHERE:
            return Aside(self.line, f"the section {self.cells[0]}")
        if any(cell in _SUMS for cell in self.cells[1:2]) or any(cell.startswith("Total") for cell in self.cells[2:3]):
            return Aside(self.line, "a sum or a note of its section")
        if self.section == _ACTIONS:
            return self.actions.row(record_of(self.line, self.cells[2:], names))
        if self.section != "trades" and self.section not in _CASH:
            raise RowError(f"the section {self.cells[0]!r} is not known")
        record = record_of(self.line, self.cells[2:], names)
        if self.section == "trades" and record.get("DataDiscriminator") in _PARTS and self.has_orders:
            return Aside(self.line, "a part of an order that stands in a row of its own")
        moment, event = _trade(record) if self.section == "trades" else _cash(self.section, record)
        day = day_of(moment[:_DAY_LENGTH], "%Y-%m-%d", "its day")
        return StatementRow(self.line, day, event, account=record.get("Account"), moment=moment)


def _whole_splits(rows: Sequence[tuple[int, list[str]]]) -> set[str]:
    """Give the words of the splits of which a row tells the new units."""
    found, names = set(), list[str]()
    for line, cells in rows:
        if cells[0].casefold() != _ACTIONS:
            continue
        if cells[1:2] == ["Header"]:
            names = named_columns(cells[2:])
        record = Record(line, dict(zip(names, cells[2:], strict=False)))
        split = SPLIT.fullmatch(record.get("Description"))
        if split is not None and not record.get("Quantity").startswith("-"):
            found.add(split["what"])
    return found


def _trade(record: Record) -> tuple[str, Event]:
    if record.get("DataDiscriminator") != "Order":
        raise RowError(
            f"DataDiscriminator was {record.get('DataDiscriminator')!r}; export the statement with its orders"
        )
    if "Ca" in record.get("Code").split(";"):
        raise RowError("a trade taken back: find that trade and correct it by hand")
    moment, asset = record.needed("Date/Time"), record.needed("Asset Category")
    quantity, proceeds = record.number("Quantity"), record.number("Proceeds")
    if quantity == 0 or quantity * proceeds > 0:
        raise RowError(f"{quantity} units with proceeds of {proceeds}: the signs contradict each other")
    if asset not in ("Stocks", "Forex"):
        raise RowError(f"Asset Category was {asset!r}: the row does not tell how many units a contract has")
    check_product(abs(quantity), record.number("T. Price"), abs(proceeds))
    if asset == "Forex":
        return moment, _conversion(record)
    side: Literal["BUY", "SELL"] = "BUY" if quantity > 0 else "SELL"
    currency = record.currency("Currency")
    fee = -record.number_or_zero("Comm/Fee")
    fees = (Money(fee, currency),) if fee else ()
    price = Money(record.number("T. Price"), currency)
    return moment, Trade(
        side, Named(record.needed("Symbol")), abs(quantity), Money(abs(proceeds), currency), fees, price
    )


def _conversion(record: Record) -> Conversion:
    pair = record.needed("Symbol").split(".")
    currency = record.currency("Currency")
    if len(pair) != _CURRENCIES or pair[1] != currency:
        raise RowError(
            f"Symbol was {record.get('Symbol')!r}; it must be two currencies, as EUR.USD, the second the row's"
        )
    quantity = record.number("Quantity")
    first = Money(abs(quantity), pair[0])
    second = Money(positive(abs(record.number("Proceeds")), "Proceeds"), currency)
    gave, got = (second, first) if quantity > 0 else (first, second)
    return Conversion(gave, got, tuple(_conversion_fees(record)))


def _conversion_fees(record: Record) -> list[Money]:
    """Give the commission, whose currency is in the name of its column."""
    columns = [name for name in record.cells if name.startswith("Comm in ")]
    taken = [(name.removeprefix("Comm in "), -record.number_or_zero(name)) for name in columns]
    if not columns and record.number_or_zero("Comm/Fee"):
        raise RowError("a commission of a conversion whose currency no column names")
    return [Money(amount, currency) for currency, amount in taken if amount]


def _cash(section: str, record: Record) -> tuple[str, Event]:
    words = record.needed("Description")
    found = SYMBOL.fullmatch(words)
    named = Named(found["symbol"], found["isin"]) if found is not None else None
    if section == "withholding tax" and named is None and "interest" not in words.casefold():
        raise RowError("tax that names neither an instrument with its ISIN nor interest")
    moment = record.get("Settle Date") or record.needed("Date")
    return moment, cash_event(_CASH[section], record.money("Amount", "Currency"), named)

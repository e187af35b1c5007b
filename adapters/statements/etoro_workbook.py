"""eToro's account statement (XLSX): the account activity, checked against the closed positions and the dividends beside it.

The three sheets tell of the same events. Each event is taken once, from the account activity, as in the CSV. The closed
positions confirm it, the dividends add the tax withheld, and where two sheets disagree the rows of both are not understood.
The columns are those that public importers read (masbug/etoro-edavki keeps a history of them). These match dividends too by
position, day of payment and net amount.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial

from adapters.statements import etoro
from adapters.statements.checked import agrees
from adapters.statements.opened import (
    Collected,
    Opened,
    Record,
    RowError,
    StatementError,
    day_of,
    named_columns,
    record_of,
)
from adapters.statements.workbook import Sheet, SheetRow
from core.domain.statement import Aside, Dividend, Money, Statement, StatementRow, Trade

BROKER = etoro.BROKER
_POSITIONS, _DIVIDENDS = "Closed Positions", "Dividends"
_POSITION_COLUMNS = {"Position ID", "Amount", "Open Date", "Close Date"}
_NET, _TAX = "Net Dividend Received (USD)", "Withholding Tax Amount (USD)"
_DIVIDEND_COLUMNS = {"Position ID", "Date of Payment", _NET, _TAX}
_PROFIT = ("Profit(USD)", "Profit (USD)", "Profit")
_SUMMARY = "account summary"
_SUMS = (_SUMMARY, "financial summary")
# A cell with a date, as text; eToro writes its dates as text itself, but a person may have saved the file anew.
_DATE = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2}) (?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})")
_DAY_LENGTH = len("31/01/2024")
_CENT = Decimal("0.01")


def recognises(file: Opened) -> bool:
    """Say whether a sheet has the columns of the account activity, whatever its name is."""
    return any(_is_activity(sheet) for sheet in file.sheets)


def read(file: Opened) -> Statement:
    """Read the statement; raises StatementError where the file as a whole cannot be read."""
    _check_currency(file)
    activity = next(_Table(sheet, _heading(sheet)) for sheet in file.sheets if _is_activity(sheet))
    positions = _table(file, _POSITIONS, _POSITION_COLUMNS)
    dividends = _table(file, _DIVIDENDS, _DIVIDEND_COLUMNS)
    if positions is None:
        raise StatementError(
            f"{file.name}: no sheet {_POSITIONS!r} to check the trades against; export the statement whole"
        )
    beside = _Beside(_closed(positions), None if dividends is None else _paid(dividends), _split_positions(activity))
    reader, collected = etoro.Activity(), Collected()
    for row in activity.rows:
        collected.add(row.line, row.cells, partial(_row, reader, beside, partial(activity.record, row)))
    for told in (*beside.positions, *(beside.dividends or ())):
        collected.add(told.row.line, [told.sheet, *told.row.cells], told.verdict)
    used = [table.sheet for table in (activity, positions, dividends) if table is not None]
    for sheet in file.sheets:
        if not any(sheet is one for one in used):
            for row in sheet.rows:
                collected.add(row.line, [sheet.name, *row.cells], partial(_rest, sheet, row))
    return collected.statement(BROKER)


@dataclass(frozen=True)
class _Table:
    """A sheet with its heading."""

    sheet: Sheet
    names: Sequence[str]

    @property
    def rows(self) -> Sequence[SheetRow]:
        """Give the rows below the heading."""
        return self.sheet.rows[1:]

    def record(self, row: SheetRow) -> Record:
        """Give a row as a record; raises RowError."""
        if row.fault:
            raise RowError(row.fault)
        cells = [*map(_as_told, row.cells), *[""] * (len(self.names) - len(row.cells))]
        record = record_of(row.line, cells, self.names)
        return replace(record, numbers=frozenset(self.names[place] for place in row.numbers if place < len(self.names)))


@dataclass
class _Told:
    """A row that tells again what the account activity tells, and whether that was found there and is the same."""

    sheet: str
    row: SheetRow
    position: str = ""
    fault: str = ""
    is_answered: bool = False

    def verdict(self) -> Aside:
        """Say that nothing is to be taken from the row; raises RowError where the account activity tells otherwise."""
        if self.fault:
            raise RowError(f"sheet {self.sheet}: {self.fault}")
        if not self.is_answered:
            raise RowError(
                f"sheet {self.sheet}: the account activity does not tell it; export the whole range in one file"
            )
        return Aside(self.row.line, f"sheet {self.sheet}: what the account activity tells in a row of its own")

    def disagree(self, words: str) -> None:
        """Keep why the rows of both sheets are not understood, and raise it as RowError."""
        self.fault = self.fault or f"{words}, of position {self.position}"
        raise RowError(f"{words}, of position {self.position} (sheet {self.sheet}, row {self.row.line})")


@dataclass
class _Closed(_Told):
    """A row of the closed positions; moments as eToro writes them."""

    opened: str = ""
    closed: str = ""
    units: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    profit: Decimal = Decimal(0)


@dataclass
class _Paid(_Told):
    """A row of the dividends: what came of it, and the tax withheld before."""

    day: str = ""
    net: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)


@dataclass
class _Beside:
    """What stands beside the account activity; `dividends` is None where the file has no such sheet."""

    positions: Sequence[_Closed]
    dividends: Sequence[_Paid] | None
    split: frozenset[str]
    _by_position: dict[str, list[_Closed]] = field(default_factory=dict)
    _by_day: dict[tuple[str, str], list[_Paid]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for closed in self.positions:
            self._by_position.setdefault(closed.position, []).append(closed)
        for paid in self.dividends or ():
            self._by_day.setdefault((paid.position, paid.day), []).append(paid)

    def closing(self, position: str, moment: str) -> _Closed | None:
        """Take the row that tells of this closing, the one of the same moment first."""
        free = [told for told in self._by_position.get(position, []) if not told.is_answered]
        found = min(free, key=lambda told: told.closed != moment, default=None)
        if found is not None:
            found.is_answered = True
        return found

    def dividend(self, position: str, day: str, amount: Decimal) -> _Paid | None:
        """Take the row that tells of this dividend: the same position and day, and the same amount to a cent."""
        for told in self._by_day.get((position, day), []):
            if not told.is_answered and abs(told.net - amount) <= _CENT:
                told.is_answered = True
                return told
        return None

    def check_opening(self, position: str, moment: str, trade: Trade) -> None:
        """Raise RowError where what was closed of a position is not of this opening; parts of it may be closed alone."""
        for told in self._by_position.get(position, []):
            amount = trade.amount.amount
            if told.opened != moment:
                told.disagree(f"opened {told.opened} and here {moment}")
            if told.amount > amount and not agrees(amount, told.amount):
                told.disagree(f"opened for {told.amount} and here for {amount}")
            if told.amount == amount and told.units != trade.quantity and position not in self.split:
                told.disagree(f"opened {told.units} units and here {trade.quantity}, with no split told")


def _row(reader: etoro.Activity, beside: _Beside, made: partial[Record]) -> StatementRow | Aside:
    """Read a row of the account activity and hold it against the other sheets; raises RowError."""
    record = made()
    position, moment, kind = etoro.position_of(record), record.needed("Date"), record.get("Type")
    closing = beside.closing(position, moment) if kind == etoro.CLOSED else None
    row = reader.row(record)
    if isinstance(row, Aside):
        return row
    if isinstance(row.event, Trade) and kind == etoro.CLOSED:
        _check_closing(closing, position, moment, row.event)
    elif isinstance(row.event, Trade):
        beside.check_opening(position, moment, row.event)
    elif isinstance(row.event, Dividend) and beside.dividends is not None:
        paid = row.event.paid
        told = beside.dividend(position, moment[:_DAY_LENGTH], paid.amount)
        if told is None:
            raise RowError(
                f"the sheet {_DIVIDENDS} tells no dividend of {paid.amount} for position {position} on this day"
            )
        if told.tax:
            return replace(row, event=replace(row.event, withheld=Money(told.tax, paid.currency)))
    return row


def _check_closing(told: _Closed | None, position: str, moment: str, trade: Trade) -> None:
    if told is None:
        raise RowError(f"the sheet {_POSITIONS} tells no such closing of position {position}")
    if told.closed != moment:
        told.disagree(f"closed {told.closed} and here {moment}")
    if told.units != trade.quantity:
        told.disagree(f"closed {told.units} units and here {trade.quantity}")
    if not agrees(trade.amount.amount, told.amount + told.profit):
        told.disagree(f"{told.amount} with a profit of {told.profit} and here {trade.amount.amount}")


def _closed(table: _Table) -> list[_Closed]:
    """Read the closed positions; a row that cannot be read has the reason."""
    found = []
    for row in table.rows:
        told = _Closed(table.sheet.name, row)
        try:
            record = table.record(row)
            told.position = record.needed("Position ID")
            told.opened, told.closed = record.needed("Open Date"), record.needed("Close Date")
            told.units, told.amount = etoro.units(record), etoro.dollars(record, "Amount").amount
            told.profit = etoro.dollars(record, next((name for name in _PROFIT if record.get(name)), _PROFIT[0])).amount
        except RowError as error:
            told.fault = str(error)
        found.append(told)
    return found


def _paid(table: _Table) -> list[_Paid]:
    """Read the dividends; a row that cannot be read has the reason."""
    found = []
    for row in table.rows:
        told = _Paid(table.sheet.name, row)
        try:
            record = table.record(row)
            told.net, told.tax = etoro.dollars(record, _NET).amount, etoro.dollars(record, _TAX).amount
            told.day = record.needed("Date of Payment")[:_DAY_LENGTH]
            day_of(told.day, "%d/%m/%Y", "Date of Payment")
            told.position = record.needed("Position ID")
        except RowError as error:
            told.fault = str(error)
        found.append(told)
    return found


def _split_positions(activity: _Table) -> frozenset[str]:
    """Give the positions whose units a split has changed."""
    return frozenset(position for kind, position in _kinds(activity) if kind == etoro.SPLIT)


def _kinds(activity: _Table) -> Iterator[tuple[str, str]]:
    places = [list(activity.names).index(name) for name in ("Type", "Position ID")]
    for row in activity.rows:
        kind, position = (row.cells[place] if place < len(row.cells) else "" for place in places)
        yield kind, position


def _check_currency(file: Opened) -> None:
    """Raise StatementError where the file says that the account is kept in another currency than dollars."""
    for sheet in file.sheets:
        if sheet.name.casefold() != _SUMMARY:
            continue
        for row in sheet.rows:
            if row.cells[0].casefold() == "currency" and row.cells[1:2] not in ((), ("USD",)):
                raise StatementError(
                    f"{file.name}: the account is kept in {row.cells[1]!r}; only accounts in USD are read"
                )


def _is_activity(sheet: Sheet) -> bool:
    return bool(sheet.rows) and etoro.is_heading(list(sheet.rows[0].cells))


def _heading(sheet: Sheet) -> list[str]:
    return named_columns(sheet.rows[0].cells) if sheet.rows else []


def _table(file: Opened, name: str, columns: set[str]) -> _Table | None:
    """Find a sheet by its columns, or by its name where it is empty; raises StatementError where its columns are others."""
    tables = [_Table(sheet, _heading(sheet)) for sheet in file.sheets]
    named = [table for table in tables if table.sheet.name.casefold() == name.casefold()]
    found = [*(table for table in tables if set(table.names) >= columns), *named]
    if found and found[0].names and not set(found[0].names) >= columns:
        missing = min(columns - set(found[0].names))
        right = "export the statement in English, of an account in dollars"
        raise StatementError(f"{file.name}: the sheet {name} has no column {missing!r}; {right}")
    return found[0] if found else None


def _rest(sheet: Sheet, row: SheetRow) -> Aside:
    if sheet.name.casefold() not in _SUMS:
        raise RowError(f"the sheet {sheet.name!r} is not known; eToro's own are in English where it is set so")
    return Aside(row.line, f"the sheet {sheet.name}")


def _as_told(cell: str) -> str:
    """Give a date as eToro writes it, and any other text as it is."""
    found = _DATE.fullmatch(cell)
    return f"{found['day']}/{found['month']}/{found['year']} {found['time']}" if found else cell

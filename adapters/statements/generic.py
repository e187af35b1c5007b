"""Any other broker's table (CSV), read by a column map that a person wrote in YAML; docs/IMPORTERS.md has its form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from adapters.statements.checked import before_fees, check_product, positive
from adapters.statements.opened import (
    Opened,
    Record,
    RowError,
    StatementError,
    day_of,
    first_row,
    open_statement,
    read_table,
)
from core.domain.statement import (
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
from core.settings_fields import Section
from core.settings_text import SettingsError, parse_section

# A map is a screen of text.
_MAP_MAX = 20_000
# A day whose parts are all different.
_PROBE = date(2001, 2, 3)
Kind = Literal["buy", "sell", "dividend", "withholding", "interest", "fee", "deposit", "withdraw"]


class Columns(Section):
    """Which column of the table tells what; `isin`, `price`, `fee`, `withheld`, `id` and `account` may be left out."""

    day: str
    kind: str
    amount: str
    currency: str
    instrument: str
    quantity: str
    isin: str | None = None
    price: str | None = None
    fee: str | None = None
    withheld: str | None = None
    id: str | None = None
    account: str | None = None


class ColumnMap(Section):
    """How a broker writes its table: its marks, the form of its days, its columns, and what it calls each kind of row."""

    broker: str
    delimiter: Literal[",", ";", "|"]
    decimal_mark: Literal[".", ","]
    day_form: str
    amount_holds_fee: bool
    dividend_holds_tax: bool
    columns: Columns
    kinds: dict[str, Kind]

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Give what is wrong with the form of the days: it must tell day, month and year, each once."""
        try:
            is_whole = day_of(_PROBE.strftime(self.day_form), self.day_form, "day_form") == _PROBE
        except RowError:
            is_whole = False
        if not is_whole:
            yield (
                "day_form",
                f"{self.day_form!r} tells no whole day; write it as %d.%m.%Y, with %Y, %m and %d once each",
            )

    @property
    def names(self) -> list[str]:
        """The columns that the map names."""
        return [name for name in self.columns.model_dump().values() if name is not None]


def read_map(path: Path) -> ColumnMap:
    """Read a column map; raises StatementError with each fault and its line."""
    file = open_statement(path)
    if len(file.text) > _MAP_MAX:
        raise StatementError(f"{path}: more than {_MAP_MAX} letters; a column map is a screen of text")
    try:
        return parse_section(ColumnMap, file.text, str(path))
    except SettingsError as error:
        raise StatementError(str(error)) from error


def read(file: Opened, told: ColumnMap) -> Statement:
    """Read a table by its map; raises StatementError where the map and the table do not fit."""
    if file.sheets:
        raise StatementError(f"{file.name}: a column map reads tables of text; save the sheet as CSV")
    header = first_row(file, told.delimiter)
    missing = [name for name in told.names if name not in header]
    if missing:
        raise StatementError(f"{file.name}: no column {missing[0]!r}, which the map names; its columns are {header}")
    return read_table(file, _Mapped(told).row, told.broker, told.delimiter)


@dataclass(frozen=True)
class _Mapped:
    """Reads rows by a map."""

    told: ColumnMap

    def row(self, record: Record) -> StatementRow:
        columns, text = self.told.columns, record.needed(self.told.columns.kind)
        kind = self.told.kinds.get(text)
        if kind is None:
            raise RowError(f"{columns.kind} {text!r} is none of the map's kinds")
        day = record.day(columns.day, self.told.day_form)
        names = {"account": record.get(columns.account or ""), "broker_id": record.get(columns.id or "")}
        return StatementRow(record.line, day, self._event(record, kind), moment=record.get(columns.day), **names)

    def _event(self, record: Record, kind: Kind) -> Event:
        is_trade = kind in ("buy", "sell")
        for name, is_used in ((self.told.columns.fee, is_trade), (self.told.columns.withheld, kind == "dividend")):
            if not is_used and self._part(record, name):
                raise RowError(f"{name} is {record.get(name or '')} on a row of kind {kind}, which has no place for it")
        money = self._money(record, self.told.columns.amount)
        size = Money(abs(money.amount), money.currency)
        simple: dict[str, Callable[[], Event]] = {
            "dividend": lambda: self._dividend(record, money),
            "withholding": lambda: Withholding(self._maybe_named(record), size),
            "interest": lambda: Interest(money),
            "fee": lambda: Fee(size, self._maybe_named(record)),
            "deposit": lambda: Deposit(self._positive(size)),
            "withdraw": lambda: Withdrawal(self._positive(size)),
        }
        return simple[kind]() if kind in simple else self._trade(record, "BUY" if kind == "buy" else "SELL", size)

    def _trade(self, record: Record, side: Literal["BUY", "SELL"], total: Money) -> Trade:
        columns = self.told.columns
        fees = self._part(record, columns.fee)
        amount = before_fees(total, fees, side) if self.told.amount_holds_fee else total
        quantity = positive(abs(record.number(columns.quantity, self.told.decimal_mark)), columns.quantity)
        price = self._money(record, columns.price) if columns.price else None
        if price is not None:
            check_product(quantity, price.amount, amount.amount)
        return Trade(side, self._named(record), quantity, amount, fees, price)

    def _dividend(self, record: Record, money: Money) -> Dividend:
        withheld = self._part(record, self.told.columns.withheld)
        if not withheld:
            return Dividend(self._named(record), money)
        paid = money.amount - withheld[0].amount if self.told.dividend_holds_tax else money.amount
        return Dividend(self._named(record), Money(paid, money.currency), withheld[0])

    def _part(self, record: Record, name: str | None) -> tuple[Money, ...]:
        """Give a fee or a tax, none where the map or the row tells none; brokers differ in its sign, not in its meaning."""
        if name is None or not record.get(name):
            return ()
        money = self._money(record, name)
        return (Money(abs(money.amount), money.currency),) if money.amount else ()

    def _money(self, record: Record, name: str) -> Money:
        return Money(record.number(name, self.told.decimal_mark), record.currency(self.told.columns.currency))

    def _positive(self, money: Money) -> Money:
        positive(money.amount, self.told.columns.amount)
        return money

    def _named(self, record: Record) -> Named:
        return Named(record.needed(self.told.columns.instrument), record.get(self.told.columns.isin or ""))

    def _maybe_named(self, record: Record) -> Named | None:
        return self._named(record) if record.get(self.told.columns.instrument) else None

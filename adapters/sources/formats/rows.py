"""Rows of comma-separated text: read all at once where every row is sound, else one by one, each bad row told by its line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from adapters.sources.formats.columns import FIRST_DAY, LAST_DAY, seven_digits, symbol_column, unwidened
from adapters.sources.formats.form import provider_of
from core.domain.bars import BAR_FIELDS, Bars, Basis, Floats, Parsed
from flows.ports import RawRecord, SourceError

Read = TypeVar("Read")


class Row(NamedTuple):
    """One row by its column names; each reader raises ValueError with what was found and what it must be."""

    cells: dict[str, str]

    def text(self, name: str) -> str:
        """Give a cell that must hold something."""
        if not self.cells[name]:
            raise ValueError(f"{name} was empty")
        return self.cells[name]

    def number(self, name: str) -> float:
        """Give a finite number."""
        try:
            value = float(self.cells[name])
        except ValueError:
            value = float("nan")
        if not math.isfinite(value):
            raise ValueError(f"{name} was {self.cells[name]!r}; it must be a number")
        return value

    def decimal(self, name: str) -> Decimal:
        """Give an exact number; an empty cell is zero."""
        try:
            value = Decimal(self.cells[name] or "0")
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            raise ValueError(f"{name} was {self.cells[name]!r}; it must be a number")
        return value

    def day(self, name: str) -> date:
        """Give a day, written YYYY-MM-DD or YYYYMMDD."""
        try:
            return date.fromisoformat(self.cells[name])
        except ValueError:
            raise ValueError(f"{name} was {self.cells[name]!r}; it must be a day such as 2024-06-11") from None

    def midnight(self, name: str) -> date:
        """Give the day of an instant that must be a midnight: a bar that begins at another time is not of one day."""
        day, _, time = self.cells[name].partition(" ")
        if time[:5] not in ("", "00:00"):
            raise ValueError(f"{name} was {self.cells[name]!r}; a daily bar begins at 00:00")
        return Row({name: day}).day(name)


@dataclass(frozen=True)
class Layout:
    """Where bars stand in a text: the columns of the day and of the fields of a bar, in the file's own words.

    A field that no column is named for is NaN. The symbol is that of a column or, where `symbol` is given, of the whole
    file. `scale` divides prices. `header` names the columns of a text without a first line of names. `digits` is what
    is done to each column of prices.
    """

    day: str
    fields: Mapping[str, str]
    symbol_column: str = ""
    symbol: str = ""
    scale: float = 1.0
    header: tuple[str, ...] = ()
    digits: Callable[[Floats], Floats] = lambda values: values
    day_of: Callable[[Row, str], date] = Row.day
    symbol_of: Callable[[str], str] = lambda symbol: symbol

    @property
    def numbers(self) -> tuple[str, ...]:
        """Give the columns of numbers, each once."""
        return tuple(dict.fromkeys(self.fields.values()))


PRICES = {"open": "Open", "high": "High", "low": "Low", "close": "Close"}
WIDENED, PRINTED_SHORT = unwidened, seven_digits


def rows_of(
    record: RawRecord, text: bytes, read: Callable[[Row], Read], unread: list[str], *, header: Sequence[str] = ()
) -> Iterator[Read]:
    """Read each row, and add a sentence to `unread` for each that cannot be read; a header told again is passed over."""
    names: list[str] = list(header)
    try:
        rows = csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""))
        names = names or [name.strip() for name in next(rows, [])]
        for cells in rows:
            stripped = [cell.strip() for cell in cells]
            if not cells or stripped == names:
                continue
            try:
                if len(cells) != len(names):
                    raise ValueError(f"{len(cells)} fields were found; the header has {len(names)}")
                yield read(Row(dict(zip(names, stripped, strict=True))))
            except ValueError as error:
                unread.append(f"{record.name} line {rows.line_num}: {error}")
    except KeyError as error:
        raise SourceError(f"{record.name}: column {error} is missing; the header has {', '.join(names)}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{record.name}: not readable as comma-separated text: {error}") from error


def parsed_bars(record: RawRecord, text: bytes, layout: Layout, *, basis: Basis | None) -> Parsed:
    """Read bars; without a stated basis they are total-return as of the file's last day."""
    unread: list[str] = []
    symbol, session, numbers = _all_at_once(text, layout) or _one_by_one(record, text, layout, unread)
    blank = np.full(len(session), np.nan)
    values = {name: numbers[layout.fields[name]] if name in layout.fields else blank for name in BAR_FIELDS}
    for name in (one for one in BAR_FIELDS if one != "volume"):
        values[name] = layout.digits(values[name] / layout.scale if layout.scale != 1 else values[name])
    as_of = session.max().astype(object) if len(session) else None
    bars = Bars(
        provider=provider_of(record),
        basis=basis or Basis("total-return", as_of),
        symbol=symbol,
        session=session,
        known_on=None,
        **values,
    )
    return Parsed(bars=bars, unread=tuple(unread))


_Columns = tuple[Any, Any, dict[str, Floats]]


def _all_at_once(text: bytes, layout: Layout) -> _Columns | None:
    """Give symbols, days and numbers by column, or None where any row is not what it must be."""
    if layout.day_of is not Row.day:
        return None
    types = {layout.day: pa.string(), **dict.fromkeys(layout.numbers, pa.float64())}
    if layout.symbol_column:
        types[layout.symbol_column] = pa.string()
    try:
        table = pacsv.read_csv(
            pa.BufferReader(text),
            read_options=pacsv.ReadOptions(use_threads=False, column_names=list(layout.header) or None),
            convert_options=pacsv.ConvertOptions(column_types=types, include_columns=list(types), null_values=[]),
        )
        if not len(table):
            return None
        symbols = table[layout.symbol_column] if layout.symbol_column else None
        # A sum is finite where all numbers are.
        if not all(math.isfinite(pc.sum(table[name]).as_py()) for name in layout.numbers):
            return None
        if symbols is not None and pc.any(pc.equal(symbols, "")).as_py():
            return None
        session = _iso_days(table[layout.day]).cast(pa.date32()).to_numpy().astype("datetime64[D]")
        if session.min() < FIRST_DAY or session.max() > LAST_DAY:
            return None
    except (pa.ArrowException, KeyError):
        return None
    numbers = {name: table[name].to_numpy() for name in layout.numbers}
    return _named(symbols, layout, len(session)), session, numbers


def _iso_days(column: Any) -> Any:
    """Give days as YYYY-MM-DD, also where all are written YYYYMMDD."""
    if not pc.all(pc.equal(pc.utf8_length(column), 8)).as_py():
        return column
    parts = [pc.utf8_slice_codeunits(column, start, stop) for start, stop in ((0, 4), (4, 6), (6, 8))]
    return pc.binary_join_element_wise(*parts, "-")


def _named(symbols: Any, layout: Layout, count: int) -> Any:
    if symbols is None:
        return np.full(count, layout.symbol, dtype=object)
    names = {name: layout.symbol_of(name) for name in pc.unique(symbols).to_pylist()}
    return symbol_column(symbols, names)


def _one_by_one(record: RawRecord, text: bytes, layout: Layout, unread: list[str]) -> _Columns:
    def read(row: Row) -> tuple[str, date, tuple[float, ...]]:
        symbol = layout.symbol_of(row.text(layout.symbol_column)) if layout.symbol_column else layout.symbol
        return symbol, layout.day_of(row, layout.day), tuple(row.number(name) for name in layout.numbers)

    rows = list(rows_of(record, text, read, unread, header=layout.header))
    session = np.array([day for _, day, _ in rows], dtype="datetime64[D]")
    values = np.array([numbers for _, _, numbers in rows], dtype=np.float64).reshape(len(rows), len(layout.numbers))
    columns = {name: np.ascontiguousarray(values[:, at]) for at, name in enumerate(layout.numbers)}
    return np.array([symbol for symbol, _, _ in rows], dtype=object), session, columns

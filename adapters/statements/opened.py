"""Files from outside as text or as sheets: bounded in size, decoded without guessing, cut into records with their lines."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache, partial
from pathlib import Path

from adapters.statements.numbers import decimal_of
from adapters.statements.workbook import ZIP_MAGIC, Sheet, WorkbookError, exact, sheets_of
from core.domain.statement import Aside, Money, Named, NotUnderstood, Statement, StatementRow, make_statement

# Decades of one account are a few megabytes; what is larger was not made by a broker.
FILE_MAX = 64_000_000
ROWS_MAX = 500_000
CELL_MAX = 2_000
_HEADING_MAX = 20_000
_SHOWN_MAX = 160
_CURRENCY_LENGTH = 3
_MAGIC = {
    b"\x1f\x8b": "compressed by gzip; unpack it first",
    b"%PDF": "a PDF; export the statement as CSV or XML",
    b"\xd0\xcf\x11\xe0": "an XLS workbook, or one with a password; save it as XLSX without, or export the statement as CSV",
}


class StatementError(ValueError):
    """A file that cannot be read at all: says which, where, and what would be right."""


class RowError(ValueError):
    """Why a row is not understood."""


@dataclass(frozen=True)
class Opened:
    """A file's name, for messages, its text, and the SHA-256 of its bytes, which is the evidence of what it says.

    A workbook has no text, but sheets.
    """

    name: str
    text: str
    sha256: str
    sheets: tuple[Sheet, ...] = ()


def open_statement(path: Path) -> Opened:
    """Read a file of at most FILE_MAX bytes as text, or as sheets; raises StatementError."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_MAX + 1)
    except OSError as error:
        raise StatementError(f"{path}: {error.strerror}; name a file that a broker exported") from error
    return opened(str(path), content)


def opened(name: str, content: bytes) -> Opened:
    """Decode a file: UTF-8, UTF-16 where its first bytes say so, or an XLSX workbook; raises StatementError on others."""
    if len(content) > FILE_MAX:
        raise StatementError(f"{name}: more than {FILE_MAX} bytes; no statement is so large, export a shorter range")
    for magic, what in _MAGIC.items():
        if content.startswith(magic):
            raise StatementError(f"{name}: it is {what}")
    if content.startswith(ZIP_MAGIC):
        return _workbook(name, content)
    is_wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = "UTF-16" if is_wide else "UTF-8"
        raise StatementError(f"{name}:{line}: byte {error.start} is no {what}; save the file as UTF-8") from error
    if "\0" in text:
        raise StatementError(f"{name}:{text.count(chr(10), 0, text.index(chr(0))) + 1}: a zero byte; this is no text")
    if not text.strip():
        raise StatementError(f"{name}: it is empty")
    return Opened(name, text, hashlib.sha256(content).hexdigest())


def _workbook(name: str, content: bytes) -> Opened:
    try:
        sheets = sheets_of(content, ROWS_MAX, CELL_MAX)
    except WorkbookError as error:
        raise StatementError(f"{name}: {error}") from error
    if not any(sheet.rows for sheet in sheets):
        raise StatementError(f"{name}: it is empty")
    return Opened(name, "", hashlib.sha256(content).hexdigest(), sheets)


@dataclass(frozen=True)
class Record:
    """One row of a table: its line, its cells by the name of their column, and the columns whose cell is a number itself."""

    line: int
    cells: dict[str, str]
    numbers: frozenset[str] = frozenset()

    def get(self, name: str) -> str:
        """Give a cell, empty where the table has no such column."""
        return self.cells.get(name, "")

    def needed(self, name: str) -> str:
        """Give a cell that must hold something; raises RowError."""
        if not self.get(name):
            raise RowError(f"{name} is empty")
        return self.cells[name]

    def number(self, name: str, mark: str = ".") -> Decimal:
        """Give a number that must be there, in text with `mark` before its decimals; raises RowError."""
        text = self.needed(name)
        if name not in self.numbers:
            return number_of(text, name, mark)
        try:
            return exact(text)
        except ValueError as error:
            raise RowError(f"{name}: {error}") from error

    def number_or_zero(self, name: str, mark: str = ".") -> Decimal:
        """Give a number, zero where nothing stands; raises RowError on anything else."""
        return self.number(name, mark) if self.get(name) else Decimal(0)

    def currency(self, name: str) -> str:
        """Give a currency's three capital letters; raises RowError."""
        return currency_of(self.needed(name), name)

    def money(self, amount: str, currency: str) -> Money:
        """Give an amount and its currency from two columns; raises RowError."""
        return Money(self.number(amount), self.currency(currency))

    def instrument(self, name: str, isin: str = "ISIN") -> Named:
        """Give the instrument as the broker names it; raises RowError."""
        return Named(self.needed(name), self.get(isin))

    def day(self, name: str, form: str) -> date:
        """Give a day written in one form; raises RowError."""
        return day_of(self.needed(name), form, name)


Read = Callable[[Record], StatementRow | Aside]


def day_of(text: str, form: str, name: str) -> date:
    """Read a day in a form of `strptime`, which the text must fill; raises RowError.

    A broker's day is the day that it writes, wherever that was: no zone moves it.
    """
    try:
        return _parsed_day(text, form)
    except (ValueError, re.error) as error:
        raise RowError(f"{name} was {text!r}; it must be a day in the form {form}") from error


@lru_cache(maxsize=10_000)
def _parsed_day(text: str, form: str) -> date:
    year, month, day = time.strptime(text, form)[:3]
    return date(year, month, day)


def number_of(text: str, name: str, mark: str = ".") -> Decimal:
    """Read a number, `mark` before its decimals; raises RowError that names what it is."""
    try:
        return decimal_of(text, mark)
    except ValueError as error:
        raise RowError(f"{name}: {error}") from error


def currency_of(text: str, name: str) -> str:
    """Read a currency of three capital letters; raises RowError."""
    if len(text) != _CURRENCY_LENGTH or not (text.isascii() and text.isalpha() and text.isupper()):
        raise RowError(f"{name} was {text!r}; it must be a currency of three capital letters")
    return text


def lines_of(file: Opened, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Give the rows of a table with the line at which each begins, empty lines left out; raises StatementError."""
    reader = csv.reader(io.StringIO(file.text, newline=""), delimiter=delimiter, strict=True)
    count, before = 0, 0
    try:
        for row in reader:
            line, before = before + 1, reader.line_num
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            count += 1
            if count > ROWS_MAX:
                raise StatementError(f"{file.name}:{line}: more than {ROWS_MAX} rows; export a shorter range")
            if any(len(cell) > CELL_MAX for cell in cells):
                raise StatementError(
                    f"{file.name}:{line}: a cell of more than {CELL_MAX} letters; a quote is not closed"
                )
            yield line, cells
    except csv.Error as error:
        raise StatementError(
            f"{file.name}:{before + 1}: {error}; the table is cut off or a quote is not closed"
        ) from error


def first_row(file: Opened, delimiter: str = ",") -> list[str]:
    """Give the cells of the first row, none where there is no table; only the first line is looked at."""
    line = file.text.lstrip("\r\n").split("\n", 1)[0][:_HEADING_MAX]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True), [])]
    except csv.Error:
        return []


def named_columns(header: Sequence[str]) -> list[str]:
    """Name each column; one without a name, or with one that stood before, is `#` and its number."""
    names: list[str] = []
    for number, name in enumerate(header, start=1):
        names.append(name if name and name not in names else f"#{number}")
    return names


def record_of(line: int, cells: Sequence[str], names: Sequence[str]) -> Record:
    """Give a row as a record; raises RowError where it has other cells than the heading, empty ones at its end apart."""
    if len(cells) < len(names) or any(cells[len(names) :]):
        raise RowError(f"it has {len(cells)} cells and the heading has {len(names)}")
    return Record(line, dict(zip(names, cells, strict=False)))


def shown(cells: Sequence[str]) -> str:
    """Give what is shown of a row: its cells that hold something, cut, and nothing that could steer a terminal."""
    text = ", ".join(cell for cell in cells if cell)
    cut = text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."
    return cut if cut.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in cut)


class Collected:
    """What was read so far of one file."""

    def __init__(self) -> None:
        self.rows: list[StatementRow] = []
        self.unread: list[NotUnderstood] = []
        self.asides: list[Aside] = []

    def add(self, line: int, cells: Sequence[str], read: Callable[[], StatementRow | Aside]) -> None:
        """Read one row and keep what it is, or why it is not understood."""
        try:
            found = read()
        except RowError as error:
            self.unread.append(NotUnderstood(line, shown(cells), str(error)))
            return
        if isinstance(found, Aside):
            self.asides.append(found)
        else:
            self.rows.append(found)

    def statement(self, broker: str) -> Statement:
        """Give all of it, with keys."""
        return make_statement(broker, self.rows, unread=self.unread, asides=self.asides)


def read_table(file: Opened, read: Read, broker: str, delimiter: str = ",") -> Statement:
    """Read a table whose first row is its heading; raises StatementError where the file as a whole cannot be read."""
    rows = lines_of(file, delimiter)
    _, header = next(rows)
    width = max((number for number, name in enumerate(header, start=1) if name), default=0)
    # A mark at the end of the heading makes a column that no row need have.
    names, collected = named_columns(header[:width]), Collected()
    for line, cells in rows:
        collected.add(line, cells, partial(_read_cells, read, line, cells, names))
    return collected.statement(broker)


def readable(file: Opened, delimiter: str = ",") -> Iterator[Record]:
    """Give the rows below the heading for a look ahead, those left out that do not have its cells; raises StatementError."""
    rows = list(lines_of(file, delimiter))
    names = named_columns(rows[0][1])
    for line, cells in rows[1:]:
        if len(cells) >= len(names):
            yield Record(line, dict(zip(names, cells, strict=False)))


def _read_cells(read: Read, line: int, cells: Sequence[str], names: Sequence[str]) -> StatementRow | Aside:
    return read(record_of(line, cells, names))

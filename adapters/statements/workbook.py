"""XLSX workbooks from outside as sheets of text: bounded before they are unpacked, and no cell taken for what it is not."""

from __future__ import annotations

import contextlib
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from xml.parsers import expat

from openpyxl import load_workbook
from openpyxl.cell.read_only import EMPTY_CELL
from openpyxl.utils.exceptions import InvalidFileException

ZIP_MAGIC = b"PK\x03\x04"
# A few kilobytes can be made to unpack into more than a machine holds; a statement of decades is some megabytes.
UNPACKED_MAX = 256_000_000
_MEMBERS_MAX = 1_000
_PIECE = 1_000_000
_WORKBOOK = "xl/workbook.xml"
# The last row that a sheet has room for, and more columns than any statement has.
_ROW_MAX, _COLUMN_MAX = 1_048_576, 128
# A double holds every number of this many digits; one that needs more is the rest of a calculation.
_DIGITS_MAX = 15
_FAULTS = {"f": "a formula: a broker writes values", "e": "an error instead of a value"}
# What reading the parts of a spoilt workbook ends in: the library checks little of what it reads.
_SPOILT = (
    *(zipfile.BadZipFile, zlib.error, InvalidFileException, SyntaxError, EOFError, OSError),
    *(LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RuntimeError),
)


class WorkbookError(ValueError):
    """Why a workbook cannot be read, without the file's name."""


@dataclass(frozen=True)
class SheetRow:
    """A row with something in it: its number, its cells as text, which of them are numbers, and what forbids to read it."""

    line: int
    cells: tuple[str, ...]
    numbers: frozenset[int]
    fault: str = ""


@dataclass(frozen=True)
class Sheet:
    """A sheet's name, and its rows in order, empty ones left out."""

    name: str
    rows: tuple[SheetRow, ...]


def sheets_of(content: bytes, rows_max: int, cell_max: int) -> tuple[Sheet, ...]:
    """Read all sheets of a workbook of at most so many rows in all and so many letters a cell; raises WorkbookError.

    A number becomes the shortest decimal that is the same double, which is what was written if that had at most 15 digits.
    Days are counted from 1900 or from 1904, as the workbook says, and become text as 2024-01-31 16:00:00. Formulas are not
    computed, and what was computed before is not believed: nobody can see which program did it. Such a row has a fault.
    """
    try:
        _check_parts(content)
        # What it warns of or prints, a style that is not there or an extension, is of no cell's value.
        with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(io.StringIO()):
            workbook = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
            return tuple(_sheets(workbook.worksheets, rows_max, cell_max))
    except WorkbookError:
        raise
    except _SPOILT as error:
        raise WorkbookError(f"the workbook cannot be read ({type(error).__name__}); export it anew") from error


def exact(text: str) -> Decimal:
    """Give the number that a cell with a number holds; raises ValueError where no person or broker wrote such a one."""
    number = Decimal(text)
    if not number.is_finite() or len(number.normalize().as_tuple().digits) > _DIGITS_MAX:
        raise ValueError(
            f"{text} has more than {_DIGITS_MAX} digits: the rest of a calculation, no number that was told"
        )
    return number


def _check_parts(content: bytes) -> None:
    """Go through every part before the library does: its size, no document type, and rows in order; raises WorkbookError."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
        if _WORKBOOK not in archive.namelist():
            raise WorkbookError("it is a ZIP archive and no XLSX workbook; unpack it first")
        # The sizes are the archive's own words, and no more than they say is ever unpacked.
        if len(parts) > _MEMBERS_MAX or sum(part.file_size for part in parts) > UNPACKED_MAX:
            raise WorkbookError(
                f"it unpacks into more than {UNPACKED_MAX} bytes or {_MEMBERS_MAX} parts; no statement does"
            )
        for part in parts:
            with archive.open(part) as file:
                _check_part(iter(partial(file.read, _PIECE), b""))


def _check_part(pieces: Iterator[bytes]) -> None:
    """Refuse a document type, which could name other files or blow up, and rows that the library would leave out."""
    before = 0
    parser = expat.ParserCreate()

    def refuse(*_told: object) -> None:
        raise WorkbookError("a document type (<!DOCTYPE>) or entity stands in it; a workbook has none")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal before
        if tag.rpartition(":")[2] != "row" or "r" not in attributes:
            return
        number = attributes["r"]
        if not number.isascii() or not number.isdigit() or not before < int(number[:9]) <= _ROW_MAX:
            raise WorkbookError(f"row {number[:9]!r} follows row {before}; rows go up to {_ROW_MAX}, each once")
        before = int(number)

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    try:
        for piece in pieces:
            parser.Parse(piece)
        parser.Parse(b"", True)
    except expat.ExpatError:
        # A picture or a printer's settings; the library fails on it too, should it be named as something to read.
        return


def _sheets(worksheets: Sequence[Any], rows_max: int, cell_max: int) -> Iterator[Sheet]:
    count = 0
    for worksheet in worksheets:
        rows: list[SheetRow] = []
        # Bounds of our own: those that the sheet tells of itself may be wrong, and rows behind them would be lost.
        for line, cells in enumerate(worksheet.iter_rows(max_row=_ROW_MAX, max_col=_COLUMN_MAX), start=1):
            row = _row(line, cells)
            if any(row.cells) or row.fault:
                rows.append(row)
                count += 1
            if count > rows_max:
                raise WorkbookError(f"more than {rows_max} rows; export a shorter range")
            if any(len(text) > cell_max for text in row.cells):
                raise WorkbookError(f"sheet {worksheet.title!r}, row {line}: a cell of more than {cell_max} letters")
        yield Sheet(worksheet.title, tuple(rows))


def _row(line: int, cells: Sequence[Any]) -> SheetRow:
    # Most of the places hold nothing: a row is given as wide as a sheet may be.
    held = [(place, cell) for place, cell in enumerate(cells) if cell is not EMPTY_CELL and cell.value is not None]
    texts = [""] * (held[-1][0] + 1 if held else 0)
    numbers, fault = set[int](), ""
    for place, cell in held:
        texts[place] = _text(cell.value)
        if type(cell.value) in (int, float):
            numbers.add(place)
        if cell.data_type in _FAULTS and not fault:
            fault = f"cell {place + 1} holds {_FAULTS[cell.data_type]}; export the statement anew"
    while texts and not texts[-1]:
        texts.pop()
    return SheetRow(line, tuple(texts), frozenset(numbers), fault)


def _text(value: object) -> str:
    if isinstance(value, float):
        text = format(Decimal(repr(value)), "f")
        return text.removesuffix(".0")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return f"{value.isoformat()} 00:00:00"
    return "" if value is None else str(value).strip()

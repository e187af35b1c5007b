"""The universe as text: a CSV table becomes typed instruments, or an error that lists every problem with its line."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any

from core.canonical import sha256_of
from core.domain.instrument import Instrument, Universe

COLUMNS = (
    "internal_symbol",
    "stooq_symbol",
    "yahoo_symbol",
    "etoro_search_name",
    "exchange",
    "currency",
    "instrument_type",
    "tradable_as_underlying",
    "verified_on",
    "valid_from",
    "valid_to",
    "sector",
    "notes",
)
# Each exchange with the currency that it trades in.
EXCHANGES = {"ARCA": "USD", "NASDAQ": "USD", "NYSE": "USD"}
KINDS = ("equity", "etf", "index")
# The eleven sectors of the Global Industry Classification Standard.
SECTORS = (
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Materials",
    "Real Estate",
    "Utilities",
)
_SYMBOL = re.compile("[A-Z0-9]+([.-][A-Z0-9]+)*")
# Yahoo writes an index as ^GSPC; Stooq puts the market behind a point, as in AAPL.US.
_SOURCE_SYMBOL = re.compile(r"\^?[A-Z0-9]+([.-][A-Z0-9]+)*")
_SEARCH_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9 .&'/-]{0,39}")
_NOTES = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{0,300}")
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


class UniverseError(ValueError):
    """A universe cannot be read: each of `problems` names file, line and column, what was found and what is right."""

    def __init__(self, problems: Iterable[str]) -> None:
        """Keep the problems; the message is all of them, a line each."""
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def parse_universe(text: str, where: str) -> Universe:
    """Read a universe in any order of rows and columns; `where` is the file's name for messages.

    A byte order mark and any line ends are accepted. Raises UniverseError with all problems.
    """
    header, *rows = _rows(text.removeprefix("\ufeff"), where)
    problems = [*_header_problems(header), *_duplicates(header, rows)]
    for row in rows:
        problems.extend(_row_problems(header, row))
    if not rows:
        problems.append(_Problem(header.line, "the table has a header and no rows; it must list instruments"))
    if problems:
        in_order = sorted(problems, key=lambda problem: problem.line)
        raise UniverseError(f"{where}:{problem.line}: {problem.message}" for problem in in_order)
    instruments = [_instrument(dict(zip(header.cells, row.cells, strict=True))) for row in rows]
    return Universe(tuple(sorted(instruments, key=lambda instrument: instrument.id)))


def universe_hash(universe: Universe) -> str:
    """Give the SHA-256 of a universe's canonical bytes: the order of rows and columns in the file does not count."""
    return sha256_of(universe)


@dataclass(frozen=True)
class _Row:
    """The cells of one row, and the line that it begins on."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class _Problem:
    """What is wrong, and on which line."""

    line: int
    message: str


def _rows(text: str, where: str) -> list[_Row]:
    """Split the table into rows, header first; blank lines are skipped, quoted cells may hold line ends."""
    reader = csv.reader(re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text), strict=True)
    rows, line = [], 1
    try:
        for cells in reader:
            if cells:
                rows.append(_Row(line, tuple(cells)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise UniverseError([f"{where}:{line}: this is not CSV: {error}"]) from error
    if not rows:
        raise UniverseError([f"{where}:1: the file is empty; its first line must be {','.join(COLUMNS)}"])
    return rows


def _header_problems(header: _Row) -> Iterator[_Problem]:
    for name in dict.fromkeys(header.cells):
        if header.cells.count(name) > 1:
            yield _Problem(header.line, f"column {name} stands {header.cells.count(name)} times; keep one")
        if name not in COLUMNS:
            close = get_close_matches(name, [known for known in COLUMNS if known not in header.cells], n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(COLUMNS)}"
            yield _Problem(header.line, f"column {name!r} is unknown; {hint}")
    for name in COLUMNS:
        if name not in header.cells:
            yield _Problem(header.line, f"column {name} is missing")


def _row_problems(header: _Row, row: _Row) -> Iterator[_Problem]:
    if len(row.cells) != len(header.cells):
        yield _Problem(row.line, f"found {len(row.cells)} cells; the header has {len(header.cells)} columns")
        return
    cells = {name: cell for name, cell in zip(header.cells, row.cells, strict=True) if name in COLUMNS}
    wrong = {name: right for name, cell in cells.items() if (right := _objection(name, cell))}
    for name, right in wrong.items():
        found = repr(cells[name]) if cells[name] else "blank"
        yield _Problem(row.line, f"{name} was {found}; it must be {right}")
    for name, message in _contradictions(cells, wrong):
        yield _Problem(row.line, f"{name} was {cells[name]!r}; {message}")


def _objection(column: str, cell: str) -> str | None:
    """Say what a cell would have to be, or None when it is that."""
    if cell != cell.strip():
        return "written without spaces around it"
    if not cell and column in ("verified_on", "valid_to", "sector", "notes"):
        return None
    right, is_right = _COLUMN_RULES[column]
    return None if is_right(cell) else right


def _contradictions(cells: dict[str, str], wrong: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Give the cells that are well written and cannot stand beside the others of their row."""
    ours = {name: cell for name, cell in cells.items() if name not in wrong}
    exchange, first, last = ours.get("exchange"), ours.get("valid_from"), ours.get("valid_to")
    kind, sector = ours.get("instrument_type"), ours.get("sector")
    if exchange and ours.get("currency") not in (None, EXCHANGES[exchange]):
        yield "currency", f"{exchange} trades in {EXCHANGES[exchange]}"
    if first and last and last < first:
        yield "valid_to", f"it must not be before valid_from ({first})"
    if kind == "equity" and sector == "":
        yield "sector", f"an equity needs one of {', '.join(SECTORS)}"
    if kind in ("etf", "index") and sector:
        yield "sector", f"the sector of an {kind} is left blank"
    if kind == "index" and ours.get("tradable_as_underlying") == "yes":
        yield "tradable_as_underlying", "an index is a number and cannot be held; it must be no"


def _duplicates(header: _Row, rows: list[_Row]) -> Iterator[_Problem]:
    for column in COLUMNS[:4]:
        if header.cells.count(column) == 1:
            at = header.cells.index(column)
            yield from _repeated(column, [_Row(row.line, row.cells[at : at + 1]) for row in rows])


def _repeated(column: str, rows: list[_Row]) -> Iterator[_Problem]:
    first: dict[tuple[str, ...], int] = {}
    for row in rows:
        line = first.setdefault(row.cells, row.line)
        if line != row.line and any(row.cells):
            yield _Problem(row.line, f"{column} {row.cells[0]} stands on line {line} already; each row needs its own")


def _instrument(cells: dict[str, Any]) -> Instrument:
    return Instrument(
        id=cells["internal_symbol"],
        stooq_symbol=cells["stooq_symbol"],
        yahoo_symbol=cells["yahoo_symbol"],
        etoro_search_name=cells["etoro_search_name"],
        exchange=cells["exchange"],
        currency=cells["currency"],
        kind=cells["instrument_type"],
        is_tradable_as_underlying=cells["tradable_as_underlying"] == "yes",
        verified_on=_day(cells["verified_on"]),
        valid_from=date.fromisoformat(cells["valid_from"]),
        valid_to=_day(cells["valid_to"]),
        sector=cells["sector"],
        notes=cells["notes"],
    )


def _day(cell: str) -> date | None:
    return date.fromisoformat(cell) if cell else None


def _is_day(cell: str) -> bool:
    try:
        return bool(_DAY.fullmatch(cell)) and date.fromisoformat(cell) is not None
    except ValueError:
        return False


def _one_of(*choices: str) -> tuple[str, Callable[[str], object]]:
    return " or ".join(choices) if len(choices) < 3 else f"one of {', '.join(choices)}", lambda cell: cell in choices


_A_DAY = ("a date as YYYY-MM-DD, such as 2016-03-14", _is_day)
# What each column holds, in words and as a check of a cell without spaces around it.
_COLUMN_RULES: dict[str, tuple[str, Callable[[str], object]]] = {
    "internal_symbol": ("capital letters and digits, such as AAPL or BRK-B", _SYMBOL.fullmatch),
    "stooq_symbol": ("Stooq's symbol in capitals, such as AAPL.US", _SOURCE_SYMBOL.fullmatch),
    "yahoo_symbol": ("Yahoo's symbol in capitals, such as AAPL or BRK-B", _SOURCE_SYMBOL.fullmatch),
    "etoro_search_name": ("the name that eToro's search finds, such as AAPL or BRK.B", _SEARCH_NAME.fullmatch),
    "exchange": _one_of(*EXCHANGES),
    "currency": _one_of(*sorted(set(EXCHANGES.values()))),
    "instrument_type": _one_of(*KINDS),
    "tradable_as_underlying": _one_of("yes", "no"),
    "verified_on": ("blank, or a date as YYYY-MM-DD", _is_day),
    "valid_from": _A_DAY,
    "valid_to": ("blank, or a date as YYYY-MM-DD", _is_day),
    "sector": _one_of(*SECTORS),
    "notes": ("one line of at most 300 characters", _NOTES.fullmatch),
}

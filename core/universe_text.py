"""The universe as text: a CSV table becomes typed instruments, or an error that lists every problem with its line."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise

from core.canonical import sha256_of
from core.domain.instrument import CALENDARS, Instrument, InstrumentKind, Period, Universe

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
# What rows of one instrument may differ in: when it counts, and what a person noted of that.
DATED = ("verified_on", "valid_from", "valid_to", "notes")
EXCHANGES = tuple(sorted(CALENDARS))
# The exchanges that trade in one currency; a pair and a coin are quoted in any.
CURRENCY_OF = {"ARCA": "USD", "CBOE": "USD", "CME": "USD", "NASDAQ": "USD", "NYSE": "USD"}
KINDS: tuple[InstrumentKind, ...] = ("equity", "etf", "index", "fx", "crypto", "future")
_SHARES = ("equity", "etf", "index")
_KINDS_AT: dict[str, tuple[str, ...]] = {
    "ARCA": _SHARES,
    "CBOE": ("etf", "index", "future"),
    "CME": ("future",),
    "CRYPTO": ("crypto",),
    "FX": ("fx",),
    "NASDAQ": _SHARES,
    "NYSE": _SHARES,
}
# Why nobody holds the instrument itself.
_NOT_HELD = {
    "index": "an index is a number and cannot be held",
    "fx": "a pair is a rate between two currencies and cannot be held",
    "future": "a future is a contract on something else and is not held as the underlying",
}
# The currencies of ISO 4217 that money is kept in: no funds, metals and units of account.
_ISO_4217 = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR
IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR
MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD
SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD
XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(re.findall("[A-Z]+", _ISO_4217))
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
# Yahoo writes an index as ^GSPC, a pair as EURUSD=X, a future as ES=F; Stooq puts the market behind a point, as in AAPL.US.
_SOURCE_SYMBOL = re.compile(r"\^?[A-Z0-9]+([.-][A-Z0-9]+)*(=[A-Z])?")
_SEARCH_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9 .&'/-]{0,39}")
_NOTES = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{0,300}")
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


class UniverseError(ValueError):
    """A universe cannot be read: each of `problems` names file, line and column, what was found and what is right."""

    def __init__(self, problems: Iterable[str]) -> None:
        """Keep the problems; the message is all of them, a line each."""
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


# A command reads the same file for each book; what comes of it is frozen.
@lru_cache(maxsize=8)
def parse_universe(text: str, where: str) -> Universe:
    """Read a universe in any order of rows and columns; `where` is the file's name for messages.

    A byte order mark and any line ends are accepted. Raises UniverseError with all problems.
    """
    header, *rows = _rows(text.removeprefix("\ufeff"), where)
    problems = [*_header_problems(header), *_conflicts(header, rows)]
    for row in rows:
        problems.extend(_row_problems(header, row))
    if not rows:
        problems.append(_Problem(header.line, "the table has a header and no rows; it must list instruments"))
    if problems:
        in_order = sorted(problems, key=lambda problem: problem.line)
        raise UniverseError(f"{where}:{problem.line}: {problem.message}" for problem in in_order)
    instruments = [_instrument(list(same)) for same in _by_id(_cells_of(header, rows)).values()]
    return Universe(tuple(sorted(instruments, key=lambda instrument: instrument.id)))


@lru_cache(maxsize=8)
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
    wanted = CURRENCY_OF.get(exchange or "")
    if wanted and ours.get("currency") not in (None, wanted):
        yield "currency", f"{exchange} trades in {wanted}"
    if exchange and kind and kind not in _KINDS_AT[exchange]:
        yield "instrument_type", f"{exchange} lists {_or(_KINDS_AT[exchange])}"
    if first and last and last < first:
        yield "valid_to", f"it must not be before valid_from ({first})"
    if kind == "equity" and sector == "":
        yield "sector", f"an equity needs one of {', '.join(SECTORS)}"
    if kind and kind != "equity" and sector:
        yield "sector", f"the sector of {'an' if kind in ('etf', 'index', 'fx') else 'a'} {kind} is left blank"
    if kind in _NOT_HELD and ours.get("tradable_as_underlying") == "yes":
        yield "tradable_as_underlying", f"{_NOT_HELD[kind]}; it must be no"
    yield from _quotation(ours.get("internal_symbol", ""), kind, ours.get("currency"))


def _quotation(name: str, kind: str | None, currency: str | None) -> Iterator[tuple[str, str]]:
    """Hold that a pair and a coin are named after what they are quoted in."""
    if not name or currency is None:
        return
    if kind == "fx" and (name[:3] not in CURRENCIES or name[3:] != currency):
        yield (
            "internal_symbol",
            f"a pair quoted in {currency} is named by both currencies, such as EURUSD, that one last",
        )
    if kind == "crypto" and not name.endswith(f"-{currency}"):
        yield "internal_symbol", f"a coin quoted in {currency} is named so, such as BTC-{currency}"


# A row's cells by column, with its line.
_Cells = tuple[int, dict[str, str]]


def _cells_of(header: _Row, rows: list[_Row]) -> list[_Cells]:
    """Give the rows that fit the header, each column that stands once in it."""
    return [
        (row.line, {name: row.cells[header.cells.index(name)] for name in COLUMNS if header.cells.count(name) == 1})
        for row in rows
        if len(row.cells) == len(header.cells)
    ]


def _by_id(rows: Iterable[_Cells]) -> dict[str, list[_Cells]]:
    same: dict[str, list[_Cells]] = defaultdict(list)
    for line, cells in rows:
        same[cells.get("internal_symbol", "")].append((line, cells))
    return same


def _conflicts(header: _Row, rows: list[_Row]) -> Iterator[_Problem]:
    """Give the rows that cannot stand beside each other."""
    read = _cells_of(header, rows)
    for column in COLUMNS[1:4]:
        yield from _repeated(column, read)
    for name, same in _by_id(read).items():
        if name and len(same) > 1:
            yield from _disagreements(name, same)
            yield from _overlaps(name, same)


def _repeated(column: str, rows: list[_Cells]) -> Iterator[_Problem]:
    """Give the names that stand for two instruments."""
    first: dict[str, _Cells] = {}
    for line, cells in rows:
        name, mine = cells.get(column), cells.get("internal_symbol")
        if not name:
            continue
        known, theirs = first.setdefault(name, (line, cells))
        if known != line and (mine is None or mine != theirs["internal_symbol"]):
            words = f"{column} {name} stands on line {known} already; each instrument needs its own"
            yield _Problem(line, words)


def _disagreements(name: str, same: Sequence[_Cells]) -> Iterator[_Problem]:
    (first, told), *others = same
    for line, cells in others:
        for column, cell in cells.items():
            if column not in DATED and cell != told[column]:
                words = f"rows of {name} may differ in {', '.join(DATED)} only, and line {first} says {told[column]!r}"
                yield _Problem(line, f"{column} was {cell!r}; {words}")


def _overlaps(name: str, same: Sequence[_Cells]) -> Iterator[_Problem]:
    """Give the rows of an instrument that begin before an earlier one has ended; a row with a wrong day is told elsewhere."""
    dated = sorted(
        (date.fromisoformat(first), _day(last) or date.max, line)
        for line, cells in same
        if _is_day(first := cells.get("valid_from", "")) and (not (last := cells.get("valid_to", "")) or _is_day(last))
    )
    for (_, ended, line), (begins, _, other) in pairwise(dated):
        if begins <= ended:
            end = "and has no valid_to" if ended == date.max else f"up to {ended}"
            words = f"{name} counts by line {line} {end}, and by line {other} from {begins}"
            yield _Problem(max(line, other), f"{words}; periods of one instrument must not overlap")


def _instrument(same: Sequence[_Cells]) -> Instrument:
    """Make an instrument of its rows: the newest verification counts, and the notes of all rows, oldest first."""
    rows = sorted((cells for _, cells in same), key=lambda cells: cells["valid_from"])
    cells = rows[0]
    (kind,) = (kind for kind in KINDS if kind == cells["instrument_type"])
    return Instrument(
        id=cells["internal_symbol"],
        stooq_symbol=cells["stooq_symbol"],
        yahoo_symbol=cells["yahoo_symbol"],
        etoro_search_name=cells["etoro_search_name"],
        exchange=cells["exchange"],
        currency=cells["currency"],
        kind=kind,
        is_tradable_as_underlying=cells["tradable_as_underlying"] == "yes",
        verified_on=max((day for row in rows if (day := _day(row["verified_on"]))), default=None),
        periods=tuple(Period(date.fromisoformat(row["valid_from"]), _day(row["valid_to"])) for row in rows),
        sector=cells["sector"],
        notes="; ".join(dict.fromkeys(row["notes"] for row in rows if row["notes"])),
    )


def _day(cell: str) -> date | None:
    return date.fromisoformat(cell) if cell else None


def _is_day(cell: str) -> bool:
    try:
        return bool(_DAY.fullmatch(cell)) and date.fromisoformat(cell) is not None
    except ValueError:
        return False


def _or(choices: Sequence[str]) -> str:
    return " or ".join(choices) if len(choices) < 3 else f"one of {', '.join(choices)}"


def _one_of(*choices: str) -> tuple[str, Callable[[str], object]]:
    return _or(choices), lambda cell: cell in choices


_A_DAY = ("a date as YYYY-MM-DD, such as 2016-03-14", _is_day)
# What each column holds, in words and as a check of a cell without spaces around it.
_COLUMN_RULES: dict[str, tuple[str, Callable[[str], object]]] = {
    "internal_symbol": ("capital letters and digits, such as AAPL or BRK-B", _SYMBOL.fullmatch),
    "stooq_symbol": ("Stooq's symbol in capitals, such as AAPL.US", _SOURCE_SYMBOL.fullmatch),
    "yahoo_symbol": ("Yahoo's symbol in capitals, such as AAPL, BRK-B or EURUSD=X", _SOURCE_SYMBOL.fullmatch),
    "etoro_search_name": ("the name that eToro's search finds, such as AAPL or BRK.B", _SEARCH_NAME.fullmatch),
    "exchange": _one_of(*EXCHANGES),
    "currency": ("a currency of ISO 4217 in capitals, such as USD", CURRENCIES.__contains__),
    "instrument_type": _one_of(*KINDS),
    "tradable_as_underlying": _one_of("yes", "no"),
    "verified_on": ("blank, or a date as YYYY-MM-DD", _is_day),
    "valid_from": _A_DAY,
    "valid_to": ("blank, or a date as YYYY-MM-DD", _is_day),
    "sector": _one_of(*SECTORS),
    "notes": ("one line of at most 300 characters", _NOTES.fullmatch),
}

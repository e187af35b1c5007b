"""Formats: the forms of file that Twokey reads, how each is known, and how it becomes bars, actions or fixings."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, TypeVar, cast, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.domain.bars import BAR_FIELDS, Action, Bars, Basis, BasisKind, Days, Fixing, Floats, Parsed, Provider
from flows.ports import RawRecord, SourceError

Read = TypeVar("Read")

HEAD_BYTES = 512

YAHOO_COLUMNS = ("symbol", "date", *BAR_FIELDS)
ACTION_COLUMNS = ("symbol", "date", "dividend", "split_ratio")
STOOQ_COLUMNS = ("Date", "Open", "High", "Low", "Close")
BULK_COLUMNS = ("<TICKER>", "<PER>", "<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>", "<OPENINT>")


@dataclass(frozen=True)
class Format:
    """One form of file: who provides it, what its prices are expressed in, and the two functions that know it.

    `recognises` takes the file's name and its first 512 bytes. `basis` is None where a file holds no prices or, with
    `is_restated`, where the provider adjusts them anew with each split and the bytes do not say as of which day.
    """

    name: str
    provider: Provider
    recognises: Callable[[str, bytes], bool]
    parse: Callable[[RawRecord, bytes], Parsed]
    basis: BasisKind | None = None
    is_restated: bool = False
    symbol_of: Callable[[str], str | None] = lambda name: None


class FormatParser:
    """Reads any raw file of a known format."""

    def parse(self, record: RawRecord, content: bytes) -> Parsed:
        """Read one raw file; raises SourceError naming the file and what was wrong when nothing can be read."""
        known = {one.name: one for one in FORMATS}
        if record.format not in known:
            raise SourceError(f"{record.name}: format {record.format} is not one of {', '.join(known)}")
        return replace(known[record.format].parse(record, content), file=record.name)


def recognise(name: str, head: bytes) -> Format | None:
    """Give the format of a file by its name and first bytes, or None when it is in none of ours."""
    return next((one for one in FORMATS if one.recognises(name.lower(), head)), None)


# --- Yahoo: a Parquet file a year, an events file, and benchmarks with raw prices -------------------------------------


def _is_yahoo_parquet(name: str, head: bytes) -> bool:
    return name.startswith("prices_") and name.endswith(".parquet") and head.startswith(b"PAR1")


def _parse_yahoo_parquet(record: RawRecord, content: bytes) -> Parsed:
    try:
        table = pq.ParquetFile(pa.BufferReader(content)).read(columns=list(YAHOO_COLUMNS))
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{record.name}: not a readable Parquet file: {error}") from error
    missing = sorted(set(YAHOO_COLUMNS) - set(table.column_names))
    if missing:
        raise SourceError(f"{record.name}: columns {missing} are missing; it must have {list(YAHOO_COLUMNS)}")
    has_key = np.array(table["symbol"].is_valid()) & np.array(table["date"].is_valid())
    unread = [f"{record.name} row {at + 1}: no symbol or no date" for at in np.flatnonzero(~has_key).tolist()]
    table = table.filter(pa.array(has_key)) if unread else table
    bars = Bars(
        provider=_provider(record),
        basis=record.basis or Basis("split-adjusted"),
        symbol=_symbols(table["symbol"]),
        session=_days(table["date"], record),
        known_on=None,
        **{name: _prices(table[name]) for name in BAR_FIELDS},
    )
    return Parsed(bars=bars, unread=tuple(unread))


def _symbols(column: Any) -> Any:
    """Give texts as an object array that shares one text a symbol: a million texts of their own would be slow."""
    encoded = column.combine_chunks().dictionary_encode()
    names = np.array(encoded.dictionary.to_pylist(), dtype=object)
    return names[encoded.indices.to_numpy()] if len(names) else np.empty(0, dtype=object)


def _days(column: Any, record: RawRecord) -> Days:
    try:
        return cast(Days, column.cast(pa.date32()).to_numpy().astype("datetime64[D]"))
    except pa.ArrowException as error:
        raise SourceError(f"{record.name}: column date is {column.type}, not dates: {error}") from error


def _prices(column: Any) -> Floats:
    """Give float64; a float32 is turned back into the decimal of seven digits that it was printed from."""
    values = column.to_numpy()
    return _seven_digits(values) if values.dtype == np.float32 else values.astype(np.float64)


def _seven_digits(values: Any) -> Floats:
    """Round float32 to seven significant digits: what it holds beyond them is noise, and money must not see it."""
    wide = values.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.nan_to_num(np.floor(np.log10(np.abs(wide))), nan=0.0, posinf=0.0, neginf=0.0).astype(np.int64)
    # Powers of ten up to 22 are exact, so that one division gives the float64 nearest to the decimal.
    shift = np.clip(6 - exponent, -22, 22)
    power = (10.0 ** np.arange(23))[np.abs(shift)]
    up = np.rint(wide * power) / power
    down = np.rint(wide / power) * power
    return cast(Floats, np.where(shift >= 0, up, down))


def _is_actions(name: str, head: bytes) -> bool:
    return name.endswith(".csv") and _header(head)[: len(ACTION_COLUMNS)] == list(ACTION_COLUMNS)


def _parse_actions(record: RawRecord, content: bytes) -> Parsed:
    unread: list[str] = []

    def action(row: _Row) -> Action:
        return Action(
            provider=_provider(record),
            symbol=row.text("symbol"),
            session=row.day("date"),
            dividend=row.decimal("dividend"),
            split_ratio=row.decimal("split_ratio"),
        )

    return Parsed(actions=tuple(_each(record, content, action, unread)), unread=tuple(unread))


def _is_benchmark(name: str, head: bytes) -> bool:
    return name.endswith(".csv") and _header(head)[: len(YAHOO_COLUMNS)] == list(YAHOO_COLUMNS)


def _parse_benchmark(record: RawRecord, content: bytes) -> Parsed:
    def bar(row: _Row) -> _Bar:
        return _Bar(row.text("symbol"), row.day("date"), tuple(row.number(name) for name in BAR_FIELDS))

    return _parsed_bars(record, content, bar, basis=Basis("raw"))


# --- Stooq: total-return as of the file's last day --------------------------------------------------------------------


def _is_stooq_csv(name: str, head: bytes) -> bool:
    columns = _header(head)
    is_known = columns in ([*STOOQ_COLUMNS], [*STOOQ_COLUMNS, "Volume"])
    return is_known and _stooq_symbol(name) is not None


def _stooq_symbol(name: str) -> str | None:
    """Give `aapl.us` for `aapl_us_d.csv` and `aapl_us_d.downloaded-2019-05.csv`; only daily files (`_d`) are ours."""
    match = re.fullmatch(r"(?P<symbol>[a-z0-9^.=-]+?(_[a-z]{1,3})?)_d([. ].*)?[.]csv", name.lower())
    return match["symbol"].replace("_", ".") if match else None


def _parse_stooq_csv(record: RawRecord, content: bytes) -> Parsed:
    symbol = _stooq_symbol(record.name.rpartition("/")[2])
    if symbol is None:
        raise SourceError(f"{record.name}: no Stooq symbol in the name; it must be like aapl_us_d.csv")

    def bar(row: _Row) -> _Bar:
        session, prices = row.day("Date"), [row.number(name) for name in STOOQ_COLUMNS[1:]]
        # Currencies have no such column.
        volume = row.number("Volume") if "Volume" in row.cells else float("nan")
        return _stooq_bar(symbol, session, prices, volume=volume)

    return _parsed_bars(record, content, bar, basis=None)


def _is_stooq_bulk(name: str, head: bytes) -> bool:
    return _header(head) == list(BULK_COLUMNS)


def _bulk_symbol(name: str) -> str | None:
    """Give the symbol of a bulk file of one symbol, such as `aapl.us.txt`; others hold many."""
    match = re.fullmatch(r"([a-z0-9^_=-]+[.][a-z]{1,3})[.]txt", name.lower())
    return match[1] if match else None


def _parse_stooq_bulk(record: RawRecord, content: bytes) -> Parsed:
    def bar(row: _Row) -> _Bar:
        if row.text("<PER>") != "D":
            raise ValueError(f"<PER> was {row.text('<PER>')!r}; only daily bars (D) are read")
        prices = [row.number(name) for name in ("<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>")]
        return _stooq_bar(row.text("<TICKER>").lower(), row.day("<DATE>"), prices, volume=row.number("<VOL>"))

    return _parsed_bars(record, content, bar, basis=None)


def _stooq_bar(symbol: str, session: date, prices: Sequence[float], *, volume: float) -> _Bar:
    # Stooq adjusts all its prices for dividends too: its close is the adjusted close.
    return _Bar(symbol, session, (*prices, prices[3], volume))


# --- the European Central Bank's reference rates ----------------------------------------------------------------------


def _is_ecb_zip(name: str, head: bytes) -> bool:
    return name.startswith("eurofxref") and name.endswith(".zip") and head.startswith(b"PK\x03\x04")


def _parse_ecb_zip(record: RawRecord, content: bytes) -> Parsed:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if name.endswith(".csv")]
            if len(names) != 1:
                raise SourceError(f"{record.name}: it holds {archive.namelist()}; it must hold one .csv file")
            text = archive.read(names[0])
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise SourceError(f"{record.name}: not a readable zip: {error}") from error
    source = _provider(record)
    unread: list[str] = []

    def fixings(row: _Row) -> list[Fixing]:
        day = row.day("Date")
        told = [
            (name, text) for name, text in row.cells.items() if name not in ("", "Date") and text not in ("", "N/A")
        ]
        return [Fixing(day, name, row.decimal(name), source) for name, _ in told]

    days = list(_each(record, text, fixings, unread))
    return Parsed(fixings=tuple(fixing for day in days for fixing in day), unread=tuple(unread))


# --- rows of comma-separated text -------------------------------------------------------------------------------------


class _Row(NamedTuple):
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


class _Bar(NamedTuple):
    symbol: str
    session: date
    values: tuple[float, ...]


def _each(record: RawRecord, content: bytes, read: Callable[[_Row], Read], unread: list[str]) -> Iterator[Read]:
    """Read each row, and add a sentence to `unread` for each that cannot be read."""
    try:
        rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        header = [name.strip() for name in next(rows, [])]
        for cells in rows:
            if not cells:
                continue
            try:
                if len(cells) != len(header):
                    raise ValueError(f"{len(cells)} fields were found; the header has {len(header)}")
                yield read(_Row(dict(zip(header, (cell.strip() for cell in cells), strict=True))))
            except ValueError as error:
                unread.append(f"{record.name} line {rows.line_num}: {error}")
    except KeyError as error:
        raise SourceError(f"{record.name}: column {error} is missing; the header has {', '.join(header)}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{record.name}: not readable as comma-separated text: {error}") from error


def _parsed_bars(record: RawRecord, content: bytes, read: Callable[[_Row], _Bar], basis: Basis | None) -> Parsed:
    """Read rows into bars; without a stated basis they are total-return as of the file's last day."""
    unread: list[str] = []
    rows = list(_each(record, content, read, unread))
    session = np.array([row.session for row in rows], dtype="datetime64[D]")
    values = np.array([row.values for row in rows], dtype=np.float64).reshape(len(rows), len(BAR_FIELDS))
    as_of = max((row.session for row in rows), default=None)
    bars = Bars(
        provider=_provider(record),
        basis=basis or Basis("total-return", as_of),
        symbol=np.array([row.symbol for row in rows], dtype=object),
        session=session,
        known_on=None,
        **{name: np.ascontiguousarray(values[:, at]) for at, name in enumerate(BAR_FIELDS)},
    )
    return Parsed(bars=bars, unread=tuple(unread))


def _header(head: bytes) -> list[str]:
    first = head.decode("utf-8-sig", errors="replace").partition("\n")[0]
    return [name.strip() for name in first.strip().split(",")]


def _provider(record: RawRecord) -> Provider:
    if record.provider not in get_args(Provider):
        raise SourceError(f"{record.name}: provider {record.provider} is not one of {', '.join(get_args(Provider))}")
    return cast(Provider, record.provider)


# A new format is one record here; the first that recognises a file reads it.
FORMATS: tuple[Format, ...] = (
    Format("yahoo_parquet", "yahoo", _is_yahoo_parquet, _parse_yahoo_parquet, "split-adjusted", is_restated=True),
    Format("yahoo_actions_csv", "yahoo", _is_actions, _parse_actions, is_restated=True),
    Format("benchmark_csv", "yahoo", _is_benchmark, _parse_benchmark, "raw"),
    Format("stooq_csv", "stooq", _is_stooq_csv, _parse_stooq_csv, "total-return", symbol_of=_stooq_symbol),
    Format("stooq_bulk", "stooq", _is_stooq_bulk, _parse_stooq_bulk, "total-return", symbol_of=_bulk_symbol),
    Format("ecb_zip", "ecb", _is_ecb_zip, _parse_ecb_zip),
)

"""Columns of Parquet as arrays, and the digits of prices that were kept in 32 bits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from adapters.sources.formats.form import provider_of
from core.domain.bars import BAR_FIELDS, Bars, Basis, Days, Floats, Parsed
from flows.ports import RawRecord, SourceError

BAR_COLUMNS = ("symbol", "date", *BAR_FIELDS)
# Classes of shares are written BRK.B by some and BRK-B by Yahoo, where a point would name an exchange; A and B name none.
_SHARE_CLASS = re.compile(r"^([A-Z]{1,5})[.]([AB])$")
# The days that a calendar has: others would be no dates anywhere else.
FIRST_DAY, LAST_DAY = np.datetime64(date.min, "D"), np.datetime64(date.max, "D")
# Text of fifteen digits is within 5e-15 of the number that was printed.
_PRINTED = 1e-14


def parquet_bars(
    record: RawRecord, content: bytes, basis: Basis, *, adj_close: str | None, symbols: Mapping[str, str] | None = None
) -> Parsed:
    """Read bars from Parquet with the columns symbol, date, open, high, low, close, volume and a day `snapshot` or none.

    `adj_close` is the column that holds it, or None where the file does not tell it: it is then NaN. `symbols` renames.
    """
    try:
        return _parquet_bars(record, content, basis, adj_close=adj_close, symbols=symbols or {})
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise SourceError(f"{record.name}: not a readable Parquet file: {error}") from error


def _parquet_bars(
    record: RawRecord, content: bytes, basis: Basis, *, adj_close: str | None, symbols: Mapping[str, str]
) -> Parsed:
    prices = [name for name in BAR_FIELDS if name != "adj_close"]
    wanted = [*("symbol", "date"), *prices, *([adj_close] if adj_close and adj_close not in prices else [])]
    table = _table(record, content, wanted)
    has_key = np.array(table["symbol"].is_valid()) & np.array(table["date"].is_valid())
    unread = [f"{record.name} row {at + 1}: no symbol or no date" for at in np.flatnonzero(~has_key).tolist()]
    table = table.filter(pa.array(has_key)) if unread else table
    values = {name: price_column(table[name]) for name in prices if name != "volume"}
    values["volume"] = table["volume"].to_numpy().astype(np.float64)
    values["adj_close"] = price_column(table[adj_close]) if adj_close else np.full(len(table), np.nan)
    bars = Bars(
        provider=provider_of(record),
        basis=basis,
        symbol=symbol_column(table["symbol"], symbols),
        session=day_column(table["date"], record),
        known_on=day_column(table["snapshot"], record) if "snapshot" in table.column_names else None,
        **values,
    )
    return Parsed(bars=bars, unread=tuple(unread))


def _table(record: RawRecord, content: bytes, wanted: Sequence[str]) -> Any:
    file = pq.ParquetFile(pa.BufferReader(content))
    missing = sorted(set(wanted) - set(file.schema_arrow.names))
    if missing:
        raise SourceError(f"{record.name}: columns {missing} are missing; it must have {list(wanted)}")
    also = ["snapshot"] if "snapshot" in file.schema_arrow.names else []
    return file.read(columns=[*wanted, *also])


def symbol_column(column: Any, renamed: Mapping[str, str]) -> Any:
    """Give texts as an object array that shares one text a symbol: a million texts of their own would be slow."""
    encoded = column.combine_chunks().dictionary_encode()
    told = encoded.dictionary.to_pylist()
    names = np.array([renamed.get(name) or _SHARE_CLASS.sub(r"\1-\2", name) for name in told], dtype=object)
    return names[encoded.indices.to_numpy()] if len(names) else np.empty(0, dtype=object)


def day_column(column: Any, record: RawRecord) -> Days:
    """Give days; raises SourceError for a column of something else."""
    try:
        days = cast(Days, column.cast(pa.date32()).to_numpy().astype("datetime64[D]"))
    except pa.ArrowException as error:
        raise SourceError(f"{record.name}: a column of days is {column.type}: {error}") from error
    if len(days) and (days.min() < FIRST_DAY or days.max() > LAST_DAY):
        raise SourceError(f"{record.name}: a column of days holds {days.min()} to {days.max()}, which no calendar has")
    return days


def price_column(column: Any) -> Floats:
    """Give float64; a number kept in 32 bits is turned back into the decimal of seven digits that it was printed from."""
    values = column.to_numpy()
    return seven_digits(values) if values.dtype == np.float32 else unwidened(values.astype(np.float64))


def unwidened(values: Floats) -> Floats:
    """Give a column as it is, or with seven digits a number where every number in it was once kept in 32 bits.

    A price of two decimals that 32 bits cannot hold, such as 4.27, shows that the column never was.
    """
    told = values[np.isfinite(values)]
    is_widened = len(told) > 0 and bool(np.all(np.abs(told - told.astype(np.float32)) <= _PRINTED * np.abs(told)))
    return seven_digits(values) if is_widened else values


def seven_digits(values: Any) -> Floats:
    """Round to seven significant digits: what 32 bits hold beyond them is noise, and money must not see it."""
    wide = values.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.nan_to_num(np.floor(np.log10(np.abs(wide))), nan=0.0, posinf=0.0, neginf=0.0).astype(np.int64)
    # Powers of ten up to 22 are exact, so that one division gives the float64 nearest to the decimal.
    shift = np.clip(6 - exponent, -22, 22)
    power = (10.0 ** np.arange(23))[np.abs(shift)]
    up = np.rint(wide * power) / power
    down = np.rint(wide / power) * power
    return cast(Floats, np.where(shift >= 0, up, down))

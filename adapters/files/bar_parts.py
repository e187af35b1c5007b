"""The parts of a clean set: each year's bars as one array, mapped into memory, and as a Parquet table for others to read."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from adapters.files.atomic import write_whole
from core.domain.bars import BAR_FIELDS, Days, Floats
from core.domain.panel import Panel
from core.market_data.adjust import adjust_bars
from flows.ports import SourceError

ARRAYS = "arrays"
BARS = "eod.parquet"
PRICE_COLUMNS = ("open", "high", "low", "close", "adj_open", "adj_high", "adj_low", "adj_close")
# Few enough for one instrument to be found quickly, enough for a whole year to be read quickly.
ROW_GROUP_ROWS = 4096
# What stands before the numbers of a stored array of this shape.
HEADER_BYTES = 128

_Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Part:
    """A stored part: its path under the clean set's folder, the SHA-256 of its bytes, and how many they are."""

    path: str
    sha256: str
    size: int


class PartFiles:
    """Writes parts under names made of their bytes, and reads them back; no part is ever changed."""

    def __init__(self, folder: Path) -> None:
        """Keep under a folder, usually `data/clean` of a workspace."""
        self._folder = folder
        self._mapped: dict[str, tuple[_Stamp, Floats]] = {}

    def write_array(self, year: int, values: Floats, *, before: Part | None) -> Part:
        """Store a year's bars, of shape (instruments, planes, sessions); the same as before is not written again."""
        if before is not None and self._holds(before, values):
            return before
        buffer = io.BytesIO()
        np.save(buffer, values, allow_pickle=False)
        return self._write(f"{ARRAYS}/year={year}", buffer.getvalue(), "npy")

    def write_table(self, place: str, table: pa.Table) -> Part:
        """Store a table."""
        return self._write(place, _parquet(table), "parquet")

    def array(self, part: Part) -> Floats:
        """Give a year's bars, mapped into memory; raises SourceError unless its bytes are those that were written.

        The bytes are checked the first time, and again whenever the file is another one or was written to since.
        """
        path = self._folder / part.path
        try:
            found = path.stat()
            stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
            if part.path in self._mapped and self._mapped[part.path][0] == stamp:
                return self._mapped[part.path][1]
            _check(part, path.read_bytes())
            # Nothing can be mapped of a file that holds a header alone.
            values: Floats = np.load(path, mmap_mode="r" if found.st_size > HEADER_BYTES else None, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise SourceError(f"{part.path}: could not be read: {error}") from error
        self._mapped[part.path] = (stamp, values)
        return values

    def table(self, part: Part) -> pa.Table:
        """Give a table; raises SourceError unless its bytes are those that were written."""
        try:
            content = (self._folder / part.path).read_bytes()
        except OSError as error:
            raise SourceError(f"{part.path}: could not be read: {error}") from error
        _check(part, content)
        return pq.ParquetFile(pa.BufferReader(content)).read()

    def sum_of(self, part: Part) -> int | None:
        """Give the CRC-32 of a part's file, or None where it cannot be read."""
        try:
            return zlib.crc32(np.memmap(self._folder / part.path, dtype=np.uint8, mode="r").data)
        except (OSError, ValueError):
            return None

    def _write(self, place: str, content: bytes, ending: str) -> Part:
        sha256 = hashlib.sha256(content).hexdigest()
        path = f"{place}/part-{sha256[:12]}.{ending}"
        target = self._folder / path
        if not target.exists() or target.read_bytes() != content:
            write_whole(target, content)
        return Part(path, sha256, len(content))

    def _holds(self, part: Part, values: Floats) -> bool:
        """Say whether a part holds just these numbers: compared bit by bit, which is quicker than hashing them."""
        try:
            kept = np.load(self._folder / part.path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):
            return False
        is_alike = kept.shape == values.shape and kept.dtype == values.dtype and kept.flags.c_contiguous
        return is_alike and bool(np.array_equal(kept.view(np.int64), values.view(np.int64)))


def array_of(panel: Panel) -> Floats:
    """Give bars as an array of shape (instruments, planes, sessions), C-contiguous: the fields of BAR_FIELDS, and
    since when each bar was known, in seconds of the epoch, where a panel says that bar by bar.
    """
    planes = [getattr(panel, name) for name in BAR_FIELDS]
    if panel.known_at is not None and panel.known_at.ndim > 1:
        seconds = panel.known_at.astype("datetime64[s]").astype(np.int64)
        planes.append(np.where(np.isnat(panel.known_at), np.nan, seconds))
    return np.ascontiguousarray(np.stack(planes).transpose(2, 0, 1))


def table_of(panel: Panel) -> pa.Table:
    """Give bars in long form, in the order (instrument, session); where nothing was told is no row."""
    adjusted = adjust_bars(panel)
    columns = {name: getattr(panel, name) for name in BAR_FIELDS}
    columns |= {f"adj_{name}": getattr(adjusted, name) for name in ("open", "high", "low")}
    has_bar = np.logical_or.reduce([~np.isnan(columns[name]) for name in BAR_FIELDS])
    instants = np.full(panel.close.shape, "NaT", dtype="datetime64[ms]")
    if panel.known_at is not None:
        told = panel.known_at if panel.known_at.ndim > 1 else panel.known_at[:, np.newaxis]
        instants[:] = told.astype("datetime64[ms]")
        if panel.known_at.ndim > 1:
            # A bar that cannot be believed was told all the same, and since when counts.
            has_bar |= ~np.isnat(panel.known_at)
    column, row = np.nonzero(has_bar.T)
    return pa.table(
        {
            "instrument": _texts(panel.instruments, column),
            "session": pa.array(panel.sessions[row].astype("datetime64[D]"), type=pa.date32()),
            **{name: columns[name][row, column] for name in PRICE_COLUMNS},
            "volume": columns["volume"][row, column],
            "source": _texts(panel.provider, column),
            "known_at": pa.array(instants[row, column], type=pa.timestamp("ms", tz="UTC")),
        }
    )


def are_alike(one: pa.Table, other: pa.Table) -> bool:
    """Say whether two tables hold the same, a missing number being the same as a missing number."""
    if one.schema != other.schema or len(one) != len(other):
        return False
    for name in one.column_names:
        if one.schema.field(name).type == pa.float64():
            if not np.array_equal(one[name].to_numpy(), other[name].to_numpy(), equal_nan=True):
                return False
        elif not one[name].equals(other[name]):
            return False
    return True


def seconds_of(plane: Floats) -> Days:
    """Give instants (datetime64[s], NaT where there is none) of a plane of seconds."""
    missing = np.isnan(plane)
    instants: Days = np.where(missing, 0, plane).astype(np.int64).astype("datetime64[s]")
    instants[missing] = np.datetime64("NaT", "s")
    return instants


def part_of(row: Mapping[str, Any]) -> Part:
    """Read a part from a description."""
    return Part(row["path"], row["sha256"], row["size"])


def _check(part: Part, content: bytes) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != part.sha256:
        raise SourceError(f"{part.path}: its SHA-256 was {part.sha256} when it was written and is {sha256} now")


def _texts(names: Sequence[str], at: NDArray[np.int64]) -> pa.Array:
    """Give a plain text a row: not Arrow's dictionary type, which some readers of Parquet cannot join."""
    return pa.DictionaryArray.from_arrays(pa.array(at), pa.array(names, type=pa.string())).cast(pa.string())


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    # Prices of many instruments repeat few values and many high bytes: split by byte they are read in half the time.
    numbers = [field.name for field in table.schema if field.type == pa.float64()]
    others = [name for name in table.column_names if name not in numbers]
    pq.write_table(
        table,
        buffer,
        compression="zstd",
        use_dictionary=others,
        use_byte_stream_split=numbers,
        row_group_size=ROW_GROUP_ROWS,
    )
    return buffer.getvalue()

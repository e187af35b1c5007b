"""Qlib's binary format: a panel as the files that Qlib reads, and which names it reads them under.

The form is that of Qlib 0.9.7 (`qlib/data/storage/file_storage.py`, and `scripts/dump_bin.py` of its repository): a calendar
and lists as text, and a file a field and instrument of little-endian float32, of which the first is the row of the calendar
that the second stands on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Days, Floats
from core.domain.instrument import Instrument, InstrumentId
from core.domain.panel import Panel

FIELDS = ("open", "high", "low", "close", "volume", "factor", "change")
# Qlib reads lists with pandas, which takes these two for nothing at all; no other name that an instrument may have is.
_READ_AS_MISSING = frozenset({"NA", "NULL"})
# Names of devices on Windows, where no folder may have them; Qlib looks for these instruments under another name everywhere.
_DEVICES = frozenset({"CON", "PRN", "AUX", "NUL", *(f"{port}{at}" for port in ("COM", "LPT") for at in range(10))})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


@dataclass(frozen=True, order=True)
class Span:
    """An instrument in a list of Qlib's, from its first to its last session, both included."""

    instrument: InstrumentId
    first: date
    last: date


def qlib_names(instruments: Iterable[InstrumentId]) -> dict[InstrumentId, str]:
    """Give the name that Qlib is to ask for each instrument by.

    Raises ValueError for an id that Qlib could not read, and for two that differ only in case, which Qlib keeps in one folder.
    """
    names = {one: qlib_name(one) for one in instruments}
    kept: dict[str, InstrumentId] = {}
    for one, name in names.items():
        other = kept.setdefault(qlib_folder(name), one)
        if other != one:
            raise ValueError(f"{other} and {one} differ only in case; Qlib would keep both in one folder")
    return names


def qlib_name(instrument: InstrumentId) -> str:
    """Give the name that Qlib is to ask for an instrument by: its id, or `NA_` and `NULL_` for what a list cannot say.

    Raises ValueError for an id that cannot be a line of a list or the name of a folder.
    """
    if not _NAME.fullmatch(instrument):
        raise ValueError(
            f"{instrument!r} cannot be written for Qlib; a name is letters and digits, with points and dashes"
        )
    return f"{instrument}_" if instrument in _READ_AS_MISSING else instrument


def qlib_folder(name: str) -> str:
    """Give the folder under `features` in which Qlib looks for a name."""
    return f"_qlib_{name}".lower() if name.upper() in _DEVICES else name.lower()


def qlib_columns(panel: Panel) -> dict[str, Floats]:
    """Give what Qlib calls a panel's bars, arrays of shape (sessions, instruments) by the names of FIELDS.

    `factor` is adj_close / close; open, high, low and close are the panel's times it (total-return), and volume is over it, so
    that a price over the factor, and a volume times it, is the panel's own number. `change` is the close over that of the last
    bar before, less 1: NaN on the first bar. A bar without close or adj_close, or with a close of zero, is none: all NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = panel.adj_close / panel.close
        factor[~(np.isfinite(factor) & (factor != 0))] = np.nan
        columns = {name: getattr(panel, name) * factor for name in ("open", "high", "low")}
        # As it was told: multiplied by the factor it could differ in its last digit.
        close = np.where(np.isnan(factor), np.nan, panel.adj_close)
        change = close / _last_before(close) - 1
    return {**columns, "close": close, "volume": panel.volume / factor, "factor": factor, "change": change}


def spans_of(panel: Panel) -> tuple[Span, ...]:
    """Give each instrument that has a bar with the sessions of its first and its last one, in the order of the ids."""
    days: list[date] = panel.sessions.astype("datetime64[D]").tolist()
    with np.errstate(divide="ignore", invalid="ignore"):
        is_told = np.isfinite(panel.adj_close / panel.close) & (panel.adj_close != 0)
    rows = [np.flatnonzero(is_told[:, column]) for column in range(len(panel.instruments))]
    found = zip(panel.instruments, rows, strict=True)
    return tuple(Span(name, days[at[0]], days[at[-1]]) for name, at in found if len(at))


def member_spans(instruments: Sequence[Instrument], sessions: Days) -> tuple[Span, ...]:
    """Give the sessions within which each instrument counts, a span a period; a period without a session is none."""
    days = sessions.astype("datetime64[D]")
    spans: list[Span] = []
    for row in instruments:
        for period in row.periods:
            start = int(np.searchsorted(days, np.datetime64(period.first, "D")))
            stop = len(days)
            if period.last is not None:
                stop = int(np.searchsorted(days, np.datetime64(period.last, "D"), side="right"))
            if start < stop:
                spans.append(Span(row.id, days[start].astype(object), days[stop - 1].astype(object)))
    return tuple(spans)


def qlib_files(panel: Panel, lists: Mapping[str, Sequence[Span]]) -> Iterator[tuple[str, bytes]]:
    """Give the files of a panel in Qlib's format, path and content: calendar, `all`, the lists by name, and the bars.

    An instrument without bars has no file; a list without a line is left out, as Qlib cannot read one. Raises ValueError as
    `qlib_names` does.
    """
    spans = spans_of(panel)
    names = qlib_names(span.instrument for span in spans)
    yield "calendars/day.txt", _lines(str(day) for day in panel.sessions.astype("datetime64[D]"))
    for name, told in {"all": spans, **lists}.items():
        if told:
            yield f"instruments/{name}.txt", _lines(_line(span) for span in told)
    columns, column_of = qlib_columns(panel), {name: at for at, name in enumerate(panel.instruments)}
    for span in spans:
        start, stop = np.searchsorted(panel.sessions, [np.datetime64(day, "D") for day in (span.first, span.last)])
        folder = f"features/{qlib_folder(names[span.instrument])}"
        for field in FIELDS:
            values = columns[field][start : stop + 1, column_of[span.instrument]]
            yield f"{folder}/{field}.day.bin", feature_bytes(values, int(start))


def feature_bytes(values: Floats, start: int) -> bytes:
    """Give one field of one instrument as Qlib stores it: the calendar's row of the first value, then the values; NaN is none.

    All of it is float32: a whole number above 16,777,216 (a volume) keeps seven digits.
    """
    told: NDArray[np.float32] = np.empty(len(values) + 1, dtype="<f4")
    told[0], told[1:] = start, values
    return told.tobytes()


def _last_before(values: Floats) -> Floats:
    """Give the last number above each place of a column, NaN where there is none."""
    rows = np.arange(len(values))[:, None]
    newest = np.maximum.accumulate(np.where(np.isnan(values), -1, rows), axis=0)
    above = np.vstack([np.full((1, values.shape[1]), -1), newest])[: len(values)]
    before: Floats = np.take_along_axis(values, np.maximum(above, 0), axis=0)
    before[above < 0] = np.nan
    return before


def _line(span: Span) -> str:
    return f"{qlib_name(span.instrument)}\t{span.first}\t{span.last}"


def _lines(lines: Iterator[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()

"""The catalogue of recorded prices, read as an ingest reads it, and what its tests count in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.sources.archive import ArchiveSource, parse_archives
from adapters.sources.formats.registry import FormatParser
from core.domain.bars import Bars, Days, Parsed
from core.domain.instrument import Universe
from core.domain.panel import Panel
from core.market_data.clean import clean_bars
from core.market_data.detect import Cells
from core.market_data.sight import Sight
from flows.ports import RawRecord, SourceError
from tests.unit.market_data.files import AT
from tests.unit.market_data.making import instrument, rules

CONFIG = Path(__file__).parents[2] / "config"


@dataclass(frozen=True)
class Claim:
    """A number that the page states, what was found, and, where these are known to differ, what is expected and why."""

    what: str
    stated: Any
    found: Any
    expected: Any = None
    why: str = ""

    @property
    def holds(self) -> bool:
        """Say whether what was found is what is stated, or what is expected where that differs."""
        return bool(self.found == (self.expected if self.why else self.stated))

    def __str__(self) -> str:
        """Give a row of the table."""
        verdict = ("" if self.holds else "DIFFERS ") + (self.why or "equal" * self.holds)
        return f"  {self.what:<62} {self.stated!s:>26} {self.found!s:>26}  {verdict}"


class Catalogue:
    """The recorded folders, read as an ingest reads them, each once."""

    def __init__(self, folder: Path) -> None:
        """Keep where they are."""
        self.folder = folder
        self._known = parse_archives((CONFIG / "archives.yml").read_text(encoding="utf-8"), "archives.yml").by_folder()
        self._read: dict[str, dict[str, Parsed]] = {}

    def read(self, name: str) -> dict[str, Parsed]:
        """Read a folder or file, by the files' names without their collection; what cannot be read holds only that."""
        if name not in self._read:
            self._read[name] = {file.name.partition("/")[2]: _parsed(file) for file in self._source(name).fetch()}
        return self._read[name]

    def bars(self, name: str, file: str) -> Bars:
        """Give the bars of one file."""
        bars = self.read(name)[file].bars
        assert bars is not None
        return bars

    def _source(self, name: str) -> ArchiveSource:
        return ArchiveSource([self.folder / name], self._known)

    def skipped(self, name: str) -> Sequence[str]:
        """Name what is in no known format."""
        return self._source(name).skipped()


def _parsed(file: Any) -> Parsed:
    record = RawRecord(
        file.name, file.provider, file.format, "", 0, "", AT, name=file.name, symbol=file.symbol, basis=file.basis
    )
    try:
        return FormatParser().parse(record, file.content)
    except SourceError as error:
        return Parsed(unread=(str(error),), file=file.name)


def cleaned(parsed: Iterable[Parsed], days: Days, *, provider: str = "yahoo", **changes: Any) -> Panel:
    """Clean files for the instruments that are in them, whose calendar has these days."""
    files = list(parsed)
    symbols = sorted({name for one in files if one.bars is not None for name in set(one.bars.symbol.tolist())})
    rows = [instrument(name, stooq_symbol=name, **changes) for name in symbols]
    order = rules(source_order=(provider,))
    return clean_bars(files, Universe(tuple(rows)), order, sessions=days.tolist(), calendar=rows[0].calendar).value


def seen(panel: Panel, **changes: Any) -> Sight:
    """Give a panel as the quality checks see it, with some of the policy's numbers changed."""
    rows = tuple(instrument(name) for name in panel.instruments)
    return Sight(panel, Universe(rows), rules(**changes), panel.sessions[-1].astype(object))


def marks(panel: Panel, cells: Cells) -> list[str]:
    """Name the marked cells by instrument and session."""
    return sorted(f"{panel.instruments[column]} {panel.sessions[row]}" for row, column in np.argwhere(cells).tolist())


def defects(panel: Panel) -> dict[str, int]:
    """Count the defects by check."""
    return dict(sorted(Counter(defect.check for defect in panel.defects).items()))


def by_symbol(panel: Panel, check: str) -> dict[str, int]:
    """Count one kind of defect by instrument."""
    return dict(sorted(Counter(one.instrument for one in panel.defects if one.check == check).items()))


def every_day(first: date, last: date, *, weekends: bool = True) -> Days:
    """Give the days of a calendar that never closes, or closes on weekends only."""
    days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    return days if weekends else days[np.is_busday(days)]


def marked(panel: Panel, cells: Any) -> dict[str, int]:
    """Count marked cells by instrument, the most first."""
    counts = {name: int(count) for name, count in zip(panel.instruments, cells.sum(axis=0), strict=True) if count}
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def is_flat(bars: Any) -> Any:
    """Mark bars of one price."""
    return (bars.open == bars.high) & (bars.high == bars.low) & (bars.low == bars.close)


def gaps(session: Days, calendar: Days) -> list[date]:
    """Give the days of a calendar between the first and the last of some sessions that are not among them."""
    within = calendar[(calendar > session.min()) & (calendar < session.max())]
    lacking: list[date] = np.setdiff1d(within, session).tolist()
    return lacking


def symbol_codes(bars: Bars) -> NDArray[np.int64]:
    """Give each bar's symbol as a number, in the order in which the symbols are first told."""
    codes = {name: at for at, name in enumerate(dict.fromkeys(bars.symbol.tolist()))}
    return np.array([codes[name] for name in bars.symbol.tolist()], dtype=np.int64)


def sessions_of_each(bars: Bars) -> dict[str, Any]:
    """Give the sessions of each symbol."""
    codes = symbol_codes(bars)
    order = np.argsort(codes, kind="stable")
    ends = np.flatnonzero(np.diff(codes[order])) + 1
    parts = np.split(bars.session[order], ends)
    return dict(zip(dict.fromkeys(bars.symbol.tolist()), parts, strict=True))


def ends(values: Sequence[int]) -> tuple[int, int]:
    """Give the least and the most."""
    return min(values), max(values)


def size(bars: Bars) -> tuple[int, int]:
    """Count rows and symbols."""
    return len(bars.session), len(set(bars.symbol.tolist()))

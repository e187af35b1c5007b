"""What the benchmarks of market data work on: the recorded main set, or a synthetic panel of any width."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from adapters.files.clean_set import CleanFiles
from adapters.files.raw_store import RawFiles
from adapters.files.remembered import MemoryFile
from adapters.sources.archive import ArchiveSource, parse_archives
from adapters.sources.formats.registry import FormatParser
from core.calendar import Calendar, load_calendar
from core.domain.bars import Bars, Basis, Parsed
from core.domain.instrument import Universe
from core.settings_text import parse_policy
from core.universe_text import parse_universe
from flows.cleaning import Cleaning, IngestDoors
from flows.ingest import ingest

CONFIG = Path(__file__).resolve().parents[1] / "config"
AT = datetime(2026, 4, 1, 12, tzinfo=UTC)
MAIN_SET = Path("data/eod/sp500_yahoo")
FIRST, LAST = date(2016, 1, 4), date(2025, 12, 31)
SEED = 20240206


def calendar() -> Calendar:
    """Give the exchange's sessions."""
    return load_calendar("XNYS", date(2006, 1, 3), date(2026, 6, 30))


def cleaning(universe: Universe) -> Cleaning:
    """Say what bars are cleaned for, under the shipped policy."""
    rules = parse_policy((CONFIG / "policy.yml").read_text(encoding="utf-8"), "policy.yml").data
    return Cleaning(universe, rules, calendar().sessions, ("GBP", "USD"))


def universe_of(names: list[str]) -> Universe:
    """Give a universe of instruments that differ in their names alone; SPY is the policy's benchmark."""
    shipped = parse_universe((CONFIG / "universe.csv").read_text(encoding="utf-8"), "universe.csv").by_id()
    rows = (
        replace(
            shipped["SPY" if name == "SPY" else "AAPL"], id=name, yahoo_symbol=name, stooq_symbol=f"{name.lower()}.us"
        )
        for name in sorted(names)
    )
    return Universe(tuple(rows))


def main_universe(shared: Path) -> Universe:
    """Give a universe of every symbol of the recorded main set."""
    symbols = (
        pq.read_table(shared / MAIN_SET / "prices_2025.parquet", columns=["symbol"])["symbol"].unique().to_pylist()
    )
    return universe_of(symbols)


def doors(folder: Path, clean: str = "clean") -> IngestDoors:
    """Give a raw store, a clean set and what one ingest leaves for the next, under a folder."""
    memory = MemoryFile(folder / f"{clean}-cache")
    return IngestDoors(RawFiles(folder / "raw"), FormatParser(), CleanFiles(folder / clean), memory)


def archive_of(folder: Path) -> ArchiveSource:
    """Give the source of a folder."""
    known = parse_archives((CONFIG / "archives.yml").read_text(encoding="utf-8"), "archives.yml").by_folder()
    return ArchiveSource([folder], known)


def store_main_set(folder: Path, shared: Path) -> str:
    """Ingest the main set; gives the clean set's hash."""
    report = ingest([archive_of(shared / MAIN_SET)], cleaning(main_universe(shared)), doors(folder), at=AT)
    assert report.snapshot is not None, f"the main set did not ingest: {report.findings}"
    return report.snapshot


def synthetic_bars(count: int) -> Parsed:
    """Give ten years of a random walk for so many symbols, the benchmark among them, day by day as archives tell them."""
    sessions = np.array(calendar().sessions_between(FIRST, LAST), dtype="datetime64[D]")
    names = np.array(["SPY", *(f"S{at:05d}" for at in range(count - 1))], dtype=object)
    draws = np.random.Generator(np.random.PCG64(SEED)).standard_normal((len(sessions), count))
    close = np.round(100 * np.exp(np.cumsum(0.01 * draws, axis=0)), 4).reshape(-1)
    low, high = np.round(close * 0.99, 4), np.round(close * 1.01, 4)
    bars = Bars(
        provider="yahoo",
        basis=Basis("split-adjusted", LAST),
        symbol=np.tile(names, len(sessions)),
        session=np.repeat(sessions, count),
        open=close,
        high=high,
        low=low,
        close=close,
        adj_close=close,
        volume=np.full(len(close), 1e6),
    )
    return Parsed(bars=bars, file="synthetic/prices.parquet")

"""The archive: what it says of files that it does not give, and collections that are read for their defects only."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from adapters.files.clean_set import CleanFiles
from adapters.files.raw_store import RawFiles
from adapters.sources.archive import ArchiveSource, parse_archives
from adapters.sources.formats.registry import FormatParser
from core.calendar import load_calendar
from core.settings_text import SettingsError
from flows.cleaning import Cleaning, IngestDoors
from flows.ingest import ingest
from tests.contract.test_formats import DOWNLOAD, text, zipped
from tests.unit.market_data.files import AT, STOOQ, prices, put
from tests.unit.market_data.making import rules, universe

CONFIG = Path(__file__).parents[2] / "config"
KNOWN = """
version: 1
collections:
  - folder: old
    provider: yahoo
    basis: split-adjusted
    as_of: 2020-11-23
    reads: defects
"""


@pytest.fixture(scope="module")
def sessions() -> list[date]:
    """Give the sessions of two years."""
    return list(load_calendar("XNYS", date(2023, 1, 1), date(2024, 12, 31)).sessions)


def into(folder, source, sessions, provider):
    """Ingest into a workspace of its own, and give the report and the panel."""
    doors = IngestDoors(RawFiles(folder / "raw"), FormatParser(), CleanFiles(folder / "clean"))
    wanted = Cleaning(universe("AAPL", "GOOGL"), rules(source_order=(provider,)), sessions, ())
    report = ingest([source], wanted, doors, at=AT)
    return report, doors.clean.panel(report.snapshot) if report.snapshot else None


def test_says_why_a_file_is_skipped(tmp_path):
    """Where it can: an answer that holds no prices, bars of another length, nothing at all."""
    put(tmp_path, "d/aapl_us_d.csv", STOOQ)
    put(tmp_path, "d/abio.us.txt", "")
    put(tmp_path, "d/EA-15m-x.csv", "Datetime,Open\n")
    put(tmp_path, "d/quote.json", '{"url": "https://a/v7/finance/quote?symbols=A"}')
    put(tmp_path, "d/README.md", "words")

    assert ArchiveSource([tmp_path / "d"], {}).skipped() == [
        "d/EA-15m-x.csv (bars of 15m; only daily bars are read)",
        "d/README.md",
        "d/abio.us.txt (empty)",
        "d/quote.json (an answer to a question for quote, not prices)",
    ]


def test_a_collection_that_is_read_for_its_defects_gives_no_bars(tmp_path, sessions):
    """Its bad rows are told; a newer collection of the same symbol is used as if the old one were not there."""
    bad = text(*DOWNLOAD, "2024-06-04,null,null,null,null,null,null")
    for folder in ("old", "new"):
        put(tmp_path, f"{folder}/AAPL.csv", bad)
    known = parse_archives(KNOWN, "archives.yml").by_folder()

    old, _ = into(tmp_path / "one", ArchiveSource([tmp_path / "old"], known), sessions, "yahoo")
    both, panel = into(tmp_path / "two", ArchiveSource([tmp_path / "old", tmp_path / "new"], known), sessions, "yahoo")

    assert old.snapshot is None
    assert old.unread == ("old/AAPL.csv line 3: Open was 'null'; it must be a number",)
    assert [count.rows for count in both.files] == [1, 0]
    assert panel.sessions.tolist() == [date(2024, 6, 3)]


def test_the_shipped_list_reads_one_collection_for_its_defects():
    """The others are read whole."""
    shipped = parse_archives((CONFIG / "archives.yml").read_text(encoding="utf-8"), "archives.yml").collections

    assert [one.folder for one in shipped if one.reads == "defects"] == ["csv_download_2020"]
    with pytest.raises(SettingsError) as refused:
        parse_archives(KNOWN.replace("reads: defects", "reads: nothing"), "archives.yml")
    assert any("reads" in one and "nothing" in one for one in refused.value.problems)


def test_raw_bars_factors_and_maps_of_lean_become_one_column(tmp_path, sessions):
    """GOOG of the first day is GOOGL by its map, whose factor gives the adjusted close; whoever comes later is another."""
    rows = [f"{day} 00:00,30,42,10,25,700" for day in ("20240603", "20240604")]
    put(tmp_path, "daily/goog.zip", zipped("goog.csv", *rows))
    put(tmp_path, "factor_files/googl.csv", "20240603,0.5,0.5,0.0025\n20501231,1,1,0\n")
    put(tmp_path, "map_files/googl.csv", "20040819,goog,Q\n20240603,goog,Q\n20501231,googl,Q\n")

    report, panel = into(tmp_path / "w", ArchiveSource([tmp_path], {}), sessions, "quantconnect")

    assert {count.format: (count.rows, count.symbols) for count in report.formats} == {
        "lean_zip": (2, 1),
        "lean_factors_csv": (2, 1),
        "lean_map_csv": (2, 1),
    }
    assert panel.sessions.tolist() == [date(2024, 6, 3)]
    column = panel.column("GOOGL")
    assert (panel.close[0, column], panel.adj_close[0, column]) == (0.0025, 0.000625)
    assert report.unread == (
        "daily/goog.zip: 1 bars of GOOG from 2024-06-04 to 2024-06-04 are left out: "
        "the renames name nobody, or more than one, for those days",
    )


def test_levels_are_counted_and_nothing_is_bought_at_one(tmp_path, sessions):
    """A file of rates is stored, read and counted; without bars there is no clean set."""
    put(tmp_path, "fred/DEXUSEU.csv", "DATE,DEXUSEU\n2024-06-03,1.0842\n2024-06-05,1.0871\n")

    report, panel = into(tmp_path / "w", ArchiveSource([tmp_path / "fred"], {}), sessions, "fred")

    (count,) = report.files
    assert (count.rows, count.symbols, count.first, count.last) == (2, 1, date(2024, 6, 3), date(2024, 6, 5))
    assert panel is None


def test_a_piece_of_another_year_does_not_stand_for_a_series_that_goes_on(tmp_path, sessions):
    """A chart of a few days is split-adjusted as of a later day than raw bars are told; the raw ones still reach the end."""
    old = [day for day in sessions if day.month == 1][:3]
    put(tmp_path, "piece/prices_2023.parquet", prices("AAPL", days=old, close=5.0))
    rows = "".join(f"AAPL,{day},7,7,7,7,7,7\n" for day in sessions)
    put(tmp_path, "whole/b.csv", f"symbol,date,open,high,low,close,adj_close,volume\n{rows}")

    report, panel = into(tmp_path / "w", ArchiveSource([tmp_path], {}), sessions, "yahoo")

    assert (panel.close[:, panel.column("AAPL")] == 7.0).all()
    assert [finding.message for finding in report.findings] == [
        f"yahoo: whole (raw) is used, and not piece (split-adjusted as of {old[-1]})"
    ]

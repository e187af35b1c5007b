"""Recorded data through the whole room: the catalogue's counts, known prices, and planted faults that are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.files.clean_set import CleanFiles
from adapters.files.raw_store import RawFiles
from adapters.sources.archive import ArchiveSource, parse_archives
from adapters.sources.formats.registry import FormatParser
from core.calendar import load_calendar
from core.domain.bars import Basis
from core.domain.panel import Panel
from core.gate import Gate
from core.market_data.adjust import adjustment_factor
from core.market_data.fx import fx_rate
from core.market_data.quality import judge_panel
from core.settings import DataRules
from core.settings_text import parse_policy
from core.universe_text import parse_universe
from flows.cleaning import Cleaning, IngestDoors
from flows.ingest import Count, IngestReport, ingest, rebuild
from tests.unit.market_data.files import AT

pytestmark = pytest.mark.shared

CONFIG = Path(__file__).parents[2] / "config"
RULES = parse_policy((CONFIG / "policy.yml").read_text(encoding="utf-8"), "policy.yml").data
UNIVERSE = parse_universe((CONFIG / "universe.csv").read_text(encoding="utf-8"), "universe.csv")
FOLDERS = ("eod/sp500_yahoo", "eod/benchmarks", "stooq", "fx/ecb")
LAST = date(2025, 12, 31)


@dataclass(frozen=True)
class Stored:
    """Everything that was ingested, for tests that only read it."""

    sources: tuple[ArchiveSource, ...]
    doors: IngestDoors
    cleaning: Cleaning
    report: IngestReport
    panel: Panel


@pytest.fixture(scope="module")
def stored(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """Ingest the main set, the benchmarks, Stooq and the reference rates once."""
    folder = tmp_path_factory.mktemp("workspace")
    doors = IngestDoors(RawFiles(folder / "raw"), FormatParser(), CleanFiles(folder / "clean"))
    known = parse_archives((CONFIG / "archives.yml").read_text(encoding="utf-8"), "archives.yml").by_folder()
    source = ArchiveSource([shared / "data" / name for name in FOLDERS], known)
    sessions = load_calendar("XNYS", date(2006, 1, 3), date(2026, 6, 30)).sessions
    cleaning = Cleaning(UNIVERSE, RULES, sessions, ("CAD", "GBP", "USD"))
    report = ingest([source], cleaning, doors, at=AT)
    assert report.snapshot is not None
    return Stored((source,), doors, cleaning, report, doors.clean.panel(report.snapshot))


def of_format(report: IngestReport, name: str) -> Count:
    """Give the count of one format."""
    return next(count for count in report.formats if count.name == name)


def test_counts_are_those_of_the_catalogue(stored):
    """Rows, symbols and days as `data/README.md` states them; what is in no known format is named."""
    main, benchmarks = of_format(stored.report, "yahoo_parquet"), of_format(stored.report, "benchmark_csv")
    actions = _actions(stored)

    assert (main.rows, main.symbols, main.first, main.last) == (1_078_314, 450, date(2016, 3, 14), LAST)
    assert (benchmarks.rows, benchmarks.symbols, benchmarks.first) == (9_560, 2, date(2007, 1, 3))
    assert sum(action.split_ratio > 0 for action in actions) == 112
    assert sum(action.dividend > 0 for action in actions) == 13_388
    assert of_format(stored.report, "ecb_zip").first == date(1999, 1, 4)
    assert of_format(stored.report, "stooq_csv").files == 3
    assert of_format(stored.report, "stooq_bulk").files == 16
    assert set(stored.report.skipped) == {"bulk/abio.us.txt (empty)", "bulk/afcgv.us.txt (empty)"}


def test_the_universe_is_complete_and_without_defects(stored):
    """One row alone of all files cannot be read: a Stooq download that was cut short."""
    assert stored.report.defects == ()
    assert stored.report.without_bars == ()
    assert [sentence.partition(":")[0] for sentence in stored.report.unread] == [
        "csv/aapl_us_d.downloaded-2019-05.csv line 6463"
    ]
    assert {"AAPL", "NVDA", "QQQ", "SPY"} <= set(stored.panel.instruments)
    assert not stored.panel.is_synthetic


def test_a_price_is_the_published_one_and_split_adjusted(stored):
    """NVDA on the day of its 10:1 split of 2024, and the session before in the new units."""
    panel = stored.panel
    nvda, before, day = panel.column("NVDA"), panel.row(date(2024, 6, 7)), panel.row(date(2024, 6, 10))

    assert panel.close[day, nvda] == pytest.approx(121.79, abs=0.005)
    assert panel.close[before, nvda] == pytest.approx(120.888, abs=0.005)
    assert panel.basis[nvda] == Basis("split-adjusted", date(2026, 3, 13))
    assert panel.basis[panel.column("QQQ")] == Basis("raw")
    assert panel.basis[panel.column("SPY")] == Basis("split-adjusted", date(2026, 3, 13))
    # Float noise would show here: a price is the decimal that was printed, to seven digits.
    sample = panel.close[day][~np.isnan(panel.close[day])].tolist()
    assert all(price == float(f"{price:.7g}") for price in sample)


def test_dividends_agree_with_the_adjusted_closes(stored):
    """The factor moves on each ex-date by dividend over the close before, to 1e-3, and on hardly any other day."""
    panel = stored.panel
    factor = adjustment_factor(panel.close, panel.adj_close)
    aapl = [dividend for dividend in panel.dividends if dividend.instrument == "AAPL"]

    assert len(aapl) >= 38
    column = panel.column("AAPL")
    for dividend in aapl:
        row = panel.row(dividend.session)
        told = 1 - float(dividend.amount) / panel.close[row - 1, column]
        assert factor[row - 1, column] / factor[row, column] == pytest.approx(told, abs=1e-3)
    assert not [dividend for dividend in panel.dividends if dividend.instrument == "QQQ"]


def test_the_pound_of_a_morning_is_the_fixing_of_the_day_before(stored):
    """GBPUSD is USD over GBP of the day before; over a weekend, of Friday."""
    fixings = stored.doors.clean.fixings(stored.report.snapshot)
    per_eur = {(one.day, one.currency): one.per_eur for one in fixings}

    for known_on, fixed_on in ((date(2024, 6, 11), date(2024, 6, 10)), (date(2024, 6, 10), date(2024, 6, 7))):
        rate = fx_rate(fixings, "GBP", "USD", known_on=known_on, age_days_max=RULES.fx_age_days_max).value
        assert rate.fixed_on == fixed_on
        assert rate.rate == (per_eur[fixed_on, "USD"] / per_eur[fixed_on, "GBP"]).quantize(Decimal("0.000001"))
        assert Decimal("1.26") < rate.rate < Decimal("1.29")


def test_the_longest_holidays_are_carried_over(stored):
    """On no morning of ten years is the rate too old: six days reach over Easter and Christmas."""
    fixings = stored.doors.clean.fixings(stored.report.snapshot)
    mornings = [date(2016, 1, 4) + timedelta(days=days) for days in range(3650)]

    gates = [fx_rate(fixings, "GBP", "USD", known_on=day, age_days_max=RULES.fx_age_days_max) for day in mornings]

    assert all(gate.is_open for gate in gates)


def test_ingesting_again_and_rebuilding_give_the_same_set(stored):
    """Nothing is stored a second time, and the raw files alone suffice."""
    again = ingest(stored.sources, stored.cleaning, stored.doors, at=AT.replace(day=2))

    assert again.stored == ()
    assert again.snapshot == stored.report.snapshot == rebuild(stored.cleaning, stored.doors).snapshot
    assert stored.doors.clean.verify(stored.report.snapshot) == []
    assert stored.doors.raw.verify() == []


def test_stooq_alone_uses_the_newer_download(stored, tmp_path):
    """As total-return of its last day, without dividends; the other is named as left out."""
    rules = RULES.model_copy(update={"source_order": ("stooq",)})
    doors = replace(stored.doors, clean=CleanFiles(tmp_path))

    report = rebuild(replace(stored.cleaning, rules=rules), doors)

    panel = doors.clean.panel(report.snapshot)
    said, *restated = [finding.message for finding in report.findings if finding.subject == "AAPL"]
    assert said.startswith("stooq: csv/aapl_us_d.downloaded-2025-09.csv (total-return as of 2025-")
    assert "downloaded-2019-05.csv" in said.partition("is used")[2]
    assert any("downloaded-2019-05.csv" in words and "restated by x4.1" in words for words in restated)
    assert panel.dividends == ()
    aapl = panel.column("AAPL")
    assert (panel.close[:, aapl] == panel.adj_close[:, aapl])[~np.isnan(panel.close[:, aapl])].all()
    assert panel.provider[panel.column("SPY")] == ""


# --- planted faults ---------------------------------------------------------------------------------------------------


def judged(panel: Panel, as_of: date = date(2024, 6, 11), **changes) -> Gate:
    """Judge the window that ends with a session, as a run would."""
    rules: DataRules = RULES.model_copy(update=changes)
    return judge_panel(panel.window(as_of, 273), UNIVERSE, rules, as_of)


def without(panel: Panel, names: list[str], session: date) -> Panel:
    """Take some bars of one session out."""
    close = panel.close.copy()
    close[panel.sessions == np.datetime64(session), np.isin(panel.instruments, names)] = np.nan
    return replace(panel, close=close)


def blocked(gate: Gate) -> set[str]:
    """Give the checks that closed a gate."""
    return {finding.subject for finding in gate.findings}


@pytest.mark.parametrize("as_of", [date(2017, 5, 1), date(2020, 3, 16), date(2024, 6, 11), LAST])
def test_the_recorded_bars_pass(stored, as_of):
    """On quiet days and wild ones, with every instrument of the day."""
    gate = judged(stored.panel, as_of)

    assert gate.is_open
    assert "(100.0 %)" in next(one.value for one in gate.value.checks if one.check == "coverage")


def test_a_benchmark_without_its_last_bar_is_found(stored):
    """Where the policy allows no age at all, as it ships; a policy that allows a session is content."""
    gate = without(stored.panel, ["SPY"], date(2024, 6, 11))

    assert blocked(judged(gate, benchmark_age_sessions_max=1)) == set()
    assert blocked(judged(gate)) == {"benchmark_present", "benchmark_fresh"}


def test_a_universe_that_lacks_three_in_a_hundred_is_found(stored):
    """Two are allowed by the shipped policy, three are not; the message names them."""
    names = [row.id for row in UNIVERSE.valid_on(date(2024, 6, 11)) if row.id not in ("SPY", "QQQ")]

    assert judged(without(stored.panel, names[:2], date(2024, 6, 11))).is_open
    gate = judged(without(stored.panel, names[:3], date(2024, 6, 11)))

    assert blocked(gate) == {"coverage"}
    assert (
        f"99 of 102 instruments (97.0 %) have a bar of 2024-06-11; at least 98 % are needed: missing {', '.join(names[:3])}"
        in {finding.message for finding in gate.findings}
    )


def test_a_date_told_twice_is_found(stored, shared, tmp_path):
    """Planted in the bytes of a year file, through the whole way; and only in windows that hold the date."""
    planted = _with_row_twice(
        shared / "data" / "eod" / "sp500_yahoo" / "prices_2024.parquet", "MSFT", date(2024, 5, 15)
    )
    path = tmp_path / "sp500_yahoo" / "prices_2024.parquet"
    path.parent.mkdir()
    path.write_bytes(planted)
    doors = IngestDoors(RawFiles(tmp_path / "raw"), FormatParser(), CleanFiles(tmp_path / "clean"))

    report = ingest([ArchiveSource([path], {})], stored.cleaning, doors, at=AT)
    assert report.snapshot is not None
    panel = doors.clean.panel(report.snapshot)

    assert report.defects == (("duplicate_date", 1),)
    assert blocked(_judged_2024(panel, date(2024, 6, 11))) == {"duplicate_dates"}
    assert "MSFT 2024-05-15" in _judged_2024(panel, date(2024, 6, 11)).findings[0].message
    assert _judged_2024(panel, date(2024, 5, 14)).is_open


def _judged_2024(panel: Panel, as_of: date) -> Gate:
    # The year file holds no QQQ: 101 of 102 are enough.
    return judge_panel(panel.window(as_of, 60), UNIVERSE, RULES, as_of)


def _with_row_twice(path: Path, symbol: str, day: date) -> bytes:
    table = pq.read_table(path)
    rows: Mapping[str, list] = table.select(["symbol", "date"]).to_pydict()
    at = next(row for row, key in enumerate(zip(rows["symbol"], rows["date"], strict=True)) if key == (symbol, day))
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.concat_tables([table, table.slice(at, 1)]), buffer)
    return bytes(buffer.getvalue())


def _actions(stored: Stored) -> tuple:
    (record,) = [one for one in stored.doors.raw.records() if one.format == "yahoo_actions_csv"]
    return FormatParser().parse(record, stored.doors.raw.read(record)).actions

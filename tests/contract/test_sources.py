"""What every source promises: files in a stable order, nothing for nothing, and an error where it could not look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np
import pytest

from adapters.files.clean_set import CleanFiles
from adapters.files.raw_store import RawFiles
from adapters.sources.archive import ArchiveSource, parse_archives
from adapters.sources.formats.registry import FORMATS, FormatParser
from adapters.sources.synthetic import SyntheticSource
from core.calendar import load_calendar
from core.domain.bars import Basis, Parsed
from core.settings_sources import SourceName
from core.settings_text import SettingsError
from flows.cleaning import Cleaning, IngestDoors
from flows.ingest import ingest, rebuild
from flows.ports import RawRecord, Source, SourceError
from tests.fakes import fetching
from tests.fakes.replay import Answer, replaying, stooq_csv, yahoo_chart
from tests.unit.market_data.files import AT, BENCHMARK, STOOQ, prices, put, rates_zip
from tests.unit.market_data.making import instrument, rules, universe

FIRST, LAST = date(2023, 11, 1), date(2024, 3, 28)
NAMES = ("AAPL", "QQQ", "SPY")
CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture(scope="module")
def sessions() -> list[date]:
    """Give the sessions of the exchange around the tested days."""
    return list(load_calendar("XNYS", date(2023, 1, 1), date(2024, 12, 31)).sessions)


@dataclass(frozen=True)
class Made:
    """A source that has something, one with nothing there, and one that cannot look; and what an ingest needs beside it."""

    provider: str
    something: Source
    nothing: Source
    blind: Source
    beside: tuple[Source, ...] = ()

    @property
    def all(self) -> list[Source]:
        """Give what is ingested: the source that has something, and what bars or rates it does not give itself."""
        return [self.something, *self.beside]


@pytest.fixture(params=["archive", "synthetic", "stooq", "yahoo", "ecb"])
def made(request: pytest.FixtureRequest, tmp_path: Path, sessions: list[date]) -> Iterator[Made]:
    """Make each of the sources; those that are fetched ask a server on loopback."""
    making: dict[str, Callable[[Path, list[date]], Made]] = {"archive": _archive, "synthetic": _synthetic}
    if request.param in making:
        yield making[request.param](tmp_path / "there", sessions)
        return
    days = [day for day in sessions if FIRST <= day <= LAST]
    with replaying(_bodies(days)) as replay:
        yield _fetched(request.param, tmp_path / "there", replay.address)


def _archive(folder: Path, sessions: list[date]) -> Made:
    days = [day for day in sessions if FIRST <= day <= LAST]
    for year in (2024, 2023):
        put(
            folder, f"main/prices_{year}.parquet", prices("AAPL", "SPY", days=[day for day in days if day.year == year])
        )
    put(folder, "ecb/eurofxref-hist.zip", rates_zip())
    put(folder, "benchmarks/b.csv", BENCHMARK.replace("2024-06-03", str(LAST)))
    return Made("yahoo", ArchiveSource([folder], {}), ArchiveSource([], {}), ArchiveSource([folder / "gone"], {}))


def _synthetic(folder: Path, sessions: list[date]) -> Made:
    def source(first: date, last: date) -> SyntheticSource:
        return SyntheticSource(7, universe("AAPL").instruments, first, last, sessions)

    sunday = date(2024, 1, 7)
    return Made("synthetic", source(FIRST, LAST), source(sunday, sunday), source(LAST, FIRST))


def _bodies(days: list[date]) -> dict[str, bytes | Answer]:
    """Give what the providers answer."""
    opens = [int(datetime.combine(day, time(14, 30), UTC).timestamp()) for day in days]
    stooq = {f"{name}.US": stooq_csv([str(day) for day in days]) for name in NAMES}
    return {**stooq, **{name: yahoo_chart(name, opens) for name in NAMES}, "eurofxref-hist.zip": rates_zip()}


def _fetched(name: SourceName, folder: Path, address: str) -> Made:
    at = datetime(2024, 3, 29, 6, 30, tzinfo=UTC)

    def source(one: SourceName, *names: str, to: str = address) -> Source:
        return fetching.source(one, to, names, cookies=folder, at=at, concurrency=2)

    with replaying({}) as gone:
        blind = source(name, *NAMES, to=gone.address)
    if name == "ecb":
        return Made("stooq", source("ecb"), source("stooq"), blind, (source("stooq", *NAMES),))
    return Made(name, source(name, *NAMES), source(name), blind, (source("ecb"),))


class Watching:
    """A parser that notes whether all bytes were stored when the first was read."""

    def __init__(self, raw: RawFiles) -> None:
        """Watch a raw store."""
        self._raw = raw
        self.stored: list[int] = []

    def parse(self, record: RawRecord, content: bytes) -> Parsed:
        """Read as ever, and note how many files are stored."""
        self.stored.append(len(self._raw.records()))
        return FormatParser().parse(record, content)


def cleaning(provider: str, sessions: list[date]) -> Cleaning:
    """Say what the files are cleaned for."""
    return Cleaning(universe(*NAMES), rules(source_order=(provider,)), sessions, ("GBP", "USD"))


def doors(folder: Path) -> IngestDoors:
    """Give real stores under a folder."""
    return IngestDoors(RawFiles(folder / "raw"), FormatParser(), CleanFiles(folder / "clean"))


def test_gives_the_same_files_in_the_same_order(made):
    """Twice asked, twice the same bytes, each name once, each in a known format."""
    first, second = list(made.something.fetch()), list(made.something.fetch())

    assert first == second
    names = [file.name for file in first]
    assert names == sorted(set(names))
    assert {file.format for file in first} <= {one.name for one in FORMATS}
    assert all(file.content for file in first)


def test_nothing_there_is_empty_and_could_not_look_is_an_error(made):
    """Never the first for the second."""
    assert list(made.nothing.fetch()) == []
    assert list(made.nothing.skipped()) == []
    with pytest.raises(SourceError):
        made.blind.fetch()


def test_bytes_are_stored_before_any_is_read(made, tmp_path, sessions):
    """When the parser sees its first file, all of them lie in the raw store, byte for byte."""
    raw = RawFiles(tmp_path / "raw")
    watching = Watching(raw)

    ingest(
        made.all,
        cleaning(made.provider, sessions),
        IngestDoors(raw, watching, CleanFiles(tmp_path / "c")),
        at=AT,
    )

    files = [file for source in made.all for file in source.fetch()]
    assert watching.stored == [len(files)] * len(files)
    assert {record.name: raw.read(record) for record in raw.records()} == {file.name: file.content for file in files}


def test_the_same_again_stores_nothing(made, tmp_path, sessions):
    """Neither raw bytes nor a line of the index; the clean set stays the one it was."""
    given_doors, wanted = doors(tmp_path), cleaning(made.provider, sessions)
    first = ingest(made.all, wanted, given_doors, at=AT)
    before = {path: path.read_bytes() for path in sorted((tmp_path / "raw").rglob("*")) if path.is_file()}

    second = ingest(made.all, wanted, given_doors, at=AT.replace(day=2))

    assert len(first.stored) == sum(len(list(source.fetch())) for source in made.all)
    assert second.stored == ()
    assert {path: path.read_bytes() for path in sorted((tmp_path / "raw").rglob("*")) if path.is_file()} == before
    assert second.snapshot == first.snapshot == given_doors.clean.current()


def test_the_clean_set_can_be_made_from_the_raw_files_alone(made, tmp_path, sessions):
    """In another place and on another day the same files give the same hash."""
    wanted = cleaning(made.provider, sessions)
    first = ingest(made.all, wanted, doors(tmp_path / "one"), at=AT)
    second = ingest(made.all, wanted, doors(tmp_path / "two"), at=AT.replace(year=2027))
    raw_alone = IngestDoors(RawFiles(tmp_path / "one" / "raw"), FormatParser(), CleanFiles(tmp_path / "three"))

    assert rebuild(wanted, raw_alone).snapshot == first.snapshot == second.snapshot
    assert first.snapshot is not None
    panel = raw_alone.clean.panel(first.snapshot)
    assert panel.defects == ()
    assert not np.isnan(panel.close[:, panel.column("AAPL")]).any()
    assert raw_alone.clean.fixings(first.snapshot)


# --- the archive alone ------------------------------------------------------------------------------------------------


def test_names_what_it_skips(tmp_path):
    """A file of no known format is not passed over in silence; an empty one is said to be empty."""
    put(tmp_path, "d/sub/aapl_us_d.csv", STOOQ)
    put(tmp_path, "d/README.md", "words")
    put(tmp_path, "d/abio.us.txt", "")

    source = ArchiveSource([tmp_path / "d"], {})

    assert [file.name for file in source.fetch()] == ["sub/aapl_us_d.csv"]
    assert source.skipped() == ["d/README.md", "d/abio.us.txt (empty)"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("gone", "there is no such file or folder; give one that holds files of yahoo_parquet"),
        ("d", "none of its 1 files is in a known format; known are yahoo_parquet"),
        ("d/README.md", "it is not in a known format"),
        ("empty", "none of its 0 files is"),
    ],
)
def test_says_where_it_could_not_look_and_what_would_be_right(tmp_path, path, words):
    """A folder with nothing to read is an error, though another one is fine."""
    put(tmp_path, "d/README.md", "words")
    put(tmp_path, "good/aapl_us_d.csv", STOOQ)
    (tmp_path / "empty").mkdir()

    with pytest.raises(SourceError, match=words) as error:
        ArchiveSource([tmp_path / "good", tmp_path / path], {}).fetch()
    assert str(tmp_path / path) in str(error.value)


def test_a_file_named_twice_is_given_once_and_two_of_one_name_are_refused(tmp_path):
    """Of two different files under one name the second would replace the first."""
    one = put(tmp_path, "a/csv/aapl_us_d.csv", STOOQ)
    other = put(tmp_path, "b/csv/aapl_us_d.csv", STOOQ + "2024-06-05,1,1,1,1,1\r\n")

    assert len(list(ArchiveSource([one, one.parent, tmp_path / "a"], {}).fetch())) == 1
    with pytest.raises(SourceError, match=r"are both csv/aapl_us_d\.csv"):
        ArchiveSource([one, other], {}).fetch()


def test_the_order_of_the_paths_does_not_matter(tmp_path):
    """Files come in the order of their names: of two downloads the later name is the later file, however it is asked."""
    paths = [put(tmp_path, f"{folder}/aapl_us_d.csv", STOOQ) for folder in ("b", "a", "c")]

    assert [file.name[0] for file in ArchiveSource(paths, {}).fetch()] == ["a", "b", "c"]


def test_says_nothing_of_this_machine(tmp_path):
    """The origin names folder and file, and no path above them."""
    (file,) = ArchiveSource([put(tmp_path, "csv/aapl_us_d.csv", STOOQ)], {}).fetch()

    assert (file.name, file.origin, file.symbol) == ("csv/aapl_us_d.csv", "archive csv/aapl_us_d.csv", "aapl.us")
    assert file.basis == Basis("total-return")


def test_a_known_collection_has_its_as_of_day_and_an_unknown_one_its_last_bar(tmp_path, sessions):
    """The shipped list names the main set; its basis reaches the clean set through the raw index."""
    known = parse_archives((CONFIG / "archives.yml").read_text(encoding="utf-8"), "archives.yml").by_folder()
    content = prices("AAPL", days=sessions[:3])
    bases = {}
    for folder in ("sp500_yahoo", "mine"):
        path = put(tmp_path, f"{folder}/prices_2023.parquet", content)
        given_doors = doors(tmp_path / f"of_{folder}")
        report = ingest([ArchiveSource([path], known)], cleaning("yahoo", sessions), given_doors, at=AT)
        assert report.snapshot is not None
        bases[folder] = given_doors.clean.panel(report.snapshot).basis[0]

    assert bases == {
        "sp500_yahoo": Basis("split-adjusted", date(2026, 3, 13)),
        "mine": Basis("split-adjusted", sessions[2]),
    }


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            "version: 1\ncollections:\n  - folder: a\n    provider: yahoo\n    basis: split-adjusted\n    as_off: 1\n",
            6,
            "as_of",
        ),
        (
            "version: 1\ncollections:\n  - folder: a\n    provider: x\n    basis: split-adjusted\n    as_of: 2026-03-13\n",
            4,
            "x",
        ),
        (
            "version: 1\ncollections:\n  - folder: a\n    provider: yahoo\n    basis: raw\n    as_of: 2026-13-13\n",
            6,
            "2026-13-13",
        ),
    ],
)
def test_the_list_of_collections_is_read_strictly(text, line, words):
    """An unknown key or an impossible value is refused with file and line."""
    with pytest.raises(SettingsError) as refused:
        parse_archives(text, "archives.yml")

    assert any(one.startswith(f"archives.yml:{line}:") and words in one for one in refused.value.problems)


# --- the synthetic market alone ---------------------------------------------------------------------------------------


def market(names, sessions, *, seed=7, first=FIRST, last=LAST):
    """Give the synthetic bars and actions by symbol."""
    source = SyntheticSource(seed, tuple(instrument(name) for name in names), first, last, sessions)
    read = [FormatParser().parse(_record(file), file.content) for file in source.fetch()]
    bars = [one.bars for one in read if one.bars is not None]
    fields = ("symbol", "session", "open", "high", "low", "close", "adj_close", "volume")
    columns = {name: np.concatenate([getattr(one, name) for one in bars]) for name in fields}
    actions = [action for one in read for action in one.actions]
    symbols = sorted(set(columns["symbol"]))
    rows = {symbol: columns["symbol"] == symbol for symbol in symbols}
    return {symbol: {name: column[rows[symbol]] for name, column in columns.items()} for symbol in symbols}, actions


def _record(file):
    return RawRecord(file.name, file.provider, file.format, "", 0, "", AT, name=file.name, basis=file.basis)


@pytest.fixture(scope="module")
def decade() -> list[date]:
    """Give ten years of weekdays: the synthetic market asks for no more of a calendar."""
    days = np.arange("2014-01-01", "2024-01-01", dtype="datetime64[D]")
    weekdays: list[date] = days[np.is_busday(days)].tolist()
    return weekdays


def test_is_marked_as_synthetic_everywhere(sessions):
    """Provider and origin say so, with the seed."""
    for file in SyntheticSource(7, (), FIRST, LAST, sessions).fetch():
        assert file.provider == "synthetic"
        assert file.origin.startswith("SYNTHETIC market, seed 7")


def test_another_seed_is_another_market(sessions):
    """And each has a collection of its own."""
    one, other = (list(SyntheticSource(seed, (), FIRST, LAST, sessions).fetch()) for seed in (7, 8))

    assert not {file.content for file in one} & {file.content for file in other}
    assert not {file.name for file in one} & {file.name for file in other}


def test_benchmarks_are_made_and_adding_an_instrument_changes_no_other(sessions):
    """Each draws from a generator of its own."""
    few, _ = market(["AAPL"], sessions)
    many, _ = market(["AAPL", "KO", "SPY"], sessions)

    assert set(few) == {"AAPL", "QQQ", "SPY"}
    for symbol, columns in few.items():
        assert all((columns[name] == many[symbol][name]).all() for name in columns)


def test_a_later_end_leaves_the_returns_before_it(decade):
    """More sessions only add rows: what changes is what prices are expressed in."""
    short, _ = market(["AAPL"], decade, first=decade[0], last=decade[1500])
    long, _ = market(["AAPL"], decade, first=decade[0], last=decade[-1])

    for symbol, columns in short.items():
        before = columns["close"][1:] / columns["close"][:-1]
        after = long[symbol]["close"][1:1501] / long[symbol]["close"][:1500]
        assert np.allclose(before[: len(after)], after, rtol=1e-4)


def test_bars_are_consistent_and_rounded(decade):
    """High is highest, low is lowest, all prices are positive and of four decimals, volumes whole."""
    bars, _ = market(["AAPL", "KO", "XOM", "F"], decade, first=decade[0], last=decade[-1])

    for columns in bars.values():
        assert columns["session"].astype(object).tolist() == decade
        assert (columns["high"] >= np.maximum(columns["open"], columns["close"])).all()
        assert (columns["low"] <= np.minimum(columns["open"], columns["close"])).all()
        for name in ("open", "high", "low", "close", "adj_close"):
            assert (columns[name] > 0).all()
            assert (np.round(columns[name], 4) == columns[name]).all()
        assert (columns["volume"] == np.rint(columns["volume"])).all()
        assert (columns["open"][1:] != columns["close"][:-1]).mean() > 0.9


def test_adjusted_closes_agree_with_dividends_and_splits_leave_no_gap(decade):
    """adj_close / close is the product of 1 - dividend / close before, and bars are split-adjusted as of the last."""
    names = [f"I{number}" for number in range(12)]
    bars, actions = market(names, decade, first=decade[0], last=decade[-1])

    splits = [action for action in actions if action.split_ratio]
    assert splits
    assert {float(action.split_ratio) for action in splits} <= {2.0, 4.0}
    for action in splits:
        row = decade.index(action.session)
        assert abs(np.log(bars[action.symbol]["close"][row] / bars[action.symbol]["close"][row - 1])) < 0.3
    paying = {action.symbol for action in actions if action.dividend}
    assert len(paying) > 5
    for symbol in sorted(paying):
        factor = np.ones(len(decade))
        for action in (one for one in actions if one.symbol == symbol and one.dividend):
            row = decade.index(action.session)
            factor[:row] *= 1 - float(action.dividend) / bars[symbol]["close"][row - 1]
        assert np.allclose(bars[symbol]["adj_close"] / bars[symbol]["close"], factor, atol=1e-4)


def test_the_market_has_calm_and_stressed_times(decade):
    """Volatility is not one number: the wildest quarter of a year is far above the median one."""
    bars, _ = market([], decade, first=decade[0], last=decade[-1])

    returns = np.diff(np.log(bars["SPY"]["close"]))
    windows = np.array([returns[at : at + 63].std() for at in range(0, len(returns) - 63, 63)])

    assert windows.max() > 1.6 * np.median(windows)
    assert 0.05 < returns.std() * 252**0.5 < 0.4

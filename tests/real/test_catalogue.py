"""The catalogue's defects, stated against found: every number that its page states of the ingested folders, counted again."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from core.calendar import load_calendar
from core.domain.bars import Bars, Days, Parsed
from core.domain.panel import Panel
from core.market_data.actions import renamed
from tests.real.catalogue import (
    Catalogue,
    Claim,
    by_symbol,
    cleaned,
    defects,
    every_day,
    gaps,
    is_flat,
    marked,
    sessions_of_each,
    symbol_codes,
)

pytestmark = pytest.mark.shared

FIRST, LAST = date(1980, 1, 1), date(2026, 6, 30)
MAIN, VINTAGE, EVENINGS = "eod/sp500_yahoo", "eod/sp500_yahoo_2019vintage", "eod/us_asof_2015_2017"


@pytest.fixture(scope="module")
def catalogue(shared: Path) -> Catalogue:
    """Give the recorded folders."""
    return Catalogue(shared / "data")


@pytest.fixture(scope="module")
def sessions() -> Days:
    """Give the sessions of New York."""
    return np.array(load_calendar("XNYS", FIRST, LAST).sessions, dtype="datetime64[D]")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Print claims as a table, and hold each number found to the one stated unless the row says why not."""

    def tell(*claims: Claim) -> None:
        with capsys.disabled():
            sys.stdout.write("\n" + "".join(f"{one}\n" for one in claims))
        assert [str(one) for one in claims if not one.holds] == []

    return tell


# --- eod --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def main(catalogue: Catalogue, sessions: Days) -> Panel:
    """Clean the main set for all that is in it."""
    return cleaned(catalogue.read(MAIN).values(), sessions)


def test_the_main_set_has_no_defect_of_form(catalogue, main, sessions, told):
    """Counts, and the zeros of the page."""
    files = catalogue.read(MAIN)
    actions = files["actions.csv"].actions
    has_bar = ~np.isnan(main.close)
    count = has_bar.sum(axis=0)
    present = {
        (name, day)
        for column, name in enumerate(main.instruments)
        for day in main.sessions[has_bar[:, column]].tolist()
    }
    first = has_bar.argmax(axis=0)
    rows = np.arange(len(main.sessions))[:, None]
    told(
        Claim("main set: rows", 1_078_314, int(count.sum())),
        Claim("main set: symbols", 450, len(main.instruments)),
        Claim("main set: first and last", "2016-03-14 2025-12-31", f"{main.sessions[0]} {main.sessions[-1]}"),
        Claim("main set: splits", 112, sum(one.split_ratio > 0 for one in actions)),
        Claim("main set: dividends", 13_388, sum(one.dividend > 0 for one in actions)),
        Claim("main set: duplicates, NaN, bad OHLC, non-sessions", {}, defects(main)),
        Claim("main set: missing sessions", 0, int((~has_bar & (rows > first)).sum())),
        Claim("main set: actions that fall on no price date", 0,
              sum((one.symbol, one.session) not in present for one in actions)),
        Claim("main set: symbols with all 2,466 sessions", 420, int((count == 2466).sum())),
        Claim("main set: symbols that start later", 30, int((first > 0).sum())),
    )  # fmt: skip


def test_the_main_set_has_the_stale_bars_and_wrong_dividends(catalogue, main, told):
    """AMCR and HWM stood still, two dividends of AMCR disagree with its adjusted closes."""
    zero, flat = main.volume == 0, is_flat(main)
    by_zero = marked(main, zero)
    last = main.sessions[zero[:, main.column("AMCR")]][-1].astype(object)
    with np.errstate(invalid="ignore"):
        moves = np.abs(main.close[1:] / main.close[:-1] - 1)
    told(
        Claim("main set: zero-volume rows", 673, int(zero.sum())),
        Claim("main set: of them AMCR", 627, by_zero["AMCR"]),
        Claim("main set: AMCR's last", "2019-06", last.isoformat()[:7]),
        Claim("main set: of them HWM", 35, by_zero["HWM"]),
        Claim("main set: flat bars", 813, int(flat.sum())),
        Claim("main set: zero-volume rows that are flat", "nearly all", int((zero & flat).sum()), 638, "of the 673"),
        Claim("main set: daily moves over 40%", 21, int((moves > 0.4).sum()), 20, "the next is 39.85 %"),
        Claim("main set: dividends off by more than 1e-4", ["AMCR 2017-09-01", "AMCR 2017-09-05"], _off(main)),
    )  # fmt: skip


def _off(panel: Panel) -> list[str]:
    """Name the rows on which adj_close moves by another factor than the told dividends say."""
    expected = np.zeros(panel.close.shape)
    for dividend in panel.dividends:
        row, column = panel.row(dividend.session), panel.column(dividend.instrument)
        if row is not None and row > 0 and column is not None:
            expected[row, column] += float(dividend.amount) / panel.close[row - 1, column]
    factor = panel.adj_close / panel.close
    with np.errstate(invalid="ignore"):
        step = factor[:-1] / factor[1:] - (1 - expected[1:])
        cells = np.argwhere(np.abs(step) > 1e-4)
    return sorted(f"{panel.instruments[column]} {panel.sessions[row + 1]}" for row, column in cells)


def test_the_vintage_tells_the_past_in_other_units(catalogue, main, told):
    """The median ratio of old closes to new ones: splits since, and spin-offs that the provider smoothed."""
    files = catalogue.read(VINTAGE)
    old = [one.bars for name, one in files.items() if name.startswith("prices_")]
    overlap = catalogue.bars(VINTAGE, "overlap_2016_2019.parquet")
    stated = {"AAPL": 4.0, "AMZN": 20.0, "AVGO": 10.0, "CMG": 50.0, "GOOG": 20.0, "GOOGL": 20.0, "NVDA": 40.0,
              "NFLX": 10.0, "ORLY": 15.0, "GE": 0.201, "IBM": 1.046, "MMM": 1.196, "PFE": 1.054, "T": 1.324}  # fmt: skip
    found = {symbol: _ratio(overlap, main, symbol) for symbol in stated}
    orly = set(overlap.session[overlap.symbol == "ORLY"].tolist())
    last = overlap.session.max().astype(object)
    lacks = [day for day in main.sessions.tolist() if day <= last and day not in orly]
    told(
        Claim("vintage: rows", 509_080, sum(len(bars.session) for bars in old)),
        Claim("vintage: symbols", 220, len({name for bars in old for name in set(bars.symbol.tolist())})),
        Claim("overlap: rows", 23_422, len(overlap.session)),
        Claim("overlap: symbols", 25, len(set(overlap.symbol.tolist()))),
        Claim("overlap: sessions of ORLY missing", 3, len(lacks)),
        *(Claim(f"overlap: {symbol} over the main set", stated[symbol], found[symbol]) for symbol in stated),
    )


def _ratio(old: Bars, new: Panel, symbol: str) -> float:
    rows, column = old.symbol == symbol, new.column(symbol)
    assert column is not None
    at = np.searchsorted(new.sessions, old.session[rows])
    return round(float(np.median(old.close[rows] / new.close[at, column])), 3)


def test_the_evenings_are_as_stated(catalogue, sessions, told):
    """What was told when: snapshots that are absent, pairs that are missing, splits seen on their eve."""
    bars = catalogue.bars(EVENINGS, "sp500_members_asof.parquet")
    assert bars.known_on is not None
    evenings = np.unique(bars.known_on)
    absent = gaps(evenings, sessions)
    missing = {name: len(gaps(told_of, sessions)) for name, told_of in sessions_of_each(bars).items()}
    eves = bars.adj_close / bars.close < 0.9
    told(
        Claim("evenings: rows", 488_198, len(bars.session)),
        Claim("evenings: symbols", 507, len(missing)),
        Claim("evenings: snapshots", 511, len(evenings)),
        Claim("evenings: absent", "2015-06-10 2016-10-10 2016-11-17 2017-03-23",
              " ".join(day.isoformat() for day in absent)),
        Claim("evenings: missing (symbol, session) pairs", 502, sum(missing.values())),
        Claim("evenings: of them DTV", 314, missing["DTV"]),
        Claim("evenings: pairs whose volume was told otherwise", "12.8 %", f"{100 * _restated(bars):.1f} %"),
        Claim("evenings: rows of a split's eve (adj_close / close < 0.9)", 26, int(eves.sum())),
        Claim("evenings: NFLX, SBUX and NKE among them", True, {"NFLX", "SBUX", "NKE"} <= set(bars.symbol[eves].tolist())),
    )  # fmt: skip


def _restated(bars: Bars) -> float:
    """Give the share of (symbol, date) pairs that were told with more than one volume."""
    cell = symbol_codes(bars) * 100_000 + bars.session.astype(np.int64)
    order = np.lexsort((bars.volume, cell))
    cells, volumes = cell[order], bars.volume[order]
    is_other = (cells[1:] == cells[:-1]) & (volumes[1:] != volumes[:-1])
    return len(np.unique(cells[1:][is_other])) / len(np.unique(cells))


def test_the_original_evenings_are_as_stated(catalogue, told):
    """Seven files as collected; one tells nothing, and the others agree with the Parquet of the same evening."""
    files = catalogue.read(f"{EVENINGS}/original")
    whole = catalogue.bars(EVENINGS, "sp500_members_asof.parquet")
    same = sum(_agree(one.bars, whole) for one in files.values() if one.bars is not None)
    told(
        Claim("originals: files", 7, len(files)),
        Claim("originals: empty", ["20150610.tar.gz"], [name for name, one in files.items() if one.bars is None]),
        Claim("originals: what is said of it", 1, len(files["20150610.tar.gz"].unread)),
        Claim("originals: files whose rows are those of the Parquet", 6, same),
        Claim("originals: days a symbol", {1, 2}, _days_a_symbol(files["20150409.tar.gz"].bars)),
    )


def _agree(original: Bars, whole: Bars) -> bool:
    assert original.known_on is not None
    assert whole.known_on is not None
    rows = whole.known_on == original.known_on[0]
    told = {
        (name, day): at for at, (name, day) in enumerate(zip(original.symbol, original.session.tolist(), strict=True))
    }
    at = [told[name, day] for name, day in zip(whole.symbol[rows], whole.session[rows].tolist(), strict=True)]
    names = ("open", "high", "low", "close", "adj_close", "volume")
    return all(np.array_equal(getattr(original, name)[at], getattr(whole, name)[rows]) for name in names)


def _days_a_symbol(bars: Bars | None) -> set[int]:
    assert bars is not None
    return set(Counter(bars.symbol.tolist()).values())


def test_the_other_providers_of_shares_are_as_stated(catalogue, told):
    """Benchmarks, Interactive Brokers, Alpha Vantage, Lean and Quandl."""
    funds = catalogue.bars("eod/benchmarks", "spy_qqq_raw_and_adjusted.csv")
    adjusted, raw, ibkr = (
        catalogue.bars("eod/benchmarks", name)
        for name in ("etf_index_adjusted_yahoo.parquet", "etf_raw_alphavantage.parquet", "us_daily_ibkr.parquet")
    )
    falls = {name: _falls(funds, name) for name in ("SPY", "QQQ")}
    wiki = catalogue.read("eod/quandl_wiki")
    splits = sorted(str(one.session.year) for one in wiki["WIKI-AAPL.csv"].actions if one.split_ratio)
    zipped = wiki["QUANDL_ARCHIVE.zip"].bars
    assert zipped is not None
    told(
        Claim("spy_qqq: rows", 9_560, len(funds.session)),
        Claim("spy_qqq: factor falls by more than 5 bp on SPY", 5, len(falls["SPY"])),
        Claim("spy_qqq: their years", {2015}, {day.year for day, _ in falls["SPY"]}),
        Claim("spy_qqq: factor falls by more than 5 bp on QQQ", 10, len(falls["QQQ"])),
        Claim("spy_qqq: their years from and to", (2007, 2013), _ends([day.year for day, _ in falls["QQQ"]])),
        Claim("spy_qqq: the largest", "2009-07-17 0.94 %", _largest(falls["QQQ"])),
        Claim("adjusted funds and indices: rows, symbols", (118_693, 18), _size(adjusted)),
        Claim("raw funds: rows, symbols", (48_278, 8), _size(raw)),
        Claim("raw funds: QQQ 2000-03-20 and IWM 2005-06-09 fall to", ("0.5", "0.5"),
              (_move(raw, "QQQ", date(2000, 3, 20)), _move(raw, "IWM", date(2005, 6, 9)))),
        Claim("Interactive Brokers: rows, symbols", (69_204, 32), _size(ibkr)),
        Claim("WIKI-AAPL: rows", 9_400, len(catalogue.bars("eod/quandl_wiki", "WIKI-AAPL.csv").session)),
        Claim("WIKI-AAPL: splits", ["1987", "2000", "2005", "2014"], splits),
        Claim("WIKI-AAPL: dividends", 54, sum(one.dividend > 0 for one in wiki["WIKI-AAPL.csv"].actions)),
        Claim("QUANDL_ARCHIVE: symbols", ["AAPL", "BRK-A", "MSFT", "ZEN"], sorted(set(zipped.symbol.tolist()))),
    )  # fmt: skip


def _falls(bars: Bars, symbol: str) -> list[tuple[date, float]]:
    rows = np.flatnonzero(bars.symbol == symbol)
    rows = rows[np.argsort(bars.session[rows])]
    factor = bars.adj_close[rows] / bars.close[rows]
    fall = 1 - factor[1:] / factor[:-1]
    return [(bars.session[rows[at + 1]].astype(object), float(fall[at])) for at in np.flatnonzero(fall > 5e-4)]


def _largest(falls: Sequence[tuple[date, float]]) -> str:
    day, fall = max(falls, key=lambda one: one[1])
    return f"{day} {100 * fall:.2f} %"


def _ends(values: Sequence[int]) -> tuple[int, int]:
    return min(values), max(values)


def _size(bars: Bars) -> tuple[int, int]:
    return len(bars.session), len(set(bars.symbol.tolist()))


def _move(bars: Bars, symbol: str, day: date) -> str:
    rows = bars.symbol == symbol
    at = int(np.searchsorted(bars.session[rows], np.datetime64(day, "D")))
    return f"{bars.close[rows][at] / bars.close[rows][at - 1]:.1f}"


def test_lean_is_as_stated(catalogue, sessions, told):
    """Tickers, the years that QQQ traded as QQQQ, and whose bars stand under a ticker that changed hands."""
    files = catalogue.read("eod/lean_raw")
    daily = {name: one for name, one in files.items() if name.endswith(".zip")}
    qqq = gaps(catalogue.bars("eod/lean_raw", "qqq.zip").session, sessions)
    told(
        Claim("Lean: tickers", 22, len(daily), 21, "the folder holds 21 zips"),
        Claim("Lean: QQQ has no rows", "2004-12 2011-03", f"{qqq[0]:%Y-%m} {qqq[-1]:%Y-%m}"),
        Claim("Lean: first and last of AAPL", ("1998-01-02", "2021-03-31"),
              tuple(str(end) for end in (daily["aapl.zip"].bars.session[0], daily["aapl.zip"].bars.session[-1]))),
    )  # fmt: skip


def test_a_ticker_of_lean_is_whose_it_was(catalogue):
    """By the maps: GOOG was the A share until the C share took the ticker, WM another company; nobody's bars are left out."""
    files = {one.file.partition("/")[2]: one for one in renamed(list(catalogue.read("eod/lean_raw").values()))}
    first = {name: _first_days(one) for name, one in files.items() if name.endswith(".zip")}

    assert first["goog.zip"] == {"GOOGL": date(2004, 8, 19), "GOOG": date(2014, 4, 3)}
    assert first["googl.zip"] == {"GOOGL": date(2014, 4, 3)}
    assert first["goocv.zip"] == {"GOOG": date(2014, 3, 27)}
    assert [first[name]["WM"] for name in ("uw.zip", "wmi.zip", "wm.zip")] == [
        date(1998, 1, 2), date(1998, 7, 17), date(2009, 8, 5)
    ]  # fmt: skip
    assert first["fb.zip"] == {"FB.1": date(1999, 9, 29), "FB": date(2012, 5, 18)}
    left_out = sorted(name for name, one in files.items() if name.endswith(".zip") and one.unread)
    assert left_out == ["bac.zip", "bno.zip", "eem.zip", "uso.zip", "wm.zip"]


def _first_days(one: Parsed) -> dict[str, date]:
    assert one.bars is not None
    return {name: session.min().astype(object) for name, session in sessions_of_each(one.bars).items()}


# --- stooq and yahoo --------------------------------------------------------------------------------------------------


def test_stooq_is_as_stated(catalogue, sessions, told):
    """Empty and one-row files, sessions that are missing, and two downloads in other units."""
    bulk = catalogue.read("stooq/bulk")
    long = {name: one.bars for name, one in bulk.items() if one.bars is not None and len(one.bars.session) > 1}
    missing = [len(gaps(bars.session, sessions)) for bars in long.values()]
    early, late = (catalogue.bars("stooq/csv", f"aapl_us_d.downloaded-{month}.csv") for month in ("2019-05", "2025-09"))
    _, at, to = np.intersect1d(early.session, late.session, return_indices=True)
    # A bar before 1985 has one or two digits left.
    ratio = (early.close[at] / late.close[to])[late.close[to] > 20]
    short = [name for name, one in bulk.items() if one.bars is not None and len(one.bars.session) == 1]
    told(
        Claim("Stooq: symbols in bulk", 14, len(long)),
        Claim("Stooq: one-row files", ["gels.us.txt", "pole.us.txt"], short),
        Claim("Stooq: empty files", ["bulk/abio.us.txt (empty)", "bulk/afcgv.us.txt (empty)"],
              list(catalogue.skipped("stooq/bulk"))),
        Claim("Stooq: AAPL rows, first and last", (10_117, "1984-09-07", "2024-10-29"),
              (len(long["aapl.us.txt"].session), *(str(long["aapl.us.txt"].session[end]) for end in (0, -1)))),
        Claim("Stooq: missing sessions a symbol, least and most", (0, 5), _ends(missing)),
        Claim("Stooq: sessions missing in eurusd", 45,
              len(gaps(catalogue.bars("stooq/csv", "eurusd_d.downloaded-2019-05.csv").session, sessions))),
        Claim("Stooq: AAPL of 2019-05 over 2025-09", ("4.17", "4.18"), (f"{ratio.min():.2f}", f"{ratio.max():.2f}")),
    )  # fmt: skip


def test_yahoo_is_as_stated(catalogue, told):
    """Every recording is read or named with why not; of RTY=F only the rows of nulls are told."""
    charts = catalogue.read("yahoo/http")
    downloads = catalogue.read("yahoo/http_csv_download_2021")
    skipped = catalogue.skipped("yahoo/http")
    split = [one for one in charts["chart-AAPL-2020-08-31-to-2020-11-07.json"].actions if one.split_ratio]
    nulls = catalogue.read("yahoo/csv_download_2020")["RTY=F.csv"]
    without = [name for name in catalogue.skipped("yahoo") if "(" not in name]
    told(
        Claim("Yahoo: recordings", 71, len(charts) + len(skipped)),
        Claim("Yahoo: charts of a day read", 35, sum(one.bars is not None for one in charts.values())),
        Claim("Yahoo: AAPL's split", [("2020-08-31", "4")], [(str(one.session), str(one.split_ratio)) for one in split]),
        Claim("Yahoo: dividends of MSFT in one year", 4,
              len(charts["historical-via-chart-MSFT-dividends-2021-02-01-to-2022-01-31.csv.json"].actions)),
        Claim("Yahoo: error bodies of the older download", 1, sum(one.bars is None for one in downloads.values())),
        Claim("Yahoo: files skipped without a reason", [], without),
        Claim("RTY=F: rows of nulls", "a row", sum("null" in one for one in nulls.unread), 25, "25 of 1,028 rows"),
        Claim("RTY=F: bars taken from it", None, nulls.bars),
    )  # fmt: skip


def test_repaired_series_differ_from_their_twins(catalogue, told):
    """What yfinance repaired is read on both sides, daily files alone."""
    files = catalogue.read("yahoo/yfinance_repair")
    twins = {
        name: one for name, one in files.items() if name.replace("-fixed.csv", ".csv") in files and "-fixed" in name
    }
    same = [name for name, one in twins.items() if not _differ(one, files[name.replace("-fixed.csv", ".csv")])]
    told(Claim("yfinance: repaired twins that do not differ", [], same))
    assert len(twins) == 25


def _differ(one: Parsed, other: Parsed) -> bool:
    assert one.bars is not None
    assert other.bars is not None
    names = ("session", "open", "high", "low", "close", "adj_close", "volume")
    is_same = all(np.array_equal(getattr(one.bars, name), getattr(other.bars, name)) for name in names)
    return not is_same or one.actions != other.actions


# --- currencies, coins, indices, futures ------------------------------------------------------------------------------


def test_currencies_are_as_stated(catalogue, told):
    """Reference rates, Oanda's middles, FRED's blanks and Yahoo's bad rows."""
    fixings = catalogue.read("fx/ecb")["eurofxref-hist.zip"].fixings
    days = {one.day for one in fixings}
    named = {name: {one.day for one in fixings if one.currency == name} for name in ("USD", "GBP", "CAD")}
    oanda = catalogue.read("fx/oanda_daily")
    fred = {name: one.levels for name, one in catalogue.read("fx/fred").items()}
    pairs = catalogue.read("fx/yahoo_fx_2024_2025.csv")["yahoo_fx_2024_2025.csv"].levels
    yahoo = catalogue.read("fx/yahoo_daily")
    panel = cleaned(yahoo.values(), every_day(date(1999, 1, 1), LAST, weekends=False), kind="fx", exchange="FX")
    strays = by_symbol(panel, "non_session")
    # A bar of a weekend is left out before it is judged: over all days of the week it is judged too.
    bad = by_symbol(cleaned(yahoo.values(), every_day(date(1999, 1, 1), LAST), kind="fx", exchange="FX"), "ohlc")
    jumps = [_jumps(one.bars) for one in yahoo.values()]
    told(
        Claim("ECB: days, first and last", (6_983, "1999-01-04", "2026-04-13"),
              (len(days), str(min(days)), str(max(days)))),
        Claim("ECB: currencies", 41, len({one.currency for one in fixings})),
        Claim("ECB: USD, GBP and CAD complete", True, all(held == days for held in named.values())),
        Claim("Oanda: rows a pair", {3_738}, {len(one.bars.session) for one in oanda.values()}),
        Claim("FRED: blanks of DEXUSEU", 275, _lines(catalogue, "DEXUSEU.csv") - len(fred["DEXUSEU.csv"].value)),
        Claim("FRED: blanks of DEXCAUS", 553, _lines(catalogue, "DEXCAUS.csv") - len(fred["DEXCAUS.csv"].value)),
        Claim("Yahoo pairs: rows with open or close outside, least and most", (67, 122), _ends(list(bad.values()))),
        Claim("Yahoo pairs: weekend rows, least and most", (3, 4), _ends(list(strays.values()))),
        Claim("Yahoo pairs: jumps over 3 %, least and most", (6, 13), _ends(jumps)),
        Claim("nine pairs: days", 353, len(set(pairs.session.tolist()))),
        Claim("nine pairs: blanks", "1 (DXY 10)", f"1 (DXY {353 - (pairs.symbol == 'DX-Y.NYB').sum()})"),
    )  # fmt: skip


def _lines(catalogue: Catalogue, name: str) -> int:
    """Count the lines of a file of FRED, without its header."""
    return len((catalogue.folder / "fx" / "fred" / name).read_text().splitlines()) - 1


def _jumps(bars: Bars | None) -> int:
    assert bars is not None
    return int((np.abs(bars.close[1:] / bars.close[:-1] - 1) > 0.03).sum())


def test_coins_are_as_stated(catalogue, told):
    """Days of UTC without a gap, empty rows of DOT1, days of SOL1 without volume."""
    parquet = catalogue.read("crypto/yahoo_daily_2014_2022.parquet")
    bars = next(iter(parquet.values())).bars
    assert bars is not None
    panel = cleaned(parquet.values(), every_day(date(2014, 9, 17), LAST), kind="crypto", exchange="CRYPTO")
    names = {coin: f"{coin}_USD_daily_to_2025.csv" for coin in ("BTC", "ETH")}
    coins = {coin: catalogue.bars(f"crypto/{name}", name) for coin, name in names.items()}
    told(
        Claim("coins: rows, symbols", (18_096, 12), _size(bars)),
        Claim("coins: missing days", 0, sum(_missing_days(bars, name) for name in set(bars.symbol.tolist()))),
        Claim("coins: empty rows", {"DOT1-USD": 59}, by_symbol(panel, "missing_value")),
        Claim("coins: days without volume", {"SOL1-USD": 3}, marked(panel, panel.volume == 0)),
        Claim("BTC: rows", 4_124, len(coins["BTC"].session)),
        Claim("ETH: rows", 2_975, len(coins["ETH"].session)),
        Claim("BTC and ETH: missing days", 0, sum(_missing_days(coin, f"{name}-USD") for name, coin in coins.items())),
        Claim(
            "BTC: days that differ from the Parquet",
            0,
            _unlike(coins["BTC"], bars, "BTC-USD"),
            1,
            "2022-02-14, the day on which the Parquet was downloaded",
        ),
        Claim("ETH: days that differ from the Parquet", 1, _unlike(coins["ETH"], bars, "ETH-USD")),
    )


def _missing_days(bars: Bars, symbol: str) -> int:
    days = bars.session[bars.symbol == symbol].astype(np.int64)
    return int(days.max() - days.min() + 1 - len(np.unique(days)))


def _unlike(one: Bars, other: Bars, symbol: str) -> int:
    rows = other.symbol == symbol
    _, at, to = np.intersect1d(one.session, other.session[rows], return_indices=True)
    names = ("open", "high", "low", "close")
    unlike = [np.abs(getattr(one, name)[at] / getattr(other, name)[rows][to] - 1) > 1e-6 for name in names]
    return int(np.logical_or.reduce(unlike).sum())


def test_indices_futures_and_hourly_bars_are_as_stated(catalogue, sessions, told):
    """The VIX of days on which New York was closed, front months with bad bars, and hours that become no day."""
    vix = catalogue.read("vol_rates/vix_daily_1990_2025.csv")
    bars = catalogue.bars("vol_rates/vix_daily_1990_2025.csv", "vix_daily_1990_2025.csv")
    found = defects(cleaned(vix.values(), sessions, provider="cboe", kind="index", exchange="CBOE"))
    futures = catalogue.read("futures/yahoo_front_month_daily")
    bad = by_symbol(cleaned(futures.values(), every_day(FIRST, LAST), kind="future", exchange="CME"), "ohlc")
    order = ("ES=F", "NQ=F", "RTY=F")
    front = {name: catalogue.bars("futures/yahoo_front_month_daily", f"{name}_to_2025.csv") for name in order}
    hours = catalogue.read("futures/index_1h")
    told(
        Claim("VIX: rows", 9_091, len(bars.session)),
        Claim("VIX: dates that are no sessions", 28, found["non_session"]),
        Claim("VIX: sessions missing", 4, len(gaps(bars.session, sessions))),
        Claim("VIX: open or close outside high..low", 47, found["ohlc"]),
        Claim("VIX: flat bars", 506, int(is_flat(bars).sum())),
        Claim("front months: rows", (6_388, 6_388, 2_138), tuple(len(front[name].session) for name in order)),
        Claim("front months: bad OHLC", (11, 25, 2), tuple(bad[name] for name in order)),
        Claim("front months: zero volumes, least and most", (8, 10),
              _ends([int((one.volume == 0).sum()) for one in front.values()])),
        Claim("front months: sessions missing, most", 2, max(len(gaps(one.session, sessions)) for one in front.values())),
        Claim("hourly bars: bars taken from them", [None, None], [one.bars for one in hours.values()]),
        Claim("hourly bars: files that mix offsets", 2,
              sum("mix offsets" in " ".join(one.unread) for one in hours.values()), 0,
              "every instant of both files is written +00:00"),
    )  # fmt: skip


def test_nothing_of_the_folders_is_passed_over_without_a_word(catalogue, told):
    """Each file is read, or named with the reason why it is not."""
    folders = (
        *("eod", "stooq", "yahoo", "fx", "crypto", "vol_rates"),
        *("futures/yahoo_front_month_daily", "futures/index_1h"),
    )
    named = [one for name in folders for one in catalogue.skipped(name)]

    told(Claim("files skipped without a reason", [], [one for one in named if "(" not in one]))
    assert len(named) == 45

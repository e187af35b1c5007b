"""The catalogue's other folders, stated against found: Stooq, Yahoo, currencies, coins, indices and futures."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from core.domain.bars import Bars, Parsed
from tests.real.catalogue import (
    Catalogue,
    Claim,
    by_symbol,
    cleaned,
    defects,
    ends,
    every_day,
    gaps,
    is_flat,
    marked,
    size,
)

pytestmark = pytest.mark.shared

FIRST, LAST = date(1980, 1, 1), date(2026, 6, 30)


# --- stooq and yahoo --------------------------------------------------------------------------------------------------


def test_stooq_is_as_stated(catalogue, new_york, told):
    """Empty and one-row files, sessions that are missing, and two downloads in other units."""
    bulk = catalogue.read("stooq/bulk")
    long = {name: one.bars for name, one in bulk.items() if one.bars is not None and len(one.bars.session) > 1}
    missing = [len(gaps(bars.session, new_york)) for bars in long.values()]
    early, late = (catalogue.bars("stooq/csv", f"aapl_us_d.downloaded-{month}.csv") for month in ("2019-05", "2025-09"))
    _, at, to = np.intersect1d(early.session, late.session, return_indices=True)
    # A bar before 1985 has one or two digits left.
    ratio = (early.close[at] / late.close[to])[late.close[to] > 20]
    short = [name for name, one in bulk.items() if one.bars is not None and len(one.bars.session) == 1]
    told(
        Claim("Stooq: symbols in bulk", 14, len(long)),
        Claim("Stooq: one-row files", ["gels.us.txt", "pole.us.txt"], short),
        Claim(
            "Stooq: empty files",
            ["bulk/abio.us.txt (empty)", "bulk/afcgv.us.txt (empty)"],
            list(catalogue.skipped("stooq/bulk")),
        ),
        Claim(
            "Stooq: AAPL rows, first and last",
            (10_117, "1984-09-07", "2024-10-29"),
            (len(long["aapl.us.txt"].session), *(str(long["aapl.us.txt"].session[end]) for end in (0, -1))),
        ),
        Claim("Stooq: missing sessions a symbol, least and most", (0, 5), ends(missing)),
        Claim(
            "Stooq: fractional volumes in nearly all rows",
            "who split",
            [name.partition(".")[0] for name, bars in long.items() if _fractional(bars) > 0.9],
            ["aapl", "avgo", "intc", "msft", "nvda", "pep"],
            "who paid dividends: AMZN, GOOGL, NFLX and TSLA split too",
        ),
        Claim(
            "Stooq: files with some of them", [], [name for name, bars in long.items() if 0 < _fractional(bars) < 0.9]
        ),
        Claim(
            "Stooq: INTC and PEP begin in the",
            {"197"},
            {str(long[name].session.min())[:3] for name in ("intc.us.txt", "pep.us.txt")},
        ),
        Claim(
            "Stooq: sessions missing in eurusd",
            45,
            len(gaps(catalogue.bars("stooq/csv", "eurusd_d.downloaded-2019-05.csv").session, new_york)),
        ),
        Claim("Stooq: AAPL of 2019-05 over 2025-09", ("4.17", "4.18"), (f"{ratio.min():.2f}", f"{ratio.max():.2f}")),
    )


def _fractional(bars: Bars) -> float:
    """Give the share of rows whose volume is no whole number."""
    return float(np.mean(bars.volume != np.round(bars.volume)))


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
        Claim(
            "Yahoo: AAPL's split", [("2020-08-31", "4")], [(str(one.session), str(one.split_ratio)) for one in split]
        ),
        Claim(
            "Yahoo: dividends of MSFT in one year",
            4,
            len(charts["historical-via-chart-MSFT-dividends-2021-02-01-to-2022-01-31.csv.json"].actions),
        ),
        Claim("Yahoo: error bodies of the older download", 1, sum(one.bars is None for one in downloads.values())),
        Claim("Yahoo: files skipped without a reason", [], without),
        Claim("RTY=F: rows of nulls", "a row", sum("null" in one for one in nulls.unread), 25, "25 of 1,028 rows"),
        Claim("RTY=F: bars taken from it", None, nulls.bars),
    )


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
        Claim(
            "ECB: days, first and last",
            (6_983, "1999-01-04", "2026-04-13"),
            (len(days), str(min(days)), str(max(days))),
        ),
        Claim("ECB: currencies", 41, len({one.currency for one in fixings})),
        Claim("ECB: USD, GBP and CAD complete", True, all(held == days for held in named.values())),
        Claim("Oanda: rows a pair", {3_738}, {len(one.bars.session) for one in oanda.values()}),
        Claim("Oanda: first and last", {("2007-01-01", "2018-12-31")}, {_span(one.bars) for one in oanda.values()}),
        Claim("Yahoo pairs: last", {"2025-12-31"}, {_span(one.bars)[1] for one in yahoo.values()}),
        Claim("FRED: blanks of DEXUSEU", 275, _lines(catalogue, "DEXUSEU.csv") - len(fred["DEXUSEU.csv"].value)),
        Claim("FRED: blanks of DEXCAUS", 553, _lines(catalogue, "DEXCAUS.csv") - len(fred["DEXCAUS.csv"].value)),
        Claim("Yahoo pairs: rows with open or close outside, least and most", (67, 122), ends(list(bad.values()))),
        Claim("Yahoo pairs: weekend rows, least and most", (3, 4), ends(list(strays.values()))),
        Claim("Yahoo pairs: jumps over 3 %, least and most", (6, 13), ends(jumps)),
        Claim("nine pairs: days", 353, len(set(pairs.session.tolist()))),
        Claim("nine pairs: blanks", "1 (DXY 10)", f"1 (DXY {353 - (pairs.symbol == 'DX-Y.NYB').sum()})"),
    )


def _lines(catalogue: Catalogue, name: str) -> int:
    """Count the lines of a file of FRED, without its header."""
    return len((catalogue.folder / "fx" / "fred" / name).read_text().splitlines()) - 1


def _span(bars: Bars | None) -> tuple[str, str]:
    """Give the first and the last day."""
    assert bars is not None
    return str(bars.session.min()), str(bars.session.max())


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
        Claim("coins: rows, symbols", (18_096, 12), size(bars)),
        Claim("coins: first and last", ("2014-09-17", "2022-02-14"), _span(bars)),
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


def test_indices_futures_and_hourly_bars_are_as_stated(catalogue, new_york, told):
    """The VIX of days on which New York was closed, front months with bad bars, and hours that become no day."""
    vix = catalogue.read("vol_rates/vix_daily_1990_2025.csv")
    bars = catalogue.bars("vol_rates/vix_daily_1990_2025.csv", "vix_daily_1990_2025.csv")
    found = defects(cleaned(vix.values(), new_york, provider="cboe", kind="index", exchange="CBOE"))
    futures = catalogue.read("futures/yahoo_front_month_daily")
    bad = by_symbol(cleaned(futures.values(), every_day(FIRST, LAST), kind="future", exchange="CME"), "ohlc")
    order = ("ES=F", "NQ=F", "RTY=F")
    front = {name: catalogue.bars("futures/yahoo_front_month_daily", f"{name}_to_2025.csv") for name in order}
    hours = catalogue.read("futures/index_1h")
    told(
        Claim("VIX: rows", 9_091, len(bars.session)),
        Claim("VIX: dates that are no sessions", 28, found["non_session"]),
        Claim("VIX: sessions missing", 4, len(gaps(bars.session, new_york))),
        Claim("VIX: open or close outside high..low", 47, found["ohlc"]),
        Claim("VIX: flat bars", 506, int(is_flat(bars).sum())),
        Claim("front months: rows", (6_388, 6_388, 2_138), tuple(len(front[name].session) for name in order)),
        Claim("front months: bad OHLC", (11, 25, 2), tuple(bad[name] for name in order)),
        Claim(
            "front months: zero volumes, least and most",
            (8, 10),
            ends([int((one.volume == 0).sum()) for one in front.values()]),
        ),
        Claim(
            "front months: sessions missing, most", 2, max(len(gaps(one.session, new_york)) for one in front.values())
        ),
        Claim("hourly bars: bars taken from them", [None, None], [one.bars for one in hours.values()]),
        Claim(
            "hourly bars: files that mix offsets",
            2,
            sum("mix offsets" in " ".join(one.unread) for one in hours.values()),
            0,
            "every instant of both files is written +00:00",
        ),
    )


def test_nothing_of_the_folders_is_passed_over_without_a_word(catalogue, told):
    """Each file is read, or named with the reason why it is not."""
    folders = (
        *("eod", "stooq", "yahoo", "fx", "crypto", "vol_rates"),
        *("futures/yahoo_front_month_daily", "futures/index_1h"),
    )
    named = [one for name in folders for one in catalogue.skipped(name)]

    told(Claim("files skipped without a reason", [], [one for one in named if "(" not in one]))
    assert len(named) == 45

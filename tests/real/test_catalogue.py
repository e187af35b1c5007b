"""The catalogue's shares, stated against found: every number that its page states of `eod`, counted again."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from core.domain.bars import Bars, Days, Parsed
from core.domain.panel import Panel
from core.market_data.actions import renamed
from core.market_data.checks_bars import dividends_agree, factor_falls, zero_volume
from tests.real.catalogue import (
    Catalogue,
    Claim,
    cleaned,
    defects,
    ends,
    gaps,
    is_flat,
    marked,
    marks,
    seen,
    sessions_of_each,
    size,
    symbol_codes,
)

pytestmark = pytest.mark.shared

MAIN, VINTAGE, EVENINGS = "eod/sp500_yahoo", "eod/sp500_yahoo_2019vintage", "eod/us_asof_2015_2017"


@pytest.fixture(scope="module")
def main(catalogue: Catalogue, new_york: Days) -> Panel:
    """Clean the main set for all that is in it."""
    return cleaned(catalogue.read(MAIN).values(), new_york)


def test_the_main_set_has_no_defect_of_form(catalogue, main, new_york, told):
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
        Claim(
            "main set: actions that fall on no price date",
            0,
            sum((one.symbol, one.session) not in present for one in actions),
        ),
        Claim("main set: symbols with all 2,466 sessions", 420, int((count == 2466).sum())),
        Claim("main set: symbols that start later", 30, int((first > 0).sum())),
    )


def test_the_main_set_has_the_stale_bars_and_wrong_dividends(catalogue, main, told):
    """AMCR and HWM stood still, two dividends of AMCR disagree with its adjusted closes."""
    zero, flat = zero_volume(seen(main, zero_volume_max=0)), is_flat(main)
    off = dividends_agree(seen(main, dividend_gap_bps_max=Decimal(1)))
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
        Claim("main set: dividends off by more than 1e-4", ["AMCR 2017-09-01", "AMCR 2017-09-05"], marks(main, off)),
    )


def test_the_vintage_tells_the_past_in_other_units(catalogue, main, told):
    """The median ratio of old closes to new ones: splits since, and spin-offs that the provider smoothed."""
    files = catalogue.read(VINTAGE)
    old = [one.bars for name, one in files.items() if name.startswith("prices_")]
    overlap = catalogue.bars(VINTAGE, "overlap_2016_2019.parquet")
    stated = {
        "AAPL": 4.0,
        "AMZN": 20.0,
        "AVGO": 10.0,
        "CMG": 50.0,
        "GOOG": 20.0,
        "GOOGL": 20.0,
        "NVDA": 40.0,
        "NFLX": 10.0,
        "ORLY": 15.0,
        "GE": 0.201,
        "IBM": 1.046,
        "MMM": 1.196,
        "PFE": 1.054,
        "T": 1.324,
    }
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


def test_the_evenings_are_as_stated(catalogue, new_york, told):
    """What was told when: snapshots that are absent, pairs that are missing, splits seen on their eve."""
    bars = catalogue.bars(EVENINGS, "sp500_members_asof.parquet")
    assert bars.known_on is not None
    evenings = np.unique(bars.known_on)
    absent = gaps(evenings, new_york)
    missing = {name: len(gaps(told_of, new_york)) for name, told_of in sessions_of_each(bars).items()}
    eves = bars.adj_close / bars.close < 0.9
    told(
        Claim("evenings: rows", 488_198, len(bars.session)),
        Claim("evenings: symbols", 507, len(missing)),
        Claim("evenings: snapshots", 511, len(evenings)),
        Claim(
            "evenings: absent",
            "2015-06-10 2016-10-10 2016-11-17 2017-03-23",
            " ".join(day.isoformat() for day in absent),
        ),
        Claim("evenings: missing (symbol, session) pairs", 502, sum(missing.values())),
        Claim("evenings: of them DTV", 314, missing["DTV"]),
        Claim("evenings: pairs whose volume was told otherwise", "12.8 %", f"{100 * _restated(bars):.1f} %"),
        Claim("evenings: rows of a split's eve (adj_close / close < 0.9)", 26, int(eves.sum())),
        Claim(
            "evenings: NFLX, SBUX and NKE among them", True, {"NFLX", "SBUX", "NKE"} <= set(bars.symbol[eves].tolist())
        ),
    )


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


def test_the_other_providers_of_shares_are_as_stated(catalogue, new_york, told):
    """Benchmarks, Interactive Brokers, Alpha Vantage, Lean and Quandl."""
    funds = catalogue.bars("eod/benchmarks", "spy_qqq_raw_and_adjusted.csv")
    adjusted, raw, ibkr = (
        catalogue.bars("eod/benchmarks", name)
        for name in ("etf_index_adjusted_yahoo.parquet", "etf_raw_alphavantage.parquet", "us_daily_ibkr.parquet")
    )
    falls = _falls(cleaned([catalogue.read("eod/benchmarks")["spy_qqq_raw_and_adjusted.csv"]], new_york))
    wiki = catalogue.read("eod/quandl_wiki")
    splits = sorted(str(one.session.year) for one in wiki["WIKI-AAPL.csv"].actions if one.split_ratio)
    zipped = wiki["QUANDL_ARCHIVE.zip"].bars
    assert zipped is not None
    told(
        Claim("spy_qqq: rows", 9_560, len(funds.session)),
        Claim("spy_qqq: factor falls by more than 5 bp on SPY", 5, len(falls["SPY"])),
        Claim("spy_qqq: their years", {2015}, {day.year for day, _ in falls["SPY"]}),
        Claim("spy_qqq: factor falls by more than 5 bp on QQQ", 10, len(falls["QQQ"])),
        Claim("spy_qqq: their years from and to", (2007, 2013), ends([day.year for day, _ in falls["QQQ"]])),
        Claim("spy_qqq: the largest", "2009-07-17 0.94 %", _largest(falls["QQQ"])),
        Claim("adjusted funds and indices: rows, symbols", (118_693, 18), size(adjusted)),
        Claim("raw funds: rows, symbols", (48_278, 8), size(raw)),
        Claim(
            "raw funds: QQQ 2000-03-20 and IWM 2005-06-09 fall to",
            ("0.5", "0.5"),
            (_move(raw, "QQQ", date(2000, 3, 20)), _move(raw, "IWM", date(2005, 6, 9))),
        ),
        Claim("Interactive Brokers: rows, symbols", (69_204, 32), size(ibkr)),
        Claim("WIKI-AAPL: rows", 9_400, len(catalogue.bars("eod/quandl_wiki", "WIKI-AAPL.csv").session)),
        Claim("WIKI-AAPL: splits", ["1987", "2000", "2005", "2014"], splits),
        Claim("WIKI-AAPL: dividends", 54, sum(one.dividend > 0 for one in wiki["WIKI-AAPL.csv"].actions)),
        Claim("QUANDL_ARCHIVE: symbols", ["AAPL", "BRK-A", "MSFT", "ZEN"], sorted(set(zipped.symbol.tolist()))),
    )


def test_the_main_set_and_another_provider_agree_but_for_the_cent(catalogue, main, told):
    """Interactive Brokers rounds split-adjusted closes to a cent; three closes of nearly forty thousand are off by more."""
    ibkr = catalogue.bars("eod/benchmarks", "us_daily_ibkr.parquet")
    apart: dict[str, float] = {}
    more: list[str] = []
    for symbol, days in sessions_of_each(ibkr).items():
        column, rows = main.column(symbol), np.isin(days, main.sessions)
        if column is None:
            continue
        ours = main.close[np.searchsorted(main.sessions, days[rows]), column]
        off = np.abs(ibkr.close[ibkr.symbol == symbol][rows] - ours)
        apart[symbol] = float((off / ours).max())
        more += [f"{symbol} {day}" for day in days[rows][off > 0.005 + 1e-9].tolist()]
    told(
        Claim("Interactive Brokers: symbols in common", 27, len(apart), 28, "BRK.B is BRK-B"),
        Claim("Interactive Brokers: at most apart", "0.4 % NVDA", f"{100 * max(apart.values()):.1f} % {_first(apart)}"),
        Claim(
            "Interactive Brokers: apart by more than half a cent",
            0,
            len(more),
            3,
            "SPY, GOOG and META of 2016-06 and 07",
        ),
    )
    assert sorted(more) == ["GOOG 2016-07-05", "META 2016-07-05", "SPY 2016-06-30"]


def _first(apart: dict[str, float]) -> str:
    return max(apart, key=lambda symbol: apart[symbol])


def test_the_main_set_holds_only_who_is_still_there(catalogue, main, shared, told):
    """Of the members of each summer it holds those of today: the share that survived."""
    with (shared / "data/universe/sp500/sp500_ticker_start_end.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {year: _held(rows, main, date(year, 6, 30)) for year in (2016, 2019, 2022, 2025)}
    told(Claim("main set: members held of 2016, 2019, 2022, 2025", [299, 338, 387, 432], list(found.values())))


def _held(rows: Sequence[dict[str, str]], panel: Panel, day: date) -> int:
    """Count the members of a day that have a bar of it, or of the session before."""
    at = int(np.searchsorted(panel.sessions, np.datetime64(day, "D"), side="right")) - 1
    on = day.isoformat()
    members = {
        row["ticker"] for row in rows if row["start_date"] <= on and (not row["end_date"] or on <= row["end_date"])
    }
    columns = [panel.column(name.replace(".", "-")) for name in sorted(members)]
    return sum(column is not None and not np.isnan(panel.close[at, column]) for column in columns)


def _falls(panel: Panel) -> dict[str, list[tuple[date, float]]]:
    """Give, an instrument, the days on which adj_close / close falls by more than 5 bp, and by how much."""
    factor = panel.adj_close / panel.close
    falls: dict[str, list[tuple[date, float]]] = {name: [] for name in panel.instruments}
    for row, column in np.argwhere(factor_falls(seen(panel, factor_fall_bps_max=Decimal(5)))).tolist():
        fall = 1 - factor[row, column] / factor[row - 1, column]
        falls[panel.instruments[column]].append((panel.sessions[row].astype(object), float(fall)))
    return falls


def _largest(falls: Sequence[tuple[date, float]]) -> str:
    day, fall = max(falls, key=lambda one: one[1])
    return f"{day} {100 * fall:.2f} %"


def _move(bars: Bars, symbol: str, day: date) -> str:
    rows = bars.symbol == symbol
    at = int(np.searchsorted(bars.session[rows], np.datetime64(day, "D")))
    return f"{bars.close[rows][at] / bars.close[rows][at - 1]:.1f}"


def test_lean_is_as_stated(catalogue, new_york, told):
    """Tickers, the years that QQQ traded as QQQQ, and whose bars stand under a ticker that changed hands."""
    files = catalogue.read("eod/lean_raw")
    daily = {name: one for name, one in files.items() if name.endswith(".zip")}
    qqq = gaps(catalogue.bars("eod/lean_raw", "qqq.zip").session, new_york)
    told(
        Claim("Lean: tickers", 22, len(daily), 21, "the folder holds 21 zips"),
        Claim("Lean: QQQ has no rows", "2004-12 2011-03", f"{qqq[0]:%Y-%m} {qqq[-1]:%Y-%m}"),
        Claim(
            "Lean: first and last of AAPL",
            ("1998-01-02", "2021-03-31"),
            tuple(str(end) for end in (daily["aapl.zip"].bars.session[0], daily["aapl.zip"].bars.session[-1])),
        ),
    )


def test_a_ticker_of_lean_is_whose_it_was(catalogue):
    """By the maps: GOOG was the A share until the C share took the ticker, WM another company; nobody's bars are left out."""
    files = {one.file.partition("/")[2]: one for one in renamed(list(catalogue.read("eod/lean_raw").values()))}
    first = {name: _first_days(one) for name, one in files.items() if name.endswith(".zip")}

    assert first["goog.zip"] == {"GOOGL": date(2004, 8, 19), "GOOG": date(2014, 4, 3)}
    assert first["googl.zip"] == {"GOOGL": date(2014, 4, 3)}
    assert first["goocv.zip"] == {"GOOG": date(2014, 3, 27)}
    assert [first[name]["WM"] for name in ("uw.zip", "wmi.zip", "wm.zip")] == [
        date(1998, 1, 2),
        date(1998, 7, 17),
        date(2009, 8, 5),
    ]
    assert first["fb.zip"] == {"FB.1": date(1999, 9, 29), "FB": date(2012, 5, 18)}
    left_out = sorted(name for name, one in files.items() if name.endswith(".zip") and one.unread)
    assert left_out == ["bac.zip", "bno.zip", "eem.zip", "uso.zip", "wm.zip"]


def _first_days(one: Parsed) -> dict[str, date]:
    assert one.bars is not None
    return {name: session.min().astype(object) for name, session in sessions_of_each(one.bars).items()}

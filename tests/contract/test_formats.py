"""What every format promises: one format a file, its provider and basis, rows told by line, and no other error than ours."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sources.formats.form import HEAD_BYTES, never
from adapters.sources.formats.registry import FORMATS, FormatParser, recognise
from core.domain.bars import BAR_FIELDS
from flows.ports import SourceError
from tests.unit.market_data.files import ACTIONS, ANNOUNCED, BENCHMARK, BULK, STOOQ, prices, rates_zip, record

MONDAY, TUESDAY = date(2024, 6, 3), date(2024, 6, 4)
NAN = float("nan")


@dataclass(frozen=True)
class Sample:
    """A small file of a format, and its first bar: symbol, day, the six values; or how many other things it tells."""

    name: str
    content: bytes
    form: str
    provider: str
    basis: str = ""
    symbol: str = ""
    day: date = MONDAY
    values: Sequence[float] = ()
    others: int = 0


def text(*lines: str) -> bytes:
    """Give lines as bytes."""
    return ("\n".join(lines) + "\n").encode()


def zipped(name: str, *lines: str) -> bytes:
    """Give a zip of one member, without a time of its own."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), "\n".join(lines) + "\n", zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def evening(prices_csv: bytes) -> bytes:
    """Give an evening's tar as it was collected."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in (("symbols.txt", b"A\tAgilent\n"), ("prices.csv", prices_csv), ("reports.csv", b"")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def parquet(**columns: Any) -> bytes:
    """Give a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


BAR = {
    "symbol": ["AAA"],
    "date": [MONDAY],
    "open": [3.0],
    "high": [4.27],
    "low": [1.0],
    "close": [2.5],
    "volume": [700.0],
}
EVENING = text(
    "symbol,date,open,high,low,close,volume,adj_close",
    "NFLX,2015-07-15,99.970001,100,90,98.129997,500,98.129997",
    "symbol,date,open,high,low,close,volume,adj_close",
    "NFLX,2015-07-14,708,710,700,702.6,100,100.3714",
)
META = {
    "currency": "USD",
    "symbol": "AAPL",
    "regularMarketTime": 1717531200,
    "exchangeTimezoneName": "America/New_York",
    "dataGranularity": "1d",
    "currentTradingPeriod": {"regular": {"start": 1717507800, "end": 1717531200}},
}
QUOTE = {
    "open": [3.0, 5.0],
    "high": [4.269999980926514, 6.0],
    "low": [1.0, 4.0],
    "close": [2.5, 5.5],
    "volume": [700, 800],
}
DOWNLOAD = ("Date,Open,High,Low,Close,Adj Close,Volume", "2024-06-03,3.000000,4.270000,1.000000,2.500000,2.250000,700")


def chart(*, meta: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Give a chart of Monday and Tuesday, as Yahoo's answer holds it."""
    result = {
        "meta": {**META, **(meta or {})},
        "timestamp": [1717421400, 1717507800],
        "events": {
            "dividends": {"1717507800": {"amount": 0.25, "date": 1717507800}},
            "splits": {"1717421400": {"date": 1717421400, "numerator": 4, "denominator": 1, "splitRatio": "4:1"}},
        },
        "indicators": {"quote": [QUOTE], "adjclose": [{"adjclose": [2.25, 5.5]}]},
    } | changes
    return {"chart": {"result": [result], "error": None}}


def recorded(url: str, *, status: int = 200, **body: Any) -> bytes:
    """Give a recorded exchange."""
    response = {"ok": True, "status": status, "headers": {"Date": "Thu, 06 Jun 2024 11:47:42 GMT"}, **body}
    return json.dumps({"request": {"url": url}, "response": response}, indent=2).encode()


SAMPLES = (
    Sample(
        "prices_2024.parquet",
        prices("AAA", days=[MONDAY]),
        "yahoo_parquet",
        "yahoo",
        "split-adjusted",
        "AAA",
        values=(10, 10, 10, 10, 10, 1000),
    ),
    Sample(
        "x_adjusted_yahoo.parquet",
        parquet(**(BAR | {"symbol": ["GSPC"]})),
        "yahoo_adjusted_parquet",
        "yahoo",
        "total-return",
        "^GSPC",
        values=(3, 4.27, 1, 2.5, 2.5, 700),
    ),
    Sample("announced_actions.csv", ANNOUNCED.encode(), "announced_actions_csv", "person", others=2),
    Sample("actions.csv", ACTIONS.encode(), "yahoo_actions_csv", "yahoo", others=2),
    Sample(
        "spy.csv", BENCHMARK.encode(), "benchmark_csv", "yahoo", "raw", "SPY", values=(100, 102, 99, 101, 95.5, 1000)
    ),
    Sample(
        "ES=F_to_2025.csv",
        text("Date,Close,High,Low,Open,Volume", "2024-06-03,2.5,4.27,1,3,700"),
        "yahoo_history_csv",
        "yahoo",
        "raw",
        "ES=F",
        values=(3, 4.27, 1, 2.5, 2.5, 700),
    ),
    Sample(
        "EURUSD=X_to_2025.csv.gz",
        gzip.compress(text("Date,Close,High,Low,Open,Volume", "2024-06-03,1.0842000246047974,1.0,1.0,1.0,0"), mtime=0),
        "yahoo_history_csv",
        "yahoo",
        "raw",
        "EURUSD=X",
        values=(1, 1, 1, 1.0842, 1.0842, NAN),
    ),
    Sample(
        "RTY=F.csv",
        text(*DOWNLOAD),
        "yahoo_csv",
        "yahoo",
        "split-adjusted",
        "RTY=F",
        values=(3, 4.27, 1, 2.5, 2.25, 700),
    ),
    Sample(
        "x.json",
        recorded("https://a/v7/finance/download/BRK-B?interval=1d", body="\n".join(DOWNLOAD)),
        "yahoo_csv_exchange",
        "yahoo",
        "split-adjusted as of 2024-06-06",
        "BRK-B",
        values=(3, 4.27, 1, 2.5, 2.25, 700),
    ),
    Sample(
        "1398-HK-1d-bad-div.csv",
        text(
            "Datetime,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits,Repaired?",
            "2024-06-03 00:00:00+08:00,3,4.269999980926514,1,2.5,2.25,700,0.125,0.0,True",
        ),
        "yfinance_csv",
        "yahoo",
        "split-adjusted",
        "1398.HK",
        values=(3, 4.27, 1, 2.5, 2.25, 700),
        others=1,
    ),
    Sample(
        "AAPL.json",
        json.dumps(chart()).encode(),
        "yahoo_chart_json",
        "yahoo",
        "split-adjusted",
        "AAPL",
        values=(3, 4.27, 1, 2.5, 2.25, 700),
        others=2,
    ),
    Sample(
        "chart-AAPL.json",
        recorded("https://a/v8/finance/chart/AAPL?interval=1d&b=c", bodyJson=chart()),
        "yahoo_chart_json",
        "yahoo",
        "split-adjusted as of 2024-06-06",
        "AAPL",
        values=(3, 4.27, 1, 2.5, 2.25, 700),
        others=2,
    ),
    Sample(
        "aapl_us_d.csv",
        STOOQ.encode(),
        "stooq_csv",
        "stooq",
        "total-return as of 2024-06-04",
        "aapl.us",
        values=(10, 11, 9, 10.5, 10.5, 100),
    ),
    Sample(
        "msft.us.txt",
        BULK.encode(),
        "stooq_bulk",
        "stooq",
        "total-return as of 2024-06-03",
        "msft.us",
        values=(20, 21, 19, 20.5, 20.5, 100.25),
    ),
    Sample("eurofxref-hist.zip", rates_zip(), "ecb_zip", "ecb", others=6),
    Sample("eurofxref.csv", text("Date, USD, JPY, ", "13 April 2026, 1.1684, 186.75, "), "ecb_csv", "ecb", others=2),
    Sample(
        "members_asof.parquet",
        parquet(**BAR, adj_close=[2.25], snapshot=[TUESDAY]),
        "asof_parquet",
        "yahoo",
        "raw",
        "AAA",
        values=(3, 4.27, 1, 2.5, 2.25, 700),
    ),
    Sample(
        "20150715.tar.gz",
        evening(EVENING),
        "asof_evening",
        "yahoo",
        "raw",
        "NFLX",
        date(2015, 7, 15),
        values=(99.97, 100, 90, 98.13, 98.13, 500),
    ),
    Sample(
        "etf_raw_alphavantage.parquet",
        parquet(**BAR),
        "alphavantage_parquet",
        "alphavantage",
        "raw",
        "AAA",
        values=(3, 4.27, 1, 2.5, NAN, 700),
    ),
    Sample(
        "us_daily_ibkr.parquet",
        parquet(**BAR),
        "ibkr_parquet",
        "ibkr",
        "split-adjusted",
        "AAA",
        values=(3, 4.27, 1, 2.5, NAN, 700),
    ),
    Sample(
        "tap.a.zip",
        zipped("tap.a.csv", "20240603 00:00,30000,42700,10000,25000,700"),
        "lean_zip",
        "quantconnect",
        "raw",
        "TAP-A",
        values=(3, 4.27, 1, 2.5, NAN, 700),
    ),
    Sample(
        "eurusd.zip",
        zipped("eurusd.csv", "20240603 00:00,1.1,1.3,1.1,1.2,0,1.3,1.5,1.1,1.4,0"),
        "lean_pair_zip",
        "oanda",
        "raw",
        "EURUSD=X",
        values=(1.2, 1.4, 1.1, 1.3, 1.3, NAN),
    ),
    Sample(
        "btcusd_trade.zip",
        zipped("btcusd.csv", "20240603 00:00,300,370.5,300,370,0.05655554"),
        "lean_coin_zip",
        "coinbase",
        "raw",
        "BTC-USD",
        values=(300, 370.5, 300, 370, 370, 0.05655554),
    ),
    Sample(
        "aapl.csv",
        text("19980102,0.8613657,0.00892857,1", "20501231,1,1,0"),
        "lean_factors_csv",
        "quantconnect",
        others=2,
    ),
    Sample(
        "googl.csv",
        text("20040819,goog,Q", "20140402,goog,Q", "20501231,googl,Q"),
        "lean_map_csv",
        "quantconnect",
        others=2,
    ),
    Sample(
        "WIKI-AAPL.csv",
        text(
            "Date,Open,High,Low,Close,Volume,Ex-Dividend,Split Ratio,Adj. Open,Adj. High,Adj. Low,Adj. Close,Adj. Volume",
            "2024-06-03,3,4.27,1,2.5,700,0.1,7.0,3,4,1,2.25,700",
            "2024-05-31,3,4,1,2,700,0.0,1.0,3,4,1,2,700",
        ),
        "wiki_csv",
        "quandl",
        "raw",
        "AAPL",
        values=(3, 4.27, 1, 2.5, 2.25, 700),
        others=1,
    ),
    Sample(
        "ARCHIVE.zip",
        zipped(
            "t.csv",
            "ticker,date,open,high,low,close,volume,ex-dividend,split_ratio,adj_open,adj_close",
            "BRK_A,2024-06-03,3,4.27,1,2.5,700,0.0,1.0,3,2.25",
        ),
        "wiki_zip",
        "quandl",
        "raw",
        "BRK-A",
        values=(3, 4.27, 1, 2.5, 2.25, 700),
    ),
    Sample(
        "yahoo_daily_2014.parquet",
        parquet(**BAR, adj_close=[2.25]),
        "coins_parquet",
        "yahoo",
        "raw",
        "AAA",
        values=(3, 4.27, 1, 2.5, 2.25, 700),
    ),
    Sample(
        "BTC_USD_daily_to_2025.csv",
        text("date,open,high,low,close,volume", "2024-06-03,3,4.27,1,2.5,700"),
        "coins_csv",
        "yahoo",
        "raw",
        "BTC-USD",
        values=(3, 4.27, 1, 2.5, 2.5, 700),
    ),
    Sample(
        "Coinbase-ETH-USD-PT1D-2.json",
        json.dumps(
            {
                "candles": [
                    {"start": "1717372800", "low": "1", "high": "4.27", "open": "3", "close": "2.5", "volume": "700"}
                ]
            }
        ).encode(),
        "coinbase_json",
        "coinbase",
        "raw",
        "ETH-USD",
        values=(3, 4.27, 1, 2.5, 2.5, 700),
    ),
    Sample(
        "vix_daily.csv",
        text("DATE,OPEN,HIGH,LOW,CLOSE", "2024-06-03,3,4.27,1,2.5"),
        "vix_csv",
        "cboe",
        "raw",
        "^VIX",
        values=(3, 4.27, 1, 2.5, 2.5, NAN),
    ),
    Sample("cboe.csv", text("date,VIX1D,VIX", "2024-06-03,,13.1"), "cboe_levels_csv", "cboe", others=1),
    Sample("fred.csv", text("date,FEDFUNDS,DGS10", "2024-06-03,5.33,4.41"), "fred_rates_csv", "fred", others=2),
    Sample(
        "DEXUSEU.csv",
        text("DATE,DEXUSEU", "2024-06-03,1.0842", "2024-06-04,", "2024-06-05,."),
        "fred_pair_csv",
        "fred",
        others=1,
    ),
    Sample("fx.csv", text("date,DXY,EURUSD", "2024-06-03,,1.0842"), "yahoo_pairs_csv", "yahoo", others=1),
    Sample(
        "SPX_1h_to_2025.csv.gz",
        gzip.compress(
            text("date,open,high,low,close,volume,wap,count", "2024-06-03 13:30:00+00:00,3,4,1,2,0,0,1"), mtime=0
        ),
        "hourly_csv",
        "ibkr",
    ),
)
BY_NAME = {sample.name: sample for sample in SAMPLES}


def parse(sample: Sample, content: bytes | None = None, **changes: Any) -> Any:
    """Read a sample as a stored file."""
    symbol = next(one for one in FORMATS if one.name == sample.form).symbol_of(sample.name)
    stored = record(f"c/{sample.name}", sample.form, sample.provider, **({"symbol": symbol} | changes))
    return FormatParser().parse(stored, sample.content if content is None else content)


def test_every_format_has_a_sample():
    """A new format comes with a small file of its own."""
    assert {sample.form for sample in SAMPLES} == {one.name for one in FORMATS if one.recognises is not never}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_one_format_knows_a_file_and_no_other(sample):
    """By its name and first bytes, in capitals too; its provider and basis stand in the registry."""
    knowing = [one for one in FORMATS if one.recognises(sample.name.lower(), sample.content[:HEAD_BYTES])]

    assert [one.name for one in knowing] == [sample.form]
    assert recognise(sample.name.upper(), sample.content[:HEAD_BYTES]) is knowing[0]
    assert knowing[0].provider == sample.provider
    assert (knowing[0].basis or "") == sample.basis.partition(" as of ")[0]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_each_value_lands_where_it_belongs(sample):
    """Symbol, day and the six values of the first bar; NaN where the provider tells none."""
    parsed = parse(sample)

    assert parsed.unread == ()
    assert parsed.file == f"c/{sample.name}"
    told = (*parsed.actions, *parsed.announced, *parsed.factors, *parsed.fixings, *parsed.renames)
    assert len(told) + (0 if parsed.levels is None else len(parsed.levels.value)) == sample.others
    if not sample.values:
        assert parsed.bars is None
        return
    bars = parsed.bars
    assert (bars.provider, str(bars.basis)) == (sample.provider, sample.basis)
    assert (bars.symbol[0], bars.session[0].astype(object)) == (sample.symbol, sample.day)
    np.testing.assert_array_equal([getattr(bars, name)[0] for name in BAR_FIELDS], sample.values)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
@settings(max_examples=40)
@given(data=st.data())
def test_damaged_bytes_are_told_or_refused(sample, data):
    """Cut short, or with some bytes changed: what can be read is given, anything else is our own error."""
    content = bytearray(sample.content[: data.draw(st.integers(0, len(sample.content)))])
    for at in data.draw(st.lists(st.integers(0, max(0, len(content) - 1)), max_size=4)) if content else ():
        content[at] = data.draw(st.integers(0, 255))

    recognise(sample.name, bytes(content[:HEAD_BYTES]))
    with suppress(SourceError):
        bars = parse(sample, bytes(content)).bars
        assert bars is None or len({len(getattr(bars, name)) for name in BAR_FIELDS}) == 1


def test_the_header_told_again_inside_an_evening_is_no_row():
    """The originals hold their first line several times; each row keeps the evening on which it was told."""
    bars = parse(BY_NAME["20150715.tar.gz"]).bars

    assert bars.session.tolist() == [date(2015, 7, 15), date(2015, 7, 14)]
    assert bars.known_on.tolist() == [date(2015, 7, 15)] * 2
    assert (bars.close[1], bars.adj_close[1]) == (702.6, 100.3714)
    assert parse(BY_NAME["members_asof.parquet"]).bars.known_on.tolist() == [TUESDAY]


def test_an_evening_on_which_nothing_was_told_says_so():
    """An empty file is told, and is no error: the other evenings count."""
    parsed = parse(BY_NAME["20150715.tar.gz"], evening(b""))

    assert parsed.bars is None
    assert parsed.unread == ("c/20150715.tar.gz: prices.csv is empty: nothing was told on that evening",)


@pytest.mark.parametrize("name", [sample.name for sample in SAMPLES if sample.form in ("stooq_csv", "stooq_bulk")])
def test_reading_at_once_and_row_by_row_give_the_same(name):
    """One bad row makes all rows be read one by one; the sound ones are what they were."""
    sample = BY_NAME[name]
    whole, with_bad = parse(sample).bars, parse(sample, sample.content + b"x\n")

    assert len(with_bad.unread) == 1
    for field in BAR_FIELDS:
        np.testing.assert_array_equal(getattr(with_bad.bars, field), getattr(whole, field))
    assert with_bad.bars.symbol.tolist() == whole.symbol.tolist()
    assert with_bad.bars.session.tolist() == whole.session.tolist()

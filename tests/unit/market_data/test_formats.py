"""Formats: how each file is known, what it becomes, and what is said of rows that cannot be read."""

from __future__ import annotations

import gzip
import io
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.formats.form import HEAD_BYTES
from adapters.sources.formats.registry import FormatParser, reason_to_skip, recognise
from core.domain.bars import Action, Basis, Factor, Fixing, Rename
from flows.ports import SourceError
from tests.unit.market_data.files import ACTIONS, BENCHMARK, BULK, STOOQ, prices, rates_zip, record, yahoo_parquet

MONDAY, TUESDAY = date(2024, 6, 3), date(2024, 6, 4)
PRICES = prices("AAPL", days=[MONDAY])


def parse(name, form, content, **changes):
    """Read bytes as a stored file of a format."""
    given_content = content.encode() if isinstance(content, str) else content
    return FormatParser().parse(record(name, form, **changes), given_content)


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("prices_2024.parquet", PRICES, "yahoo_parquet"),
        ("overlap_2016_2019.parquet", PRICES, "yahoo_parquet"),
        ("prices_2024.parquet", b"not parquet", None),
        ("actions.csv", ACTIONS.encode(), "yahoo_actions_csv"),
        ("spy_qqq_raw_and_adjusted.csv", BENCHMARK.encode(), "benchmark_csv"),
        ("aapl_us_d.csv", STOOQ.encode(), "stooq_csv"),
        ("AAPL_US_D.CSV", b"\xef\xbb\xbf" + STOOQ.encode(), "stooq_csv"),
        ("aapl_us_d.downloaded-2019-05.csv", STOOQ.replace("\r\n", "\n").encode(), "stooq_csv"),
        ("eurusd_d.csv", b"Date,Open,High,Low,Close\r\n", "stooq_csv"),
        ("aapl_us_w.csv", STOOQ.encode(), None),
        ("RTY=F.csv", b"Date,Open,High,Low,Close,Adj Close,Volume\n", "yahoo_csv"),
        ("msft.us.txt", BULK.encode(), "stooq_bulk"),
        ("abio.us.txt", b"", None),
        ("eurofxref-hist.zip", rates_zip(), "ecb_zip"),
        ("eurusd.zip", rates_zip(), None),
        ("README.md", b"# Data", None),
    ],
    ids=lambda value: "bytes" if isinstance(value, bytes) else None,
)
def test_knows_a_file_by_name_and_first_bytes(name, content, form):
    """What is not ours is in no format, whatever it is called."""
    found = recognise(name, content[:HEAD_BYTES])

    assert (found.name if found else None) == form


def test_reads_the_main_set():
    """Each value lands in its own array, and the basis is the one that the raw index states."""
    rows = [("BRK-B", MONDAY, 3, 4, 1, 2, 1.5, 700), ("AAPL", TUESDAY, 30, 40, 10, 20, 15, 7)]
    basis = Basis("split-adjusted", date(2026, 3, 13))

    parsed = parse("main/prices_2024.parquet", "yahoo_parquet", yahoo_parquet(rows), basis=basis)

    bars = parsed.bars
    assert (bars.provider, bars.basis, parsed.file) == ("yahoo", basis, "main/prices_2024.parquet")
    assert bars.symbol.tolist() == ["BRK-B", "AAPL"]
    assert bars.session.tolist() == [MONDAY, TUESDAY]
    columns = (bars.open, bars.high, bars.low, bars.close, bars.adj_close, bars.volume)
    assert [column.tolist() for column in columns] == [[3, 30], [4, 40], [1, 10], [2, 20], [1.5, 15], [700, 7]]


def test_a_class_of_shares_has_one_symbol():
    """BRK.B and BRK-B are one; what follows the point in other symbols is an exchange."""
    rows = [(name, MONDAY, *[1] * 5, 1) for name in ("BRK.B", "BRK-B", "AZT.OL", "LA.V", "OCDO.L")]

    bars = parse("main/prices_1.parquet", "yahoo_parquet", yahoo_parquet(rows)).bars

    assert bars.symbol.tolist() == ["BRK-B", "BRK-B", "AZT.OL", "LA.V", "OCDO.L"]


@given(st.lists(st.floats(2**-13, 2**27, width=32), min_size=1, max_size=20))
def test_a_float32_becomes_the_decimal_of_seven_digits(numbers):
    """For all prices: the float64 nearest to what seven digits print, so that no binary noise reaches money."""
    rows = [("AAPL", MONDAY, *[number] * 5, 1) for number in numbers]

    bars = parse("main/prices_1.parquet", "yahoo_parquet", yahoo_parquet(rows)).bars

    assert bars.close.tolist() == [float(f"{np.float32(number):.7g}") for number in numbers]


def test_a_float64_stays_as_it_is():
    """A price of eight digits is exact there; NaN and zero survive for cleaning to judge."""
    rows = [("AAPL", MONDAY, 1234.5678, np.nan, 0.0, -1.0, 1e7, 1)]
    both = [yahoo_parquet(rows, number=number) for number in (np.float64, np.float32)]

    wide, narrow = (parse("main/prices_1.parquet", "yahoo_parquet", content).bars for content in both)

    assert wide.open[0] == 1234.5678
    assert narrow.open[0] == 1234.568
    for bars in (wide, narrow):
        assert np.isnan(bars.high[0])
        assert (bars.low[0], bars.close[0], bars.adj_close[0]) == (0.0, -1.0, 1e7)


def test_a_row_without_symbol_or_date_is_told():
    """The others are kept."""
    content = yahoo_parquet([("AAPL", MONDAY, *[1] * 5, 1), (None, MONDAY, *[1] * 5, 1), ("SPY", None, *[1] * 5, 1)])

    parsed = parse("main/prices_1.parquet", "yahoo_parquet", content)

    assert parsed.bars.symbol.tolist() == ["AAPL"]
    assert [sentence.split(":")[0] for sentence in parsed.unread] == [
        f"main/prices_1.parquet row {at}" for at in (2, 3)
    ]


def test_reads_dividends_and_splits_without_losing_a_digit():
    """Empty and zero are no event; amounts never pass through a float."""
    parsed = parse("main/actions.csv", "yahoo_actions_csv", ACTIONS + "KO,2024-06-06,0.1234567890123456789,,\n")

    assert parsed.actions == (
        Action("yahoo", "AAPL", TUESDAY, Decimal("0.25"), Decimal("0.0")),
        Action("yahoo", "AAPL", date(2024, 6, 5), Decimal("0.0"), Decimal("4.0")),
        Action("yahoo", "KO", date(2024, 6, 6), Decimal("0.1234567890123456789"), Decimal("0")),
    )


def test_reads_benchmarks_as_raw():
    """Close as traded, adjusted close beside it."""
    bars = parse("benchmarks/b.csv", "benchmark_csv", BENCHMARK).bars

    assert bars.basis == Basis("raw")
    assert bars.symbol.tolist() == ["SPY", "QQQ"]
    assert (bars.close.tolist(), bars.adj_close.tolist(), bars.volume.tolist()) == (
        [101, 50.5],
        [95.5, 50.25],
        [1000, 2000],
    )


@pytest.mark.parametrize("ends", ["\r\n", "\n"])
def test_reads_stooq_as_total_return_as_of_its_last_day(ends):
    """The symbol comes from the file's name; close is adjusted close."""
    bars = parse("csv/aapl_us_d.x.csv", "stooq_csv", STOOQ.replace("\r\n", ends), provider="stooq").bars

    assert bars.basis == Basis("total-return", TUESDAY)
    assert bars.symbol.tolist() == ["aapl.us"] * 2
    assert bars.close.tolist() == bars.adj_close.tolist() == [10.5, 11.0]
    assert bars.volume.tolist() == [100.0, 200.5]


def test_reads_stooq_without_volume():
    """A currency has none: it is NaN, not zero."""
    bars = parse(
        "csv/eurusd_d.csv", "stooq_csv", "Date,Open,High,Low,Close\r\n1971-01-04,1,2,0.5,1.5\r\n", provider="stooq"
    ).bars

    assert bars.symbol.tolist() == ["eurusd"]
    assert np.isnan(bars.volume).all()


def test_reads_stooq_bulk():
    """Tickers become small letters, as the universe is asked for them; only daily rows are bars."""
    parsed = parse("b/msft.us.txt", "stooq_bulk", BULK + "MSFT.US,60,20240603,220000,1,1,1,1,1,0\n", provider="stooq")

    assert parsed.bars.symbol.tolist() == ["msft.us"]
    assert parsed.bars.session.tolist() == [MONDAY]
    assert parsed.unread == ("b/msft.us.txt line 3: <PER> was '60'; only daily bars (D) are read",)


def test_reads_reference_rates():
    """Currencies that were not fixed are absent, not zero; whose rates they are goes with them."""
    parsed = parse("ecb/eurofxref-hist.zip", "ecb_zip", rates_zip(), provider="ecb")

    assert len(parsed.fixings) == 6
    assert Fixing(TUESDAY, "GBP", Decimal("0.8512"), "ecb") in parsed.fixings
    made_up = parse("s/eurofxref-hist.zip", "ecb_zip", rates_zip(), provider="synthetic")
    assert {fixing.source for fixing in made_up.fixings} == {"synthetic"}


@pytest.mark.parametrize("bad", ["2024-06-06,x,1,1,", "2024-06-06,inf,1,1,", "06/06/2024,1,1,1,", "2024-06-06,1,"])
def test_rates_are_the_same_read_at_once_or_row_by_row(bad):
    """A bad row makes the reader go row by row: it is told by its line, and all others stay what they were."""
    text = "Date,USD,GBP,JPY,\n2024-06-05,1.0870,N/A,,\n2024-06-04, 1.0880 ,0.8512,170.10,\n"

    whole = parse("ecb/eurofxref.csv", "ecb_csv", text, provider="ecb")
    broken = parse("ecb/eurofxref.csv", "ecb_csv", f"{text}{bad}\n", provider="ecb")

    told = ((5, "USD", "1.0870"), (4, "USD", "1.0880"), (4, "GBP", "0.8512"), (4, "JPY", "170.10"))
    wanted = [Fixing(date(2024, 6, day), name, Decimal(rate), "ecb") for day, name, rate in told]
    assert list(whole.fixings) == list(broken.fixings) == wanted
    assert [str(one.per_eur) for one in whole.fixings] == [rate for *_, rate in told]
    assert [whole.unread, len(broken.unread), "line 4" in broken.unread[0]] == [(), 1, True]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("2024-06-05,null,null,null,null,null", "Open was 'null'; it must be a number"),
        ("2024-06-05,1,1,1,nan,1", "Close was 'nan'; it must be a number"),
        ("2024-06-05,1,1,1,inf,1", "Close was 'inf'; it must be a number"),
        ("2024-06-05,1,1,1,,1", "Close was ''; it must be a number"),
        ("05/06/2024,1,1,1,1,1", "Date was '05/06/2024'; it must be a day such as 2024-06-11"),
        ("2024-06-05,1,1,1,1", "5 fields were found; the header has 6"),
    ],
)
def test_a_bad_row_is_told_with_file_and_line_and_the_rest_is_kept(bad, words):
    """A row of nulls, a number that is none, a day in another order, a row cut short."""
    parsed = parse("csv/aapl_us_d.csv", "stooq_csv", f"{STOOQ}{bad}\r\n\r\n2024-06-06,1,1,1,1,1\r\n", provider="stooq")

    assert parsed.unread == (f"csv/aapl_us_d.csv line 4: {words}",)
    assert parsed.bars.close.tolist() == [10.5, 11.0, 1.0]


@pytest.mark.parametrize(
    ("name", "form", "content", "words"),
    [
        ("m/prices_1.parquet", "yahoo_parquet", PRICES[:-20], "not a readable Parquet file"),
        ("m/prices_1.parquet", "yahoo_parquet", b"PAR1", "not a readable Parquet file"),
        ("m/actions.csv", "yahoo_actions_csv", ACTIONS.encode() + b"\xff\xfe", "not readable as comma-separated text"),
        ("e/eurofxref.zip", "ecb_zip", rates_zip()[:40], "not a readable zip"),
        ("e/eurofxref.zip", "ecb_zip", rates_zip(name="a.txt"), "must hold one .csv file"),
        (
            "e/eurofxref.zip",
            "ecb_zip",
            rates_zip("Day,USD\n2024-06-04,1.1\n"),
            "column 'Date' is missing; the header has Day, USD",
        ),
        ("e/eurofxref.zip", "fax", b"", "format fax is not one of"),
    ],
    ids=lambda value: "bytes" if isinstance(value, bytes) else None,
)
def test_a_file_that_cannot_be_read_at_all_is_an_error(name, form, content, words):
    """Never an empty answer: the message names file and fault."""
    with pytest.raises(SourceError, match=f"{name}( .*)?: .*{words}"):
        parse(name, form, content)


def test_a_parquet_of_other_columns_is_an_error():
    """The missing columns are named."""
    buffer = io.BytesIO()
    pq.write_table(pa.table({"symbol": ["A"], "close": [1.0]}), buffer)

    with pytest.raises(SourceError, match=r"m/prices_1.parquet: columns \['adj_close', 'date'"):
        parse("m/prices_1.parquet", "yahoo_parquet", buffer.getvalue())


def test_an_empty_table_is_no_bars():
    """Nothing there is an empty value, not an error."""
    header = STOOQ.splitlines()[0] + "\n"

    assert len(parse("csv/aapl_us_d.csv", "stooq_csv", header, provider="stooq").bars.close) == 0
    assert len(parse("m/prices_1.parquet", "yahoo_parquet", prices(days=[])).bars.close) == 0


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("abio.us.txt", b"", "empty"),
        (
            "options-AAPL.json",
            b'{"url": "https://a/v7/finance/options/AAPL"}',
            "an answer to a question for options, not prices",
        ),
        (
            "chart.json",
            b'{"url": "https://a/v8/finance/chart/AAPL?interval=1m"}',
            "bars of 1m; only daily bars are read",
        ),
        ("AV-L-1wk-bad.csv", b"Date,Open\n", "bars of 1wk; only daily bars are read"),
        ("metadata.csv.gz", gzip.compress(b"file.link,file.status\n", mtime=0), "metadata of a download"),
        ("btcusd_quote.zip", rates_zip(), "quotes beside the trades of the same market"),
        ("README.md", b"# Data", None),
    ],
)
def test_says_why_a_file_is_none_of_ours(name, content, reason):
    """Where somebody thought of it; else it is only named."""
    assert recognise(name, content[:HEAD_BYTES]) is None
    assert reason_to_skip(name, content[:HEAD_BYTES]) == reason


def test_reads_a_repeated_header_as_no_row():
    """It is neither a bar nor a fault."""
    head, *rows = STOOQ.splitlines()

    parsed = parse("csv/aapl_us_d.csv", "stooq_csv", "\r\n".join([head, rows[0], head, rows[1]]), provider="stooq")

    assert parsed.unread == ()
    assert len(parsed.bars.close) == 2


@pytest.mark.parametrize("day", ["2024-02-31", "2024-6-03", "20240231", "2024-W23-1x", "0000-01-01", "2024-0604"])
def test_a_day_that_is_none_is_told(day):
    """Whether the rows are read at once or one by one."""
    parsed = parse("csv/aapl_us_d.csv", "stooq_csv", f"{STOOQ}{day},1,1,1,1,1\r\n", provider="stooq")

    assert parsed.unread == (f"csv/aapl_us_d.csv line 4: Date was '{day}'; it must be a day such as 2024-06-11",)
    assert len(parsed.bars.close) == 2


@given(st.lists(st.floats(2**-13, 2**17, width=32), min_size=1, max_size=20), st.sampled_from([repr, "{:.15g}".format]))
def test_a_column_that_was_kept_in_32_bits_becomes_its_decimals(numbers, printed):
    """For all prices, however the wide number was printed; a column in which one number has cents of its own stays."""
    rows = "".join(f"2024-06-03,{','.join([printed(number)] * 5)},7\n" for number in numbers)
    header = "Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits\n"
    rows = rows.replace(",7\n", ",7,0,0\n")

    wide = parse("y/EWG-1d-x.csv", "yfinance_csv", header + rows, symbol="EWG").bars
    mixed = parse("y/EWG-1d-x.csv", "yfinance_csv", f"{header}{rows}2024-06-04,4.27,4.27,4.27,4.27,4.27,7,0,0\n").bars

    assert wide.close.tolist() == [float(f"{np.float32(number):.7g}") for number in numbers]
    assert mixed.close.tolist() == [float(printed(number)) for number in numbers] + [4.27]


def test_levels_have_no_bars():
    """A blank and a dot are days without a value; a word is told."""
    content = "DATE,DEXUSEU\n2024-06-03,1.0842\n2024-06-04,\n2024-06-05,.\n2024-06-06,x\n"
    parsed = parse("f/d.csv", "fred_pair_csv", content, provider="fred")

    assert parsed.bars is None
    levels = parsed.levels
    assert (levels.provider, levels.symbol.tolist(), levels.session.tolist(), levels.value.tolist()) == (
        "fred",
        ["EURUSD=X"],
        [MONDAY],
        [1.0842],
    )
    assert parsed.unread == ("f/d.csv line 5: DEXUSEU was 'x'; it must be a number",)


def test_a_map_of_lean_tells_who_stood_under_a_ticker():
    """The first line is the first day, each other one the last day of its ticker."""
    content = "20040819,goog,Q\n20140402,goog,Q\n20501231,googl,Q\n"
    parsed = parse("map_files/googl.csv", "lean_map_csv", content, provider="quantconnect")

    assert parsed.renames == (
        Rename("quantconnect", "GOOGL", "GOOG", date(2004, 8, 19), date(2014, 4, 2)),
        Rename("quantconnect", "GOOGL", "GOOGL", date(2014, 4, 3), date(2050, 12, 31)),
    )


def test_factors_of_lean_keep_their_digits():
    """Each row counts up to and on its day; the reference price is not needed."""
    parsed = parse(
        "factor_files/tap.a.csv", "lean_factors_csv", "20200828,0.9967882,0.25,499.23\n", provider="quantconnect"
    )

    assert parsed.factors == (
        Factor("quantconnect", "TAP-A", date(2020, 8, 28), Decimal("0.9967882"), Decimal("0.25")),
    )

"""Charts and downloads of Yahoo: what is taken from them, what is left out, and what is refused."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from adapters.sources.formats.registry import DEFECTS_OF, FormatParser
from core.domain.bars import Action, Basis
from flows.ports import SourceError
from tests.contract.test_formats import DOWNLOAD, QUOTE, chart, recorded, text
from tests.unit.market_data.files import record

MONDAY, TUESDAY = date(2024, 6, 3), date(2024, 6, 4)
# New York, 16:00 of Tuesday, which is the end of its session; and ten minutes before.
ENDED, RUNNING = 1717531200, 1717530600


def parse(content, form="yahoo_chart_json", **changes):
    """Read an answer as a stored file."""
    told = content if isinstance(content, bytes) else json.dumps(content).encode()
    return FormatParser().parse(record("fetched/AAPL.json", form, **changes), told)


def days(parsed):
    """Give the days of the bars."""
    return parsed.bars.session.tolist()


def test_bars_fall_on_the_exchanges_own_days():
    """Midnight of New York lies between them: an instant of UTC alone would say the wrong day in the east."""
    jakarta = {"exchangeTimezoneName": "Asia/Jakarta", "symbol": "WSKT.JK", "currency": "IDR"}

    assert days(parse(chart())) == [MONDAY, TUESDAY]
    # Sunday 20:30 UTC is Monday in Jakarta.
    late = chart(meta=jakarta, timestamp=[1717360200, 1717446600], events={})
    assert days(parse(late)) == [MONDAY, TUESDAY]


def test_dividends_and_splits_are_told_on_their_days():
    """Amounts keep their digits; an answer without events has none."""
    assert parse(chart()).actions == (
        Action("yahoo", "AAPL", MONDAY, Decimal(0), Decimal(4)),
        Action("yahoo", "AAPL", TUESDAY, Decimal("0.25"), Decimal(0)),
    )
    assert parse(chart(events=None)).actions == ()


@pytest.mark.parametrize(
    ("meta", "is_kept"),
    [
        ({"regularMarketTime": ENDED}, True),
        ({"regularMarketTime": ENDED - 1}, False),
        ({"regularMarketTime": RUNNING}, False),
        ({"regularMarketTime": 1717444800}, False),
        ({"currentTradingPeriod": {"regular": {"start": 1717594200, "end": 1717617600}}}, True),
    ],
    ids=["ended", "a second before", "running", "not begun", "the next one"],
)
def test_a_bar_of_a_running_session_is_left_out(meta, is_kept):
    """The last trade told must be of the session's end; a sentence says what is missing."""
    parsed = parse(chart(meta=meta))

    assert days(parsed) == ([MONDAY, TUESDAY] if is_kept else [MONDAY])
    words = f"fetched/AAPL.json bar {TUESDAY}: the session was still running; its bar is left out"
    assert parsed.unread == (() if is_kept else (words,))


def test_a_bar_of_nulls_is_told():
    """Yahoo leaves holes; one without prices is no bar, one without volume is."""
    holes = {**QUOTE, "open": [None, 5.0], "volume": [700, None]}

    parsed = parse(chart(indicators={"quote": [holes], "adjclose": [{"adjclose": [2.25, 5.5]}]}))

    assert days(parsed) == [TUESDAY]
    assert np.isnan(parsed.bars.volume).all()
    assert parsed.unread == (f"fetched/AAPL.json bar {MONDAY}: no prices (null)",)


def test_pence_become_pounds():
    """A hundredth of a currency is no currency of ours: prices and dividends are divided, volume is not."""
    parsed = parse(chart(meta={"symbol": "OCDO.L", "currency": "GBp"}))

    assert parsed.bars.close.tolist() == [0.025, 0.055]
    assert parsed.bars.volume.tolist() == [700, 800]
    assert [one.dividend for one in parsed.actions if one.dividend] == [Decimal("0.0025")]


@pytest.mark.parametrize(
    ("meta", "asked", "words"),
    [
        ({"symbol": "MSFT"}, "AAPL", "it holds MSFT; AAPL was asked for"),
        ({"currency": "EUR"}, None, "the prices of AAPL are in EUR; they must be in USD"),
        ({"symbol": "EURUSD=X", "currency": "GBP"}, None, "the prices of EURUSD=X are in GBP; they must be in USD"),
        ({"symbol": "BTC-USD", "currency": "EUR"}, None, "the prices of BTC-USD are in EUR; they must be in USD"),
        ({"dataGranularity": "1m"}, None, "the bars are of 1m; only daily bars"),
        ({"exchangeTimezoneName": "Mars/Olympus"}, None, "not a chart of daily bars"),
    ],
)
def test_a_chart_that_contradicts_itself_is_refused(meta, asked, words):
    """Another symbol, another currency, another length of bar: nothing of it is used."""
    with pytest.raises(SourceError, match=rf"fetched/AAPL\.json: {words}"):
        parse(chart(meta=meta), symbol=asked)


@pytest.mark.parametrize("symbol", ["GC=F", "^GSPC", "AZT.OL", "0P000071W8.TO", "BRK-B"])
def test_other_symbols_say_nothing_of_their_currency(symbol):
    """Only pairs, coins and plain American tickers do."""
    currency = "USD" if symbol == "BRK-B" else "NOK"

    assert parse(chart(meta={"symbol": symbol, "currency": currency})).bars.symbol[0] == symbol


def test_an_answer_without_bars_is_empty_and_an_error_is_refused():
    """Nothing there is a value; what could not be asked is an error."""
    empty = chart(timestamp=None, events=None, indicators={"quote": [{}], "adjclose": [{}]})
    assert days(parse(empty)) == []

    error = '{"chart": {"result": null, "error": {"code": "Not Found"}}}'
    for broken in (error, '{"chart": {}}', '{"chart": {"result": [{}]}}'):
        with pytest.raises(SourceError, match=r"fetched/AAPL\.json: "):
            parse(broken.encode())


def test_a_recording_is_adjusted_as_of_the_day_on_which_it_was_served():
    """Unless the source states a day of its own; it must be an answer to the question for its symbol."""
    url = "https://a/v8/finance/chart/AAPL?interval=1d"
    stated = Basis("split-adjusted", date(2026, 1, 2))

    assert parse(recorded(url, bodyJson=chart())).bars.basis == Basis("split-adjusted", date(2024, 6, 6))
    assert parse(recorded(url, bodyJson=chart()), basis=Basis("split-adjusted")).bars.basis.as_of == date(2024, 6, 6)
    assert parse(recorded(url, bodyJson=chart()), basis=stated).bars.basis == stated
    assert parse(recorded(url, body=json.dumps(chart()))).bars.symbol[0] == "AAPL"
    with pytest.raises(SourceError, match="it holds AAPL; MSFT was asked for"):
        parse(recorded(url.replace("AAPL", "MSFT"), bodyJson=chart()))
    with pytest.raises(SourceError, match="the answer was 429 'Too Many Requests'"):
        parse(recorded(url, status=429, body="Too Many Requests"))


def test_an_error_of_the_older_download_is_refused_with_its_words():
    """The body is no table, whatever the status says."""
    url = "https://a/v7/finance/download/BEKE?interval=1d"
    for status, body in ((400, "400 Bad Request: Data doesn't exist"), (200, "<html>")):
        with pytest.raises(SourceError, match=f"the answer was {status} .*; it must be 200 with prices"):
            parse(recorded(url, status=status, body=body), "yahoo_csv_exchange")


def test_a_file_read_for_its_defects_gives_no_bars():
    """The rows of nulls are told by their lines, and nothing else of the file counts."""
    table = text(*DOWNLOAD, "2024-06-04,null,null,null,null,null,null")
    for form, count in (("yahoo_csv", 1), (f"{DEFECTS_OF}yahoo_csv", None)):
        parsed = FormatParser().parse(record("c/RTY=F.csv", form, symbol="RTY=F"), table)

        assert (None if parsed.bars is None else len(parsed.bars.close)) == count
        assert parsed.unread == ("c/RTY=F.csv line 3: Open was 'null'; it must be a number",)


def test_hourly_bars_are_read_for_what_is_wrong_with_them():
    """Mixed offsets, a bar outside its range, an instant that is none: all are told, and no day is made of hours."""
    head = "date,open,high,low,close,volume,wap,count"
    rows = ("2024-06-03 13:30:00+00:00,3,4,1,2,0,0,1", "2024-06-03 10:30:00-04:00,3,4,1,2,0,0,1")
    bad = ("2024-06-03 15:30:00+00:00,5,4,1,2,0,0,1", "2024-06-03,3,4,1,2,0,0,1")

    parsed = FormatParser().parse(record("c/SPX_1h_x.csv", "hourly_csv", "ibkr"), text(head, *rows, *bad))

    assert parsed.bars is None
    assert parsed.unread == (
        "c/SPX_1h_x.csv line 4: open or close is outside low to high: 5.0, 4.0, 1.0, 2.0",
        "c/SPX_1h_x.csv line 5: date was '2024-06-03'; it must be an instant such as 2024-06-11 14:00:00+00:00",
        "c/SPX_1h_x.csv: the instants mix offsets: +00:00 1 times, -04:00 1 times; they must have one",
    )


def test_a_daily_file_with_an_hour_in_it_tells_that_row():
    """A bar that does not begin at midnight is of no day."""
    columns = "Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits"
    rows = ("2024-06-03 00:00:00-04:00,3,4,1,2,2,7,0,0", "2024-06-04 09:30:00-04:00,3,4,1,2,2,7,0,0")

    parsed = FormatParser().parse(record("c/EWG-1d-x.csv", "yfinance_csv", symbol="EWG"), text(columns, *rows))

    assert days(parsed) == [MONDAY]
    assert parsed.unread == (
        "c/EWG-1d-x.csv line 3: Date was '2024-06-04 09:30:00-04:00'; a daily bar begins at 00:00",
    )

"""Fetching over HTTP, on loopback: what is asked, how gently, what counts as an answer, and what the raw store holds then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.files.raw_store import RawFiles
from adapters.sources.ecb import last_publication
from adapters.sources.formats.registry import FormatParser
from adapters.sources.http import HttpSource
from core.domain.bars import Basis
from core.settings_sources import SourceName
from flows.ports import RawRecord, SourceError
from tests.fakes.fetching import AT, LAST, Time, source
from tests.fakes.replay import LIMIT, PAGE, Answer, Replay, replaying, stooq_csv, yahoo_chart, yahoo_error
from tests.unit.market_data.files import rates_zip
from tests.unit.market_data.making import instrument

NAMES = ("AAPL", "KO", "MSFT")
# 13:30 UTC of Monday and Tuesday, June 3 and 4, 2024: New York opens.
OPENS = (1717421400, 1717507800)
PRICES: tuple[SourceName, ...] = ("stooq", "yahoo")
NEXT_DAY = AT + timedelta(days=1)


def bodies() -> dict[str, bytes | Answer]:
    """Give good answers of all three providers."""
    days = ("2024-06-03", "2024-06-04")
    stooq = {f"{name}.US": stooq_csv(days, close=10.0 + at) for at, name in enumerate(NAMES)}
    yahoo = {name: yahoo_chart(name, OPENS, close=10.0 + at) for at, name in enumerate(NAMES)}
    return {**stooq, **yahoo, "eurofxref-hist.zip": rates_zip()}


@pytest.fixture
def replay() -> Iterator[Replay]:
    """Give a server with good answers."""
    with replaying(bodies()) as replay:
        yield replay


@dataclass
class Store:
    """A raw store that a source fills, as the flow does: each file as it comes."""

    raw: RawFiles
    cookies: Path

    def fill(self, one: HttpSource, at: datetime = AT) -> None:
        """Store what a source gives."""
        for file in one.fetch():
            self.raw.store(file, at=at)

    def told(self) -> dict[str, bytes]:
        """Give the bytes by the last part of the name."""
        return {record.name.rpartition("/")[2]: self.raw.read(record) for record in self.raw.records()}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give an empty raw store."""
    return Store(RawFiles(tmp_path / "raw"), tmp_path / "cookies")


Make = Callable[..., HttpSource]


@pytest.fixture
def make(replay: Replay, store: Store) -> Make:
    """Give what makes a source that asks the server and knows what is stored."""

    def made(name: SourceName, names: Sequence[Any] = NAMES, **changes: Any) -> HttpSource:
        return source(name, replay.address, names, cookies=store.cookies, records=store.raw.records, **changes)

    return made


def subject(name: SourceName, symbol: str) -> str:
    """Give what the server knows a symbol by."""
    return symbol if name == "yahoo" else f"{symbol}.US"


# --- what is asked and stored -----------------------------------------------------------------------------------------


def test_the_exact_bytes_are_stored_with_address_symbol_and_session(make, replay, store):
    """One file a symbol; the origin is what was asked, up to the last session that is over."""
    store.fill(make("stooq"))
    store.fill(make("yahoo"))
    store.fill(make("ecb"))

    assert store.told() == {
        **{f"{name.lower()}_us_d.csv": bodies()[f"{name}.US"] for name in NAMES},
        **{f"{name}.json": bodies()[name] for name in NAMES},
        "eurofxref-hist.zip": bodies()["eurofxref-hist.zip"],
    }
    records = {record.name: record for record in store.raw.records()}
    stooq, yahoo = records["fetched/aapl_us_d.csv"], records["fetched/AAPL.json"]
    assert (stooq.path, stooq.symbol) == ("stooq/aapl.us/2024-06-05.csv", "aapl.us")
    assert (stooq.basis, yahoo.basis) == (Basis("total-return", LAST), Basis("split-adjusted", LAST))
    assert stooq.origin == f"{replay.address}/q/d/l/?s=aapl.us&d1=20230604&d2=20240604&i=d"
    assert yahoo.origin.startswith(f"{replay.address}/v8/finance/chart/AAPL?period1=1685836800&period2=1717534800&")
    assert "crumb" not in yahoo.origin
    assert records["fetched/eurofxref-hist.zip"].path == "ecb/_many/eurofxref-hist-2024-06-05.zip"


def test_what_is_stored_can_be_read(make, store):
    """Each answer is in a format that the parser knows, and holds the bars that were sent."""
    for name in ("stooq", "yahoo", "ecb"):
        store.fill(make(name))

    parsed = [FormatParser().parse(record, store.raw.read(record)) for record in store.raw.records()]

    bars = [one.bars for one in parsed if one.bars is not None]
    assert [list(one.close) for one in bars] == [[10.0] * 2, [11.0] * 2, [12.0] * 2] * 2
    assert {day for one in bars for day in one.session.astype(object)} == {date(2024, 6, 3), LAST}
    assert [one.unread for one in parsed] == [()] * 7
    assert len(parsed[-1].fixings) == 6


def test_yfinance_asks_nobody_but_the_configured_address(make, replay, store):
    """Its cookie and its crumb come from there too, and its crumb goes with each chart."""
    store.fill(make("yahoo"))

    beside = [path for path in replay.seen.paths if "chart" not in path]
    assert replay.seen.counts() == {name.lower(): 1 for name in NAMES}
    assert set(beside) <= {"/", "/v1/test/getcrumb", "/consent"}
    assert all("crumb=a.crumb" in path for path in replay.seen.paths if "chart" in path)


def test_yfinance_puts_a_refused_crumb_right(make, replay, store):
    """An answer of 401 is yfinance's to deal with: a new crumb, and the chart again."""
    replay.plan("AAPL", Answer(yahoo_error("Unauthorized", "Invalid Crumb"), status=401))

    store.fill(make("yahoo", ["AAPL"]))

    assert replay.seen.counts()["aapl"] == 2
    assert len(store.raw.records()) == 1


@pytest.mark.parametrize("name", ["stooq", "yahoo", "ecb"])
def test_a_second_fetch_of_the_same_day_asks_nothing(make, replay, store, name):
    """Not before the next session is over and told: at 20:59 UTC still nothing, at 21:00 everything."""
    store.fill(make(name))
    before = len(replay.seen.subjects())
    still = {"ecb": AT.replace(hour=14, minute=59)}.get(name, AT.replace(hour=20, minute=59))

    store.fill(make(name, at=still), at=still)
    assert len(replay.seen.subjects()) == before
    store.fill(make(name, at=still + timedelta(minutes=1)), at=still + timedelta(minutes=1))
    assert len(replay.seen.subjects()) == 2 * before


@pytest.mark.parametrize("name", [*PRICES, "ecb"])
def test_the_same_bytes_on_the_next_day_are_an_answer_of_that_day(make, replay, store, name):
    """A note says so: nothing is asked a third time, and what was told is as old as it was."""
    store.fill(make(name, ["AAPL"]))
    (before,) = store.raw.records()
    one = make(name, ["AAPL"], at=NEXT_DAY)

    store.fill(one, at=NEXT_DAY)
    store.fill(make(name, ["AAPL"], at=NEXT_DAY), at=NEXT_DAY)

    assert set(replay.seen.counts().values()) == {2}
    same, note = store.raw.records()
    assert same == before
    assert note.name == f"{before.name}.unchanged"
    assert before.sha256.encode() in store.raw.read(note)
    parsed = FormatParser().parse(note, store.raw.read(note))
    assert (parsed.bars, parsed.fixings, parsed.unread) == (None, (), ())
    assert (one.tally.unchanged, one.tally.files) == (1, 0)
    store.fill(make(name, ["AAPL"], at=NEXT_DAY + timedelta(days=1)), at=NEXT_DAY + timedelta(days=1))
    assert len(store.raw.records()) == 3


def test_each_calendar_has_its_own_last_session(make, replay, store):
    """On a Sunday a coin's last day is Saturday, a share's is Friday; what is asked says so."""
    coin = instrument("BTC-USD", exchange="CRYPTO", kind="crypto", stooq_symbol="BTCUSD", yahoo_symbol="BTC-USD")
    replay.bodies["btcusd"] = stooq_csv(["2024-06-08"])
    sunday = datetime(2024, 6, 9, 12, tzinfo=UTC)

    store.fill(make("stooq", [coin, "AAPL"], at=sunday), at=sunday)

    asked = {path.partition("s=")[2].partition("&d1")[0]: path.partition("d2=")[2][:8] for path in replay.seen.paths}
    assert asked == {"btcusd": "20240608", "aapl.us": "20240607"}


def test_the_rates_are_new_once_a_weekday():
    """At 16:00 in Frankfurt and an hour, winter and summer; the weekend waits for Monday."""
    hour = timedelta(hours=1)

    assert last_publication(datetime(2024, 6, 5, 14, 59, tzinfo=UTC), hour) == datetime(2024, 6, 4, 15, tzinfo=UTC)
    assert last_publication(datetime(2024, 6, 5, 15, 0, tzinfo=UTC), hour) == datetime(2024, 6, 5, 15, tzinfo=UTC)
    assert last_publication(datetime(2024, 1, 8, 15, 59, tzinfo=UTC), hour) == datetime(2024, 1, 5, 16, tzinfo=UTC)


# --- gently -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRICES)
def test_so_many_questions_at_once_and_no_more(replay, store, name):
    """The server holds the first answers until three requests are in: three do come at once, a fourth never."""
    names = [f"N{number}" for number in range(12)]
    for one in names:
        replay.bodies[one.lower()] = yahoo_chart(one, OPENS)
        replay.bodies[f"{one.lower()}.us"] = stooq_csv(["2024-06-04"])
    replay.together = 3

    store.fill(source(name, replay.address, names, cookies=store.cookies, concurrency=3))

    assert replay.seen.at_once_max == 3
    assert len(store.raw.records()) == 12


def test_requests_begin_a_pause_apart(make, store):
    """Whatever the answers take."""
    time = Time()

    store.fill(make("stooq", time=time, pause_milliseconds=500))

    assert time.naps == [0.5, 0.5]


@pytest.mark.parametrize("name", [*PRICES, "ecb"])
@pytest.mark.parametrize(
    "fault",
    [
        Answer(b"sorry", status=500),
        Answer(b"sorry", status=503),
        Answer(b"slow down", status=429),
        Answer(stooq_csv(["2024-06-03", "2024-06-04"]), cut_at=60),
        Answer(b""),
    ],
    ids=["500", "503", "429", "cut", "empty"],
)
def test_what_broke_on_the_way_is_asked_again_with_growing_waits(make, replay, store, name, fault):
    """Twice broken, the third try is stored: the waits double, less a jitter."""
    replay.plan("*", fault, fault)
    time = Time()

    store.fill(make(name, ["AAPL"], time=time))

    assert set(replay.seen.counts().values()) == {3}
    first, second = time.naps
    assert 0.5 <= first <= 1.0 <= second <= 2.0
    assert len(store.raw.records()) == 1
    assert set(store.told().values()) <= set(bodies().values())


@pytest.mark.parametrize("name", PRICES)
def test_a_wait_that_is_asked_for_is_kept_by_all(make, replay, store, name):
    """Retry-After in seconds or as an instant; nobody asks anything before."""
    asked = {"Date": "Wed, 05 Jun 2024 06:30:00 GMT", "Retry-After": "Wed, 05 Jun 2024 06:30:42 GMT"}
    replay.plan(subject(name, "AAPL"), Answer(b"", status=429, headers={"Retry-After": "17"}))
    replay.plan(subject(name, "KO"), Answer(b"", status=503, headers=asked))
    time = Time()

    store.fill(make(name, time=time))

    assert time.naps == [17, 42]
    assert replay.seen.counts()[subject(name, "AAPL").lower()] == 2
    assert len(store.raw.records()) == 3


@pytest.mark.parametrize("name", PRICES)
@pytest.mark.parametrize("wait", ["121", None])
def test_a_provider_that_wants_no_more_questions_is_left_alone(make, replay, store, name, wait):
    """A wait beyond the setting, or 429 to the last try: what is there is kept, the rest is told and not asked."""
    fault = Answer(b"", status=429, headers={"Retry-After": wait} if wait else {})
    replay.plan(subject(name, "KO"), fault, fault, fault)
    one = make(name)

    store.fill(one)

    assert [record.symbol and record.symbol[:4].lower() for record in store.raw.records()] == ["aapl"]
    assert "answered 429" in one.failures()[0]
    assert [words.partition(":")[0] for words in one.failures()] == [
        f"{name} {subject(name, 'KO')}",
        f"{name} {subject(name, 'MSFT')}",
    ]
    assert "not asked" in one.failures()[1]
    assert subject(name, "MSFT").lower() not in replay.seen.counts()


def test_a_slow_answer_is_given_up(make, replay, store):
    """A whole answer has its time; the next try gets one of its own."""
    replay.plan("AAPL.US", Answer(b"", is_held=True))

    store.fill(make("stooq", ["AAPL"], timeout_seconds=1))

    assert replay.seen.counts()["aapl.us"] == 2
    assert len(store.raw.records()) == 1


def test_nobody_there_is_an_error_after_a_few_tries(store):
    """An address where nothing answers: could not look, before the first file."""
    with replaying({}) as gone:
        address = gone.address
    one = source("stooq", address, [f"N{number}" for number in range(40)], cookies=store.cookies)

    with pytest.raises(SourceError, match=r"stooq: none of 40 questions was answered; the first: stooq N0\.US: Conn"):
        one.fetch()
    assert len(one.failures()) == 40
    assert one.tally.requests == 5 * 3


# --- what is taken for an answer --------------------------------------------------------------------------------------


def wrong_symbol() -> Answer:
    """Give a good CSV that says that it is of another symbol."""
    return Answer(stooq_csv(["2024-06-04"]), headers={"Content-Disposition": "attachment;filename=ko_us_d.csv"})


@pytest.mark.parametrize(
    ("name", "fault", "words"),
    [
        ("stooq", Answer(PAGE), "answered with a page (HTML), not CSV"),
        ("stooq", Answer(b"gone", status=404), "answered 404"),
        (
            "stooq",
            Answer(b"Zamknij sesje\r\n"),
            "the header was 'Zamknij sesje'; it must be Date,Open,High,Low,Close,Volume",
        ),
        ("stooq", wrong_symbol(), "the answer is ko_us_d.csv; msft_us_d.csv was asked for"),
        (
            "stooq",
            Answer(stooq_csv(["2024-06-04", "2024-06-05"])),
            "it holds a bar of 2024-06-05; bars up to 2024-06-04",
        ),
        ("yahoo", Answer(PAGE), "answered 200 with a page (HTML), not JSON"),
        ("yahoo", Answer(yahoo_chart("KO", OPENS)), "the answer is of KO; MSFT was asked for"),
        (
            "yahoo",
            Answer(yahoo_error("Bad Request", "Invalid input"), status=400),
            "answered 400 Bad Request: Invalid input",
        ),
        ("yahoo", Answer(b'{"finance": {}}'), "which is no chart"),
        ("yahoo", Answer(yahoo_chart("MSFT", OPENS).replace(b'"1d"', b'"1h"')), "the bars are of 1h; daily bars (1d)"),
    ],
)
def test_what_is_no_answer_is_told_by_symbol_and_never_stored(make, replay, store, name, fault, words):
    """It is not asked again either; the others are there."""
    replay.bodies[subject(name, "MSFT").lower()] = fault
    one = make(name)

    store.fill(one)

    (failure,) = one.failures()
    assert failure.startswith(f"{name} {subject(name, 'MSFT')}: ")
    assert words in failure
    assert len(store.raw.records()) == 2
    assert replay.seen.counts()[subject(name, "MSFT").lower()] == 1


@pytest.mark.parametrize("name", PRICES)
def test_a_body_that_stays_cut_is_told(make, replay, store, name):
    """Without an announced length too: a line or a JSON has an end."""
    whole = bodies()[subject(name, "KO")]
    assert isinstance(whole, bytes)
    replay.bodies[subject(name, "KO").lower()] = Answer(whole, cut_at=len(whole) - 5, is_measured=False)
    one = make(name)

    store.fill(one)

    (failure,) = one.failures()
    assert "the answer was cut" in failure
    assert "(3 tries)" in failure
    assert len(store.raw.records()) == 2


def test_the_daily_limit_stops_the_source_at_once(make, replay, store):
    """What came is kept, nothing more is asked, and every symbol that is missing is told."""
    replay.bodies["ko.us"] = LIMIT
    one = make("stooq")

    store.fill(one)

    assert replay.seen.subjects() == ["aapl.us", "ko.us"]
    assert [words.partition(": ")[0] for words in one.failures()] == ["stooq KO.US", "stooq MSFT.US"]
    assert all("Exceeded the daily hits limit" in words for words in one.failures())
    assert (
        one.summary() == "stooq: 1 fetched, 0 unchanged, 0 without data, 2 not looked up, 0 known already, 2 requests"
    )


def test_the_daily_limit_at_the_first_question_is_an_error(make, replay):
    """Nothing could be looked up: that is not the same as nothing there."""
    replay.bodies["aapl.us"] = LIMIT

    with pytest.raises(SourceError, match="Exceeded the daily hits limit"):
        make("stooq").fetch()
    assert replay.seen.subjects() == ["aapl.us"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("stooq", Answer(b"No data")),
        ("stooq", Answer(stooq_csv([]))),
        ("yahoo", Answer(yahoo_error("Not Found", "No data found, symbol may be delisted"), status=404)),
        ("yahoo", Answer(yahoo_error("Bad Request", "Data doesn't exist for startDate = 1, endDate = 2"), status=400)),
        ("yahoo", Answer(yahoo_chart("KO", ()))),
    ],
)
def test_no_data_is_an_empty_value_that_takes_no_bars_away(make, replay, store, name, body):
    """It is stored beside what was told before, holds nothing, is no failure, and is not asked for again that day."""
    store.fill(make(name))
    replay.bodies[subject(name, "KO").lower()] = body
    one = make(name, at=NEXT_DAY)

    store.fill(one, at=NEXT_DAY)
    store.fill(make(name, at=NEXT_DAY), at=NEXT_DAY)

    assert (one.failures(), one.tally.nothing) == ((), 1)
    of_ko = [record for record in store.raw.records() if (record.symbol or "").lower() in ("ko", "ko.us")]
    assert [record.format.partition("_")[2] for record in of_ko] == [
        {"stooq": "csv", "yahoo": "chart_json"}[name],
        "nothing",
    ]
    parsed = FormatParser().parse(of_ko[1], store.raw.read(of_ko[1]))
    assert (parsed.bars, parsed.unread) == (None, ())
    assert replay.seen.counts()[subject(name, "KO").lower()] == 2


def test_five_failures_in_a_row_end_the_asking(make, replay, store):
    """A notice for everybody is not asked for a hundred times; four in a row are bad luck."""
    names = [f"N{number}" for number in range(12)]
    for number in (*range(1, 5), *range(6, 12)):
        replay.bodies[f"n{number}.us"] = PAGE
    for number in (0, 5):
        replay.bodies[f"n{number}.us"] = stooq_csv(["2024-06-04"])
    one = make("stooq", sorted(names))

    store.fill(one)

    # By name N0, N1, N10, N11, N2, ... : N0 is there, then five pages.
    assert [record.symbol for record in store.raw.records()] == ["n0.us"]
    assert len(replay.seen.subjects()) == 6
    assert len(one.failures()) == 11


def test_a_failure_is_not_the_end_of_what_is_known_already(make, replay, store):
    """Asked again for the one that is missing, and still without an answer: told, and no error."""
    replay.bodies["ko.us"] = PAGE
    store.fill(make("stooq"))

    one = make("stooq")

    assert list(one.fetch()) == []
    assert len(one.failures()) == 1
    assert replay.seen.counts() == {"aapl.us": 1, "ko.us": 2, "msft.us": 1}
    assert one.tally.known == 2


def test_whoever_looks_on_sees_each_question(make):
    """How many there are, then each subject once."""
    seen: list[Any] = []

    def watch(total: int, what: str) -> Callable[[str], None]:
        seen.append((total, what))
        return seen.append

    list(make("stooq", watch=watch).fetch())

    assert seen == [(3, "stooq"), "AAPL.US", "KO.US", "MSFT.US"]


def test_a_source_that_nobody_listens_to_any_more_asks_no_further(make, replay, store):
    """Whoever stops taking files leaves no thread that goes on asking."""
    files = make("stooq").fetch()
    next(iter(files))
    files.close()

    assert replay.seen.subjects() in (["aapl.us"], ["aapl.us", "ko.us"])


def test_what_another_provider_stored_is_not_taken_for_an_answer(make, replay, store):
    """Neither is a file of an archive."""
    store.fill(make("yahoo", ["AAPL"]))
    others = [RawRecord("p", "stooq", "stooq_csv", "", 0, "", AT, name="csv/aapl_us_d.csv", symbol="aapl.us")]

    list(source("stooq", replay.address, ["AAPL"], cookies=store.cookies, records=lambda: others).fetch())

    assert replay.seen.counts()["aapl.us"] == 1


# --- recorded exchanges -----------------------------------------------------------------------------------------------


@pytest.mark.shared
def test_recorded_files_of_stooq_come_through_byte_for_byte(store, shared):
    """A real download of ten thousand bars, served again."""
    content = (shared / "data/stooq/csv/aapl_us_d.downloaded-2019-05.csv").read_bytes()
    with replaying({"aapl.us": content}) as replay:
        store.fill(source("stooq", replay.address, ["AAPL"], cookies=store.cookies))

    (record,) = store.raw.records()
    assert store.raw.read(record) == content
    parsed = FormatParser().parse(record, content)
    assert parsed.bars is not None
    assert len(parsed.bars.session) + len(parsed.unread) == content.count(b"\n") - 1


@pytest.mark.shared
@pytest.mark.parametrize("symbol", ["AAPL", "AMZN", "QQQ", "BTC-USD", "EURUSD=X"])
def test_recorded_charts_of_yahoo_come_through_byte_for_byte(store, shared, symbol):
    """Real answers, served again: the JSON as it came, and bars in it."""
    import json

    folder = shared / "data/yahoo/http"
    recorded = json.loads((folder / f"chart-{symbol}-2020-01-01-to-2020-01-03.json").read_text(encoding="utf-8"))
    answer = recorded["response"]
    body = json.dumps(answer["bodyJson"]) if "bodyJson" in answer else answer["body"]
    asked = instrument("X", yahoo_symbol=symbol)
    with replaying({symbol: body.encode()}) as replay:
        store.fill(source("yahoo", replay.address, [asked], cookies=store.cookies))

    (record,) = store.raw.records()
    assert store.raw.read(record) == body.encode()
    assert FormatParser().parse(record, body.encode()).bars is not None

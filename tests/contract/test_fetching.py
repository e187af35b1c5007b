"""Fetching over HTTP, on loopback: what is asked, how gently, and what the raw store holds then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from adapters.sources.ecb import last_publication
from adapters.sources.formats.opened import UNPACKED_MAX
from adapters.sources.formats.registry import FormatParser
from adapters.sources.http import Client, Door, HttpSource, Question
from core.domain.bars import Basis
from flows.ports import RawFile, RawRecord, SourceError
from tests.fakes.fetching import AT, LAST, NAMES, NEXT_DAY, OPENS, PRICES, Time, bodies, provider, source, subject
from tests.fakes.replay import Answer, replaying, stooq_csv, yahoo_chart, yahoo_error
from tests.unit.market_data.files import encrypted, rates_zip, zeros_zip
from tests.unit.market_data.making import instrument

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


def test_what_yfinance_cannot_put_right_is_told(make, replay, store):
    """Refused again with a new crumb, or led to a consent that breaks: a failure of this symbol, and no crash."""
    consent = f"{replay.address}/consent?next=1"
    replay.bodies["ko"] = Answer(yahoo_error("Unauthorized", "Invalid Crumb"), status=401)
    replay.beside["/consent"] = Answer(b"<form action='/consent'></form>", cut_at=5)
    replay.bodies["msft"] = Answer(b"", status=302, headers={"Location": consent})
    one = make("yahoo")

    store.fill(one)

    assert len(store.raw.records()) == 1
    of_ko, of_msft = one.failures()
    assert of_ko.startswith("yahoo KO: answered 401 Unauthorized")
    assert of_msft.startswith("yahoo MSFT: IncompleteRead: ")


def test_a_crumb_that_is_not_to_be_had_does_not_stop_the_charts(make, replay, store, monkeypatch):
    """The charts are there without one; yfinance goes on, and so do we."""
    from yfinance.data import YfData

    replay.beside["/v1/test/getcrumb"] = Answer(b"Too Many Requests", status=429)
    # yfinance keeps one crumb a process, which another test may have got.
    data = YfData()
    monkeypatch.setattr(data, "_crumb", None)

    store.fill(make("yahoo"))

    assert len(store.raw.records()) == 3
    assert replay.seen.counts() == {name.lower(): 1 for name in NAMES}
    assert "/v1/test/getcrumb" in replay.seen.paths
    assert not any("a.crumb" in path for path in replay.seen.paths)


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


@pytest.mark.parametrize("name", PRICES)
def test_a_provider_that_was_late_is_asked_again_after_an_hour(make, replay, store, name):
    """A day behind, or for once without data: not known for the whole night; there at last, it is asked no more."""
    whole, of = dict(replay.bodies), [subject(name, symbol).lower() for symbol in NAMES]
    behind = stooq_csv(["2024-06-03"]) if name == "stooq" else yahoo_chart("AAPL", OPENS[:1])
    replay.bodies[of[0]] = behind
    replay.bodies[of[1]] = b"No data" if name == "stooq" else yahoo_chart(NAMES[1], [])
    soon, later = AT + timedelta(minutes=60), AT + timedelta(minutes=61)
    store.fill(make(name))
    store.fill(make(name, at=soon), at=soon)
    assert set(replay.seen.counts().values()) == {1}

    replay.bodies = whole
    store.fill(make(name, at=later), at=later)
    store.fill(make(name, at=later + timedelta(hours=2)), at=later + timedelta(hours=2))

    assert [replay.seen.counts()[symbol] for symbol in of] == [2, 2, 1]
    newest = {record.name: record for record in store.raw.records()}
    parsed = [FormatParser().parse(one, store.raw.read(one)).bars for one in newest.values()]
    assert [bars.session.max().astype("datetime64[D]").astype(object) for bars in parsed if bars is not None] == [
        LAST
    ] * 3


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


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (encrypted(rates_zip()), "cannot be read: File 'eurofxref-hist.csv' is encrypted"),
        (zeros_zip(UNPACKED_MAX + 1), f"cannot be read: it unpacks into more than {UNPACKED_MAX} bytes"),
        (rates_zip().replace(b"PK\x03\x04", b"PK\x03\x05"), "not a whole zip: Bad magic number"),
    ],
    ids=["encrypted", "too large", "cut"],
)
def test_a_zip_that_cannot_be_read_is_no_answer(make, replay, store, fault, words):
    """It is told with the reason and never stored."""
    replay.bodies["eurofxref-hist.zip"] = fault

    with pytest.raises(SourceError, match="none of 1 questions was answered") as caught:
        store.fill(make("ecb"))

    assert words in str(caught.value)
    assert store.raw.records() == []


def test_an_answer_that_breaks_what_reads_it_costs_that_answer_alone(replay, store):
    """What nobody thought of is told by symbol, and the others are there."""
    files = {name: RawFile("stooq", f"fetched/{name}.csv", "stooq_csv", replay.address, b"") for name in NAMES}
    questions = [Question(f"{name}.US", replay.address, files[name], AT, "stooq_nothing") for name in NAMES]

    def ask(asked: Question) -> RawFile:
        if asked.subject == "KO.US":
            raise TypeError("the answer was of a kind that nobody thought of")
        return replace(asked.file, content=b"Date,Open,High,Low,Close,Volume\r\n")

    one = HttpSource("stooq", questions, ask, door=Door(Client(provider(replay.address))))

    store.fill(one)

    assert one.failures() == (
        "stooq KO.US: the answer broke what read it: TypeError: the answer was of a kind that nobody thought of",
    )
    assert len(store.raw.records()) == 2

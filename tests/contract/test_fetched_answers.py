"""What counts as an answer of a provider: the whole, of the symbol that was asked for; all else is told and never stored."""

from __future__ import annotations

import gzip

import pytest

from adapters.sources.formats.registry import FormatParser
from flows.ports import SourceError
from tests.fakes.fetching import NEXT_DAY, OPENS, PRICES, bodies, subject
from tests.fakes.replay import LIMIT, PAGE, Answer, stooq_csv, yahoo_chart, yahoo_error


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


@pytest.mark.parametrize("name", PRICES)
@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "packed"])
def test_an_answer_that_is_too_large_is_given_up(make, replay, store, name, is_packed):
    """Beyond the setting, as it came or as it is unpacked: told with the setting's name, never stored, asked once."""
    body, of = b"1" * 1_000_001, subject(name, "KO")
    packed = Answer(gzip.compress(body, mtime=0), headers={"Content-Encoding": "gzip"})
    replay.bodies[of.lower()] = packed if is_packed else Answer(body, is_measured=False)
    one = make(name, answer_megabytes_max=1)
    words = "the answer is larger than 1 MB (answer_megabytes_max in config/sources.yml); nothing of it is kept"

    store.fill(one)

    assert [failure.partition(": ")[2] for failure in one.failures()] == [words]
    assert len(store.raw.records()) == 2
    assert replay.seen.counts()[of.lower()] == 1


@pytest.mark.parametrize("name", PRICES)
def test_an_answer_of_the_largest_size_is_taken(make, replay, store, name):
    """A million bytes are one megabyte, and are judged as what they hold."""
    whole = bodies()[subject(name, "KO")]
    assert isinstance(whole, bytes)
    room = b" " * (1_000_000 - len(whole))
    replay.bodies[subject(name, "KO").lower()] = whole + room if name == "yahoo" else b"\n" * len(room) + whole
    one = make(name, answer_megabytes_max=1)

    store.fill(one)

    assert "larger" not in "".join(one.failures())
    assert len(store.raw.records()) == (3 if name == "yahoo" else 2)


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


def test_a_line_that_is_no_bar_is_told_by_its_number_and_the_rest_counts(make, replay, store):
    """Words between the rows are no bar of a later session: the answer is kept, and reading it says which line is wrong."""
    replay.bodies["ko.us"] = stooq_csv(["2024-06-03", "2024-06-04"]) + b"Warning: a line of words\r\n"

    store.fill(make("stooq", ["KO"]))

    (record,) = store.raw.records()
    parsed = FormatParser().parse(record, store.raw.read(record))
    assert parsed.bars is not None
    assert len(parsed.bars.session) == 2
    assert parsed.unread == (f"{record.name} line 4: 1 fields were found; the header has 6",)

"""Ingesting: what it reports, and that an ingest cut short leaves the old clean set or the new one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from adapters.files.clean_set import CleanFiles
from adapters.files.raw_store import RawFiles
from adapters.files.remembered import MemoryFile
from adapters.sources.formats.opened import UNPACKED_MAX
from adapters.sources.formats.registry import FormatParser
from core.domain.bars import Basis, Parsed
from flows.cleaning import Cleaning, IngestDoors
from flows.ingest import Count, IngestReport, ingest, rebuild
from flows.ports import RawFile, RawRecord, SourceError
from tests.unit.market_data.files import ACTIONS, AT, STOOQ, prices, rates_zip, raw_file, zeros_zip
from tests.unit.market_data.making import SESSIONS, SPLIT, rules, universe

LATER = AT.replace(day=2)


@dataclass(frozen=True)
class Given:
    """A source that gives what a test hands it, and may fail at the end."""

    files: Sequence[RawFile]
    left_out: Sequence[str] = ()
    fails: bool = False
    unseen: Sequence[str] = ()

    def fetch(self) -> Iterator[RawFile]:
        """Give the files, then fail if told to."""
        yield from self.files
        if self.fails:
            raise SourceError("the line went dead")

    def skipped(self) -> Sequence[str]:
        """Name what was left out."""
        return self.left_out

    def failures(self) -> Sequence[str]:
        """Say what could not be looked up."""
        return self.unseen


@pytest.fixture(params=[False, True], ids=["forgets", "remembers"])
def doors(tmp_path, request) -> IngestDoors:
    """Give real stores under a folder of their own; whether an ingest remembers changes nothing that it comes to."""
    memory = MemoryFile(tmp_path / "cache") if request.param else None
    return IngestDoors(RawFiles(tmp_path / "raw"), FormatParser(), CleanFiles(tmp_path / "clean"), memory)


def cleaning(*names: str) -> Cleaning:
    """Clean for a few instruments."""
    return Cleaning(universe(*(names or ("AAPL", "SPY"))), rules(), SESSIONS, ("GBP", "USD"))


def main_set(content: bytes, name: str = "main/prices_2024.parquet") -> RawFile:
    """Give a year file of the main set."""
    return raw_file(name, content, format="yahoo_parquet", basis=SPLIT)


def stooq(content: str = STOOQ, name: str = "csv/aapl_us_d.csv") -> RawFile:
    """Give a file of Stooq."""
    return raw_file(
        name, content.encode(), provider="stooq", format="stooq_csv", symbol="aapl.us", basis=Basis("total-return")
    )


def closes(doors: IngestDoors, report: IngestReport) -> list[list[float]]:
    """Give the closes that were published, instrument by instrument."""
    assert report.snapshot is not None
    told: list[list[float]] = np.nan_to_num(doors.clean.panel(report.snapshot).close.T).tolist()
    return told


def test_reports_what_was_there(doors):
    """Rows, symbols and days a file and a format; skipped files, unread rows, defects, instruments without bars."""
    files = [
        main_set(prices("AAPL", "XYZ", days=[*SESSIONS[:3], SESSIONS[2], date(2024, 6, 8)])),
        raw_file(content=ACTIONS.encode() + b"AAPL,soon,1,0,\n"),
        raw_file("ecb/eurofxref-hist.zip", rates_zip(), provider="ecb", format="ecb_zip"),
        stooq(STOOQ + "2024-06-05,null,null,null,null,null\r\n"),
    ]

    report = ingest([Given(files, left_out=["main/README.md"])], cleaning(), doors, at=AT)

    assert len(report.stored) == 4
    assert report.skipped == ("main/README.md",)
    assert (
        Count("main/prices_2024.parquet", "yahoo_parquet", 1, 10, 2, SESSIONS[0], date(2024, 6, 8), 0) in report.files
    )
    assert Count("ecb_zip", "ecb_zip", 1, 6, 3, date(2024, 6, 3), date(2024, 6, 4), 0) in report.formats
    assert Count("stooq_csv", "stooq_csv", 1, 2, 1, date(2024, 6, 3), date(2024, 6, 4), 1) in report.formats
    assert [sentence.partition(":")[0] for sentence in report.unread] == [
        "main/actions.csv line 4",
        "csv/aapl_us_d.csv line 4",
    ]
    assert report.defects == (("duplicate_date", 1), ("non_session", 1))
    assert report.without_bars == ("SPY",)
    assert report.snapshot == doors.clean.current()
    assert {one.currency for one in doors.clean.fixings(report.snapshot)} == {"GBP", "USD"}
    assert [one.session for one in doors.clean.panel(report.snapshot).dividends] == [date(2024, 6, 4)]


def test_each_file_is_received_when_it_came(doors):
    """Not all at the beginning: what a provider told an hour later was not known an hour before."""
    files = [main_set(prices("AAPL", days=SESSIONS)), stooq(), raw_file(content=ACTIONS.encode())]
    instants = [AT + timedelta(minutes=passed) for passed in (0, 20, 60)]
    clock = iter(instants)

    ingest([Given(files)], cleaning(), doors, at=AT, now=lambda: next(clock))

    assert [record.received_at for record in doors.raw.records()] == instants


def test_a_newer_file_of_a_name_replaces_the_older(doors):
    """Not row by row: what only the older held is gone, and nothing stands twice."""
    ingest([Given([main_set(prices("AAPL", "SPY", days=SESSIONS))])], cleaning(), doors, at=AT)

    report = ingest([Given([main_set(prices("AAPL", days=SESSIONS[1:], close=20.0))])], cleaning(), doors, at=LATER)

    assert closes(doors, report)[0] == [20.0] * 5
    assert report.defects == ()
    assert report.without_bars == ("SPY",)


def test_a_file_that_cannot_be_read_is_told_and_the_one_before_it_counts(doors):
    """One bad download must not cost a year of bars, nor pass in silence."""
    good = ingest([Given([main_set(prices("AAPL", "SPY", days=SESSIONS))])], cleaning(), doors, at=AT)

    report = ingest([Given([main_set(b"PAR1 and then nothing")])], cleaning(), doors, at=LATER)

    assert report.snapshot == good.snapshot
    assert "main/prices_2024.parquet: not a readable Parquet file" in report.unread[0]


def test_a_file_that_unpacks_into_too_much_is_told_and_the_one_before_it_counts(doors):
    """A quarter of a megabyte that would be 257: the workspace is not lost to it, on the next morning either."""
    rates = raw_file("ecb/eurofxref-hist.zip", rates_zip(), provider="ecb", format="ecb_zip")
    bomb = replace(rates, content=zeros_zip(UNPACKED_MAX + 1))
    bars = main_set(prices("AAPL", "SPY", days=SESSIONS))
    good = ingest([Given([bars, rates])], cleaning(), doors, at=AT)

    report = ingest([Given([bomb])], cleaning(), doors, at=LATER)
    again = ingest([Given([bars])], cleaning(), doors, at=LATER)

    words = f"not a readable zip: it unpacks into more than {UNPACKED_MAX} bytes, which is the most that is read"
    assert report.unread == again.unread == (f"ecb/eurofxref-hist.zip ({len(bomb.content)} bytes): {words}",)
    assert report.snapshot == again.snapshot == good.snapshot


class Exhausted(FormatParser):
    """A parser for which there is no room for one file."""

    def parse(self, record: RawRecord, content: bytes) -> Parsed:
        """Read a file unless it is the one."""
        if content == b"PAR1 of too much":
            raise MemoryError
        return super().parse(record, content)


def test_a_file_for_which_there_is_no_room_is_told_and_the_one_before_it_counts(doors):
    """Whatever its format: it is passed over, not the whole ingest."""
    good = ingest([Given([main_set(prices("AAPL", "SPY", days=SESSIONS))])], cleaning(), doors, at=AT)

    short = replace(doors, parser=Exhausted())
    report = ingest([Given([main_set(b"PAR1 of too much")])], cleaning(), short, at=LATER)

    assert report.snapshot == good.snapshot
    assert report.unread == (
        "yahoo/_many/prices_2024-2026-04-02.parquet (16 bytes): there was not room enough to read it",
    )


def test_nothing_usable_publishes_nothing(doors):
    """The old clean set stays current, and the report says why there is no new one."""
    report = ingest([Given([stooq("Date,Open,High,Low,Close,Volume\r\n")])], cleaning(), doors, at=AT)

    assert report.snapshot is None
    assert doors.clean.current() is None
    assert any(finding.severity == "block" for finding in report.findings)
    assert report.without_bars == ("AAPL", "SPY")


def test_a_source_that_fails_midway_leaves_the_clean_set(doors):
    """What it gave is stored, and counts when the rest has come."""
    whole = [
        main_set(prices("AAPL", days=SESSIONS)),
        main_set(prices("SPY", days=SESSIONS), "main/prices_2025.parquet"),
    ]
    old = ingest([Given([stooq()])], cleaning(), doors, at=AT)

    with pytest.raises(SourceError, match="the line went dead"):
        ingest([Given(whole[:1], fails=True)], cleaning(), doors, at=LATER)

    assert doors.clean.current() == old.snapshot
    assert len(doors.raw.records()) == 2
    report = ingest([Given(whole)], cleaning(), doors, at=LATER)
    assert len(report.stored) == 1
    assert closes(doors, report) == [[10.0] * 6] * 2


def test_a_source_that_could_not_look_is_told_and_the_others_count(doors):
    """A fallback is of no use where the first one's failure ends the ingest; what another missed is told beside it."""
    sources = [Given([], fails=True, unseen=["all of it"]), Given([stooq()], unseen=["stooq SPY.US: answered 500"])]

    report = ingest(sources, cleaning(), doors, at=AT)

    assert report.blind == ("the line went dead",)
    assert report.failures == ("stooq SPY.US: answered 500",)
    assert report.snapshot == doors.clean.current()
    assert report.without_bars == ("SPY",)


def test_changed_raw_bytes_stop_the_ingest(doors, tmp_path):
    """What is stored must be what was received: no clean set is made of anything else."""
    old = ingest([Given([main_set(prices("AAPL", days=SESSIONS))])], cleaning(), doors, at=AT)
    path = tmp_path / "raw" / doors.raw.records()[0].path
    path.chmod(0o644)
    path.write_bytes(prices("AAPL", days=SESSIONS, close=99.0))

    with pytest.raises(SourceError, match="its SHA-256 was"):
        rebuild(cleaning(), doors)
    assert doors.clean.current() == old.snapshot


def test_the_order_of_ingests_does_not_change_what_is_in_them(doors, tmp_path):
    """Two providers ingested one after the other give the same clean set as both at once."""
    files = [main_set(prices("AAPL", "SPY", days=SESSIONS)), stooq()]
    for at, file in zip((AT, LATER), files, strict=True):
        last = ingest([Given([file])], cleaning(), doors, at=at)
    elsewhere = IngestDoors(RawFiles(tmp_path / "r2"), FormatParser(), CleanFiles(tmp_path / "c2"))

    assert ingest([Given(files)], cleaning(), elsewhere, at=AT).snapshot == last.snapshot
    assert rebuild(cleaning(), elsewhere).stored == ()


def test_another_universe_makes_another_clean_set(doors):
    """From the same raw files; both stay readable."""
    one = ingest([Given([main_set(prices("AAPL", "SPY", days=SESSIONS))])], cleaning(), doors, at=AT)

    other = rebuild(cleaning("SPY"), doors)

    assert other.snapshot != one.snapshot
    assert other.snapshot is not None
    assert doors.clean.panel(other.snapshot).instruments == ("SPY",)
    assert closes(doors, one) == [[10.0] * 6] * 2


def history(closes: Sequence[float]) -> RawFile:
    """Give a Stooq history of AAPL that ends with the last of the sessions that tests know."""
    days = [SESSIONS[0] - timedelta(days=back) for back in range(len(closes) - 1, -1, -1)]
    rows = [f"{day},{close},{close},{close},{close},100" for day, close in zip(days, closes, strict=True)]
    return stooq("\r\n".join(["Date,Open,High,Low,Close,Volume", *rows, ""]))


def test_a_past_that_is_told_otherwise_is_a_finding_with_its_ratio(doors):
    """A fetched history comes whole under one name each time; the one before it is looked at once more."""
    ingest([Given([history([100.0] * 40)])], cleaning(), doors, at=AT)

    report = ingest([Given([history([25.0] * 40)])], cleaning(), doors, at=LATER)

    newest = doors.raw.records()[-1].path
    (told,) = [one for one in report.findings if "restated" in one.message]
    assert (told.subject, told.severity) == ("stooq aapl.us", "note")
    assert told.message.startswith("restated by x4 from ")
    assert told.message.endswith(f" (40 sessions), in {newest}")


def test_a_history_that_shrank_does_not_count(doors):
    """Five rows in the place of forty are a broken answer: it is told, and nothing of the clean set changes."""
    good = ingest([Given([history([100.0] * 40)])], cleaning(), doors, at=AT)

    report = ingest([Given([history([100.0] * 5)])], cleaning(), doors, at=LATER)

    before, after = (record.path for record in doors.raw.records())
    assert report.snapshot == good.snapshot
    assert report.unread == (
        f"{after}: 25 of 40 sessions told before are gone, {SESSIONS[0] - timedelta(days=29)} to"
        f" {SESSIONS[0] - timedelta(days=5)}; {before} counts",
    )


def in_turn(doors: IngestDoors, *files: RawFile) -> list[IngestReport]:
    """Ingest files one after another, an hour apart."""
    return [ingest([Given([file])], cleaning(), doors, at=AT + timedelta(hours=at)) for at, file in enumerate(files)]


def test_broken_answers_in_a_row_are_held_against_the_last_whole_one(doors):
    """Forty rows, then five, then five others, then none: none of them counts, and the next whole one does."""
    whole, *broken = in_turn(
        doors, history([100.0] * 40), history([100.0] * 5), history([100.5] * 5), history([]), history([101.0] * 41)
    )

    after = broken.pop()
    first, *paths = (record.path for record in doors.raw.records())
    assert [report.snapshot for report in broken] == [whole.snapshot] * 3
    for report, path in zip(broken, paths, strict=False):
        assert len(report.unread) == 1
        assert report.unread[0].startswith(f"{path}: ")
        assert report.unread[0].endswith(f"; {first} counts")
    assert after.unread == ()
    assert after.snapshot not in (None, whole.snapshot)


def test_a_larger_answer_without_a_bar_hides_no_broken_one(doors):
    """Rows that cannot be read are nothing to be measured by; the whole answer before them is."""
    junk = stooq("\r\n".join(["Date,Open,High,Low,Close,Volume", *["x,x,x,x,x,x"] * 900, ""]))

    reports = in_turn(doors, history([100.0] * 40), junk, history([100.0] * 40 + [101.0]), history([100.0] * 5))

    assert reports[-1].snapshot == reports[-2].snapshot
    assert reports[-1].unread[0].endswith(f"; {doors.raw.records()[2].path} counts")


def test_a_broken_answer_is_held_against_the_newest_whole_one_though_an_older_was_told_at_more_length(doors):
    """Yesterday's answer counts, and not one of last week that had more digits; a past told otherwise is noted once."""
    at_length, short = history([100.123456789012] * 40), history([25.0] * 41)

    first, second, third, broken = in_turn(doors, at_length, short, history([25.0] * 42), history([25.0] * 5))

    assert [any("restated" in one.message for one in told.findings) for told in (first, second, third, broken)] == [
        False,
        True,
        False,
        False,
    ]
    assert broken.snapshot == third.snapshot
    assert broken.unread[0].endswith(f"; {doors.raw.records()[2].path} counts")


def test_a_provider_that_goes_on_telling_less_is_taken_at_its_sixth_answer(doors):
    """Five are held against the last whole one; then nobody expects the older days back, and the bars go on."""
    reports = in_turn(doors, history([100.0] * 40), *(history([100.0] * 19 + [101.0 + at]) for at in range(6)))

    assert [len(report.unread) for report in reports] == [0, 1, 1, 1, 1, 1, 0]
    assert len({report.snapshot for report in reports}) == 2


def test_a_shorter_history_counts_where_the_policy_says_that_the_provider_means_it(doors):
    """With 1 for what may be gone, the newest answer is taken whatever it lacks; what is gone stands in a note."""
    asked = replace(cleaning(), rules=rules(history_gone_max=Decimal(1)))
    ingest([Given([history([100.0] * 40)])], asked, doors, at=AT)

    report = ingest([Given([history([100.0] * 5)])], asked, doors, at=LATER)

    assert report.unread == ()
    assert "25 of 40 sessions told before are gone" in report.findings[-1].message

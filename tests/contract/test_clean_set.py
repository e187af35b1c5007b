"""The clean set: what is published comes back exactly, under a hash that only its content decides."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from adapters.files.clean_set import CURRENT, CleanFiles
from adapters.files.warm import WarmCleanSet
from core.domain.bars import BAR_FIELDS, Basis, Fixing
from core.domain.panel import Defect, Dividend, Panel
from core.domain.pending import Announced, PendingDividend, PendingSplit
from core.market_data.adjust import adjust_bars
from core.market_data.clean import clean_bars
from core.market_data.evening import Evening
from core.market_data.knowledge import as_known
from flows.ports import SourceError
from tests.unit.market_data.making import fixing, panel, parsed, rules, universe

DAYS = tuple(date(2022, 12, 28) + timedelta(days=days) for days in range(0, 800, 40))
FIXINGS = (fixing(DAYS[0], "GBP", "0.8500"), Fixing(DAYS[1], "USD", Decimal("1.10"), "synthetic"))
MADE_OF = {"yahoo/_many/prices-2026-04-01.parquet": "ab" * 32}
COLUMNS = [
    *("instrument", "session", "open", "high", "low", "close"),
    *("adj_open", "adj_high", "adj_low", "adj_close", "volume", "source", "known_at"),
]


def a_panel(seed: int = 0) -> Panel:
    """Give a panel of three years with gaps, an instrument without bars, defects and dividends."""
    names = ("AAPL", "BRK-B", "GONE", "SPY")
    draws = np.random.Generator(np.random.PCG64(seed)).uniform(1, 100, (len(BAR_FIELDS), len(DAYS), len(names)))
    draws[:, 3:6, 0] = np.nan
    draws[5, 7, 1] = np.nan
    draws[:, :, 2] = np.nan
    draws[:, 9, :] = np.nan
    made = panel(names, DAYS)
    return replace(
        made,
        open=draws[0],
        high=draws[1],
        low=draws[2],
        close=draws[3],
        adj_close=draws[4],
        volume=draws[5],
        basis=(Basis("split-adjusted", DAYS[-1]), Basis("raw"), None, Basis("total-return", DAYS[-1])),
        provider=("yahoo", "yahoo", "", "stooq"),
        defects=(
            Defect(DAYS[3], "AAPL", "ohlc", "high 1, low 2"),
            Defect(DAYS[12], "SPY", "non_session", "closed – on a §"),
        ),
        dividends=(Dividend(DAYS[2], "AAPL", Decimal("0.50")), Dividend(DAYS[15], "BRK-B", Decimal("1E+1"))),
        known_at=Evening("XNYS", 6).known_at(made.sessions),
    )


def test_announcements_come_back_also_those_of_days_to_come(tmp_path):
    """In the part of some days or instruments too, known from their instant; a set without any has the name it always had."""
    clean, later = CleanFiles(tmp_path), date(2025, 7, 1)
    told = (
        Announced(datetime(2024, 1, 5, 21, 30, tzinfo=UTC), PendingSplit(later, "SPY", Decimal(2), "person")),
        Announced(datetime(2024, 3, 1, 8, tzinfo=UTC), PendingDividend(DAYS[3], "AAPL", Decimal("0.50"), "yahoo")),
    )

    plain_name, name = publish(clean), publish(clean, replace(a_panel(), announced=told))

    assert clean.panel(name).announced == clean.panel(name, last=DAYS[2]).announced == told
    assert clean.panel(name).content_hash() != clean.panel(plain_name).content_hash()
    assert clean.panel(name, instruments=["SPY", "GONE"]).announced == told[:1]
    assert clean.panel(name, known_at=datetime(2024, 2, 1, tzinfo=UTC)).announced == told[:1]
    assert WarmCleanSet(clean).panel(name, known_at=datetime(2024, 1, 1, tzinfo=UTC)).announced == ()
    assert "announced" not in (tmp_path / "snapshots" / f"{plain_name}.jsonl").read_text(encoding="utf-8")


def publish(clean: CleanFiles, given_panel: Panel | None = None, **changes) -> str:
    """Publish a panel."""
    return clean.publish(
        given_panel or a_panel(), changes.get("fixings", FIXINGS), made_of=changes.get("made_of", MADE_OF)
    )


def test_gives_back_what_was_published(tmp_path):
    """Panel and fixings, to the last digit; only the snapshot's hash is new."""
    clean = CleanFiles(tmp_path)

    snapshot = publish(clean)

    read = clean.panel(snapshot)
    assert read.snapshot == snapshot == clean.current()
    assert read.content_hash() == a_panel().content_hash()
    assert (read.defects, read.dividends) == (a_panel().defects, a_panel().dividends)
    assert read.known_at is not None
    assert read.known_at.tolist() == Evening("XNYS", 6).known_at(a_panel().sessions).tolist()
    assert list(clean.fixings(snapshot)) == list(FIXINGS)
    assert clean.verify(snapshot) == []


def test_gives_back_of_which_instruments_knowledge_is_recorded(tmp_path):
    """Of the whole, of a few and of one; a set of which all is one has the name that it always had."""
    mixed = replace(a_panel(), recorded=("AAPL",))
    clean = CleanFiles(tmp_path)

    snapshot = publish(clean, mixed)

    part = clean.panel(snapshot, instruments=["AAPL"])
    assert clean.panel(snapshot).content_hash() == mixed.content_hash() != a_panel().content_hash()
    assert (clean.panel(snapshot).recorded, clean.panel(snapshot).knowledge) == (("AAPL",), "assumed")
    assert (part.knowledge, part.recorded) == ("recorded", ())
    assert snapshot != publish(clean, a_panel())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_gives_back_any_panel_and_any_window_of_it(tmp_path, data):
    """For all panels of 0 to 6 sessions and 0 to 3 instruments, NaN anywhere, and all windows."""
    sessions = sorted(data.draw(st.sets(st.dates(date(2019, 11, 1), date(2021, 2, 1)), max_size=6)))
    names = ("AAPL", "KO", "SPY")[: data.draw(st.integers(0, 3))]
    numbers = st.one_of(st.just(np.nan), st.floats(0.0001, 1e9))
    shape = (len(sessions), len(names))
    drawn = {name: data.draw(arrays(np.float64, shape, elements=numbers)) for name in BAR_FIELDS}
    moments = (
        Evening("XNYS", 6).known_at(np.array(sessions, dtype="datetime64[D]")) if data.draw(st.booleans()) else None
    )
    published = replace(panel(names, sessions), known_at=moments, **drawn)
    clean = CleanFiles(tmp_path)

    snapshot = publish(clean, published)

    assert clean.panel(snapshot).content_hash() == published.content_hash()
    if sessions:
        first, last = sorted(data.draw(st.tuples(st.sampled_from(sessions), st.sampled_from(sessions))))
        part = clean.panel(snapshot, first=first, last=last)
        length = sessions.index(last) - sessions.index(first) + 1
        assert part.content_hash() == published.window(last, length).content_hash()


@pytest.mark.parametrize(("first", "last"), [(3, 12), (0, 0), (0, 19), (19, 19), (8, 8)])
def test_a_window_is_the_panel_of_those_sessions(tmp_path, first, last):
    """Both ends included, over the turn of years, with the defects and dividends of those days."""
    clean = CleanFiles(tmp_path)
    snapshot = publish(clean)

    part = clean.panel(snapshot, first=DAYS[first], last=DAYS[last])

    assert part.sessions.tolist() == list(DAYS[first : last + 1])
    assert part.content_hash() == a_panel().window(DAYS[last], last - first + 1).content_hash()


def a_recorded_panel() -> Panel:
    """Give a panel of AAPL as told on some evenings, with a correction on the second and a split on the last."""
    rows = [(0, 0, 70.0, 70.0), (1, 0, 70.5, 70.5), (1, 1, 72.0, 72.0), (2, 1, 72.0, 10.0), (2, 2, 11.0, 11.0)]
    told = parsed([("AAPL", DAYS[of], *(close,) * 4, adj, 1e6) for _, of, close, adj in rows], basis=Basis("raw"))
    assert told.bars is not None
    known_on = np.array([DAYS[on] for on, *_ in rows], dtype="datetime64[D]")
    recorded = replace(told, bars=replace(told.bars, known_on=known_on))
    return clean_bars([recorded], universe("AAPL", "SPY"), rules(), sessions=DAYS).value


def test_a_warm_window_asked_for_by_turns_is_the_same_object_and_one_of_another_instant_is_not(tmp_path):
    """What was judged of a window is kept beside it, and must never be taken for what was known at another instant."""
    clean, made = CleanFiles(tmp_path), a_recorded_panel()
    warm, snapshot = WarmCleanSet(clean), publish(clean, made)
    late, early = datetime(2100, 1, 1, tzinfo=UTC), datetime(1999, 1, 1, tzinfo=UTC)

    for first in (*DAYS[:6], *DAYS[:6]):
        for evening in (late, early):
            part = warm.panel(snapshot, first=first, last=DAYS[8], known_at=evening)
            again = warm.panel(snapshot, first=first, last=DAYS[8], known_at=evening)
            assert again is part
            assert part.content_hash() == as_known(made.between(first, DAYS[8]), evening).content_hash()
            assert part.window(DAYS[8], 100) is part, "what covers all cuts nothing off"


def test_gives_a_panel_as_it_was_known_on_any_evening_whole_or_a_window_cold_or_warm(tmp_path):
    """Versions and links come back with it; what the set gives is what knowledge makes of the panel itself."""
    clean, made = CleanFiles(tmp_path), a_recorded_panel()
    snapshot = publish(clean, made)
    evenings = [
        None,
        *(Evening("XNYS", 6).known_at(made.sessions)[at].astype(object).replace(tzinfo=UTC) for at in range(3)),
    ]

    assert (made.versions is not None, len(made.links)) == (True, 1)
    assert clean.stored(snapshot).content_hash() == made.content_hash()
    assert clean.verify(snapshot) == []
    for evening in evenings:
        wanted = as_known(made, evening).between(DAYS[1], DAYS[2])
        for reader in (clean, WarmCleanSet(clean)):
            given_panel = reader.panel(snapshot, first=DAYS[1], last=DAYS[2], known_at=evening)
            assert given_panel.content_hash() == wanted.content_hash()
    assert clean.panel(snapshot, known_at=evenings[1]).close[:, 0].tolist()[0] == 70.0
    assert clean.panel(snapshot, known_at=evenings[2]).close[:, 0].tolist()[:2] == [70.5, 72.0]


@pytest.mark.parametrize("made", [a_panel, a_recorded_panel])
@pytest.mark.parametrize("names", [("SPY",), ("SPY", "AAPL"), ()])
def test_some_instruments_are_the_columns_of_the_panel_in_their_order(tmp_path, made, names):
    """Bars, what is dated, versions and links: each of those instruments alone, cold or warm, whole or a window."""
    clean, whole = CleanFiles(tmp_path), made()
    snapshot = publish(clean, whole)
    at = [whole.instruments.index(name) for name in names]
    evening = Evening("XNYS", 6).known_at(whole.sessions)[1].astype(object).replace(tzinfo=UTC)
    for reader, instant in ((clean, None), (clean, evening), (WarmCleanSet(clean), evening)):
        wanted = as_known(whole, instant).between(DAYS[0], DAYS[12])
        found = reader.panel(snapshot, first=DAYS[0], last=DAYS[12], known_at=instant, instruments=names)

        assert found.instruments == names
        assert np.array_equal(found.values(), wanted.values()[:, :, at], equal_nan=True)
        for dated in ("defects", "dividends", "splits"):
            assert getattr(found, dated) == tuple(one for one in getattr(wanted, dated) if one.instrument in names)
        assert [found.basis, found.provider] == [
            tuple(told[one] for one in at) for told in (wanted.basis, wanted.provider)
        ]
    with pytest.raises(SourceError, match="has no column NONE"):
        clean.panel(snapshot, instruments=("SPY", "NONE"))


def test_each_calendar_has_a_panel_of_its_own_under_one_name(tmp_path):
    """Coins have weekends and shares have none; each is read by its calendar, and each is checked with the set."""
    days = tuple(date(2023, 12, 29) + timedelta(days=at) for at in range(5))
    coins = replace(
        panel(("BTC",), days), calendar="24/7", known_at=Evening("24/7", 6).known_at(panel(("BTC",), days).sessions)
    )
    clean = CleanFiles(tmp_path)
    alone = publish(clean)
    both = clean.publish(a_panel(), FIXINGS, made_of=MADE_OF, others=[coins])

    for reader in (clean, WarmCleanSet(clean)):
        assert reader.panel(both).content_hash() == a_panel().content_hash()
        read = reader.panel(both, calendar="24/7", first=days[1])
        assert (read.calendar, read.snapshot, read.sessions.tolist()) == ("24/7", both, list(days[1:]))
        assert read.content_hash() == coins.between(days[1], None).content_hash()
    with pytest.raises(SourceError, match="has no bars on the days of 24/7"):
        clean.panel(alone, calendar="24/7")
    assert (both != alone, clean.verify(both)) == (True, [])
    assert [path.parent.parent.name for path in tmp_path.glob("eod*/*/*.parquet")].count("eod_24_7.parquet") == 2

    part = next((tmp_path / "eod_24_7.parquet" / "year=2024").iterdir())
    part.chmod(0o644)
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    assert "eod_24_7.parquet/year=2024" in clean.verify(both)[0]


def test_days_between_sessions_bound_a_window_too(tmp_path):
    """A window without a session is empty and keeps its columns."""
    clean = CleanFiles(tmp_path)
    snapshot = publish(clean)
    day = timedelta(days=1)

    part, none = (
        clean.panel(snapshot, first=DAYS[2] + day),
        clean.panel(snapshot, first=DAYS[2] + day, last=DAYS[3] - day),
    )

    assert part.sessions[0].astype(object) == DAYS[3]
    assert none.close.shape == (0, 4)
    assert none.known_at is not None
    assert len(none.known_at) == 0


def test_a_window_reads_only_its_years(tmp_path):
    """The other years' parts may be anything."""
    clean = CleanFiles(tmp_path)
    snapshot = publish(clean)
    shutil.rmtree(tmp_path / "arrays" / "year=2022")

    assert clean.panel(snapshot, first=date(2023, 1, 1)).sessions[0].astype(object).year == 2023
    with pytest.raises(SourceError, match="year=2022"):
        clean.panel(snapshot)


def test_the_hash_is_of_the_content_alone(tmp_path):
    """Another place, another way to it: the same hash. Another value anywhere: another hash."""
    snapshot = publish(CleanFiles(tmp_path / "a"))
    prices = a_panel().volume.copy()
    prices[0, 0] += 1e-9

    assert publish(CleanFiles(tmp_path / "b"), made_of={"other": "cd" * 32}) == snapshot
    assert publish(CleanFiles(tmp_path / "c"), replace(a_panel(), snapshot="x")) == snapshot
    others = [
        publish(CleanFiles(tmp_path / "d"), replace(a_panel(), volume=prices)),
        publish(CleanFiles(tmp_path / "e"), replace(a_panel(), dividends=())),
        publish(CleanFiles(tmp_path / "f"), replace(a_panel(), defects=())),
        publish(CleanFiles(tmp_path / "g"), replace(a_panel(), basis=(None,) * 4)),
        publish(CleanFiles(tmp_path / "h"), fixings=FIXINGS[:1]),
        publish(CleanFiles(tmp_path / "i"), fixings=(FIXINGS[0], replace(FIXINGS[1], source="ecb"))),
        publish(
            CleanFiles(tmp_path / "j"), replace(a_panel(), known_at=Evening("XNYS", 7).known_at(a_panel().sessions))
        ),
    ]
    assert len({snapshot, *others}) == 8


def test_publishing_again_changes_no_byte(tmp_path):
    """The parts are named by their content and never written twice."""
    clean = CleanFiles(tmp_path)
    publish(clean)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file()}

    publish(clean)

    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file()}
    changed = {path.name for path in after if before.get(path) != after[path]}
    assert changed <= {CURRENT}


def test_years_that_did_not_change_are_shared(tmp_path):
    """A new day makes a new part of its own year alone; the others are not even touched."""
    clean, volume = CleanFiles(tmp_path), a_panel().volume.copy()
    volume[-1, 0] += 1
    publish(clean)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("year=*/part-*")}

    publish(clean, replace(a_panel(), volume=volume))

    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("year=*/part-*")}
    gone = {path.parent.relative_to(tmp_path).as_posix() for path in before.keys() - after.keys()}
    # The older set is read from arrays; other tools find each bar once.
    assert gone == {"eod.parquet/year=2025"}
    assert all(after[path] == before[path] for path in before.keys() & after.keys())
    new = {path.parent.relative_to(tmp_path).as_posix() for path in after.keys() - before.keys()}
    assert new == {"arrays/year=2025", "eod.parquet/year=2025"}


def test_a_new_set_is_current_and_the_old_one_stays_readable(tmp_path):
    """A run that began on the old set ends on it."""
    clean = CleanFiles(tmp_path)
    assert clean.current() is None
    old = publish(clean)
    new = publish(clean, a_panel(seed=1))

    assert clean.current() == new != old
    assert clean.panel(old).content_hash() == a_panel().content_hash()
    assert publish(clean) == old == clean.current()


def test_an_interrupted_publish_leaves_the_old_set(tmp_path):
    """Whatever was written of the new one: only CURRENT decides, and it comes last."""
    old = publish(CleanFiles(tmp_path / "set"))
    new = publish(CleanFiles(tmp_path / "other"), a_panel(seed=1))
    parts = sorted(path for path in (tmp_path / "other").rglob("*") if path.is_file() and path.name != CURRENT)
    for path in parts:
        target = tmp_path / "set" / path.relative_to(tmp_path / "other")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)

        clean = CleanFiles(tmp_path / "set")
        assert clean.current() == old
        assert clean.panel(old).content_hash() == a_panel().content_hash()

    assert publish(CleanFiles(tmp_path / "set"), a_panel(seed=1)) == new


def test_damage_is_seen_and_publishing_mends_it(tmp_path):
    """A changed part is refused, verifying says so, and the same content put there again is sound."""
    clean = CleanFiles(tmp_path)
    snapshot = publish(clean)
    assert clean.panel(snapshot).snapshot == snapshot
    part = next((tmp_path / "arrays" / "year=2023").iterdir())
    part.chmod(0o644)
    part.write_bytes(part.read_bytes()[:-1] + b"x")

    with pytest.raises(SourceError, match="its SHA-256 was"):
        clean.panel(snapshot)
    assert len(clean.verify(snapshot)) == 1
    assert publish(clean) == snapshot
    assert clean.verify(snapshot) == []


def test_a_table_that_says_otherwise_than_the_array_is_seen(tmp_path):
    """Held against what counts, whatever the description says of the table; publishing writes one that is gone."""
    clean = CleanFiles(tmp_path)
    snapshot = publish(clean)
    part = next((tmp_path / "eod.parquet" / "year=2023").iterdir())
    table = pq.ParquetFile(part).read()
    part.chmod(0o644)
    pq.write_table(table.set_column(5, "close", [pa.array([1.0] * len(table))]), part)
    path = tmp_path / "snapshots" / f"{snapshot}.jsonl"
    text, beside = path.read_text(encoding="utf-8").splitlines()
    described = json.loads(beside)
    row = next(row for row in described["tables"] if "year=2023" in row["path"])

    assert clean.verify(snapshot) == [
        f"{row['path']}: its SHA-256 was {row['sha256']} when it was written and is"
        f" {hashlib.sha256(part.read_bytes()).hexdigest()} now"
    ]
    row["sha256"] = hashlib.sha256(part.read_bytes()).hexdigest()
    path.chmod(0o644)
    path.write_text(f"{text}\n{json.dumps(described)}\n", encoding="utf-8")
    assert clean.verify(snapshot) == [f"{row['path']}: it does not hold what the arrays hold"]
    part.unlink()
    assert publish(clean) == snapshot
    assert clean.verify(snapshot) == []


def test_a_description_that_was_changed_is_seen(tmp_path):
    """The hash binds what the description itself says, too."""
    clean = CleanFiles(tmp_path)
    snapshot = publish(clean)
    path = tmp_path / "snapshots" / f"{snapshot}.jsonl"
    path.chmod(0o644)
    path.write_text(path.read_text(encoding="utf-8").replace('"0.50"', '"5.50"'), encoding="utf-8")

    assert "hashes to" in clean.verify(snapshot)[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"tables"', '"tablet"'),
        ('"made_of"', '"made_oF"'),
        ('"snapshot"', '"snapshoT"'),
        ('"path"', '"pith"'),
        ('"size"', '"sizf"'),
        ('"sums":{', '"sums":[{'),
        ('"tables":[', '"tables":[{},'),
    ],
)
def test_damage_beside_the_description_is_seen_and_publishing_mends_it(tmp_path, old, new):
    """What stands beside it is under no hash; what lacks a name or a row is no description."""
    clean = CleanFiles(tmp_path)
    snapshot = publish(clean)
    path = tmp_path / "snapshots" / f"{snapshot}.jsonl"
    text, beside = path.read_text(encoding="utf-8").splitlines()
    path.chmod(0o644)
    path.write_text(f"{text}\n{beside.replace(old, new, 1)}\n", encoding="utf-8")

    assert "could not be read" in CleanFiles(tmp_path).verify(snapshot)[0]
    assert publish(CleanFiles(tmp_path)) == snapshot
    assert CleanFiles(tmp_path).verify(snapshot) == []


@pytest.mark.parametrize("snapshot", ["ab" * 32, "none", "../../etc/passwd", ""])
def test_an_unknown_set_is_an_error(tmp_path, snapshot):
    """No hash, or the hash of nothing here."""
    for read in (CleanFiles(tmp_path).panel, CleanFiles(tmp_path).fixings):
        with pytest.raises(SourceError, match="clean set"):
            read(snapshot)


def test_the_parts_are_plain_tables_that_others_can_read(tmp_path):
    """One file a year, plain text symbols, sorted, adjusted prices beside the basis; the description says the rest."""
    snapshot = publish(CleanFiles(tmp_path))

    part = next((tmp_path / "eod.parquet" / "year=2023").iterdir())
    table = pq.ParquetFile(part).read()
    assert table.column_names == COLUMNS
    assert table.schema.field("instrument").type == pa.string()
    assert table.schema.field("source").type == pa.string()
    rows = list(zip(table["instrument"].to_pylist(), table["session"].to_pylist(), strict=True))
    assert rows == sorted(rows)
    assert set(table["instrument"].to_pylist()) == {"AAPL", "BRK-B", "SPY"}
    whole = a_panel()
    row, column = whole.row(rows[0][1]), whole.column(rows[0][0])
    assert table["adj_open"][0].as_py() == adjust_bars(whole).open[row, column]
    assert table["source"][0].as_py() == "yahoo"
    assert table["known_at"][0].as_py().isoformat().endswith("+00:00")
    described = json.loads((tmp_path / "snapshots" / f"{snapshot}.jsonl").read_text(encoding="utf-8").splitlines()[1])
    assert described["made_of"] == MADE_OF
    assert [row["path"] for row in described["tables"]] == sorted(
        path.relative_to(tmp_path).as_posix() for path in Path(tmp_path / "eod.parquet").rglob("part-*")
    )

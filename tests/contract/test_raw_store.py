"""The raw store: bytes for ever, once, and whole whatever happens to the process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.raw_store import INDEX, RawFiles
from core.canonical import canonical_json
from core.domain.bars import Basis
from flows.ports import SourceError
from tests.unit.market_data.files import AT, put, raw_file

ROOT = Path(__file__).parents[2]
LATER = AT.replace(day=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the place of a raw store that is not there yet."""
    return tmp_path / "data" / "raw"


@pytest.mark.parametrize(
    ("file", "path"),
    [
        (raw_file("main/prices_2024.parquet"), "yahoo/_many/prices_2024-2026-04-01.parquet"),
        (raw_file("csv/aapl_us_d.x.csv", provider="stooq", symbol="aapl.us"), "stooq/aapl.us/2026-04-01.csv"),
        (raw_file("csv/^spx_d.csv", provider="stooq", symbol="^spx"), "stooq/^spx/2026-04-01.csv"),
        (raw_file("x/noending"), "yahoo/_many/noending-2026-04-01"),
        (raw_file("x/a b;c.csv", provider="../up", symbol="../../etc"), "_up/_.._etc/2026-04-01.csv"),
    ],
)
def test_a_file_has_its_place(folder, file, path):
    """By source and symbol, or under `_many`; no name leads out of the folder."""
    record = RawFiles(folder).store(file, at=AT)

    assert record.path == path
    assert (folder / path).resolve().is_relative_to(folder.resolve())
    assert (folder / path).read_bytes() == file.content


def test_the_day_in_a_path_is_of_utc(folder):
    """Whatever zone the instant is told in."""
    at = datetime.fromisoformat("2026-04-01T22:30:00-05:00")

    assert RawFiles(folder).store(raw_file("a/b.csv"), at=at).path == "yahoo/_many/b-2026-04-02.csv"


def test_the_record_says_all_and_comes_back_from_the_index(folder):
    """A second process reads the same record, basis included."""
    file = raw_file(basis=Basis("split-adjusted", AT.date()), symbol=None)

    record = RawFiles(folder).store(file, at=AT)

    assert RawFiles(folder).records() == [record]
    assert (record.name, record.size, record.origin) == (file.name, len(file.content), file.origin)
    assert (record.basis, record.received_at) == (file.basis, AT)
    line = (folder / INDEX).read_text(encoding="utf-8")
    assert line == canonical_json(json.loads(line)) + "\n"


def test_the_same_again_is_the_same_record(folder):
    """Nothing is written, on another day and by another process either."""
    first = RawFiles(folder).store(raw_file(), at=AT)
    index = (folder / INDEX).read_bytes()

    assert RawFiles(folder).store(raw_file(), at=LATER) == first
    assert (folder / INDEX).read_bytes() == index
    assert len(list((folder / "yahoo").rglob("*.csv"))) == 1


def test_other_bytes_of_a_name_get_a_file_of_their_own(folder):
    """On one day they are numbered; nothing is overwritten."""
    raw = RawFiles(folder)
    records = [raw.store(raw_file(content=content), at=AT) for content in (b"one", b"two", b"three")]

    assert [Path(record.path).name for record in records] == [
        f"actions-2026-04-01{end}" for end in (".csv", ".1.csv", ".2.csv")
    ]
    assert [raw.read(record) for record in records] == [b"one", b"two", b"three"]


def test_a_file_that_comes_back_is_the_newest_again(folder):
    """One, two, one: the bytes are kept once and stand last."""
    raw = RawFiles(folder)
    one, two, again = (raw.store(raw_file(content=content), at=AT) for content in (b"one", b"two", b"one"))

    assert again.path == one.path
    assert [record.path for record in raw.records()] == [two.path, one.path]


def test_the_same_bytes_in_another_basis_are_told_anew(folder):
    """A corrected as-of day counts, though no byte changed."""
    raw = RawFiles(folder)
    first = raw.store(raw_file(basis=Basis("split-adjusted")), at=AT)
    second = raw.store(raw_file(basis=Basis("split-adjusted", AT.date())), at=LATER)

    assert second.path == first.path
    assert raw.records() == [second]
    assert (second.basis, second.received_at) == (Basis("split-adjusted", AT.date()), LATER)


def test_stored_files_cannot_be_written(folder):
    """Read-only for everybody."""
    record = RawFiles(folder).store(raw_file(), at=AT)

    assert (folder / record.path).stat().st_mode & 0o777 == 0o444


def test_changed_bytes_are_seen(folder):
    """Reading refuses them, and verifying names each."""
    raw = RawFiles(folder)
    whole, changed, gone = (raw.store(raw_file(f"a/{name}.csv", name.encode()), at=AT) for name in ("x", "y", "z"))
    (folder / changed.path).chmod(0o644)
    (folder / changed.path).write_bytes(b"Y")
    (folder / gone.path).unlink()

    assert raw.read(whole) == b"x"
    for record in (changed, gone):
        with pytest.raises(SourceError, match=record.path):
            raw.read(record)
    assert [difference.split(":")[0] for difference in raw.verify()] == [changed.path, gone.path]


@given(keep=st.integers(1, 400))
def test_half_a_line_is_healed(tmp_path_factory, keep):
    """For all places at which a kill can cut the index's last line."""
    folder = tmp_path_factory.mktemp("raw")
    first = RawFiles(folder).store(raw_file("a/one.csv", b"one"), at=AT)
    whole = (folder / INDEX).read_bytes()
    RawFiles(folder).store(raw_file("a/two.csv", b"two"), at=AT)
    torn = (folder / INDEX).read_bytes()[: len(whole) + keep].removesuffix(b"\n")
    (folder / INDEX).write_bytes(torn)

    assert RawFiles(folder).records() == [first]
    again = RawFiles(folder).store(raw_file("a/two.csv", b"two"), at=AT)

    assert RawFiles(folder).records() == [first, again]
    assert RawFiles(folder).verify() == []
    assert RawFiles(folder).read(again) == b"two"


def test_a_broken_line_in_the_middle_is_an_error(folder):
    """What was whole once and is not now is no accident to pass over."""
    RawFiles(folder).store(raw_file(), at=AT)
    with (folder / INDEX).open("ab") as file:
        file.write(b"{}\n")

    with pytest.raises(SourceError, match=r"index\.jsonl:2: not a record"):
        RawFiles(folder).records()


def test_a_file_without_a_line_is_harmless(folder):
    """A process killed between the two leaves an orphan: its path is passed over, its bytes are stored again."""
    orphan = put(folder, "yahoo/_many/actions-2026-04-01.csv", b"half an ingest")
    raw = RawFiles(folder)

    record = raw.store(raw_file(), at=AT)

    assert record.path == "yahoo/_many/actions-2026-04-01.1.csv"
    assert orphan.read_bytes() == b"half an ingest"
    assert (raw.records(), raw.verify()) == ([record], [])


def test_an_instant_without_a_zone_stores_nothing(folder):
    """A broken promise is refused before the bytes are written."""
    with pytest.raises(ValueError, match="time zone"):
        RawFiles(folder).store(raw_file(), at=AT.replace(tzinfo=None))
    assert RawFiles(folder).records() == []
    assert not list(folder.rglob("*.csv"))


def test_a_running_store_sees_what_others_add(folder):
    """Two objects, as two processes would have, keep one index."""
    one, other = RawFiles(folder), RawFiles(folder)
    records = [
        store.store(raw_file(f"a/{at}.csv", b"%d" % at), at=AT) for at, store in enumerate((one, other, one, other))
    ]

    assert one.records() == other.records() == records


STORING = """
import sys
from pathlib import Path
from adapters.files.raw_store import RawFiles
from tests.unit.market_data.files import AT, raw_file
raw, who, many = RawFiles(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for at in range(many):
    raw.store(raw_file(f"{who}/{at % 40}.csv", f"{who} {at}".encode() * 2000), at=AT)
"""


def storing(folder: Path, many: int, *names: str) -> list[subprocess.Popen[str]]:
    """Start processes that store files, and let them go when all are ready."""
    commands = [[sys.executable, "-c", STORING, str(folder), name, str(many)] for name in names]
    processes = [
        subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for command in commands
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return processes


@pytest.mark.parametrize(("names", "files"), [(("one", "two", "three"), 120), (("one", "one", "one"), 40)])
def test_several_processes_store_at_once(folder, names, files):
    """Every line is whole, every file is there, none was overwritten, and the same file is stored once."""
    processes = storing(folder, 40, *names)

    assert [process.wait(60) for process in processes] == [0, 0, 0]
    records = RawFiles(folder).records()
    assert len(records) == len({record.path for record in records}) == files
    assert len((folder / INDEX).read_bytes().splitlines()) == files
    assert RawFiles(folder).verify() == []


def test_a_process_killed_while_storing_leaves_a_sound_store(folder):
    """Killed without a word, again and again, in the middle of writing."""
    for at in range(4):
        (process,) = storing(folder, 10_000, f"killed{at}")
        while len(RawFiles(folder).records()) < 15 * (at + 1):
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    raw = RawFiles(folder)
    before = raw.records()
    after = raw.store(raw_file("a/after.csv", b"after"), at=datetime(2026, 4, 3, tzinfo=UTC))

    assert raw.verify() == []
    assert RawFiles(folder).records() == [*before, after]
    assert {replace(record, path="") for record in before}

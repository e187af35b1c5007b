"""What an ingest leaves for the next: it spares work, it may be lost, and it is never believed where it does not belong."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from adapters.files.clean_set import CURRENT, CleanFiles
from adapters.files.raw_store import RawFiles
from adapters.files.remembered import NAME, PROGRAM, ROOT, MemoryFile
from adapters.sources.formats.registry import FormatParser
from core.domain.bars import Parsed
from core.market_data.digest import Remembered
from flows.cleaning import IngestDoors
from flows.ingest import IngestReport, ingest, rebuild
from flows.ports import RawRecord, SourceError
from tests.contract.histories import DAYS, FIRST_DAYS, History, begin
from tests.contract.test_ingest import Given

DAY = f"main/prices_{DAYS[FIRST_DAYS]}.parquet"


@dataclass
class Watched:
    """A parser that notes what it was given."""

    names: list[str] = field(default_factory=list)

    def parse(self, record: RawRecord, content: bytes) -> Parsed:
        """Read a file, and note which."""
        self.names.append(record.name)
        return FormatParser().parse(record, content)


@pytest.fixture
def history(tmp_path) -> History:
    """Give a workspace with two years, a calendar of one more session, and no rates."""
    made = History(random.Random(20240206), tmp_path / "one", sessions=FIRST_DAYS + 1)
    begin(made)
    return made


def doors(history: History, parser: Watched | None = None) -> IngestDoors:
    """Open the stores, as a process that starts does."""
    folder = history.folder
    memory = MemoryFile(folder / "cache")
    return IngestDoors(RawFiles(folder / "raw"), parser or FormatParser(), CleanFiles(folder / "clean"), memory)


def verified(history: History, report: IngestReport) -> list[str]:
    """Give what is wrong with the clean set that was made."""
    return CleanFiles(history.folder / "clean").verify(report.snapshot or "")


def ingested(history: History, parser: Watched | None = None) -> IngestReport:
    """Ingest what stands in the archive."""
    return ingest([Given(list(history.files.values()))], history.cleaning(), doors(history, parser), at=history.at)


def add_a_day(history: History) -> None:
    """Put the bars of one more session into a file of its own."""
    history.put(DAY, history.bars([DAYS[FIRST_DAYS]]))


def stamps(history: History) -> dict[str, tuple[int, int]]:
    """Give when each stored file of the clean set was written, and as which."""
    found = (path for path in (history.folder / "clean").rglob("*") if path.is_file() and path.name != CURRENT)
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def test_a_day_more_reads_and_stores_that_day_alone(history):
    """Files of other days are held against their hashes and not parsed; parts of other years are not written again."""
    ingested(history)
    before, watched = stamps(history), Watched()
    add_a_day(history)

    report = ingested(history, watched)

    assert watched.names == [DAY]
    kept = {name for name, stamp in stamps(history).items() if before.get(name) == stamp}
    assert sum(name.startswith("part-") for name in kept) >= 4
    assert len(report.stored) == 1
    assert report.snapshot is not None
    last = doors(history).clean.panel(report.snapshot).sessions[-1].astype("datetime64[D]").astype(object)
    assert last == DAYS[FIRST_DAYS]


def test_the_same_again_reads_no_file(history):
    """Nothing is parsed, and the report is the one of before."""
    first, watched = ingested(history), Watched()

    again = ingested(history, watched)

    assert watched.names == []
    assert again == replace(first, stored=())


def test_a_raw_file_that_was_changed_is_seen_though_nobody_parses_it(history):
    """The clean set stays the one that it was."""
    first = ingested(history)
    record = doors(history).raw.records()[0]
    path = history.folder / "raw" / record.path
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(SourceError, match="its SHA-256 was"):
        ingested(history)
    assert doors(history).clean.current() == first.snapshot


def test_rebuilding_asks_no_memory(history):
    """It reads every file, as after a loss."""
    ingested(history)
    watched = Watched()

    rebuild(history.cleaning(), doors(history, watched))

    assert sorted(watched.names) == sorted(history.files)


def remembered(history: History) -> Remembered:
    """Ingest, and give what is remembered."""
    ingested(history)
    told = MemoryFile(history.folder / "cache").recall(history.cleaning().asked)
    assert told is not None
    return told


def test_what_is_kept_comes_back(history, tmp_path):
    """Kept again, it is the same file."""
    MemoryFile(tmp_path / "two").keep(remembered(history))

    assert (tmp_path / "two" / NAME).read_bytes() == (history.folder / "cache" / NAME).read_bytes()


def test_nothing_is_given_to_who_asks_for_something_else(history, tmp_path):
    """Other instruments, rules, currencies; or before anything was kept."""
    asked = history.cleaning()
    remembered(history)
    memory = MemoryFile(history.folder / "cache")
    others = [
        replace(asked, universe=replace(asked.universe, instruments=asked.universe.instruments[1:])),
        replace(asked, rules=asked.rules.model_copy(update={"assumed_lag_hours": 1})),
        replace(asked, currencies=("USD",)),
        replace(asked, others={"24/5": DAYS}),
    ]

    assert [memory.recall(other.asked) for other in others] == [None] * 4
    assert MemoryFile(tmp_path / "none").recall(asked.asked) is None


def test_damage_anywhere_makes_it_forget(history):
    """Sixty seeded bits, and every end that is cut off at one of sixty places."""
    told, draw = remembered(history), random.Random(7)
    path = history.folder / "cache" / NAME
    whole = path.read_bytes()
    for _ in range(60):
        at, bit = draw.randrange(len(whole)), 1 << draw.randrange(8)
        for content in (whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :], whole[:at]):
            path.write_bytes(content)
            assert MemoryFile(history.folder / "cache").recall(told.asked) is None


def test_a_memory_of_an_older_set_is_not_used(history):
    """As after a kill between publishing and keeping: all is read, and what comes is what a rebuild makes."""
    ingested(history)
    old = (history.folder / "cache" / NAME).read_bytes()
    add_a_day(history)
    ingested(history)
    (history.folder / "cache" / NAME).write_bytes(old)
    watched = Watched()

    report = ingested(history, watched)

    assert sorted(watched.names) == sorted(history.files)
    assert report.snapshot == rebuild(history.cleaning(), doors(history)).snapshot


def test_a_file_that_came_back_at_the_same_instant_is_the_newest(history):
    """Of a day told twice the later file counts: two that only changed places are no reason to keep what was made of them."""
    for name, price in (("one", 10.0), ("two", 20.0)):
        history.put(f"main/prices_{name}.parquet", history.bars([DAYS[3]], symbols=("SPY",), price=price))
    first, one = ingested(history), history.files["main/prices_one.parquet"]
    for file in (replace(one, content=history.bars([DAYS[3]])), one):
        doors(history).raw.store(file, at=history.at)

    report = ingested(history)

    assert report.snapshot == rebuild(history.cleaning(), doors(history)).snapshot != first.snapshot


def test_an_interrupted_renewal_leaves_the_old_set_and_is_done_again(history, tmp_path):
    """Cut at each file that it writes: only CURRENT decides, and it comes last."""
    first = ingested(history)
    before = stamps(history)
    eve = {path: path.read_bytes() for path in sorted((history.folder / "clean").rglob("*")) if path.is_file()}
    add_a_day(history)
    second = ingested(history)
    written = [path for path in sorted((history.folder / "clean").rglob("*")) if path.is_file()]
    new = {path: path.read_bytes() for path in written if before.get(path.name) != stamps(history).get(path.name)}
    new = {path: content for path, content in new.items() if path.name != CURRENT}
    assert len(new) >= 3
    for count in range(len(new) + 1):
        again = replace(history, folder=tmp_path / str(count))
        _put_all(history.folder, again.folder, {**eve, **dict(list(new.items())[:count])})

        assert doors(again).clean.current() == first.snapshot
        assert verified(again, first) == []
        assert ingested(again).snapshot == second.snapshot
        assert verified(again, second) == []


def _put_all(old: Path, new: Path, files: dict[Path, bytes]) -> None:
    for path, content in files.items():
        target = new / path.relative_to(old)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def test_every_module_that_reads_or_cleans_stands_for_the_program():
    """A process that reads and cleans loads nothing of ours that another program could have otherwise."""
    ours = "core", "flows", "adapters"
    text = (
        "import sys, adapters.files.remembered, adapters.files.clean_set, adapters.files.raw_store, flows.ingest\n"
        "import adapters.sources.formats.registry\n"
        f"print(*(m.__file__ for n, m in sys.modules.items() if n.partition('.')[0] in {ours} and m.__file__))"
    )
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True)
    known = [ROOT / name for name in PROGRAM]

    loaded = [Path(name) for name in done.stdout.split()]

    assert len(loaded) > 40
    left = [path for path in loaded if not any(path == one or one in path.parents for one in known)]
    assert [path for path in left if path.name != "__init__.py"] == []

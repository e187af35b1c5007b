"""`twokey ingest` and `twokey run` over HTTP on loopback, as people and clocks start them, killed in the middle too."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import random
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from adapters.files.clean_set import CleanFiles
from adapters.files.raw_store import RawFiles
from tests.fakes.replay import LIMIT, PAGE, Answer, Replay, replaying, stooq_csv
from tests.integration.workspaces import (
    DAY,
    FIRST,
    LAST,
    ROOT,
    SEED,
    Done,
    Workspaces,
    as_program,
    change_policy,
    held,
    morning,
    the_time_is,
    twokey,
    weekdays,
)
from tests.unit.market_data.files import encrypted, rates_zip

CONCURRENCY = 3


@pytest.fixture
def replay() -> Iterator[Replay]:
    """Give a server that has two bars of everything."""
    with replaying({"*": stooq_csv(["2024-02-02", "2024-02-05"]), "eurofxref-hist.zip": rates_zip()}) as replay:
        yield replay


@pytest.fixture
def root(workspaces: Workspaces, replay: Replay, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Give a workspace that would ask the server, and names stooq and ecb; its database is kept running."""
    made = workspaces.copy(request.node.name.replace("[", "-").rstrip("]"))
    let_fetch(made, replay.address, "[stooq, ecb]")
    with held(made):
        yield made
    workspaces.drop(made)


def let_fetch(root: Path, address: str, names: str) -> None:
    """Name sources and have all providers asked at one address, without pauses."""
    path = root / "config" / "sources.yml"
    text = path.read_text(encoding="utf-8").replace("fetch: []", f"fetch: {names}")
    for provider in ("https://stooq.com", "https://query2.finance.yahoo.com", "https://www.ecb.europa.eu"):
        assert provider in text
        text = text.replace(provider, address)
    text = text.replace("concurrency: 2", f"concurrency: {CONCURRENCY}").replace("milliseconds: 500", "milliseconds: 0")
    path.write_text(text, encoding="utf-8")


def program(root: Path, *arguments: str) -> Done:
    """Run a command as a process of its own and wait for its end."""
    done = subprocess.run(as_program(root, *arguments), cwd=ROOT, capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def stored(root: Path) -> set[str]:
    """Give the symbols of Stooq that the raw store holds."""
    records = RawFiles(root / "data" / "raw").records()
    return {record.symbol for record in records if record.provider == "stooq" and record.symbol}


# --- ingest -----------------------------------------------------------------------------------------------------------


def test_ingest_asks_for_the_universe_once_and_on_the_same_day_not_again(root, replay):
    """As a process, and again: every instrument and the rates, one request each, then none at all."""
    change_policy(root, ("source_order: [synthetic]", "source_order: [stooq]"))
    listed = {row.partition(",")[0] for row in (root / "config/universe.csv").read_text().splitlines()[1:]}
    replay.together = CONCURRENCY

    first = program(root, "ingest")
    asked = replay.seen.counts()
    second = twokey(root, "ingest")

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert set(asked.values()) == {1}
    assert len(asked) == len(listed) + 1
    assert replay.seen.counts() == asked
    assert replay.seen.at_once_max == CONCURRENCY
    assert len(first.facts["stored"]) == len(asked)
    assert (second.facts["stored"], second.facts["snapshot"]) == ([], first.facts["snapshot"])
    assert first.err == ""
    assert twokey(root, "data", "verify").facts["differences"] == []


def test_an_ingest_killed_in_the_middle_asks_only_for_the_rest(root, replay):
    """Killed with -9 while one answer is waited for: what came is stored, and at most what was under way is asked twice."""
    change_policy(root, ("source_order: [synthetic]", "source_order: [stooq]"))
    replay.plan("ko.us", Answer(b"", is_held=True))
    process = subprocess.Popen(as_program(root, "ingest"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    before_ko = sorted(name for name in listed_symbols(root) if name < "ko_us")
    assert replay.wait_for(lambda: stored(root) == {name.replace("_", ".") for name in before_ko})
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    kept, first = stored(root), replay.seen.counts()
    replay.let_go.set()

    again = twokey(root, "ingest")

    assert again.code == 0, again.err
    second = replay.seen.counts() - first
    assert kept
    assert not kept & set(second)
    assert kept | set(second) == {name.replace("_", ".") for name in listed_symbols(root)} | {"eurofxref-hist.zip"}
    assert sum(replay.seen.counts().values()) - len(replay.seen.counts()) <= CONCURRENCY
    assert len(again.facts["stored"]) == len(second)
    assert twokey(root, "data", "verify").facts["differences"] == []


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.soak)])
def test_an_ingest_killed_at_any_time_leaves_sound_files_and_the_old_clean_set_or_the_new_one(root, replay, kills):
    """Killed with -9 after some time, again and again, while it starts, asks, stores, cleans or publishes; then left alone."""
    change_policy(root, ("source_order: [synthetic]", "source_order: [stooq]"))
    draw, seen = random.Random(20240206), set()
    for _ in range(kills):
        process = subprocess.Popen(as_program(root, "ingest"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0.5, 3.0))
        process.kill()
        process.communicate()
        current = CleanFiles(root / "data" / "clean").current()
        assert current is not None
        seen.add((current, CleanFiles(root / "data" / "clean").panel(current).instruments))
        assert RawFiles(root / "data" / "raw").verify() == []

    done = twokey(root, "ingest")

    assert done.code == 0, done.err
    assert {name for name, _ in seen} <= {prepared_snapshot(root), done.facts["snapshot"]}
    assert max(replay.seen.counts().values()) <= 1 + kills
    assert sum(replay.seen.counts().values()) <= len(replay.seen.counts()) + kills * CONCURRENCY


def prepared_snapshot(root: Path) -> str:
    """Give the clean set that the workspace was prepared with: the synthetic one."""
    change_policy(root, ("source_order: [stooq]", "source_order: [synthetic]"))
    return str(
        twokey(root, "ingest", "--synthetic", str(SEED), "--from", str(FIRST), "--to", str(LAST)).facts["snapshot"]
    )


def test_what_a_book_holds_is_asked_for_though_the_universe_has_let_it_go(root, replay):
    """A position needs its bars until it is sold; what left and is not held is nobody's business."""
    assert twokey(root, "simulate", "--from", str(DAY), "--to", str(DAY + timedelta(days=1))).code == 0
    held_ids = {row["instrument"] for row in twokey(root, "positions", "--on", str(DAY)).facts["positions"]}
    path = root / "config" / "universe.csv"
    rows = [row.split(",") for row in path.read_text(encoding="utf-8").splitlines()]
    kept = next(row for row in rows if row[0] in held_ids)
    left = next(row for row in rows[1:] if row[0] not in held_ids and row[0] not in ("SPY", "QQQ"))
    for row in (kept, left):
        row[10] = "2024-01-31"
    path.write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")

    with the_time_is(morning(DAY + timedelta(days=2))):
        done = twokey(root, "ingest", "--fetch", "stooq")

    assert done.code == 0, done.err
    assert replay.seen.counts()[kept[1].lower()] == 1
    assert left[1].lower() not in replay.seen.counts()


def listed_symbols(root: Path) -> list[str]:
    """Give the universe's Stooq symbols as they stand in the names of files."""
    rows = (root / "config" / "universe.csv").read_text(encoding="utf-8").splitlines()[1:]
    return [row.split(",")[1].lower().replace(".", "_") for row in rows]


def test_what_could_not_be_looked_up_is_told_and_the_rest_counts(root, replay):
    """A page instead of one CSV: the symbol is named, the clean set is made."""
    change_policy(root, ("source_order: [synthetic]", "source_order: [stooq]"))
    replay.bodies["ko.us"] = PAGE

    done = twokey(root, "ingest", "--fetch", "stooq")

    assert done.code == 0, done.err
    assert done.facts["failures"] == ["stooq KO.US: answered with a page (HTML), not CSV"]
    assert done.facts["without_bars"] == ["KO"]


def test_a_source_that_could_not_look_ends_in_an_error_and_the_others_are_stored(root, replay):
    """The day's questions are used up at the first: exit 1, told, and the rates are there."""
    replay.plan("*", Answer(LIMIT), Answer(LIMIT), Answer(LIMIT))

    done = twokey(root, "ingest", "--fetch", "stooq", "ecb")

    assert done.code == 1
    (blind,) = done.facts["blind"]
    assert blind.startswith("stooq: none of ")
    assert "Exceeded the daily hits limit" in blind
    assert len(done.facts["stored"]) == 1
    assert done.facts["snapshot"] is not None
    alone = twokey(root, "ingest", "--fetch", "stooq")
    assert alone.code == 0, "by now Stooq answers again"


def test_nothing_named_is_a_wrong_call_and_asks_nobody(root, replay):
    """As shipped: no source is named, and nothing goes over the network by surprise."""
    path = root / "config" / "sources.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("fetch: [stooq, ecb]", "fetch: []"), encoding="utf-8")

    done = twokey(root, "ingest")
    ran = run_on_its_day(root)

    assert (done.code, done.out) == (2, "")
    assert "name sources under fetch in config/sources.yml" in done.err
    assert ran.code == 0
    assert replay.seen.paths == []


def test_a_terminal_shows_progress_and_a_line_for_each_source(root, replay):
    """The bar on stderr where somebody watches; the words on stdout end with what was done."""
    change_policy(root, ("source_order: [synthetic]", "source_order: [stooq]"))
    reader, terminal = pty.openpty()
    command = [word for word in as_program(root, "ingest") if word != "--json"]

    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=terminal, text=True)
    os.close(terminal)
    watched = "".join(read_all(reader))
    out, _ = process.communicate()

    count = len(listed_symbols(root))
    assert process.returncode == 0
    assert f"stooq [{'#' * 30}] {count}/{count} " in watched
    *_, of_stooq, of_ecb, last = out.splitlines()
    assert of_stooq.startswith(
        f"stooq: {count} fetched, 0 unchanged, 0 without data, 0 not looked up, 0 known already, "
    )
    assert of_ecb.startswith("ecb: 1 fetched")
    assert f"{count + 1} new raw files; clean set" in last


def read_all(terminal: int) -> Iterator[str]:
    """Read what a terminal shows until nobody writes to it any more, which is an error of input and output."""
    with contextlib.suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as screen:
        while shown := screen.read(1 << 16):
            yield shown.decode()


# --- run --------------------------------------------------------------------------------------------------------------


def run_on_its_day(root: Path, *arguments: str) -> Done:
    """Run today's slot on a day that is fixed."""
    with the_time_is(morning(DAY)):
        return twokey(root, "run", *arguments)


def test_a_run_of_today_fetches_first_and_a_slot_with_a_ticket_does_not(root, replay):
    """The first run asks for what the universe lists; the second gives the live ticket and asks nobody."""
    first = run_on_its_day(root)
    asked = replay.seen.counts()
    second = run_on_its_day(root)

    assert first.code == 0, first.err
    assert first.facts["not_fetched"] == []
    assert first.err.startswith("stooq: ")
    assert len(asked) == len(listed_symbols(root)) + 1
    assert "d2=20240205" in replay.seen.paths[0]
    assert replay.seen.counts() == asked
    assert second.facts["hash"] == first.facts["hash"]


@pytest.mark.parametrize("arguments", [("--no-ingest",), ("--on", str(weekdays(DAY - timedelta(days=1), 1)[0]))])
def test_a_run_that_is_told_not_to_and_a_rehearsal_ask_nobody(root, replay, arguments):
    """`--no-ingest` decides on what is stored; another day than today is never fetched for."""
    done = run_on_its_day(root, *arguments)

    assert done.code == 0, done.err
    assert replay.seen.paths == []


def test_a_run_decides_on_what_is_stored_when_nobody_answers(root, replay):
    """The failure is told on stderr and in the facts; the gates judge, and the ticket is made."""
    replay.bodies["*"] = Answer(b"down", status=404)
    replay.bodies["eurofxref-hist.zip"] = Answer(b"down", status=404)

    done = run_on_its_day(root)

    assert done.code == 0, done.err
    assert done.facts["kind"] == "TRADE"
    (told,) = done.facts["not_fetched"]
    assert told.startswith("could not look: stooq: none of ")
    assert "; ecb: none of 1 questions was answered" in told
    assert told in done.err
    assert json.loads(done.out) == done.facts


def test_a_zip_that_nobody_can_open_leaves_the_run_to_its_gates(root, replay):
    """Encrypted: the answer is told as one that is of no use, and the slot has its ticket."""
    replay.bodies["eurofxref-hist.zip"] = encrypted(rates_zip())

    done = run_on_its_day(root)

    assert done.code == 0, done.err
    assert done.facts["kind"] == "TRADE"
    (told,) = done.facts["not_fetched"]
    assert "ecb: none of 1 questions was answered" in told
    assert "eurofxref-hist.csv" in told
    assert "encrypted" in told


def test_a_fetch_that_breaks_in_our_own_hands_leaves_the_run_to_its_gates(root, replay):
    """What nobody thought of is told with its traceback on stderr, and the gates decide on what is stored."""
    lock = root / "data" / "raw" / "index.lock"
    lock.unlink(missing_ok=True)
    lock.mkdir()

    done = run_on_its_day(root)

    assert done.code == 0, done.err
    assert done.facts["kind"] == "TRADE"
    assert done.facts["not_fetched"] == ["could not look: IsADirectoryError; the traceback is on stderr"]
    assert "Traceback" in done.err


def index_without_its_last_line(root: Path) -> str:
    """Cut the index short, and give the words that tell it."""
    index = root / "data" / "raw" / "index.jsonl"
    lines = index.read_bytes().splitlines(keepends=True)
    index.write_bytes(b"".join(lines[:-1]))
    return (
        f"{json.loads(lines[-1])['path']}: the clean set was made of it with SHA-256 {json.loads(lines[-1])['sha256']}"
    )


def index_gone(root: Path) -> str:
    """Remove the index, and give the words that tell it."""
    (root / "data" / "raw" / "index.jsonl").unlink()
    return "index.jsonl does not name it"


def index_of_other_units(root: Path) -> str:
    """Let the index say otherwise where a file came from, and give the words that tell it."""
    index = root / "data" / "raw" / "index.jsonl"
    index.write_text(index.read_text(encoding="utf-8").replace('"origin":"', '"origin":"another ', 1), encoding="utf-8")
    return "lines had SHA-256"


def flipped(root: Path, ending: str) -> str:
    """Flip a byte in the middle of a part of the clean set, and give the words that tell it."""
    path = sorted((root / "data" / "clean").rglob(f"*{ending}"))[-1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    return path.name


@pytest.mark.parametrize(
    "tamper",
    [
        *(index_without_its_last_line, index_gone, index_of_other_units),
        *(partial(flipped, ending=".npy"), partial(flipped, ending=".parquet")),
    ],
    ids=["index cut", "index gone", "index edited", "array", "table"],
)
def test_verify_finds_what_was_changed(root, tamper):
    """In the index and in the clean set too, not in the raw files alone."""
    sound = twokey(root, "data", "verify")

    words = tamper(root)
    found = twokey(root, "data", "verify")

    assert (sound.code, sound.facts["differences"], sound.facts["strays"]) == (0, [], [])
    assert found.code == 1
    assert any(words in one for one in found.facts["differences"]), found.facts["differences"]


def test_verify_tells_of_a_file_that_nobody_stored(root):
    """Nobody reads it, so it is no difference; who looks after the workspace should know."""
    put = root / "data" / "raw" / "synthetic" / "_many" / "foreign.csv"
    put.write_text("not ours", encoding="utf-8")

    found = twokey(root, "data", "verify")

    assert (found.code, found.facts["strays"]) == (0, ["synthetic/_many/foreign.csv"])

"""The ledger's database: appending fills, one fact at a time, verifying, reading back, and how cost grows with their number."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TypeVar

import psycopg

from adapters.files.workspace import Workspace
from adapters.postgres.chain import Chain
from adapters.postgres.connect import Session
from adapters.postgres.journal import PgJournal
from adapters.postgres.location import Server
from benchmarks.timing import in_a_process, peak_mebibytes, seconds, table, told
from cli.commands.workspace import prepare
from cli.wiring import Desk
from core.domain.confirmation import Fill
from core.domain.posting import Entry, effective_order
from core.domain.slot import VenueName
from core.ledger.post import post_fill

T = TypeVar("T")
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
ASKED = 100_000
RUNS = 3
SINGLE = 200
INSTRUMENTS, DAYS = 50, 3650
FIRST = date(2015, 1, 2)
BOOK = "bench"
VENUE: VenueName = "manual"
# One flat row a fill, as the figure "COPY alone" is made.
FLAT = (
    "CREATE TABLE fill (id bigint PRIMARY KEY, ts text NOT NULL, symbol text NOT NULL, side text NOT NULL,"
    " qty bigint NOT NULL, price bigint NOT NULL, fee bigint NOT NULL, order_id text NOT NULL UNIQUE)",
    "CREATE INDEX fill_symbol ON fill (symbol)",
)


def report(folder: Path, *, largest: int) -> str:
    """Run every part in a workspace and a process of its own, and give what it measured, in Markdown."""
    folder.chmod(0o755)  # the server's account passes through
    prepare(folder / "prepared")
    found: dict[int, dict[str, float]] = {}
    for size in (size for size in SIZES if size <= largest):
        runs = [_measured(folder, size) for _ in range(RUNS if size <= ASKED else 1)]
        found[size] = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    shutil.rmtree(folder / "prepared")
    return "\n".join(["## The ledger's database", "", *_said(found)])


def _measured(folder: Path, size: int) -> dict[str, float]:
    root = folder / "measured"
    subprocess.run(["cp", "-a", str(folder / "prepared"), str(root)], check=True)
    try:
        measured: dict[str, float] = in_a_process("benchmarks.ledger_store", str(root), str(size))
    finally:
        shutil.rmtree(root)
    return measured


def _said(found: dict[int, dict[str, float]]) -> Iterator[str]:
    yield "Fills in the base currency, every other with a fee: five postings each. Durable (fsync); every output is checked."
    yield "Processor time is of this process and of its connection's at the server. COPY alone: one flat row a fill."
    yield ""
    head = (
        "fills",
        "append",
        "processor",
        "COPY alone",
        "times",
        "verify",
        "processor",
        "read back",
        "processor",
        "peak",
    )
    rows = [
        (
            f"{size:,}",
            told(of["append"]),
            told(of["append_cpu"]),
            told(of["copy_cpu"]),
            f"{of['append_cpu'] / of['copy_cpu']:.1f}",
            told(of["verify"]),
            told(of["verify_cpu"]),
            told(of["read"]),
            told(of["read_cpu"]),
            f"{of['peak']:.0f} MiB",
        )
        for size, of in found.items()
    ]
    yield table(head, rows)
    yield ""
    singles = [
        (f"{size:,}", told(of["single"]), told(of["single_99"]), told(of["single_cpu"])) for size, of in found.items()
    ]
    yield table(("one fact more after", "median", "of 99 in 100", "processor"), singles)


# --- in a process of its own ------------------------------------------------------------------------------------------


def measure(root: Path, size: int) -> dict[str, float]:
    """Append fills to a workspace's empty books, verify, read them back, and add some one by one."""
    with Desk(Workspace(root)) as desk:
        (row,) = desk.session("desk").add("clean_snapshot", [{"hash": "benchmark", "body": "{}"}])
        fills = [_entry(number, size, f"clean_snapshot:{row['id']}") for number in range(size + SINGLE)]
        entries, ledger, reader = fills[:size], desk.session("ledger"), desk.session("reader")
        copy_cpu = _copy_alone(root, entries)
        added, append, append_cpu = _timed(ledger, partial(desk.journal.add_entries, entries))
        assert (added, desk.journal.add_entries(entries[-10:])) == (size, 0), "fills were lost, or counted twice"
        desk.heads.keep(desk.chain.head())
        # In one process of the server, so that its processor time is known; the wall time below is of as many as it likes.
        reader.one("SELECT set_config('max_parallel_workers_per_gather', '0', false)")
        _, _, verify_cpu = _timed(reader, partial(_verify, desk, reader))
        reader.one("SELECT set_config('max_parallel_workers_per_gather', '2', false)")
        verify = statistics.median(_timed(reader, partial(_verify, desk, reader))[1] for _ in range(RUNS))
        journal = PgJournal(reader)
        read, read_back, read_cpu = _timed(reader, partial(journal.entries, BOOK, VENUE))
        peak = peak_mebibytes()
        assert read == sorted(entries, key=effective_order), "what came back is not what went in"
        times: list[float] = []
        add_one_by_one = partial(_one_by_one, desk.journal, fills[size:], times)
        _, _, single_cpu = _timed(ledger, add_one_by_one)
        assert len(journal.entries(BOOK, VENUE)) == size + SINGLE, "single facts were lost"
        desk.heads.keep(desk.chain.head())
        _verify(desk, reader)
    told_of = {
        "append": append,
        "append_cpu": append_cpu,
        "copy_cpu": copy_cpu,
        "verify": verify,
        "verify_cpu": verify_cpu,
    }
    of_one = {"single": statistics.median(times), "single_99": sorted(times)[int(SINGLE * 0.99)]}
    return told_of | of_one | {"single_cpu": single_cpu / SINGLE, "read": read_back, "read_cpu": read_cpu, "peak": peak}


def _entry(number: int, size: int, evidence: str) -> Entry:
    fill = Fill(
        key=f"fill {number}",
        book=BOOK,
        venue=VENUE,
        evidence=evidence,
        instrument=f"I{number * 7919 % INSTRUMENTS:03d}",
        side="sell" if number % 3 == 2 else "buy",
        quantity=Decimal(number * 104729 % 997 + 1),
        price=Decimal(number * 1299709 % 9001 + 1000) / 100,
        quote="GBP",
        base="GBP",
        fx_rate=Decimal(1),
        fee=Decimal(number % 2),
        session=FIRST + timedelta(days=number * DAYS // (size + SINGLE)),
    )
    return post_fill(fill)


def _copy_alone(root: Path, entries: list[Entry]) -> float:
    """Give the processor time of COPY of one flat row a fill, which is kept by nobody's chain."""
    rows = [
        (at, f"{e.session}T21:00:00Z", e.instrument, e.kind, at, at, 50, f"O{at:07d}") for at, e in enumerate(entries)
    ]
    server = Server(root / "pg", root / "secrets")
    location, admin = server.start(), server.administrator()
    with psycopg.connect(
        host=location.host,
        port=location.port,
        user=admin.user,
        password=admin.password,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        for statement in FLAT:
            connection.execute(statement)
        before = _processor_seconds(connection.info.backend_pid)
        with connection.transaction(), connection.cursor() as cursor, cursor.copy("COPY fill FROM STDIN") as stream:
            for row in rows:
                stream.write_row(row)
        taken = _processor_seconds(connection.info.backend_pid) - before
        connection.execute("DROP TABLE fill")
    server.release()
    return taken


def _one_by_one(journal: PgJournal, entries: list[Entry], times: list[float]) -> None:
    times.extend(seconds(partial(journal.add_entries, [entry])) for entry in entries)


def _verify(desk: Desk, session: Session) -> None:
    state = Chain(session).verify(desk.heads.kept())
    assert state.problem is None, f"the chain does not verify: {state.problem}"


def _timed(session: Session, call: Callable[[], T]) -> tuple[T, float, float]:
    """Give what a call gives, its wall time, and the processor time of this process and of a session's at the server."""
    pid = session.tuples("SELECT pg_backend_pid()")[0][0]
    before, start = _processor_seconds(pid), time.perf_counter()
    given = call()
    return given, time.perf_counter() - start, _processor_seconds(pid) - before


def _processor_seconds(server: int) -> float:
    """Give what this process and a process of the server took so far; the second is told by Linux alone."""
    path = Path(f"/proc/{server}/stat")
    fields = path.read_text().rpartition(")")[2].split() if path.exists() else ["0"] * 13
    return time.process_time() + sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))

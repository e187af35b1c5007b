"""Market data: cleaning and judging the main set, appending a day, reading panels, and how cost grows with the universe."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from adapters.files.clean_set import CleanFiles
from benchmarks import market
from benchmarks.timing import (
    cpu_seconds,
    in_a_process,
    median_seconds,
    peak_mebibytes,
    seconds,
    side_by_side,
    table,
    told,
)
from core.domain.bars import BAR_FIELDS
from core.domain.panel import Panel
from core.market_data.clean import clean_bars
from core.market_data.quality import judge_panel
from flows.cleaning import Cleaning
from flows.ingest import ingest, rebuild

RUNS = 25
SYMBOLS = 40
YEAR = (date(2024, 1, 2), date(2024, 12, 31))
WIDTH = 100
COLUMNS = ["session", *BAR_FIELDS]


def report(folder: Path, shared: Path, peers: Path | None, *, largest: int) -> str:
    """Run every part and give what it measured, in Markdown."""
    lines = ["## Market data", ""]
    if (shared / market.MAIN_SET).is_dir():
        market.store_main_set(folder, shared)
        lines += [_bulk(folder, shared), "", _reads(folder, peers), ""]
    else:
        lines += [f"{shared / market.MAIN_SET} is not there: nothing was measured on recorded bars", ""]
    sizes = [size for size in (1000, 2500, 5000, 10_000) if size <= largest]
    return "\n".join([*lines, _curve(folder, sizes)])


# --- cleaning, judging, appending -------------------------------------------------------------------------------------


def _bulk(folder: Path, shared: Path) -> str:
    runs = [in_a_process("benchmarks.market_data", "clean", str(folder), str(shared), str(at)) for at in range(3)]
    assert len({run["snapshot"] for run in runs}) == 1, "the same raw files gave different clean sets"
    middle = sorted(runs, key=lambda run: run["seconds"])[1]
    append = in_a_process("benchmarks.market_data", "append", str(folder), str(shared))
    day = _ingest_a_day(folder, shared)
    rows = [
        (
            f"clean and judge {middle['bars']:,} bars from stored raw",
            told(middle["seconds"] - middle["publish"]),
            f"{middle['peak']:.0f} MiB",
        ),
        ("the same, and the clean set stored on the way", told(middle["seconds"]), ""),
        ("one more day in the clean set", told(append["publish"]), f"{append['peak']:.0f} MiB"),
        ("a whole ingest that brings one more day", told(day["ingest"]), f"{day['peak']:.0f} MiB"),
        ("the same day ingested again", told(day["again"]), ""),
    ]
    return table(("job, main set", "median of 3", "peak memory"), rows)


def _clean(folder: Path, shared: Path, clean: str) -> dict[str, Any]:
    """Clean the stored main set into a folder where nothing is, and judge it as of its last session."""
    asked, doors = market.cleaning(market.main_universe(shared)), market.doors(folder, f"clean-{clean}")
    found: list[Any] = []
    publishing: list[float] = []

    class Timed(CleanFiles):
        """The clean set, with the time that storing takes noted apart."""

        def publish(self, *panel: Any, **beside: Any) -> str:
            name: list[str] = []
            publishing.append(seconds(lambda: name.append(super(Timed, self).publish(*panel, **beside))))
            return name[0]

    doors = replace(doors, clean=Timed(folder / f"clean-{clean}"))

    def run() -> None:
        made = rebuild(asked, doors)
        assert made.snapshot is not None, f"no clean set was made: {made.findings}"
        panel = doors.clean.panel(made.snapshot)
        found.extend((made.snapshot, _judged(panel, asked), int(np.sum(~np.isnan(panel.close)))))

    taken = seconds(run)
    told_of = {"snapshot": found[0], "bars": found[2], "peak": peak_mebibytes()}
    return {"seconds": taken, "publish": publishing[0], **told_of}


def _judged(panel: Panel, asked: Cleaning) -> Any:
    session = panel.sessions[-1].astype(object)
    gate = judge_panel(panel, asked.universe, asked.rules, session, closes_at=market.calendar().close_of(session))
    assert gate.is_open, f"the bars do not pass: {gate.findings}"
    return gate.value


def _append(folder: Path, shared: Path) -> dict[str, Any]:
    """Publish all but the last day, then all."""
    whole = CleanFiles(folder / "clean")
    panel = whole.panel(whole.current() or "")
    before = panel.window(panel.sessions[-2].astype(object), len(panel.sessions))
    publish: list[float] = []
    for at in range(3):
        clean = CleanFiles(folder / f"append-{at}")
        clean.publish(before, (), made_of={})
        publish.append(seconds(partial(clean.publish, panel, (), made_of={})))
        assert clean.panel(clean.current() or "").content_hash() == panel.content_hash(), (
            "a day later, the bars are others"
        )
    return {"publish": sorted(publish)[1], "peak": peak_mebibytes()}


def _ingest_a_day(folder: Path, shared: Path) -> dict[str, Any]:
    """Ingest the main set without its last day, then time the ingest of a file that holds it alone, and another of the same."""
    archive, eve = folder / market.MAIN_SET.name, folder / "eve"
    archive.mkdir()
    for path in sorted((shared / market.MAIN_SET).iterdir()):
        (archive / path.name).write_bytes(path.read_bytes())
    year = pq.read_table(archive / "prices_2025.parquet")
    is_last = pc.equal(year["date"], pc.max(year["date"]))
    pq.write_table(year.filter(pc.invert(is_last)), archive / "prices_2025.parquet")
    asked = market.cleaning(market.main_universe(shared))
    ingest([market.archive_of(archive)], asked, market.doors(eve), at=market.AT)
    pq.write_table(year.filter(is_last), archive / "prices_2025-12-31.parquet")
    runs = [_a_day(folder, shared, eve, folder / f"day-{at}") for at in range(3)]
    anew = rebuild(asked, market.doors(folder / "day-0", "anew"))
    assert {run["snapshot"] for run in runs} == {anew.snapshot}, "the set that was added to is not what a rebuild makes"
    made, wanted = (CleanFiles(place / "clean") for place in (folder / "day-0", folder))
    ours, theirs = (clean.panel(clean.current() or "").values() for clean in (made, wanted))
    assert np.array_equal(ours, theirs, equal_nan=True), "a day later, the bars are others"
    assert not made.verify(made.current() or ""), "what was added to is not sound"
    return {name: sorted(run[name] for run in runs)[1] for name in ("ingest", "again", "peak")}


def _a_day(folder: Path, shared: Path, eve: Path, place: Path) -> dict[str, Any]:
    """Take the stores of the eve and let a process of its own bring the day."""
    shutil.copytree(eve, place)
    told_of: dict[str, Any] = in_a_process("benchmarks.market_data", "day", str(folder), str(shared), place.name)
    return told_of


def _day(folder: Path, shared: Path, name: str) -> dict[str, Any]:
    """Ingest the archive, which has a day more, and again, each time as a process that starts finds the stores."""
    asked, source = market.cleaning(market.main_universe(shared)), market.archive_of(folder / market.MAIN_SET.name)
    told_of: dict[str, Any] = {}
    for part in ("ingest", "again"):
        doors = market.doors(folder / name)
        told_of[part] = seconds(partial(ingest, [source], asked, doors, at=market.AT))
    return {**told_of, "snapshot": doors.clean.current(), "peak": peak_mebibytes()}


# --- reading ----------------------------------------------------------------------------------------------------------


def _reads(folder: Path, peers: Path | None) -> str:
    """Read one symbol's ten years, and a hundred symbols' one year: ours, and what reads `eod.parquet`."""
    clean = CleanFiles(folder / "clean")
    snapshot = clean.current() or ""
    names = clean.panel(snapshot, first=YEAR[1]).instruments
    chosen = np.random.Generator(np.random.PCG64(market.SEED)).choice(names, SYMBOLS, replace=False).tolist()
    parquet = folder / "clean" / "eod.parquet"
    one, year = _one_symbol(clean, parquet, chosen), _one_year(clean, parquet, sorted(names[:WIDTH]))
    if peers is not None:
        asked = json.dumps(
            {"parquet": str(parquet), "symbols": chosen, "names": sorted(names[:WIDTH]), "columns": COLUMNS}
        )
        theirs = in_a_process("benchmarks.peers.duckdb_reads", asked, python=peers)
        sums = [float(np.nansum(clean.panel(snapshot, instruments=(name,)).close)) for name in chosen]
        assert np.allclose(theirs["sums"], sums, rtol=1e-12), "DuckDB read other closes"
        one["DuckDB"], year["DuckDB"] = theirs["one"], theirs["year"]
    rows = [
        (job, who, told(taken), f"{taken / times['Twokey']:.1f}")
        for job, times in (("one symbol, ten years", one), (f"{WIDTH} symbols, one year", year))
        for who, taken in times.items()
    ]
    return table(("job, warm", "reader", "median", "times Twokey's"), rows)


def _one_symbol(clean: CleanFiles, parquet: Path, chosen: Sequence[str]) -> dict[str, float]:
    """Another symbol at each call, so that nothing is answered from memory."""
    snapshot = clean.current() or ""
    turns = {name: iter([*chosen, *chosen]) for name in ("Twokey", "pyarrow dataset", "pandas")}

    def ours(name: str) -> Any:
        return clean.panel(snapshot, instruments=(name,)).close[:, 0]

    def arrow(name: str) -> Any:
        rows = ds.dataset(parquet).to_table(filter=ds.field("instrument") == name, columns=COLUMNS)
        return rows["close"].to_numpy()

    def frame(name: str) -> Any:
        return pd.read_parquet(parquet, filters=[("instrument", "==", name)], columns=COLUMNS)["close"].to_numpy()

    readers: dict[str, Callable[[str], Any]] = {"Twokey": ours, "pyarrow dataset": arrow, "pandas": frame}
    for reader in readers.values():
        found, wanted = reader(chosen[0]), ours(chosen[0])
        assert np.array_equal(found, wanted[~np.isnan(wanted)]), "the readers do not agree on a symbol's closes"
    calls: dict[str, Callable[[], object]] = {name: partial(_next, readers[name], turns[name]) for name in readers}
    return side_by_side(calls, RUNS)


def _next(reader: Callable[[str], Any], turns: Iterator[str]) -> Any:
    return reader(next(turns))


def _one_year(clean: CleanFiles, parquet: Path, names: Sequence[str]) -> dict[str, float]:
    snapshot, (first, last) = clean.current() or "", YEAR
    within = (ds.field("session") >= first) & (ds.field("session") <= last) & ds.field("instrument").isin(names)

    def ours() -> Any:
        return clean.panel(snapshot, first=first, last=last, instruments=names).close

    def arrow() -> Any:
        return _wide(ds.dataset(parquet).to_table(filter=within, columns=["instrument", *COLUMNS]).to_pandas())

    def frame() -> Any:
        asked = [("session", ">=", first), ("session", "<=", last), ("instrument", "in", list(names))]
        return _wide(pd.read_parquet(parquet, filters=asked, columns=["instrument", *COLUMNS]))

    calls: dict[str, Callable[[], object]] = {"Twokey": ours, "pyarrow dataset": arrow, "pandas": frame}
    wanted = ours()
    for call in calls.values():
        assert _same(call(), wanted), "the readers do not agree on a year's closes"
    return side_by_side(calls, RUNS)


def _same(one: Any, other: Any) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))


def _wide(rows: pd.DataFrame) -> Any:
    """Give what a panel holds: each field as an array of sessions and instruments; the closes of them."""
    fields = {name: rows.pivot_table(index="session", columns="instrument", values=name) for name in BAR_FIELDS}
    return fields["close"].to_numpy()


# --- how cost grows ---------------------------------------------------------------------------------------------------


def _curve(folder: Path, sizes: Sequence[int]) -> str:
    rows = []
    for size in sizes:
        run = in_a_process("benchmarks.market_data", "curve", str(folder / f"curve-{size}"), str(size))
        steps = [f"{told(run[step])}" for step in ("clean", "publish", "judge", "year")]
        each = 1e6 * (run["clean"] + run["publish"] + run["judge"]) / run["bars"]
        rows.append((f"{size:,}", f"{run['bars']:,}", *steps, f"{each:.2f} us", f"{run['peak']:,.0f} MiB"))
    head = (
        "symbols, ten years",
        "bars",
        "clean, CPU",
        "publish, CPU",
        "judge, CPU",
        "read a year",
        "CPU a bar",
        "peak memory",
    )
    return table(head, rows)


def _grown(folder: Path, size: int) -> dict[str, Any]:
    parsed = market.synthetic_bars(size)
    assert parsed.bars is not None, "a synthetic market has bars"
    asked = market.cleaning(market.universe_of(sorted(set(parsed.bars.symbol.tolist()))))
    clean, bars = CleanFiles(folder), len(parsed.bars.session)
    made: list[Panel] = []

    def make() -> None:
        made.append(clean_bars([parsed], asked.universe, asked.rules, sessions=asked.sessions).value)

    times = {"clean": cpu_seconds(make)}
    times["publish"] = cpu_seconds(lambda: clean.publish(made[0], (), made_of={}))
    times["judge"] = cpu_seconds(lambda: _judged(made[0].window(market.LAST, 300), asked))
    snapshot = clean.current() or ""
    times["year"] = median_seconds(lambda: clean.panel(snapshot, first=YEAR[0], last=YEAR[1]), 3)
    return {**times, "bars": bars, "peak": peak_mebibytes()}


if __name__ == "__main__":
    part, place, *rest = sys.argv[1:]
    parts = {
        "clean": lambda: _clean(Path(place), Path(rest[0]), rest[1]),
        "append": lambda: _append(Path(place), Path(rest[0])),
        "day": lambda: _day(Path(place), Path(rest[0]), rest[1]),
        "curve": lambda: _grown(Path(place), int(rest[0])),
    }
    print(json.dumps(parts[part]()))

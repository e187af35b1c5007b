"""Features: Qlib's own sets beside Qlib, polars and pandas, and the weekly set beside pandas, from storage to memory."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import feature_panel
from benchmarks.feature_jobs import EACH
from benchmarks.timing import table, told
from benchmarks.turns import Worker, in_turns
from core.quant.alpha158 import ALPHA158, WORKFLOW
from core.quant.feature_sets import feature_set

RUNS, LONG_RUNS, SHORT_RUNS = 5, 3, 25
OURS, QLIB, FRAMES = "benchmarks.feature_jobs", "benchmarks.peers.qlib_features", "benchmarks.peers.frame_features"
# How far our numbers may be from a peer's, where 999 of 1,000 are nearer: |ours - theirs| / (|theirs| + 0.001). Qlib rounds
# to float32 between its steps, as we do; one of its logarithms in 25 is rounded otherwise, which five days' correlations
# show. polars and pandas do not round in between.
LIKE_QLIB, LIKE_FRAMES, LIKE_PANDAS = 3e-4, 2e-3, 1e-6
ABSENT = 1e-4
# What the fading average never forgets, and another definition of skewness.
NOT_COMPARED = ("rsi_14", "skewness_63")


def report(folder: Path, peers: Path | None, qlib: Path | None, *, instruments: int) -> str:
    """Run every part and give what it measured, in Markdown."""
    feature_panel.write_panel(folder, instruments)
    lines = [
        "## Features",
        "",
        f"{instruments} instruments x {feature_panel.ROWS} sessions, storage to memory.",
        "",
    ]
    rows = [*_frames(folder, peers, qlib), *_matrices(folder, qlib), *_alpha158(folder, qlib), *_weekly(folder)]
    head = ("job", "peer", "peer's median", "ours", "ratio", "ratio of processor time", "peak MiB, peer / ours")
    return "\n".join([*lines, table(head, rows), "", *_today(folder), "", *_missing(peers, qlib)])


def _missing(peers: Path | None, qlib: Path | None) -> list[str]:
    return [f"NOT MEASURED: no {name} was named" for name, place in (("peers", peers), ("Qlib", qlib)) if place is None]


# --- the workflow's columns ---------------------------------------------------------------------------------------------


def _frames(folder: Path, peers: Path | None, qlib: Path | None) -> Iterator[tuple[str, ...]]:
    """Compare long frames of float32: two kernels of Qlib, its caches, polars and pandas with ours on two threads."""
    others: dict[str, Worker] = {}
    bins = str(folder / "qlib")
    if qlib is not None:
        others["Qlib, no cache, 2 kernels"] = Worker(QLIB, "workflow", "2", bins, python=qlib)
    if peers is not None:
        panel = str(folder / "panel.parquet")
        others |= {name: Worker(FRAMES, name, panel, python=peers) for name in ("polars", "pandas")}
    yield from _beside(folder, "workflow, 14 columns, long frame", ("frame", others), RUNS)
    if qlib is None:
        return
    with _redis(folder, qlib) as port:
        if port is None:
            yield ("workflow, 14 columns, long frame", "Qlib's caches: NOT MEASURED, no redis-server", *[""] * 5)
            return
        shutil.copytree(bins, folder / "cached")
        worker = Worker(QLIB, "cached", "1", str(folder / "cached"), str(port), python=qlib)
        yield from _beside(
            folder, "workflow, 14 columns, long frame", ("frame", {"Qlib, from its caches": worker}), RUNS
        )


def _matrices(folder: Path, qlib: Path | None) -> Iterator[tuple[str, ...]]:
    if qlib is not None:
        worker = Worker(QLIB, "workflow", "1", str(folder / "qlib"), python=qlib)
        yield from _beside(
            folder, "the same, matrices, one core", ("matrices", {"Qlib, no cache, 1 kernel": worker}), RUNS
        )


def _alpha158(folder: Path, qlib: Path | None) -> Iterator[tuple[str, ...]]:
    if qlib is not None:
        worker = Worker(QLIB, "alpha158", "2", str(folder / "qlib"), python=qlib)
        job = ("alpha158", {"Qlib, no cache, 2 kernels": worker})
        yield from _beside(folder, "Alpha158, 158 columns, fresh output", job, LONG_RUNS)


def _beside(folder: Path, what: str, jobs: tuple[str, Mapping[str, Worker]], runs: int) -> Iterator[tuple[str, ...]]:
    """Run our job and the peers' in turns, hold that all gave the same, and give a line for each peer."""
    job, others = jobs
    workers = {"ours": Worker(OURS, job, str(folder)), **others}
    times = in_turns(workers, runs)
    made = _saved(folder, workers["ours"], "ours")
    for name, worker in others.items():
        theirs = _saved(folder, worker, "theirs")
        near = LIKE_QLIB if name.startswith("Qlib") else LIKE_FRAMES
        names = ALPHA158.names if job == "alpha158" else (*WORKFLOW.names, "LABEL0")
        assert_alike(made, theirs, dict(zip(names, range(len(names)), strict=True)), near)
        yield _line(what, name, times[name], times["ours"])
    for worker in workers.values():
        worker.end()


def _saved(folder: Path, worker: Worker, name: str) -> Any:
    worker.ask(f"save {folder / name}.npy")
    return np.load(folder / f"{name}.npy", mmap_mode="r")


def _line(what: str, name: str, theirs: Mapping[str, float], ours: Mapping[str, float]) -> tuple[str, ...]:
    seconds, processor = theirs["seconds"] / ours["seconds"], theirs["cpu"] / ours["cpu"]
    taken = (told(theirs["seconds"]), told(ours["seconds"]))
    return (what, name, *taken, f"{seconds:.1f}", f"{processor:.1f}", f"{theirs['peak']:.0f} / {ours['peak']:.0f}")


def assert_alike(ours: Any, theirs: Any, columns: Mapping[str, int], near: float) -> None:
    """Hold that numbers of shape (rows, columns) are alike; raises AssertionError with the columns that are not."""
    assert ours.shape == theirs.shape, f"ours are of shape {ours.shape}, theirs of {theirs.shape}"
    wrong = []
    for name, at in columns.items():
        one, two = ours[:, at].astype(np.float64), theirs[:, at].astype(np.float64)
        both = np.isfinite(one) & np.isfinite(two)
        apart = float(np.quantile(np.abs(one - two)[both] / (np.abs(two[both]) + 1e-3), 0.999))
        absent = float(np.mean(np.isfinite(one) != np.isfinite(two)))
        if apart > near or absent > ABSENT:
            wrong.append(f"{name}: apart {apart:.1e}, absent in one alone {absent:.1e}")
    assert not wrong, f"{len(wrong)} of {len(columns)} columns differ: {wrong}"


# --- the weekly set -----------------------------------------------------------------------------------------------------


def _weekly(folder: Path) -> Iterator[tuple[str, ...]]:
    """Compare the whole weekly set with pandas' groupby on each tenth instrument, whose time counts for all.

    Both have two cores, of which pandas' groupby uses one; a line more says what ours takes of one core.
    """
    ours = {"two threads": Worker(OURS, "weekly-threads", str(folder)), "one core": Worker(OURS, "weekly", str(folder))}
    workers = {"pandas": Worker(OURS, "groupby", str(folder)), **ours}
    times = in_turns(workers, LONG_RUNS)
    names = feature_set("weekly").names
    compared = {name: at for at, name in enumerate(names) if name not in NOT_COMPARED}
    made = {name: _saved(folder, worker, name).reshape(len(names), -1).T for name, worker in workers.items()}
    width = feature_panel.load_bars(folder).shape[1]
    share, peer = width / len(range(0, width, EACH)), times["pandas"]
    whole = {**peer, "seconds": share * peer["seconds"], "cpu": share * peer["cpu"]}
    for name in ours:
        assert_alike(made[name], made["pandas"], compared, LIKE_PANDAS)
        what = f"weekly, {len(names)} features, {name}"
        yield _line(what, f"pandas groupby (a part, x {share:.3g})", whole, times[name])
    for worker in workers.values():
        worker.end()


def _today(folder: Path) -> list[str]:
    """Time a day's features in a warm process."""
    workers = {name: Worker(OURS, job, str(folder)) for name, job in (("weekly", "today"), ("alpha158", "today158"))}
    times = in_turns(workers, SHORT_RUNS)
    for worker in workers.values():
        worker.end()
    rows = [
        (f"{name}, the last session alone, 450 instruments, warm", told(of["seconds"])) for name, of in times.items()
    ]
    return [table(("job", "median"), rows)]


# --- redis --------------------------------------------------------------------------------------------------------------


@contextmanager
def _redis(folder: Path, qlib: Path) -> Iterator[int | None]:
    """Run a redis on loopback for Qlib's caches: the one beside its Python, or else on the path; None where there is none."""
    beside = qlib.parent / "redis-server"
    program = str(beside) if beside.exists() else shutil.which("redis-server")
    if program is None:
        yield None
        return
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    quiet = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    server = subprocess.Popen([program, *quiet], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        server.terminate()
        server.wait()

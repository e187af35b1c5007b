"""Timing: medians of repeated calls, processes of their own, and tables of what came of it."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def median_seconds(call: Callable[[], object], runs: int) -> float:
    """Give the median wall time of some calls, after one that does not count."""
    call()
    return statistics.median(seconds(call) for _ in range(runs))


def seconds(call: Callable[[], object]) -> float:
    """Give the wall time of a call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def cpu_seconds(call: Callable[[], object]) -> float:
    """Give the processor time of a call, of all threads: what a neighbour's work does to it is least."""
    start = time.process_time()
    call()
    return time.process_time() - start


def side_by_side(calls: dict[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Give the median wall time of each call; they take turns, so that all meet the same noise."""
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            times[name].append(seconds(call))
    return {name: statistics.median(told) for name, told in times.items()}


def in_a_process(module: str, *arguments: str, python: Path | None = None) -> Any:
    """Run a module with arguments in a process of its own; gives the JSON of its last line."""
    command = [str(python or sys.executable), "-m", module, *arguments]
    # What is imported while the clock runs comes from bytecode, as it does for who uses the program.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def peak_mebibytes() -> float:
    """Give the most memory that this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Give rows as a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def told(number_of_seconds: float) -> str:
    """Say a time with three digits, in the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if number_of_seconds >= size:
            return f"{number_of_seconds / size:.3g} {unit}"
    return f"{number_of_seconds:.3g} s"

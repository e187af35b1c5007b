"""Turns: peers and ours as processes that stay, each asked to run its job in its turn, so that all meet the same noise."""

from __future__ import annotations

import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def serve(call: Callable[[], object], save: Callable[[Any, str], object]) -> None:
    """Answer each line of the standard input: `run` by a timed call, `save PATH` by what the last call gave, stored."""
    made: Any = None
    for line in sys.stdin:
        what, _, path = line.strip().partition(" ")
        told: dict[str, float] = {}
        if what == "save":
            save(made, path)
        else:
            made = None
            gc.collect()
            start, began = time.perf_counter(), _processor()
            made = call()
            told = {"seconds": time.perf_counter() - start, "cpu": _processor() - began, "peak": _peak()}
        print(f"told {json.dumps(told)}", flush=True)


class Worker:
    """A process that serves a job."""

    def __init__(self, module: str, *arguments: str, python: Path | None = None) -> None:
        """Start it; it answers once its imports are made."""
        self._command = [str(python or sys.executable), "-m", module, *arguments]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(self._command, cwd=ROOT, env=environment, text=True, **pipes)

    def ask(self, line: str) -> dict[str, float]:
        """Give the answer to a line; raises RuntimeError where the process ended instead."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        for answer in self._process.stdout:
            if answer.startswith("told "):
                told: dict[str, float] = json.loads(answer[5:])
                return told
        raise RuntimeError(f"{' '.join(self._command)} ended with {self._process.wait()} instead of answering {line}")

    def end(self) -> None:
        """End the process."""
        self._process.communicate()


def in_turns(workers: Mapping[str, Worker], runs: int, *, warm: bool = True) -> dict[str, dict[str, float]]:
    """Give the median seconds and processor seconds of each job, and the most memory its process held, in MiB.

    Each round asks all of them, one after the other; `warm`: after a round that does not count.
    """
    told: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
    for turn in range(runs + warm):
        for name, worker in workers.items():
            one = worker.ask("run")
            if turn >= warm:
                told[name].append(one)
    return {
        name: {
            "seconds": statistics.median(one["seconds"] for one in of),
            "cpu": statistics.median(one["cpu"] for one in of),
            "peak": max(one["peak"] for one in of),
        }
        for name, of in told.items()
    }


def _processor() -> float:
    """Give the processor time of this process and of those it waited for."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def _peak() -> float:
    """Give the most that this process, or one of those it waited for, held."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024

"""`python -m tests.mutator.run --files F... --tests T... [--sample N]`: which mutants do the tests catch?

The tests run once, and what each of them executes is noted. Then each mutant is put into a fork of that process, with `--apart`
into a new one, where the tests that execute its guard run, the quickest first, until one fails. Nothing on the disk is changed.
The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import coverage
import pytest
from _pytest.runner import runtestprotocol

from tests.mutator.guards import Mutant, mutants_of, mutated
from tests.mutator.patching import put_in

ROOT = Path(__file__).resolve().parents[2]
SEED = 6
# A mutant that runs so much longer than the tests did is caught: it does not end.
SLOWER, SECONDS_LEAST = 20.0, 30.0
# What a process of its own takes besides, to make a workspace with a database.
SETUP_SECONDS = 120.0
SURVIVED, CAUGHT, BROKEN = range(3)


@dataclass
class Outcome:
    """What came of each mutant, and how long the tests took by themselves."""

    caught: list[Mutant] = field(default_factory=list)
    survived: list[Mutant] = field(default_factory=list)
    unreached: list[Mutant] = field(default_factory=list)
    seconds: float = 0.0
    failing: list[str] = field(default_factory=list)


@dataclass
class Mutator:
    """A plugin of pytest that, in the place of one run of the tests, runs them once for itself and then against mutants."""

    mutants: Sequence[Mutant]
    texts: Mapping[str, str]
    outcome: Outcome = field(default_factory=Outcome)
    quick: float = float("inf")
    is_apart: bool = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests once, then some of them for each mutant."""
        items = list(session.items)
        reached, times = self._baseline(items)
        if self.outcome.failing or len(items) < 2:
            return True
        self._control(items, times)
        for mutant in self.mutants:
            able = sorted(reached.get((mutant.path, mutant.line), ()), key=times.__getitem__)
            if mutant.entry is not None:
                able = sorted(times, key=times.__getitem__)
            able = [name for name in able if times[name] <= self.quick]
            chosen = [item for name in able for item in items if item.nodeid == name]
            self._note(mutant, chosen, seconds=max(SECONDS_LEAST, SLOWER * sum(times[name] for name in able)))
        return True

    def _baseline(self, items: Sequence[pytest.Item]) -> tuple[dict[tuple[str, int], set[str]], dict[str, float]]:
        """Give which tests execute each line, and how long each takes."""
        watched = [str(ROOT / path) for path in self.texts]
        cover = coverage.Coverage(data_file=None, include=watched, config_file=False)
        cover.set_option("run:disable_warnings", ["no-data-collected"])
        times: dict[str, float] = {}
        start = time.process_time()
        cover.start()
        for at, item in enumerate(items):
            cover.switch_context(item.nodeid)
            began = time.process_time()
            if not _passes(item, items[at + 1] if at + 1 < len(items) else None):
                self.outcome.failing.append(item.nodeid)
            times[item.nodeid] = time.process_time() - began
        cover.stop()
        self.outcome.seconds = time.process_time() - start
        reached: dict[tuple[str, int], set[str]] = {}
        for path in self.texts:
            for line, names in cover.get_data().contexts_by_lineno(str(ROOT / path)).items():
                reached[path, line] = set(names) & times.keys()
        return reached, times

    def _note(self, mutant: Mutant, chosen: Sequence[pytest.Item], *, seconds: float) -> None:
        if not chosen:
            self.outcome.unreached.append(mutant)
            _say(f"unreached  {mutant.name}")
            return
        code = self._code(mutant, chosen, seconds=seconds)
        if code == BROKEN:
            raise ValueError(f"{mutant.name} could not be put in")
        (self.outcome.survived if code == SURVIVED else self.outcome.caught).append(mutant)
        if code == SURVIVED:
            _say(f"survived   {mutant.name}")

    def _control(self, items: Sequence[pytest.Item], times: Mapping[str, float]) -> None:
        """Hold that the tests pass in a fork without a mutant: else it would be the fork that they catch."""
        chosen = [item for item in items if times[item.nodeid] <= min(self.quick, 1.0)]
        if self._code(None, chosen, seconds=SECONDS_LEAST + SLOWER * sum(times.values())) != SURVIVED:
            raise ValueError("the tests fail in a process without a mutant")

    def _code(self, mutant: Mutant | None, chosen: Sequence[pytest.Item], *, seconds: float) -> int:
        return (self._in_a_process if self.is_apart else self._in_a_fork)(mutant, chosen, seconds=seconds)

    def _in_a_process(self, mutant: Mutant | None, chosen: Sequence[pytest.Item], *, seconds: float) -> int:
        """Run tests against a mutant in a process of its own, and give what came of it."""
        told = json.dumps(None if mutant is None else asdict(mutant))
        command = [sys.executable, "-m", "tests.mutator.apart", told, *(item.nodeid for item in chosen)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            code = process.wait(SETUP_SECONDS + seconds)
        except subprocess.TimeoutExpired:
            # As a person would: pytest then ends the servers that its tests began.
            process.send_signal(signal.SIGINT)
            process.wait()
            return CAUGHT
        return {0: SURVIVED, 1: CAUGHT}.get(code, BROKEN)

    def _in_a_fork(self, mutant: Mutant | None, chosen: Sequence[pytest.Item], *, seconds: float) -> int:
        """Run tests against a mutant in a fork of this process, and give what came of it."""
        sys.stdout.flush()
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            # Whatever ends the fork by itself, a signal or its alarm, ends it after the mutant was put in.
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else CAUGHT
        code = BROKEN
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            for stream in (1, 2):
                os.dup2(silence, stream)
            signal.alarm(int(seconds) + 1)
            if mutant is not None:
                put_in(mutant, None if mutant.entry is not None else mutated(self.texts[mutant.path], mutant), ROOT)
            code = CAUGHT
            following = (*chosen[1:], None)
            code = SURVIVED if all(_passes(*pair) for pair in zip(chosen, following, strict=True)) else CAUGHT
        finally:
            # At once: what the tests share may not be torn down here.
            os._exit(code)


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    """Run a test; what the next one of the same process shares with it stays, and without a next one the session's too."""
    kept: Any = following if following is not None else _Session(item)
    return not any(report.failed for report in runtestprotocol(item, nextitem=kept, log=False))


@dataclass
class _Session:
    """Stands for a next test that shares the session with the last one, and nothing else."""

    item: pytest.Item

    def listchain(self) -> list[pytest.Session]:
        """Give what stays."""
        return [self.item.session]


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def run(
    mutants: Sequence[Mutant], tests: Iterable[str], *, quick: float = float("inf"), is_apart: bool = False
) -> Outcome:
    """Give what tests, named by file, make of mutants; raises ValueError when the tests fail by themselves."""
    texts = {mutant.path: (ROOT / mutant.path).read_text(encoding="utf-8") for mutant in mutants}
    plugin = Mutator(mutants, texts, quick=quick, is_apart=is_apart)
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "--no-header", "--no-summary", *tests]
    pytest.main(options, plugins=[plugin])
    if plugin.outcome.failing:
        raise ValueError(f"the tests fail without a mutant: {plugin.outcome.failing[:5]}")
    return plugin.outcome


def main() -> None:
    """Read what is asked, run it, and print what survived; the last line is one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutator.run", description=__doc__)
    parser.add_argument("--files", nargs="+", required=True, help="files of Twokey whose guards are changed")
    parser.add_argument("--tests", nargs="+", required=True, help="files of tests that should see it")
    parser.add_argument("--sample", type=int, help="so many mutants, drawn with a written seed, instead of all")
    parser.add_argument("--quick", type=float, default=float("inf"), help="leave out tests of more seconds than this")
    parser.add_argument("--apart", action="store_true", help="each mutant in a new process, for tests with databases")
    asked = parser.parse_args()
    mutants = [one for path in asked.files for one in mutants_of(path, (ROOT / path).read_text(encoding="utf-8"))]
    if asked.sample is not None and asked.sample < len(mutants):
        mutants = random.Random(SEED).sample(mutants, asked.sample)
    outcome = run(mutants, asked.tests, quick=asked.quick, is_apart=asked.apart)
    told = {
        "mutants": len(mutants),
        "caught": len(outcome.caught),
        "survived": [list(one.key) for one in outcome.survived],
        "unreached": [list(one.key) for one in outcome.unreached],
        "seconds": round(outcome.seconds, 1),
    }
    _say(json.dumps(told))


if __name__ == "__main__":
    main()

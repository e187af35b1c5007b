"""Fitting in processes: the models of one process, in order, and no process left behind, whatever ends it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from adapters.fitting import FittingFailed, fit_in_processes
from core.quant.parameters import RankerParameters
from core.quant.training import fit_each
from core.quant.windows import Window, windows
from tests.house.tree import ROOT
from tests.unit.quant.planted import planted

QUICK = RankerParameters("any", weeks_min=20, trees_max=10, leaf_rows_min=30, l2=1.0)
LEARN = planted(42, weeks=32, instruments=30, features=3, known=0.3).learn
WINDOWS = windows(32, QUICK)
WAIT_MILLISECONDS = 60_000
# Begins to fit, tells that it has, and stays with the rest until it is killed.
STARTED = """
from tests.contract.test_fitting import LEARN, QUICK, WINDOWS
from adapters.fitting import fit_in_processes
models = fit_in_processes(2)(LEARN, WINDOWS, QUICK)
print(next(models).inputs, flush=True)
input()
"""

pytestmark = pytest.mark.slow


def children(parent: int) -> list[int]:
    """Give the processes that a process started and that run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return sorted(found)


@pytest.fixture
def before():
    """Give the processes that were there before."""
    return children(os.getpid())


def test_the_models_are_those_of_one_process_in_order(before):
    """Not a byte differs, wherever it was fitted. Closed before the end, as when a walk is cancelled: no process is left."""
    models = fit_in_processes(2)(LEARN, WINDOWS, QUICK)

    assert list(islice(models, 7)) == list(fit_each(LEARN, WINDOWS[:7], QUICK))
    assert len(children(os.getpid())) == len(before) + 2
    models.close()
    assert children(os.getpid()) == before


def test_a_window_that_cannot_be_fitted_says_so_as_in_one_process(before):
    """The words are those of one process, and what came before it is given first."""
    small = Window(range(1), range(4, 6), range(9, 10))
    models = fit_in_processes(2)(LEARN, [WINDOWS[0], small, WINDOWS[1]], QUICK)

    assert next(models) == next(fit_each(LEARN, WINDOWS, QUICK))
    with pytest.raises(ValueError, match="weeks 0 to 0 have 30 rows"):
        next(models)
    assert children(os.getpid()) == before


def test_a_process_that_dies_is_told(before):
    """Killed from outside, as for want of memory: how it ended is said, and nothing is left of the others."""
    # More than the processes are handed ahead: what they gave before they died is not all.
    models = fit_in_processes(2)(LEARN, [*WINDOWS] * 10, QUICK)
    next(models)
    for one in set(children(os.getpid())) - set(before):
        os.kill(one, signal.SIGKILL)

    with pytest.raises(FittingFailed, match="ended with -9"):
        list(models)
    assert children(os.getpid()) == before


def test_the_processes_end_with_whoever_asked():
    """Ours killed without a word: those that fit for it see that nobody asks any more, and end."""
    asker = subprocess.Popen(
        [sys.executable, "-c", STARTED], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with asker:
        assert asker.stdout is not None
        assert len(asker.stdout.readline().strip()) == 64
        doors = [os.pidfd_open(one) for one in children(asker.pid)]
        asker.kill()

    ended = select.poll()
    for door in doors:
        ended.register(door, select.POLLIN)
    seen: set[int] = set()
    while len(seen) < len(doors):
        told = {door for door, _ in ended.poll(WAIT_MILLISECONDS)}
        assert told - seen, "a process still fits for nobody"
        seen |= told
        for door in told:
            ended.unregister(door)
    for door in doors:
        os.close(door)

    assert len(doors) == 2

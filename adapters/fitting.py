"""Fitting in processes: models of a walk-forward, one fit a process, each of one thread."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection, wait
from pathlib import Path

from core.quant.parameters import RankerParameters
from core.quant.training import FitMany, Fits, Fitted, TrainingSet, fit_each, fitter_of
from core.quant.windows import Window

_ROOT = Path(__file__).resolve().parents[1]
# One is fitted while the next waits at the door, so that no process waits for ours to ask.
_AHEAD = 2


class FittingFailed(RuntimeError):
    """A process that fitted ended before its work did; says how."""


def fit_in_processes(processes: int | None = None) -> FitMany:
    """Give a way to fit windows in so many processes at once, by default one for each processor.

    The models are those of `fit_each`, in the same order: each comes of its own rows alone, whoever fits it. The processes
    are programs of their own: they share no memory, no connection and no terminal with ours, are gone when the models
    are, and end by themselves should ours be killed. Raises ValueError as `fit_each` does, and FittingFailed where a
    process ends too early.
    """
    count = processes or os.cpu_count() or 1

    def fit(learn: TrainingSet, windows: Sequence[Window], parameters: RankerParameters) -> Fits:
        if min(count, len(windows)) < 2:
            yield from fit_each(learn, windows, parameters)
            return
        # Made once here, rather than by every process.
        _ = learn.rows.digests
        with ExitStack() as ends:
            workers = [_Worker(ends) for _ in range(min(count, len(windows)))]
            for worker in workers:
                worker.send((learn, parameters))
            yield from _in_order(workers, windows)

    return fit


def _in_order(workers: Sequence[_Worker], windows: Sequence[Window]) -> Iterator[Fitted]:
    """Hand windows to whoever has room, and give the models in the windows' order."""
    waiting = deque(enumerate(windows))
    for worker in [*workers] * _AHEAD:
        if waiting:
            worker.send(waiting.popleft())
    by_door: dict[object, _Worker] = {worker.door: worker for worker in workers}
    come: dict[int, Fitted | ValueError] = {}
    for at in range(len(windows)):
        while at not in come:
            for door in wait([worker.door for worker in workers]):
                worker = by_door[door]
                place, told = worker.receive()
                come[place] = told
                if waiting:
                    worker.send(waiting.popleft())
        if isinstance(fitted := come.pop(at), ValueError):
            raise fitted
        yield fitted


class _Worker:
    """One process that fits what it is sent; it is killed when the stack ends, for it keeps nothing."""

    def __init__(self, ends: ExitStack) -> None:
        # A session of its own: what is typed at our terminal is ours to answer. -P: the folder we stand in is no code.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "adapters.fitting"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": _path(), "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        ends.enter_context(self._process)
        ends.callback(self._process.kill)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to = ends.enter_context(Connection(os.dup(self._process.stdin.fileno()), readable=False))
        self.door = ends.enter_context(Connection(os.dup(self._process.stdout.fileno()), writable=False))
        self._process.stdin.close()

    def send(self, message: object) -> None:
        """Hand something to the process."""
        try:
            self._to.send(message)
        except BrokenPipeError as error:
            raise self._ended() from error

    def receive(self) -> tuple[int, Fitted | ValueError]:
        """Take the place of a window and its model, or why there is none."""
        try:
            place, told = self.door.recv()
        except EOFError as error:
            raise self._ended() from error
        return place, told

    def _ended(self) -> FittingFailed:
        code = self._process.wait()
        return FittingFailed(
            f"a process that fits models ended with {code} before its work did; its words are on stderr"
        )


def _path() -> str:
    """Give where a process finds our code, before what our own environment says."""
    return os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))


def _work() -> None:
    """Fit what comes in, until nothing comes any more."""
    # The doors are kept for ourselves: whatever a library prints goes where it harms nobody.
    taken, given = Connection(os.dup(0), writable=False), Connection(os.dup(1), readable=False)
    os.dup2(2, 1)
    try:
        fit = fitter_of(*taken.recv())
        while True:
            place, window = taken.recv()
            given.send((place, _fitted(fit, window)))
    except (EOFError, BrokenPipeError):
        # Whoever asked is gone.
        return


def _fitted(fit: Callable[[Window], Fitted], window: Window) -> Fitted | ValueError:
    try:
        return fit(window)
    except ValueError as error:
        return error


if __name__ == "__main__":
    _work()

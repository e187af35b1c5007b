"""The walk-forward: 260 weekly fits beside plain LightGBM, at equal predictions, and its repeat from kept models."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from adapters.files.models import FileModels
from adapters.fitting import fit_in_processes
from benchmarks.timing import in_a_process, table, told
from benchmarks.timing import seconds as wall_seconds
from core.domain.bars import Floats
from core.quant.labels import rank_labels
from core.quant.parameters import RankerParameters
from core.quant.training import CODES, TrainingSet
from core.quant.walk_forward import walk
from core.quant.windows import Window, windows
from flows.fitting import fits_kept_in

SEED = 5
FITS, INSTRUMENTS, FEATURES = 260, 100, 20
PROCESSES = 2
RUNS = 2
# Early stopping as the ranker has it, on windows of three years.
PARAMETERS = RankerParameters("any")
FULL = PARAMETERS.window_weeks + PARAMETERS.embargo_weeks + 1
JOBS = ("ours", "plain-2", "plain-1")


def report(folder: Path, *, fits: int = FITS) -> str:
    """Run every part, each in processes of its own and in turns, and give what it measured, in Markdown."""
    runs: dict[str, list[Any]] = {job: [] for job in JOBS}
    for turn in range(RUNS):
        for job in JOBS:
            place = folder / f"{job}-{turn}"
            runs[job].append(in_a_process("benchmarks.walk_forward", job, str(fits), str(place)))
    scores = [np.load(folder / f"{job}-{turn}.npy") for job in JOBS for turn in range(RUNS)]
    assert all(np.array_equal(scores[0], other, equal_nan=True) for other in scores), "predictions are not equal"
    two, one = (_best(runs[job], "fresh") for job in ("plain-2", "plain-1"))
    plain = min(two, one)
    rows = [
        ("plain lightgbm, Datasets for each fit, two threads", *_cells(two, plain)),
        ("plain lightgbm, Datasets for each fit, one thread", *_cells(one, plain)),
        ("Twokey, bins made once, two processes of one thread", *_cells(_best(runs["ours"], "fresh"), plain)),
        ("Twokey, the same again, from kept models", *_cells(_best(runs["ours"], "repeat"), plain)),
    ]
    head = (f"{fits} fits, {INSTRUMENTS} instruments x {FEATURES} features", "wall", "processor", "times as fast")
    lines = [
        "## The walk-forward",
        "",
        f"Windows of {PARAMETERS.window_weeks} weeks; predictions of all runs equal, bit for bit. The best of {RUNS} runs in",
        "turns, against the faster plain one: two threads of one fit wait for each other, and lose where a machine does other",
        "work too. Our time holds the start of the processes and the keeping of the models.",
        "",
        table(head, rows),
    ]
    return "\n".join(lines)


def _best(runs: list[Any], key: str) -> tuple[float, float]:
    """Give the least wall and processor time: what a neighbour's work adds is in neither."""
    return min(run[key][0] for run in runs), min(run[key][1] for run in runs)


def _cells(one: tuple[float, float], plain: tuple[float, float]) -> tuple[str, ...]:
    return told(one[0]), told(one[1]), f"{plain[0] / one[0]:.1f}"


def _learn(fits: int) -> TrainingSet:
    """Give codes of so many weeks as the fits need, of 85 to 100 instruments a week: each feature's are those of its own few.

    So nearly all of the 254 codes occur in every window, as they do where members come and go.
    """
    weeks = FULL + fits
    random = np.random.Generator(np.random.PCG64(SEED))
    values = random.random((FEATURES, weeks, INSTRUMENTS))
    is_known = values < random.uniform(0.85, 1.0, (FEATURES, weeks, 1))
    ranks = np.where(is_known, values, np.inf).argsort(axis=2).argsort(axis=2)
    share = (ranks + 0.5) / is_known.sum(axis=2, keepdims=True)
    codes = np.where(is_known, np.floor(CODES * share), np.nan).astype(np.float32)
    returns = 0.3 * (values[0] - 0.5) * values[1] + 0.3 * random.normal(size=(weeks, INSTRUMENTS))
    labels = rank_labels(returns, np.ones(returns.shape, dtype=bool))
    return TrainingSet(codes, labels, tuple(f"feature_{at}" for at in range(FEATURES)), is_ranked=True)


def _windows(learn: TrainingSet, fits: int) -> tuple[Window, ...]:
    found = windows(len(learn.labels), PARAMETERS)[-fits:]
    assert len(found) == fits
    assert found[0].validate.stop - found[0].train.start == PARAMETERS.window_weeks, (
        "the first window is not a full one"
    )
    return found


# --- in a process of its own ------------------------------------------------------------------------------------------


def _ours(fits: int, place: Path) -> dict[str, Any]:
    """Walk with nothing kept, and again with all of it."""
    learn = _learn(fits)
    jobs = _windows(learn, fits)
    found: list[Any] = []

    def go() -> None:
        # A set of its own each time: what is remembered of the rows is not carried from one run to the next.
        fresh = TrainingSet(learn.features, learn.labels, learn.names, is_ranked=True)
        fit_many = fits_kept_in(FileModels(Path(kept)), fit_in_processes(PROCESSES))
        found.append(walk(fresh, jobs, PARAMETERS, fit_many=fit_many))

    with tempfile.TemporaryDirectory(dir=place.parent) as kept:
        times = {"fresh": _both(go), "repeat": min(_both(go) for _ in range(RUNS))}
    assert np.array_equal(found[0].scores, found[-1].scores, equal_nan=True)
    np.save(f"{place}.npy", found[0].scores)
    return times


def _plain(fits: int, place: Path, threads: int) -> dict[str, Any]:
    """Fit as LightGBM's own documentation shows it: two Datasets a window, and early stopping."""
    import lightgbm

    learn = _learn(fits)
    jobs = _windows(learn, fits)
    wide = np.ascontiguousarray(np.moveaxis(learn.features, 0, -1))
    scores = np.full(learn.labels.shape, np.nan)
    settings = _settings(threads)

    def rows(weeks: range) -> tuple[Floats, Floats]:
        at = slice(weeks.start, weeks.stop)
        return wide[at].reshape(-1, FEATURES), learn.labels[at].ravel()

    def go() -> None:
        for window in jobs:
            learned = lightgbm.Dataset(*rows(window.train), params=settings)
            validating = lightgbm.Dataset(*rows(window.validate), reference=learned, params=settings)
            stop = lightgbm.early_stopping(PARAMETERS.stop_after_trees, verbose=False)
            booster = lightgbm.train(settings, learned, PARAMETERS.trees_max, valid_sets=[validating], callbacks=[stop])
            week = window.test[0]
            scores[week] = booster.predict(wide[week], num_iteration=booster.best_iteration, num_threads=1)

    times = {"fresh": _both(go)}
    np.save(f"{place}.npy", scores)
    return times


def _settings(threads: int) -> dict[str, Any]:
    """Give the ranker's parameters as a reader of LightGBM's documentation would set them."""
    return {
        "objective": "regression",
        "metric": "l2",
        "learning_rate": PARAMETERS.learning_rate,
        "num_leaves": PARAMETERS.leaves_max,
        "max_depth": PARAMETERS.depth_max,
        "min_data_in_leaf": PARAMETERS.leaf_rows_min,
        "lambda_l2": PARAMETERS.l2,
        "feature_fraction": PARAMETERS.feature_share,
        "seed": PARAMETERS.seed,
        "deterministic": True,
        "force_row_wise": True,
        "min_data_in_bin": 1,
        "num_threads": threads,
        "verbosity": -1,
    }


def _both(call: Callable[[], None]) -> tuple[float, float]:
    """Give the wall and the processor time of a call, of the processes that it starts too."""
    before = os.times()
    wall = wall_seconds(call)
    after = os.times()
    spent = (
        getattr(after, name) - getattr(before, name) for name in ("user", "system", "children_user", "children_system")
    )
    return wall, sum(spent)


if __name__ == "__main__":
    part, count, where = sys.argv[1:]
    parts: dict[str, Callable[[], Any]] = {
        "ours": lambda: _ours(int(count), Path(where)),
        "plain-2": lambda: _plain(int(count), Path(where), threads=2),
        "plain-1": lambda: _plain(int(count), Path(where), threads=1),
    }
    print(json.dumps(parts[part]()))

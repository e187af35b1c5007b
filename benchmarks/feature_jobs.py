"""Our side of the features' benchmark: each job a process that serves; `python -m benchmarks.feature_jobs JOB FOLDER`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pandas as pd

from benchmarks import feature_panel
from benchmarks.turns import serve
from core.quant.alpha158 import WORKFLOW, fill, lives
from core.quant.bars import Bars
from core.quant.feature_sets import feature_set
from core.quant.features import features, features_on_last
from tests.unit.quant import slow_features

KERNELS = 2
STRIDE = 64
NARROW = 450
EACH = 10


def main() -> None:
    """Serve the job that the arguments name."""
    job, place = sys.argv[1:]
    folder = Path(place)
    bars = feature_panel.load_bars(folder)
    today = bars.columns(0, NARROW)
    jobs: dict[str, Callable[[], Any]] = {
        "frame": lambda: frame(folder),
        "matrices": lambda: matrices(folder),
        "alpha158": lambda: alpha158(folder),
        "weekly": lambda: features(feature_panel.load_bars(folder), feature_set("weekly")),
        "weekly-threads": lambda: weekly(folder),
        "groupby": lambda: grouped(folder),
        "today": lambda: features_on_last(today, feature_set("weekly")),
        "today158": lambda: features_on_last(today, feature_set("alpha158")),
    }
    serve(jobs[job], lambda made, path: save(made, path, bars))


def save(made: Any, path: str, bars: Bars) -> None:
    """Store what a job gave: rows by instrument and day, and of the weekly set each tenth instrument."""
    if isinstance(made, pd.DataFrame):
        np.save(path, made.to_numpy())
    elif made.dtype == np.float64:
        np.save(path, made[:, :, ::EACH] if made.shape[1:] == bars.shape else made)
    else:
        there = ~np.isnan(bars.close.T)
        np.save(path, np.stack([one.T[there] for one in made], axis=1))


# --- Qlib's sets --------------------------------------------------------------------------------------------------------


def frame(folder: Path) -> pd.DataFrame:
    """Give the workflow's features and its label as a long frame of float32, with two threads."""
    bars = feature_panel.load_bars(folder)
    life = lives(bars)
    out = np.empty((len(WORKFLOW.names) + 1, int((life[1] - life[0] + 1).sum())), dtype=np.float32)

    def part(span: tuple[int, int]) -> None:
        fill(bars, "workflow", out[:-1], span=span, life=life)
        label(bars.close, life, span, out[-1])

    with ThreadPoolExecutor(KERNELS) as pool:
        index = pool.submit(feature_panel.long_index, life)
        list(pool.map(part, spans(bars)))
    return pd.DataFrame(out.T, index=index.result(), columns=[*WORKFLOW.names, "LABEL0"], copy=False)


def matrices(folder: Path) -> Any:
    """Give the same as matrices, on one core."""
    bars = feature_panel.load_bars(folder)
    out = np.empty((len(WORKFLOW.names) + 1, *bars.shape), dtype=np.float32)
    fill(bars, "workflow", out[:-1])
    out[-1, -2:] = np.nan
    np.divide(bars.close[2:], bars.close[1:-1], out=out[-1, :-2], casting="same_kind")
    out[-1] -= 1
    return out


def alpha158(folder: Path) -> Any:
    """Give Alpha158 as fresh matrices, with two threads."""
    bars = feature_panel.load_bars(folder)
    out = np.empty((158, *bars.shape), dtype=np.float32)
    with ThreadPoolExecutor(KERNELS) as pool:
        list(pool.map(lambda span: fill(bars, "alpha158", out, span=span), spans(bars)))
    return out


def spans(bars: Bars) -> list[tuple[int, int]]:
    """Give the spans of instruments that threads take in turns: whole lines of memory, and no fewer than threads."""
    width = bars.shape[1]
    stride = STRIDE if width >= 2 * STRIDE else 16
    return [(at, min(at + stride, width)) for at in range(0, width, stride)]


@numba.njit(cache=True, error_model="numpy", nogil=True)
def label(close: Any, life: Any, span: tuple[int, int], out: Any) -> None:
    """Write the return from the next close to the one after: it knows the future, so the registry has no such feature."""
    for first in range(span[0], span[1], 16):
        for row in range(close.shape[0]):
            for column in range(first, min(first + 16, span[1])):
                if life[0, column] <= row <= life[1, column]:
                    told = np.float32(np.nan)
                    if row + 2 <= life[1, column]:
                        told = np.float32(close[row + 2, column] / close[row + 1, column]) - np.float32(1)
                    out[life[2, column] + row] = told


# --- the weekly set -----------------------------------------------------------------------------------------------------


def weekly(folder: Path) -> Any:
    """Give the weekly set as fresh matrices, with two threads."""
    with ThreadPoolExecutor(KERNELS) as pool:
        return features(feature_panel.load_bars(folder), feature_set("weekly"), each=pool.map)


def grouped(folder: Path) -> Any:
    """Give the weekly set of each tenth instrument by pandas, group by group, of shape (features, sessions, instruments).

    The formulas are the tests'; where those call Python for each window, pandas' own skewness and fading average stand.
    """
    stand_ins: list[tuple[Any, str, Callable[..., Any]]] = [
        (slow_features, "faded", lambda values: values.ewm(alpha=1 / 14, adjust=False).mean() * 14),
        (pd.api.typing.Rolling, "apply", lambda rolled, *_, **__: rolled.skew()),
    ]
    for owner, name, stand_in in stand_ins:
        setattr(owner, name, stand_in)
    bars = feature_panel.load_bars(folder)
    names = range(0, bars.shape[1], EACH)
    parts = [
        pd.DataFrame({name: getattr(bars, name)[:, at] for name in (*feature_panel.FIELDS, "total")}).assign(
            instrument=at
        )
        for at in names
    ]
    market = pd.Series(np.asarray(bars.market))
    groups = pd.concat(parts).groupby("instrument", sort=False)
    made = [slow_features.slow_features(group.drop(columns="instrument"), market) for _, group in groups]
    order = feature_set("weekly").names
    return np.stack([np.column_stack([one[name].to_numpy() for one in made]) for name in order])


if __name__ == "__main__":
    main()

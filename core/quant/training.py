"""Training: from the weeks of a window to the text of a model, the same text from the same rows on one platform."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.canonical import sha256_text
from core.domain.bars import Floats
from core.domain.strategy import NothingLearned
from core.measures.ranking import rank_ic
from core.quant.parameters import RankerParameters
from core.quant.windows import Window

# Rank codes are whole numbers from 0 to 253; with what is missing they fill LightGBM's 255 bins.
CODES = 254
# Relevance from 0 to 4, as the data sets that lambdarank was made for have it; a fifth of the instruments has each.
GRADES = 5
# Part of each model's hash: a change of how models are made, with the same parameters, needs another number.
_RECIPE = 1


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What there is to learn from: features (F, W, N), labels (W, N), and what the features are called.

    `is_ranked`: each feature is a rank code, a whole number from 0 to 253. NaN is missing. An instrument takes part in a
    week where it has a label and any feature.
    """

    features: NDArray[np.floating[Any]]
    labels: Floats
    names: tuple[str, ...]
    is_ranked: bool

    def __post_init__(self) -> None:
        """Hold the shapes, and that codes are codes: else bins made without the data would not be the data's."""
        wanted = (len(self.names), *self.labels.shape)
        if self.features.shape != wanted:
            raise ValueError(f"features have shape {self.features.shape}; names and labels ask for {wanted}")
        if self.is_ranked:
            told = self.features[np.isfinite(self.features)]
            if len(told) and (told.min() < 0 or told.max() >= CODES or (told != np.floor(told)).any()):
                raise ValueError(f"ranked features must be whole numbers from 0 to {CODES - 1}")

    @cached_property
    def rows(self) -> Rows:
        """Give the rows that take part, week after week."""
        return _rows(self)

    @property
    def first_week(self) -> int | None:
        """Give the first week with rows, or None: what windows begin with."""
        sizes = np.diff(self.rows.starts)
        return int(np.argmax(sizes > 0)) if sizes.any() else None


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to learn from: features (R, F), labels (R,), and where each week begins, (W + 1,).

    Within a week they stand in an order that comes of their content alone, so that a model does not hang on the order of
    the instruments. `digests` are the SHA-256 of each week's rows.
    """

    features: NDArray[np.floating[Any]]
    labels: Floats
    starts: NDArray[np.int64]

    def of(self, weeks: range) -> slice:
        """Give where the rows of some weeks stand."""
        return slice(int(self.starts[weeks.start]), int(self.starts[weeks.stop]))

    def sizes(self, weeks: range) -> NDArray[np.int64]:
        """Give how many rows each of some weeks has, empty weeks left out."""
        sizes = np.diff(self.starts[weeks.start : weeks.stop + 1])
        return sizes[sizes > 0]

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """Give the SHA-256 of each week's rows."""
        weeks = (self.of(range(week, week + 1)) for week in range(len(self.starts) - 1))
        return tuple(
            hashlib.sha256(self.features[at].tobytes() + self.labels[at].tobytes()).hexdigest() for at in weeks
        )


@dataclass(frozen=True)
class Fitted:
    """A fitted model: LightGBM's text, its trees, the rows learned from, and the rank IC of each week that validated.

    `gains` is, a feature, how much its splits lowered the loss. `inputs` is the hash of all that made it.
    """

    inputs: str
    text: str
    trees: int
    rows: int
    rank_ics: tuple[float, ...]
    gains: tuple[float, ...]

    @property
    def rank_ic(self) -> float:
        """Give the mean rank IC of the weeks that validated; NaN where no week could be measured."""
        told = [one for one in self.rank_ics if np.isfinite(one)]
        return sum(told) / len(told) if told else float("nan")


Fits: TypeAlias = Generator[Fitted, None, None]
FitMany: TypeAlias = Callable[[TrainingSet, Sequence[Window], RankerParameters], Fits]
"""Fits windows, one model each, in their order; whatever does it, the models are the same. Closing it ends the work."""


def fit_each(learn: TrainingSet, windows: Sequence[Window], parameters: RankerParameters) -> Fits:
    """Fit each window, here and now, in order, as `fitter_of` says."""
    fit = fitter_of(learn, parameters)
    for window in windows:
        yield fit(window)


def fitter_of(learn: TrainingSet, parameters: RankerParameters) -> Callable[[Window], Fitted]:
    """Give what fits a window; what all windows have in common is made once, with the first.

    A model learns from `train` alone and stops growing trees when `validate` does not get better for
    `stop_after_trees`; the trees up to the best are kept. It is not fitted again on both: what is scored with is what was
    validated. Where features are ranked, the bins come from the grid of all codes, made without any data, and all windows
    take their rows from one binned set: a model is the same as one of a set binned for its window alone. Elsewhere bins
    come from the rows of `train`. Raises ValueError where a window has too few rows to split once.
    """
    once: list[Any] = []

    def fit(window: Window) -> Fitted:
        if learn.is_ranked and not once:
            once.append(_binned(learn, parameters))
        return _fit(learn, window, parameters, binned=once[0] if once else None)

    return fit


def inputs_of(learn: TrainingSet, window: Window, parameters: RankerParameters) -> str:
    """Give the SHA-256 of all that makes a window's model: its rows, how it is trained, and by which trainer."""
    digests = learn.rows.digests
    told = {
        "recipe": _RECIPE,
        "trainer": trainer(),
        "parameters": _lightgbm(parameters, is_ranked=learn.is_ranked),
        "stop_after_trees": parameters.stop_after_trees,
        "names": learn.names,
        "is_ranked": learn.is_ranked,
        "kind": str(learn.features.dtype),
        "train": digests[window.train.start : window.train.stop],
        "validate": digests[window.validate.start : window.validate.stop],
    }
    return sha256_text(json.dumps(told, sort_keys=True))


def trainer() -> str:
    """Name what trains, with its version."""
    import lightgbm

    return f"lightgbm {lightgbm.__version__}"


def fitted_to_text(fitted: Fitted) -> str:
    """Give a fitted model as text: a line of JSON, then LightGBM's own."""
    told = {name: value for name, value in asdict(fitted).items() if name != "text"}
    return f"{json.dumps(told, sort_keys=True)}\n{fitted.text}"


def fitted_from_text(text: str) -> Fitted:
    """Read what `fitted_to_text` gave; raises ValueError where it is anything else."""
    head, _, rest = text.partition("\n")
    told = json.loads(head)
    if not isinstance(told, dict) or told.keys() != {field.name for field in fields(Fitted)} - {"text"}:
        raise ValueError(f"the first line of a kept model was {head[:80]!r}")
    read: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in told.items()}
    return Fitted(text=rest, **read)


# --- one fit ----------------------------------------------------------------------------------------------------------


def _fit(learn: TrainingSet, window: Window, parameters: RankerParameters, *, binned: Any) -> Fitted:
    import lightgbm

    rows = learn.rows
    train, validate = rows.of(window.train), rows.of(window.validate)
    count, wanted = train.stop - train.start, 2 * parameters.leaf_rows_min
    if count < wanted or validate.stop == validate.start:
        raise NothingLearned(
            f"weeks {window.train.start} to {window.train.stop - 1} have {count} rows to learn from,"
            f" {window.validate.start} to {window.validate.stop - 1} have {validate.stop - validate.start} to validate on;"
            f" with leaf_rows_min {parameters.leaf_rows_min} it takes {wanted} and 1"
        )
    settings = _lightgbm(parameters, is_ranked=learn.is_ranked)
    if binned is None:
        learned = _dataset(learn, window.train, parameters, reference=None)
        validating = _dataset(learn, window.validate, parameters, reference=learned)
    else:
        learned, validating = (binned.subset(np.arange(at.start, at.stop, dtype=np.int32)) for at in (train, validate))
    booster = lightgbm.Booster(settings, learned)
    booster.add_valid(validating, "validate")
    trees = _grow(booster, parameters)
    told: Any = booster.predict(rows.features[validate], num_iteration=trees, num_threads=1)
    return Fitted(
        inputs=inputs_of(learn, window, parameters),
        text=booster.model_to_string(num_iteration=trees),
        trees=trees,
        rows=count,
        rank_ics=_rank_ics(told, rows.labels[validate], rows.sizes(window.validate)),
        gains=tuple(booster.feature_importance("gain", iteration=trees).tolist()),
    )


def _grow(booster: Any, parameters: RankerParameters) -> int:
    """Grow trees until the validation has not been better for a while; give how many were best, one at least.

    As LightGBM's `train` with its `early_stopping` does, whose callbacks took a tenth of a fit's time.
    """
    best, worth = 1, -np.inf
    for tree in range(1, parameters.trees_max + 1):
        if booster.update():
            # No leaf can be split any more.
            break
        _, _, value, is_higher_better = booster.eval_valid()[0]
        now = value if is_higher_better else -value
        if now > worth:
            best, worth = tree, now
        elif tree - best >= parameters.stop_after_trees:
            break
    return best


def _binned(learn: TrainingSet, parameters: RankerParameters) -> Any:
    """Bin all rows once, by bins of the grid of all codes: nothing of the data is in them."""
    import lightgbm

    settings = _lightgbm(parameters, is_ranked=True)
    grid = np.append(np.arange(CODES, dtype=np.float32), np.float32("nan"))
    bins = lightgbm.Dataset(np.tile(grid[:, None], (1, len(learn.names))), params=settings).construct()
    whole = range(len(learn.rows.starts) - 1)
    return _dataset(learn, whole, parameters, reference=bins).construct()


def _dataset(learn: TrainingSet, weeks: range, parameters: RankerParameters, *, reference: Any) -> Any:
    import lightgbm

    rows = learn.rows
    at = rows.of(weeks)
    labels, group = rows.labels[at], None
    if parameters.objective == "lambdarank":
        labels, group = np.minimum(np.floor(labels * GRADES), GRADES - 1), rows.sizes(weeks)
    return lightgbm.Dataset(
        rows.features[at],
        labels,
        group=group,
        reference=reference,
        feature_name=list(learn.names),
        params=_lightgbm(parameters, is_ranked=learn.is_ranked),
    )


def _lightgbm(parameters: RankerParameters, *, is_ranked: bool) -> dict[str, Any]:
    """Give LightGBM's parameters: all that makes a text differ is fixed, so that it does not."""
    is_regression = parameters.objective == "regression"
    metric = {"metric": "l2"} if is_regression else {"metric": "ndcg", "eval_at": [30]}
    return {
        "objective": parameters.objective,
        **metric,
        "num_iterations": parameters.trees_max,
        "learning_rate": parameters.learning_rate,
        "num_leaves": parameters.leaves_max,
        "max_depth": parameters.depth_max,
        "min_data_in_leaf": parameters.leaf_rows_min,
        "lambda_l2": parameters.l2,
        "feature_fraction": parameters.feature_share,
        "seed": parameters.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "max_bin": CODES + 1,
        # A code that is rare has a bin of its own all the same.
        "min_data_in_bin": 1 if is_ranked else 3,
        # Both would look at the rows before they are divided into windows.
        "feature_pre_filter": False,
        "enable_bundle": False,
        "verbosity": -1,
    }


def _rank_ics(told: Floats, labels: Floats, sizes: NDArray[np.int64]) -> tuple[float, ...]:
    """Give the rank IC of each week, of rows that stand week after week."""
    is_there = np.arange(sizes.max())[None, :] < sizes[:, None]
    scores, realised = np.full(is_there.shape, np.nan), np.full(is_there.shape, np.nan)
    scores[is_there], realised[is_there] = told, labels
    return tuple(rank_ic(scores, realised).tolist())


# --- rows -------------------------------------------------------------------------------------------------------------


def _rows(learn: TrainingSet) -> Rows:
    wide = np.moveaxis(learn.features, 0, -1)
    takes_part = np.isfinite(learn.labels) & np.isfinite(wide).any(axis=-1)
    weeks = np.nonzero(takes_part)[0]
    # Plus zero: minus zero is zero, and has its bits.
    features, labels = np.ascontiguousarray(wide[takes_part]) + 0, learn.labels[takes_part]
    features[~np.isfinite(features)] = np.nan
    order = np.lexsort((labels, _keys(features), weeks))
    starts = np.searchsorted(weeks, np.arange(len(learn.labels) + 1))
    return Rows(features[order], labels[order], starts.astype(np.int64))


def _keys(features: NDArray[np.floating[Any]]) -> NDArray[np.uint64]:
    """Give a number a row that comes of its content and that no feature orders: bits times odd numbers, modulo 2^64.

    An order by a feature would tell lambdarank something: it takes rows of equal scores in the order in which they stand.
    """
    bits = features.view(np.uint32 if features.dtype == np.float32 else np.uint64).astype(np.uint64)
    numbers = np.random.Generator(np.random.PCG64(_RECIPE)).integers(0, 2**64, features.shape[1], dtype=np.uint64)
    keys: NDArray[np.uint64] = (bits * (numbers | np.uint64(1))).sum(axis=1, dtype=np.uint64)
    return keys

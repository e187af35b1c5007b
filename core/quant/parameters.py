"""Parameters of the ranker: what the policy says of how it learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

OBJECTIVES = ("regression", "lambdarank")
_KINDS = {"int": "a whole number", "float": "a number", "str": "a text"}


@dataclass(frozen=True)
class RankerParameters:
    """How the ranker learns. The defaults are reasoned, not tuned: nothing was tried on the period that is reported.

    What can be known of a week's returns is little: a rank IC of 0.05 is good (Grinold and Kahn 2000, ch. 10), so 1 part in
    400 of a label's variance. From that follow `leaf_rows_min` and `l2`, both 1 / 0.05^2: a leaf's mean is then known to
    within what is to be found at all, and a leaf of so many rows is shrunk by half, as Bayes would with that prior. (That is
    so of `regression`, where a row weighs one; of `lambdarank`, where it weighs far less, an `l2` of 1 does as much.)
    Small trees (8 leaves, 3 splits deep) and slow learning with early stopping are near what Gu, Kelly and Xiu (2020,
    Review of Financial Studies 33, p. 2223, and its appendix on hyperparameters) allow boosted trees; half of the features
    a tree keeps near copies from crowding out the others, as in a random forest (Breiman 2001).

    Three years (`window_weeks`) hold some hundreds of weeks' worth of one regime; a first model needs one year. The last
    fifth of a window validates. The embargo of one week is for what outlasts the label itself, such as a slow reaction
    (Lopez de Prado 2018, Advances in Financial Machine Learning, ch. 7). `age_sessions_max` is two weeks: a model that
    missed a training may serve once more. `drift_max` is a quarter: a feature that is missing for so many instruments more
    than where the model learned tells of a broken feed, not of a market.
    """

    features: str
    objective: str = "regression"
    window_weeks: int = 156
    weeks_min: int = 52
    embargo_weeks: int = 1
    retrain_weeks: int = 1
    validation_share: float = 0.2
    trees_max: int = 300
    stop_after_trees: int = 30
    learning_rate: float = 0.05
    leaves_max: int = 8
    depth_max: int = 3
    leaf_rows_min: int = 400
    l2: float = 400.0
    feature_share: float = 0.5
    seed: int = 7
    age_sessions_max: int = 10
    drift_max: float = 0.25
    hold_rank_multiple: int = 2

    def __post_init__(self) -> None:
        """Hold every number within what it can mean, and that a first window has weeks to learn from and to validate on."""
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective was {self.objective!r}; it must be one of {list(OBJECTIVES)}")
        for name, (least, most) in _BOUNDS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} was {value}; it must be from {least} to {most}")
        if self.window_weeks < self.weeks_min:
            raise ValueError(f"window_weeks was {self.window_weeks}; it must be at least weeks_min ({self.weeks_min})")
        least = 2 * (self.embargo_weeks + 4)
        if self.weeks_min < least:
            raise ValueError(
                f"weeks_min was {self.weeks_min}; with embargo_weeks {self.embargo_weeks} it must be at least {least}"
            )


_BOUNDS: dict[str, tuple[float, float]] = {
    "window_weeks": (1, 2600),
    "weeks_min": (1, 2600),
    "embargo_weeks": (0, 52),
    "retrain_weeks": (1, 52),
    "validation_share": (0.05, 0.5),
    "trees_max": (1, 10_000),
    "stop_after_trees": (1, 10_000),
    "learning_rate": (0.0001, 1),
    "leaves_max": (2, 256),
    "depth_max": (1, 16),
    "leaf_rows_min": (1, 1_000_000),
    "l2": (0, 1_000_000),
    "feature_share": (0.01, 1),
    "seed": (0, 2**31 - 1),
    "age_sessions_max": (1, 260),
    "drift_max": (0, 1),
    "hold_rank_multiple": (1, 100),
}


def parameters_from(settings: Mapping[str, int | Decimal | str]) -> RankerParameters:
    """Read the parameters from the policy; raises ValueError naming what is unknown, missing, or of another kind.

    Every one must be there, as everywhere in the policy: what binds a book never hangs on a default that may change.
    """
    kinds = {field.name: str(field.type) for field in fields(RankerParameters)}
    usual = {field.name: field.default for field in fields(RankerParameters)}
    unknown = sorted(settings.keys() - kinds.keys())
    missing = [name if name == "features" else f"{name} ({usual[name]})" for name in kinds if name not in settings]
    if unknown or missing:
        raise ValueError(f"strategy ranker: unknown parameters {unknown}, missing {missing} (the usual in brackets)")
    read: dict[str, Any] = {name: _read(name, settings[name], kind) for name, kind in kinds.items()}
    return RankerParameters(**read)


def _read(name: str, value: int | Decimal | str, kind: str) -> int | float | str:
    if kind == "float" and isinstance(value, int | Decimal):
        return float(value)
    if kind == type(value).__name__ and not isinstance(value, Decimal):
        return value
    raise ValueError(f"strategy ranker: {name} was {value!r}; it must be {_KINDS[kind]}")

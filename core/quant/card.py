"""The card of a model: what it was made of, and what it was worth where it was validated."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from core.domain.bars import Days
from core.domain.model import Model, ModelCard
from core.measures.ranking import icir
from core.money import RATIO_STEP, round_to
from core.quant.labels import LABEL
from core.quant.parameters import RankerParameters
from core.quant.training import Fitted, TrainingSet, trainer
from core.quant.windows import Window


@dataclass(frozen=True, eq=False)
class Occasion:
    """On which occasion a model was trained: for which strategy, of which clean set, at the close of which session.

    `weeks` are the decision sessions of the training set, `features_hash` that of its features' names and formulas.
    """

    strategy: str
    as_of: date
    snapshot: str
    features_hash: str
    weeks: Days


def model_of(
    fitted: Fitted, learn: TrainingSet, window: Window, *, parameters: RankerParameters, occasion: Occasion
) -> Model:
    """Give a fitted model with its card.

    Metrics are of the weeks that validated: mean rank IC, its ICIR, and how many weeks they are of (left out where nothing
    could be measured). Importance is each feature's share of the gain of all splits, the largest first. The reference is,
    a feature, the share of the rows that the model was made of that have no value.
    """
    days = occasion.weeks.astype("datetime64[D]").astype(object)
    card = ModelCard(
        strategy=occasion.strategy,
        as_of=occasion.as_of,
        first=days[window.train.start],
        last=days[window.validate.stop - 1],
        snapshot=occasion.snapshot,
        feature_set=parameters.features,
        features=learn.names,
        features_hash=occasion.features_hash,
        label=LABEL,
        instruments=_instruments(learn, window),
        rows=fitted.rows,
        trees=fitted.trees,
        parameters=tuple((name, str(value)) for name, value in asdict(parameters).items()),
        metrics=_metrics(fitted),
        importance=_importance(fitted, learn.names),
        reference=_missing(learn, window),
        trainer=trainer(),
        inputs=fitted.inputs,
    )
    return Model(fitted.text, card)


def _metrics(fitted: Fitted) -> tuple[tuple[str, Decimal], ...]:
    told = np.array(fitted.rank_ics)
    numbers = {"rank_ic": fitted.rank_ic, "icir": icir(told), "weeks": float(np.count_nonzero(np.isfinite(told)))}
    return tuple((name, _number(value)) for name, value in numbers.items() if np.isfinite(value))


def _importance(fitted: Fitted, names: tuple[str, ...]) -> tuple[tuple[str, Decimal], ...]:
    whole = sum(fitted.gains) or 1.0
    shares = [(name, _number(gain / whole)) for name, gain in zip(names, fitted.gains, strict=True)]
    return tuple(sorted(shares, key=lambda one: (-one[1], one[0])))


def _missing(learn: TrainingSet, window: Window) -> tuple[tuple[str, Decimal], ...]:
    parts = [np.isnan(learn.rows.features[learn.rows.of(weeks)]) for weeks in (window.train, window.validate)]
    shares = np.concatenate(parts).mean(axis=0).tolist()
    return tuple((name, _number(share)) for name, share in zip(learn.names, shares, strict=True))


def _instruments(learn: TrainingSet, window: Window) -> int:
    weeks = [*window.train, *window.validate]
    takes_part = np.isfinite(learn.labels[weeks]) & np.isfinite(learn.features[:, weeks]).any(axis=0)
    return int(np.count_nonzero(takes_part.any(axis=0)))


def _number(value: float) -> Decimal:
    return round_to(Decimal(repr(value)), RATIO_STEP)

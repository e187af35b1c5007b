"""The ranker: a model trained each week scores the rank codes of a session's features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Floats
from core.domain.instrument import InstrumentId
from core.domain.model import Model
from core.domain.panel import Panel
from core.domain.strategy import Contributions, Ranking, Strategy, Training
from core.quant.bars import bars_of
from core.quant.codes import codes
from core.quant.feature_sets import feature_set
from core.quant.features import FeatureSet, features_on_last, sessions_needed
from core.quant.parameters import parameters_from
from core.quant.recipe import Recipe, is_known
from core.settings import Policy

NAME = "ranker"
# How many contributions are told of each score.
TOLD = 5


def bind(policy: Policy) -> Strategy:
    """Bind the ranker to a policy; raises ValueError saying what is wrong with its parameters."""
    recipe = recipe_of(policy)
    chosen, benchmark = recipe.feature_set, recipe.benchmark

    def score(panel: Panel, instruments: tuple[InstrumentId, ...], model: Model | None) -> Ranking:
        if model is None:
            raise ValueError("the ranker needs a model; `twokey train` makes one")
        return ranking(panel, instruments, model, features=chosen, benchmark=benchmark)

    parameters = recipe.parameters
    return Strategy(
        name=NAME,
        score=score,
        sessions_needed=sessions_needed(chosen),
        hold_rank_multiple=parameters.hold_rank_multiple,
        training=Training(recipe.sessions, chosen.hash, parameters.age_sessions_max, parameters.drift_max, recipe.fit),
    )


def recipe_of(policy: Policy) -> Recipe:
    """Give the recipe of a policy's models; raises ValueError saying what is wrong with its parameters."""
    parameters = parameters_from(policy.strategy.parameters)
    return Recipe(NAME, feature_set(parameters.features), parameters, policy.data.benchmark)


def ranking(
    panel: Panel, instruments: tuple[InstrumentId, ...], model: Model, *, features: FeatureSet, benchmark: InstrumentId
) -> Ranking:
    """Give the model's number for each instrument on the panel's last session, with what moved it most.

    The instruments are ranked among each other, feature by feature, and the model is asked of these ranks. NaN for one that
    lacks more than half of the features.
    """
    # Imported here: a command that scores nothing does not load the trainer.
    from core.quant.ranker import Ranker

    if not instruments:
        return Ranking({})
    values = features_on_last(bars_of(panel, instruments, benchmark), features)
    takes_part = is_known(values)
    asked = codes(values[:, None, :], takes_part[None, :])[:, 0, :] if features.is_ranked else values
    ranker = Ranker(model.text)
    numbers = np.where(takes_part, ranker.predict(asked), np.nan)
    moved = ranker.contributions(asked)
    return Ranking(
        {name: float(number) for name, number in zip(instruments, numbers, strict=True)},
        {name: _strongest(features, moved[at]) for at, name in enumerate(instruments)},
        _missing(features, asked[:, takes_part]),
    )


def _missing(features: FeatureSet, asked: NDArray[np.floating[Any]]) -> dict[str, float]:
    """Give the share of the instruments that each feature has no value of; nothing where no instrument takes part."""
    shares = np.isnan(asked).mean(axis=1).tolist() if asked.shape[1] else []
    return dict(zip(features.names, shares, strict=False))


def _strongest(features: FeatureSet, moved: Floats) -> Contributions:
    """Give the largest contributions of one instrument, ties in the order of the features; the last one is common to all."""
    order = np.argsort(-np.abs(moved[:-1]), kind="stable")[:TOLD]
    return tuple((features.names[at], float(moved[at])) for at in order if moved[at] != 0)

"""The ranker: a model's text asked about the instruments of a day."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Floats


class Ranker:
    """Scores instruments by the text of a model. Higher is better; a score has no unit."""

    def __init__(self, text: str) -> None:
        """Hold the text; it is read when the first score is asked for."""
        self._text = text

    @cached_property
    def _booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self._text)

    @property
    def features(self) -> tuple[str, ...]:
        """Give the names of the features, in the order in which they are asked for."""
        return tuple(self._booster.feature_name())

    def predict(self, features: NDArray[np.floating[Any]]) -> Floats:
        """Give the score of each instrument, of features (F, N) to (N,); NaN for one without any feature.

        A feature that is missing goes the way that the model learned for what is missing.
        """
        scores: Floats = self._asked(features)[:, 0]
        return scores

    def contributions(self, features: NDArray[np.floating[Any]]) -> Floats:
        """Give what each feature adds to the score, (F, N) to (N, F + 1): the last is what all instruments start from.

        They add up to the score. NaN for an instrument without any feature. They are Shapley values over the model's trees
        (Lundberg, Erion and Lee 2018, "Consistent individualized feature attribution for tree ensembles"), by LightGBM.
        """
        return self._asked(features, pred_contrib=True)

    def _asked(self, features: NDArray[np.floating[Any]], **how: bool) -> Floats:
        wanted = self._booster.num_feature()
        if features.ndim != 2 or len(features) != wanted:
            raise ValueError(f"features have shape {features.shape}; the model asks for ({wanted}, instruments)")
        is_known = np.isfinite(features)
        is_there = is_known.any(axis=0)
        told = np.full((features.shape[1], wanted + 1 if how else 1), np.nan)
        if is_there.any():
            # What is not finite is missing, as it was when the model learned.
            rows = np.where(is_known, features, np.nan).T[is_there]
            told[is_there] = self._booster.predict(rows, num_threads=1, **how).reshape(len(rows), -1)
        return told

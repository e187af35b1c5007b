"""Walk-forward: each week scored by a model of what was known before it, and the card that such a model carries."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from core.domain.backtest import Fit
from core.domain.bars import Days, Floats
from core.quant.parameters import RankerParameters
from core.quant.ranker import Ranker
from core.quant.training import FitMany, Fitted, TrainingSet
from core.quant.windows import Window, leaks


@dataclass(frozen=True, eq=False)
class Walk:
    """What a walk-forward came to: scores (W, N), NaN before the first window and where nothing is known, and its models."""

    scores: Floats
    windows: tuple[Window, ...]
    fitted: tuple[Fitted, ...]

    def fits(self, weeks: Days) -> tuple[Fit, ...]:
        """Give each training as a report tells it; `weeks` are the decision sessions."""
        days = weeks.astype("datetime64[D]").astype(object)
        return tuple(
            Fit(
                as_of=days[window.test.start],
                first=days[window.train.start],
                last=days[window.validate.stop - 1],
                rows=fitted.rows,
                trees=fitted.trees,
                rank_ic=fitted.rank_ic,
                model=fitted.inputs,
            )
            for window, fitted in zip(self.windows, self.fitted, strict=True)
        )

    def importance(self, names: Sequence[str]) -> tuple[tuple[str, float], ...]:
        """Give each feature's share of what all models gained, the largest first; nothing where none gained."""
        gains = np.sum([fitted.gains for fitted in self.fitted], axis=0) if self.fitted else np.zeros(len(names))
        whole = float(np.sum(gains))
        shares = zip(names, (gains / whole).tolist(), strict=True) if whole > 0 else ()
        return tuple(sorted(shares, key=lambda one: (-one[1], one[0])))


def walk(learn: TrainingSet, windows: Sequence[Window], parameters: RankerParameters, *, fit_many: FitMany) -> Walk:
    """Fit every window and score its test weeks with its model alone.

    Raises ValueError, before anything is fitted, where a window knows more than its day did.
    """
    for window in windows:
        if found := leaks(window, parameters):
            raise ValueError(f"the window of week {window.test.start} knows what its day did not: {'; '.join(found)}")
    scores = np.full(learn.labels.shape, np.nan)
    fitted = []
    with closing(fit_many(learn, windows, parameters)) as models:
        for window, model in zip(windows, models, strict=True):
            ranker = Ranker(model.text)
            for week in window.test:
                scores[week] = ranker.predict(learn.features[:, week])
            fitted.append(model)
    return Walk(scores, tuple(windows), tuple(fitted))

"""The recipe of the ranker's model: from what was known at a session's close to a model with its card."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from core.canonical import plain_decimal
from core.domain.bars import Days, Floats
from core.domain.model import Model, ModelCard
from core.domain.panel import Panel
from core.domain.strategy import Lesson, NothingLearned
from core.quant.bars import bars_of
from core.quant.codes import codes
from core.quant.features import FeatureSet, features, sessions_needed
from core.quant.labels import LABEL, Members, forward_returns, openings_of, rank_labels
from core.quant.membership import holdable, members_of
from core.quant.parameters import RankerParameters
from core.quant.training import Fitted, TrainingSet, fit_each, trainer
from core.quant.weeks import Rows, decision_rows
from core.quant.windows import KNOWN_AFTER_WEEKS, Window, windows

SESSIONS_A_WEEK = 5
# An instrument is not ranked where more than this share of its features has no value: most of its score would be a guess.
MISSING_MAX = 0.5


@dataclass(frozen=True)
class Recipe:
    """What a model is made by: the strategy's name, the features, how it learns, and what returns are measured against."""

    strategy: str
    feature_set: FeatureSet
    parameters: RankerParameters
    benchmark: str

    @property
    def sessions(self) -> int:
        """Give how many sessions a training reads: its weeks', and those that the first week's features look back on."""
        weeks = self.parameters.window_weeks + KNOWN_AFTER_WEEKS + self.parameters.embargo_weeks + 1
        return sessions_needed(self.feature_set) + SESSIONS_A_WEEK * weeks

    def fit(self, panel: Panel, lesson: Lesson) -> Model:
        """Give the model of what was known at the close of a session, the panel's last.

        It is the last model of a walk-forward that ends there: `windows` says which weeks it learned from, and none of their
        labels reaches past the session. Raises NothingLearned where there is too little to learn from.
        """
        last = panel.sessions[-1].astype("datetime64[D]").astype(object) if len(panel.sessions) else None
        if last != lesson.as_of:
            raise ValueError(
                f"the panel ends with {last}, not with {lesson.as_of}, whose close the model is trained at"
            )
        rows = decision_rows(panel.sessions, lesson.calendar)
        learn = self.training_set(panel, lesson, rows)
        # A session within a week decides as the week's last would: it is one decision more, without a label.
        decisions = len(rows) if len(rows) and rows[-1] == len(panel.sessions) - 1 else len(rows) + 1
        window = self._window(learn, decisions)
        (fitted,) = fit_each(learn, [window], self.parameters)
        return Model(fitted.text, self._card(learn, window, fitted, lesson=lesson, weeks=panel.sessions[rows]))

    def training_set(self, panel: Panel, lesson: Lesson, rows: Rows) -> TrainingSet:
        """Give what there is to learn from at the decision sessions of a panel."""
        names = holdable(lesson.universe, self.benchmark)
        members = members_of(lesson.universe, names, panel.sessions)
        asked = self.asked(panel, names, members, rows)
        returns = forward_returns(openings_of(panel, names, self.benchmark), rows)
        labels = rank_labels(returns, members[rows])
        return TrainingSet(asked, labels, self.feature_set.names, self.feature_set.is_ranked)

    def asked(self, panel: Panel, names: tuple[str, ...], members: Members, rows: Rows) -> Floats:
        """Give what a model is asked of at the decision sessions, of shape (features, decisions, instruments).

        NaN where an instrument lacks more than half of its features, and in the weeks before the panel holds all sessions
        that the features look back on: a model should not learn of what the first rows happen to lack.
        """
        values = features(bars_of(panel, names, self.benchmark), self.feature_set, members)[:, rows]
        takes_part = is_known(values) & (rows + 1 >= sessions_needed(self.feature_set))[:, None]
        values[:, ~takes_part] = np.nan
        if not self.feature_set.is_ranked:
            return values
        ranked: Floats = codes(values, members[rows] & takes_part).astype(np.float64)
        return ranked

    def _window(self, learn: TrainingSet, decisions: int) -> Window:
        first = learn.first_week
        # Every week's model, whatever weeks the walk-forward retrains in: the last is the one that is asked for.
        weekly = replace(self.parameters, retrain_weeks=1)
        found = () if first is None else windows(decisions, weekly, first)
        if not found or found[-1].test.start != decisions - 1:
            there = 0 if first is None else decisions - first
            gap = KNOWN_AFTER_WEEKS + self.parameters.embargo_weeks
            raise NothingLearned(
                f"there are {there} weeks with features; weeks_min {self.parameters.weeks_min} and the {gap} weeks until a"
                f" label counts as known ask for {self.parameters.weeks_min + gap}"
            )
        return found[-1]

    def _card(self, learn: TrainingSet, window: Window, fitted: Fitted, *, lesson: Lesson, weeks: Days) -> ModelCard:
        days: list[date] = weeks.astype("datetime64[D]").astype(object).tolist()
        learned = np.isfinite(learn.labels[window.train.start : window.train.stop])
        asked = learn.features[:, window.train.start : window.train.stop]
        missing = [float(np.isnan(values[learned]).mean()) for values in asked]
        whole = sum(fitted.gains)
        gains = [gain / whole if whole else 0.0 for gain in fitted.gains]
        return ModelCard(
            strategy=self.strategy,
            as_of=lesson.as_of,
            first=days[window.train.start],
            last=days[window.validate.stop - 1],
            snapshot=lesson.snapshot,
            feature_set=self.feature_set.name,
            features=self.feature_set.names,
            features_hash=self.feature_set.hash,
            label=LABEL,
            instruments=int(learned.any(axis=0).sum()),
            rows=fitted.rows,
            trees=fitted.trees,
            parameters=tuple(
                (field.name, _text(getattr(self.parameters, field.name))) for field in fields(self.parameters)
            ),
            metrics=(
                *((("rank_ic", _told(fitted.rank_ic)),) if np.isfinite(fitted.rank_ic) else ()),
                ("weeks_learned", Decimal(len(window.train))),
                ("weeks_validated", Decimal(len(window.validate))),
            ),
            importance=tuple(zip(learn.names, map(_told, gains), strict=True)),
            reference=tuple(zip(learn.names, map(_told, missing), strict=True)),
            trainer=trainer(),
            inputs=fitted.inputs,
        )


def is_known(values: Floats) -> NDArray[np.bool_]:
    """Say which instruments have at least half of their features, of shape (features, ...) to (...)."""
    known: NDArray[np.bool_] = np.isnan(values).mean(axis=0) <= MISSING_MAX
    return known


def _told(number: float) -> Decimal:
    return Decimal(f"{number:.6g}")


def _text(value: int | float | str) -> str:
    return plain_decimal(Decimal(repr(value))) if isinstance(value, float) else str(value)

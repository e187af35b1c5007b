"""The card of a model: every field by what made it, and a hash that stands for all of them."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from core.canonical import canonical_json
from core.quant.card import Occasion, model_of
from core.quant.parameters import RankerParameters
from core.quant.training import TrainingSet, fit_each, trainer
from core.quant.windows import windows
from tests.unit.quant.planted import planted

QUICK = RankerParameters("weekly", weeks_min=20, trees_max=10, leaf_rows_min=30, l2=1.0)
WEEKS = np.datetime64("2024-01-05") + 7 * np.arange(30)
OCCASION = Occasion("ranker", date(2024, 7, 26), "s" * 64, "f" * 64, WEEKS)
WINDOW = windows(30, QUICK)[-1]


def learn():
    """Give weeks in which one instrument is new after the window, one feature is missing in every third week."""
    made = planted(51, weeks=30, instruments=30, features=3, known=0.4).learn
    features, labels = made.features.copy(), made.labels.copy()
    features[2, ::3] = np.nan
    labels[: WINDOW.validate.stop, 4] = np.nan
    return TrainingSet(features, labels, made.names, is_ranked=True)


def model(of=None):
    """Train at the close of the last week."""
    (fitted,) = fit_each(of or learn(), [WINDOW], QUICK)
    return fitted, model_of(fitted, of or learn(), WINDOW, parameters=QUICK, occasion=OCCASION)


def test_the_card_says_what_made_the_model():
    """Days, counts, parameters and hashes are those of the window and its fit."""
    fitted, made = model()
    card = made.card

    assert (card.strategy, card.as_of, card.snapshot, card.features_hash) == (
        *("ranker", date(2024, 7, 26), "s" * 64, "f" * 64),
    )
    assert (card.first, card.last) == (date(2024, 1, 5), date(2024, 7, 5))
    assert (card.instruments, card.rows, card.trees) == (29, fitted.rows, fitted.trees)
    assert (card.feature_set, card.features) == ("weekly", ("feature_0", "feature_1", "feature_2"))
    assert (card.trainer, card.inputs, made.text) == (trainer(), fitted.inputs, fitted.text)
    assert dict(card.parameters)["l2"] == "1.0"
    assert len(card.parameters) == len(dataclasses.fields(QUICK))


def test_the_card_says_what_the_model_is_worth():
    """Metrics of the weeks that validated, importance in shares of one, and what was missing where it learned."""
    fitted, made = model()
    metrics, reference = dict(made.card.metrics), dict(made.card.reference)

    assert float(metrics["rank_ic"]) == pytest.approx(fitted.rank_ic)
    assert metrics["weeks"] == len(WINDOW.validate)
    assert made.card.importance[0][0] == "feature_0"
    assert float(sum(share for _, share in made.card.importance)) == pytest.approx(1)
    assert 0.25 < reference["feature_2"] < 0.45
    assert 0 < reference["feature_0"] < 0.06


def test_a_card_has_a_hash_whatever_could_not_be_measured():
    """Labels that do not vary in a week measure nothing: the metric is left out, and the card is told all the same."""
    made = learn()
    labels = made.labels.copy()
    labels[list(WINDOW.validate)] = np.where(np.isfinite(labels[list(WINDOW.validate)]), 0.5, np.nan)

    card = model(TrainingSet(made.features, labels, made.names, is_ranked=True))[1].card

    assert dict(card.metrics) == {"weeks": Decimal(0)}
    assert len(card.hash) == 64
    assert canonical_json(card) == canonical_json(dataclasses.replace(card))

"""Health of a model: every reason for which it may not be asked, and that a sound one passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from core.domain.facts import Unread
from core.domain.model import Model, ModelCard, ModelInUse
from core.domain.scores import ScoreSet
from core.domain.strategy import Ranking
from core.quant.health import judge_drift, judge_model
from core.quant.ranking import rank_instruments
from core.strategies.registry import strategy_of
from flows.decide import scored_gates
from tests.unit.making import AS_OF, CALENDAR, SESSIONS, learning, panel

RANKER = strategy_of(learning(age_sessions_max=3))
CARD = ModelCard(
    strategy="ranker",
    as_of=AS_OF,
    first=date(2023, 6, 2),
    last=date(2024, 5, 10),
    snapshot="5" * 64,
    feature_set="weekly",
    features=("a", "b"),
    features_hash=RANKER.training.features_hash if RANKER.training else "",
    label="rank",
    instruments=4,
    rows=900,
    trees=3,
    parameters=(("seed", "7"),),
    metrics=(("rank_ic", Decimal("0.02")),),
    importance=(),
    reference=(),
    trainer="lightgbm 4",
    inputs="1" * 64,
)


def judged(model: Model | Unread | None, as_of: date = AS_OF, strategy: Any = RANKER) -> Any:
    """Judge a model on the evening of a session."""
    return judge_model(model, strategy, as_of, calendar=CALENDAR)


def test_a_sound_model_is_given():
    """On its own evening and on the last that it serves."""
    model = Model("text", CARD)

    assert judged(model).value == ModelInUse(model)
    last = SESSIONS[SESSIONS.index(AS_OF) + 3]
    assert judged(model, last).is_open


def test_a_strategy_that_learns_nothing_needs_none():
    """And is given none, whatever there is."""
    momentum = replace(RANKER, training=None)

    assert judged(None, strategy=momentum).value == ModelInUse(None)
    assert judged(Model("text", CARD), strategy=momentum).value == ModelInUse(None)


NEXT = SESSIONS[SESSIONS.index(AS_OF) + 4]
BEFORE = SESSIONS[SESSIONS.index(AS_OF) - 1]


@pytest.mark.parametrize(
    ("model", "as_of", "words"),
    [
        (None, AS_OF, "no model was trained; `twokey train` makes one"),
        (
            Unread("none could be trained: too little"),
            AS_OF,
            "could not be looked up: none could be trained: too little",
        ),
        (replace(CARD, strategy="other"), AS_OF, "is one of strategy other, and the policy names ranker"),
        (replace(CARD, features_hash="f" * 64), AS_OF, "learned of other features (ffffffff) than are computed now"),
        (CARD, NEXT, f"the model is 4 sessions old, of {AS_OF}; 3 is the limit"),
        (CARD, BEFORE, f"trained on {AS_OF}, after the session that is decided on: it knows what came later"),
    ],
)
def test_each_reason_closes_the_gate_and_says_what_is_wrong(model, as_of, words):
    """One finding each, of the gate's name."""
    gate = judged(Model("text", model) if isinstance(model, ModelCard) else model, as_of)

    assert not gate.is_open
    ((check, subject, message),) = [(one.check, one.subject, one.message) for one in gate.findings]
    assert (check, subject) == ("model", "ranker")
    assert words in message


DRIFTING = replace(CARD, reference=(("a", Decimal("0.01")), ("b", Decimal("0.5"))))


@pytest.mark.parametrize("missing", [{}, {"a": 0.26, "b": 0.0}, {"a": 0.0, "b": 0.75}, {"c": 1.0}])
def test_a_feature_may_lack_a_quarter_more_than_where_the_model_learned(missing):
    """The limit itself is allowed, less is no drift, and of what the card does not tell nothing is said."""
    assert RANKER.training is not None
    assert judge_drift(DRIFTING, missing, RANKER.training) is None


def test_features_that_lack_more_are_told_with_the_worst_of_them():
    """How many, which, and all three numbers."""
    assert RANKER.training is not None

    one = judge_drift(DRIFTING, {"a": 0.260001, "b": 0.75}, RANKER.training)
    both = judge_drift(DRIFTING, {"a": 1.0, "b": 1.0}, RANKER.training)

    assert one == (
        "1 of 2 features drifted: a is missing for 0.260001 of the instruments, for 0.01 where the model of 2024-06-07"
        " learned; at most 0.25 more is allowed; look at the bars (`twokey data quality`)"
    )
    assert (both or "").startswith("2 of 2 features drifted: a is missing for 1 of the instruments, for 0.01 where")


def test_a_drift_closes_the_gate_of_the_scores_as_a_finding_of_the_model():
    """Among stored scores it stands as the model's: the decision tells it at the gate `model`, and the scores wait."""

    def score(*_: Any) -> Ranking:
        return Ranking({"AAA": 2.0, "BBB": 1.0}, missing={"a": 0.9})

    bars, model = panel({"AAA": [1.0], "BBB": [1.0]}), Model("text", DRIFTING)
    gate = rank_instruments(bars, ("AAA", "BBB"), AS_OF, strategy=replace(RANKER, score=score), model=model)
    stored = scored_gates(ScoreSet(None, gate.findings, model.hash))

    assert [(one.check, one.severity) for one in gate.findings] == [("model", "block")]
    assert not gate.is_open
    assert [finding.message for finding in stored["model"].findings] == [gate.findings[0].message]
    assert rank_instruments(bars, ("AAA", "BBB"), AS_OF, strategy=replace(RANKER, score=score), model=None).is_open

"""Health of a model: whether it may be asked today, or why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from core.calendar import Calendar
from core.canonical import plain_decimal
from core.domain.facts import Unread
from core.domain.model import Model, ModelCard, ModelInUse
from core.domain.strategy import Strategy, Training
from core.gate import Gate, block, closed


def judge_model(
    model: Model | Unread | None, strategy: Strategy, as_of: date, *, calendar: Calendar
) -> Gate[ModelInUse]:
    """Give the model that a strategy may be asked with on the evening of a session; none for one that learns nothing.

    Closed where none was trained, or it was trained on other features, by another strategy, after the session (it would
    know what the session did not), or more sessions ago than the strategy's `age_sessions_max`.
    """
    if strategy.training is None:
        return Gate(ModelInUse(None))
    if isinstance(model, Unread):
        return closed([block("model", strategy.name, f"could not be looked up: {model.why}")])
    if model is None:
        return closed([block("model", strategy.name, "no model was trained; `twokey train` makes one")])
    age = _age(model.card, as_of, calendar)
    found = [
        block("model", strategy.name, words) for words in _wrong(model.card, strategy.name, strategy.training, age)
    ]
    return closed(found) if found else Gate(ModelInUse(model))


def judge_drift(card: ModelCard, missing: Mapping[str, float], training: Training) -> str | None:
    """Say which features lack a value of too many more instruments than where the model learned; None where none does.

    `missing` is the share of the instruments without a value, a feature; a feature may lack `drift_max` more than the card's
    reference, that share itself included. Features of ranks have no other drift: among each other they are always spread alike.
    """
    limit, reference = Decimal(repr(training.drift_max)), dict(card.reference)
    now = {name: Decimal(f"{share:.6g}") for name, share in missing.items() if name in reference}
    drifted = [name for name, share in now.items() if share - reference[name] > limit]
    if not drifted:
        return None
    worst = max(drifted, key=lambda name: (now[name] - reference[name], name))
    return (
        f"{len(drifted)} of {len(now)} features drifted: {worst} is missing for {plain_decimal(now[worst])} of the instruments,"
        f" for {plain_decimal(reference[worst])} where the model of {card.as_of} learned; at most {plain_decimal(limit)} more"
        " is allowed; look at the bars (`twokey data quality`)"
    )


def _wrong(card: ModelCard, name: str, training: Training, age: int) -> Iterator[str]:
    again = "; `twokey train` makes another"
    if card.strategy != name:
        yield f"the model of {card.as_of} is one of strategy {card.strategy}, and the policy names {name}{again}"
    elif card.features_hash != training.features_hash:
        yield (
            f"the model of {card.as_of} learned of other features ({card.features_hash[:8]}) than are computed now"
            f" ({training.features_hash[:8]}){again}"
        )
    if age < 0:
        yield f"the model was trained on {card.as_of}, after the session that is decided on: it knows what came later"
    elif age > training.age_sessions_max:
        yield f"the model is {age} sessions old, of {card.as_of}; {training.age_sessions_max} is the limit{again}"


def _age(card: ModelCard, as_of: date, calendar: Calendar) -> int:
    """Give how many sessions after a model's own a session is; -1 where it is before it: between the two there is none."""
    return len(calendar.sessions_between(card.as_of, as_of)) - 1

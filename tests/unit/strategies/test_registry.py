"""The registry: a policy's strategy with its parameters bound, or words that say what is right."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.settings import Policy, StrategySettings
from core.strategies.registry import STRATEGIES, strategy_of
from tests.unit.making import SHIPPED, SHORT, panel


def named(name: str, parameters: dict[str, int | Decimal | str]) -> Policy:
    """Give the shipped policy with another strategy."""
    return SHIPPED.model_copy(update={"strategy": StrategySettings(name=name, parameters=parameters)})


def test_the_shipped_strategy_is_bound_with_its_parameters():
    """It needs one session more than it looks back, and is not trained."""
    strategy = strategy_of(SHIPPED)

    assert (strategy.name, strategy.sessions_needed, strategy.hold_rank_multiple) == ("momentum", 253, 2)
    assert strategy.training is None


def test_a_bound_strategy_scores_with_its_parameters():
    """Three sessions back without the last one, as the policy says; the caps look at more bars than it does."""
    strategy = strategy_of(SHORT)

    assert strategy.sessions_needed == 64
    assert strategy.score(panel({"AAA": [100.0, 1.0, 150.0, 1.0]}), ("AAA",), None).numbers == {"AAA": 0.5}


def test_an_unknown_strategy_is_told_the_known_ones():
    """A misspelt name is no default."""
    with pytest.raises(ValueError, match=r"strategy.name was 'momentun'; known are \['momentum', 'ranker'\]"):
        strategy_of(named("momentun", {}))


def test_wrong_parameters_are_told_as_the_strategy_says_them():
    """The strategy itself checks what it is given."""
    with pytest.raises(ValueError, match="strategy momentum: unknown parameters"):
        strategy_of(named("momentum", {"speed": 1}))


def test_no_name_stands_twice():
    """The first would hide the second."""
    names = [name for name, _ in STRATEGIES]

    assert len(set(names)) == len(names)

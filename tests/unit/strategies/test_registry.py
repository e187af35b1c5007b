"""The registry: a policy's strategy with its parameters bound, or words that say what is right."""

from __future__ import annotations

import pytest

from core.settings import StrategySettings
from core.strategies.registry import STRATEGIES, strategy_of
from tests.unit.making import SHIPPED, SHORT, panel


def test_the_shipped_strategy_is_bound_with_its_parameters():
    """It needs one session more than it looks back, and is not trained."""
    strategy = strategy_of(SHIPPED.strategy)

    assert (strategy.name, strategy.sessions_needed, strategy.hold_rank_multiple) == ("momentum", 253, 2)
    assert not strategy.is_trainable


def test_a_bound_strategy_scores_with_its_parameters():
    """Three sessions back without the last one, as the policy says."""
    strategy = strategy_of(SHORT.strategy)

    assert strategy.sessions_needed == 4
    assert strategy.score(panel({"AAA": [100.0, 1.0, 150.0, 1.0]}), ("AAA",)) == {"AAA": 0.5}


def test_an_unknown_strategy_is_told_the_known_ones():
    """A misspelt name is no default."""
    with pytest.raises(ValueError, match=r"strategy.name was 'momentun'; known are \['momentum'\]"):
        strategy_of(StrategySettings(name="momentun", parameters={}))


def test_wrong_parameters_are_told_as_the_strategy_says_them():
    """The strategy itself checks what it is given."""
    with pytest.raises(ValueError, match="strategy momentum: unknown parameters"):
        strategy_of(StrategySettings(name="momentum", parameters={"speed": 1}))


def test_no_name_stands_twice():
    """The first would hide the second."""
    names = [name for name, _ in STRATEGIES]

    assert len(set(names)) == len(names)

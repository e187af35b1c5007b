"""The strategies that a policy can name, one line each."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.strategy import Strategy
from core.settings import StrategySettings
from core.strategies import momentum as _momentum


def _bind_momentum(settings: StrategySettings) -> Strategy:
    parameters = _momentum.parameters_from(settings.parameters)
    return Strategy(
        name=settings.name,
        score=lambda panel, instruments: _momentum.momentum(panel, instruments, parameters),
        sessions_needed=parameters.lookback_sessions + 1,
        hold_rank_multiple=parameters.hold_rank_multiple,
        is_trainable=False,
        bars_needed=(parameters.lookback_sessions, parameters.skip_sessions),
    )


STRATEGIES: tuple[tuple[str, Callable[[StrategySettings], Strategy]], ...] = (("momentum", _bind_momentum),)


def strategy_of(settings: StrategySettings) -> Strategy:
    """Give the policy's strategy; raises ValueError naming the known ones, or what is wrong with the parameters."""
    for name, bind in STRATEGIES:
        if name == settings.name:
            return bind(settings)
    raise ValueError(f"strategy.name was {settings.name!r}; known are {[name for name, _ in STRATEGIES]}")

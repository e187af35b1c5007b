"""The strategies that a policy can name, one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.domain.strategy import Ranking, Strategy
from core.settings import Policy
from core.strategies import momentum as _momentum
from core.strategies import ranker as _ranker


def _bind_momentum(policy: Policy) -> Strategy:
    parameters = _momentum.parameters_from(policy.strategy.parameters)
    return Strategy(
        name=policy.strategy.name,
        score=lambda panel, instruments, _: Ranking(_momentum.momentum(panel, instruments, parameters)),
        sessions_needed=parameters.lookback_sessions + 1,
        hold_rank_multiple=parameters.hold_rank_multiple,
        bars_needed=(parameters.lookback_sessions, parameters.skip_sessions),
    )


STRATEGIES: tuple[tuple[str, Callable[[Policy], Strategy]], ...] = (
    ("momentum", _bind_momentum),
    ("ranker", _ranker.bind),
)


def strategy_of(policy: Policy) -> Strategy:
    """Give the policy's strategy; raises ValueError naming the known ones, or what is wrong with the parameters."""
    wanted = policy.strategy.name
    for name, bind in STRATEGIES:
        if name == wanted:
            strategy = bind(policy)
            return replace(strategy, sessions_needed=max(strategy.sessions_needed, _sessions_weighed(policy)))
    raise ValueError(f"strategy.name was {wanted!r}; known are {[name for name, _ in STRATEGIES]}")


def _sessions_weighed(policy: Policy) -> int:
    """Give how many sessions the weights and caps of a policy look at, where they look at bars: one more than returns."""
    limits, sizing = policy.limits, policy.sizing
    of_clusters = limits.correlation_sessions + 1 if limits.cluster_weight_max < 1 else 0
    of_weights = sizing.volatility_sessions + 1 if sizing.weights == "inverse_volatility" else 0
    return max(of_clusters, of_weights)

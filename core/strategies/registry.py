"""The strategies that a policy can name, one line each."""

from __future__ import annotations

from collections.abc import Callable

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
            return bind(policy)
    raise ValueError(f"strategy.name was {wanted!r}; known are {[name for name, _ in STRATEGIES]}")

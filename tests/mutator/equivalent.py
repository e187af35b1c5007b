"""Equivalent mutants: changed guards after which nothing is different, each with the reason; no test could see them."""

from __future__ import annotations

_TARGET, _CLUSTERS, _HEALTH = "core/riskguard/target.py", "core/riskguard/clusters.py", "core/quant/health.py"
_NEEDS = "ground is not None and policy.sizing.weights == 'inverse_volatility'"

# By file, function, kind of change and guard, as `Mutant.key` gives them.
EQUIVALENT: dict[tuple[str, str, str, str], str] = {
    (_TARGET, "build_target", "without part 0", _NEEDS): "without ground none is asked for volatilities either",
    (_TARGET, "build_target", "without part 1", _NEEDS): "only inverse volatility looks at volatilities",
    (_TARGET, "build_target", "without part 1", "ground and needs_volatility"): (
        "only inverse volatility looks at volatilities"
    ),
    (_CLUSTERS, "Ground._clusters", "without part 1", "cap >= ONE or not names"): (
        "no names have no correlations and no clusters"
    ),
    (
        _HEALTH,
        "_age",
        "never",
        "card.as_of > as_of",
    ): "between two days in the wrong order there is no session: below zero too",
    (_HEALTH, "_age", "edge moved", "card.as_of > as_of"): "on the day itself both ways count to zero",
}

"""Equivalent mutants: changed guards after which nothing is different, each with the reason; no test could see them."""

from __future__ import annotations

_TARGET, _CLUSTERS, _HEALTH = "core/riskguard/target.py", "core/riskguard/clusters.py", "core/quant/health.py"
_LINES, _GROUPS, _DRAFT = "core/riskguard/line_rules.py", "core/riskguard/group_rules.py", "core/ticketing/draft.py"
_LIFE = "core/ticketing/lifecycle.py"
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
    (_LINES, "over_weight", "without part 1", "line.side != 'buy' or case.mark(line.instrument) is None"): (
        "what has no mark is worth nothing, which is below every limit"
    ),
    (_GROUPS, "open_tickets", "never", "not beside"): "with nothing beside it a line is judged as it is by itself",
    (_GROUPS, "OF_THE_WHOLE", "left out", "leverage"): "a debt is below every cash buffer: thin_cash says it first",
    (_GROUPS, "desk_over_gross", "without part 1", "equity is None or others is None"): (
        "where the positions have no price, the equity has none either"
    ),
    (_DRAFT, "draft_ticket", "without part 1", "around.cash or ZERO"): "a ticket with lines knows its cash",
    (_DRAFT, "draft_ticket", "without part 1", "around.equity or ZERO"): "a ticket with lines knows its equity",
    (_LIFE, "due_steps", "never", "ticket.kind != 'TRADE'"): "only a trade has lines that are answered or wait",
    (
        _LIFE,
        "due_steps",
        "without part 0",
        "answered and (not waiting)",
    ): "a trade has lines: what does not wait was answered",
}

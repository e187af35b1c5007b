"""Ranking: a strategy's numbers become scores, or a closed gate that says why not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np

from core.domain.instrument import InstrumentId
from core.domain.model import Model
from core.domain.panel import Panel
from core.domain.scores import Scores, ranked_scores
from core.domain.strategy import Strategy
from core.gate import Finding, Gate, block, closed

# The share of so many instruments or more that may have one score: beyond it the order is that of their names.
SAME_MAX, MANY = 0.5, 10


def rank_instruments(
    panel: Panel, instruments: tuple[InstrumentId, ...], as_of: date, *, strategy: Strategy, model: Model | None = None
) -> Gate[Scores]:
    """Score the instruments on a panel that ends with as-of; closed when nothing, or too little, can be told apart."""
    last = panel.sessions[-1].astype(object) if len(panel.sessions) else None
    if last != as_of:
        return closed([block("scores", strategy.name, f"the panel ends with {last}, not with as-of {as_of}")])
    scores = ranked_scores(strategy.name, as_of, strategy.score(panel, instruments, model))
    scores = replace(
        scores, unranked=tuple((name, _why(panel, name, strategy) or why) for name, why in scores.unranked)
    )
    return Gate(scores, tuple(_degenerate(scores)))


def _why(panel: Panel, name: InstrumentId, strategy: Strategy) -> str | None:
    """Name the first session whose bar a score needs and that has none; None where that is not what is missing."""
    column, length = panel.column(name), len(panel.sessions)
    rows = [length - 1 - back for back in strategy.bars_needed if back < length]
    missing = [row for row in rows if column is None or np.isnan(panel.adj_close[row, column])]
    return f"no bar on {panel.sessions[missing[0]].astype('datetime64[D]')}" if missing else None


def _degenerate(scores: Scores) -> list[Finding]:
    if not scores.ranked:
        count = len(scores.unranked)
        return [block("scores", scores.strategy, f"0 of {count} instruments could be ranked: too little history")]
    count = len(scores.ranked)
    value, same = Counter(score.value for score in scores.ranked).most_common(1)[0]
    if same == count > 1:
        return [block("scores", scores.strategy, f"all {count} scores are {value}; nothing is ranked")]
    if count >= MANY and same > SAME_MAX * count:
        words = f"{same} of {count} scores are {value}; at most half may be the same, for their names would decide"
        return [block("scores", scores.strategy, words)]
    return []

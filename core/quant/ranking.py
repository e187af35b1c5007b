"""Ranking: a strategy's numbers become scores, or a closed gate that says why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from core.domain.instrument import InstrumentId
from core.domain.panel import Panel
from core.domain.scores import Scores, ranked_scores
from core.domain.strategy import Strategy
from core.gate import Finding, Gate, block, closed


def rank_instruments(
    panel: Panel, instruments: tuple[InstrumentId, ...], as_of: date, *, strategy: Strategy
) -> Gate[Scores]:
    """Score the instruments on a panel that ends with as-of; closed when nothing can be told apart."""
    last = panel.sessions[-1].astype(object) if len(panel.sessions) else None
    if last != as_of:
        return closed([block("scores", strategy.name, f"the panel ends with {last}, not with as-of {as_of}")])
    scores = ranked_scores(strategy.name, as_of, strategy.score(panel, instruments))
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
    if len(scores.ranked) > 1 and len({score.value for score in scores.ranked}) == 1:
        value = scores.ranked[0].value
        return [block("scores", scores.strategy, f"all {len(scores.ranked)} scores are {value}; nothing is ranked")]
    return []

"""Ranking: a strategy's numbers become scores, or a closed gate that says why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

import numpy as np

from core.domain.bars import Floats
from core.domain.instrument import InstrumentId
from core.domain.model import Model
from core.domain.panel import Panel
from core.domain.scores import Scores, drawn, ranked_scores
from core.domain.strategy import Ranking, Strategy
from core.gate import Finding, Gate, block, closed
from core.quant.health import judge_drift

# The share of so many instruments or more that may have one score: beyond it a draw decides the order.
SAME_MAX, MANY = 0.5, 10


def rank_instruments(
    panel: Panel, instruments: tuple[InstrumentId, ...], as_of: date, *, strategy: Strategy, model: Model | None = None
) -> Gate[Scores]:
    """Score the instruments on a panel that ends with as-of; closed when nothing, or too little, can be told apart."""
    last = panel.sessions[-1].astype(object) if len(panel.sessions) else None
    if last != as_of:
        return closed([block("scores", strategy.name, f"the panel ends with {last}, not with as-of {as_of}")])
    ranking = strategy.score(panel, instruments, model)
    scores = ranked_scores(strategy.name, as_of, ranking)
    columns = {name: at for at, name in enumerate(panel.instruments)} if scores.unranked else {}
    told = tuple((name, _why(panel, columns.get(name), strategy) or why) for name, why in scores.unranked)
    scores = replace(scores, unranked=told)
    return Gate(scores, (*_drift(ranking, strategy, model), *_degenerate(scores)))


def _drift(ranking: Ranking, strategy: Strategy, model: Model | None) -> list[Finding]:
    """Give the finding that closes the model's gate, which stands before this one: it could not be known there."""
    if model is None or strategy.training is None:
        return []
    words = judge_drift(model.card, ranking.missing, strategy.training)
    return [] if words is None else [block("model", strategy.name, words)]


def _why(panel: Panel, column: int | None, strategy: Strategy) -> str | None:
    """Name the first session whose bar a score needs and that has none; None where that is not what is missing."""
    length = len(panel.sessions)
    rows = [length - 1 - back for back in strategy.bars_needed if back < length]
    missing = [row for row in rows if column is None or np.isnan(panel.adj_close[row, column])]
    return f"no bar on {panel.sessions[missing[0]].astype('datetime64[D]')}" if missing else None


def _degenerate(scores: Scores) -> list[Finding]:
    if not scores.ranked:
        count = len(scores.unranked)
        return [block("scores", scores.strategy, f"0 of {count} instruments could be ranked: too little history")]
    words = alike([score.value for score in scores.ranked])
    return [] if words is None else [block("scores", scores.strategy, words)]


def alike(values: Sequence[Decimal]) -> str | None:
    """Say why scores tell too little apart to be a ranking: all are the same, or more than half of ten and more."""
    count = len(values)
    # By comparing neighbours: a decimal's hash takes ten times as long, and scores mostly come in order.
    value, same = max(((value, len(tuple(run))) for value, run in groupby(sorted(values))), key=itemgetter(1))
    if same == count > 1:
        return f"all {count} scores are {value}; nothing is ranked"
    if count >= MANY and same > SAME_MAX * count:
        return f"{same} of {count} scores are {value}; at most half may be the same, for a draw would decide"
    return None


def as_ranked(scores: Floats, instruments: Sequence[InstrumentId]) -> Floats:
    """Give scores (W, N) as the daily run would rank them: ties broken as there, NaN in weeks that its gate would refuse.

    Numbers count down from the number ranked to one; only their order means anything.
    """
    draw = {name: at for at, name in enumerate(sorted(instruments, key=drawn))}
    last = np.array([draw[name] for name in instruments])
    told = np.full(scores.shape, np.nan)
    for week, row in enumerate(scores):
        at = np.flatnonzero(np.isfinite(row))
        if len(at) and alike([Decimal(f"{number:.12g}") for number in row[at]]) is None:
            told[week, at[np.lexsort((last[at], -row[at]))]] = np.arange(len(at), 0, -1)
    return told

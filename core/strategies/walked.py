"""A strategy through the weeks: what it would have said at the close of each decision session, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain.backtest import Fit
from core.domain.bars import Floats
from core.domain.panel import Panel
from core.domain.strategy import Lesson, NothingLearned, Strategy
from core.quant.labels import Members, forward_returns, openings_of
from core.quant.membership import holdable
from core.quant.ranking import as_ranked
from core.quant.training import FitMany
from core.quant.walk_forward import walk
from core.quant.weeks import Rows
from core.quant.windows import windows
from core.settings import Policy
from core.strategies import ranker
from core.strategies.registry import strategy_of


@dataclass(frozen=True, eq=False)
class Walked:
    """Scores (W, N) at the decision sessions `rows`, NaN where nothing was ranked, and how they were come by.

    `ranked` are the same scores as a book trades them: ties broken as the daily run breaks them, and NaN in weeks whose scores
    tell so little apart that its gate would be closed.
    `realised`, of the same shape, is what each instrument then returned until the open after the next decision, less the
    benchmark; NaN where that is not known. `fits` and `importance` are those of a strategy that learns.
    """

    rows: Rows
    scores: Floats
    ranked: Floats
    realised: Floats
    fits: tuple[Fit, ...]
    importance: tuple[tuple[str, float], ...]


def walked(
    policy: Policy, panel: Panel, lesson: Lesson, *, decisions: Rows, within: range, members: Members, fit_many: FitMany
) -> Walked:
    """Score the decision sessions whose rows lie `within` a range, each of what was known at its close.

    `decisions` are the panel's decision sessions, also those before the range, to learn from; `members`,
    of shape (T, N), says who could be held, in the order of `names_of`. A strategy that learns nothing is asked on the very
    panel that it would have had that day. Raises NothingLearned where there is too little to learn from before the first.
    """
    names = names_of(lesson, policy)
    strategy, is_asked = strategy_of(policy), (decisions >= within.start) & (decisions < within.stop)
    rows = decisions[is_asked]
    openings = openings_of(panel, names, policy.data.benchmark)
    realised = forward_returns(openings, decisions)[is_asked]
    if strategy.training is None:
        scores = _asked_daily(strategy, panel, names, rows=rows, members=members)
        return Walked(rows, scores, as_ranked(scores, names), realised, (), ())
    recipe = ranker.recipe_of(policy)
    learn = recipe.training_set(panel, lesson, decisions)
    start = learn.first_week
    planned = () if start is None else windows(len(decisions), recipe.parameters, start)
    wanted = [window for window in planned if is_asked[window.test.start : window.test.stop].any()]
    if not wanted or decisions[wanted[0].test.start] > rows[0]:
        there = int(np.count_nonzero(decisions < within.start)) - (start or 0)
        raise NothingLearned(
            f"before {panel.sessions[rows[0]]} there are {max(0, there)} weeks to learn from; the policy asks for"
            f" {recipe.parameters.weeks_min}, less what a label takes to be known: begin later, or ingest more of the past"
        )
    done = walk(learn, wanted, recipe.parameters, fit_many=fit_many)
    scores = np.where(members[rows], done.scores[is_asked], np.nan)
    fits, importance = done.fits(panel.sessions[decisions]), done.importance(learn.names)
    return Walked(rows, scores, as_ranked(scores, names), realised, fits, importance)


def names_of(lesson: Lesson, policy: Policy) -> tuple[str, ...]:
    """Name the instruments of a backtest, in the order of the ids."""
    return holdable(lesson.universe, policy.data.benchmark)


def _asked_daily(strategy: Strategy, panel: Panel, names: tuple[str, ...], *, rows: Rows, members: Members) -> Floats:
    scores = np.full((len(rows), len(names)), np.nan)
    for week, row in enumerate(rows.tolist()):
        at = np.flatnonzero(members[row])
        asked = tuple(names[column] for column in at)
        session = panel.sessions[row].astype("datetime64[D]").astype(object)
        numbers = strategy.score(panel.window(session, strategy.sessions_needed), asked, None).numbers
        scores[week, at] = [numbers[name] for name in asked]
    return scores

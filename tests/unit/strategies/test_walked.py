"""A strategy through the weeks is the strategy of each of them: what the daily run would have trained, asked and said."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache

import numpy as np
import pytest

from core.calendar import Calendar, load_calendar
from core.domain.instrument import Instrument, Period, Universe
from core.domain.panel import Panel
from core.domain.strategy import Lesson
from core.quant.membership import members_of
from core.quant.training import fit_each
from core.quant.weeks import Rows, decision_rows
from core.strategies.ranker import recipe_of
from core.strategies.registry import strategy_of
from core.strategies.walked import Walked, names_of, walked
from tests.unit.making import SHIPPED, learning

SEED, COUNT = 11, 40
FIRST, LAST = date(2022, 1, 3), date(2023, 9, 29)
LEARNED = learning(
    weeks_min=12,
    window_weeks=16,
    trees_max=12,
    stop_after_trees=6,
    leaf_rows_min=30,
    l2=Decimal(5),
    feature_share=Decimal("0.5"),
)


@lru_cache(maxsize=1)
def calendar() -> Calendar:
    """Give the exchange's days, with a month after the last."""
    return load_calendar("XNYS", FIRST, date(2023, 11, 1))


@lru_cache(maxsize=1)
def market() -> tuple[Panel, Universe]:
    """Give forty instruments and their benchmark over a year and three quarters; one leaves, one comes late."""
    sessions = np.array(calendar().sessions_between(FIRST, LAST), dtype="datetime64[D]")
    random = np.random.Generator(np.random.PCG64(SEED))
    shape = (len(sessions), COUNT + 1)
    closes = 50 * np.exp(np.cumsum(random.normal(0.0003, 0.015, shape), axis=0))
    opens = closes * np.exp(random.normal(0, 0.003, shape))
    names = (*(f"I{at:02}" for at in range(COUNT)), "SPY")
    panel = Panel(
        sessions=sessions,
        instruments=names,
        open=opens,
        high=np.maximum(opens, closes) * 1.004,
        low=np.minimum(opens, closes) * 0.996,
        close=closes,
        adj_close=closes,
        volume=np.round(np.exp(random.normal(13, 0.4, shape))).astype(np.float64),
        basis=(None,) * len(names),
        provider=("synthetic",) * len(names),
        knowledge="assumed",
        snapshot="5" * 64,
    )
    periods = {"I03": Period(FIRST, date(2023, 6, 30)), "I07": Period(date(2023, 3, 1))}
    rows = tuple(_instrument(name, periods.get(name, Period(FIRST))) for name in names)
    return panel, Universe(rows)


def _instrument(name: str, period: Period) -> Instrument:
    return Instrument(name, "", name, name, "NYSE", "USD", "equity", True, None, (period,), "Energy")


def lesson(as_of: date = LAST) -> Lesson:
    """Give what a training that ends with a session is about."""
    return Lesson(market()[1], calendar(), as_of, "5" * 64)


@lru_cache(maxsize=1)
def through() -> tuple[Walked, Rows]:
    """Walk the ranker through the last weeks."""
    panel, universe = market()
    decisions = decision_rows(panel.sessions, calendar())
    names = names_of(lesson(), LEARNED)
    done = walked(
        LEARNED,
        panel,
        lesson(),
        decisions=decisions,
        within=range(int(decisions[-8]), len(panel.sessions)),
        members=members_of(universe, names, panel.sessions),
        fit_many=fit_each,
    )
    return done, decisions


@pytest.mark.parametrize("back", [1, 4, 8])
def test_the_daily_run_trains_the_model_that_the_backtest_asked(back):
    """Of what was known at the close of a week, and of the sessions alone that a training reads: the same text."""
    panel, _ = market()
    done, decisions = through()
    as_of = panel.sessions[decisions[-back]].astype(object)
    recipe = recipe_of(LEARNED)

    model = recipe.fit(panel.window(as_of, recipe.sessions), lesson(as_of))

    assert model.card.inputs == done.fits[-back].model
    assert (model.card.as_of, model.card.trees) == (as_of, done.fits[-back].trees)


@pytest.mark.parametrize("back", [1, 4, 8])
def test_the_daily_run_says_what_the_backtest_said(back):
    """The same scores, from the last sessions alone, of those who were members that day."""
    panel, universe = market()
    done, decisions = through()
    as_of = panel.sessions[decisions[-back]].astype(object)
    recipe, strategy = recipe_of(LEARNED), strategy_of(LEARNED)
    model = recipe.fit(panel.window(as_of, recipe.sessions), lesson(as_of))
    names = names_of(lesson(), LEARNED)
    asked = tuple(name for name in names if universe.by_id()[name].is_valid_on(as_of))

    told = strategy.score(panel.window(as_of, strategy.sessions_needed), asked, model)

    said = {name: score for name, score in zip(names, done.scores[-back], strict=True) if np.isfinite(score)}
    assert {name: number for name, number in told.numbers.items() if np.isfinite(number)} == said
    assert len(said) > COUNT / 2


def test_who_left_or_was_not_there_yet_is_not_scored():
    """Membership of the day counts, not that of today."""
    done, _ = through()
    names = names_of(lesson(), LEARNED)

    assert np.isnan(done.scores[:, names.index("I03")]).all()
    assert np.isfinite(done.scores[-1, names.index("I07")])


def test_contributions_add_up_towards_the_score():
    """The strongest first; five at most."""
    panel, _ = market()
    recipe, strategy = recipe_of(LEARNED), strategy_of(LEARNED)
    model = recipe.fit(panel.window(LAST, recipe.sessions), lesson())
    told = strategy.score(panel.window(LAST, strategy.sessions_needed), names_of(lesson(), LEARNED), model)

    for moved in told.contributions.values():
        sizes = [abs(value) for _, value in moved]
        assert sizes == sorted(sizes, reverse=True)
        assert len(moved) <= 5


def test_a_strategy_that_learns_nothing_is_asked_each_week_as_it_would_have_been():
    """Momentum needs no model; it has the panel of its day."""
    panel, universe = market()
    decisions = decision_rows(panel.sessions, calendar())
    names = names_of(lesson(), SHIPPED)
    done = walked(
        SHIPPED,
        panel,
        lesson(),
        decisions=decisions,
        within=range(int(decisions[-3]), len(panel.sessions)),
        members=members_of(universe, names, panel.sessions),
        fit_many=fit_each,
    )
    row = int(decisions[-3])
    change = panel.adj_close[row - 21] / panel.adj_close[row - 252] - 1

    assert (done.fits, done.importance) == ((), ())
    assert done.scores[0, names.index("I05")] == pytest.approx(change[names.index("I05")])


def test_a_model_of_a_day_within_the_week_learns_no_label_that_is_not_known():
    """On a Wednesday it has learned of no more weeks than on the Friday before."""
    panel, _ = market()
    recipe = recipe_of(LEARNED)
    friday, wednesday = date(2023, 9, 22), date(2023, 9, 27)

    early, late = (recipe.fit(panel.window(day, recipe.sessions), lesson(day)).card for day in (friday, wednesday))

    assert late.last <= date(2023, 9, 8)
    assert early.last <= late.last


def test_the_first_week_that_is_learned_of_has_all_that_features_look_back_on():
    """What the panel's first rows happen to lack is nothing to learn."""
    panel, _ = market()
    decisions, recipe = decision_rows(panel.sessions, calendar()), recipe_of(LEARNED)
    needed = strategy_of(LEARNED).sessions_needed

    first = recipe.training_set(panel, lesson(), decisions).first_week

    assert first is not None
    assert decisions[first - 1] + 1 < needed <= decisions[first] + 1


def test_a_panel_that_ends_with_another_session_is_refused():
    """Whose close it would be trained at is not to be guessed."""
    panel, _ = market()

    with pytest.raises(ValueError, match="the panel ends with 2023-09-29, not with 2023-09-22"):
        recipe_of(LEARNED).fit(panel, lesson(date(2023, 9, 22)))

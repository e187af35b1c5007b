"""Truth planted in bars: the ranker finds what a bar foretells through features, weeks and labels, and only in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

import numpy as np
import pytest

from core.calendar import Calendar, load_calendar
from core.domain.bars import Floats
from core.domain.instrument import Instrument, Period, Universe
from core.domain.panel import Panel
from core.domain.strategy import Lesson
from core.measures.ranking import rank_ic, t_statistic
from core.quant import recipe
from core.quant.labels import forward_returns, openings_of
from core.quant.membership import members_of
from core.quant.training import fit_each
from core.quant.weeks import Rows, decision_rows
from core.settings import Policy
from core.strategies import walked as through_weeks
from core.strategies.walked import Walked, names_of, walked
from tests.unit.making import learning

FIRST, LAST, SOAK_LAST = date(2018, 1, 2), date(2021, 3, 31), date(2022, 12, 30)
# One session's deviation within the day, and over the night.
DAY_SD, NIGHT_SD = 0.012, 0.005
# The sessions before a year of features is there.
WARM = 260
# One-sided, of one test in twenty and of one in a hundred, by Student's t with some fifty degrees of freedom.
T_95, T_99 = 1.67, 2.4
RANKER = learning(retrain_weeks=8, leaf_rows_min=100, l2=Decimal(100), learning_rate=Decimal("0.1"), trees_max=150)

# What is foretold of a session, from opens and closes up to it: the higher, the better.
Told = Callable[[Floats, Floats], Floats]
TRUTHS: dict[str, Told] = {
    "the week's fall": lambda opens, closes: -(closes[-1] / closes[-6] - 1),
    "the distance under the mean of five closes": lambda opens, closes: -(closes[-1] / closes[-5:].mean(axis=0) - 1),
    "the night's fall": lambda opens, closes: -(opens[-1] / closes[-2] - 1),
}


@dataclass(frozen=True, eq=False)
class PlantedBars:
    """Bars, their decision sessions, and what each decision foretold of the week that followed, (W, N)."""

    panel: Panel
    decisions: Rows
    expected: Floats


@lru_cache(maxsize=1)
def calendar() -> Calendar:
    """Give the exchange's days, with a month after the last."""
    return load_calendar("XNYS", FIRST, date(2023, 2, 1))


@lru_cache(maxsize=2)
def planted(truth: str, *, seed: int, instruments: int, known: float, last: date = LAST, is_signed: bool = True):
    """Draw bars session by session: each decision's signal is paid in equal parts within the sessions of the next week.

    `known` is the signal's share of a week's deviation. Without its sign, each instrument and week has one by chance.
    """
    sessions = np.array(calendar().sessions_between(FIRST, last), dtype="datetime64[D]")
    random = np.random.Generator(np.random.PCG64(seed))
    shape = (len(sessions), instruments + 1)
    decisions = decision_rows(sessions, calendar())
    nights, days = NIGHT_SD * random.normal(size=shape), DAY_SD * random.normal(size=shape)
    signs = np.ones(shape) if is_signed else random.choice([-1.0, 1.0], size=shape)
    paid = known * np.hypot(DAY_SD, NIGHT_SD) / np.sqrt(5)
    opens, closes, drift = np.empty(shape), np.empty(shape), np.zeros(shape[1])
    expected, is_decision = np.full(shape, np.nan), np.isin(np.arange(len(sessions)), decisions)
    before = np.full(shape[1], 50.0)
    for row in range(len(sessions)):
        opens[row] = before * np.exp(nights[row])
        before = closes[row] = opens[row] * np.exp(days[row] + drift)
        if is_decision[row] and row > 6:
            # Of mean zero and a deviation of one.
            share = (np.argsort(np.argsort(TRUTHS[truth](opens[: row + 1], closes[: row + 1]))) + 0.5) / shape[1]
            expected[row] = np.sqrt(12) * (share - 0.5)
            drift = paid * expected[row] * signs[row]
    panel = bars(sessions, opens, closes, random=random)
    return PlantedBars(panel, decisions, expected[decisions, :-1])


def bars(sessions, opens, closes, *, random) -> Panel:
    """Give a panel of these opens and closes, the last column the benchmark's."""
    names = (*(f"I{at:03}" for at in range(opens.shape[1] - 1)), "SPY")
    return Panel(
        sessions=sessions,
        instruments=names,
        open=opens,
        high=np.maximum(opens, closes) * np.exp(np.abs(random.normal(0, 0.003, opens.shape))),
        low=np.minimum(opens, closes) * np.exp(-np.abs(random.normal(0, 0.003, opens.shape))),
        close=closes,
        adj_close=closes,
        volume=np.round(np.exp(random.normal(13, 0.4, opens.shape))),
        basis=(None,) * len(names),
        provider=("synthetic",) * len(names),
        knowledge="assumed",
        snapshot="6" * 64,
    )


def moved(panel: Panel, sessions: int) -> Panel:
    """Give the same bars so many sessions later (before, where negative): nothing of them but their day is another."""
    return panel.with_values(np.roll(panel.values(), sessions, axis=1))


def asked(panel: Panel, decisions: Rows, policy: Policy = RANKER) -> Walked:
    """Walk the ranker through all weeks that its first window leaves."""
    names = panel.instruments
    rows = tuple(
        Instrument(*(name, "", name, name, "NYSE", "USD", "equity", True, None), (Period(FIRST),), "Energy")
        for name in names
    )
    universe = Universe(rows)
    last = panel.sessions[-1].astype(object)
    lesson = Lesson(universe, calendar(), last, panel.snapshot)
    weeks_min, gap = int(policy.strategy.parameters["weeks_min"]), 2 + int(policy.strategy.parameters["embargo_weeks"])
    first = int(np.searchsorted(decisions, WARM)) + weeks_min + gap
    return walked(
        policy,
        panel,
        lesson,
        decisions=decisions,
        within=range(int(decisions[first]), len(panel.sessions)),
        members=members_of(universe, names_of(lesson, policy), panel.sessions),
        fit_many=fit_each,
    )


def share_found(made: PlantedBars, found: Walked) -> float:
    """Give the mean rank IC of the scores as a share of that of what was foretold, in the same weeks."""
    expected = made.expected[np.isin(made.decisions, found.rows)]
    return mean_ic(found.scores, found.realised) / mean_ic(expected, found.realised)


def mean_ic(scores: Floats, realised: Floats) -> float:
    """Give the mean rank IC of the weeks that can be measured."""
    return float(np.nanmean(rank_ic(scores, realised)))


def shuffled(openings, rows) -> Floats:
    """Give the returns of each week among other instruments, the same in every call."""
    returns = forward_returns(openings, rows)
    order = np.random.Generator(np.random.PCG64(41)).permuted(
        np.tile(np.arange(returns.shape[1]), (len(rows), 1)), axis=1
    )
    return np.take_along_axis(returns, order, axis=1)


def t_of(found: Walked) -> float:
    """Give Student's t of the mean weekly rank IC."""
    return t_statistic(rank_ic(found.scores, found.realised))


@pytest.mark.slow
@pytest.mark.parametrize("truth", ["the week's fall", "the night's fall"])
def test_what_bars_foretell_is_found(truth):
    """Within a fifth of the rank IC of the foretold part itself, in the same weeks, of the returns as they were traded."""
    made = planted(truth, seed=3, instruments=100, known=0.3)
    found = asked(made.panel, made.decisions)

    expected = made.expected[np.isin(made.decisions, found.rows)]
    assert len(found.rows) > 50
    assert mean_ic(expected, found.realised) > 0.2
    assert 0.8 < share_found(made, found) < 1.05


@pytest.mark.slow
def test_bars_of_another_day_foretell_nothing():
    """A night's fall counts on the day that it foretells from: with all bars a session later, next to nothing is found."""
    made = planted("the night's fall", seed=3, instruments=100, known=0.3)
    late = asked(moved(made.panel, 1), made.decisions)
    in_place = mean_ic(made.expected[np.isin(made.decisions, late.rows)], forward(made, late))

    assert in_place > 0.2
    assert mean_ic(late.scores, late.realised) < in_place / 5


@pytest.mark.slow
def test_without_its_sign_nothing_is_foretold():
    """The same moves up or down by chance are noise, and noise is not found."""
    made = planted("the night's fall", seed=4, instruments=100, known=0.3, is_signed=False)

    assert abs(t_of(asked(made.panel, made.decisions))) < T_99


@pytest.mark.slow
def test_returns_of_other_instruments_are_not_found(monkeypatch):
    """With each week's returns shuffled among the instruments there is nothing to learn, and nothing is found."""
    made = planted("the night's fall", seed=3, instruments=100, known=0.3)
    for module in (recipe, through_weeks):
        monkeypatch.setattr(module, "forward_returns", shuffled)

    assert abs(t_of(asked(made.panel, made.decisions))) < T_99


def forward(made: PlantedBars, found: Walked) -> Floats:
    """Give what the bars in their place returned in the weeks that were scored."""
    panel = made.panel
    returns = forward_returns(openings_of(panel, panel.instruments[:-1], panel.instruments[-1]), made.decisions)
    return returns[np.isin(made.decisions, found.rows)]


# --- in the soak ------------------------------------------------------------------------------------------------------


@pytest.mark.soak
@pytest.mark.parametrize("truth", TRUTHS)
def test_what_bars_foretell_is_found_at_the_size_it_is_used_at(truth):
    """Two hundred instruments, weeks to the end of the calendar, the usual parameters, a smaller truth: within a fifth."""
    usual = learning(retrain_weeks=4)
    shares = []
    for seed in range(4):
        made = planted(truth, seed=seed, instruments=200, known=0.15, last=SOAK_LAST)
        shares.append(share_found(made, asked(made.panel, made.decisions, usual)))

    assert np.mean(shares) > 0.8, shares


@pytest.mark.soak
def test_noise_in_bars_is_found_as_rarely_as_chance_has_it():
    """Of forty seeds at most five are significant at 5 %, one-sided: more would come by chance in 1 of 70 such counts."""
    found = [
        planted("the week's fall", seed=seed, instruments=60, known=0.3, is_signed=False) for seed in range(100, 140)
    ]
    told = [t_of(asked(made.panel, made.decisions)) for made in found]

    assert sum(t > T_95 for t in told) <= 5, told
    # Nor is it far too rare: something was measured.
    assert sum(t > 0 for t in told) in range(10, 31), told

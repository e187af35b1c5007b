"""The numbers of a backtest's report, each against another way to compute it, and silence where nothing can be told."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime
from itertools import pairwise
from statistics import NormalDist, mean, median, pstdev, stdev

import numpy as np
import pandas as pd
import pytest

from core.domain.backtest import Trial
from core.measures.luck import Shape
from core.measures.tearsheet import Against
from core.reporting.backtest_report import report_of
from core.reporting.measured import Absent, decimal, percent
from core.reporting.power import Coefficients
from core.reporting.tracks import Span
from core.reporting.verdict import Interval
from tests.unit.reporting.backtests import ORIGIN, cut, made, track

BACKTEST = made(600, 24, edge=0.05)
REPORT = report_of(BACKTEST)
OURS = [float(one) for one in BACKTEST.main.equity]
THEIRS = [float(one) for one in BACKTEST.baselines[0].equity]
RETURNS = [after / before - 1 for before, after in pairwise(OURS)]
BENCHMARK = [after / before - 1 for before, after in pairwise(THEIRS)]
SESSIONS = BACKTEST.sessions.astype(object).tolist()
DAYS = (SESSIONS[-1] - SESSIONS[0]).days


def near(value):
    """Compare with what another way gives."""
    return pytest.approx(value, rel=1e-9)


def test_returns_and_ratios_are_those_of_their_definitions():
    """From plain sums over the sessions: 365 days for the return, 252 sessions for ratios, n - 1 for deviations."""
    told = REPORT.tracks[0]
    below = math.sqrt(mean(min(one, 0) ** 2 for one in RETURNS))

    a_year = (OURS[-1] / OURS[0]) ** (365 / DAYS) - 1
    assert (told.name, told.end, told.whole) == ("ranker", OURS[-1], near(OURS[-1] / OURS[0] - 1))
    assert told.a_year == near(a_year)
    assert told.volatility == near(stdev(RETURNS) * math.sqrt(252))
    assert told.sharpe == near(mean(RETURNS) / stdev(RETURNS) * math.sqrt(252))
    assert told.sortino == near(mean(RETURNS) / below * math.sqrt(252))
    assert not isinstance(told.drawdowns, Absent)
    assert told.calmar == near(a_year / -float(told.drawdowns[0].depth))


def test_the_deepest_drawdown_has_its_days():
    """Found by looking at each pair of a high and a later close."""
    told = REPORT.tracks[0].drawdowns
    assert not isinstance(told, Absent)
    highs = [max(range(at + 1), key=lambda one: (OURS[one], -one)) for at in range(len(OURS))]
    trough = min(range(len(OURS)), key=lambda at: OURS[at] / OURS[highs[at]])
    later = [at for at in range(trough, len(OURS)) if OURS[at] >= OURS[highs[trough]]]

    assert float(told[0].depth) == near(OURS[trough] / OURS[highs[trough]] - 1)
    assert (told[0].peak, told[0].trough) == (SESSIONS[highs[trough]], SESSIONS[trough])
    assert told[0].recovered == (SESSIONS[later[0]] if later else None)


def test_turnover_cost_and_exposure_are_sums_a_year():
    """Shares of the equity before each session, over the years of 365 days; exposure and positions are means."""
    told, main = REPORT.tracks[0], BACKTEST.main
    drag = sum(main.cost[at] / OURS[at - 1] for at in range(1, len(OURS)))
    income = sum(main.income[at] / OURS[at - 1] for at in range(1, len(OURS)))

    assert told.turnover == near(sum(main.turnover[1:]) * 365 / DAYS)
    assert (told.cost_drag, told.income) == (near(drag * 365 / DAYS), near(income * 365 / DAYS))
    assert (told.invested, told.positions) == (near(mean(main.invested)), near(15.0))
    by_year = {one.year: one for one in REPORT.trading}
    rows = [at for at in range(1, len(OURS)) if SESSIONS[at].year == 2020]
    assert sorted(by_year) == [2019, 2020, 2021]
    assert by_year[2020].cost == near(sum(main.cost[at] for at in rows))
    assert by_year[2020].turnover == near(sum(main.turnover[at] for at in rows))
    assert by_year[2020].cost_drag == near(sum(main.cost[at] / OURS[at - 1] for at in rows))
    assert by_year[2020].income == near(sum(main.income[at] for at in rows))
    assert by_year[2020].invested == near(mean(main.invested[at] for at in rows))


def test_weeks_lie_between_the_closes_of_decisions():
    """The best, the worst and the share ahead of the benchmark, from closes five sessions apart and a last part."""
    told = REPORT.tracks[0]
    rows = [*range(0, 600, 5), 599]
    ours = [OURS[after] / OURS[before] - 1 for before, after in pairwise(rows)]
    theirs = [THEIRS[after] / THEIRS[before] - 1 for before, after in pairwise(rows)]
    best, worst = ours.index(max(ours)), ours.index(min(ours))

    assert told.best == Span(SESSIONS[rows[best]], SESSIONS[rows[best + 1]], near(max(ours)))
    assert told.worst == Span(SESSIONS[rows[worst]], SESSIONS[rows[worst + 1]], near(min(ours)))
    assert told.weeks_ahead == near(sum(one > other for one, other in zip(ours, theirs, strict=True)) / 120)


def test_tails_and_what_ours_is_beside_the_benchmark():
    """By pandas: the quantile and the mean below it, skew and kurtosis of the population, slope and correlation."""
    told = REPORT.tracks[0]
    ours, theirs = pd.Series(RETURNS), pd.Series(BENCHMARK)
    z = (ours - ours.mean()) / pstdev(RETURNS)
    difference = ours - theirs

    assert not isinstance(told.tail, Absent)
    assert told.tail.edge == near(ours.quantile(0.05))
    assert told.tail.mean == near(ours[ours <= ours.quantile(0.05)].mean())
    assert (told.tail.worst.value, told.tail.worst.last) == (near(ours.min()), SESSIONS[int(ours.argmin()) + 1])
    assert told.shape == Shape(599, near(ours.mean() / ours.std()), near((z**3).mean()), near((z**4).mean()))
    assert told.against == Against(
        near(ours.cov(theirs) / theirs.var()),
        near(ours.corr(theirs)),
        near(difference.std() * math.sqrt(252)),
        near(difference.mean() / difference.std() * math.sqrt(252)),
    )


def test_months_and_years_are_those_of_their_last_closes():
    """By pandas' own periods; the benchmark's years beside ours."""
    series = pd.Series(OURS, index=pd.DatetimeIndex(BACKTEST.sessions))
    months = pd.concat([series.iloc[:1], series.resample("ME").last()]).pct_change().iloc[1:]
    assert not isinstance(REPORT.months, Absent)
    told = {(row.year, at + 1): one for row in REPORT.months for at, one in enumerate(row.months) if one is not None}

    assert list(told) == [(day.year, day.month) for day in months.index]
    assert list(told.values()) == near(months.tolist())
    other = pd.Series(THEIRS, index=series.index)
    years = [pd.concat([one.iloc[:1], one.resample("YE").last()]).pct_change().iloc[1:] for one in (series, other)]
    assert [row.year for row in REPORT.years] == [2019, 2020, 2021]
    assert [row.returns[0] for row in REPORT.years] == near(years[0].tolist()) == [row.whole for row in REPORT.months]
    assert [row.excess for row in REPORT.years] == near((years[0] - years[1]).tolist())


def test_lines_are_what_is_drawn():
    """Growth from one, the fall at each close, and the last year's ratio of the last session."""
    line = REPORT.lines[0]

    assert (line.growth[0], line.growth[-1]) == (1.0, near(OURS[-1] / OURS[0]))
    assert line.drawdown[-1] == near(OURS[-1] / max(OURS) - 1)
    assert line.rolling[-1] == near(mean(RETURNS[-252:]) / stdev(RETURNS[-252:]) * math.sqrt(252))
    assert np.isnan(line.rolling[:252]).all()
    assert not np.isnan(line.rolling[252])


def test_coefficients_are_those_of_pandas():
    """Each week's correlation, plain and of ranks; their mean, deviation, ratio, and mean of 26 weeks."""
    power = REPORT.power
    pairs = [(pd.Series(one), pd.Series(other)) for one, other in zip(BACKTEST.scores, BACKTEST.realised, strict=True)][
        :-1
    ]
    plain = [one.corr(other) for one, other in pairs]
    ranked = [one.rank().corr(other.rank()) for one, other in pairs]

    assert power.ic[:-1].tolist() == near(plain)
    assert power.rank_ic[:-1].tolist() == near(ranked)
    assert math.isnan(power.rank_ic[-1])
    ratio = mean(ranked) / stdev(ranked)
    assert power.of_rank_ic == Coefficients(
        119,
        near(mean(ranked)),
        near(stdev(ranked)),
        near(ratio),
        near(ratio * math.sqrt(119)),
        near(sum(one > 0 for one in ranked) / 119),
    )
    assert power.rolling[30] == near(mean(ranked[5:31]))
    assert power.rolling[-1] == near(mean(ranked[-25:]))
    assert np.isnan(power.rolling[:25]).all()


def test_fifths_are_cut_by_rank():
    """By pandas' cut of the ranks' middles into five; the mean of the weeks, the spread, and how often it is positive."""
    power = REPORT.power
    weeks = []
    for scores, realised in zip(BACKTEST.scores[:-1], BACKTEST.realised[:-1], strict=True):
        into = pd.cut((pd.Series(scores).rank() - 0.5) / 24, [0, 0.2, 0.4, 0.6, 0.8, 1], labels=False, right=False)
        weeks.append(pd.Series(realised).groupby(into).mean())
    means = pd.DataFrame(weeks).mean()
    spread = pd.Series([one[4] - one[0] for one in weeks])

    assert list(power.quantiles) == near(means.tolist())
    assert power.spread == near(spread.mean())
    assert power.spread_t == near(spread.mean() / spread.std() * math.sqrt(119))
    assert power.spread_positive == near((spread > 0).mean())
    assert power.monotonicity == near(means.rank().corr(pd.Series([0.0, 1, 2, 3, 4], index=means.index)))


def test_sectors_sum_what_was_held():
    """What was held after each decision by name, largest on average first; what has none is told so."""
    sectors = REPORT.sectors
    frame = pd.DataFrame(BACKTEST.held).T.groupby(list(BACKTEST.sectors)).sum().T.rename(columns={"": "not told"})

    assert sorted(sectors.names) == sorted(frame.columns)
    assert list(sectors.mean) == near(frame.mean().sort_values(ascending=False).tolist())
    for at, name in enumerate(sectors.names):
        assert sectors.weights[:, at].tolist() == near(frame[name].tolist())
        assert sectors.most[at] == near(frame[name].max())


def test_the_turnover_limit_is_told():
    """In how many decisions it bound, and what share of the wanted weights was not held: by sums over each decision."""
    told = REPORT.turnover_limit
    shares = []
    for wanted, held in zip(BACKTEST.weights.tolist(), BACKTEST.held.tolist(), strict=True):
        missing = [max(one - other, 0.0) for one, other in zip(wanted, held, strict=True)]
        shares.append(sum(missing) / sum(wanted))

    assert (told.decisions, told.bound) == (120, 40)
    assert told.undone == near(mean(shares))
    assert 0.2 < mean(shares) < 0.8


def test_a_decision_that_was_never_executed_is_not_measured():
    """Where the range ends with it, neither sectors nor what was not held count it; nor does a week that wanted nothing."""
    held, weights = np.array(BACKTEST.held), np.array(BACKTEST.weights)
    held[-1], weights[0] = np.nan, 0.0
    report = report_of(replace(BACKTEST, held=held, weights=weights))
    idle = report_of(replace(BACKTEST, weights=np.zeros_like(weights)))
    missing = np.maximum(weights[1:-1] - held[1:-1], 0.0).sum(axis=1) / weights[1:-1].sum(axis=1)

    assert len(report.sectors.weeks) == len(report.sectors.weights) == 119
    assert sum(report.sectors.mean) == near(held[:-1].sum(axis=1).mean())
    assert report.turnover_limit.undone == near(missing.mean())
    assert report.turnover_limit.decisions == 120
    assert idle.turnover_limit.undone == Absent("no decision wanted anything")


def test_the_worst_weeks_add_up():
    """Ours is the benchmark's, plus what the holdings did beside it, plus a rest; the costliest holdings stand first."""
    assert not isinstance(REPORT.worst, Absent)
    assert [one.ours for one in REPORT.worst] == sorted(one.ours for one in REPORT.worst)
    for week in REPORT.worst:
        row, end = SESSIONS.index(week.first), SESSIONS.index(week.last)
        products = {
            name: weight * excess
            for name, weight, excess in zip(
                BACKTEST.instruments, BACKTEST.held[row // 5], BACKTEST.realised[row // 5], strict=True
            )
            if weight
        }
        assert week.ours == near(OURS[end] / OURS[row] - 1)
        assert week.benchmark == near(THEIRS[end] / THEIRS[row] - 1)
        assert week.holdings == near(sum(products.values()))
        assert isinstance(week.benchmark, float)
        assert isinstance(week.rest, float)
        assert week.benchmark + week.holdings + week.rest == near(week.ours)
        costly = sorted((one, name) for name, one in products.items() if one < 0)[:4]
        assert [(part.share, part.instrument) for part in week.parts] == [(near(one), name) for one, name in costly]
        by_market, by_holdings = week.benchmark <= week.ours / 2, week.holdings <= week.ours / 2
        expected = {
            (True, True): "the market and the holdings",
            (True, False): "the market",
            (False, True): "the holdings",
        }
        assert week.mostly == expected.get((by_market, by_holdings), "several together")


def test_random_ranks_stand_beside_ours():
    """Median, 95th percentile and share below, by sorting; the median's return a year and Sharpe ratio."""
    luck, ours = REPORT.luck, OURS[-1] / OURS[0] - 1
    whole, sharpes = sorted(BACKTEST.luck[:, 0].tolist()), BACKTEST.luck[:, 1].tolist()

    assert luck.random_median == near(median(whole))
    # The place of the 95th percentile among 200 is 0.95 x 199.
    assert luck.edge == near(whole[189] + 0.05 * (whole[190] - whole[189]))
    assert luck.beaten == near(sum(one < ours for one in whole) / 200)
    assert luck.beaten_sharpe == near(sum(one < mean(RETURNS) / stdev(RETURNS) for one in sharpes) / 200)
    assert REPORT.random.seeds == 200
    assert REPORT.random.a_year == near((1 + median(whole)) ** (365 / DAYS) - 1)
    assert REPORT.random.sharpe == near(median(sharpes) * math.sqrt(252))


def test_no_place_by_sharpe_ratio_is_told_below_zero():
    """Of losses, the one at more risk has the higher ratio: where ours or the median is one, no place is told; zero is none."""
    below = replace(BACKTEST, luck=BACKTEST.luck - [0.0, 0.1])
    edge = replace(BACKTEST, luck=BACKTEST.luck * [1.0, 0.0])
    falling = replace(BACKTEST, main=track("ranker", OURS[::-1]))
    lost = [before / after - 1 for before, after in pairwise(OURS)]

    for backtest, whose, sharpe in (
        (below, "the median of random ranks", median(BACKTEST.luck[:, 1]) - 0.1),
        (falling, "ours", mean(lost) / stdev(lost)),
    ):
        told = report_of(backtest).luck.beaten_sharpe
        assert isinstance(told, Absent)
        assert told.why.startswith(f"the Sharpe ratio of a session is {sharpe:.4f} for {whose}; below zero more risk")
    assert report_of(edge).luck.beaten_sharpe == 1.0


def test_the_sharpe_ratio_is_deflated_by_all_that_was_asked():
    """Three logged trials and this one; the same asked again is one trial, whose last result counts."""
    again = Trial(
        datetime(2026, 2, 1, tzinfo=UTC),
        BACKTEST.trials[0].asked,
        "ranker",
        date(2019, 1, 4),
        date(2021, 4, 22),
        600,
        0.05,
    )
    luck = report_of(replace(BACKTEST, trials=(again, *BACKTEST.trials))).luck
    shape = REPORT.tracks[0].shape
    assert isinstance(shape, Shape)
    spread = stdev([0.05, 0.01, 0.02, shape.sharpe])
    z = NormalDist().inv_cdf
    best = spread * ((1 - 0.5772156649) * z(1 - 1 / 4) + 0.5772156649 * z(1 - 1 / (4 * math.e)))
    under = 1 - shape.skewness * shape.sharpe + (shape.kurtosis - 1) / 4 * shape.sharpe**2

    assert (luck.trials, luck.variance) == (4, near(spread**2))
    assert luck.best == pytest.approx(best)
    assert luck.probabilistic == near(NormalDist().cdf(shape.sharpe * math.sqrt(598 / under)))
    assert luck.deflated == pytest.approx(NormalDist().cdf((shape.sharpe - best) * math.sqrt(598 / under)))


def test_a_logged_trial_of_the_same_question_is_this_one():
    """A backtest that stands in the log already is not counted beside itself."""
    own = replace(BACKTEST.trials[0], asked=ORIGIN.asked)

    assert report_of(replace(BACKTEST, trials=(own,))).luck.trials == 1
    assert report_of(replace(BACKTEST, trials=())).luck.best == 0.0


def test_intervals_hold_what_came():
    """Each interval's value is that of the headline; most of the resamples lie around it."""
    luck, (ours, theirs) = REPORT.luck, REPORT.tracks[:2]
    assert isinstance(ours.a_year, float)
    assert isinstance(theirs.a_year, float)

    for told, value in ((luck.a_year, ours.a_year), (luck.excess, ours.a_year - theirs.a_year)):
        assert isinstance(told, Interval)
        assert told.value == near(value)
        assert told.low < value < told.high
    assert isinstance(luck.sharpe, Interval)
    assert luck.sharpe.value == near(mean(RETURNS) / stdev(RETURNS))
    assert luck.block == near(599 ** (1 / 3))


def test_an_edge_is_found_and_named():
    """Scores that tell much of what comes pass every part of the rule."""
    verdict = report_of(made(900, 40, edge=0.3, seed=3)).verdict

    assert verdict.is_distinguishable
    assert all(one.is_passed for one in verdict.hurdles)
    assert verdict.sentence.startswith(
        "Distinguishable from luck: the deflated Sharpe ratio over 4 trials is 1.000, not below 0.95; "
    )


def test_no_edge_is_said_plainly():
    """Noise fails, and the sentence names each part that failed and no other; an interval that holds zero is one."""
    report = report_of(made(900, 40, edge=0.0, seed=4))
    verdict, excess = report.verdict, report.luck.excess

    assert isinstance(excess, Interval)
    assert excess.low < 0 < excess.high
    assert not verdict.hurdles[2].is_passed
    assert verdict.hurdles[2].words.endswith("a year, holds zero")
    assert not verdict.is_distinguishable
    assert verdict.sentence.startswith("Not distinguishable from luck: ")
    assert [one.words in verdict.sentence for one in verdict.hurdles] == [not one.is_passed for one in verdict.hurdles]


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_each_part_of_the_rule_can_fail_alone(failing):
    """Many trials, lucky random ranks, or a benchmark as good: each alone takes the verdict."""
    found = made(900, 40, edge=0.3, seed=3)
    spread = tuple(replace(found.trials[0], asked=f"{at:064x}", sharpe=0.5 * (-1) ** at) for at in range(40))
    changed = (
        replace(found, trials=spread),
        replace(found, luck=found.luck + 1e6),
        replace(found, baselines=(replace(found.main, name="SPY"), *found.baselines[1:])),
    )

    verdict = report_of(changed[failing]).verdict

    assert not verdict.is_distinguishable
    assert [one.is_passed for one in verdict.hurdles] == [at != failing for at in range(3)]


@pytest.mark.parametrize("sessions", [0, 1, 2, 6, 25, 61, 200])
def test_what_is_short_has_reasons_and_no_wild_number(sessions):
    """Of any length a report can be made; nothing in it is infinite or no number where a number is told."""
    report = report_of(cut(BACKTEST, sessions))

    assert not report.verdict.is_distinguishable
    assert all(math.isfinite(one) and abs(one) < 1e7 for one in numbers(report))
    assert isinstance(report.tracks[0].a_year, Absent)
    if sessions > 1:
        assert "less than 365 is not told a year" in report.tracks[0].a_year.why


def numbers(value):
    """Give each number that a report tells, those of its arrays left out."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from numbers(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from numbers(getattr(value, field.name))


def test_a_flat_curve_has_no_ratio():
    """Held in cash throughout: no risk to divide by, no drawdown, and the verdict says what is not computable."""
    nothing = np.zeros((120, 24))
    report = report_of(replace(BACKTEST, main=track("cash", np.full(600, 1000.0)), weights=nothing, held=nothing))
    told = report.tracks[0]

    assert (told.whole, told.a_year, told.volatility, told.drawdowns) == (0.0, 0.0, 0.0, ())
    assert told.sharpe == Absent("the returns do not vary; there is no risk to divide by")
    assert told.calmar == Absent("there was no drawdown to divide by")
    assert report.worst == ()
    assert report.sectors.names == ()
    assert "the deflated Sharpe ratio is not computable (the returns do not vary" in report.verdict.sentence


def test_what_is_owed_is_not_measured():
    """An equity below zero has no return; what it ended with is told, the day is named, and the others are whole."""
    equity = np.array(OURS)
    equity[300:] = -50.0
    report = report_of(replace(BACKTEST, main=replace(BACKTEST.main, equity=equity)))
    told = report.tracks[0]

    assert told.end == -50.0
    assert told.whole == told.sharpe == told.drawdowns == report.months == report.worst
    assert isinstance(told.whole, Absent)
    assert told.whole.why == f"the equity was -50.00 on {SESSIONS[300]}; returns need more than zero"
    assert np.isnan(report.lines[0].growth).all()
    assert report.tracks[1] == REPORT.tracks[1]
    assert report.trading == ()


def test_scores_that_tell_nothing_have_no_coefficient():
    """All equal, or all unknown: no week has one, and the reason counts them."""
    for scores in (np.ones((120, 24)), np.full((120, 24), np.nan)):
        power = report_of(replace(BACKTEST, scores=scores)).power

        assert (
            power.of_ic == power.of_rank_ic == Absent("0 weeks have a coefficient; 12 are the least that tell of them")
        )
        assert isinstance(power.spread, Absent)
        assert all(isinstance(one, Absent) for one in power.quantiles)


def test_the_same_backtest_gives_the_same_numbers():
    """Twice computed, twice the same, resamples included."""
    again = report_of(made(600, 24, edge=0.05))

    assert (again.tracks, again.verdict, again.worst) == (REPORT.tracks, REPORT.verdict, REPORT.worst)
    assert again.luck.excess == REPORT.luck.excess


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"baselines": ()}, "begin with the benchmark"),
        ({"scores": np.zeros((119, 24))}, r"scores has shape \(119, 24\)"),
        ({"luck": np.zeros((5, 3))}, r"luck has shape \(5, 3\)"),
        ({"sectors": ("Energy",)}, "sectors has shape"),
        ({"main": track("ranker", OURS[:-1])}, "equity of ranker has shape"),
        ({"weeks": BACKTEST.weeks + np.timedelta64(1, "D")}, "must be sessions of it"),
        ({"weeks": BACKTEST.weeks[::-1]}, "must be sessions of it"),
        ({"sessions": BACKTEST.sessions[::-1]}, "must ascend"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, says):
    """Each is named with its shape."""
    with pytest.raises(ValueError, match=says):
        report_of(replace(BACKTEST, **change))


def test_numbers_are_told_with_fixed_digits():
    """Minus zero is zero, thousands are apart, and what is not computable says so."""
    assert [percent(one) for one in (0.12345, -0.00001, 12.0)] == ["12.35 %", "0.00 %", "1,200.00 %"]
    assert [decimal(one, 1) for one in (-0.04, -0.06, 1234.0)] == ["0.0", "-0.1", "1,234.0"]
    assert percent(Absent("why")) == decimal(Absent("why")) == "not computable"

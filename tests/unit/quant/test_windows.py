"""Windows: nothing of the future in any of them, and every planted leak is seen."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.quant.parameters import RankerParameters, parameters_from
from core.quant.windows import Window, leaks, windows

USUAL = RankerParameters(features="any")
# A window that is exactly as late as it may be, with an embargo of one week.
EXACT = Window(range(40), range(42, 52), range(54, 55))

parameters = st.builds(
    lambda embargo, least, more, share, retrain: RankerParameters(
        features="any",
        embargo_weeks=embargo,
        weeks_min=2 * (embargo + 4) + least,
        window_weeks=2 * (embargo + 4) + least + more,
        validation_share=share,
        retrain_weeks=retrain,
    ),
    st.integers(0, 4),
    st.integers(0, 20),
    st.integers(0, 40),
    st.floats(0.05, 0.5),
    st.integers(1, 6),
)


def test_three_years_of_weeks_by_hand():
    """By the usual numbers: a year is needed, three are kept, a fifth validates, and two weeks lie between the parts."""
    found = windows(300, USUAL)

    assert found[0] == EXACT
    assert found[-1] == Window(range(141, 264), range(266, 297), range(299, 300))
    assert len(found) == 300 - 54
    assert len(windows(300, USUAL, first=60)) == len(found) - 60
    assert windows(54, USUAL) == ()


@given(parameters=parameters, weeks=st.integers(0, 150), first=st.integers(0, 20))
def test_no_window_knows_what_its_day_did_not(parameters, weeks, first):
    """For all parameters: labels end before the decision, purge and embargo lie between, and all weeks are there."""
    found = windows(weeks, parameters, first)

    for window in found:
        assert leaks(window, parameters) == ()
        # Week j ends at the open after decision j + 1, so it is known at decision j + 2 and not before.
        assert max(window.validate) + 2 + parameters.embargo_weeks == min(window.test)
        assert max(window.train) + 2 + parameters.embargo_weeks == min(window.validate)
        assert first <= min(window.train)
        assert parameters.weeks_min <= window.validate.stop - window.train.start <= parameters.window_weeks
    tested = [week for window in found for week in window.test]
    assert tested == list(range(tested[0], weeks)) if tested else weeks < first + parameters.weeks_min + 5


@given(parameters=parameters, weeks=st.integers(40, 150), more=st.integers(0, 30))
def test_a_window_hangs_on_no_later_week(parameters, weeks, more):
    """For all parameters: with more weeks the earlier windows are the same, but for how long the last one serves."""
    found, longer = windows(weeks, parameters), windows(weeks + more, parameters)[: len(windows(weeks, parameters))]

    assert [(one.train, one.validate, one.test[0]) for one in found] == [
        (one.train, one.validate, one.test[0]) for one in longer
    ]


@given(seed=st.integers(0, 1000))
def test_labels_are_known_by_sessions_too(seed):
    """For random weeks of one to five sessions: no label's last session comes after the close that it is used at."""
    lengths = np.random.Generator(np.random.PCG64(seed)).integers(1, 6, 80)
    rows = np.cumsum(lengths) - 1
    bare = dataclasses.replace(USUAL, embargo_weeks=0)

    for window in windows(80, bare):
        for learned, decided in (
            (window.train, window.validate),
            (window.train, window.test),
            (window.validate, window.test),
        ):
            ends = rows[np.array(learned) + 1] + 1
            assert ends.max() <= rows[decided[0]]


@pytest.mark.parametrize("embargo", [0, 1, 3])
@pytest.mark.parametrize(
    ("part", "weeks"),
    [
        *(("train", range(stop)) for stop in range(43, 60, 4)),
        *(("validate", range(46, stop)) for stop in range(56, 64, 3)),
        *(("validate", range(start, 52)) for start in range(0, 40, 9)),
        *(("test", range(start, 70)) for start in range(0, 52, 9)),
        ("train", range(40, 0, -1)),
        ("train", range(0, 40, 2)),
        ("train", range(0)),
        ("validate", range(0)),
        ("test", range(54, 54)),
    ],
)
def test_every_planted_leak_is_seen(part, weeks, embargo):
    """A label past the decision, past the validation, within the embargo, a part in another, and no proper weeks."""
    parameters = dataclasses.replace(USUAL, embargo_weeks=embargo)
    gap = 2 + embargo
    sound = Window(range(42 - gap + 1), range(42, 54 - gap + 1), range(54, 55))

    assert leaks(sound, parameters) == ()
    assert leaks(dataclasses.replace(sound, **{part: weeks}), parameters)


def test_one_week_more_is_a_leak():
    """Edge: the purge and the embargo to the week; one week more in any part is told with its week."""
    for later in (Window(range(41), EXACT.validate, EXACT.test), Window(EXACT.train, range(42, 53), EXACT.test)):
        assert len(leaks(later, USUAL)) == 1
    assert "ends with week 52" in leaks(Window(EXACT.train, range(42, 53), EXACT.test), USUAL)[0]


def test_parameters_are_read_from_the_policy():
    """Every key is read, whole numbers may stand for numbers, and what is given is what is used."""
    told = {field.name: getattr(USUAL, field.name) for field in dataclasses.fields(USUAL)}
    settings = {name: Decimal(str(value)) if isinstance(value, float) else value for name, value in told.items()}

    assert parameters_from(settings) == USUAL
    assert parameters_from({**settings, "l2": 1}).l2 == 1.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"windowweeks": 1}, "unknown parameters .'windowweeks'"),
        ({"window_weeks": None}, r"missing .'window_weeks \(156\)'"),
        ({"window_weeks": Decimal("3.5")}, "window_weeks was Decimal.'3.5'.; it must be a whole number"),
        ({"learning_rate": "fast"}, "learning_rate was 'fast'; it must be a number"),
        ({"objective": "binary"}, "objective was 'binary'; it must be one of"),
        ({"window_weeks": 51}, r"window_weeks was 51; it must be at least weeks_min \(52\)"),
        ({"weeks_min": 9}, "weeks_min was 9; with embargo_weeks 1 it must be at least 10"),
        ({"validation_share": Decimal(1)}, "validation_share was 1.0; it must be from 0.05 to 0.5"),
    ],
)
def test_wrong_parameters_are_refused(change, words):
    """Each message names the parameter, what it was, and what would be right."""
    told = {field.name: getattr(USUAL, field.name) for field in dataclasses.fields(USUAL)} | change
    settings = {
        name: Decimal(str(value)) if isinstance(value, float) else value
        for name, value in told.items()
        if value is not None
    }

    with pytest.raises(ValueError, match=words):
        parameters_from(settings)

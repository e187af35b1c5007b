"""Training: the same bytes from the same rows, bins that know no data, and nothing that a window may not see."""

from __future__ import annotations

import re
from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from core.quant.parameters import RankerParameters
from core.quant.ranker import Ranker
from core.quant.training import (
    CODES,
    GRADES,
    TrainingSet,
    fit_each,
    fitted_from_text,
    fitted_to_text,
    inputs_of,
    trainer,
)
from core.quant.windows import Window
from tests.unit.quant.planted import planted

SMALL = RankerParameters("any", trees_max=40, stop_after_trees=10, leaf_rows_min=50, learning_rate=0.2)
WINDOW = Window(range(2, 30), range(33, 42), range(45, 46))
LEARN = planted(11, weeks=50, instruments=40, known=0.3).learn


def raw(learn=LEARN):
    """Give the same features as plain numbers."""
    return TrainingSet(learn.features.astype(np.float64) ** 2, learn.labels, learn.names, is_ranked=False)


def fit(learn=LEARN, parameters=SMALL, window=WINDOW):
    """Fit one window."""
    (fitted,) = fit_each(learn, [window], parameters)
    return fitted


KINDS = [(LEARN, SMALL), (raw(), SMALL), (LEARN, replace(SMALL, objective="lambdarank", l2=1.0))]
KIND_NAMES = ["ranked", "raw", "lambdarank"]


@pytest.mark.parametrize(("learn", "parameters"), KINDS, ids=KIND_NAMES)
def test_the_same_rows_give_the_same_bytes(learn, parameters):
    """Fitted again from copies, alone or after another window: not a byte differs; another seed differs."""
    other = replace(WINDOW, train=range(1, 25))
    copy = TrainingSet(learn.features.copy(), learn.labels.copy(), learn.names, learn.is_ranked)

    again = list(fit_each(copy, [other, WINDOW], parameters))[1]

    assert again == fit(learn, parameters)
    assert fit(learn, replace(parameters, seed=8)).text != again.text


@pytest.mark.parametrize(("learn", "parameters"), KINDS, ids=KIND_NAMES)
def test_the_order_of_instruments_does_not_matter(learn, parameters):
    """Instruments in another order: the same model to the byte, made of the same inputs, and each keeps its score."""
    order = np.random.Generator(np.random.PCG64(3)).permutation(learn.labels.shape[1])
    turned = TrainingSet(learn.features[:, :, order], learn.labels[:, order], learn.names, learn.is_ranked)

    one, other = fit(learn, parameters), fit(turned, parameters)

    assert one == other
    scores = Ranker(one.text).predict(learn.features[:, 45])
    np.testing.assert_array_equal(Ranker(other.text).predict(turned.features[:, 45]), scores[order])


@pytest.mark.parametrize(("learn", "parameters"), KINDS, ids=KIND_NAMES)
def test_a_model_knows_nothing_outside_its_window(learn, parameters):
    """Whatever the weeks outside of train and validate hold, the purged ones too, no byte of the model hangs on it."""
    seen = np.zeros(len(learn.labels), dtype=bool)
    seen[[*WINDOW.train, *WINDOW.validate]] = True
    features, labels = learn.features.copy(), learn.labels.copy()
    features[:, ~seen] = np.flip(features[:, ~seen], axis=2)
    labels[~seen] = 1 - labels[~seen]

    assert fit(TrainingSet(features, labels, learn.names, learn.is_ranked), parameters) == fit(learn, parameters)


@pytest.mark.parametrize("objective", ["regression", "lambdarank"])
def test_one_binned_set_is_as_good_as_a_fresh_one(objective):
    """A model of rows taken from the set that was binned once is that of rows binned for its window, by the same bins."""
    parameters = replace(SMALL, objective=objective, l2=1.0)
    found = fit(LEARN, parameters)
    settings = {
        "objective": objective,
        "learning_rate": 0.2,
        "num_leaves": 8,
        "max_depth": 3,
        "min_data_in_leaf": 50,
        "lambda_l2": 1.0,
        "feature_fraction": 0.5,
        "seed": 7,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "min_data_in_bin": 1,
        "enable_bundle": False,
        "feature_pre_filter": False,
        "verbosity": -1,
        "metric": "l2" if objective == "regression" else "ndcg",
        "eval_at": [30],
    }
    grid = np.append(np.arange(CODES), np.nan)[:, None].repeat(6, axis=1)
    made = [lightgbm.Dataset(grid, params=settings).construct()]
    for weeks in (WINDOW.train, WINDOW.validate):
        at = LEARN.rows.of(weeks)
        labels, group = LEARN.rows.labels[at], None
        if objective == "lambdarank":
            labels, group = np.floor(labels * GRADES), LEARN.rows.sizes(weeks)
        made.append(lightgbm.Dataset(LEARN.rows.features[at], labels, group=group, reference=made[-1], params=settings))
    stop = lightgbm.early_stopping(10, verbose=False)
    booster = lightgbm.train(settings, made[1], 40, valid_sets=[made[2]], callbacks=[stop])

    scores = booster.predict(LEARN.features[:, 45].T, num_iteration=booster.best_iteration)
    assert found.trees == booster.best_iteration
    np.testing.assert_array_equal(Ranker(found.text).predict(LEARN.features[:, 45]), scores)


def test_bins_are_made_where_they_may_be():
    """Of codes: from the grid of all, whatever occurs. Of plain numbers: from what was learned from, and no more."""
    few = replace(LEARN, features=np.minimum(LEARN.features, 200))
    wild = raw()
    wild.features[0][list(WINDOW.validate)] *= 1000

    assert re.search(r"^feature_infos=(\[0:253\] ?)+$", fit(few).text, re.MULTILINE)
    infos = re.search(r"^feature_infos=\[(\S+):(\S+)\]", fit(wild).text, re.MULTILINE)
    told = wild.features[0][list(WINDOW.train)]
    assert infos is not None
    assert (float(infos[1]), float(infos[2])) == (np.nanmin(told), np.nanmax(told))


def test_the_text_tells_of_no_place_and_no_time():
    """One thread, no file's name, no machine: nothing in it could differ elsewhere on the same platform."""
    text = fit().text

    for line in ("[num_threads: 1]", "[deterministic: 1]", "[force_row_wise: 1]", "[seed: 7]", "[data: ]", "[valid: ]"):
        assert f"\n{line}\n" in text
    assert not re.search(r"20\d\d-\d\d|[/\\]", text)


def test_trees_after_the_best_are_not_kept():
    """What did not help where it was validated is not in the model."""
    noise = planted(12, weeks=50, instruments=40).learn

    fitted = fit(noise, replace(SMALL, trees_max=200))

    assert fitted.trees < 200
    assert fitted.text.count("\nTree=") == fitted.trees
    assert len(fitted.gains) == 6


def test_where_nothing_can_be_told_apart_all_score_the_same():
    """Labels that do not vary: one tree without a split, one score, no gain, and nothing measured rather than a zero."""
    flat = TrainingSet(LEARN.features, np.full(LEARN.labels.shape, 0.5), LEARN.names, is_ranked=True)

    fitted = fit(flat)

    assert (fitted.trees, set(fitted.gains)) == (1, {0.0})
    assert np.isnan(fitted.rank_ic)
    assert set(Ranker(fitted.text).predict(LEARN.features[:, 45]).tolist()) == {0.5}


def test_the_validation_is_measured_week_by_week():
    """A rank IC for each week that validated, by the scores of the model that is kept, over those with a label."""
    fitted = fit()

    assert len(fitted.rank_ics) == len(WINDOW.validate)
    assert fitted.rank_ic == pytest.approx(np.mean(fitted.rank_ics))
    assert fitted.rank_ic > 0.15
    assert fitted.rows == 28 * 40


def test_empty_weeks_and_unlabelled_instruments_teach_nothing():
    """A week without labels, an instrument without any feature: neither is a row, and the model is that of the rest."""
    features, labels = LEARN.features.copy(), LEARN.labels.copy()
    labels[5] = np.nan
    features[:, 7, 3] = np.nan
    learn = TrainingSet(features, labels, LEARN.names, is_ranked=True)

    assert fit(learn).rows == 28 * 40 - 40 - 1
    assert learn.rows.sizes(range(4, 9)).tolist() == [40, 40, 39, 40]
    assert learn.first_week == 0
    labels[:3] = np.nan
    assert TrainingSet(features, labels, LEARN.names, is_ranked=True).first_week == 3
    assert TrainingSet(features, labels * np.nan, LEARN.names, is_ranked=True).first_week is None


def test_too_few_rows_are_refused():
    """A window that cannot be split once is refused with what it has and what it takes."""
    with pytest.raises(ValueError, match=r"weeks 2 to 3 have 80 rows .* it takes 100 and 1"):
        fit(window=replace(WINDOW, train=range(2, 4)))


@pytest.mark.parametrize("wrong", [-1.0, 254.0, 3.5])
def test_what_is_no_code_is_refused(wrong):
    """Bins that were made without the data would not fit it."""
    features = LEARN.features.copy()
    features[2, 3, 4] = wrong

    with pytest.raises(ValueError, match="whole numbers from 0 to 253"):
        TrainingSet(features, LEARN.labels, LEARN.names, is_ranked=True)
    with pytest.raises(ValueError, match=r"features have shape \(6, 50, 40\); names and labels ask for \(1, 50, 40\)"):
        TrainingSet(features, LEARN.labels, ("one",), is_ranked=False)


def test_inputs_are_all_that_makes_a_model():
    """A change of a row in train or validate, of a name or a parameter, is another hash; one elsewhere is none."""
    told = {inputs_of(LEARN, WINDOW, SMALL)}
    for week, is_seen in ((2, True), (29, True), (30, False), (33, True), (41, True), (42, False), (45, False)):
        features, labels = LEARN.features.copy(), LEARN.labels.copy()
        features[0, week, 0] = labels[week, 0] = np.nan
        for learn in (replace(LEARN, features=features), replace(LEARN, labels=labels)):
            found = inputs_of(learn, WINDOW, SMALL)
            assert (found not in told) is is_seen
            told.add(found)
    for parameters in (replace(SMALL, seed=8), replace(SMALL, stop_after_trees=11), replace(SMALL, trees_max=41)):
        assert inputs_of(LEARN, WINDOW, parameters) not in told
    assert inputs_of(replace(LEARN, names=(*"abcdef",)), WINDOW, SMALL) not in told
    assert inputs_of(LEARN, WINDOW, replace(SMALL, hold_rank_multiple=5)) in told
    assert fit().inputs in told


def test_a_model_is_read_as_it_was_written():
    """To text and back is the same; anything else is refused."""
    fitted = fit()

    assert fitted_from_text(fitted_to_text(fitted)) == fitted
    for text in ("", "[1]\nx", '{"trees": 1}\nx'):
        with pytest.raises(ValueError, match=r"kept model|Expecting value"):
            fitted_from_text(text)
    assert trainer() == f"lightgbm {lightgbm.__version__}"


def test_contributions_add_up_to_the_score():
    """Each feature's part and what all start from are the score; the known feature counts most; no feature, no score."""
    features = LEARN.features[:, 45].copy()
    features[:, 5] = np.nan
    ranker = Ranker(fit().text)

    scores, parts = ranker.predict(features), ranker.contributions(features)

    assert np.isnan(scores[5])
    assert np.isnan(parts[5]).all()
    assert np.isfinite(np.delete(scores, 5)).all()
    np.testing.assert_allclose(parts.sum(axis=1), scores, atol=1e-12)
    assert np.nanmean(np.abs(parts), axis=0)[:-1].argmax() == 0
    assert ranker.features == LEARN.names
    np.testing.assert_array_equal(
        np.delete(ranker.predict(features), 5), ranker.predict(np.delete(features, 5, axis=1))
    )


def test_a_model_is_asked_for_its_own_features():
    """Another number of features is refused with both; of what is not finite nothing is known."""
    ranker = Ranker(fit(raw()).text)

    with pytest.raises(ValueError, match=r"shape \(5, 3\); the model asks for \(6, instruments\)"):
        ranker.predict(np.zeros((5, 3)))
    missing, endless = np.full((6, 2), 9.0), np.full((6, 2), 9.0)
    missing[1:3], endless[1:3] = np.nan, np.inf
    np.testing.assert_array_equal(ranker.predict(missing), ranker.predict(endless))

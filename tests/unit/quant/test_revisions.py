"""What each set of features gives, kept beside its revision: code that changes a value must raise it, for old models' sake."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.quant.feature_sets import FEATURE_SETS
from core.quant.features import features
from tests.unit.quant.test_features import random_bars

# Qlib's sets are told in float32; another processor may round the last digits of a sum otherwise.
NEAR = {"weekly": 1e-9, "alpha158": 1e-4, "workflow": 1e-4}


def told(of: np.ndarray, names: tuple[str, ...]) -> dict[str, list[float]]:
    """Give of each feature how many values there are, their mean, and the mean of their sizes."""
    counts = np.isfinite(of).sum(axis=(1, 2))
    means, sizes = np.nanmean(of, axis=(1, 2)), np.nanmean(np.abs(of), axis=(1, 2))
    return {name: [int(counts[at]), float(means[at]), float(sizes[at])] for at, name in enumerate(names)}


@pytest.mark.parametrize("feature_set", FEATURE_SETS, ids=lambda one: one.name)
def test_a_set_gives_what_its_revision_gave(feature_set, golden, request):
    """Other values under the same revision would let a model be asked that learned of others."""
    found = told(features(random_bars(20261121, 300, 6), feature_set), feature_set.names)
    name = f"features-{feature_set.name}.json"
    if request.config.getoption("--golden"):
        golden(name, json.dumps({"revision": feature_set.revision, "gives": found}, indent=1) + "\n")
    kept = json.loads((Path(__file__).parent / "golden" / name).read_text(encoding="utf-8"))

    assert kept["revision"] == feature_set.revision, f"make golden writes what revision {feature_set.revision} gives"
    assert list(found) == list(kept["gives"])
    near = NEAR[feature_set.name]
    other = [one for one in found if found[one] != pytest.approx(kept["gives"][one], rel=near, abs=1e-12)]
    assert other == [], f"raise the revision of {feature_set.name}: these are not what revision {kept['revision']} gave"


def test_a_revision_is_another_set_to_a_model():
    """The hash that a model keeps of its features moves with the revision."""
    first = FEATURE_SETS[0]

    assert replace(first, revision=first.revision + 1).hash != first.hash

"""The sets of features that a policy may name."""

from __future__ import annotations

from core.quant.alpha158 import ALPHA158, WORKFLOW
from core.quant.features import FeatureSet
from core.quant.weekly import WEEKLY

FEATURE_SETS = (WEEKLY, ALPHA158, WORKFLOW)


def feature_set(name: str) -> FeatureSet:
    """Give the set of a name; raises ValueError with the known names."""
    for one in FEATURE_SETS:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in FEATURE_SETS)
    raise ValueError(f"feature set {name} is not known; known are {known}")

"""docs/FEATURES.md tells of each feature what the registry holds."""

from __future__ import annotations

from core.quant.feature_sets import feature_set
from core.quant.features import FeatureSet
from tests.conftest import ROOT

HEAD = "| feature | group | formula | source | sessions | no value where |"


def rows_of(told: FeatureSet) -> list[str]:
    """Give a set's rows of the table."""
    return [
        f"| `{one.name}` | {one.group} | `{one.formula}` | {one.source} | {one.lookback} | {one.nan_rule} |".replace(
            "|r|", "\\|r\\|"
        )
        for one in told.features
    ]


def test_the_table_of_weekly_is_the_registry():
    """Row by row, in the order of the set."""
    page = (ROOT / "docs" / "FEATURES.md").read_text(encoding="utf-8").partition("## `weekly`")[2].partition("\n## ")[0]

    lines = page[page.index(HEAD) :].strip().split("\n")

    assert lines[2 : len(feature_set("weekly").features) + 2] == rows_of(feature_set("weekly"))
    assert not any(line.startswith("|") for line in lines[len(feature_set("weekly").features) + 2 :])

"""Interactive Brokers' words for a split, the same in its XML and its CSV but for capitals: one row, or old units and new."""

from __future__ import annotations

import re

from core.domain.statement import Named

SPLIT = re.compile(
    r"(?P<what>\S+\([A-Z0-9]+\) (?:SPLIT|Split) (?P<new>[1-9][0-9]{0,5}) (?:FOR|for) (?P<old>[1-9][0-9]{0,5})) "
    r"\((?P<symbol>[^,()]+), .*, (?P<isin>[A-Z0-9]+)\)"
)
HALF_A_SPLIT = "half of a split whose other half does not stand in the file"
OLD_UNITS = "the old units of a split that stands in a row of its own"


def instrument_of(found: re.Match[str]) -> Named:
    """Give the instrument whose units the row moves, as its words name it after the ratio."""
    return Named(found["symbol"], found["isin"])

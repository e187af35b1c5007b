"""A provider that told the past otherwise years later: each restatement is a finding with its ratio, never a silent change."""

from __future__ import annotations

import re
import sys

import pytest

from core.domain.instrument import Universe
from core.market_data.clean import clean_bars
from tests.real.catalogue import Catalogue
from tests.unit.market_data.making import instrument, rules

OLDER, NEWER = "eod/sp500_yahoo_2019vintage", "eod/sp500_yahoo"
# Median ratio of the closes told in 2019 to those of 2026, on the sessions that both tell.
RATIOS = {
    "AAPL": 4,
    "AMZN": 20,
    "AVGO": 10,
    "CMG": 50,
    "GE": 0.201,
    "GOOG": 20,
    "GOOGL": 20,
    "IBM": 1.046,
    "MMM": 1.196,
}
RATIOS |= {"NFLX": 10, "NVDA": 40, "ORLY": 15, "PFE": 1.054, "T": 1.324}


def test_a_vintage_of_2019_under_the_main_set_reports_what_was_restated(catalogue: Catalogue, new_york, capsys):
    """NVDA by 40, GE by 0.2, AAPL by 4: splits as splits, spin-offs as what they are; KO was not restated."""
    names = sorted({*RATIOS, "KO"})
    files = [one for folder in (OLDER, NEWER) for one in catalogue.read(folder).values() if one.bars is not None]
    universe = Universe(tuple(instrument(name) for name in names))

    gate = clean_bars(files, universe, rules(), sessions=new_york.tolist())

    told = {one.subject: one.message for one in gate.findings if "restated by" in one.message}
    with capsys.disabled():
        sys.stdout.write("\n" + "".join(f"  {name}: {words}\n" for name, words in sorted(told.items())))
    assert sorted(told) == sorted(RATIOS)
    for name, words in told.items():
        ratio = re.search(r"restated by x([0-9.]+)", words)
        assert ratio is not None
        assert float(ratio[1]) == pytest.approx(RATIOS[name], rel=5e-3), words
    used = dict(zip(gate.value.instruments, gate.value.basis, strict=True))
    assert {str(used[name]) for name in names} == {"split-adjusted as of 2026-03-13"}

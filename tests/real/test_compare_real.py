"""Three providers side by side: how many closes they tell alike, and that one which differs is found."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.domain.bars import Days, Parsed
from core.domain.instrument import Universe
from core.domain.panel import Defect
from core.market_data.clean import clean_bars
from tests.real.catalogue import Catalogue
from tests.unit.market_data.making import instrument, rules

pytestmark = [pytest.mark.shared, pytest.mark.slow]

SET, IBKR, STOOQ = "eod/sp500_yahoo", "eod/benchmarks/us_daily_ibkr.parquet", "stooq/bulk"
ORDER = ("yahoo", "ibkr", "stooq")


def told(files: list[Parsed], sessions: Days) -> tuple[list[str], list[Defect]]:
    """Clean files of all three; give what was compared and what disagrees."""
    names = sorted({name for one in files if one.bars is not None for name in set(one.bars.symbol.tolist())})
    universe = Universe(tuple(instrument(name) for name in names if name.isupper()))
    gate = clean_bars(files, universe, rules(source_order=ORDER), sessions=sessions.tolist())
    compared = [one.message for one in gate.findings if one.subject == "disagreement"]
    return compared, [one for one in gate.value.defects if one.check == "disagreement"]


def test_three_providers_agree_on_87_thousand_closes(shared: Path, new_york: Days, capsys):
    """IBKR rounds to a cent, Stooq adjusts for dividends too: none is apart by a percent; 2 % on one day is found."""
    catalogue = Catalogue(shared / "data")
    main, stooq = list(catalogue.read(SET).values()), list(catalogue.read(STOOQ).values())
    (ibkr,) = catalogue.read(IBKR).values()
    assert ibkr.bars is not None
    close = ibkr.bars.close.copy()
    at = int(np.flatnonzero((ibkr.bars.symbol == "AAPL") & (ibkr.bars.session == np.datetime64("2019-07-02")))[0])
    close[at] *= 1.02
    off = replace(ibkr, bars=replace(ibkr.bars, close=close))

    compared, apart = told([*main, ibkr, *stooq], new_york)
    _, found = told([*main, off], new_york)

    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(compared) + "\n")
    assert apart == []
    assert [words.partition(" closes")[0] for words in compared] == ["61910", "24956"]
    assert [(one.instrument, str(one.session)) for one in found] == [("AAPL", "2019-07-02")]

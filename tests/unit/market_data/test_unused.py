"""What is stored and not used is told: series without adjusted closes, and history that no bar is taken from."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from core.domain.bars import Basis
from core.market_data.clean import clean_bars
from tests.unit.market_data.making import RAW, parsed, rules, universe

NAN = float("nan")
FIRST = date(2024, 1, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(80)]
OLD, NEW = Basis("split-adjusted", date(2024, 3, 1)), Basis("split-adjusted", DAYS[-1])


def told(days, *, close=100.0, adj_close=None, **changes):
    """Give flat bars of one instrument."""
    adjusted = close if adj_close is None else adj_close
    return parsed([("AAPL", day, *[close] * 4, adjusted, 1000.0) for day in days], **changes)


def clean(*files, **changes):
    """Clean files for two instruments."""
    return clean_bars(files, universe("AAPL", "SPY"), rules(**changes), sessions=DAYS)


def notes(gate, subject):
    """Give what is said of a subject."""
    return [one.message for one in gate.findings if one.subject == subject]


@pytest.mark.parametrize("order", [("alphavantage", "yahoo"), ("yahoo", "alphavantage")])
def test_a_series_without_adjusted_closes_is_compared_and_not_used(order):
    """Raw prices of Alpha Vantage beside Yahoo's: the bars are Yahoo's, whoever stands first, and none is a defect."""
    gate = clean(
        told(DAYS, provider="alphavantage", basis=RAW, adj_close=NAN, file="av/raw.parquet"),
        told(DAYS, basis=RAW, file="main/prices.parquet"),
        source_order=order,
    )

    assert gate.value.provider == ("yahoo", "")
    assert gate.value.defects == ()
    why = "its closes are compared, and no bar is made of them"
    assert notes(gate, "adjusted_close") == [f"alphavantage: av (raw) tells no adjusted close of 1 instruments: {why}"]
    assert notes(gate, "disagreement") == ["80 closes of 1 instruments were compared with alphavantage: 0 disagree"]


def test_where_nobody_tells_adjusted_closes_there_are_no_bars():
    """The set is not made, and the provider is named."""
    gate = clean(told(DAYS, provider="ibkr", adj_close=NAN), source_order=("ibkr",))

    assert not gate.is_open
    assert "no file of ibkr holds a bar" in gate.findings[0].message


@pytest.mark.parametrize(("later", "is_told"), [(31, True), (30, False)])
def test_a_shorter_series_that_is_newer_is_used_alone_and_what_is_lost_is_told(later, is_told):
    """A fetch of some years beside an archive of more: the fetch counts, unmixed, and the archive's begin is named."""
    archive = told(DAYS[:70], close=400.0, basis=OLD, file="main/prices.parquet")
    fetched = told(DAYS[later:], basis=NEW, file="fetched/AAPL.json")

    gate = clean(archive, fetched)

    assert (gate.value.basis[0], gate.value.sessions[0].astype(object)) == (NEW, DAYS[later])
    assert set(gate.value.close[:, 0].tolist()) == {100.0}
    reason = "bars begin later than in files that are not used, for two adjustments are never mixed"
    where = f"AAPL {DAYS[later]} (2024-01-01 in yahoo main (split-adjusted as of 2024-03-01))"
    assert notes(gate, "history") == ([f"1 instruments: {reason}: {where}"] if is_told else [])
    assert any("restated by x4" in words for words in notes(gate, "AAPL"))


def test_an_archive_whose_past_no_longer_fits_is_told_with_both_counts():
    """One close is another than the ratio at the joint says: joining by it would be wrong there."""
    closes = np.full(70, 400.0)
    closes[40] = 380.0
    archive = parsed([("AAPL", day, *[close] * 5, 1000.0) for day, close in zip(DAYS, closes, strict=False)], basis=OLD)

    gate = clean(archive, told(DAYS[20:], basis=NEW, file="fetched/AAPL.json"))

    (words,) = [words for words in notes(gate, "AAPL") if "restated" in words]
    assert "restated by x4 from 2024-01-21 to 2024-03-10 (50 sessions); 1 of them by another factor" in words

"""Comparing with another provider: like with like, each disagreement a defect, and the count told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from core.domain.bars import Bars, Basis, Parsed
from core.market_data.clean import clean_bars
from core.market_data.quality import judge_panel
from tests.unit.market_data.making import RAW, SPLIT, parsed, rules, universe

DAYS = [date(2024, 1, 1) + timedelta(days=number) for number in range(40)]
WHOLE = Basis("total-return", date(2024, 2, 9))
CLOSES = [100.0 + number % 7 for number in range(40)]
OFF = 25
# Unlike any dividend, so that adjusted closes tell something else than closes.
PAID = np.where(np.arange(40) < 20, 0.9, 1.0)


def told(closes, *, provider="yahoo", basis=SPLIT, adj_close=None, name="AAPL", days=DAYS) -> Parsed:
    """Give flat bars of one instrument, with other adjusted closes where some are given."""
    symbol = f"{name.lower()}.us" if provider == "stooq" else name
    rows = [(symbol, day, *[close] * 5, 1000.0) for day, close in zip(days, closes, strict=True)]
    made = parsed(rows, provider=provider, basis=basis, file=f"{provider}/{name}")
    return made if adj_close is None else replace(made, bars=with_adjusted(made.bars, adj_close))


def with_adjusted(bars: Bars | None, adj_close) -> Bars:
    """Give bars with other adjusted closes."""
    assert bars is not None
    return replace(bars, adj_close=np.array(adj_close))


def clean(*files: Parsed, **changes):
    """Clean files for two instruments."""
    return clean_bars(files, universe("AAPL", "SPY"), rules(**changes), sessions=DAYS)


def apart(gate) -> list[date]:
    """Give the sessions of the disagreements."""
    return [defect.session for defect in gate.value.defects if defect.check == "disagreement"]


def slipped(closes, factor=1.02) -> list[float]:
    """Give closes one of which is off."""
    return [close * (factor if at == OFF else 1) for at, close in enumerate(closes)]


@pytest.mark.parametrize(("factor", "is_apart"), [(1.02, True), (0.98, True), (1.009, False)])
def test_a_close_that_two_sources_tell_otherwise_is_a_defect(factor, is_apart):
    """Beyond the policy's 100 bp, in other units or not; the bar stays, and both numbers are told."""
    theirs = [4 * close for close in slipped(CLOSES, factor)]
    gate = clean(told(CLOSES), told(theirs, provider="ibkr"), source_order=("yahoo", "ibkr"))

    assert apart(gate) == ([DAYS[OFF]] if is_apart else [])
    assert gate.value.close[OFF, 0] == CLOSES[OFF]
    assert [one.message for one in gate.findings if one.subject == "disagreement"] == [
        f"40 closes of 1 instruments were compared with ibkr: {int(is_apart)} disagree"
    ]
    if is_apart:
        (defect,) = gate.value.defects
        assert defect.detail == f"yahoo told 104, ibkr {4 * 104 * factor:.10g}; around it they agree"


def test_a_disagreement_leaves_the_instrument_out_and_the_report_counts_it():
    """The check of quality has the number, and the reason names the session."""
    files = [
        told(closes, name=name, provider=provider)
        for name, provider, closes in (
            ("AAPL", "yahoo", CLOSES),
            ("SPY", "yahoo", CLOSES),
            ("AAPL", "ibkr", slipped(CLOSES)),
        )
    ]
    panel = clean(*files, source_order=("yahoo", "ibkr")).value

    report = judge_panel(panel, universe("AAPL", "SPY"), rules(), DAYS[-1]).value
    (check,) = [one for one in report.checks if one.check == "other_source_disagrees"]

    assert (check.value, check.threshold, check.severity) == ("1 in 1 instruments", "at most 100 bp", "degrade")
    assert ("AAPL", f"other_source_disagrees: {DAYS[OFF]}") in report.excluded


def test_unlike_prices_are_compared_adjusted():
    """Raw or split-adjusted beside total-return: the adjusted closes agree, where the closes step at each dividend."""
    for basis in (SPLIT, RAW):
        own = told(CLOSES, basis=basis, adj_close=CLOSES * PAID)
        assert apart(clean(own, told(list(CLOSES * PAID), provider="stooq", basis=WHOLE))) == []
        off = told(slipped(CLOSES * PAID), provider="stooq", basis=WHOLE)
        assert apart(clean(own, off)) == [DAYS[OFF]]


def test_what_cannot_be_compared_is_not():
    """No adjusted closes, or told evening by evening in units of their own; a source that the policy does not name."""
    own, theirs = told(CLOSES, basis=RAW, adj_close=[np.nan] * 40), told(slipped(CLOSES), provider="stooq", basis=WHOLE)
    evenings = told(slipped(CLOSES), provider="ibkr")
    assert evenings.bars is not None
    evenings = replace(evenings, bars=replace(evenings.bars, known_on=np.array(DAYS, dtype="datetime64[D]")))
    whole = told(CLOSES, provider="stooq", basis=WHOLE)

    unknown = clean(told(CLOSES), told(slipped(CLOSES), provider="ibkr"))
    bit_by_bit = clean(whole, evenings, source_order=("stooq", "ibkr"))

    assert apart(unknown) == apart(bit_by_bit) == []
    assert not [one for one in unknown.findings if one.subject == "disagreement"]
    assert "0 closes of 0 instruments were compared with ibkr: 0 disagree" in [
        one.message for one in bit_by_bit.findings
    ]
    # A bar without an adjusted close is no bar, so that nothing of it is compared either.
    assert apart(clean(own, theirs, source_order=("stooq", "yahoo"))) == []


def test_of_one_provider_the_series_that_goes_on_longest_is_compared():
    """An older download that ended earlier says nothing more."""
    old = told(slipped(CLOSES)[:30], provider="ibkr", days=DAYS[:30], basis=Basis("split-adjusted", DAYS[29]))
    new = told(CLOSES, provider="ibkr", basis=Basis("split-adjusted", DAYS[39]))

    for files in ((old, new), (new, old)):
        assert apart(clean(told(CLOSES), *files, source_order=("yahoo", "ibkr"))) == []


def test_a_file_without_a_bar_of_the_universe_says_nothing():
    """Nothing is compared, and nothing is said."""
    gate = clean(told(CLOSES), told(CLOSES, provider="ibkr", name="OTHER"), source_order=("yahoo", "ibkr"))

    assert (apart(gate), gate.findings) == ([], ())


@pytest.mark.parametrize(("common", "is_apart"), [(4, False), (5, True)])
def test_few_common_sessions_say_nothing_of_the_units(common, is_apart):
    """From five closes on there is a median to compare with."""
    first = OFF - 3
    theirs = told(slipped(CLOSES)[first : first + common], provider="ibkr", days=DAYS[first : first + common])

    assert bool(apart(clean(told(CLOSES), theirs, source_order=("yahoo", "ibkr")))) is is_apart

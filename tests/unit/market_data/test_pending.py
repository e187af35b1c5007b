"""Pending actions: what takes effect between as-of and the execution session, on recorded splits and by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from core.domain.bars import Action, Basis
from core.domain.pending import PendingDividend, PendingSplit
from core.market_data.pending import not_in_basis, pending_actions, told_on_the_eve
from core.market_data.quality import judge_panel
from tests.unit.market_data.making import AS_OF, RAW, panel, rules, universe

# Ex-dates and ratios as the exchanges published them; NKE's dividend is of a few weeks before.
ACTIONS = (
    Action("yahoo", "NFLX", date(2015, 7, 15), Decimal(0), Decimal(7)),
    Action("yahoo", "SBUX", date(2015, 4, 9), Decimal(0), Decimal(2)),
    Action("yahoo", "NKE", date(2015, 12, 24), Decimal(0), Decimal(2)),
    Action("yahoo", "NKE", date(2015, 12, 3), Decimal("0.32"), Decimal(0)),
    Action("yahoo", "OTHER", date(2015, 7, 15), Decimal(1), Decimal(3)),
)
NAMES = {name: name for name in ("NFLX", "SBUX", "NKE")}


@pytest.mark.parametrize(
    ("name", "eve", "ex_date", "ratio"),
    [
        ("NFLX", date(2015, 7, 14), date(2015, 7, 15), 7),
        ("SBUX", date(2015, 4, 8), date(2015, 4, 9), 2),
        ("NKE", date(2015, 12, 23), date(2015, 12, 24), 2),
    ],
)
def test_a_split_of_the_execution_session_is_pending_on_its_eve_alone(name, eve, ex_date, ratio):
    """Decided on the eve and executed on the ex-date; a day earlier or later nothing is pending."""
    before, after = date.fromordinal(eve.toordinal() - 1), date.fromordinal(ex_date.toordinal() + 1)

    split = PendingSplit(ex_date, name, Decimal(ratio), "yahoo")
    assert pending_actions(ACTIONS, eve, ex_date, names=NAMES) == (split,)
    assert pending_actions(ACTIONS, before, eve, names=NAMES) == ()
    assert pending_actions(ACTIONS, ex_date, after, names=NAMES) == ()
    assert str(split) == f"split {ratio} on {ex_date} (yahoo)"


def test_dividends_and_splits_of_one_day_are_both_pending_and_once():
    """In the order of session and instrument; 1:1 and unknown symbols are nothing."""
    both = Action("yahoo", "NKE", date(2015, 12, 24), Decimal("0.16"), Decimal(2))
    plain = Action("yahoo", "SBUX", date(2015, 12, 24), Decimal(0), Decimal(1))

    found = pending_actions((*ACTIONS, both, plain), date(2015, 12, 23), date(2015, 12, 24), names=NAMES)

    assert found == (
        PendingDividend(date(2015, 12, 24), "NKE", Decimal("0.16"), "yahoo"),
        PendingSplit(date(2015, 12, 24), "NKE", Decimal(2), "yahoo"),
    )


def test_an_execution_that_is_not_later_is_refused():
    """It would ask for nothing and be told that nothing is pending."""
    with pytest.raises(ValueError, match="execution on 2015-07-14 is not after as-of 2015-07-14"):
        pending_actions(ACTIONS, date(2015, 7, 14), date(2015, 7, 14), names=NAMES)


SPLIT = PendingSplit(date(2024, 6, 11), "AAA", Decimal(7), "yahoo")
PAID = PendingDividend(date(2024, 6, 11), "BBB", Decimal("0.5"), "yahoo")


@pytest.mark.parametrize(
    ("basis", "is_out"),
    [
        (RAW, True),
        (Basis("split-adjusted", date(2024, 6, 10)), True),
        (Basis("split-adjusted", date(2024, 6, 11)), False),
    ],
)
def test_a_split_that_the_bars_do_not_know_leaves_the_instrument_out(basis, is_out):
    """Bars adjusted as of the ex-date are in the new units already; a dividend leaves nothing out."""
    bars = replace(panel(["AAA", "BBB", "SPY"], sessions=[date(2024, 6, 7), AS_OF]), basis=(basis,) * 3)

    report = judge_panel(
        bars, universe("AAA", "BBB", "SPY"), rules(excluded_max=Decimal(1)), AS_OF, pending=(SPLIT, PAID)
    ).value

    assert not_in_basis((SPLIT, PAID), bars) == ({"AAA": "split 7 on 2024-06-11 (yahoo)"} if is_out else {})
    assert report.excluded == ((("AAA", "ACTION_PENDING: split 7 on 2024-06-11 (yahoo)"),) if is_out else ())


@pytest.mark.parametrize(
    ("close", "adj_close", "words"),
    [
        (702.60, 100.37142, {"AAA": "split 7:1 at the next session, told on the eve"}),
        (66.29, 27.899832, {"AAA": "adj_close is 0.4209 of close at the next session, told on the eve"}),
        (128.71, 128.71, {}),
        (128.71, 128.39, {}),
    ],
)
def test_a_provider_that_adjusts_the_last_bar_tells_of_the_next_session(close, adj_close, words):
    """NFLX 7:1 on 2015-07-14 and EBAY's spin-off on 2015-07-17, as they were told; no split and a dividend tell nothing."""
    bars = replace(panel(["AAA"]), basis=(RAW,), knowledge="recorded")
    bars.close[-1], bars.adj_close[-1] = close, adj_close

    assert told_on_the_eve(bars, AS_OF) == words
    assert told_on_the_eve(replace(bars, knowledge="assumed"), AS_OF) == {}
    assert told_on_the_eve(bars, date(2024, 6, 9)) == {}

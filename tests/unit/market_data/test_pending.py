"""Pending actions: what takes effect between as-of and the execution session, on recorded splits and by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.domain.bars import Announcement, Basis, Parsed
from core.domain.pending import Announced, PendingDividend, PendingSplit
from core.market_data.knowledge import as_known
from core.market_data.pending import announced_actions, pending_actions, told_on_the_eve
from core.market_data.quality import judge_panel
from tests.unit.market_data.making import AS_OF, RAW, instrument, panel, rules, universe

TOLD = datetime(2015, 3, 19, 20, 5, tzinfo=UTC)


def split(day: date, name: str, ratio: int, *, known_at: datetime = TOLD, source: str = "person") -> Announced:
    """Give an announced split."""
    return Announced(known_at, PendingSplit(day, name, Decimal(ratio), source))


def dividend(day: date, name: str, amount: str, *, known_at: datetime = TOLD) -> Announced:
    """Give an announced dividend."""
    return Announced(known_at, PendingDividend(day, name, Decimal(amount), "person"))


# Ex-dates and ratios as the exchanges published them; NKE's dividend is of a few weeks before.
ANNOUNCED = (
    split(date(2015, 7, 15), "NFLX", 7),
    split(date(2015, 4, 9), "SBUX", 2),
    split(date(2015, 12, 24), "NKE", 2),
    dividend(date(2015, 12, 3), "NKE", "0.32"),
)


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

    pending = PendingSplit(ex_date, name, Decimal(ratio), "person")
    assert pending_actions(ANNOUNCED, eve, ex_date) == (pending,)
    assert pending_actions(ANNOUNCED, before, eve) == ()
    assert pending_actions(ANNOUNCED, ex_date, after) == ()
    assert str(pending) == f"split {ratio} on {ex_date} (person)"


def test_dividends_and_splits_of_one_day_are_both_pending_and_once():
    """In the order of session and instrument, however often they were told."""
    day = date(2015, 12, 24)
    again = split(day, "NKE", 2, known_at=TOLD + timedelta(days=1))

    found = pending_actions((again, dividend(day, "NKE", "0.16"), *ANNOUNCED), date(2015, 12, 23), day)

    assert found == (
        PendingDividend(day, "NKE", Decimal("0.16"), "person"),
        PendingSplit(day, "NKE", Decimal(2), "person"),
    )


def test_what_a_source_told_last_counts_and_may_take_back_what_it_told_before():
    """A ratio that was corrected, and a split and a dividend that were called off; another source's word stays."""
    eve, day, later = date(2015, 12, 23), date(2015, 12, 24), TOLD + timedelta(days=1)
    corrected = split(day, "NKE", 3, known_at=later)
    off = (split(day, "NKE", 1, known_at=later), dividend(day, "NKE", "0", known_at=later))
    told = (*ANNOUNCED, dividend(day, "NKE", "0.16"))

    assert pending_actions((corrected, *told), eve, day)[1] == corrected.action
    assert pending_actions((*off, *told), eve, day) == ()
    other = split(day, "NKE", 2, source="yahoo")
    assert pending_actions((*off, *told, other), eve, day) == (other.action,)


def test_an_execution_that_is_not_later_is_refused():
    """It would ask for nothing and be told that nothing is pending."""
    with pytest.raises(ValueError, match="execution on 2015-07-14 is not after as-of 2015-07-14"):
        pending_actions(ANNOUNCED, date(2015, 7, 14), date(2015, 7, 14))


def announcement(symbol: str, **changes: Any) -> Announcement:
    """Give a split as it was told, by the source's own symbol."""
    told: dict[str, Any] = {"source": "person", "split_ratio": Decimal(2), "dividend": None}
    return Announcement(symbol=symbol, session=date(2015, 4, 9), known_at=TOLD, **(told | changes))


def test_announcements_are_of_instruments_and_a_persons_unknown_one_is_a_finding():
    """Each source names an instrument in its own way; a row with both numbers is two actions."""
    held = universe("BRK", "KO")
    held = replace(
        held, instruments=(instrument("BRK", yahoo_symbol="BRK-B", stooq_symbol="BRK-B.US"), *held.instruments[1:])
    )
    files = [
        Parsed(announced=(announcement("BRK", dividend=Decimal("0.5")), announcement("SBUX"))),
        Parsed(announced=(announcement("BRK-B", source="yahoo"), announcement("OTHER", source="yahoo"))),
        Parsed(announced=(announcement("brk-b.us", source="stooq"),)),
    ]

    announced, findings = announced_actions(files, held)

    day = date(2015, 4, 9)
    assert [told.action for told in announced] == [
        PendingDividend(day, "BRK", Decimal("0.5"), "person"),
        *(PendingSplit(day, "BRK", Decimal(2), source) for source in ("person", "stooq", "yahoo")),
    ]
    assert [(one.severity, one.subject, one.message) for one in findings] == [
        ("warn", "SBUX", "announced for 2015-04-09, but SBUX is no instrument of the universe; it needs a row there")
    ]


def test_an_announcement_is_known_from_the_instant_at_which_it_was_told():
    """Not before, whether the panel says when its bars were known or not; and what lies beyond the last bar stays."""
    day = date(2024, 6, 11)
    bars = replace(panel(["AAA"]), announced=(split(day, "AAA", 7, known_at=datetime(2024, 6, 10, 22, tzinfo=UTC)),))

    for one in (bars, bars.between(None, date(2024, 6, 4))):
        assert as_known(one, datetime(2024, 6, 10, 21, 59, tzinfo=UTC)).announced == ()
        assert as_known(one, datetime(2024, 6, 10, 22, tzinfo=UTC)).announced == bars.announced
        assert as_known(one).announced == bars.announced


@pytest.mark.parametrize(
    ("basis", "is_out"),
    [
        (RAW, True),
        (Basis("split-adjusted", date(2024, 6, 10)), True),
        (Basis("split-adjusted", date(2024, 6, 11)), False),
    ],
)
def test_a_split_that_the_bars_do_not_know_leaves_the_instrument_out(basis, is_out):
    """Bars adjusted as of the ex-date or later are in the new units already; a dividend leaves nothing out.

    No bar is doubted: whoever holds the instrument can value it, and no share of the universe counts as unsound.
    """
    day, words = date(2024, 6, 11), "split 7 on 2024-06-11 (person)"
    bars = replace(panel(["AAA", "BBB", "SPY"], sessions=[date(2024, 6, 7), AS_OF]), basis=(basis,) * 3)
    bars = replace(bars, announced=(split(day, "AAA", 7), dividend(day, "BBB", "0.5")))

    report = judge_panel(bars, universe("AAA", "BBB", "SPY"), rules(), AS_OF, execution=day).value
    nowhere = judge_panel(bars, universe("AAA", "BBB", "SPY"), rules(), AS_OF).value

    assert report.excluded == ((("AAA", f"ACTION_PENDING: {words}"),) if is_out else ())
    assert report.pending_splits == ((("AAA", words),) if is_out else ())
    assert [action.instrument for action in report.pending] == ["AAA", "BBB"]
    assert (report.degraded, nowhere.excluded, nowhere.pending) == ((), (), ())


@pytest.mark.parametrize(
    ("close", "adj_close", "words"),
    [
        (702.60, 100.37142, {"AAA": "split 7:1 at the next session (told on the eve)"}),
        (66.29, 27.899832, {"AAA": "adj_close is 0.4209 of close at the next session (told on the eve)"}),
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
    assert told_on_the_eve(replace(bars, knowledge="assumed", recorded=("AAA",)), AS_OF) == words
    assert told_on_the_eve(bars, date(2024, 6, 9)) == {}

"""Quality: each check at its edge, on both sides, and exactly the planted fault is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.instrument import Universe
from core.domain.panel import Defect
from core.market_data.checks_bars import BAR_CHECKS
from core.market_data.checks_universe import EXCLUSION_CHECKS, UNIVERSE_CHECKS
from core.market_data.quality import judge_panel
from tests.unit.market_data.making import AS_OF, SESSIONS, instrument, rules, universe
from tests.unit.market_data.making import panel as unmoved

NAMES = [*(f"I{number:02}" for number in range(99)), "SPY"]
UNIVERSE_NAMES = {check.__name__ for check in (*UNIVERSE_CHECKS, *EXCLUSION_CHECKS)}
CHECK_NAMES = {*UNIVERSE_NAMES, *(check.name for check in BAR_CHECKS), "action_pending"}


def panel(names=NAMES, **changes):
    """Give a panel of flat bars that all move by a tenth of a percent on one session, as no price stands still for long."""
    moved = unmoved(names, **changes)
    for field in ("open", "high", "low", "close", "adj_close"):
        getattr(moved, field)[3] = 10.01
    return moved


def judge(given_panel=None, named=None, as_of=AS_OF, **changes):
    """Judge a panel of a hundred instruments."""
    return judge_panel(given_panel or panel(), named or universe(*NAMES), rules(**changes), as_of)


def without(given_panel, name, *rows, fields=("open", "high", "low", "close", "adj_close", "volume")):
    """Take bars of one instrument out of a panel."""
    arrays = {field: getattr(given_panel, field).copy() for field in fields}
    for array in arrays.values():
        array[list(rows), given_panel.column(name)] = np.nan
    return replace(given_panel, **arrays)


def blocked(gate):
    """Give the checks that closed the gate, each named `data` with the check as its subject."""
    assert all(finding.check == "data" for finding in gate.findings)
    failed = {one.check for one in gate.value.checks if not one.has_passed and one.severity != "note"}
    assert failed == {one.subject for one in gate.findings}
    return {finding.subject for finding in gate.findings if finding.severity == "block"}


def message(gate, check):
    """Give the words of one failed check."""
    return next(finding.message for finding in gate.findings if finding.subject == check)


def test_a_sound_panel_passes_every_check():
    """All checks are evaluated and told, each with value and threshold."""
    gate = judge()

    assert gate.is_open
    assert gate.value.has_passed
    assert {one.check for one in gate.value.checks} == CHECK_NAMES
    assert all(one.value and one.threshold and one.detail for one in gate.value.checks)
    assert gate.value.excluded == ()


def test_the_benchmark_must_have_a_bar_of_the_session():
    """Where no age is allowed, which is what ships."""
    gate = judge(without(panel(), "SPY", -1))

    assert blocked(gate) == {"benchmark_present", "benchmark_fresh"}
    assert message(gate, "benchmark_present") == "SPY has no bar of 2024-06-10; its last is of 2024-06-07"


@pytest.mark.parametrize(("missing", "is_open"), [(0, True), (2, True), (3, False)])
def test_the_age_that_the_policy_allows_the_benchmark_binds(missing, is_open):
    """With two sessions allowed, two are open and three are not; that the bar of as-of is absent is noted."""
    bars = without(panel(), "SPY", *range(len(SESSIONS) - missing, len(SESSIONS)))

    gate = judge(bars, benchmark_age_sessions_max=2)

    assert gate.is_open is is_open
    assert blocked(gate) == (set() if is_open else {"benchmark_fresh"})


@pytest.mark.parametrize(("missing", "most", "is_fresh"), [(2, 2, True), (3, 2, False), (0, 0, True), (1, 0, False)])
def test_the_benchmark_must_not_be_too_old(missing, most, is_fresh):
    """The age is counted in sessions: a weekend does not age it."""
    rows = range(len(SESSIONS) - missing, len(SESSIONS))

    gate = judge(without(panel(), "SPY", *rows), benchmark_age_sessions_max=most)

    assert ("benchmark_fresh" not in blocked(gate)) is is_fresh
    if not is_fresh:
        assert f"is {missing} sessions older than 2024-06-10; at most {most} are allowed" in message(
            gate, "benchmark_fresh"
        )


def test_a_panel_that_ends_early_is_as_old_as_the_weekdays_since():
    """All columns stale is stale: the panel's own last row is not taken for today."""
    gate = judge(as_of=AS_OF + timedelta(days=3), benchmark_age_sessions_max=2)

    assert {"benchmark_fresh", "coverage"} == blocked(gate)
    assert "is 3 sessions older than 2024-06-13" in message(gate, "benchmark_fresh")
    assert "have a bar of 2024-06-13 (the newest bars are of 2024-06-10); at least 98 %" in message(gate, "coverage")
    assert len(gate.value.excluded) == len(NAMES)


@pytest.mark.parametrize("names", [["AAPL"], []])
def test_a_benchmark_that_is_not_there_closes_the_gate(names):
    """Whether its column or the whole panel is missing."""
    gate = judge(panel(names), universe("AAPL", "SPY"))

    assert {"benchmark_present", "benchmark_fresh"} <= blocked(gate)


def test_coverage_is_open_at_the_limit_and_closed_below():
    """98 of 100 is enough, 97 is not, and the message says who is missing."""
    at_limit = without(without(panel(), "I00", -1), "I01", -1)
    below = without(at_limit, "I02", -1)

    assert judge(at_limit).is_open
    assert blocked(judge(below)) == {"coverage"}
    assert message(judge(below), "coverage") == (
        "97 of 100 instruments (97.0 %) have a bar of 2024-06-10; at least 98 % are needed: missing I00, I01, I02"
    )
    assert judge(below).value.excluded == tuple((name, "no bar of 2024-06-10") for name in ("I00", "I01", "I02"))


def test_coverage_counts_only_rows_of_the_universe_that_are_valid():
    """An instrument whose row ended yesterday is not missed, and is excluded with the reason."""
    rows = [instrument(name) for name in NAMES]
    rows[0] = instrument("I00", valid_to=AS_OF - timedelta(days=1))
    short = without(panel(), "I00", -1)

    gate = judge(short, Universe(tuple(rows)), coverage_min=Decimal(1))

    assert gate.is_open
    assert gate.value.excluded == (("I00", "its row of the universe does not count on 2024-06-10"),)


def test_a_universe_without_valid_rows_is_not_covered():
    """None of none is not all."""
    gate = judge(as_of=AS_OF, named=Universe((instrument("SPY", valid_to=date(2020, 1, 1)),)))

    assert blocked(gate) == {"coverage"}


@pytest.mark.parametrize(("most", "is_open"), [(0, False), (1, True)])
def test_duplicate_dates_up_to_the_limit(most, is_open):
    """A duplicate inside the panel counts, once."""
    defect = Defect(SESSIONS[2], "I07", "duplicate_date", "told more than once")
    gate = judge(panel(defects=(defect,)), duplicate_dates_max=most)

    assert gate.is_open is is_open
    if not is_open:
        assert blocked(gate) == {"duplicate_dates"}
        assert message(gate, "duplicate_dates") == "1 dates stand twice; at most 0 are allowed: I07 2024-06-05"


@pytest.mark.parametrize(("field", "number"), [("high", 9.99), ("low", 10.01), ("open", 11.0), ("close", 9.0)])
def test_a_bar_outside_low_to_high_closes_the_gate(field, number):
    """In the arrays themselves; adjusted close is no part of the bar."""
    given_panel = panel()
    getattr(given_panel, field)[1, 4] = number
    given_panel.adj_close[:] *= 0.3

    assert blocked(judge(given_panel)) == {"ohlc_consistent"}
    assert "I04 2024-06-04" in message(judge(given_panel), "ohlc_consistent")


@pytest.mark.parametrize("check", ["ohlc", "non_positive"])
def test_a_bar_that_cleaning_took_out_closes_the_gate(check):
    """The NaN that cleaning left is told by the defect, not hidden by it."""
    gate = judge(panel(defects=(Defect(SESSIONS[2], "I07", check, "was"),)))

    assert blocked(gate) == {{"ohlc": "ohlc_consistent", "non_positive": "positive_prices"}[check]}


@pytest.mark.parametrize(("price", "is_open"), [(0.0001, True), (0.0, False), (-1.0, False)])
def test_prices_are_positive(price, is_open):
    """The smallest step is a price, zero is none."""
    given_panel = panel()
    given_panel.adj_close[2, 3] = price

    assert blocked(judge(given_panel)) == (set() if is_open else {"positive_prices"})


def test_all_failing_checks_are_shown():
    """One closed check does not hide another."""
    given_panel = without(without(panel(), "SPY", -1), "I00", -1)
    given_panel.low[0, 5] = 11.0
    given_panel.adj_close[0, 6] = -1.0
    doubled = replace(given_panel, defects=(Defect(SESSIONS[0], "I09", "duplicate_date", "twice"),))

    blocking = {"benchmark_present", "benchmark_fresh", "coverage"}
    blocking |= {"duplicate_dates", "ohlc_consistent", "positive_prices"}
    assert blocked(judge(doubled, coverage_min=Decimal("0.99"))) == blocking


def test_what_degrades_leaves_an_instrument_out():
    """A warning that does not close the gate, the reason, and the name for whoever holds it."""
    gate = judge(without(panel(), "I07", 2))

    assert gate.is_open
    assert gate.value.excluded == (("I07", "missing_sessions: 2024-06-05"),)
    assert gate.value.degraded == ("I07",)
    (warning,) = gate.findings
    assert (warning.subject, warning.severity) == ("missing_sessions", "warn")
    assert warning.message == "left out: 1 sessions have no bar between an instrument's first and last: I07 2024-06-05"


def test_a_row_that_has_ended_does_not_hide_a_bad_bar():
    """What is held still must be sold, and not at a price that nobody believes."""
    rows = [instrument(name) for name in NAMES]
    rows[7] = instrument("I07", valid_to=AS_OF - timedelta(days=1))

    report = judge(without(panel(), "I07", 2), Universe(tuple(rows))).value

    words = "its row of the universe does not count on 2024-06-10; missing_sessions: 2024-06-05"
    assert (report.excluded, report.degraded) == ((("I07", words),), ("I07",))


def test_what_has_no_bar_of_as_of_is_not_called_degraded():
    """Its last price is old, not doubtful: the marks say so in words of their own."""
    gate = judge(without(panel(), "I07", 2, 5))

    assert gate.value.excluded == (("I07", "no bar of 2024-06-10"),)
    assert gate.value.degraded == ()


@pytest.mark.parametrize(("count", "is_open"), [(10, True), (11, False)])
def test_too_many_instruments_left_out_close_the_gate(count, is_open):
    """One in ten may be; beyond that the source is to blame."""
    broken = panel()
    for name in NAMES[:count]:
        broken = without(broken, name, 2)

    assert blocked(judge(broken)) == (set() if is_open else {"excluded_share"})
    assert len(judge(broken).value.excluded) == count


def test_a_degraded_benchmark_closes_the_gate():
    """It stands for the freshness of all."""
    assert blocked(judge(without(panel(), "SPY", 2))) == {"benchmark_sound"}


def test_what_a_person_accepted_is_not_looked_at_again():
    """That bar alone, for every check of bars."""
    broken = without(without(panel(), "I07", 2), "I08", 2)
    broken.low[1, 4] = 11.0

    gate = judge(broken, accepted_bars=("I04 2024-06-04", "I07 2024-06-05", "ZZZ 2024-06-05", "I08 2001-01-01"))

    assert gate.is_open
    assert [name for name, _ in gate.value.excluded] == ["I08"]


def test_looks_at_nothing_after_the_as_of_session():
    """A panel that goes on is refused, and the window of one is judged by itself."""
    fault = Defect(AS_OF, "I07", "duplicate_date", "twice")
    whole = without(panel(defects=(fault,)), "SPY", -1)

    with pytest.raises(ValueError, match="ends 2024-06-10, after as-of 2024-06-07"):
        judge(whole, as_of=SESSIONS[-2])
    assert judge(whole.window(SESSIONS[-2], 10), as_of=SESSIONS[-2]).is_open


@given(st.sets(st.sampled_from(NAMES[:-1]), max_size=6))
def test_coverage_is_open_exactly_while_enough_have_a_bar(gone):
    """For all sets of missing instruments."""
    short = panel()
    for name in gone:
        short = without(short, name, -1)

    assert judge(short).is_open == (len(gone) <= 2)

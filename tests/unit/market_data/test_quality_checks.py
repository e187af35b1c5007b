"""Checks of bars: each at the edge of its number, with the bar that it marks and no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from core.domain.bars import Basis
from core.domain.panel import Defect, Dividend, Panel, Split
from core.market_data.quality import bar_marks, judge_panel
from tests.unit.market_data.making import RAW, panel, rules, universe

WEEKDAYS = [day for day in (date(2024, 1, 1) + timedelta(days=number) for number in range(60)) if day.weekday() < 5]
SESSIONS = WEEKDAYS[:40]
NAMES = [*(f"I{number:02}" for number in range(11)), "SPY"]
FIELDS = ("open", "high", "low", "close", "adj_close")
# The instrument and the session that the tests break.
COLUMN, ROW = 3, 30


def bars() -> Panel:
    """Give bars that move a little every session, each instrument by itself, with a high and a low."""
    made = panel(NAMES, SESSIONS)
    at, column = np.meshgrid(np.arange(len(SESSIONS)), np.arange(len(NAMES)), indexing="ij")
    close = np.round(100 + 10 * np.sin(0.1 * at + column) + 0.01 * (at % 2), 2)
    volume = (1e6 + 1e4 * ((7 * at + column) % 11)).astype(np.float64)
    edge = 1 + 0.001 * (1 + (at + column) % 3)
    return replace(
        made, open=close, high=close * edge, low=close / edge, close=close, adj_close=close.copy(), volume=volume
    )


def scaled(*rows: Any, factor: float, fields: tuple[str, ...] = FIELDS) -> Panel:
    """Multiply prices of the one instrument on some rows."""
    made = bars()
    changed = {name: getattr(made, name).copy() for name in FIELDS}
    for name in fields:
        for at in rows:
            changed[name][at, COLUMN] *= factor
    return replace(made, **changed)


def marked(check: str, given: Panel, **changes: Any) -> list[int]:
    """Give the rows that a check marks, all of which must be of the one instrument."""
    lists = universe(*given.instruments)
    marks = bar_marks(given, lists, rules(digits_max=17, **changes), given.sessions[-1].astype(object))[check]
    assert not np.delete(marks, COLUMN, axis=1).any()
    return np.flatnonzero(marks[:, COLUMN]).tolist()


def with_volume(*rows: Any, volume: float) -> Panel:
    """Set the volume of the one instrument on some rows."""
    made = bars()
    for at in rows:
        made.volume[at, COLUMN] = volume
    return made


def test_the_bars_themselves_are_sound():
    """Otherwise nothing below would mean anything."""
    marks = bar_marks(bars(), universe(*NAMES), rules(digits_max=7), SESSIONS[-1])

    assert {check for check, cells in marks.items() if cells.any()} == set()


EDGES: list[tuple[str, dict[str, Any], Callable[[], Panel], list[int]]] = [
    ("missing_values", {}, lambda: scaled(ROW, factor=np.nan, fields=("open",)), [30]),
    ("missing_sessions", {}, lambda: scaled(ROW, 31, factor=np.nan), [30, 31]),
    ("missing_sessions", {}, lambda: scaled(slice(0, 5), slice(36, 40), factor=np.nan), []),
    ("impossible_volume", {}, lambda: with_volume(ROW, volume=-1), [30]),
    ("impossible_volume", {}, lambda: with_volume(ROW, volume=np.inf), [30]),
    ("impossible_volume", {}, lambda: with_volume(ROW, volume=0), []),
    ("missing_volume", {}, lambda: with_volume(ROW, volume=np.nan), [30]),
    ("missing_volume", {}, lambda: scaled(ROW, factor=np.nan), []),
    ("zero_volume", {}, lambda: with_volume(20, 39, volume=0), []),
    ("zero_volume", {}, lambda: with_volume(20, 21, 39, volume=0), [20, 21, 39]),
    ("zero_volume", {}, lambda: with_volume(19, 20, 39, volume=0), []),
    ("zero_volume", {"zero_volume_max": 0}, lambda: with_volume(ROW, volume=0), [30]),
    ("partial_bar", {}, lambda: with_volume(-1, volume=1.7e5), []),
    ("partial_bar", {}, lambda: with_volume(-1, volume=1.4e5), [39]),
    ("partial_bar", {}, lambda: with_volume(-2, volume=1.4e5), []),
    ("currency_slip", {}, lambda: scaled(ROW, factor=100), [30, 31]),
    ("currency_slip", {}, lambda: scaled(slice(ROW, None), factor=0.01), [30]),
    ("currency_slip", {}, lambda: scaled(ROW, factor=100, fields=("adj_close",)), [30, 31]),
    ("currency_slip", {}, lambda: scaled(ROW, factor=100, fields=("high",)), [30]),
    ("currency_slip", {}, lambda: scaled(ROW, factor=0.01, fields=("low",)), [30]),
    ("currency_slip", {}, lambda: scaled(slice(0, ROW), factor=50), []),
    ("unsmoothed_split", {}, lambda: scaled(slice(0, ROW), factor=7), [30]),
    ("unsmoothed_split", {}, lambda: scaled(slice(0, ROW), factor=0.125), [30]),
    ("unsmoothed_split", {}, lambda: scaled(slice(0, ROW), factor=7, fields=FIELDS[:4]), []),
    ("unexplained_jump", {}, lambda: scaled(slice(ROW, None), factor=1.37), []),
    ("unexplained_jump", {}, lambda: scaled(slice(ROW, None), factor=1.41), [30]),
    ("unexplained_jump", {}, lambda: scaled(slice(ROW, None), factor=1.41, fields=FIELDS[:4]), []),
    ("unexplained_jump", {}, lambda: scaled(slice(4, None), factor=1.8), []),
    ("unexplained_jump", {}, lambda: scaled(slice(5, None), factor=1.8), [5]),
    ("unexplained_jump", {}, lambda: scaled(slice(1, None), factor=2.4), [1]),
    ("factor_falls", {}, lambda: scaled(slice(ROW, None), factor=0.9996, fields=("adj_close",)), []),
    ("factor_falls", {}, lambda: scaled(slice(ROW, None), factor=0.9994, fields=("adj_close",)), [30]),
    ("factor_jump", {}, lambda: scaled(slice(0, ROW), factor=0.96, fields=("adj_close",)), []),
    ("factor_jump", {}, lambda: scaled(slice(0, ROW), factor=0.94, fields=("adj_close",)), [30]),
    ("odd_ratio", {}, lambda: scaled(slice(0, ROW), factor=1.281, fields=FIELDS[:4]), [30]),
    ("ticker_reuse", {}, lambda: gap(20, 19, 3.0), []),
    ("ticker_reuse", {}, lambda: gap(20, 20, 3.0), [30]),
    ("ticker_reuse", {}, lambda: gap(20, 20, 0.3), [30]),
    ("ticker_reuse", {}, lambda: gap(20, 20, 1.6), []),
    ("float_noise", {}, lambda: scaled(ROW, factor=1 + 5e-8, fields=("close",)), [30]),
]


def gap(stop: int, length: int, factor: float) -> Panel:
    """Take bars out before the row that the tests break, and put those before the gap in another price."""
    made = scaled(slice(0, ROW - length), factor=factor)
    for name in (*FIELDS, "volume"):
        getattr(made, name)[ROW - length : ROW, COLUMN] = np.nan
    return made


@pytest.mark.parametrize(("check", "changes", "make", "rows"), EDGES)
def test_a_check_marks_what_is_beyond_its_number(check, changes, make, rows):
    """At the number nothing, one step beyond the bar itself, in the one instrument."""
    given_digits = {"digits_max": 7} if check == "float_noise" else {}
    marks = bar_marks(make(), universe(*NAMES), rules(**changes, **given_digits), SESSIONS[-1])[check]

    assert np.argwhere(marks).tolist() == [[row, COLUMN] for row in rows]


@pytest.mark.parametrize(("count", "rows"), [(4, []), (5, [35]), (7, [35, 36, 37])])
def test_a_close_may_stand_still_for_four_sessions(count, rows):
    """The fifth session without a change is marked, and those after it."""
    made = bars()
    stop = ROW + 1 + count
    for name in FIELDS:
        getattr(made, name)[ROW:stop, COLUMN] = made.close[ROW, COLUMN]

    assert marked("unchanged_closes", made) == rows


def test_a_bar_told_again_is_found_at_once():
    """All four prices and the volume; another volume, or no range at all, is no repetition."""
    again, other = bars(), bars()
    for name in (*FIELDS, "volume"):
        getattr(again, name)[ROW, COLUMN] = getattr(again, name)[ROW - 1, COLUMN]
        getattr(other, name)[ROW, COLUMN] = getattr(other, name)[ROW - 1, COLUMN]
    other.volume[ROW, COLUMN] += 1

    assert marked("repeated_bars", again) == [30]
    assert marked("repeated_bars", other) == []


def test_a_jump_with_news_is_none_unless_it_is_beyond_any_news():
    """News is traded six times as much as usual; what is told, or what the whole market does, needs none."""
    jump, beyond = scaled(slice(ROW, None), factor=1.6), scaled(slice(ROW, None), factor=2.4)
    quiet, loud = 5.5e6, 6.9e6
    for made in (jump, beyond):
        made.volume[ROW, COLUMN] = loud / made.close[ROW, COLUMN] * 100
    market = bars()
    for name in FIELDS:
        getattr(market, name)[ROW:] *= 0.5

    assert marked("unexplained_jump", jump) == []
    assert marked("unexplained_jump", beyond) == [30]
    jump.volume[ROW, COLUMN] = quiet / jump.close[ROW, COLUMN] * 100
    assert marked("unexplained_jump", jump) == [30]
    assert marked("unexplained_jump", market) == []


def test_dividends_and_splits_explain():
    """A special dividend of a third, and in raw prices a split: neither is a jump, whoever smooths it."""
    third = replace(
        scaled(slice(0, ROW), factor=1.5, fields=FIELDS[:4]),
        dividends=(Dividend(SESSIONS[ROW], "I03", Decimal("50")),),
    )
    paid = replace(third, adj_close=third.adj_close * 1.0)
    paid.adj_close[:ROW, COLUMN] = paid.close[:ROW, COLUMN] * (1 - 50 / paid.close[ROW - 1, COLUMN])
    split = replace(
        scaled(slice(0, ROW), factor=7, fields=FIELDS[:4]),
        basis=(RAW,) * len(NAMES),
        splits=(Split(SESSIONS[ROW], "I03", Decimal(7)),),
    )
    unsmoothed = replace(split, adj_close=split.close)
    both = replace(split, adj_close=split.adj_close.copy(), dividends=(Dividend(SESSIONS[ROW], "I03", Decimal(10)),))
    both.adj_close[:ROW, COLUMN] *= 1 - 70 / split.close[ROW - 1, COLUMN]

    for check in ("unexplained_jump", "unsmoothed_split", "factor_jump", "odd_ratio", "factor_falls"):
        assert marked(check, paid) == []
        assert marked(check, split) == []
        assert marked(check, both) == []
    assert marked("dividends_agree", both) == []
    assert marked("factor_jump", unsmoothed) == [30]


def test_a_raw_column_whose_adj_close_alone_tells_of_a_split_is_sound():
    """As the provider of the evening tells it; a reverse split lets the factor fall only where it was told."""
    told = replace(scaled(slice(0, ROW), factor=7, fields=FIELDS[:4]), basis=(RAW,) * len(NAMES))
    reverse = scaled(slice(0, ROW), factor=0.125, fields=FIELDS[:4])
    known = replace(reverse, basis=(RAW,) * len(NAMES), splits=(Split(SESSIONS[ROW], "I03", Decimal("0.125")),))

    assert [marked(check, told) for check in ("odd_ratio", "factor_jump", "factor_falls")] == [[], [], []]
    assert marked("factor_falls", reverse) == [30]
    assert marked("factor_falls", known) == []


def test_a_told_ratio_that_is_no_split_is_a_finding():
    """GE's 1.281 of 2023 multiplies nothing."""
    known = replace(bars(), splits=(Split(SESSIONS[ROW], "I03", Decimal("1.281")),))

    assert marked("odd_ratio", known) == [30]


def test_a_dividend_and_its_step_must_agree():
    """Ten basis points apart are noted; a step of a dividend told ten times too high is more than a note."""
    close = bars().close[ROW - 1, COLUMN]
    near, far, slip, huge = (
        replace(
            scaled(slice(0, ROW), factor=1 - 1 / close, fields=("adj_close",)),
            dividends=(Dividend(SESSIONS[ROW], "I03", Decimal(amount)),),
        )
        for amount in ("1.09", "1.12", "10", "1000")
    )

    assert [marked("dividends_agree", one) for one in (near, far, slip, huge)] == [[], [30], [30], [30]]
    assert [marked("factor_jump", one) for one in (near, far, slip, huge)] == [[], [], [30], [30]]


def test_a_dividend_that_nobody_paid_is_found():
    """Told and adjusted for, and the price did not fall."""
    close = bars().close[ROW - 1, COLUMN]
    unpaid, small = (
        replace(
            scaled(slice(0, ROW), factor=1 - share, fields=("adj_close",)),
            dividends=(Dividend(SESSIONS[ROW], "I03", Decimal(f"{close * share:.6f}")),),
        )
        for share in (0.13, 0.11)
    )

    assert marked("unpaid_dividend", unpaid) == [30]
    assert marked("unpaid_dividend", small) == []


def test_what_cleaning_found_is_judged_by_its_name():
    """On the cell of the session; a day on which the exchange was closed counts at the next."""
    saturday = date(2024, 1, 20)
    checks = (
        "duplicate_date",
        "missing_value",
        "non_positive",
        "impossible_volume",
        "ohlc",
        "disagreement",
        "restatement",
    )
    found = [Defect(SESSIONS[ROW], "I03", check, "") for check in checks]
    told = replace(bars(), defects=tuple(sorted([*found, Defect(saturday, "I03", "non_session", "")])))

    names = ("duplicate_dates", "missing_values", "positive_prices", "impossible_volume", "ohlc_consistent")
    for check in (*names, "other_source_disagrees", "restated"):
        assert marked(check, told) == [30]
    assert marked("non_session_dates", told) == [SESSIONS.index(date(2024, 1, 22))]


def test_indices_may_leap_and_have_no_volume():
    """The index of volatility doubled on 2018-02-05; a slip of a hundred is a slip there too."""
    lists = universe(*NAMES)
    kinds = tuple(replace(row, kind="index") if row.id == "I03" else row for row in lists.instruments)
    leap = scaled(slice(ROW, None), factor=2.2)
    leap.volume[:, COLUMN] = 0

    marks = bar_marks(leap, replace(lists, instruments=kinds), rules(), SESSIONS[-1])

    assert not any(marks[check].any() for check in ("unexplained_jump", "unsmoothed_split", "zero_volume"))
    assert bar_marks(leap, lists, rules(), SESSIONS[-1])["zero_volume"][:, COLUMN].all()


@pytest.mark.parametrize(("kind", "is_out"), [("equity", True), ("etf", True), ("index", False), ("fx", False)])
def test_what_is_traded_on_an_exchange_must_have_a_volume(kind, is_out):
    """A share or a fund without one is left out with the reason; nobody counts the volume of an index or of a rate."""
    lists = universe(*NAMES)
    kinds = tuple(replace(row, kind=kind) if row.id == "I03" else row for row in lists.instruments)

    report = judge_panel(
        with_volume(ROW, volume=np.nan), replace(lists, instruments=kinds), rules(), SESSIONS[-1]
    ).value

    assert report.excluded == ((("I03", f"missing_volume: {SESSIONS[ROW]}"),) if is_out else ())


def test_bars_without_any_volume_close_the_gate():
    """Nobody can say whether the session is over: it is not passed over as not known."""
    gate = judge_panel(with_volume_of_none(), universe(*NAMES), rules(), SESSIONS[-1])

    assert {finding.subject for finding in gate.findings if finding.severity == "block"} >= {"excluded_share"}


def with_volume_of_none() -> Panel:
    """Take away all volumes."""
    made = bars()
    return replace(made, volume=np.full_like(made.volume, np.nan))


def test_a_bar_known_before_the_close_is_partial():
    """To the second, by session or by bar."""
    closes_at = datetime.combine(SESSIONS[-1], datetime.min.time(), UTC) + timedelta(hours=21)
    known = np.full((len(SESSIONS), len(NAMES)), np.datetime64(closes_at.replace(tzinfo=None), "s"))
    known[-1, COLUMN] -= np.timedelta64(1, "s")
    by_bar = bar_marks(replace(bars(), known_at=known), universe(*NAMES), rules(), SESSIONS[-1], closes_at=closes_at)
    whole = replace(bars(), known_at=known[:, COLUMN])
    by_session = bar_marks(whole, universe(*NAMES), rules(), SESSIONS[-1], closes_at=closes_at)

    assert np.argwhere(by_bar["partial_bar"]).tolist() == [[39, COLUMN]]
    assert by_session["partial_bar"][-1].all()


@pytest.mark.parametrize(("share", "is_open"), [(0.21, True), (0.18, False)])
def test_a_session_with_a_fifth_of_its_volume_is_unfinished(share, is_open):
    """The gate is closed by the median of all, and by single instruments only where they have hardly anything."""
    early = bars()
    early.volume[-1] = early.volume[-21:-1].mean(axis=0) * share

    gate = judge_panel(early, universe(*NAMES), rules(), SESSIONS[-1])

    assert gate.is_open is is_open
    assert [finding.subject for finding in gate.findings] == ([] if is_open else ["session_complete"])


def test_a_basis_without_a_provider_is_no_error():
    """A column that no file holds has no basis and no bars."""
    empty = scaled(slice(None), factor=np.nan)
    empty.volume[:, COLUMN] = np.nan
    bases = tuple(None if at == COLUMN else Basis("raw") for at in range(len(NAMES)))

    report = judge_panel(
        replace(empty, basis=bases), universe(*NAMES), rules(coverage_min=Decimal("0.5")), SESSIONS[-1]
    ).value

    assert report.excluded == (("I03", f"no bar of {SESSIONS[-1]}"),)
    assert [check.detail for check in report.checks if check.found] == []

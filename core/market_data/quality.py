"""Quality: whether a panel is fit to decide on as of a session, each check with its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from core.canonical import plain_decimal
from core.domain.instrument import InstrumentId, Universe
from core.domain.panel import Panel
from core.domain.quality import CheckResult, QualityReport
from core.gate import Gate, block
from core.settings import DataRules

_NAMED_MAX = 20


@dataclass(frozen=True, eq=False)
class _Question:
    """What each check is given: the panel, who should be in it, the rules and the as-of session."""

    panel: Panel
    universe: Universe
    rules: DataRules
    as_of: date


def judge_panel(panel: Panel, universe: Universe, rules: DataRules, as_of: date) -> Gate[QualityReport]:
    """Judge the bars of a panel that ends with the as-of session, by the policy's numbers.

    Every check is evaluated; each failed one is a blocking finding `data` whose subject is the check's name. Only the
    panel is looked at, its defects included. Raises ValueError when the panel holds a session after `as_of`.
    """
    if len(panel.sessions) and _last_session(panel) > as_of:
        raise ValueError(f"the panel ends {_last_session(panel)}, after as-of {as_of}; give the window that ends there")
    question = _Question(panel, universe, rules, as_of)
    results = tuple(check(question) for check in CHECKS)
    report = QualityReport(as_of, panel.snapshot, results, _excluded(question))
    return Gate(report, tuple(block("data", one.check, one.detail) for one in results if not one.has_passed))


def benchmark_present(question: _Question) -> CheckResult:
    """The benchmark must have a bar of the as-of session."""
    name, as_of, last = question.rules.benchmark, question.as_of, _benchmark_last(question)
    return CheckResult(
        check="benchmark_present",
        value=f"last bar {last.isoformat()}" if last else "no bar",
        threshold=f"a bar of {as_of.isoformat()}",
        has_passed=last == as_of,
        detail=f"{name} has {'a' if last == as_of else 'no'} bar of {as_of.isoformat()}{_but_last(question, last)}",
    )


def benchmark_fresh(question: _Question) -> CheckResult:
    """The benchmark's last bar must not be too many sessions old."""
    name, most, last = question.rules.benchmark, question.rules.benchmark_age_sessions_max, _benchmark_last(question)
    age = None if last is None else _age_sessions(question.panel, last, question.as_of)
    if age is None:
        words = f"{name} has no bar in the {len(question.panel.sessions)} sessions looked at"
    else:
        words = (
            f"the last bar of {name}, {last}, is {age} sessions older than {question.as_of}; at most {most} are allowed"
        )
    return CheckResult(
        check="benchmark_fresh",
        value="no bar" if age is None else f"{age} sessions",
        threshold=f"at most {most} sessions",
        has_passed=age is not None and age <= most,
        detail=words,
    )


def coverage(question: _Question) -> CheckResult:
    """Enough of the instruments that count on the as-of session must have a close there."""
    valid = [instrument.id for instrument in question.universe.valid_on(question.as_of)]
    missing = sorted(set(valid) - _covered(question))
    have, least, day = len(valid) - len(missing), question.rules.coverage_min, question.as_of.isoformat()
    threshold = f"at least {_percent(least)}"
    if not valid:
        return CheckResult(
            "coverage", "0 of 0", threshold, False, f"the universe has no instrument that counts on {day}"
        )
    share = Decimal(have) / Decimal(len(valid))
    # One decimal, so that 97.96 % does not read as the 98 % that it is not: cut, not rounded.
    shown = f"{have} of {len(valid)} instruments ({int(share * 1000) / 10:.1f} %)"
    words = f"{shown} have a bar of {day}; {threshold} are needed"
    if missing:
        words += f": missing {_names(missing)}"
    return CheckResult("coverage", shown, threshold, share >= least, words)


def duplicate_dates(question: _Question) -> CheckResult:
    """No instrument may have been told twice for one session."""
    found, most = _defects(question.panel, "duplicate_date"), question.rules.duplicate_dates_max
    words = f"{len(found)} dates stand twice; at most {most} are allowed"
    return _counted("duplicate_dates", found, words, most)


def ohlc_consistent(question: _Question) -> CheckResult:
    """High must be the highest and low the lowest price of every bar."""
    panel = question.panel
    with np.errstate(invalid="ignore"):
        is_wrong = (panel.high < np.maximum(panel.open, panel.close)) | (
            panel.low > np.minimum(panel.open, panel.close)
        )
        found = _defects(panel, "ohlc") | _cells(panel, is_wrong)
    words = f"{len(found)} bars have an open or a close outside low to high; none is allowed"
    return _counted("ohlc_consistent", found, words, 0)


def positive_prices(question: _Question) -> CheckResult:
    """No price of any bar may be zero or less."""
    panel = question.panel
    with np.errstate(invalid="ignore"):
        columns = (panel.open, panel.high, panel.low, panel.close, panel.adj_close)
        is_wrong = np.logical_or.reduce([column <= 0 for column in columns])
    found = _defects(panel, "non_positive") | _cells(panel, is_wrong)
    return _counted("positive_prices", found, f"{len(found)} bars have a price of zero or less; none is allowed", 0)


# In the order in which a report lists them.
CHECKS: tuple[Callable[[_Question], CheckResult], ...] = (
    benchmark_present,
    benchmark_fresh,
    coverage,
    duplicate_dates,
    ohlc_consistent,
    positive_prices,
)

_Places = set[tuple[InstrumentId, date]]


def _last_session(panel: Panel) -> date:
    last: date = panel.sessions[-1].astype(object)
    return last


def _benchmark_last(question: _Question) -> date | None:
    """Give the session of the benchmark's last close in the panel."""
    column = question.panel.column(question.rules.benchmark)
    if column is None:
        return None
    rows = np.flatnonzero(~np.isnan(question.panel.close[:, column]))
    last: date | None = question.panel.sessions[rows[-1]].astype(object) if len(rows) else None
    return last


def _but_last(question: _Question, last: date | None) -> str:
    if last is None:
        return f"; it has none in the {len(question.panel.sessions)} sessions looked at"
    return "" if last == question.as_of else f"; its last is of {last.isoformat()}"


def _age_sessions(panel: Panel, last: date, as_of: date) -> int:
    """Count the sessions after `last` up to `as_of`; past the panel's end, which knows no sessions, weekdays count."""
    end = _last_session(panel)
    known = int(np.sum(panel.sessions > np.datetime64(last, "D")))
    beyond = np.busday_count(np.datetime64(end, "D") + 1, np.datetime64(as_of, "D") + 1)
    return known + int(beyond)


def _covered(question: _Question) -> set[InstrumentId]:
    row = question.panel.row(question.as_of)
    if row is None:
        return set()
    has_close = ~np.isnan(question.panel.close[row])
    return {name for name, has in zip(question.panel.instruments, has_close, strict=True) if has}


def _excluded(question: _Question) -> tuple[tuple[InstrumentId, str], ...]:
    """Give the instruments that cannot be decided on, in the order of the ids, with why."""
    covered, day = _covered(question), question.as_of.isoformat()
    reasons: list[tuple[InstrumentId, str]] = []
    for instrument in question.universe.instruments:
        if not instrument.is_valid_on(question.as_of):
            reasons.append((instrument.id, f"its row of the universe does not count on {day}"))
        elif instrument.id not in covered:
            reasons.append((instrument.id, f"no bar of {day}"))
    return tuple(reasons)


def _defects(panel: Panel, check: str) -> _Places:
    return {(defect.instrument, defect.session) for defect in panel.defects if defect.check == check}


def _cells(panel: Panel, is_wrong: NDArray[np.bool_]) -> _Places:
    return {(panel.instruments[column], panel.sessions[row].astype(object)) for row, column in np.argwhere(is_wrong)}


def _counted(check: str, found: _Places, words: str, most: int) -> CheckResult:
    if found:
        words += f": {_names([f'{name} {session}' for name, session in sorted(found)])}"
    return CheckResult(check, str(len(found)), f"at most {most}", len(found) <= most, words)


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED_MAX])
    return shown if len(names) <= _NAMED_MAX else f"{shown} and {len(names) - _NAMED_MAX} more"


def _percent(fraction: Decimal) -> str:
    return f"{plain_decimal(fraction * 100)} %"

"""Quality: whether a panel is fit to decide on as of a session, each check with its numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import numpy as np

from core.domain.instrument import InstrumentId, Universe
from core.domain.panel import Panel
from core.domain.pending import ACTION_PENDING
from core.domain.quality import CheckResult, FoundIn, QualityReport
from core.gate import Finding, Gate, block
from core.market_data.checks_bars import BAR_CHECKS, BarCheck, unsmoothed_split
from core.market_data.checks_universe import EXCLUSION_CHECKS, UNIVERSE_CHECKS, covered, named
from core.market_data.detect import Cells, near_split, split_words
from core.market_data.liquidity import illiquid
from core.market_data.pending import not_in_basis, pending_actions, told_on_the_eve
from core.market_data.sight import Sight
from core.settings import DataRules


def judge_panel(
    panel: Panel,
    universe: Universe,
    rules: DataRules,
    as_of: date,
    *,
    closes_at: datetime | None = None,
    execution: date | None = None,
) -> Gate[QualityReport]:
    """Judge the bars of a panel that ends with the as-of session, by the policy's numbers.

    Every check is evaluated. One that blocks and fails is a blocking finding `data` whose subject is the check's name; one
    that degrades leaves its instruments out with the reason and is told as a warning; one that notes stands in the report
    alone. Only the panel is looked at, its defects and announcements included, beside when as-of closed and in which
    session would be executed (None: in none). A split by then leaves out and doubts no bar: who holds the instrument can
    value it. Raises ValueError when the panel holds a session after `as_of`.
    """
    if len(panel.sessions) and panel.sessions[-1] > np.datetime64(as_of, "D"):
        last = panel.sessions[-1].astype(object)
        raise ValueError(f"the panel ends {last}, after as-of {as_of}; give the window that ends there")
    sight = Sight(panel, universe.on(panel.calendar), rules, as_of, closes_at)
    accepted = _accepted(sight)
    of_bars = [_of_bars(check, sight, accepted) for check in BAR_CHECKS]
    pending = () if execution is None else pending_actions(panel.announced, as_of, execution)
    waiting = told_on_the_eve(panel, as_of) | not_in_basis(pending, panel)
    doubts, has = _doubts(of_bars), covered(sight)
    degraded = tuple(name for name in panel.instruments if name in doubts and name in has)
    results = (
        *(check(sight) for check in UNIVERSE_CHECKS),
        *(check(sight, degraded) for check in EXCLUSION_CHECKS),
        *of_bars,
        _action_pending(waiting, as_of),
    )
    excluded = _excluded(sight, _reasons(doubts, waiting))
    splits = tuple(sorted(waiting.items()))
    report = QualityReport(as_of, panel.snapshot, results, excluded, degraded, pending=pending, pending_splits=splits)
    return Gate(report, tuple(_finding(one) for one in results if not one.has_passed and one.severity != "note"))


def judge_history(panel: Panel, universe: Universe, rules: DataRules, as_of: date) -> tuple[CheckResult, ...]:
    """Give the checks of bars over all of a panel: what a report shows beside the window that a decision looks at."""
    sight = Sight(panel, universe.on(panel.calendar), rules, as_of)
    accepted = _accepted(sight)
    return tuple(_of_bars(check, sight, accepted) for check in BAR_CHECKS)


def bar_marks(
    panel: Panel, universe: Universe, rules: DataRules, as_of: date, *, closes_at: datetime | None = None
) -> dict[str, Cells]:
    """Give, by the name of each check of bars, the cells that it marks: what a report over a whole history counts."""
    sight = Sight(panel, universe.on(panel.calendar), rules, as_of, closes_at)
    accepted = _accepted(sight)
    return {check.name: _marks(check, sight, accepted) for check in BAR_CHECKS}


def _accepted(sight: Sight) -> Cells | None:
    """Mark the bars that a person accepted; None when there are none."""
    accepted = sight.nothing() if sight.rules.accepted_bars else None
    for bar in sight.rules.accepted_bars:
        name, _, day = bar.rpartition(" ")
        row, column = sight.panel.row(date.fromisoformat(day)), sight.columns.get(name)
        if accepted is not None and row is not None and column is not None:
            accepted[row, column] = True
    return accepted


def _marks(check: BarCheck, sight: Sight, accepted: Cells | None) -> Cells:
    marks = check.marks(sight)
    return marks if accepted is None else marks & ~accepted


def _of_bars(check: BarCheck, sight: Sight, accepted: Cells | None) -> CheckResult:
    """Count what a check of bars marks: in all where it blocks, an instrument where it does not."""
    marks, most = _marks(check, sight, accepted), check.each_max(sight.rules)
    # Mostly there is nothing, and to see that is ten times as fast as to count.
    counts = np.sum(marks, axis=0) if marks.any() else np.empty(0)
    over = np.flatnonzero(counts > (0 if check.severity == "block" else most)).tolist()
    found = tuple(_found_in(sight, marks, at) for at in sorted(over, key=sight.panel.instruments.__getitem__))
    bars = sum(one.bars for one in found)
    has_passed = bars <= most if check.severity == "block" else not found
    words = f"{bars} {check.says.format(each=most)}"
    if found:
        words += f": {named([f'{one}{_hint(check, sight, one)}' for one in found])}"
    value = str(bars) if check.severity == "block" or not found else f"{bars} in {len(found)} instruments"
    return CheckResult(check.name, value, check.threshold(sight.rules), has_passed, words, check.severity, found)


def _found_in(sight: Sight, marks: Cells, column: int) -> FoundIn:
    rows = np.flatnonzero(marks[:, column])
    first, last = (sight.panel.sessions[row].astype("datetime64[D]").astype(object) for row in (rows[0], rows[-1]))
    return FoundIn(sight.panel.instruments[column], len(rows), first, last)


def _hint(check: BarCheck, sight: Sight, found: FoundIn) -> str:
    """Say which split the last jump of an instrument is near to."""
    if check.marks is not unsmoothed_split:
        return ""
    row, column = sight.panel.row(found.last), sight.columns[found.instrument]
    split = near_split(float(np.exp(-sight.jumps.size[row or 0, column])))
    return f" near {split_words(split)}" if split else ""


def _action_pending(waiting: Mapping[InstrumentId, str], as_of: date) -> CheckResult:
    """No split may take effect by the execution session that the bars do not know."""
    detail = f"{len(waiting)} instruments have a split by the execution session that their bars do not know"
    if waiting:
        detail += f": {named([f'{name} {waiting[name]}' for name in sorted(waiting)])}"
    found = tuple(FoundIn(name, 1, as_of, as_of) for name in sorted(waiting))
    return CheckResult("action_pending", str(len(waiting)), "none", not waiting, detail, "degrade", found)


def _doubts(results: Sequence[CheckResult]) -> dict[InstrumentId, str]:
    """Say why each instrument is degraded, in the order of the checks."""
    reasons: dict[InstrumentId, list[str]] = defaultdict(list)
    for result in results:
        if result.severity == "degrade":
            for one in result.found:
                count = f"{one.bars} bars, the last {one.last}" if one.bars > 1 else f"{one.last}"
                reasons[one.instrument].append(f"{result.check}: {count}")
    return {name: "; ".join(words) for name, words in reasons.items()}


def _reasons(doubts: Mapping[InstrumentId, str], waiting: Mapping[InstrumentId, str]) -> dict[InstrumentId, str]:
    """Say why each instrument is left out: for its bars, for a split, or for both."""
    splits = {name: f"{ACTION_PENDING}: {words}" for name, words in waiting.items()}
    both = {name: f"{doubts[name]}; {splits[name]}" for name in doubts.keys() & splits.keys()}
    return {**doubts, **splits, **both}


def _excluded(sight: Sight, reasons: Mapping[InstrumentId, str]) -> tuple[tuple[InstrumentId, str], ...]:
    """Give the instruments that cannot be decided on, in the order of the ids, with why."""
    has, day = covered(sight), sight.as_of.isoformat()
    thin = dict(illiquid(sight.panel, sight.as_of, sight.rules))
    found: list[tuple[InstrumentId, str]] = []
    for instrument in sight.universe.instruments:
        if not instrument.is_valid_on(sight.as_of):
            doubts = f"; {reasons[instrument.id]}" if instrument.id in reasons else ""
            found.append((instrument.id, f"its row of the universe does not count on {day}{doubts}"))
        elif instrument.id not in has:
            found.append((instrument.id, f"no bar of {day}"))
        elif instrument.id in reasons:
            found.append((instrument.id, reasons[instrument.id]))
        elif instrument.id in thin:
            found.append((instrument.id, thin[instrument.id]))
    return tuple(found)


def _finding(result: CheckResult) -> Finding:
    if result.severity == "block":
        return block("data", result.check, result.detail)
    return Finding("data", result.check, f"left out: {result.detail}", "warn")

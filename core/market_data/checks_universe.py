"""Checks of the universe: whether the benchmark and enough of the instruments are there, and fit to decide on."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date
from decimal import Decimal

import numpy as np

from core.canonical import plain_decimal
from core.domain.instrument import InstrumentId
from core.domain.panel import Panel
from core.domain.quality import CheckResult
from core.market_data.checks_bars import volume_shares
from core.market_data.detect import MARKET_LEAST
from core.market_data.sight import Sight

NAMED_MAX = 20


def benchmark_present(sight: Sight) -> CheckResult:
    """The benchmark must have a bar of the as-of session; where the policy allows an older one, that is only noted."""
    name, as_of, last = sight.rules.benchmark, sight.as_of, _benchmark_last(sight)
    is_age_allowed = sight.rules.benchmark_age_sessions_max > 0
    return CheckResult(
        check="benchmark_present",
        value=f"last bar {last.isoformat()}" if last else "no bar",
        threshold=f"a bar of {as_of.isoformat()}",
        has_passed=last == as_of,
        detail=f"{name} has {'a' if last == as_of else 'no'} bar of {as_of.isoformat()}{_but_last(sight, last)}",
        severity="note" if is_age_allowed else "block",
    )


def benchmark_fresh(sight: Sight) -> CheckResult:
    """The benchmark's last bar must not be too many sessions old."""
    name, most, last = sight.rules.benchmark, sight.rules.benchmark_age_sessions_max, _benchmark_last(sight)
    age = None if last is None else _age_sessions(sight.panel, last, sight.as_of)
    if age is None:
        words = f"{name} has no bar in the {len(sight.panel.sessions)} sessions looked at"
    else:
        words = (
            f"the last bar of {name}, {last}, is {age} sessions older than {sight.as_of}; at most {most} are allowed"
        )
    return CheckResult(
        check="benchmark_fresh",
        value="no bar" if age is None else f"{age} sessions",
        threshold=f"at most {most} sessions",
        has_passed=age is not None and age <= most,
        detail=words,
    )


def coverage(sight: Sight) -> CheckResult:
    """Enough of the instruments that count on the as-of session must have a close there."""
    valid = [instrument.id for instrument in sight.universe.valid_on(sight.as_of)]
    missing = sorted(set(valid) - covered(sight))
    have, least, day = len(valid) - len(missing), sight.rules.coverage_min, sight.as_of.isoformat()
    threshold = f"at least {_percent(least)}"
    if not valid:
        return CheckResult(
            "coverage", "0 of 0", threshold, False, f"the universe has no instrument that counts on {day}"
        )
    share = Decimal(have) / Decimal(len(valid))
    # One decimal, so that 97.96 % does not read as the 98 % that it is not: cut, not rounded.
    shown = f"{have} of {len(valid)} instruments ({int(share * 1000) / 10:.1f} %)"
    words = f"{shown} have a bar of {day}{_but_newest(sight)}; {threshold} are needed"
    if missing:
        words += f": missing {named(missing)}"
    return CheckResult("coverage", shown, threshold, share >= least, words)


def session_complete(sight: Sight) -> CheckResult:
    """The instruments' median volume of the as-of session must be that of a whole session, or of a half one."""
    least = sight.rules.market_volume_min
    threshold = f"at least {plain_decimal(least)} of the usual volume"
    row = sight.panel.row(sight.as_of)
    shares = np.empty(0) if row is None else volume_shares(sight, row)
    shares = shares[~np.isnan(shares)]
    if len(shares) < MARKET_LEAST:
        words = f"{len(shares)} instruments have a volume to compare; {MARKET_LEAST} make a median"
        return CheckResult("session_complete", "not known", threshold, True, words)
    share = float(np.median(shares))
    words = f"the median volume of {sight.as_of} is {share:.2f} of the usual; {threshold} is needed"
    return CheckResult("session_complete", f"{share:.2f}", threshold, share >= float(least), words)


def benchmark_sound(sight: Sight, degraded: Collection[InstrumentId]) -> CheckResult:
    """The benchmark's bars must pass what every instrument's must."""
    name = sight.rules.benchmark
    is_sound = name not in degraded
    words = f"{name} {'is sound' if is_sound else 'fails the checks of its bars'}"
    return CheckResult("benchmark_sound", "sound" if is_sound else "degraded", "sound", is_sound, words)


def excluded_share(sight: Sight, degraded: Collection[InstrumentId]) -> CheckResult:
    """Not too many of the instruments that count may have to be left out for their bars."""
    valid = [instrument.id for instrument in sight.universe.valid_on(sight.as_of)]
    out, most = [name for name in valid if name in degraded], sight.rules.excluded_max
    shown, threshold = f"{len(out)} of {len(valid)} instruments", f"at most {_percent(most)}"
    words = f"{shown} are left out for their bars; {threshold} may be"
    if out:
        words += f": {named(out)}"
    return CheckResult("excluded_share", shown, threshold, len(out) <= most * len(valid), words)


# In the order in which a report lists them.
UNIVERSE_CHECKS: tuple[Callable[[Sight], CheckResult], ...] = (
    benchmark_present,
    benchmark_fresh,
    coverage,
    session_complete,
)
EXCLUSION_CHECKS: tuple[Callable[[Sight, Collection[InstrumentId]], CheckResult], ...] = (
    benchmark_sound,
    excluded_share,
)


def covered(sight: Sight) -> set[InstrumentId]:
    """Give the instruments with a close of as-of."""
    row = sight.panel.row(sight.as_of)
    if row is None:
        return set()
    return {name for name, has in zip(sight.panel.instruments, sight.has_bar[row].tolist(), strict=True) if has}


def named(names: list[str]) -> str:
    """List names, the first twenty of them."""
    shown = ", ".join(names[:NAMED_MAX])
    return shown if len(names) <= NAMED_MAX else f"{shown} and {len(names) - NAMED_MAX} more"


def _benchmark_last(sight: Sight) -> date | None:
    """Give the session of the benchmark's last close in the panel."""
    column = sight.columns.get(sight.rules.benchmark)
    if column is None:
        return None
    rows = np.flatnonzero(sight.has_bar[:, column])
    last: date | None = sight.panel.sessions[rows[-1]].astype(object) if len(rows) else None
    return last


def _but_last(sight: Sight, last: date | None) -> str:
    if last is None:
        return f"; it has none in the {len(sight.panel.sessions)} sessions looked at"
    return "" if last == sight.as_of else f"; its last is of {last.isoformat()}"


def _but_newest(sight: Sight) -> str:
    sessions = sight.panel.sessions
    if sight.panel.row(sight.as_of) is not None or not len(sessions):
        return ""
    return f" (the newest bars are of {sessions[-1].astype(object)})"


def _age_sessions(panel: Panel, last: date, as_of: date) -> int:
    """Count the sessions after `last` up to `as_of`; past the panel's end, which knows no sessions, weekdays count."""
    end = panel.sessions[-1].astype(object)
    known = int(np.sum(panel.sessions > np.datetime64(last, "D")))
    beyond = np.busday_count(np.datetime64(end, "D") + 1, np.datetime64(as_of, "D") + 1)
    return known + int(beyond)


def _percent(fraction: Decimal) -> str:
    return f"{plain_decimal(fraction * 100)} %"

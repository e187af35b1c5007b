"""The measures of a tear sheet, in floats: of an equity curve told at each close.

They are the definitions of `core/measures/returns.py` and `risk.py`, which are exact and for books; here curves are made,
long and many, and nothing decides about money. No risk-free rate is taken off: excess is over zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import numpy as np

from core.domain.bars import Days, Floats
from core.measures.returns import YEAR, NotComputable
from core.measures.returns import a_year as exact_a_year
from core.measures.risk import Drawdown

# Sessions in a year; a month of returns is the least that a deviation is told of.
PERIODS, FEWEST = 252, 20
# Deviations up to this are what is left of rounding, not risk.
FLAT = 1e-12


@dataclass(frozen=True)
class Against:
    """Returns beside the benchmark's: slope and correlation, and the difference's deviation and mean over it, a year."""

    beta: float
    correlation: float
    tracking_error: float
    information_ratio: float


def session_returns(sessions: Days, equity: Floats) -> Floats:
    """Give the return of each session after the first, of shape (sessions - 1,).

    Raises NotComputable below two closes, and where the equity is not a number above zero: what is owed has no return.
    """
    if len(equity) < 2:
        raise NotComputable(f"there are {len(equity)} closes; a return needs two")
    is_bad = ~(np.isfinite(equity) & (equity > 0.0))
    if is_bad.any():
        at = int(is_bad.argmax())
        raise NotComputable(f"the equity was {equity[at]:,.2f} on {sessions[at]}; returns need more than zero")
    return equity[1:] / equity[:-1] - 1.0


def days_between(sessions: Days) -> int:
    """Give the calendar days from the first session to the last."""
    return int((sessions[-1] - sessions[0]).astype("timedelta64[D]").astype(int)) if len(sessions) else 0


def years_of(sessions: Days) -> float:
    """Give the years of 365 days from the first session to the last; raises NotComputable below one."""
    days = days_between(sessions)
    if days < YEAR:
        raise NotComputable(f"the period has {days} days; what is less than {YEAR} is not told a year")
    return days / YEAR


def return_a_year(whole: float, days: int) -> float:
    """Give a return over days as one a year, as books do: of 365 days.

    Raises NotComputable below a year, and where all or more was lost.
    """
    if whole <= -1.0:
        raise NotComputable(f"the return was {whole:.2%}; what lost all has no return a year")
    return float(exact_a_year(Decimal(repr(whole)), days))


def volatility_a_year(returns: Floats) -> float:
    """Give the standard deviation (n - 1) of session returns, times root 252; raises NotComputable below 20 returns."""
    _enough(returns)
    return float(returns.std(ddof=1)) * math.sqrt(PERIODS)


def sharpe_ratio(returns: Floats) -> float:
    """Give the mean return over its deviation (n - 1), times root 252 (Sharpe 1994).

    Raises NotComputable below 20 returns, and for those that do not vary.
    """
    spread = volatility_a_year(returns)
    if spread <= FLAT * math.sqrt(PERIODS):
        raise NotComputable("the returns do not vary; there is no risk to divide by")
    return float(returns.mean()) * PERIODS / spread


def sortino_ratio(returns: Floats) -> float:
    """Give the mean return over its downside deviation, times root 252 (Sortino and Price 1994).

    The downside deviation is the root of the mean, over all sessions, of the squared returns below zero. Raises
    NotComputable below 20 returns, and when none is below zero.
    """
    _enough(returns)
    downside = math.sqrt(float((np.minimum(returns, 0.0) ** 2).mean()))
    if downside <= FLAT:
        raise NotComputable("no session returned less than zero; there is no downside to divide by")
    return float(returns.mean()) / downside * math.sqrt(PERIODS)


def calmar_ratio(a_year: float, depth: float) -> float:
    """Give the return a year over the depth of the deepest drawdown (Young 1991); raises NotComputable without one."""
    if depth > -FLAT:
        raise NotComputable("there was no drawdown to divide by")
    return a_year / -depth


def drawdowns(equity: Floats) -> Floats:
    """Give the fall from the highest close so far at each close, <= 0, of the same shape; for equity above zero."""
    return equity / np.maximum.accumulate(equity) - 1.0


def deepest_drawdowns(sessions: Days, equity: Floats, count: int) -> tuple[Drawdown, ...]:
    """Give the deepest falls, each from a highest close to its recovery, the deepest first, of equal ones the earlier.

    A fall ends where the equity is at least what it was at the peak; one that did not end has no recovery.
    """
    under = drawdowns(equity)
    is_under = under < 0.0
    edges = np.diff(np.concatenate([[False], is_under, [False]]).astype(np.int8))
    found = []
    for begin, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        trough = int(begin) + int(under[begin:end].argmin())
        # The highest close may have stood for some days; it was reached on the first of them.
        peak = int((equity[:begin] == equity[begin - 1]).argmax())
        found.append((float(under[trough]), peak, trough, int(end) if end < len(equity) else None))
    found.sort(key=lambda one: (one[0], one[2]))
    return tuple(
        Drawdown(
            depth=Decimal(repr(depth)),
            peak=_day(sessions[peak]),
            trough=_day(sessions[trough]),
            recovered=None if end is None else _day(sessions[end]),
        )
        for depth, peak, trough, end in found[:count]
    )


def rolling_sharpe(returns: Floats, window: int = PERIODS) -> Floats:
    """Give the Sharpe ratio of the last `window` returns at each return, a year; NaN before, and where nothing varies."""
    ratios = np.full(len(returns), np.nan)
    if len(returns) >= window:
        seen = np.lib.stride_tricks.sliding_window_view(returns, window)
        means, spreads = seen.mean(axis=1), seen.std(axis=1, ddof=1)
        does_vary = spreads > FLAT
        ratios[window - 1 :][does_vary] = means[does_vary] / spreads[does_vary] * math.sqrt(PERIODS)
    return ratios


def period_returns(sessions: Days, equity: Floats, unit: Literal["M", "Y"]) -> dict[np.datetime64, float]:
    """Give the return of each month or year, from the last close before it (at first the first close) to its last close.

    The first and the last may be parts of one. A period that holds only the first close has no return.
    """
    if len(equity) < 2:
        return {}
    periods = sessions.astype(f"datetime64[{unit}]")
    ends = np.append(np.flatnonzero(periods[1:] != periods[:-1]), len(periods) - 1)
    ends = ends[ends > 0]
    levels = equity[np.concatenate([[0], ends])]
    return dict(zip(periods[ends], (levels[1:] / levels[:-1] - 1.0).tolist(), strict=True))


def value_at_risk(returns: Floats, share: float) -> tuple[float, float]:
    """Give the return that a share of sessions fell to or below, and the mean of those (historical; expected shortfall)."""
    _enough(returns)
    edge = float(np.quantile(returns, share))
    return edge, float(returns[returns <= edge].mean())


def against(returns: Floats, benchmark: Floats) -> Against:
    """Give what returns are beside the benchmark's of the same sessions; raises NotComputable where either does not vary."""
    _enough(returns)
    difference = returns - benchmark
    (ours, both), (_, theirs) = np.cov(returns, benchmark)
    spread = float(difference.std(ddof=1))
    if min(ours, theirs) <= FLAT**2 or spread <= FLAT:
        raise NotComputable("ours, the benchmark's or their difference does not vary; there is nothing to compare")
    year = math.sqrt(PERIODS)
    ratio = float(difference.mean()) / spread * year
    return Against(float(both / theirs), float(both / math.sqrt(ours * theirs)), spread * year, ratio)


def _enough(returns: Floats) -> None:
    if len(returns) < FEWEST:
        raise NotComputable(f"there are {len(returns)} session returns; fewer than {FEWEST} tell no risk")


def _day(session: np.datetime64) -> date:
    day: date = session.astype("datetime64[D]").astype(object)
    return day

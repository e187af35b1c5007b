"""Measures of an equity curve that flows do not disturb: its drawdown, volatility, and return for the risk taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.measures.returns import NotComputable

ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True)
class Drawdown:
    """The deepest fall from a highest so far: how deep (<= 0), from when to when, and when it was made good."""

    depth: Decimal
    peak: date
    trough: date
    recovered: date | None


def deepest_drawdown(curve: Sequence[tuple[date, Decimal]]) -> Drawdown:
    """Give the deepest fall of a curve of positive numbers, of equal ones the first; raises NotComputable without any."""
    if not curve or curve[0][1] <= 0:
        raise NotComputable("a drawdown needs a curve that begins above zero")
    peak_day, peak = curve[0]
    deepest = Drawdown(ZERO, peak_day, peak_day, peak_day)
    top = peak
    for day, level in curve:
        if deepest.recovered is None and level >= top:
            deepest = Drawdown(deepest.depth, deepest.peak, deepest.trough, day)
        if level > peak:
            peak_day, peak = day, level
        if level / peak - ONE < deepest.depth:
            deepest, top = Drawdown(level / peak - ONE, peak_day, day, None), peak
    return deepest


def volatility(returns: Sequence[Decimal], periods: int) -> Decimal:
    """Give the standard deviation of returns, of a sample (n - 1), times the root of the periods in a year."""
    mean = _mean(returns)
    spread = sum(((one - mean) ** 2 for one in returns), ZERO) / (len(returns) - 1)
    return (spread * periods).sqrt()


def sharpe(returns: Sequence[Decimal], risk_free: Decimal, periods: int) -> Decimal:
    """Give the mean excess return over its standard deviation (n - 1), a year (Sharpe 1994, "The Sharpe Ratio").

    The excess of a period is over risk_free / periods; the mean is arithmetic; a year has the root of `periods` times the
    ratio of one. Raises NotComputable when the returns do not vary.
    """
    excess = [one - risk_free / periods for one in returns]
    spread = volatility(excess, 1)
    if not spread:
        raise NotComputable("the returns do not vary; there is no risk to divide by")
    return _mean(excess) / spread * Decimal(periods).sqrt()


def sortino(returns: Sequence[Decimal], risk_free: Decimal, periods: int) -> Decimal:
    """Give the mean excess return over its downside deviation, a year (Sortino and Price 1994).

    The downside deviation is the root of the mean, over all n periods, of the squared excess where it is below zero. Raises
    NotComputable when no period is below.
    """
    excess = [one - risk_free / periods for one in returns]
    downside = (sum((min(one, ZERO) ** 2 for one in excess), ZERO) / len(excess)).sqrt()
    if not downside:
        raise NotComputable("no period returned less than the risk-free rate; there is no downside to divide by")
    return _mean(excess) / downside * Decimal(periods).sqrt()


def calmar(return_a_year: Decimal, drawdown: Drawdown) -> Decimal:
    """Give the return a year over the depth of the deepest drawdown of the same days (Young 1991)."""
    if not drawdown.depth:
        raise NotComputable("there was no drawdown to divide by")
    return return_a_year / -drawdown.depth


def _mean(returns: Sequence[Decimal]) -> Decimal:
    if len(returns) < 2:
        raise NotComputable(f"there are {len(returns)} returns; a deviation needs two")
    return sum(returns, ZERO) / len(returns)

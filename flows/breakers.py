"""Breakers: on which days of a research backtest the daily flow would have halted a book, or bought nothing."""

from __future__ import annotations

from datetime import date

from core.domain.bars import Days, Floats
from core.settings import Policy

DAYS_SHOWN = 8
RESUMED = " Here a person is taken to resume it at once"


def breaker_notes(policy: Policy, sessions: Days, equity: Floats) -> tuple[str, ...]:
    """Say which breakers would have acted on a curve of equity, one number a session, and what the backtest does instead.

    Research follows target, plan and fills, and not what the gates and rules of a single day would have done.
    """
    limits = policy.limits
    days: list[date] = sessions.astype("datetime64[D]").astype(object).tolist()
    levels: list[float] = equity.tolist()
    told = (
        (
            f"The kill switch (a fall of {limits.drawdown_max:.0%} from the highest) would have halted the book",
            _fallen(days, levels, float(limits.drawdown_max)),
            f"{RESUMED}, and the fall counts anew from there.",
        ),
        (
            f"The daily-loss breaker ({limits.daily_loss_max:.0%} in one session) would have halted the book",
            _lost(days, levels, float(limits.daily_loss_max)),
            f"{RESUMED}.",
        ),
        (
            f"After {limits.losing_sessions_max} losing sessions in a row the daily flow buys nothing for"
            f" {limits.cooldown_sessions}; so it was",
            _losing(days, levels, limits.losing_sessions_max) if limits.cooldown_sessions else [],
            " Here the book buys on.",
        ),
    )
    return tuple(f"{words} on {_shown(found)}.{rest}" for words, found, rest in told if found)


def _fallen(days: list[date], levels: list[float], limit: float) -> list[date]:
    """Give the days of a fall from the highest, which counts anew from each, as after a resume."""
    peak, found = 0.0, []
    for day, level in zip(days, levels, strict=True):
        peak = max(peak, level)
        if level <= (1 - limit) * peak:
            found.append(day)
            peak = level
    return found


def _lost(days: list[date], levels: list[float], limit: float) -> list[date]:
    """Give the days on which the book lost its limit or more."""
    return [days[at] for at in range(1, len(days)) if levels[at] <= (1 - limit) * levels[at - 1]]


def _losing(days: list[date], levels: list[float], limit: int) -> list[date]:
    """Give the days on which a row of losing sessions became so long."""
    found, count = [], 0
    for at in range(1, len(days)):
        count = count + 1 if levels[at] < levels[at - 1] else 0
        found += [days[at]] if count == limit else []
    return found


def _shown(days: list[date]) -> str:
    more = len(days) - DAYS_SHOWN
    return ", ".join(map(str, days[:DAYS_SHOWN])) + (f" and on {more} more days" if more > 0 else "")

"""Retention: which backups are kept when there are many, from their instants alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

DAYS, WEEKS, MONTHS = 7, 5, 12
# An instant as its UTC day, its ISO week and its month.
PERIODS: tuple[tuple[int, Callable[[datetime], object]], ...] = (
    (DAYS, lambda at: at.date()),
    (WEEKS, lambda at: at.isocalendar()[:2]),
    (MONTHS, lambda at: (at.year, at.month)),
)


def expired(backups: Mapping[str, datetime]) -> tuple[str, ...]:
    """Name the backups that nobody needs any more, oldest first; `backups` are the good ones, by name.

    Kept are the newest of each of the 7 newest days that have one, of the 5 newest weeks (Monday to Sunday) and of the 12
    newest months, all by UTC. The newest of all is always kept: it is the newest of its day. Days without a backup count
    for nothing, so that a desk that rested a month keeps what it had. Of two at one instant the later name is the newer.
    """
    newest_first = sorted(backups, key=lambda name: (backups[name], name), reverse=True)
    kept: set[str] = set()
    for count, period in PERIODS:
        newest_of: dict[object, str] = {}
        for name in newest_first:
            newest_of.setdefault(period(backups[name].astimezone(UTC)), name)
        kept.update(list(newest_of.values())[:count])
    return tuple(name for name in reversed(newest_first) if name not in kept)

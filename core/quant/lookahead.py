"""Look-ahead: whatever a day was told must come out the same when the days after it are cut off, or are other days.

A computation is run on the whole panel, on panels that end with a day, and on panels whose later bars are noise. What it
tells of days up to that one must be the same bits in all of them. Invariance of prefixes is what "no look-ahead" means for a
deterministic computation: a value that does not change whatever comes later cannot rest on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import BAR_FIELDS, Days
from core.domain.panel import Panel


@dataclass(frozen=True, eq=False)
class Dated:
    """Something that a computation tells by days: `known` are the sessions at whose close each row counts as known.

    `values` has a row for each of them as its first axis; `labels` names what stands in its second, where that says
    something (instruments), so that a leak is told by name. What has no bars by a cut need not stand there.
    """

    known: Days
    values: NDArray[Any]
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Hold that there is a day for each row."""
        if len(self.known) != len(self.values):
            raise ValueError(f"{len(self.values)} rows were told of {len(self.known)} days")


Compute = Callable[[Panel, date], Mapping[str, Dated]]
"""Computes everything that is told of a panel, up to a session at least: what it tells of later ones is not looked at."""


@dataclass(frozen=True)
class Leak:
    """A value that knew what came later: of what, of which day and column, and with which future it was another."""

    what: str
    day: date
    column: str
    cut: date
    future: str
    values: int

    def __str__(self) -> str:
        """Say it as a sentence."""
        where = f" of {self.column}" if self.column else ""
        return (
            f"{self.what}{where} of {self.day} changes when {self.future} after {self.cut};"
            f" {self.values} values do in all"
        )


def leaks(compute: Compute, panel: Panel, cuts: Sequence[date], *, seed: int) -> tuple[Leak, ...]:
    """Give the first leak of each thing told, for each cut and each kind of future; none where nothing knows the future.

    `cuts` are sessions of the panel. Raises ValueError where a cut is none, or the computation tells other things of a
    shorter panel than of the whole.
    """
    end: date = panel.sessions[-1].astype("datetime64[D]").astype(object)
    whole = compute(panel, end)
    found: list[Leak] = []
    for at, cut in enumerate(cuts):
        if panel.row(cut) is None:
            raise ValueError(f"{cut} is no session of the panel, which has {len(panel.sessions)}")
        for words, other in futures(panel, cut, seed=seed + at):
            told = compute(other, cut)
            if told.keys() != whole.keys():
                raise ValueError(f"up to {cut} it tells {sorted(told)}, of the whole panel {sorted(whole)}")
            found += [leak for name in whole for leak in _compared(name, whole[name], told[name], cut=cut, words=words)]
    return tuple(found)


def futures(panel: Panel, cut: date, *, seed: int) -> Iterator[tuple[str, Panel]]:
    """Give panels that are the same up to a session: one that ends there, and ones with other bars after it.

    Of the others, one has each later bar times a random factor, one has no later bars of half of the instruments (they were
    delisted), and one has the later days of each instrument told in another order.
    """
    yield "nothing comes", panel.between(None, cut)
    random = np.random.Generator(np.random.PCG64(seed))
    row = panel.row(cut)
    after = slice(0 if row is None else row + 1, None)
    count = len(panel.sessions[after])
    if not count:
        return
    values = panel.values()
    values[:, after] *= np.exp(random.normal(0, 0.2, (len(BAR_FIELDS), count, len(panel.instruments))))
    yield "other bars come", _without_later_events(panel.with_values(values), cut)
    values = panel.values()
    values[:, after, random.permutation(len(panel.instruments)) < len(panel.instruments) / 2] = np.nan
    yield "half of the instruments have no bars", _without_later_events(panel.with_values(values), cut)
    values = panel.values()
    values[:, after] = values[:, after][:, random.permutation(count)]
    yield "the days come in another order", _without_later_events(panel.with_values(values), cut)


def _without_later_events(panel: Panel, cut: date) -> Panel:
    """Drop what is told of later days: dividends, splits and defects are a part of the future too."""
    return replace(
        panel,
        defects=tuple(one for one in panel.defects if one.session <= cut),
        dividends=tuple(one for one in panel.dividends if one.session <= cut),
        splits=tuple(one for one in panel.splits if one.session <= cut),
    )


def _compared(name: str, whole: Dated, told: Dated, *, cut: date, words: str) -> Iterator[Leak]:
    """Give a leak where rows known by the cut differ, in number or in any bit that is not a NaN's."""
    last = np.datetime64(cut, "D")
    ours, theirs = whole.values[whole.known <= last], told.values[told.known <= last]
    days = whole.known[whole.known <= last]
    later = _only_later(whole.labels, told.labels)
    there = np.array([label not in later for label in whole.labels], dtype=np.bool_)
    both = ours[:, there] if later else ours
    if both.shape != theirs.shape:
        yield Leak(name, cut, "", cut, f"{words}: there are {len(theirs)} rows where there were {len(ours)}", len(ours))
        return
    differs = ~_same(both, theirs)
    if later:
        beside, differs = differs, _says_something(ours)
        differs[:, there] = beside
    if not differs.any():
        return
    first = tuple(int(one) for one in np.argwhere(differs)[0])
    column = whole.labels[first[1]] if len(first) > 1 and first[1] < len(whole.labels) else ""
    day: date = days[first[0]].astype("datetime64[D]").astype(object)
    yield Leak(name, day, column, cut, words, int(differs.sum()))


def _only_later(ours: Sequence[str], theirs: Sequence[str]) -> frozenset[str]:
    """Name what the whole panel knows and the other future does not: nobody knew of it, so nothing may have been told of it."""
    is_part = tuple(label for label in ours if label in set(theirs)) == tuple(theirs)
    return frozenset(ours) - frozenset(theirs) if is_part else frozenset()


def _says_something(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Say where a value is more than none: not NaN, 0 or False."""
    told: NDArray[np.bool_] = values != 0
    return told & ~np.isnan(values) if np.issubdtype(values.dtype, np.floating) else told


def _same(ours: NDArray[Any], theirs: NDArray[Any]) -> NDArray[np.bool_]:
    equal: NDArray[np.bool_] = ours == theirs
    if np.issubdtype(ours.dtype, np.floating):
        equal |= np.isnan(ours) & np.isnan(theirs)
    return equal

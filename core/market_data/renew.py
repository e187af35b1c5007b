"""Renewing: the years of a panel that new, changed or missing files touch are made anew; the others stay as they are.

A bar of a session rests on the rows of that session alone, where a column comes from the same series as before, nobody noted
when rows were told, nothing told moves rows to other symbols, and no other provider is compared. Where that does not hold, or
nobody can know it without reading the whole, there is no plan, and the panel is cleaned from all files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import BAR_FIELDS, NEVER, Days
from core.domain.instrument import CalendarName, Universe
from core.domain.panel import Panel, Renewal
from core.gate import Finding, Gate, block, closed
from core.market_data.clean import (
    STRAY_DIVIDEND,
    Cleaned,
    Made,
    calendar_days,
    outside_findings,
    panel_of,
    wide_of,
    with_paid,
)
from core.market_data.compare import Telling
from core.market_data.evening import Evening
from core.market_data.paid import Paid
from core.market_data.reach import columns_of
from core.market_data.series import Piece, Series, choose, columns_in, rows_of, series_of, tellings_of, unusable
from core.market_data.sound import Sound, sound, within
from core.market_data.unused import unused
from core.settings import DataRules

_CLOSE = BAR_FIELDS.index("close")


@dataclass(frozen=True)
class Renewing:
    """What a panel is made anew for: the instruments of its calendar, the rules, and the calendar's days."""

    universe: Universe
    rules: DataRules
    days: Days
    calendar: CalendarName

    @classmethod
    def of(cls, universe: Universe, rules: DataRules, sessions: Sequence[date], calendar: CalendarName) -> Renewing:
        """Take the instruments of a calendar out of a universe."""
        return cls(universe.on(calendar), rules, calendar_days(sessions), calendar)

    @property
    def told_by(self) -> Evening:
        """Give since when bars count as known."""
        return Evening(self.calendar, self.rules.assumed_lag_hours)

    def chosen_from(self, pieces: Sequence[Piece | None]) -> dict[int, Series]:
        """Give the series of each column, as far as they can be chosen without rows."""
        held = series_of([piece and replace(piece, bars=None) for piece in pieces], self.universe, self.told_by)
        return choose(held, self.universe, self.rules.source_order)[0]

    def refused(self, pieces: Sequence[Piece | None]) -> Cleaned | None:
        """Give the closed gate where no file holds a bar of any instrument, else None."""
        held = series_of([piece and replace(piece, bars=None) for piece in pieces], self.universe, self.told_by)
        if choose(held, self.universe, self.rules.source_order)[0]:
            return None
        words = unusable(held, {}, self.rules.source_order) or ""
        return Cleaned(closed([block("data", "bars", words)]))

    def touched_by(self, pieces: Iterable[Piece]) -> NDArray[np.int64]:
        """Give the days, ascending (since 1970), of which files tell that hold an instrument of the panel."""
        days = [
            piece.outline.days
            for piece in pieces
            if bool(np.any(columns_of(piece.outline.symbols, columns_in(self.universe, piece.provider)) >= 0))
        ]
        return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *days]))


@dataclass(frozen=True, eq=False)
class Plan:
    """What stands before the older bars are read: the years to make anew, and all that is told of the days touched."""

    renewing: Renewing
    made: Made
    years: frozenset[int]
    touched: NDArray[np.int64]
    chosen: Mapping[int, Series]
    judged: Sound
    findings: tuple[Finding, ...]


def planned(
    renewing: Renewing,
    made: Made,
    pieces: Sequence[Piece | None],
    *,
    touched: NDArray[np.int64],
    paid: Paid | None,
) -> Plan | None:
    """Plan the years to make anew, or give None where the whole must be.

    `made` is what the older panel was made of. `pieces` are of all files, oldest first, with the bars of each that tells of
    a day touched: files that came, went, or moved, had them. `paid` is None where nothing that was told of actions changed.
    """
    asked, days = renewing, renewing.days
    held = series_of(pieces, asked.universe, asked.told_by, only=touched.astype("datetime64[D]"))
    if not _goes_on(made, days) or _are_vintages(held):
        return None
    chosen, findings = choose(held, asked.universe, asked.rules.source_order)
    keys = tuple(chosen[at].key if at in chosen else None for at in range(len(asked.universe.instruments)))
    tellings = tellings_of(held, asked.rules.source_order)
    if unusable(held, chosen, asked.rules.source_order) or keys != made.chosen or _has_rival(tellings, chosen):
        return None
    rows, outside = within(rows_of(chosen), days)
    told_anew = set(touched.tolist())
    left = {day: count for day, count in made.outside.items() if day not in told_anew}
    judged = sound(rows, days, asked.universe, kinds=(), told_by=asked.told_by)
    begins, ends = _begins(made, judged, touched), _ends(made, judged, touched)
    if begins is None or ends is None:
        return None
    newer = replace(
        made,
        calendar=days.astype(np.int64),
        first=ends[0],
        last=ends[1],
        begins=begins,
        outside={**left, **outside},
        paid=made.paid if paid is None else paid,
    )
    names = [row.id for row in asked.universe.instruments]
    told = [*outside_findings(newer.outside, days), *newer.paid.findings, *unused(tellings, names, begins)]
    years = _years_of(touched[(touched >= newer.calendar[0]) & (touched <= newer.calendar[-1])].tolist())
    years |= _moved(made, newer) | (set() if paid is None else _paid_otherwise(made.paid, paid))
    words = (*findings, *told, *newer.paid.unknown)
    return Plan(renewing, newer, frozenset(years), touched, chosen, judged, words)


def renewed(plan: Plan, before: Panel) -> tuple[Cleaned, Renewal]:
    """Make the years of a plan anew; `before` are those years of the older panel, with what is dated in them."""
    made, touched = plan.made, plan.touched
    days = plan.renewing.days
    whole = days[(days.astype(np.int64) >= made.first) & (days.astype(np.int64) <= made.last)]
    anew = whole[np.isin(_years(whole), sorted(plan.years))]
    universe, dates = plan.renewing.universe, set(touched.astype("datetime64[D]").tolist())
    wide = wide_of(plan.judged.newest, anew, len(universe.instruments))
    old = before.sessions.astype("datetime64[D]")
    stays = np.isin(_years(old), sorted(plan.years)) & ~np.isin(old.astype(np.int64), touched)
    wide[:, np.searchsorted(anew, old[stays])] = before.values()[:, stays]
    panel = panel_of(wide, plan.chosen, universe, days=anew)
    panel = replace(panel, known_at=plan.renewing.told_by.known_at(anew), calendar=plan.renewing.calendar)
    were = [defect for defect in before.defects if defect.session.year in plan.years]
    stay = [one for one in were if one.session not in dates and not one.detail.startswith(STRAY_DIVIDEND)]
    ends = (whole[0].astype(object), whole[-1].astype(object))
    panel = with_paid(panel, made.paid.of_years(plan.years), (*plan.judged.defects, *stay), ends=ends)
    counts = Counter(made.defects) - Counter(one.check for one in were) + Counter(one.check for one in panel.defects)
    cleaned = Cleaned(Gate(panel, plan.findings), replace(made, defects=counts), is_renewable=True)
    return cleaned, Renewal(panel, plan.years)


def _goes_on(made: Made, days: Days) -> bool:
    """Say whether the calendar is the one that it was, days after its end added, and no bar waited for one of those."""
    now, was = days.astype(np.int64), made.calendar
    is_longer = len(now) > len(was)
    waits = is_longer and any(day > was[-1] for day in made.outside)
    return bool(len(was)) and np.array_equal(now[: len(was)], was) and not waits


def _are_vintages(held: Sequence[Series]) -> bool:
    """Say whether a provider told one kind of prices as of several days: then those are held against each other."""
    kinds = {(one.provider, one.basis.kind, one.basis) for one in held}
    return len({(provider, kind) for provider, kind, _ in kinds}) < len(kinds)


def _has_rival(tellings: Iterable[Telling], chosen: Mapping[int, Series]) -> bool:
    """Say whether any column is told by another provider than the one that it comes from."""
    return any(
        one.reach.is_told[at] and one.provider != series.provider for one in tellings for at, series in chosen.items()
    )


def _begins(made: Made, judged: Sound, touched: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Give the first day with a bar of each column, or None where a touched one was the first and no longer is one."""
    newest, told = judged.newest, np.full(len(made.begins), NEVER, dtype=np.int64)
    is_bar = ~np.isnan(newest.values[_CLOSE])
    np.minimum.at(told, newest.column[is_bar], newest.session[is_bar].astype(np.int64))
    if bool(np.any(np.isin(made.begins, touched) & (told > made.begins))):
        return None
    return np.minimum(told, made.begins)


def _ends(made: Made, judged: Sound, touched: NDArray[np.int64]) -> tuple[int, int] | None:
    """Give the first and last session that is told of, or None where a touched one was an end and is told of no more."""
    told = np.unique(judged.newest.session.astype(np.int64))
    if any(end in touched and end not in told for end in (made.first, made.last)):
        return None
    return min([made.first, *told[:1].tolist()]), max([made.last, *told[-1:].tolist()])


def _moved(made: Made, newer: Made) -> set[int]:
    """Give the years between where a panel ended and where it ends now: days without a bar come to stand in it."""
    moves = [(newer.first, made.first), (made.last, newer.last)]
    years = [_years_of([start, stop]) for start, stop in moves if start != stop]
    return {year for ends in years for year in range(min(ends), max(ends) + 1)}


def _paid_otherwise(was: Paid, now: Paid) -> set[int]:
    """Give the years in which other dividends or splits are told."""
    years = {year for year in (*was.dividends, *now.dividends) if was.dividends.get(year) != now.dividends.get(year)}
    return years | {one.session.year for one in set(was.splits) ^ set(now.splits)}


def _years(days: Days) -> NDArray[np.int64]:
    years: NDArray[np.int64] = days.astype("datetime64[Y]").astype(np.int64) + 1970
    return years


def _years_of(days: Sequence[int]) -> set[int]:
    return set(_years(np.array(days, dtype="datetime64[D]")).tolist())

"""Cleaning: what the sources told becomes one panel, one provider a column, and what was wrong is written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import BAR_FIELDS, Days, Fixing, FixingTable, Floats, Parsed
from core.domain.instrument import EXCHANGE_CALENDAR, CalendarName, Currency, Universe
from core.domain.panel import Defect, Panel
from core.gate import Finding, Gate, block, closed, note
from core.market_data.compare import compared, rivals_of
from core.market_data.evening import ASSUMED, Evening
from core.market_data.paid import Paid, paid_in
from core.market_data.series import Key, Series, choose, pieces_of, rows_of, series_of, tellings_of, unusable
from core.market_data.sound import Sound, sound, within
from core.market_data.unused import first_bars, unused
from core.market_data.versions import Told
from core.settings import DataRules

# How the words of a dividend between two sessions begin.
STRAY_DIVIDEND = "a dividend of "


def clean_bars(
    parsed: Sequence[Parsed],
    universe: Universe,
    rules: DataRules,
    *,
    sessions: Sequence[date],
    calendar: CalendarName = EXCHANGE_CALENDAR,
) -> Gate[Panel]:
    """Turn parsed files, oldest first, into the panel of a calendar, whose days `sessions` are.

    The panel has a column for each instrument of the universe whose bars stand on those days (NaN and no provider where
    no file holds it) and a row for each session from the first to the last bar. A column comes from one provider, the
    first of the policy's `source_order` that holds it, and from one series of it: one that goes on before one that ended
    a month earlier, split-adjusted before raw before total-return, then the newest as-of day, then the newest file. Of a
    date told twice the last row counts; a bar with a price missing, not positive or outside low..high becomes NaN; a row
    on no session is left out. Each of these is a defect of the panel.
    Dividends count where they stand in the collection that the bars come from, and not beside total-return bars.
    """
    return cleaned(parsed, universe, rules, sessions=sessions, calendar=calendar).gate


@dataclass(frozen=True, eq=False)
class Made:
    """What a panel was made of, as far as making some of its years anew asks for it.

    `chosen` has the series of each column, `begins` the first day with a bar of each (NEVER where none), `outside` how many
    rows stand before or after the calendar's ends, by day, `defects` how many there are by check. Days are since 1970.
    """

    calendar: NDArray[np.int64]
    first: int
    last: int
    chosen: tuple[Key | None, ...]
    begins: NDArray[np.int64]
    outside: Mapping[int, int]
    defects: Mapping[str, int]
    paid: Paid


@dataclass(frozen=True, eq=False)
class Cleaned:
    """What cleaning came to: of an open gate, what the panel was made of, and whether years of it can be renewed alone."""

    gate: Gate[Panel]
    made: Made | None = None
    is_renewable: bool = False


def cleaned(
    parsed: Sequence[Parsed],
    universe: Universe,
    rules: DataRules,
    *,
    sessions: Sequence[date],
    calendar: CalendarName = EXCHANGE_CALENDAR,
) -> Cleaned:
    """Do what `clean_bars` does, and tell what the panel was made of."""
    universe, told_by = universe.on(calendar), Evening(calendar, rules.assumed_lag_hours)
    held = series_of(pieces_of(parsed), universe, told_by)
    chosen, findings = choose(held, universe, rules.source_order)
    objection = unusable(held, chosen, rules.source_order)
    if objection is not None:
        return Cleaned(closed([block("data", "bars", objection), *findings]))
    days = calendar_days(sessions)
    rows, outside = within(rows_of(chosen), days)
    kinds = [chosen[at].basis.kind if at in chosen else "raw" for at in range(len(universe.instruments))]
    judged = sound(rows, days, universe, kinds=kinds, told_by=told_by)
    findings += outside_findings(outside, days)
    if not len(judged.newest.session):
        return Cleaned(closed([block("data", "bars", f"no bar falls on a session of {_span(days)}"), *findings]))
    placed = judged.newest.session
    within_ends = days[(days >= placed.min()) & (days <= placed.max())]
    wide = wide_of(judged.newest, within_ends, len(universe.instruments))
    panel = panel_of(wide, chosen, universe, days=within_ends)
    panel = replace(_with_knowledge(panel, judged, told_by, chosen), calendar=calendar)
    paid = paid_in(parsed, universe, chosen)
    tellings = tellings_of(held, rules.source_order)
    rivals = rivals_of(tellings, panel)
    apart, compared_with = compared(panel, rivals, limit_bps=float(rules.disagreement_bps_max))
    ends = (panel.sessions[0].astype(object), panel.sessions[-1].astype(object))
    panel = with_paid(panel, paid, (*judged.defects, *apart), ends=ends)
    begins = first_bars(panel)
    findings += [*paid.findings, *unused(tellings, panel.instruments, begins), *paid.unknown, *compared_with]
    made = Made(
        calendar=days.astype(np.int64),
        first=int(panel.sessions[0].astype(np.int64)),
        last=int(panel.sessions[-1].astype(np.int64)),
        chosen=tuple(chosen[at].key if at in chosen else None for at in range(len(universe.instruments))),
        begins=begins,
        outside=outside,
        defects=Counter(defect.check for defect in panel.defects),
        paid=paid,
    )
    # Rivals are compared over all of their sessions, and what was told later may stand in other units.
    is_whole = bool(rivals) or any(bool(np.any(one.rows.known != ASSUMED)) for one in held)
    return Cleaned(Gate(panel, tuple(findings)), made, is_renewable=not is_whole)


def calendar_days(sessions: Sequence[date]) -> Days:
    """Give a calendar's days, ascending, each once."""
    ordinals = np.fromiter(map(date.toordinal, sessions), dtype=np.int64)
    return (np.unique(ordinals) - date(1970, 1, 1).toordinal()).astype("datetime64[D]")


def outside_findings(outside: Mapping[int, int], days: Days) -> list[Finding]:
    """Say how many bars stand outside of a calendar, where any does."""
    if not outside:
        return []
    words = f"{sum(outside.values())} bars before or after {_span(days)} are left out"
    return [note("data", "calendar", words)]


def clean_fixings(
    parsed: Sequence[Parsed], currencies: Collection[Currency], *, is_synthetic: bool
) -> tuple[Fixing, ...]:
    """Give the fixings of some currencies, oldest first, a day and currency once: the newest file's word counts.

    Synthetic fixings belong to a synthetic market and to no other.
    """
    newest: dict[tuple[date, Currency], Fixing] = {}
    told = [one.fixings.of(currencies) if isinstance(one.fixings, FixingTable) else one.fixings for one in parsed]
    for fixing in (fixing for fixings in told for fixing in fixings):
        if fixing.currency in currencies and (fixing.source == "synthetic") == is_synthetic:
            newest[fixing.day, fixing.currency] = fixing
    return tuple(newest[key] for key in sorted(newest))


def panel_of(wide: Floats, chosen: Mapping[int, Series], universe: Universe, *, days: Days) -> Panel:
    """Give bars of shape (fields, sessions, instruments) as a panel whose knowledge is assumed."""
    columns = range(len(universe.instruments))
    return Panel(
        sessions=days,
        instruments=tuple(instrument.id for instrument in universe.instruments),
        basis=tuple(chosen[at].basis if at in chosen else None for at in columns),
        provider=tuple(chosen[at].provider if at in chosen else "" for at in columns),
        knowledge="assumed",
        snapshot="",
        open=wide[0],
        high=wide[1],
        low=wide[2],
        close=wide[3],
        adj_close=wide[4],
        volume=wide[5],
    )


def wide_of(rows: Told, days: Days, width: int) -> Floats:
    """Give rows, one a column and session of `days`, as an array of shape (fields, sessions, instruments)."""
    wide: Floats = np.full((len(BAR_FIELDS), len(days), width), np.nan)
    at = np.searchsorted(days, rows.session) * width + rows.column
    for plane, values in zip(wide, rows.values, strict=True):
        # One NaN has one byte form here, whatever a file held: the hash of a panel rests on it.
        plane.reshape(-1)[at] = np.where(np.isnan(values), np.nan, values)
    return wide


def with_paid(panel: Panel, paid: Paid, defects: Sequence[Defect], *, ends: tuple[date, date]) -> Panel:
    """Give a panel, or some years of one that goes from one end to another, with its defects and what was paid in it.

    A dividend between two sessions is a defect.
    """
    first, last = ends
    sessions = set(panel.sessions.tolist())
    told = chain.from_iterable(paid.dividends[year] for year in sorted(paid.dividends))
    within = [one for one in told if first <= one.session <= last]
    strays = [
        Defect(one.session, one.instrument, "non_session", f"{STRAY_DIVIDEND}{one.amount}")
        for one in within
        if one.session not in sessions
    ]
    return replace(
        panel,
        dividends=tuple(one for one in within if one.session in sessions),
        splits=tuple(split for split in paid.splits if split.session in sessions),
        announced=paid.announced,
        defects=tuple(sorted((*defects, *strays))),
    )


def _with_knowledge(panel: Panel, judged: Sound, told_by: Evening, chosen: Mapping[int, Series]) -> Panel:
    """Say since when the bars were known: by session where all was assumed, else by bar, with the versions before."""
    recorded = tuple(panel.instruments[at] for at in sorted(chosen) if chosen[at].is_recorded)
    panel = replace(
        panel,
        knowledge="recorded" if len(recorded) == len(chosen) else "assumed",
        recorded=recorded if len(recorded) < len(chosen) else (),
    )
    newest = judged.newest
    if not bool(np.any(newest.known != ASSUMED)):
        return replace(panel, known_at=told_by.known_at(panel.sessions))
    instants = np.full(panel.close.shape, "NaT", dtype="datetime64[s]")
    instants[np.searchsorted(panel.sessions, newest.session), newest.column] = newest.known.astype("datetime64[s]")
    return replace(panel, known_at=instants, versions=judged.versions, links=judged.links)


def _span(calendar: Days) -> str:
    return f"{calendar[0]} to {calendar[-1]}" if len(calendar) else "an empty calendar"

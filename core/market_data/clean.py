"""Cleaning: what the sources told becomes one panel, one provider a column, and what was wrong is written down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import repeat
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import (
    BAR_FIELDS,
    Action,
    Bars,
    Basis,
    BasisKind,
    Days,
    Fixing,
    FixingTable,
    Floats,
    Parsed,
    Provider,
)
from core.domain.instrument import EXCHANGE_CALENDAR, CalendarName, Currency, Instrument, InstrumentId, Universe
from core.domain.panel import Defect, Dividend, Link, Panel, Split, Versions
from core.gate import Finding, Gate, block, closed, note
from core.market_data.compare import Telling, compared, rivals_of
from core.market_data.defects import MEANING, judged
from core.market_data.detect import Vintage, restatement_of, small_rational
from core.market_data.pending import announced_actions
from core.market_data.unused import unused
from core.market_data.versions import Told, in_order, links_of, newest_of, without_repeats
from core.settings import DataRules

_Whole = NDArray[np.int64]

_CLOSE, _ADJ_CLOSE = BAR_FIELDS.index("close"), BAR_FIELDS.index("adj_close")
# How far a told ratio may be from the split that it is: four decimals of a ratio such as 0.3333.
EXACT = 2e-4
# What stands for the instant of a row of which nobody noted when it was told.
_ASSUMED = -1
EXCHANGE_CLOSE = time(16, 0)
EXCHANGE_ZONE = ZoneInfo("America/New_York")
# A series that ends so much earlier than its provider's newest one has ended: it cannot be decided on.
_ENDED_DAYS = 30
# Units survive a split only in split-adjusted prices; a total-return series cannot be held in units at all.
_KINDS: tuple[BasisKind, ...] = ("split-adjusted", "raw", "total-return")


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
    universe, told_by = universe.on(calendar), Evening(calendar, rules.assumed_lag_hours)
    held = _series_of(parsed, universe, told_by)
    chosen, findings = _choose(held, universe, rules.source_order)
    objection = _unusable(held, chosen, rules.source_order)
    if objection is not None:
        return closed([block("data", "bars", objection), *findings])
    days = np.array(sorted(set(sessions)), dtype="datetime64[D]")
    rows, outside = _within(_rows_of(chosen), days)
    kinds = [chosen[at].basis.kind if at in chosen else "raw" for at in range(len(universe.instruments))]
    sound = _sound(rows, days, universe, kinds=kinds, told_by=told_by)
    placed = sound.newest
    if outside:
        findings.append(note("data", "calendar", f"{outside} bars before or after {_span(days)} are left out"))
    if not len(placed.session):
        return closed([block("data", "bars", f"no bar falls on a session of {_span(days)}"), *findings])
    panel = replace(_panel(placed, chosen, universe, calendar=days), calendar=calendar)
    dividends, elsewhere = _dividends(parsed, universe, chosen)
    if elsewhere:
        words = f"{elsewhere} dividends are left out: the bars come from another collection than they stand in"
        findings.append(note("data", "dividends", words))
    whole = _with_knowledge(panel, sound, told_by)
    splits, odd = _splits(parsed, universe, chosen)
    findings += odd
    on_days = set(panel.sessions.tolist())
    whole = replace(whole, splits=tuple(split for split in splits if split.session in on_days))
    announced, unknown = announced_actions(parsed, universe)
    tellings = _tellings(held, rules.source_order)
    apart, compared_with = compared(whole, rivals_of(tellings, whole), limit_bps=float(rules.disagreement_bps_max))
    whole = replace(_with_dividends(whole, dividends, (*sound.defects, *apart)), announced=announced)
    return Gate(whole, (*findings, *unused(tellings, whole), *unknown, *compared_with))


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


@dataclass(frozen=True)
class Evening:
    """When the bars of a day count as known where nobody noted it: the end of the calendar's day, plus an assumed lag.

    That is 16:00 in New York for the exchange, whose half day counts as a full one, which is late by hours and never
    early; where trading does not stop, it is the midnight in UTC after which no price of the day can come.
    """

    calendar: CalendarName
    lag_hours: int

    def known_at(self, sessions: Days) -> Days:
        """Give the instants (UTC, datetime64[s]) from which the bars of sessions count as known."""
        if self.calendar != EXCHANGE_CALENDAR:
            ends: Days = (sessions.astype("datetime64[D]") + 1).astype("datetime64[h]")
            return (ends + self.lag_hours).astype("datetime64[s]")
        instants: list[datetime] = []
        for session in sessions.astype("datetime64[D]").tolist():
            close = datetime.combine(session, EXCHANGE_CLOSE, EXCHANGE_ZONE) + timedelta(hours=self.lag_hours)
            instants.append(close.astimezone(UTC).replace(tzinfo=None))
        return np.array(instants, dtype="datetime64[s]")

    def seconds(self, days: Days) -> _Whole:
        """Give the same, a row, in seconds of the epoch."""
        unique, at = np.unique(days.astype("datetime64[D]"), return_inverse=True)
        return self.known_at(unique).astype(np.int64)[at]


@dataclass(frozen=True, eq=False)
class _Series:
    """Bars that belong together: those of one basis of one collection, or those of one total-return file."""

    provider: Provider
    place: str
    basis: Basis
    at: int
    rows: Told

    @cached_property
    def is_recorded(self) -> bool:
        """Say whether somebody noted of every row when it was told."""
        return not bool(np.any(self.rows.known == _ASSUMED))

    def __str__(self) -> str:
        """Say which it is."""
        return f"{self.place or 'a file'} ({self.basis})"


# --- which series is used ---------------------------------------------------------------------------------------------


def _series_of(parsed: Sequence[Parsed], universe: Universe, told_by: Evening) -> list[_Series]:
    """Put the universe's bars together by series, in the order in which each series was last added to."""
    grouped: dict[tuple[Provider, str, Basis], list[tuple[int, Parsed]]] = defaultdict(list)
    for at, one in enumerate(parsed):
        if one.bars is not None and len(one.bars.session):
            grouped[one.bars.provider, _place(one), one.bars.basis].append((at, one))
    return [_series(key, parts, universe, told_by=told_by) for key, parts in grouped.items()]


def _place(one: Parsed) -> str:
    is_whole = one.bars is not None and one.bars.basis.kind == "total-return"
    return one.file if is_whole else one.file.rpartition("/")[0]


def _series(
    key: tuple[Provider, str, Basis], parts: Sequence[tuple[int, Parsed]], universe: Universe, *, told_by: Evening
) -> _Series:
    provider, place, basis = key
    told = [one.bars for _, one in parts if one.bars is not None]
    if basis.as_of is None and basis.kind != "raw":
        # Nobody said as of which day the provider adjusted; it cannot have been before the collection's last bar.
        last = max(bars.session.max() for bars in told).astype("datetime64[D]").astype(object)
        basis = Basis(basis.kind, max([last, *(bars.basis.as_of for bars in told if bars.basis.as_of)]))
    columns = _columns(universe, provider)
    rows = _joined_rows([_rows_in(bars, columns, told_by) for bars in told])
    return _Series(provider, place, basis, max(at for at, _ in parts), rows)


def _columns(universe: Universe, provider: Provider) -> dict[str, int]:
    symbols = ((_symbol(instrument, provider), at) for at, instrument in enumerate(universe.instruments))
    return {symbol: at for symbol, at in symbols if symbol}


def _symbol(instrument: Instrument, provider: Provider) -> str:
    return instrument.stooq_symbol.lower() if provider == "stooq" else instrument.yahoo_symbol


def _rows_in(bars: Bars, columns: Mapping[str, int], told_by: Evening) -> Told:
    column = np.array(list(map(columns.get, bars.symbol.tolist(), repeat(-1))), dtype=np.int64)
    keep = column >= 0
    values = np.array([getattr(bars, name)[keep] for name in BAR_FIELDS], dtype=np.float64)
    if bars.known_on is not None:
        known = told_by.seconds(bars.known_on[keep])
    else:
        known = np.full(len(values[0]), _ASSUMED, dtype=np.int64)
    return Told(column[keep], bars.session[keep].astype("datetime64[D]"), known, values)


def _joined_rows(parts: Sequence[Told]) -> Told:
    return Told(
        np.concatenate([part.column for part in parts]),
        np.concatenate([part.session for part in parts]),
        np.concatenate([part.known for part in parts]),
        np.concatenate([part.values for part in parts], axis=1),
    )


def _unusable(held: Sequence[_Series], chosen: Mapping[int, _Series], order: Sequence[str]) -> str | None:
    if not chosen:
        providers = ", ".join(sorted({one.provider for one in held if len(one.rows.column)})) or "nobody"
        return f"no file of {', '.join(order)} holds a bar of the universe; those that do are of {providers}"
    if len({series.provider == "synthetic" for series in chosen.values()}) > 1:
        return "synthetic bars would stand beside real ones; keep them in a workspace of their own"
    return None


def _choose(
    held: Sequence[_Series], universe: Universe, source_order: Sequence[str]
) -> tuple[dict[int, _Series], list[Finding]]:
    """Give the series of each column, and a note wherever its provider had more than one."""
    candidates: dict[int, list[tuple[_Series, int]]] = defaultdict(list)
    for one in held:
        last = np.full(len(universe.instruments), -1, dtype=np.int64)
        # Without an adjusted close there is no bar: such a series can be compared with, and not be used.
        rows = one.rows.taken(np.isfinite(one.rows.values[_ADJ_CLOSE]))
        np.maximum.at(last, rows.column, rows.session.astype("datetime64[D]").astype(np.int64))
        for column in np.flatnonzero(last >= 0).tolist() if one.provider in source_order else ():
            candidates[column].append((one, int(last[column])))
    chosen: dict[int, _Series] = {}
    findings: list[Finding] = []
    for column in sorted(candidates):
        newest = {one.provider: last for one, last in sorted(candidates[column], key=lambda pair: pair[1])}
        ranked = [
            (_preference(one, source_order, has_ended=last < newest[one.provider] - _ENDED_DAYS), one)
            for one, last in candidates[column]
        ]
        best, *others = (one for _, one in sorted(ranked, key=lambda pair: pair[0]))
        chosen[column] = best
        rivals = [str(other) for other in others if other.provider == best.provider]
        if rivals:
            words = f"{best.provider}: {best} is used, and not {', '.join(rivals)}"
            findings.append(note("data", universe.instruments[column].id, words))
        findings += _restated(best, others, column, universe.instruments[column].id)
    return chosen, findings


def _restated(best: _Series, others: Sequence[_Series], column: int, name: InstrumentId) -> Iterator[Finding]:
    """Say where a provider told the past otherwise in the series that is used than in one told before it."""
    for other in others:
        if (other.provider, other.basis.kind) == (best.provider, best.basis.kind) and other.basis != best.basis:
            restated = restatement_of(_vintage(other, column), _vintage(best, column))
            if restated is not None:
                yield note("data", name, f"{best.provider}: {other}, {restated} in {best}")


def _tellings(held: Sequence[_Series], order: Sequence[str]) -> list[Telling]:
    """Give what each provider of the order told, preferred series first."""
    known = [one for one in held if one.provider in order]
    return [
        Telling(str(one), one.provider, one.basis.kind, one.rows, bool(np.all(one.rows.known == _ASSUMED)))
        for one in sorted(known, key=lambda one: _preference(one, order, has_ended=False))
    ]


def _vintage(series: _Series, column: int) -> Vintage:
    rows = series.rows.taken(series.rows.column == column)
    sessions, last = np.unique(rows.session[::-1], return_index=True)
    return Vintage(sessions, rows.values[_CLOSE][::-1][last])


def _preference(one: _Series, source_order: Sequence[str], *, has_ended: bool) -> tuple[int, bool, int, int, int]:
    as_of = one.basis.as_of.toordinal() if one.basis.as_of else 0
    return source_order.index(one.provider), has_ended, _KINDS.index(one.basis.kind), -as_of, -one.at


def _rows_of(chosen: Mapping[int, _Series]) -> Told:
    """Take from each series the columns that it was chosen for."""
    parts: list[Told] = []
    for series in dict.fromkeys(chosen.values()):
        wanted = [column for column, one in chosen.items() if one is series]
        parts.append(series.rows.taken(np.isin(series.rows.column, wanted)))
    return parts[0] if len(parts) == 1 else _joined_rows(parts)


# --- which rows are sound ---------------------------------------------------------------------------------------------


def _within(rows: Told, calendar: Days) -> tuple[Told, int]:
    """Give the rows between the calendar's ends, and how many stand outside."""
    if not len(calendar):
        return rows.taken(np.zeros(len(rows.session), dtype=np.bool_)), len(rows.session)
    is_within = (rows.session >= calendar[0]) & (rows.session <= calendar[-1])
    return rows.taken(is_within), int(np.sum(~is_within))


@dataclass(frozen=True, eq=False)
class _Sound:
    """One row a column and session, NaN where it cannot be believed; what was told before it; and what was wrong."""

    newest: Told
    defects: tuple[Defect, ...]
    versions: Versions | None = None
    links: tuple[Link, ...] = ()


def _sound(rows: Told, calendar: Days, universe: Universe, *, kinds: Sequence[BasisKind], told_by: Evening) -> _Sound:
    """Judge rows: a defect for each thing that is wrong with those that count now."""
    # As numbers they are looked up in a table; as dates they would be sorted.
    is_session = np.isin(rows.session.astype(np.int64), calendar.astype("datetime64[D]").astype(np.int64))
    strays, kept = rows.taken(~is_session), rows.taken(is_session)
    defects = [_defect(strays, at, universe, "non_session") for at in range(len(strays.session))]
    if not bool(np.any(kept.known != _ASSUMED)):
        last, told = _last_of_each(kept)
        defects += [_defect(kept, at, universe, "duplicate_date") for at in last[told > 1].tolist()]
        newest, more = _believed(kept.taken(last), universe)
        return _Sound(newest, (*defects, *more))
    assumed = np.where(kept.known == _ASSUMED, told_by.seconds(kept.session), kept.known)
    single, repeated = without_repeats(in_order(replace(kept, known=assumed)))
    defects += [_defect(repeated, at, universe, "duplicate_date") for at in range(len(repeated.session))]
    links = links_of(single, kinds, [instrument.id for instrument in universe.instruments])
    newest, versions = newest_of(single)
    newest, more = _believed(newest, universe)
    # What was wrong with a version that is no longer believed is nobody's defect now; then, its bar was not there.
    is_bad = np.logical_or.reduce([is_wrong for _, is_wrong in judged(versions.values)])
    versions = replace(versions, values=np.where(is_bad, np.nan, versions.values))
    return _Sound(newest, (*defects, *more), versions if len(versions.column) else None, links)


def _believed(rows: Told, universe: Universe) -> tuple[Told, list[Defect]]:
    """Give the rows with NaN in all fields of each bad one, and a defect for each thing that is wrong."""
    defects: list[Defect] = []
    is_bad = np.zeros(len(rows.session), dtype=np.bool_)
    for check, is_wrong in judged(rows.values):
        defects += [_defect(rows, at, universe, check) for at in np.flatnonzero(is_wrong).tolist()]
        is_bad |= is_wrong
    return replace(rows, values=np.where(is_bad, np.nan, rows.values)) if is_bad.any() else rows, defects


def _defect(rows: Told, at: int, universe: Universe, check: str) -> Defect:
    told = zip(BAR_FIELDS, rows.values[:, at].tolist(), strict=True)
    detail = f"{MEANING[check]}: {', '.join(f'{name} {value:.10g}' for name, value in told)}"
    return Defect(rows.session[at].astype(object), universe.instruments[int(rows.column[at])].id, check, detail)


def _last_of_each(rows: Told) -> tuple[_Whole, _Whole]:
    """Give, a column and session, the place of its last row and how many rows it has."""
    if not len(rows.session):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    day = rows.session.astype(np.int64)
    cell = rows.column * (int(day.max()) + 1) + day
    _, first_from_end, count = np.unique(cell[::-1], return_index=True, return_counts=True)
    return len(cell) - 1 - first_from_end, count


# --- the panel --------------------------------------------------------------------------------------------------------


def _panel(rows: Told, chosen: Mapping[int, _Series], universe: Universe, *, calendar: Days) -> Panel:
    columns = range(len(universe.instruments))
    days = calendar[(calendar >= rows.session.min()) & (calendar <= rows.session.max())]
    wide = _wide(rows, days, len(columns))
    recorded = tuple(universe.instruments[at].id for at in columns if at in chosen and chosen[at].is_recorded)
    return Panel(
        sessions=days,
        instruments=tuple(instrument.id for instrument in universe.instruments),
        basis=tuple(chosen[at].basis if at in chosen else None for at in columns),
        provider=tuple(chosen[at].provider if at in chosen else "" for at in columns),
        knowledge="recorded" if len(recorded) == len(chosen) else "assumed",
        recorded=recorded if len(recorded) < len(chosen) else (),
        snapshot="",
        open=wide[0],
        high=wide[1],
        low=wide[2],
        close=wide[3],
        adj_close=wide[4],
        volume=wide[5],
    )


def _with_knowledge(panel: Panel, sound: _Sound, told_by: Evening) -> Panel:
    """Say since when the bars were known: by session where all was assumed, else by bar, with the versions before."""
    assumed = told_by.known_at(panel.sessions)
    newest = sound.newest
    if not bool(np.any(newest.known != _ASSUMED)):
        return replace(panel, known_at=assumed)
    instants = np.full(panel.close.shape, "NaT", dtype="datetime64[s]")
    instants[np.searchsorted(panel.sessions, newest.session), newest.column] = newest.known.astype("datetime64[s]")
    return replace(panel, known_at=instants, versions=sound.versions, links=sound.links)


def _wide(rows: Told, days: Days, width: int) -> Floats:
    """Give an array of shape (fields, sessions, instruments), the fields in the order of BAR_FIELDS."""
    wide: Floats = np.full((len(BAR_FIELDS), len(days), width), np.nan)
    at = np.searchsorted(days, rows.session) * width + rows.column
    for plane, values in zip(wide, rows.values, strict=True):
        # One NaN has one byte form here, whatever a file held: the hash of a panel rests on it.
        plane.reshape(-1)[at] = np.where(np.isnan(values), np.nan, values)
    return wide


def _dividends(
    parsed: Sequence[Parsed], universe: Universe, chosen: Mapping[int, _Series]
) -> tuple[list[Dividend], int]:
    """Give the dividends told where the bars come from, in order, and how many were told elsewhere."""
    columns = {name: _columns(universe, name) for name in {series.provider for series in chosen.values()}}
    amounts: dict[tuple[date, InstrumentId], Decimal] = {}
    elsewhere = 0
    for one in parsed:
        in_file: dict[tuple[date, InstrumentId], Decimal] = defaultdict(Decimal)
        for action in one.actions:
            column = columns.get(action.provider, {}).get(action.symbol, -1)
            if action.dividend > 0 and _pays(chosen.get(column), action):
                is_here = chosen[column].place == _place(one)
                elsewhere += not is_here
                if is_here:
                    in_file[action.session, universe.instruments[column].id] += action.dividend
        # A later file replaces what an earlier one told of a day; within one file a day may have two dividends.
        amounts.update(in_file)
    return [Dividend(session, name, amount) for (session, name), amount in sorted(amounts.items())], elsewhere


def _splits(
    parsed: Sequence[Parsed], universe: Universe, chosen: Mapping[int, _Series]
) -> tuple[list[Split], list[Finding]]:
    """Give the splits of raw bars, told where the bars come from, in order; a ratio that multiplies no units is a finding."""
    columns = {name: _columns(universe, name) for name in {series.provider for series in chosen.values()}}
    found: dict[tuple[date, InstrumentId], Split] = {}
    odd: list[Finding] = []
    for one in parsed:
        for action in one.actions:
            column = columns.get(action.provider, {}).get(action.symbol, -1)
            series = chosen.get(column)
            if action.split_ratio <= 0 or action.split_ratio == 1 or series is None or series.basis.kind != "raw":
                continue
            if series.provider != action.provider or series.place != _place(one):
                continue
            name, ratio = universe.instruments[column].id, small_rational(float(action.split_ratio), tolerance=EXACT)
            if ratio is None:
                words = f"a ratio of {action.split_ratio} on {action.session} is no split of units: a spin-off, perhaps"
                odd.append(note("data", name, words))
                continue
            units = Decimal(ratio.numerator) / Decimal(ratio.denominator)
            found[action.session, name] = Split(action.session, name, units)
    return [found[key] for key in sorted(found)], odd


def _pays(series: _Series | None, action: Action) -> bool:
    return series is not None and series.provider == action.provider and series.basis.kind != "total-return"


def _with_dividends(panel: Panel, dividends: Sequence[Dividend], defects: Sequence[Defect]) -> Panel:
    """Give the panel with the dividends of its sessions; one between two sessions is a defect."""
    days = panel.sessions.tolist()
    within = [dividend for dividend in dividends if days[0] <= dividend.session <= days[-1]]
    sessions = set(days)
    strays = [
        Defect(one.session, one.instrument, "non_session", f"a dividend of {one.amount}")
        for one in within
        if one.session not in sessions
    ]
    return replace(
        panel,
        dividends=tuple(one for one in within if one.session in sessions),
        defects=tuple(sorted((*defects, *strays))),
    )


def _span(calendar: Days) -> str:
    return f"{calendar[0]} to {calendar[-1]}" if len(calendar) else "an empty calendar"

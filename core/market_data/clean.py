"""Cleaning: what the sources told becomes one panel, one provider a column, and what was wrong is written down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import repeat
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import BAR_FIELDS, Action, Bars, Basis, BasisKind, Days, Fixing, Floats, Parsed, Provider
from core.domain.instrument import Currency, Instrument, InstrumentId, Universe
from core.domain.panel import Defect, Dividend, Panel
from core.gate import Finding, Gate, block, closed, note
from core.settings import DataRules

_Whole = NDArray[np.int64]

EXCHANGE_CLOSE = time(16, 0)
EXCHANGE_ZONE = ZoneInfo("America/New_York")
# Units survive a split only in split-adjusted prices; a total-return series cannot be held in units at all.
_KINDS: tuple[BasisKind, ...] = ("split-adjusted", "raw", "total-return")
_MEANING = {
    "non_session": "the exchange was closed",
    "duplicate_date": "told more than once, the last is kept",
    "missing_value": "a price is missing",
    "non_positive": "a price is zero or less",
    "ohlc": "open or close is outside low to high",
}


def clean_bars(
    parsed: Sequence[Parsed], universe: Universe, rules: DataRules, *, sessions: Sequence[date]
) -> Gate[Panel]:
    """Turn parsed files, oldest first, into the panel of a universe; `sessions` are the exchange's.

    The panel has a column for each instrument of the universe (NaN and no provider where no file holds it) and a
    row for each session from the first to the last bar. A column comes from one provider, the first of the policy's
    `source_order` that holds it, and from one series of it: split-adjusted before raw before total-return, then the
    newest as-of day, then the newest file. Of a date told twice the last row counts; a bar with a price missing, not
    positive or outside low..high becomes NaN; a row on no session is left out. Each of these is a defect of the panel.
    Dividends count where they stand in the collection that the bars come from, and not beside total-return bars.
    """
    held = _series_of(parsed, universe)
    chosen, findings = _choose(held, universe, rules.source_order)
    objection = _unusable(held, chosen, rules.source_order)
    if objection is not None:
        return closed([block("data", "bars", objection), *findings])
    calendar = np.array(sorted(set(sessions)), dtype="datetime64[D]")
    rows, outside = _within(_rows_of(chosen), calendar)
    placed, defects = _sound(rows, calendar, universe)
    if outside:
        findings.append(note("data", "calendar", f"{outside} bars before or after {_span(calendar)} are left out"))
    if not len(placed.session):
        return closed([block("data", "bars", f"no bar falls on a session of {_span(calendar)}"), *findings])
    panel = _panel(placed, chosen, universe, calendar=calendar)
    dividends, elsewhere = _dividends(parsed, universe, chosen)
    if elsewhere:
        words = f"{elsewhere} dividends are left out: the bars come from another collection than they stand in"
        findings.append(note("data", "dividends", words))
    whole = replace(panel, known_at=known_at(panel.sessions, rules.assumed_lag_hours))
    return Gate(_with_dividends(whole, dividends, defects), tuple(findings))


def clean_fixings(
    parsed: Sequence[Parsed], currencies: Collection[Currency], *, is_synthetic: bool
) -> tuple[Fixing, ...]:
    """Give the fixings of some currencies, oldest first, a day and currency once: the newest file's word counts.

    Synthetic fixings belong to a synthetic market and to no other.
    """
    newest: dict[tuple[date, Currency], Fixing] = {}
    for fixing in (fixing for one in parsed for fixing in one.fixings):
        if fixing.currency in currencies and (fixing.source == "synthetic") == is_synthetic:
            newest[fixing.day, fixing.currency] = fixing
    return tuple(newest[key] for key in sorted(newest))


def known_at(sessions: Days, lag_hours: int) -> Days:
    """Give the instants (UTC, datetime64[s]) from which bars count as known: 16:00 in New York plus an assumed lag.

    A half day counts as a full one, which is late by hours and never early.
    """
    instants: list[datetime] = []
    for session in sessions.astype("datetime64[D]").tolist():
        close = datetime.combine(session, EXCHANGE_CLOSE, EXCHANGE_ZONE) + timedelta(hours=lag_hours)
        instants.append(close.astimezone(UTC).replace(tzinfo=None))
    return np.array(instants, dtype="datetime64[s]")


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of bars: column, session and the six values a row, in the order in which they were told."""

    column: _Whole
    session: Days
    values: Floats

    def taken(self, keep: NDArray[np.bool_] | _Whole) -> _Rows:
        """Give some of the rows."""
        return _Rows(self.column[keep], self.session[keep], self.values[:, keep])


@dataclass(frozen=True, eq=False)
class _Series:
    """Bars that belong together: those of one basis of one collection, or those of one total-return file."""

    provider: Provider
    place: str
    basis: Basis
    at: int
    rows: _Rows

    def __str__(self) -> str:
        """Say which it is."""
        return f"{self.place or 'a file'} ({self.basis})"


# --- which series is used ---------------------------------------------------------------------------------------------


def _series_of(parsed: Sequence[Parsed], universe: Universe) -> list[_Series]:
    """Put the universe's bars together by series, in the order in which each series was last added to."""
    grouped: dict[tuple[Provider, str, Basis], list[tuple[int, Bars]]] = defaultdict(list)
    for at, one in enumerate(parsed):
        if one.bars is not None and len(one.bars.session):
            grouped[one.bars.provider, _place(one), one.bars.basis].append((at, one.bars))
    return [_series(key, parts, universe) for key, parts in grouped.items()]


def _place(one: Parsed) -> str:
    is_whole = one.bars is not None and one.bars.basis.kind == "total-return"
    return one.file if is_whole else one.file.rpartition("/")[0]


def _series(key: tuple[Provider, str, Basis], parts: Sequence[tuple[int, Bars]], universe: Universe) -> _Series:
    provider, place, basis = key
    if basis.as_of is None and basis.kind != "raw":
        # Nobody said as of which day the provider adjusted; it cannot have been before the collection's last bar.
        basis = Basis(basis.kind, max(bars.session.max() for _, bars in parts).astype("datetime64[D]").astype(object))
    columns = _columns(universe, provider)
    rows = _joined_rows([_rows_in(bars, columns) for _, bars in parts])
    return _Series(provider, place, basis, max(at for at, _ in parts), rows)


def _columns(universe: Universe, provider: Provider) -> dict[str, int]:
    symbols = ((_symbol(instrument, provider), at) for at, instrument in enumerate(universe.instruments))
    return {symbol: at for symbol, at in symbols if symbol}


def _symbol(instrument: Instrument, provider: Provider) -> str:
    return instrument.stooq_symbol.lower() if provider == "stooq" else instrument.yahoo_symbol


def _rows_in(bars: Bars, columns: Mapping[str, int]) -> _Rows:
    column = np.array(list(map(columns.get, bars.symbol.tolist(), repeat(-1))), dtype=np.int64)
    keep = column >= 0
    values = np.array([getattr(bars, name)[keep] for name in BAR_FIELDS], dtype=np.float64)
    return _Rows(column[keep], bars.session[keep].astype("datetime64[D]"), values)


def _joined_rows(parts: Sequence[_Rows]) -> _Rows:
    return _Rows(
        np.concatenate([part.column for part in parts]),
        np.concatenate([part.session for part in parts]),
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
    candidates: dict[int, list[_Series]] = defaultdict(list)
    for one in held:
        for column in np.unique(one.rows.column).tolist():
            if one.provider in source_order:
                candidates[column].append(one)
    chosen: dict[int, _Series] = {}
    findings: list[Finding] = []
    for column in sorted(candidates):
        best, *others = sorted(candidates[column], key=lambda one: _preference(one, source_order))
        chosen[column] = best
        rivals = [str(other) for other in others if other.provider == best.provider]
        if rivals:
            words = f"{best.provider}: {best} is used, and not {', '.join(rivals)}"
            findings.append(note("data", universe.instruments[column].id, words))
    return chosen, findings


def _preference(one: _Series, source_order: Sequence[str]) -> tuple[int, int, int, int]:
    as_of = one.basis.as_of.toordinal() if one.basis.as_of else 0
    return source_order.index(one.provider), _KINDS.index(one.basis.kind), -as_of, -one.at


def _rows_of(chosen: Mapping[int, _Series]) -> _Rows:
    """Take from each series the columns that it was chosen for."""
    parts: list[_Rows] = []
    for series in dict.fromkeys(chosen.values()):
        wanted = [column for column, one in chosen.items() if one is series]
        parts.append(series.rows.taken(np.isin(series.rows.column, wanted)))
    return _joined_rows(parts)


# --- which rows are sound ---------------------------------------------------------------------------------------------


def _within(rows: _Rows, calendar: Days) -> tuple[_Rows, int]:
    """Give the rows between the calendar's ends, and how many stand outside."""
    if not len(calendar):
        return rows.taken(np.zeros(len(rows.session), dtype=np.bool_)), len(rows.session)
    is_within = (rows.session >= calendar[0]) & (rows.session <= calendar[-1])
    return rows.taken(is_within), int(np.sum(~is_within))


def _sound(rows: _Rows, calendar: Days, universe: Universe) -> tuple[_Rows, list[Defect]]:
    """Give one row a column and session, NaN where it cannot be believed, and a defect for each thing wrong."""
    is_session = np.isin(rows.session, calendar)
    strays, kept = rows.taken(~is_session), rows.taken(is_session)
    defects = [_defect(strays, at, universe, "non_session") for at in range(len(strays.session))]
    last, told = _last_of_each(kept)
    defects += [_defect(kept, at, universe, "duplicate_date") for at in last[told > 1].tolist()]
    kept = kept.taken(last)
    is_bad = np.zeros(len(last), dtype=np.bool_)
    for check, is_wrong in _judged(kept.values):
        defects += [_defect(kept, at, universe, check) for at in np.flatnonzero(is_wrong).tolist()]
        is_bad |= is_wrong
    return _Rows(kept.column, kept.session, np.where(is_bad, np.nan, kept.values)), defects


def _defect(rows: _Rows, at: int, universe: Universe, check: str) -> Defect:
    told = zip(BAR_FIELDS, rows.values[:, at].tolist(), strict=True)
    detail = f"{_MEANING[check]}: {', '.join(f'{name} {value:.10g}' for name, value in told)}"
    return Defect(rows.session[at].astype(object), universe.instruments[int(rows.column[at])].id, check, detail)


def _last_of_each(rows: _Rows) -> tuple[_Whole, _Whole]:
    """Give, a column and session, the place of its last row and how many rows it has."""
    if not len(rows.session):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    day = rows.session.astype(np.int64)
    cell = rows.column * (int(day.max()) + 1) + day
    _, first_from_end, count = np.unique(cell[::-1], return_index=True, return_counts=True)
    return len(cell) - 1 - first_from_end, count


def _judged(values: Floats) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Give each check of a bar with the rows that fail it; a NaN fails only the first."""
    opened, high, low, close, adj_close = values[:5]
    prices = (opened, high, low, close, adj_close)
    yield "missing_value", np.logical_or.reduce([~np.isfinite(price) for price in prices])
    yield "non_positive", np.logical_or.reduce([price <= 0 for price in prices])
    yield "ohlc", (high < np.maximum(opened, close)) | (low > np.minimum(opened, close))


# --- the panel --------------------------------------------------------------------------------------------------------


def _panel(rows: _Rows, chosen: Mapping[int, _Series], universe: Universe, *, calendar: Days) -> Panel:
    columns = range(len(universe.instruments))
    days = calendar[(calendar >= rows.session.min()) & (calendar <= rows.session.max())]
    wide = _wide(rows, days, len(columns))
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


def _wide(rows: _Rows, days: Days, width: int) -> Floats:
    """Give an array of shape (fields, sessions, instruments), the fields in the order of BAR_FIELDS."""
    wide: Floats = np.full((len(BAR_FIELDS), len(days), width), np.nan)
    # One NaN has one byte form here, whatever a file held: the hash of a panel rests on it.
    wide[:, np.searchsorted(days, rows.session), rows.column] = np.where(np.isnan(rows.values), np.nan, rows.values)
    return wide


def _dividends(
    parsed: Sequence[Parsed], universe: Universe, chosen: Mapping[int, _Series]
) -> tuple[list[Dividend], int]:
    """Give the dividends told where the bars come from, in order, and how many were told elsewhere."""
    columns = {series.provider: _columns(universe, series.provider) for series in chosen.values()}
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

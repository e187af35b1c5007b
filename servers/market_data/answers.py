"""What the market data tools answer: numbers, days and words of our own; nothing that a provider wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, get_args

from servers.answers import Answer, Instant, Number, Paging, paged
from servers.market_data.view import FRESH_SESSIONS, View
from servers.references import Kind, PriceBasis

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.domain.bars import Floats
    from core.domain.instrument import Instrument, InstrumentId
    from core.domain.panel import Panel
    from core.domain.quality import CheckResult, QualityReport

BARS_A_PAGE = 80
RETURNS_A_PAGE = 200
INSTRUMENTS_A_PAGE = 50
WHOLE_RETURNS_MAX = 50
STALE_MAX = 20
FOUND_MAX = 5
EXCLUDED_MAX = 60
# The words that the numbers of a check stand between. A text with any other word is not shown: what a provider or a file
# wrote never comes in by a check's mouth.
WORDS = frozenset(
    re.findall(
        "[a-z]+",
        """
        a above after an and any at bar bars before below between bp by cent close closes day days degraded digits dividend
        dividends each fall falls for from half in instrument instruments is its known last least median more most no none not
        of on or over per price prices ratio row s session sessions share sound split splits steps than the times to trade usual
        value values volume whole with within without x
        """,
    )
)
NOT_SHOWN = "not shown"


class Freshness(Answer):
    """The newest bar of what is shown and how many sessions before as-of it is; null without one in 30 sessions."""

    last_bar: date | None
    age_sessions: int | None
    stale: tuple[str, ...]
    stale_count: int


class Provenance(Answer):
    """What a reader must know of numbers: up to when, known until when, in which basis, of which clean set, made up or not."""

    as_of: date
    known_at: Instant
    calendar: str
    basis: tuple[str, ...]
    knowledge: Literal["recorded", "assumed"]
    providers: tuple[str, ...]
    snapshot: str
    is_synthetic: bool
    freshness: Freshness


class Bar(Answer):
    """One bar; a number that the clean set does not hold is null. Restated: it was told otherwise after known_at."""

    instrument: str
    session: date
    open: Number | None
    high: Number | None
    low: Number | None
    close: Number | None
    volume: Number | None
    is_restated: bool


class Bars(Answer):
    """Bars by session, then instrument."""

    provenance: Provenance
    shown_as: PriceBasis
    paging: Paging
    bars: tuple[Bar, ...]


class Return(Answer):
    """The return of an instrument in a session, from the close of the session before, a fraction."""

    instrument: str
    session: date
    value: Number


class WholeReturn(Answer):
    """The return of an instrument from the close before the first session shown to the last one it has."""

    instrument: str
    first: date
    last: date
    value: Number


class Returns(Answer):
    """Returns by session, then instrument, and over the whole range (of the first 50 instruments)."""

    provenance: Provenance
    shown_as: PriceBasis
    paging: Paging
    returns: tuple[Return, ...]
    over_range: tuple[WholeReturn, ...]


class Found(Answer):
    """What a check found in one instrument: how many bars, and the first and last session of them."""

    instrument: str
    bars: int
    first: date
    last: date


class Check(Answer):
    """One quality check: its number against its threshold, and the first instruments in which it failed."""

    check: str
    severity: Literal["block", "degrade", "note"]
    has_passed: bool
    value: str
    threshold: str
    found: tuple[Found, ...]
    found_count: int


class Exclusion(Answer):
    """An instrument left out, and why: the checks that it failed, `no_bar`, `illiquid`, or `not_valid` by its dates."""

    instrument: str
    reasons: tuple[str, ...]


class Quality(Answer):
    """Whether the bars are fit to decide on as of the session."""

    provenance: Provenance
    has_passed: bool
    checks: tuple[Check, ...]
    excluded: tuple[Exclusion, ...]
    excluded_count: int


class Span(Answer):
    """Days on which an instrument counts, both included; without a last one it lasts."""

    first: date
    last: date | None


class Listed(Answer):
    """An instrument of the universe; last_bar is null without a bar in 30 sessions up to as-of."""

    instrument: str
    venue_name: str
    exchange: str
    calendar: str
    currency: str
    kind: Kind
    sector: str
    is_tradable: bool
    verified_on: date | None
    periods: tuple[Span, ...]
    last_bar: date | None


class Listing(Answer):
    """The universe as it is configured now; the provenance is null before anything was ingested."""

    as_of: date
    universe_hash: str
    provenance: Provenance | None
    paging: Paging
    instruments: tuple[Listed, ...]


def bars_of(view: View, panel: Panel, names: Sequence[InstrumentId], *, basis: PriceBasis, page: int) -> Bars:
    """Give a page of a panel's bars, as they are stored or with dividends and splits worked in."""
    on_page, paging = paged(range(len(panel.sessions) * len(names)), page, BARS_A_PAGE)
    places = [divmod(place, len(names)) for place in on_page]
    columns = _columns(panel, basis)
    return Bars(
        provenance=provenance(view, names),
        shown_as=basis,
        paging=paging,
        bars=tuple(_bar(panel, columns, at, names[column]) for at, column in places),
    )


def returns_of(
    view: View, panel: Panel, names: Sequence[InstrumentId], *, first: date, basis: PriceBasis, page: int
) -> Returns:
    """Give a page of a panel's returns from `first` on, and those over the whole range."""
    close = panel.adj_close if basis == "total_return" else panel.close
    days: list[date] = panel.sessions.astype("datetime64[D]").tolist()
    at_first = next((at for at, day in enumerate(days) if day >= first), len(days))
    close = close[:, [panel.instruments.index(name) for name in names]]
    cells = _with_return(close, max(1, at_first))
    on_page, paging = paged(range(len(cells)), page, RETURNS_A_PAGE)
    places = [divmod(cells[at].item(), len(names)) for at in on_page]
    start = max(0, at_first - 1)
    return Returns(
        provenance=provenance(view, names),
        shown_as=basis,
        paging=paging,
        returns=tuple(
            Return(instrument=names[column], session=days[at], value=_change(close[:, column], at - 1, at))
            for at, column in places
        ),
        over_range=tuple(
            whole
            for column, name in enumerate(names[:WHOLE_RETURNS_MAX])
            for whole in _whole(close[:, column], name, start=start, days=days)
        ),
    )


def quality_of(view: View) -> Quality:
    """Judge the bars that a decision as of the view's session looks at."""
    from core.market_data.quality import judge_panel

    setup, needed = view.setup, view.setup.strategy.sessions_needed
    panel = view.judged(view.back(needed))
    closes_at, execution = setup.calendar.close_of(view.as_of), setup.calendar.next_session(view.as_of)
    rules = setup.policy.data
    report = judge_panel(panel, setup.universe, rules, view.as_of, closes_at=closes_at, execution=execution).value
    return Quality(
        provenance=provenance(view, panel.instruments),
        has_passed=report.has_passed,
        checks=tuple(_check(one) for one in report.checks),
        excluded=_exclusions(report, panel, view),
        excluded_count=len(report.excluded),
    )


def listing_of(view: View, rows: Sequence[Instrument], *, page: int) -> Listing:
    """Give a page of instruments of the universe."""
    on_page, paging = paged(rows, page, INSTRUMENTS_A_PAGE)
    has_bars = view.clean.current() is not None
    calendars = sorted({row.calendar for row in rows}) if has_bars else []
    views = [replace(view, on=name) for name in calendars if view.clean.has(view.snapshot, name)]
    last = {name: day for one in views for name, day in _last_bars(_recent(one)).items()}
    return Listing(
        as_of=view.as_of,
        universe_hash=view.setup.universe_hash,
        provenance=provenance(view, [row.id for row in rows]) if has_bars else None,
        paging=paging,
        instruments=tuple(_listed(row, last.get(row.id)) for row in on_page),
    )


def provenance(view: View, names: Sequence[InstrumentId]) -> Provenance:
    """Say where the numbers of some instruments come from, and how fresh they are."""
    from core.domain.provider import Provider

    panel = _recent(view)
    columns = [column for name in names if (column := panel.column(name)) is not None]
    return Provenance(
        as_of=view.as_of,
        known_at=view.known_at,
        calendar=view.on,
        basis=tuple(sorted({str(panel.basis[column] or "unknown") for column in columns})),
        knowledge="recorded" if names and all(map(panel.is_recorded, names)) else "assumed",
        providers=tuple(sorted({panel.provider[column] for column in columns} & set(get_args(Provider)))),
        snapshot=panel.snapshot,
        is_synthetic=panel.is_synthetic,
        freshness=_freshness(view, _last_bars(panel), names),
    )


def shown(text: str) -> str:
    """Give a check's numbers with the words of our own between them; a text with any other word is not shown."""
    words = re.findall("[A-Za-z]+", text)
    is_ours = len(text) <= 80 and text.isascii() and text.isprintable() and WORDS.issuperset(words)
    return text if is_ours else NOT_SHOWN


def _recent(view: View) -> Panel:
    return view.panel(view.back(FRESH_SESSIONS), view.as_of)


def _freshness(view: View, last: Mapping[InstrumentId, date], names: Sequence[InstrumentId]) -> Freshness:
    newest = max((last[name] for name in names if name in last), default=None)
    stale = [name for name in names if last.get(name) != view.as_of]
    age = None if newest is None else len(view.calendar.sessions_between(newest, view.as_of)) - 1
    return Freshness(last_bar=newest, age_sessions=age, stale=tuple(stale[:STALE_MAX]), stale_count=len(stale))


def _last_bars(panel: Panel) -> dict[InstrumentId, date]:
    """Give the session of the last bar of each instrument that has one."""
    import numpy as np

    days: list[date] = panel.sessions.astype("datetime64[D]").tolist()
    if not days:
        return {}
    # A close is above zero; a comparison with NaN is false.
    has_bar = panel.close[::-1] > 0
    rows = len(days) - 1 - has_bar.argmax(axis=0)
    pairs = zip(panel.instruments, rows.tolist(), np.any(has_bar, axis=0).tolist(), strict=True)
    return {name: days[row] for name, row, has_any in pairs if has_any}


def _columns(panel: Panel, basis: PriceBasis) -> tuple[Floats, ...]:
    """Give open, high, low, close and volume in a basis."""
    if basis == "as_stored":
        return panel.open, panel.high, panel.low, panel.close, panel.volume
    from core.market_data.adjust import adjust_bars

    whole = adjust_bars(panel)
    return whole.open, whole.high, whole.low, whole.close, whole.volume


def _bar(panel: Panel, columns: Sequence[Floats], at: int, name: InstrumentId) -> Bar:
    column = panel.instruments.index(name)
    opened, high, low, close, volume = (_number(float(values[at, column])) for values in columns)
    return Bar(
        instrument=name,
        session=panel.sessions[at].astype("datetime64[D]").item(),
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        is_restated=panel.is_restated is not None and bool(panel.is_restated[at, column]),
    )


def _with_return(close: Floats, begin: int) -> NDArray[np.int64]:
    """Give the places, row by row, of the closes from a row on that have a return: both they and the ones before are there."""
    import numpy as np

    # A comparison with NaN is false, so that an absent bar gives no return.
    is_held = close > 0
    has_return = np.zeros_like(is_held)
    has_return[begin:] = is_held[begin:] & is_held[begin - 1 : -1]
    return np.flatnonzero(has_return)


def _whole(values: Floats, name: InstrumentId, *, start: int, days: Sequence[date]) -> Iterator[WholeReturn]:
    held = [start + at for at in (values[start:] > 0).nonzero()[0].tolist()]
    if len(held) > 1:
        value = _change(values, held[0], held[-1])
        yield WholeReturn(instrument=name, first=days[held[0]], last=days[held[-1]], value=value)


def _change(values: Floats, before: int, at: int) -> Decimal:
    """Give the return between two closes that are there."""
    return _digits(float(values[at]) / float(values[before]) - 1)


def _number(value: float) -> Decimal | None:
    """Give a float's digits as far as they mean something; null for NaN."""
    return _digits(value) if value == value else None


def _digits(value: float) -> Decimal:
    return Decimal(f"{value:.10g}")


def _check(one: CheckResult) -> Check:
    return Check(
        check=one.check,
        severity=one.severity,
        has_passed=one.has_passed,
        value=shown(one.value),
        threshold=shown(one.threshold),
        found=tuple(
            Found(instrument=found.instrument, bars=found.bars, first=found.first, last=found.last)
            for found in one.found[:FOUND_MAX]
        ),
        found_count=len(one.found),
    )


def _exclusions(report: QualityReport, panel: Panel, view: View) -> tuple[Exclusion, ...]:
    """Give why instruments are left out, as names: the reasons in words stay in the report."""
    from core.market_data.liquidity import illiquid

    row, rules = panel.row(view.as_of), view.setup.policy.data
    has_bar = set() if row is None else {name for at, name in enumerate(panel.instruments) if panel.close[row, at] > 0}
    found = {
        **{one.check: {found.instrument for found in one.found} for one in report.checks if one.severity == "degrade"},
        "no_bar": set(panel.instruments) - has_bar,
        "not_valid": {one.id for one in view.setup.universe.instruments if not one.is_valid_on(view.as_of)},
        "illiquid": {name for name, _ in illiquid(panel, view.as_of, rules)},
    }
    return tuple(
        Exclusion(instrument=name, reasons=tuple(check for check, names in found.items() if name in names))
        for name, _ in report.excluded[:EXCLUDED_MAX]
    )


def _listed(row: Instrument, last_bar: date | None) -> Listed:
    return Listed(
        instrument=row.id,
        venue_name=row.etoro_search_name,
        exchange=row.exchange,
        calendar=row.calendar,
        currency=row.currency,
        kind=row.kind,
        sector=row.sector,
        is_tradable=row.is_tradable_as_underlying,
        verified_on=row.verified_on,
        periods=tuple(Span(first=one.first, last=one.last) for one in row.periods),
        last_bar=last_bar,
    )

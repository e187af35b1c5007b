"""What the market data tools answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from servers.answers import WORDS_LENGTH_MAX, Answer, Number, Paging, paged
from servers.refusals import Code, Refused

if TYPE_CHECKING:
    from core.domain.bars import Floats
    from core.domain.instrument import Instrument, Universe
    from core.domain.panel import Panel
    from core.domain.quality import QualityReport

BARS_A_PAGE = 90
RETURNS_A_PAGE = 220
INSTRUMENTS_A_PAGE = 75


class Provenance(Answer):
    """What a reader must know of bars: up to when, in which basis, known how, of which clean set, real or made up."""

    as_of: date
    basis: tuple[str, ...]
    knowledge: str
    snapshot: str
    is_synthetic: bool


class Bar(Answer):
    """One bar; a number that the clean set does not hold is null."""

    instrument: str
    session: date
    open: Number | None
    high: Number | None
    low: Number | None
    close: Number | None
    total_return_close: Number | None
    volume: Number | None


class Bars(Answer):
    """Bars by session, then instrument."""

    provenance: Provenance
    paging: Paging
    bars: tuple[Bar, ...]


class Return(Answer):
    """The total return of an instrument in a session, from the close of the session before, a fraction."""

    instrument: str
    session: date
    value: Number


class WholeReturn(Answer):
    """The total return of an instrument from the close before the first session shown to the last one it has."""

    instrument: str
    first: date
    last: date
    value: Number


class Returns(Answer):
    """Returns by session, then instrument, and over the whole range."""

    provenance: Provenance
    paging: Paging
    returns: tuple[Return, ...]
    over_range: tuple[WholeReturn, ...]


class Check(Answer):
    """One quality check: its number against its threshold."""

    check: str
    value: str
    threshold: str
    has_passed: bool
    detail: str


class Exclusion(Answer):
    """An instrument left out, and why."""

    instrument: str
    reason: str


class Quality(Answer):
    """Whether the bars are fit to decide on as of the session."""

    provenance: Provenance
    has_passed: bool
    checks: tuple[Check, ...]
    excluded: tuple[Exclusion, ...]


class Listed(Answer):
    """A row of the universe."""

    instrument: str
    venue_name: str
    exchange: str
    currency: str
    kind: str
    sector: str
    is_tradable: bool
    verified_on: date | None
    valid_from: date
    valid_to: date | None


class Listing(Answer):
    """The universe as it is configured now."""

    as_of: date
    universe_hash: str
    paging: Paging
    instruments: tuple[Listed, ...]


def bars_of(panel: Panel, names: Sequence[str], as_of: date, *, page: int) -> Bars:
    """Give a page of a panel's bars."""
    rows, paging = paged([(at, name) for at in range(len(panel.sessions)) for name in names], page, BARS_A_PAGE)
    return Bars(
        provenance=provenance(panel, as_of, names),
        paging=paging,
        bars=tuple(_bar(panel, at, name) for at, name in rows),
    )


def returns_of(panel: Panel, names: Sequence[str], as_of: date, *, first: date, page: int) -> Returns:
    """Give a page of a panel's returns from `first` on, and those over the whole range."""
    days: list[date] = panel.sessions.astype("datetime64[D]").tolist()
    found = [row for at, day in enumerate(days) if at and day >= first for row in _returns_at(panel, at, names)]
    rows, paging = paged(found, page, RETURNS_A_PAGE)
    start = max(0, next((at for at, day in enumerate(days) if day >= first), 0) - 1)
    return Returns(
        provenance=provenance(panel, as_of, names),
        paging=paging,
        returns=tuple(rows),
        over_range=tuple(whole for name in names for whole in _whole(panel, start, name)),
    )


def quality_of(report: QualityReport, panel: Panel) -> Quality:
    """Give a quality report."""
    return Quality(
        provenance=provenance(panel, report.as_of, panel.instruments),
        has_passed=report.has_passed,
        checks=tuple(
            Check(
                check=one.check,
                value=one.value[:WORDS_LENGTH_MAX],
                threshold=one.threshold[:WORDS_LENGTH_MAX],
                has_passed=one.has_passed,
                detail=one.detail[:WORDS_LENGTH_MAX],
            )
            for one in report.checks
        ),
        excluded=tuple(
            Exclusion(instrument=name, reason=reason[: WORDS_LENGTH_MAX // 2]) for name, reason in report.excluded[:60]
        ),
    )


def listing_of(universe: Universe, digest: str, as_of: date, *, page: int) -> Listing:
    """Give a page of a universe."""
    rows, paging = paged(universe.instruments, page, INSTRUMENTS_A_PAGE)
    return Listing(as_of=as_of, universe_hash=digest, paging=paging, instruments=tuple(_listed(row) for row in rows))


def provenance(panel: Panel, as_of: date, names: Sequence[str]) -> Provenance:
    """Say where a panel's numbers come from."""
    columns = [column for name in names if (column := panel.column(name)) is not None]
    return Provenance(
        as_of=as_of,
        basis=tuple(sorted({str(panel.basis[column] or "unknown") for column in columns})),
        knowledge=panel.knowledge,
        snapshot=panel.snapshot,
        is_synthetic=panel.is_synthetic,
    )


def known(panel: Panel, names: Sequence[str]) -> tuple[str, ...]:
    """Give the names in their order, each once; raises Refused when the clean set does not hold one."""
    unknown = sorted(set(names) - set(panel.instruments))
    if unknown:
        words = f"the clean set holds no {', '.join(unknown)}"
        raise Refused(Code.NO_SUCH_INSTRUMENT, words, would_pass="ids that list_universe gives")
    return tuple(sorted(set(names)))


def _bar(panel: Panel, at: int, name: str) -> Bar:
    def number(values: Floats) -> Decimal | None:
        return _number(float(values[at, panel.instruments.index(name)]))

    return Bar(
        instrument=name,
        session=panel.sessions[at].astype("datetime64[D]").item(),
        open=number(panel.open),
        high=number(panel.high),
        low=number(panel.low),
        close=number(panel.close),
        total_return_close=number(panel.adj_close),
        volume=number(panel.volume),
    )


def _returns_at(panel: Panel, at: int, names: Sequence[str]) -> Iterator[Return]:
    day = panel.sessions[at].astype("datetime64[D]").item()
    for name in names:
        value = _change(panel, name, at - 1, at)
        if value is not None:
            yield Return(instrument=name, session=day, value=value)


def _whole(panel: Panel, start: int, name: str) -> Iterator[WholeReturn]:
    column = panel.instruments.index(name)
    held = [at for at in range(start, len(panel.sessions)) if panel.adj_close[at, column] > 0]
    value = _change(panel, name, held[0], held[-1]) if len(held) > 1 else None
    if value is not None:
        first, last = (panel.sessions[at].astype("datetime64[D]").item() for at in (held[0], held[-1]))
        yield WholeReturn(instrument=name, first=first, last=last, value=value)


def _change(panel: Panel, name: str, before: int, at: int) -> Decimal | None:
    column = panel.instruments.index(name)
    past, now = float(panel.adj_close[before, column]), float(panel.adj_close[at, column])
    # A comparison with NaN is false, so that an absent bar gives no return.
    return _number(now / past - 1) if past > 0 and now > 0 else None


def _number(value: float) -> Decimal | None:
    """Give a float's digits as far as they mean something; null for NaN."""
    return Decimal(f"{value:.10g}") if value == value else None


def _listed(row: Instrument) -> Listed:
    return Listed(
        instrument=row.id,
        venue_name=row.etoro_search_name,
        exchange=row.exchange,
        currency=row.currency,
        kind=row.kind,
        sector=row.sector,
        is_tradable=row.is_tradable_as_underlying,
        verified_on=row.verified_on,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )

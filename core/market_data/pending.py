"""Pending actions: which of the announced splits and dividends take effect between as-of and the execution session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime

from core.domain.bars import Announcement, Parsed
from core.domain.instrument import InstrumentId, Universe
from core.domain.panel import Panel
from core.domain.pending import PERSON, Announced, PendingAction, PendingDividend, PendingSplit
from core.gate import Finding
from core.market_data.detect import small_rational, split_words

# From here on an adj_close of a raw bar says more than the dividend of a day: a split, or a spin-off, of the next session.
EVE_FACTOR = 0.9
# Prices are told to a cent, and a dividend may go with a split: 1/7 of 702.60 is 100.37.
EVE_TOLERANCE = 0.01


def announced_actions(
    parsed: Iterable[Parsed], universe: Universe
) -> tuple[tuple[Announced, ...], tuple[Finding, ...]]:
    """Give what was told ahead of its ex-date of a universe's instruments, in order, each once.

    A person names an instrument by its id, a provider by its own symbol. A person's row of none is a finding.
    """
    found: set[Announced] = set()
    findings: list[Finding] = []
    by_source = {PERSON: {row.id: row.id for row in universe.instruments}}
    for told in (told for one in parsed for told in one.announced):
        names = by_source.setdefault(told.source, _names_of(universe, told.source))
        name = names.get(told.symbol)
        if name is None and told.source == PERSON:
            words = f"announced for {told.session}, but {told.symbol} is no instrument of the universe; it needs a row there"
            findings.append(Finding("data", told.symbol, words, "warn"))
        elif name is not None:
            found |= {Announced(told.known_at, action) for action in _actions_of(told, name)}
    return tuple(sorted(found, key=_in_order)), tuple(findings)


def pending_actions(announced: Iterable[Announced], as_of: date, execution: date) -> tuple[PendingAction, ...]:
    """Give the actions with an ex-date after as-of and up to the execution session, by session and instrument, each once.

    `announced` is what was known when the decision is made. Of what one source told of an action more than once the
    last counts; a split of 1 and a dividend of 0 are none. Raises ValueError when the execution is not after as-of.
    """
    if execution <= as_of:
        raise ValueError(f"execution on {execution} is not after as-of {as_of}")
    newest: dict[tuple[type, date, InstrumentId, str], PendingAction] = {}
    for told in sorted(announced, key=_in_order):
        action = told.action
        if as_of < action.session <= execution:
            newest[type(action), action.session, action.instrument, action.source] = action
    left = [action for action in newest.values() if not _is_taken_back(action)]
    return tuple(sorted(left, key=lambda one: (one.session, one.instrument, str(one))))


def known_announcements(panel: Panel, at: datetime | None) -> Panel:
    """Give a panel with what was announced by an instant; None: with all that is known."""
    if at is None or all(told.known_at <= at for told in panel.announced):
        return panel
    return replace(panel, announced=tuple(told for told in panel.announced if told.known_at <= at))


def not_in_basis(pending: Iterable[PendingAction], panel: Panel) -> dict[InstrumentId, str]:
    """Say of which instruments the bars are in units that a pending split ends, with the split's words.

    Bars adjusted as of the ex-date or later are in the new units already.
    """
    words: dict[InstrumentId, str] = {}
    for action in pending:
        column = panel.column(action.instrument)
        basis = None if column is None else panel.basis[column]
        is_new = basis is not None and basis.as_of is not None and basis.as_of >= action.session
        if isinstance(action, PendingSplit) and not is_new:
            words[action.instrument] = str(action)
    return words


def told_on_the_eve(panel: Panel, as_of: date) -> dict[InstrumentId, str]:
    """Say of which instruments the provider adjusted the as-of bar itself for something of the next session, with words.

    Only recorded knowledge of an instrument tells this of it: an adj_close told on that very evening differs from a raw
    close by what comes next, one told years later by all that came since.
    """
    row = panel.row(as_of)
    if row is None:
        return {}
    words: dict[InstrumentId, str] = {}
    for name, basis, close, adj_close in zip(
        panel.instruments, panel.basis, panel.close[row].tolist(), panel.adj_close[row].tolist(), strict=True
    ):
        is_raw = basis is not None and basis.kind == "raw"
        is_told = is_raw and close > 0 and adj_close > 0 and panel.is_recorded(name)
        if is_told and not EVE_FACTOR < adj_close / close < 1 / EVE_FACTOR:
            split = small_rational(close / adj_close, tolerance=EVE_TOLERANCE)
            what = f"split {split_words(split)}" if split else f"adj_close is {adj_close / close:.4g} of close"
            words[name] = f"{what} at the next session (told on the eve)"
    return words


def _names_of(universe: Universe, provider: str) -> dict[str, InstrumentId]:
    """Give the instrument of each symbol of a provider."""
    if provider == "stooq":
        return {row.stooq_symbol.lower(): row.id for row in universe.instruments if row.stooq_symbol}
    return {row.yahoo_symbol: row.id for row in universe.instruments if row.yahoo_symbol}


def _actions_of(told: Announcement, name: InstrumentId) -> Iterator[PendingAction]:
    if told.split_ratio is not None:
        yield PendingSplit(told.session, name, told.split_ratio, told.source)
    if told.dividend is not None:
        yield PendingDividend(told.session, name, told.dividend, told.source)


def _is_taken_back(action: PendingAction) -> bool:
    return action.ratio == 1 if isinstance(action, PendingSplit) else action.amount == 0


def _in_order(told: Announced) -> tuple[datetime, date, InstrumentId, str]:
    return told.known_at, told.action.session, told.action.instrument, str(told.action)

"""Pending actions: which announced splits and dividends take effect between as-of and the execution session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from core.domain.bars import Action
from core.domain.instrument import InstrumentId
from core.domain.panel import Panel
from core.domain.pending import PendingAction, PendingDividend, PendingSplit
from core.market_data.detect import small_rational, split_words

# From here on an adj_close of a raw bar says more than the dividend of a day: a split, or a spin-off, of the next session.
EVE_FACTOR = 0.9
# Prices are told to a cent, and a dividend may go with a split: 1/7 of 702.60 is 100.37.
EVE_TOLERANCE = 0.01
NO_SPLIT = (Decimal(0), Decimal(1))


def pending_actions(
    actions: Iterable[Action], as_of: date, execution: date, *, names: Mapping[str, InstrumentId]
) -> tuple[PendingAction, ...]:
    """Give the actions with an ex-date after as-of and up to the execution session, by session and instrument, each once.

    `actions` are those known at as-of; `names` gives the instrument of each symbol of their provider, others are left out.
    A row of an action may hold both a dividend and a split. Raises ValueError when the execution is not after as-of.
    """
    if execution <= as_of:
        raise ValueError(f"execution on {execution} is not after as-of {as_of}")
    found: set[PendingAction] = set()
    for action in actions:
        name = names.get(action.symbol)
        if name is None or not as_of < action.session <= execution:
            continue
        if action.split_ratio not in NO_SPLIT:
            found.add(PendingSplit(action.session, name, action.split_ratio, action.provider))
        if action.dividend > 0:
            found.add(PendingDividend(action.session, name, action.dividend, action.provider))
    return tuple(sorted(found, key=lambda one: (one.session, one.instrument, str(one))))


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

    Only recorded knowledge tells this: an adj_close told on that very evening differs from a raw close by what comes next,
    one told years later by all that came since.
    """
    row = panel.row(as_of)
    if row is None or panel.knowledge != "recorded":
        return {}
    words: dict[InstrumentId, str] = {}
    for name, basis, close, adj_close in zip(
        panel.instruments, panel.basis, panel.close[row].tolist(), panel.adj_close[row].tolist(), strict=True
    ):
        is_raw = basis is not None and basis.kind == "raw"
        if is_raw and close > 0 and adj_close > 0 and not EVE_FACTOR < adj_close / close < 1 / EVE_FACTOR:
            split = small_rational(close / adj_close, tolerance=EVE_TOLERANCE)
            what = f"split {split_words(split)}" if split else f"adj_close is {adj_close / close:.4g} of close"
            words[name] = f"{what} at the next session, told on the eve"
    return words

"""Corporate actions: what dividends, splits, a provider's factors and renamed tickers make of raw bars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import BAR_FIELDS, Bars, Basis, Days, Factor, Floats, Parsed, Rename
from core.domain.provider import Provider

Convention = Literal["taken_from_close_before", "reinvested_at_close"]


def adjusted_closes(
    close: Floats, dividend: Floats, split: Floats, *, convention: Convention = "taken_from_close_before"
) -> Floats:
    """Give the total-return closes of one instrument from its raw closes, oldest first, as of the last.

    All arrays have one length. `dividend` is the cash a unit on its ex-date, in the units that trade on that day, else 0;
    `split` is how many units one unit becomes on its ex-date, else 1. The closes before an ex-date are multiplied with
    1 / split and, for a dividend, with 1 - dividend x split / close before (`taken_from_close_before`: CRSP's factor to
    adjust prices, as Yahoo and Lean use it) or with 1 / (1 + dividend / close of the ex-date) (`reinvested_at_close`: the
    return of buying more units with it at that close, as Quandl's WIKI does). NaN stays NaN; a close before that is
    missing is the last one that there is. Raises ValueError for a split or a dividend that leaves nothing.
    """
    before = np.concatenate([[np.nan], _carried(close)[:-1]]) if len(close) else close
    is_taken = convention == "taken_from_close_before"
    with np.errstate(invalid="ignore", divide="ignore"):
        paid = 1 - dividend * split / before if is_taken else 1 / (1 + dividend / close)
        # Where there is no close before, there is nothing to adjust.
        step = np.where((dividend > 0) & ~np.isnan(before), paid, 1.0) / split
    is_wrong = ~(np.isfinite(step) & (step > 0))
    if bool(is_wrong.any()):
        at = int(np.flatnonzero(is_wrong)[0])
        told = f"dividend {dividend[at]}, split {split[at]}, close {close[at]}, close before {before[at]}"
        raise ValueError(f"row {at}: {told}; they leave nothing to multiply with")
    after = np.concatenate([np.cumprod(step[::-1])[::-1][1:], [1.0]]) if len(step) else step
    return close * after


def _carried(values: Floats) -> Floats:
    """Give each value, or where it is NaN the last one before it."""
    at = np.where(np.isnan(values), 0, np.arange(len(values)))
    return values[np.maximum.accumulate(at)]


def interpreted(parsed: Sequence[Parsed]) -> tuple[Parsed, ...]:
    """Give what files told with the renames and factors among it taken into the bars.

    Each bar is under the symbol of its owner, and raw bars whose provider tells factors for them have adjusted closes.
    """
    owned = renamed(parsed)
    factors = [factor for one in owned for factor in one.factors]
    told_of = {factor.provider for factor in factors}
    return tuple(_with_factors(one, factors) if one.bars and one.bars.provider in told_of else one for one in owned)


def _with_factors(one: Parsed, factors: Sequence[Factor]) -> Parsed:
    if one.bars is None or one.bars.basis.kind != "raw":
        return one
    return replace(one, bars=with_adjusted_closes(one.bars, factors))


def factors_on(sessions: Days, factors: Sequence[Factor]) -> tuple[Floats, Floats]:
    """Give the price and the split factor of each session from one symbol's factors; 1 after the last of them."""
    ordered = sorted(factors, key=lambda one: one.until)
    until = np.array([one.until for one in ordered], dtype="datetime64[D]")
    at = np.searchsorted(until, sessions.astype("datetime64[D]"), side="left")
    price = np.array([*(float(one.price_factor) for one in ordered), 1.0])
    split = np.array([*(float(one.split_factor) for one in ordered), 1.0])
    return price[at], split[at]


def with_adjusted_closes(bars: Bars, factors: Iterable[Factor]) -> Bars:
    """Give raw bars with the adjusted closes that their provider's factors make of them.

    A symbol without factors keeps what it has. Raises ValueError for bars that are adjusted already: they must not be
    adjusted twice.
    """
    price, split, has_factors = _factors_of_rows(bars, factors)
    return replace(bars, adj_close=np.where(has_factors, bars.close * price * split, bars.adj_close))


def split_adjusted(bars: Bars, factors: Iterable[Factor]) -> Bars:
    """Give raw bars in the units of their last day, by the split factors of their provider; volume moves the other way.

    Adjusted closes stay. Only symbols that have factors are given. Raises ValueError for bars that are not raw.
    """
    _, split, has_factors = _factors_of_rows(bars, factors)
    kept, scale = _taken(bars, has_factors), split[has_factors]
    last = bars.session.max().astype("datetime64[D]").astype(object) if len(bars.session) else None
    prices = {name: getattr(kept, name) * scale for name in ("open", "high", "low", "close")}
    return replace(kept, basis=Basis("split-adjusted", last), volume=kept.volume / scale, **prices)


def _factors_of_rows(bars: Bars, factors: Iterable[Factor]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    if bars.basis.kind != "raw":
        raise ValueError(f"bars of {bars.provider} are {bars.basis}; factors belong to raw prices")
    by_symbol: dict[str, list[Factor]] = defaultdict(list)
    for factor in factors:
        if factor.provider == bars.provider:
            by_symbol[factor.symbol].append(factor)
    price, split = np.ones(len(bars.session)), np.ones(len(bars.session))
    has_factors = np.zeros(len(bars.session), dtype=np.bool_)
    for symbol in set(bars.symbol.tolist()) & set(by_symbol):
        rows = bars.symbol == symbol
        price[rows], split[rows] = factors_on(bars.session[rows], by_symbol[symbol])
        has_factors |= rows
    return price, split, has_factors


# --- tickers that changed hands ---------------------------------------------------------------------------------------


def renamed(parsed: Sequence[Parsed]) -> tuple[Parsed, ...]:
    """Give what files told with each bar under the symbol of the instrument that it is of.

    A provider's renames say who stood under a ticker when. Bars under a ticker that the renames know, on a day on which
    nobody or more than one stood under it, are left out, and a sentence in `unread` says so; bars under a ticker that no
    rename knows stay as they are.
    """
    by_alias: dict[tuple[Provider, str], list[Rename]] = defaultdict(list)
    for rename in (rename for one in parsed for rename in one.renames):
        by_alias[rename.provider, rename.alias].append(rename)
    return tuple(_renamed(one, by_alias) for one in parsed) if by_alias else tuple(parsed)


def _renamed(one: Parsed, by_alias: Mapping[tuple[Provider, str], Sequence[Rename]]) -> Parsed:
    bars = one.bars
    names = [] if bars is None else list(dict.fromkeys(bars.symbol.tolist()))
    known = [] if bars is None else [symbol for symbol in names if (bars.provider, symbol) in by_alias]
    if bars is None or not known:
        return one
    symbol, claims = bars.symbol.copy(), np.ones(len(bars.symbol), dtype=np.int64)
    for alias in known:
        rows = bars.symbol == alias
        claims[rows] = 0
        for rename in by_alias[bars.provider, alias]:
            first, until = np.datetime64(rename.first, "D"), np.datetime64(rename.until, "D")
            is_its = rows & (bars.session >= first) & (bars.session <= until)
            symbol[is_its] = rename.symbol
            claims += is_its
    if bool(np.all(claims == 1)):
        return replace(one, bars=replace(bars, symbol=symbol))
    lost = _taken(bars, claims != 1)
    words = (
        f"{one.file}: {len(lost.session)} bars of {', '.join(sorted(set(lost.symbol.tolist())))} from {lost.session.min()} "
        f"to {lost.session.max()} are left out: the renames name nobody, or more than one, for those days"
    )
    kept = _taken(replace(bars, symbol=symbol), claims == 1)
    return replace(one, bars=kept, unread=(*one.unread, words))


def _taken(bars: Bars, keep: NDArray[np.bool_]) -> Bars:
    columns = {name: getattr(bars, name)[keep] for name in ("symbol", "session", *BAR_FIELDS)}
    return replace(bars, known_on=None if bars.known_on is None else bars.known_on[keep], **columns)

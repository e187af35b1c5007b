"""Under a price, a rate and a number of the policy: the bar and the fixing that a raw file told, and the policy by its hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from core.audit.tree import KeptFile, KeptRow, Node, derived, fact
from core.canonical import plain_decimal
from core.domain.bars import BAR_FIELDS, Bars, Fixing, FixingTable, Parsed
from core.domain.instrument import EXCHANGE_CALENDAR, Instrument, InstrumentId, Universe
from core.domain.market import FxRate
from core.domain.panel import Panel
from core.market_data.actions import interpreted
from core.market_data.clean import clean_bars, clean_fixings
from core.market_data.fx import EURO, fx_rate
from core.market_data.knowledge import as_known
from core.money import price_of
from core.settings import Policy

HASH_SHOWN = 8


@dataclass(frozen=True)
class RawTelling:
    """A raw file that a clean set was made of, and what it tells; nothing of it where its bytes are not as they were stored."""

    path: str
    sha256: str
    provider: str
    parsed: Parsed
    problem: str | None = None


@dataclass(frozen=True, eq=False)
class Market:
    """The clean set of a figure: its panel and fixings, the raw files it was made of, its row, and how it was made.

    `tellings` are those of the files that may tell of what a figure rests on, `files` are all. `known_at` is the instant as
    of which the panel was read, or None for all that is known.
    """

    panel: Panel | None
    fixings: Sequence[Fixing]
    tellings: tuple[RawTelling, ...]
    files: tuple[KeptFile, ...]
    row: KeptRow | None
    universe: Universe
    policy: Policy
    policy_row: KeptRow | None
    sessions: Sequence[date]
    known_at: datetime | None

    @property
    def rows(self) -> tuple[KeptRow, ...]:
        """Give the row of the clean set, if it is there."""
        return () if self.row is None else (self.row,)


def policy_number(market: Market, key: str) -> Node:
    """Give a number of the policy by its key, as `limits.turnover_max`."""
    value: Any = market.policy
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part)
    rows = () if market.policy_row is None else (market.policy_row,)
    return fact(f"policy {market.policy.hash[:HASH_SHOWN]} {key}", value, *rows)


def close_node(market: Market, name: InstrumentId, session: date) -> Node:
    """Give the close of an instrument on a session, made again of the rows that the raw files tell of it."""
    row = market.universe.by_id().get(name)
    called = f"close of {name} on {session}"
    if row is None or market.panel is None:
        return Node(called, None, "-", faults=(f"there is no bar of {name} that could be read",))
    kept = close_in(market.panel, name, session)
    told = [_bar_node(one, row, session) for one in market.tellings if one.problem or _tells_of(one.parsed, row)]
    column = market.panel.column(name)
    basis = market.panel.basis[column] if column is not None else None
    provider = market.panel.provider[column] if column is not None else "nobody"
    rule = f"the close that {provider} tells, in prices {basis}, as the clean set {market.panel.snapshot[:HASH_SHOWN]} has it"
    if not told:
        missing = fact(f"raw bars of {name}", None)
        return derived(called, kept, rule, [missing], compute=_nothing, origins=market.rows)

    # What tells of the session is shown first; cleaning is given the files oldest first.
    placed = sorted(range(len(told)), key=lambda at: not _has_bar(told[at].value, session))

    def clean_again(*given: Parsed) -> Decimal | None:
        parsed = [one for _, one in sorted(zip(placed, given, strict=True), key=lambda pair: pair[0])]
        gate = clean_bars(
            interpreted(parsed),
            Universe((row,)),
            market.policy.data,
            sessions=_around(market, parsed),
            calendar=row.calendar,
        )
        return close_in(as_known(gate.value, market.known_at), name, session)

    return derived(called, kept, rule, [told[at] for at in placed], compute=clean_again, origins=market.rows)


def close_in(panel: Panel, name: InstrumentId, session: date) -> Decimal | None:
    """Give an instrument's close on a session as a price, or None where the panel has none."""
    column, row = panel.column(name), panel.row(session)
    if column is None or row is None or np.isnan(panel.close[row, column]):
        return None
    return price_of(float(panel.close[row, column]))


def rate_node(market: Market, kept: FxRate, *, known_on: date, origins: Sequence[KeptRow] = ()) -> Node:
    """Give an exchange rate, crossed again through the euro from the fixings of its day."""
    name = f"{kept.base}{kept.quote} fixed {kept.fixed_on}"
    if kept.base == kept.quote:
        base, currency = policy_number(market, "base_currency"), f"a book of {kept.base} that trades in {kept.quote}"
        return derived(name, kept, currency, [base], compute=lambda one: replace(kept, base=one), text=rate_text)
    days = [one for one in market.fixings if one.day == kept.fixed_on and one.currency in (kept.base, kept.quote)]
    under = [_fixing_node(market, one) for one in days]
    rule = (
        f"units of {kept.quote} for one {kept.base}: the fixing of {kept.quote} over that of {kept.base}, six decimals"
    )

    def cross(*fixings: Fixing) -> FxRate:
        age = market.policy.data.fx_age_days_max
        made = fx_rate(fixings, kept.base, kept.quote, known_on=known_on, age_days_max=age).value
        return made

    return derived(name, kept, rule, under, compute=cross, origins=(*origins, *market.rows), text=rate_text)


def rate_text(rate: FxRate) -> str:
    """Give a rate as it is shown: its number."""
    return plain_decimal(rate.rate)


def _fixing_node(market: Market, kept: Fixing) -> Node:
    told = [
        fact(f"fixings told in {one.path}", one.parsed, _file(one, f"{kept.currency} on {kept.day}"), text=words)
        for one in market.tellings
        if (words := "could not be read" if one.problem else _told_fixing(one.parsed, kept)) is not None
    ]

    def clean_again(*parsed: Parsed) -> Fixing:
        found = clean_fixings(parsed, {kept.currency}, is_synthetic=kept.source == "synthetic")
        return next(one for one in found if one.day == kept.day)

    name = f"fixing of {kept.currency} on {kept.day} by {kept.source}"
    rule = f"units of {kept.currency} for one {EURO}, the newest file's word"
    if not told:
        told = [fact(f"raw fixings of {kept.currency}", None)]
    return derived(name, kept, rule, told, compute=clean_again, origins=market.rows, text=_fixing_text)


def _fixing_text(fixing: Fixing) -> str:
    return plain_decimal(fixing.per_eur)


def _told_fixing(parsed: Parsed, wanted: Fixing) -> str | None:
    """Give the rate that a file tells of a currency and day, as text, or None."""
    fixings = parsed.fixings
    if isinstance(fixings, FixingTable):
        at = np.flatnonzero((fixings.day == np.datetime64(wanted.day, "D")) & (fixings.currency == wanted.currency))
        return plain_decimal(Decimal(fixings.per_eur[at[-1]])) if len(at) else None
    found = [one for one in fixings if (one.day, one.currency) == (wanted.day, wanted.currency)]
    return plain_decimal(found[-1].per_eur) if found else None


def _bar_node(one: RawTelling, row: Instrument, session: date) -> Node:
    parsed = _of_instrument(one.parsed, row)
    symbols = sorted(_symbols(one.parsed, row) & _told_symbols(parsed)) or sorted(_symbols(one.parsed, row))
    piece = f"symbol {' or '.join(symbols)}, session {session}"
    text = "could not be read" if one.problem else _bar_text(parsed, session)
    return fact(f"{row.id} in {one.path}", parsed, _file(one, piece), text=text)


def _bar_text(parsed: Parsed, session: date) -> str:
    """Say what a file tells of a session, in its own numbers, or how much it tells of others."""
    bars = parsed.bars
    if bars is None:
        return f"no bars, {len(parsed.actions)} splits and dividends, {len(parsed.factors)} factors"
    at = np.flatnonzero(bars.session.astype("datetime64[D]") == np.datetime64(session, "D"))
    if not len(at):
        return f"{len(bars.session)} bars of other sessions"
    row = at[-1]
    return ", ".join(f"{name} {float(getattr(bars, name)[row])!r}" for name in BAR_FIELDS)


def _has_bar(parsed: Parsed, session: date) -> bool:
    days = None if parsed.bars is None else parsed.bars.session.astype("datetime64[D]")
    return days is not None and bool(np.any(days == np.datetime64(session, "D")))


def _tells_of(parsed: Parsed, row: Instrument) -> bool:
    own = _of_instrument(parsed, row)
    return bool((own.bars is not None and len(own.bars.session)) or own.actions or own.factors)


def _symbols(parsed: Parsed, row: Instrument) -> set[str]:
    """Give every symbol that an instrument stands under in a file: its own at the sources, and former ones."""
    own = {row.stooq_symbol.lower(), row.yahoo_symbol} - {""}
    return own | {one.alias for one in parsed.renames if one.symbol in own}


def _told_symbols(parsed: Parsed) -> set[str]:
    bars = set() if parsed.bars is None else set(parsed.bars.symbol.tolist())
    return bars | {one.symbol for one in parsed.actions} | {one.symbol for one in parsed.factors}


def _of_instrument(parsed: Parsed, row: Instrument) -> Parsed:
    """Give what a file tells of one instrument; its announcements do not change a bar."""
    symbols = _symbols(parsed, row)
    return replace(
        parsed,
        bars=None if parsed.bars is None else _bars_of(parsed.bars, symbols),
        actions=tuple(one for one in parsed.actions if one.symbol in symbols),
        factors=tuple(one for one in parsed.factors if one.symbol in symbols),
        fixings=(),
        levels=None,
        announced=(),
    )


def _bars_of(bars: Bars, symbols: set[str]) -> Bars | None:
    keep = np.logical_or.reduce([bars.symbol == symbol for symbol in sorted(symbols)])
    if not keep.any():
        return None
    arrays = {name: getattr(bars, name)[keep] for name in ("symbol", "session", *BAR_FIELDS)}
    known_on = None if bars.known_on is None else bars.known_on[keep]
    return Bars(bars.provider, bars.basis, **arrays, known_on=known_on)


def _around(market: Market, parsed: Sequence[Parsed]) -> list[date]:
    """Give the sessions from the first to the last bar that is told: of the others nothing is made."""
    told = [
        one.bars.session.astype("datetime64[D]") for one in parsed if one.bars is not None and len(one.bars.session)
    ]
    if not told:
        return []
    first, last = min(one.min() for one in told).astype(object), max(one.max() for one in told).astype(object)
    panel = market.panel
    is_own = panel is not None and panel.calendar != EXCHANGE_CALENDAR
    days = panel.sessions.astype(object).tolist() if panel is not None and is_own else market.sessions
    return [day for day in days if first <= day <= last]


def _file(one: RawTelling, piece: str) -> KeptFile:
    return KeptFile(one.path, one.sha256, one.provider, piece, one.problem)


def _nothing(*_: object) -> None:
    raise ValueError("no raw file tells of it")

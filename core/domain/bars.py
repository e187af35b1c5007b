"""Bars, actions and fixings as a source told them, in long form, before cleaning."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from core.domain.provider import Provider

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]
BasisKind = Literal["raw", "split-adjusted", "total-return"]


@dataclass(frozen=True)
class Basis:
    """What a price is expressed in: raw, split-adjusted as of a day, or total-return as of a day."""

    kind: BasisKind
    as_of: date | None = None

    def __str__(self) -> str:
        """Say it in words, as tickets do."""
        return self.kind if self.as_of is None else f"{self.kind} as of {self.as_of.isoformat()}"


# Stands for the first day of what has none.
NEVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, eq=False)
class Outline:
    """What bars come to without their rows: symbols in the order of their first row, and each day that any row tells.

    `first` and `last` are, a symbol, the days (since 1970, as `days` are) of its first and last row with an adjusted close:
    NEVER and -1 where it has none. Nothing before 1970 can be decided on: it counts as no last day.
    """

    symbols: tuple[str, ...]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    days: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Bars:
    """Daily bars in the source's order: all arrays have one length; symbols are the provider's own.

    Prices are in the instrument's currency; `adj_close` is also adjusted for dividends, and equals `close` where the basis
    is total-return. NaN stands where the source had no number. Duplicates and bad rows are kept: cleaning judges them.
    `known_on` holds, a row, the day on whose evening the provider told it (recorded knowledge); None where nobody noted it.
    """

    provider: Provider
    basis: Basis
    symbol: NDArray[np.object_]
    session: Days
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    adj_close: Floats
    volume: Floats
    known_on: Days | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Hold that all columns have one length."""
        lengths = {len(getattr(self, name)) for name in ("symbol", "session", *BAR_FIELDS)}
        if self.known_on is not None:
            lengths.add(len(self.known_on))
        if len(lengths) > 1:
            raise ValueError(f"columns of bars have different lengths: {sorted(lengths)}")

    @cached_property
    def coded(self) -> tuple[tuple[str, ...], NDArray[np.int64]]:
        """Give the symbols, each once, and the place among them of each row's: a million texts are looked up once."""
        listed = self.symbol.tolist()
        at = {name: place for place, name in enumerate(dict.fromkeys(listed))}
        return tuple(at), np.fromiter(map(at.__getitem__, listed), dtype=np.int64, count=len(listed))

    @cached_property
    def outline(self) -> Outline:
        """Give what the bars come to without their rows."""
        symbols, codes = self.coded
        days = self.session.astype("datetime64[D]").astype(np.int64)
        first, last = np.full(len(symbols), NEVER, dtype=np.int64), np.full(len(symbols), -1, dtype=np.int64)
        is_told = np.isfinite(self.adj_close)
        np.minimum.at(first, codes[is_told], days[is_told])
        np.maximum.at(last, codes[is_told], days[is_told])
        begin = int(days.min()) if len(days) else 0
        return Outline(symbols, first, last, begin + np.flatnonzero(np.bincount(days - begin)))


BAR_FIELDS = ("open", "high", "low", "close", "adj_close", "volume")


@dataclass(frozen=True)
class Action:
    """A corporate action on its ex-date: a cash dividend a unit (in the bars' units) or a split ratio; zero where absent."""

    provider: Provider
    symbol: str
    session: date
    dividend: Decimal
    split_ratio: Decimal


@dataclass(frozen=True)
class Announcement:
    """A corporate action told ahead of its ex-date: who told it, under which symbol of theirs, and since when it was known.

    None where nothing was told; a split of 1 or a dividend of 0 takes back what the same source told of that day before.
    """

    source: str
    symbol: str
    session: date
    known_at: datetime
    split_ratio: Decimal | None
    dividend: Decimal | None


@dataclass(frozen=True)
class Factor:
    """What raw prices up to and on a day are multiplied with: for dividends paid after it, and for splits after it."""

    provider: Provider
    symbol: str
    until: date
    price_factor: Decimal
    split_factor: Decimal


@dataclass(frozen=True)
class Fixing:
    """A reference rate of a day: units of a currency for one euro, and who fixed it."""

    day: date
    currency: str
    per_eur: Decimal
    source: Provider = "ecb"


class FixingTable(Sequence[Fixing]):
    """Fixings in columns of one length: a quarter of a million of them are read at once, and few are ever wanted.

    `per_eur` holds texts, each an exact number, so that no digit is lost.
    """

    def __init__(
        self, day: Days, currency: NDArray[np.object_], per_eur: NDArray[np.object_], source: Provider
    ) -> None:
        """Hold the columns."""
        self.day, self.currency, self.per_eur, self.source = day.astype("datetime64[D]"), currency, per_eur, source

    def __len__(self) -> int:
        """Give how many there are."""
        return len(self.day)

    @overload
    def __getitem__(self, at: int) -> Fixing: ...
    @overload
    def __getitem__(self, at: slice) -> FixingTable: ...
    def __getitem__(self, at: int | slice) -> Fixing | FixingTable:
        """Give one, or a run of them."""
        if isinstance(at, slice):
            return FixingTable(self.day[at], self.currency[at], self.per_eur[at], self.source)
        return Fixing(self.day[at].astype(object), self.currency[at], Decimal(self.per_eur[at]), self.source)

    def of(self, currencies: Collection[str]) -> FixingTable:
        """Give those of some currencies."""
        keep = np.logical_or.reduce([self.currency == name for name in currencies], initial=False)
        keep = np.broadcast_to(keep, self.day.shape)
        return FixingTable(self.day[keep], self.currency[keep], self.per_eur[keep], self.source)


@dataclass(frozen=True)
class Rename:
    """Whose bars stand under an alias from its first day until its last (both inclusive): the provider's symbol of today."""

    provider: Provider
    symbol: str
    alias: str
    first: date
    until: date


@dataclass(frozen=True, eq=False)
class Levels:
    """Single values a day of what has no bars there: an interest rate, an index of which only the close is told.

    All arrays have one length. No bar is made of a level, so that nothing can be bought at one.
    """

    provider: Provider
    symbol: NDArray[np.object_]
    session: Days
    value: Floats


@dataclass(frozen=True, eq=False)
class Parsed:
    """What a raw file held: bars, actions, factors, fixings, renames or levels, and a sentence for each row not read.

    `file` is the raw file's name, `COLLECTION/FILE` where files belong together.
    """

    bars: Bars | None = None
    actions: tuple[Action, ...] = ()
    factors: tuple[Factor, ...] = ()
    fixings: Sequence[Fixing] = ()
    renames: tuple[Rename, ...] = ()
    levels: Levels | None = None
    unread: tuple[str, ...] = ()
    file: str = ""
    announced: tuple[Announcement, ...] = ()

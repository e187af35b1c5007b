"""Small bars, panels and universes for tests, sound unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from core.domain.bars import Action, Bars, Basis, BasisKind, Fixing, Parsed
from core.domain.instrument import Instrument, Period, Universe
from core.domain.panel import Defect, Panel
from core.settings import DataRules
from tests.unit.shipped import policy

SPLIT = Basis("split-adjusted", date(2026, 3, 13))
RAW = Basis("raw")
# Monday to Friday, and the Monday after; none is a holiday.
SESSIONS = tuple(date(2024, 6, 3) + timedelta(days=days) for days in (0, 1, 2, 3, 4, 7))
AS_OF = SESSIONS[-1]
SHIPPED = policy().data


def rules(**changes: Any) -> DataRules:
    """Give the shipped rules of data, with some of them changed."""
    return SHIPPED.model_copy(update=changes)


def instrument(
    name: str, *, valid_from: date = date(2007, 1, 1), valid_to: date | None = None, **changes: Any
) -> Instrument:
    """Give a row of a universe that counts on every day, or between two."""
    row: dict[str, Any] = {
        "id": name,
        "stooq_symbol": f"{name}.US",
        "yahoo_symbol": name,
        "etoro_search_name": name,
        "exchange": "NYSE",
        "currency": "USD",
        "kind": "equity",
        "is_tradable_as_underlying": True,
        "verified_on": None,
        "periods": (Period(valid_from, valid_to),),
        "sector": "Energy",
    }
    return Instrument(**(row | changes))


def universe(*names: str) -> Universe:
    """Give a universe of these instruments."""
    return Universe(tuple(instrument(name) for name in sorted(names)))


def parsed(
    rows: Iterable[Sequence[Any]],
    *,
    provider: Any = "yahoo",
    basis: Basis = SPLIT,
    file: str = "main/prices_2024.parquet",
) -> Parsed:
    """Give bars from rows of symbol, session and close, or symbol, session and the six values."""
    told = [row if len(row) > 3 else flat(*row) for row in rows]
    values = np.array([row[2:] for row in told], dtype=np.float64).reshape(len(told), 6)
    bars = Bars(
        provider,
        basis,
        np.array([row[0] for row in told], dtype=object),
        np.array([row[1] for row in told], dtype="datetime64[D]"),
        *(values[:, at].copy() for at in range(6)),
    )
    return Parsed(bars=bars, file=file)


def flat(symbol: str, session: date, close: float) -> tuple[Any, ...]:
    """Give a bar that opens, stays and closes at one price."""
    return (symbol, session, close, close, close, close, close, 1000.0)


def every_session(*symbols: str, close: float = 10.0, sessions: Iterable[date] = SESSIONS) -> list[tuple[Any, ...]]:
    """Give a bar of each symbol on each session."""
    return [(symbol, session, close) for symbol in symbols for session in sessions]


def dividend(symbol: str, session: date, amount: str, *, provider: Any = "yahoo") -> Action:
    """Give a dividend."""
    return Action(provider, symbol, session, Decimal(amount), Decimal(0))


def fixing(day: date, currency: str, per_eur: str) -> Fixing:
    """Give a reference rate."""
    return Fixing(day, currency, Decimal(per_eur))


def panel(names: Sequence[str], sessions: Sequence[date] = SESSIONS, defects: tuple[Defect, ...] = ()) -> Panel:
    """Give a panel in which every instrument has a flat bar of every session."""
    shape = (len(sessions), len(names))
    kind: BasisKind = "split-adjusted"
    return Panel(
        sessions=np.array(sessions, dtype="datetime64[D]"),
        instruments=tuple(names),
        open=np.full(shape, 10.0),
        high=np.full(shape, 10.0),
        low=np.full(shape, 10.0),
        close=np.full(shape, 10.0),
        adj_close=np.full(shape, 10.0),
        volume=np.full(shape, 1000.0),
        basis=(Basis(kind, date(2026, 3, 13)),) * len(names),
        provider=("yahoo",) * len(names),
        knowledge="assumed",
        snapshot="",
        defects=defects,
    )

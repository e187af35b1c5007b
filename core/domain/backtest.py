"""A backtest: what a strategy would have done with the past, beside what needs no strategy, and what was tried before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Days, Floats
from core.domain.instrument import InstrumentId

# `research` computes on arrays, `flow` decides every slot as the daily run does.
Mode = Literal["research", "flow"]


@dataclass(frozen=True, eq=False)
class Track:
    """One pot of money through the sessions of a backtest; every array is of shape (sessions,), money in the base currency.

    `equity` is told at each close, and so is `invested`, the share of it in instruments, and `positions`, how many are held.
    `turnover` is half of what was bought and sold in a session as a share of the equity before it, `cost` what trading
    cost in it (spread, slippage, currency fee, commission), `income` the dividends after withholding.
    """

    name: str
    equity: Floats
    invested: Floats
    positions: Floats
    turnover: Floats
    cost: Floats
    income: Floats


@dataclass(frozen=True)
class Fit:
    """One training of a walk-forward: on which evening, on which decision days, with how many trees, and how it validated."""

    as_of: date
    first: date
    last: date
    rows: int
    trees: int
    rank_ic: float
    model: str


@dataclass(frozen=True)
class Trial:
    """A backtest that was run: when, of what (the hash of all that it was asked), and what it came to.

    `sharpe` is that of a session's excess returns, not a year's; `sessions` is how many there were.
    """

    recorded_at: datetime
    asked: str
    strategy: str
    first: date
    last: date
    sessions: int
    sharpe: float


@dataclass(frozen=True)
class Origin:
    """What a backtest was made of, so that it can be made again."""

    snapshot: str
    policy: str
    universe: str
    features: str
    code: str
    asked: str


@dataclass(frozen=True, eq=False)
class Backtest:
    """All that a report of a backtest is made of.

    `sessions` has the first close before any trade, then every close to `last`. The decisions have W rows: `weeks` are the
    sessions at whose close was decided, `scores`, `realised` and `weights` are of shape (W, instruments): the score (NaN:
    not ranked), what the instrument then returned from the open after the decision to the open after the next, less the
    benchmark (NaN: not known), and the weight that was wanted. `held`, of the same shape, is what was owned once the orders
    were executed: at that open, as a share of the equity at the decision's close (NaN: the range ends before). `bound`, of
    shape (W,), says whether the turnover limit cut an order or left one undone. `baselines` begin with the benchmark.
    `luck` has a row a seed of random ranks: its whole return, and the Sharpe ratio of a session. `survivorship` and
    `knowledge` say in words what the universe and the bars know that the day did not; `notes` are what else a reader must
    know, a sentence each.
    """

    book: str
    strategy: str
    mode: Mode
    base: str
    capital: Decimal
    first: date
    last: date
    sessions: Days
    instruments: tuple[InstrumentId, ...]
    sectors: tuple[str, ...]
    main: Track
    baselines: tuple[Track, ...]
    weeks: Days
    scores: Floats
    realised: Floats
    weights: Floats
    held: Floats
    bound: NDArray[np.bool_]
    luck: Floats
    fits: tuple[Fit, ...]
    importance: tuple[tuple[str, float], ...]
    trials: tuple[Trial, ...]
    survivorship: str
    knowledge: str
    origin: Origin
    is_synthetic: bool = False
    notes: tuple[str, ...] = ()

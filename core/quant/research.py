"""The research backtest: what the daily flow would have done on paper with given scores, on arrays and in floats.

It decides at the close of each decision session what the flow decides on the morning after: the best ranked, held while
their rank lasts, weighed and capped as the policy says, traded within the budgets; executed at the next session's open by the
paper venue's rules. What it leaves out: money is not rounded to pennies, the gates on data and people are always open, and
a first purchase that failed waits for the next decision session. A holding whose bars end stays at its last close, and
while it has no close on a decision session nothing is traded, as in the flow, where a person must book what became of it
(`Trading.unpriced` says otherwise). Tests hold the two equal: the same orders, and equity within a ten-thousandth each day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain.backtest import Track
from core.domain.bars import Floats
from core.quant.bonds import bonds_of
from core.quant.pot import Pot
from core.quant.trading import Market, Marks, Trading, arrays_of, rules_of

Rows = NDArray[np.int64]
# How many rows the arrays have that a run is told in and that it works on.
MEASURES, AMOUNTS, LISTS, COUNTS = 6, 9, 9, 4


@dataclass(frozen=True, eq=False)
class Orders:
    """What was ordered at each decision, and what came of it; all of shape (W, N), but `bound` of shape (W,).

    `units` are signed, 0 for no order, and `filled` says whether the next open filled them. `bound` says whether the
    turnover limit cut an order or left one undone. `held` is what was owned once the next open had filled the orders: units
    at that open (the last close where there is none), in the base currency, as a share of the equity at the decision's
    close. So it is the share that, times the return from that open on, adds up to the week's return from the decision's
    close on. NaN where the market ends with the decision.
    """

    units: Floats
    filled: Marks
    held: Floats
    bound: Marks


def research(
    name: str, scores: Floats, rows: Rows, *, market: Market, trading: Trading, capital: float
) -> tuple[Track, Floats]:
    """Run a book by scores; gives its track and the weights that were wanted, of shape (W, N).

    `scores` is of shape (W, N), a row a decision: NaN means that an instrument cannot be ranked (held, it is held as it is).
    `rows`, of shape (W,), are the market's rows at whose close is decided, ascending. The track begins with the first of
    them and ends with the market. Nothing after a session is read for it. Raises ValueError where shapes do not fit, the
    capital is not positive, or a rate is not known.
    """
    track, weights, _ = research_with_orders(name, scores, rows, market=market, trading=trading, capital=capital)
    return track, weights


def research_with_orders(
    name: str, scores: Floats, rows: Rows, *, market: Market, trading: Trading, capital: float
) -> tuple[Track, Floats, Orders]:
    """Run a book as `research` does, and give its orders too."""
    run = Run(rows, market, trading, capital)
    run(scores)
    equity, invested, positions, turnover, cost, income = run.track
    track = Track(name, equity, invested, positions, turnover, cost, income)
    return track, run.weights, Orders(run.units, run.filled, run.held, run.bound)


class Run:
    """A book that is run again and again over one market: what does not change is made once, results are overwritten.

    `track` is of shape (6, sessions), in the order of a Track's fields; the others are of shape (W, N), `bound` of (W,).
    """

    def __init__(self, rows: Rows, market: Market, trading: Trading, capital: float) -> None:
        """Hold that the rows and rates fit the market."""
        self.rows = np.array(rows, dtype=np.int64)
        _hold_possible(self.rows, market, capital)
        shape = (len(self.rows), len(market.instruments))
        self.members = np.ascontiguousarray(market.buyable[self.rows])
        self.track = np.zeros((MEASURES, len(market.sessions) - int(self.rows[0])))
        self.weights, self.units, self.filled = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.bool_)
        self.held, self.bound = np.zeros(shape), np.zeros(shape[0], dtype=np.bool_)
        self._executes_last = int(self.rows[-1]) + 1 < len(market.sessions)
        self._market, self._rules, self._capital = arrays_of(market, trading), rules_of(trading, market), float(capital)
        self._bonds = bonds_of(self.rows, market, trading)
        self._amounts, self._columns = np.zeros((AMOUNTS, shape[1])), np.zeros((LISTS, shape[1]), dtype=np.int64)

    def __call__(self, scores: Floats) -> None:
        """Run the book by scores of shape (W, N)."""
        # Imported here because it brings numba, which costs a command that runs no book most of half a second.
        from core.quant.book_kernel import run

        if scores.shape != self.weights.shape:
            raise ValueError(
                f"scores are of shape {scores.shape}; {self.weights.shape} has a row a decision, a column an instrument"
            )
        self.weights[:], self.units[:], self.filled[:], self._amounts[:] = 0.0, 0.0, False, 0.0
        self.held[:], self.bound[:] = 0.0, False
        money = np.array([self._capital, self._capital, self._capital, 0.0])
        pot = Pot(self._amounts, self._columns, money, np.zeros(COUNTS, dtype=np.int64))
        given = (np.require(scores, np.float64, ["C", "W"]), self.members, self.rows, self._bonds)
        told = (self.track, self.weights, self.units, self.filled, self.held, self.bound)
        run(given, self._market, (self._rules, pot), told)
        if not self._executes_last:
            self.held[-1] = np.nan


def _hold_possible(rows: Rows, market: Market, capital: float) -> None:
    if not len(rows) or rows[0] < 0 or rows[-1] >= len(market.sessions) or bool(np.any(np.diff(rows) <= 0)):
        raise ValueError(
            f"decision rows must ascend within the market's {len(market.sessions)} sessions; they were {rows[:5]} ..."
        )
    if not capital > 0:
        raise ValueError(f"capital was {capital}; it must be above zero")
    first = int(rows[0])
    unknown = np.isnan(market.rate_on[first:]) | np.isnan(np.append(market.rate_before[first + 1 :], 1.0))
    if unknown.any():
        raise ValueError(f"no rate is known for {market.sessions[first + int(np.argmax(unknown))]}")

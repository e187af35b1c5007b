"""What the kernels of a book work on: its state, what a decision looks at, and the places of the numbers in their arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

# The rows of `Pot.amounts` and of `Pot.columns`, the places of its numbers, and the rows of what is told of a session.
UNITS, MARK, WANTED, ASKED, PLANNED, SCORE, PART, SHARED, SORTED = range(9)
HOLDING, CHOSEN, BEST, LINE, STILL, NAMED, IS_NAMED, TURN, KIND = range(9)
CASH, PEAK, EQUITY, IS_HALTED = range(4)
HELD, EVENTS, IS_BOUND, NAMES = range(4)
VALUE, INVESTED, POSITIONS, TURNOVER, COST, INCOME = range(6)
BEFORE, ON = range(2)
ROW, COLUMN, IS_SPLIT = range(3)
# What `IS_NAMED` says of a column: it is held and not chosen, or chosen.
HELD_ONLY, IS_CHOSEN = 1, 2
# Of what was sold whole a float may leave dust.
DUST = 1e-12


class Pot(NamedTuple):
    """The state of a run: a row a fact and a column an instrument in `amounts` and `columns`, and single numbers.

    The rows of `amounts`: units held, the last mark, the weight that is wanted, signed units asked of the next open, the
    units after the orders so far, scores by rank, the share before it is cut and after, and numbers being sorted. Those of
    `columns`: what is held in the order of the columns, what is chosen and what is best in the order of the ranks, what the
    orders are of, 1 for what is held as it is, what is held or chosen, which of the two, what is sold in its order, and why.
    """

    amounts: Any
    columns: Any
    money: Any
    counts: Any


class Bonds(NamedTuple):
    """What binds instruments to each other: those that move alike at each decision, how much each moves, and sectors.

    Column c of decision w moves as `others[starts[w * N + c] : starts[w * N + c + 1]]`, itself included. `volatility` is of
    shape (W, N), NaN where it is unknown; `sectors` of shape (N,), -1 for none. What no rule asks for is empty.
    """

    starts: Any
    others: Any
    volatility: Any
    sectors: Any


class Evening(NamedTuple):
    """What a decision looks at.

    Scores, who may be bought and who not, each (N,), closes, the session, the morning's rate, which decision it is, and what
    binds instruments to each other.
    """

    scores: Any
    members: Any
    closes: Any
    session: int
    no_buy: Any
    rate: float
    week: int
    bonds: Bonds


class Budgets(NamedTuple):
    """What the orders so far leave: how many there are, the positions after them, turnover, cash and capital."""

    lines: int
    positions: int
    turnover: float
    cash: float
    capital: float

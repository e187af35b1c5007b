"""Labels: what an instrument returned in the week after a decision, as it could be traded, and its rank in that week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Floats
from core.domain.instrument import InstrumentId
from core.domain.panel import Panel
from core.measures.ranking import mean_ranks
from core.quant.weeks import Rows

Members = NDArray[np.bool_]
# What a model card calls the label.
LABEL = "rank of the week's total return, open to open, less the benchmark's"


@dataclass(frozen=True, eq=False)
class Openings:
    """Opens in total-return units, open x adj_close / close: of the instruments (T, N), and of the benchmark (T,).

    NaN where there is no bar. Only ratios of one column mean anything: later dividends scale it as a whole.
    """

    opens: Floats
    benchmark: Floats

    def __post_init__(self) -> None:
        """Hold that both have a row a session."""
        if self.benchmark.shape != self.opens.shape[:1]:
            raise ValueError(f"opens have shape {self.opens.shape}, the benchmark's {self.benchmark.shape}")


def openings_of(panel: Panel, instruments: Sequence[InstrumentId], benchmark: InstrumentId) -> Openings:
    """Give the openings of some instruments of a panel, in their order; a column of NaN where the panel has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        opens = panel.open * (panel.adj_close / panel.close)
    at = {name: column for column, name in enumerate(panel.instruments)}
    wide = np.column_stack([opens, np.full(len(panel.sessions), np.nan)])
    columns = [at.get(name, -1) for name in (*instruments, benchmark)]
    return Openings(np.ascontiguousarray(wide[:, columns[:-1]]), np.ascontiguousarray(wide[:, columns[-1]]))


def forward_returns(openings: Openings, rows: Rows) -> Floats:
    """Give what each instrument returned from the open after a decision to the open after the next, less the benchmark.

    `open[t(k+1) + 1] / open[t(k) + 1] - 1` in total-return units, the benchmark's same return taken off, of shape (W, N).
    `rows` are the decision sessions. It is known at the close of session `t(k+1) + 1` at the earliest. NaN where either
    open is missing, the benchmark's too, and in the last weeks, whose end is not there yet. An instrument that was
    delisted within the week has no such return: it teaches nothing, and what it lost is told by the backtest alone.
    """
    length = len(openings.opens)
    returns = np.full((len(rows), openings.opens.shape[1]), np.nan)
    known = int(np.count_nonzero(rows[1:] + 1 < length))
    begins, ends = rows[:known] + 1, rows[1 : known + 1] + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        market = openings.benchmark[ends] / openings.benchmark[begins]
        own = openings.opens[ends] / openings.opens[begins]
    returns[:known] = own - market[:, None]
    returns[~np.isfinite(returns)] = np.nan
    return returns


def rank_labels(returns: Floats, members: Members) -> Floats:
    """Give each return's rank in its week as a number between 0 and 1, of shape (W, N): the best is near 1.

    (rank - 1/2) / n among the n members of the week with a return, ties at their mean rank, so that each week's labels
    have a mean of 1/2 however many there are, and the market's move and the week's dispersion are no part of them. NaN for
    others, and in a week with fewer than two.
    """
    if returns.shape != members.shape:
        raise ValueError(
            f"returns have shape {returns.shape}, members {members.shape}; both must be (weeks, instruments)"
        )
    labels = np.full(returns.shape, np.nan)
    for week, (row, is_member) in enumerate(zip(returns, members, strict=True)):
        at = np.flatnonzero(is_member & np.isfinite(row))
        if len(at) > 1:
            labels[week, at] = (mean_ranks(row[at]) - 0.5) / len(at)
    return labels

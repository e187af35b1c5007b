"""vectorbt and bt over ready-made weights: a weekly book of 500 instruments over ten years; prints times as JSON.

`python -m benchmarks.peers.portfolios FOLDER vectorbt|bt RUNS` reads `book.npz`, and writes the equity of a run beside it.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

# Large beside what vectorbt takes for nothing.
CAPITAL = 1e6


def main() -> None:
    """Run one of the two, once without the clock and then so often with it."""
    folder, name, runs = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    given = np.load(folder / "book.npz")
    fee = float(given["fee"])
    days = pd.DatetimeIndex(given["sessions"])
    prices = pd.DataFrame(given["closes"], index=days, columns=[f"N{at:03}" for at in range(given["closes"].shape[1])])
    calls = {"vectorbt": with_vectorbt, "bt": with_bt}
    call = calls[name](prices, given["weights"], given["rows"], fee)
    equity = call()
    told = [_timed(call) for _ in range(runs)]
    np.save(folder / f"{name}-{'free' if fee == 0 else 'paid'}.npy", equity)
    print(json.dumps({"times": told, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def with_vectorbt(prices: pd.DataFrame, weights: Any, rows: Any, fee: float) -> Callable[[], Any]:
    """Give a call that orders percents of the target, cash shared, sales first; fees on top of an order's value."""
    import vectorbt

    size = np.full(prices.shape, np.nan)
    size[rows] = weights

    def run() -> Any:
        book = vectorbt.Portfolio.from_orders(
            prices,
            size,
            size_type="targetpercent",
            fees=fee,
            cash_sharing=True,
            group_by=True,
            call_seq="auto",
            init_cash=CAPITAL,
        )
        return book.value().to_numpy() / CAPITAL

    return run


def with_bt(prices: pd.DataFrame, weights: Any, rows: Any, fee: float) -> Callable[[], Any]:
    """Give a call that rebalances to target weights on the dates; a fee comes out of what an order may spend."""
    import bt

    wanted = pd.DataFrame(weights, index=prices.index[rows], columns=prices.columns)

    def run() -> Any:
        steps = [
            bt.algos.RunOnDate(*wanted.index),
            bt.algos.SelectAll(),
            bt.algos.WeighTarget(wanted),
            bt.algos.Rebalance(),
        ]
        test = bt.Backtest(
            bt.Strategy("book", steps),
            prices,
            integer_positions=False,
            commissions=lambda quantity, price: abs(quantity * price) * fee,
            progress_bar=False,
        )
        bt.run(test)
        # The day before the first price stands first.
        index = test.strategy.prices.to_numpy()
        return index[1:] / index[0]

    return run


def _timed(call: Callable[[], Any]) -> list[float]:
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return [time.perf_counter() - wall, time.process_time() - processor]


if __name__ == "__main__":
    main()

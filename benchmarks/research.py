"""The research backtest beside vectorbt and bt: the same weekly book over ten years, equal equity, and random ranks."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import in_a_process, peak_mebibytes, table, told
from core.quant.baselines import luck
from core.quant.research import research
from core.quant.trading import Market, Trading

SEED, SESSIONS, INSTRUMENTS, EACH = 3, 2520, 500, 5
FIRST = 125
FEE_BPS = 10.0
RUNS, TURNS, SEEDS = 31, 3, 100
PEER_RUNS = {"vectorbt": 3, "bt": 1}
# vectorbt charges a fee on top of an order, as we do; bt takes it out of what the order may spend.
EQUAL, NEARLY = 1e-12, 2e-4

# The top 15, held while among the best 30, at most 3 replaced a week, 5 % cash, and a fee of what is traded: no more than the
# peers can be told in weights.
SIMPLE = Trading(
    positions_max=15,
    hold_rank_multiple=2,
    weight_max=1.0,
    cash_buffer_min=0.05,
    turnover_max=1.0,
    tiny_delta=0.0,
    order_value_min=0.0,
    quantity_step=0.0,
    buys_from="sale_proceeds",
    risk_off="always_invested",
    skip_above_bps=10_000.0,
    slippage_bps=FEE_BPS,
    spread_bps=0.0,
    fx_fee_bps=0.0,
    commission=0.0,
    dividend_withholding=0.0,
    drawdown_max=1.0,
    kill_switch=False,
    replacements_max=3,
    is_buffer_spent=True,
    weight_step=0.0,
    order_margin=0.0,
)
# The shipped policy's numbers.
WHOLE = Trading(
    positions_max=15,
    hold_rank_multiple=2,
    weight_max=0.1,
    cash_buffer_min=0.05,
    turnover_max=0.3,
    tiny_delta=0.005,
    order_value_min=25.0,
    quantity_step=0.0001,
    buys_from="sale_proceeds",
    risk_off="cash_allowed",
    skip_above_bps=200.0,
    slippage_bps=5.0,
    spread_bps=2.0,
    fx_fee_bps=75.0,
    commission=0.0,
    dividend_withholding=0.15,
    drawdown_max=0.2,
    kill_switch=False,
)


def report(folder: Path, peers: Path | None) -> str:
    """Run the book here and there, in turns, and give what it took, in Markdown."""
    free, paid = folder / "free", folder / "paid"
    for at, fee_bps in ((free, 0.0), (paid, FEE_BPS)):
        at.mkdir()
        _write(at, fee_bps)
    ours: list[Any] = []
    theirs: dict[str, list[Any]] = {"vectorbt": [], "bt": []}
    for _ in range(TURNS):
        ours.append(in_a_process("benchmarks.research", str(paid)))
        for name, found in theirs.items():
            found += [_peer(peers, paid, name, PEER_RUNS[name])] if peers else []
    for name, runs in theirs.items():
        if runs:
            _peer(peers, free, name, 0)
            _hold_equal(free, f"{name}-free", EQUAL)
            _hold_equal(paid, f"{name}-paid", EQUAL if name == "vectorbt" else NEARLY)
    simple = _median([one for run in ours for one in run["simple"]])
    rows = [("Twokey: ranks, hysteresis, orders, equity", *_row(simple, simple), _peak(ours))]
    for name, runs in theirs.items():
        times = _median([one for run in runs for one in run["times"]]) if runs else None
        rows.append((f"{name}: from ready-made weights", *_row(times, simple), _peak(runs)))
    whole = _median([one for run in ours for one in run["whole"]])
    each = _median([[part / SEEDS for part in one] for run in ours for one in run["luck"]])
    rows.append(("Twokey, by all of the shipped policy's rules", *_row(whole, simple), ""))
    rows.append((f"Twokey, a seed of {SEEDS} of random ranks, drawn and run", *_row(each, simple), ""))
    head = ("a weekly book of 15", "wall", "processor", "times the first's", "peak memory")
    words = (
        f"{INSTRUMENTS} instruments, {SESSIONS:,} sessions, {FEE_BPS:.0f} basis points, 5 % cash, at most 3 replaced a"
        f" week. One core each; medians. Equity is that of vectorbt within {EQUAL:g} each day, with and without fees, and"
        f" that of bt within {EQUAL:g} without fees and {NEARLY:g} with them (it takes a fee out of what an order may spend)."
    )
    return "\n".join(["## The research backtest", "", words, "", table(head, rows)])


def _peer(peers: Path | None, folder: Path, name: str, runs: int) -> Any:
    return in_a_process("benchmarks.peers.portfolios", str(folder), name, str(runs), python=peers)


def _row(times: Sequence[float] | None, first: Sequence[float]) -> tuple[str, ...]:
    if times is None:
        return ("not installed", "", "")
    return told(times[0]), told(times[1]), f"{times[1] / first[1]:.1f}"


def _median(runs: Sequence[Sequence[float]]) -> list[float]:
    """Give the median wall and processor time."""
    return [statistics.median(run[at] for run in runs) for at in range(2)]


def _peak(runs: Sequence[dict[str, Any]]) -> str:
    return f"{statistics.median(run['peak'] for run in runs):,.0f} MiB" if runs else ""


def _market() -> Market:
    """Give a market in which the open is the close before, so that we trade at the price that the peers trade at."""
    draw = np.random.Generator(np.random.PCG64(SEED))
    closes = 50 * np.exp(np.cumsum(draw.normal(0.0003, 0.018, (SESSIONS, INSTRUMENTS)), axis=0))
    return Market(
        sessions=np.datetime64("2011-01-03") + np.arange(SESSIONS),
        instruments=tuple(f"N{at:03}" for at in range(INSTRUMENTS)),
        opens=np.vstack([closes[:1], closes[:-1]]),
        closes=closes,
        members=np.ones(closes.shape, dtype=np.bool_),
        rate_before=np.ones(SESSIONS),
        rate_on=np.ones(SESSIONS),
    )


def _scores(market: Market) -> tuple[Any, Any]:
    """Give rows a week apart, and a slow and a fast return at each."""
    rows = np.arange(FIRST, SESSIONS - 1, EACH)
    closes = market.closes
    return rows, (closes[rows] / closes[rows - 120] - 1) * 0.5 - (closes[rows] / closes[rows - 5] - 1)


def _trading(fee_bps: float) -> Trading:
    return SIMPLE if fee_bps else Trading(**{**vars(SIMPLE), "slippage_bps": 0.0})


def _write(folder: Path, fee_bps: float) -> None:
    """Write what the peers need, and our equity to compare theirs with."""
    market = _market()
    rows, scores = _scores(market)
    track, weights = research("book", scores, rows, market=market, trading=_trading(fee_bps), capital=1.0)
    assert np.count_nonzero(weights) == 15 * len(rows), "the book has a place that nobody fills"
    np.save(folder / "ours.npy", track.equity)
    given = {"sessions": market.sessions, "closes": market.closes, "weights": weights, "rows": rows}
    np.savez(folder / "book.npz", **given, fee=fee_bps / 10_000)


def _hold_equal(folder: Path, name: str, tolerance: float) -> None:
    """Hold that equity is the same on every day but those of orders: they tell it after the orders, we at the close before."""
    rows = np.load(folder / "book.npz")["rows"]
    ours, theirs = np.load(folder / "ours.npy"), np.load(folder / f"{name}.npy")[FIRST:]
    others = np.setdiff1d(np.arange(len(ours)), rows - FIRST)
    off = float(np.max(np.abs(theirs[others] / ours[others] - 1)))
    assert off < tolerance, f"{name}: equity differs by up to {off:.2e}"


def _ours() -> dict[str, Any]:
    market = _market()
    rows, scores = _scores(market)
    asked: dict[str, Any] = {"market": market, "capital": 10_000.0}
    simple = _timed(lambda: research("book", scores, rows, trading=SIMPLE, **asked), RUNS)
    whole = _timed(lambda: research("book", scores, rows, trading=WHOLE, **asked), RUNS)
    drawn = _timed(lambda: luck(range(SEEDS), scores, rows, trading=WHOLE, **asked), 1)
    return {"simple": simple, "whole": whole, "luck": drawn, "peak": peak_mebibytes()}


def _timed(call: Callable[[], object], runs: int) -> list[list[float]]:
    """Give wall and processor times of calls, after one that does not count."""
    call()
    times = []
    for _ in range(runs):
        wall, processor = time.perf_counter(), time.process_time()
        call()
        times.append([time.perf_counter() - wall, time.process_time() - processor])
    return times


if __name__ == "__main__":
    assert len(sys.argv) == 2, "benchmarks.research FOLDER"
    print(json.dumps(_ours()))

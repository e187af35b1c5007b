"""A synthetic panel of instruments over 2007-2020 in the forms that each library reads: arrays, Qlib's bins, Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.quant.bars import Bars

FIELDS = ("open", "high", "low", "close", "volume")
SEED = 20070102
ROWS = 3528


def write_panel(folder: Path, width: int) -> None:
    """Write so many instruments in all forms; a fifth of the instruments lists late, a twentieth stops early."""
    bars = _bars(width)
    for name in (*FIELDS, "market"):
        np.save(folder / f"{name}.npy", bars[name])
    _write_bins(folder / "qlib", bars)
    close, names = bars["close"], symbols(width)
    there = ~np.isnan(close.T)
    columns: dict[str, Any] = {name: pa.array(bars[name].T[there]) for name in FIELDS}
    keys = {
        "instrument": pa.array(np.repeat(names, there.sum(axis=1)), pa.string()),
        "session": pa.array(np.broadcast_to(sessions(), there.shape)[there].astype("datetime64[us]")),
    }
    pq.write_table(pa.table(keys | columns), folder / "panel.parquet", compression="zstd")


def load_bars(folder: Path) -> Bars:
    """Give the panel, its arrays mapped from their files."""
    arrays = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="c")) for name in (*FIELDS, "market")}
    return Bars(**arrays, total=arrays["close"])


def sessions() -> Any:
    """Give the days: about 252 of each year's weekdays, the last at the end of 2020."""
    days = np.arange(np.datetime64("2020-12-31") - 2 * ROWS, np.datetime64("2021-01-01"))
    weekdays = days[np.is_busday(days)]
    return weekdays[np.arange(len(weekdays)) % 29 != 7][-ROWS:]


def symbols(width: int) -> list[str]:
    """Give the instruments' names, ascending."""
    return [f"S{at:04d}" for at in range(width)]


def _bars(width: int) -> dict[str, Any]:
    """Give walks with a common part, and an own part that comes back, in numbers that float32 holds."""
    chance = np.random.Generator(np.random.PCG64(SEED))
    market = chance.normal(0.0003, 0.009, ROWS)
    own = chance.normal(0, 1, (ROWS, width)) * chance.uniform(0.01, 0.025, width)
    drawn, swing = chance.normal(0, 0.012, (ROWS, width)), np.zeros((ROWS, width))
    for row in range(1, ROWS):
        swing[row] = 0.93 * swing[row - 1] + drawn[row]
    moved = market[:, None] * chance.uniform(0.5, 1.5, width) + own
    close = np.exp(np.cumsum(moved, axis=0) + swing) * chance.uniform(10, 200, width)
    before = np.vstack([close[:1], close[:-1]])
    opened = before * np.exp(chance.normal(0, 0.004, close.shape))
    high = np.maximum(opened, close) * np.exp(np.abs(chance.normal(0, 0.006, close.shape)))
    low = np.minimum(opened, close) * np.exp(-np.abs(chance.normal(0, 0.006, close.shape)))
    busy = chance.normal(13, 1, width) + chance.normal(0, 0.35, close.shape) + 12 * np.abs(np.log(close / before))
    columns = (np.round(one, 4) for one in (opened, high, low, close))
    bars = dict(zip(FIELDS, (*columns, np.floor(np.exp(busy))), strict=True))
    bars = {name: values.astype(np.float32).astype(np.float64) for name, values in bars.items()}
    for at in np.flatnonzero(chance.random(width) < 0.2):
        first = chance.integers(100, ROWS // 2)
        for values in bars.values():
            values[:first, at] = np.nan
    for at in np.flatnonzero(chance.random(width) < 0.05):
        last = chance.integers(2 * ROWS // 3, ROWS - 30)
        for values in bars.values():
            values[last:, at] = np.nan
    return bars | {"market": 100 * np.exp(np.cumsum(market))}


def _write_bins(folder: Path, bars: dict[str, Any]) -> None:
    """Write Qlib's binary format: a day to a line, an instrument's life to a line, each number after where it begins."""
    days = [str(day) for day in sessions()]
    for part in ("calendars", "instruments", "features"):
        (folder / part).mkdir(parents=True)
    (folder / "calendars" / "day.txt").write_text("\n".join(days) + "\n", encoding="utf-8")
    lines = []
    mean = ((bars["high"] + bars["low"] + bars["close"]) / 3).astype(np.float32)
    for at, name in enumerate(symbols(bars["close"].shape[1])):
        rows = np.flatnonzero(~np.isnan(bars["close"][:, at]))
        first, last = rows[0], rows[-1]
        lines.append(f"{name}\t{days[first]}\t{days[last]}\n")
        (folder / "features" / name.lower()).mkdir()
        for field, values in {**{one: bars[one] for one in FIELDS}, "vwap": mean}.items():
            told = np.hstack([first, values[first : last + 1, at]]).astype("<f4")
            told.tofile(folder / "features" / name.lower() / f"{field}.day.bin")
    (folder / "instruments" / "all.txt").write_text("".join(lines), encoding="utf-8")


def long_index(life: Any) -> pd.MultiIndex:
    """Give the index of a long frame of these lives."""
    count = life[1] - life[0] + 1
    instrument = np.repeat(np.arange(life.shape[1], dtype=np.int16), count)
    row = (np.arange(count.sum(), dtype=np.int32) - np.repeat(life[2].astype(np.int32), count)).astype(np.int16)
    levels: Any = [pd.Index(symbols(life.shape[1])), pd.DatetimeIndex(sessions())]
    codes: Any = [instrument, row]
    return pd.MultiIndex(levels, codes, names=["instrument", "datetime"], verify_integrity=False)

"""polars and pandas: the columns of Qlib's workflow from a Parquet file to a frame; `python -m ... polars|pandas FILE`."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.turns import serve

NAMES = [
    "RESI5",
    "WVMA5",
    "RSQR5",
    "KLEN",
    "RSQR10",
    "CORR5",
    "CORD5",
    "CORR10",
    "RSQR20",
    "CORD60",
    "CORD10",
    "CORR20",
]
NAMES += ["KLOW", "LABEL0"]


def main() -> None:
    """Serve the job that the arguments name."""
    which, path = sys.argv[1:]
    serve({"polars": lambda: of_polars(path), "pandas": lambda: of_pandas(path)}[which], save)


def save(frame: Any, path: str) -> None:
    """Store the numbers, as float32."""
    np.save(path, frame[NAMES].to_numpy().astype(np.float32))


# --- polars -------------------------------------------------------------------------------------------------------------


def of_polars(path: str) -> pl.DataFrame:
    """Give the frame, lazily planned, every instrument a group."""
    close, volume = pl.col("close"), pl.col("volume")
    bars = pl.scan_parquet(path).with_columns(
        one=pl.lit(1.0),
        at=pl.int_range(pl.len()).over("instrument").cast(pl.Float64),
        logs=(volume + 1).log(),
        change=(close / close.shift(1)).over("instrument"),
        busy=(volume / volume.shift(1) + 1).log().over("instrument"),
    )
    bars = bars.with_columns(moved=(pl.col("change") - 1).abs() * volume)
    low = pl.min_horizontal(pl.col("open"), close) - pl.col("low")
    moved = pl.col("moved")
    made = [
        _line(15, "left") / close,
        moved.rolling_std(5, min_samples=1) / (moved.rolling_mean(5, min_samples=1) + 1e-12),
        _line(5, "fit"),
        (pl.col("high") - pl.col("low")) / pl.col("open"),
        _line(10, "fit"),
        _correlation("close", "logs", 5),
        _correlation("change", "busy", 5),
        _correlation("close", "logs", 10),
        _line(20, "fit"),
        _correlation("change", "busy", 60),
        _correlation("change", "busy", 10),
        _correlation("close", "logs", 20),
        low / pl.col("open"),
        close.shift(-2) / close.shift(-1) - 1,
    ]
    told = [one.over("instrument").cast(pl.Float32).alias(name) for name, one in zip(NAMES, made, strict=True)]
    return bars.select("instrument", "session", *told).collect()


def _correlation(x: str, y: str, window: int) -> pl.Expr:
    return pl.rolling_corr(pl.col(x), pl.col(y), window_size=window, min_samples=2)


def _line(window: int, which: str) -> pl.Expr:
    def total(of: pl.Expr) -> pl.Expr:
        return of.rolling_sum(window, min_samples=1)

    x, y, n = pl.col("at"), pl.col("close"), total(pl.col("one"))
    sx, sy = total(x), total(y)
    xy, xx = n * total(x * y) - sx * sy, n * total(x * x) - sx * sx
    if which == "left":
        return y - (sy / n + xy / xx * (x - sx / n))
    return xy**2 / (xx * (n * total(y * y) - sy * sy))


# --- pandas -------------------------------------------------------------------------------------------------------------


def of_pandas(path: str) -> pd.DataFrame:
    """Give the frame, instrument by instrument."""
    bars = pd.read_parquet(path)
    made = [_one(group) for _, group in bars.groupby("instrument", observed=True, sort=False)]
    return pd.concat(made).astype("float32")


def _one(bars: pd.DataFrame) -> pd.DataFrame:
    o, h, low, c, v = bars.open, bars.high, bars.low, bars.close, bars.volume
    change, busy, logs = c / c.shift(1), np.log(v / v.shift(1) + 1), np.log(v + 1)
    moved = ((change - 1).abs() * v).rolling(5, min_periods=1)
    at = pd.Series(np.arange(len(c), dtype=float), c.index)

    def line(window: int, which: str) -> pd.Series:
        def total(of: pd.Series) -> pd.Series:
            return of.rolling(window, min_periods=1).sum()

        n, sx, sy = c.rolling(window, min_periods=1).count(), total(at), total(c)
        xy, xx = n * total(at * c) - sx * sy, n * total(at * at) - sx * sx
        if which == "left":
            return c - (sy / n + xy / xx * (at - sx / n))
        return xy**2 / (xx * (n * total(c * c) - sy * sy))

    def corr(x: pd.Series, y: pd.Series, window: int) -> pd.Series:
        return x.rolling(window, min_periods=1).corr(y)

    columns = [
        line(15, "left") / c,
        moved.std() / (moved.mean() + 1e-12),
        line(5, "fit"),
        (h - low) / o,
        line(10, "fit"),
    ]
    columns += [corr(c, logs, 5), corr(change, busy, 5), corr(c, logs, 10), line(20, "fit"), corr(change, busy, 60)]
    columns += [corr(change, busy, 10), corr(c, logs, 20), (np.minimum(o, c) - low) / o, c.shift(-2) / c.shift(-1) - 1]
    return pd.DataFrame(dict(zip(NAMES, columns, strict=True)))


if __name__ == "__main__":
    main()

"""Qlib's formulas, one instrument and one window at a time, by pandas and numpy's line: slow, and made of nothing of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

F4: Any = np.float32
WINDOWS = (5, 10, 20, 30, 60)


def slow_alpha158(of: pd.DataFrame) -> dict[str, Any]:
    """Give Alpha158 of one instrument's open, high, low, close and volume, float32, a row a session."""
    o, h, low, c, v = (of[name] for name in ("open", "high", "low", "close", "volume"))
    top, bottom, height = np.maximum(o, c), np.minimum(o, c), h - low
    told = {"KMID": (c - o) / o, "KLEN": height / o, "KMID2": (c - o) / (height + F4(1e-12)), "KUP": (h - top) / o}
    told |= {"KUP2": (h - top) / (height + F4(1e-12)), "KLOW": (bottom - low) / o}
    told |= {"KLOW2": (bottom - low) / (height + F4(1e-12)), "KSFT": (2 * c - h - low) / o}
    told |= {"KSFT2": (2 * c - h - low) / (height + F4(1e-12)), "OPEN0": o / c, "HIGH0": h / c, "LOW0": low / c}
    told["VWAP0"] = ((h.astype(float) + low + c) / 3).astype(F4) / c
    for window in WINDOWS:
        made = {**_of_prices(h, low, c, window), **_of_moves(c, v, window)}
        told |= {f"{name}{window}": value for name, value in made.items()}
    return told


def line(values: Any, window: int) -> pd.DataFrame:
    """Give slope, R squared and residual of the line through each window, by numpy."""
    rows = []
    for at in range(len(values)):
        y = values.to_numpy(dtype=float)[max(0, at - window + 1) : at + 1]
        x, is_there = np.arange(len(y), dtype=float), ~np.isnan(y)
        if np.isnan(y[-1]) or is_there.sum() < 2:
            rows.append((np.nan, np.nan, np.nan))
            continue
        slope, start = np.polyfit(x[is_there], y[is_there], 1)
        fit = np.corrcoef(x[is_there], y[is_there])[0, 1] ** 2 if np.std(y[is_there], ddof=1) > 2e-5 else np.nan
        rows.append((slope, fit, y[-1] - (start + slope * x[-1])))
    return pd.DataFrame(rows, columns=["slope", "fit", "left"], index=values.index)


def _of_prices(h: Any, low: Any, c: Any, window: int) -> dict[str, Any]:
    prices, highs, lows = (one.rolling(window, min_periods=1) for one in (c, h, low))
    top, bottom, through = highs.max(), lows.min(), line(c, window)
    first, last = (one.apply(place, raw=True, args=(which,)) for one, which in ((highs, 1), (lows, -1)))
    return {
        "ROC": c.shift(window) / c,
        "MA": prices.mean() / c,
        "STD": prices.std() / c,
        "BETA": through["slope"] / c,
        "RSQR": through["fit"],
        "RESI": through["left"] / c,
        "MAX": top / c,
        "MIN": bottom / c,
        "QTLU": prices.quantile(0.8) / c,
        "QTLD": prices.quantile(0.2) / c,
        "RANK": prices.rank(pct=True),
        "RSV": (c - bottom) / (top - bottom + 1e-12),
        "IMAX": (first / window).where(c.notna()),
        "IMIN": (last / window).where(c.notna()),
        "IMXD": ((first - last) / window).where(c.notna()),
    }


def place(values: np.ndarray, sign: int) -> float:
    """Give the place of the greatest (or the smallest) value from the oldest that there is, 1 for that; NaN where none is."""
    there = np.flatnonzero(~np.isnan(values))
    return float(np.nanargmax(sign * values) - there[0] + 1) if len(there) else np.nan


def _of_moves(c: Any, v: Any, window: int) -> dict[str, Any]:
    bars = c.notna().rolling(window, min_periods=1).sum()
    change, busy = c / c.shift(1), (v / v.shift(1)).replace([np.inf, -np.inf], np.nan)
    moved = np.abs(change - F4(1)) * v
    spread, volume = moved.rolling(window, min_periods=1), v.rolling(window, min_periods=1)
    up, down = (
        (one.astype(float)).rolling(window, min_periods=1).sum() / bars for one in (c > c.shift(1), c < c.shift(1))
    )
    told = {
        "CORR": correlation(c, np.log(v + F4(1)), window).where(c.notna()),
        "CORD": correlation(change, np.log(busy + F4(1)), window).where(c.notna()),
        "CNTP": up.where(c.notna()),
        "CNTN": down.where(c.notna()),
        "CNTD": (up - down).where(c.notna()),
        "VMA": volume.mean() / (v + F4(1e-12)),
        "VSTD": volume.std() / (v + F4(1e-12)),
        "WVMA": (spread.std() / (spread.mean() + 1e-12)).where(c.notna()),
    }
    for prefix, values in (("SUM", c), ("VSUM", v)):
        move = values - values.shift(1)
        sums = [
            one.rolling(window, min_periods=1).sum() for one in (move.clip(lower=0), (-move).clip(lower=0), move.abs())
        ]
        rise, fall, way = sums[0], sums[1], sums[2] + 1e-12
        shares = {"P": rise / way, "N": fall / way, "D": (rise - fall) / way}
        told |= {f"{prefix}{which}": value.where(values.notna()) for which, value in shares.items()}
    return told


def correlation(x: Any, y: Any, window: int) -> Any:
    """Give Qlib's Corr: pandas', unknown where either hardly differs."""
    both = pd.DataFrame({"x": x, "y": y}, dtype=float).where(x.notna() & y.notna())
    rolled = both.rolling(window, min_periods=1)
    told = rolled["x"].corr(both["y"])
    return told.where((rolled["x"].std() > 2e-5) & (rolled["y"].std() > 2e-5))

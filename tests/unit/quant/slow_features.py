"""The features of `weekly` a second time, in plain pandas, an instrument at a time: slow, and apart from what is tested."""

from __future__ import annotations

import numpy as np
import pandas as pd

WILDER = 13 / 14


def slow_features(bars: pd.DataFrame, market: pd.Series) -> dict[str, pd.Series]:
    """Give each feature by its formula, of one instrument's open, high, low, close, volume and total."""
    unit = bars.total / bars.close
    o, h, low, c, v = bars.open * unit, bars.high * unit, bars.low * unit, bars.total, bars.volume
    r, m, gap, inside = c / c.shift(1) - 1, market / market.shift(1) - 1, o / c.shift(1) - 1, c / o - 1
    traded = bars.close * v
    told = {
        **momentum_of(c, r),
        **volatility_of(r, h, low),
        **reversion_of(c, r),
        "gap": gap,
        "overnight_21": gap.rolling(21).sum(),
        "intraday_21": inside.rolling(21).sum(),
        "tug_of_war_63": gap.rolling(63).sum() - inside.rolling(63).sum(),
        **place_of(c, h, low),
        **volume_of(v, r, traded),
        **market_of(r, m),
    }
    return {name: values.replace([np.inf, -np.inf], np.nan) for name, values in told.items()}


def sign(values: pd.Series) -> pd.Series:
    """Give 1, 0 or -1."""
    return pd.Series(np.sign(values.to_numpy()), values.index)


def faded(values: pd.Series) -> pd.Series:
    """Give the sum over 128 sessions, each weighing 13/14 of the next one."""
    weights = WILDER ** np.arange(127, -1, -1)
    return values.rolling(128).apply(lambda window: float(weights @ window), raw=True)


def momentum_of(c: pd.Series, r: pd.Series) -> dict[str, pd.Series]:
    """Give the features of past returns."""
    year = c.shift(21) / c.shift(252) - 1
    first, second = c.shift(126) / c.shift(252) - 1, c / c.shift(126) - 1
    return {
        "momentum_1w": c.pct_change(5, fill_method=None),
        "momentum_4w": c.pct_change(20, fill_method=None),
        "momentum_12w": c.pct_change(60, fill_method=None),
        "momentum_26w": second,
        "momentum_12_1m": year,
        "momentum_12_7m": first,
        "momentum_change_26w": second - first,
        "momentum_per_risk_12_1m": year / r.rolling(252).std(),
        "information_discreteness": -sign(year) * sign(r).rolling(231).mean().shift(21),
    }


def volatility_of(r: pd.Series, h: pd.Series, low: pd.Series) -> dict[str, pd.Series]:
    """Give the features of the spread of returns."""
    squared = pd.Series(np.log((h / low).to_numpy()) ** 2, h.index)

    def skewness(window: np.ndarray) -> float:
        apart = window - window.mean()
        return float((apart**3).mean() / (apart**2).mean() ** 1.5)

    return {
        "volatility_21": r.rolling(21).std(),
        "volatility_63": r.rolling(63).std(),
        "volatility_252": r.rolling(252).std(),
        "volatility_change": r.rolling(21).std() / r.rolling(252).std(),
        "parkinson_21": (squared.rolling(21).mean() / (4 * np.log(2))) ** 0.5,
        "parkinson_63": (squared.rolling(63).mean() / (4 * np.log(2))) ** 0.5,
        "downside_63": (r.clip(upper=0) ** 2).rolling(63).mean() ** 0.5,
        "max_return_21": r.rolling(21).max(),
        "min_return_21": r.rolling(21).min(),
        "skewness_63": r.rolling(63).apply(skewness, raw=True),
        "autocorrelation_63": r.rolling(63).corr(r.shift(1)),
    }


def reversion_of(c: pd.Series, r: pd.Series) -> dict[str, pd.Series]:
    """Give the features of the distance from what is usual."""
    moved = c.diff()
    up, down = faded(moved.clip(lower=0)), faded((-moved).clip(lower=0))
    return {
        "distance_5": c / c.rolling(5).mean() - 1,
        "distance_20": c / c.rolling(20).mean() - 1,
        "distance_60": c / c.rolling(60).mean() - 1,
        "distance_200": c / c.rolling(200).mean() - 1,
        "average_cross_20_200": c.rolling(20).mean() / c.rolling(200).mean() - 1,
        "rsi_14": 100 - 100 / (1 + up / down),
        "z_score_20": (c - c.rolling(20).mean()) / c.rolling(20).std(),
        "return_z_5": r.rolling(5).sum() / (r.rolling(63).std() * 5**0.5),
    }


def place_of(c: pd.Series, h: pd.Series, low: pd.Series) -> dict[str, pd.Series]:
    """Give the features of where the close stands among highs and lows."""
    top, bottom, high, deep = h.rolling(252).max(), low.rolling(252).min(), h.rolling(21).max(), low.rolling(21).min()
    location = (2 * c - h - low) / (h - low)
    return {
        "high_52w": c / top - 1,
        "low_52w": c / bottom - 1,
        "range_position_21": (c - deep) / (high - deep),
        "range_position_252": (c - bottom) / (top - bottom),
        "close_location_21": location.where(h != low, 0.0).where(h.notna()).rolling(21).mean(),
    }


def volume_of(v: pd.Series, r: pd.Series, traded: pd.Series) -> dict[str, pd.Series]:
    """Give the features of what was traded."""
    still = (r == 0).astype(float).where(r.notna())
    return {
        "volume_ratio_1_20": v / v.rolling(20).mean(),
        "volume_ratio_5_60": v.rolling(5).mean() / v.rolling(60).mean(),
        "volume_z_20": (v - v.rolling(20).mean()) / v.rolling(20).std(),
        "volume_variation_63": v.rolling(63).std() / v.rolling(63).mean(),
        "dollar_volume_60": traded.rolling(60).mean(),
        "dollar_volume_change": traded.rolling(5).mean() / traded.rolling(60).mean(),
        "amihud_63": (r.abs() / traded).rolling(63).mean(),
        "zero_returns_126": still.rolling(126).mean(),
        "signed_volume_21": (sign(r) * v).rolling(21).sum() / v.rolling(21).sum(),
        "volume_return_correlation_63": r.rolling(63).corr(v),
    }


def market_of(r: pd.Series, m: pd.Series) -> dict[str, pd.Series]:
    """Give the features beside the benchmark."""
    beta, left = r.rolling(252).cov(m) / m.rolling(252).var(), _left(r, m, 252)
    ahead, market = r.rolling(231).sum().shift(21), m.rolling(231).sum().shift(21)
    return {
        "beta_252": beta,
        "market_correlation_252": r.rolling(252).corr(m),
        "residual_volatility_63": _left(r, m, 63),
        "residual_volatility_252": left,
        "residual_momentum_12_1m": (ahead - beta * market) / (left * 231**0.5),
        "residual_return_21": (r.rolling(21).sum() - beta * m.rolling(21).sum()) / (left * 21**0.5),
    }


def _left(r: pd.Series, m: pd.Series, window: int) -> pd.Series:
    """Give the deviation about the line of least squares: var(r) (1 - corr^2), of n - 2."""
    unexplained = 1 - r.rolling(window).corr(m) ** 2
    return (r.rolling(window).var() * unexplained * (window - 1) / (window - 2)) ** 0.5

"""Features beside the benchmark: what moves with it, and what does not.

In the formulas t is the session; O, H, L, C are prices in total-return units, c is the close as told, V the volume as told;
r(t) = C(t) / C(t-1) - 1, g(t) = O(t) / C(t-1) - 1, m is the r of the benchmark. sum, mean, sd (n - 1), min, max, corr, cov
and var are over so many last sessions; a third argument names another last one than t.
"""

from __future__ import annotations

from core.quant.features import feature
from core.quant.plan import Column, Plan

GAP = "a close of the look-back is absent, also of the benchmark"

FRAZZINI_2014 = "Frazzini and Pedersen 2014, Betting Against Beta"
ASNESS_2020 = "Asness, Frazzini, Gormsen and Pedersen 2020, Betting Against Correlation"
ANG_2006 = "Ang, Hodrick, Xing and Zhang 2006, The Cross-Section of Volatility and Expected Returns"
BLITZ_2011 = "Blitz, Huij and Martens 2011, Residual Momentum"
BLITZ_2013 = "Blitz, Huij, Lansdorp and Verbeek 2013, Short-Term Residual Reversal"


@feature(
    "benchmark",
    "cov(r, m, 252) / var(m, 252)",
    FRAZZINI_2014,
    lookback=253,
    nan_rule=f"{GAP}, or m is the same throughout",
)
def beta_252(of: Plan) -> Column:
    """Give the slope of a year's returns on the benchmark's."""
    return of.beta(252)


@feature("benchmark", "corr(r, m, 252)", ASNESS_2020, lookback=253, nan_rule=f"{GAP}, or r or m is the same throughout")
def market_correlation_252(of: Plan) -> Column:
    """Give the correlation of a year's returns with the benchmark's."""
    return of.correlation(of.market_returns, of.returns, 252)


@feature(
    "benchmark",
    "sd(r - a - b m, 63), n - 2; a, b by least squares",
    ANG_2006,
    lookback=64,
    nan_rule=f"{GAP}, or m is the same throughout",
)
def residual_volatility_63(of: Plan) -> Column:
    """Give the deviation of what the benchmark does not explain of a quarter's returns."""
    return of.residual(63)


@feature(
    "benchmark",
    "sd(r - a - b m, 252), n - 2; a, b by least squares",
    ANG_2006,
    lookback=253,
    nan_rule=f"{GAP}, or m is the same throughout",
)
def residual_volatility_252(of: Plan) -> Column:
    """Give the deviation of what the benchmark does not explain of a year's returns."""
    return of.residual(252)


@feature(
    "benchmark",
    "sum(r - b m, 231, t-21) / (residual_volatility_252(t) x root 231), b = beta_252(t)",
    BLITZ_2011,
    lookback=253,
    nan_rule=f"{GAP}, or the benchmark explains all",
)
def residual_momentum_12_1m(of: Plan) -> Column:
    """Give what a year without its last month gained beyond its beta, in deviations."""
    return of.unexplained(of.year_less_month(of.returns), of.year_less_month(of.market_returns), 231)


@feature(
    "benchmark",
    "sum(r - b m, 21) / (residual_volatility_252(t) x root 21), b = beta_252(t)",
    BLITZ_2013,
    lookback=253,
    nan_rule=f"{GAP}, or the benchmark explains all",
)
def residual_return_21(of: Plan) -> Column:
    """Give what a month gained beyond its beta, in deviations."""
    return of.unexplained(of.sum_of(of.returns, 21), of.sum_of(of.market_returns, 21), 21)


MARKET_FEATURES = (
    beta_252,
    market_correlation_252,
    residual_volatility_63,
    residual_volatility_252,
    residual_momentum_12_1m,
    residual_return_21,
)

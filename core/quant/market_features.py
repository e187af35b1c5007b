"""Features beside the benchmark: what moves with it, and what does not.

In the formulas t is the session; O, H, L, C are prices in total-return units, c is the close as told, V the volume as told;
r(t) = C(t) / C(t-1) - 1, g(t) = O(t) / C(t-1) - 1, m is the r of the benchmark. sum, mean, sd (n - 1), min, max, corr, cov
and var are over so many last sessions; a third argument names another last one than t.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.bars import Floats
from core.quant.features import feature

if TYPE_CHECKING:
    from core.quant.block import Block

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
def beta_252(of: Block) -> Floats:
    """Give the slope of a year's returns on the benchmark's."""
    return of.fit(252)[0]


@feature("benchmark", "corr(r, m, 252)", ASNESS_2020, lookback=253, nan_rule=f"{GAP}, or r or m is the same throughout")
def market_correlation_252(of: Block) -> Floats:
    """Give the correlation of a year's returns with the benchmark's."""
    return of.correlation(*of.with_market(252), 252)


@feature(
    "benchmark",
    "sd(r - a - b m, 63), n - 2; a, b by least squares",
    ANG_2006,
    lookback=64,
    nan_rule=f"{GAP}, or m is the same throughout",
)
def residual_volatility_63(of: Block) -> Floats:
    """Give the deviation of what the benchmark does not explain of a quarter's returns."""
    return of.fit(63)[1]


@feature(
    "benchmark",
    "sd(r - a - b m, 252), n - 2; a, b by least squares",
    ANG_2006,
    lookback=253,
    nan_rule=f"{GAP}, or m is the same throughout",
)
def residual_volatility_252(of: Block) -> Floats:
    """Give the deviation of what the benchmark does not explain of a year's returns."""
    return of.fit(252)[1]


@feature(
    "benchmark",
    "sum(r - b m, 231, t-21) / (residual_volatility_252(t) x root 231), b = beta_252(t)",
    BLITZ_2011,
    lookback=253,
    nan_rule=f"{GAP}, or the benchmark explains all",
)
def residual_momentum_12_1m(of: Block) -> Floats:
    """Give what a year without its last month gained beyond its beta, in deviations."""
    return _residual_momentum(of)


@feature(
    "benchmark",
    "sum(r - b m, 21) / (residual_volatility_252(t) x root 21), b = beta_252(t)",
    BLITZ_2013,
    lookback=253,
    nan_rule=f"{GAP}, or the benchmark explains all",
)
def residual_return_21(of: Block) -> Floats:
    """Give what a month gained beyond its beta, in deviations."""
    return of.unexplained(of.sum_of_returns(21), of.market.sum_of_returns(21), of.fit(252), 21)


def _residual_momentum(of: Block) -> Floats:
    gained = of.year_less_month("returns", lambda: of.returns)
    market = of.market.year_less_month("returns", lambda: of.market.returns)
    return of.unexplained(gained, market, of.fit(252), 231)


MARKET_FEATURES = (
    beta_252,
    market_correlation_252,
    residual_volatility_63,
    residual_volatility_252,
    residual_momentum_12_1m,
    residual_return_21,
)

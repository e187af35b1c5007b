"""Features of volume: activity and liquidity.

In the formulas t is the session; O, H, L, C are prices in total-return units, c is the close as told, V the volume as told;
r(t) = C(t) / C(t-1) - 1, g(t) = O(t) / C(t-1) - 1, m is the r of the benchmark. sum, mean, sd (n - 1), min, max, corr, cov
and var are over so many last sessions; a third argument names another last one than t.
"""

from __future__ import annotations

from core.quant.features import feature
from core.quant.plan import Column, Plan

GAP = "a bar of the look-back is absent"

GERVAIS_2001 = "Gervais, Kaniel and Mingelgrin 2001, The High-Volume Return Premium"
LLORENTE_2002 = "Llorente, Michaely, Saar and Wang 2002, Dynamic Volume-Return Relation"
CHORDIA_2001 = "Chordia, Subrahmanyam and Anshuman 2001, Trading Activity and Expected Stock Returns"
BRENNAN_1998 = "Brennan, Chordia and Subrahmanyam 1998, Alternative Factor Specifications"
LEE_2000 = "Lee and Swaminathan 2000, Price Momentum and Trading Volume"
AMIHUD_2002 = "Amihud 2002, Illiquidity and Stock Returns"
LESMOND_1999 = "Lesmond, Ogden and Trzcinka 1999, A New Estimate of Transaction Costs"
GRANVILLE_1963 = "Granville 1963, New Key to Stock Market Profits"
CAMPBELL_1993 = "Campbell, Grossman and Wang 1993, Trading Volume and Serial Correlation in Stock Returns"


@feature("volume", "V(t) / mean(V, 20)", GERVAIS_2001, lookback=20, nan_rule=f"{GAP}, or nothing was traded")
def volume_ratio_1_20(of: Plan) -> Column:
    """Give the session's volume as a share of the average of four weeks."""
    return of.ratio(of.volume, of.mean_of(of.volume, 20))


@feature("volume", "mean(V, 5) / mean(V, 60)", GERVAIS_2001, lookback=60, nan_rule=f"{GAP}, or nothing was traded")
def volume_ratio_5_60(of: Plan) -> Column:
    """Give the volume of a week as a share of the average of twelve."""
    return of.ratio(of.mean_of(of.volume, 5), of.mean_of(of.volume, 60))


@feature(
    "volume",
    "(V(t) - mean(V, 20)) / sd(V, 20)",
    LLORENTE_2002,
    lookback=20,
    nan_rule=f"{GAP}, or the volume is the same throughout",
)
def volume_z_20(of: Plan) -> Column:
    """Give how many deviations the volume is above its average of 20 sessions."""
    return of.standardised(of.volume)


@feature("volume", "sd(V, 63) / mean(V, 63)", CHORDIA_2001, lookback=63, nan_rule=f"{GAP}, or nothing was traded")
def volume_variation_63(of: Plan) -> Column:
    """Give the standard deviation of a quarter's volume as a share of its mean."""
    return of.ratio(of.deviation(of.volume, 63), of.times(of.sum_of(of.volume, 63), 1 / 63))


@feature("volume", "mean(c x V, 60)", BRENNAN_1998, lookback=60, nan_rule=GAP)
def dollar_volume_60(of: Plan) -> Column:
    """Give the money traded in a session, on average of twelve weeks."""
    return of.mean_of(of.traded, 60)


@feature("volume", "mean(c x V, 5) / mean(c x V, 60)", LEE_2000, lookback=60, nan_rule=f"{GAP}, or nothing was traded")
def dollar_volume_change(of: Plan) -> Column:
    """Give the money traded in a week as a share of the average of twelve."""
    return of.ratio(of.mean_of(of.traded, 5), of.mean_of(of.traded, 60))


@feature("volume", "mean(|r| / (c x V), 63)", AMIHUD_2002, lookback=64, nan_rule=f"{GAP}, or a session has no volume")
def amihud_63(of: Plan) -> Column:
    """Give how much the price moved for the money traded, on average of a quarter."""
    return of.times(of.sum_of(of.size_per(of.returns, of.traded), 63), 1 / 63)


@feature("volume", "mean(1 if r = 0 else 0, 126)", LESMOND_1999, lookback=127, nan_rule=GAP)
def zero_returns_126(of: Plan) -> Column:
    """Give the share of the sessions of half a year in which the close did not move."""
    return of.times(of.sum_of(of.is_zero(of.returns), 126), 1 / 126)


@feature(
    "volume", "sum(sign(r) x V, 21) / sum(V, 21)", GRANVILLE_1963, lookback=22, nan_rule=f"{GAP}, or nothing was traded"
)
def signed_volume_21(of: Plan) -> Column:
    """Give the volume of the sessions that rose, less that of those that fell, as a share of a month's."""
    return of.ratio(of.sum_of(of.product(of.sign(of.returns), of.volume), 21), of.sum_of(of.volume, 21))


@feature("volume", "corr(r, V, 63)", CAMPBELL_1993, lookback=64, nan_rule=f"{GAP}, or r or V is the same throughout")
def volume_return_correlation_63(of: Plan) -> Column:
    """Give the correlation of a quarter's returns with its volume."""
    return of.correlation(of.returns, of.volume, 63)


VOLUME_FEATURES = (
    volume_ratio_1_20,
    volume_ratio_5_60,
    volume_z_20,
    volume_variation_63,
    dollar_volume_60,
    dollar_volume_change,
    amihud_63,
    zero_returns_126,
    signed_volume_21,
    volume_return_correlation_63,
)

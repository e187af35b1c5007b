"""Features of prices: momentum, volatility, reversion, gaps, highs and lows.

In the formulas t is the session; O, H, L, C are prices in total-return units, c is the close as told, V the volume as told;
r(t) = C(t) / C(t-1) - 1, g(t) = O(t) / C(t-1) - 1, m is the r of the benchmark. sum, mean, sd (n - 1), min, max, corr, cov
and var are over so many last sessions; a third argument names another last one than t.
"""

from __future__ import annotations

from math import log

from core.quant.features import feature
from core.quant.plan import Column, Plan

CLOSES = "either close is absent"
GAP = "a bar of the look-back is absent"

LEHMANN_1990 = "Lehmann 1990, Fads, Martingales, and Market Efficiency"
JEGADEESH_1990 = "Jegadeesh 1990, Evidence of Predictable Behavior of Security Returns"
JEGADEESH_1993 = "Jegadeesh and Titman 1993, Returns to Buying Winners and Selling Losers"
NOVY_MARX_2012 = "Novy-Marx 2012, Is Momentum Really Momentum?"
GETTLEMAN_2006 = "Gettleman and Marks 2006, Acceleration Strategies"
BARROSO_2015 = "Barroso and Santa-Clara 2015, Momentum Has Its Moments"
DA_2014 = "Da, Gurun and Warachka 2014, Frog in the Pan"
ANG_2006 = "Ang, Hodrick, Xing and Zhang 2006, The Cross-Section of Volatility and Expected Returns"
BLITZ_2007 = "Blitz and van Vliet 2007, The Volatility Effect"
SCHWERT_1989 = "Schwert 1989, Why Does Stock Market Volatility Change Over Time?"
PARKINSON_1980 = "Parkinson 1980, The Extreme Value Method for Estimating the Variance"
SORTINO_1994 = "Sortino and Price 1994, Performance Measurement in a Downside Risk Framework"
BALI_2011 = "Bali, Cakici and Whitelaw 2011, Maxing Out"
ATILGAN_2020 = "Atilgan, Bali, Demirtas and Gunaydin 2020, Left-Tail Momentum"
AMAYA_2015 = (
    "Amaya, Christoffersen, Jacobs and Vasquez 2015, "
    "Does Realized Skewness Predict the Cross-Section of Equity Returns?"
)
LO_1988 = "Lo and MacKinlay 1988, Stock Market Prices Do Not Follow Random Walks"
BROCK_1992 = "Brock, Lakonishok and LeBaron 1992, Simple Technical Trading Rules"
HAN_2016 = "Han, Zhou and Zhu 2016, A Trend Factor"
WILDER_1978 = "Wilder 1978, New Concepts in Technical Trading Systems"
BOLLINGER_2001 = "Bollinger 2001, Bollinger on Bollinger Bands"
LOU_2019 = "Lou, Polk and Skouras 2019, A Tug of War: Overnight Versus Intraday Expected Returns"
GEORGE_2004 = "George and Hwang 2004, The 52-Week High and Momentum Investing"
LANE_1984 = "Lane 1984, Lane's Stochastics"
WILLIAMS_1979 = "Williams 1979, How I Made One Million Dollars"


@feature("momentum", "C(t) / C(t-5) - 1", LEHMANN_1990, lookback=6, nan_rule=CLOSES)
def momentum_1w(of: Plan) -> Column:
    """Give the return of a week."""
    return of.change(0, 5)


@feature("momentum", "C(t) / C(t-20) - 1", JEGADEESH_1990, lookback=21, nan_rule=CLOSES)
def momentum_4w(of: Plan) -> Column:
    """Give the return of four weeks."""
    return of.change(0, 20)


@feature("momentum", "C(t) / C(t-60) - 1", JEGADEESH_1993, lookback=61, nan_rule=CLOSES)
def momentum_12w(of: Plan) -> Column:
    """Give the return of twelve weeks."""
    return of.change(0, 60)


@feature("momentum", "C(t) / C(t-126) - 1", JEGADEESH_1993, lookback=127, nan_rule=CLOSES)
def momentum_26w(of: Plan) -> Column:
    """Give the return of half a year."""
    return of.change(0, 126)


@feature("momentum", "C(t-21) / C(t-252) - 1", JEGADEESH_1993, lookback=253, nan_rule=CLOSES)
def momentum_12_1m(of: Plan) -> Column:
    """Give the return of twelve months without the last one."""
    return of.change(21, 252)


@feature("momentum", "C(t-126) / C(t-252) - 1", NOVY_MARX_2012, lookback=253, nan_rule=CLOSES)
def momentum_12_7m(of: Plan) -> Column:
    """Give the return of the first half of the last twelve months."""
    return of.change(126, 252)


@feature(
    "momentum",
    "momentum_26w(t) - momentum_12_7m(t)",
    GETTLEMAN_2006,
    lookback=253,
    nan_rule="one of the three closes is absent",
)
def momentum_change_26w(of: Plan) -> Column:
    """Give by how much the return of half a year is above that of the half before."""
    return of.less(of.change(0, 126), of.change(126, 252))


@feature(
    "momentum",
    "momentum_12_1m(t) / volatility_252(t)",
    BARROSO_2015,
    lookback=253,
    nan_rule=f"{GAP}, or the close never moved",
)
def momentum_per_risk_12_1m(of: Plan) -> Column:
    """Give the return of twelve months without the last one, for each unit of volatility."""
    return of.ratio(of.change(21, 252), of.deviation(of.returns, 252))


@feature(
    "momentum",
    "-sign(momentum_12_1m(t)) x sum(sign(r), 231, t-21) / 231",
    DA_2014,
    lookback=253,
    nan_rule="a close from t-252 to t-21 is absent",
)
def information_discreteness(of: Plan) -> Column:
    """Give how much a year's return came in a few large steps: negative where in many small ones."""
    return of.times(of.product(of.sign(of.change(21, 252)), of.year_less_month(of.sign(of.returns))), -1 / 231)


@feature("volatility", "sd(r, 21)", ANG_2006, lookback=22, nan_rule=GAP)
def volatility_21(of: Plan) -> Column:
    """Give the standard deviation of a month's returns."""
    return of.deviation(of.returns, 21)


@feature("volatility", "sd(r, 63)", ANG_2006, lookback=64, nan_rule=GAP)
def volatility_63(of: Plan) -> Column:
    """Give the standard deviation of a quarter's returns."""
    return of.deviation(of.returns, 63)


@feature("volatility", "sd(r, 252)", BLITZ_2007, lookback=253, nan_rule=GAP)
def volatility_252(of: Plan) -> Column:
    """Give the standard deviation of a year's returns."""
    return of.deviation(of.returns, 252)


@feature(
    "volatility",
    "volatility_21(t) / volatility_252(t)",
    SCHWERT_1989,
    lookback=253,
    nan_rule=f"{GAP}, or the close never moved",
)
def volatility_change(of: Plan) -> Column:
    """Give the volatility of a month as a share of the year's."""
    return of.ratio(of.deviation(of.returns, 21), of.deviation(of.returns, 252))


@feature("volatility", "root(sum(ln(H / L)^2, 21) / (21 x 4 ln 2))", PARKINSON_1980, lookback=21, nan_rule=GAP)
def parkinson_21(of: Plan) -> Column:
    """Give a month's volatility by the ranges of its sessions."""
    return _parkinson(of, 21)


@feature("volatility", "root(sum(ln(H / L)^2, 63) / (63 x 4 ln 2))", PARKINSON_1980, lookback=63, nan_rule=GAP)
def parkinson_63(of: Plan) -> Column:
    """Give a quarter's volatility by the ranges of its sessions."""
    return _parkinson(of, 63)


@feature("volatility", "root(sum(min(r, 0)^2, 63) / 63)", SORTINO_1994, lookback=64, nan_rule=GAP)
def downside_63(of: Plan) -> Column:
    """Give the deviation of a quarter's returns below zero."""
    return of.root(of.sum_of(of.squared_fall(of.returns), 63), 1 / 63)


@feature("volatility", "max(r, 21)", BALI_2011, lookback=22, nan_rule=GAP)
def max_return_21(of: Plan) -> Column:
    """Give the best day of a month."""
    return of.largest(of.returns, 21)


@feature("volatility", "min(r, 21)", ATILGAN_2020, lookback=22, nan_rule=GAP)
def min_return_21(of: Plan) -> Column:
    """Give the worst day of a month."""
    return of.smallest(of.returns, 21)


@feature(
    "volatility",
    "mean((r - mean(r, 63))^3, 63) / mean((r - mean(r, 63))^2, 63)^1.5",
    AMAYA_2015,
    lookback=64,
    nan_rule=f"{GAP}, or r is the same throughout",
)
def skewness_63(of: Plan) -> Column:
    """Give the skewness of a quarter's returns."""
    return of.skewness(of.returns, 63)


@feature("volatility", "corr(r(t), r(t-1), 63)", LO_1988, lookback=65, nan_rule=f"{GAP}, or r is the same throughout")
def autocorrelation_63(of: Plan) -> Column:
    """Give the correlation of a quarter's returns with those of the sessions before."""
    return of.correlation(of.returns, of.returns.ago(1), 63)


@feature("reversion", "C(t) / mean(C, 5) - 1", BROCK_1992, lookback=5, nan_rule=GAP)
def distance_5(of: Plan) -> Column:
    """Give how far the close is above its average of a week."""
    return _distance(of, 5)


@feature("reversion", "C(t) / mean(C, 20) - 1", BROCK_1992, lookback=20, nan_rule=GAP)
def distance_20(of: Plan) -> Column:
    """Give how far the close is above its average of four weeks."""
    return _distance(of, 20)


@feature("reversion", "C(t) / mean(C, 60) - 1", HAN_2016, lookback=60, nan_rule=GAP)
def distance_60(of: Plan) -> Column:
    """Give how far the close is above its average of twelve weeks."""
    return _distance(of, 60)


@feature("reversion", "C(t) / mean(C, 200) - 1", BROCK_1992, lookback=200, nan_rule=GAP)
def distance_200(of: Plan) -> Column:
    """Give how far the close is above its average of 200 sessions."""
    return _distance(of, 200)


@feature("reversion", "mean(C, 20) / mean(C, 200) - 1", BROCK_1992, lookback=200, nan_rule=GAP)
def average_cross_20_200(of: Plan) -> Column:
    """Give how far the average of 20 sessions is above that of 200."""
    return of.relative(of.mean_of(of.total, 20), of.mean_of(of.total, 200))


@feature(
    "reversion",
    "100 U / (U + D); U, D = sum((13/14)^k x max(+-(C(t-k) - C(t-k-1)), 0), k = 0 to 127)",
    WILDER_1978,
    lookback=129,
    nan_rule=f"{GAP}, or the close never moved",
)
def rsi_14(of: Plan) -> Column:
    """Give Wilder's relative strength index of 14 sessions, from the last 128 changes."""
    return of.relative_strength()


@feature(
    "reversion",
    "(C(t) - mean(C, 20)) / sd(C, 20)",
    BOLLINGER_2001,
    lookback=20,
    nan_rule=f"{GAP}, or the close never moved",
)
def z_score_20(of: Plan) -> Column:
    """Give how many deviations the close is above its average of 20 sessions."""
    return of.standardised(of.total)


@feature(
    "reversion",
    "sum(r, 5) / (volatility_63(t) x root 5)",
    LEHMANN_1990,
    lookback=64,
    nan_rule=f"{GAP}, or r is the same throughout",
)
def return_z_5(of: Plan) -> Column:
    """Give a week's returns in deviations of the quarter's."""
    return of.ratio(of.sum_of(of.returns, 5), of.times(of.deviation(of.returns, 63), 5**0.5))


@feature("gaps", "g(t) = O(t) / C(t-1) - 1", LOU_2019, lookback=2, nan_rule="the open or the close before is absent")
def gap(of: Plan) -> Column:
    """Give the return from yesterday's close to the open."""
    return of.overnight


@feature("gaps", "sum(g, 21)", LOU_2019, lookback=22, nan_rule=GAP)
def overnight_21(of: Plan) -> Column:
    """Give what a month's gaps add up to."""
    return _nights(of, 21)


@feature("gaps", "sum(C / O - 1, 21)", LOU_2019, lookback=21, nan_rule=GAP)
def intraday_21(of: Plan) -> Column:
    """Give what a month's returns from open to close add up to."""
    return _days(of, 21)


@feature("gaps", "sum(g, 63) - sum(C / O - 1, 63)", LOU_2019, lookback=64, nan_rule=GAP)
def tug_of_war_63(of: Plan) -> Column:
    """Give by how much a quarter's gaps are above what was gained from open to close."""
    return of.less(_nights(of, 63), _days(of, 63))


@feature("highs and lows", "C(t) / max(H, 252) - 1", GEORGE_2004, lookback=252, nan_rule=GAP)
def high_52w(of: Plan) -> Column:
    """Give how far the close is from the highest price of a year."""
    return of.relative(of.total, _high(of, 252))


@feature("highs and lows", "C(t) / min(L, 252) - 1", GEORGE_2004, lookback=252, nan_rule=GAP)
def low_52w(of: Plan) -> Column:
    """Give how far the close is from the lowest price of a year."""
    return of.relative(of.total, _low(of, 252))


@feature(
    "highs and lows",
    "(C(t) - min(L, 21)) / (max(H, 21) - min(L, 21))",
    LANE_1984,
    lookback=21,
    nan_rule=f"{GAP}, or no price moved",
)
def range_position_21(of: Plan) -> Column:
    """Give where the close stands in the range of a month."""
    return of.share(of.total, _low(of, 21), _high(of, 21))


@feature(
    "highs and lows",
    "(C(t) - min(L, 252)) / (max(H, 252) - min(L, 252))",
    LANE_1984,
    lookback=252,
    nan_rule=f"{GAP}, or no price moved",
)
def range_position_252(of: Plan) -> Column:
    """Give where the close stands in the range of a year."""
    return of.share(of.total, _low(of, 252), _high(of, 252))


@feature(
    "highs and lows",
    "mean(((C - L) - (H - C)) / (H - L), 21), a session with H = L counting 0",
    WILLIAMS_1979,
    lookback=21,
    nan_rule=GAP,
)
def close_location_21(of: Plan) -> Column:
    """Give where the closes of a month stood in the ranges of their sessions."""
    return of.times(of.sum_of(of.location, 21), 1 / 21)


def _parkinson(of: Plan, window: int) -> Column:
    return of.root(of.sum_of(of.squared_range, window), 1 / (window * 4 * log(2)))


def _distance(of: Plan, window: int) -> Column:
    return of.relative(of.total, of.mean_of(of.total, window))


def _nights(of: Plan, window: int) -> Column:
    return of.sum_of(of.overnight, window)


def _days(of: Plan, window: int) -> Column:
    return of.sum_of(of.intraday, window)


def _high(of: Plan, window: int) -> Column:
    return of.largest(of.price("high"), window)


def _low(of: Plan, window: int) -> Column:
    return of.smallest(of.price("low"), window)


PRICE_FEATURES = (
    momentum_1w,
    momentum_4w,
    momentum_12w,
    momentum_26w,
    momentum_12_1m,
    momentum_12_7m,
    momentum_change_26w,
    momentum_per_risk_12_1m,
    information_discreteness,
    volatility_21,
    volatility_63,
    volatility_252,
    volatility_change,
    parkinson_21,
    parkinson_63,
    downside_63,
    max_return_21,
    min_return_21,
    skewness_63,
    autocorrelation_63,
    distance_5,
    distance_20,
    distance_60,
    distance_200,
    average_cross_20_200,
    rsi_14,
    z_score_20,
    return_z_5,
    gap,
    overnight_21,
    intraday_21,
    tug_of_war_63,
    high_52w,
    low_52w,
    range_position_21,
    range_position_252,
    close_location_21,
)

"""The feature set `weekly`: what the weekly ranker reads of each instrument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.bars import Floats
from core.quant.features import Feature, FeatureSet

if TYPE_CHECKING:
    from core.quant.block import Block

GAP = "a bar of the look-back is absent"


def momentum_1w(of: Block) -> Floats:
    """Give the return of a week."""
    return of.change(0, 5)


def momentum_4w(of: Block) -> Floats:
    """Give the return of four weeks."""
    return of.change(0, 20)


def momentum_12w(of: Block) -> Floats:
    """Give the return of twelve weeks."""
    return of.change(0, 60)


def momentum_12_1m(of: Block) -> Floats:
    """Give the return of twelve months without the last one."""
    return of.change(21, 252)


def volatility_21(of: Block) -> Floats:
    """Give the standard deviation of a month's daily returns."""
    return of.deviation(21)


_MOMENTUM = (
    Feature("momentum_1w", "momentum", "C(t) / C(t-5) - 1", "Jegadeesh 1990", 6, "either close is absent", momentum_1w),
    Feature(
        "momentum_4w", "momentum", "C(t) / C(t-20) - 1", "Jegadeesh 1990", 21, "either close is absent", momentum_4w
    ),
    Feature(
        "momentum_12w",
        "momentum",
        "C(t) / C(t-60) - 1",
        "Jegadeesh and Titman 1993",
        61,
        "either close is absent",
        momentum_12w,
    ),
    Feature(
        "momentum_12_1m",
        "momentum",
        "C(t-21) / C(t-252) - 1",
        "Jegadeesh and Titman 1993",
        253,
        "either close is absent",
        momentum_12_1m,
    ),
)
_VOLATILITY = (
    Feature("volatility_21", "volatility", "sd(r, 21)", "Ang, Hodrick, Xing and Zhang 2006", 22, GAP, volatility_21),
)

WEEKLY = FeatureSet("weekly", _MOMENTUM + _VOLATILITY, is_ranked=True)

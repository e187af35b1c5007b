"""The feature sets `alpha158` and `workflow`: those of Qlib (Yang et al. 2020) that its examples train on, equal to its output.

`alpha158` is `Alpha158` of qlib/contrib/data/loader.py; `workflow` are the columns that
`workflow_config_lightgbm_configurable_dataset.yaml` names, without its label, which knows the future. Both are numbers of
float32: prices and volumes are rounded to it as Qlib stores them. Prices are total-return ones (price x total / close), as
Qlib's adjusted ones are; volume is the panel's. End-of-day bars have no vwap: (high + low + close) / 3 stands for it.

Qlib's windows are pandas' with min_periods=1: at the start of an instrument's life one holds the bars that there are. So do
these, and the number of a day comes from the last `lookback` sessions alone, whatever stands before. On a day without a bar
Qlib tells some features from the bars before it; here all are NaN, and a hole in a window is no row of it (Qlib takes a
missing high for the highest). A bar with a missing number is none.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.domain.bars import Floats
from core.quant.bars import COLUMNS, Bars
from core.quant.features import Feature, FeatureSet

WINDOWS = (5, 10, 20, 30, 60)
SOURCE = "Qlib 0.9.7, Alpha158 (Yang et al. 2020)"
NO_BAR = "the day has no whole bar"
NO_PAIR = f"{NO_BAR}, the window has one bar alone, or its values hardly differ"
_MOVED = "abs($close/Ref($close, 1)-1)*$volume"
_LOGS = "Log($volume/Ref($volume, 1)+1)"
_FALL, _WAY = "Greater(Ref({0}, 1)-{0}, 0)", "(Sum(Abs({0}-Ref({0}, 1)), {{0}})+1e-12)"
_RISE = "Greater({0}-Ref({0}, 1), 0)"

_CANDLE = {
    "KMID": "($close-$open)/$open",
    "KLEN": "($high-$low)/$open",
    "KMID2": "($close-$open)/($high-$low+1e-12)",
    "KUP": "($high-Greater($open, $close))/$open",
    "KUP2": "($high-Greater($open, $close))/($high-$low+1e-12)",
    "KLOW": "(Less($open, $close)-$low)/$open",
    "KLOW2": "(Less($open, $close)-$low)/($high-$low+1e-12)",
    "KSFT": "(2*$close-$high-$low)/$open",
    "KSFT2": "(2*$close-$high-$low)/($high-$low+1e-12)",
    "OPEN0": "$open/$close",
    "HIGH0": "$high/$close",
    "LOW0": "$low/$close",
    "VWAP0": "(($high+$low+$close)/3)/$close",
}


def _way(name: str, up: str, down: str, prefix: str) -> dict[str, tuple[str, int, str]]:
    """Give the three shares of a way up and down."""
    way = _WAY.format(name)
    rise, fall = (f"Sum({one.format(name)}, {{0}})" for one in (up, down))
    rule = f"{NO_BAR}, or the window has no two bars in a row"
    told = {"P": f"{rise}/{way}", "N": f"{fall}/{way}", "D": f"({rise}-{fall})/{way}"}
    return {f"{prefix}{which}": (formula, 1, rule) for which, formula in told.items()}


# Each family: its formula of a window, how many sessions more than the window it reads, and when it has no value.
_FAMILIES: dict[str, tuple[str, int, str]] = {
    "ROC": ("Ref($close, {0})/$close", 1, "the day or the one that many sessions ago has no whole bar"),
    "MA": ("Mean($close, {0})/$close", 0, NO_BAR),
    "STD": ("Std($close, {0})/$close", 0, f"{NO_BAR}, or the window has one bar alone"),
    "BETA": ("Slope($close, {0})/$close", 0, f"{NO_BAR}, or the window has one bar alone"),
    "RSQR": ("Rsquare($close, {0})", 0, NO_PAIR),
    "RESI": ("Resi($close, {0})/$close", 0, f"{NO_BAR}, or the window has one bar alone"),
    "MAX": ("Max($high, {0})/$close", 0, NO_BAR),
    "MIN": ("Min($low, {0})/$close", 0, NO_BAR),
    "QTLU": ("Quantile($close, {0}, 0.8)/$close", 0, NO_BAR),
    "QTLD": ("Quantile($close, {0}, 0.2)/$close", 0, NO_BAR),
    "RANK": ("Rank($close, {0})", 0, NO_BAR),
    "RSV": ("($close-Min($low, {0}))/(Max($high, {0})-Min($low, {0})+1e-12)", 0, NO_BAR),
    "IMAX": ("IdxMax($high, {0})/{0}", 0, NO_BAR),
    "IMIN": ("IdxMin($low, {0})/{0}", 0, NO_BAR),
    "IMXD": ("(IdxMax($high, {0})-IdxMin($low, {0}))/{0}", 0, NO_BAR),
    "CORR": ("Corr($close, Log($volume+1), {0})", 0, NO_PAIR),
    "CORD": (f"Corr($close/Ref($close, 1), {_LOGS}, {{0}})", 1, NO_PAIR),
    "CNTP": ("Mean($close>Ref($close, 1), {0})", 1, NO_BAR),
    "CNTN": ("Mean($close<Ref($close, 1), {0})", 1, NO_BAR),
    "CNTD": ("Mean($close>Ref($close, 1), {0})-Mean($close<Ref($close, 1), {0})", 1, NO_BAR),
    **_way("$close", _RISE, _FALL, "SUM"),
    "VMA": ("Mean($volume, {0})/($volume+1e-12)", 0, NO_BAR),
    "VSTD": ("Std($volume, {0})/($volume+1e-12)", 0, f"{NO_BAR}, or the window has one bar alone"),
    "WVMA": (f"Std({_MOVED}, {{0}})/(Mean({_MOVED}, {{0}})+1e-12)", 1, f"{NO_BAR}, or the window has no two returns"),
    **_way("$volume", _RISE, _FALL, "VSUM"),
}

# The workflow's names and which of Alpha158's formulas each is; its RESI5 is over 15 sessions indeed.
_WORKFLOW = {
    "RESI5": ("RESI", 15),
    "WVMA5": ("WVMA", 5),
    "RSQR5": ("RSQR", 5),
    "KLEN": ("KLEN", 1),
    "RSQR10": ("RSQR", 10),
    "CORR5": ("CORR", 5),
    "CORD5": ("CORD", 5),
    "CORR10": ("CORR", 10),
    "RSQR20": ("RSQR", 20),
    "CORD60": ("CORD", 60),
    "CORD10": ("CORD", 10),
    "CORR20": ("CORR", 20),
    "KLOW": ("KLOW", 1),
}


def fill(
    bars: Bars,
    name: str,
    out: NDArray[np.float32],
    *,
    span: tuple[int, int] | None = None,
    life: NDArray[np.int64] | None = None,
) -> None:
    """Write all features of a set, `alpha158` or `workflow`, for the instruments from the first of `span` up to the second.

    `out` is float32 of shape (features, sessions, instruments), or long, (features, rows of `lives(bars)`); `life` are those
    lives, where the caller knows them. It is what `features` gives for all members, bit for bit, without a copy;
    threads may fill spans that do not meet, which begin best at a multiple of 64. Raises ValueError for another name or form.
    """
    from core.indicators.alpha158 import sweep_alpha158, sweep_workflow
    from core.indicators.orders import sweep_orders

    if name not in SETS or len(out) != len(SETS[name].features) or out.dtype != np.float32:
        raise ValueError(f"{name} of {len(out)} features and {out.dtype}; known are {', '.join(SETS)}, all of float32")
    arrays = tuple(np.ascontiguousarray(getattr(bars, column)) for column in COLUMNS)
    asked = (0, bars.shape[1]) if span is None else span
    if out.ndim == 2:
        out, life = out[:, :, None], lives(bars) if life is None else life
    else:
        life = np.zeros((3, 0), dtype=np.int64)
    if name == "workflow":
        sweep_workflow(arrays, asked, life, out)
        return
    sweep_alpha158(arrays, asked, life, out)
    sweep_orders(arrays, asked, life, out[53:68])


def lives(bars: Bars) -> NDArray[np.int64]:
    """Give, of shape (3, instruments), the first and last session with a close, and where session 0 stands in long rows.

    Long rows are each instrument's sessions from its first close to its last, one instrument after the other.
    """
    there = bars.close == bars.close
    any_there = there.any(axis=0)
    first = np.where(any_there, there.argmax(axis=0), 0)
    last = np.where(any_there, len(there) - 1 - there[::-1].argmax(axis=0), -1)
    ends = np.cumsum(last - first + 1)
    return np.stack([first, last, ends - (last - first + 1) - first]).astype(np.int64)


def _kernel(name: str) -> Callable[[Bars, NDArray[np.bool_], Floats], None]:
    def compute(bars: Bars, wanted: NDArray[np.bool_], out: Floats) -> None:
        made = np.empty((len(out), *bars.shape), dtype=np.float32)
        fill(bars, name, made)
        kept = made[:, len(bars.total) - len(wanted) :]
        out[...] = np.where(wanted & np.isfinite(kept), kept, np.nan)

    return compute


def _feature(name: str, family: str, window: int) -> Feature:
    if family in _CANDLE:
        return Feature(name, "candle", _CANDLE[family], SOURCE, 1, NO_BAR, None)
    formula, more, rule = _FAMILIES[family]
    return Feature(name, family.lower(), formula.format(window), SOURCE, window + more, rule, None)


def _alpha158() -> FeatureSet:
    made = [_feature(name, name, 1) for name in _CANDLE]
    made += [_feature(f"{family}{window}", family, window) for family in _FAMILIES for window in WINDOWS]
    return FeatureSet("alpha158", tuple(made), is_ranked=True, kernel=_kernel("alpha158"))


def _workflow() -> FeatureSet:
    made = (_feature(name, family, window) for name, (family, window) in _WORKFLOW.items())
    return FeatureSet("workflow", tuple(made), is_ranked=True, kernel=_kernel("workflow"))


ALPHA158, WORKFLOW = _alpha158(), _workflow()
SETS = {one.name: one for one in (ALPHA158, WORKFLOW)}

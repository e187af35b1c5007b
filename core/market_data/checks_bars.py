"""Checks of bars: each a function that marks the cells of a panel which fail it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC

import numpy as np

from core.canonical import plain_decimal
from core.domain.bars import Floats
from core.domain.quality import CheckSeverity
from core.market_data.detect import (
    MARKET_LEAST,
    SLIP_LEAST,
    Cells,
    count_within,
    digits_beyond,
    is_slip,
    longer_runs,
    small_rational,
    usual,
)
from core.market_data.sight import USUAL_SESSIONS, Sight
from core.settings import DataRules

BPS = 1e-4
# After a dividend adj_close moves by the news of the day, the close by the dividend too. Where adj_close moves that much
# more than the close, the dividend is in the one and not in the other.
UNPAID_RATIO = 1.5
# Prices of the eve of a split and of the day itself are rounded to a cent.
RAW_TOLERANCE = 0.01


@dataclass(frozen=True)
class BarCheck:
    """One check of bars: what marks the cells, what a mark does, its threshold and what it says, in words."""

    marks: Callable[[Sight], Cells]
    severity: CheckSeverity
    threshold: Callable[[DataRules], str]
    says: str
    each_max: Callable[[DataRules], int] = lambda rules: 0

    @property
    def name(self) -> str:
        """Name the check as its function is named."""
        return self.marks.__name__


def ohlc_consistent(sight: Sight) -> Cells:
    """Open or close outside low to high."""
    panel = sight.panel
    with np.errstate(invalid="ignore"):
        end = np.maximum(panel.open, panel.close)
        outside = panel.high < end
        outside |= panel.low > np.minimum(panel.open, panel.close, out=end)
    return outside | sight.defects("ohlc")


def positive_prices(sight: Sight) -> Cells:
    """A price of zero or less."""
    panel = sight.panel
    prices = (panel.open, panel.high, panel.low, panel.close, panel.adj_close)
    if all(np.fmin.reduce(one, axis=None, initial=np.inf) > 0 for one in prices):
        return sight.defects("non_positive")
    with np.errstate(invalid="ignore"):
        least = np.minimum(np.minimum(panel.open, panel.low), np.minimum(panel.close, panel.adj_close))
        return (least <= 0) | (panel.high <= 0) | sight.defects("non_positive")


def impossible_volume(sight: Sight) -> Cells:
    """A volume below zero, or not finite."""
    volume = sight.panel.volume
    with np.errstate(invalid="ignore"):
        return (volume < 0) | np.isinf(volume) | sight.defects("impossible_volume")


def duplicate_dates(sight: Sight) -> Cells:
    """A session told twice in one telling."""
    return sight.defects("duplicate_date")


def missing_values(sight: Sight) -> Cells:
    """A bar that lacks a price."""
    panel = sight.panel
    lacks = np.isnan(panel.open) | np.isnan(panel.high) | np.isnan(panel.low) | np.isnan(panel.adj_close)
    return (sight.has_bar & lacks) | sight.defects("missing_value")


def missing_volume(sight: Sight) -> Cells:
    """A bar without a volume, of what an exchange counts the volume of: without it nobody can say that a bar is whole."""
    found: Cells = sight.has_bar & np.isnan(sight.panel.volume) & sight.is_listed
    return found


def missing_sessions(sight: Sight) -> Cells:
    """No bar between an instrument's first and last."""
    return sight.is_between


def unchanged_closes(sight: Sight) -> Cells:
    """A close that is that of the session before, for too many sessions in a row."""
    return longer_runs(sight.change == 0, sight.rules.unchanged_closes_max)


def repeated_bars(sight: Sight) -> Cells:
    """The bar of the session before told again: all four prices and the volume, where the price did move in the session."""
    panel = sight.panel
    found = sight.nothing()
    same = sight.change[1:] == 0
    for values in (panel.open, panel.high, panel.low, panel.volume):
        same = same & (values[1:] == values[:-1])
    found[1:] = same & (panel.high[1:] > panel.low[1:])
    return found


def zero_volume(sight: Sight) -> Cells:
    """No volume, where that happens too often within twenty sessions."""
    is_zero = (sight.panel.volume == 0) & sight.has_bar & sight.is_traded
    if not is_zero.any():
        return sight.nothing()
    too_often = count_within(is_zero, USUAL_SESSIONS) > sight.rules.zero_volume_max
    # A run is marked from its first bar on, not only from where it has become too long.
    found: Cells = is_zero & (count_within(too_often[::-1], USUAL_SESSIONS)[::-1] > 0)
    return found


def partial_bar(sight: Sight) -> Cells:
    """A bar of as-of that is still forming: hardly any volume, or known before the session closed."""
    found = sight.nothing()
    row = sight.panel.row(sight.as_of)
    if row is None:
        return found
    found[row] = is_partial(volume_shares(sight, row), sight.rules)
    known_at = sight.panel.known_at
    if sight.closes_at is not None and known_at is not None:
        closes_at = np.datetime64(sight.closes_at.astimezone(UTC).replace(tzinfo=None), "s")
        found[row] |= sight.has_bar[row] & (known_at[row] < closes_at)
    return found


def currency_slip(sight: Sight) -> Cells:
    """A price a hundred times too high or low, against the session before or within the bar."""
    panel = sight.panel
    found = is_slip(sight.change_but_splits) | is_slip(sight.adj_change)
    if not found.size:
        return found
    with np.errstate(invalid="ignore", divide="ignore"):
        # Nearly no instrument moves so far in a year: only those that did are looked at bar by bar.
        least, most = np.fmin.reduce(panel.close, axis=0), np.fmax.reduce(panel.close, axis=0)
        lowest, highest = np.fmin.reduce(panel.low, axis=0), np.fmax.reduce(panel.high, axis=0)
        is_near = (
            (least > 0) & (lowest > 0) & (highest < 0.99 * SLIP_LEAST * least) & (most < 0.99 * SLIP_LEAST * lowest)
        )
        far = np.flatnonzero(~is_near)
        opened, close, low = panel.open[:, far], panel.close[:, far], panel.low[:, far]
        above, below = panel.high[:, far] / np.maximum(opened, close), np.minimum(opened, close) / low
        found[:, far] |= (above > SLIP_LEAST) | (below > SLIP_LEAST)
    return found


def unexplained_jump(sight: Sight) -> Cells:
    """A close and adj_close that jump without news, dividend or split, by no split's ratio."""
    return sight.jumps.found & ~sight.jumps.is_like_split


def unsmoothed_split(sight: Sight) -> Cells:
    """A close and adj_close that jump by a split's ratio which the series should have smoothed."""
    return sight.jumps.found & sight.jumps.is_like_split


def factor_falls(sight: Sight) -> Cells:
    """An adj_close / close that falls from one session to the next."""
    step = sight.adj_change - sight.change
    if sight.panel.splits:
        step += sight.told_splits
    with np.errstate(invalid="ignore"):
        return step < -float(sight.rules.factor_fall_bps_max) * BPS


def factor_jump(sight: Sight) -> Cells:
    """An adj_close / close that moves as no told dividend or split explains, and that smooths nothing."""
    return sight.big_steps & ~_smoothing(sight) if sight.big_steps.any() else sight.nothing()


def unpaid_dividend(sight: Sight) -> Cells:
    """A big dividend after which the price did not fall: paid twice, in another unit, or counted as a split too."""
    least = -np.log1p(-float(sight.rules.unpaid_dividend_min))
    found, at = sight.nothing(), sight.dividend_cells
    with np.errstate(invalid="ignore"):
        is_big = (sight.told_splits[at] - sight.told[at] > least) & ~sight.big_steps[at]
        found[at] = is_big & (np.abs(sight.adj_change[at]) > UNPAID_RATIO * np.abs(sight.change[at]))
    return found


def ticker_reuse(sight: Sight) -> Cells:
    """A symbol that comes back after a long gap at a price without relation to the old one."""
    found = sight.nothing()
    if not sight.is_between.any():
        return found
    at = np.arange(len(found))[:, None]
    last = np.maximum.accumulate(np.where(sight.has_bar, at, -1), axis=0)
    gap = at[1:] - last[:-1] - 1
    is_back = sight.has_bar[1:] & (last[:-1] >= 0) & (gap >= sight.rules.reuse_gap_sessions_min)
    rows, columns = np.nonzero(is_back)
    adj_close = sight.panel.adj_close
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = np.abs(np.log(adj_close[rows + 1, columns] / adj_close[last[rows, columns], columns]))
    found[rows + 1, columns] = moved > np.log(float(sight.rules.reuse_ratio_max))
    return found


def other_source_disagrees(sight: Sight) -> Cells:
    """A close that another provider tells otherwise, as cleaning found."""
    return sight.defects("disagreement")


def non_session_dates(sight: Sight) -> Cells:
    """Told of a day on which the exchange was closed: marked at the session that follows it, for the day has no cell."""
    found = sight.nothing()
    for defect in sight.panel.defects:
        column = sight.columns.get(defect.instrument)
        if defect.check == "non_session" and column is not None and len(found):
            row = int(np.searchsorted(sight.panel.sessions, np.datetime64(defect.session, "D")))
            found[min(row, len(found) - 1), column] = True
    return found


def restated(sight: Sight) -> Cells:
    """A bar whose past the provider told otherwise since, as cleaning found."""
    return sight.defects("restatement")


def dividends_agree(sight: Sight) -> Cells:
    """A told dividend and the step of adj_close / close that disagree, either way, where dividends are told at all."""
    payers = {dividend.instrument for dividend in sight.panel.dividends}
    is_payer = np.array([[name in payers for name in sight.panel.instruments]], dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        return is_payer & (np.abs(sight.factor_step) > float(sight.rules.dividend_gap_bps_max) * BPS)


def odd_ratio(sight: Sight) -> Cells:
    """A split or a step of adj_close / close whose ratio is no split's: a spin-off, which multiplies no units."""
    found = sight.nothing()
    if sight.big_steps.any():
        found = sight.big_steps & _smoothing(sight) & ~_raw_splits(sight)
    for split in sight.panel.splits:
        row, column = sight.panel.row(split.session), sight.columns.get(split.instrument)
        if row is not None and column is not None and small_rational(float(split.ratio)) is None:
            found[row, column] = True
    return found


def float_noise(sight: Sight) -> Cells:
    """A close with more digits than its source prints."""
    return digits_beyond(sight.panel.close, sight.rules.digits_max)


def is_partial(shares: Floats, rules: DataRules) -> Cells:
    """Mark the volumes, as shares of what is usual, that are too small; on a day on which all trade more, more is asked."""
    known = shares[~np.isnan(shares)]
    busy = max(1.0, float(np.median(known))) if len(known) >= MARKET_LEAST else 1.0
    with np.errstate(invalid="ignore"):
        return shares < float(rules.partial_volume_min) * busy


def volume_shares(sight: Sight, row: int) -> Floats:
    """Give each instrument's volume in a row as a share of what is usual; NaN where that is unknown or nothing is traded."""
    columns = np.arange(len(sight.panel.instruments))
    volume = sight.panel.volume
    before = usual(volume, np.full(len(columns), row), columns, length=USUAL_SESSIONS)
    shares: Floats = np.full(len(columns), np.nan)
    is_known = (before > 0) & sight.is_traded[0] & sight.has_bar[row]
    np.divide(volume[row], before, out=shares, where=is_known)
    return shares


def _smoothing(sight: Sight) -> Cells:
    """Mark where nothing was told and adj_close moves half as much as the close at most: the provider smooths something."""
    with np.errstate(invalid="ignore"):
        return ~sight.is_told & (2 * np.abs(sight.adj_change) < np.abs(sight.change))


def _raw_splits(sight: Sight) -> Cells:
    """Mark the big steps of raw columns that are splits by their ratio: only adj_close tells of them."""
    found = sight.nothing()
    is_raw = np.array([[one is not None and one.kind == "raw" for one in sight.panel.basis]], dtype=np.bool_)
    for row, column in np.argwhere(sight.big_steps & is_raw).tolist():
        ratio = float(np.exp(sight.factor_step[row, column]))
        found[row, column] = small_rational(ratio, tolerance=RAW_TOLERANCE) is not None
    return found


def _jump_words(rules: DataRules) -> str:
    most, news = plain_decimal(rules.jump_max), plain_decimal(rules.news_jump_max)
    return f"at most x{most}, or x{news} at {plain_decimal(rules.news_turnover_min)} times the usual trade"


# In the order in which a report lists them.
BAR_CHECKS: tuple[BarCheck, ...] = (
    BarCheck(
        duplicate_dates,
        "block",
        lambda rules: f"at most {rules.duplicate_dates_max}",
        "dates stand twice; at most {each} are allowed",
        lambda rules: rules.duplicate_dates_max,
    ),
    BarCheck(
        ohlc_consistent,
        "block",
        lambda rules: "at most 0",
        "bars have an open or a close outside low to high; none is allowed",
    ),
    BarCheck(
        positive_prices,
        "block",
        lambda rules: "at most 0",
        "bars have a price of zero or less; none is allowed",
    ),
    BarCheck(
        impossible_volume,
        "block",
        lambda rules: "at most 0",
        "bars have a volume below zero or not finite; none is allowed",
    ),
    BarCheck(missing_values, "degrade", lambda rules: "none", "bars lack a price"),
    BarCheck(missing_volume, "degrade", lambda rules: "none", "bars of a share or a fund lack a volume"),
    BarCheck(
        missing_sessions,
        "degrade",
        lambda rules: f"at most {rules.missing_sessions_max} an instrument",
        "sessions have no bar between an instrument's first and last",
        lambda rules: rules.missing_sessions_max,
    ),
    BarCheck(
        unchanged_closes,
        "degrade",
        lambda rules: f"at most {rules.unchanged_closes_max} in a row",
        "closes are those of the session before for too long",
    ),
    BarCheck(repeated_bars, "degrade", lambda rules: "none", "bars are those of the session before, volume included"),
    BarCheck(
        zero_volume,
        "degrade",
        lambda rules: f"at most {rules.zero_volume_max} within {USUAL_SESSIONS} sessions",
        "bars have no volume",
    ),
    BarCheck(
        partial_bar,
        "degrade",
        lambda rules: f"at least {plain_decimal(rules.partial_volume_min)} of the usual volume",
        "bars of as-of are still forming",
    ),
    BarCheck(currency_slip, "degrade", lambda rules: "none", "prices are a hundred times too high or low"),
    BarCheck(
        unsmoothed_split, "degrade", _jump_words, "closes jump by a split's ratio that the series does not smooth"
    ),
    BarCheck(unexplained_jump, "degrade", _jump_words, "closes jump without news, dividend or split"),
    BarCheck(
        factor_falls,
        "degrade",
        lambda rules: f"at most {plain_decimal(rules.factor_fall_bps_max)} bp",
        "steps of adj_close / close fall",
    ),
    BarCheck(
        factor_jump,
        "degrade",
        lambda rules: f"at most {plain_decimal(rules.factor_jump_max)}",
        "steps of adj_close / close are explained by no dividend or split",
    ),
    BarCheck(
        unpaid_dividend,
        "degrade",
        lambda rules: f"from {plain_decimal(rules.unpaid_dividend_min)} on, the price falls",
        "dividends were not followed by a fall of the price",
    ),
    BarCheck(
        ticker_reuse,
        "degrade",
        lambda rules: f"at most x{plain_decimal(rules.reuse_ratio_max)} over {rules.reuse_gap_sessions_min} sessions",
        "symbols come back as another company's",
    ),
    BarCheck(
        other_source_disagrees,
        "degrade",
        lambda rules: f"at most {plain_decimal(rules.disagreement_bps_max)} bp",
        "closes are told otherwise by another provider",
    ),
    BarCheck(
        non_session_dates, "note", lambda rules: "none", "bars were told of days on which the exchange was closed"
    ),
    BarCheck(restated, "note", lambda rules: "none", "instruments were told otherwise since"),
    BarCheck(
        dividends_agree,
        "note",
        lambda rules: f"at most {plain_decimal(rules.dividend_gap_bps_max)} bp",
        "steps of adj_close / close disagree with the told dividend",
    ),
    BarCheck(odd_ratio, "note", lambda rules: "a split's ratio", "actions are spin-offs, by their ratio"),
    BarCheck(
        float_noise,
        "note",
        lambda rules: f"at most {rules.digits_max} digits",
        "closes have more digits than a source prints",
    ),
)

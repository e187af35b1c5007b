"""Adjusted closes from raw ones: recomputed with dividends, splits and factors, they are the provider's within its rounding."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import pytest

from core.domain.bars import Action, Bars, Factor, Floats
from core.market_data.actions import Convention, adjusted_closes, split_adjusted, with_adjusted_closes

pytestmark = pytest.mark.shared

EPSILON = float(np.finfo(np.float64).eps)
EVENINGS = "eod/us_asof_2015_2017"


@pytest.fixture
def agree(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Print the maximum relative error, and hold each one to the tolerance of its row."""

    def check(what: str, ours: Floats, theirs: Floats, *, tolerance: Floats) -> None:
        error = np.abs(ours / theirs - 1)
        with capsys.disabled():
            words = f"{len(ours)} closes, maximum relative error {error.max():.2e}, tolerance there"
            sys.stdout.write(f"\n  {what}: {words} {tolerance[error.argmax()]:.2e}, largest {tolerance.max():.2e}\n")
        assert len(ours) > 0
        assert bool(np.all(error <= tolerance)), f"{what}: {int((error > tolerance).sum())} closes are off"

    return check


def one_of(bars: Bars, symbol: str) -> Bars:
    """Give one symbol's bars, oldest first."""
    rows = np.flatnonzero(bars.symbol == symbol)
    rows = rows[np.argsort(bars.session[rows], kind="stable")]
    columns = {name: getattr(bars, name)[rows] for name in ("open", "high", "low", "close", "adj_close", "volume")}
    return Bars(bars.provider, bars.basis, bars.symbol[rows], bars.session[rows], **columns)


def half_unit(values: Floats, digits: int) -> Floats:
    """Give what printing with so many digits may take from each value or add to it, as a fraction of it."""
    exponent = np.floor(np.log10(values))
    half: Floats = 0.5 * 10.0 ** (exponent - (digits - 1)) / values
    return half


def told_on(bars: Bars, actions: Sequence[Action]) -> tuple[Floats, Floats]:
    """Give dividend (0 where none) and split ratio (1 where none) of each session."""
    dividend, split = np.zeros(len(bars.session)), np.ones(len(bars.session))
    for action in actions:
        at = int(np.searchsorted(bars.session, np.datetime64(action.session, "D")))
        if at < len(bars.session) and bars.session[at] == np.datetime64(action.session, "D"):
            dividend[at] += float(action.dividend)
            split[at] *= float(action.split_ratio) or 1.0
    return dividend, split


def events_after(dividend: Floats, split: Floats) -> Floats:
    """Count the actions after each session: so many factors are in its adjusted close."""
    has_event = ((dividend > 0) | (split != 1)).astype(np.float64)
    after: Floats = np.cumsum(has_event[::-1])[::-1] - has_event
    return after


def test_quandl_wiki_of_apple(catalogue, agree):
    """38 years, four splits and 54 dividends of WIKI-AAPL.

    The provider prints 14 digits, so half a unit of the fourteenth; it and we multiply doubles, two roundings of half an
    epsilon an action each.
    """
    bars, (dividend, split) = _wiki(catalogue)

    ours = adjusted_closes(bars.close, dividend, split, convention="reinvested_at_close")

    rounding = half_unit(bars.adj_close, 14) + 4 * (events_after(dividend, split) + 1) * EPSILON / 2
    agree("WIKI-AAPL, dividends reinvested at the close", ours, bars.adj_close, tolerance=rounding)


def test_the_other_convention_is_seen(catalogue):
    """With the dividend taken from the close before, the same closes are off by 2.5e-4: the test above can tell."""
    bars, (dividend, split) = _wiki(catalogue)
    convention: Convention = "taken_from_close_before"

    ours = adjusted_closes(bars.close, dividend, split, convention=convention)

    assert np.abs(ours / bars.adj_close - 1).max() == pytest.approx(2.486e-4, rel=1e-3)


def _wiki(catalogue):
    files = catalogue.read("eod/quandl_wiki")
    bars = one_of(files["WIKI-AAPL.csv"].bars, "AAPL")
    return bars, told_on(bars, files["WIKI-AAPL.csv"].actions)


def test_quandl_archive_across_the_split_of_apple(catalogue, agree):
    """The four symbols of 2014, in units of a later day: one number a symbol takes their last close to ours."""
    parsed = catalogue.read("eod/quandl_wiki")["QUANDL_ARCHIVE.zip"]
    for symbol in ("AAPL", "BRK-A", "MSFT", "ZEN"):
        bars = one_of(parsed.bars, symbol)
        dividend, split = told_on(bars, [one for one in parsed.actions if one.symbol == symbol])

        ours = adjusted_closes(bars.close, dividend, split, convention="reinvested_at_close")

        later = bars.adj_close[-1] / bars.close[-1]
        # The scale brings the rounding of the last close with it.
        printed = half_unit(bars.adj_close, 14) + half_unit(bars.adj_close[-1:], 14)
        rounding = printed + 4 * (events_after(dividend, split) + 2) * EPSILON / 2
        agree(f"QUANDL_ARCHIVE {symbol}", ours * later, bars.adj_close, tolerance=rounding)


# --- Lean: raw bars and factors ---------------------------------------------------------------------------------------


def test_lean_of_apple_across_seven_and_four_for_one(catalogue, agree):
    """Lean's closes with Lean's factors, against dividends and splits that Quandl and Yahoo told.

    Lean prints price factors with seven decimals, each made from the rounded one after it: half a unit of the seventh for
    every dividend since. Its split factors have seven decimals too.
    """
    files = catalogue.read("eod/lean_raw")
    bars = with_adjusted_closes(one_of(files["aapl.zip"].bars, "AAPL"), _factors(catalogue, "AAPL"))
    dividend, split = told_on(bars, _apple_actions(catalogue))
    split_factor = adjusted_closes(np.ones(len(split)), np.zeros(len(split)), split)

    ours = adjusted_closes(bars.close, dividend, split)

    assert {1998, 2014, 2020} <= {day.year for day in bars.session.tolist()}
    assert sorted(split[split != 1].tolist()) == [2.0, 2.0, 4.0, 7.0]
    dividends_after = events_after(dividend, np.ones(len(split)))
    price_factor = ours / bars.close / split_factor
    rounding = 0.5e-7 * dividends_after / price_factor + 0.5e-7 / split_factor + 16 * EPSILON
    agree("Lean AAPL", ours, bars.adj_close, tolerance=rounding)


def _factors(catalogue, symbol):
    """Give the factors of a symbol; its map and its factors have one name in two folders."""
    return catalogue.read("eod/lean_raw/factor_files")[f"{symbol.lower()}.csv"].factors


def _apple_actions(catalogue) -> list[Action]:
    """Give Apple's actions in the units of their day: to 2016-03 as Quandl told them, then as Yahoo did.

    Quandl lacks the dividends of 2017-11-10 and 2018-02-09, which Yahoo and Lean have.
    """
    until = date(2016, 3, 14)
    of_quandl = [one for one in catalogue.read("eod/quandl_wiki")["WIKI-AAPL.csv"].actions if one.session <= until]
    told = [one for one in catalogue.read("eod/sp500_yahoo")["actions.csv"].actions if one.symbol == "AAPL"]
    of_yahoo = []
    for one in told:
        # Yahoo tells dividends in the units of after the four for one of 2020-08-31.
        units = 4 if one.session < date(2020, 8, 31) else 1
        of_yahoo.append(Action("yahoo", "AAPL", one.session, one.dividend * units, one.split_ratio))
    return [*of_quandl, *(one for one in of_yahoo if one.session > until)]


@pytest.mark.parametrize("symbol", ["SPY", "IBM", "IWM", "EEM", "AIG"])
def test_factors_are_one_after_the_last_action(catalogue, symbol):
    """Raw and adjusted meet at the end, adjusted never stands above raw, and the factors of dividends never fall."""
    bars = one_of(catalogue.read("eod/lean_raw")[f"{symbol.lower()}.zip"].bars, symbol)
    factors: Sequence[Factor] = _factors(catalogue, symbol)

    adjusted = with_adjusted_closes(bars, factors)

    assert adjusted.adj_close[-1] == bars.close[-1]
    by_day = [float(one.price_factor) for one in sorted(factors, key=lambda one: one.until)]
    assert by_day == sorted(by_day)
    assert np.isfinite(adjusted.adj_close).all()


def test_split_adjusted_bars_of_apple_are_yahoos(catalogue, agree):
    """Lean's raw bars in today's units, against another provider's split-adjusted closes of five years.

    Yahoo's closes have seven digits. On four days the two tell another close, on one of them by 28 cents before the split.
    """
    bars = split_adjusted(one_of(catalogue.read("eod/lean_raw")["aapl.zip"].bars, "AAPL"), _factors(catalogue, "AAPL"))
    main = [one.bars for one in catalogue.read("eod/sp500_yahoo").values() if one.bars is not None]
    yahoo = {day: close for one in main for day, close in _closes_of(one, "AAPL")}
    both = [(day, ours, yahoo[day]) for day, ours in _closes_of(bars, "AAPL") if day in yahoo]
    days, ours, theirs = (np.array(column) for column in zip(*both, strict=True))

    is_same = np.abs(ours / theirs - 1) <= half_unit(theirs, 7)
    other = [day.isoformat() for day in days[~is_same].tolist()]

    assert other == ["2020-07-09", "2020-09-14", "2020-12-18", "2021-03-09"]
    agree("Lean AAPL in Yahoo's units", ours[is_same], theirs[is_same], tolerance=half_unit(theirs[is_same], 7))


def _closes_of(bars: Bars, symbol: str) -> list[tuple[date, float]]:
    rows = bars.symbol == symbol
    return list(zip(bars.session[rows].tolist(), bars.close[rows].tolist(), strict=True))


# --- point in time ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "eve", "ex_date", "ratio", "unit"),
    [
        ("SBUX", date(2015, 4, 8), date(2015, 4, 9), 2.0, 0.01),
        ("NFLX", date(2015, 7, 14), date(2015, 7, 15), 7.0, 0.0001),
        ("NKE", date(2015, 12, 23), date(2015, 12, 24), 2.0, 0.0001),
    ],
)
def test_a_split_is_right_on_both_sides_of_its_eve(catalogue, agree, *, symbol, eve, ex_date, ratio, unit):
    """Each evening tells the eve's raw close; that of the ex-date, and for NFLX the eve itself, its adjusted one.

    Adjusted closes were printed in cents until the spring of 2015, then with four decimals: half a unit of these.
    """
    bars = catalogue.bars(EVENINGS, "sp500_members_asof.parquet")
    first, second = (_telling(bars, symbol, eve, known_on) for known_on in (eve, ex_date))
    close, adj_close = _telling(bars, symbol, ex_date, ex_date)

    ours = adjusted_closes(np.array([second[0], close]), np.zeros(2), np.array([1.0, ratio]))

    assert first[0] == second[0]
    assert first[1] == (second[1] if symbol == "NFLX" else first[0])
    theirs = np.array([second[1], adj_close])
    agree(f"{symbol} {ratio:.0f}:1 of {ex_date}", ours, theirs, tolerance=(unit / 2 + 1e-9) / theirs)


def _telling(bars: Bars, symbol: str, session: date, known_on: date) -> tuple[float, float]:
    """Give close and adjusted close as they were told on an evening."""
    assert bars.known_on is not None
    is_its = (bars.session == np.datetime64(session, "D")) & (bars.known_on == np.datetime64(known_on, "D"))
    (at,) = np.flatnonzero(is_its & (bars.symbol == symbol)).tolist()
    return float(bars.close[at]), float(bars.adj_close[at])


def test_every_split_of_two_years_is_the_raw_close_over_its_ratio(catalogue, agree):
    """14 companies split while the evenings were collected; the others of the 26 rows are spin-offs."""
    bars = catalogue.bars(EVENINGS, "sp500_members_asof.parquet")
    eves = np.flatnonzero(bars.adj_close / bars.close < 0.9)
    told = bars.close[eves] / bars.adj_close[eves]
    is_split = (np.rint(told) > 1) & (np.abs(told / np.rint(told) - 1) < 3e-4)
    eves, ratio = eves[is_split], np.rint(told)[is_split]

    assert len(set(bars.symbol[eves].tolist())) == 14
    unit = np.where(bars.session[eves] < np.datetime64("2015-05-01"), 0.01, 0.0001)
    rounding = (unit / 2 + 1e-9) / bars.adj_close[eves]
    agree("all splits of the evenings", bars.close[eves] / ratio, bars.adj_close[eves], tolerance=rounding)


@pytest.mark.parametrize(("name", "symbol", "ratio"), [("20150409", "SBUX", 2.0), ("20150715", "NFLX", 7.0)])
def test_the_original_files_tell_the_same_split(catalogue, agree, *, name, symbol, ratio):
    """The evening's own file, before anybody repacked it."""
    bars = one_of(catalogue.read(f"{EVENINGS}/original")[f"{name}.tar.gz"].bars, symbol)

    ours = adjusted_closes(bars.close, np.zeros(2), np.array([1.0, ratio]))

    agree(f"{symbol} in {name}.tar.gz", ours, bars.adj_close, tolerance=(0.005 + 1e-9) / bars.adj_close)

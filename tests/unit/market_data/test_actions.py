"""Corporate actions: adjusted closes from dividends and splits, factors of a provider, and tickers that changed hands."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.bars import Factor, Parsed, Rename
from core.market_data.actions import adjusted_closes, interpreted, renamed, split_adjusted, with_adjusted_closes
from tests.unit.market_data.making import RAW, SESSIONS, SPLIT, every_session, parsed


def closes(*values, dividend=None, split=None, **changes):
    """Adjust closes by what happens on single rows, given as (row, value)."""
    paid, ratio = np.zeros(len(values)), np.ones(len(values))
    if dividend:
        paid[dividend[0]] = dividend[1]
    if split:
        ratio[split[0]] = split[1]
    return adjusted_closes(np.array(values, dtype=np.float64), paid, ratio, **changes).tolist()


def test_a_dividend_is_taken_from_the_closes_before_its_ex_date():
    """1 of 100 paid on the third day: what was 100 and 99 before counts a hundredth less; nothing later moves."""
    assert closes(99, 100, 98, 97, dividend=(2, 1.0)) == pytest.approx([98.01, 99.0, 98.0, 97.0], rel=1e-15)


def test_a_dividend_may_be_taken_as_reinvested_at_the_close_of_its_ex_date():
    """1 paid at a close of 99 buys 1/99 units: the closes before are multiplied with 99/100."""
    reinvested = closes(50, 100, 99, dividend=(2, 1.0), convention="reinvested_at_close")

    assert reinvested == pytest.approx([49.5, 99.0, 99.0], rel=1e-15)


def test_a_split_divides_the_closes_before_it():
    """Seven for one: the eve counts a seventh, the day itself what it is; one for ten goes the other way."""
    assert closes(700, 700, 101, split=(2, 7.0)) == pytest.approx([100, 100, 101], rel=1e-15)
    assert closes(1, 10.5, split=(1, 0.1)) == pytest.approx([10, 10.5], rel=1e-15)


def test_a_dividend_on_the_day_of_a_split_is_in_the_new_units():
    """Half a dollar a new unit is one dollar an old one of 100: the eve is (100 - 1) / 2."""
    assert closes(100, 50, dividend=(1, 0.5), split=(1, 2.0)) == pytest.approx([49.5, 50], rel=1e-15)


def test_a_missing_close_before_an_ex_date_is_the_last_one_that_there_is():
    """NaN stays NaN, and the dividend is not lost over it."""
    adjusted = closes(100, float("nan"), 99, dividend=(2, 1.0))

    assert adjusted[0] == pytest.approx(99.0)
    assert np.isnan(adjusted[1])


def test_a_dividend_before_any_close_adjusts_nothing():
    """There is nothing that it could be taken from."""
    assert closes(100, 101, dividend=(0, 1.0)) == [100, 101]
    assert closes() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dividend": (1, 100.0)}, "row 1: dividend 100.0, split 1.0, close 50.0, close before 100.0"),
        ({"split": (1, 0.0)}, "row 1: dividend 0.0, split 0.0"),
        ({"split": (1, float("nan"))}, "row 1: dividend 0.0, split nan"),
    ],
)
def test_an_action_that_leaves_nothing_is_refused(changes, words):
    """A dividend of the whole price, or a split into none, can only be a mistake."""
    with pytest.raises(ValueError, match=words):
        closes(100, 50, **changes)


@given(
    st.lists(
        st.tuples(st.floats(5, 500), st.floats(0, 2), st.sampled_from([1.0, 2.0, 7.0, 0.1])), min_size=2, max_size=30
    )
)
def test_adjusted_returns_are_those_of_holding_on(rows):
    """For all markets: a holder who reinvests at the ex-date's close earns exactly what the adjusted closes say."""
    close, dividend, split = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))

    adjusted = adjusted_closes(close, dividend, split, convention="reinvested_at_close")

    units = np.cumprod(np.where(np.arange(len(close)) > 0, split * (1 + dividend / close), 1.0))
    worth = units * close
    assert adjusted / adjusted[-1] == pytest.approx(worth / worth[-1], rel=1e-12)


# --- factors of a provider --------------------------------------------------------------------------------------------


def bars_of(*told, basis):
    """Give bars from rows."""
    return parsed(*told, basis=basis).bars


def factor(until, price, split, symbol="AAPL", provider="yahoo"):
    """Give a factor."""
    return Factor(provider, symbol, until, Decimal(price), Decimal(split))


FACTORS = (factor(SESSIONS[3], "0.99", "0.5"), factor(SESSIONS[1], "0.98", "0.25"))


def test_a_factor_counts_up_to_and_on_its_day():
    """In whatever order they are told; after the last of them nothing is adjusted."""
    bars = bars_of(every_session("AAPL", close=100.0), basis=RAW)

    adjusted = with_adjusted_closes(bars, FACTORS)

    assert adjusted.adj_close.tolist() == pytest.approx([24.5, 24.5, 49.5, 49.5, 100, 100], rel=1e-15)
    assert adjusted.close.tolist() == [100.0] * 6


def test_factors_of_another_symbol_or_provider_do_not_count():
    """Nothing is taken for adjusted that is not."""
    bars = bars_of(every_session("AAPL", "KO", close=100.0), basis=RAW)

    last = SESSIONS[5]
    adjusted = with_adjusted_closes(bars, [factor(last, "0.5", "1", "KO"), factor(last, "0.1", "1", "AAPL", "stooq")])

    assert dict(zip(adjusted.symbol.tolist(), adjusted.adj_close.tolist(), strict=True)) == {"AAPL": 100.0, "KO": 50.0}


def test_split_adjusted_bars_keep_what_was_traded():
    """Prices times the factor, volume divided by it; total-return closes stay, and only symbols with factors are given."""
    rows = [("AAPL", day, 90, 110, 80, 100, 33, 7000) for day in SESSIONS]
    bars = bars_of([*rows, ("KO", SESSIONS[0], 50)], basis=RAW)

    adjusted = split_adjusted(bars, FACTORS)

    assert set(adjusted.symbol.tolist()) == {"AAPL"}
    assert str(adjusted.basis) == f"split-adjusted as of {SESSIONS[5]}"
    scale = [0.25, 0.25, 0.5, 0.5, 1, 1]
    for name, raw in (("open", 90), ("high", 110), ("low", 80), ("close", 100)):
        assert getattr(adjusted, name).tolist() == [raw * one for one in scale]
    assert adjusted.volume.tolist() == [7000 / one for one in scale]
    assert adjusted.adj_close.tolist() == [33.0] * 6


def test_bars_are_never_adjusted_twice():
    """Factors belong to raw prices."""
    bars = bars_of(every_session("AAPL"), basis=SPLIT)

    for adjust in (with_adjusted_closes, split_adjusted):
        with pytest.raises(
            ValueError, match="bars of yahoo are split-adjusted as of 2026-03-13; factors belong to raw"
        ):
            adjust(bars, FACTORS)


# --- tickers ----------------------------------------------------------------------------------------------------------


def rename(symbol, alias, first, until, provider="yahoo"):
    """Give a rename."""
    return Rename(provider, symbol, alias, first, until)


def symbols(one):
    """Give symbol and day of each bar."""
    return list(zip(one.bars.symbol.tolist(), one.bars.session.tolist(), strict=True))


def test_a_ticker_is_whose_it_was_on_the_day():
    """GOOG of the first days is GOOGL; a ticker that no rename knows stays."""
    told = parsed(every_session("GOOG", "KO"), basis=RAW)
    maps = Parsed(
        renames=(
            rename("GOOGL", "GOOG", date(2004, 8, 19), SESSIONS[2]),
            rename("GOOG", "GOOG", SESSIONS[3], date(2050, 12, 31)),
        )
    )

    whole, _ = renamed([told, maps])

    expected = [("GOOGL", day) for day in SESSIONS[:3]] + [("GOOG", day) for day in SESSIONS[3:]]
    assert symbols(whole) == expected + [("KO", day) for day in SESSIONS]
    assert whole.unread == ()


def test_bars_of_nobody_are_left_out_and_told():
    """A ticker of an earlier owner, whom no map knows, never becomes history of the later one."""
    told = parsed(every_session("WM"), basis=RAW, file="daily/wm.zip")
    maps = Parsed(renames=(rename("WM", "WM", SESSIONS[4], date(2050, 12, 31)),))

    whole, _ = renamed([told, maps])

    assert symbols(whole) == [("WM", SESSIONS[4]), ("WM", SESSIONS[5])]
    assert whole.unread == (
        f"daily/wm.zip: 4 bars of WM from {SESSIONS[0]} to {SESSIONS[3]} are left out: "
        "the renames name nobody, or more than one, for those days",
    )


def test_bars_that_two_claim_are_left_out():
    """Which of them it was cannot be known."""
    told = parsed(every_session("A"), basis=RAW, file="d/a.zip")
    maps = Parsed(renames=(rename("A", "A", SESSIONS[0], SESSIONS[5]), rename("B", "A", SESSIONS[5], SESSIONS[5])))

    whole, _ = renamed([told, maps])

    assert symbols(whole) == [("A", day) for day in SESSIONS[:5]]


def test_renames_of_another_provider_change_nothing():
    """Each source has tickers of its own; without renames all stays as it is."""
    told = parsed(every_session("A"), basis=RAW)
    maps = Parsed(renames=(rename("B", "A", SESSIONS[0], SESSIONS[5], provider="stooq"),))

    assert symbols(renamed([told, maps])[0]) == symbols(told)
    assert renamed([told]) == (told,)


def adjusted_of(one):
    """Give the adjusted closes."""
    return one.bars.adj_close.tolist()


def test_renames_and_factors_are_taken_into_the_bars():
    """First the owner, then the owner's factors; adjusted bars and other providers stay as they were told."""
    raw = parsed(every_session("GOOG", close=100.0), basis=RAW)
    adjusted, other = parsed(every_session("GOOGL"), basis=SPLIT), parsed(every_session("KO"), provider="stooq")
    maps = Parsed(
        renames=(rename("GOOGL", "GOOG", SESSIONS[0], SESSIONS[5]),),
        factors=(factor(SESSIONS[5], "0.5", "0.5", "GOOGL"),),
    )

    told = interpreted([raw, adjusted, other, maps])

    assert set(symbols(told[0])) == {("GOOGL", day) for day in SESSIONS}
    assert adjusted_of(told[0]) == [25.0] * 6
    assert told[1:] == (adjusted, other, maps)
    assert interpreted([raw]) == (raw,)


def test_the_evening_on_which_a_bar_was_told_goes_with_it():
    """Whatever is left out or renamed: recorded knowledge stays recorded."""
    known_on = np.array(SESSIONS, dtype="datetime64[D]") + 1
    recorded = Parsed(bars=replace(bars_of(every_session("WM"), basis=RAW), known_on=known_on))
    maps = Parsed(renames=(rename("W", "WM", SESSIONS[4], SESSIONS[5]),))

    assert evenings(renamed([recorded, maps])[0]) == known_on[4:].tolist()
    assert (
        evenings(interpreted([recorded, Parsed(factors=(factor(SESSIONS[5], "1", "1", "WM"),))])[0])
        == known_on.tolist()
    )


def evenings(one):
    """Give the evenings on which the bars were told."""
    return one.bars.known_on.tolist()

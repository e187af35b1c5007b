"""The shipped universe against the recorded bars: coverage is complete, and the choice is the one written down."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.calendar import Calendar, load_calendar
from core.domain.instrument import Universe
from core.settings import universe_objections
from core.settings_text import parse_policy
from core.universe_text import parse_universe

CONFIG = Path(__file__).parents[2] / "config"
FIRST, LAST = date(2016, 3, 14), date(2025, 12, 31)
FIRST_REHEARSAL = date(2023, 1, 2)
SESSIONS_BEFORE = 273
SIZE = 100
# One share class a company: the other is left out.
OTHER_CLASS = {"GOOG": "GOOGL", "FOX": "FOXA", "NWS": "NWSA"}

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def universe() -> Universe:
    """Give the shipped universe."""
    return parse_universe((CONFIG / "universe.csv").read_text(encoding="utf-8"), "universe.csv")


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    """Give the sessions of the recorded years."""
    return load_calendar("XNYS", FIRST, LAST)


@pytest.fixture(scope="module")
def bars(shared) -> dict[str, set[date]]:
    """Give the sessions on which each symbol has a bar: the main set, and QQQ from the file of benchmarks."""
    files = sorted((shared / "data/eod/sp500_yahoo").glob("prices_*.parquet"))
    frame = pd.concat([pd.read_parquet(file, columns=["symbol", "date"]) for file in files])
    funds = pd.read_csv(shared / "data/eod/benchmarks/spy_qqq_raw_and_adjusted.csv", parse_dates=["date"])
    held = {str(symbol): set(days) for symbol, days in frame.groupby("symbol")["date"]}
    return {**held, "QQQ": set(funds.loc[funds["symbol"] == "QQQ", "date"].dt.date)}


@pytest.fixture(scope="module")
def listings(shared) -> pd.DataFrame:
    """Give the listed shares of 2026-08, largest first, with exchange and sector, under the symbols of the main set."""
    folder = shared / "data/universe"
    frames = [
        pd.read_csv(folder / f"listings/{name}_full_tickers_2026-08.csv.gz", keep_default_na=False).assign(
            exchange=name.upper()
        )
        for name in ("nasdaq", "nyse")
    ]
    frame = pd.concat(frames)
    frame["symbol"] = frame["symbol"].str.replace("/", "-")
    frame["marketCap"] = pd.to_numeric(frame["marketCap"], errors="coerce").fillna(0)
    members = pd.read_csv(folder / "sp500/constituents.csv", keep_default_na=False)
    members["symbol"] = members["Symbol"].str.replace(".", "-")
    return frame.merge(members, on="symbol").sort_values("marketCap", ascending=False)


def test_every_row_has_its_bar_on_every_session_that_it_is_valid(universe, calendar, bars):
    """Coverage is complete, for each session of ten years: no valid row lacks a bar."""
    missing = [
        (row.id, session)
        for session in calendar.sessions
        for row in universe.valid_on(session)
        if session not in bars[row.id]
    ]

    assert missing == []
    counts = [len(universe.valid_on(session)) for session in calendar.sessions_between(date(2018, 1, 1), LAST)]
    assert (min(counts), max(counts)) == (98, 102)


def test_no_row_is_valid_before_its_first_bar_or_later_than_it_could_be(universe, bars):
    """`valid_from` is the first session of the main set with a bar."""
    assert {row.id: row.valid_from for row in universe.instruments} == {
        row.id: min(day for day in bars[row.id] if day >= FIRST) for row in universe.instruments
    }


def test_every_equity_has_the_history_that_the_first_rehearsal_needs(universe, calendar):
    """273 sessions before 2023-01-02: 252 to look back, 21 to skip."""
    before = np.array([session for session in calendar.sessions if session < FIRST_REHEARSAL])

    assert min(int((before >= row.valid_from).sum()) for row in universe.instruments) >= SESSIONS_BEFORE


def test_the_equities_are_the_largest_that_qualify(universe, calendar, bars, listings):
    """By market capitalisation of 2026-08, among members with unbroken bars and enough of them, one class a company."""
    chosen = [
        symbol for symbol in listings["symbol"] if symbol not in OTHER_CLASS and _qualifies(symbol, calendar, bars)
    ]

    assert sorted(chosen[:SIZE]) == [row.id for row in universe.instruments if row.kind == "equity"]


def test_exchanges_and_sectors_are_those_of_the_lists(universe, listings):
    """No exchange or sector was typed by hand."""
    listed = listings.set_index("symbol")

    for row in universe.instruments:
        if row.kind == "equity":
            assert (row.exchange, row.sector) == (listed.loc[row.id, "exchange"], listed.loc[row.id, "GICS Sector"])


def test_the_shipped_policy_names_only_what_is_listed(universe):
    """The benchmark and every ban stand in the shipped universe."""
    policy = parse_policy((CONFIG / "policy.yml").read_text(encoding="utf-8"), "policy.yml")

    assert universe_objections(policy, universe) == ()


def _qualifies(symbol: str, calendar: Calendar, bars: dict[str, set[date]]) -> bool:
    held = bars.get(symbol, set())
    if not held or max(held) != LAST:
        return False
    wanted = calendar.sessions_between(min(held), LAST)
    return held >= set(wanted) and sum(session < FIRST_REHEARSAL for session in wanted) >= SESSIONS_BEFORE

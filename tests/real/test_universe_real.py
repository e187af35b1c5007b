"""The shipped universe against the recorded bars: coverage is complete, and the choice is the one written down."""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.calendar import Calendar, load_calendar
from core.domain.instrument import Instrument, Period, Universe
from core.domain.panel import Panel
from core.market_data.quality import judge_panel
from core.settings import universe_objections
from core.settings_text import parse_policy
from core.universe_text import COLUMNS, parse_universe
from tests.unit.market_data.making import panel, rules

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


# --- who was there then -----------------------------------------------------------------------------------------------

ONE_DAY = timedelta(days=1)
COVERED_FROM = date(2019, 1, 2)
LISTED_UNTIL = date(2025, 7, 9)
# By session: how many have a bar, of how many. Of the bare symbols, of the members of the day among them, of all members.
COVERAGE = {
    "2019-01-02": ((429, 450), (332, 334), (332, 505)),
    "2020-01-02": ((435, 450), (352, 352), (352, 505)),
    "2021-01-04": ((438, 450), (364, 364), (364, 505)),
    "2022-01-03": ((442, 450), (376, 376), (376, 505)),
    "2023-01-03": ((444, 450), (395, 395), (395, 503)),
    "2024-01-02": ((446, 450), (412, 412), (412, 503)),
    "2025-01-02": ((448, 450), (429, 429), (429, 503)),
    "2019-01-18 (least)": ((429, 450), (331, 333), (331, 505)),
}
# A membership: ticker, first day, and the day from which it no longer was one.
Membership = tuple[str, date, date | None]


def universe_from_intervals(memberships: Iterable[Membership], sectors: Mapping[str, str]) -> Universe:
    """Make the universe whose rows are dated by memberships: one instrument a ticker, one period a membership.

    A day of change counts for who comes and not for who goes. Tickers are spelled with a point there and with a dash here.
    """
    periods: defaultdict[str, list[Period]] = defaultdict(list)
    for ticker, first, gone in memberships:
        periods[ticker.replace(".", "-")].append(Period(first, gone and gone - ONE_DAY))
    return Universe(
        tuple(
            Instrument(
                id=name,
                stooq_symbol=f"{name}.US",
                yahoo_symbol=name,
                etoro_search_name=name.replace("-", "."),
                exchange="NYSE",
                currency="USD",
                kind="equity",
                is_tradable_as_underlying=True,
                verified_on=None,
                periods=tuple(sorted(periods[name])),
                sector=sectors.get(name, ""),
            )
            for name in sorted(periods)
        )
    )


@pytest.fixture(scope="module")
def memberships(shared) -> list[Membership]:
    """Give who was in the index when: the intervals up to 2025-07-09, and the changes after them."""
    folder = shared / "data/universe/sp500"
    with (folder / "sp500_ticker_start_end.csv").open(encoding="utf-8") as file:
        found = [
            (row["ticker"], date.fromisoformat(row["start_date"]), _day_or_none(row["end_date"]))
            for row in csv.DictReader(file)
        ]
    with (folder / "sp500_changes_since_2019.csv").open(encoding="utf-8") as file:
        changes = [(date.fromisoformat(row["date"]), row["add"], row["remove"]) for row in csv.DictReader(file)]
    for day, added, removed in changes:
        if day > LISTED_UNTIL:
            out = set(removed.split(",")) - {""}
            found = [(name, first, day if gone is None and name in out else gone) for name, first, gone in found]
            found += [(name, day, None) for name in added.split(",") if name]
    return found


@pytest.fixture(scope="module")
def sectors(shared) -> dict[str, str]:
    """Give the sectors of 2026-08 under the symbols of the main set."""
    members = pd.read_csv(shared / "data/universe/sp500/constituents.csv", keep_default_na=False)
    return dict(zip(members["Symbol"].str.replace(".", "-"), members["GICS Sector"], strict=True))


@pytest.fixture(scope="module")
def whole(memberships, sectors) -> Universe:
    """Give everybody who was ever a member, when they were."""
    return universe_from_intervals(memberships, sectors)


@pytest.fixture(scope="module")
def held(whole, bars) -> Universe:
    """Give those of them whose bars we hold."""
    return Universe(tuple(row for row in whole.instruments if row.id in bars))


def test_coverage_counts_only_members_of_the_day(whole, held, bars, calendar):
    """At least 99.4 % on every session of seven years, where bare symbols begin at 95.3 %; of the index itself it is 66 %."""
    symbols = [name for name in bars if name != "QQQ"]
    sessions = calendar.sessions_between(COVERED_FROM, LAST)
    by_day = {
        day: (
            _share(symbols, day, bars),
            _share([row.id for row in held.valid_on(day)], day, bars),
            _share([row.id for row in whole.valid_on(day)], day, bars),
        )
        for day in sessions
    }
    firsts = {day.year: day for day in reversed(sessions)}
    shown = [(str(day), by_day[day]) for _, day in sorted(firsts.items())]
    least = min(sessions, key=lambda day: by_day[day][1][2])
    shown.append((f"{least} (least)", by_day[least]))
    sys.stdout.write("\ncoverage            bare 450 symbols     members held         all members\n")
    for name, columns in shown:
        cells = "  ".join(f"{have:3} of {of:3} {share:7.2%} " for have, of, share in columns)
        sys.stdout.write(f"{name:<19} {cells}\n")

    assert {name: tuple(column[:2] for column in columns) for name, columns in shown} == COVERAGE
    assert sum(by_day[day][1][2] < 1 for day in sessions) == 50


def test_what_dated_rows_lack_is_named(held, bars, calendar):
    """Until 2019-03 another company was FOX and FOXA; VLTO was a member two days before its listing. That is all."""
    sessions = calendar.sessions_between(COVERED_FROM, LAST)
    missing: defaultdict[str, list[date]] = defaultdict(list)
    for day in sessions:
        for row in held.valid_on(day):
            if day not in bars[row.id]:
                missing[row.id].append(day)

    assert {name: (min(days), max(days), len(days)) for name, days in missing.items()} == {
        "FOX": (date(2019, 1, 2), date(2019, 3, 12), 48),
        "FOXA": (date(2019, 1, 2), date(2019, 3, 11), 47),
        "VLTO": (date(2023, 10, 2), date(2023, 10, 3), 2),
    }


def test_the_quality_check_counts_the_same(held, bars):
    """The judge's own coverage, of the first session of 2019: the members of the day and nobody else."""
    names = [row.id for row in held.instruments]
    has = np.array([[COVERED_FROM in bars[name] for name in names]])
    whole_panel = panel(names, [COVERED_FROM])
    known: Panel = replace(whole_panel, close=np.where(has, whole_panel.close, np.nan))

    report = judge_panel(known, held, rules(), COVERED_FROM).value

    (coverage,) = [one for one in report.checks if one.check == "coverage"]
    have, of, _ = _share([row.id for row in held.valid_on(COVERED_FROM)], COVERED_FROM, bars)
    assert coverage.value.startswith(f"{have} of {of} instruments")
    assert coverage.has_passed


def test_those_who_left_and_came_back_stand_in_several_rows(whole, held, sectors):
    """Dated rows of the real index, written as a table and read again, are the same universe."""
    told = Universe(tuple(row for row in held.instruments if row.sector))
    rows = [
        dict.fromkeys(COLUMNS, "")
        | {
            "internal_symbol": row.id,
            "stooq_symbol": row.stooq_symbol,
            "yahoo_symbol": row.yahoo_symbol,
            "etoro_search_name": row.etoro_search_name,
            "exchange": row.exchange,
            "currency": row.currency,
            "instrument_type": row.kind,
            "tradable_as_underlying": "yes",
            "valid_from": str(period.first),
            "valid_to": str(period.last or ""),
            "sector": row.sector,
        }
        for row in told.instruments
        for period in reversed(row.periods)
    ]
    text = "\n".join([",".join(COLUMNS), *(",".join(row.values()) for row in rows)])

    assert parse_universe(text, "sp500.csv") == told
    assert len(rows) > len(told.instruments)
    pacific_gas = whole.by_id()["PCG"]
    assert [str(period.last) for period in pacific_gas.periods] == ["2019-01-17", "None"]
    assert not pacific_gas.is_valid_on(date(2020, 6, 30))
    assert whole.by_id()["BRK-B"].is_valid_on(date(2019, 1, 2))


def _day_or_none(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _share(names: Iterable[str], day: date, bars: Mapping[str, set[date]]) -> tuple[int, int, float]:
    """Give how many of some instruments have a bar of a day, of how many, and the share."""
    listed = list(names)
    have = sum(day in bars.get(name, ()) for name in listed)
    return have, len(listed), have / len(listed)


def _qualifies(symbol: str, calendar: Calendar, bars: dict[str, set[date]]) -> bool:
    held = bars.get(symbol, set())
    if not held or max(held) != LAST:
        return False
    wanted = calendar.sessions_between(min(held), LAST)
    return held >= set(wanted) and sum(session < FIRST_REHEARSAL for session in wanted) >= SESSIONS_BEFORE
